"""One browser and one server for all tests of the site."""

from collections.abc import Iterator

import pytest
from chromium import CHROMIUM, OPTIONS
from needs import needs
from playwright.sync_api import Browser, sync_playwright
from serve import SITE, serving


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    needs(CHROMIUM is not None, "Chromium not found: nothing is tested in a browser.")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    if not (SITE / "index.html").exists():
        pytest.fail("There is no site in _build/html: run `make site` first.")
    with serving(SITE) as found:
        yield found
