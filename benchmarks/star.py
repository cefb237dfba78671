"""The star network's steady state against ``qutip.steadystate``, and what size and time grow like.

Run with ``python -m benchmarks.star`` or as part of ``make bench``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
import qutip

from benchmarks.side_by_side import HEADER, Row, compare
from qbcore.star import StarBattery, fermi, steady_excitation
from qbcore.star_symmetric import symmetric

BIASES = np.linspace(0.0, 7.6, 20)


def ours(cells: int, biases: np.ndarray = BIASES) -> list[float]:
    """p_1 in the permutation-symmetric basis, one battery after the other."""
    return [StarBattery(cells=cells, bias=float(d)).steady_state().excitation for d in biases]


def theirs(cells: int, biases: np.ndarray = BIASES) -> list[float]:
    """p_1 from ``qutip.steadystate`` on all 2^N states, its default direct method."""
    found = []
    for d in biases:
        b = StarBattery(cells=cells, bias=float(d))
        rho = qutip.steadystate(b.hamiltonian(), b.collapse_operators())
        found.append(float(rho.ptrace(0)[0, 0].real))
    return found


def rows() -> Iterator[Row]:
    """Twenty steady states for N = 3 to 6; steadystate does every tenth of them. All to 1e-10."""
    for cells in (3, 4, 5, 6):
        row = compare(
            f"20 steady states, N = {cells}",
            "loop over steadystate (direct)",
            lambda cells=cells: ours(cells),
            lambda cells=cells: theirs(cells, BIASES[::10]),
            repeats=5,
            scale=10.0,
            part=lambda p: p[::10],
        )
        assert row.difference < 1e-10
        yield row
    row = compare(
        "the same, N = 6, in one call",
        "loop over steadystate (direct)",
        lambda: steady_excitation(6, 1.0, 0.5, fermi(1.0, 1.0 + BIASES, 1.0)),
        lambda: theirs(6, BIASES[::10]),
        repeats=5,
        scale=10.0,
        part=lambda p: p[::10],
    )
    assert row.difference < 1e-10
    yield row


def growth() -> Iterator[str]:
    """Unknowns and time of one steady state against N; a first call builds the generators."""
    yield "| N | unknowns, qbcore | unknowns, steadystate | qbcore | qbcore, first call | steadystate |"
    yield "|---|---|---|---|---|---|"
    for cells in (2, 3, 4, 5, 6, 10, 20, 50, 100):
        symmetric.cache_clear()
        first = _seconds(ours, cells)
        again = median(_seconds(ours, cells) for _ in range(5))
        rival = f"{_seconds(theirs, cells):.2g} s" if cells <= 6 else "-"
        size = symmetric(cells - 1).size
        yield f"| {cells} | {size} | {4.0**cells:.3g} | {again:.2g} s | {first:.2g} s | {rival} |"


def _seconds(run: Callable[[int, np.ndarray], list[float]], cells: int) -> float:
    start = time.perf_counter()
    run(cells, BIASES[5:6])
    return time.perf_counter() - start


if __name__ == "__main__":
    print(HEADER)
    for line in rows():
        print(line, flush=True)
    print()
    for text in growth():
        print(text, flush=True)
