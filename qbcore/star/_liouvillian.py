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

from qbcore._support.types import FloatArray
from qbcore.star import _operators, _start
from qbcore.star._charge import Path, observe

if TYPE_CHECKING:
    from qbcore.star._shared import Star

MOST_CELLS = 6


def liouvillian(star: Star) -> Any:
    """L without splitting, sparse (4^N, 4^N); the jump operators are real."""
    jumps, one = star._jumps(), sparse.eye_array(2**star.cells)
    decay = -1j * _operators.exchange(star) - sum(c.T @ c for c in jumps) / 2
    moves = sum(sparse.kron(c, c) for c in jumps)
    return (sparse.kron(decay, one) + sparse.kron(one, decay.conj()) + moves).tocsr()


def evolve(star: Star, start: Any, times: FloatArray) -> Path:
    """Run a start of any kind under an H without splitting."""
    rho = _start.density_matrix(start, star.cells).ravel()
    full = liouvillian(star)
    number, size = _operators.excitations(star.cells), 2**star.cells
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

    x, coherent = rho.real + rho.imag, rho[difference == 1].any()
    return Path(
        begin=float(battery @ x),
        seen=seen(0, real, x, battery, battery @ real, others),
        coherence=seen(1, full, rho, coherence)[0] if coherent else 0.0,
    )
