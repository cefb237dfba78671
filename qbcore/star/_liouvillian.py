r"""Starts, and all 4^N entries of the density matrix for those without a symmetry.

H keeps the number of excitations and a jump changes it by one on both sides, so L keeps
its difference between row and column. The battery's excitation is in the block of
difference 0, its coherence in those of difference 1 and -1: 924 and 1584 of the 4096
entries for six qubits.
"""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from qbcore._numerics.lindblad import as_real, generator, reached
from qbcore._support.checks import require
from qbcore._support.states import TOLERANCE, checked_states, density_matrices, read
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.star._network import Network, Start, observe
from qbcore.star.formulas import occupation

MOST_CELLS = 6


def probabilities(start: Start, cells: int) -> tuple[float, float] | None:
    """Two probabilities, (0, 0) for None; or None where the start is something else."""
    if start is None:
        return 0.0, 0.0
    array, space = read("start", start)
    if space is not None or array.shape != (2,):
        return None
    battery, ancilla = map(float, occupation("start", array))
    # Of one qubit, (0.6, 0.8) may be meant as a ket; (1, 0) and (0, 1) mean the same.
    unit = abs(math.hypot(battery, ancilla) - 1) <= TOLERANCE
    ambiguous = cells == 1 and unit and battery * ancilla > 0
    must = "tell probabilities from a ket: write the ket as a column, (2, 1)"
    require(not ambiguous, "start", must, start)
    return battery, ancilla


def density_matrix(start: Start, cells: int) -> ComplexArray:
    """The start as a checked density matrix (2^N, 2^N), battery first."""
    pair = probabilities(start, cells)
    if pair is not None:
        battery, ancilla = pair
        each = battery, *[ancilla] * (cells - 1)
        qubits = [np.array([p, 1 - p]) for p in each]
        return np.diag(reduce(np.kron, qubits)).astype(complex)
    space = [2] * cells
    state = checked_states("start", start, 2**cells, space=space, single=True)
    return density_matrices(state)


def evolve(
    star: Network, start: Start, times: FloatArray, way_out: str
) -> tuple[FloatArray, ComplexArray]:
    """Run a start of any kind under an H without splitting, as `Network._run` does."""
    star._few(MOST_CELLS, way_out)
    z = as_real(density_matrix(start, star.cells))
    full = generator(star._exchange(), star._jumps())
    size = 2**star.cells
    excited = np.arange(size) < size // 2
    battery = np.diag(1.0 * excited).ravel()
    others = np.diag(star._excitations()).ravel() - battery
    # <e, a| rho |g, a> = X + i Y, and z = X + Y there and X - Y in its mirror image.
    upper = np.eye(size, k=size // 2)
    real, imaginary = (upper + upper.T).ravel() / 2, (upper - upper.T).ravel() / 2

    def seen(*rows: FloatArray) -> FloatArray:
        """Run the entries of z on which these sums over z depend."""
        readout = np.array(rows)
        kept = reached(full.T, np.any(readout, axis=0))
        block = full[kept][:, kept]
        return observe(block, z[kept], times, readout[:, kept])

    populations = seen(battery, battery @ full, others)
    if not z[reached(full.T, np.asarray(real != 0))].any():
        return populations, np.zeros(times.size, complex)
    x, y = seen(real, imaginary)
    return populations, x + 1j * y
