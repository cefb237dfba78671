"""For all tests: figures without a display, the same examples in every CI run, one browser."""

import os
from collections.abc import Iterator

import matplotlib
import pytest
from chromium import CHROMIUM
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

matplotlib.use("Agg")

# No deadline: the first example pays for imports, and no test is about time.
settings.register_profile("local", deadline=None, max_examples=40)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def needs(found: bool, missing: str) -> None:
    """Skip loudly where a tool is missing; in CI a missing tool is a failure."""
    if not found and os.environ.get("CI"):
        pytest.fail(missing)
    if not found:
        pytest.skip(f"!!! {missing}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, where they share what is dear; but share out the site's pages."""
    for item in items:
        if item.path.name != "test_site.py":
            item.add_marker(pytest.mark.xdist_group(item.path.name))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    needs(CHROMIUM is not None, "Chromium not found: nothing is tested in a browser.")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()
