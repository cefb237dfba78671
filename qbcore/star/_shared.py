"""What both stars share: checks of fields, and what a qubit stores."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from qbcore._support.checks import integer, real
from qbcore.errors import TooLargeError

if TYPE_CHECKING:
    from qbcore.star.battery import StarBattery
    from qbcore.star.common_bath import CommonBathStar

    Star: TypeAlias = StarBattery | CommonBathStar

POSITIVE = {"splitting", "rate", "temperature"}


def check_fields(star: Star, *, fewest: int, most: int) -> None:
    """Check all fields, and keep them as Python's numbers, which never wrap around."""
    checked: dict[str, Any] = {"cells": integer("cells", star.cells, least=fewest)}
    at_most(most, checked["cells"], "`star.formulas` has the limit N -> infinity")
    for name in [field.name for field in fields(star)][1:]:
        above = 0.0 if name in POSITIVE else -math.inf
        checked[name] = real(name, getattr(star, name), above=above)
    vars(star).update(checked)  # the class is frozen
    real("2 * splitting", star.quantum)


def at_most(most: int, cells: int, way_out: str) -> None:
    """Refuse a network that is too large for a method."""
    if cells > most:
        message = f"`cells` is {cells}, and this takes at most {most}: {way_out}."
        raise TooLargeError(message, found=cells, limit=most)


def ergotropy(quantum: Any, excitation: Any, coherence: Any = 0.0) -> Any:
    """quantum (p - smaller eigenvalue) of a qubit with levels ``quantum`` apart.

    The eigenvalues are (1 +- r)/2, r the length of the Bloch vector.
    """
    inversion = 2 * excitation - 1
    return quantum * (inversion + np.hypot(inversion, 2 * np.abs(coherence))) / 2


def at_rest(quantum: Any, excitation: Any) -> dict[str, Any]:
    """The fields of `QubitSteadyState`, of one qubit or many."""
    populations = np.stack([excitation, 1 - excitation], axis=-1)
    return {
        "energy": quantum * excitation,
        "ergotropy": ergotropy(quantum, excitation),
        "state": populations[..., None] * np.eye(2, dtype=complex),
        "excitation": excitation,
    }


def as_floats(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of one star among many, all but the state as floats."""
    return {k: v if k == "state" else float(v) for k, v in fields.items()}
