"""The ledger's texts, with formulas between dollar signs: for pages and terminals."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import escape
from typing import Any

MACRO = re.compile(r"\\([A-Za-z]+)")
FORMULA = re.compile(r"\$([^$]+)\$")
LONG_EXPONENT = re.compile(r"\^\{(?!-?\w+\}|\\\w+\})([^{}]+)\}")


def html(text: str) -> str:
    """The text as HTML, its formulas marked as Sphinx and MathJax expect them.

    Examples
    --------
    >>> html("$a < b$ & c")
    '<span class="math notranslate nohighlight">\\\\(a &lt; b\\\\)</span> &amp; c'
    """

    def typeset(formula: str) -> str:
        return f'<span class="math notranslate nohighlight">\\({formula}\\)</span>'

    return _with_formulas(escape(text), typeset)


def plain(text: str) -> str:
    """The text for a terminal, a title or a citation: formulas in Unicode.

    Examples
    --------
    >>> plain(r"at most $10^{-6}$ of $N^{3/2}$, $\\lambda_c \\le 1$")
    'at most 10^-6 of N^(3/2), λ_c ≤ 1'
    """
    from pylatexenc.latex2text import LatexNodes2Text

    converter = LatexNodes2Text(
        _macros(),
        math_mode="text",
        keep_comments=True,
        strict_latex_spaces="based-on-source",
    )

    def spelled(formula: str) -> str:
        return str(converter.latex_to_text(LONG_EXPONENT.sub(r"^(\1)", formula)))

    return _with_formulas(text, spelled)


def fault(text: str) -> str:
    """What is wrong with the formulas of a text, nothing if all is well."""
    formulas = FORMULA.findall(text)
    if text.count("$") != 2 * len(formulas):
        return "has a formula that does not end"
    if any(each.count("{") != each.count("}") for each in formulas):
        return "has a formula with an open brace"
    if any("frac" in each for each in formulas):
        return "has a fraction that plain text cannot show, write a/b"
    known = _macros().get_macro_spec
    unknown = [m for each in formulas for m in MACRO.findall(each) if not known(m)]
    if unknown:
        return f"has \\{unknown[0]}, which plain text cannot show"
    return ""


def power_of_ten(number: str) -> str:
    """A printed number such as 2e-05 as a formula, any other as it is.

    Examples
    --------
    >>> power_of_ten("2e-05"), power_of_ten("1e-06"), power_of_ten("0.2")
    ('$2 \\\\cdot 10^{-5}$', '$10^{-6}$', '0.2')
    """
    if "e" not in number:
        return number
    mantissa, exponent = number.split("e")
    factor = "" if mantissa == "1" else rf"{mantissa} \cdot "
    return f"${factor}10^{{{int(exponent)}}}$"


@cache
def _macros() -> Any:
    """What plain text can show: pylatexenc's macros, and those that it lacks."""
    from pylatexenc.latex2text import MacroTextSpec, get_default_latex_context_db

    known = get_default_latex_context_db()
    added = [MacroTextSpec("det", "det"), MacroTextSpec("ne", "≠")]
    known.add_context_category("ledger", macros=added, prepend=True)
    return known


def _with_formulas(text: str, shown: Callable[[str], str]) -> str:
    return FORMULA.sub(lambda found: shown(found[1]), text)
