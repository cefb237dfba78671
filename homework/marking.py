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
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from assignments import Assignment, Question, read, sources
from nbconvert import HTMLExporter
from submissions import printable

HERE = Path(__file__).resolve().parent
SAMPLES = HERE / "samples"
HEADER = ["number", "assignment", "question", "possible", "mark", "comment"]
HEADING = re.compile(r"^## Question (\d+)\b", re.MULTILINE)
# What otter-grader writes around a question and its answer.
OTTERS = re.compile(
    r"<!-- (?:BEGIN|END) QUESTION -->|^_Points:_ [\d.]+$"
    r"|^_Type your answer here, replacing this text._$",
    re.MULTILINE,
)
NAMED = re.compile(r"^(\d\d-[\w-]+)(?:, seed ([\w-]+))?$")
LARGEST = 50_000_000  # bytes of a notebook
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
            yield Answer(submission, assignment.name, question.name, cells)


def notebooks(folder: Path) -> Iterator[tuple[str, nbformat.NotebookNode]]:
    """Name and notebook of each submission that can be read; links are left out.

    A submission is a notebook, or a zip or folder with notebooks.
    """
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        for text in _texts(entry):
            try:
                notebook = nbformat.reads(text, as_version=4)
                named = notebook.metadata.get("otter", {}).get("assignment_name", "")
                if NAMED.match(named):
                    yield printable(entry.name), notebook
            except Exception as error:
                print(f"{printable(entry.name)}: not read ({type(error).__name__})")


def _texts(entry: Path) -> Iterator[str]:
    if entry.is_dir():
        for path in sorted(entry.rglob("*.ipynb")):
            if path.is_file() and not path.is_symlink():
                yield from _texts(path)
    elif entry.suffix.lower() == ".zip" and zipfile.is_zipfile(entry):
        with zipfile.ZipFile(entry) as archive:
            for item in archive.infolist():
                inside = item.filename.lower().endswith(".ipynb")
                if inside and "__MACOSX" not in item.filename:
                    with archive.open(item) as file:
                        yield file.read(LARGEST).decode("utf-8-sig", "replace")
    elif entry.suffix.lower() == ".ipynb" and entry.is_file():
        with entry.open("rb") as file:
            yield file.read(LARGEST).decode("utf-8-sig", "replace")


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
    """Cells with their figures; nothing of a student's is run by the page."""
    kept = []
    for cell in cells:
        copy = nbformat.from_dict({**cell, "attachments": cell.get("attachments", {})})
        if cell.cell_type == "code":
            copy.outputs = [_shown(output) for output in cell.get("outputs", [])]
            copy.pop("attachments")
            copy.setdefault("execution_count", None)
        kept.append(copy)
    exporter = HTMLExporter(template_name="basic", sanitize_html=True)
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    body, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=kept))
    return body


def _shown(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """An output without scripts: pictures and plain text."""
    if "data" in output:
        kept = {
            kind: value
            for kind, value in output["data"].items()
            if kind in ("image/png", "image/jpeg", "text/plain")
        }
        return nbformat.from_dict({**output, "data": kept})
    return output


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


def write_pages(folder: Path, out: Path) -> int:
    """Write the pages, and add lines for answers that have none; return how many."""
    out.mkdir(exist_ok=True)
    key_file = out / "key.txt"
    if not key_file.exists():
        key_file.write_text(secrets.token_hex(16) + "\n", encoding="utf-8")
    key = key_file.read_text(encoding="utf-8").strip()
    grouped: dict[tuple[str, str], list[tuple[str, Answer]]] = {}
    read_as: dict[str, Assignment] = {}
    numbers, lines = {}, []
    for name, notebook in notebooks(folder):
        named = NAMED.match(notebook.metadata["otter"]["assignment_name"])
        assert named is not None
        if named[1] not in sources():
            print(f"{name}: there is no assignment {named[1]}")
            continue
        assignment = read(sources()[named[1]], named[2] or "0")
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
    given = parser.parse_args().folder
    if not given:
        parser.error("say which folder to mark: make marking SUBMISSIONS=folder")
    folder = Path(given).resolve()
    if not folder.is_dir():
        parser.error(f"Argument `folder` must be a folder of submissions, is {folder}")
    out = folder.with_name(folder.name + "-marking")
    added = write_pages(folder, out)
    print(f"{added} answers to mark were added to {out / 'marks.csv'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
