"""Check that the course adds up, and write its table of points and times.

    python homework/course_map.py [--write]

Each question stands in `course_map.yml` with the cells of the book that it needs, the
minutes that it takes, and its outcomes. `--write` puts the tables into the pages of the
course, between the lines that mark their place.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from assignments import Assignment, Question, read_all

HERE = Path(__file__).resolve().parent
BOOK = HERE.parent / "book"
MAP = HERE / "course_map.yml"
PAGE = BOOK / "course" / "assessment.md"
EXERCISE, WORDS = 20, 60  # minutes of an exercise, words read in a minute
TELLING = 45  # characters of a line that two cells do not share by chance
PLACE = re.compile(r"(% begin (\w+)\n).*?(% end \2\n)", re.DOTALL)


def load() -> dict[str, Any]:
    """The map as its file has it."""
    return yaml.safe_load(MAP.read_text(encoding="utf-8"))


def minutes(question: Question) -> int:
    """Minutes that a question takes by the rule of the syllabus."""
    return EXERCISE + round(len(question.text.split()) / WORDS)


def hours(assignment: Assignment) -> float:
    """Hours that an assignment takes, rounded up to half hours."""
    total = sum(minutes(question) for question in assignment.questions)
    return -(-total // 30) / 2


def in_words(hours_: float) -> str:
    """The hours as the notebooks say them."""
    numbers = ("no", "one", "two", "three", "four", "five")
    whole, half = divmod(hours_, 1)
    return numbers[int(whole)] + " and a half" * bool(half) + " hours"


def chapter(name: str) -> Path | None:
    """The notebook of a chapter, if this copy of the book has it."""
    path = BOOK / f"{name}.ipynb"
    return path if path.exists() else None


def problems(read: list[Assignment], known: dict[str, Any]) -> Iterator[str]:
    """One sentence for each thing that does not add up."""
    if list(known["assignments"]) != [assignment.name for assignment in read]:
        yield "the map and the folder have other assignments"
        return
    lines = _lines_of_the_book()
    for assignment in read:
        entry = known["assignments"][assignment.name]
        said = in_words(hours(assignment))
        if f"About {said}" not in " ".join(assignment.intro.split()):
            yield f"{assignment.name} must say that it takes about {said}"
        if list(entry["questions"]) != [q.name for q in assignment.questions]:
            yield f"{assignment.name}: the map has other questions"
            continue
        for question in assignment.questions:
            name = f"{assignment.name} {question.name}"
            at = entry["questions"][question.name]
            for fault in _faults(question, at, entry["week"], known):
                yield f"{name}: {fault}"
            for line in _telling("\n".join(question.code)):
                if line in lines:
                    yield f"{name}: {line!r} stands in {lines[line]}"
    yield from _outcomes(read, known)


def _faults(
    question: Question, at: dict[str, Any], week: int, known: dict[str, Any]
) -> Iterator[str]:
    if at["minutes"] != minutes(question):
        yield f"takes {minutes(question)} minutes, not {at['minutes']}"
    if not at["needs"]:
        yield "needs no chapter"
    if len(at["new"].split()) < 3:
        yield "says nothing that no cell of the book answers"
    for needed in at["needs"]:
        name, _, cell = needed.partition(" ")
        path = chapter(name)
        if known["weeks"].get(name, 99) > week:
            yield f"is given out in week {week}, before {name}"
        if path is None:
            if name not in known["awaited"]:
                yield f"there is no chapter {name}"
        elif cell and cell not in _cells(path):
            yield f"{name} has no cell {cell}"


def _outcomes(read: list[Assignment], known: dict[str, Any]) -> Iterator[str]:
    exist = {f"{a.name[:2]} {q.name}" for a in read for q in a.questions}
    for outcome, questions in known["outcomes"].items():
        if len(set(questions) & exist) < 3:
            yield f"{outcome} is tested by fewer than three questions"
        for question in sorted(set(questions) - exist):
            yield f"{outcome} names {question}, which does not exist"


@cache
def _cells(path: Path) -> set[str]:
    return {
        cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    }


def _telling(code: str) -> set[str]:
    lines = (" ".join(line.split("#")[0].split()) for line in code.splitlines())
    kept = {line for line in lines if len(line) >= TELLING}
    return {line for line in kept if not re.match(r"(from|import|ax\.|\")", line)}


@cache
def _lines_of_the_book() -> dict[str, str]:
    """The places of each telling line of code."""
    found = {}
    for path in sorted(BOOK.glob("*/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                place = f"{path.parent.name}/{path.stem} {cell['id']}"
                for line in _telling("".join(cell["source"])):
                    found[line] = place
    return found


def points_table(read: list[Assignment]) -> str:
    """Points of tests and of readers, and hours, by assignment."""
    rows = [
        "| | assignment | tested | written | all | written share | hours |",
        "|---|---|---|---|---|---|---|",
    ]
    tested = written = 0.0
    for assignment in read:
        by_test = assignment.points(written=False)
        by_hand = assignment.points(written=True)
        tested, written = tested + by_test, written + by_hand
        rows.append(_row(int(assignment.name[:2]), assignment.title, by_test, by_hand))
        rows[-1] += f" {hours(assignment):g} |"
    rows.append(_row("", "together", tested, written))
    rows[-1] += f" {sum(map(hours, read)):g} |"
    return "\n".join(rows) + "\n"


def _row(number: object, title: str, tested: float, written: float) -> str:
    both = tested + written
    share = f"{written / both:.0%}".replace("%", " %")
    return f"| {number} | {title} | {tested:g} | {written:g} | {both:g} | {share} |"


def rubric_table(read: list[Assignment]) -> str:
    """The written questions with their points."""
    rows = ["| assignment | question | points |", "|---|---|---|"]
    for assignment in read:
        for q in assignment.questions:
            if q.written:
                number = int(assignment.name[:2])
                rows.append(f"| {number} | {q.name[1:]}: {q.title} | {q.points:g} |")
    return "\n".join(rows) + "\n"


def page_with_tables(text: str, read: list[Assignment]) -> str:
    """The page with the tables of today."""
    tables = {"points": points_table(read), "written": rubric_table(read)}
    return PLACE.sub(lambda m: f"{m[1]}\n{tables[m[2]]}\n{m[3]}", text)


def main() -> int:
    """Check, and write if that is asked for; 1 if something does not add up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables")
    arguments = parser.parse_args()
    read = list(read_all())
    if arguments.write:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page_with_tables(text, read), encoding="utf-8")
    found = list(problems(read, load()))
    print(*found, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
