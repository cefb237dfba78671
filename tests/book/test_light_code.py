"""Code on a page: the same text with fewer tags."""

import re
from html import unescape

import light_code
from sphinx.highlighting import PygmentsBridge

CODE = "def f(x: float) -> str:  # words\n    return np.sin(x) + 1.5, f'{x:.2f}'\n"


def shown(monkeypatch, formatter):
    monkeypatch.setattr(PygmentsBridge, "html_formatter", formatter)
    return PygmentsBridge("html", "default").highlight_block(CODE, "python")


def test_the_text_is_the_same_and_half_of_the_tags_are_gone(monkeypatch):
    thick = shown(monkeypatch, PygmentsBridge.html_formatter)
    thin = shown(monkeypatch, light_code.LightFormatter)
    texts = [unescape(re.sub("<[^>]+>", "", html)) for html in (thick, thin)]
    assert texts[0] == texts[1]
    assert texts[1].strip() == CODE.strip()
    assert thin.count("<span") < thick.count("<span") / 2
    for word in ("def", "return", "# words", "1.5"):
        assert re.search(rf'<span class="\w+">{word}</span>', thin)
