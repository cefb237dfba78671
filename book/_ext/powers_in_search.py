"""Sphinx extension: the search knows powers, such as N^3, and lists chapters before lists."""

from __future__ import annotations

import re

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

# The last letter of a macro such as \gamma is not a letter to a power.
LETTER = r"((?<![^\W\d_])[^\W\d_]|[A-Z])"
POWER = re.compile(LETTER + r"\s*\^\s*(?:\{([\d./]+)\}|(\d))")


class WithPowers(SearchEnglish):
    """English, in which a letter to a power is a word."""

    js_splitter_code = r"""
function splitQuery(query) {
    const plain = query.replace(/[{}\s$]*\^[{}\s]*/gu, "^").replace(/[{}$]/g, " ");
    const power = /\p{L}\^[\d./]*\d/gu;
    const words = plain.replace(power, " ").split(/[^\p{L}\p{N}_]+/gu);
    return [...(plain.match(power) || []), ...words].filter(Boolean);
}
"""

    def split(self, input: str) -> list[str]:
        """Words and powers of a text."""
        powers = [f"{base}^{braced or digit}" for base, braced, digit in POWER.findall(input)]
        return [*super().split(input), *powers]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_search_language(WithPowers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
