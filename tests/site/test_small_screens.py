"""On a phone nothing is cut without a sign, and nothing is out of reach."""

import pytest
from test_site import PAGES, SET_ALL, Visit

PHONE = 360
CHAPTERS = [path for path in PAGES if "/papers/" in path]

# Every element of the text that holds more than it shows, however it came to be so.
CUT = """() => Array.from(document.querySelectorAll(".bd-article *")).filter(box => {
    if (box.closest("mjx-container") && box.tagName !== "MJX-CONTAINER") return false;
    if (box.closest(".visually-hidden, mjx-assistive-mml")) return false;
    return box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 2 &&
        getComputedStyle(box).overflowX !== "visible";
}).map(box => ({
    what: `${box.tagName} ${box.className}: ${box.textContent.slice(0, 40)}`,
    scrolls: ["auto", "scroll"].includes(getComputedStyle(box).overflowX),
    fades: getComputedStyle(box).maskImage.startsWith("linear-gradient"),
    more: box.dataset.more, tabIndex: box.tabIndex,
    role: box.getAttribute("role") || box.tagName.toLowerCase(),
    name: box.getAttribute("aria-label"),
}))"""


def settled(visit: Visit) -> None:
    """All formulas are set, and what is wider than the screen is marked."""
    visit.page.evaluate(f"window.MathJax && {SET_ALL}")
    visit.page.wait_for_timeout(200)


def unmarked(box: dict) -> bool:
    """Whether a box that holds more than it shows keeps that to itself."""
    marks = box["scrolls"], box["fades"], box["more"] == "right", box["tabIndex"] == 0
    return not (all(marks) and box["role"] in ("group", "table") and box["name"])


@pytest.mark.parametrize("path", PAGES)
def test_what_scrolls_on_a_phone_shows_it_and_takes_the_keyboard(
    browser, address, path
):
    with Visit(browser, address, path, width=PHONE) as visit:
        settled(visit)
        for _ in range(50):  # the page follows its own changes after a moment
            left = [box for box in visit.page.evaluate(CUT) if unmarked(box)]
            if not left:
                break
            visit.page.wait_for_timeout(200)
        assert left == []


def test_the_fade_moves_to_where_there_is_more(browser, address):
    with Visit(browser, address, "book/start/notation.html", width=PHONE) as visit:
        settled(visit)
        box = visit.page.locator("table[data-more]").first
        box.focus()
        visit.page.keyboard.press("ArrowRight")
        visit.page.wait_for_function(
            "box => box.dataset.more === 'left right'", arg=box.element_handle()
        )
        box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
        visit.page.wait_for_function(
            "box => box.dataset.more === 'left'", arg=box.element_handle()
        )
        visit.page.set_viewport_size({"width": 2400, "height": 900})
        visit.page.wait_for_function(
            "box => box.dataset.more === undefined && box.tabIndex === -1",
            arg=box.element_handle(),
        )


@pytest.mark.parametrize("path", CHAPTERS)
def test_formulas_break_into_lines_that_fit_a_phone(browser, address, path):
    with Visit(browser, address, path, width=PHONE) as visit:
        settled(visit)
        shown = visit.page.locator('mjx-container[display="true"]')
        wide = [
            b
            for b in visit.page.evaluate(CUT)
            if b["what"].startswith(("MJX", "DIV math"))
        ]
        assert shown.count() > 10
        assert len(wide) <= shown.count() / 10, wide
        # The number of an equation is on the screen without scrolling.
        right = "all => Math.max(...all.map(x => x.getBoundingClientRect().right))"
        assert visit.page.locator(".eqno").evaluate_all(right) <= PHONE


@pytest.mark.parametrize("path", CHAPTERS)
def test_code_is_whole_on_a_small_desktop(browser, address, path):
    with Visit(browser, address, path) as visit:
        settled(visit)
        assert [
            b for b in visit.page.evaluate(CUT) if b["what"].startswith("PRE")
        ] == []


# The full stop behind a formula, and the formula's own last line, by their places.
STRANDED = """() => Array.from(
    document.querySelectorAll(".bd-article .nobr")).filter(pair => {
    const sign = document.createRange();
    if (pair.lastChild.nodeType !== Node.TEXT_NODE) return false;
    sign.selectNodeContents(pair.lastChild);
    const lines = pair.querySelector("mjx-container").getClientRects();
    const last = lines[lines.length - 1];
    const [first] = sign.getClientRects();
    return last && first && first.top > last.bottom;
}).map(pair => pair.textContent)"""


@pytest.mark.parametrize("path", ["book/index.html", *CHAPTERS])
def test_no_full_stop_is_left_alone_on_the_next_line(browser, address, path):
    with Visit(browser, address, path, width=PHONE) as visit:
        settled(visit)
        assert visit.page.locator(".bd-article .nobr").count() > 3
        assert visit.page.evaluate(STRANDED) == []


# Links in running text are as tall as their line, which WCAG allows.
SMALL = """() => Array.from(document.querySelectorAll(
    "button, summary, select, input:not([type=hidden]), nav a, .prev-next-footer a"
)).filter(target => {
    const box = target.getBoundingClientRect();
    const shown = box.width > 1 && getComputedStyle(target).visibility === "visible";
    return shown && !target.closest(".visually-hidden, #pst-skip-link, .highlight") &&
        (box.height < 43.5 || box.width < 43.5);
}).map(target => [target.outerHTML.slice(0, 120),
    target.getBoundingClientRect().width, target.getBoundingClientRect().height])"""


@pytest.mark.parametrize(
    "path",
    [
        "book/index.html",
        "book/synthesis/ledger.html",
        "book/papers/dual-cavity.html",
    ],
)
def test_a_finger_hits_every_button(browser, address, path):
    with Visit(browser, address, path, width=PHONE, touch=True) as visit:
        settled(visit)
        assert visit.page.evaluate(SMALL) == []


def test_a_picture_has_a_link_to_its_full_size_on_a_phone_only(browser, address):
    path = "book/papers/rosen-zener.html"
    for width, shown in ((PHONE, True), (1280, False)):
        with Visit(browser, address, path, width=width) as visit:
            link = visit.page.locator("figure a.full-size").first
            assert link.is_visible() is shown
            assert link.get_attribute("href").endswith((".svg", ".png"))


def test_an_empty_choice_of_the_ledger_says_so_and_leads_back(browser, address):
    with Visit(
        browser, address, "book/synthesis/ledger.html?words=nosuchword"
    ) as visit:
        page = visit.page
        assert (
            "None of the" in page.locator(".ledger-filter [role=status]").inner_text()
        )
        page.get_by_role("button", name="Show all claims").click()
        assert page.locator("table.ledger tbody tr:visible").count() > 100
        assert "?" not in page.url


def test_the_numbers_of_the_first_page_lead_to_their_claims(browser, address):
    with Visit(browser, address, "book/index.html") as visit:
        count = visit.page.locator("ul.tally a").nth(2)
        number = int(count.locator("strong").inner_text())
        count.click()
        visit.page.wait_for_url("**/ledger.html?verdict=*")
        rows = visit.page.locator("table.ledger tbody tr:visible")
        assert rows.count() == number
