"""Grade a folder of notebooks: a table, and a page of feedback for each.

    python homework/grade.py folder
        [--trust] [--time-limit 300] [--built _build/homework]

Beside the folder appears ``<folder>-graded`` with grades.csv and feedback/. See
README.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import resource
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import yaml
from answers import Answers, in_words
from apart import each
from otter.test_files.exception_test import ExceptionTestFile
from screen import defined_twice, reasons_to_look
from submissions import (
    Refused,
    assignment_of,
    entries,
    page_name,
    printable,
    read_notebook,
)

HERE = Path(__file__).resolve().parent
HELD_BACK = "held back"
NOT_GRADED = "not graded"
MEMORY = 4 << 30  # bytes that reading one submission may take
CELL = 32_000  # characters of remarks: a spreadsheet's cell holds 32,767


@dataclass
class Result:
    """One line of the table: status, remarks, and each question's points and hints.

    A line is true at any time, so that a run may end at any time.
    """

    name: str
    assignment: str = ""
    status: str = NOT_GRADED
    remarks: list[str] = field(default_factory=lambda: ["interrupted"])
    points: dict[str, float] = field(default_factory=dict)
    possible: dict[str, float] = field(default_factory=dict)
    hints: dict[str, list[str]] = field(default_factory=dict)
    notebook: nbformat.NotebookNode | None = None  # what is still to be graded


class Tests(ExceptionTestFile):
    """The tests of one question; a failure says what the test says, without quoting."""

    def _generate_error_message(self, excp: Exception, context: int = 0) -> str:
        said = in_words(excp)
        return said + " (does the function return its result?)" * ("NoneType" in said)


def read_archives(built: Path) -> dict[str, list[tuple[str, str]]]:
    """Name and source of each test file, by assignment, from the archives."""
    archives = {}
    for path in sorted(built.glob("teachers/*-autograder.zip")):
        with zipfile.ZipFile(path) as archive:
            name = json.loads(archive.read("otter_config.json"))["assignment_name"]
            tests = sorted(n for n in archive.namelist() if n.startswith("tests/"))
            archives[name] = [(n, archive.read(n).decode()) for n in tests]
    return archives


def prepare(result: Result, entry: Path, known: list[str], trust: bool) -> Result:
    """Read a submission, and refuse it or hold it back if there is a reason."""
    with suppress(ValueError, OSError):  # not every system can limit it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    notebook = read_notebook(entry)
    result.assignment = assignment_of(notebook)
    if result.assignment not in known:
        built_here = "; ".join(known)
        result.remarks = [f"this is {result.assignment}; built here: {built_here}"]
    elif not trust and (reasons := reasons_to_look(notebook)):
        result.status, result.remarks = HELD_BACK, reasons
    else:
        result.notebook = notebook
    return result


def grade(result: Result, tests: list[tuple[str, str]], seconds: float) -> Result:
    """Run the notebook in its kernel and the tests here."""
    files = [Tests.from_string(source, path=name) for name, source in tests]
    with Answers(result.notebook, seconds) as answers:
        result.remarks = defined_twice(result.notebook) + answers.run()
        for file in files:
            file.run(answers)
    for name in sorted(answers.missing):
        result.remarks.append(f"no {name}: is its cell missing, or did it fail?")
    result.status = "graded, with remarks" if result.remarks else "graded"
    for file in files:
        failed = [case for case in file.test_case_results if not case.passed]
        result.points[file.name] = round(file.score, 3)
        result.possible[file.name] = round(file.possible, 3)
        result.hints[file.name] = [_hint(case) for case in failed]
    result.notebook = None
    return result


def _hint(case) -> str:
    said = case.message.removeprefix("❌ Test case failed\n")
    kind = "hidden" if case.test_case.hidden else "public"
    return f"{kind} test, {case.test_case.points:g}: {said}"


def refuse_others(results: Iterable[Result], known: Iterable[str]) -> None:
    """A folder is graded for one assignment, that of most of its notebooks."""
    built_here = [result for result in results if result.assignment in known]
    counted = Counter(result.assignment for result in built_here)
    for result in built_here:
        most = counted.most_common(1)[0][0]
        if result.assignment != most:
            result.status, result.notebook = NOT_GRADED, None
            result.remarks = [f"this is {result.assignment}, the others are {most}"]


def run(
    results: dict[Path, Result], archives: dict, trust: bool, seconds: float
) -> Iterator[list[Result]]:
    """Replace each result by that of its entry, and yield those that are done."""
    yield []
    jobs = {
        entry: (result, entry, list(archives), trust)
        for entry, result in results.items()
    }
    for entry, outcome in each(prepare, jobs, seconds):
        results[entry] = _line(results[entry], outcome)
    refuse_others(results.values(), archives)
    yield [result for result in results.values() if not result.notebook]
    jobs = {
        entry: (result, archives[result.assignment], seconds)
        for entry, result in results.items()
        if result.notebook
    }
    for entry, outcome in each(grade, jobs, seconds):
        results[entry] = _line(results[entry], outcome)
        yield [results[entry]]


def _line(before: Result, outcome: Result | Refused) -> Result:
    if isinstance(outcome, Result):
        return outcome
    return Result(before.name, before.assignment, remarks=[str(outcome)])


def written_questions(assignment: str) -> dict[str, int]:
    """Points of the questions that are marked by hand."""
    source = HERE / f"{assignment.split(',')[0]}.ipynb"
    cells = nbformat.read(source, as_version=4).cells if source.exists() else []
    configs = [
        yaml.safe_load(c.source)
        for c in cells
        if c.source.startswith("# BEGIN QUESTION")
    ]
    return {c["name"]: c["points"] for c in configs if c.get("manual")}


def write_table(results: list[Result], path: Path) -> None:
    """grades.csv: totals of the automatic part; written questions: empty columns."""
    asked = {question for result in results for question in result.points}
    automatic = sorted(
        asked, key=lambda question: (len(question), question)
    )  # q10 after q9
    written = written_questions(next((r.assignment for r in results if r.points), ""))
    header = ["submission", "assignment", "status", "points", "possible", *automatic]
    header += [
        f"{question} written, of {points}" for question, points in written.items()
    ]
    # The table of before stays until the new one is complete.
    part = path.with_name(path.name + ".part")
    with part.open(
        "w", newline="", encoding="utf-8", errors="backslashreplace"
    ) as file:
        table = csv.writer(file)
        table.writerow([*header, "remarks"])
        for r in results:
            totals = (
                [sum(r.points.values()), sum(r.possible.values())]
                if r.points
                else ["", ""]
            )
            numbers = [*totals, *(r.points.get(question, "") for question in automatic)]
            row = [
                r.name,
                r.assignment,
                r.status,
                *(x if x == "" else f"{x:g}" for x in numbers),
            ]
            row += ["" for _ in written]
            table.writerow(map(as_text, [*row, "; ".join(r.remarks)[:CELL]]))
    part.replace(path)


def as_text(cell: str) -> str:
    """What a spreadsheet shows as it is, and does not take for a formula."""
    return re.sub(r"^(?=[=+@\t\r\n'-])", "'", cell)


def write_feedback(result: Result, folder: Path) -> None:
    """A page for the student: points and hints, question by question."""
    lines = [
        f"# {result.assignment or 'Homework'}",
        f"Submission: {result.name}",
        f"Status: {result.status}.",
    ]
    lines += [f"- {remark}" for remark in result.remarks]
    for question, points in result.points.items():
        lines.append(f"## {question}: {points:g} of {result.possible[question]:g}")
        lines += [f"- {hint}" for hint in result.hints[question]] or [
            "All tests passed."
        ]
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n\n".join(lines) + "\n"
    page = folder / page_name(result.name)
    page.write_text(text, encoding="utf-8", errors="backslashreplace")


def report(result: Result, folder: Path) -> None:
    """Tell the student and the teacher; a failure here costs no line of the table."""
    try:
        write_feedback(result, folder)
    except Exception as error:
        result.remarks.append(f"its feedback was not written ({type(error).__name__})")
    print(f"{result.name}: {result.status}", *result.remarks, sep="\n    ", flush=True)


def read_command_line() -> tuple[argparse.Namespace, dict]:
    """The arguments, and the archives of the assignments that are built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="one notebook, zip or folder for each student")
    parser.add_argument(
        "--trust", action="store_true", help="run what would be held back, too"
    )
    parser.add_argument(
        "--time-limit", type=float, default=300, help="seconds for one submission"
    )
    parser.add_argument(
        "--built", type=Path, default=HERE.parent / "_build" / "homework"
    )
    arguments = parser.parse_args()
    if not arguments.folder:
        parser.error("say which folder to grade: make grade SUBMISSIONS=folder")
    if not Path(arguments.folder).is_dir():
        parser.error(
            "Argument `folder` must be a folder of submissions, "
            f"but is {arguments.folder!r}"
        )
    archives = read_archives(arguments.built)
    if not archives:
        parser.error(
            f"there are no autograder archives in {arguments.built}: "
            "run `make homework` first"
        )
    return arguments, archives


def main() -> int:
    """Read the command line, grade, and write."""
    sys.stdout.reconfigure(errors="backslashreplace")
    arguments, archives = read_command_line()
    folder = Path(arguments.folder).resolve()
    out = folder.parent / f"{folder.name}-graded"
    out.mkdir(exist_ok=True)
    table = out / "grades.csv"
    results = {entry: Result(printable(entry.name)) for entry in entries(folder)}
    try:
        for done in run(results, archives, arguments.trust, arguments.time_limit):
            for result in done:
                report(result, out / "feedback")
            write_table(list(results.values()), table)
    except KeyboardInterrupt:
        print("Interrupted: the table says what is done.")
        return 130
    finally:
        write_table(list(results.values()), table)
        print(f"{len(results)} submissions: {table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
