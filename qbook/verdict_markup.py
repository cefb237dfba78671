"""The ledger as HTML: every place that shows a verdict takes its markup from here.

Sign, word and border style differ from verdict to verdict, so that colour is not
needed. The colours are the style sheet's; where there is none (JupyterLab, GitHub)
signs and words remain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from textwrap import shorten
from typing import TYPE_CHECKING

from qbook import _turns
from qbook.tex import html, plain

if TYPE_CHECKING:
    from qbook.claims import Claim

VERDICTS = {"holds": "✓", "holds in part": "◐", "fails": "✗", "cannot be decided": "?"}
LEFT = 'style="text-align: left"'  # JupyterLab moves the text of tables to the right
OPENING = 56  # letters of a claim that a strip shows
OWN = "thisbook"  # stands for a paper where the book rules on its own statements
# The bar of a box where the style sheet does not reach, in colours for light and dark.
BARS = {
    "holds": "solid #0d8a6a",
    "holds in part": "dashed #b97a00",
    "fails": "double #cf5412",
    "cannot be decided": "dotted #808080",
}


def style_class(verdict: str) -> str:
    """The class that the style sheet colours."""
    return f"verdict-{verdict.replace(' ', '-')}"


def bar(verdict: str) -> str:
    """The style of the box of a verdict."""
    return f'style="border-left:0.4em {BARS[verdict]};padding:0.3em 1em;margin:1em 0"'


def sign(verdict: str) -> str:
    """The sign of a verdict; a screen reader leaves it out, since the word follows."""
    return f'<span aria-hidden="true">{VERDICTS[verdict]}</span>'


def box(claim: Claim) -> str:
    """The box below a figure of a chapter."""
    word = f"{sign(claim.verdict)} <strong>{claim.verdict.capitalize()}</strong>"
    validity = _sentence(f"Validity: {claim.validity}") if claim.validity else ""
    computed = (
        f"{_sentence(f'Computed here: {claim.parameters}')}"
        f"{_sentence(f'Tolerance: {claim.tolerance_because}')}{_measured(claim)}"
        f"{validity}"
    )
    again = (
        f'Ledger entry <a href="#{claim.anchor}"><code>{claim.id}</code></a>; '
        f"compute it again: <code>python -m qbook verdict {claim.id}</code>"
    )
    return (
        f'<aside class="verdict {style_class(claim.verdict)}" id="{claim.anchor}" '
        f'aria-label="Verdict on {claim.id}" data-quote="{escape(quote(claim))}" '
        f"{bar(claim.verdict)}>"
        f'<p class="verdict-title">{word}: {html(claim.claim)} '
        f"<small>({html(claim.where)})</small></p>"
        f"<p>{html(claim.reason)}</p>{_voices(claim)}{_numbers(claim)}"
        f"{_turns.markup(claim, VERDICTS)}"
        f"<p><small>{html(claim.decision)}.</small></p>"
        '<details class="verdict-how"><summary><small>How it was computed</small>'
        f"</summary><p><small>{computed}</small></p></details>"
        f'<p class="verdict-again"><small>{again}</small></p></aside>'
    )


def quote(claim: Claim) -> str:
    """Verdict, claim and place in plain text, for citations."""
    word = claim.verdict.capitalize()
    return plain(f"{word}: {claim.claim.rstrip('.')} ({claim.where}). {claim.reason}")


def _numbers(claim: Claim) -> str:
    """The numbers of a claim as a list, with label, tolerance and unit."""
    items = "".join(
        f"<li>{html(number.label)}: <strong>{html(number.text)}</strong></li>"
        for number in claim.computed.values()
    )
    return f'<ul class="verdict-numbers">{items}</ul>'


def _sentence(text: str) -> str:
    """A field of the ledger with one full stop, whether it brings one or not."""
    return f"{html(text.rstrip('.'))}. "


def _voices(claim: Claim) -> str:
    """Earlier verdicts, open disputes and the answer of an author, where there are."""
    said = [
        f"Up to version {change['version']}: {change['from']}. {change['because']}"
        for change in claim.changes
    ]
    said += [f"Disputed: {address}" for address in claim.disputed_by]
    said += [f"An author of the paper answers: {claim.reply}"] if claim.reply else []
    return "".join(f"<p>{html(each)}</p>" for each in said)


def _measured(claim: Claim) -> str:
    """Movement of the numbers at twice the resolution; counts and stored do not."""
    if not claim.largest_error:
        return ""
    return (
        "At twice the resolution the numbers move by at most "
        f"{100 * claim.largest_error:.2g} % of it. "
    )


def strip(claims: tuple[Claim, ...]) -> str:
    """The claims of a chapter as links that begin as the claims do, for its head."""
    links = [
        _link(c, f"#{c.anchor}", plain(c.claim), f" {_opening(c)}", f": {c.verdict}")
        for c in claims
    ]
    return _navigation("claims", "Claims of this chapter", _list(links))


def strip_of_all(claims: tuple[Claim, ...]) -> str:
    """Every verdict as one small sign under its paper, for the first page."""
    groups = []
    for paper in dict.fromkeys(claim.paper for claim in claims):
        links = [
            _link(c, _address(c), quote(c), "", f"{_opening(c)}: {c.verdict}")
            for c in claims
            if c.paper == paper
        ]
        groups.append(f"<p>{escape(paper_name(paper))}</p>{_list(links)}")
    return _navigation("all-claims", "All claims", "".join(groups))


def _opening(claim: Claim) -> str:
    """The first words of a claim; the rest is its link's title."""
    return escape(shorten(plain(claim.claim.rstrip(".")), OPENING, placeholder=" …"))


def _link(claim: Claim, href: str, title: str, shown: str, spoken: str) -> str:
    """A verdict's sign as a link, with what is shown and what is only spoken."""
    return (
        f'<li class="{style_class(claim.verdict)}"><a href="{href}" '
        f'title="{escape(title)}">{sign(claim.verdict)}{shown}'
        f'<span class="visually-hidden">{spoken}</span></a></li>'
    )


def _list(items: list[str]) -> str:
    return f"<ul>{''.join(items)}</ul>"


def _navigation(kind: str, label: str, shown: str) -> str:
    return f'<nav class="{kind}" aria-label="{label}">{shown}</nav>'


def table(claims: tuple[Claim, ...]) -> str:
    """The ledger as a table; each verdict links to its box on the site."""
    names = ("Verdict", "Claim", "Paper", "Why")
    head = "".join(f'<th scope="col" {LEFT}>{name}</th>' for name in names)
    rows = "".join(map(_row, claims))
    head = f"<thead><tr>{head}</tr></thead>"
    return f'<table class="ledger">{head}<tbody>{rows}</tbody></table>'


def paper_name(key: str) -> str:
    """A key of the bibliography as readers say it: guo2024 is Guo 2024."""
    if key == OWN:
        return "This book"
    return re.sub(r"^([a-z]+)(\d{4}.*)$", lambda m: f"{m[1].title()} {m[2]}", key)


def _row(claim: Claim) -> str:
    what = f"{html(claim.claim)} <small>({html(claim.where)})</small>"
    paper = escape(paper_name(claim.paper))
    decision = f"<small>{html(claim.decision)}.</small>"
    texts = (what, paper, f"{html(claim.reason)} {decision}{_numbers(claim)}")
    cells = "".join(f"<td {LEFT}>{text}</td>" for text in texts)
    link = f'<a href="../{_address(claim)}">{sign(claim.verdict)} {claim.verdict}</a>'
    data = (
        f'data-paper="{paper}" data-verdict="{claim.verdict}" '
        f'data-decided="{claim.decided_by}" data-quote="{escape(quote(claim))}"'
    )
    name = f"<small><code>{claim.id}</code></small>"
    head = f'<th scope="row" {LEFT}>{link} {name}</th>'
    style = style_class(claim.verdict)
    return f'<tr class="{style}" id="{claim.id}" {data}>{head}{cells}</tr>'


def tally(counts: Mapping[str, int]) -> str:
    """The number of claims per verdict; each leads to these in the ledger."""
    items = "".join(
        f'<li class="{style_class(verdict)}">'
        f'<a href="synthesis/ledger.html?verdict={verdict.replace(" ", "+")}">'
        f"{sign(verdict)} <strong>{count}</strong> {verdict}</a></li>"
        for verdict, count in counts.items()
    )
    return f'<ul class="tally">{items}</ul>'


def card(claim: Claim, title: str) -> str:
    """One claim on the first page, under a title of its chapter, as a list item."""
    see = f'See it computed<span class="visually-hidden">: {escape(title)}</span>'
    return (
        f'<li class="{style_class(claim.verdict)}"><p class="title">{escape(title)}</p>'
        f"<p><em>The claim:</em> {html(claim.claim.rstrip('.'))}.</p>"
        f'<p><strong class="ruling">{sign(claim.verdict)} '
        f"{claim.verdict.capitalize()}.</strong> "
        f'{html(claim.reason)}</p><p><a href="{_address(claim)}">{see}</a></p></li>'
    )


def _address(claim: Claim) -> str:
    return f"{escape(claim.chapter)}.html#{claim.anchor}"
