"""The benchmarks' own logic on made-up rows; no test here is about time."""

import importlib
import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from benchmarks import _field_tasks, cores, field, peers, results, side_by_side
from benchmarks.__main__ import MODELS, main
from benchmarks.cores import Shared
from benchmarks.side_by_side import Case, Row, agreeing, measure, turns

CASES = [
    case for m in MODELS for case in importlib.import_module(f"benchmarks.{m}").cases()
]
ROW = Row(
    model="Star",
    task="steady state",
    size=4,
    unit="qubits",
    accuracy=1e-6,
    our_time=0.01,
    our_memory=5.0,
    rival="slow",
    their_time=1.0,
    their_memory=50.0,
    difference=1e-9,
)


def power_law(rival_power: float, sizes=(2, 4, 8)) -> list[Row]:
    return [
        replace(ROW, size=n, our_time=1e-3 * n, their_time=n**rival_power)
        for n in sizes
    ]


def test_names_tell_cases_apart_and_cases_can_be_sent_to_a_process():
    names = [(c.model, c.task, c.size, c.unit, c.rival) for c in CASES]
    assert len(set(names)) == len(names)
    assert {c.model for c in CASES} == {
        "Rosen-Zener",
        "Dual cavity",
        "Star network",
        "Nonreciprocal",
    }
    for case in CASES:
        pickle.dumps((case.ours, case.theirs))


@pytest.mark.parametrize(
    ("factor", "caught"), [(1.0, False), (2.9, False), (3.0, True), (1 / 3, False)]
)
@pytest.mark.parametrize("side", ["our_time", "their_time"])
def test_a_ratio_that_falls_threefold_is_named(factor, caught, side):
    change = (
        factor if side == "our_time" else 1 / factor
    )  # a faster rival counts as well
    other = replace(ROW, size=5)
    messages = results.fallen(
        [replace(ROW, **{side: getattr(ROW, side) * change}), other], [ROW, other]
    )
    assert len(messages) == caught
    if caught:
        assert messages[0].startswith(
            "Star: steady state, qubits 4, slow: the ratio fell from 100 to 33.3"
        )


def test_a_row_that_vanished_is_named_and_a_new_one_is_not():
    assert results.fallen([], [ROW]) == [
        f"{ROW.name}: stored, but not measured any more"
    ]
    assert results.fallen([ROW], []) == []


def test_rows_without_a_rival_are_not_compared():
    alone = replace(ROW, rival="", their_time=None, their_memory=None, difference=None)
    assert results.fallen([replace(alone, our_time=1.0)], [alone]) == []


def test_growth_finds_the_exponent_of_each_route():
    found = {g["route"]: g for g in results.growth(power_law(3.0))}
    assert {route: g["exponent"] for route, g in found.items()} == {
        "qbcore": 1.0,
        "slow": 3.0,
    }
    assert found["slow"]["steps"] == [3.0, 3.0]
    assert found["slow"]["sizes"] == [2, 4, 8]


def test_growth_shows_what_is_no_power_law_and_needs_three_sizes():
    rows = [replace(ROW, size=n, their_time=4.0**n) for n in (2, 4, 8)]
    steps = next(g["steps"] for g in results.growth(rows) if g["route"] == "slow")
    assert steps == [4.0, 8.0]  # 4^n: 2 and 4 steps of n, each in one doubling
    assert list(results.growth(rows[:2])) == []


def case_of(theirs, **changes) -> Case:
    kind = {
        "model": "",
        "task": "add",
        "size": 1,
        "unit": "",
        "rival": "rival",
        "accuracy": 1e-6,
    }
    return Case(**kind, ours=partial(np.ones, 3), theirs=theirs, **changes)


def off_by_ten(rtol: float) -> np.ndarray:
    return np.ones(3) + 10 * rtol


def test_the_rival_gets_the_loosest_tolerance_that_agrees():
    run, difference, tolerance = agreeing(
        case_of(off_by_ten), np.ones(3), lambda run: run()
    )
    assert (tolerance, difference) == (pytest.approx(1e-7), pytest.approx(1e-6))
    assert run() == pytest.approx(1 + 1e-6)


@pytest.mark.parametrize(
    "wrong", [partial(np.full, 3, 1.1), partial(np.full, 3, np.nan)]
)
def test_answers_that_differ_are_refused(wrong):
    with pytest.raises(ValueError, match="rival: add of size 1 differs"):
        agreeing(case_of(wrong, tolerant=False), np.ones(3), lambda run: run())


def test_measure_does_both_sides_in_their_own_processes():
    size = 4_000_000
    case = case_of(
        partial(np.ones, size), tolerant=False, scale=10.0, part=(slice(None, None, 1),)
    )
    row = measure(replace(case, ours=partial(np.ones, size)))
    assert row.difference == 0.0
    assert row.our_memory > 8e-6 * size
    assert row.their_memory > 8e-6 * size
    assert row.ratio == row.their_time / row.our_time > 0
    assert row.tolerance is None


def test_medians_are_taken_in_turn():
    calls = []

    def run(name: str, seconds: float) -> float:
        calls.append(name)
        return seconds * len(calls)

    medians = turns(partial(run, "a", 1.0), partial(run, "b", 1.0))
    assert calls == ["a", "b"] * side_by_side.FEWEST
    assert medians == [3.0, 4.0]  # of 1, 3, 5 and 2, 4, 6


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "STORED", tmp_path / "data" / "performance.json")
    return results.STORED


SHARED = Shared(task="map", cores=2, alone=3.0, together=1.5, difference=0.0)


def run_with(monkeypatch, rows: list[Row], *arguments: str) -> int:
    monkeypatch.setattr("benchmarks.__main__.run", lambda models: rows)
    monkeypatch.setattr(cores, "measure", lambda: [SHARED])
    return main(list(arguments))


def test_a_run_stores_checks_and_accepts(stored, monkeypatch, capsys):
    slow = [replace(ROW, our_time=0.05)]
    assert run_with(monkeypatch, [ROW]) == 0  # nothing is stored yet
    assert results.read() == [ROW]
    assert run_with(monkeypatch, slow) == 1
    assert f"SLOWER: {ROW.name}" in capsys.readouterr().out
    assert results.read() == [ROW]
    assert run_with(monkeypatch, slow, "--accept") == 0
    assert results.read() == slow


def test_a_run_that_passes_leaves_the_stored_rows_so_that_small_losses_cannot_add_up(
    stored, monkeypatch
):
    run_with(monkeypatch, [ROW])
    assert run_with(monkeypatch, [replace(ROW, our_time=0.02)]) == 0
    assert results.read() == [ROW]


def test_one_model_alone_is_checked_and_stored_alone(stored, monkeypatch):
    other = replace(ROW, model="Other")
    run_with(monkeypatch, [ROW, other])
    assert run_with(monkeypatch, [replace(ROW, our_time=0.05)], "star") == 1
    assert run_with(monkeypatch, [replace(ROW, our_time=0.05)], "star", "--accept") == 0
    assert results.read() == [other, replace(ROW, our_time=0.05)]
    assert results.read_shared() == [SHARED]


def test_what_cores_share_is_done_alone_and_together_and_compared(monkeypatch):
    asked = []

    def task(workers):
        asked.append(workers)
        return [1.0, 2.0 if workers is None else 2.5]

    monkeypatch.setattr(cores, "TASKS", {"add": task})
    (found,) = cores.measure()
    assert (found.task, found.difference) == ("add", 0.5)
    assert asked[:4] == [None, cores.CORES] * 2
    assert found.ratio == found.alone / found.together
    assert SHARED.ratio == 2.0


def asked_elsewhere(tolerance):
    side_by_side.ELSEWHERE["seconds"] += 7.0
    side_by_side.ELSEWHERE["megabytes"] = 1e5
    return np.ones(3)


def test_a_peer_is_charged_for_what_its_own_process_took():
    row = measure(case_of(asked_elsewhere))
    assert row.their_time == 7.0
    assert row.their_memory > 9e4 > row.our_memory
    assert row.our_time < 1.0


def test_a_peer_that_is_not_installed_names_what_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "python")
    with pytest.raises(FileNotFoundError, match="make bench"):
        peers.by_dynamiqs(np.eye(2), [1, 0], [1, 0], np.array([0.0, 1.0]), 1e-6)


@pytest.mark.parametrize("task", _field_tasks.EXACT)
def test_our_answer_to_a_task_of_the_field_is_the_exact_one(task):
    answer = np.atleast_1d(field.by_qbcore()[task]())
    exact = _field_tasks.EXACT[task]()
    assert answer.shape == exact.shape
    assert np.abs(answer - exact).max() < 1e-9 * max(1.0, np.abs(exact).max())


def test_a_task_tells_its_error_and_counts_no_warm_up(monkeypatch):
    calls = []
    monkeypatch.setattr(_field_tasks, "EXACT", {"add": lambda: np.array([2.0])})
    ways = {"add": lambda: calls.append(1) or 2.5}
    found = _field_tasks.measured(ways)["add"]
    assert len(calls) == 1 + _field_tasks.RUNS
    assert found["error"] == 0.5
    assert 0 <= found["seconds"] < _field_tasks.SLOW
