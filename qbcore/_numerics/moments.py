"""Steps of the linear equations that mean and covariance obey.

With mean' = A mean + push and covariance' = A covariance + covariance A^T + noise a
step takes the mean to P mean + q and the covariance to P covariance P^T + Q. A last
entry 1 of the mean holds q in P: all matrices here have that row and column, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from qbcore._support.models import at_most
from qbcore._support.states import adjoint
from qbcore._support.types import FloatArray

# Times (...) to A (..., d, d), push (..., d) and noise (..., d, d).
Generator: TypeAlias = Callable[[FloatArray], list[FloatArray]]

ORDER = 18  # of the Taylor series of a short step: 1/18! is below rounding
SPLIT = 1e-11  # share of a time-dependent step that two halves of it may change
MOST = 20_000  # such steps at a time, a few hundred megabytes
# Where a time-dependent step samples A, its ends included lest a jump be missed, and
# how its halves weigh the samples: Simpson's rule, once for A and once for its slope.
NODES = np.array([0.0, 0.5, 1.0])
HALVES = np.array([[3, 4, -1], [-1, 4, 3]]) / 6


def steps(
    lengths: FloatArray, drift: FloatArray, push: FloatArray, noise: FloatArray
) -> FloatArray:
    """P and Q of steps of these lengths, (2, S, d + 1, d + 1), for one A or for S.

    Taylor series for a step so short that |A| h <= 1/2, which is then doubled:
    Q' = Q + P Q P^T, and P' = P^2 as E' = 2 E + E^2 for E = P - 1, for next to a fast
    mode a slow one has P = 1 to rounding in so short a step.
    """
    size = push.shape[-1]
    a, feed = np.zeros((2, *push.shape[:-1], size + 1, size + 1))
    a[..., :-1, :-1], a[..., :-1, -1] = drift, push
    feed[..., :-1, :-1] = noise
    strength = 2 * np.linalg.norm(drift, axis=(-2, -1)) * lengths
    doublings = np.ceil(np.log2(np.maximum(strength, 1.0))).astype(int)
    h = np.ldexp(lengths, -doublings)[:, None, None]
    change, added = h * a, h * feed
    term, more = change, added
    for k in range(2, ORDER + 1):
        term = h / k * (a @ term)
        flow = h / k * (a @ more)
        more = flow + adjoint(flow)
        change, added = change + term, added + more
    for done in range(int(doublings.max(initial=0))):
        long = doublings > done
        e, q = change[long], added[long]
        moved = q + e @ q
        added[long] = q + moved + moved @ adjoint(e)
        change[long] = 2 * e + e @ e
    return np.array([change + np.eye(size + 1), added])


def _joined(first: FloatArray, then: FloatArray) -> FloatArray:
    """Two steps in a row."""
    (move, noise), (later, added) = first, then
    return np.array([later @ move, later @ noise @ adjoint(later) + added])


def driven(generator: Generator, t: FloatArray) -> FloatArray:
    """P and Q from time 0 to each of the times, (2, T, d + 1, d + 1).

    Steps of fourth order, two exponentials each (Blanes and Moan, Applied Numerical
    Mathematics 56, 1519 (2006)), are halved until that changes them by less than
    `SPLIT`. Every exponential is an exact step of some constant generator, so that
    states stay states.
    """
    edges = np.append(0.0, t[t > 0] if t[-1] else 1.0)
    start, length = edges[:-1], np.diff(edges)
    known = _step(generator, start, length)
    starts, moves = start[:0], known[:, :0]
    while start.size:
        way_out = "end `times` earlier, or let the drives change more slowly"
        at_most(MOST, start.size, "The number of steps at a time", way_out)
        begins = np.stack([start, start + length / 2], axis=-1).ravel()
        halves = np.repeat(length / 2, 2)
        split = _step(generator, begins, halves)
        better = _joined(split[:, ::2], split[:, 1::2])
        change, size = (
            np.abs(x).max(axis=(0, -2, -1)) for x in (better - known, better)
        )
        # What is not a number, beyond double precision, gets no better by halving.
        wrong = change > SPLIT * size
        starts = np.append(starts, start[~wrong])
        moves = np.append(moves, better[:, ~wrong], axis=1)
        again = np.repeat(wrong, 2)
        start, length, known = begins[again], halves[again], split[:, again]
    order, reach = np.argsort(starts), 1
    moves = moves[:, order]
    while reach < starts.size:
        moves[:, reach:] = _joined(moves[:, :-reach], moves[:, reach:])
        reach *= 2
    last = np.searchsorted(starts[order], t) - 1
    return np.where((t > 0)[:, None, None], moves[:, last], 0.0)


def _step(generator: Generator, start: FloatArray, length: FloatArray) -> FloatArray:
    """Steps of fourth order from these times on."""
    at = start[:, None] + length[:, None] * NODES
    mixed = [np.tensordot(HALVES, part, (1, 1)) for part in generator(at)]
    return _joined(*(steps(length / 2, *half) for half in zip(*mixed, strict=True)))
