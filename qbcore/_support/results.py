"""What results share: arrays that nobody can write, a short text, equality by value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar, dataclass_transform

import numpy as np

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, eq_default=False, frozen_default=True)
def result(kind: type[T]) -> type[T]:
    """Make a frozen dataclass that `Result` prints and compares."""
    return dataclass(frozen=True, kw_only=True, repr=False, eq=False)(kind)


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """Base of what `charge` and `steady_state` return."""

    def __post_init__(self) -> None:
        """Make every array read-only, those in a tuple too."""
        self.__setstate__(self._fields())

    def _fields(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __eq__(self, other: object) -> bool:
        """Whether the class and all values are the same."""
        if not isinstance(other, Result) or type(self) is not type(other):
            return NotImplemented
        return _same((*self._fields().values(),), (*other._fields().values(),))

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take a pickle's or a copy's values, which come writable."""
        self.__dict__.update({name: read_only(value) for name, value in state.items()})

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """One line per field: its size and range."""
        shown = self._fields().items()
        lines = [f"{name}: {in_short(v)}" for name, v in shown if v is not None]
        return "\n  ".join([type(self).__name__, *lines])


def read_only(value: Any) -> Any:
    """Return the value; an array, or those in a tuple, as a view that is read-only."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    elif isinstance(value, tuple):
        made = getattr(value, "_make", tuple)  # of a NamedTuple
        value = made(map(read_only, value))
    return value


def number(values: Any) -> Any:
    """Return a plain float for one state, an array for many."""
    return float(values) if np.ndim(values) == 0 else values


def in_short(value: object) -> str:
    """Return a number as it is, an array by its shape and range."""
    if isinstance(value, tuple):
        names = getattr(value, "_fields", range(len(value)))
        return ", ".join(map("{} {}".format, names, map(in_short, value)))
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
    if np.iscomplexobj(value) or value.size == 0:
        return f"array {value.shape}"
    return f"array {value.shape} from {value.min():.6g} to {value.max():.6g}"


def _same(one: object, other: object) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return np.array_equal(np.asarray(one), np.asarray(other))
