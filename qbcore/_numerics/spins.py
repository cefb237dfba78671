"""Spin operators in the Dicke basis, ordered as QuTiP orders it: m = N/2, ..., -N/2.

The most excited state comes first. N two-level atoms that nobody tells apart are one
spin N/2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from qbcore._support.types import ComplexArray, FloatArray


def projections(atoms: int) -> FloatArray:
    """m = N/2, ..., -N/2, shape (N + 1,)."""
    return atoms / 2 - np.arange(atoms + 1, dtype=float)


def ladder(atoms: int) -> FloatArray:
    """<m + 1| J_+ |m> = sqrt(s (s + 1) - m (m + 1)), m = s - 1, ..., -s, shape (N,)."""
    s, m = atoms / 2, projections(atoms)[1:]
    return np.sqrt(s * (s + 1) - m * (m + 1))


def raising(atoms: int) -> Any:
    """J_+ as a sparse array (N + 1, N + 1)."""
    return sparse.diags_array(ladder(atoms), offsets=1)


def spin_matrices(atoms: int) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Dense Jx, Jy, Jz."""
    up = raising(atoms).toarray().astype(complex)
    jz = np.diag(projections(atoms)).astype(complex)
    return (up + up.T) / 2, (up - up.T) / 2j, jz


def lowering_of_each(qubits: int) -> list[Any]:
    """sigma_- of each of N qubits, sparse (2^N, 2^N); the excited state comes first."""
    lower = sparse.csr_array([[0.0, 0.0], [1.0, 0.0]])
    return [
        sparse.kron(
            sparse.kron(sparse.eye_array(2**k), lower),
            sparse.eye_array(2 ** (qubits - 1 - k)),
        )
        for k in range(qubits)
    ]
