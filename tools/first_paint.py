"""Measure how soon a page is there on a slow phone: Fast 3G, and a slow processor.

Measures each page from an empty cache: its first text or picture, the time when the
formulas of the first screen are set, how far its parts move while it loads, and what it
weighs. The server compresses text, as hosts of such sites do. Prints all, and writes
``book/reference/data/paint.json`` for the performance page if every page was measured.
"""

from __future__ import annotations

import argparse
import gzip
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from chromium import CHROMIUM, OPTIONS
from playwright.sync_api import Browser, sync_playwright
from serve import SITE

STORED = Path(__file__).resolve().parent.parent / "book/reference/data/paint.json"
# Chromium's own preset "Fast 3G": milliseconds, and bytes per second.
FAST_3G = {
    "offline": False,
    "latency": 562.5,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 750e3 / 8,
}
SLOWER = 4  # the processor
TEXT = (".html", ".css", ".js", ".svg", ".json")
# The limits of every page: seconds, seconds, the browsers' own number, bytes.
LIMITS = {"paint": 2.5, "formulas": 8.0, "shift": 0.1, "html": 400_000}
# Cumulative Layout Shift as browsers define it: the worst run of shifts that are less
# than a second apart and five seconds together.
WATCH = """
window.shift = 0;
let run = 0, first = 0, last = 0;
new PerformanceObserver(list => list.getEntries().forEach(each => {
    if (each.hadRecentInput) return;
    const same = each.startTime - last < 1000 && each.startTime - first < 5000;
    run = same ? run + each.value : each.value;
    first = same ? first : each.startTime;
    last = each.startTime;
    window.shift = Math.max(window.shift, run);
})).observe({ type: "layout-shift", buffered: true });
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
# All formulas of the screen are set; the others are set when they come near it.
FORMULAS = """async () => {
    const wait = () => new Promise(then => setTimeout(then, 50));
    while (document.readyState !== "complete") await wait();
    if (!document.querySelector("script[src*='mathjax']")) return null;
    await window.MathJax.startup.promise;
    const shown = Array.from(document.querySelectorAll(".math")).filter(
        each => each.checkVisibility() &&
            each.getBoundingClientRect().top < innerHeight);
    while (shown.some(each => !each.querySelector("mjx-math"))) await wait();
    return performance.now();
}"""


class _Compressing(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, text compressed."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.suffix not in TEXT or not path.is_file():
            super().do_GET()
            return
        body = _zipped(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _zipped(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


@contextmanager
def compressing(site: Path) -> Iterator[str]:
    """Address of a server that compresses, while the block runs."""
    handler = partial(_Compressing, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def measured(browser: Browser, url: str, file: Path) -> dict[str, Any]:
    """Seconds to the first text and the last formula, layout shift, bytes of HTML."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    page.add_init_script(WATCH)
    devtools = context.new_cdp_session(page)
    devtools.send("Network.emulateNetworkConditions", FAST_3G)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.goto(url, wait_until="commit")
    painted = page.wait_for_function(PAINT, timeout=120_000).json_value()
    page.set_default_timeout(120_000)
    formulas = page.evaluate(FORMULAS)
    page.wait_for_load_state("networkidle")
    shift = page.evaluate("window.shift")
    context.close()
    return {
        "paint": round(painted / 1e3, 1),
        "formulas": None if formulas is None else round(formulas / 1e3, 1),
        "shift": round(shift, 3),
        "html": file.stat().st_size,
    }


def beyond(found: dict[str, Any]) -> list[str]:
    """The limits that a page exceeds."""
    return [name for name, most in LIMITS.items() if (found[name] or 0) > most]


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
    pages = {}
    with compressing(chosen.site) as address, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        for name in chosen.pages or found:
            page = pages[name] = measured(browser, address + name, chosen.site / name)
            numbers = "  ".join(f"{key} {value}" for key, value in page.items())
            over = f"  beyond: {', '.join(beyond(page))}" if beyond(page) else ""
            print(f"{name}: {numbers}{over}", flush=True)
        browser.close()
    if not chosen.pages:
        STORED.write_text(json.dumps(pages, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
