"""Argument checks shared by all modules: one sentence, with the value that came in."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qbcore._support.types import ComplexArray, FloatArray


def require(condition: bool, name: str, must: str, value: object) -> None:
    """Raise "Argument `name` must ..., but is ..." unless the condition holds."""
    if not condition:
        raise ValueError(f"Argument `{name}` must {must}, but is {value!r}.")


def real(
    name: str, value: Any, *, above: float = -math.inf, least: float = -math.inf
) -> float:
    """Return ``value`` as a finite float above ``above`` and of at least ``least``."""
    bound = f" above {above:g}" if above > -math.inf else ""
    bound = f" of at least {least:g}" if least > -math.inf else bound
    must = f"be a finite real number{bound}"
    number = numbers(name, value, must)
    require(number.ndim == 0, name, must, value)
    inside = math.isfinite(number) and number > above and number >= least
    require(bool(inside), name, must, value)
    return float(number)


def integer(name: str, value: Any, *, least: int) -> int:
    """Return ``value`` as an int of at least ``least``, no bool or float."""
    must = f"be an integer of at least {least}"
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"Argument `{name}` must {must}, but is {value!r}.") from None
    require(
        not isinstance(value, bool | np.bool_) and number >= least, name, must, value
    )
    return number


def as_numbers(name: str, value: Any, must: str) -> ComplexArray:
    """Return an array or a QuTiP object, which offers ``full``, as complex numbers."""
    try:
        return np.asarray(value.full() if hasattr(value, "full") else value, complex)
    except (TypeError, ValueError):
        raise ValueError(f"Argument `{name}` must {must}, but is {value!r}.") from None


def numbers(name: str, value: Any, must: str = "hold real numbers") -> FloatArray:
    """Return a copy as floats, of anything but text, bools and complex numbers."""
    try:
        given = np.asarray(value)
    except ValueError:  # ragged
        given = np.array(None)
    require(given.dtype.kind in "iuf", name, must, value)
    return given.astype(float)


def time_axis(name: str, value: ArrayLike, *, latest: float = math.inf) -> FloatArray:
    """Return strictly increasing finite times in [0, latest], shape (T,), T >= 1."""
    times = numbers(name, value)  # a copy, for results keep it
    holds = times.ndim == 1 and times.size >= 1
    require(holds, name, "be a list with at least one time", value)
    require(bool(np.all(np.isfinite(times))), name, "hold finite times only", value)
    require(bool(np.all(np.diff(times) > 0)), name, "increase strictly", value)
    allowed = f"start at 0 or later and end by {latest:g}"
    # linspace may overshoot by one ulp.
    slack = 1e-12 * latest if math.isfinite(latest) else 0.0
    inside = times[0] >= 0 and times[-1] <= latest + slack
    require(bool(inside), name, allowed, (float(times[0]), float(times[-1])))
    return times
