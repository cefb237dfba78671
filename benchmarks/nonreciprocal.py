"""The nonreciprocal battery, driven by photon pairs, and with its reservoir as a mode.

``mesolve`` and ``steadystate`` work in a truncated Fock space; the levels here are the
fewest that reach the accuracy. A rival that knows the trick, too, integrates the
equations of the moments with ``solve_ivp`` or hands them to scipy's Lyapunov solver:
what is left is the overhead of `qbcore`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import qutip
from scipy.integrate import solve_ivp
from scipy.linalg import solve_continuous_lyapunov

from benchmarks.side_by_side import Case, FloatArray, integrator_options
from qbcore.nonreciprocal import NonreciprocalBattery
from qbcore.nonreciprocal.three_mode import ThreeModeBattery

TIMES = np.linspace(0.0, 40.0, 201)
EARLY = np.linspace(0.0, 4.0, 21)
SHARE = float(np.sqrt(0.5))
LEVELS = {
    8: 0.02,
    11: 0.035,
    14: 0.05,
}  # of the truncated space, by the drive that needs them


def battery_at(drive: float, levels: int = 2) -> NonreciprocalBattery:
    """kappa = 0.1, Gamma = 1: the threshold is 0.15; levels of the truncated space."""
    fock = {"charger_levels": levels, "battery_levels": levels}
    return NonreciprocalBattery(
        charger_share=SHARE, battery_share=SHARE, two_photon_drive=drive, **fock
    )


THREE = ThreeModeBattery(
    linear_drive=0.1, charger_levels=5, battery_levels=5, cavity_levels=3
)


def pairs(drive: float) -> FloatArray:
    """Energies of charger and battery at all times, (2, T)."""
    charging = battery_at(drive).charge(TIMES)
    return np.array([charging.charger_energy, charging.energy])


def three_modes() -> FloatArray:
    """The same with the reservoir as a third mode."""
    charging = THREE.charge(EARLY)
    return np.array([charging.charger_energy, charging.energy])


def by_mesolve(
    battery: NonreciprocalBattery | ThreeModeBattery, times: FloatArray, rtol: float
) -> FloatArray:
    """The same by ``mesolve``, from the vacuum."""
    start = battery.initial_state()
    levels = start.dims[0]
    ones = [qutip.qeye(n) for n in levels]
    counts = [qutip.tensor(qutip.num(levels[0]), *ones[1:])]
    counts.append(qutip.tensor(ones[0], qutip.num(levels[1]), *ones[2:]))
    run = qutip.mesolve(
        battery.hamiltonian(),
        start,
        times,
        c_ops=battery.collapse_operators(),
        e_ops=counts,
        options=integrator_options(rtol),
    )
    return np.array(run.expect)


def by_moments(drive: float, rtol: float) -> FloatArray:
    """The same by ``solve_ivp`` from the equation of the covariance."""
    system = battery_at(drive).system
    a, d = system.drift, system.diffusion

    def slope(_: float, x: FloatArray) -> FloatArray:
        flow = a @ x.reshape(4, 4)
        return (flow + flow.T + d).ravel()

    start = np.eye(4).ravel() / 2
    path = solve_ivp(
        slope, (0, TIMES[-1]), start, "DOP853", TIMES, rtol=rtol, atol=rtol / 100
    ).y
    diagonal = path.reshape(4, 4, -1).diagonal().T
    return np.array([diagonal[0] + diagonal[1] - 1, diagonal[2] + diagonal[3] - 1]) / 2


def rest(drive: float) -> float:
    """Quanta of the battery at rest."""
    return float(battery_at(drive).steady_state().energy)


def rest_by_lyapunov(drive: float) -> float:
    """The same by one call of scipy."""
    system = battery_at(drive).system
    covariance = solve_continuous_lyapunov(system.drift, -system.diffusion)
    return float(covariance[2, 2] + covariance[3, 3] - 1) / 2


def rest_by_steadystate(drive: float, levels: int) -> float:
    """The same by ``qutip.steadystate``."""
    battery = battery_at(drive, levels)
    jumps = battery.collapse_operators()
    rho = qutip.steadystate(battery.hamiltonian(), jumps)
    return float(qutip.expect(qutip.num(levels), rho.ptrace(1)))


def cases() -> Iterator[Case]:
    """Curves and the state at rest for three drives; the reservoir as a third mode."""
    one = partial(Case, model="Nonreciprocal", unit="levels a mode", accuracy=1e-6)
    for levels, drive in LEVELS.items():
        charging = partial(
            one,
            task="two-photon charging curve",
            size=levels,
            ours=partial(pairs, drive),
        )
        yield charging(
            rival="mesolve (adams)",
            theirs=partial(by_mesolve, battery_at(drive, levels), TIMES),
        )
        yield charging(
            rival="moments by solve_ivp (DOP853)", theirs=partial(by_moments, drive)
        )
    for levels, drive in {6: 0.01, 8: 0.02}.items():
        at_rest = partial(
            one,
            task="two-photon state at rest",
            size=levels,
            ours=partial(rest, drive),
            tolerant=False,
        )
        yield at_rest(
            rival="steadystate (direct)",
            theirs=partial(rest_by_steadystate, drive, levels),
        )
        yield at_rest(
            rival="bare Lyapunov solver of scipy",
            theirs=partial(rest_by_lyapunov, drive),
        )
    yield one(
        task="three modes, coherent drive",
        size=5,
        ours=three_modes,
        rival="mesolve (adams)",
        theirs=partial(by_mesolve, THREE, EARLY),
    )
