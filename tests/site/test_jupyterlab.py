"""Chapters in a real JupyterLab and browser: cells run, sliders move their figures."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

BOOK = Path(__file__).resolve().parents[2] / "book"
NUMBERS = {"papers/two-photon.ipynb": 10, "papers/star-network.ipynb": 8}
CHAPTERS = list(NUMBERS)
PATIENCE = 300  # seconds, for a machine that has other work
RUN_ALL = (
    "void jupyterapp.commands.execute('notebook:run-all-cells')"
    ".then(() => { window.ran = true; })"
)
READY = (
    "window.jupyterapp?.shell.currentWidget?.sessionContext"
    "?.session?.kernel?.status === 'idle'"
)
CELLS = """() => Array.from(
    jupyterapp.shell.currentWidget.content.model.cells).map(cell => ({
    source: cell.sharedModel.getSource(), count: cell.executionCount,
    kinds: cell.type === 'code'
        ? cell.outputs.toJSON().map(output => output.output_type) : null }))"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """The address of a JupyterLab on a copy of the book: it saves what it runs."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(
        BOOK,
        folder / "book",
        ignore=shutil.ignore_patterns(".ipynb_checkpoints"),
    )
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
    ]
    command += [
        "--expose-app-in-browser",
        f"--ServerApp.root_dir={folder}",
        "--IdentityProvider.token=read",
    ]
    places = {
        f"JUPYTER{name}_DIR": str(folder / name)
        for name in ("_RUNTIME", "_CONFIG", "LAB_SETTINGS")
    }
    notebooks = folder / "LAB_SETTINGS" / "@jupyterlab" / "notebook-extension"
    notebooks.mkdir(parents=True)
    (notebooks / "tracker.jupyterlab-settings").write_text(
        '{"windowingMode": "none"}'
    )  # all cells on the page
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, env={**os.environ, **places}, stdout=log, stderr=log
        )
    try:
        wait(
            lambda: (
                list((folder / "_RUNTIME").glob("jpserver-*.json"))
                or server.poll() is not None
            )
        )
        assert server.poll() is None, (folder / "log").read_text()
        (told,) = (folder / "_RUNTIME").glob("jpserver-*.json")
        yield json.loads(told.read_text())["url"]
    finally:
        server.terminate()
        server.wait()


def wait(happened: Callable[[], object]) -> None:
    """Until it has happened."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, "JupyterLab did not answer in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def pages(browser: Browser, lab: str) -> Iterator[dict[str, Page]]:
    """The chapters, side by side, each in its kernel, running all its cells."""
    opened = {}
    for chapter in CHAPTERS:
        page = opened[chapter] = browser.new_page(
            viewport={"width": 1280, "height": 900}
        )
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(f"{lab}lab/tree/book/{chapter}?token=read&reset")
        page.wait_for_function(READY)
        page.evaluate(RUN_ALL)
    yield opened
    for page in opened.values():
        page.close()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_and_all_its_sliders_move(pages, chapter):
    page = pages[chapter]
    page.wait_for_function("window.ran")
    cells = [cell for cell in page.evaluate(CELLS) if cell["kinds"] is not None]
    assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [cell["source"] for cell in cells if "error" in cell["kinds"]]
    assert_shown_as_on_the_site(page, NUMBERS[chapter])
    explorers = page.locator(".explorer")
    assert explorers.count() == sum("explore(" in cell["source"] for cell in cells)
    assert page.locator(".explorer-live").count() >= 1
    for explorer in explorers.all():
        handles = explorer.locator(".noUi-handle").all()
        pictures = {seen(explorer)[0]}
        for handle in handles:
            handle.scroll_into_view_if_needed()
            handle.focus()
            pictures.add(after(explorer, lambda: page.keyboard.press("ArrowRight")))
            pictures.add(after(explorer, lambda handle=handle: drag(page, handle)))
        assert len(pictures) > len(
            handles
        )  # some values give the same picture, never the same sentence


def seen(explorer: Locator) -> tuple[str, str]:
    """Picture and sentence of the frame on show."""
    frame = explorer.locator(".explorer-frame:visible")
    assert frame.count() == 1
    picture = frame.locator("img")
    assert picture.get_attribute("alt")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 200")
    return picture.get_attribute("src"), frame.locator("figcaption").inner_text()


def drag(page: Page, handle: Locator) -> None:
    """Pull the handle to whichever end of its track is farther away."""
    track = handle.locator(
        "xpath=ancestor::*[contains(@class, 'noUi-target')][1]"
    ).bounding_box()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    ends = (track["x"] + 1, track["x"] + track["width"] - 1)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(max(ends, key=lambda end: abs(end - x)), y, steps=8)
    page.mouse.up()
    page.wait_for_timeout(200)


def assert_shown_as_on_the_site(page: Page, number: int) -> None:
    """Roles, numbers, verdicts and what is folded."""
    notebook = page.locator(".jp-Notebook")
    text = notebook.inner_text()
    for role in ("{eq}", "{cite", "{term}", "{doc}"):
        assert role not in text
    ours = re.findall(rf"\({number}\.(\d+)\)", text)
    assert set(map(int, ours)) == set(range(1, 1 + max(map(int, ours))))
    boxes = notebook.locator("aside.verdict")
    bars = boxes.evaluate_all(
        "all => all.map(x => [x.className, getComputedStyle(x).borderLeftStyle])"
    )
    assert len({style for _, style in bars}) == len({name for name, _ in bars}) > 1
    assert notebook.locator("details").count() >= 10
    assert notebook.locator("details[open]").count() == 0
    assert notebook.locator(".widget-hprogress, .progress-bar").count() == 0


def after(explorer: Locator, move: Callable[[], object]) -> str:
    """The picture once the move has brought another sentence."""
    _, sentence = seen(explorer)
    move()
    explorer.locator(
        f".explorer-frame:visible figcaption:not(:text-is({json.dumps(sentence)}))"
    ).wait_for()
    return seen(explorer)[0]
