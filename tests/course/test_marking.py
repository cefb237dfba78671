"""Written answers come before the marker without names, and marks are never lost."""

import base64
import copy
import csv
import json
import re
import shutil
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import jupytext
import nbformat
import pytest
from assigned import read_archives
from handed_in import notebook
from solving import HOMEWORK, assignments, marking

FIRST = "01-ergotropy"
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Attributes(HTMLParser):
    """The names of all attributes on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.named: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.named |= {name for name, _ in attrs}


PLACE = "_Type your answer here, replacing this text._"


@pytest.fixture(scope="module")
def given(built) -> nbformat.NotebookNode:
    """The first assignment as students get it."""
    return notebook(built[0], FIRST, "students")


@pytest.fixture(scope="module")
def archives(built) -> dict:
    return read_archives(built[0])


def answered(given: nbformat.NotebookNode, said: str) -> nbformat.NotebookNode:
    """A submission with this answer to question 1, and a figure in question 6."""
    made = copy.deepcopy(given)
    places = [k for k, cell in enumerate(made.cells) if cell.source == PLACE]
    made.cells[places[0]].source = said
    data = {"image/png": PIXEL, "text/html": "<script>alert(1)</script>"}
    figure = next(c for c in made.cells[places[1] :] if c.cell_type == "code")
    figure.source = "plt.show()"
    figure.outputs = [nbformat.v4.new_output("display_data", data)]
    return made


@pytest.fixture
def folder(tmp_path, given) -> Path:
    def handed_in(said: str) -> nbformat.NotebookNode:
        return answered(given, said)

    made = tmp_path / "week2"
    made.mkdir()
    nbformat.write(handed_in("convex, says Anna's *proof*"), made / "Anna Arendt.ipynb")
    (made / "Bo Bohr").mkdir()
    nbformat.write(handed_in("<script>alert(2)</script>"), made / "Bo Bohr" / "x.ipynb")
    with zipfile.ZipFile(made / "Cid Curie.zip", "w") as archive:
        archive.writestr("a/x.ipynb", nbformat.writes(handed_in("zipped answer")))
        archive.writestr("__MACOSX/a/._x.ipynb", b"\x00")
    (made / "broken.ipynb").write_text("{")
    (made / "link.ipynb").symlink_to("Anna Arendt.ipynb")
    return made


def test_a_page_per_question_has_rubric_samples_and_all_answers(folder, archives):
    out = folder.with_name("week2-marking")
    assert marking.write_pages(folder, out, archives) == 9
    pages = {path.stem: path.read_text() for path in out.glob("*.html")}
    assert set(pages) == {f"{FIRST}-q1", f"{FIRST}-q6", f"{FIRST}-q8"}
    first = pages[f"{FIRST}-q1"]
    for text in (
        "Rubric, 4 points",
        "linear for fixed",
        "A full answer",
        "zipped answer",
    ):
        assert text in first
    assert "About half: 2 (items 1, 3)" in first
    assert first.count("<article>") == 3
    assert pages[f"{FIRST}-q6"].count(PIXEL) == 3
    assert pages[f"{FIRST}-q8"].count("(nothing)") == 3


def test_pages_name_nobody_and_run_nothing(folder, archives):
    out = folder.with_name("week2-marking")
    marking.write_pages(folder, out, archives)
    for path in [*out.glob("*.html"), out / "marks.csv"]:
        text = path.read_text()
        assert not re.search("Arendt|Bohr|Curie", text)
        assert "<script" not in text
    orders = [
        re.findall(r"<h2>(\w{8})</h2>", p.read_text()) for p in out.glob("*.html")
    ]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)


def fill(out: Path, mark: str) -> list[dict[str, str]]:
    lines = marking.read_marks(out / "marks.csv")
    lines[0] |= {"mark": mark, "comment": "good, but short"}
    with (out / "marks.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, marking.HEADER, delimiter=";")  # as in Germany
        table.writeheader()
        table.writerows(lines)
    return lines


def test_a_second_run_adds_lines_and_keeps_marks(folder, archives):
    out = folder.with_name("week2-marking")
    marking.write_pages(folder, out, archives)
    before = fill(out, "2,5")
    assert marking.write_pages(folder, out, archives) == 0
    assert marking.read_marks(out / "marks.csv") == before
    shutil.copy(folder / "Anna Arendt.ipynb", folder / "Dora Dirac.ipynb")
    assert marking.write_pages(folder, out, archives) == 3
    assert marking.read_marks(out / "marks.csv")[:9] == before


def graded() -> list[dict[str, str]]:
    columns = {"q1 written, of 4": "", "q6 written, of 4": "", "q8 written, of 5": ""}
    names = ("Anna Arendt.ipynb", "Bo Bohr", "Cid Curie.zip")
    line = {"assignment": f"{FIRST}, seed 0", "points": "19"}
    return [{"submission": name} | line | columns for name in names]


def test_marks_reach_the_line_of_their_submission(folder, archives):
    out = folder.with_name("week2-marking")
    marking.write_pages(folder, out, archives)
    marked = fill(out, "2,5")[0]
    names = {
        n["number"]: n["submission"] for n in marking.read_marks(out / "numbers.csv")
    }
    table = graded()
    merged = marking.merge_marks(table, marking.marks_of(out))
    for line in merged:
        mine = line["submission"] == names[marked["number"]]
        column = next(c for c in line if c.startswith(f"{marked['question']} written"))
        assert (line[column], line["written"]) == (("2.5", "2.5") if mine else ("", ""))
    assert table == graded()  # the one that came is left as it was
    again = marking.merge_marks(merged, [])
    assert again == merged  # an empty table must not lose marks


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        (["5"], "a mark of 5 is not between 0 and 4"),
        (["-1"], "not between"),
        (["nan"], "not between"),
        (["good"], "'good' is not a mark"),
        (["2", "3"], "two marks, 2 and 3"),
    ],
)
def test_a_mark_that_cannot_be_is_named(marks, said):
    line = {"submission": "Bo Bohr", "assignment": FIRST, "question": "q1"}
    lines = [line | {"mark": mark, "comment": ""} for mark in marks]
    with pytest.raises(ValueError, match=re.escape(said)):
        marking.merge_marks(graded(), lines)


def test_the_cells_of_the_handout_are_no_answer(given):
    read = assignments.read(assignments.sources()[FIRST])
    found = {a.question: a.cells for a in marking.answers_in("x", given, read)}
    assert found == {"q1": [], "q6": [], "q8": []}
    altered = copy.deepcopy(given)
    cell = next(c for c in altered.cells if "## Question 8" in c.source)
    cell.source += "\n\nI say: fails."  # below the question, in its own cell
    found = {a.question: a.cells for a in marking.answers_in("x", altered, read)}
    assert [c.source for c in found["q8"]] == ["I say: fails."]


@pytest.mark.parametrize(
    ("folder_", "said"),
    [("", "say which folder to mark"), ("no such folder", "must be a folder")],
)
def test_marking_asks_for_a_folder(folder_, said):
    command = [sys.executable, "marking.py", folder_]
    run = subprocess.run(command, cwd=HOMEWORK, text=True, capture_output=True)
    assert run.returncode == 2
    assert said in run.stderr


@pytest.mark.parametrize("name", assignments.sources())
def test_samples_and_rubrics_fit_the_points(name):
    read, known = assignments.read(assignments.sources()[name]), marking.samples(name)
    written = {q.name: q for q in read.questions if q.written}
    assert set(known) == set(written)
    for question in written.values():
        points = [p for p, _ in question.rubric]
        assert sum(points) == question.points
        stated = re.search(r"\*\*Rubric \((\d+)\)", question.answer)
        assert int(stated[1]) == question.points
        half, none = known[question.name]["half"], known[question.name]["none"]
        earned = sum(points[item - 1] for item in half["earns"])
        assert abs(earned - question.points / 2) <= 0.5
        assert len(half["text"].split()) > 15
        assert len(none["text"].split()) > 8
        assert len(none["because"].split()) > 3
    for question in read.questions:
        if not question.written:
            assert sum(test.points for test in question.tests) == question.points
            assert question.rubric == []


def test_the_picture_of_this_file_is_one():
    assert base64.b64decode(PIXEL).startswith(b"\x89PNG")


def test_an_answer_looks_as_it_was_written(folder, archives, given):
    """Paragraphs and pasted pictures were shown as text once."""
    made = answered(given, "a *proof* with $x<y$ ![mine](attachment:scan.png)")
    places = [c for c in made.cells if "attachment:scan" in c.source]
    places[0].attachments = {"scan.png": {"image/png": PIXEL}}
    nbformat.write(made, folder / "Anna Arendt.ipynb")
    evil = answered(given, "<img src=http://a.b/c.png onerror='x()'></article><b>y</b>")
    figure = next(c for c in evil.cells if c.get("outputs"))
    figure.outputs[0].data = {"image/png": "AA' onerror='x()"}
    nbformat.write(evil, folder / "Bo Bohr" / "x.ipynb")
    out = folder.with_name("week2-marking")
    marking.write_pages(folder, out, archives)
    page = (out / f"{FIRST}-q1.html").read_text()
    assert "<p>a <em>proof</em> with $x&lt;y$" in page
    assert "&lt;p&gt;" not in page
    assert f'src="data:image/png;base64,{PIXEL}"' in page
    assert page.count("</article>") == 3
    for path in out.glob("*.html"):
        named = Attributes(path.read_text()).named
        assert named == {"charset", "lang", "class", "src", "alt"} & named
        assert "http" not in path.read_text()


def test_whatever_the_grader_reads_is_marked(folder, archives, given):
    """Without metadata, of format 3, in zips and as text."""
    said = answered(given, "an answer of mine")
    shutil.rmtree(folder)
    folder.mkdir()
    bare = json.loads(nbformat.writes(said)) | {"metadata": {}}
    (folder / "bare.IPYNB").write_text(json.dumps(bare), encoding="utf-8-sig")
    old = nbformat.convert(copy.deepcopy(said), to_version=3)
    (folder / "old.ipynb").write_text(json.dumps(old))
    with (
        zipfile.ZipFile(folder / "zips.zip", "w") as archive,
        archive.open("inner.zip", "w") as file,
        zipfile.ZipFile(file, "w") as inner,
    ):
        inner.writestr("x.ipynb", json.dumps(bare))
    (folder / "text.md").write_text(jupytext.writes(said, "md"))
    (folder / "twice").mkdir()
    for name in ("1", "2"):
        nbformat.write(said, folder / "twice" / f"{name}.ipynb")
    out = folder.with_name("week2-marking")
    assert marking.write_pages(folder, out, archives) == 5 * 3
    page = (out / f"{FIRST}-q1.html").read_text()
    assert page.count("an answer of mine") == 5
    assert (out / f"{FIRST}-q6.html").read_text().count(PIXEL) == 4  # text has none


def test_an_endless_answer_is_cut(given):
    read = assignments.read(assignments.sources()[FIRST])
    made = copy.deepcopy(given)
    made.cells += [nbformat.v4.new_code_cell("pass") for _ in range(1000)]
    found = {a.question: a.cells for a in marking.answers_in("x", made, read)}
    assert len(found["q8"]) == marking.CELLS + 1
    assert "960 more cells" in found["q8"][-1].source
    assert len(marking._cut("x" * 10**6)) < 21_000
