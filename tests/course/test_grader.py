"""Grading: whatever is handed in gets its line, and costs no other submission."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import pytest
from handed_in import (
    FIRST,
    GRADED,
    HOMEWORK,
    NAMES,
    NOT,
    REMARKS,
    ROOT,
    add,
    edited,
    grade,
    marks,
    notebook,
    python,
    table_of,
    without,
)

# One worker grades the large folders once.
pytestmark = pytest.mark.xdist_group("grader")

STUBBORN = """
def best_gate(rho, H):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
SOLVED = 19  # points of the first assignment
# Changes of the solution, and the result of each: status, points, a part of the
# remark.
CASES: dict[str, tuple[Callable, str, float, str]] = {
    "syntax error": (
        lambda nb: edited(
            nb, {"return (1 - np.exp(-beta * gap)) / 2": "return (1 - ("}
        ),
        REMARKS,
        15,
        "SyntaxError",
    ),
    "exception": (
        lambda nb: add(nb, "1 / 0", "GAP_A ="),
        REMARKS,
        19,
        "ZeroDivisionError",
    ),
    "long sum": (
        lambda nb: add(nb, "1" + " + 1" * 3000),
        REMARKS,
        19,
        "RecursionError",
    ),
    "endless cell": (
        lambda nb: add(nb, "while True:\n    pass"),
        REMARKS,
        19,
        "took too long",
    ),
    "endless answer": (
        lambda nb: add(nb, STUBBORN),
        REMARKS,
        15,
        "best_gate is defined in cells",
    ),
    "deleted cell": (
        lambda nb: without(nb, "def locked_work"),
        REMARKS,
        15,
        "no locked_work: is its cell",
    ),
    "deleted checks": (lambda nb: without(nb, "grader"), GRADED, 19, ""),
    "duplicated cell": (
        lambda nb: add(
            nb, next(c.source for c in nb.cells if "def copies_needed" in c.source)
        ),
        REMARKS,
        19,
        "copies_needed is defined in cells",
    ),
    "overwritten parameters": (
        lambda nb: add(nb, "GAP_A = GAP_B = COLD = TOP = sum = 0"),
        GRADED,
        16,
        "",
    ),
    "checks inside": (
        lambda nb: add(nb, '%matplotlib inline\ngrader.check("q2")'),
        GRADED,
        19,
        "",
    ),
    "ends the process": (
        lambda nb: add(nb, "import os\nos._exit(0)"),
        REMARKS,
        19,
        "the kernel died",
    ),
    "prints a terminal's commands": (
        lambda nb: add(nb, 'raise ValueError("\\ud800\\x1b[2J")'),
        REMARKS,
        19,
        "ValueError: ??[2J",
    ),
    # Honest students write this, too: nothing is held back for it.
    "honest idioms": (
        lambda nb: add(
            nb,
            "from qutip import *\nimport copy, sys, os\n"
            "from IPython.display import Markdown, display\n"
            "display(Markdown('text'))\nprint(best_gate.__name__)\n"
            "fig, ax = plt.subplots()\nfig.savefig('figure.png')\n"
            "np.savetxt('numbers.txt', [1.0])\nnp.loadtxt('numbers.txt')\n"
            "from dataclasses import dataclass\n@dataclass\nclass Battery:\n"
            "    system: int = 1\nbattery = Battery()\nbattery.system\n"
            "%time sum(range(10))\nexit()",
        ),
        GRADED,
        19,
        "",
    ),
}


@pytest.fixture(scope="session")
def odd(built, tmp_path_factory) -> dict[str, dict[str, str]]:
    """The table of a folder in which everything has gone wrong that can."""
    folder = tmp_path_factory.mktemp("odd") / "handed-in"
    folder.mkdir()
    solved = notebook(built[0], FIRST)
    for name, (change, *_) in CASES.items():
        nbformat.write(change(solved), folder / f"{name}.ipynb")
    for name in ("nothing", "only junk"):
        (folder / name).mkdir()
    (folder / "only junk" / "._x.ipynb").write_bytes(b"\0\5\26\7")
    (folder / "broken.ipynb").write_text('{"cells": [')
    (folder / "list.ipynb").write_text("[]")
    (folder / "empty.ipynb").touch()
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 no")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7")
    shutil.copy(built[7] / "teachers" / f"{FIRST}.ipynb", folder / "other seed.ipynb")
    return marks(built[0], folder, "--time-limit", 40)


@pytest.mark.parametrize("name", CASES)
def test_whatever_is_done_gets_a_clear_line(odd, name):
    _, status, points, remark = CASES[name]
    line = odd[f"{name}.ipynb"]
    assert line["status"] == status
    assert float(line["points"]) == points
    assert remark in line["remarks"]
    assert bool(remark) == bool(line["remarks"].partition("to look at")[0])


@pytest.mark.parametrize(
    ("entry", "remark"),
    [
        ("nothing", "no notebook in it, one is needed"),
        ("only junk", "no notebook in it, one is needed"),
        ("broken.ipynb", "not a notebook that can be read (JSONDecodeError)"),
        ("list.ipynb", "not a notebook that can be read"),
        ("empty.ipynb", "not a notebook that can be read"),
        ("broken.zip", "not an archive that can be read (ReadError)"),
        ("report.pdf", "neither a notebook (.ipynb) nor a zip or folder with one"),
        ("other seed.ipynb", f"this is {FIRST}, seed 7; built here: {FIRST}, seed 0"),
    ],
)
def test_what_cannot_be_graded_says_why(odd, entry, remark):
    assert odd[entry]["status"] == NOT
    assert odd[entry]["points"] == ""
    assert remark in odd[entry]["remarks"]


# --- entries that no reader expects ---


def write(path: Path, source: dict) -> None:
    path.write_text(json.dumps(source))


def zip_bomb(path: Path) -> None:
    """100 MB in a tenth of a megabyte; the zip says that they are 1000 bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("homework.ipynb", bytes(100_000_000))
    content = bytearray(path.read_bytes())
    local, central = content.index(b"PK\x03\x04"), content.rindex(b"PK\x01\x02")
    content[local + 22 : local + 26] = content[central + 24 : central + 28] = (
        1000
    ).to_bytes(4, "little")
    path.write_bytes(content)


def loop(path: Path) -> None:
    path.mkdir()
    (path / "again").symlink_to(path)


def link_in(path: Path) -> None:
    path.mkdir()
    (path / "homework.ipynb").symlink_to("../zoë.ipynb")


def pipe_in(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "homework.ipynb")


def sparse(path: Path) -> None:
    """A terabyte that takes no room."""
    path.touch()
    os.truncate(path, 10**12)


def locked_zip(path: Path) -> None:
    """A zip whose entry says that it is encrypted."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("homework.ipynb", "{}")
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


UNREADABLE = "not a notebook that can be read"
NEITHER = "neither a notebook"
# Each is made at a path, from the solution; what the remark says.
ODD: dict[str, tuple[Callable[[Path, dict], object], str]] = {
    "deep.ipynb": (lambda p, nb: p.write_text("[" * 100_000), UNREADABLE),
    "cells.ipynb": (lambda p, nb: write(p, {"cells": "none"}), "no cells"),
    "dangling.ipynb": (lambda p, nb: p.symlink_to("nowhere"), "a link"),
    "itself.ipynb": (lambda p, nb: p.symlink_to(p), "a link"),
    "borrowed.ipynb": (lambda p, nb: p.symlink_to("zoë.ipynb"), "a link"),
    "borrowed": (lambda p, nb: link_in(p), "a link"),
    "pipe.ipynb": (lambda p, nb: os.mkfifo(p), "a pipe or a device"),
    "pipe.zip": (lambda p, nb: os.mkfifo(p), "a pipe or a device"),
    "pipe inside": (lambda p, nb: pipe_in(p), "a pipe or a device"),
    "device.ipynb": (lambda p, nb: p.symlink_to("/dev/zero"), "a link"),
    "folder.ipynb": (lambda p, nb: p.mkdir(), "no notebook in it"),
    "loop": (lambda p, nb: loop(p), "no notebook in it"),
    "bomb.zip": (lambda p, nb: zip_bomb(p), "not an archive that can be read"),
    "locked.zip": (lambda p, nb: locked_zip(p), "needs a password"),
    "large.ipynb": (lambda p, nb: sparse(p), "larger than 50 MB"),
    "archive.rar": (lambda p, nb: p.write_bytes(b"Rar!"), "use zip"),
    "two\nlines\t.txt": (lambda p, nb: p.touch(), NEITHER),
    "=1+1.txt": (lambda p, nb: p.touch(), NEITHER),
    "'=1+1.txt": (lambda p, nb: p.touch(), NEITHER),
    " =1+1.txt": (lambda p, nb: p.touch(), NEITHER),
    "\\x09.txt": (lambda p, nb: p.touch(), NEITHER),
    "\t.txt": (lambda p, nb: p.touch(), NEITHER),
    "\t=1+1.txt": (lambda p, nb: p.touch(), NEITHER),
    "x" * 251 + ".txt": (lambda p, nb: p.touch(), NEITHER),
    "x" * 250 + "y.txt": (lambda p, nb: p.touch(), NEITHER),
    "\udcff" * 255: (lambda p, nb: p.touch(), NEITHER),
}
# A byte that is not UTF-8, as a zip from an old system leaves it
LATIN = "M\udcfcller.ipynb"


def in_table(name: str) -> str:
    """The name as the table has it: what cannot be printed as a shell writes it."""
    hexed = {c: "".join(f"\\x{byte:02x}" for byte in os.fsencode(c)) for c in name}
    text = "".join(c if c.isprintable() and c != "\\" else hexed[c] for c in name)
    return "'" + text if text.lstrip()[0] in "='" else text


@pytest.fixture(scope="session")
def strange(built, tmp_path_factory) -> tuple[Path, dict[str, dict[str, str]]]:
    """A folder of odd entries with three good submissions, and its table."""
    folder = tmp_path_factory.mktemp("strange") / "handed-in"
    folder.mkdir()
    solution = json.loads(
        (built[0] / "teachers" / f"{FIRST}.ipynb").read_text(encoding="utf-8")
    )
    for name, (make, _) in ODD.items():
        make(folder / name, solution)
    for name in ("zoë.ipynb", LATIN, "z" * 249 + ".ipynb"):
        write(folder / name, solution)
    grade(built[0], folder)
    return folder, table_of(folder)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_entry_costs_its_own_line_only(strange, name):
    line = strange[1][in_table(name)]
    assert (line["status"], line["points"]) == (NOT, "")
    assert ODD[name][1] in line["remarks"]
    assert len(line["remarks"]) < 1000


@pytest.mark.parametrize("name", ["zoë.ipynb", LATIN, "z" * 249 + ".ipynb"])
def test_good_submissions_beside_odd_ones_are_graded(strange, name):
    line = strange[1][in_table(name)]
    assert (line["status"], float(line["points"])) == (GRADED, SOLVED)


def test_every_entry_has_a_page_of_its_own(strange):
    folder, table = strange
    pages = list((folder.parent / "handed-in-graded" / "feedback").iterdir())
    told = [
        re.search("^Submission: (.*)$", page.read_text(encoding="utf-8"), re.M)[1]
        for page in pages
    ]
    assert sorted(told) == sorted(re.sub("^'(?= *[='])", "", name) for name in table)
    assert max(len(os.fsencode(page.name)) for page in pages) <= 255


def test_the_table_does_without_feedback(built, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "report.pdf").touch()
    (tmp_path / "handed-in-graded").mkdir()
    (tmp_path / "handed-in-graded" / "feedback").touch()
    grade(built[0], folder)
    assert "feedback was not written" in table_of(folder)["report.pdf"]["remarks"]


# --- runs that end early, and those that go on ---


def running_in(folder):
    """The processes whose working folder lies in this one."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process.pid)
    return found


@pytest.fixture
def scratch():
    """Where kernels run: a short path, for sockets lie in it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_stopped_goes_on_where_it_was(built, tmp_path, scratch, how):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "report.pdf").touch()
    solved = notebook(built[0], FIRST)
    nbformat.write(solved, folder / "solved.ipynb")
    for k in range(3):
        nbformat.write(
            add(solved, "while True:\n    pass"), folder / f"z endless {k}.ipynb"
        )
    # An endless cell is stopped after a fifth of the limit, long after this test.
    command = [sys.executable, "grade.py", folder, "--built", built[0]]
    command += ["--time-limit", "3600", "--unconfined"]
    with subprocess.Popen(
        command,
        cwd=HOMEWORK,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        for line in run.stdout:
            if line == "solved.ipynb: graded\n":
                break
        time.sleep(0.5)  # to write it down
        os.killpg(run.pid, how)
        assert run.wait(30) == {signal.SIGINT: 130, signal.SIGKILL: -9}[how]
    end = time.monotonic() + 30
    while running_in(scratch) and time.monotonic() < end:
        time.sleep(0.1)
    assert not running_in(scratch)
    table = table_of(folder)
    assert table["solved.ipynb"]["points"] == "19"
    for k in range(3):
        line = table[f"z endless {k}.ipynb"]
        assert (line["status"], line["remarks"]) == (NOT, "interrupted")
        (folder / f"z endless {k}.ipynb").unlink()
    nbformat.write(add(solved, "1 / 0"), folder / "new.ipynb")
    said = python(*command[1:])
    assert "solved.ipynb: graded (from the run before)" in said
    assert table_of(folder)["new.ipynb"]["points"] == "19"
    # A submission that was handed in again is graded again.
    nbformat.write(without(solved, "def locked_work"), folder / "solved.ipynb")
    assert "(from the run before)" in python(*command[1:])
    assert table_of(folder)["solved.ipynb"]["points"] == "15"


def test_two_assignments_in_one_folder_are_both_graded(built, tmp_path):
    folder = tmp_path / "handed-in"
    (folder / "both").mkdir(parents=True)
    for name in NAMES[:2]:
        shutil.copy(built[0] / "teachers" / f"{name}.ipynb", folder / "both")
        shutil.copy(built[0] / "students" / f"{name}.ipynb", folder)
    grade(built[0], folder)
    text = (tmp_path / "handed-in-graded" / "grades.csv").read_text()
    lines = [line.split(",") for line in text.splitlines()[1:]]
    found = sorted((line[0], line[1].strip('"'), line[3]) for line in lines)
    first, second = NAMES[:2]
    assert found == [
        (f"{first}.ipynb", first, GRADED),
        (f"{second}.ipynb", second, GRADED),
        ("both", first, GRADED),
        ("both", second, GRADED),
    ]
    for name in NAMES[:2]:
        own = (tmp_path / "handed-in-graded" / f"grades-{name}.csv").read_text()
        assert len(own.splitlines()) == 3
        assert "written, of" in own.splitlines()[0]
    page = (tmp_path / "handed-in-graded" / "feedback" / "both.md").read_text()
    assert all(f"# {name}, seed 0" in page for name in NAMES[:2])


# --- what the grader asks for ---


def test_grading_asks_for_a_folder():
    assert "make grade SUBMISSIONS=folder" in python("grade.py", "", code=2)
    assert "is the course itself" in python("grade.py", ROOT, code=2)
    for target in ("grade", "grade-in-container"):
        run = subprocess.run(
            ["make", "--no-print-directory", target],
            cwd=ROOT,
            text=True,
            capture_output=True,
            check=False,
        )
        assert run.returncode == 2
        assert (
            run.stdout == "Say which folder to grade: make grade SUBMISSIONS=folder\n"
        )


def test_grading_needs_something_to_grade_with(tmp_path):
    command = ("grade.py", tmp_path, "--built", tmp_path, "--unconfined")
    assert "run `make homework` first" in python(*command, code=2)


def test_students_code_gets_ones_rights_only_if_one_says_so(built, tmp_path):
    nothing = os.environ | {"PATH": str(tmp_path)}
    folder = tmp_path / "handed-in"
    folder.mkdir()
    shutil.copy(built[0] / "students" / f"{FIRST}.ipynb", folder)
    command = ("grade.py", folder, "--built", built[0])
    said = python(*command, code=2, env=nothing)
    assert "bubblewrap is not there" in said
    assert "grade-in-container" in said
    python(*command, "--unconfined", env=nothing)
    assert table_of(folder)[f"{FIRST}.ipynb"]["confined"] == "no"


def test_the_container_is_made_of_files_that_exist():
    recipe = (HOMEWORK / "Containerfile").read_text()
    copied = re.findall(r"^COPY (.+) \S+$", recipe, re.M)
    assert all((ROOT / name).exists() for line in copied for name in line.split())
    assert "bubblewrap" in recipe


def test_the_grader_installs_only_the_grader(tmp_path):
    (tmp_path / "homework").mkdir()
    for name in ("Makefile", "pyproject.toml", "homework/constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    run = subprocess.run(
        ["make", "--dry-run", "homework"], cwd=tmp_path, text=True, capture_output=True
    )
    installed = re.findall(r"pip install .*", run.stdout)
    assert len(installed) == 1
    assert re.findall(r"-[re] \S+", installed[0]) == [
        "-r homework/constraints.txt",
        "-e .",
    ]
