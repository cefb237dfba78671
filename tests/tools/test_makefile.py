"""The rules of the Makefile, run in an empty folder with commands that only pretend."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import early_paint
import pytest
import yaml

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"
SITE = "_build/html/index.html"
MATHJAX = "book/_static/vendor/mathjax/startup.js"
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="!!! no make")


@pytest.fixture
def folder(tmp_path):
    """A book that is installed, with MathJax and a site."""
    shutil.copy(MAKEFILE, tmp_path)
    pins = ("constraints.txt", "homework/constraints.txt")
    for name in (*pins, "requirements.txt", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in (MATHJAX, SITE, ".venv/installed"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old")
    return tmp_path


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def make(folder, *arguments):
    # A `make` around the tests would speak through this one.
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in outer},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


NEW_SITE = "mkdir -p _build/html && echo new > _build/html/index.html"
OLD_PYTHON = '[ "$1" = --version ] && echo Python 3.9.2; [ "$1" != -c ]'
# Pretends to be Python 3.11: makes a folder, installs nothing.
PYTHON = """if [ "$2" = venv ]; then
    echo "$@" >> made; rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python
fi"""


# Debian's Python without python3-venv, but with pip.
NO_ENSUREPIP = """echo "$@" >> made
case "$*" in
    "-m venv --clear .venv") mkdir -p .venv/bin; exit 1;;
    "-m venv --clear --without-pip .venv") cp "$0" .venv/bin/python;;
esac"""
NO_PIP = """case "$*" in *"import pip"*) exit 1;; esac"""


def builder(folder, text, assets="exit 0"):
    """Commands that write the site, and lay Python for its pages before."""
    script(folder / ".venv/bin/jupyter-book", text)
    script(folder / ".venv/bin/python", assets)


def test_an_old_python_is_named_before_anything_is_made(folder):
    shutil.rmtree(folder / ".venv")
    old = script(folder / "old", OLD_PYTHON)
    found = make(folder, "book", f"PYTHON={old}")
    assert found.returncode != 0
    says = f"The book needs Python 3.11 or newer, but {old} is Python 3.9.2"
    assert found.stdout.splitlines()[0].startswith(says)
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize("left", ["old", "broken", "none", "without pip"])
def test_what_another_python_left_does_not_spoil_the_retry(folder, left):
    (folder / ".venv/installed").unlink()
    if left == "old":
        script(folder / ".venv/bin/python", OLD_PYTHON)
    if left == "without pip":
        script(folder / ".venv/bin/python", NO_PIP)
    if left == "broken":
        (folder / ".venv/bin").mkdir()
        (folder / ".venv/bin/python").symlink_to("/no/such/python")
    new = script(folder / "new", PYTHON)
    found = make(folder, ".venv/installed", f"PYTHON={new}")
    assert found.returncode == 0, found.stderr
    assert (folder / "made").read_text() == "-m venv --clear .venv\n"
    assert (folder / ".venv/installed").exists()
    # An environment that it made itself is kept the next time.
    (folder / ".venv/installed").unlink()
    assert make(folder, ".venv/installed", f"PYTHON={new}").returncode == 0
    assert (folder / "made").read_text() == "-m venv --clear .venv\n"


def test_a_python_without_ensurepip_gets_pip_from_its_own(folder):
    shutil.rmtree(folder / ".venv")
    new = script(folder / "new", NO_ENSUREPIP)
    found = make(folder, ".venv/installed", f"PYTHON={new}")
    assert found.returncode == 0, found.stderr
    said = (folder / "made").read_text().splitlines()
    assert "-m venv --clear --without-pip .venv" in said
    assert "-m pip --python .venv/bin/python install --quiet pip" in said


def test_a_python_that_cannot_make_environments_is_told_so(folder):
    shutil.rmtree(folder / ".venv")
    new = script(folder / "new", '[ "$1" = -c ]')
    found = make(folder, ".venv/installed", f"PYTHON={new}")
    assert found.returncode != 0
    assert "On Debian or Ubuntu: apt install python3-venv" in found.stdout


def test_a_new_site_takes_the_place_of_the_old_one(folder):
    builder(folder, NEW_SITE)
    assert make(folder, "site").returncode == 0
    assert (folder / SITE).read_text() == "new\n"
    assert [path.name for path in (folder / "_build").iterdir()] == ["html"]


def test_a_build_that_fails_leaves_what_it_wrote(folder):
    builder(folder, f"{NEW_SITE}; exit 3")
    assert make(folder, "site").returncode != 0
    assert (folder / SITE).read_text() == "new\n"


def test_python_for_the_pages_with_a_wrong_hash_ends_the_build(folder):
    builder(folder, NEW_SITE, 'echo "$@" > asked; exit 1')
    assert make(folder, "site").returncode != 0
    assert (folder / "asked").read_text() == "tools/pyodide_assets.py\n"
    assert (folder / SITE).read_text() == "old"


def test_ctrl_c_leaves_the_old_site(folder):
    builder(folder, f"{NEW_SITE}; touch begun; exec sleep 30")
    process = subprocess.Popen(["make", "site"], cwd=folder, start_new_session=True)
    while not (folder / "begun").exists():
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) != 0
    assert (folder / SITE).read_text() == "old"
    assert [path.name for path in (folder / "_build").iterdir()] == ["html"]


def test_of_mathjax_only_what_is_named_stays(folder):
    makefile = (folder / "Makefile").read_text().replace("\\\n", "")
    parts = re.search("^MATHJAX_PARTS := (.*)$", makefile, flags=re.M)[1].split()
    (folder / MATHJAX).unlink()
    # npm packs MathJax, and its font apart from it, each as a folder `package`.
    files = " ".join(f"package/{name}" for name in [*parts, "startup.js", "more.js"])
    script(
        folder / ".venv/bin/npm",
        f"for f in {files}; do mkdir -p $(dirname $f); echo new > $f; done\n"
        "tar -czf .venv/mathjax/mathjax-4.0.0.tgz package && rm -r package\n"
        "mkdir -p package/chtml/woff2 && touch package/chtml/woff2/a.woff2\n"
        "echo font > package/chtml.js && touch package/svg.js\n"
        "tar -czf .venv/mathjax/mathjax-mathjax-tex-font-4.0.0.tgz package",
    )
    assert make(folder, MATHJAX).returncode == 0
    root = (folder / MATHJAX).parent
    found = {str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()}
    font = {"tex-font/chtml.js", "tex-font/chtml/woff2/a.woff2"}
    assert found == {*parts, "startup.js", *font}
    assert (folder / MATHJAX).read_text() == "new\n"
    assert not (folder / ".venv/mathjax").exists()


def test_the_site_asks_for_the_parts_of_mathjax_that_make_fetches():
    makefile = MAKEFILE.read_text(encoding="utf-8").replace("\\\n", "")
    parts = re.search("^MATHJAX_PARTS := (.*)$", makefile, flags=re.M)[1].split()
    book = yaml.safe_load(MAKEFILE.with_name("_config.yml").read_text(encoding="utf-8"))
    loaded = book["sphinx"]["config"]["mathjax3_config"]["loader"]["load"]
    files = {f"{n.replace('[tex]', 'input/tex/extensions')}.js" for n in loaded}
    assert files == set(parts)
    assert {*parts, "tex-font/chtml.js"} == set(early_paint.PARTS)
