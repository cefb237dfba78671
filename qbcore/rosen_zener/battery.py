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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import quad_vec

from qbcore._numerics.spins import projections
from qbcore._numerics.unitary import columns
from qbcore._support.checks import numbers, real, require, time_axis
from qbcore._support.models import ClosedBattery, broadcast_fields, check_fields
from qbcore._support.progress import progress
from qbcore._support.results import Result, result
from qbcore._support.states import REPAIRABLE, adjoint, are_kets, checked_states, read
from qbcore._support.types import ComplexArray, FloatArray, IntArray
from qbcore._support.workers import mapping
from qbcore.charging import Charging, Peak, peak
from qbcore.rosen_zener._pulse import Pulses, Runs, area_fraction, joined

if TYPE_CHECKING:
    import qutip

Start: TypeAlias = "ArrayLike | qutip.Qobj | None"
LOOKS = 1001  # at a shape, for its height and for values that are no numbers


@result
class RosenZenerCharging(Charging):
    """Charging curve of the Rosen-Zener battery; see `Charging` for the other fields.

    ``states``, if asked for, are in the Dicke basis m = s, ..., -s: kets (T, N + 1, 1)
    if the start was a ket, else density matrices (T, N + 1, N + 1). ``ergotropy`` is
    the work of unitaries on these N + 1 states, which `metrics.ergotropy` names
    "collective"; for a ket it is also that of all atoms.

    Attributes
    ----------
    fluctuation : (T,) array
        Standard deviation of H_0, Eq. (9), in the unit of energy.
    diagonal_entropy : (T,) array
        Shannon entropy of the Dicke populations in bits, Eq. (10).

    Examples
    --------
    >>> curve = RosenZenerBattery(atoms=1, interaction=0.0).charge()
    >>> round(float(curve.diagonal_entropy.max()), 3)  # on the way: half up, half down
    1.0
    """

    fluctuation: FloatArray
    diagonal_entropy: FloatArray


@result
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

    Examples
    --------
    >>> grid = charge_map(atoms=[1, 2], drive=20.0, duration=0.1 * np.pi, interaction=0)
    >>> grid.max_energy.value.round(3)
    array([0.996, 1.993])
    """

    max_energy: Peak
    max_average_power: Peak
    final_energy: FloatArray
    max_fluctuation: FloatArray
    final_fluctuation: FloatArray
    max_diagonal_entropy: FloatArray
    final_diagonal_entropy: FloatArray


@dataclass(frozen=True, kw_only=True)
class RosenZenerBattery(ClosedBattery):
    r"""N interacting two-level atoms under a sin^2 pulse.

    Eqs. (1) to (5) of Guo, Yang and Dou, Phys. Rev. A 109, 032201 (2024):

    .. math::

        H(t) = \Delta J_z + v_0 \sin^2\frac{\pi t} T\, J_x
        + \frac{2 \lambda \Delta} N J_z^2, \qquad 0 \le t \le T

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
    shape : callable, optional
        f/v0 as a function of t/T in [0, 1], real and without features narrower than
        T/100; ``lambda x: 1.0`` is a constant drive. The paper's sin^2(pi t/T) if not
        given, which the closed forms and `charge_map` need.

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
    shape: Callable[[float], float] | None = None

    def __post_init__(self) -> None:
        positive = "splitting", "duration"
        check_fields(self, least={"atoms": 1, "drive": 0}, positive=positive)
        if self.shape is not None:
            seen = self._shaped(np.linspace(0.0, 1.0, LOOKS))
            require(np.isfinite(seen), "shape", "be finite", self.shape)

    @property
    def quantum(self) -> float:
        """Energy Delta of one excited atom.

        >>> RosenZenerBattery(splitting=2.0).quantum
        2.0
        """
        return self.splitting

    @property
    def capacity(self) -> float:
        """Energy N Delta between all atoms down and all atoms up.

        >>> RosenZenerBattery(atoms=5, splitting=2.0).capacity
        10.0
        """
        return self.atoms * self.splitting

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """The one subsystem: the spin N/2 of all atoms.

        >>> RosenZenerBattery().battery_sites
        (0,)
        """
        return (0,)

    @property
    def static_levels(self) -> FloatArray:
        """E_m = Delta (m + 2 lambda m^2/N) of H_0 + H_aa, for m = s, ..., -s.

        >>> RosenZenerBattery(atoms=2, interaction=0.5).static_levels
        array([ 1.5,  0. , -0.5])
        """
        m = projections(self.atoms)
        return self.splitting * (m + 2 * self.interaction * m**2 / self.atoms)

    @property
    def transition(self) -> float:
        """lambda_c = N / (2 (N - 1)), where the ground state leaves m = -N/2.

        It is that of H_0 + H_aa, and lambda_c solves E_{-N/2} = E_{-N/2 + 1}. Infinite
        for N = 1, where Jz^2 is a constant.

        >>> RosenZenerBattery(atoms=2).transition
        1.0
        """
        return self.atoms / (2 * (self.atoms - 1)) if self.atoms > 1 else math.inf

    def drive_at(self, times: ArrayLike) -> FloatArray:
        """Return f(t), zero outside [0, T]: v0 sin^2(pi t/T), Eq. (5), or v0 shape.

        Parameters
        ----------
        times : array_like
            t, of any shape.

        Returns
        -------
        array
            f in energy, of the shape of ``times``.

        Examples
        --------
        >>> RosenZenerBattery(drive=20.0, duration=1.0).drive_at([0.0, 0.5, 2.0])
        array([ 0., 20.,  0.])
        """
        x = self._fraction(times)
        inside = x == numbers("times", times) / self.duration
        return self.drive * np.where(inside, self._shaped(x), 0.0)

    def _shaped(self, x: FloatArray) -> FloatArray:
        """f/v0 at fractions of the pulse."""
        if self.shape is None:
            return np.sin(np.pi * x) ** 2
        values = [numbers("shape", self.shape(float(each))) for each in x.ravel()]
        return np.reshape(values, x.shape)

    def pulse_area(self, times: ArrayLike) -> FloatArray:
        """Return the integral of f from 0 to t, v0 t/2 - (v0 T/4 pi) sin(2 pi t/T).

        For a shape of one's own it is integrated numerically. It is constant after T,
        where the pulse is over, and zero before 0.

        Parameters
        ----------
        times : array_like
            t, of any shape.

        Returns
        -------
        array
            The area in radians, of the shape of ``times``.

        Examples
        --------
        >>> RosenZenerBattery(drive=20.0, duration=1.0).pulse_area([0.5, 1.0, 2.0])
        array([ 5., 10., 10.])
        """
        x = self._fraction(times)
        if self.shape is None:
            return self.drive * self.duration * area_fraction(x)
        ends = [quad_vec(self.shape, 0.0, float(each))[0] for each in x.ravel()]
        return self.drive * self.duration * np.reshape(ends, x.shape)

    def _fraction(self, times: ArrayLike) -> FloatArray:
        """t/T, and 0 or 1 where the pulse has not begun or is over."""
        return np.clip(numbers("times", times) / self.duration, 0.0, 1.0)

    def _pulse(self, x: float) -> float:
        """F(x) = T f(x T) of a shape of one's own."""
        return self.drive * self.duration * float(self._shaped(np.array(x)))

    def _runs(self) -> Runs:
        """The one run, its drive the largest that it reaches."""
        highest = float(np.abs(self._shaped(np.linspace(0.0, 1.0, LOOKS))).max())
        run = replace(self, drive=self.drive * highest, shape=None)
        return Runs(*(np.array([getattr(run, name)]) for name in Runs._fields))

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return H_0 = Delta Jz as a QuTiP operator of dimension N + 1.

        >>> RosenZenerBattery(atoms=2).battery_hamiltonian().diag()
        array([ 1.,  0., -1.])
        """
        import qutip

        return self.splitting * qutip.jmat(self.atoms / 2, "z")

    def hamiltonian(self) -> qutip.QobjEvo:
        """Return H(t) of Eq. (1) for t in [0, T], of dimension N + 1.

        >>> RosenZenerBattery(atoms=2, interaction=0.5).hamiltonian()(0.0).diag()
        array([ 1.5,  0. , -0.5])
        """
        import qutip

        jx = qutip.jmat(self.atoms / 2, "x")
        return qutip.QobjEvo([qutip.qdiags(self.static_levels, 0), [jx, self.drive_at]])

    def initial_state(self) -> qutip.Qobj:
        """Return the empty battery ``|s, -s>`` as a QuTiP ket.

        >>> RosenZenerBattery(atoms=2).initial_state().full().ravel().real
        array([0., 0., 1.])
        """
        import qutip

        return qutip.basis(self.atoms + 1, self.atoms)

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: Start = None,
        states: bool = False,
        accuracy: float = 1e-8,
    ) -> RosenZenerCharging:
        """Return the exact charging curve.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times in [0, duration]. If not given, equal steps over the pulse:
            8 per radian of ``v0 T + (1 + 2 |lambda| (N - 1)/N) Delta T``, at least 201.
        start : array_like or QuTiP object, optional
            State at time 0, in the order m = s, ..., -s. The shape tells its kind:
            (N + 1,) are the probabilities of the Dicke states, an incoherent mixture,
            and never amplitudes; (N + 1, 1) is a ket; (N + 1, N + 1) is a density
            matrix. QuTiP's kets and operators have these shapes too. The empty battery
            ``|s, -s>`` if not given.
        states : bool
            Also keep the states.
        accuracy : float
            Bound on the norm of the error of each ket, kept all along the pulse; what
            is above 1e-4 counts as 1e-4.

        Returns
        -------
        RosenZenerCharging
            Its energy counts from that of the start.

        Raises
        ------
        ValueError
            For times outside the pulse, or a ``start`` that is not a state.
        AccuracyError
            For an accuracy that double precision does not reach.
        TooLargeError
            Before the start, for a pulse that would take more than about half a minute,
            or turns by more than 4096 radians if ``times`` is not given.

        Examples
        --------
        >>> battery = RosenZenerBattery(atoms=2)
        >>> half_full = battery.charge(start=[0.0, 1.0, 0.0])  # m = 1, 0, -1
        >>> float(half_full.ergotropy[0])
        1.0
        """
        runs = self._runs()
        runs.planned(accuracy)  # refuses what takes too long before anything is built
        if times is None:
            times = self.duration * runs.fractions(8.0, least=201)
        t = time_axis("times", times, latest=self.duration)
        begin, pure = _start(start, self.atoms)
        pulses = Pulses(runs, begin, None if self.shape is None else self._pulse)
        path = pulses.run(self._fraction(t), accuracy)
        seen, kept = [], []
        for kets in progress(path, "pulse", runs.planned(accuracy, len(begin))):
            seen.append(pulses.observe(kets))
            kept += [_as_states(kets, pure)] if states else []
        energy, fluctuation, entropy, jy, _ = (part[0] for part in joined(seen))
        first = pulses.observe(begin[:, None])[0].item()
        # No unitary extracts what is left when the largest weights lie lowest.
        weights = np.linalg.norm(begin, axis=1) ** 2
        passive = np.sort(weights)[::-1] @ np.arange(weights.size)
        return RosenZenerCharging(
            times=t,
            energy=self.splitting * (energy - first),
            power=self.splitting * self.drive_at(t) * jy,
            ergotropy=self.splitting * np.maximum(energy - passive, 0.0),
            states=np.concatenate(kept) if states else None,
            ceiling=self.splitting * (self.atoms - first),
            fluctuation=self.splitting * fluctuation,
            diagonal_entropy=entropy,
        )


def _start(start: Start, atoms: int) -> tuple[ComplexArray, bool]:
    """Kets (K, N + 1) whose projectors add up to the start; whether it is a ket.

    A unitary dynamics keeps the spectrum of the start, so a density matrix evolves as
    the kets of its spectral decomposition.
    """
    size = atoms + 1
    start = np.eye(size, 1, -atoms) if start is None else start
    given, _ = read("start", start)
    if given.shape == (size,):
        must = (
            "hold real probabilities, whose sum is 1; amplitudes are a ket, of shape "
            f"{(size, 1)}"
        )
        likely = np.isrealobj(given) and abs(given.sum() - 1) <= REPAIRABLE
        require(likely, "start", must, given)
        start = np.diag(given)
    state = checked_states("start", start, size, space=[size], single=True)
    kets = columns(state)
    return kets.T / np.linalg.norm(kets), are_kets(state)


def _as_states(kets: ComplexArray, pure: bool) -> ComplexArray:
    """Kets (S, N + 1, 1) or density matrices at S times, from (K, S, N + 1)."""
    each = np.moveaxis(kets, 0, -1)
    return each if pure else each @ adjoint(each)


def charge_map(
    *,
    atoms: ArrayLike,
    drive: ArrayLike,
    duration: ArrayLike,
    interaction: ArrayLike,
    splitting: float = 1.0,
    resolution: float = 8.0,
    accuracy: float = 1e-8,
    workers: int | None = None,
) -> ChargingMap:
    """Charge many batteries at once, over the broadcast grid of their parameters.

    Parameters
    ----------
    atoms, drive, duration, interaction : array_like
        Fields of `RosenZenerBattery`, which broadcast as NumPy arrays.
    splitting : float
        Delta > 0 of all batteries.
    resolution : float
        Samples per radian of the fastest phase, at least 1, where that phase is
        ``v0 T + (1 + 2 |lambda| (N - 1)/N) Delta T``; at least 33 samples in all. A
        sample per radian leaves an error of 1e-5 of the capacity in the refined peaks,
        2.5 leave 1e-7.
    accuracy : float
        Bound on the norm of the error of each ket, as of `RosenZenerBattery.charge`.
    workers : int, optional
        Number of processes that share the runs; the numbers stay the same. One process,
        this one, if not given. Needs ``pip install qbcore[sweep]``.

    Returns
    -------
    ChargingMap
        Peaks and final values of every run.

    Raises
    ------
    ValueError
        For a parameter out of range, by its name.
    AccuracyError
        For an accuracy that double precision does not reach.
    TooLargeError
        Before the first run, if one of them needs more than 32768 samples or about
        half a minute.

    Examples
    --------
    >>> pulse = {"drive": 20.0, "duration": 0.1 * np.pi}
    >>> grid = charge_map(atoms=[1, 10], interaction=0.0, **pulse)
    >>> grid.final_energy.round(4)
    array([0.9963, 9.9628])
    """
    real("resolution", resolution, least=1.0)
    given = {
        "atoms": atoms,
        "splitting": splitting,
        "drive": drive,
        "duration": duration,
        "interaction": interaction,
    }
    grids = broadcast_fields(RosenZenerBattery, given)
    runs = Runs(*(grids[name].ravel() for name in Runs._fields))
    runs.planned(accuracy)  # refuse before anything is computed
    runs.fractions(resolution, least=33)
    found = np.empty((9, runs.radians.size))
    blocks = list(_blocks(runs))
    parts = [Runs(*(field[block] for field in runs)) for block in blocks]
    summary = partial(_summary, resolution=resolution, accuracy=accuracy)
    summaries = zip(blocks, mapping(workers)(summary, parts), strict=True)
    for block, summed in progress(summaries, "charge_map", len(blocks)):
        found[:, block] = summed
    e_time, e, p_time, p, *rest = found.reshape(9, *grids["atoms"].shape)
    values = Peak(e_time, e), Peak(p_time, p), *rest
    names = (field.name for field in fields(ChargingMap))
    return ChargingMap(**dict(zip(names, values, strict=True)))


def _blocks(runs: Runs) -> Iterator[IntArray]:
    """Runs of one N and of like demands, with about 64 KiB of state: the cache."""
    for n in np.unique(runs.atoms):
        mine = np.flatnonzero(runs.atoms == n)
        ordered = mine[np.argsort(runs.radians[mine])]
        together = max(8, 4096 / (n + 1))
        yield from np.array_split(ordered, math.ceil(mine.size / together))


def _summary(runs: Runs, resolution: float, accuracy: float) -> list[FloatArray]:
    """Peaks, refined with exact slopes and curvatures, and values at the end.

    In the order of the fields of `ChargingMap`.
    """
    n, splitting, _, duration, _ = runs
    pulses, x = Pulses(runs), runs.fractions(resolution, least=33)
    seen = [pulses.observe(kets) for kets in pulses.run(x, accuracy)]
    charge, spread, entropy, jy, twist = joined(seen)
    f = pulses.area * np.sin(np.pi * x) ** 2
    f_slope = pulses.area * np.pi * np.sin(2 * np.pi * x)
    slope = f * jy
    curvature = f_slope * jy + f * (twist - f * (charge - n[0] / 2))
    # The same of the mean E/x, which has no value at 0.
    later = x[1:]
    mean = charge[:, 1:] / later
    mean_slope = (slope[:, 1:] - mean) / later
    mean_curvature = (curvature[:, 1:] - 2 * mean_slope) / later
    energy = peak(x, charge, slope, curvature)
    power = peak(later, mean, mean_slope, mean_curvature)
    e = [energy.time * duration, np.minimum(energy.value, n) * splitting]
    p = [power.time * duration, power.value * splitting / duration]
    spread = spread * splitting[:, None]
    ends = (c for y in (spread, entropy) for c in (y.max(axis=1), y[:, -1]))
    return [*e, *p, charge[:, -1] * splitting, *ends]
