"""Spin operators in the Dicke basis, ordered as QuTiP orders it: m = N/2, ..., -N/2.

The most excited state comes first. N two-level atoms that nobody tells apart are one
spin N/2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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


def raising(atoms: int) -> sparse.dia_array:
    """J_+ as a sparse array (N + 1, N + 1)."""
    return sparse.diags_array(ladder(atoms), offsets=1)


def spin_matrices(atoms: int) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Dense Jx, Jy, Jz."""
    up = raising(atoms).toarray().astype(complex)
    jz = np.diag(projections(atoms)).astype(complex)
    return (up + up.T) / 2, (up - up.T) / 2j, jz


def lowering_of_each(qubits: int) -> list[sparse.sparray]:
    """sigma_- of each of N qubits, sparse (2^N, 2^N); the excited state comes first."""
    lower = sparse.csr_array([[0.0, 0.0], [1.0, 0.0]])
    return [
        sparse.kron(
            sparse.kron(sparse.eye_array(2**k), lower),
            sparse.eye_array(2 ** (qubits - 1 - k)),
        )
        for k in range(qubits)
    ]


def copies(atoms: int, lost: int) -> int:
    """How often N atoms form the total spin N/2 - lost."""
    return math.comb(atoms, lost) * (atoms + 1 - 2 * lost) // (atoms + 1 - lost)


def lowest_levels(spectra: Sequence[FloatArray], count: int) -> FloatArray:
    """Return the lowest ``count`` of all 2^N levels of N atoms, rising.

    ``spectra`` are the levels of the total spins N/2, N/2 - 1, ... of a Hamiltonian
    that tells no two atoms apart. Fewer than ``count`` if there are not so many.
    """
    atoms = spectra[0].size - 1
    # No more than is asked for: a float or int64 may overflow.
    kept = [min(copies(atoms, k), count) for k in range(len(spectra))]
    times = np.repeat(kept, [each.size for each in spectra])
    levels = np.concatenate(spectra)
    lowest = np.argsort(levels)[:count]
    return np.repeat(levels[lowest], times[lowest])[:count]


def loss_rate(atoms: int, j: FloatArray, m: FloatArray, step: int) -> FloatArray:
    """Rate of |j, m> -> |j + step, m - 1> if each of N atoms loses at unit rate."""
    half = atoms / 2
    if step == 0:
        top, bottom = (j + m) * (j - m + 1) * (half + 1), 2 * j * (j + 1)
    else:
        # The way up is the way down with -j - 1 in place of j.
        k = j if step < 0 else -j - 1
        top, bottom = (k + m) * (k + m - 1) * (half + 1 + k), 2 * k * (2 * k + 1)
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def dicke_levels(atoms: int) -> tuple[FloatArray, FloatArray]:
    """Total spin S and projection m of each row that stands for all copies of a spin.

    The rows are the m = S, ..., -S of each S = N/2, N/2 - 1, ..., as in QuTiP's `piqs`.
    """
    spins = np.arange(atoms / 2, -0.5, -1.0)
    rows = [projections(int(2 * spin)) for spin in spins]
    return np.repeat(spins, [row.size for row in rows]), np.concatenate(rows)


def individual_lowering(atoms: int) -> list[sparse.csr_array]:
    """Jumps that act on a permutation-invariant state as sigma_- of each atom does.

    sum_i sigma_-^i rho sigma_+^i = sum_k L_k rho L_k^T for three real L_k on the rows
    of `dicke_levels`, which keep the total spin S, lower it or raise it by one. Source:
    Chase and Geremia, Phys. Rev. A 78, 052101 (2008); order and rates as in QuTiP's
    `piqs`, Shammah et al., Phys. Rev. A 98, 063815 (2018).
    """
    s, m = dicke_levels(atoms)
    jumps = []
    for step in (0, -1, 1):
        size = np.sqrt(loss_rate(atoms, s, m, step))
        column = np.flatnonzero(size)
        # lost (N + 2 - lost) rows belong to larger spins than N/2 - lost.
        lost = atoms / 2 - s - step
        row = lost * (atoms + 2 - lost) + (s + step) - (m - 1)
        places = row[column].astype(int), column
        jumps.append(sparse.csr_array((size[column], places), (s.size, s.size)))
    return jumps
