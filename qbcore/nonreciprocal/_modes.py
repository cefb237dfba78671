"""What the two nonreciprocal models share: results, and driven, damped modes."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, fields
from functools import cached_property
from numbers import Complex
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qbcore import gaussian
from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.results import read_only
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.charging import Charging, SteadyState
from qbcore.errors import TooLargeError
from qbcore.gaussian import GaussianState, GaussianSystem, checked_state

if TYPE_CHECKING:
    import qutip

CHARGER, BATTERY, CAVITY = 0, 1, 2  # order of the modes in states and operators
ABOVE = dict.fromkeys(("frequency", "cavity_loss"), 0.0)
LEAST = dict.fromkeys(
    (
        "charger_loss",
        "battery_loss",
        "shared_loss",
        "two_photon_drive",
        "bath_occupation",
    ),
    0.0,
)
SETTLED = 12  # decay times after which e^-12, 6e-6, is left
PER_TURN = 8  # samples while a mode turns or decays by one radian
HUGE = 1e100  # of three such fields even the product is a number
FEWEST, MOST = 400, 20_000  # samples of a curve whose times nobody gave


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
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
    """

    moments: GaussianState
    charger_energy: FloatArray
    input_power: FloatArray


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class GaussianSteadyState(SteadyState):
    """A Gaussian battery at rest; see `SteadyState` for energy and ergotropy.

    Attributes
    ----------
    moments : GaussianState
        Mean (2n,) and covariance (2n, 2n) of all modes, charger first, battery second.
    levels : int
        Fock levels of `state`.
    """

    moments: GaussianState
    levels: int

    @cached_property
    def state(self) -> ComplexArray:
        """Density matrix of the battery in its Fock space, (levels, levels)."""
        state: ComplexArray = read_only(
            gaussian.fock_state(self.moments.mode(BATTERY), self.levels)
        )
        return state


class ChosenDrive(float):
    """A linear drive that nobody gave: `dataclasses.replace` chooses it again."""


def _checked_field(name: str, value: Any) -> complex:
    """Return the field as a Python number in its range."""
    if name.endswith("_levels"):
        return integer(name, value, least=2)
    number: complex
    if name == "coupling":
        fits = isinstance(value, Complex) and not isinstance(value, bool)
        require(fits, name, "be a finite number", value)
        number = complex(real(name, value.real), real(name, value.imag))
    else:
        bounds = ABOVE.get(name, -math.inf), LEAST.get(name, -math.inf)
        number = real(name, value, above=bounds[0], least=bounds[1])
    require(abs(number) <= HUGE, name, f"be at most {HUGE:g} in size", value)
    return number


class DrivenModes:
    """Modes of which the first is driven: `hopping` and `losses` say how they are tied.

    H = sum h_jk a_j^+ a_k + F (a + a^+)
        + epsilon (a^+2 e^{-i theta} + a^2 e^{i theta}),

    and each row r of the losses is a jump operator sum r_k a_k of a bath.
    """

    linear_drive: float | None
    two_photon_drive: float
    drive_phase: float
    bath_occupation: float
    frequency: float
    battery_levels: int

    @property
    def _hopping(self) -> ComplexArray:
        raise NotImplementedError

    @property
    def _losses(self) -> FloatArray:
        raise NotImplementedError

    @property
    def _levels(self) -> list[int]:
        names = ("charger_levels", "battery_levels", "cavity_levels")
        return [getattr(self, name) for name in names if hasattr(self, name)]

    def __post_init__(self) -> None:
        """Make every field a Python number, and choose the drive if none is given."""
        given = self.linear_drive
        chosen = given is None or isinstance(given, ChosenDrive)
        for field in fields(self):  # type: ignore[arg-type]
            name, value = field.name, getattr(self, field.name)
            left_out = value is None and field.default is None
            if not (left_out or (chosen and name == "linear_drive")):
                object.__setattr__(self, name, _checked_field(name, value))
        if chosen:
            drive = ChosenDrive(0.5 if self.two_photon_drive == 0 else 0.0)
            object.__setattr__(self, "linear_drive", drive)

    @property
    def quantum(self) -> float:
        """Energy of one quantum of the battery, omega_0."""
        return self.frequency

    @property
    def capacity(self) -> float:
        """An oscillator holds any energy."""
        return math.inf

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """The battery is the second mode."""
        return (BATTERY,)

    @property
    def drive(self) -> float:
        """F, the linear drive in use."""
        return float(self.linear_drive or 0.0)

    @cached_property
    def system(self) -> GaussianSystem:
        """The same in quadratures, for `qbcore.gaussian`."""
        first = np.eye(len(self._levels))[0]
        pair = 2 * self.two_photon_drive * cmath.exp(-1j * self.drive_phase)
        losses = self._losses
        return GaussianSystem.from_ladder(
            hopping=self._hopping,
            pairing=pair * np.diag(first),
            drive=self.drive * first,
            jumps=np.hstack([losses, np.zeros_like(losses)]),
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

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times, not negative; as long as the modes take to settle if not
            given.
        start : GaussianState, optional
            All modes at time 0; in equilibrium with the undriven baths if not given
            (the vacuum at n = 0).
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
            If a curve without ``times`` needs more than 20,000 samples.
        """
        system, omega = self.system, self.frequency
        t = settling_times(system) if times is None else time_axis("times", times)
        begin = gaussian.thermal(system.modes, self.bath_occupation)
        begin = begin if start is None else checked_state(start, "start", system.modes)
        moments = system.evolve(begin, t)
        gain, slope = system.gain(begin, t)
        charger, energy = (
            omega * _change(begin.mode(k).mean + gain.mode(k).mean / 2, gain.mode(k))
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
            input_power=self.input_power(moments),
        )

    def steady_state(self) -> GaussianSteadyState:
        """Return the battery at rest, with the moments of all modes.

        Raises
        ------
        UnstableError
            If the drive is too strong.
        SeveralSteadyStatesError
            If a combination of the modes has no loss.
        AccuracyError
            If double precision cannot tell the state, so close to a threshold.
        """
        moments = self.system.steady_state()
        battery = moments.mode(BATTERY)
        return GaussianSteadyState(
            energy=self.frequency * gaussian.occupation(battery),
            ergotropy=gaussian.ergotropy(battery, self.frequency),
            moments=moments,
            levels=self.battery_levels,
        )

    def input_power(self, moments: GaussianState) -> FloatArray:
        """Return the power of the drive at these moments of all modes.

        It is omega_0 (-2 F Im<a> - 4 epsilon Im(e^{i theta} <a^2>)).
        """
        charger = moments.mode(CHARGER)
        turned = cmath.exp(1j * self.drive_phase) * gaussian.anomalous(charger)
        linear = -2 * self.drive * np.imag(gaussian.amplitude(charger))
        pairs = -4 * self.two_photon_drive * np.imag(turned)
        return np.asarray(self.frequency * (linear + pairs))

    def hamiltonian(self) -> qutip.Qobj:
        """Return H in the Fock spaces of the modes."""
        modes, h = self._ladder_operators(), self._hopping
        a = modes[CHARGER]
        pair = self.two_photon_drive * cmath.exp(-1j * self.drive_phase) * a.dag() ** 2
        total = self.drive * (a + a.dag()) + pair + pair.dag()
        for j, k in zip(*np.nonzero(h), strict=True):
            total += complex(h[j, k]) * modes[j].dag() * modes[k]
        return total

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jump operators of the baths, of those that couple."""
        modes, n = self._ladder_operators(), self.bath_occupation
        jumps = [
            sum(rate * mode for rate, mode in zip(row, modes, strict=True))
            for row in self._losses
            if row.any()
        ]
        gains = [np.sqrt(n) * jump.dag() for jump in jumps if n > 0]
        return [np.sqrt(n + 1) * jump for jump in jumps] + gains

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return omega_0 b^+ b of the battery, in ``battery_levels`` Fock levels."""
        import qutip

        return self.frequency * qutip.num(self.battery_levels)

    def initial_state(self) -> qutip.Qobj:
        """Return all modes in equilibrium with the undriven baths; a ket at n = 0."""
        import qutip

        n = self.bath_occupation
        if n == 0:
            return qutip.tensor([qutip.basis(m, 0) for m in self._levels])
        return qutip.tensor(
            [qutip.thermal_dm(m, n, method="analytic") for m in self._levels]
        )

    def _ladder_operators(self) -> list[qutip.Qobj]:
        """Annihilation operators of the modes, on their tensor product."""
        import qutip

        ones = [qutip.qeye(m) for m in self._levels]
        return [
            qutip.tensor([*ones[:k], qutip.destroy(m), *ones[k + 1 :]])
            for k, m in enumerate(self._levels)
        ]


def _change(mean: FloatArray, change: GaussianState) -> FloatArray:
    """Quanta of one mode that changes of its moments make, around this mean."""
    trace = np.trace(change.covariance, axis1=-2, axis2=-1)
    return np.asarray(trace / 2 + (mean * change.mean).sum(axis=-1))


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
    alive = np.minimum(1.0, life / np.maximum(t, life.min())[:, None])
    density = np.maximum(PER_TURN * (speed * alive).max(axis=1), FEWEST / span)
    count = np.append(0.0, np.cumsum(np.diff(t) * (density[1:] + density[:-1]) / 2))
    samples = math.ceil(count[-1])
    if samples > MOST:
        message = (
            f"A curve until all modes settle, at {span:.3g}, turns so often that it "
            f"needs {samples} samples, {MOST} are allowed: give `times=`."
        )
        raise TooLargeError(message, found=samples, limit=MOST)
    return np.interp(np.linspace(0.0, count[-1], samples + 1), count, t)
