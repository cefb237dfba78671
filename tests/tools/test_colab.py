"""The Colab copies: the cell in front, and that it does what it says, offline."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(
    p.relative_to(ROOT)
    for p in (ROOT / "book").rglob("*.ipynb")
    if "checkpoint" not in str(p)
)


def colab(*options: str | Path) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "tools" / "colab.py", *options]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copies(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("colab")
    made = colab("--repository", "someone/companion", "--ref", "v1.0", folder)
    assert made.returncode == 0, made.stderr
    return folder


def test_every_notebook_has_a_copy_with_one_cell_more_in_front(copies):
    assert sorted(p.relative_to(copies) for p in copies.rglob("*.*")) == NOTEBOOKS
    for path in NOTEBOOKS:
        original, copy = (
            json.loads((folder / path).read_text("utf-8")) for folder in (ROOT, copies)
        )
        first, *others = copy["cells"]
        assert others == original["cells"]
        assert copy["metadata"] == original["metadata"]
        assert "git clone" not in json.dumps(original)
        *_, fetch, install, go = "".join(first["source"]).splitlines()
        assert fetch.endswith(
            "--branch v1.0 https://github.com/someone/companion /content/companion"
        )
        assert install == '%pip install --quiet "/content/companion[book]"'
        assert go == f"%cd -q /content/companion/{path.parent}"


def test_the_cell_fetches_the_book_and_goes_to_the_chapters_folder(copies, tmp_path):
    """With a local repository in place of the remote one, and nothing installed."""
    origin = tmp_path / "origin"
    subprocess.run(["git", "clone", "--quiet", ROOT, origin], check=True)
    subprocess.run(["git", "-C", origin, "tag", "v1.0"], check=True)
    notebook = json.loads(
        (copies / "book" / "papers" / "dual-cavity.ipynb").read_text("utf-8")
    )
    cell = "".join(notebook["cells"][0]["source"]).replace("/content", str(tmp_path))
    cell = cell.replace("https://github.com/someone/companion", f"file://{origin}")
    cell = cell.replace(
        "%pip install", "%pip install --dry-run --no-deps --no-build-isolation"
    )
    code = f"""
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance().run_cell({cell!r}).raise_error()
from qbook.claims import find_ledger
print(find_ledger())
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines()[-1] == str(
        tmp_path / "companion" / "book" / "claims.yml"
    ), run.stderr


@pytest.mark.parametrize("repository", ["companion", "a/b; rm"])
def test_what_is_no_repository_is_refused(repository, tmp_path):
    refused = colab("--repository", repository, "--ref", "main", tmp_path)
    assert refused.returncode == 2
    assert f"must be OWNER/NAME, but is '{repository}'" in refused.stderr


def test_what_is_no_branch_is_refused(tmp_path):
    assert (
        "must be a branch or tag"
        in colab("--repository", "a/b", "--ref", "main; rm", tmp_path).stderr
    )
