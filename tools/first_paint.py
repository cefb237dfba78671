"""How soon a page shows something on a slow phone: Fast 3G, and a slow processor.

Prints the First Contentful Paint of each page, from an empty cache. The server of
Python's standard library sends the files as they are: it does not compress them, as
most hosts do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chromium import CHROMIUM, OPTIONS
from playwright.sync_api import Browser, sync_playwright
from serve import SITE, serving

# Chromium's own preset "Fast 3G": milliseconds, and bytes per second.
FAST_3G = {
    "offline": False,
    "latency": 562.5,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 750e3 / 8,
}
SLOWER = 4  # the processor
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def first_paint(browser: Browser, url: str) -> float:
    """Seconds from the request to the first text or picture."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.emulateNetworkConditions", FAST_3G)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(url, wait_until="commit")
    painted = page.wait_for_function(PAINT, timeout=120_000).json_value()
    context.close()
    return float(painted) / 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "pages", nargs="*", help="pages of the site; all of them if none is named"
    )
    parser.add_argument(
        "--site", type=Path, default=SITE, help="folder that holds the built site"
    )
    chosen = parser.parse_args()
    found = sorted(
        str(path.relative_to(chosen.site))
        for path in chosen.site.glob("book/**/*.html")
    )
    if not found:
        sys.exit(f"There is no site in {chosen.site}: run `make book` first.")
    if not CHROMIUM:
        sys.exit("Chromium not found: nothing can be painted.")
    with serving(chosen.site) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        for name in chosen.pages or found:
            print(f"{first_paint(browser, address + name):6.1f} s  {name}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
