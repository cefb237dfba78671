"""Argument checks shared by all modules: one sentence form, always with the value that came in."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qbcore._support.types import ComplexArray, FloatArray


def require(condition: bool, name: str, must: str, value: object) -> None:
    """Raise ``ValueError("Argument `name` must ..., but is ...")`` unless ``condition`` holds."""
    if not condition:
        raise ValueError(f"Argument `{name}` must {must}, but is {value!r}.")


def real(
    name: str, value: Any, *, above: float = -math.inf, least: float = -math.inf
) -> float:
    """Return ``value`` as a finite float with ``value > above`` and ``value >= least``."""
    bound = f" above {above:g}" if above > -math.inf else ""
    bound = f" of at least {least:g}" if least > -math.inf else bound
    must = f"be a finite real number{bound}"
    require(
        isinstance(value, int | float | np.integer | np.floating), name, must, value
    )
    number = float(value)
    require(
        math.isfinite(number) and number > above and number >= least, name, must, value
    )
    return number


def integer(name: str, value: Any, *, least: int) -> int:
    """Return ``value`` as an int of at least ``least``; a bool or a float is refused."""
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


def time_axis(name: str, value: ArrayLike, *, latest: float = math.inf) -> FloatArray:
    """Return strictly increasing finite times in [0, latest], shape (T,), T >= 1."""
    times = np.array(value, dtype=float)  # a copy, for results keep it
    require(
        times.ndim == 1 and times.size >= 1, name, "hold at least one time", times.shape
    )
    require(bool(np.all(np.isfinite(times))), name, "hold finite times only", value)
    require(bool(np.all(np.diff(times) > 0)), name, "increase strictly", value)
    allowed = f"start at 0 or later and end by {latest:g}"
    slack = (
        1e-12 * latest if math.isfinite(latest) else 0.0
    )  # linspace may overshoot by one ulp
    inside = times[0] >= 0 and times[-1] <= latest + slack
    require(bool(inside), name, allowed, (float(times[0]), float(times[-1])))
    return times
