"""Written answers: pages to mark them by, and the marks that come back.

    python homework/marking.py folder

Beside the folder appears ``<folder>-marking``: one page per written question, with the
rubric, sample answers, and all answers with their figures under a number in place of a
name, in another order on each page; ``marks.csv``, to be filled in, with one line per
answer; and ``numbers.csv``, which tells whose numbers they are. A second run adds lines
for new submissions, and changes none that is there.

``make grade`` merges the marks by `merge_marks`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import html
import io
import re
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bleach
import nbformat
import submissions
import yaml
from assigned import Built, assigned, read_archives
from assignments import Assignment, Question, read, sources
from nbconvert import HTMLExporter
from submissions import entries, printable

HERE = Path(__file__).resolve().parent
SAMPLES = HERE / "samples"
BUILT = HERE.parent / "_build" / "homework"
HEADER = ["number", "assignment", "question", "possible", "mark", "comment"]
HEADING = re.compile(r"^## Question (\d+)\b", re.MULTILINE)
# What otter-grader writes around a question and its answer.
OTTERS = re.compile(
    r"<!-- (?:BEGIN|END) QUESTION -->|^_Points:_ [\d.]+$"
    r"|^_Type your answer here, replacing this text._$",
    re.MULTILINE,
)
CELLS = 40  # of one answer on a page
OUTPUTS = 20  # of one cell
LONGEST = 20_000  # characters of a cell or of a text that it prints
# What is shown of an output, and its name in format 3.
SHOWN = {"image/png": "png", "image/jpeg": "jpeg", "text/plain": "text"}
TAGS = {"a", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em"}
TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre"}
TAGS |= {"span", "strong", "sub", "sup"}
TAGS |= {"table", "tbody", "td", "th", "thead", "tr", "ul"}
ATTRIBUTES = {"img": ["src", "alt"], "div": ["class"], "span": ["class"]}
STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
article, aside { border: 1px solid #999; margin: 2rem 0; padding: 0 1rem }
aside { background: #f4f4f4 }
img { max-width: 100% }
pre { overflow-x: auto; white-space: pre-wrap }
"""


@dataclass(frozen=True)
class Answer:
    """The answer of one submission to one written question."""

    submission: str
    assignment: str
    question: str
    cells: list[nbformat.NotebookNode]


def samples(assignment: str) -> dict[str, dict[str, Any]]:
    """Half and empty sample answers, by question; the full one is the solution."""
    path = SAMPLES / f"{assignment}.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def answers_in(
    submission: str, notebook: nbformat.NotebookNode, assignment: Assignment
) -> Iterator[Answer]:
    """The cells that follow each written question, up to the next question.

    What was handed out is left out: the question stands on the page already.
    """
    texts = {q.name: q.text.strip() for q in assignment.questions}
    cells_of: dict[str, list[nbformat.NotebookNode]] = {}
    now = ""
    for cell in notebook.cells:
        source = cell.source
        if cell.cell_type == "markdown":
            heading = HEADING.search(source)
            now = f"q{heading[1]}" if heading else now
            source = OTTERS.sub("", source).strip().removeprefix(texts.get(now, ""))
        said = source.strip()
        if now and said not in ("", "...") and "**Handing in.**" not in said:
            own = nbformat.from_dict({**cell, "source": said})
            cells_of.setdefault(now, []).append(own)
    for question in assignment.questions:
        if question.written:
            cells = cells_of.get(question.name, [])
            if len(cells) > CELLS:
                more = f"({len(cells) - CELLS} more cells: see the notebook)"
                cells = [*cells[:CELLS], _text(more)]
            yield Answer(submission, assignment.name, question.name, cells)


def notebooks(
    folder: Path, built: dict[str, Built]
) -> Iterator[tuple[str, str, nbformat.NotebookNode]]:
    """Submission, assignment with seed, and notebook: those that the grader takes."""
    for entry in entries(folder):
        name = printable(entry.name)
        try:
            found, remarks = assigned(submissions.read(entry).attempts, built)
        except submissions.Refused as error:
            found, remarks = {}, [str(error)]
        if not found:
            print(f"{name}: {'; '.join(remarks)}")
        for assignment, attempts in found.items():
            yield name, assignment, _notebook(attempts[-1].document)


def _notebook(document: dict[str, Any]) -> nbformat.NotebookNode:
    """What is shown of a notebook, of whatever format: sources and pictures."""
    cells = []
    for cell in submissions.raw_cells(document):
        kind, source = submissions.kind_and_source(cell)
        source = _cut(source)
        if kind == "markdown":
            made = nbformat.v4.new_markdown_cell(source)
            pictures = cell.get("attachments")
            if isinstance(pictures, dict):
                made.attachments = nbformat.from_dict(pictures)
        else:
            made = nbformat.v4.new_code_cell(source, outputs=list(_outputs(cell)))
        cells.append(made)
    return nbformat.v4.new_notebook(cells=cells)


def _outputs(cell: dict[str, Any]) -> Iterator[nbformat.NotebookNode]:
    """Pictures and plain text of a cell's outputs; format 3 has other names."""
    outputs = cell.get("outputs")
    for output in outputs[:OUTPUTS] if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        data = output.get("data")
        if not isinstance(data, dict):
            data = {kind: output.get(old) for kind, old in SHOWN.items()}
        texts = {
            kind: "".join(map(str, said)) if isinstance(said, list) else said
            for kind, said in data.items()
            if kind in SHOWN
        }
        kept = {kind: said for kind, said in texts.items() if isinstance(said, str)}
        if "text/plain" in kept:
            kept["text/plain"] = _cut(kept["text/plain"])
        if kept:
            yield nbformat.v4.new_output("display_data", kept)


def _cut(text: str) -> str:
    more = len(text) - LONGEST
    return f"{text[:LONGEST]}\n({more} more characters)" if more > 0 else text


def number_of(key: str, submission: str) -> str:
    """The number under which a submission is marked; the key keeps it from guesses."""
    return hashlib.sha256(f"{key} {submission}".encode()).hexdigest()[:8]


def page(
    assignment: Assignment, question: Question, answers: Iterable[tuple[str, Answer]]
) -> str:
    """One question with its rubric and samples, and all answers to it."""
    title = f"{assignment.name}, question {question.name[1:]}: {question.title}"
    parts = [f"<h1>{html.escape(title)}</h1>", _as_html([_text(question.text)])]
    parts.append(f"<aside>{_guide(assignment.name, question)}</aside>")
    for number, answer in answers:
        body = _as_html(answer.cells) if answer.cells else "<p>(nothing)</p>"
        parts.append(f"<article><h2>{number}</h2>{body}</article>")
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title>'
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _guide(assignment: str, question: Question) -> str:
    found = samples(assignment)[question.name]
    lines = [f"- **{points}** {said}" for points, said in question.rubric]
    half = found["half"]
    earned = sum(question.rubric[k - 1][0] for k in half["earns"])
    solution = question.answer.split("**Rubric")[0]
    items = ", ".join(map(str, half["earns"]))
    texts = [
        f"## Rubric, {question.points:g} points",
        "\n".join(lines),
        f"## A full answer: {question.points:g}",
        solution,
        f"## About half: {earned} (items {items})",
        half["text"],
        f"## Nothing: 0. {found['none']['because']}",
        found["none"]["text"],
    ]
    return _as_html([_text(text) for text in texts])


def _text(source: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(source)


def _as_html(cells: list[nbformat.NotebookNode]) -> str:
    """Cells with their figures; the page runs and fetches nothing of a student's."""
    exporter = HTMLExporter(template_name="basic")
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    body, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    return bleach.clean(
        body, tags=TAGS, attributes=ATTRIBUTES, protocols={"data"}, strip=True
    )


def read_marks(path: Path) -> list[dict[str, str]]:
    """The lines of a file of marks, however a spreadsheet has saved it."""
    text = path.read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def write_once(path: Path, header: list[str], lines: Iterable[list[str]]) -> int:
    """Add the lines whose first columns are not in the file; nothing is changed."""
    if not path.exists():
        path.write_text(",".join(header) + "\n", encoding="utf-8")
    there = read_marks(path)
    keys = [name for name in header if name not in ("possible", "mark", "comment")]
    known = {tuple(line[key] for key in keys) for line in there}
    new = [line for line in lines if tuple(line[: len(keys)]) not in known]
    first = path.read_text(encoding="utf-8-sig").partition("\n")[0]
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=max(",;\t", key=first.count)).writerows(new)
    return len(new)


def merge_marks(
    table: Iterable[Mapping[str, str]], marks: Iterable[Mapping[str, str]]
) -> list[dict[str, str]]:
    """The lines of a table of grades with the marks of the written questions.

    Parameters
    ----------
    table : lines by column name, with ``submission`` and ``assignment``, and a column
        ``q1 written, of 4`` for each written question.
    marks : lines with ``submission``, ``assignment``, ``question``, ``mark`` and
        ``comment``; an empty mark is one that is not given yet.

    Returns the lines of the table with the marks, and ``written``, the sum of those
    that are given (empty if there are none). Marks that stand in the table already stay
    where there is no mark. Raises ValueError for a mark that is not a number from 0
    to what the question gives, and for two different marks of one answer.
    """
    given = _given(marks)
    merged = []
    for line in table:
        row = dict(line)
        name = row["assignment"].split(",")[0]
        total, any_given = 0.0, False
        for column in row:
            asked = re.fullmatch(r"(q\d+) written, of ([\d.]+)", column)
            if not asked:
                continue
            mark = given.get((row["submission"], name, asked[1]))
            if mark is not None:
                if not 0 <= mark <= float(asked[2]):
                    raise ValueError(
                        f"{row['submission']}, {asked[1]}: a mark of {mark:g} is not "
                        f"between 0 and {asked[2]}"
                    )
                row[column] = f"{mark:g}"
            if row[column]:
                total, any_given = total + float(row[column]), True
        row["written"] = f"{total:g}" if any_given else ""
        merged.append(row)
    return merged


def _given(marks: Iterable[Mapping[str, str]]) -> dict[tuple[str, str, str], float]:
    given: dict[tuple[str, str, str], float] = {}
    for line in marks:
        said = (line["mark"] or "").strip().replace(",", ".")
        if not said:
            continue
        key = (line["submission"], line["assignment"], line["question"])
        try:
            mark = float(said)
        except ValueError:
            raise ValueError(f"{', '.join(key)}: {said!r} is not a mark") from None
        if key in given and given[key] != mark:
            raise ValueError(
                f"{', '.join(key)}: two marks, {given[key]:g} and {mark:g}"
            )
        given[key] = mark
    return given


def marks_of(folder: Path) -> list[dict[str, str]]:
    """The marks in a folder of pages, with names in place of numbers."""
    names = {line["number"]: line for line in read_marks(folder / "numbers.csv")}
    lines = read_marks(folder / "marks.csv")
    return [
        line | {"submission": names[line["number"]]["submission"]} for line in lines
    ]


def write_pages(folder: Path, out: Path, built: dict[str, Built]) -> int:
    """Write the pages, and add lines for answers that have none; return how many."""
    out.mkdir(exist_ok=True)
    key_file = out / "key.txt"
    if not key_file.exists():
        key_file.write_text(secrets.token_hex(16) + "\n", encoding="utf-8")
    key = key_file.read_text(encoding="utf-8").strip()
    grouped: dict[tuple[str, str], list[tuple[str, Answer]]] = {}
    read_as: dict[str, Assignment] = {}
    numbers, lines = {}, []
    for name, named, notebook in notebooks(folder, built):
        stem, _, seed = named.partition(", seed ")
        assignment = read(sources()[stem], seed)
        read_as.setdefault(assignment.name, assignment)
        number = number_of(key, name)
        numbers[number] = name
        for answer in answers_in(name, notebook, assignment):
            asked = next(q for q in assignment.questions if q.name == answer.question)
            place = (assignment.name, answer.question)
            grouped.setdefault(place, []).append((number, answer))
            lines.append([number, *place, f"{asked.points:g}", "", ""])
    for (name, question), found in grouped.items():
        # Another order on each page, so that no answer always comes first.
        found.sort(key=lambda item: number_of(key + question, item[0]))
        asked = next(q for q in read_as[name].questions if q.name == question)
        text = page(read_as[name], asked, found)
        (out / f"{name}-{question}.html").write_text(text, encoding="utf-8")
    write_once(
        out / "numbers.csv", ["number", "submission"], map(list, numbers.items())
    )
    lines.sort(key=lambda line: (line[1], int(line[2][1:]), number_of(key, line[0])))
    return write_once(out / "marks.csv", HEADER, lines)


def main() -> int:
    """Read the command line and write the pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", help="submissions, as for grading")
    parser.add_argument("--built", type=Path, default=BUILT)
    arguments = parser.parse_args()
    given = arguments.folder
    if not given:
        parser.error("say which folder to mark: make marking SUBMISSIONS=folder")
    folder = Path(given).resolve()
    if not folder.is_dir():
        parser.error(f"Argument `folder` must be a folder of submissions, is {folder}")
    out = folder.with_name(folder.name + "-marking")
    built = read_archives(arguments.built)
    if not built:
        parser.error(
            f"there are no autograder archives in {arguments.built}: "
            "run `make homework` first"
        )
    added = write_pages(folder, out, built)
    print(f"{added} answers to mark were added to {out / 'marks.csv'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
