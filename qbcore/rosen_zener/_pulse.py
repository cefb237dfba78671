"""N spins under a pulse: the exact flow of f(t) Jx + diagonal, many runs at once.

H(t) = A(t) + B with A = f(t) Jx (commutes with itself at all times) and B diagonal in
the Dicke basis, so both parts have exact flows: a rotation by the pulse area of the
step, and a phase. They are composed with the symmetric fourth-order splitting S6 of
Blanes and Moan, J. Comput. Appl. Math. 142, 313 (2002), Table 2, which keeps the norm
exactly. Every run is done with n and 2n steps, and n grows until the two states agree.

States are arrays (N + 1, P), m = N/2, ..., -N/2 downwards, one column per run; time is
the fraction t/T of the pulse f(t) = v0 sin^2(pi t/T).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal

from qbcore._numerics.spins import ladder, projections
from qbcore._support.checks import real
from qbcore._support.progress import progress
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import AccuracyError, TooLargeError
from qbcore.metrics import shannon_entropy

T = TypeVar("T")

# Blanes and Moan (2002), S6 of order 4: weights of the drive (7 stages), the phase (6).
_A = [0.0792036964311957, 0.353172906049774, -0.0420650803577195]
DRIVE_WEIGHTS = np.array([*_A, 1 - 2 * sum(_A), *_A[::-1]])
_B = [0.209515106613362, -0.143851773179818]
PHASE_WEIGHTS = np.array([*_B, 0.5 - sum(_B), 0.5 - sum(_B), *_B[::-1]])

FINEST = 1e-11  # rounding over 10^5 steps leaves about this much
MOST_SAMPLES = 2**15  # 4096 radians at 8 samples each; seconds for few atoms
MOST_STEPS = 2**18  # of a whole run, so that no run goes on for hours


class Observed(NamedTuple):
    """What `Pulses.observe` reads off the states, each of shape (P,); unit Delta."""

    energy: FloatArray
    fluctuation: FloatArray
    entropy: FloatArray
    mean_jy: FloatArray
    twist: FloatArray  # sum_m T (E_{m+1} - E_m) Re <J_+>_m


def fastest_phase(
    splitting: float,
    drive: FloatArray | float,
    duration: FloatArray | float,
    interaction: FloatArray | float,
) -> FloatArray:
    """v0 T + (1 + 2 |lambda|) Delta T, in radians."""
    return np.asarray((drive + (1 + 2 * np.abs(interaction)) * splitting) * duration)


def samples_for(radians: float, resolution: float = 8.0, least: int = 201) -> int:
    """Number of equally spaced times that resolve a phase of so many radians.

    Raises `TooLargeError` beyond MOST_SAMPLES, before anything is allocated.
    """
    wanted = resolution * radians
    if wanted > MOST_SAMPLES:
        raise TooLargeError(
            f"The pulse turns by {radians:.3g} radians, which {wanted:.3g} times would "
            f"resolve; at most {MOST_SAMPLES} are taken. Lower `drive`, `duration` or "
            "`interaction`, or ask `charge` for times of your own.",
            found=wanted,
            limit=MOST_SAMPLES,
        )
    return max(least, math.ceil(wanted) + 1)


def statistics(populations: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Energy above empty, its deviation (unit Delta) and the entropy in bits.

    The populations have the shape (..., N + 1).
    """
    charge = np.arange(populations.shape[-1])[::-1]  # excited atoms, m + N/2
    mean = populations @ charge
    variance = (populations * (charge - mean[..., None]) ** 2).sum(axis=-1)
    return mean, np.sqrt(variance), np.asarray(shannon_entropy(populations))


def mean_jy(states: ComplexArray) -> FloatArray:
    """<Jy>: from [Jx, Jz] = -i Jy, the slope of the energy is Delta f(t) <Jy>."""
    return _raising_terms(states).sum(axis=0).imag


def _raising_terms(states: ComplexArray) -> ComplexArray:
    """Terms of <J_+> = sum_m conj(psi_{m + 1}) <m + 1| J_+ |m> psi_m, shape (N, P)."""
    raised = ladder(len(states) - 1)[:, None] * states[1:]
    return states[:-1].conj() * raised


def area_fraction(fraction: FloatArray | float) -> FloatArray:
    """Pulse area up to t = fraction * T, in units of v0 T."""
    x = np.asarray(fraction, dtype=float)
    return x / 2 - np.sin(2 * np.pi * x) / (4 * np.pi)


def empty(atoms: int) -> ComplexArray:
    """|s, -s> as a column."""
    return np.eye(atoms + 1, dtype=complex)[:, -1:]


@lru_cache(maxsize=128)
def _jx_eigenvectors(atoms: int) -> FloatArray:
    """Real orthogonal W with Jx = W diag(-s, ..., s) W^T."""
    _, vectors = eigh_tridiagonal(np.zeros(atoms + 1), ladder(atoms) / 2)
    return np.ascontiguousarray(vectors)


class Pulses:
    """P runs of N atoms side by side: states are arrays (N + 1, P), time is t/T.

    Either the parameters differ from run to run, or the columns of ``start`` do.
    """

    def __init__(
        self,
        atoms: int,
        splitting: float,
        drive: ArrayLike,
        duration: ArrayLike,
        interaction: ArrayLike,
        start: ComplexArray | None = None,
    ) -> None:
        runs = (np.atleast_1d(x).astype(float) for x in (drive, duration, interaction))
        v0, span, strength = np.broadcast_arrays(*runs)
        m = projections(atoms)[:, None]
        self.area = v0 * span  # shape (P,)
        self.levels = splitting * span * (m + 2 * strength * m**2 / atoms)  # T E_m
        self.start = empty(atoms) if start is None else start
        self.vectors = _jx_eigenvectors(atoms)
        # m >= 0 only: e^{-i m x} is the conjugate of e^{i m x}.
        self.half_range = np.arange(atoms, -1, -2.0)[:, None] / 2

    def path(self, fractions: FloatArray, steps: int) -> Iterator[ComplexArray]:
        """States at the fractions, with ``steps`` steps between neighbours."""
        columns = max(self.start.shape[1], self.area.size)
        psi = np.tile(self.start, columns // self.start.shape[1])
        psi = np.ascontiguousarray(psi)  # `_rotated` sees it as pairs of floats
        now = 0.0
        for fraction in fractions:
            if fraction > now:
                psi = self._advance(psi, now, float(fraction), steps)
                now = float(fraction)
            yield psi

    def observe(self, psi: ComplexArray) -> Observed:
        """Energy, deviation, entropy, and what the derivatives of the energy need.

        With F = v0 T sin^2(pi t/T), exactly: E' = F <Jy> and
        E'' = F' <Jy> + F (twist - F <Jz>), the derivatives taken in t/T.
        """
        terms = _raising_terms(psi)
        gaps = self.levels[:-1] - self.levels[1:]
        twist = (gaps * terms.real).sum(axis=0)
        populations = np.abs(psi.T) ** 2
        return Observed(*statistics(populations), terms.sum(axis=0).imag, twist)

    def _advance(
        self,
        psi: ComplexArray,
        start: float,
        end: float,
        steps: int,
    ) -> ComplexArray:
        """States at ``end`` from those at ``start``."""
        step = (end - start) / steps
        half = [np.exp(-1j * b * step * self.levels) for b in PHASE_WEIGHTS[:3]]
        phases = [*half, *half[::-1]]
        # The last rotation of a step and the first of the next are one rotation.
        inner = np.cumsum(DRIVE_WEIGHTS[:-1])
        stops = start + step * (np.arange(steps)[:, None] + inner).ravel()
        areas = np.diff(area_fraction(np.concatenate([[start], stops, [end]])))
        for k, fraction in enumerate(areas[:-1]):
            psi = self._rotated(psi, fraction * self.area) * phases[k % len(phases)]
        return self._rotated(psi, areas[-1] * self.area)

    def _rotated(self, psi: ComplexArray, angle: FloatArray) -> ComplexArray:
        """exp(-i angle Jx) psi, in the eigenbasis of Jx.

        Its eigenvectors W are real, so complex numbers go in pairs of columns.
        """
        x = self.half_range * angle
        upper = np.cos(x) - 1j * np.sin(x)
        lower = upper[: len(psi) // 2].conj()  # m = -s, -s + 1, ..., below zero
        turned = (self.vectors.T @ psi.view(float)).view(complex)
        turned *= np.concatenate([lower, upper[::-1]])
        return (self.vectors @ turned.view(float)).view(complex)


def evolve(
    pulses: Pulses,
    fractions: FloatArray,
    accuracy: float,
    observe: Callable[[ComplexArray], T],
    *,
    stride: int = 1,
) -> list[T]:
    """``observe`` of the states at each fraction; these err by ``accuracy`` at most.

    Two runs with n and 2n steps between the compared fractions, every ``stride``-th (1
    or 2), differ by 15/16 of the error of the first (order 4), so the second is good
    once they differ by less than 15 times the accuracy. A stride of 2 needs equally
    spaced fractions.
    """
    real("accuracy", accuracy, above=0.0)
    if accuracy < FINEST:
        raise _out_of_reach("double precision", found=FINEST, accuracy=accuracy)
    steps, gap = 1, math.inf
    most = max(1, MOST_STEPS * stride // fractions.size)
    while steps <= most:
        observed, gap = _compared(pulses, fractions, steps, observe, stride)
        if gap <= 15 * accuracy:
            return observed
        steps *= 2 ** max(1, math.ceil(math.log(gap / (15 * accuracy), 16)))
    effort = f"a run of {most} steps per time"
    raise _out_of_reach(effort, found=gap / 15, accuracy=accuracy)


def _compared(
    pulses: Pulses,
    fractions: FloatArray,
    steps: int,
    observe: Callable[[ComplexArray], T],
    stride: int,
) -> tuple[list[T], float]:
    """The finer run's observations, and how far the two runs part in norm."""
    observed, gap = [], 0.0
    coarse = pulses.path(fractions[::stride], steps)
    path = pulses.path(fractions, 2 * steps // stride)
    for k, fine in enumerate(progress(path, "pulse", fractions.size)):
        if k % stride == 0:
            apart = np.linalg.norm(next(coarse) - fine, axis=0)
            gap = max(gap, float(apart.max()))
        observed.append(observe(fine))
    return observed, gap


def _out_of_reach(effort: str, *, found: float, accuracy: float) -> AccuracyError:
    return AccuracyError(
        f"Argument `accuracy` must be at least {found:.3g}, the error that {effort} "
        f"leaves, but is {accuracy!r}. Ask for less, or for a weaker or shorter pulse.",
        found=found,
        limit=accuracy,
    )
