"""What the two nonreciprocal models share: their results, and what turns modes into curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qbcore import gaussian
from qbcore._support.checks import integer
from qbcore._support.results import read_only
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.charging import Charging, SteadyState
from qbcore.gaussian import GaussianState, GaussianSystem

if TYPE_CHECKING:
    import qutip

CHARGER, BATTERY, CAVITY = 0, 1, 2  # order of the modes in states and operators


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class GaussianCharging(Charging):
    """Charging curve of a Gaussian battery; see `Charging` for what all curves have.

    Attributes
    ----------
    moments : GaussianState
        Mean (T, 2n) and covariance (T, 2n, 2n) of all modes, charger first, battery second.
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


def charging_curve(
    system: GaussianSystem,
    start: GaussianState,
    times: FloatArray,
    frequency: float,
    feed: Callable[[GaussianState], FloatArray],
    levels: int | None,
) -> GaussianCharging:
    """Charge mode 1 through mode 0, which ``feed`` supplies; Fock states if ``levels`` says so."""
    moments = system.evolve(start, times)
    battery, slope = moments.mode(BATTERY), system.slope(moments).mode(BATTERY)
    trace = np.trace(slope.covariance, axis1=-2, axis2=-1)
    power = trace / 2 + (battery.mean * slope.mean).sum(axis=-1)
    gained = [
        gaussian.occupation(moments.mode(k)) - gaussian.occupation(start.mode(k))
        for k in (CHARGER, BATTERY)
    ]
    return GaussianCharging(
        times=times,
        energy=frequency * gained[BATTERY],
        power=frequency * power,
        ergotropy=gaussian.ergotropy(battery, frequency),
        states=None if levels is None else gaussian.fock_state(battery, levels),
        moments=moments,
        charger_energy=frequency * gained[CHARGER],
        input_power=feed(moments),
    )


def resting(
    moments: GaussianState, frequency: float, levels: int
) -> GaussianSteadyState:
    """The battery's part of a state at rest."""
    battery = moments.mode(BATTERY)
    return GaussianSteadyState(
        energy=float(frequency * gaussian.occupation(battery)),
        ergotropy=float(gaussian.ergotropy(battery, frequency)),
        moments=moments,
        levels=levels,
    )


def settling_times(system: GaussianSystem) -> FloatArray:
    """Times over which the slowest part settles; bounded where nothing does."""
    values = np.linalg.eigvals(system.drift)
    fastest = float(np.abs(values).max())
    if fastest == 0:
        return np.linspace(0.0, 1.0, 401)
    span = 12 / (system.decay_rate if system.decay_rate > 0 else fastest)
    samples = int(np.clip(8 * fastest * span, 400, 4000))
    return np.linspace(0.0, span, samples + 1)


def thermal_jumps(losses: ArrayLike, occupation: float) -> ComplexArray:
    """Rows (annihilation | creation) of sqrt(n + 1) L and, for n > 0, sqrt(n) L^+, for losses L."""
    rows = np.asarray(losses, float)
    nothing = np.zeros_like(rows)
    jumps = np.hstack([np.sqrt(occupation + 1) * rows, nothing])
    if occupation > 0:
        jumps = np.vstack([jumps, np.hstack([nothing, np.sqrt(occupation) * rows])])
    return jumps.astype(complex)


def collapse_operators(
    losses: list[tuple[float, qutip.Qobj]], occupation: float
) -> list[qutip.Qobj]:
    """Jump operators of baths at this occupation, of those that couple: (rate, operator) each."""
    down, up = np.sqrt(occupation + 1), np.sqrt(occupation)
    jumps = [(np.sqrt(rate) * down) * op for rate, op in losses if rate > 0]
    gains = [
        (np.sqrt(rate) * up) * op.dag() for rate, op in losses if rate * occupation > 0
    ]
    return jumps + gains


def ladder_operators(*levels: int) -> list[qutip.Qobj]:
    """Annihilation operators of modes cut off at these levels, on their tensor product."""
    import qutip

    factors = [qutip.qeye(n) for n in levels]
    return [
        qutip.tensor([*factors[:k], qutip.destroy(n), *factors[k + 1 :]])
        for k, n in enumerate(levels)
    ]


def thermal_modes(levels: tuple[int, ...], occupation: float) -> qutip.Qobj:
    """Modes in equilibrium with baths at this occupation; a ket at zero."""
    import qutip

    if occupation == 0:
        return qutip.tensor([qutip.basis(n, 0) for n in levels])
    return qutip.tensor(
        [qutip.thermal_dm(n, occupation, method="analytic") for n in levels]
    )


def default_drive(two_photon_drive: float) -> float:
    """F where it is not given: 0.5, unless a two-photon drive already charges the battery."""
    return 0.5 if two_photon_drive == 0 else 0.0


def checked_levels(battery: object, *names: str) -> None:
    """Refuse Fock spaces of fewer than two levels."""
    for name in names:
        integer(name, getattr(battery, name), least=2)
