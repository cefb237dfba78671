"""The ledger's texts, with formulas between dollar signs: for pages and terminals."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import escape
from typing import Any

MACRO = re.compile(r"\\([A-Za-z]+)")
FORMULA = re.compile(r"\$([^$]+)\$")
GROUP = re.compile(r"([_^])\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
WITH_SIGNS = re.compile(r'<span class="math [^<]*</span>[.,;:!?)\]]+')
SHORT = re.compile(r"-?[^\W_]+|\W|\(.*\)")  # stands in an exponent without brackets
SPACE = re.compile(r"\\([A-Za-z]+)[ \t]+(?=\\[A-Za-z])")
NAMED = (
    r"(\\(?:(?:arc)?(?:sin|cos|tan)h?|ln|log|exp|max|min|sup|inf|lim|det)"
    r"(?![A-Za-z]))"
)


def html(text: str) -> str:
    """The text as HTML, its formulas marked as Sphinx and MathJax expect them.

    Examples
    --------
    >>> html("$a < b$ & c")
    '<span class="math notranslate nohighlight">\\\\(a &lt; b\\\\)</span> &amp; c'
    """

    def typeset(formula: str) -> str:
        return f'<span class="math notranslate nohighlight">\\({formula}\\)</span>'

    # No line ends between a formula and the full stop behind it.
    return WITH_SIGNS.sub(
        r'<span class="nobr">\g<0></span>', _with_formulas(escape(text), typeset)
    )


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
        short = GROUP.sub(lambda group: group[1] + _index(spelled(group[2])), formula)
        # The name of a function would run into its neighbour.
        apart = re.sub(rf"(?<=[A-Za-z0-9}}]){NAMED}", r" \1", short)
        apart = re.sub(rf"{NAMED}(?=\\[A-Za-z])", r"\1 ", apart)
        return str(converter.latex_to_text(SPACE.sub(_kept_space, apart)))

    return _with_formulas(text, spelled)


def _kept_space(found: re.Match[str]) -> str:
    """A macro and the space behind it, which pylatexenc drops before another macro."""
    from pylatexenc.latexwalker import get_default_latex_context_db

    known = get_default_latex_context_db().get_macro_spec(found[1])
    takes_more = known is not None and known.args_parser.argspec
    return found[0] if takes_more else rf"\{found[1]}\ "


def _index(shown: str) -> str:
    """An exponent or an index as text: in brackets where it would run on."""
    return shown if SHORT.fullmatch(shown) else f"({shown})"


def fault(text: str) -> str:
    """Mistakes in the formulas of a text; empty if there are none."""
    formulas = FORMULA.findall(text)
    if text.count("$") != 2 * len(formulas):
        return "has a formula that does not end"
    if "\\" in FORMULA.sub("", text):
        return "has a backslash outside of a formula"
    if any(not each.isprintable() for each in formulas):
        return "has a formula with a line break or the like; in YAML write '\\ne'"
    if not all(map(_braces_match, formulas)):
        return "has a formula with an open brace"
    if any("frac" in each for each in formulas):
        return "has a fraction that plain text cannot show, write a/b"
    unknown = [m for each in formulas for m in MACRO.findall(each) if not _shown(m)]
    if unknown:
        return f"has \\{unknown[0]}, which plain text cannot show"
    return ""


def _shown(macro: str) -> bool:
    """Whether plain text shows a macro; of some, only the argument would stay."""
    known = _macros().get_macro_spec(macro)
    return known is not None and known.simplify_repl not in ("", "%s")


def _braces_match(formula: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", formula):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


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
    """Macros that plain text can show: pylatexenc's, and those that it lacks."""
    from pylatexenc.latex2text import MacroTextSpec, get_default_latex_context_db

    known = get_default_latex_context_db()
    added = [MacroTextSpec("det", "det"), MacroTextSpec("ne", "≠")]
    added.append(MacroTextSpec("|", "‖"))
    known.add_context_category("ledger", macros=added, prepend=True)
    return known


def _with_formulas(text: str, shown: Callable[[str], str]) -> str:
    return FORMULA.sub(lambda found: shown(found[1]), text)
