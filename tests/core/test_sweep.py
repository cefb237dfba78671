"""The sweep: labels, order, errors, and what is left after a worker or the sweep itself is killed."""

import functools
import json
import multiprocessing
import os
import signal
from collections import Counter
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sweep_models import GRID, MIDDLE, fails_at_two, logged, model, scaled, total

from qbcore.star import fermi, steady_map
from qbcore.star.formulas import two_cell_excitation
from qbcore.sweep import sweep

AXIS = st.lists(
    st.integers(-9, 9) | st.floats(-9, 9), min_size=1, max_size=4, unique=True
)

# Forks of a small server: a fork of pytest, which has threads, may hang, and Python 3.12 warns of it.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["qbcore.sweep", "xarray"])


def calls(log):
    """How often each point was computed."""
    return Counter(line.split(maxsplit=1)[1] for line in log.read_text().splitlines())


def pids(log):
    return {int(line.split()[0]) for line in log.read_text().splitlines()}


class Shuffled(Executor):
    """Computes nothing until all is submitted, and then in the order it was given."""

    def __init__(self, order):
        self.order, self.tasks = order, []

    def submit(self, fn, /, *args, **kwargs):
        self.tasks.append((Future(), functools.partial(fn, *args, **kwargs)))
        if len(self.tasks) == len(self.order):
            for future, task in map(self.tasks.__getitem__, self.order):
                future.set_result(task())
        return self.tasks[-1][0]


class Interrupted(Executor):
    """Somebody presses Ctrl-C when the first point is done, and before any other has begun."""

    def __init__(self):
        self.futures = []

    def submit(self, fn, /, *args, **kwargs):
        self.futures.append(Future())
        if len(self.futures) == 1:
            self.futures[0].set_exception(KeyboardInterrupt())
        return self.futures[-1]


class Crumbling(Executor):
    """Breaks at every third point, and has long finished all others when it is asked."""

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
    message = r"2 of 6 points raised, the first at .*\"x\": 2, \"y\": 4.*ArithmeticError: no value at 4"
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
    for wrong in ("text", {}, {"error": 1}, {"x": 1}, None):
        with pytest.warns(RuntimeWarning, match="`function` must return numbers"):
            sweep(functools.partial(lambda wrong, x: wrong, wrong), {"x": [1]})


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
    # Points begin in order. At the 16th one worker dies; the other had at most one under way before.
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
        count = sum(calls(log).values())
        again = sweep(function, GRID, executor=client.get_executor(), store=store)
        alive = set(client.run(os.getpid).values())
    dead = int(log.with_suffix(".struck").read_text())
    assert found.identical(sweep(model, GRID))
    assert dead in pids(log)
    assert dead not in alive | {os.getpid()}
    assert pids(log) - {dead}  # others took over
    assert os.getpid() not in pids(log)
    assert (
        count >= 31
    )  # the point under way, and what the dead worker had not yet delivered
    assert again.identical(found)
    assert sum(calls(log).values()) == count  # all was kept


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
        "from dask_jobqueue import SLURMCluster\ndef made(**local):\n  return SLURMCluster("
        + block
        + "**local)",
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
