"""The built site in a real browser with the network cut off: `make site` first."""

import itertools
import json
import re
from html.parser import HTMLParser

import pytest
from axe_playwright_python.sync_playwright import Axe
from explorers import MARK
from playwright.sync_api import Browser, Locator, Page, Route
from serve import SITE

PAGES = sorted(str(p.relative_to(SITE)) for p in SITE.glob("book/**/*.html"))
FONTS = "**/_static/fonts/*"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Pages of each kind: the first, one with sliders, and one with a script that the site
# wrote.
OPENED = [
    "book/index.html",
    "book/foundations/ergotropy.html",
    "book/synthesis/ledger.html",
]
# The search's remark on a dot in an anchor that it then looks for in vain, to show the
# text around it, and MathJax's on an option of the menu, which the site leaves out;
# nothing is wrong with the page.
KNOWN_REMARKS = (
    "Anchored content block not found",
    'MathJax: Invalid option "menuOp',
)


class Visit:
    """A page with all but its own origin blocked, and what it asked and said."""

    def __init__(
        self,
        browser: Browser,
        address: str,
        path: str,
        *,
        width: int = 1280,
        dark: bool = False,
        touch: bool = False,
        hold_fonts: bool = False,
    ):
        self.held: list[Route] = []  # requests for fonts that wait for an answer
        self.outside: list[str] = []
        self.failed: list[str] = []
        self.said: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            has_touch=touch,
        )
        self.context.set_default_timeout(
            120_000
        )  # a busy machine is not a failure of the page
        self.page: Page = self.context.new_page()
        self.page.route("**/*", lambda route: self._only_own(route, address))
        if hold_fonts:
            self.page.route(FONTS, lambda route: self.held.append(route))
        self.from_disk = address.startswith("file:")
        self.page.on("console", lambda m: self._heard(m.type, m.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on(
            "response", lambda r: self.failed.append(r.url) if r.status >= 400 else None
        )
        self.page.goto(
            address + path, wait_until="commit" if hold_fonts else "networkidle"
        )
        if (
            not hold_fonts
        ):  # a slow script may keep the page from being loaded after the last byte
            self.page.wait_for_load_state("load")

    def let_fonts_come(self) -> None:
        """Those that were asked for, and those that will be."""
        self.page.unroute(FONTS)
        for request in self.held:
            request.continue_()

    def _only_own(self, route, address: str) -> None:
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def _heard(self, kind: str, text: str) -> None:
        if kind not in ("error", "warning") or text.startswith(KNOWN_REMARKS):
            return
        # From the disk a font cannot be fetched ahead; the style sheet still finds it.
        if self.from_disk and ("/fonts/" in text or text.endswith("net::ERR_FAILED")):
            return
        self.said.append(text)

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def text_of(path: str) -> str:
    return (SITE / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES)
def test_page_asks_no_one_else_and_reports_no_error(browser, address, path):
    with Visit(browser, address, path) as visit:
        assert visit.outside == []
        assert visit.failed == []
        assert visit.said == []
        assert visit.page.locator("h1:visible").count() == 1
        formulas = visit.page.locator("span.math, div.math").count()
        drawn = visit.page.locator("mjx-container").count()
        assert (drawn > 0) == (formulas > 0)
        assert visit.page.locator("mjx-merror").count() == 0
        assert visit.page.locator("main img:not([alt]), main img[alt='']").count() == 0
        assert_heard_in_order(visit.page)


def assert_heard_in_order(page: Page) -> None:
    """A listener gets one main part, headings without gaps, and past the navigation."""
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("main").count() == 1
    heard = page.get_by_role("main").aria_snapshot()
    levels = [int(level) for level in re.findall(r"heading .*\[level=(\d)\]", heard)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    page.keyboard.press("Tab")
    assert (
        page.evaluate("document.activeElement.textContent.trim()")
        == "Skip to main content"
    )


SET_ALL = """MathJax.startup.promise.then(
    () => MathJax.startup.document.lazyTypesetAll()).then(() => true)"""
WIDE_FORMULAS_TAKE_THE_KEYBOARD = """() => Array.from(
    document.querySelectorAll('mjx-container[display="true"]')).every(formula =>
    formula.scrollWidth <= formula.clientWidth + 2 || formula.tabIndex === 0)"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360], ids=["desktop", "phone"])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_accessible_and_does_not_scroll_sideways(
    browser, address, path, width, dark
):
    with Visit(browser, address, path, width=width, dark=dark) as visit:
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        # Formulas are two thirds of the elements, and judged once.
        if (width, dark) == (1280, False):
            visit.page.evaluate(f"window.MathJax && {SET_ALL}")
            visit.page.wait_for_function(WIDE_FORMULAS_TAKE_THE_KEYBOARD)
        else:
            visit.page.locator("mjx-container").evaluate_all(
                "all => all.forEach(x => x.remove())"
            )
        found = Axe().run(
            visit.page, options={"runOnly": WCAG, "resultTypes": ["violations"]}
        )
        grave = [
            v
            for v in found.response["violations"]
            if v["impact"] in ("serious", "critical")
        ]
        assert [(v["id"], [node["target"] for node in v["nodes"]]) for v in grave] == []


# A link of a panel lies in the window, and nothing lies on top of it. Not the first
# one: the menu scrolls to the entry of its page.
LINK_SHOWN = """panel => Array.from(
    document.querySelectorAll(`.bd-sidebar-${panel} nav a`)).some(link => {
    const { left, right, top, bottom } = link.getBoundingClientRect();
    const inside =
        left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
    const middle = [(left + right) / 2, (top + bottom) / 2];
    return inside && link.contains(document.elementFromPoint(...middle));
})"""


def await_panel(page: Page, panel: str, *, shown: bool) -> None:
    """Wait until the panel has slid in or out."""
    page.wait_for_function(
        f"panel => ({LINK_SHOWN})(panel) === {str(shown).lower()}", arg=panel
    )


def press(button: Locator, way: str) -> None:
    if way == "key":
        button.press("Enter")
    elif way == "tap":
        button.tap()
    else:
        button.click()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("way", ["tap", "key"])
@pytest.mark.parametrize("width", [360, 768])
@pytest.mark.parametrize("path", OPENED)
def test_menu_and_contents_open_and_close_on_narrow_screens(
    browser, address, path, width, way, dark
):
    with Visit(browser, address, path, width=width, dark=dark, touch=True) as visit:
        for panel, beside in (("primary", width - 5), ("secondary", 5)):
            button = visit.page.locator(f".{panel}-toggle:visible")
            await_panel(visit.page, panel, shown=False)
            press(button, way)
            await_panel(visit.page, panel, shown=True)
            if way == "key":
                visit.page.keyboard.press("Escape")
            else:
                visit.page.touchscreen.tap(beside, 450)
            await_panel(visit.page, panel, shown=False)
            assert visit.page.locator("dialog[open]").count() == 0
            assert button.evaluate("button => button === document.activeElement")
        assert visit.said == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("way", ["click", "key"])
@pytest.mark.parametrize("path", OPENED)
def test_menu_is_hidden_and_shown_on_a_wide_screen_beside_the_contents(
    browser, address, path, way, dark
):
    with Visit(browser, address, path, dark=dark) as visit:
        await_panel(visit.page, "secondary", shown=True)
        button = visit.page.locator(".primary-toggle:visible")
        for shown in (True, False, True):
            await_panel(visit.page, "primary", shown=shown)
            press(button, way)
        assert visit.said == []


def test_a_place_chosen_in_the_contents_of_a_phone_is_shown(browser, address):
    with Visit(
        browser, address, "book/foundations/ergotropy.html", width=360, touch=True
    ) as visit:
        visit.page.locator(".secondary-toggle:visible").tap()
        await_panel(visit.page, "secondary", shown=True)
        link = visit.page.locator(".bd-sidebar-secondary nav a").nth(2)
        place = link.get_attribute("href")
        link.tap()
        visit.page.wait_for_selector("dialog[open]", state="detached")
        visit.page.wait_for_function(
            "place => Math.abs(document.querySelector(place)"
            ".getBoundingClientRect().top) < innerHeight",
            arg=place,
        )


class _Anchors(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if named.get("id"):
            self.ids.append(named["id"] or "")
        if tag == "a" and named.get("href"):
            self.links.append(named["href"] or "")


def test_every_internal_link_leads_somewhere():
    sources = sorted(str(p.relative_to(SITE)) for p in SITE.glob("_modules/**/*.html"))
    pages = [*PAGES, *sources]
    parsed = {p: _Anchors((SITE / p).read_text(encoding="utf-8")) for p in pages}
    for path in PAGES:
        for link in parsed[path].links:
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            target = target.partition("?")[0]  # what a page is asked for
            file = (SITE / path).parent / target if target else SITE / path
            assert file.exists(), f"{path} links to {link}"
            if anchor and file.suffix == ".html":
                found = parsed[str(file.resolve().relative_to(SITE.resolve()))].ids
                assert anchor in found, f"{path} links to {link}"


def test_ledger_is_filtered_by_paper_and_verdict(browser, address):
    with Visit(browser, address, "book/synthesis/ledger.html") as visit:
        page = visit.page
        shown = page.locator("table.ledger tbody tr:visible")
        total = shown.count()
        page.get_by_label("Show verdict").select_option("fails")
        fails = shown.count()
        assert 0 < fails < total
        assert {row.get_attribute("data-verdict") for row in shown.all()} == {"fails"}
        page.get_by_label("Show paper").select_option("Guo 2024")
        assert 0 < shown.count() < fails
        assert page.url.endswith("?paper=Guo+2024&verdict=fails")
        assert (
            page.locator(".ledger-filter [role=status]")
            .inner_text()
            .startswith(f"{shown.count()} of {total}")
        )
        page.get_by_label("Show paper").select_option("")
        page.get_by_label("Show verdict").select_option("")
        assert shown.count() == total
        assert "?" not in page.url
        assert visit.said == []


def test_ledger_is_searched_and_sorted_and_its_address_says_how(browser, address):
    asked = "book/synthesis/ledger.html?words=exceptional+point&order=verdict"
    with Visit(browser, address, asked) as visit:
        page = visit.page
        shown = page.locator("table.ledger tbody tr:visible")
        texts = [row.inner_text().lower() for row in shown.all()]
        assert texts
        assert all("exceptional" in text and "point" in text for text in texts)
        verdicts = [row.get_attribute("data-verdict") for row in shown.all()]
        assert verdicts == sorted(verdicts)
        page.get_by_label("Search the claims").fill("no such words")
        assert shown.count() == 0
        page.get_by_label("Search the claims").fill("")
        page.get_by_label("Decided by").select_option("proof")
        found = {row.get_attribute("data-decided") for row in shown.all()}
        assert found <= {"proof"}
        assert visit.said == []


def test_a_verdict_can_be_copied_and_linked(browser, address):
    with Visit(browser, address, "book/papers/two-photon.html") as visit:
        page = visit.page
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        box = page.locator("#claim-xu-threshold")
        box.get_by_role("button", name="Copy citation").click()
        box.get_by_role("button", name="Copied").wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.splitlines()[-1] == "python -m qbook verdict xu-threshold"
        assert "/claims/xu-threshold.html" in copied
        box.get_by_role("link", name="xu-threshold").click()
        assert page.url.endswith("#claim-xu-threshold")
        assert visit.said == []


def test_the_formulas_of_the_ledger_are_set(browser, address):
    with Visit(browser, address, "book/synthesis/ledger.html") as visit:
        visit.page.wait_for_selector("table.ledger mjx-container")
        assert "\\(" not in visit.page.locator("table.ledger").inner_text()


def test_the_permanent_address_of_a_claim_leads_to_its_box(browser, address):
    with Visit(browser, address, "claims/zhang-n3.html") as visit:
        visit.page.wait_for_url("**/dual-cavity.html#claim-zhang-n3")
        assert visit.page.locator("#claim-zhang-n3").is_visible()
        assert not visit.failed


def test_every_verdict_stands_on_the_first_page_and_leads_to_its_box(browser, address):
    with Visit(browser, address, "book/index.html") as visit:
        links = visit.page.locator("nav.all-claims a")
        claims = json.loads((SITE / "claims.json").read_text(encoding="utf-8"))
        papers = list(dict.fromkeys(each["paper"] for each in claims["claims"]))
        # Paper by paper, and those of a paper in the ledger's order.
        grouped = sorted(claims["claims"], key=lambda each: papers.index(each["paper"]))
        given = links.evaluate_all("all => all.map(a => a.getAttribute('href'))")
        assert [f"book/{each}" for each in given] == [c["address"] for c in grouped]


def test_the_ledger_is_published_as_data(address):
    document = json.loads((SITE / "claims.json").read_text(encoding="utf-8"))
    assert (SITE / "claims.schema.json").exists()
    pages = {claim["address"].partition("#")[0] for claim in document["claims"]}
    for page in pages:
        html = (SITE / page).read_text(encoding="utf-8")
        for claim in document["claims"]:
            if claim["address"].startswith(page):
                assert f'id="claim-{claim["id"]}"' in html


class _Scripts(HTMLParser):
    """Attributes, text and place (head, text, after it) of each script of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.place = "head"
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "body":
            self.place = "text"
        if tag == "script":
            self.found.append((self.place, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "article":
            self.place = "after"

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and data.strip():
            place, named, _ = self.found[-1]
            self.found[-1] = (place, named, data)


@pytest.mark.parametrize("path", [*PAGES, "search.html"])
def test_no_script_stands_before_the_text(path):
    scripts = _Scripts(text_of(path)).found
    assert [
        named for place, named, _ in scripts if place == "head" and named.get("src")
    ]
    for place, named, body in scripts:
        if named.get("src"):
            assert named.keys() & {"defer", "async"} or named.get("type") == "module", (
                named
            )
        elif place == "head":
            assert len(body) < 1000, body[:200]
    named = [named.get("src") or "" for _, named, _ in scripts]
    assert any("explorers.js" in src for src in named) == (MARK in text_of(path))


# Of each formula in the running text: the size of its letters, and the height of the
# letter x around it. Boxes and tables have another font, whose x is 2 % taller.
LETTERS = """() => [
    ...document.querySelectorAll("section > p > .math mjx-container")].map(formula => {
    const ruler = document.createElement("span");
    ruler.style.cssText = "display: inline-block; height: 100ex";
    formula.parentElement.append(ruler);
    const x = ruler.getBoundingClientRect().height / 100;
    ruler.remove();
    return [parseFloat(getComputedStyle(formula).fontSize), x];
})"""
# Those that are far from the screen wait until it comes near.
X_OF_MATHJAX = 0.442  # height of the letter x in MathJax's font, of its size


def test_formulas_have_the_size_of_the_text_and_are_whole_however_late_its_fonts_come(
    browser, address
):
    path = "book/foundations/ergotropy.html"
    with (
        Visit(browser, address, path, hold_fonts=True) as late,
        Visit(browser, address, path) as early,
    ):
        late.page.wait_for_selector("mjx-container", state="attached")
        late.page.evaluate("MathJax.startup.promise")
        assert len(late.held) >= 2  # the upright and the italic letters
        late.let_fonts_come()
        late.page.wait_for_load_state("networkidle")
        for visit in (late, early):  # a late font is for the next page
            visit.page.reload(wait_until="networkidle")
            visit.page.evaluate(SET_ALL)
        measured = [visit.page.evaluate(LETTERS) for visit in (late, early)]
        formulas = early.page.locator("section > p > .math").count()
        assert len(measured[0]) == len(measured[1]) == formulas > 50
        for (size, _), (same, x) in zip(*measured, strict=True):
            assert size == pytest.approx(same, rel=0.01)
            assert size * X_OF_MATHJAX == pytest.approx(x, rel=0.01)
        for visit in (late, early):
            cut = visit.page.locator('mjx-container[display="true"]').evaluate_all(
                "all => all.filter(formula => "
                "formula.scrollWidth > formula.clientWidth).length"
            )
            assert cut == 0


def test_no_sources_are_shipped():
    assert not (SITE / "_sources").exists()


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("ergotropy", "book/foundations/ergotropy.html"),
        ("Lindblad equation", "book/foundations/open-batteries.html"),
        ("covariance matrix", "book/foundations/gaussian-batteries.html"),
        ("kappa", "book/papers/two-photon.html"),
        ("quantum speed limit", "book/foundations/power.html"),
        ("Rosen-Zener", "book/papers/rosen-zener.html"),
    ],
)
def test_search_finds_words_names_and_symbols_without_a_network(
    browser, address, words, page
):
    with Visit(browser, address, f"search.html?q={words.replace(' ', '+')}") as visit:
        visit.page.locator(f"#search-results li a[href*='{page}']").first.wait_for()
        assert visit.outside == []
        assert visit.said == []


@pytest.mark.parametrize("path", [p for p in PAGES if MARK in text_of(p)])
def test_figures_that_move_leave_a_page_under_400_kilobytes_of_html(path):
    assert (SITE / path).stat().st_size < 400 * 1024


@pytest.mark.parametrize("path", PAGES)
def test_no_page_weighs_more_than_three_megabytes(path):
    pictures = set(
        re.findall(
            r'src="([^":?]+\.(?:png|svg))"', (SITE / path).read_text(encoding="utf-8")
        )
    )
    files = [SITE / path, *((SITE / path).parent / picture for picture in pictures)]
    assert sum(file.stat().st_size for file in files) < 3e6
