r"""All 4^N entries of the density matrix, for starts and baths without a symmetry.

A matrix is written out row by row, so that A rho B becomes kron(A, B^T). H keeps the
number of excitations and a jump changes it by one on both sides, so L keeps its
difference between row and column. The battery's excitation is in the block of
difference 0, its coherence in that of difference 1: 924 and 792 of the 4096 entries for
six qubits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from qbcore._numerics.propagation import propagate
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.star._shared import Path

MOST_CELLS = 6


def liouvillian(hamiltonian: Any, jumps: list[Any]) -> Any:
    """L of a Lindblad equation with real jump operators, sparse (4^N, 4^N)."""
    one = sparse.eye_array(hamiltonian.shape[0])
    decay = -1j * hamiltonian - sum(c.T @ c for c in jumps) / 2
    moves = sum(sparse.kron(c, c) for c in jumps)
    return (sparse.kron(decay, one) + sparse.kron(one, decay.conj()) + moves).tocsr()


def evolve(
    hamiltonian: Any,
    jumps: list[Any],
    start: ComplexArray,
    times: FloatArray,
) -> Path:
    """Run a density matrix (2^N, 2^N) under an H without splitting."""
    generator, rho = liouvillian(hamiltonian, jumps), start.ravel()
    number, size = excitations(len(start)), len(start)
    row, column = np.divmod(np.arange(size**2), size)
    difference = number[row] - number[column]

    even = np.flatnonzero(difference == 0)
    block = generator[even][:, even]
    diagonal = row[even] == column[even]
    battery = diagonal * (row[even] < size // 2)
    ancillas = diagonal * number[row[even]] - battery
    path = propagate(block, rho[even], times).T

    odd = np.flatnonzero(difference == 1)
    coherence = (row[odd] + size // 2 == column[odd]).astype(float)
    turning = np.zeros((odd.size, times.size), dtype=complex)
    if rho[odd].any():
        turning = propagate(generator[odd][:, odd], rho[odd], times).T
    return Path(
        begin=float((battery @ rho[even]).real),
        excitation=(battery @ path).real,
        slope=(battery @ (block @ path)).real,
        ancillas=(ancillas @ path).real,
        coherence=coherence @ turning,
    )


def excitations(size: int) -> Any:
    """Number of excited qubits in each of 2^N basis states; 0 bits are excited ones."""
    return np.array([bin(size - 1 - k).count("1") for k in range(size)])
