r"""Lindblad equations with real H and jump operators L_k, as sparse real matrices.

    d rho/dt = -i [H, rho] + sum_k (L_k rho L_k^+ - {L_k^+ L_k, rho}/2)

A matrix is written out row by row, so that A rho B becomes kron(A, B^T) rho.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from qbcore._support.types import BoolArray, ComplexArray, FloatArray, IntArray


def generator(h: sparse.sparray, jumps: Sequence[sparse.sparray]) -> sparse.csr_array:
    """Return the matrix of z -> z' (d^2, d^2), where `as_real` makes z of rho.

    With z^T = X - Y the equation of rho = X + i Y is

        z' = z^T H - H z^T + sum_k (L_k z L_k^T - {L_k^T L_k, z}/2).
    """
    size = h.shape[0]
    one, flip = sparse.eye_array(size), np.arange(size**2).reshape(size, size).T
    turn = (sparse.kron(one, h) - sparse.kron(h, one)).tocsr()
    lost = sum(jump.T @ jump for jump in jumps) / 2
    gained = sum(sparse.kron(jump, jump) for jump in jumps)
    return turn[:, flip.ravel()] + gained.tocsr() - sparse.kronsum(lost, lost)


def as_real(rho: ComplexArray) -> FloatArray:
    """The vector z = X + Y (d^2,) of rho = X + i Y: X is symmetric, Y antisymmetric."""
    return (rho.real + rho.imag).ravel()


def reached(links: sparse.sparray, found: BoolArray) -> IntArray:
    """Indices to which the sparse ``links`` lead, from where it is found."""
    steps, before = links != 0, 0
    while found.sum() > before:
        before = found.sum()
        found = found | (steps @ found)
    return np.flatnonzero(found)
