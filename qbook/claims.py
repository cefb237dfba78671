"""The ledger of published claims: read it, check a value against it, show the verdict.

``book/claims.yml`` holds one entry per claim::

    - id: guo-transition              # how a chapter names it
      paper: guo2024                  # key in references.bib
      where: Fig. 6a                  # place in the paper
      claim: ...                      # in our words
      parameters: N = 100, no drive   # what was computed
      computed:                       # one or more named numbers
        lambda_c: {value: 0.50505, tolerance: 1.0e-5}
      tolerance_because: ...          # why these tolerances
      verdict: fails                  # one of VERDICTS
      reason: ...                     # one sentence
      chapter: papers/rosen-zener     # the one chapter that decides it

A chapter computes the numbers and calls
``claims.check("guo-transition", lambda_c=...)``. That raises when a number has left its
tolerance, and otherwise shows the verdict beside the figure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from qbcore._support.checks import real, require
from qbook import verdict_markup as markup
from qbook.verdict_markup import VERDICTS

FIELDS = (
    "id",
    "paper",
    "where",
    "claim",
    "parameters",
    "computed",
    "tolerance_because",
    "verdict",
    "reason",
    "chapter",
)


class _Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error, as YAML itself has it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        """Take the mapping of one node."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        where = f"claims.yml: line {node.start_mark.line + 1}"
        require(not twice, where, "name every key once", twice)
        return super().construct_mapping(node, deep)


class ClaimError(AssertionError):
    """A computed number no longer agrees with the ledger."""


@dataclass(frozen=True)
class Number:
    """A number of the ledger: |value computed today - value| <= tolerance must hold."""

    value: float
    tolerance: float

    def __str__(self) -> str:
        # Six digits, and more where these would be wrong by a tenth of the tolerance.
        shown = next(
            text
            for digits in range(6, 18)
            if abs(float(text := f"{self.value:.{digits}g}") - self.value)
            <= self.tolerance / 10
        )
        return shown + (f" ± {self.tolerance:.1g}" if self.tolerance else "")


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
    verdict: str
    reason: str
    chapter: str

    @property
    def anchor(self) -> str:
        """Identifier of the verdict box on the chapter's page."""
        return f"claim-{self.id}"

    @property
    def numbers(self) -> str:
        """The computed numbers in one line of text."""
        return ", ".join(f"{name} = {number}" for name, number in self.computed.items())

    def __repr__(self) -> str:
        return f"{self.id}: {self.verdict}. {self.reason} [{self.numbers}]"

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

    def _repr_html_(self) -> str:
        return markup.table(self)


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
        f"No claims.yml beside or above {here}; run a chapter inside the book's folder."
    )


@lru_cache
def _parsed(path: Path, modified: int) -> Ledger:
    """Ledger as of its modification time: an edit is seen in a running kernel."""
    entries = yaml.load(path.read_text(encoding="utf-8"), _Loader) or []
    whole = isinstance(entries, list) and all(
        isinstance(entry, dict) for entry in entries
    )
    require(whole, "claims.yml", "hold a list of entries", type(entries).__name__)
    claims = Ledger(_claim(entry) for entry in entries)
    ids = [c.id for c in claims]
    require(
        len(set(ids)) == len(ids), "claims.yml", "name every claim once", sorted(ids)
    )
    return claims


def _claim(entry: dict[str, Any]) -> Claim:
    name = f"claims.yml: {entry.get('id', '?')}"
    require(
        tuple(entry) == FIELDS,
        name,
        f"have the fields {FIELDS} in this order",
        tuple(entry),
    )
    require(
        entry["verdict"] in VERDICTS,
        name,
        f"have a verdict in {tuple(VERDICTS)}",
        entry["verdict"],
    )
    require(
        bool(re.fullmatch("[a-z0-9-]+", str(entry["id"]))),
        name,
        "have an id of a-z, 0-9, -",
        entry["id"],
    )
    blank = [
        key for key, value in entry.items() if value is None or not str(value).strip()
    ]
    require(not blank, name, "fill every field", blank)
    some = isinstance(entry["computed"], dict) and bool(entry["computed"])
    require(some, name, "hold at least one computed number", entry["computed"])
    numbers = {
        key: _number(f"{name}, {key}", number)
        for key, number in entry["computed"].items()
    }
    text = {
        key: " ".join(str(value).split())
        for key, value in entry.items()
        if key != "computed"
    }
    return Claim(**text, computed=numbers)


def _number(name: str, fields: Any) -> Number:
    paired = isinstance(fields, dict) and tuple(fields) == ("value", "tolerance")
    require(paired, name, "have a value and a tolerance", fields)
    real(f"{name}: value", fields["value"])  # YAML reads 1e-5, without a point, as text
    real(f"{name}: tolerance", fields["tolerance"], least=0.0)
    return Number(**fields)


def load(path: Path | None = None) -> Ledger:
    """All entries of the ledger, in its order; ValueError on a malformed entry."""
    source = find_ledger() if path is None else path
    return _parsed(source, source.stat().st_mtime_ns)


def check(claim_id: str, *value: float, **values: float) -> Claim:
    """Compare computed numbers with the ledger and return the verdict to show.

    Parameters
    ----------
    claim_id : ``id`` of the entry.
    value, values : the number itself if the entry has one, else each number by its
        name.

    Raises
    ------
    ClaimError if a number differs from the ledger by more than its tolerance, or is not
    finite. ValueError for an unknown claim, or names other than those of the entry.
    """
    known = {claim.id: claim for claim in load()}
    require(claim_id in known, "claim_id", f"be one of {sorted(known)}", claim_id)
    claim = known[claim_id]
    require(
        not (value and values), "value", "not come together with named numbers", value
    )
    if len(value) == 1 and len(claim.computed) == 1:
        values = dict(zip(claim.computed, value, strict=True))
    given = tuple(sorted(values))
    require(
        given == tuple(sorted(claim.computed)),
        "values",
        f"name {tuple(claim.computed)}",
        given,
    )
    for name, number in claim.computed.items():
        found = _compared(name, values[name])
        if not math.isfinite(found) or abs(found - number.value) > number.tolerance:
            raise ClaimError(
                f"{claim_id}: the ledger holds {name} = {number}, "
                f"computed here is {found:.9g}."
            )
    return claim


def _compared(name: str, value: Any) -> float:
    array = np.asarray(value)
    a_number = array.dtype.kind in "iuf" or isinstance(value, Real)
    fits = array.ndim == 0 and a_number and array.dtype.kind != "b"
    require(fits, name, "be a number", value)
    return float(value)
