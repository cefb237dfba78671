"""An assignment as its source notebook has it: questions, solutions, tests, rubrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import yaml
from parameters import PUBLISHED, choose, write_numbers

HERE = Path(__file__).resolve().parent
RUBRIC = re.compile(r"\*\*Rubric \((\d+)\)\.\*\*\s*(.*)", re.DOTALL)
ITEM = re.compile(r"(?:^| )(\d+): (.*?)(?= \d+: |$)")
CALL = re.compile(r"^(test_\w+)\((.*)\)$", re.MULTILINE)


@dataclass(frozen=True)
class Test:
    """A test of a question: its function, what it is worth, whether students see it."""

    __test__ = False  # is a class of the course, not one for pytest

    name: str
    arguments: tuple[str, ...]
    source: str
    points: float
    hidden: bool


@dataclass
class Question:
    """A question with all that the source says of it."""

    name: str
    points: float
    written: bool
    text: str = ""
    code: list[str] = field(default_factory=list)  # of the solution
    answer: str = ""  # the solution's text, rubric included
    tests: list[Test] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The text of the heading after the number."""
        heading = re.search(r"^## Question \d+: (.*)$", self.text, re.MULTILINE)
        assert heading is not None
        return heading[1]

    @property
    def rubric(self) -> list[tuple[int, str]]:
        """Points and sentence of each item, empty without a rubric."""
        found = RUBRIC.search(self.answer)
        items = ITEM.findall(" ".join(found[2].split())) if found else []
        return [(int(points), said) for points, said in items]

    @property
    def functions(self) -> list[str]:
        """Names of the functions to fill in."""
        return re.findall(r"^def (\w+)", "\n".join(self.code), re.MULTILINE)


@dataclass
class Assignment:
    """A whole assignment, with the numbers of a seed."""

    name: str
    title: str
    setup: list[str]  # code cells that belong to no question
    intro: str  # text cells that belong to no question
    questions: list[Question]

    def points(self, *, written: bool) -> float:
        """Sum over the written or over the tested questions."""
        return sum(q.points for q in self.questions if q.written == written)


def sources() -> dict[str, Path]:
    """The source notebooks by name."""
    return {path.stem: path for path in sorted(HERE.glob("[0-9][0-9]-*.ipynb"))}


def read(path: Path, seed: int | str = PUBLISHED) -> Assignment:
    """Read a source notebook with the numbers of a seed."""
    notebook = nbformat.read(path, as_version=4)
    write_numbers(notebook, choose(notebook, path.stem, seed))
    outside: dict[str, list[str]] = {"code": [], "markdown": []}
    questions: list[Question] = []
    part = ""
    for cell in notebook.cells:
        if cell.cell_type == "raw":
            part = _part_after(cell.source, part, questions)
        elif not part:
            outside[cell.cell_type].append(cell.source)
        else:
            _add(questions[-1], part, cell)
    title = re.search(r"^# Assignment \d+: (.*)$", outside["markdown"][0], re.MULTILINE)
    assert title is not None
    intro = "\n\n".join(outside["markdown"])
    return Assignment(path.stem, title[1], outside["code"], intro, questions)


def read_all(seed: int | str = PUBLISHED) -> Iterator[Assignment]:
    """Read the assignments of this folder in their order."""
    return (read(path, seed) for path in sources().values())


def _part_after(marker: str, part: str, questions: list[Question]) -> str:
    """The part that a raw cell opens: question, solution, tests, or none."""
    first, _, rest = marker.partition("\n")
    if first == "# BEGIN QUESTION":
        said = yaml.safe_load(rest)
        written = bool(said.get("manual"))
        questions.append(Question(said["name"], said["points"], written))
        return "text"
    after = {
        "# BEGIN SOLUTION": "solution",
        "# BEGIN TESTS": "tests",
        "# END SOLUTION": "text",
        "# END TESTS": "text",
        "# END QUESTION": "",
    }
    return after.get(first, part)


def _add(question: Question, part: str, cell: nbformat.NotebookNode) -> None:
    is_code = cell.cell_type == "code"
    if part == "tests":
        question.tests.append(_test(cell.source))
    elif part == "text":
        question.text += cell.source
    elif is_code:
        question.code.append(cell.source)
    else:
        question.answer += "\n\n" * bool(question.answer) + cell.source


def _test(source: str) -> Test:
    config = re.search(r'""" # BEGIN TEST CONFIG\n(.*?)"""', source, re.DOTALL)
    call = CALL.search(source)
    assert config is not None
    assert call is not None
    said = yaml.safe_load(config[1])
    arguments = tuple(part.strip() for part in call[2].split(","))
    code = CALL.sub("", source.replace(config[0], ""))
    return Test(call[1], arguments, code, said["points"], bool(said.get("hidden")))
