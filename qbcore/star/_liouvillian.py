r"""Starts, and all 4^N entries of the density matrix for those without a symmetry.

A matrix is written out row by row, so that A rho B becomes kron(A, B^T). H keeps the
number of excitations and a jump changes it by one on both sides, so L keeps its
difference between row and column. The battery's excitation is in the block of
difference 0, its coherence in that of difference 1: 924 and 792 of the 4096 entries for
six qubits.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
from scipy import sparse

from qbcore._support.checks import require
from qbcore._support.states import TOLERANCE, checked_states, density_matrices, read
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.star._network import Network, observe
from qbcore.star.formulas import occupation

MOST_CELLS = 6


def probabilities(start: Any, cells: int) -> tuple[float, float] | None:
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


def density_matrix(start: Any, cells: int) -> ComplexArray:
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


def liouvillian(star: Network) -> Any:
    """L without splitting, sparse (4^N, 4^N); the jump operators are real."""
    jumps, one = star._jumps(), sparse.eye_array(2**star.cells)
    decay = -1j * star._exchange() - sum(c.T @ c for c in jumps) / 2
    moves = sum(sparse.kron(c, c) for c in jumps)
    return (sparse.kron(decay, one) + sparse.kron(one, decay.conj()) + moves).tocsr()


def evolve(
    star: Network, start: Any, times: FloatArray, way_out: str
) -> tuple[FloatArray, ComplexArray]:
    """Run a start of any kind under an H without splitting, as `Network._run` does."""
    star._few(MOST_CELLS, way_out)
    rho = density_matrix(start, star.cells).ravel()
    full = liouvillian(star)
    number, size = star._excitations(), 2**star.cells
    difference = np.subtract.outer(number, number).ravel()
    battery = np.diag(np.arange(size) < size // 2).ravel().astype(float)
    others = np.diag(number).ravel() - battery
    coherence = np.eye(size, k=size // 2).ravel()  # between |e, a> and |g, a>
    # rho is Hermitian, so Re rho + Im rho says all of it, and Re rho - Im rho is the
    # transpose of that: the sum obeys a real equation.
    transpose = np.arange(size**2).reshape(size, size).T.ravel()
    real = full.real + full.imag[:, transpose]

    def seen(charge: int, generator: Any, x: Any, *rows: FloatArray) -> Any:
        kept, readout = difference == charge, np.array(rows)
        block = generator[kept][:, kept]
        return observe(block, x[kept], times, readout[:, kept])

    populations = seen(0, real, rho.real + rho.imag, battery, battery @ real, others)
    if not rho[difference == 1].any():
        return populations, np.zeros(times.size, complex)
    return populations, seen(1, full, rho, coherence)[0]
