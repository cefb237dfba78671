r"""Rosen-Zener battery: N two-level atoms, all driven by one sin^2 pulse.

Guo, Yang and Dou, Phys. Rev. A 109, 032201 (2024), Eqs. (1)-(5):

    H(t) = Delta Jz + f(t) Jx + (2 eta / N) Jz^2
    f(t) = v0 sin^2(pi t / T) on [0, T]

with lambda = eta / Delta and the start |s, -s>, s = N/2. The total spin is conserved,
so N + 1 Dicke states |s, m> carry the exact dynamics. They are ordered m = s, ..., -s,
as in QuTiP: the fully charged state comes first, the empty one last. hbar = 1;
entropies are in bits (log2).

`qbcore.rosen_zener._pulse` advances the states of many batteries at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qbcore._numerics.spins import projections
from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.progress import progress
from qbcore._support.results import Result
from qbcore._support.types import ComplexArray, FloatArray, IntArray
from qbcore.charging import Charging, Peak, peak
from qbcore.errors import NoSteadyStateError
from qbcore.rosen_zener._pulse import (
    Observed,
    Pulses,
    area_fraction,
    evolve,
    fastest_phase,
    samples_for,
    statistics,
)
from qbcore.rosen_zener._start import mixture

if TYPE_CHECKING:
    import qutip


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class RosenZenerCharging(Charging):
    """Charging curve of the Rosen-Zener battery; see `Charging` for the other fields.

    ``states``, if asked for, are in the Dicke basis m = s, ..., -s: kets (T, N + 1, 1)
    if the start was a ket, else density matrices (T, N + 1, N + 1).

    Attributes
    ----------
    fluctuation : (T,) array
        Standard deviation of H_0, Eq. (9), in the unit of energy.
    diagonal_entropy : (T,) array
        Shannon entropy of the Dicke populations in bits, Eq. (10).
    """

    fluctuation: FloatArray
    diagonal_entropy: FloatArray


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ChargingMap(Result):
    """Summary of many charging runs.

    Each array has the broadcast shape of the parameters. Energies and fluctuations are
    in the unit of energy, entropies in bits.

    Attributes
    ----------
    max_energy : Peak of arrays
        Largest stored energy and its time, refined between the samples.
    max_average_power : Peak of arrays
        Largest average power and its time, refined between the samples.
    final_energy, final_fluctuation, final_diagonal_entropy : array
        Values at the end of the pulse.
    max_fluctuation, max_diagonal_entropy : array
        Largest values among the samples.
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
    atoms : int
        N, at least 1.
    splitting : float
        Delta > 0, energy of one atom; the unit of energy in the paper (Delta = 1).
    drive : float
        v0 >= 0, height of the pulse, in energy.
    duration : float
        T > 0, length of the pulse, in inverse energy.
    interaction : float
        lambda = eta / Delta, any real number; positive repels, negative attracts.

    Raises
    ------
    ValueError
        For a value out of range.

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=1, interaction=0.0)
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

    @property
    def quantum(self) -> float:
        """Energy Delta of one excited atom."""
        return float(self.splitting)

    @property
    def capacity(self) -> float:
        """Energy N Delta between all atoms down and all atoms up."""
        return float(self.atoms * self.splitting)

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """The one subsystem: the spin N/2 of all atoms."""
        return (0,)

    @property
    def static_levels(self) -> FloatArray:
        """E_m = Delta (m + 2 lambda m^2/N) of H_0 + H_aa, for m = s, ..., -s."""
        m = projections(self.atoms)
        return self.splitting * (m + 2 * self.interaction * m**2 / self.atoms)

    @property
    def transition(self) -> float:
        """lambda_c = N / (2 (N - 1)), where the ground state leaves m = -N/2.

        It is that of H_0 + H_aa, and lambda_c solves E_{-N/2} = E_{-N/2 + 1}. Infinite
        for N = 1, where Jz^2 is a constant.
        """
        return self.atoms / (2 * (self.atoms - 1)) if self.atoms > 1 else math.inf

    def drive_at(self, times: ArrayLike) -> FloatArray:
        """Return f(t) = v0 sin^2(pi t / T), zero outside [0, T], Eq. (5)."""
        t = np.asarray(times, dtype=float)
        inside = (t >= 0) & (t <= self.duration)
        pulse = self.drive * np.sin(np.pi * t / self.duration) ** 2
        return np.where(inside, pulse, 0.0)

    def pulse_area(self, times: ArrayLike) -> FloatArray:
        """Return the integral of f from 0 to t, v0 t/2 - (v0 T/4 pi) sin(2 pi t/T)."""
        fraction = np.clip(np.asarray(times, dtype=float) / self.duration, 0.0, 1.0)
        return self.drive * self.duration * area_fraction(fraction)

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return H_0 = Delta Jz as a QuTiP operator of dimension N + 1."""
        import qutip

        return self.splitting * qutip.jmat(self.atoms / 2, "z")

    def hamiltonian(self) -> qutip.QobjEvo:
        """Return H(t) of Eq. (1) for t in [0, T], of dimension N + 1."""
        import qutip

        static = qutip.qdiags(self.static_levels, 0)
        jx = qutip.jmat(self.atoms / 2, "x")
        return qutip.QobjEvo([static, [jx, self._coefficient]])

    def _coefficient(self, t: float) -> float:
        return float(self.drive_at(t))

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return no jump operators: the battery is closed."""
        return []

    def initial_state(self) -> qutip.Qobj:
        """Return the empty battery |s, -s> as a QuTiP ket."""
        import qutip

        return qutip.basis(self.atoms + 1, self.atoms)

    def steady_state(self) -> NoReturn:
        """Refuse: a closed battery never comes to rest.

        Raises
        ------
        NoSteadyStateError
            Always.
        """
        raise NoSteadyStateError(
            "A Rosen-Zener battery has 0 baths and never comes to rest, which needs 1. "
            "It keeps what the pulse stores: take `charge().energy[-1]`.",
            found=0,
            limit=1,
        )

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: Any = None,
        states: bool = False,
        accuracy: float = 1e-8,
    ) -> RosenZenerCharging:
        """Return the exact charging curve.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times in [0, duration]. If not given, equal steps over the pulse:
            8 per radian of v0 T + (1 + 2 |lambda|) Delta T, at least 201 times in all.
        start : array_like or QuTiP object, optional
            State at time 0, in the order m = s, ..., -s. The shape tells its kind:
            (N + 1,) are the probabilities of the Dicke states, an incoherent mixture;
            (N + 1, 1) is a ket; (N + 1, N + 1) is a density matrix. QuTiP's kets and
            operators have these shapes too. The empty battery |s, -s> if not given.
        states : bool
            Also keep the states.
        accuracy : float
            Bound on the norm of the error of each ket, by step doubling.

        Returns
        -------
        RosenZenerCharging
            Its energy counts from that of the start.

        Raises
        ------
        ValueError
            For times outside the pulse, or a ``start`` that is not a state.
        AccuracyError
            For an accuracy out of reach.
        TooLargeError
            For a pulse that turns by more than 4096 radians, if ``times`` is not given.

        Examples
        --------
        >>> battery = RosenZenerBattery(atoms=2)
        >>> half_full = battery.charge(start=[0.0, 1.0, 0.0])  # m = 1, 0, -1
        >>> float(half_full.ergotropy[0])
        1.0
        """
        t = self._times(times)
        begin = mixture(start, self.atoms)
        watch = partial(begin.observe, states=states)
        seen = evolve(self._pulse(begin.kets), t / self.duration, accuracy, watch)
        populations, jy, kept = zip(*seen, strict=True)
        energy, fluctuation, entropy = statistics(np.array(populations))
        first, _, _ = statistics(begin.populations(begin.kets))
        return RosenZenerCharging(
            times=t,
            energy=self.splitting * (energy - first),
            power=self.splitting * self.drive_at(t) * np.array(jy),
            ergotropy=self.splitting * np.maximum(energy - begin.passive_energy, 0.0),
            states=np.array(kept) if states else None,
            fluctuation=self.splitting * fluctuation,
            diagonal_entropy=entropy,
        )

    def _times(self, times: ArrayLike | None) -> FloatArray:
        """Checked times; if there are none, those that show the fastest phase."""
        if times is not None:
            t = time_axis("times", times, latest=self.duration)
            return np.minimum(t, self.duration)  # the last may overshoot by rounding
        fields = (self.splitting, self.drive, self.duration, self.interaction)
        samples = samples_for(float(fastest_phase(*fields)))
        return np.linspace(0.0, self.duration, samples)

    def _pulse(self, start: ComplexArray) -> Pulses:
        fields = (self.splitting, self.drive, self.duration, self.interaction)
        return Pulses(self.atoms, *fields, start)


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

    Parameters
    ----------
    atoms, drive, duration, interaction : array_like
        Fields of `RosenZenerBattery`, which broadcast as NumPy arrays.
    splitting : float
        Delta > 0 of all batteries.
    resolution : float
        Samples per radian of the fastest phase, v0 T + (1 + 2 |lambda|) Delta T, and
        at least 33 in all; 2.5 leave 1e-6 of the energy in its refined peaks.
    accuracy : float
        Bound on the norm of the error of each state, by step doubling.

    Returns
    -------
    ChargingMap
        Peaks and final values of every run.

    Raises
    ------
    ValueError
        For a parameter out of range, by its name.
    AccuracyError
        For an accuracy out of reach.
    TooLargeError
        For a run that needs more than 32768 samples.

    Examples
    --------
    >>> pulse = {"drive": 20.0, "duration": 0.1 * np.pi}
    >>> grid = charge_map(atoms=[1, 10], interaction=0.0, **pulse)
    >>> grid.final_energy.round(4)
    array([0.9963, 9.9628])
    """
    real("resolution", resolution, above=0.0)
    grids = np.broadcast_arrays(atoms, drive, duration, interaction)
    _check(splitting, *grids)
    sizes, v0, span, strength = (grid.ravel() for grid in grids)
    radians = fastest_phase(splitting, v0, span, strength)
    samples_for(radians.max(), resolution)  # refuse before anything is computed
    found = _Summary(*np.empty((len(_Summary._fields), v0.size)))
    blocks = list(_blocks(sizes, radians))
    for n, block in progress(blocks, "charge_map", len(blocks)):
        samples = samples_for(radians[block].max(), resolution, least=33)
        pulses = Pulses(n, splitting, v0[block], span[block], strength[block])
        # An odd number of times, because every second one is compared.
        x = np.linspace(0.0, 1.0, samples + 1 - samples % 2)
        for column, part in zip(found, _summary(pulses, x, accuracy), strict=True):
            column[block] = part
    shape = grids[0].shape
    s = _Summary(*(column.reshape(shape) for column in found))
    width = span.reshape(shape)
    return ChargingMap(
        max_energy=Peak(s.energy_time * width, s.max_energy * splitting),
        max_average_power=Peak(s.power_time * width, s.max_power * splitting / width),
        final_energy=s.final_energy * splitting,
        max_fluctuation=s.max_fluctuation * splitting,
        final_fluctuation=s.final_fluctuation * splitting,
        max_diagonal_entropy=s.max_entropy,
        final_diagonal_entropy=s.final_entropy,
    )


def _check(splitting: float, *grids: NDArray[Any]) -> None:
    """The model's own checks of the extremes; a NaN survives min and max."""
    shape = grids[0].shape
    require(grids[0].size > 0, "drive", "hold at least one value", shape)
    names = ("atoms", "drive", "duration", "interaction")
    for extreme in (np.min, np.max):
        corner = [extreme(grid).item() for grid in grids]
        fields = dict(zip(names, corner, strict=True))
        RosenZenerBattery(splitting=splitting, **fields)


class _Summary(NamedTuple):
    """What a `ChargingMap` says of each run; time in units of T, energy of Delta."""

    energy_time: FloatArray
    max_energy: FloatArray
    power_time: FloatArray
    max_power: FloatArray
    final_energy: FloatArray
    max_fluctuation: FloatArray
    final_fluctuation: FloatArray
    max_entropy: FloatArray
    final_entropy: FloatArray


def _blocks(sizes: IntArray, radians: FloatArray) -> Iterator[tuple[int, IntArray]]:
    """Runs of one N and of like demands, with about 128 KiB of state: the cache."""
    for n in np.unique(sizes):
        mine = np.flatnonzero(sizes == n)
        ordered = mine[np.argsort(radians[mine])]
        together = max(64, 8192 // (n + 1))
        for block in np.array_split(ordered, math.ceil(mine.size / together)):
            yield int(n), block


def _summary(pulses: Pulses, x: FloatArray, accuracy: float) -> _Summary:
    """Peaks, refined with exact slopes and curvatures, and values at the end."""
    rows = np.array(evolve(pulses, x, accuracy, pulses.observe, stride=2))
    seen = Observed(*rows.transpose(1, 2, 0))  # each of shape (P, samples)
    f = pulses.area[:, None] * np.sin(np.pi * x) ** 2
    f_slope = pulses.area[:, None] * np.pi * np.sin(2 * np.pi * x)
    jz = seen.energy - (len(pulses.start) - 1) / 2
    slope = f * seen.mean_jy
    curvature = f_slope * seen.mean_jy + f * (seen.twist - f * jz)
    # The same of the mean E/x, which has no value at 0.
    later = x[1:]
    mean = seen.energy[:, 1:] / later
    mean_slope = (slope[:, 1:] - mean) / later
    mean_curvature = (curvature[:, 1:] - 2 * mean_slope) / later
    energy = peak(x, seen.energy, slope, curvature)
    power = peak(later, mean, mean_slope, mean_curvature)
    return _Summary(
        energy_time=np.asarray(energy.time),
        max_energy=np.asarray(energy.value),
        power_time=np.asarray(power.time),
        max_power=np.asarray(power.value),
        final_energy=seen.energy[:, -1],
        max_fluctuation=seen.fluctuation.max(axis=-1),
        final_fluctuation=seen.fluctuation[:, -1],
        max_entropy=seen.entropy.max(axis=-1),
        final_entropy=seen.entropy[:, -1],
    )
