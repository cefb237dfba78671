"""Sphinx extension: code on a page without a tag around each name, comma, space and operator.

They look like plain code, or nearly so, and are two thirds of the tags of a chapter.
"""

from __future__ import annotations

from typing import Any

from pygments.formatters import HtmlFormatter
from pygments.token import Name, Operator, Punctuation, Whitespace
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge

PLAIN = (Name, Name.Namespace, Punctuation, Whitespace, Operator)


class LightFormatter(HtmlFormatter[str]):
    """Pygments' own formatter, without a tag where there is no class."""

    def _get_css_classes(self, ttype: Any) -> str:
        return "" if ttype in PLAIN else super()._get_css_classes(ttype)


def setup(_app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    PygmentsBridge.html_formatter = LightFormatter
    return {"parallel_read_safe": True, "parallel_write_safe": True}
