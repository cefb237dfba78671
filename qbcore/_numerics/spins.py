"""Spin operators in the Dicke basis, ordered as QuTiP orders it: m = N/2, ..., -N/2.

The most excited state comes first. N two-level atoms that nobody tells apart are one
spin N/2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def lowest_levels(spectra: Sequence[FloatArray], count: int) -> FloatArray:
    """Return the lowest ``count`` of all 2^N levels of N atoms, rising.

    ``spectra`` are the levels of the total spins N/2, N/2 - 1, ... of a Hamiltonian
    that tells no two atoms apart. The spin N/2 - k comes C(N, k) (N + 1 - 2k)/(N + 1 -
    k) times. Fewer than ``count`` if there are not so many.
    """
    n = spectra[0].size - 1
    spins = range(len(spectra))
    often = [math.comb(n, k) * (n + 1 - 2 * k) // (n + 1 - k) for k in spins]
    kept = [min(times, count) for times in often]  # a float or int64 may overflow
    times = np.repeat(kept, [each.size for each in spectra])
    levels = np.concatenate(spectra)
    lowest = np.argsort(levels)[:count]
    return np.repeat(levels[lowest], times[lowest])[:count]
