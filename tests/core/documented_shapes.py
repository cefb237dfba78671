"""Shapes as the docstrings state them, checked at each call.

The numpydoc entry ``(..., d, d) array`` is the annotation: a reader sees it, and nobody
writes it twice. Leading axes ``...`` (or ``T``) come from the states, ``2n`` from the
moments of a Gaussian state, and a name such as ``levels`` from the argument of that
name. A letter means one number within a call.
"""

import functools
import inspect
import re
from collections.abc import Callable
from numbers import Number
from typing import Any

import numpy as np
from numpydoc.docscrape import FunctionDoc

SCALARS = {"float": float, "complex": complex, "int": int}


class ShapeError(AssertionError):
    """A shape that is not the documented one."""


def leading(value: Any, kind: str) -> tuple[int, ...] | None:
    """The axes of many states, operators or Gaussian states; None if there are none."""
    if hasattr(value, "covariance"):
        return value.mean.shape[:-1]
    if "ket" not in kind and "(T, d, d)" not in kind:
        return None
    if isinstance(value, list | tuple):
        if not all(isinstance(each, Number | list | tuple) for each in value):
            return (len(value), *(leading(value[0], kind) or ()))
        value = np.array(value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.shape[:-2]
    return None


def bind(shape: str, found: tuple[int, ...], sizes: dict[str, Any]) -> bool:
    """Whether a documented shape fits; letters that were free are fixed."""
    names = [name.strip() for name in shape.split(",") if name.strip()]
    known = sizes.get("...")
    if names == ["T"] and known is not None:
        return found == known
    if names[:1] == ["..."]:
        lead = len(found) - len(names) + 1
        if lead < 0 or found[:lead] != sizes.setdefault("...", found[:lead]):
            return False
        names, found = names[1:], found[lead:]
    if len(names) != len(found):
        return False
    for name, size in zip(names, found, strict=True):
        factor, letter = re.fullmatch(r"(\d*)(.*)", name).groups()
        unit = int(factor or 1)
        if not letter:
            fits = size == unit
        else:
            fits = size == unit * sizes.setdefault(letter, size // unit)
        if not fits:
            return False
    return True


def fits(kind: str, value: Any, sizes: dict[str, Any]) -> bool:
    """Whether a value is one of the alternatives of a documented type."""
    shapes = re.findall(r"\(([^()]*)\)(?= or| array| complex)", kind)
    scalar = [SCALARS[word] for word in SCALARS if re.match(rf"{word}\b", kind)]
    if isinstance(value, np.ndarray):
        # An array stands for many: no array without axes.
        many = value.ndim > 0 or not scalar
        return many and any(bind(shape, value.shape, sizes) for shape in shapes)
    return isinstance(value, tuple(scalar)) and sizes.get("...", ()) == ()


def documented(function: Callable) -> Callable:
    """The function, which then refuses what its docstring does not say."""
    doc, signature = FunctionDoc(function), inspect.signature(function)
    kinds = {
        name.strip("* "): entry.type
        for entry in doc["Parameters"]
        for name in entry.name.split(",")
    }
    returned = doc["Returns"][0].type if doc["Returns"] else ""

    @functools.wraps(function)
    def checked(*given: Any, **named: Any) -> Any:
        result = function(*given, **named)
        arguments = signature.bind(*given, **named).arguments
        sizes: dict[str, Any] = {
            name: value for name, value in arguments.items() if type(value) is int
        }
        leads = []
        for name, value in arguments.items():
            kind = kinds.get(name) or ("ket" if name in ("states", "reference") else "")
            leads.append(leading(value, kind) if name != "dims" else None)
            if hasattr(value, "covariance"):
                sizes["n"] = value.mean.shape[-1] // 2
        if any(lead is not None for lead in leads):
            sizes["..."] = np.broadcast_shapes(*(lead or () for lead in leads))
        for name, value in arguments.items():
            kind = kinds.get(name, "")
            plain = isinstance(value, np.ndarray) and "array_like" in kind
            if plain and "(" in kind and not fits(kind, value, sizes):
                raise ShapeError(f"{name}: {kind}, but {value.shape} with {sizes}")
        stated = "(" in returned or returned in SCALARS
        if stated and not fits(returned, result, sizes):
            shape = getattr(result, "shape", type(result))
            raise ShapeError(f"returns {returned}, but {shape} with {sizes}")
        return result

    return checked
