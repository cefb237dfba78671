r"""Nonreciprocal battery: a charger a and a battery b that share a lossy reservoir.

Ahmadi et al., Phys. Rev. Lett. 132, 210402 (2024), with a coherent drive; Lin et al.,
arXiv:2512.07626, Eqs. (2)-(13), the same with a damped third mode; Xu and Ren, arXiv:2511.12118,
Eqs. (3)-(6), with a two-photon drive. In the frame that rotates with the drive, hbar = 1,

    rho' = -i[H, rho] + kappa_a D[a] + kappa_b D[b] + Gamma D[p_a a + p_b b],
    D[L]rho = L rho L^+ - (L^+ L rho + rho L^+ L)/2,
    H = Delta_a a^+ a + Delta_b b^+ b + J a^+ b + J* b^+ a
        + F (a + a^+) + epsilon (a^+2 e^{-i theta} + a^2 e^{i theta}).

With Lambda_j = kappa_j + p_j^2 Gamma and g = p_a p_b Gamma the means obey

    <a>' = -(Lambda_a/2 + i Delta_a)<a> - (i J + g/2)<b> - i F - 2 i epsilon e^{-i theta} <a>*,
    <b>' = -(Lambda_b/2 + i Delta_b)<b> - (i J* + g/2)<a>.

J = +i g/2 stops the way back: b feels a with the rate -g, a does not feel b. The epsilon term has
no factor 1/2, which puts the threshold of the nonreciprocal resonant battery at Lambda_a/4.
Everything is Gaussian, so `qbcore.gaussian` propagates it exactly, with no cutoff.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from qbcore import gaussian
from qbcore._support.checks import real, require, time_axis
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import NoSteadyStateError, UnstableError
from qbcore.gaussian import GaussianState, GaussianSystem, checked_state
from qbcore.nonreciprocal._modes import (
    BATTERY,
    CHARGER,
    GaussianCharging,
    GaussianSteadyState,
    charging_curve,
    checked_levels,
    collapse_operators,
    default_drive,
    ladder_operators,
    resting,
    settling_times,
    thermal_jumps,
    thermal_modes,
)

if TYPE_CHECKING:
    import qutip


@dataclass(frozen=True, kw_only=True)
class NonreciprocalBattery:
    """Charger and battery with local losses, a shared loss and a complex coupling.

    Parameters
    ----------
    charger_loss, battery_loss : kappa_a, kappa_b >= 0, rates of energy loss to the own baths.
    shared_loss : Gamma >= 0, rate of the reservoir that both modes feel.
    charger_share, battery_share : p_a, p_b, real: what of each mode the shared reservoir sees.
    coupling : J, complex; fully nonreciprocal, i p_a p_b Gamma / 2, if not given.
    linear_drive : F, real, strength of the coherent drive; 0.5 if no drive is given at all.
    two_photon_drive : epsilon >= 0, strength of the two-photon drive, without a factor 1/2.
    drive_phase : theta of the two-photon drive, in radians.
    charger_detuning, battery_detuning : Delta_a, Delta_b, frequency of the mode minus the drive's
        (half the drive's for two photons).
    bath_occupation : mean occupation n >= 0 of all three baths; 0 in the papers.
    frequency : omega_0 > 0, energy of one quantum, the unit of energy in the papers.
    charger_levels, battery_levels : Fock levels of the two modes, at least 2. Only the QuTiP
        operators and the states asked for by ``states=True`` are cut off; the curves are not.

    Raises
    ------
    ValueError for a value out of range.

    Examples
    --------
    >>> battery = NonreciprocalBattery(charger_loss=0.1, battery_loss=0.05, linear_drive=0.5)
    >>> round(battery.steady_state().energy, 4)  # 16 F^2 / (1.1 * 1.05)^2
    2.9984
    """

    charger_loss: float = 0.1
    battery_loss: float = 0.1
    shared_loss: float = 1.0
    charger_share: float = 1.0
    battery_share: float = 1.0
    coupling: complex | None = None
    linear_drive: float | None = None
    two_photon_drive: float = 0.0
    drive_phase: float = 0.0
    charger_detuning: float = 0.0
    battery_detuning: float = 0.0
    bath_occupation: float = 0.0
    frequency: float = 1.0
    charger_levels: int = 20
    battery_levels: int = 30

    def __post_init__(self) -> None:
        """Check the parameters, and choose the drive if none is given."""
        if self.linear_drive is None:
            object.__setattr__(
                self, "linear_drive", default_drive(self.two_photon_drive)
            )
        for name in (
            "charger_loss",
            "battery_loss",
            "shared_loss",
            "two_photon_drive",
            "bath_occupation",
        ):
            real(name, getattr(self, name), least=0.0)
        for name in ("charger_share", "battery_share", "linear_drive", "drive_phase"):
            real(name, getattr(self, name))
        for name in ("charger_detuning", "battery_detuning"):
            real(name, getattr(self, name))
        real("frequency", self.frequency, above=0.0)
        checked_levels(self, "charger_levels", "battery_levels")
        if self.coupling is not None:
            number = isinstance(self.coupling, int | float | complex | np.number)
            fits = number and cmath.isfinite(complex(self.coupling))
            require(fits, "coupling", "be a finite number or None", self.coupling)

    @property
    def quantum(self) -> float:
        """Energy of one quantum of the battery, omega_0."""
        return float(self.frequency)

    @property
    def capacity(self) -> float:
        """An oscillator holds any energy."""
        return math.inf

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """The battery is the second mode."""
        return (BATTERY,)

    @property
    def cross_loss(self) -> float:
        """g = p_a p_b Gamma, the rate at which the shared reservoir couples the modes."""
        return self.charger_share * self.battery_share * self.shared_loss

    @property
    def j(self) -> complex:
        """The coupling J in use."""
        return (
            0.5j * self.cross_loss if self.coupling is None else complex(self.coupling)
        )

    @property
    def drive(self) -> float:
        """F, the linear drive in use."""
        return float(self.linear_drive or 0.0)

    @property
    def total_losses(self) -> tuple[float, float]:
        """Lambda_a, Lambda_b, with Lambda_j = kappa_j + p_j^2 Gamma."""
        return (
            self.charger_loss + self.charger_share**2 * self.shared_loss,
            self.battery_loss + self.battery_share**2 * self.shared_loss,
        )

    @property
    def effective_matrix(self) -> ComplexArray:
        """M of i d/dt (<a>, <b>) = M (<a>, <b>) + drive, without the two-photon term; (2, 2).

        M = [[Delta_a - i Lambda_a/2, J - i g/2], [J* - i g/2, Delta_b - i Lambda_b/2]].
        """
        (la, lb), g, j = self.total_losses, self.cross_loss, self.j
        return np.array(
            [
                [self.charger_detuning - 0.5j * la, j - 0.5j * g],
                [j.conjugate() - 0.5j * g, self.battery_detuning - 0.5j * lb],
            ]
        )

    @cached_property
    def system(self) -> GaussianSystem:
        """The same in quadratures, for `qbcore.gaussian`."""
        pairing = 2 * self.two_photon_drive * cmath.exp(-1j * self.drive_phase)
        return GaussianSystem.from_ladder(
            hopping=np.array(
                [
                    [self.charger_detuning, self.j],
                    [self.j.conjugate(), self.battery_detuning],
                ]
            ),
            pairing=np.diag([pairing, 0]),
            drive=[self.drive, 0],
            jumps=thermal_jumps(
                [
                    [np.sqrt(self.charger_loss), 0],
                    [0, np.sqrt(self.battery_loss)],
                    np.sqrt(self.shared_loss)
                    * np.array([self.charger_share, self.battery_share]),
                ],
                self.bath_occupation,
            ),
        )

    @cached_property
    def threshold(self) -> float:
        """Smallest epsilon without a steady state; infinite if none is found, 0 if even epsilon = 0 has none.

        For J = i g/2 and Lambda_b > 0 it is sqrt(Lambda_a^2/4 + Delta_a^2)/2; else found numerically.
        """

        def decay(drive: float) -> float:
            return replace(self, two_photon_drive=drive).system.decay_rate

        scale = float(np.abs(self.effective_matrix).sum())
        if decay(0.0) <= 0:
            return 0.0
        grid = np.linspace(0.0, scale, 257)
        unstable = next(
            (k for k, drive in enumerate(grid) if decay(float(drive)) <= 0), None
        )
        if unstable is None:
            return float("inf")
        return float(
            brentq(decay, grid[unstable - 1], grid[unstable], xtol=1e-14, rtol=1e-13)
        )

    def steady_state(self) -> GaussianSteadyState:
        """Return the battery at rest, with the moments of both modes.

        Raises
        ------
        UnstableError
            At and above the threshold of the two-photon drive, which the message gives.
        SeveralSteadyStatesError
            If a combination of the modes has no loss.
        NoSteadyStateError
            If there is no loss at all.
        """
        if max(self.charger_loss, self.battery_loss, self.shared_loss) == 0:
            message = "Without a loss the modes never come to rest: give one, or use `charge`."
            raise NoSteadyStateError(message, found=0.0, limit=0.0)
        if self.two_photon_drive > 0 and self.system.decay_rate <= 0:
            drive, most = self.two_photon_drive, self.threshold
            message = (
                f"A two-photon drive of {drive:.6g} has no steady state, only one below {most:.6g} has: "
                "lower `two_photon_drive`, or look at `charge`, which needs no steady state."
            )
            raise UnstableError(message, found=drive, limit=most)
        moments = self.system.steady_state()
        return resting(moments, self.frequency, self.battery_levels)

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
            Increasing times, not negative; as long as the modes take to settle if not given.
        start : GaussianState, optional
            Both modes at time 0; in equilibrium with the undriven baths if not given (the
            vacuum at n = 0).
        states : bool
            Also return the battery's density matrices in ``battery_levels`` Fock levels.

        Raises
        ------
        ValueError
            For times that do not increase, or a ``start`` that is not a state of two modes.
        LeakingCutoffError
            If ``states`` do not fit into the Fock levels.
        """
        t = settling_times(self.system) if times is None else time_axis("times", times)
        begin = self._equilibrium if start is None else checked_state(start, 2)
        levels = self.battery_levels if states else None
        return charging_curve(
            self.system, begin, t, self.frequency, self.input_power, levels
        )

    @property
    def _equilibrium(self) -> GaussianState:
        return gaussian.thermal(2, self.bath_occupation)

    def input_power(self, moments: GaussianState) -> FloatArray:
        """Return the power of the drive, omega_0 (-2 F Im<a> - 4 epsilon Im(e^{i theta} <a^2>))."""
        charger = moments.mode(CHARGER)
        turned = cmath.exp(1j * self.drive_phase) * gaussian.anomalous(charger)
        linear = -2 * self.drive * np.imag(gaussian.amplitude(charger))
        return np.asarray(
            self.frequency * (linear - 4 * self.two_photon_drive * np.imag(turned))
        )

    def hamiltonian(self) -> qutip.Qobj:
        """Return H in the Fock space of ``charger_levels`` and ``battery_levels``."""
        a, b = self._modes()
        pair = self.two_photon_drive * cmath.exp(-1j * self.drive_phase) * a.dag() ** 2
        hop = self.j * a.dag() * b
        free = self.charger_detuning * a.dag() * a + self.battery_detuning * b.dag() * b
        return free + hop + hop.dag() + self.drive * (a + a.dag()) + pair + pair.dag()

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jump operators of the three baths, of those that couple."""
        a, b = self._modes()
        shared = self.charger_share * a + self.battery_share * b
        losses = [
            (self.charger_loss, a),
            (self.battery_loss, b),
            (self.shared_loss, shared),
        ]
        return collapse_operators(losses, self.bath_occupation)

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return omega_0 b^+ b of the battery alone, in ``battery_levels`` Fock levels."""
        import qutip

        return self.frequency * qutip.num(self.battery_levels)

    def initial_state(self) -> qutip.Qobj:
        """Return both modes in equilibrium with the undriven baths."""
        levels = (self.charger_levels, self.battery_levels)
        return thermal_modes(levels, self.bath_occupation)

    def _modes(self) -> list[qutip.Qobj]:
        return ladder_operators(self.charger_levels, self.battery_levels)
