r"""Time evolution under a constant sparse Hamiltonian: the Chebyshev series.

Tal-Ezer and Kosloff, J. Chem. Phys. 81, 3967 (1984). With the spectrum of H inside
[c - r, c + r] and G = (H - c)/r,

    exp(-i H t) = exp(-i c t) sum_k (2 - delta_k0) (-i)^k J_k(r t) T_k(G),

where the Bessel functions J_k fall faster than exponentially once k > r t. The vectors
v_k = (-i)^k T_k(G) psi obey v_{k+1} = -2i G v_k + v_{k-1}: one sparse product per term,
and the same vectors serve every time the series covers. The phase exp(-i c t) is
dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.special import jv

from qbcore._support.types import ComplexArray, FloatArray, IntArray

ANGLE = 80  # largest r t that one series covers
NEGLIGIBLE = 1e-14  # coefficients below this are left out
BLOCK = 16  # vectors added to the samples in one matrix product


class Stretch(NamedTuple):
    """What one series gives.

    Attributes
    ----------
    kets : (samples, d) array
        The state at those of the times asked for that the series covers; there may be
        none.
    between : (points, watched) array
        Watched amplitudes at points whose r t lie at most one apart, samples not
        included.
    """

    kets: ComplexArray
    between: ComplexArray


def evolve(
    h: Any, start: ComplexArray, times: FloatArray, watched: IntArray | None = None
) -> Iterator[Stretch]:
    """Yield exp(-i H t) |start> at increasing ``times``, up to a common phase.

    ``h`` is a Hermitian sparse array (d, d). The error is that of rounding, about 1e-13
    per series. The amplitudes with the indices ``watched`` are also given between the
    times.
    """
    centre, radius = spectral_interval(h)
    shift = sparse.diags_array(np.full(h.shape[0], centre))
    generator = sparse.csr_array((h - shift) * (-2j / radius))  # -2i G
    rows = np.empty(0, dtype=int) if watched is None else watched
    psi, now, done = np.asarray(start, dtype=complex), 0.0, 0
    while done < times.size:
        ahead = radius * (times[done:] - now)
        covered = ahead[ahead <= ANGLE]
        # A gap longer than one series takes several, the first of them without a
        # sample.
        angles = covered if covered.size else np.array([float(ANGLE)])
        kets, between = _series(generator, psi, angles, rows)
        yield Stretch(kets[: covered.size], between)
        psi, done = kets[-1], done + covered.size
        now = float(times[done - 1]) if covered.size else now + ANGLE / radius


def spectral_interval(h: Any) -> tuple[float, float]:
    """Centre and half-width of an interval with all levels, by Gershgorin's circles."""
    diagonal = h.diagonal().real
    reach = np.asarray(abs(h).sum(axis=1)).ravel() - np.abs(diagonal)
    low, high = float((diagonal - reach).min()), float((diagonal + reach).max())
    return (low + high) / 2, max((high - low) / 2, np.finfo(float).tiny)


def _weights(angles: FloatArray, terms: int) -> FloatArray:
    """(2 - delta_k0) J_k(r t), shape (angles, terms)."""
    weights = np.asarray(2.0 * jv(np.arange(terms), angles[:, None]), dtype=float)
    weights[:, 0] /= 2
    return weights


def _terms(angle: float) -> int:
    """Number of terms that may count up to r t = ``angle``."""
    return int(1.2 * angle) + 40


@lru_cache(maxsize=1)
def _weights_between() -> FloatArray:
    """The weights at r t = 1, 2, ..., ANGLE: the same for every series."""
    return _weights(np.arange(1.0, ANGLE + 1), _terms(ANGLE))


def _series(
    generator: Any, psi: ComplexArray, angles: FloatArray, rows: IntArray
) -> tuple[ComplexArray, ComplexArray]:
    """Kets (samples, d) after the angles r t, and the amplitudes ``rows`` between."""
    weights = _weights(angles, _terms(angles[-1]))
    needed = 1 + int(np.flatnonzero(np.abs(weights).max(axis=0) > NEGLIGIBLE)[-1])
    points = max(0, int(np.ceil(angles[-1])) - 1) if rows.size else 0
    weights_between = _weights_between()[:points]
    kets = np.zeros((angles.size, psi.size), dtype=complex)
    between = np.zeros((points, rows.size), dtype=complex)
    vectors = np.empty((BLOCK, psi.size), dtype=complex)
    before, current = psi, generator @ psi / 2  # v_0 and v_1 = -i G v_0
    for first in range(0, needed, BLOCK):
        terms = slice(first, min(first + BLOCK, needed))
        block = vectors[: terms.stop - first]
        for row in block:
            row[:] = before
            following = generator @ current
            following += before
            before, current = current, following
        # The weights are real: as pairs of floats, the kets need a quarter of the
        # products.
        kets.view(float)[:] += weights[:, terms] @ block.view(float)
        if points:
            seen = np.ascontiguousarray(block[:, rows])
            between.view(float)[:] += weights_between[:, terms] @ seen.view(float)
    return kets, between
