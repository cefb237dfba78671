"""What the models share: checks of fields and of a task's size, QuTiP operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_matrix

from qbcore._support.checks import integer, numbers, real, require, together
from qbcore._support.results import in_short
from qbcore._support.types import FloatArray, Operator
from qbcore.errors import BatteryError, NoSteadyStateError, TooLargeError

if TYPE_CHECKING:
    import qutip
    from _typeshed import DataclassInstance


class ClosedBattery:
    """What batteries without a bath share."""

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return no jump operators: the battery is closed."""
        return []

    def steady_state(self) -> Any:
        """Refuse: a closed battery never comes to rest.

        Raises
        ------
        NoSteadyStateError
            Always.
        """
        message = (
            "A closed battery has 0 baths and never comes to rest, which needs 1: take "
            "what it holds at some time from `charge()`."
        )
        raise NoSteadyStateError(message, found=0, limit=1)


def check_fields(
    battery: DataclassInstance, *, least: dict[str, int], positive: Collection[str]
) -> None:
    """Make every field a Python number, which never wraps around, in its range.

    Whole numbers and what may be zero stand in ``least``. A field whose default is None
    keeps that, and a function stays one.
    """
    for field in fields(battery):
        name, value = field.name, getattr(battery, field.name)
        if value is None and field.default is None:
            continue
        if "Callable" in str(field.type):
            require(callable(value), name, "be a function", value)
            continue
        if field.type == "bool":
            require(isinstance(value, bool | np.bool_), name, "be a bool", value)
            number: float = bool(value)
        elif "int" in str(field.type):
            number = integer(name, value, least=least[name])
        else:
            above = 0.0 if name in positive else -math.inf
            number = real(name, value, above=above, least=least.get(name, -math.inf))
        vars(battery)[name] = number  # the class is frozen


def broadcast_fields(
    model: Callable[..., object], given: dict[str, ArrayLike]
) -> dict[str, FloatArray]:
    """Fields of many batteries as floats of one shape, in the model's own ranges."""
    for name, value in given.items():
        require(numbers(name, value).size > 0, name, "hold at least one value", value)
    grids = together(", ".join(given), *map(np.asarray, given.values()))
    shaped = dict(zip(given, grids, strict=True))
    for extreme in (np.min, np.max):  # a NaN survives both
        model(**{name: extreme(grid).item() for name, grid in shaped.items()})
    return {name: grid.astype(float) for name, grid in shaped.items()}


def at_most(
    limit: float,
    found: float,
    what: str,
    way_out: str,
    error: type[BatteryError] = TooLargeError,
) -> None:
    """Refuse what exceeds its limit, or is not a number, by a named error."""
    if not found <= limit:
        found = found if found == found else math.inf  # not a number
        size = f"{what} is {in_short(found)}, and may be at most {in_short(limit)}"
        raise error(f"{size}: {way_out}.", found=found, limit=limit)


def as_qutip(operator: Operator, dims: list[int]) -> qutip.Qobj:
    """An array as a QuTiP operator on subsystems of these dimensions."""
    import qutip

    # QuTiP 5.1 takes sparse matrices, but no sparse arrays.
    return qutip.Qobj(csr_matrix(operator), dims=[dims, dims])
