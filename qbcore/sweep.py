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
    as_completed,
)
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import chain, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qbcore._support.checks import require
from qbcore._support.identity import identity
from qbcore._support.progress import progress
from qbcore._support.types import Numbers
from qbcore._support.workers import processes

if TYPE_CHECKING:
    import xarray as xr

Function = Callable[..., Any]
Parameter = float | str
Point = dict[str, Parameter]
Axes = Mapping[str, Sequence[Parameter]]
Values = dict[str, Numbers]  # a point's arrays by name
Outcome = Values | str  # or what went wrong
Outcomes = Generator[tuple[str, Outcome], None, None]
Groups = list[list[str]]
Answers = Iterator[tuple[list[str], list[Outcome] | None]]
# By their parameters as JSON: exact, and sorted by name.
Points = dict[str, Point]

LONGEST = 1000  # characters of a message, of which every point may have one
PATIENCE = 600  # seconds for another reader of the store to let go of it
GROUPS = 64  # in which points travel to a pool, so that cheap ones share the postage
SHARE = 0.1  # seconds after which a group comes back with what is done
TABLES = """
BEGIN;
CREATE TABLE IF NOT EXISTS purpose (one INTEGER PRIMARY KEY, text TEXT);
CREATE TABLE IF NOT EXISTS results (point, name, type, shape, data BLOB);
CREATE TABLE IF NOT EXISTS begun (point TEXT PRIMARY KEY, times INTEGER);
COMMIT;
"""
BEGUN = "INSERT INTO begun VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1"
BROKEN = (
    "The executor broke before all points were done. Sweep again with a new one and "
    "the same `store`: what was under way ({}) comes last."
)
ALL = "SELECT point, name, type, shape, data FROM results"


def sweep(
    function: Function,
    grid: Mapping[str, Sequence[Parameter]],
    *,
    workers: int | None = None,
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
        able to pickle it; ``workers`` take any function, a notebook's too.
    grid : mapping of str to sequence
        The values of each parameter, all numbers or all strings, each once; its order
        is that of the axes.
    workers : int, optional
        Number of processes that share the points, each with one thread.
    executor : Executor, optional
        Any of `concurrent.futures`, or Dask's ``Client.get_executor()``, instead of
        ``workers``. Without either the points are computed here.
    store : path, optional
        File that keeps finished points: the same call again computes only what is
        missing, also on a larger grid. It knows the function by what it does: code,
        defaults, fixed arguments, the variables it refers to and the modules it
        imports, and the same of the functions and classes that it uses, except those
        of installed packages, which it knows by name. An object counts as what pickle
        keeps of it.
    version : str, optional
        Tells the function from others of its name, instead of what it does. Change it
        when results change. A ``store`` needs it if the function refers to what lasts
        no longer than its process, such as an open file, or takes variables by
        ``globals()`` or ``eval``; and it should be given where ``store`` cannot look: a
        ``__getstate__`` that hides data, a name that is put together in a text, a file
        that the function reads.

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
        ``version``, and results whose names or shapes differ at the first two points;
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
    points = {}
    for values in product(*axes.values()):
        point = dict(zip(axes, values, strict=True))
        points[json.dumps(point, sort_keys=True)] = point
    require(
        workers is None or executor is None,
        "workers",
        "not stand beside an `executor`",
        workers,
    )
    executor = executor if workers is None else processes(workers)
    if store is None:
        version = version or "unfinished"
    purpose = f"{_name(function, version)}, over {sorted(axes)}"
    with _opened(store, purpose, version) as database:
        kept = _read(database)
        missing = {key: point for key, point in points.items() if key not in kept}
        with closing(_outcomes(database, function, missing, executor)) as outcomes:
            shown = progress(outcomes, "points", len(missing))
            errors = _fill(database, kept, axes, shown)
    if errors:
        first = next(key for key in points if key in errors)
        found = f"{len(errors)} of {len(points)} points raised, the first at {first}: "
        warnings.warn(found + errors[first], RuntimeWarning, stacklevel=2)
    rows = []
    for key in points:
        words = np.array(errors.get(key, ""), object)
        rows.append({"error": words, **kept.get(key, {})})
    sizes = [len(axis) for axis in axes.values()]
    data = {}
    for name in max(rows, key=len):
        column = _column([row.get(name) for row in rows])
        dims = *axes, *_inner(name, column[0])
        data[name] = dims, column.reshape(*sizes, *column.shape[1:])
    return xr.Dataset(data, coords=axes)


def _axis(name: str, values: Sequence[Parameter]) -> list[Parameter]:
    axis = [v.item() if isinstance(v, np.generic) else v for v in values]
    alike = any(all(isinstance(v, kind) for v in axis) for kind in (int | float, str))
    # NaN differs from itself, but not as JSON.
    once = 0 < len(axis) == len(set(axis)) == len(set(map(json.dumps, axis)))
    require(alike and once, name, "list numbers or strings, each once", values)
    return axis


def _inner(name: str, values: Numbers) -> list[str]:
    """Names of an array's own axes."""
    return [f"{name}_{k}" for k in range(np.ndim(values))]


def _distinct(argument: str, axes: Axes, values: Values) -> None:
    """Refuse one name for two things of the result."""
    names = ["error", *axes, *values]
    for name, value in values.items():
        names += _inner(name, value)
    must = "give each name to one thing only, and `error` to none"
    require(len(names) == len(set(names)), argument, must, names)


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
            f"Argument `version` must be given with `store`, for {name} cannot be told "
            f"by what it does ({_words(error)}), but is None."
        ) from error


@contextmanager
def _opened(
    store: str | Path | None, purpose: str, version: str | None
) -> Iterator[sqlite3.Connection]:
    """A store with its tables; whatever happens, what is in it is kept."""
    try:
        opened = sqlite3.connect(store or ":memory:", timeout=PATIENCE)
        with closing(opened) as database:
            _claim(database, purpose)
            try:
                yield database
            except BaseException as error:
                database.commit()
                if database.execute(ALL).fetchone():
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
        file.write(database.serialize())
    return file.name


def _read(database: sqlite3.Connection) -> dict[str, Values]:
    """The values of every finished point."""
    kept: dict[str, Values] = {}
    for point, name, code, shape, data in database.execute(ALL):
        values = np.ndarray(json.loads(shape), code, data)
        kept.setdefault(point, {})[name] = values
    return kept


def _fill(
    database: sqlite3.Connection,
    kept: dict[str, Values],
    axes: Axes,
    outcomes: Iterator[tuple[str, Outcome]],
) -> dict[str, str]:
    """Keep the outcomes; return what went wrong, by point."""
    errors = {}
    for key, outcome in outcomes:
        if isinstance(outcome, str):
            errors[key] = outcome
            continue
        if not kept:
            _distinct("function", axes, outcome)
        found = _shapes(outcome)
        agreed = _shapes(next(iter(kept.values()), outcome))
        if found == agreed:
            kept[key] = outcome
            rows = [
                (key, name, v.dtype.str, json.dumps(v.shape), v.tobytes())
                for name, v in outcome.items()
            ]
            database.executemany("INSERT INTO results VALUES (?, ?, ?, ?, ?)", rows)
            continue
        unlike = ValueError(
            "Argument `function` must return the same names and shapes everywhere, "
            f"but returns {agreed} and {found}."
        )
        if len(kept) == 1:  # either may be the right one
            raise unlike
        errors[key] = _words(unlike)
    return errors


def _shapes(values: Values) -> dict[str, tuple[int, ...]]:
    return {name: each.shape for name, each in values.items()}


def _outcomes(
    database: sqlite3.Connection,
    function: Function,
    points: Points,
    executor: Executor | None,
) -> Outcomes:
    """Each point's outcome; last and one by one, what may have ended a call before."""
    begun = database.execute("SELECT point FROM begun ORDER BY times")
    suspects = [[key] for (key,) in begun if key in points]
    others = [key for key in points if [key] not in suspects]
    rounds = [_groups(others, len(others) // GROUPS), *([each] for each in suspects)]
    answers = partial(_here, database) if executor is None else partial(_pool, executor)
    while rounds:
        groups, answered = rounds.pop(0), 0
        left: Groups = []
        broken: Groups = []
        for keys, outcomes in answers(function, points, groups):
            if outcomes is None:
                broken.append(keys)
                continue
            answered += 1
            yield from zip(keys, outcomes, strict=False)
            if executor is not None:  # else the next point does it
                database.commit()
            left += _groups(keys[len(outcomes) :], len(outcomes))
        rounds = [left, *rounds] if left else rounds
        if answered < len(groups):
            # Points begin in order, and each worker has one group at a time.
            workers = getattr(executor, "_max_workers", 1)
            lost = [keys for keys in groups if keys in broken][:workers]
            database.executemany(BEGUN, [[key] for keys in lost for key in keys])
            if not lost == groups == suspects[-1:]:
                raise RuntimeError(BROKEN.format(lost))
            # It was alone, and nothing else is left to do.
            yield lost[0][0], "BrokenExecutor: this point ends the process it runs in"


def _here(
    database: sqlite3.Connection, function: Function, points: Points, groups: Groups
) -> Answers:
    """Compute one point after another; the store knows which is under way."""
    for key in chain.from_iterable(groups):
        database.execute(BEGUN, (key,))
        database.commit()
        outcome = _attempt(function, points[key])
        database.execute("DELETE FROM begun WHERE point = ?", (key,))
        yield [key], [outcome]


def _pool(
    executor: Executor, function: Function, points: Points, groups: Groups
) -> Answers:
    """Send groups of points; None comes back for one that was there at the break."""
    futures = {}
    try:
        with suppress(BrokenExecutor):
            for keys in groups:
                given = [points[key] for key in keys]
                futures[executor.submit(_attempts, function, given)] = keys
        for future in as_completed(futures):
            keys = futures[future]
            try:
                yield keys, future.result()
            except BrokenExecutor:
                yield keys, None
            except CancelledError:
                continue
            except Exception as error:  # not picklable, or given up by Dask
                yield keys, [_words(error)] if len(keys) == 1 else []
    finally:
        for future in futures:
            future.cancel()


def _groups(keys: list[str], size: int) -> Groups:
    size = max(1, size)
    return [keys[k : k + size] for k in range(0, len(keys), size)]


def _attempts(function: Function, points: list[Point]) -> list[Outcome]:
    """A group of points: the first, and as many more as there is time for."""
    began, outcomes = time.monotonic(), []
    for point in points:
        outcomes.append(_attempt(function, point))
        if time.monotonic() - began > SHARE:
            break
    return outcomes


def _attempt(function: Function, point: Point) -> Outcome:
    """One point. An exception is sent as words: not all survive the journey to here."""
    try:
        found = function(**point)
        values = found if isinstance(found, dict) else {"value": found}
        arrays = {name: np.array(value) for name, value in values.items()}
        kinds = {array.dtype.kind for array in arrays.values()}
        require(
            bool(kinds) and kinds <= set("biufc"), "function", "return numbers", found
        )
        return arrays
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


def _column(values: list[Numbers | None]) -> Numbers:
    """One variable over the points, NaN where a point has none."""
    known = [each for each in values if each is not None]
    hole = np.full(known[0].shape, np.nan)
    parts = [hole if each is None else each for each in values]
    full = np.stack(parts)
    # What is no integer type holds integers up to 2^53 only.
    integers = [each for each in known if each.dtype.kind in "iu"]
    exact = full.dtype.kind in "iu" or all(np.all(abs(n) <= 2**53) for n in integers)
    return full if exact else np.stack([part.astype(object) for part in parts])
