"""The printed book, read by another library than its maker: `make pdf` first."""

import html
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
import yaml
from chromium import CHROMIUM
from needs import needs
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
PDF = ROOT / "_build" / "pdf" / "quantum-batteries.pdf"


@pytest.fixture(scope="module")
def book() -> Iterator[pypdfium2.PdfDocument]:
    needs(CHROMIUM is not None, "Chromium not found: the book was NOT printed.")
    if not PDF.exists():
        pytest.fail("There is no book in _build/pdf: run `make pdf` first.")
    with pypdfium2.PdfDocument(PDF) as document:
        yield document


@pytest.fixture(scope="module")
def text(book) -> list[str]:
    """The text that a search in each page of the book finds."""
    return [page.get_textpage().get_text_range() for page in book]


@pytest.fixture(scope="module")
def bookmarks(book) -> list[tuple[int, str, int]]:
    """Level, title without the chapter's number, and page of each bookmark."""
    return [
        (
            mark.level,
            re.sub(r"^\d+\. ", "", mark.get_title()),
            mark.get_dest().get_index(),
        )
        for mark in book.get_toc()
    ]


def one_line(text: str) -> str:
    return " ".join(text.split())


def titles() -> list[str]:
    """The title of every page of the site, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [
        toc["root"],
        *(c["file"] for part in toc["parts"] for c in part["chapters"]),
    ]
    heading = re.compile("<title>(.*?) (?:—|&#8212;) Quantum batteries</title>", re.S)
    pages = [
        (SITE / file).with_suffix(".html").read_text(encoding="utf-8") for file in files
    ]
    found = [one_line(html.unescape(heading.search(page)[1])) for page in pages]
    return [re.sub(r"^\d+\. ", "", title) for title in found]


def test_bookmarks_hold_parts_and_chapters_in_order(bookmarks):
    parts = [
        p["caption"]
        for p in yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))[
            "parts"
        ]
    ]
    assert [title for level, title, _ in bookmarks if level == 0] == [
        titles()[0],
        *parts,
    ]
    assert [
        title for level, title, _ in bookmarks if level == 1 and title in titles()
    ] == titles()[1:]
    assert sum(title == "Exercises" for _, title, _ in bookmarks) >= 5


def test_contents_show_the_pages_on_which_chapters_begin(book, text, bookmarks):
    contents = one_line(" ".join(text[1:3]))  # two pages of them
    begin = {title: page for level, title, page in bookmarks if level <= 1}
    for title in titles():
        assert f"{title} {begin[title] + 1}" in contents
        # A title that is broken into two lines has no space there.
        assert "".join(title.split()) in "".join(text[begin[title]].split())
        assert str(begin[title] + 1) in text[begin[title]].splitlines(), (
            "the number at the foot of the page"
        )


def test_book_is_whole(book, text):
    assert len(book) > 200
    site = len(list(SITE.glob("_images/*.png")))  # an SVG is drawn with lines
    drawn = [len(list(page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]))) for page in book]
    assert sum(drawn) >= site > 50
    assert max(drawn) < 10


def test_formulas_are_drawn_and_can_be_searched(text):
    # A search takes the letters for mathematics for plain ones.
    whole = unicodedata.normalize("NFKC", "\n".join(text))
    assert not re.search(r"\\frac\b|\\begin\b|\\\(|\\\[|Math input error", whole)
    for sign in "∑√⟩⟨ℏρ∫":
        assert whole.count(unicodedata.normalize("NFKC", sign)) > 5, sign


def test_equations_and_figures_have_the_numbers_of_the_site(text):
    whole = "\n".join(text)
    for page in SITE.glob("book/papers/*.html"):
        html = page.read_text(encoding="utf-8")
        for number in re.findall(r'class="eqno">(\(\d+\.\d+\))', html):
            assert number in whole
        for number in re.findall(r'class="caption-number">(Fig\. \d+\.\d+)', html):
            assert number in whole
