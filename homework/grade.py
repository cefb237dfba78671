"""Grade a folder of notebooks: a table, and a page of feedback for each.

    python homework/grade.py folder [--trust] [--time-limit 300] [--built _build/homework]

Beside the folder appears ``<folder>-graded`` with grades.csv and feedback/. See README.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import re
import sys
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import nbformat
import yaml
from answers import Answers, in_words
from otter.test_files.exception_test import ExceptionTestFile
from screen import defined_twice, reasons_to_look

Entry = TypeVar("Entry", Path, zipfile.ZipInfo)
HERE = Path(__file__).resolve().parent
LARGEST = 50_000_000  # bytes of a notebook
HELD_BACK = "held back"
NOT_GRADED = "not graded"


class Refused(Exception):
    """Why a submission cannot be graded, in a sentence for the table."""


@dataclass
class Result:
    """One line of the table: status, remarks, and for each question points, possible points and hints."""

    name: str
    assignment: str = ""
    status: str = NOT_GRADED
    remarks: list[str] = field(default_factory=list)
    points: dict[str, float] = field(default_factory=dict)
    possible: dict[str, float] = field(default_factory=dict)
    hints: dict[str, list[str]] = field(default_factory=dict)


class Tests(ExceptionTestFile):
    """The tests of one question; a failure says what the test says, and does not quote the test."""

    def _generate_error_message(self, excp: Exception, context: int = 0) -> str:
        said = in_words(excp)
        return said + " (does the function return its result?)" * ("NoneType" in said)


def read_notebook(entry: Path) -> nbformat.NotebookNode:
    """The one notebook of a submission: a file, or alone in a folder or zip."""
    try:
        if entry.is_dir():
            text = _only(
                [p for p in entry.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts]
            ).read_bytes()
        elif entry.suffix == ".zip":
            with zipfile.ZipFile(entry) as archive:
                inside = _only([i for i in archive.infolist() if i.filename.endswith(".ipynb")])
                if inside.file_size > LARGEST:
                    raise Refused("the notebook is larger than 50 MB")
                text = archive.read(inside)
        elif entry.suffix == ".ipynb":
            text = entry.read_bytes()
        else:
            raise Refused("neither a notebook (.ipynb) nor a zip or folder with one")
        notebook = nbformat.reads(text.decode(), as_version=4)
        nbformat.validate(notebook)
    except (Refused, KeyboardInterrupt):
        raise
    except Exception as error:
        raise Refused(f"not a notebook that can be read ({type(error).__name__})") from error
    return notebook


def _only(found: list[Entry]) -> Entry:
    if len(found) != 1:
        raise Refused(f"{len(found) or 'no'} notebook{'s' * (len(found) > 1)} in it, one is needed")
    return found[0]


def assignment_of(notebook: nbformat.NotebookNode) -> str:
    """What the builder wrote into the notebook: assignment and seed."""
    return str(notebook.metadata.get("otter", {}).get("assignment_name", "a notebook that is no assignment"))


def read_archives(built: Path) -> dict[str, list[tuple[str, str]]]:
    """Name and source of each test file, by assignment, from the autograder archives."""
    archives = {}
    for path in sorted(built.glob("teachers/*-autograder.zip")):
        with zipfile.ZipFile(path) as archive:
            name = json.loads(archive.read("otter_config.json"))["assignment_name"]
            tests = sorted(n for n in archive.namelist() if n.startswith("tests/"))
            archives[name] = [(n, archive.read(n).decode()) for n in tests]
    return archives


def grade(
    result: Result, notebook: nbformat.NotebookNode, tests: list[tuple[str, str]], seconds: float
) -> Result:
    """Run the notebook in its kernel and the tests here."""
    files = [Tests.from_string(source, path=name) for name, source in tests]
    with Answers(notebook, seconds) as answers:
        result.remarks = defined_twice(notebook) + answers.run()
        for file in files:
            file.run(answers)
    result.remarks += [f"no {name}: is its cell missing, or did it fail?" for name in sorted(answers.missing)]
    result.status = "graded, with remarks" if result.remarks else "graded"
    for file in files:
        result.points[file.name] = round(file.score, 3)
        result.possible[file.name] = round(file.possible, 3)
        result.hints[file.name] = [_hint(case) for case in file.test_case_results if not case.passed]
    return result


def _hint(case) -> str:
    said = case.message.removeprefix("❌ Test case failed\n")
    return f"{'hidden' if case.test_case.hidden else 'public'} test, {case.test_case.points:g}: {said}"


def _work(sender: Connection, *job) -> None:
    sender.send(grade(*job))


def supervise(context, seconds: float, job: tuple[Result, nbformat.NotebookNode, list]) -> Result:
    """Grade in a process of its own, so that whatever happens there is one line of the table."""
    if job[0].remarks:
        return job[0]
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_work, args=(sender, *job, seconds))
    worker.start()
    sender.close()
    try:
        if receiver.poll(seconds + 60):
            return receiver.recv()
        job[0].remarks = ["it could not be stopped in time"]
    except EOFError:
        job[0].remarks = ["the grading process ended without a result"]
    finally:
        worker.kill()
        worker.join()
    return job[0]


def prepare(folder: Path, archives: dict, trust: bool) -> list[tuple]:
    """What is to be graded, and what is refused or held back, with the reason among the remarks."""
    jobs = []
    for entry in sorted(p for p in folder.iterdir() if not p.name.startswith(".")):
        result, notebook = Result(entry.name), None
        try:
            notebook = read_notebook(entry)
            result.assignment = assignment_of(notebook)
            if result.assignment not in archives:
                raise Refused(f"this is {result.assignment}; built here: {'; '.join(archives)}")
            if not trust and (reasons := reasons_to_look(notebook)):
                result.status, result.remarks = HELD_BACK, reasons
        except Refused as refused:
            result.remarks = [str(refused)]
        jobs.append((result, notebook, archives.get(result.assignment, [])))
    counted = Counter(result.assignment for result, _, tests in jobs if tests)
    for result, _, tests in jobs:
        if tests and result.assignment != (most := counted.most_common(1)[0][0]):
            result.status, result.remarks = (
                NOT_GRADED,
                [f"this is {result.assignment}, the others are {most}"],
            )
    return jobs


def written_questions(assignment: str) -> dict[str, int]:
    """Points of the questions that are marked by hand."""
    source = HERE / f"{assignment.split(',')[0]}.ipynb"
    cells = nbformat.read(source, as_version=4).cells if source.exists() else []
    configs = [yaml.safe_load(c.source) for c in cells if c.source.startswith("# BEGIN QUESTION")]
    return {c["name"]: c["points"] for c in configs if c.get("manual")}


def write_table(results: list[Result], path: Path) -> None:
    """grades.csv: totals are of the automatic part; the written questions have an empty column each."""
    asked = {question for result in results for question in result.points}
    automatic = sorted(asked, key=lambda question: (len(question), question))  # q10 after q9
    written = written_questions(next((r.assignment for r in results if r.points), ""))
    header = ["submission", "assignment", "status", "points", "possible", *automatic]
    header += [f"{question} written, of {points}" for question, points in written.items()]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*header, "remarks"])
        for r in results:
            totals = [sum(r.points.values()), sum(r.possible.values())] if r.points else ["", ""]
            numbers = [*totals, *(r.points.get(question, "") for question in automatic)]
            row = [r.name, r.assignment, r.status, *(x if x == "" else f"{x:g}" for x in numbers)]
            row += ["" for _ in written]
            # A spreadsheet takes a text that starts so for a formula.
            table.writerow([re.sub(r"^(?=[=+@-])", "'", str(c)) for c in [*row, "; ".join(r.remarks)]])


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
        lines += [f"- {hint}" for hint in result.hints[question]] or ["All tests passed."]
    (folder / f"{result.name}.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line, grade, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="one notebook, zip or folder for each student")
    parser.add_argument("--trust", action="store_true", help="run what would be held back, too")
    parser.add_argument("--time-limit", type=float, default=300, help="seconds for one submission")
    parser.add_argument("--built", type=Path, default=HERE.parent / "_build" / "homework")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"Argument `folder` must be a folder of submissions, but is {str(arguments.folder)!r}")
    archives = read_archives(arguments.built)
    if not archives:
        parser.error(f"there are no autograder archives in {arguments.built}: run `make homework` first")
    jobs = prepare(arguments.folder, archives, arguments.trust)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["otter.test_files", "nbclient", "dill"])
    out = arguments.folder.resolve().with_name(arguments.folder.resolve().name + "-graded")
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    results = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(partial(supervise, context, arguments.time_limit), jobs):
            results.append(result)
            write_feedback(result, out / "feedback")
            print(f"{result.name}: {result.status}", *result.remarks, sep="\n    ", flush=True)
    write_table(results, out / "grades.csv")
    print(f"{len(results)} submissions: {out / 'grades.csv'}")


if __name__ == "__main__":
    sys.exit(main())
