"""The nonreciprocal battery before its reservoir is eliminated: charger, battery and a bad cavity.

Lin et al., arXiv:2512.07626, Eqs. (1)-(4) and Appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qbcore import gaussian
from qbcore._support.checks import real, require, time_axis
from qbcore.gaussian import GaussianState, GaussianSystem
from qbcore.nonreciprocal.battery import (
    NonreciprocalBattery,
    NonreciprocalCharging,
    charging_curve,
    ladder_operators,
    thermal_jumps,
)

if TYPE_CHECKING:
    import qutip


@dataclass(frozen=True, kw_only=True)
class ThreeModeBattery:
    """Charger, battery and the damped cavity c that is their shared reservoir (Lin et al., Eq. 1).

    H adds g_1 (a^+ c + c^+ a) + g_2 (b^+ c + c^+ b) + Delta_c c^+ c to the H of
    `NonreciprocalBattery`, and kappa_c D[c] replaces the shared loss. Zero temperature.

    Parameters
    ----------
    charger_loss, battery_loss, cavity_loss : kappa_a, kappa_b >= 0 and kappa_c > 0.
    charger_cavity, battery_cavity : g_1, g_2, real couplings to the cavity.
    coupling : J, complex, phase included (J e^{i phi} of the paper).
    linear_drive, two_photon_drive : F and epsilon, as in `NonreciprocalBattery`.
    charger_detuning, battery_detuning, cavity_detuning : of the modes from the drive.
    frequency : omega_0 > 0.
    """

    charger_loss: float = 0.1
    battery_loss: float = 0.05
    cavity_loss: float = 100.0
    charger_cavity: float = 5.0
    battery_cavity: float = 5.0
    coupling: complex = 0.5j
    linear_drive: float = 0.0
    two_photon_drive: float = 0.0
    charger_detuning: float = 0.0
    battery_detuning: float = 0.0
    cavity_detuning: float = 0.0
    frequency: float = 1.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        real("cavity_loss", self.cavity_loss, above=0.0)
        real("cavity_detuning", self.cavity_detuning)
        real("charger_cavity", self.charger_cavity)
        real("battery_cavity", self.battery_cavity)
        self.eliminated()  # checks the rest

    def eliminated(self) -> NonreciprocalBattery:
        """The two-mode model for kappa_c -> infinity at fixed Gamma_j = 4 g_j^2 / kappa_c (Delta_c = 0)."""
        size = float(np.hypot(self.charger_cavity, self.battery_cavity))
        require(size > 0, "charger_cavity", "not vanish together with `battery_cavity`", self.charger_cavity)
        return NonreciprocalBattery(
            charger_loss=self.charger_loss,
            battery_loss=self.battery_loss,
            shared_loss=4 * size**2 / self.cavity_loss,
            charger_share=self.charger_cavity / size,
            battery_share=self.battery_cavity / size,
            coupling=self.coupling,
            linear_drive=self.linear_drive,
            two_photon_drive=self.two_photon_drive,
            charger_detuning=self.charger_detuning,
            battery_detuning=self.battery_detuning,
            frequency=self.frequency,
        )

    @cached_property
    def system(self) -> GaussianSystem:
        """The three modes in quadratures, charger, battery, cavity."""
        j, g1, g2 = complex(self.coupling), self.charger_cavity, self.battery_cavity
        losses = [self.charger_loss, self.battery_loss, self.cavity_loss]
        return GaussianSystem.from_ladder(
            hopping=np.array(
                [
                    [self.charger_detuning, j, g1],
                    [j.conjugate(), self.battery_detuning, g2],
                    [g1, g2, self.cavity_detuning],
                ]
            ),
            pairing=np.diag([2 * self.two_photon_drive, 0, 0]),
            drive=[self.linear_drive, 0, 0],
            jumps=thermal_jumps(np.diag(np.sqrt(losses)), 0.0),
        )

    def charge(self, times: ArrayLike) -> NonreciprocalCharging:
        """Exact charging curve from the vacuum; as `NonreciprocalBattery.charge`."""
        feed = self.eliminated().input_power
        return charging_curve(
            self.system, gaussian.thermal(3), time_axis("times", times), self.frequency, feed
        )

    def steady_state(self) -> GaussianState:
        """Moments of the three modes at rest. Raises ValueError if there are none."""
        return self.system.steady_state()

    def hamiltonian(self, charger_levels: int, battery_levels: int, cavity_levels: int) -> qutip.Qobj:
        """H of the three modes in a Fock space cut off at these many levels a mode."""
        a, b, c = ladder_operators(charger_levels, battery_levels, cavity_levels)
        hop = self.coupling * a.dag() * b
        hop += self.charger_cavity * a.dag() * c + self.battery_cavity * b.dag() * c
        drive = self.linear_drive * a + self.two_photon_drive * a**2
        free = self.charger_detuning * a.dag() * a + self.battery_detuning * b.dag() * b
        free += self.cavity_detuning * c.dag() * c
        return free + hop + hop.dag() + drive + drive.dag()

    def collapse_operators(
        self, charger_levels: int, battery_levels: int, cavity_levels: int
    ) -> list[qutip.Qobj]:
        """Jump operators of the three local baths, in the same space."""
        modes = ladder_operators(charger_levels, battery_levels, cavity_levels)
        losses = (self.charger_loss, self.battery_loss, self.cavity_loss)
        return [np.sqrt(rate) * op for rate, op in zip(losses, modes, strict=True) if rate > 0]
