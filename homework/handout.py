"""Additions of the build: rules, pinned versions, the students' package.

The package holds all that a student needs besides the notebooks: `check.py`, which
gives the grader's verdict on the public tests, `qbcore`, and the versions that the
grader has. It contains neither a notebook nor a solution.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
import yaml
from confine import MEMORY, PROCESSES
from verdict import forbidden

HERE = Path(__file__).resolve().parent
TIME_LIMIT = 300  # seconds for one submission, unless the teacher says otherwise
CHECKER = (
    "answers.py",
    "assigned.py",
    "confine.py",
    "kernel.py",
    "rules.yml",
    "screen.py",
    "submissions.py",
    "verdict.py",
)
STUDENTS_INSTALL = (
    *("dill", "ipywidgets", "jupyterlab", "jupytext", "matplotlib", "numpy"),
    *("otter-grader", "psutil", "pyyaml", "qutip", "scipy", "tqdm"),
)
README = """\
# Before you hand in

    python3 -m venv .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/jupyter lab

Put the notebooks of the assignments into this folder. When you have finished one,

    .venv/bin/python check.py 01-ergotropy.ipynb

runs it from top to bottom as the grader does, and says what the grader will say to its
public tests. On Windows it is `.venv\\Scripts\\python`, and `check.py` needs WSL.
"""


def rules_cell(name: str) -> nbformat.NotebookNode:
    """The rules that the grader keeps, as a text cell of an assignment."""
    rules: dict[str, list[str]] = {}
    for question, packages in forbidden(name).items():
        named = " and ".join(f"`{package}`" for package in packages)
        rules.setdefault(named, []).append(question.removeprefix("q"))
    said = [
        "**Rules and limits.** The grader runs your notebook again from top to bottom, "
        "where there is no network and no other file, "
        f"with {MEMORY >> 30} GB of memory, at most {PROCESSES} processes and threads, "
        f"{TIME_LIMIT} s for all cells and tests together, and a fifth of that for one "
        "cell or one call of a function."
    ]
    for named, questions in rules.items():
        many = f"s {', '.join(questions[:-1])} and" if len(questions) > 1 else ""
        said.append(
            f"Question{many} {questions[-1]}: without {named}. An answer that calls it "
            "gets no points from the tests of its question, whether its result is "
            "right or not."
        )
    said.append(
        "A cell that reaches for files, processes or the grader costs nothing by "
        "itself, but your teacher is shown it. Lists count as arrays, and an array of "
        f"one as a number. `python check.py {name}.ipynb` in the students' package "
        "tells you before you hand in what the grader will say to the public tests."
    )
    return nbformat.v4.new_markdown_cell("\n\n".join(said), id="rules-and-limits")


def add_rules(notebook: nbformat.NotebookNode, name: str) -> None:
    """Put the rules after the first text of an assignment."""
    first = next(
        number
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown"
    )
    notebook.cells.insert(first + 1, rules_cell(name))


def add_numbers(
    archive: Path, notebook: nbformat.NotebookNode, names: Iterable[str]
) -> None:
    """Note the numbers of a seed, by which a notebook without metadata is known."""
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    set_there = dict(re.findall(r"^([A-Z][A-Z_0-9]{2,}) = ([^#\n]+)", code, re.M))
    numbers = {name: set_there[name].strip() for name in names}
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("numbers.json", json.dumps(numbers))


def pinned(packages: Iterable[str]) -> list[str]:
    """The packages with the versions that the course was tried with."""
    # Those of the grader, and of the book, which agree; each on a line with hashes.
    files = (HERE.parent / "constraints.txt", HERE / "constraints.txt")
    pins = "\n".join(file.read_text(encoding="utf-8") for file in files)
    versions = dict(re.findall(r"^(\S+)==(\S+)", pins, re.M))
    folded = {_folded(name): version for name, version in versions.items()}
    return [f"{name}=={folded[_folded(name)]}" for name in packages]


def _folded(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def write_config(path: Path) -> None:
    """otter.yml with versions: another machine must compute the same."""
    config: dict[str, Any] = yaml.safe_load((HERE / "otter.yml").read_text("utf-8"))
    config["requirements"] = pinned(config["requirements"])
    path.write_text(yaml.safe_dump(config), encoding="utf-8")


def write_package(out: Path) -> None:
    """``students/package.zip``: all that students need besides the notebooks."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out / "package.zip", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("README.md", README)
        package.writestr("requirements.txt", "\n".join(pinned(STUDENTS_INSTALL)) + "\n")
        package.write(HERE / "check.py", "check.py")
        for name in CHECKER:
            package.write(HERE / name, f"grading/{name}")
        core = HERE.parent / "qbcore"
        for path in sorted(core.rglob("*")):
            if path.suffix in (".py", ".typed"):
                package.write(path, f"qbcore/{path.relative_to(core).as_posix()}")


def copy_core(folder: Path) -> None:
    """Copy qbcore next to the source: no index has it to install from."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE.parent / "qbcore", folder / "qbcore", ignore=ignore)
