"""N spins under a pulse: Taylor series in time, many runs at once.

With x = t/T and F(x) = v0 T sin^2(pi x), the state obeys i psi' = (T E_m + F Jx) psi.
H is tridiagonal in the Dicke basis and F has known Taylor coefficients F_j, so those of
psi(now + s h) = sum_k c_k s^k follow one by one,

    (k + 1) c_{k+1} = -i h (T E_m c_k + Jx sum_j F_j c_{k-j}),

and the sum is the state at every time on the way (Jorba and Zou, Exp. Math. 14, 99
(2005)). A series is used as far as its last terms stay below this step's share of the
error allowed; the norm, which the sum does not keep by itself, is an independent guard.

Kets are arrays (P, S, N + 1) for P runs at S times, m = N/2, ..., -N/2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import factorial

from qbcore._numerics.spins import ladder, projections
from qbcore._numerics.unitary import weighted
from qbcore._support.checks import real
from qbcore._support.models import at_most
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import AccuracyError
from qbcore.metrics import shannon_entropy

TERMS = 30  # of a series
REACH = 5.0  # radians that a series covers, roughly
ROUNDING = 5e-16  # that a series leaves, times e^r if it covers r radians
ROUGHEST = 1e-4  # where the last terms still tell the error
LEAST = 8  # series that follow the pulse itself
STEP_SHARE = 1e-3  # of the error allowed, for each step through a shape of one's own
LONGEST_STEP = 0.01  # of the pulse, so that no feature as wide is leapt over
MOST_SAMPLES = 2**15  # 4096 radians at 8 samples each
MOST_WORK = 2e7  # amplitudes times series: half a minute
OVERHEAD = 200  # amplitudes whose work equals what Python adds to a series


class Runs(NamedTuple):
    """Fields of `RosenZenerBattery` for P runs, each an array (P,)."""

    atoms: FloatArray
    splitting: FloatArray
    drive: FloatArray
    duration: FloatArray
    interaction: FloatArray

    @property
    def radians(self) -> FloatArray:
        """Phase of drive and widest gap, v0 T + (1 + 2 |lambda| (N - 1)/N) Delta T."""
        gap = 1 + 2 * np.abs(self.interaction) * (1 - 1 / self.atoms)
        return (self.drive + gap * self.splitting) * self.duration

    def fractions(self, resolution: float, least: int) -> FloatArray:
        """Equal steps of t/T from 0 to 1, ``resolution`` to each radian."""
        wanted = resolution * float(self.radians.max())
        way_out = (
            "Lower `drive`, `duration`, `interaction` or `resolution`, or ask `charge` "
            "for `times=` of your own"
        )
        at_most(MOST_SAMPLES, wanted, "The number of times", way_out)
        return np.linspace(0.0, 1.0, max(least, math.ceil(wanted) + 1))

    def planned(self, accuracy: float, kets: int = 1) -> int:
        """Return the number of series that the longest run takes, or refuse it.

        The number is rough. A run turns the state by half the width of H at most: E_m
        spans at most N Delta (1 + |lambda|/2), Jx spans N, the mean of the pulse is
        v0/2.
        """
        real("accuracy", accuracy, above=0.0)
        with np.errstate(over="ignore"):
            gap = self.splitting * (1 + np.abs(self.interaction) / 2)
            width = self.atoms * (gap + self.drive / 2)
            series = LEAST + width * self.duration / (2 * REACH)
            work = float(np.max(series * (OVERHEAD + kets * (self.atoms + 1))))
        way_out = "Lower `drive`, `duration`, `interaction` or `atoms`"
        at_most(MOST_WORK, work, "The number of updates of an amplitude", way_out)
        longest = float(np.max(series))
        rounding = ROUNDING * math.exp(REACH) * longest
        _within(accuracy, rounding)
        return math.ceil(longest)


def area_fraction(x: float | FloatArray) -> FloatArray:
    """Pulse area up to x = t/T, in units of v0 T."""
    return x / 2 - np.sin(2 * np.pi * x) / (4 * np.pi)


class Pulses:
    """P runs of as many atoms each, side by side.

    Either their parameters differ or their starts, the rows of ``kets`` (P, N + 1), do.
    The empty battery |s, -s> if none are given. A mixture is several kets, each with
    its weight as its norm squared. ``pulse`` is F(x), if it is not the paper's; no
    Taylor series of it is known.
    """

    def __init__(
        self,
        runs: Runs,
        kets: ComplexArray | None = None,
        pulse: Callable[[float], float] | None = None,
    ) -> None:
        atoms = int(runs.atoms[0])
        splitting, drive, duration, interaction = (x[:, None] for x in runs[1:])
        self.area = drive * duration
        m = projections(atoms)
        levels = splitting * duration * (m + 2 * interaction * m**2 / atoms)  # T E_m
        self.centre = (levels.max(axis=1) + levels.min(axis=1))[:, None, None] / 2
        self.levels = levels[:, None] - self.centre  # centred, they turn least
        self.ladder = ladder(atoms)
        self.mixed = kets is not None
        self.kets = np.eye(1, atoms + 1, atoms) if kets is None else kets
        self.pulse = pulse

    def run(self, fractions: FloatArray, accuracy: float) -> Iterator[ComplexArray]:
        """Yield the kets at all fractions, some at a time; they err by ``accuracy``."""
        size = np.linalg.norm(self.kets, axis=-1, keepdims=True)
        follow = self._by_series if self.pulse is None else self._by_dop853
        unit = self.kets / size
        for x, kets in follow(unit, fractions, min(accuracy, ROUGHEST)):
            yield kets * size[:, None] * np.exp(-1j * self.centre * x[:, None])

    def _by_series(
        self, psi: ComplexArray, fractions: FloatArray, allowed: float
    ) -> Iterator[tuple[FloatArray, ComplexArray]]:
        """Yield some of the fractions and their kets at a time."""
        x = np.linspace(0.0, 1.0, 1001)
        half_width = np.abs(self.levels).max()
        strength = self.area.max() * len(self.ladder) / 2
        # Radians by which any state has turned at most.
        turn = half_width * x + strength * area_fraction(x)
        # Terms as large as e^r cancel in a series of r radians, and lose those digits.
        furthest = math.log(allowed / ROUNDING / (LEAST + turn[-1] / REACH))
        now, done = 0.0, 0
        while done < fractions.size:
            h = np.interp(np.interp(now, x, turn) + furthest, turn, x) - now
            share = h * allowed
            series = self._series(psi, now, h)
            s = min(1.0, _reach(series, share))
            end = now + s * h
            upto = np.searchsorted(fractions, end, side="right")
            asked = np.append(fractions[done:upto], end)
            kets = weighted(np.vander((asked - now) / h, TERMS + 1, True), series)
            kets = _normalised(kets, allowed)
            yield asked[:-1], kets[:, :-1]
            psi, now, done = kets[:, -1], end, upto

    def _series(self, psi: ComplexArray, now: float, h: float) -> ComplexArray:
        """Coefficients c_k, (P, TERMS + 1, N + 1)."""
        j = np.arange(TERMS)
        wave = np.exp(2j * np.pi * now) * (2j * np.pi * h) ** j / factorial(j)
        shape = -wave.real
        shape[0] += 1
        pulse = (self.area * shape[::-1] / 2)[:, None]  # F_j, last first
        runs, size = max(len(psi), len(pulse)), psi.shape[1]
        c = np.empty((runs, TERMS + 1, size), complex)
        c[:, 0] = psi
        levels, half = -1j * h * self.levels, -1j * h * self.ladder / 2
        for k in range(TERMS):
            driven = weighted(pulse[..., -k - 1 :], c[:, : k + 1])
            moved = levels * c[:, k : k + 1]
            moved[..., :-1] += half * driven[..., 1:]
            moved[..., 1:] += half * driven[..., :-1]
            np.divide(moved, k + 1, out=c[:, k + 1 : k + 2])
        return c

    def _by_dop853(
        self, psi: ComplexArray, fractions: FloatArray, allowed: float
    ) -> Iterator[tuple[FloatArray, ComplexArray]]:
        """Yield the same at once, under any pulse."""
        found = solve_ivp(
            self._slope,
            (0.0, max(fractions[-1], np.finfo(float).tiny)),
            psi.ravel(),
            method="DOP853",
            t_eval=fractions,
            args=(self.pulse,),
            rtol=max(allowed * STEP_SHARE, 3e-14),
            atol=allowed * STEP_SHARE,
            max_step=LONGEST_STEP,
        )
        _within(allowed, 0.0 if found.success else math.inf)
        kets = np.moveaxis(found.y.reshape(*psi.shape, -1), -1, 1)
        yield fractions, _normalised(kets, allowed)

    def _slope(
        self, x: float, flat: ComplexArray, pulse: Callable[[float], float]
    ) -> ComplexArray:
        """The Schroedinger equation, d psi/dx."""
        psi = flat.reshape(self.kets.shape)
        flip = pulse(x) * self.ladder / 2
        moved = self.levels[:, 0] * psi
        moved[..., :-1] += flip * psi[..., 1:]
        moved[..., 1:] += flip * psi[..., :-1]
        return -1j * moved.ravel()

    def observe(self, kets: ComplexArray) -> tuple[FloatArray, ...]:
        """Energy, deviation (unit Delta), entropy, <Jy> and twist, each (P, S).

        From [Jx, Jz] = -i Jy the slope of the energy is, exactly, E' = F <Jy>, and
        E'' = F' <Jy> + F (twist - F <Jz>), the derivatives taken in t/T, where the
        twist is sum_m T (E_{m+1} - E_m) Re <J_+>_m. A mixture is one run: P is 1.
        """
        populations = np.abs(kets) ** 2
        # <J_+> = sum_m conj(psi_{m + 1}) <m + 1| J_+ |m> psi_m, term by term
        raised = kets[..., :-1].conj() * self.ladder * kets[..., 1:]
        if self.mixed:
            populations = populations.sum(axis=0, keepdims=True)
            raised = raised.sum(axis=0, keepdims=True)
        twist = -(np.diff(self.levels) * raised.real).sum(axis=-1)
        excited = np.arange(len(self.ladder), -1.0, -1)
        mean = populations @ excited
        variance = (populations * (excited - mean[..., None]) ** 2).sum(axis=-1)
        entropy = np.asarray(shannon_entropy(populations))
        return mean, np.sqrt(variance), entropy, raised.imag.sum(axis=-1), twist


def joined(seen: list[tuple[FloatArray, ...]]) -> list[FloatArray]:
    """Join what was observed at some of the times at once."""
    return [np.concatenate(part, axis=1) for part in zip(*seen, strict=True)]


def _reach(series: ComplexArray, share: float) -> float:
    """Largest s whose last two terms, |c_k| s^k, are at most s times the share."""
    sizes = np.linalg.norm(series[:, -2:], axis=-1).max(axis=0)
    sizes = np.maximum(sizes, np.finfo(float).tiny)
    return float(((share / sizes) ** [1 / (TERMS - 2), 1 / (TERMS - 1)]).min())


def _normalised(kets: ComplexArray, allowed: float) -> ComplexArray:
    """The kets, whose norms tell the error that was made."""
    norm = np.linalg.norm(kets, axis=-1, keepdims=True)
    _within(allowed, float(np.abs(norm - 1).max()))
    return kets / norm


def _within(accuracy: float, error: float) -> None:
    """Refuse an error above the accuracy."""
    what = "The error that double precision leaves"
    way_out = "ask for less `accuracy`, or for a weaker or shorter pulse"
    at_most(accuracy, error, what, way_out, AccuracyError)
