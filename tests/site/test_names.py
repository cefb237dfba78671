"""Names and numbers of the built site: they lead somewhere, the same everywhere."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from test_site import PAGES, SITE, Visit

CLAIMS = (
    {c["id"] for c in json.loads((SITE / "claims.json").read_text())["claims"]}
    if PAGES
    else ()
)


def soup(path: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / path).read_text(encoding="utf-8"), "html.parser")


def numbered(path: str) -> int | None:
    """The chapter's number in its title, if it has one."""
    number = soup(path).select_one("h1 .section-number")
    return int(number.get_text().rstrip(". ")) if number else None


@pytest.mark.parametrize("path", PAGES)
def test_equations_and_figures_carry_the_number_of_their_chapter(path):
    page, chapter = soup(path), numbered(path)
    equations = [e.contents[0].strip() for e in page.select("article .eqno")]
    figures = [e.get_text().strip() for e in page.select("article .caption-number")]
    if chapter is None:
        assert not [f for f in figures if "." in f.removeprefix("Fig. ").rstrip(".")]
        return
    assert equations == [f"({chapter}.{k + 1})" for k in range(len(equations))]
    assert figures == [f"Fig. {chapter}.{k + 1}" for k in range(len(figures))]


def test_the_chapters_of_the_papers_are_numbered_through():
    numbers = [
        numbered(p) for p in PAGES if re.search("foundations|papers|synthesis", p)
    ]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("path", PAGES)
def test_every_claim_that_is_named_leads_to_its_address(path):
    for code in soup(path).select("article p code, article td code, article li code"):
        if code.get_text() in CLAIMS:
            link = code.find_parent("a")
            assert link is not None, code
            assert re.search(f"claims?[/-]{code.get_text()}", link["href"]), link


@pytest.mark.parametrize(
    ("path", "name", "anchor"),
    [
        (
            "book/reference/glossary.html",
            "metrics.ergotropy",
            "qbcore.metrics.ergotropy",
        ),
        ("book/start/notation.html", "atoms_a", "DualCavityBattery"),
        ("book/start/notation.html", "shared_loss", "NonreciprocalBattery"),
        ("book/start/notation.html", "bath_frequency", "StarBattery"),
        ("book/papers/rosen-zener.html", "charge_map", "qbcore.rosen_zener.charge_map"),
    ],
)
def test_a_name_of_the_core_leads_to_its_entry(path, name, anchor):
    found = [c for c in soup(path).select("article code") if c.get_text() == name]
    links = {code.find_parent("a")["href"] for code in found if code.find_parent("a")}
    assert [link for link in links if anchor in link], (found, links)


def test_names_of_the_notation_lead_somewhere():
    cells = soup("book/start/notation.html").select("article td code")
    free = {code.get_text() for code in cells if not code.find_parent("a")}
    assert free <= {"ergotropy / quantum"}


def forms_of(word: str) -> set[str]:
    """Singular and plural."""
    one = re.sub("(state|limit)s$", r"\1", word)
    return {word, one, re.sub("(?<![aeiou])y$", "ie", one) + "s"}


def prose(page: BeautifulSoup) -> str:
    """What an author wrote as sentences, without code, formulas and verdicts."""
    for part in page.select(
        ".text_html, .highlight, .math, pre, h1, h2, h3, h4, a, code, strong, script"
    ):
        part.decompose()
    said = page.select("article p, article figcaption")
    return " ".join(each.get_text(" ") for each in said).lower()


CHAPTERS = [p for p in PAGES if re.search("foundations|papers|synthesis", p)]
# Words of every day, which the extension leaves alone.
LEFT_ALONE = {"capacity", "lifetime", "claim", "leak"}


@pytest.mark.parametrize("path", CHAPTERS)
def test_a_chapter_links_every_word_of_the_glossary_that_it_says_once(path):
    page = soup(path)
    terms = [
        a for a in page.select("article a") if "glossary.html#" in a.get("href", "")
    ]
    added = [a["href"] for a in terms if "name" in a.get("class", [])]
    assert len(added) == len(set(added))
    linked = {a["href"].partition("#term-")[2].lower() for a in terms}
    text = prose(page)
    for word in set(glossary_words()) - LEFT_ALONE:
        said = [f for f in forms_of(word) if re.search(rf"\b{re.escape(f)}\b", text)]
        assert not said or word.lower().replace(" ", "-") in linked, (word, said)


def glossary_words() -> list[str]:
    return [
        dt.get_text().rstrip("#")
        for dt in soup("book/reference/glossary.html").select("dl.glossary dt")
    ]


def test_the_search_shows_the_words_that_were_asked_for(browser, address):
    words, every, lacking = glossary_words(), 0, []
    assert len(words) > 40
    with Visit(browser, address, "search.html?q=ergotropy") as visit:
        for word in words:
            visit.page.goto(f"{address}search.html?q={word.replace(' ', '+')}")
            visit.page.wait_for_function(
                "document.querySelectorAll('#search-results .search li').length > 0 && "
                "Array.from(document.querySelectorAll('#search-results .search li'))"
                ".every(x => x.querySelector('p.context') || x.querySelector('span'))"
            )
            shown = visit.page.locator(
                "#search-results .search li p.context"
            ).all_inner_texts()
            parts = re.findall(r"[^\W_]{3,}", word.lower())
            every += len(shown)
            lacking += [
                (word, text)
                for text in shown
                if not any(part[:5] in text.lower() for part in parts)
            ]
        # A page may say a word in a picture or a title alone, which no excerpt shows.
        assert len(lacking) <= 0.02 * every, lacking
        assert visit.said == []


@pytest.mark.parametrize(
    ("asked", "page"), [("N^3", "dual-cavity"), ("N^{2.5}", "dual-cavity")]
)
def test_the_search_knows_powers(browser, address, asked, page):
    with Visit(browser, address, f"search.html?q={asked}") as visit:
        visit.page.locator("#search-results .search li a").nth(2).wait_for()
        first = visit.page.locator("#search-results .search li a").all()[:3]
        assert [x for x in first if page in x.get_attribute("href")]


@pytest.mark.parametrize("path", [p for p in PAGES if "reference/api/" in p])
def test_the_reference_says_what_a_field_is_and_not_its_number(path):
    assert "Alias for field number" not in soup(path).get_text()
