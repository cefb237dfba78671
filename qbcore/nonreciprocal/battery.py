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
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from qbcore import gaussian
from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.types import FloatArray
from qbcore.charging import Charging
from qbcore.gaussian import GaussianState, GaussianSystem

if TYPE_CHECKING:
    import qutip

CHARGER, BATTERY, CAVITY = 0, 1, 2  # order of the modes in states and operators


@dataclass(frozen=True, kw_only=True)
class NonreciprocalCharging(Charging):
    """Charging curve of a Gaussian battery; see `Charging` for times, energy and power.

    Attributes
    ----------
    state : mean (T, 2n) and covariance (T, 2n, 2n) of all modes, charger first, battery second.
    ergotropy : (T,) extractable work of the battery.
    charger_energy : (T,) energy of the charger above its start.
    input_power : (T,) energy that the drive feeds in per unit time, omega_0 times quanta.
    """

    state: GaussianState
    ergotropy: FloatArray
    charger_energy: FloatArray
    input_power: FloatArray


@dataclass(frozen=True, kw_only=True)
class NonreciprocalBattery:
    """Charger and battery with local losses, a shared loss and a complex coupling.

    Parameters
    ----------
    charger_loss, battery_loss : kappa_a, kappa_b >= 0, rates of energy loss to the own baths.
    shared_loss : Gamma >= 0, rate of the reservoir that both modes feel.
    charger_share, battery_share : p_a, p_b, real: what of each mode the shared reservoir sees.
    coupling : J, complex; fully nonreciprocal, i p_a p_b Gamma / 2, if not given.
    linear_drive : F, real, strength of the coherent drive.
    two_photon_drive : epsilon >= 0, strength of the two-photon drive, without a factor 1/2.
    drive_phase : theta of the two-photon drive, in radians.
    charger_detuning, battery_detuning : Delta_a, Delta_b, frequency of the mode minus the drive's
        (half the drive's for two photons).
    bath_occupation : mean occupation n >= 0 of all three baths; 0 in the papers.
    frequency : omega_0 > 0, energy of one quantum, the unit of energy in the papers.

    Raises
    ------
    ValueError for a value out of range.

    Examples
    --------
    >>> battery = NonreciprocalBattery(charger_loss=0.1, battery_loss=0.05, linear_drive=0.5)
    >>> round(gaussian.occupation(battery.steady_state().mode(BATTERY)), 4)  # 16 F^2 / (1.1 * 1.05)^2
    2.9984
    """

    charger_loss: float = 0.1
    battery_loss: float = 0.1
    shared_loss: float = 1.0
    charger_share: float = 1.0
    battery_share: float = 1.0
    coupling: complex | None = None
    linear_drive: float = 0.0
    two_photon_drive: float = 0.0
    drive_phase: float = 0.0
    charger_detuning: float = 0.0
    battery_detuning: float = 0.0
    bath_occupation: float = 0.0
    frequency: float = 1.0

    def __post_init__(self) -> None:
        """Check the parameters."""
        for name in ("charger_loss", "battery_loss", "shared_loss", "two_photon_drive", "bath_occupation"):
            real(name, getattr(self, name), least=0.0)
        for name in ("charger_share", "battery_share", "linear_drive", "drive_phase"):
            real(name, getattr(self, name))
        for name in ("charger_detuning", "battery_detuning"):
            real(name, getattr(self, name))
        real("frequency", self.frequency, above=0.0)
        if self.coupling is not None:
            number = isinstance(self.coupling, int | float | complex | np.number)
            fits = number and cmath.isfinite(complex(self.coupling))
            require(fits, "coupling", "be a finite number or None", self.coupling)

    @property
    def cross_loss(self) -> float:
        """g = p_a p_b Gamma, the rate at which the shared reservoir couples the modes."""
        return self.charger_share * self.battery_share * self.shared_loss

    @property
    def j(self) -> complex:
        """The coupling J in use."""
        return 0.5j * self.cross_loss if self.coupling is None else complex(self.coupling)

    @property
    def total_losses(self) -> tuple[float, float]:
        """Lambda_a, Lambda_b, with Lambda_j = kappa_j + p_j^2 Gamma."""
        return (
            self.charger_loss + self.charger_share**2 * self.shared_loss,
            self.battery_loss + self.battery_share**2 * self.shared_loss,
        )

    def effective_matrix(self) -> NDArray[np.complex128]:
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
            hopping=np.array([[self.charger_detuning, self.j], [self.j.conjugate(), self.battery_detuning]]),
            pairing=np.diag([pairing, 0]),
            drive=[self.linear_drive, 0],
            jumps=thermal_jumps(
                [
                    [np.sqrt(self.charger_loss), 0],
                    [0, np.sqrt(self.battery_loss)],
                    np.sqrt(self.shared_loss) * np.array([self.charger_share, self.battery_share]),
                ],
                self.bath_occupation,
            ),
        )

    def threshold(self) -> float:
        """Smallest epsilon without a steady state; infinite if none is found, 0 if even epsilon = 0 has none.

        For J = i g/2 and Lambda_b > 0 it is sqrt(Lambda_a^2/4 + Delta_a^2)/2; else found numerically.
        """

        def decay(drive: float) -> float:
            return replace(self, two_photon_drive=drive).system.decay_rate

        scale = float(np.abs(self.effective_matrix()).sum())
        if decay(0.0) <= 0:
            return 0.0
        grid = np.linspace(0.0, scale, 257)
        unstable = next((k for k, drive in enumerate(grid) if decay(float(drive)) <= 0), None)
        if unstable is None:
            return float("inf")
        return float(brentq(decay, grid[unstable - 1], grid[unstable], xtol=1e-14, rtol=1e-13))

    def steady_state(self) -> GaussianState:
        """Moments at rest. Raises ValueError, with the threshold, if the drive is too strong."""
        if self.system.decay_rate <= 0:
            must = f"stay below the threshold {self.threshold():.6g} for a steady state"
            require(False, "two_photon_drive", must, self.two_photon_drive)
        return self.system.steady_state()

    def charge(self, times: ArrayLike) -> NonreciprocalCharging:
        """Exact charging curve from the state in equilibrium with the undriven baths (vacuum at n = 0).

        ``times`` are (T,) increasing and not negative. Above threshold the energies grow without
        bound; the curve is exact all the same, and only `steady_state` refuses.
        """
        start = gaussian.thermal(2, self.bath_occupation)
        return charging_curve(self.system, start, time_axis("times", times), self.frequency, self.input_power)

    def input_power(self, state: GaussianState) -> FloatArray:
        """Quanta the drive feeds in, omega_0 (-2 F Im<a> - 4 epsilon Im(e^{i theta} <a^2>)); (T,)."""
        f, charger = self.linear_drive, state.mode(CHARGER)
        turned = cmath.exp(1j * self.drive_phase) * gaussian.anomalous(charger)
        rate = -2 * f * np.imag(gaussian.amplitude(charger)) - 4 * self.two_photon_drive * np.imag(turned)
        return np.asarray(self.frequency * rate)

    def hamiltonian(self, charger_levels: int, battery_levels: int) -> qutip.Qobj:
        """H in a Fock space cut off at these many levels a mode."""
        a, b = ladder_operators(charger_levels, battery_levels)
        pair = self.two_photon_drive * cmath.exp(-1j * self.drive_phase) * a.dag() ** 2
        hop = self.j * a.dag() * b
        free = self.charger_detuning * a.dag() * a + self.battery_detuning * b.dag() * b
        return free + hop + hop.dag() + self.linear_drive * (a + a.dag()) + pair + pair.dag()

    def collapse_operators(self, charger_levels: int, battery_levels: int) -> list[qutip.Qobj]:
        """Jump operators of the three baths that couple, in the same space."""
        a, b = ladder_operators(charger_levels, battery_levels)
        shared = self.charger_share * a + self.battery_share * b
        down, up = np.sqrt(self.bath_occupation + 1), np.sqrt(self.bath_occupation)
        losses = ((self.charger_loss, a), (self.battery_loss, b), (self.shared_loss, shared))
        jumps = [(np.sqrt(rate) * down) * op for rate, op in losses if rate > 0]
        return jumps + [(np.sqrt(rate) * up) * op.dag() for rate, op in losses if rate * up > 0]

    def battery_hamiltonian(self, battery_levels: int) -> qutip.Qobj:
        """omega_0 b^+ b of the battery alone."""
        import qutip

        return self.frequency * qutip.num(battery_levels)


def thermal_jumps(losses: ArrayLike, occupation: float) -> NDArray[np.complex128]:
    """Rows (annihilation | creation) of sqrt(n + 1) L and, for n > 0, sqrt(n) L^+, for losses L."""
    rows = np.asarray(losses, float)
    down, nothing = np.sqrt(occupation + 1) * rows, np.zeros_like(rows)
    jumps = np.hstack([down, nothing])
    if occupation > 0:
        jumps = np.vstack([jumps, np.hstack([nothing, np.sqrt(occupation) * rows])])
    return jumps.astype(complex)


def charging_curve(
    system: GaussianSystem,
    start: GaussianState,
    times: FloatArray,
    frequency: float,
    feed: Callable[[GaussianState], FloatArray],
) -> NonreciprocalCharging:
    """Charging curve of mode 1, fed through mode 0."""
    state = system.evolve(start, times)
    battery, slope = state.mode(BATTERY), system.slope(state).mode(BATTERY)
    trace = np.trace(slope.covariance, axis1=-2, axis2=-1)
    power = trace / 2 + (battery.mean * slope.mean).sum(axis=-1)
    first = gaussian.occupation(start.mode(BATTERY))
    return NonreciprocalCharging(
        times=times,
        energy=frequency * (gaussian.occupation(battery) - first),
        power=frequency * power,
        state=state,
        ergotropy=gaussian.ergotropy(battery, frequency),
        charger_energy=frequency * (gaussian.occupation(state.mode(CHARGER)) - first),
        input_power=feed(state),
    )


def ladder_operators(*levels: int) -> list[qutip.Qobj]:
    """Annihilation operators of modes cut off at these levels, on their tensor product."""
    import qutip

    for count in levels:
        integer("levels", count, least=2)
    return [
        qutip.tensor([qutip.destroy(n) if k == mode else qutip.qeye(n) for k, n in enumerate(levels)])
        for mode in range(len(levels))
    ]
