r"""Time evolution under a constant sparse Hamiltonian: the Chebyshev series.

Tal-Ezer and Kosloff, J. Chem. Phys. 81, 3967 (1984). With the spectrum of H inside
[c - r, c + r] and G = (H - c)/r,

    exp(-i H t) = exp(-i c t) sum_k (2 - delta_k0) (-i)^k J_k(r t) T_k(G),

where the Bessel functions J_k fall faster than exponentially once k > r t. The vectors
v_k = (-i)^k T_k(G) psi obey v_{k+1} = -2i G v_k + v_{k-1}: one sparse product a term, and the same
vectors serve every time the series covers. The phase exp(-i c t) is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import jv

from qbcore._support.types import ComplexArray, FloatArray

ANGLE = 80.0  # r t that one series covers, unless the next sample lies further off
NEGLIGIBLE = 1e-14  # coefficients below this are left out
BLOCK = 16  # vectors added to the samples in one matrix product


def evolve(h: Any, start: ComplexArray, times: FloatArray) -> Iterator[ComplexArray]:
    """exp(-i H t) |start> at increasing ``times``, up to a common phase, one ket (d,) at a time.

    ``h`` is a Hermitian sparse array (d, d). The error is that of rounding, about 1e-13 a series.
    """
    centre, radius = spectral_interval(h)
    shift = sparse.diags_array(np.full(h.shape[0], centre))
    generator = sparse.csr_array((h - shift) * (-2j / radius))  # -2i G
    psi, now, done = np.asarray(start, dtype=complex), 0.0, 0
    while done < times.size:
        # As many samples as one series covers, and at least one.
        ahead = radius * (times[done:] - now)
        count = max(1, int(np.searchsorted(ahead, ANGLE, side="right")))
        kets = _series(generator, psi, ahead[:count])
        yield from kets
        psi, now, done = kets[-1], float(times[done + count - 1]), done + count


def spectral_interval(h: Any) -> tuple[float, float]:
    """Centre and half-width of an interval that holds all eigenvalues, by Gershgorin's circles."""
    diagonal = h.diagonal().real
    reach = np.asarray(abs(h).sum(axis=1)).ravel() - np.abs(diagonal)
    low, high = float((diagonal - reach).min()), float((diagonal + reach).max())
    return (low + high) / 2, max((high - low) / 2, np.finfo(float).tiny)


def _series(generator: Any, psi: ComplexArray, angles: FloatArray) -> ComplexArray:
    """Kets (samples, d) after the angles r t."""
    orders = np.arange(int(1.2 * angles[-1]) + 40)
    weights = 2.0 * jv(orders, angles[:, None])
    weights[:, 0] /= 2
    needed = 1 + int(np.flatnonzero(np.abs(weights).max(axis=0) > NEGLIGIBLE)[-1])
    kets = np.zeros((angles.size, psi.size), dtype=complex)
    vectors = np.empty((BLOCK, psi.size), dtype=complex)
    before, current = psi, generator @ psi / 2  # v_0 and v_1 = -i G v_0
    for first in range(0, needed, BLOCK):
        block = weights[:, first : min(first + BLOCK, needed)]
        for row in vectors[: block.shape[1]]:
            row[:] = before
            following = generator @ current
            following += before
            before, current = current, following
        # The weights are real: as pairs of floats, the kets need a quarter of the products.
        kets.view(float)[:] += block @ vectors[: block.shape[1]].view(float)
    return kets
