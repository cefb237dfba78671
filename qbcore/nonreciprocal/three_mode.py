"""The nonreciprocal battery with its reservoir: charger, battery and a bad cavity.

Lin et al., arXiv:2512.07626, Eqs. (1)-(4) and Appendix A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from qbcore._support.types import ComplexArray, FloatArray
from qbcore.nonreciprocal._modes import DrivenModes
from qbcore.nonreciprocal.battery import NonreciprocalBattery


@dataclass(frozen=True, kw_only=True)
class ThreeModeBattery(DrivenModes):
    r"""Charger, battery and the damped cavity c, their reservoir.

    Eq. (1) of Lin et al., arXiv:2512.07626: to the H of `NonreciprocalBattery` comes

    .. math::

        g_1 (a^\dagger c + c^\dagger a) + g_2 (b^\dagger c + c^\dagger b)
        + \Delta_c c^\dagger c,

    and kappa_c D[c] replaces the shared loss.

    Parameters
    ----------
    charger_loss, battery_loss, cavity_loss : float
        kappa_a, kappa_b >= 0 and kappa_c > 0.
    charger_cavity, battery_cavity : float
        g_1, g_2, couplings to the cavity.
    coupling : complex
        J, phase included (J e^{i phi} of the paper).
    linear_drive, two_photon_drive : float or callable
        F and epsilon, or functions of time, as in `NonreciprocalBattery`, F's default
        included.
    drive_phase : float
        theta of the two-photon drive, in radians.
    charger_detuning, battery_detuning, cavity_detuning : float
        Frequencies of the modes minus the drive's.
    bath_occupation : float
        n >= 0 of all three baths; 0 in the paper.
    frequency : float
        omega_0 > 0, energy of one quantum.
    charger_levels, battery_levels, cavity_levels : int
        Fock levels of the three modes, at least 2; they matter only to QuTiP operators
        and to the states asked for by ``states=True``.

    Raises
    ------
    ValueError
        For a value out of range.

    Examples
    --------
    >>> couplings = {"charger_cavity": 50.0, "battery_cavity": 50.0}
    >>> battery = ThreeModeBattery(cavity_loss=1e4, **couplings)
    >>> two_modes = battery.eliminated()
    >>> round(battery.steady_state().energy / two_modes.steady_state().energy, 3)
    1.0
    """

    battery_loss: float = 0.05
    cavity_loss: float = 100.0
    charger_cavity: float = 5.0
    battery_cavity: float = 5.0
    coupling: complex = 0.5j
    cavity_detuning: float = 0.0
    cavity_levels: int = 8

    def eliminated(self) -> NonreciprocalBattery:
        """Return the two-mode model for kappa_c -> infinity.

        It keeps Gamma_j = 4 g_j^2 / kappa_c fixed, at Delta_c = 0.

        Returns
        -------
        NonreciprocalBattery
            With the same drives and levels.

        Examples
        --------
        >>> ThreeModeBattery(cavity_loss=100.0, charger_cavity=5.0).eliminated().j
        0.5j
        """
        size = math.hypot(self.charger_cavity, self.battery_cavity) or 1.0
        return NonreciprocalBattery(
            shared_loss=4 * size**2 / self.cavity_loss,
            charger_share=self.charger_cavity / size,
            battery_share=self.battery_cavity / size,
            **{field.name: getattr(self, field.name) for field in fields(DrivenModes)},
        )

    @property
    def _ties(self) -> tuple[ComplexArray, FloatArray]:
        g1, g2 = self.charger_cavity, self.battery_cavity
        hopping = [
            [self.charger_detuning, self.coupling, g1],
            [self.coupling.conjugate(), self.battery_detuning, g2],
            [g1, g2, self.cavity_detuning],
        ]
        losses = [self.charger_loss, self.battery_loss, self.cavity_loss]
        return np.array(hopping, dtype=complex), np.diag(np.sqrt(losses))
