"""Grade a folder of notebooks: a table, and a page of feedback for each.

    python homework/grade.py folder [--time-limit 300] [--built _build/homework] [...]

Beside the folder appears ``<folder>-graded`` with grades.csv and feedback/. A run that
was stopped goes on where it was. See README.md for the options.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path

import confine
import lms
from answers import Answers
from apart import each
from assigned import Built, answers, assigned, read_archives
from marking import marks_of
from results import (
    INTERRUPTED,
    Done,
    Result,
    as_text,
    feedback,
    write_table,
    write_whole,
)
from screen import defined_twice, worth_a_look
from similar import alike, shapes
from submissions import MOODLE, Attempt, Refused, entries, page_name, printable, read
from verdict import judge

HERE = Path(__file__).resolve().parent
SOLUTION = "(the published solution)"
NO_CONFINEMENT = """\
Students' code would run with your rights: bubblewrap is not there or does not work.
Install it (Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap), or
grade in a container (make grade-in-container SUBMISSIONS=folder), or, if you know
everyone who handed in, say so: make grade SUBMISSIONS=folder UNCONFINED=1"""


@dataclass(frozen=True)
class Course:
    """All that the submissions of a run share."""

    built: dict[str, Built]
    seconds: float
    confined: str
    best: bool

    def print_of(self, entry: Path) -> str:
        """Whether a submission and what grades it are still the same."""
        digest = hashlib.sha256(repr((self.seconds, self.confined, self.best)).encode())
        for each_built in self.built.values():
            digest.update(repr((each_built.name, each_built.tests)).encode())
        for path in [entry, *_below(entry)]:
            found = path.lstat()
            digest.update(repr((path, found.st_size, found.st_mtime_ns)).encode())
        return digest.hexdigest()


def _below(entry: Path) -> Iterator[Path]:
    if entry.is_dir() and not entry.is_symlink():
        for place, folders, files in os.walk(entry):
            folders.sort()
            yield from (Path(place, name) for name in sorted(files))


def work(entry: Path, course: Course) -> list[Result]:
    """Grade one submission: a result for each assignment that it answers."""
    with suppress(ValueError, OSError):  # not every system can limit it
        limit = 2 * confine.MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    name = printable(entry.name)
    contents = read(entry)
    found, remarks = assigned(contents.attempts, course.built)
    if not found:
        raise Refused("; ".join([*remarks, *contents.remarks]))
    broken = [said for said in contents.remarks if ".ipynb" in said.lower()]
    results = []
    for assignment, attempts in found.items():
        counted = attempts if course.best else attempts[-1:]
        graded = [grade(name, attempt, assignment, course) for attempt in counted]
        result = max(graded, key=lambda each_result: each_result.earned)
        if len(attempts) > 1:
            where = counted[graded.index(result)].where
            which = "best" if course.best else "last"
            said = f"{len(attempts)} notebooks of {assignment}: the {which}, {where}"
            result.remarks.append(f"{said}, counts")
        result.remarks += [r for r in remarks if "other numbers" in r]
        result.remarks += broken
        results.append(result)
    return results


def grade(name: str, attempt: Attempt, assignment: str, course: Course) -> Result:
    """Run the notebook in its own process and the tests here."""
    began = time.monotonic()
    twice = defined_twice(attempt)
    closed = course.confined != confine.OPENLY
    with Answers(attempt.code, course.seconds, closed=closed) as notebook:
        verdict = judge(notebook, assignment, course.built[assignment].tests)
    remarks = twice + verdict.remarks
    return Result(
        name,
        assignment,
        "graded, with remarks" if remarks else "graded",
        course.confined,
        remarks,
        worth_a_look(attempt),
        verdict.points,
        verdict.possible,
        verdict.hints,
        shapes(answers(attempt)),
        attempt.modified,
        round(time.monotonic() - began, 1),
    )


def run(
    folder: Path, course: Course, done: Done, results: dict[Path, list[Result]]
) -> Iterator[tuple[Path, bool]]:
    """Replace the results of each entry, and yield it, and whether it is new."""
    prints: dict[Path, str] = {}
    for entry in results:
        with suppress(OSError):
            prints[entry] = course.print_of(entry)
            kept = done.read(printable(entry.name), prints[entry])
            if kept:
                results[entry] = kept
                yield entry, False
    jobs = {
        entry: (entry, course)
        for entry, lines in results.items()
        if lines[0].remarks == [INTERRUPTED]
    }
    # Every attempt at each of the assignments may take the time that one has.
    for entry, outcome in each(work, jobs, 3 * course.seconds):
        if isinstance(outcome, Refused):
            before = results[entry][0]
            results[entry] = [Result(before.name, remarks=[str(outcome)])]
        else:
            results[entry] = outcome
            if entry in prints:
                with suppress(OSError):  # then the next run grades it again
                    name = printable(entry.name)
                    done.write(name, prints[entry], outcome)
        yield entry, True


def report(entry: Path, results: list[Result], folder: Path, *, new: bool) -> None:
    """Tell the student and the teacher; a failure here costs no line of the table."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / page_name(printable(entry.name)), feedback(results))
    except Exception as error:
        said = f"its feedback was not written ({type(error).__name__})"
        results[0].remarks.append(said)
    for result in results:
        before = "" if new else " (from the run before)"
        said = f"{result.name}: {result.status}{before}"
        print(said, *result.remarks, sep="\n    ", flush=True)


def write_similar(
    results: dict[Path, list[Result]], course: Course, built: Path, path: Path
) -> None:
    """similar.csv: functions that several submissions have in common."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["assignment", "function", "size", "submissions"])
        for name, each_built in course.built.items():
            same = {
                result.name: _asked(result.shapes, each_built)
                for lines in results.values()
                for result in lines
                if result.assignment == name
            }
            solution = built / "teachers" / f"{name.split(',')[0]}.ipynb"
            if same and solution.is_file():
                attempt = read(solution).attempts[0]
                same[SOLUTION] = _asked(shapes(answers(attempt)), each_built)
            for function, size, names in alike(same):
                row = [name, function, size, "; ".join(names)]
                table.writerow(as_text(str(cell)) for cell in row)


def _asked(
    found: dict[str, tuple[str, int]], built: Built
) -> dict[str, tuple[str, int]]:
    return {name: shape for name, shape in found.items() if name in built.functions}


def write_for_systems(
    results: dict[Path, list[Result]], arguments: argparse.Namespace, out: Path
) -> None:
    """Fill in the tables of Canvas and Moodle, and pack the feedback for Moodle."""
    pairs = [(path.name, result) for path, lines in results.items() for result in lines]
    if arguments.only:
        pairs = [
            pair for pair in pairs if pair[1].assignment.startswith(arguments.only)
        ]
    points = {
        number: f"{result.earned:g}" for number, result in lms.best(pairs).items()
    }
    several = sorted({result.assignment.split(",")[0] for _, result in pairs} - {""})
    if (arguments.canvas or arguments.moodle) and len(several) > 1:
        raise ValueError(f"a table takes one assignment: say --only {several[0]}")
    for path, system in ((arguments.canvas, "canvas"), (arguments.moodle, "moodle")):
        if path:
            sheet = lms.Sheet(path)
            key, column = (
                lms.of_canvas(sheet, "".join(several), arguments.column)
                if system == "canvas"
                else lms.of_moodle(sheet, arguments.column)
            )
            filled = sheet.fill(key, column, points)
            sheet.write(out / f"{system}.csv")
            print(f"{filled} of {len(points)} grades: {out / system}.csv")
    by_name = {path.name: lines for path, lines in results.items()}
    if any(map(MOODLE.fullmatch, by_name)):
        packed = lms.write_feedback_zip(by_name, out / "moodle-feedback.zip")
        print(f"{packed} pages of feedback: {out / 'moodle-feedback.zip'}")


def read_command_line() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", help="one notebook, zip or folder for each student")
    add("--time-limit", type=float, default=300, help="seconds for one submission")
    add("--built", type=Path, default=HERE.parent / "_build" / "homework")
    add("--unconfined", action="store_true", help="students' code gets your rights")
    add("--again", action="store_true", help="grade what is graded already, too")
    add("--best", action="store_true", help="of several attempts the best counts")
    add("--due", type=_date, help="when it was due, 2026-11-20T23:59")
    add("--late", type=float, default=0, help="percent that each day of delay costs")
    add("--scale", type=_scale, default=[], help="grades, as A:90,B:75,C:60")
    add("--canvas", type=Path, help="Canvas' gradebook, to fill in")
    add("--moodle", type=Path, help="Moodle's grading worksheet, to fill in")
    add("--column", default="", help="the column that the grades go to")
    add("--only", default="", help="the assignment whose grades go there")
    arguments = parser.parse_args()
    if not arguments.folder:
        parser.error("say which folder to grade: make grade SUBMISSIONS=folder")
    if not Path(arguments.folder).is_dir():
        parser.error(
            "Argument `folder` must be a folder of submissions, "
            f"but is {arguments.folder!r}"
        )
    if HERE.is_relative_to(Path(arguments.folder).resolve()):
        parser.error(f"{arguments.folder} is the course itself")
    for table in (arguments.canvas, arguments.moodle):
        if table and not table.is_file():
            parser.error(f"there is no file {table}")
    if not arguments.unconfined and not confine.how():
        parser.error(NO_CONFINEMENT)
    arguments.archives = read_archives(arguments.built)
    if not arguments.archives:
        parser.error(
            f"there are no autograder archives in {arguments.built}: "
            "run `make homework` first"
        )
    return arguments


def _date(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _scale(text: str) -> list[tuple[str, float]]:
    pairs = [part.rpartition(":") for part in text.split(",")]
    return sorted(((g.strip(), float(n)) for g, _, n in pairs), key=lambda p: -p[1])


def main() -> int:
    """Read the command line, grade, and write."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = read_command_line()
    folder = Path(arguments.folder).resolve()
    out = folder.parent / f"{folder.name}-graded"
    out.mkdir(exist_ok=True)
    confined = confine.OPENLY if arguments.unconfined else confine.how()
    course = Course(arguments.archives, arguments.time_limit, confined, arguments.best)
    times = lms.times_of_moodle(lms.Sheet(arguments.moodle)) if arguments.moodle else {}
    results = {entry: [Result(printable(entry.name))] for entry in entries(folder)}
    done = Done(out / "done")
    if arguments.again:
        for kept in done.folder.glob("*.json"):
            kept.unlink()

    marked = folder.with_name(f"{folder.name}-marking")
    marks = marks_of(marked) if (marked / "marks.csv").is_file() else []

    def write() -> None:
        nonlocal marks
        try:
            write_tables()
        except ValueError as error:  # a mark that is none
            print(f"The marks of the written questions are left out: {error}")
            marks = []
            write_tables()

    def write_tables() -> None:
        lines = [result for several in results.values() for result in several]
        write_table(lines, out / "grades.csv", arguments.scale, marks)
        stems = {line.assignment.split(",")[0] for line in lines if line.possible}
        for stem in stems if len(stems) > 1 else ():
            own = [line for line in lines if line.assignment.startswith(f"{stem},")]
            write_table(own, out / f"grades-{stem}.csv", arguments.scale, marks)

    try:
        write()
        for entry, new in run(folder, course, done, results):
            for result in results[entry]:
                lms.apply_delay(
                    result, entry.name, arguments.due, arguments.late, times
                )
            report(entry, results[entry], out / "feedback", new=new)
            write()
        write_similar(results, course, arguments.built, out / "similar.csv")
        write_for_systems(results, arguments, out)
    except (ValueError, csv.Error) as error:
        print(f"The results are there, but a table was not filled in: {error}")
        return 1
    except KeyboardInterrupt:
        print("Interrupted: the table says what is done, and the next run goes on.")
        return 130
    finally:
        write()
        print(f"{len(results)} submissions: {out / 'grades.csv'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
