r"""Lindblad equations with real H and real jumps L_k, as sparse real matrices.

    d rho/dt = -i [H, rho] + sum_k (L_k rho L_k^+ - {L_k^+ L_k, rho}/2)

A (d, d) matrix is written out row by row, as a vector (d^2,), so that A rho B becomes
kron(A, B^T) rho.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from qbcore._support.types import BoolArray, ComplexArray, FloatArray, IntArray


def generator(h: sparse.sparray, jumps: Sequence[sparse.sparray]) -> sparse.csr_array:
    """Return the matrix of z -> dz/dt (d^2, d^2), where `as_real` makes z of rho.

    H is real and symmetric. For rho = X + i Y, z = X + Y and z^T = X - Y, hence

        dz/dt = z^T H - H z^T + sum_k (L_k z L_k^T - {L_k^T L_k, z}/2).
    """
    size = h.shape[0]
    one = sparse.eye_array(size)
    transposed = np.arange(size**2).reshape(size, size).T.ravel()
    on_transpose = (sparse.kron(one, h) - sparse.kron(h, one)).tocsr()
    lost = sum(jump.T @ jump for jump in jumps) / 2
    gained = sum(sparse.kron(jump, jump) for jump in jumps)
    # To permute the columns is to permute z first, for transposing undoes itself.
    turned = on_transpose[:, transposed]
    return turned + gained.tocsr() - sparse.kronsum(lost, lost)


def as_real(rho: ComplexArray) -> FloatArray:
    """The vector z = X + Y (d^2,) of a Hermitian rho = X + i Y (d, d).

    Nothing is lost: X is the symmetric part of z, and Y the antisymmetric one.
    """
    return (rho.real + rho.imag).ravel()


def reached(links: sparse.sparray, found: BoolArray) -> IntArray:
    """Indices that chains of links reach from the ``found`` (n,), these included.

    An entry links[i, j] that is not 0 leads from j to i.
    """
    steps = links != 0
    before = 0
    while found.sum() > before:
        before = found.sum()
        found = found | (steps @ found)
    return np.flatnonzero(found)
