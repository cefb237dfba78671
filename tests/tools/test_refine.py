"""Numbers that hang on the grid are found by computing at twice the resolution."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import refine
import yaml

from qbook import claims

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"

HEAD = """
import numpy as np
from qbcore.rosen_zener import charge_map
from qbook import claims, resolution

def tops(y):
    return np.flatnonzero((y[1:-1] > y[:-2]) & (y[1:-1] > y[2:])) + 1
"""
# Two cells as they once stood in the book: maxima are taken from the points of a grid.
FINAL = """
cut = resolution.grid(0.02, 1.0, 981) * np.pi
along = charge_map(atoms=10, drive=[[10.0], [20.0]], duration=cut, interaction=2.0)
shift = []
for v0, e in zip((10.0, 20.0), along.final_energy):
    curves = (4 * np.arange(len(tops(e))) + 2) * np.pi / v0
    shift += list(np.abs(cut[tops(e)] / curves - 1))
claims.check("final", shift=max(shift))
"""
EXTREMA = """
x = resolution.grid(1, 60, 1181)
pulse = {"atoms": 10, "interaction": 2.0, "accuracy": 1e-6}
after = charge_map(drive=x, duration=0.2 * np.pi, **pulse)
lows = x[tops(-after.final_fluctuation)]
apart = [np.abs(lows / top - 1).min() for top in x[tops(after.final_energy)]]
claims.check("extrema", apart=max(apart))
"""
# The peak between the points: twice as many of them do not move it.
REFINED = """
from qbcore.rosen_zener import RosenZenerBattery

times = resolution.grid(0.0, 0.1 * np.pi, 201)
peak = RosenZenerBattery(drive=20.0, duration=0.1 * np.pi).charge(times).max_energy
claims.check("peak", time=peak.time)
"""
WORDS = {
    **dict.fromkeys(("paper", "where", "claim", "parameters", "reason"), "words"),
    "tolerance_because": "words",
    "decided_by": "printed parameters",
    "verdict": "holds",
    "chapter": "one",
}
BROKEN = "1 / (resolution.points(3) - 5)"
ENTRIES = {
    "final": {"shift": {"value": 0.010, "tolerance": 0.002}},
    "extrema": {"apart": {"value": 0.0251, "tolerance": 0.003}},
    "peak": {"time": {"value": 0.27852, "tolerance": 1e-4}},
}


@pytest.fixture
def run(tmp_path):
    """Refines a book of one notebook with these cells."""

    def run_cells(*cells):
        entries = [
            WORDS | {"id": name, "computed": numbers}
            for name, numbers in ENTRIES.items()
        ]
        text = yaml.safe_dump(entries)
        (tmp_path / "claims.yml").write_text(text, encoding="utf-8")
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in (HEAD, *cells)]
        )
        nbformat.write(book, tmp_path / "one.ipynb")
        return subprocess.run(
            [sys.executable, ROOT / "tools" / "refine.py", "one.ipynb"],
            cwd=tmp_path,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run_cells


def test_maxima_of_the_grid_are_found_out(run):
    done = run(FINAL, EXTREMA)
    assert done.returncode == 1
    assert "final: shift = 0.01 ± 0.002 moves by 0.0025" in done.stdout
    assert "extrema: apart = 0.025 ± 0.003 moves by 0.0024" in done.stdout
    # Outside its tolerance now, so its cell fails as well.
    assert "ClaimError: final: the ledger holds" in done.stdout


def test_a_peak_between_the_points_stays(run, tmp_path):
    done = run(REFINED)
    assert done.returncode == 0
    assert "1 claims, 0 faults" in done.stdout
    # The result is stored next to the ledger that was asked.
    stored = json.loads((tmp_path / claims.REFINED).read_text(encoding="utf-8"))
    assert 0 <= stored["peak"]["time"] < 5e-5


def test_a_cell_that_fails_at_twice_the_resolution_is_named(run):
    done = run(BROKEN)
    assert done.returncode == 1
    assert "cell 1: ZeroDivisionError" in done.stdout


def test_a_number_may_move_by_half_of_its_tolerance():
    moved = refine.moves({"a": {"x": 1.0, "y": 2.0}}, {"a": {"x": 1.5, "y": 2.0}})
    assert moved == {"a": {"x": 0.5, "y": 0.0}}


def test_the_errors_of_the_whole_ledger_are_measured():
    measured = json.loads((BOOK / claims.REFINED).read_text(encoding="utf-8"))
    ledger = {claim.id: claim for claim in claims.load(BOOK / "claims.yml")}
    assert list(measured) == list(ledger)
    for name, claim in ledger.items():
        assert set(measured[name]) == set(claim.computed)
    assert not list(refine.grid_limited(measured, ledger))
