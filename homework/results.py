"""The result of grading one submission, and how it is kept, shown, and told."""

from __future__ import annotations

import csv
import functools
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import yaml
from marking import merge_marks
from submissions import page_name

HERE = Path(__file__).resolve().parent
NOT_GRADED = "not graded"
CELL = 32_000  # characters of remarks: a spreadsheet's cell holds 32,767
INTERRUPTED = "interrupted"


@dataclass
class Result:
    """One line of the table: status, remarks, and each question's points and hints.

    A line is true at any time, so that a run may end at any time.
    """

    name: str
    assignment: str = ""
    status: str = NOT_GRADED
    confined: str = ""
    remarks: list[str] = field(default_factory=lambda: [INTERRUPTED])
    looks: list[str] = field(default_factory=list)  # for the teacher alone
    points: dict[str, float] = field(default_factory=dict)
    possible: dict[str, float] = field(default_factory=dict)
    hints: dict[str, list[str]] = field(default_factory=dict)
    shapes: dict[str, tuple[str, int]] = field(default_factory=dict)
    handed_in: float = 0.0  # seconds of the epoch
    seconds: float = 0.0  # that grading took
    days_late: int = 0
    factor: float = 1.0  # of the points that the delay leaves

    @property
    def earned(self) -> float:
        """Points of the tests, less what the delay costs."""
        return round(sum(self.points.values()) * self.factor, 3)


class Done:
    """Results of the runs before, one file for each submission, to go on from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str, print_of: str) -> list[Result]:
        """The results of a submission, if neither it nor the tests have changed."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            kept = json.loads(self._path(name).read_text(encoding="utf-8"))
            if kept["of"] == print_of:
                return [Result(**line) for line in kept["results"]]
        return []

    def write(self, name: str, print_of: str, results: Iterable[Result]) -> None:
        """Keep the results, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {"of": print_of, "results": [asdict(result) for result in results]}
        write_whole(self._path(name), json.dumps(kept))

    def _path(self, name: str) -> Path:
        return self.folder / page_name(name, ".json")


def write_whole(path: Path, text: str) -> None:
    """Write a file whose former text stays until the new one is complete."""
    part = path.with_name(path.name + ".part")
    with part.open(
        "w", newline="", encoding="utf-8", errors="backslashreplace"
    ) as file:
        file.write(text)
    part.replace(path)


@functools.cache  # for each line that is added, the table is written again
def written_questions(assignment: str) -> dict[str, int]:
    """Points of the questions that are marked by hand."""
    source = HERE / f"{assignment.split(',')[0]}.ipynb"
    cells = nbformat.read(source, as_version=4).cells if source.is_file() else []
    configs = [
        yaml.safe_load(c.source)
        for c in cells
        if c.source.startswith("# BEGIN QUESTION")
    ]
    return {c["name"]: c["points"] for c in configs if c.get("manual")}


def columns(results: list[Result]) -> tuple[list[str], list[str]]:
    """Questions with tests, and titles of those that are marked by hand."""
    asked = {question for result in results for question in result.possible}
    graded = sorted({result.assignment for result in results if result.possible})
    stems = {name.split(",")[0] for name in graded}
    # Where the table has several assignments, each also has its own table.
    marked = written_questions(stems.pop()) if len(stems) == 1 else {}
    written = [f"{name} written, of {points}" for name, points in marked.items()]
    return sorted(asked, key=lambda q: (len(q), q)), written  # q10 after q9


def write_table(
    results: list[Result],
    path: Path,
    scale: list[tuple[str, float]],
    marks: Iterable[Mapping[str, str]] = (),
) -> None:
    """grades.csv: points of the tests, and the marks of written questions so far."""
    automatic, written = columns(results)
    header = ["submission", "assignment", "status", "confined", "days late"]
    header += ["points", "possible", *(["grade"] if scale else [])]
    header += [*automatic, *written, "remarks"]
    rows = (_row(result, automatic, written, scale) for result in results)
    lines = [dict(zip(header, map(str, row), strict=True)) for row in rows]
    part = path.with_name(path.name + ".part")
    with part.open(
        "w", newline="", encoding="utf-8", errors="backslashreplace"
    ) as file:
        table = csv.DictWriter(file, [*header[:-1], "written", header[-1]])
        table.writeheader()
        for line in merge_marks(lines, marks):
            table.writerow({key: as_text(cell) for key, cell in line.items()})
    part.replace(path)


def _row(
    result: Result,
    automatic: list[str],
    written: list[str],
    scale: list[tuple[str, float]],
) -> list[Any]:
    of = sum(result.possible.values())
    totals = [f"{result.earned:g}", f"{of:g}"] if of else ["", ""]
    if scale:
        totals.append(graded(result.earned / of, scale) if of else "")
    numbers = [result.points.get(question, "") for question in automatic]
    remarks = [*result.remarks, *(f"to look at: {look}" for look in result.looks)]
    return [
        result.name,
        result.assignment,
        result.status,
        result.confined,
        result.days_late or "",
        *totals,
        *(x if x == "" else f"{x:g}" for x in numbers),
        *("" for _ in written),
        "; ".join(remarks)[:CELL],
    ]


def graded(share: float, scale: list[tuple[str, float]]) -> str:
    """The grade for a share of the points, by a scale with the best grade first."""
    return next((grade for grade, least in scale if 100 * share >= least), "")


def as_text(cell: str) -> str:
    """A text that a spreadsheet shows as it is, and does not take for a formula."""
    return re.sub(r"^(?=\s*[=+@\t\r\n'-])", "'", cell)


def feedback(results: list[Result]) -> str:
    """A page for the student: points and hints, question by question."""
    return "\n\n".join(line for result in results for line in _page(result)) + "\n"


def _page(result: Result) -> Iterable[str]:
    yield f"# {result.assignment or 'Homework'}"
    yield f"Submission: {result.name}"
    yield f"Status: {result.status}."
    if result.days_late:
        yield f"Days late: {result.days_late}, which leave {result.factor:.0%}."
    yield from (f"- {remark}" for remark in result.remarks)
    for question, points in result.points.items():
        yield f"## {question}: {points:g} of {result.possible[question]:g}"
        yield from [f"- {hint}" for hint in result.hints[question]] or [
            "All tests passed."
        ]
