"""Sphinx extension: places where a line may end in a formula, and next to one.

A browser may break a line before and behind a formula, whatever bracket or full stop touches it
there: they are kept together. MathJax may break a long formula at every sign: it is told to do so
between two equations that stand in one line.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.application import Sphinx

BEFORE = re.compile(r"[(\[“‘]+$")
BETWEEN = re.compile(r",\s*\\q?quad(?![A-Za-z])")
BEHIND = re.compile(r"^[.,;:!?)\]’”'-]+")


def keep_together(_app: Sphinx, page: nodes.document) -> None:
    """Put each formula of the text and the signs that touch it into one element."""
    for formula in list(page.findall(nodes.math)):
        parent = formula.parent
        at = parent.index(formula)
        before = _cut(parent, at - 1, BEFORE)
        behind = _cut(parent, at + 1, BEHIND)
        if before or behind:
            signs: list[nodes.Node] = [nodes.Text(before)] if before else []
            signs += [formula.deepcopy()]
            signs += [nodes.Text(behind)] if behind else []
            parent.replace(formula, nodes.inline("", "", *signs, classes=["nobr"]))


def break_between(_app: Sphinx, page: nodes.document) -> None:
    """Mark the gaps between the equations of a line, outside of tables and brackets."""
    for formula in page.findall(nodes.math_block):
        text = formula.astext()
        if "\\begin" not in text:
            formula.children = [nodes.Text(BETWEEN.sub(r"\g<0>\\goodbreak ", text))]


def _cut(parent: nodes.Element, at: int, signs: re.Pattern[str]) -> str:
    """Take the signs off the text at this place, if there is a text that has them."""
    if not 0 <= at < len(parent) or not isinstance(parent[at], nodes.Text):
        return ""
    text = parent[at].astext()
    found = signs.search(text)
    if not found:
        return ""
    parent[at] = nodes.Text(text[: found.start()] + text[found.end() :])
    return found[0]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", keep_together)
    app.connect("doctree-read", break_between)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
