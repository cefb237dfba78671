"""Figures that move on the built site, by keyboard, mouse and finger."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from explorers import MARK
from playwright.sync_api import Browser, Locator, Page
from serve import SITE
from test_site import PAGES, Visit, text_of

MOVING = [path for path in PAGES if MARK in text_of(path)]
EXPLORER = ".explorer[data-sliders]:not([data-live])"
# A page with tracks and switches, and one with a figure that computes.
TWO_KINDS = "book/papers/dual-cavity.html"
LIVE = [path for path in MOVING if re.search(rf"{MARK}[^>]* data-live", text_of(path))]


@pytest.fixture(params=["http", "file"])
def root(request, address) -> str:
    return address if request.param == "http" else f"{SITE.as_uri()}/"


def seen(explorer: Locator) -> tuple[str, str, str]:
    """Picture, alternative text and sentence of the frame on show."""
    image = explorer.locator("img:not(.explorer-shadow)")
    assert image.evaluate("image => image.complete && image.naturalWidth > 200")
    words = explorer.locator("figcaption").inner_text()
    return image.get_attribute("src"), image.get_attribute("alt"), words


def after(explorer: Locator, act) -> tuple[str, str, str]:
    """The view once an act has brought another frame."""
    before = seen(explorer)
    act()
    explorer.page.wait_for_function(
        "([box, words]) => box.querySelector('figcaption').innerText !== words",
        arg=[explorer.element_handle(), before[2]],
    )
    return seen(explorer)


def key_away(track: Locator) -> str:
    """The arrow that leads away from the end at which a slider may stand."""
    at, last = int(track.input_value()), int(track.get_attribute("max"))
    return "ArrowLeft" if at == last else "ArrowRight"


@pytest.mark.parametrize("path", MOVING)
def test_every_slider_and_switch_brings_another_frame(browser, address, path):
    with Visit(browser, address, path) as visit:
        page = visit.page
        for explorer in page.locator(EXPLORER).all():
            sliders = json.loads(explorer.get_attribute("data-sliders"))
            tracks = explorer.locator("input[type=range]").all()
            switches = explorer.locator("fieldset").all()
            assert len(tracks) + len(switches) == len(sliders) >= 1
            assert explorer.get_attribute("data-cell")
            for track in tracks:
                track.focus()
                after(explorer, lambda track=track: track.press(key_away(track)))
                spoken = explorer.locator(
                    f"label[for='{track.get_attribute('id')}'] + span"
                )
                assert track.get_attribute("aria-valuetext") == spoken.inner_text()
                assert (
                    explorer.get_by_label(
                        spoken.evaluate("span => span.previousElementSibling.innerText")
                    ).count()
                    >= 1
                )
            for switch in switches:
                after(explorer, switch.locator("input:not(:checked)").first.check)
        assert visit.said == []
        assert visit.outside == []
        assert visit.failed == []


@pytest.mark.parametrize("path", MOVING)
def test_every_figure_that_moves_has_an_address_of_its_own(path):
    names = re.findall(rf'{MARK}[^>]* id="([^"]+)"', text_of(path))
    assert names
    assert len(set(names)) == len(names)


def pull(page: Page, track: Locator, finger: bool) -> None:
    """Press the end of a track that is farther away from its handle."""
    box = track.bounding_box()
    left = int(track.input_value()) * 2 > int(track.get_attribute("max"))
    x = box["x"] + (4 if left else box["width"] - 4)
    y = box["y"] + box["height"] / 2
    (page.touchscreen.tap if finger else page.mouse.click)(x, y)


@pytest.mark.parametrize("finger", [False, True], ids=["mouse", "finger"])
def test_mouse_and_finger_move_a_track_and_a_switch(browser, root, finger):
    with Visit(
        browser, root, TWO_KINDS, width=360 if finger else 1280, touch=finger
    ) as visit:
        explorer = visit.page.locator("#explore-split")
        explorer.scroll_into_view_if_needed()
        track = explorer.locator("input[type=range]")
        after(explorer, lambda: pull(visit.page, track, finger))
        other = explorer.locator("label:has(input:not(:checked))")
        after(explorer, other.tap if finger else other.click)
        for target in explorer.locator(
            "input[type=range], fieldset label, button"
        ).all():
            size = target.bounding_box()
            assert min(size["width"], size["height"]) >= 44
        assert visit.said == []


def test_the_address_keeps_the_values_and_brings_them_back(browser, root):
    with Visit(browser, root, TWO_KINDS) as visit:
        explorer = visit.page.locator("#explore-curve")
        repulsion, exchange = explorer.locator("input[type=range]").all()
        repulsion.press("End")
        chosen = after(explorer, lambda: exchange.press("Home"))
        parts = urlsplit(visit.page.url)
        assert parse_qs(parts.query) == {"g": ["2"], "A": ["0"]}
        assert parts.fragment == "explore-curve"
        again = visit.context.new_page()
        again.goto(visit.page.url)
        there = again.locator("#explore-curve")
        there.locator(f"figcaption:text-is({json.dumps(chosen[2])})").wait_for()
        assert seen(there) == chosen
        assert [t.input_value() for t in there.locator("input[type=range]").all()] == [
            "3",
            "0",
        ]
        inside = "box => Math.abs(box.getBoundingClientRect().top) < innerHeight"
        again.wait_for_function(inside, arg=there.element_handle())


def test_an_address_with_a_value_that_is_not_offered_is_left_at_the_start(
    browser, address
):
    start = f"{TWO_KINDS}?g=77&A=1#explore-curve"
    with Visit(browser, address, start) as visit:
        tracks = visit.page.locator("#explore-curve input[type=range]").all()
        assert [track.get_attribute("aria-valuetext") for track in tracks] == [
            "0.5",
            "1",
        ]


def test_the_link_of_a_figure_is_copied(browser, address):
    with Visit(browser, address, TWO_KINDS) as visit:
        visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
        explorer = visit.page.locator("#explore-curve")
        explorer.get_by_role("button", name="Copy link").click()
        explorer.get_by_role("button", name="Copied").wait_for()
        copied = visit.page.evaluate("navigator.clipboard.readText()")
        assert copied == f"{address}{TWO_KINDS}?g=0.5&A=0.5#explore-curve"


def test_the_frame_before_stays_as_a_shadow_on_the_same_axes(browser, address):
    with Visit(browser, address, TWO_KINDS) as visit:
        explorer = visit.page.locator("#explore-curve")
        shadow = explorer.locator(".explorer-shadow")
        assert shadow.is_hidden()
        before = seen(explorer)
        track = explorer.locator("input[type=range]").first
        now = after(explorer, lambda: track.press("ArrowRight"))
        assert shadow.is_visible()
        assert shadow.get_attribute("src").endswith(before[0].rpartition("/")[2])
        assert now[0] != before[0]
        image = explorer.locator("img").first.bounding_box()
        assert shadow.bounding_box() == image


def test_one_region_speaks_and_is_there_from_the_start(browser: Browser, address):
    for path in MOVING:
        boxes = text_of(path).split(MARK)[1:]
        assert all(
            box.partition("</figure>")[0].count('role="status"') == 1 for box in boxes
        )
    with Visit(browser, address, TWO_KINDS) as visit:
        explorer = visit.page.locator("#explore-curve")
        assert explorer.get_by_role("status").count() == 1
        region = explorer.get_by_role("status").element_handle()
        after(explorer, lambda: explorer.locator("input").first.press("ArrowRight"))
        same = "([region, box]) => region === box.querySelector('[role=status]')"
        assert visit.page.evaluate(same, [region, explorer.element_handle()])
        _, alt, words = seen(explorer)
        assert re.search("rises|falls|up and down", alt)
        assert alt != words


def test_a_frame_that_comes_late_does_not_replace_a_later_one(browser, address):
    with Visit(browser, address, TWO_KINDS) as visit:
        explorer = visit.page.locator("#explore-curve")
        track = explorer.locator("input[type=range]").first
        held = []

        def hold_the_first(route):
            if held:
                route.continue_()
            else:
                held.append(route)

        visit.page.route("**/_frames/*", hold_the_first)
        track.press("ArrowRight")
        last = after(explorer, lambda: track.press("ArrowRight"))
        held[0].continue_()
        visit.page.wait_for_timeout(300)
        assert seen(explorer) == last


@pytest.mark.parametrize("path", LIVE)
def test_a_figure_that_computes_stands_still_without_dead_sliders(
    browser, address, path
):
    with Visit(browser, address, path) as visit:
        for explorer in visit.page.locator(".explorer[data-live]").all():
            assert all(seen(explorer))
            assert explorer.locator("input").count() == 0
            assert json.loads(explorer.get_attribute("data-sliders"))


def test_without_scripts_the_first_frame_and_its_values_are_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + TWO_KINDS)
    explorer = page.locator("#explore-curve")
    assert explorer.locator("input, button").count() == 0
    assert "repulsion g: 0.5; exchange A: 0.5" in explorer.inner_text()
    assert explorer.locator("img").get_attribute("alt")
    context.close()


TURNING = [p for p in PAGES if '<details class="turn"' in text_of(p)]


def rows_of(path: str) -> dict[str, list[tuple[str, str, float]]]:
    """Value, verdict and place on the line of every row, by the box they stand in."""
    found = {}
    for box in text_of(path).split('<aside class="verdict')[1:]:
        name = re.search(r'id="(claim-[^"]+)"', box)[1]
        rows = re.findall(
            r'<tr data-at="([^"]+)" data-verdict="([^"]+)"><th scope="row">([^<]+)', box
        )
        if rows:
            found[name] = [(value, word, float(at)) for at, word, value in rows]
    return found


@pytest.mark.parametrize("path", TURNING)
def test_a_verdict_turns_where_its_number_leaves_the_band(browser, address, path):
    with Visit(browser, address, path) as visit:
        for name, rows in rows_of(path).items():
            turn = visit.page.locator(f"#{name} .turn")
            track, said = turn.get_by_role("slider"), turn.get_by_role("status")
            mark, band = turn.locator(".turn-mark"), turn.locator(".turn-band")
            track.press("Home")
            words = []
            for value, word, at in rows:
                assert track.get_attribute("aria-valuetext") == value
                assert word in said.inner_text()
                assert float(mark.evaluate("m => m.style.left").strip("%")) == at
                left, width = (
                    float(band.evaluate(f"b => b.style.{side}").strip("%"))
                    for side in ("left", "width")
                )
                assert (left <= at <= left + width) == (word == "holds")
                words.append(word)
                track.press("ArrowRight")
            assert set(words) == {"holds", "fails"}
        assert visit.said == []


def test_a_verdict_turns_in_every_paper_and_without_scripts_it_is_a_table(
    browser, address
):
    assert sum(path.startswith("book/papers/") for path in TURNING) == 5
    assert sum(len(rows_of(path)) for path in TURNING) >= 6
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + TURNING[0])
    turn = page.locator("details.turn").first
    turn.locator("summary").click()
    assert turn.get_by_role("row").count() >= 4
    context.close()


@pytest.mark.parametrize(
    "path",
    [p for p in MOVING if p.startswith(("book/index", "book/papers", "book/found"))],
)
def test_something_moves_within_two_screens(browser, address, path):
    with Visit(browser, address, path) as visit:
        first = visit.page.locator(f"{EXPLORER} input").first.bounding_box()
        assert first["y"] < (1 if path == "book/index.html" else 2) * 900
        assert visit.page.locator(".explorer-question").first.inner_text()[-1] in "?."


def test_one_button_folds_all_code_and_the_browser_remembers(browser, address):
    with Visit(browser, address, TWO_KINDS) as visit:
        height = "document.querySelector('article').scrollHeight"
        whole = visit.page.evaluate(height)
        visit.page.get_by_role("button", name="Fold all code").click()
        assert visit.page.locator(".cell_input:visible").count() == 0
        assert visit.page.evaluate(height) < 0.8 * whole
        visit.page.reload()
        visit.page.get_by_role("button", name="Show the code").click()
        assert visit.page.locator(".cell_input:visible").count() > 50
