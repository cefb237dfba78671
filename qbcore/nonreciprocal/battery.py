r"""Nonreciprocal battery: a charger a and a battery b that share a lossy reservoir.

Ahmadi et al., Phys. Rev. Lett. 132, 210402 (2024), with a coherent drive; Lin et al.,
arXiv:2512.07626, Eqs. (2)-(13), the same with a damped third mode; Xu and Ren,
arXiv:2511.12118, Eqs. (3)-(6), with a two-photon drive. In the frame that rotates with
the drive, hbar = 1,

    rho' = -i[H, rho] + kappa_a D[a] + kappa_b D[b] + Gamma D[p_a a + p_b b],
    D[L]rho = L rho L^+ - (L^+ L rho + rho L^+ L)/2,
    H = Delta_a a^+ a + Delta_b b^+ b + J a^+ b + J* b^+ a
        + F (a + a^+) + epsilon (a^+2 e^{-i theta} + a^2 e^{i theta}).

With Lambda_j = kappa_j + p_j^2 Gamma and g = p_a p_b Gamma the means obey

    <a>' = -(Lambda_a/2 + i Delta_a)<a> - (i J + g/2)<b>
           - i F - 2 i epsilon e^{-i theta} <a>*,
    <b>' = -(Lambda_b/2 + i Delta_b)<b> - (i J* + g/2)<a>.

J = +i g/2 stops the way back: b feels a with the rate -g, a does not feel b. The
epsilon term has no factor 1/2, which puts the threshold of the nonreciprocal resonant
battery at Lambda_a/4. Everything is Gaussian, so `qbcore.gaussian` propagates it
exactly, with no cutoff.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import NoSteadyStateError, UnstableError
from qbcore.nonreciprocal._modes import DrivenModes, GaussianSteadyState, constant


@dataclass(frozen=True, kw_only=True)
class NonreciprocalBattery(DrivenModes):
    r"""Charger and battery with local losses, a shared loss and a complex coupling.

    Eqs. (2) to (4) of Lin et al., arXiv:2512.07626, with the drives of Ahmadi et al.
    and of Xu and Ren:

    .. math::

        \dot\rho &= -i [H, \rho] + \kappa_a \mathcal D[a] \rho
        + \kappa_b \mathcal D[b] \rho + \Gamma \mathcal D[p_a a + p_b b] \rho, \\
        H &= \Delta_a a^\dagger a + \Delta_b b^\dagger b
        + J a^\dagger b + J^* b^\dagger a + F (a + a^\dagger)
        + \epsilon (a^{\dagger 2} e^{-i \theta} + a^2 e^{i \theta})

    Parameters
    ----------
    charger_loss, battery_loss : float
        kappa_a, kappa_b >= 0, rates of energy loss to the own baths.
    shared_loss : float
        Gamma >= 0, rate of the reservoir that both modes feel.
    charger_share, battery_share : float
        p_a, p_b, what of each mode the shared reservoir sees.
    coupling : complex
        J; fully nonreciprocal, i p_a p_b Gamma / 2, if not given.
    linear_drive : float or callable
        F, strength of the coherent drive, or a function F(t) of time; of samples, such
        as ``scipy.interpolate.CubicSpline(times, samples, extrapolate=False)``, which
        is refused beyond its times. If it is not given it is 0.5, or 0 with a
        two-photon drive; `dataclasses.replace` chooses again unless it was given.
    two_photon_drive : float or callable
        epsilon >= 0, strength of the two-photon drive, without a factor 1/2, or a
        function epsilon(t) of any sign.
    drive_phase : float
        theta of the two-photon drive, in radians.
    charger_detuning, battery_detuning : float
        Delta_a, Delta_b, frequency of the mode minus the drive's (half the drive's for
        two photons).
    bath_occupation : float
        Mean occupation n >= 0 of all three baths; 0 in the papers.
    frequency : float
        omega_0 > 0, energy of one quantum, the unit of energy in the papers.
    charger_levels, battery_levels : int
        Fock levels of the two modes, at least 2. Only the QuTiP operators and the
        states asked for by ``states=True`` are cut off; the curves are not.

    Raises
    ------
    ValueError
        For a value out of range.

    Examples
    --------
    >>> battery = NonreciprocalBattery(battery_loss=0.05, linear_drive=0.5)
    >>> round(battery.steady_state().energy, 4)  # 16 F^2 / (1.1 * 1.05)^2
    2.9984
    >>> pulsed = NonreciprocalBattery(linear_drive=lambda t: 0.5 * (t < 3))
    >>> round(pulsed.charge().max_energy.value, 4)
    0.8139
    """

    shared_loss: float = 1.0
    charger_share: float = 1.0
    battery_share: float = 1.0

    @property
    def cross_loss(self) -> float:
        """g = p_a p_b Gamma, the rate at which the shared reservoir couples modes.

        >>> NonreciprocalBattery(shared_loss=2.0, battery_share=0.5).cross_loss
        1.0
        """
        return self.charger_share * self.battery_share * self.shared_loss

    @property
    def j(self) -> complex:
        """The coupling J in use.

        >>> NonreciprocalBattery().j  # i g/2
        0.5j
        """
        return 0.5j * self.cross_loss if self.coupling is None else self.coupling

    @property
    def total_losses(self) -> tuple[float, float]:
        """Lambda_a, Lambda_b, with Lambda_j = kappa_j + p_j^2 Gamma.

        >>> NonreciprocalBattery(charger_loss=0.5, battery_loss=0.25).total_losses
        (1.5, 1.25)
        """
        return (
            self.charger_loss + self.charger_share**2 * self.shared_loss,
            self.battery_loss + self.battery_share**2 * self.shared_loss,
        )

    @property
    def effective_matrix(self) -> ComplexArray:
        """M of i d/dt (<a>, <b>) = M (<a>, <b>) + drive, without two photons; (2, 2).

        M = [[Delta_a - i Lambda_a/2, J - i g/2], [J* - i g/2, Delta_b - i Lambda_b/2]].

        >>> matrix = NonreciprocalBattery().effective_matrix
        >>> np.abs(matrix).round(2)  # no way from the battery to the charger
        array([[0.55, 0.  ],
               [1.  , 0.55]])
        """
        hopping, losses = self._ties
        return hopping - 0.5j * losses.T @ losses

    @property
    def _ties(self) -> tuple[ComplexArray, FloatArray]:
        j, shares = self.j, [self.charger_share, self.battery_share]
        hopping = [[self.charger_detuning, j], [j.conjugate(), self.battery_detuning]]
        rates = np.sqrt([self.charger_loss, self.battery_loss, self.shared_loss])
        return np.array(hopping), rates[:, None] * np.vstack([np.eye(2), shares])

    @cached_property
    def threshold(self) -> float:
        """Smallest epsilon without a steady state; infinite if none is found.

        It is 0 if even epsilon = 0 has none. For J = i g/2 and Lambda_b > 0 it is
        sqrt(Lambda_a^2/4 + Delta_a^2)/2; else it is found numerically.

        >>> round(NonreciprocalBattery(charger_loss=0.0).threshold, 9)
        0.25
        """

        def decay(drive: float) -> float:
            return replace(self, two_photon_drive=drive).system.decay_rate

        grid = np.linspace(0.0, np.abs(self.effective_matrix).sum(), 257)
        first = next((k for k, drive in enumerate(grid) if decay(drive) <= 0), None)
        if not first:
            return math.inf if first is None else 0.0
        return float(
            brentq(decay, *grid[first - 1 : first + 1], xtol=1e-14, rtol=1e-13)
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
            If there is no loss at all, or if a drive is a function of time.
        AccuracyError
            If double precision cannot tell the state, so close to a threshold.

        Examples
        --------
        >>> rest = NonreciprocalBattery(two_photon_drive=0.1).steady_state()
        >>> rest.ergotropy < rest.energy  # noise comes with the pairs
        True
        """
        if not any(self.total_losses):
            message = "Without a loss nothing comes to rest: give one, or use `charge`."
            raise NoSteadyStateError(message, found=0.0, limit=0.0)
        drive = constant(self.two_photon_drive)
        if drive > 0 and self.system.decay_rate <= 0 < self.threshold:
            message = (
                f"A two-photon drive of {drive:.6g} has no steady state, only one "
                f"below {self.threshold:.6g} has: lower `two_photon_drive`, or look at "
                "`charge`, which needs no steady state."
            )
            raise UnstableError(message, found=drive, limit=self.threshold)
        return super().steady_state()
