r"""Rosen-Zener battery: N two-level atoms, all driven by one sin^2 pulse.

Guo, Yang and Dou, Phys. Rev. A 109, 032201 (2024), Eqs. (1)-(5):

    H(t) = Delta Jz + f(t) Jx + (2 eta / N) Jz^2,   f(t) = v0 sin^2(pi t / T) on [0, T],

with lambda = eta / Delta and the start |s, -s>, s = N/2. The total spin is conserved, so N + 1
Dicke states |s, m> carry the exact dynamics. They are ordered m = s, ..., -s, as in QuTiP: the
fully charged state comes first, the empty one last. hbar = 1; entropies are in bits (log2).

`qbcore.rosen_zener._pulse` advances the states of many batteries at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.progress import progress
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.charging import Charging, Peak, peak
from qbcore.rosen_zener._pulse import Pulses, area_fraction, dicke_projections, evolve, mean_jy, statistics

if TYPE_CHECKING:
    import qutip


@dataclass(frozen=True, kw_only=True)
class RosenZenerCharging(Charging):
    """Charging curve of the Rosen-Zener battery; see `Charging` for times, energy and power.

    Attributes
    ----------
    states : (T, N + 1, 1) kets in the Dicke basis m = s, ..., -s.
    fluctuation : (T,) standard deviation of H_0, Eq. (9).
    diagonal_entropy : (T,) Shannon entropy of the Dicke populations in bits, Eq. (10).
    """

    states: ComplexArray
    fluctuation: FloatArray
    diagonal_entropy: FloatArray


@dataclass(frozen=True, kw_only=True)
class ChargingMap:
    """Summary of many charging runs; every array has the broadcast shape of the parameters.

    Energies are in the unit of Delta; the fluctuation and entropy maxima are over the samples,
    the energy and average-power maxima are refined between them.
    """

    max_energy: Peak
    max_average_power: Peak
    final_energy: FloatArray
    max_fluctuation: FloatArray
    final_fluctuation: FloatArray
    max_diagonal_entropy: FloatArray
    final_diagonal_entropy: FloatArray


@dataclass(frozen=True, kw_only=True)
class RosenZenerBattery:
    """N interacting two-level atoms under a sin^2 pulse.

    Parameters
    ----------
    atoms : N, an integer of at least 1.
    splitting : Delta > 0, energy of one atom; the unit of energy in the paper (Delta = 1).
    drive : v0 >= 0, height of the pulse, in energy.
    duration : T > 0, length of the pulse, in inverse energy.
    interaction : lambda = eta / Delta, any real number; positive repels, negative attracts.

    Raises
    ------
    ValueError for a value out of range.

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=1, interaction=0.0, drive=20.0, duration=0.1 * np.pi)
    >>> charging = battery.charge()
    >>> round(float(charging.energy[-1]), 4)  # a pi pulse, slightly off resonance
    0.9963
    """

    atoms: int = 10
    splitting: float = 1.0
    drive: float = 20.0
    duration: float = 0.1 * np.pi
    interaction: float = 2.0

    def __post_init__(self) -> None:
        integer("atoms", self.atoms, least=1)
        real("splitting", self.splitting, above=0.0)
        real("drive", self.drive, least=0.0)
        real("duration", self.duration, above=0.0)
        real("interaction", self.interaction)

    def drive_at(self, times: ArrayLike) -> FloatArray:
        """f(t) = v0 sin^2(pi t / T), zero outside [0, T], Eq. (5)."""
        t = np.asarray(times, dtype=float)
        inside = (t >= 0) & (t <= self.duration)
        return np.where(inside, self.drive * np.sin(np.pi * t / self.duration) ** 2, 0.0)

    def pulse_area(self, times: ArrayLike) -> FloatArray:
        """phi(t) = integral of f from 0 to t = v0 t/2 - (v0 T / 4 pi) sin(2 pi t / T)."""
        fraction = np.clip(np.asarray(times, dtype=float) / self.duration, 0.0, 1.0)
        return self.drive * self.duration * area_fraction(fraction)

    def static_levels(self) -> FloatArray:
        """Eigenvalues of H_0 + H_aa in the Dicke order, E_m = Delta (m + 2 lambda m^2 / N)."""
        m = dicke_projections(self.atoms)
        return self.splitting * (m + 2 * self.interaction * m**2 / self.atoms)

    @property
    def transition(self) -> float:
        """lambda_c = N / (2 (N - 1)), where the ground state of H_0 + H_aa leaves m = -N/2.

        It solves E_{-N/2} = E_{-N/2 + 1}; infinite for N = 1, where Jz^2 is a constant.
        """
        return self.atoms / (2 * (self.atoms - 1)) if self.atoms > 1 else np.inf

    def battery_hamiltonian(self) -> qutip.Qobj:
        """H_0 = Delta Jz as a QuTiP operator of dimension N + 1."""
        import qutip

        return self.splitting * qutip.jmat(self.atoms / 2, "z")

    def hamiltonian(self) -> qutip.QobjEvo:
        """Total H(t) of Eq. (1) as a QuTiP operator of dimension N + 1, for times in [0, T]."""
        import qutip

        static = qutip.qdiags(self.static_levels(), 0)
        return qutip.QobjEvo([static, [qutip.jmat(self.atoms / 2, "x"), self._coefficient]])

    def _coefficient(self, t: float) -> float:
        return float(self.drive_at(t))

    def charge(self, times: ArrayLike | None = None, *, accuracy: float = 1e-8) -> RosenZenerCharging:
        """Exact charging curve from the empty battery |s, -s>.

        Parameters
        ----------
        times : (T,) increasing times in [0, duration]; 201 equal steps if not given.
        accuracy : bound on the norm of the error of the state, by step doubling.

        Raises
        ------
        ValueError for times outside the pulse or an accuracy out of reach.
        """
        if times is None:
            times = np.linspace(0.0, self.duration, 201)
        t = np.minimum(time_axis("times", times, latest=self.duration), self.duration)
        pulses = Pulses.of(self.atoms, self.splitting, self.drive, self.duration, self.interaction)
        kets = np.array(evolve(pulses, t / self.duration, accuracy, np.copy))  # (T, N + 1, 1)
        energy, fluctuation, entropy = statistics(self.atoms, kets[..., 0].T)
        return RosenZenerCharging(
            times=t,
            energy=self.splitting * energy,
            power=self.splitting * self.drive_at(t) * mean_jy(self.atoms, kets[..., 0].T),
            states=kets,
            fluctuation=self.splitting * fluctuation,
            diagonal_entropy=entropy,
        )


def charge_map(
    *,
    atoms: ArrayLike,
    drive: ArrayLike,
    duration: ArrayLike,
    interaction: ArrayLike,
    splitting: float = 1.0,
    resolution: float = 8.0,
    accuracy: float = 1e-8,
) -> ChargingMap:
    """Charge many batteries at once, over the broadcast grid of their parameters.

    ``atoms``, ``drive``, ``duration`` and ``interaction`` broadcast as numpy arrays. Each run is
    sampled ``resolution`` times per radian of its fastest phase, v0 T + (1 + 2 |lambda|) Delta T,
    and at least 32 times; 2.5 leave 1e-6 of the energy in its refined peaks.
    Raises ValueError as `RosenZenerBattery` does, naming the offending value.
    """
    real("resolution", resolution, above=0.0)
    names = ("atoms", "drive", "duration", "interaction")
    grids = dict(zip(names, np.broadcast_arrays(atoms, drive, duration, interaction), strict=True))
    shape = grids["drive"].shape
    require(grids["drive"].size > 0, "drive", "hold at least one value", shape)
    for extreme in (np.min, np.max):  # the model's own checks; a NaN survives min and max
        RosenZenerBattery(splitting=splitting, **{k: extreme(g).item() for k, g in grids.items()})
    sizes, v0, span, strength = (g.ravel() for g in grids.values())
    radians = v0 * span + (1 + 2 * np.abs(strength)) * splitting * span
    summary = np.empty((9, v0.size))
    blocks = list(_blocks(sizes, radians))
    for n, block in progress(blocks, "charge_map", len(blocks)):
        samples = 2 * max(16, math.ceil(resolution * radians[block].max() / 2))
        pulses = Pulses.of(n, splitting, v0[block], span[block], strength[block])
        summary[:, block] = _summary(pulses, np.linspace(0.0, 1.0, samples + 1), accuracy)
    e_time, e_max, p_time, p_max, e_final, s_max, s_final, h_max, h_final = summary.reshape(9, *shape)
    width = span.reshape(shape)
    return ChargingMap(
        max_energy=Peak(e_time * width, e_max * splitting),
        max_average_power=Peak(p_time * width, p_max * splitting / width),
        final_energy=e_final * splitting,
        max_fluctuation=s_max * splitting,
        final_fluctuation=s_final * splitting,
        max_diagonal_entropy=h_max,
        final_diagonal_entropy=h_final,
    )


def _blocks(sizes: NDArray[np.int64], radians: FloatArray) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Runs of one N and of like demands, in blocks of about 128 KiB of state (the processor's cache)."""
    for n in np.unique(sizes):
        mine = np.flatnonzero(sizes == n)
        ordered = mine[np.argsort(radians[mine])]
        for block in np.array_split(ordered, math.ceil(mine.size / max(64, 8192 // (n + 1)))):
            yield int(n), block


def _summary(pulses: Pulses, x: FloatArray, accuracy: float) -> FloatArray:
    """The nine rows of a `ChargingMap`, time in units of T and energy in units of Delta."""
    rows = np.array(evolve(pulses, x, accuracy, pulses.observe, stride=2))  # (samples, 5, P)
    energy, fluctuation, entropy, mean_jy, twist = rows.transpose(1, 2, 0)
    f = pulses.area[:, None] * np.sin(np.pi * x) ** 2
    f_slope = pulses.area[:, None] * np.pi * np.sin(2 * np.pi * x)
    slope = f * mean_jy
    curvature = f_slope * mean_jy + f * (twist - f * (energy - pulses.atoms / 2))
    mean = energy[:, 1:] / x[1:]
    mean_slope = (slope[:, 1:] - mean) / x[1:]
    mean_curvature = (curvature[:, 1:] - 2 * mean_slope) / x[1:]
    return np.array(
        [
            *peak(x, energy, slope, curvature),
            *peak(x[1:], mean, mean_slope, mean_curvature),
            energy[:, -1],
            fluctuation.max(axis=-1),
            fluctuation[:, -1],
            entropy.max(axis=-1),
            entropy[:, -1],
        ]
    )
