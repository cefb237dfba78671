"""Argument checks shared by all modules: one sentence, with the value that came in."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from numbers import Complex, Real
from typing import SupportsIndex, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike

from qbcore._support.types import BoolArray, FloatArray, Numbers

TimeFunction: TypeAlias = Callable[[ArrayLike], FloatArray]


def _refused(name: str, must: str, value: object) -> ValueError:
    return ValueError(f"Argument `{name}` must {must}, but is {value!r}.")


def require(
    condition: bool | np.bool_ | BoolArray, name: str, must: str, value: object
) -> None:
    """Raise "Argument `name` must ..., but is ..." unless the condition holds.

    An array of conditions must hold everywhere.
    """
    holds = condition.all() if isinstance(condition, np.ndarray) else condition
    if not holds:
        raise _refused(name, must, value)


def real(
    name: str, value: object, *, above: float = -math.inf, least: float = -math.inf
) -> float:
    """Return ``value`` as a finite float above ``above`` and of at least ``least``."""
    bound = f" above {above:g}" if above > -math.inf else ""
    bound = f" of at least {least:g}" if least > -math.inf else bound
    must = f"be a finite real number{bound}"
    number = numbers(name, value, must)
    inside = np.isfinite(number) & (number > above) & (number >= least)
    require(number.ndim == 0 and inside, name, must, value)
    return float(number)


def integer(name: str, value: object, *, least: int) -> int:
    """Return ``value`` as an int of at least ``least``, no bool or float."""
    must = f"be an integer of at least {least}"
    try:
        number = operator.index(cast("SupportsIndex", value))
    except TypeError:
        raise _refused(name, must, value) from None
    whole = not isinstance(value, bool | np.bool_)
    require(whole and number >= least, name, must, value)
    return number


def numbers(
    name: str, value: object, must: str = "", *, dtype: type = float
) -> Numbers:
    """Return a copy as floats, or as complex numbers if that is the ``dtype``.

    Text, bools (also one among numbers), masked entries and ragged lists are refused.
    A QuTiP object offers its numbers by ``full``.
    """
    must = must or ("hold real numbers" if dtype is float else "hold numbers")
    try:
        plain = value.full() if hasattr(value, "full") else value
        types = _types(plain)
        kind = Real if dtype is float else Complex
        fits = all(issubclass(each, kind) for each in types)
        # Python takes a bool for a number, numpy a duration.
        odd = types & {bool, np.timedelta64} or np.ma.is_masked(plain)
        require(fits and not odd, name, must, value)
        return np.array(plain, dtype)
    except (ValueError, OverflowError):  # ragged, or an integer above all floats
        raise _refused(name, must, value) from None


def finite(
    name: str, value: object, *, least: float = -math.inf, dtype: type = float
) -> Numbers:
    """Return a copy as `numbers` does, if all are finite and at least ``least``."""
    entries = numbers(name, value, dtype=dtype)
    fits = np.isfinite(entries) & (entries.real >= least)
    bound = f" and at least {least:g}" if least > -math.inf else ""
    require(fits, name, f"be finite{bound}", value)
    return entries


def _types(value: object) -> set[type]:
    """Types of the entries: of a list's before numpy makes them alike."""
    typed = isinstance(value, np.ndarray | np.generic)
    entries = np.asarray(value) if typed else np.array(value, object)
    kind = entries.dtype.type
    return {kind} if kind is not np.object_ else set(map(type, entries.flat))


def together(names: str, *arrays: Numbers) -> list[Numbers]:
    """Return arrays in the shape to which they broadcast, if there is one."""
    try:
        return list(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = [array.shape for array in arrays]
        must = "have shapes that broadcast, but have"
        raise ValueError(f"Arguments `{names}` must {must} {shapes}.") from None


def sampled(
    name: str, function: Callable[[float], float] | TimeFunction
) -> TimeFunction:
    """A function of time, checked, for arrays of times."""
    return np.vectorize(lambda t: real(name, function(t)), otypes=[float])


def time_axis(name: str, value: ArrayLike, *, latest: float = math.inf) -> FloatArray:
    """Return strictly increasing finite times in [0, latest], shape (T,), T >= 1."""
    times = finite(name, value)  # a copy, for results keep it
    holds = times.ndim == 1 and times.size >= 1
    require(holds, name, "be a list with at least one time", value)
    require(np.diff(times) > 0, name, "increase strictly", value)
    # linspace may overshoot by one ulp.
    slack = 1e-12 * latest if math.isfinite(latest) else 0.0
    inside = times[0] >= 0 and times[-1] <= latest + slack
    ends = float(times[0]), float(times[-1])
    require(inside, name, f"start at 0 or later and end by {latest:g}", ends)
    return times
