"""What the two nonreciprocal models share: results, and driven, damped modes."""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import cumulative_trapezoid

from qbcore import gaussian
from qbcore._support.checks import finite, integer, real, require, sampled, time_axis
from qbcore._support.models import at_most
from qbcore._support.results import read_only, result
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.charging import Charging, SteadyState
from qbcore.errors import NoSteadyStateError
from qbcore.gaussian import Drives, GaussianState, GaussianSystem, checked_state

if TYPE_CHECKING:
    import qutip

# A constant, or a function of time.
Drive: TypeAlias = float | Callable[[float], float]

CHARGER, BATTERY, CAVITY = 0, 1, 2  # order of the modes in states and operators
POSITIVE = "frequency", "cavity_loss"
# F and epsilon of a drive of strength 1.
DRIVES = {"linear_drive": (1.0, 0.0), "two_photon_drive": (0.0, 1.0)}
NOT_NEGATIVE = (
    "charger_loss",
    "battery_loss",
    "shared_loss",
    "two_photon_drive",
    "bath_occupation",
)
SETTLED = 12  # decay times after which e^-12, 6e-6, is left
PER_TURN = 8  # samples while a mode turns or decays by one radian
HUGE = 1e100  # of three such fields even the product is a number
FEWEST, MOST = 400, 20_000  # samples of a curve whose times nobody gave


@result
class GaussianCharging(Charging):
    """Charging curve of a Gaussian battery; see `Charging` for what all curves have.

    Attributes
    ----------
    moments : GaussianState
        Mean (T, 2n) and covariance (T, 2n, 2n) of all modes, charger first, battery
        second.
    charger_energy : (T,) array
        Energy of the charger above its start.
    input_power : (T,) array
        Energy that the drive feeds in per unit time.

    Examples
    --------
    >>> from qbcore import NonreciprocalBattery
    >>> curve = NonreciprocalBattery(linear_drive=0.5).charge([0.0, 1.0])
    >>> curve.energy.round(4), curve.charger_energy.round(4)
    (array([0.    , 0.0305]), array([0.    , 0.1479]))
    """

    moments: GaussianState
    charger_energy: FloatArray
    input_power: FloatArray


@result
class GaussianSteadyState(SteadyState):
    """A Gaussian battery at rest; see `SteadyState` for energy and ergotropy.

    Attributes
    ----------
    moments : GaussianState
        Mean (2n,) and covariance (2n, 2n) of all modes, charger first, battery second.
    levels : int
        Fock levels of `state`.

    Examples
    --------
    >>> from qbcore import NonreciprocalBattery
    >>> rest = NonreciprocalBattery(linear_drive=0.1).steady_state()
    >>> round(rest.energy, 4), rest.state.shape
    (0.1093, (30, 30))
    """

    moments: GaussianState
    levels: int

    @cached_property
    def state(self) -> ComplexArray:
        """Density matrix of the battery in its Fock space, (levels, levels)."""
        battery = self.moments.mode(BATTERY)
        return read_only(gaussian.fock_state(battery, self.levels))


class ChosenDrive(float):
    """A linear drive that nobody gave: `dataclasses.replace` chooses it again."""


def _checked_field(name: str, value: complex | Drive) -> complex | Drive:
    """Return the field as a Python number in its range, or a drive's function."""
    if name.endswith("_levels"):
        return integer(name, value, least=2)
    if name in DRIVES:
        must = "be a finite real number or a function of time: make one of samples"
        require(not np.iterable(value), name, must, value)
        if callable(value):
            real(name, value(0.0))
            return value
    number: complex
    if name == "coupling":
        entry = finite(name, value, dtype=complex)
        require(entry.ndim == 0, name, "be a finite number", value)
        number = complex(entry)
    else:
        above = 0.0 if name in POSITIVE else -math.inf
        least = 0.0 if name in NOT_NEGATIVE else -math.inf
        number = real(name, value, above=above, least=least)
    require(abs(number) <= HUGE, name, f"be at most {HUGE:g} in size", value)
    return number


@dataclass(frozen=True, kw_only=True)
class DrivenModes:
    """The fields that both models have, and what follows from how modes are tied.

    H = sum h_jk a_j^+ a_k + F (a + a^+)
        + epsilon (a^+2 e^{-i theta} + a^2 e^{i theta}),

    and each row r of the losses is a jump operator sum r_k a_k of a bath.
    """

    charger_loss: float = 0.1
    battery_loss: float = 0.1
    coupling: complex | None = None
    linear_drive: Drive | None = None
    two_photon_drive: Drive = 0.0
    drive_phase: float = 0.0
    charger_detuning: float = 0.0
    battery_detuning: float = 0.0
    bath_occupation: float = 0.0
    frequency: float = 1.0
    charger_levels: int = 20
    battery_levels: int = 30

    @property
    def _ties(self) -> tuple[ComplexArray, FloatArray]:
        """The matrix h, and the rows of the losses."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        """Make every field a Python number, and choose the drive if none is given."""
        given = self.linear_drive
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if value is not None or field.default is not None:
                object.__setattr__(self, name, _checked_field(name, value))
        if given is None or isinstance(given, ChosenDrive):
            drive = ChosenDrive(0.5 if self.two_photon_drive == 0 else 0.0)
            object.__setattr__(self, "linear_drive", drive)

    @property
    def quantum(self) -> float:
        """Energy of one quantum of the battery, omega_0.

        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery(frequency=2.0).quantum
        2.0
        """
        return self.frequency

    @property
    def capacity(self) -> float:
        """An oscillator holds any energy.

        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery().capacity
        inf
        """
        return math.inf

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """The battery is the second mode.

        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery().battery_sites
        (1,)
        """
        return (BATTERY,)

    @property
    def drive(self) -> float:
        """F, the linear drive in use; 0 if it is a function of time.

        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery().drive
        0.5
        """
        return constant(self.linear_drive)

    @property
    def _turn(self) -> complex:
        """Phase e^{-i theta} of the pairs that the two-photon drive creates."""
        return cmath.exp(-1j * self.drive_phase)

    @property
    def _levels(self) -> list[int]:
        named = vars(self).items()
        return [levels for name, levels in named if name.endswith("_levels")]

    @cached_property
    def system(self) -> GaussianSystem:
        """The same in quadratures, for `qbcore.gaussian`.

        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery().system.modes
        2
        """
        constants = self.drive, constant(self.two_photon_drive)
        return self._system(*self._ties, *constants)

    @property
    def pulses(self) -> Drives:
        """What the drives that are functions of time add to `system`."""
        hopping, losses = self._ties
        nothing = 0 * hopping, 0 * losses
        return [
            (self._system(*nothing, *unit), sampled(name, getattr(self, name)))
            for name, unit in DRIVES.items()
            if callable(getattr(self, name))
        ]

    def _system(
        self, hopping: ComplexArray, losses: FloatArray, linear: float, pairs: float
    ) -> GaussianSystem:
        first = np.eye(len(hopping))[CHARGER]
        return GaussianSystem.from_ladder(
            hopping=hopping,
            pairing=2 * pairs * self._turn * np.diag(first),
            drive=linear * first,
            jumps=np.hstack([losses, 0 * losses]),
            occupation=self.bath_occupation,
        )

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: GaussianState | None = None,
        states: bool = False,
    ) -> GaussianCharging:
        """Return the exact charging curve; above threshold it grows without bound.

        A drive that is a function of time is followed to about 1e-9 of the moments.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times, not negative; as long as the modes take to settle if not
            given, even if a drive acts later. A pulse must be wider than their gaps.
        start : GaussianState, optional
            All modes at time 0, such as ``tensor(coherent(2), thermal(1, 0.0))`` of
            `qbcore.gaussian`, a charger of 4 quanta beside an empty battery; in
            equilibrium with the undriven baths if not given (the vacuum at n = 0).
        states : bool
            Also return the battery's density matrices in ``battery_levels`` Fock
            levels.

        Raises
        ------
        ValueError
            For times that do not increase, or a ``start`` that is not a state of all
            modes.
        LeakingCutoffError
            If ``states`` do not fit into the Fock levels.
        AccuracyError
            If the moments leave double precision.
        TooLargeError
            If a curve without ``times`` needs more than 20,000 samples, or a drive
            more than 20,000 steps at a time.

        Examples
        --------
        >>> from qbcore import NonreciprocalBattery
        >>> from qbcore.gaussian import coherent, tensor, thermal
        >>> full = tensor(coherent(2.0), thermal(1, 0.0))  # a charger of 4 quanta
        >>> undriven = NonreciprocalBattery(linear_drive=0.0)
        >>> round(undriven.charge(start=full).max_energy.value, 4)
        1.7896
        """
        system, omega, pulses = self.system, self.frequency, self.pulses
        t = settling_times(system) if times is None else time_axis("times", times)
        begin = gaussian.thermal(system.modes, self.bath_occupation)
        begin = begin if start is None else checked_state(start, "start", system.modes)
        gain, slope = system.gain(begin, t, pulses)
        moments = GaussianState(*map(np.add, begin, gain))
        if not (start is None or pulses):
            # The sum would lose a state that cools from a hot start.
            moments = system.evolve(begin, t)
        charger, energy = (
            omega * _change(moments.mode(k).mean - gain.mode(k).mean / 2, gain.mode(k))
            for k in (CHARGER, BATTERY)
        )
        battery = moments.mode(BATTERY)
        held = omega * gaussian.occupation(begin.mode(BATTERY))
        # Rounding finds no more work than energy; below `held` the sum would cancel.
        most = np.where(energy > held, energy + held, np.inf)
        levels = self.battery_levels
        return GaussianCharging(
            times=t,
            energy=energy,
            power=omega * _change(battery.mean, slope.mode(BATTERY)),
            ergotropy=np.minimum(gaussian.ergotropy(battery, omega), most),
            states=gaussian.fock_state(battery, levels) if states else None,
            moments=moments,
            charger_energy=charger,
            input_power=self.input_power(moments, t),
        )

    def steady_state(self) -> GaussianSteadyState:
        """Return the battery at rest, with the moments of all modes.

        Raises
        ------
        NoSteadyStateError
            If a drive is a function of time.
        UnstableError
            If the drive is too strong.
        SeveralSteadyStatesError
            If a combination of the modes has no loss.
        AccuracyError
            If double precision cannot tell the state, so close to a threshold.
        """
        if self.pulses:
            message = (
                "A drive that changes in time lets nothing come to rest: take what the "
                "battery holds at some time from `charge()`."
            )
            raise NoSteadyStateError(message, found=len(self.pulses), limit=0)
        moments = self.system.steady_state()
        battery = moments.mode(BATTERY)
        return GaussianSteadyState(
            energy=self.frequency * gaussian.occupation(battery),
            ergotropy=gaussian.ergotropy(battery, self.frequency),
            moments=moments,
            levels=self.battery_levels,
        )

    def input_power(self, moments: GaussianState, times: ArrayLike = 0.0) -> FloatArray:
        """Return the power of the drive at these moments of all modes.

        It is omega_0 (-2 F Im<a> - 4 epsilon Im(e^{i theta} <a^2>)). The times are
        those of the moments; they matter only to a drive that is a function of time.
        """
        charger = moments.mode(CHARGER)
        drives = {name: getattr(self, name) for name in DRIVES}
        f, epsilon = (
            sampled(name, drive)(times) if callable(drive) else drive
            for name, drive in drives.items()
        )
        linear = 2 * f * gaussian.amplitude(charger)
        pairs = 4 * epsilon * self._turn.conjugate() * gaussian.anomalous(charger)
        return np.asarray(-self.frequency * np.imag(linear + pairs))

    def hamiltonian(self) -> qutip.Qobj | qutip.QobjEvo:
        """Return H in the Fock spaces of the modes; time-dependent if a drive is.

        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery(charger_levels=4, battery_levels=5).hamiltonian().dims
        [[4, 5], [4, 5]]
        """
        import qutip

        modes, (hopping, _) = self._ladder_operators(), self._ties
        up = modes[CHARGER].dag()
        total = sum(
            mode.dag() * sum(map(operator.mul, row, modes))
            for mode, row in zip(modes, hopping.tolist(), strict=True)
        )
        for name, half in zip(DRIVES, (up, self._turn * up**2), strict=True):
            drive, whole = getattr(self, name), half + half.dag()
            timed = callable(drive)
            total += qutip.QobjEvo([[whole, drive]]) if timed else drive * whole
        return total

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jump operators of the baths, of those that couple.

        >>> from qbcore import NonreciprocalBattery
        >>> len(NonreciprocalBattery().collapse_operators())
        3
        """
        modes, (_, losses) = self._ladder_operators(), self._ties
        n = self.bath_occupation
        jumps = [sum(map(operator.mul, row, modes)) for row in losses if row.any()]
        gains = [np.sqrt(n) * jump.dag() for jump in jumps if n > 0]
        return [np.sqrt(n + 1) * jump for jump in jumps] + gains

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return omega_0 b^+ b of the battery, in ``battery_levels`` Fock levels.

        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery(battery_levels=3).battery_hamiltonian().diag()
        array([0., 1., 2.])
        """
        import qutip

        return self.frequency * qutip.num(self.battery_levels)

    def initial_state(self) -> qutip.Qobj:
        """Return all modes in equilibrium with the undriven baths; a ket at n = 0.

        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery().initial_state().isket
        True
        """
        import qutip

        n = self.bath_occupation
        return qutip.tensor(
            [
                qutip.thermal_dm(m, n, method="analytic") if n else qutip.basis(m, 0)
                for m in self._levels
            ]
        )

    def _ladder_operators(self) -> list[qutip.Qobj]:
        """Annihilation operators of the modes, on their tensor product."""
        import qutip

        levels = self._levels
        return [
            qutip.expand_operator(qutip.destroy(m), levels, k)
            for k, m in enumerate(levels)
        ]


def constant(drive: Drive | None) -> float:
    """The drive; 0 if it is a function of time."""
    return 0.0 if drive is None or callable(drive) else drive


def _change(mean: FloatArray, change: GaussianState) -> FloatArray:
    """Quanta of one mode that changes of its moments make, around this mean."""
    trace = np.trace(change.covariance, axis1=-2, axis2=-1)
    return trace / 2 + (mean * change.mean).sum(axis=-1)


def settling_times(system: GaussianSystem) -> FloatArray:
    """Times over which the slowest part settles, or grows by e^12.

    The samples resolve each mode while it lives: they are evenly spaced unless that
    takes too many, and then the spacing grows with the time since a mode has died.
    """
    values = np.linalg.eigvals(system.drift)
    speed = np.abs(values)
    fastest = float(speed.max()) or 1.0
    slowest = speed[speed > gaussian.ROUNDING * fastest].min(initial=fastest)
    span = SETTLED / (abs(system.decay_rate) or float(slowest))
    even = PER_TURN * fastest * span
    if even <= 10 * FEWEST:
        return np.linspace(0.0, span, max(int(even), FEWEST) + 1)
    life = SETTLED / np.maximum(-values.real, SETTLED / span)
    t = np.append(0.0, np.geomspace(life.min() / 10, span, 10 * FEWEST))
    alive = life / np.maximum(life, t[:, None])
    density = np.maximum(PER_TURN * (speed * alive).max(axis=1), FEWEST / span)
    count = cumulative_trapezoid(density, t, initial=0.0)
    samples = max(int(count[-1]), FEWEST)
    what = f"The number of samples until all modes settle, at t = {span:.3g},"
    at_most(MOST, samples, what, "give `times=`")
    return np.interp(np.linspace(0.0, count[-1], samples + 1), count, t)
