r"""All 4^N entries of the density matrix, for starts and baths without a symmetry.

A matrix is written out row by row, so that A rho B becomes kron(A, B^T). H keeps the
number of excitations and a jump changes it by one on both sides, so L keeps its
difference between row and column. The battery's excitation is in the block of
difference 0, its coherence in that of difference 1: 924 and 792 of the 4096 entries for
six qubits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from qbcore._support.types import ComplexArray, FloatArray
from qbcore.star import _operators, _start
from qbcore.star._charge import Path, observe

if TYPE_CHECKING:
    from qbcore.star._shared import Star

MOST_CELLS = 6


def liouvillian(hamiltonian: Any, jumps: list[Any]) -> Any:
    """L of a Lindblad equation with real jump operators, sparse (4^N, 4^N)."""
    one = sparse.eye_array(hamiltonian.shape[0])
    decay = -1j * hamiltonian - sum(c.T @ c for c in jumps) / 2
    moves = sum(sparse.kron(c, c) for c in jumps)
    return (sparse.kron(decay, one) + sparse.kron(one, decay.conj()) + moves).tocsr()


def evolve(star: Star, start: Any, times: FloatArray) -> Path:
    """Run a start of any kind under an H without splitting."""
    rho = _start.density_matrix(start, star.cells)
    generator = liouvillian(_operators.exchange(star), star._jumps())
    size = len(rho)
    number = excitations(size)
    rho = rho.ravel()
    difference = np.subtract.outer(number, number).ravel()
    battery = np.diag(np.arange(size) < size // 2).ravel().astype(float)
    others = np.diag(number).ravel() - battery
    coherence = np.eye(size, k=size // 2).ravel()  # between |e, a> and |g, a>

    def seen(charge: int, *rows: FloatArray) -> ComplexArray:
        kept, readout = difference == charge, np.array(rows)
        if not rho[kept].any():
            return np.zeros((len(rows), times.size), dtype=complex)
        block = generator[kept][:, kept]
        return observe(block, rho[kept], times, readout[:, kept])

    return Path(
        begin=float((battery @ rho).real),
        seen=seen(0, battery, battery @ generator, others).real,
        coherence=seen(1, coherence)[0],
    )


def excitations(size: int) -> Any:
    """Number of excited qubits in each of 2^N basis states; 0 bits are excited ones."""
    return np.array([bin(size - 1 - k).count("1") for k in range(size)])
