r"""Time evolution under a constant real symmetric Hamiltonian.

Every ket is a sum of vectors with real weights that depend on the time alone, and a
count of operations chooses between two such sums. One is over the levels of H. The
other is the Chebyshev series of Tal-Ezer and Kosloff, J. Chem. Phys. 81, 3967 (1984):
with the spectrum of H inside [c - r, c + r] and G = (H - c)/r,

    exp(-i H t) = exp(-i c t) sum_k (2 - delta_k0) (-i)^k J_k(r t) T_k(G),

where the Bessel functions J_k fall faster than exponentially once k > r t. The vectors
v_k = T_k(G) psi obey v_{k+1} = 2 G v_k - v_{k-1}: one sparse product per term, and the
same vectors serve every time the series covers. They are real as long as psi is. The
phase exp(-i c t) is dropped.

A ket may have several columns, each of which evolves on its own: the sum of their
projectors is a mixed state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from scipy import sparse
from scipy.linalg import blas

from qbcore._numerics.propagation import DENSE_PRODUCT, SPARSE_ENTRY, SPARSE_PRODUCT
from qbcore._support.models import at_most
from qbcore._support.progress import progress
from qbcore._support.types import ComplexArray, FloatArray, IntArray, Numbers
from qbcore.errors import AccuracyError

ANGLES = 80.0, 480.0  # the least and the largest r t of one stretch
SAMPLES = 64  # in a stretch, roughly: adding them up then costs what the products do
BLOCK = 32  # terms that are added to the kets in one matrix product
HELD = 2**22  # entries of all kets of one stretch
LONGEST = 1e8  # r t of a run; rounding of this phase alone costs 1e-8
EIGH = 10  # time of an eigh over that of a product of two such matrices
POINTS = 100  # of a stretch, roughly, at which the levels are summed
LARGEST_DENSE = 2**23  # entries of a dense matrix

Pair = tuple[ComplexArray, ComplexArray]
Advance = Callable[[ComplexArray, FloatArray, FloatArray], Pair]


def evolve(
    h: sparse.csr_array, start: ComplexArray, times: FloatArray, watched: IntArray
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
    dense = is_dense_cheaper(h.nnz, start.shape, angles)
    reach = _reach(angles)
    advance = (_by_levels if dense else _by_series)(h, centre, radius, watched)
    psi = np.asarray(start, dtype=complex)
    most = max(1, HELD // psi.size)
    stretches = _stretches(angles, most, reach)
    total = math.ceil(angles[-1] / reach)
    for ends, samples in progress(stretches, "time evolution", total):
        last = min(ends[-1], reach) if watched.size else 0.0  # rounding may add to it
        looks = np.arange(1.0, last)
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


def spectral_interval(h: sparse.csr_array) -> tuple[float, float]:
    """Centre and half-width of an interval with all levels, by Gershgorin's circles."""
    diagonal = h.diagonal()
    reach = abs(h).sum(axis=1) - np.abs(diagonal)
    low, high = float((diagonal - reach).min()), float((diagonal + reach).max())
    return (low + high) / 2, max((high - low) / 2, np.finfo(float).tiny)


def is_dense_cheaper(entries: int, shape: tuple[int, ...], angles: FloatArray) -> bool:
    """Whether the levels cost less than the series, by counts of operations.

    The levels take one diagonalisation, and sums over all of them at each point; the
    series takes sparse products, and its sums are short.
    """
    size, columns = shape
    stretches = math.ceil(angles[-1] / _reach(angles))
    product = SPARSE_PRODUCT + SPARSE_ENTRY * entries * columns
    series = stretches * _terms(_reach(angles)) * product
    levels = (EIGH * size + POINTS * stretches * columns) * size**2 * DENSE_PRODUCT
    return size**2 <= LARGEST_DENSE and levels < series


def _reach(angles: FloatArray) -> float:
    """The r t of a stretch."""
    return float(np.clip(SAMPLES * angles[-1] / angles.size, *ANGLES))


def _terms(angle: float | FloatArray) -> FloatArray:
    """Terms of a series that covers so large an r t, to rounding."""
    return np.asarray(angle + 10 * np.cbrt(angle) + 10)


def _stretches(
    angles: FloatArray, most: int, reach: float
) -> Iterator[tuple[FloatArray, int]]:
    """Cut a run: angles from the start of each stretch, and how many are samples.

    A gap longer than one stretch takes several, the first of them without a sample.
    """
    now, done = 0.0, 0
    while done < angles.size:
        last = min(int(np.searchsorted(angles, now + reach, "right")), done + most)
        ends = angles[done:last] if last > done else np.array([now + reach])
        yield ends - now, last - done
        now, done = float(ends[-1]), last


def weighted(weights: FloatArray, vectors: ComplexArray) -> ComplexArray:
    """weights @ vectors, by real products with pairs of floats: half of the work."""
    return (weights @ vectors.view(float)).view(complex)


def _by_levels(
    h: sparse.csr_array, centre: float, radius: float, watched: IntArray
) -> Advance:
    """Kets, and the watched amplitudes between them, as sums over the levels of H.

    Time is the angle r t, in which all levels lie in [-1, 1].
    """
    levels, modes = np.linalg.eigh(h.toarray())
    levels = (levels - centre) / radius

    def at(angles: FloatArray, rows: FloatArray, parts: ComplexArray) -> ComplexArray:
        phases = np.exp(-1j * np.outer(levels, angles))
        turned = phases[:, :, None] * parts[:, None]
        kets = np.tensordot(rows, turned.view(float), 1).view(complex)
        return kets.swapaxes(0, 1)

    def advance(psi: ComplexArray, ends: FloatArray, looks: FloatArray) -> Pair:
        parts = modes.T @ psi
        return at(ends, modes, parts), at(looks, modes[watched], parts)

    return advance


def _by_series(
    h: sparse.csr_array, centre: float, radius: float, watched: IntArray
) -> Advance:
    """The same by the Chebyshev series.

    Its even terms add up to the real part of the kets if the start is real, and its odd
    terms to minus the imaginary part.
    """
    doubled = sparse.csr_array(h - centre * sparse.eye_array(h.shape[0])) * 2 / radius

    def advance(psi: ComplexArray, ends: FloatArray, looks: FloatArray) -> Pair:
        begin: Numbers = psi if psi.imag.any() else psi.real.copy()
        twice = doubled.astype(begin.dtype)
        terms = math.ceil(_terms(ends[-1]) / BLOCK) * BLOCK
        # Even and odd terms of a block apart, and of each kind one that comes next.
        vectors = np.empty((2, BLOCK // 2 + 1, *begin.shape), begin.dtype)
        vectors[:, 0] = begin, twice @ begin / 2
        asked = [(ends, np.arange(len(begin))), (looks, watched)]
        weights = [_bessel(angles, terms) for angles, _ in asked]
        sums = [
            np.zeros((2, x.size, rows.size, psi.shape[1]), begin.dtype)
            for x, rows in asked
        ]
        for first in range(0, terms, BLOCK):
            for k in range(2, BLOCK + 2):
                new, last = vectors[k % 2], vectors[(k - 1) % 2]
                # A name would keep the product alive, and the cache would lose it.
                np.subtract(
                    twice @ last[(k - 1) // 2], new[k // 2 - 1], out=new[k // 2]
                )
            block = slice(first // 2, (first + BLOCK) // 2)
            for (angles, rows), weight, total in zip(asked, weights, sums, strict=True):
                # The series of these angles have not ended before.
                late = slice(np.searchsorted(_terms(angles), first), None)
                for odd, some in enumerate(vectors[:, :-1]):
                    _add(total[odd, late], weight[odd, late, block], some, rows)
            vectors[:, 0] = vectors[:, -1]
        kets, between = (even - 1j * odd for even, odd in sums)
        return kets, between

    return advance


def _add(
    total: Numbers,
    weights: FloatArray,
    vectors: Numbers,
    rows: IntArray,
) -> None:
    """Add weights @ vectors[:, rows] in place, without a copy of the total."""
    if total.size:
        chosen = (
            vectors if rows.size == vectors.shape[1] else vectors.take(rows, axis=1)
        )
        into, columns = (x.reshape(len(x), -1).view(float).T for x in (total, chosen))
        blas.dgemm(1.0, columns, weights.T, 1.0, into, overwrite_c=True)


def _bessel(angles: FloatArray, terms: int) -> FloatArray:
    """(2 - delta_k0) J_k(angle) for even and odd k, (2, angles, terms/2).

    With the sign of i^k, or of i^(k - 1).

    The J_k are the Fourier coefficients of exp(i angle sin x). One FFT gives all of
    them to rounding, and an order of magnitude faster than `scipy.special.jv`.
    """
    turned = angles[:, None] * np.sin(np.arange(2 * terms) * np.pi / terms)
    waves = np.cos(turned) + 1j * np.sin(turned)  # sooner than by a complex exp
    weights = np.fft.fft(waves).real[:, :terms] / terms
    weights[:, 0] /= 2
    signed = np.resize([1, 1, -1, -1], terms) * weights
    return np.array([signed[:, ::2], signed[:, 1::2]])
