"""The measurement of a slow phone, and its last result."""

import gzip
import json
import urllib.request

import first_paint
import pytest
from first_paint import LIMITS, STORED, beyond, compressing


def test_a_page_is_beyond_a_limit_by_the_smallest_step():
    most = {"paint": 2.5, "formulas": 8.0, "shift": 0.1, "html": 400_000}
    assert most == LIMITS
    assert beyond(most) == []
    assert beyond({**most, "formulas": None}) == []
    assert beyond({**most, "paint": 2.6, "html": 400_001}) == ["paint", "html"]
    assert beyond({**most, "shift": 0.101}) == ["shift"]


def test_the_server_compresses_text_and_sends_pictures_as_they_are(tmp_path):
    text, picture = b"<p>one two three</p>" * 100, bytes(range(256))
    (tmp_path / "a.html").write_bytes(text)
    (tmp_path / "a.png").write_bytes(picture)
    with compressing(tmp_path) as address:
        with urllib.request.urlopen(f"{address}a.html?digest=1") as page:
            sent = page.read()
            assert page.headers["Content-Type"] == "text/html"
            assert page.headers["Content-Encoding"] == "gzip"
        with urllib.request.urlopen(f"{address}a.png") as image:
            assert image.read() == picture
    assert len(sent) < len(text) / 10
    assert gzip.decompress(sent) == text


def test_every_page_was_there_soon_when_it_was_last_measured():
    if not STORED.exists():
        pytest.skip(
            "!!! `make paint` has not measured the site: nothing is known of it"
        )
    pages = json.loads(STORED.read_text(encoding="utf-8"))
    assert len(pages) > 20
    assert {name: beyond(page) for name, page in pages.items() if beyond(page)} == {}


def test_the_line_is_the_fast_3g_of_the_browsers():
    # 1.6 megabits per second down, 750 kilobits up, 150 ms of 3.75 times the way.
    assert first_paint.FAST_3G["downloadThroughput"] == 1.6e6 / 8
    assert first_paint.FAST_3G["latency"] == 150 * 3.75
    assert first_paint.SLOWER == 4
