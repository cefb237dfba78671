r"""Time evolution under a constant real symmetric Hamiltonian.

Every ket is a sum of vectors with real weights that depend on the time alone, and a
count of operations chooses between two such sums. One is over the levels of H. The
other is the Chebyshev series of Tal-Ezer and Kosloff, J. Chem. Phys. 81, 3967 (1984):
with the spectrum of H inside [c - r, c + r] and G = (H - c)/r,

    exp(-i H t) = exp(-i c t) sum_k (2 - delta_k0) (-i)^k J_k(r t) T_k(G),

where the Bessel functions J_k fall faster than exponentially once k > r t. The vectors
v_k = (-i)^k T_k(G) psi obey v_{k+1} = -2i G v_k + v_{k-1}: one sparse product per term,
and the same vectors serve every time the series covers. The phase exp(-i c t) is
dropped.

A ket may have several columns, each of which evolves on its own: the sum of their
projectors is a mixed state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from qbcore._numerics.propagation import DENSE_PRODUCT, SPARSE_ENTRY, SPARSE_PRODUCT
from qbcore._support.models import at_most
from qbcore._support.progress import progress
from qbcore._support.types import ComplexArray, FloatArray, IntArray
from qbcore.errors import AccuracyError

ANGLE = 80.0  # largest r t of one stretch
TERMS = 136  # of a series that covers it: at least r t + 10 (r t)^(1/3) + 10
BLOCK = 17  # terms that are added to the kets in one matrix product; divides TERMS
HELD = 2**22  # entries of all kets of one stretch
LONGEST = 1e8  # r t of a run; rounding of this phase alone costs 1e-8
EIGH = 10  # time of an eigh over that of a product of two such matrices
POINTS = 100  # of a stretch, roughly, at which the levels are summed
LARGEST_DENSE = 2**23  # entries of a dense matrix

Pair = tuple[ComplexArray, ComplexArray]
Advance = Callable[[ComplexArray, FloatArray, FloatArray], Pair]


def evolve(
    h: Any, start: ComplexArray, times: FloatArray, watched: IntArray
) -> Iterator[Pair]:
    """Yield exp(-i H t) |start> by stretches of time, up to a common phase.

    Parameters
    ----------
    h : sparse array
        Real symmetric, (d, d).
    start : (d, columns) array
        The state at t = 0.
    times : (T,) array
        Increasing and not negative; they need not begin at 0.
    watched : int array
        Indices of amplitudes that are also given between the times.

    Yields
    ------
    kets : (samples, d, columns) array
        The state at those of the times that lie here; there may be none. The error is
        that of rounding, about 1e-13 per stretch.
    between : (points, watched, columns) array
        Watched amplitudes at points whose r t lie at most one apart, samples not
        included.

    Raises
    ------
    AccuracyError
        If the fastest phase turns too far for double precision.
    """
    centre, radius = spectral_interval(h)
    angles = radius * times
    what = f"The fastest phase in radians by t = {times[-1]:g}"
    way_out = "end `times` earlier, or lower the cutoffs"
    at_most(LONGEST, float(angles[-1]), what, way_out, AccuracyError)
    # The spectrum of `scaled` lies in [-1, 1], and its time is the angle r t.
    scaled = sparse.csr_array(h - centre * sparse.eye_array(h.shape[0])) / radius
    total = math.ceil(angles[-1] / ANGLE)
    dense = is_dense_cheaper(h.nnz, start.shape, total)
    advance = (_by_levels if dense else _by_series)(scaled, watched)
    psi = np.asarray(start, dtype=complex)
    most = max(1, HELD // psi.size)
    for ends, samples in progress(_stretches(angles, most), "time evolution", total):
        looks = np.arange(1.0, min(ends[-1], ANGLE))  # rounding may add to the angle
        kets, between = advance(psi, ends, looks)
        yield kets[:samples], between
        psi = kets[-1]


def columns(state: ComplexArray) -> ComplexArray:
    """Kets (d, K) whose projectors add up to a state (d, 1) or (d, d)."""
    if state.shape[1] == 1:
        return state
    weights, vectors = np.linalg.eigh(state)
    # What rounding has left of the eigenvalue 0 is not worth a run.
    kept = weights > weights.size * np.finfo(float).eps
    return vectors[:, kept] * np.sqrt(weights[kept])


def spectral_interval(h: Any) -> tuple[float, float]:
    """Centre and half-width of an interval with all levels, by Gershgorin's circles."""
    diagonal = h.diagonal()
    reach = abs(h).sum(axis=1) - np.abs(diagonal)
    low, high = float((diagonal - reach).min()), float((diagonal + reach).max())
    return (low + high) / 2, max((high - low) / 2, np.finfo(float).tiny)


def is_dense_cheaper(entries: int, shape: tuple[int, ...], stretches: int) -> bool:
    """Whether the levels cost less than the series, by counts of operations.

    The levels take one diagonalisation, and sums over all of them at each point; the
    series takes sparse products, and its sums are short.
    """
    size, columns = shape
    product = SPARSE_PRODUCT + SPARSE_ENTRY * entries * columns
    series = stretches * TERMS * product
    levels = (EIGH * size + POINTS * stretches * columns) * size**2 * DENSE_PRODUCT
    return size**2 <= LARGEST_DENSE and levels < series


def _stretches(angles: FloatArray, most: int) -> Iterator[tuple[FloatArray, int]]:
    """Cut a run: angles from the start of each stretch, and how many are samples.

    A gap longer than one stretch takes several, the first of them without a sample.
    """
    now, done = 0.0, 0
    while done < angles.size:
        last = min(int(np.searchsorted(angles, now + ANGLE, "right")), done + most)
        ends = angles[done:last] if last > done else np.array([now + ANGLE])
        yield ends - now, last - done
        now, done = float(ends[-1]), last


def weighted(weights: FloatArray, vectors: ComplexArray) -> ComplexArray:
    """weights @ vectors, by real products with pairs of floats: half of the work."""
    return (weights @ vectors.view(float)).view(complex)


def _sums(weights: FloatArray, vectors: ComplexArray) -> ComplexArray:
    """The same for sums over the first of several axes of the vectors."""
    return np.tensordot(weights, vectors.view(float), 1).view(complex)


def _by_levels(h: Any, watched: IntArray) -> Advance:
    """Kets, and the watched amplitudes between them, as sums over the levels of H."""
    levels, modes = np.linalg.eigh(h.toarray())

    def at(angles: FloatArray, rows: FloatArray, parts: ComplexArray) -> ComplexArray:
        phases = np.exp(-1j * np.outer(levels, angles))
        return _sums(rows, phases[:, :, None] * parts[:, None]).swapaxes(0, 1)

    def advance(psi: ComplexArray, ends: FloatArray, looks: FloatArray) -> Pair:
        parts = modes.T @ psi
        return at(ends, modes, parts), at(looks, modes[watched], parts)

    return advance


def _by_series(h: Any, watched: IntArray) -> Advance:
    """The same by the Chebyshev series, for a spectrum in [-1, 1]."""
    generator = h * -2j
    between_all = _bessel(np.arange(1.0, ANGLE))

    def advance(psi: ComplexArray, ends: FloatArray, looks: FloatArray) -> Pair:
        weights, weights_of_looks = _bessel(ends), between_all[: looks.size]
        kets = np.zeros((ends.size, *psi.shape), complex)
        between = np.zeros((len(looks), watched.size, psi.shape[1]), complex)
        vectors = np.empty((BLOCK, *psi.shape), complex)
        before, current = psi, generator @ psi / 2  # v_0 and v_1 = -i G v_0
        terms = int(ends[-1] + 10 * ends[-1] ** (1 / 3)) + 10
        for first in range(0, terms, BLOCK):
            for vector in vectors:
                vector[:] = before
                following = generator @ current
                following += before
                before, current = current, following
            block = slice(first, first + BLOCK)
            kets += _sums(weights[:, block], vectors)
            between += _sums(weights_of_looks[:, block], vectors.take(watched, axis=1))
        return kets, between

    return advance


def _bessel(angles: FloatArray) -> FloatArray:
    """(2 - delta_k0) J_k(angle), (angles, TERMS).

    The J_k are the Fourier coefficients of exp(i angle sin x). One FFT gives all of
    them to rounding, and an order of magnitude faster than `scipy.special.jv`.
    """
    x = np.arange(2 * TERMS) * np.pi / TERMS
    waves = np.exp(1j * angles[:, None] * np.sin(x))
    weights = np.fft.fft(waves).real[:, :TERMS] / TERMS
    weights[:, 0] /= 2
    return weights
