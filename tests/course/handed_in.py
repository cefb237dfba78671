"""Shared by the tests of the course: notebooks as students hand them in, and marks."""

import copy
import csv
import os
import subprocess
import sys
import warnings
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOMEWORK = ROOT / "homework"
sys.path.append(str(HOMEWORK))  # last: its `build.py` must not hide a package

with warnings.catch_warnings():  # of the packages that otter-grader imports
    warnings.simplefilter("ignore")
    import otter.test_files  # noqa: F401

import confine  # noqa: E402

NAMES = sorted(path.stem for path in HOMEWORK.glob("[0-9][0-9]-*.ipynb"))
FIRST = "01-ergotropy"
SEEDS = (0, 7)
WRONG = {
    name: yaml.safe_load((ROOT / f"tests/course/wrong_answers/{name}.yml").read_text())
    for name in NAMES
}
GRADED, REMARKS, NOT = "graded", "graded, with remarks", "not graded"


def python(*command: object, code: int = 0, **options: object) -> str:
    run = subprocess.run(
        [sys.executable, *map(str, command)],
        text=True,
        capture_output=True,
        **{"cwd": HOMEWORK} | options,
    )
    assert run.returncode == code, run.stdout[-1000:] + run.stderr[-3000:]
    return run.stdout + run.stderr


def notebook(built: Path, name: str, whose: str = "teachers") -> nbformat.NotebookNode:
    return nbformat.read(built / whose / f"{name}.ipynb", as_version=4)


def table_of(folder: Path) -> dict[str, dict[str, str]]:
    """The lines of the table by submission, each of which has one."""
    path = folder.with_name(folder.name + "-graded") / "grades.csv"
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file, strict=True))
    assert (
        len({line["submission"] for line in lines})
        == len(lines)
        == len(os.listdir(folder))
    )
    return {line["submission"]: line for line in lines}


def grade(built: Path, folder: Path, *options: object) -> str:
    """Run the grader, confined where the machine can do it."""
    openly = [] if confine.how() else ["--unconfined"]
    return python("grade.py", folder, "--built", built, *openly, *options)


def marks(built: Path, folder: Path, *options: object) -> dict[str, dict[str, str]]:
    """Grade a folder as `make grade` does: the lines of the table by submission."""
    grade(built, folder, *options)
    graded = folder.with_name(folder.name + "-graded")
    table = table_of(folder)
    assert sorted(table) == sorted(entry.name for entry in folder.iterdir())
    for name, line in table.items():
        page = (graded / "feedback" / f"{name}.md").read_text(encoding="utf-8")
        remarks = line["remarks"].partition("to look at: ")[0].removesuffix("; ")
        assert all(remark in page for remark in remarks.split("; "))
    return table


def edited(
    source: nbformat.NotebookNode, replace: dict[str, str]
) -> nbformat.NotebookNode:
    """The notebook with some of its code replaced, each piece exactly once."""
    made = copy.deepcopy(source)
    for old, new in replace.items():
        (cell,) = (
            cell
            for cell in made.cells
            if cell.cell_type == "code" and old in cell.source
        )
        assert cell.source.count(old) == 1
        cell.source = cell.source.replace(old, new)
    return made


def add(
    source: nbformat.NotebookNode, code: str, after: str = ""
) -> nbformat.NotebookNode:
    """The notebook with one more cell, at its end or after the one with the text."""
    made = copy.deepcopy(source)
    places = [k for k, cell in enumerate(made.cells) if after in cell.source]
    made.cells.insert(places[-1] + 1, nbformat.v4.new_code_cell(code))
    return made


def without(source: nbformat.NotebookNode, text: str) -> nbformat.NotebookNode:
    made = copy.deepcopy(source)
    made.cells = [cell for cell in made.cells if text not in cell.source]
    return made
