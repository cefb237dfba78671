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


def test_most_names_of_the_notation_lead_somewhere():
    cells = soup("book/start/notation.html").select("article td code")
    linked = [code for code in cells if code.find_parent("a")]
    # A name that several batteries have stays as it is.
    assert len(linked) > 0.75 * len(cells), {c.get_text() for c in cells} - {
        c.get_text() for c in linked
    }


def test_a_chapter_links_the_words_of_the_glossary_once():
    page = soup("book/papers/dual-cavity.html")
    terms = [
        a
        for a in page.select("article a")
        if "glossary.html#term-" in a.get("href", "")
    ]
    assert len({a["href"] for a in terms}) > 3
    added = [a["href"] for a in terms if "name" in a.get("class", [])]
    assert len(added) == len(set(added)) > 0


def glossary_words() -> list[str]:
    return [
        dt.get_text().rstrip("#")
        for dt in soup("book/reference/glossary.html").select("dl.glossary dt")
    ]


def test_the_search_shows_the_words_that_were_asked_for(browser, address):
    words = glossary_words()
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
            good = [s for s in shown if any(part[:5] in s.lower() for part in parts)]
            # A page may have its words in a title or formula, which no sentence shows.
            assert len(good) >= 0.8 * len(shown), (word, set(shown) - set(good))
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
