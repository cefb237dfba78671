"""The sweep: labels, order, errors, and what is left after a process is killed."""

import copy
import functools
import json
import multiprocessing
import os
import pickle
import signal
import sqlite3
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import closing
from pathlib import Path
from threading import Lock, Timer

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_models import (
    GRID,
    MIDDLE,
    exits_at_13,
    fails_at_two,
    logged,
    model,
    scaled,
    total,
)

from qbcore import errors
from qbcore.rosen_zener import charge_map
from qbcore.star import fermi, steady_map
from qbcore.star.formulas import two_cell_excitation
from qbcore.sweep import sweep

AXIS = st.lists(
    st.integers(-9, 9) | st.floats(-9, 9), min_size=1, max_size=4, unique=True
)

# Forks of a small server: a fork of pytest, which has threads, may hang, and Python
# 3.12 warns of it.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["qbcore.sweep", "xarray"])


def calls(log):
    """The number of times that each point was computed."""
    return Counter(line.split(maxsplit=1)[1] for line in log.read_text().splitlines())


def pids(log):
    return {int(line.split()[0]) for line in log.read_text().splitlines()}


class Shuffled(Executor):
    """Computes nothing until all is submitted, and then in the order given."""

    def __init__(self, order):
        self.order, self.tasks = order, []

    def submit(self, fn, /, *args, **kwargs):
        self.tasks.append((Future(), functools.partial(fn, *args, **kwargs)))
        if len(self.tasks) == len(self.order):
            for future, task in map(self.tasks.__getitem__, self.order):
                future.set_result(task())
        return self.tasks[-1][0]


class Interrupted(Executor):
    """Somebody presses Ctrl-C when the first point is done and no other has begun."""

    def __init__(self):
        self.futures = []

    def submit(self, fn, /, *args, **kwargs):
        self.futures.append(Future())
        if len(self.futures) == 1:
            self.futures[0].set_exception(KeyboardInterrupt())
        return self.futures[-1]


class Crumbling(Executor):
    """Breaks at every third point, and has finished all others when it is asked."""

    def __init__(self):
        self.count = 0

    def submit(self, fn, /, *args, **kwargs):
        future, self.count = Future(), self.count + 1
        if self.count % 3:
            future.set_result(fn(*args, **kwargs))
        else:
            future.set_exception(BrokenExecutor())
        return future


def test_every_number_stands_at_its_own_point():
    found = sweep(model, GRID)
    assert found["sum"].dims == ("x", "y", "label")
    assert found["pair"].dims == ("x", "y", "label", "pair_0")
    assert {name: list(found[name].values) for name in GRID} == GRID
    for x in GRID["x"]:
        for y in GRID["y"]:
            for label in GRID["label"]:
                here = found.sel(x=x, y=y, label=label)
                assert here["sum"] == x + 10 * y + 100 * (label == "q")
                assert list(here["pair"].values) == [x, y]
                assert complex(here["phase"]) == x + 1j * y
                assert here["error"] == ""


def excitation(coupling, bias):
    star = {"cells": 2, "potential": 0.0}
    return float(steady_map(coupling=coupling, bias=bias, **star).excitation)


def test_a_model_of_this_book_as_it_is():
    couplings, biases = [0.3, 4.0], [0.0, 2.0, 8.0]
    found = sweep(excitation, {"coupling": couplings, "bias": biases})
    expected = two_cell_excitation(
        np.array([[0.3], [4.0]]), fermi(1, 0, 1), fermi(1, biases, 1)
    )
    np.testing.assert_allclose(found["value"], expected, rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, CONTEXT) as pool:
        yield pool


@settings(max_examples=15)
@given(st.data(), st.lists(AXIS, min_size=1, max_size=3))
def test_parallel_equals_serial_in_any_order(processes, data, axes):
    grid = dict(zip("abc", axes, strict=False))
    order = data.draw(st.permutations(range(int(np.prod([len(a) for a in axes])))))
    alone = sweep(total, grid)
    assert alone["value"].shape == tuple(map(len, axes))
    assert alone["value"].values.flat[-1] == total(
        **{name: axis[-1] for name, axis in grid.items()}
    )
    assert alone.identical(sweep(total, grid, executor=Shuffled(order)))
    assert alone.identical(sweep(total, grid, executor=processes))


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(2)])
def test_a_point_that_raises_is_reported_and_tried_again(tmp_path, executor):
    grid = {"x": [1, 2, 3], "y": [4, 5]}
    where = r"2 of 6 points raised, the first at .*\"x\": 2, \"y\": 4"
    message = where + ".*ArithmeticError: no value at 4"
    for _ in range(2):  # nothing of the failed points is kept
        with pytest.warns(RuntimeWarning, match=message):
            found = sweep(
                fails_at_two, grid, executor=executor, store=tmp_path / "kept"
            )
        np.testing.assert_array_equal(
            found["value"], [[4, 5], [np.nan, np.nan], [12, 15]]
        )
        assert found["error"].sel(x=2).values.tolist() == [
            f"ArithmeticError: no value at {y}" for y in (4, 5)
        ]
        assert (found["error"].sel(x=[1, 3]) == "").all()


def test_what_cannot_be_pickled_is_reported_as_well(processes):
    with pytest.warns(RuntimeWarning, match=r"2 of 2 points raised.*[Pp]ickl"):
        found = sweep(lambda x: x, {"x": [1, 2]}, executor=processes)
    assert set(found.data_vars) == {"error"}


def test_a_store_serves_a_larger_grid_and_keeps_every_bit(tmp_path):
    log, store = tmp_path / "log", tmp_path / "kept"
    function = functools.partial(logged, log=str(log))
    assert sweep(function, GRID, store=store).identical(sweep(model, GRID))
    larger = {
        "label": ["q", "p"],
        "y": [*GRID["y"], 1 / 3],
        "x": GRID["x"],
    }  # another order, one more value
    assert sweep(function, larger, store=store).identical(sweep(model, larger))
    assert set(calls(log).values()) == {1}
    assert len(calls(log)) == 40
    assert sweep(function, GRID, store=store).identical(
        sweep(model, GRID)
    )  # and the smaller one again


def test_a_named_error_arrives_as_it_left():
    for kind in (errors.BatteryError, *errors.BatteryError.__subclasses__()):
        error = kind("Raise `cutoff_a`.", found=0.5, limit=(0.25, 0.3))
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(again) is kind
            assert str(again) == "Raise `cutoff_a`."
            assert (again.found, again.limit) == (0.5, (0.25, 0.3))


def test_a_store_of_an_older_layout_is_refused(tmp_path):
    old = tmp_path / "old"
    sweep(total, {"x": [1, 2]}, store=old)
    with closing(sqlite3.connect(old)) as database:
        database.executescript(
            "DROP TABLE results;"
            "CREATE TABLE results (point TEXT PRIMARY KEY, layout TEXT, data BLOB);"
        )
    with pytest.raises(ValueError, match=r"`store` must be .* no such column"):
        sweep(total, {"x": [1, 2]}, store=old)


def closing_over(factor):
    return lambda x: factor * x


LONG = np.linspace(
    1, 2, 2000
)  # numpy would print it with dots in the middle, and eight digits


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (scaled, lambda x, factor: factor * x, "x"),
        (
            functools.partial(scaled, factor=LONG),
            functools.partial(scaled, factor=LONG + 1e-12),
            "x",
        ),
        (functools.partial(scaled, factor=2), functools.partial(scaled, x=2), "factor"),
        (closing_over(2), closing_over(3), "x"),
        ((1.0).__add__, (2.0).__add__, "x"),
    ],
)
def test_a_store_of_another_function_is_refused(tmp_path, first, second, name):
    grid = {"x": [1], "factor": [1]} if first is scaled else {"x": [1]}
    with pytest.warns() if first == (1.0).__add__ else pytest.MonkeyPatch.context():
        sweep(first, grid, store=tmp_path / "kept")
    with pytest.raises(ValueError, match="`store` must be new or hold"):
        sweep(second, grid if first is scaled else {name: [1]}, store=tmp_path / "kept")


@pytest.mark.parametrize(
    ("grid", "name"),
    [
        ({}, "grid"),
        ({"x": []}, "x"),
        ({"x": [1, 1.0]}, "x"),
        ({"x": [(1, 2)]}, "x"),
        ({"x": [None]}, "x"),
    ],
)
def test_a_bad_grid_is_refused(grid, name):
    with pytest.raises(ValueError, match=f"Argument `{name}` must"):
        sweep(total, grid)


def test_results_must_be_numbers_of_one_shape():
    with pytest.raises(ValueError, match="same names and shapes everywhere"):
        sweep(lambda n: np.arange(n), {"n": [1, 2]})
    for wrong in ("text", {}, None, 10**30):
        with pytest.warns(RuntimeWarning, match="`function` must return numbers"):
            sweep(functools.partial(lambda wrong, x: wrong, wrong), {"x": [1]})


@pytest.mark.parametrize(
    ("grid", "found"),
    [
        ({"x": range(9)}, {"error": 1}),
        ({"x": range(9)}, {"x": 1}),
        ({"x_0": range(9)}, {"x": [1, 2]}),
        ({"x": range(9)}, {"y": [1, 2], "y_0": 1}),
        ({"error": range(9)}, 1),
    ],
)
@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(1)])
def test_a_name_for_two_things_is_refused_at_once(grid, found, executor):
    seen = []

    def function(**point):
        seen.append(point)
        time.sleep(0.01)
        return found

    with pytest.raises(ValueError, match="must give each name to one thing only"):
        sweep(function, grid, executor=executor)
    assert len(seen) <= 2


def test_a_shape_that_changes_is_refused_at_once():
    seen = []
    with pytest.raises(ValueError, match="same names and shapes everywhere"):
        sweep(lambda n: seen.append(n) or np.arange(n), {"n": range(30)})
    assert seen == [0, 1]


def test_a_shape_that_changes_late_costs_its_point_only():
    with pytest.warns(RuntimeWarning, match="1 of 5 points raised.*same names and sha"):
        found = sweep(lambda n: np.arange(2 + n // 4), {"n": range(5)})
    np.testing.assert_array_equal(found["value"], [[0, 1]] * 4 + [[np.nan] * 2])
    assert found["error"].values[4].startswith("ValueError: Argument `function` must")


def test_what_is_finished_without_a_store_is_kept_all_the_same():
    def stops(x):
        if x == 3 and seen.count(3) == 0:
            seen.append(x)
            raise KeyboardInterrupt
        seen.append(x)
        return x**2

    seen = []
    with pytest.raises(KeyboardInterrupt) as caught:
        sweep(stops, {"x": range(5)})
    (note,) = caught.value.__notes__
    told = eval(f"dict({note.removeprefix('Finished: ')})")  # as one would type it
    assert sweep(stops, {"x": range(5)}, **told)["value"].values.tolist() == [
        0,
        1,
        4,
        9,
        16,
    ]
    assert seen == [0, 1, 2, 3, 4, 3]
    Path(told["store"]).unlink()


def test_integers_are_exact():
    values = [2**53 + 1, -(2**62) - 1, 7]
    found = sweep(lambda k: values[k], {"k": range(3)})["value"]
    assert found.dtype == np.int64
    assert found.values.tolist() == values
    # With a hole, and with a fraction, as integers among other numbers.
    with pytest.warns(RuntimeWarning, match="1 of 4 points raised"):
        found = sweep(lambda k: values[k], {"k": range(4)})["value"].values.tolist()
    assert found[:3] == values
    assert np.isnan(found[3])
    found = sweep(lambda k: [*values, 0.5][k], {"k": range(4)})["value"].values.tolist()
    assert found == [*values, 0.5]
    # Small ones become floats there, as ever.
    assert sweep(lambda k: [7, 0.5][k], {"k": range(2)})["value"].dtype == float


def test_one_axis_does_not_mix_words_and_numbers():
    with pytest.raises(ValueError, match="`x` must list numbers or strings"):
        sweep(total, {"x": [1, "1"]})
    with pytest.raises(ValueError, match="each once"):
        sweep(total, {"x": [float("nan"), float("nan")]})


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def raises(kind, x):
    if x == 1:
        raise kind
    return x


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(2)])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Mute(), "Mute, whose message cannot be shown"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyError("y" * 10**6), f"KeyError: 'y{'y' * 988} ... (1000012 characters)"),
    ],
)
def test_any_exception_costs_its_point_only(kind, words, executor):
    with pytest.warns(RuntimeWarning, match="1 of 3 points raised"):
        found = sweep(
            functools.partial(raises, kind), {"x": [0, 1, 2]}, executor=executor
        )
    np.testing.assert_array_equal(found["value"], [0, np.nan, 2])
    assert found["error"].values.tolist() == ["", words, ""]
    assert found["error"].nbytes <= 24  # references


def test_a_version_stands_for_what_a_function_does(tmp_path):
    store, grid = tmp_path / "kept", {"x": [1, 2]}
    lock = Lock()  # which cannot be pickled

    def f(x):
        with lock:
            return x

    with pytest.raises(ValueError, match="`version` must be given with `store`"):
        sweep(f, grid, store=store)
    assert not store.exists()
    assert sweep(f, grid)["value"].values.tolist() == [1, 2]
    sweep(f, grid, store=store, version="1")

    def f(x):
        return -x

    assert sweep(f, grid, store=store, version="1")["value"].values.tolist() == [1, 2]
    for version in ("2", None):
        with pytest.raises(ValueError, match="`store` must be new or hold"):
            sweep(f, grid, store=store, version=version)


def test_the_store_of_a_function_in_a_loop_is_not_the_next_ones(tmp_path):
    functions = [lambda x, n=n: n * x for n in (1, 2)]
    assert sweep(functions[0], {"x": [1, 2]}, store=tmp_path / "kept")["value"][1] == 2
    with pytest.raises(ValueError, match="`store` must be new or hold"):
        sweep(functions[1], {"x": [1, 2]}, store=tmp_path / "kept")


def test_a_store_that_is_read_only_is_read(tmp_path, monkeypatch):
    sweep(total, {"x": [1, 2]}, store=tmp_path / "kept")
    connect = sqlite3.connect

    def read_only(path, *args, **kwargs):
        return connect(f"file:{path}?mode=ro", *args, uri=True, **kwargs)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    found = sweep(total, {"x": [2, 1]}, store=tmp_path / "kept")
    assert found["value"].values.tolist() == [2, 1]
    seen = []
    with pytest.raises(ValueError, match=r"`store` must be .* readonly database"):
        sweep(total, {"x": [1, 3]}, store=tmp_path / "kept")
    assert seen == []  # before anything is computed


@pytest.mark.parametrize("kind", ["text", "folder", "nowhere"])
def test_what_is_no_store_is_refused(tmp_path, kind):
    (tmp_path / "text").write_text("a note, and long enough to be no database " * 9)
    (tmp_path / "folder").mkdir()
    place = tmp_path / {"nowhere": "no/folder"}.get(kind, kind)
    with pytest.raises(ValueError, match="`store` must be a file that can keep points"):
        sweep(total, {"x": [1, 2]}, store=place)


def test_another_reader_does_not_stop_a_sweep(tmp_path):
    def reads(x):
        if x == 1:  # for longer than the five seconds that SQLite waits by itself
            reader = sqlite3.connect(tmp_path / "kept", check_same_thread=False)
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM results").fetchall()
            Timer(6.0, reader.close).start()
        return x

    found = sweep(reads, {"x": range(3)}, store=tmp_path / "kept", version="1")
    assert found["value"].values.tolist() == [0, 1, 2]


def test_a_pool_works_in_groups_and_keeps_their_time_short(monkeypatch):
    monkeypatch.setattr("qbcore.sweep.SHARE", 0.01)
    durations = []

    class Watched(ThreadPoolExecutor):
        def submit(self, fn, /, *args, **kwargs):
            def timed(*args):
                began = time.monotonic()
                found = fn(*args)
                durations.append((time.monotonic() - began, len(found)))
                return found

            return super().submit(timed, *args, **kwargs)

    with Watched(2) as pool:
        found = sweep(total, {"x": range(6400)}, executor=pool)
        assert len(durations) < 640  # postage, which each of 6400 points used to pay
        durations.clear()
        slow = sweep(lambda x: time.sleep(0.006) or x, {"x": range(200)}, executor=pool)
    assert found["value"].values.tolist() == list(range(6400))
    assert slow["value"].values.tolist() == list(range(200))
    # Three points fit into a group by number, two by time.
    assert max(count for _, count in durations) <= 2
    assert sum(count for _, count in durations) == 200


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_point_that_kills_its_process_costs_no_other(tmp_path, workers):
    """Three calls: the pool breaks, the suspects are tried, the culprits stay."""
    grid, store = {"x": range(30)}, tmp_path / "kept"
    for _ in range(2 + workers):
        try:
            with (
                ProcessPoolExecutor(workers, CONTEXT) as pool,
                warnings.catch_warnings(record=True) as caught,
            ):
                warnings.simplefilter("always")
                found = sweep(exits_at_13, grid, executor=pool, store=store)
            break
        except RuntimeError as error:
            told = str(error)
    assert '{"x": 13}' in told
    assert '1 of 30 points raised, the first at {"x": 13}' in str(caught[0].message)
    rest = [float(x) for x in range(30) if x != 13]
    assert found["value"].dropna("x").values.tolist() == rest
    assert "ends the process" in found["error"].sel(x=13).item()
    # And so it stays: the others first, the culprit last.
    with (
        ProcessPoolExecutor(workers, CONTEXT) as pool,
        pytest.warns(RuntimeWarning, match="1 of 31 points raised"),
    ):
        more = sweep(exits_at_13, {"x": range(31)}, executor=pool, store=store)
    assert more["value"].sel(x=30) == 30


def test_a_point_that_kills_the_sweep_itself_comes_last(tmp_path):
    store, codes = tmp_path / "kept", []
    for _ in range(2):
        process = CONTEXT.Process(
            target=sweep,
            args=(exits_at_13, {"x": range(30)}),
            kwargs={"store": store},
        )
        process.start()
        process.join()
        codes.append(process.exitcode)
    assert codes == [3, 3]
    rest = [x for x in range(30) if x != 13]
    assert sweep(exits_at_13, {"x": rest}, store=store)["value"].values.tolist() == rest
    with closing(sqlite3.connect(store)) as database:
        assert database.execute("SELECT count(*) FROM results").fetchone() == (29,)
        assert database.execute("SELECT * FROM begun").fetchall() == [('{"x": 13}', 2)]


def test_a_lost_scheduler_is_a_broken_executor():
    executor = Executor()

    def submit(fn, /, *args):
        future = Future()
        if args[1] == [{"x": 0}]:
            future.set_result(fn(*args))
        else:
            future.cancel()  # as Dask does with all that is left
            future.set_running_or_notify_cancel()
        return future

    executor.submit = submit
    with pytest.raises(RuntimeError, match="executor broke") as caught:
        sweep(total, {"x": range(5)}, executor=executor)
    assert "Finished: store=" in caught.value.__notes__[0]


def test_an_interrupt_loses_nothing(tmp_path):
    log, store = tmp_path / "log", tmp_path / "kept"
    function = functools.partial(logged, log=str(log), danger="interrupt")
    with pytest.raises(KeyboardInterrupt):
        sweep(function, GRID, store=store)
    assert 0 < len(calls(log)) < 30
    assert sweep(function, GRID, store=store).identical(sweep(model, GRID))
    assert calls(log) - Counter(dict.fromkeys(calls(log), 1)) == {
        " ".join(map(str, MIDDLE)): 1
    }
    assert len(calls(log)) == 30


def test_an_interrupt_cancels_what_has_not_begun():
    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        sweep(model, GRID, executor=executor)
    assert [future.cancelled() for future in executor.futures] == [False] + 29 * [True]


def test_a_sweep_that_is_killed_goes_on_where_it_was(tmp_path):
    log, store = tmp_path / "log", tmp_path / "kept"
    function = functools.partial(logged, log=str(log), danger="kill")
    process = CONTEXT.Process(
        target=sweep, args=(function, GRID), kwargs={"store": store}
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert 0 < len(calls(log)) < 30
    assert sweep(function, GRID, store=store).identical(sweep(model, GRID))
    assert calls(log) - Counter(dict.fromkeys(calls(log), 1)) == {
        " ".join(map(str, MIDDLE)): 1
    }
    assert len(calls(log)) == 30


def test_a_broken_pool_says_so_and_keeps_what_was_finished(tmp_path):
    log, store = tmp_path / "log", tmp_path / "kept"
    function = functools.partial(logged, log=str(log), danger="kill")
    with ProcessPoolExecutor(2, CONTEXT) as pool:
        with pytest.raises(
            RuntimeError, match="executor broke before all points were done"
        ):
            sweep(function, GRID, executor=pool, store=store)
        with pytest.raises(
            RuntimeError, match="executor broke"
        ):  # and now before anything is submitted
            sweep(function, GRID, executor=pool, store=store)
    before = sum(calls(log).values())
    with ProcessPoolExecutor(2, CONTEXT) as pool:
        assert sweep(function, GRID, executor=pool, store=store).identical(
            sweep(model, GRID)
        )
    assert len(calls(log)) == 30
    # Points begin in order. At the 16th one worker dies; the other had at most one
    # under way before.
    assert sum(calls(log).values()) - before <= 30 - 14


def test_what_was_finished_is_kept_whenever_the_executor_broke(tmp_path):
    function = functools.partial(logged, log=str(tmp_path / "log"))
    with pytest.raises(RuntimeError, match="executor broke"):
        sweep(function, GRID, executor=Crumbling(), store=tmp_path / "kept")
    sweep(function, GRID, store=tmp_path / "kept")
    assert len(calls(tmp_path / "log")) == 30
    assert set(calls(tmp_path / "log").values()) == {1}


def test_dask_loses_a_worker_and_the_sweep_loses_nothing(tmp_path):
    from distributed import Client, LocalCluster

    log, store = tmp_path / "log", tmp_path / "kept"
    function = functools.partial(logged, log=str(log), danger="kill", seconds=0.05)
    local = {
        "processes": True,
        "threads_per_worker": 1,
        "host": "127.0.0.1",
        "dashboard_address": ":0",
    }
    with LocalCluster(n_workers=3, **local) as cluster, Client(cluster) as client:
        found = sweep(function, GRID, executor=client.get_executor(), store=store)
        alive = set(client.run(os.getpid).values())
    dead = int(log.with_suffix(".struck").read_text())
    assert found.identical(sweep(model, GRID))
    assert dead in pids(log)
    assert dead not in alive | {os.getpid()}
    assert pids(log) - {dead}  # others took over
    # The point under way, and what the dead worker had not yet delivered.
    assert sum(calls(log).values()) >= 31
    # All was kept: without the cluster nothing is left to be computed here.
    assert sweep(function, GRID, store=store).identical(found)
    assert os.getpid() not in pids(log)


def test_the_page_shows_what_slurm_is_told():
    page = Path(__file__).resolve().parents[2] / "book" / "reference" / "sweeps.ipynb"
    text = "".join(
        "".join(cell["source"])
        for cell in json.loads(page.read_text(encoding="utf-8"))["cells"]
    )
    block = text.split("cluster = SLURMCluster(")[1].split("\n)\n")[0]
    local = {
        "interface": "lo",
        "scheduler_options": {"dashboard_address": ":0"},
    }  # any free port
    namespace = {}
    exec(
        "from dask_jobqueue import SLURMCluster\n"
        "def made(**local):\n  return SLURMCluster(" + block + "**local)",
        namespace,
    )
    with namespace["made"](**local) as cluster:
        script = cluster.job_script()
    for told in (
        "-p compute",
        "-A my-project",
        "-t 02:00:00",
        "--cpus-per-task=4",
        "--mem=16G",
    ):
        assert f"#SBATCH {told}\n" in script
    assert "export OMP_NUM_THREADS=1\n" in script
    assert (
        "--nworkers 4 --nthreads 1" in script
        or "--nthreads 1 --memory-limit 4.00GiB --nworkers 4" in script
    )


def doubled_in_one_thread(x):
    return {"twice": 2 * x, "threads": float(os.environ["OMP_NUM_THREADS"])}


def test_workers_share_the_points_of_any_function_in_one_thread_each():
    shift = 0.5
    alone = sweep(lambda x: x + shift, {"x": range(40)})
    assert alone.identical(sweep(lambda x: x + shift, {"x": range(40)}, workers=2))
    found = sweep(doubled_in_one_thread, {"x": [1, 2, 3]}, workers=2)
    assert found["twice"].values.tolist() == [2, 4, 6]
    assert set(found["threads"].values) == {1.0}


def test_workers_change_no_number_of_a_map():
    pulses = {"drive": np.linspace(1.0, 40.0, 8)[:, None], "interaction": 2.0}
    pulses |= {"atoms": [3, 20], "duration": 0.3}
    assert charge_map(**pulses) == charge_map(**pulses, workers=2)
    stars = {"cells": [[2], [30]], "bias": np.linspace(0.0, 3.0, 40)}
    assert steady_map(**stars) == steady_map(**stars, workers=2)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "2"])
def test_a_number_of_workers_that_is_none_is_refused(workers):
    for call in (
        lambda: sweep(abs, {"x": [1]}, workers=workers),
        lambda: steady_map(workers=workers),
        lambda: charge_map(
            atoms=1, drive=1.0, duration=1.0, interaction=0.0, workers=workers
        ),
    ):
        with pytest.raises(ValueError, match="`workers` must be an integer"):
            call()


def test_workers_and_an_executor_are_refused_together():
    with ThreadPoolExecutor(1) as pool, pytest.raises(ValueError, match="`workers`"):
        sweep(abs, {"x": [1]}, workers=2, executor=pool)


def test_without_loky_workers_name_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "loky", None)
    with pytest.raises(ImportError, match=r"pip install qbcore\[sweep\]"):
        steady_map(workers=2)
