"""The built site computes in the page: clicked, slid, edited and re-run in a browser.

The server is Python's own, which sends no special headers. If the site was built
without Python for its pages these tests are skipped, loudly, unless
``PAGE_COMPUTES=required``.
"""

import json
import os
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect
from serve import SITE, serving

ASSETS = SITE / "_static" / "vendor" / "pyodide" / "manifest.json"
FETCHED_LATE = ("vendor/pyodide", "worker.js", "session.js", "python.zip", "/cells/")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAPER = "book/papers/two-photon.html"
FOUNDATION = "book/foundations/ergotropy.html"
ASSIGNMENT = "book/course/in-the-page.html"
PATIENCE = 180_000  # ms, on a machine that does other things, too
expect.set_options(timeout=PATIENCE)
# The number of frames that Python was asked for, counted where the page asks.
COUNTED = """
    window.asked = [];
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...more) {
        window.asked.push(message);
        return post.call(this, message, ...more);
    };
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if not ASSETS.is_file():
        missing = "The site was built without Python for its pages."
        if os.environ.get("PAGE_COMPUTES") == "required":
            pytest.fail(missing)
        pytest.skip(f"!!! {missing}")
    with serving(SITE) as found:
        yield found


class Reader:
    """A separate browser, and all that its pages ask for and say."""

    def __init__(self, browser: Browser, address: str, **how: object):
        self.address, self.asked, self.said = address, [], []
        self.context = browser.new_context(**how)
        self.context.set_default_timeout(PATIENCE)
        self.context.add_init_script(COUNTED)
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path, wait_until="networkidle")
        # A busy machine may run the last script after that.
        self.page.locator(".compute-tools").first.wait_for(state="attached")
        return self.page

    @property
    def outside(self) -> list[str]:
        own = (self.address, f"blob:{self.address}", "data:")
        return [url for url in self.asked if not url.startswith(own)]

    def late(self) -> list[str]:
        return [url for url in self.asked if any(part in url for part in FETCHED_LATE)]

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.outside == []
        assert self.said == []


def cell(page: Page, name: str) -> Locator:
    return page.locator(f"#code-{name}")


def agree(page: Page) -> None:
    page.get_by_role(
        "button", name=re.compile(r"^Fetch Python \(\d+ MB, once\)")
    ).click()


def await_done(page: Page) -> None:
    status = page.locator(".compute-bar [role=status]")
    expect(status).to_have_text(re.compile("^(Done|A cell ended)"), timeout=PATIENCE)


def accessible(page: Page) -> None:
    page.locator("mjx-container").evaluate_all("all => all.forEach(x => x.remove())")
    options = {"runOnly": WCAG, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    grave = [v for v in found if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["target"] for node in v["nodes"]]) for v in grave] == []


def test_nothing_of_python_is_fetched_before_a_click(browser, address):
    with Reader(browser, address) as reader:
        page = reader.open(PAPER)
        assert reader.late() == []
        own = [url for url in reader.asked if "/compute/" in url]
        kept = {url.split("?")[0].removeprefix(address) for url in own}
        assert kept == {"_static/compute/compute.js", "_static/compute/compute.css"}
        assert sum((SITE / name).stat().st_size for name in kept) < 12_000
        # A question, with the size; "Not now" leaves all as it was.
        cell(page, "cell-03").get_by_role("button", name="Run", exact=True).click()
        page.get_by_role("button", name="Not now").press("Enter")
        assert not [url for url in reader.late() if "pyodide" in url or "worker" in url]
        assert page.evaluate("document.activeElement.textContent") == "Run"


def test_a_verdict_is_run_again_and_fails_when_a_number_is_changed(browser, address):
    with Reader(browser, address) as reader:
        page = reader.open(PAPER)
        ruled = cell(page, "cell-09")
        again = ruled.get_by_role("button", name="Compute it again here")
        again.press("Enter")  # by keyboard
        agree(page)
        await_done(page)
        box = ruled.locator(".computed aside.verdict")
        expect(box).to_be_visible()
        assert "within the tolerances" in ruled.locator(".compute-note").inner_text()
        assert box.get_attribute("id") == "claim-xu-threshold"
        assert box.locator("mjx-container").count() > 0
        about = page.locator(".compute-bar details")
        about.locator("summary").click()
        manifest = json.loads(ASSETS.read_text())
        assert f"numpy {manifest['versions']['numpy']}" in about.inner_text()
        assert (
            "printed on it was computed when the site was built" in about.inner_text()
        )

        # Another loss: the numbers leave the ledger, and the cell says so.
        ruled.get_by_role("button", name="Edit").click()
        code = ruled.get_by_label("Code of this cell")
        code.fill(code.input_value().replace("battery_with(0.1", "battery_with(0.2"))
        code.press("Control+Enter")
        alert = ruled.get_by_role("alert")
        expect(alert).to_contain_text("ClaimError")
        assert "the ledger holds threshold" in alert.inner_text()
        assert ruled.locator("aside.verdict:visible").count() == 0

        ruled.get_by_role("button", name="Put back").click()
        expect(ruled.locator("aside.verdict:visible")).to_have_count(1)
        ruled.get_by_role("button", name="Compute it again here").click()
        expect(ruled.locator(".compute-note")).to_contain_text("within the tolerances")


def test_a_changed_cell_makes_old_what_stands_below_it(browser, address):
    with Reader(browser, address) as reader:
        page = reader.open(PAPER)
        cell(page, "cell-09").get_by_role("button", name="Run all above").click()
        agree(page)
        await_done(page)
        source = cell(page, "cell-03")
        source.get_by_role("button", name="Edit").click()
        code = source.get_by_label("Code of this cell")
        code.fill(code.input_value().replace("np.sqrt(0.5)", "np.sqrt(0.4)"))
        cell(page, "cell-09").get_by_role("button", name="Run all above").click()
        expect(cell(page, "cell-09").get_by_role("alert")).to_contain_text("ClaimError")


def test_a_figure_computes_between_its_frames_and_only_the_newest_value(
    browser, address
):
    with Reader(browser, address) as reader:
        page = reader.open(FOUNDATION)
        figure = page.locator(".computes-figure").nth(1)  # of length and angle
        figure.get_by_role("button", name=re.compile(r"\d+ MB, once")).click()
        # The printed frame stays until the first computed one is there.
        printed = figure.locator(".cell_output:not(.computed)")
        expect(printed).to_be_visible()
        slider = figure.get_by_role("slider").first
        slider.wait_for()
        expect(printed).to_be_hidden()
        assert slider.get_attribute("aria-valuetext") == "0.6"
        caption = figure.locator(".explorer-computed figcaption")
        picture = figure.locator(".explorer-computed img")
        before, shown = caption.inner_text(), picture.get_attribute("src")
        slider.press("ArrowRight")
        assert slider.get_attribute("aria-valuetext") == "0.62"  # no frame has it
        expect(caption).not_to_have_text(before)
        # Coherence gives r/2 of the gap: the sentence has the number of this value.
        assert "0.31" in caption.inner_text()
        assert picture.get_attribute("src") != shown
        assert picture.get_attribute("alt") == caption.inner_text()

        page.evaluate("window.asked.length = 0")
        moves = "input => { for (let k = 0; k <= 30; k += 1) { input.value = k; "
        moves += "input.dispatchEvent(new Event('input')); } }"
        slider.evaluate(moves)
        page.wait_for_function(
            "!document.querySelector('.explorer-computed[aria-busy]')"
        )
        asked = page.evaluate("window.asked.map(each => each.places.r)")
        assert len(asked) == 2  # the first, and the last
        assert asked[-1] == 30
        assert slider.get_attribute("aria-valuetext") == "0.8"
        expect(caption).to_contain_text("0.40")


def test_stopping_is_said_and_the_next_page_has_python_already(browser, address):
    with Reader(browser, address) as reader:
        page = reader.open(FOUNDATION)
        first = cell(page, "cell-04")
        first.get_by_role("button", name="Run all above").click()
        agree(page)
        await_done(page)
        expect(first.locator(".computed")).to_contain_text("superposition")
        first.get_by_role("button", name="Edit").click()
        first.get_by_label("Code of this cell").fill("while True:\n    pass")
        first.get_by_role("button", name="Run", exact=True).click()
        page.get_by_role("button", name="Stop").click()
        status = page.locator(".compute-bar [role=status]")
        expect(status).to_contain_text("Stopped")

        reader.asked.clear()
        page = reader.open(PAPER)
        # Files that this browser keeps are not asked about again, and not fetched.
        cell(page, "cell-09").get_by_role("button", name="Run all above").click()
        await_done(page)
        expect(cell(page, "cell-09").locator(".computed aside.verdict")).to_be_visible()
        again = {url.split("/")[-1].split("?")[0] for url in reader.late()}
        assert not [
            name for name in again if name.endswith((".whl", ".zipped", ".zip"))
        ]


def test_a_cell_that_needs_qutip_says_where_it_runs(browser, address):
    with Reader(browser, address) as reader:
        page = reader.open(PAPER)
        tools = cell(page, "cell-07").locator(".compute-tools")
        assert "needs QuTiP, which does not run in a page" in tools.inner_text()
        links = tools.get_by_role("link")
        assert links.filter(has_text="How to run it").count() == 1
        for link in links.all():
            assert page.request.get(link.evaluate("link => link.href")).ok
        assert tools.get_by_role("button").count() == 0


def test_an_error_names_its_line_and_what_is_missing(browser, address):
    with Reader(browser, address) as reader:
        page = reader.open(FOUNDATION)
        second = cell(page, "cell-04")
        second.get_by_role("button", name="Run", exact=True).click()
        agree(page)
        alert = second.get_by_role("alert")
        expect(alert).to_contain_text("NameError, line 1")
        assert "Run all above" in alert.inner_text()


def test_the_public_checks_of_an_assignment_run_in_the_page(browser, address):
    with Reader(browser, address) as reader:
        page = reader.open(ASSIGNMENT)
        function = page.locator(".computes", has_text="def best_gate").first
        check = page.locator(".computes", has_text='grader.check("q2")').first
        check.get_by_role("button", name="Run all above").click()
        agree(page)
        await_done(page)
        expect(check.locator(".computed")).to_contain_text(
            "q2: 0 of 2 public checks pass"
        )
        function.get_by_role("button", name="Edit").click()
        code = function.get_by_label("Code of this cell")
        answer = (
            "_, levels = np.linalg.eigh(H)\n    _, weights = np.linalg.eigh(rho)\n"
            "    return levels @ weights[:, ::-1].conj().T"
        )
        code.fill(code.input_value().replace("...", answer))
        check.get_by_role("button", name="Run all above").click()
        expect(check.locator(".computed")).to_contain_text(
            "q2: 2 of 2 public checks pass"
        )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360], ids=["desktop", "phone"])
def test_a_page_that_computes_is_accessible(browser, address, width, dark):
    how = {
        "viewport": {"width": width, "height": 900},
        "color_scheme": "dark" if dark else "light",
    }
    with Reader(browser, address, **how) as reader:
        page = reader.open(FOUNDATION)
        first = page.locator(".computes-figure").first
        first.get_by_role("button", name=re.compile(r"\d+ MB, once")).click()
        first.get_by_role("slider").first.wait_for()
        edited = cell(page, "cell-04")
        edited.get_by_role("button", name="Edit").click()
        edited.get_by_label("Code of this cell").fill("1 / 0")
        edited.get_by_role("button", name="Run", exact=True).click()
        expect(edited.get_by_role("alert")).to_contain_text("ZeroDivisionError")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        accessible(page)
