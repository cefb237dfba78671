"""The nonreciprocal battery before its reservoir is eliminated: charger, battery and a bad cavity.

Lin et al., arXiv:2512.07626, Eqs. (1)-(4) and Appendix A.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qbcore import gaussian
from qbcore._support.checks import real, require, time_axis
from qbcore.gaussian import GaussianState, GaussianSystem, checked_state
from qbcore.nonreciprocal._modes import (
    BATTERY,
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
from qbcore.nonreciprocal.battery import NonreciprocalBattery

if TYPE_CHECKING:
    import qutip


@dataclass(frozen=True, kw_only=True)
class ThreeModeBattery:
    """Charger, battery and the damped cavity c that is their shared reservoir (Lin et al., Eq. 1).

    H adds g_1 (a^+ c + c^+ a) + g_2 (b^+ c + c^+ b) + Delta_c c^+ c to the H of
    `NonreciprocalBattery`, and kappa_c D[c] replaces the shared loss.

    Parameters
    ----------
    charger_loss, battery_loss, cavity_loss : kappa_a, kappa_b >= 0 and kappa_c > 0.
    charger_cavity, battery_cavity : g_1, g_2, real couplings to the cavity.
    coupling : J, complex, phase included (J e^{i phi} of the paper).
    linear_drive, two_photon_drive, drive_phase : F, epsilon and theta, as in
        `NonreciprocalBattery`; F = 0.5 if no drive is given at all.
    charger_detuning, battery_detuning, cavity_detuning : of the modes from the drive.
    bath_occupation : n >= 0 of all three baths; 0 in the paper.
    frequency : omega_0 > 0, energy of one quantum.
    charger_levels, battery_levels, cavity_levels : Fock levels of the three modes, at least 2;
        they matter only to QuTiP operators and to the states asked for by ``states=True``.

    Raises
    ------
    ValueError
        For a value out of range.

    Examples
    --------
    >>> battery = ThreeModeBattery(cavity_loss=1e4, charger_cavity=50.0, battery_cavity=50.0)
    >>> round(battery.steady_state().energy / battery.eliminated().steady_state().energy, 3)
    1.0
    """

    charger_loss: float = 0.1
    battery_loss: float = 0.05
    cavity_loss: float = 100.0
    charger_cavity: float = 5.0
    battery_cavity: float = 5.0
    coupling: complex = 0.5j
    linear_drive: float | None = None
    two_photon_drive: float = 0.0
    drive_phase: float = 0.0
    charger_detuning: float = 0.0
    battery_detuning: float = 0.0
    cavity_detuning: float = 0.0
    bath_occupation: float = 0.0
    frequency: float = 1.0
    charger_levels: int = 20
    battery_levels: int = 30
    cavity_levels: int = 8

    def __post_init__(self) -> None:
        """Check the parameters, and choose the drive if none is given."""
        if self.linear_drive is None:
            object.__setattr__(
                self, "linear_drive", default_drive(self.two_photon_drive)
            )
        real("cavity_loss", self.cavity_loss, above=0.0)
        real("cavity_detuning", self.cavity_detuning)
        real("charger_cavity", self.charger_cavity)
        real("battery_cavity", self.battery_cavity)
        checked_levels(self, "cavity_levels")
        self.eliminated()  # checks the rest

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

    def eliminated(self) -> NonreciprocalBattery:
        """The two-mode model for kappa_c -> infinity at fixed Gamma_j = 4 g_j^2 / kappa_c (Delta_c = 0)."""
        size = float(np.hypot(self.charger_cavity, self.battery_cavity))
        require(
            size > 0,
            "charger_cavity",
            "not vanish together with `battery_cavity`",
            self.charger_cavity,
        )
        return NonreciprocalBattery(
            charger_loss=self.charger_loss,
            battery_loss=self.battery_loss,
            shared_loss=4 * size**2 / self.cavity_loss,
            charger_share=self.charger_cavity / size,
            battery_share=self.battery_cavity / size,
            coupling=self.coupling,
            linear_drive=self.linear_drive,
            two_photon_drive=self.two_photon_drive,
            drive_phase=self.drive_phase,
            charger_detuning=self.charger_detuning,
            battery_detuning=self.battery_detuning,
            bath_occupation=self.bath_occupation,
            frequency=self.frequency,
            charger_levels=self.charger_levels,
            battery_levels=self.battery_levels,
        )

    @cached_property
    def system(self) -> GaussianSystem:
        """The three modes in quadratures, charger, battery, cavity."""
        j, g1, g2 = complex(self.coupling), self.charger_cavity, self.battery_cavity
        losses = [self.charger_loss, self.battery_loss, self.cavity_loss]
        pairing = 2 * self.two_photon_drive * cmath.exp(-1j * self.drive_phase)
        return GaussianSystem.from_ladder(
            hopping=np.array(
                [
                    [self.charger_detuning, j, g1],
                    [j.conjugate(), self.battery_detuning, g2],
                    [g1, g2, self.cavity_detuning],
                ]
            ),
            pairing=np.diag([pairing, 0, 0]),
            drive=[self.linear_drive or 0.0, 0, 0],
            jumps=thermal_jumps(np.diag(np.sqrt(losses)), self.bath_occupation),
        )

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: GaussianState | None = None,
        states: bool = False,
    ) -> GaussianCharging:
        """Return the exact charging curve; arguments and errors of `NonreciprocalBattery.charge`."""
        t = settling_times(self.system) if times is None else time_axis("times", times)
        equilibrium = gaussian.thermal(3, self.bath_occupation)
        begin = equilibrium if start is None else checked_state(start, 3)
        levels = self.battery_levels if states else None
        feed = self.eliminated().input_power
        return charging_curve(self.system, begin, t, self.frequency, feed, levels)

    def steady_state(self) -> GaussianSteadyState:
        """Return the battery at rest, with the moments of all three modes.

        Raises
        ------
        UnstableError
            If the drive is too strong.
        SeveralSteadyStatesError
            If a combination of the modes has no loss.
        """
        return resting(self.system.steady_state(), self.frequency, self.battery_levels)

    def hamiltonian(self) -> qutip.Qobj:
        """Return H of the three modes in their Fock spaces."""
        a, b, c = self._modes()
        hop = self.coupling * a.dag() * b
        hop += self.charger_cavity * a.dag() * c + self.battery_cavity * b.dag() * c
        turned = self.two_photon_drive * cmath.exp(1j * self.drive_phase)
        drive = (self.linear_drive or 0.0) * a + turned * a**2
        free = self.charger_detuning * a.dag() * a + self.battery_detuning * b.dag() * b
        free += self.cavity_detuning * c.dag() * c
        return free + hop + hop.dag() + drive + drive.dag()

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return omega_0 b^+ b of the battery alone, in ``battery_levels`` Fock levels."""
        return self.eliminated().battery_hamiltonian()

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jump operators of the three local baths, of those that couple."""
        losses = (self.charger_loss, self.battery_loss, self.cavity_loss)
        modes = self._modes()
        return collapse_operators(
            list(zip(losses, modes, strict=True)), self.bath_occupation
        )

    def initial_state(self) -> qutip.Qobj:
        """Return all modes in equilibrium with the undriven baths."""
        return thermal_modes(self._levels, self.bath_occupation)

    @property
    def _levels(self) -> tuple[int, ...]:
        return self.charger_levels, self.battery_levels, self.cavity_levels

    def _modes(self) -> list[qutip.Qobj]:
        return ladder_operators(*self._levels)
