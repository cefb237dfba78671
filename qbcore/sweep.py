"""A model over a grid of parameters: on one core, on all of them, or on a cluster.

Needs ``pip install qbcore[sweep]``. Finished points are committed to an SQLite file at
once, so a crash costs the points under way and no more. SQLite because its commits are
atomic and durable; in it the bytes of the numbers, exact for every type of number, and
without pickles.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    as_completed,
)
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qbcore._support.checks import require
from qbcore._support.identity import identity
from qbcore._support.progress import progress

if TYPE_CHECKING:
    import xarray as xr

Function = Callable[..., Any]
# The layout (names, types, shapes) and bytes of a point's values, or what went wrong.
Outcome = tuple[str, bytes] | str
# By their parameters as JSON: exact, and sorted by name.
Points = dict[str, dict[str, Any]]
Shapes = dict[str, list[int]]

LONGEST = 1000  # characters of a message, of which every point may have one
PATIENCE = 600  # seconds for another reader of the store to let go of it
GROUPS = 64  # in which points travel to a pool, so that cheap ones share the postage
SHARE = 0.1  # seconds after which a group comes back with what is done
TABLES = """
BEGIN;
CREATE TABLE IF NOT EXISTS purpose (one INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE IF NOT EXISTS results (point TEXT PRIMARY KEY, layout TEXT, data BLOB);
CREATE TABLE IF NOT EXISTS begun (point TEXT PRIMARY KEY, times INTEGER);
COMMIT;
"""
BEGUN = "INSERT INTO begun VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1"
ENDED = "DELETE FROM begun WHERE point = ?"


def sweep(
    function: Function,
    grid: Mapping[str, Sequence[Any]],
    *,
    executor: Executor | None = None,
    store: str | Path | None = None,
    version: str | None = None,
) -> xr.Dataset:
    """Call ``function(**point)`` at every point of a grid and label the results.

    Parameters
    ----------
    function : callable
        Takes the parameters by name; returns a number, an array, or a dict of these,
        with the same names and shapes at every point. An executor of processes must be
        able to pickle it.
    grid : mapping of str to sequence
        The values of each parameter, all numbers or all strings, each once; its order
        is that of the axes.
    executor : Executor, optional
        Any of `concurrent.futures`, or Dask's ``Client.get_executor()``; None computes
        here.
    store : path, optional
        File that keeps finished points: the same call again computes only what is
        missing, also on a larger grid. It knows the function by what it does: code,
        defaults, fixed arguments and the variables it refers to, and the same of the
        functions and classes that it uses, except those of installed packages, which
        it knows by name.
    version : str, optional
        Tells the function from others of its name, instead of what it does. Change it
        when results change. A `store` needs it if the function refers to what lasts no
        longer than its process, such as an open file.

    Returns
    -------
    Dataset
        A coordinate per parameter; a variable per name returned (``value`` if it was no
        dict), an array's own axes being called ``<name>_0``, ...; and ``error``, what a
        point raised, or "". The numbers of a point that raised are NaN; it is not kept,
        and tried again by the next call.

    Raises
    ------
    ValueError
        For a bad grid, the store of another function, a function that needs a
        `version`, and results whose names or shapes differ at the first two points;
        a later point that differs is reported like one that raised.
    RuntimeError
        If the executor breaks. The next call with this store tries the points that
        were under way last, one by one, so that a point that kills its process costs
        no other. A note on any exception names the file of the finished points.

    Warns
    -----
    RuntimeWarning
        With the number of points that raised.

    Examples
    --------
    >>> found = sweep(lambda x, y: x * y, {"x": [1, 2], "y": [3, 4, 5]})
    >>> found["value"].sel(x=2).values.tolist()
    [6, 8, 10]
    """
    import xarray as xr  # here, so that workers do without

    require(len(grid) > 0, "grid", "name at least one parameter", grid)
    axes = {name: _axis(name, values) for name, values in grid.items()}
    _distinct("grid", axes, {})
    chosen = [
        dict(zip(axes, values, strict=True)) for values in product(*axes.values())
    ]
    points = {json.dumps(point, sort_keys=True): point for point in chosen}
    if store is None:
        version = version or "unfinished"
    purpose = f"{_name(function, version)}, over {sorted(axes)}"
    with _opened(store, purpose, version) as database:
        errors = _fill(database, function, axes, points, executor)
        rows = {key: row for key, *row in database.execute("SELECT * FROM results")}
    if errors:
        first = next(key for key in points if key in errors)
        found = f"{len(errors)} of {len(points)} points raised, the first at {first}: "
        warnings.warn(found + errors[first], RuntimeWarning, stacklevel=2)
    words = np.array([errors.get(key, "") for key in points], object)
    data = {"error": words} | _columns([rows.get(key) for key in points])
    sizes = [len(axis) for axis in axes.values()]
    labelled = {
        name: ([*axes, *_inner(name, v.shape[1:])], v.reshape(*sizes, *v.shape[1:]))
        for name, v in data.items()
    }
    return xr.Dataset(labelled, coords=axes)


def _axis(name: str, values: Sequence[Any]) -> list[Any]:
    axis = [v.item() if isinstance(v, np.generic) else v for v in values]
    alike = any(all(isinstance(v, kind) for v in axis) for kind in (int | float, str))
    # NaN differs from itself, but not as JSON.
    once = 0 < len(axis) == len(set(axis)) == len(set(map(json.dumps, axis)))
    require(alike and once, name, "list numbers or strings, each once", values)
    return axis


def _inner(name: str, shape: Sequence[int]) -> list[str]:
    return [f"{name}_{k}" for k in range(len(shape))]


def _distinct(argument: str, axes: Mapping[str, Any], shapes: Shapes) -> None:
    """Refuse one name for two things of the result."""
    inner = [axis for name, shape in shapes.items() for axis in _inner(name, shape)]
    names = ["error", *axes, *shapes, *inner]
    twice = {name for name in names if names.count(name) > 1}
    must = "give each name to one thing only, and `error` to none"
    require(not twice, argument, must, sorted(twice))


def _name(function: Function, version: str | None) -> str:
    """What tells functions apart."""
    inner = getattr(function, "func", function)
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    if version is not None:
        return f"{name}, version {version}"
    try:
        return f"{name}, source {identity(function)[:16]}"
    except Exception as error:
        raise ValueError(
            f"Argument `version` must be given with `store`, for {name} refers to what "
            f"lasts no longer than its process ({_words(error)}), but is None."
        ) from error


@contextmanager
def _opened(
    store: str | Path | None, purpose: str, version: str | None
) -> Iterator[sqlite3.Connection]:
    """A store with its tables; whatever happens, what is in it is kept."""
    try:
        with closing(sqlite3.connect(store or ":memory:", PATIENCE)) as database:
            _claim(database, purpose)
            try:
                yield database
            except BaseException as error:
                database.commit()
                if database.execute("SELECT * FROM results").fetchone():
                    kept = str(store or _copied(database))
                    error.add_note(f"Finished: store={kept!r}, version={version!r}")
                raise
            database.commit()
    except sqlite3.Error as error:
        must = "Argument `store` must be a file that can keep points"
        raise ValueError(f"{must}, but is {str(store)!r}: {error}.") from error


def _claim(database: sqlite3.Connection, purpose: str) -> None:
    """Make the tables of a new store; refuse one that serves another purpose."""
    # Nothing is written to a store that exists: it may be read-only.
    if not database.execute("SELECT * FROM sqlite_master").fetchall():
        database.executescript(TABLES)
        database.execute("INSERT OR IGNORE INTO purpose VALUES (1, ?)", (purpose,))
        database.commit()
    (found,) = database.execute("SELECT text FROM purpose").fetchone()
    must = f"be new or hold {purpose} (`version` tells functions apart by your word)"
    require(found == purpose, "store", must, found)


def _copied(database: sqlite3.Connection) -> str:
    """Put what no store keeps into a file."""
    with tempfile.NamedTemporaryFile(suffix=".sqlite", delete=False) as file:
        path = file.name
    with closing(sqlite3.connect(path)) as copy:
        database.backup(copy)
    return path


def _fill(
    database: sqlite3.Connection,
    function: Function,
    axes: Mapping[str, Any],
    points: Points,
    executor: Executor | None,
) -> dict[str, str]:
    """Compute and keep what is missing; return what went wrong, by point."""
    kept = dict(database.execute("SELECT point, layout FROM results"))
    missing = {key: point for key, point in points.items() if key not in kept}
    agreed = next(map(_shapes, kept.values()), None)
    errors = {}
    with closing(_outcomes(database, function, missing, executor)) as outcomes:
        for key, outcome in progress(outcomes, "points", len(missing)):
            if isinstance(outcome, str):
                errors[key] = outcome
                continue
            layout, data = outcome
            shapes = _shapes(layout)
            if agreed is None:
                _distinct("function", axes, shapes)
                agreed = shapes
            if shapes == agreed:
                row = key, layout, data
                database.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", row)
                database.execute(ENDED, (key,))
                kept[key] = layout
                continue
            unlike = ValueError(
                "Argument `function` must return the same names and shapes everywhere, "
                f"but returns {agreed} and {shapes}."
            )
            if len(kept) == 1:  # either may be the right one
                raise unlike
            errors[key] = _words(unlike)
    return errors


def _shapes(layout: str) -> Shapes:
    return {name: shape for name, _, shape in json.loads(layout)}


def _outcomes(
    database: sqlite3.Connection,
    function: Function,
    points: Points,
    executor: Executor | None,
) -> Generator[tuple[str, Outcome], None, None]:
    """Each point's outcome; last and one by one, what may have ended a call before."""
    order = database.execute("SELECT point FROM begun ORDER BY times")
    suspects = [key for (key,) in order if key in points]
    others = [key for key in points if key not in suspects]
    if executor is None:
        for key in others + suspects:
            database.execute(BEGUN, (key,))
            database.commit()
            outcome = _attempt(function, points[key])
            database.execute(ENDED, (key,))
            yield key, outcome
        return
    for keys in [others, *_groups(suspects, 1)]:
        lost = yield from _elsewhere(database, function, points, executor, keys)
        if lost is None:
            continue
        database.executemany(BEGUN, [(key,) for key in lost])
        if lost == keys == suspects[-1:]:  # alone, and nothing else is left to do
            yield keys[0], "BrokenExecutor: this point ends the process it runs in"
            return
        raise RuntimeError(
            "The executor broke before all points were done. Sweep again with a new "
            f"one and the same `store`: what was under way ({lost}) comes last."
        )


def _elsewhere(
    database: sqlite3.Connection,
    function: Function,
    points: Points,
    executor: Executor,
    keys: list[str],
) -> Generator[tuple[str, Outcome], None, list[str] | None]:
    """Send points in groups; return those under way when the executor broke, if any."""
    groups = _groups(keys, max(1, len(keys) // GROUPS))
    lost: list[Future[list[Outcome]]] = []
    broken = False
    while groups and not broken:
        futures = {
            _submitted(executor, function, [points[key] for key in group]): group
            for group in groups
        }
        groups = []
        try:
            for future in as_completed(futures):
                group = futures[future]
                try:
                    outcomes = future.result()
                except (BrokenExecutor, CancelledError) as error:
                    broken = True
                    if isinstance(error, BrokenExecutor):
                        lost.append(future)
                    continue
                except Exception as error:  # not picklable, or given up by Dask
                    outcomes = [_words(error)] if len(group) == 1 else []
                yield from zip(group, outcomes, strict=False)
                database.commit()
                groups += _groups(group[len(outcomes) :], max(1, len(outcomes)))
        finally:
            for future in futures:
                future.cancel()
    if not broken:
        return None
    # Points begin in order, and each worker has one group at a time.
    under_way = [group for future, group in futures.items() if future in lost]
    return [k for g in under_way[: getattr(executor, "_max_workers", 1)] for k in g]


def _submitted(
    executor: Executor, function: Function, points: list[dict[str, Any]]
) -> Future[list[Outcome]]:
    try:
        return executor.submit(_attempts, function, points)
    except BrokenExecutor:
        never: Future[list[Outcome]] = Future()
        never.set_exception(CancelledError())
        return never


def _groups(keys: list[str], size: int) -> list[list[str]]:
    return [keys[k : k + size] for k in range(0, len(keys), size)]


def _attempts(function: Function, points: list[dict[str, Any]]) -> list[Outcome]:
    """A group of points: the first, and as many more as there is time for."""
    began, outcomes = time.monotonic(), []
    for point in points:
        outcomes.append(_attempt(function, point))
        if time.monotonic() - began > SHARE:
            break
    return outcomes


def _attempt(function: Function, point: dict[str, Any]) -> Outcome:
    """One point. An exception is sent as words: not all survive the journey to here."""
    try:
        found = function(**point)
        values = found if isinstance(found, dict) else {"value": found}
        arrays = {name: np.asarray(value) for name, value in values.items()}
        numbers = arrays and all(a.dtype.kind in "biufc" for a in arrays.values())
        require(bool(numbers), "function", "return numbers", found)
        layout = [(name, a.dtype.str, a.shape) for name, a in arrays.items()]
        return json.dumps(layout), b"".join(a.tobytes() for a in arrays.values())
    except (Exception, SystemExit) as error:
        return _words(error)


def _words(error: BaseException) -> str:
    """An exception's name and message, which may be long or fail itself."""
    try:
        words = f"{type(error).__name__}: {error}"
    except Exception:
        words = f"{type(error).__name__}, whose message cannot be shown"
    short = f"{words[:LONGEST]} ... ({len(words)} characters)"
    return short if len(words) > LONGEST else words


def _columns(rows: list[Any]) -> dict[str, Any]:
    """Each variable's numbers over the points, NaN where a point has none."""
    parts: dict[str, list[Any]] = {}
    layouts = dict.fromkeys(row[0] for row in rows if row)
    for layout in layouts:
        places = [k for k, row in enumerate(rows) if row and row[0] == layout]
        fields = [
            (name, code, tuple(shape)) for name, code, shape in json.loads(layout)
        ]
        data = b"".join(rows[k][1] for k in places)
        found = np.ndarray(len(places), fields, data)
        for name, *_ in fields:
            parts.setdefault(name, []).append((places, found[name]))
    return {name: _joined(len(rows), each) for name, each in parts.items()}


def _joined(size: int, parts: list[Any]) -> Any:
    numbers = [values for _, values in parts]
    whole = sum(map(len, numbers)) == size
    kind = np.result_type(*numbers, *([] if whole else [float]))
    # What is no integer type holds integers up to 2^53 only.
    large = any(v.dtype.kind in "iu" and np.any(abs(v) > 2**53) for v in numbers)
    full = np.full(
        (size, *numbers[0].shape[1:]),
        0 if whole else np.nan,
        object if large and kind.kind not in "iu" else kind,
    )
    for places, values in parts:
        full[places] = values
    return full
