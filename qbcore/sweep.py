"""A model over a grid of parameters: on one core, on all of them, or on a cluster.

Needs ``pip install qbcore[sweep]``. Every finished point is committed to an SQLite file before the
next is looked at, so a crash costs the points under way and no more. SQLite because its commits are
atomic and durable; numpy's own format in it, exact for every type of number, and without pickles.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import json
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qbcore._support.checks import require
from qbcore._support.progress import progress

if TYPE_CHECKING:
    import xarray as xr

Function = Callable[..., Any]
Outcome = bytes | str  # the packed values of a point, or what went wrong there
Points = dict[
    str, dict[str, Any]
]  # by their parameters as JSON: exact, and sorted by name


def sweep(
    function: Function,
    grid: Mapping[str, Sequence[Any]],
    *,
    executor: Executor | None = None,
    store: str | Path | None = None,
) -> xr.Dataset:
    """Call ``function(**point)`` at every point of a grid and label the results.

    Parameters
    ----------
    function : takes the parameters by name; returns a number, an array, or a dict of these, with the
        same names and shapes at every point. An executor of processes must be able to pickle it.
    grid : the values of each parameter, numbers or strings, each once; its order is that of the axes.
    executor : any of `concurrent.futures`, or Dask's ``Client.get_executor()``; None computes here.
    store : file that keeps finished points: the same call again computes only what is missing, also
        on a larger grid. It knows the function by name, source and fixed arguments
        (`functools.partial`), not by what it calls: delete the file when that has changed.

    Returns
    -------
    Dataset with a coordinate per parameter; a variable per name returned (``value`` if it was no dict),
    an array's own axes being called ``<name>_0``, ...; and ``error``, what a point raised, or "". The
    numbers of a point that raised are NaN; it is not kept, and tried again by the next call.

    Raises
    ------
    ValueError for a bad grid, the store of another function, or results of unequal names or shapes;
    RuntimeError if the executor breaks. Warns with the number of points that raised.
    """
    import xarray as xr  # here, so that workers do without

    require(len(grid) > 0, "grid", "name at least one parameter", grid)
    axes = {name: _axis(name, values) for name, values in grid.items()}
    combinations = [
        dict(zip(axes, chosen, strict=True)) for chosen in product(*axes.values())
    ]
    points = {json.dumps(point, sort_keys=True): point for point in combinations}
    errors: dict[str, str] = {}
    with closing(sqlite3.connect(store or ":memory:")) as database:
        _claim(database, f"{_name(function)}, over {sorted(axes)}")
        finished = {key for (key,) in database.execute("SELECT point FROM results")}
        missing = {key: point for key, point in points.items() if key not in finished}
        outcomes = _outcomes(function, missing, executor)
        for key, outcome in progress(outcomes, "points", len(missing)):
            if isinstance(outcome, str):
                errors[key] = outcome
            else:
                with database:
                    database.execute(
                        "INSERT OR REPLACE INTO results VALUES (?, ?)", (key, outcome)
                    )
        packed = dict(database.execute("SELECT point, data FROM results"))
    if errors:
        key = next(key for key in points if key in errors)
        found = f"{len(errors)} of {len(points)} points raised, the first at {key}: {errors[key]}"
        warnings.warn(found, RuntimeWarning, stacklevel=2)
    data = _labelled(axes, [packed.get(key) for key in points])
    words = np.array([errors.get(key, "") for key in points]).reshape(
        [len(axis) for axis in axes.values()]
    )
    return xr.Dataset({"error": (list(axes), words), **data}, coords=axes)


def _axis(name: str, values: Sequence[Any]) -> list[Any]:
    axis = [v.item() if isinstance(v, np.generic) else v for v in values]
    plain = all(isinstance(v, int | float | str) for v in axis)
    require(
        plain and 0 < len(axis) == len(set(axis)),
        name,
        "list numbers or strings, each once",
        values,
    )
    return axis


def _name(function: Function) -> str:
    """What tells two functions apart: name, source, and everything bound to them."""
    with np.printoptions(threshold=sys.maxsize, floatmode="unique"):
        if isinstance(function, functools.partial):
            return f"{_name(function.func)} with {function.args} {function.keywords}"
        try:
            seen = inspect.getsource(function) + str(
                inspect.getclosurevars(function).nonlocals
            )
        except (OSError, TypeError):  # compiled, or typed into a prompt
            seen = ""
        bound = getattr(function, "__self__", None)
        name = getattr(function, "__qualname__", repr(function)) + (
            f" of {bound!r}" if bound else ""
        )
        return f"{name}, source {hashlib.sha256(seen.encode()).hexdigest()[:8]}"


def _claim(database: sqlite3.Connection, purpose: str) -> None:
    """Make the tables of a new store; refuse one that serves another purpose."""
    with database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS purpose (one INTEGER PRIMARY KEY, text TEXT)"
        )
        database.execute(
            "CREATE TABLE IF NOT EXISTS results (point TEXT PRIMARY KEY, data BLOB)"
        )
        database.execute("INSERT OR IGNORE INTO purpose VALUES (1, ?)", (purpose,))
    (found,) = database.execute("SELECT text FROM purpose").fetchone()
    require(found == purpose, "store", f"be new or hold {purpose}", found)


def _attempt(function: Function, point: dict[str, Any]) -> Outcome:
    """One point. An exception is sent as words: not all of them survive the journey to here."""
    try:
        found = function(**point)
        values = found if isinstance(found, dict) else {"value": found}
        numbers = all(
            np.asarray(value).dtype.kind in "biufc" for value in values.values()
        )
        fits = len(values) > 0 and numbers and not {"error", *point} & values.keys()
        require(
            fits,
            "function",
            "return numbers, under names that are no parameter nor `error`",
            found,
        )
        np.savez(packed := io.BytesIO(), **values)
        return packed.getvalue()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _outcomes(
    function: Function, points: Points, executor: Executor | None
) -> Iterator[tuple[str, Outcome]]:
    """Each point's outcome as soon as it is known."""
    if executor is None:
        yield from ((key, _attempt(function, point)) for key, point in points.items())
        return
    futures: dict[Future[Outcome], str] = {}
    broken: BrokenExecutor | None = None
    try:
        for key, point in points.items():
            try:
                futures[executor.submit(_attempt, function, point)] = key
            except BrokenExecutor as error:
                broken = error
        for future in as_completed(futures):
            try:
                outcome = future.result()
            except BrokenExecutor as error:  # others may have finished before it broke
                broken = error
                continue
            except (
                Exception
            ) as error:  # of this point alone: not picklable, or given up by Dask
                outcome = f"{type(error).__name__}: {error}"
            yield futures[future], outcome
    finally:
        for future in futures:
            future.cancel()
    if broken:
        kept = "what was finished is in `store`, if one was given; sweep again with a new executor"
        raise RuntimeError(
            f"The executor broke before all points were done: {kept}."
        ) from broken


def _labelled(axes: dict[str, list[Any]], packed: list[bytes | None]) -> dict[str, Any]:
    """Each variable's axes and numbers over the grid, NaN where nothing is."""
    found = {
        place: dict(np.load(io.BytesIO(raw)))
        for place, raw in enumerate(packed)
        if raw is not None
    }
    layouts = {
        tuple(sorted((name, v.shape) for name, v in values.items()))
        for values in found.values()
    }
    require(
        len(layouts) <= 1,
        "function",
        "return the same names and shapes everywhere",
        layouts,
    )
    data = {}
    for name in next(iter(found.values()), {}):
        values = [v[name] for v in found.values()]
        full = np.full(
            (len(packed), *values[0].shape), np.nan, np.result_type(float, *values)
        )
        full[list(found)] = values
        inner = [f"{name}_{k}" for k in range(values[0].ndim)]
        data[name] = (
            [*axes, *inner],
            full.reshape(*map(len, axes.values()), *values[0].shape),
        )
    return data
