"""The verdict that turns: a number over the parameter on which a verdict hangs.

An entry of the ledger says of what number the claim holds, in ``turns``::

    turns:
      over: length $T/\\pi$             # the parameter
      number: charge on the curve      # what is computed for each of its values
      at_least: 0.99                   # the claim holds from here on,
      at_most: 1                       # and up to here; one of both may be left out
      known: {"0.1": charge_at_01}     # where it is one of the entry's own numbers

The chapter computes the number for some values of the parameter. The word next to each
follows from this one rule, and where the number is known the two must agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qbook import tex

if TYPE_CHECKING:
    from qbook.claims import Claim

MARGIN = 0.06  # of the line, left free at both ends


def word(rule: Mapping[str, Any], number: float) -> str:
    """The verdict that a number leads to."""
    held = rule.get("at_least", -math.inf) <= number <= rule.get("at_most", math.inf)
    return "holds" if held else "fails"


def disagreement(claim: Claim, turned: Mapping[float, float]) -> str:
    """The places where numbers leave the ledger, or never turn the verdict."""
    for value, name in claim.turns["known"].items():
        number, found = claim.computed[name], turned.get(float(value), math.nan)
        if not abs(found - number.value) <= number.tolerance:
            return (
                f"{claim.id}: the ledger holds {name} = {number}, "
                f"turned to {value} it is {found:.9g}."
            )
    if len({word(claim.turns, number) for number in turned.values()}) < 2:
        return f"{claim.id}: no value of {claim.turns['over']} turns the verdict."
    return ""


def markup(claim: Claim, sign: Mapping[str, str]) -> str:
    """A table that the site's script makes a slider of; empty if nothing turns."""
    if not claim.turned:
        return ""
    rule = claim.turns
    band = [rule[end] for end in ("at_least", "at_most") if end in rule]
    place = _line([*claim.turned.values(), *band])
    rows = "".join(
        f'<tr data-at="{place(number):.2f}" data-verdict="{word(rule, number)}">'
        f'<th scope="row">{value:g}</th><td>{_shown(number)}</td>'
        f'<td><span aria-hidden="true">{sign[word(rule, number)]}</span> '
        f"{word(rule, number)}</td></tr>"
        for value, number in claim.turned.items()
    )
    names = (rule["over"], rule["number"], "the claim")
    head = "".join(f'<th scope="col">{tex.html(name)}</th>' for name in names)
    low, high = (
        place(rule[end]) if end in rule else edge
        for end, edge in (("at_least", 0), ("at_most", 100))
    )
    start = list(claim.turned).index(float(next(iter(rule["known"]))))
    return (
        f'<details class="turn" data-band="{low:.2f} {high:.2f}" '
        f'data-start="{start}" data-over="{tex.plain(rule["over"])}">'
        f"<summary>Turn it: {tex.html(rule['over'])}</summary>"
        f"<p>The claim holds {_band(rule)}.</p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )


def _band(rule: Mapping[str, Any]) -> str:
    ends = (("at_least", "at least"), ("at_most", "at most"))
    told = [f"{way} {_shown(rule[end])}" for end, way in ends if end in rule]
    return f"for a {tex.html(rule['number'])} of {' and '.join(told)}"


def _shown(number: float) -> str:
    shown = f"{0.0 if abs(number) < 1e-12 else number:.4g}"
    return tex.html(tex.power_of_ten(shown.replace("-", "−", shown.startswith("-"))))


def _line(numbers: list[float]) -> Any:
    """The place of a number on a line that holds all, in percent of its length."""
    low, high = min(numbers), max(numbers)
    free = 1 - 2 * MARGIN
    return lambda number: 100 * (MARGIN + free * (number - low) / (high - low))
