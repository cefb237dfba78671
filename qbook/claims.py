"""The ledger of published claims: read it, check a value against it, show the verdict.

``book/claims.yml`` holds one entry per claim::

    - id: guo-transition              # how a chapter names it
      paper: guo2024                  # key in references.bib; thisbook for our own
      where: Fig. 6a                  # place in the paper
      claim: ...                      # in our words
      parameters: N = 100, no drive   # what was computed
      validity: ...                   # optional: the regime of an equation ruled on
      computed:                       # one or more named numbers
        lambda_c:
          {value: 0.50505, tolerance: 1.0e-5, label: "critical $\\lambda$"}
      tolerance_because: ...          # why these tolerances
      decided_by: printed parameters  # one of DECIDED_BY
      verdict: fails                  # one of VERDICTS
      reason: ...                     # one sentence
      chapter: papers/rosen-zener     # the one chapter that decides it

If a choice of ours decides, ``decided_by: our choice`` is followed by the readings
that were tried, each with the verdict under it, and the verdict follows from them::

      readings:
        kappa_b held fixed: holds
        kappa_a held fixed: fails

If one parameter decides, ``turns`` says of what number the claim holds; see
``qbook._turns``.

Formulas in its texts are TeX between dollar signs; ``qbook.tex`` sets them.

A chapter computes the numbers and calls
``claims.check("guo-transition", lambda_c=...)``. That raises when a number has left its
tolerance or a reading turns out otherwise, and shows the verdict next to the figure.
``refined.json`` next to the ledger holds how far each number moves at twice the
resolution: its measured error, written by ``make refine``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from qbcore._support.checks import require
from qbook import _turns, tex
from qbook import verdict_markup as markup
from qbook._ledger_file import entries
from qbook.verdict_markup import VERDICTS

RECORD = "QBOOK_RECORD"  # names the file that keeps what the chapters computed
REFINED = "refined.json"
YES_NO = "yes/no"


class ClaimError(AssertionError):
    """A computed number no longer agrees with the ledger."""


@dataclass(frozen=True)
class Number:
    """A number of the ledger: what is computed today may differ by the tolerance.

    ``label`` says what it is and ``unit`` in what it is measured; the unit ``yes/no``
    makes words of 1 and 0. ``error`` is how far it moves when computed at twice the
    resolution, if measured.
    """

    value: float
    tolerance: float
    error: float | None = None
    label: str = ""
    unit: str = ""

    def __str__(self) -> str:
        return tex.plain(self.text)

    @property
    def text(self) -> str:
        """Value, tolerance and unit, formulas in TeX."""
        if self.unit == YES_NO:
            return "yes" if self.value else "no"
        margin = tex.power_of_ten(f"{self.tolerance:.1g}")
        shown = self._digits + (f" ± {margin}" if self.tolerance else "")
        if self.unit.startswith("$") and self.tolerance:
            shown = f"({shown})"
        return f"{shown} {self.unit}".rstrip()

    @property
    def _digits(self) -> str:
        # As many as it takes to be right within a tenth of the tolerance.
        for digits in range(1, 18):
            shown = f"{self.value:.{digits}g}"
            right = abs(float(shown) - self.value) <= self.tolerance / 10
            if right and "e+" not in shown:
                break
        return tex.power_of_ten(shown.replace("-", "−", shown.startswith("-")))

    @property
    def share(self) -> float | None:
        """Measured error over the tolerance, 0 if it vanishes; None if unmeasured."""
        if not self.error:
            return self.error
        return self.error / self.tolerance if self.tolerance else math.inf


@dataclass(frozen=True, repr=False)
class Claim:
    """One entry of the ledger; shows itself as a verdict box in a notebook."""

    id: str
    paper: str
    where: str
    claim: str
    parameters: str
    computed: Mapping[str, Number]
    tolerance_because: str
    decided_by: str
    verdict: str
    reason: str
    chapter: str
    validity: str = ""
    readings: Mapping[str, str] = field(default_factory=dict)
    since: str = ""
    changes: Sequence[Mapping[str, str]] = ()
    disputed_by: Sequence[str] = ()
    reply: str = ""
    turns: Mapping[str, Any] = field(default_factory=dict)
    turned: Mapping[float, float] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        """Identifier of the verdict box on the chapter's page."""
        return f"claim-{self.id}"

    @property
    def address(self) -> str:
        """Address of that box, from the top of the site."""
        return f"book/{self.chapter}.html#{self.anchor}"

    @property
    def numbers(self) -> str:
        """The computed numbers with their labels in one line of text."""
        return "; ".join(f"{n.label}: {n.text}" for n in self.computed.values())

    @property
    def decision(self) -> str:
        """The ground of the verdict, and how many readings the claim holds under."""
        if not self.readings:
            return f"Decided by {self.decided_by}"
        ruled = []
        for verdict in VERDICTS:
            names = [name for name, found in self.readings.items() if found == verdict]
            among = f"{len(names)} of {len(self.readings)}"
            many = f"all {len(names)}" if len(names) == len(self.readings) else among
            said = f"{verdict} under {many} readings ({'; '.join(names)})"
            ruled += [said] if names else []
        return f"Decided by {self.decided_by}: {', '.join(ruled)}"

    @property
    def largest_error(self) -> float | None:
        """Largest measured error over its tolerance; None if nothing was measured."""
        shares = [n.share for n in self.computed.values() if n.share is not None]
        return max(shares, default=None)

    def __repr__(self) -> str:
        said = f"{self.id}: {self.verdict}. {self.reason} [{self.numbers}]"
        return tex.plain(said)

    def _repr_html_(self) -> str:
        return markup.box(self)


class Ledger(tuple[Claim, ...]):
    """Claims in the order of the file; shows itself as one table per paper, linked."""

    def __repr__(self) -> str:
        return f"Ledger of {len(self)} claims: " + ", ".join(
            f"{n} {v}" for v, n in self.counts.items()
        )

    @property
    def counts(self) -> dict[str, int]:
        """Number of claims by verdict, in the order of VERDICTS."""
        return {
            verdict: sum(c.verdict == verdict for c in self) for verdict in VERDICTS
        }

    def of(self, paper: str) -> Ledger:
        """The claims of one paper, by its key in references.bib."""
        return Ledger(claim for claim in self if claim.paper == paper)

    def decided_in(self, chapter: str) -> Ledger:
        """The claims that one chapter decides, such as ``papers/rosen-zener``."""
        return Ledger(claim for claim in self if claim.chapter == chapter)

    def strip(self) -> Strip:
        """The claims in one line of links to their boxes, for the head of a chapter."""
        return Strip(self)

    def _repr_html_(self) -> str:
        return markup.table(self)


class Strip(tuple[Claim, ...]):
    """Claims that show themselves as links to their boxes on the same page."""

    def __repr__(self) -> str:
        return ", ".join(f"{VERDICTS[claim.verdict]} {claim.id}" for claim in self)

    def _repr_html_(self) -> str:
        return markup.strip(self)


def find_ledger(start: Path | None = None) -> Path:
    """``claims.yml`` in the working directory, its ``book`` folder, or a parent.

    Falls back on the source tree this module lies in, and raises FileNotFoundError
    without one.
    """
    here = Path.cwd() if start is None else start
    folders = [here, *here.parents, Path(__file__).resolve().parent.parent]
    for folder in folders:
        for candidate in (folder / "claims.yml", folder / "book" / "claims.yml"):
            if candidate.is_file():
                return candidate
    raise FileNotFoundError(
        f"No claims.yml in {here} or above; run a chapter inside the book's folder."
    )


@lru_cache
def _parsed(path: Path, modified: tuple[int, ...]) -> Ledger:
    """Ledger as of its modification time: an edit is seen in a running kernel."""
    moves = json.loads(_read(path.with_name(REFINED)) or "{}")
    found = _one_line(entries(path))
    return Ledger(_claim(entry, moves.get(entry["id"], {})) for entry in found)


def _claim(entry: dict[str, Any], errors: Mapping[str, float]) -> Claim:
    numbers = {
        name: Number(**{"label": name} | fields, error=errors.get(name))
        for name, fields in entry["computed"].items()
    }
    return Claim(**{**entry, "computed": numbers})


def _one_line(found: Any) -> Any:
    """The content of a ledger, each text (a key is one too) in one line."""
    if isinstance(found, str):
        return " ".join(found.split())
    if isinstance(found, dict):
        return {_one_line(key): _one_line(value) for key, value in found.items()}
    return [_one_line(each) for each in found] if isinstance(found, list) else found


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def load(path: Path | None = None) -> Ledger:
    """All entries of the ledger, in its order; ValueError names a malformed line."""
    source = find_ledger() if path is None else path
    files = [file for file in (source, source.with_name(REFINED)) if file.is_file()]
    return _parsed(source, tuple(file.stat().st_mtime_ns for file in files))


def check(
    claim_id: str,
    *value: float,
    readings: Mapping[str, bool | str] | None = None,
    turns: Mapping[float, float] | None = None,
    ledger: str | Path | None = None,
    **values: float,
) -> Claim:
    """Compare computed numbers with the ledger and return the verdict to show.

    Parameters
    ----------
    claim_id : str
        ``id`` of the entry.
    *value, **values : float
        The number itself if the entry has one, else each number by its name.
    readings : mapping of str to bool or str, optional
        Where a choice of ours decides: does the claim hold under this reading? True for
        "holds", False for "fails", or the verdict in words.
    turns : mapping of float to float, optional
        Where one parameter decides: the number that the entry's ``turns`` names, by
        values of the parameter.
    ledger : str or Path, optional
        A ledger of your own; if not given, the one that `find_ledger` finds.

    Returns
    -------
    Claim
        The entry, which shows itself as a verdict box.

    Raises
    ------
    ClaimError
        A number differs from the ledger by more than its tolerance or is not finite, or
        a reading has another verdict than in the ledger, or nothing turns the verdict.
    ValueError
        An unknown claim, or names of numbers or readings other than the entry's.
    """
    known = {
        claim.id: claim for claim in load(None if ledger is None else Path(ledger))
    }
    require(claim_id in known, "claim_id", f"be one of {sorted(known)}", claim_id)
    claim = known[claim_id]
    require(
        not (value and values), "value", "not come together with named numbers", value
    )
    if len(value) == 1 and len(claim.computed) == 1:
        values = dict(zip(claim.computed, value, strict=True))
    _named("values", claim.computed, values)
    found = {name: _compared(name, values[name]) for name in claim.computed}
    ruled = {name: _ruled(held) for name, held in (readings or {}).items()}
    _named("readings", claim.readings, ruled)
    _record(claim_id, found, ruled)
    if apart := disagreement(claim, found, ruled):
        raise ClaimError(apart)
    if not claim.turns:
        require(not turns, "turns", "be left out, as the entry has none", turns)
        return claim
    turned = {key: _compared("turns", number) for key, number in (turns or {}).items()}
    if apart := _turns.disagreement(claim, turned):
        raise ClaimError(apart)
    return replace(claim, turned=turned)


def disagreement(
    claim: Claim, found: Mapping[str, float], ruled: Mapping[str, str]
) -> str:
    """Where numbers and readings leave the ledger first; nothing if they agree."""
    for name, number in claim.computed.items():
        apart = abs(found[name] - number.value)
        if not math.isfinite(apart) or apart > number.tolerance:
            return (
                f"{claim.id}: the ledger holds {name} = {number}, "
                f"computed here is {found[name]:.9g}."
            )
    for name, verdict in claim.readings.items():
        if ruled[name] != verdict:
            return (
                f'{claim.id}: under the reading "{name}" the ledger says {verdict!r}, '
                f"computed here is {ruled[name]!r}."
            )
    return ""


def _named(
    what: str, expected: Mapping[str, object], given: Mapping[str, object]
) -> None:
    names = tuple(sorted(given))
    require(names == tuple(sorted(expected)), what, f"name {tuple(expected)}", names)


def _ruled(held: bool | str) -> str:
    """The verdict under one reading; numpy's booleans are as good as Python's."""
    if isinstance(held, bool | np.bool_):
        return "holds" if held else "fails"
    require(held in VERDICTS, "readings", f"be true, false or in {[*VERDICTS]}", held)
    return held


def _record(
    claim_id: str, found: Mapping[str, float], ruled: Mapping[str, str]
) -> None:
    """Keep what was computed, one line per claim, if a file was named for it."""
    if RECORD in os.environ:
        line = {"id": claim_id, "computed": found, "readings": ruled}
        with Path(os.environ[RECORD]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _compared(name: str, value: Any) -> float:
    array = np.asarray(value)
    a_number = array.dtype.kind in "iuf" or isinstance(value, Real)
    fits = array.ndim == 0 and a_number and array.dtype.kind != "b"
    require(fits, name, "be a number", value)
    return float(value)
