"""Print the whole site as one book: `make pdf`, or this tool after `make site`.

The pages are joined, in the order of `_toc.yml`, to one page that Chromium prints: what
is on paper is what is on the site. Each slider shows the frame it starts at; hints and
solutions are printed open.
"""

from __future__ import annotations

import argparse
import os
import posixpath
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pikepdf
import yaml
from bs4 import BeautifulSoup, Tag
from chromium import CHROMIUM
from jinja2 import Template
from playwright.sync_api import Page, sync_playwright

import qbcore

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
BOOK = ROOT / "_build" / "pdf" / "quantum-batteries.pdf"
TEMPLATE = Path(__file__).with_suffix(".html")
# Of a page's head, what draws text and formulas; the other scripts are for the screen.
DRAWING = "script[src*='mathjax'], link[rel='stylesheet']"
# A formula wider than the page is made smaller; a page cannot scroll.
FIT = """() => document.querySelectorAll(
    'mjx-container[display="true"]').forEach((formula) => {
    const width = formula.firstElementChild.getBoundingClientRect().width;
    const room = formula.parentElement.getBoundingClientRect().width;
    if (width > room) formula.style.fontSize = `${Math.floor((99 * room) / width)}%`;
})"""
# Every picture and formula is there.
DRAWN = """async () => {
    await window.MathJax.startup.promise;
    await window.MathJax.startup.document.lazyTypesetAll();
    await Promise.all(Array.from(document.images, (image) => image.decode()));
    await document.fonts.ready;
}"""
NUMBER = """(numbers) => document.querySelectorAll(
    '.list-of-chapters a').forEach((link) => {
    link.lastElementChild.textContent = numbers[link.hash.slice(1)];
})"""
OPTIONS = ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
NO_CHROMIUM = "!!! Chromium not found: the book is NOT printed."
MOST_PRINTS = 5
PATIENCE = 900_000  # milliseconds


class Chapter(NamedTuple):
    """A page of the site in the joined page."""

    anchor: str
    title: str
    article: Tag
    head: list[str]


def read(page: str, pages: set[str]) -> Chapter:
    """The article of a page, its anchors and links made those of the joined page."""
    text = (SITE / page).with_suffix(".html").read_text(encoding="utf-8")
    soup = BeautifulSoup(text, "html.parser")
    article = soup.select_one("article.bd-article")
    if not article or not article.h1 or not soup.head:
        raise ValueError(f"Page {page} must have a head and an article with a title.")
    title = article.h1
    for element in article.select("a.headerlink, a.download, script, .explorer-note"):
        element.decompose()
    for element in article.find_all(id=True):
        element["id"] = f"{page}/{element['id']}"
    head = soup.head.select(DRAWING)
    for element in [*article.find_all(["a", "img"]), *head]:
        relink(element, page, pages)
    for element in article.find_all("details"):
        element["open"] = ""
    for code in article.select("h1 code, h2 code"):
        code.unwrap()  # its box misleads Chromium's bookmarks at the top of a page
    for level in range(5, 0, -1):  # the first level is for the parts
        for heading in article.find_all(f"h{level}"):
            heading.name = f"h{level + 1}"
    return Chapter(page, title.get_text(), article, list(map(str, head)))


def relink(element: Tag, page: str, pages: set[str]) -> None:
    """Point a link or picture of `page` to where it is seen from the joined page."""
    attribute = "href" if element.name in ("a", "link") else "src"
    link = urlsplit(str(element.get(attribute, "")))
    if link.scheme:
        return
    target = (
        posixpath.normpath(posixpath.join(posixpath.dirname(page), link.path))
        if link.path
        else page
    )
    inside = target.removesuffix(".html")
    if inside in pages:
        element[attribute] = f"#{inside}/{link.fragment}".rstrip("/")
    elif element.name == "a":
        element.unwrap()  # a download, or the index: not on paper
    else:
        element[attribute] = f"../html/{target}"


def join() -> str:
    """The whole book as one page."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [("", [toc["root"]])]
    files += [
        (part["caption"], [c["file"] for c in part["chapters"]])
        for part in toc["parts"]
    ]
    pages = {page for _, chapters in files for page in chapters}
    parts = [
        (caption, [read(page, pages) for page in chapters])
        for caption, chapters in files
    ]
    return Template(TEMPLATE.read_text(encoding="utf-8"), autoescape=True).render(
        config=yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8")),
        version=qbcore.__version__,
        head=dict.fromkeys(
            tag for _, chapters in parts for c in chapters for tag in c.head
        ),
        parts=parts,
    )


def page_numbers(book: Path) -> dict[str, int]:
    """On which page each anchor is that something links to."""
    with pikepdf.open(book) as pdf:
        return {
            anchor.removeprefix("/"): pdf.pages.index(pikepdf.Page(place[0])) + 1
            for anchor, place in pdf.Root.Dests.items()
        }


def press(page: Page) -> list[str]:
    """Print until the contents show the print's page numbers; give all headings."""
    page.emulate_media(media="print")
    page.goto(BOOK.with_suffix(".html").as_uri())
    page.evaluate(DRAWN)
    page.evaluate(FIT)
    shown: dict[str, int] = {}
    for attempt in range(MOST_PRINTS):
        page.pdf(
            path=BOOK,
            prefer_css_page_size=True,
            print_background=True,
            tagged=True,
            outline=True,
        )
        found = page_numbers(BOOK)
        if found == shown:
            break
        # Chromium may break a page differently in every other print: numbers get a
        # second chance.
        if attempt % 2 == 0:
            shown = found
            page.evaluate(NUMBER, shown)
    else:
        raise RuntimeError(f"The page numbers still change after {MOST_PRINTS} prints.")
    return page.evaluate(
        "Array.from("
        "document.querySelectorAll('h1, h2, h3, h4, h5, h6'), (h) => h.innerText)"
    )


def bind(headings: list[str]) -> None:
    """Right the bookmarks, in which Chromium says some titles twice; pack the file."""

    def entries(items: list[pikepdf.OutlineItem]) -> Iterator[pikepdf.OutlineItem]:
        for item in items:
            yield item
            yield from entries(item.children)

    with pikepdf.open(BOOK, allow_overwriting_input=True) as pdf:
        with pdf.open_outline() as outline:
            for item, heading in zip(entries(outline.root), headings, strict=True):
                item.title = " ".join(heading.split())
        pdf.save(
            BOOK,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            recompress_flate=True,
        )


def main() -> None:
    """Write the book to `_build/pdf/`."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not SITE.exists():
        sys.exit("There is no site in _build/html: run `make site` first.")
    if not CHROMIUM:
        print(NO_CHROMIUM)
        sys.exit(bool(os.environ.get("CI")))
    BOOK.parent.mkdir(exist_ok=True)
    BOOK.with_suffix(".html").write_text(join(), encoding="utf-8")
    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM, args=OPTIONS, timeout=PATIENCE
        )
        page = chromium.new_page(
            viewport={"width": 643, "height": 1000}
        )  # the width of the text on A4
        page.set_default_timeout(PATIENCE)
        bind(press(page))
        chromium.close()
    print(f"The book is in {BOOK}.")


if __name__ == "__main__":
    main()
