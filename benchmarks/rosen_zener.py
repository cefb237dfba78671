"""The Rosen-Zener battery: the (v0, T) map of Fig. 3, and one charging curve.

The rivals do one ``sesolve`` or ``solve_ivp`` per point, in the Dicke basis, and refine
the peak as `qbcore` does. They do 36 or 9 of the 3600 points, spread evenly over the
map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np
import qutip
from scipy.integrate import solve_ivp
from scipy.sparse import diags_array

from benchmarks.peers import by_dynamiqs
from benchmarks.side_by_side import Case, FloatArray, integrator_options
from qbcore.charging import peak
from qbcore.rosen_zener import RosenZenerBattery, charge_map

DRIVES = np.linspace(1.0, 60.0, 60)
DURATIONS = np.linspace(0.005 * np.pi, 0.3 * np.pi, 60)
Solver = Callable[..., FloatArray]
STRIDES = {10: 10, 30: 10, 100: 20}


def our_map(atoms: int) -> FloatArray:
    """Largest energy over the grid in units of full charge, in one call."""
    grid = charge_map(
        atoms=atoms,
        drive=DRIVES[:, None],
        duration=DURATIONS,
        interaction=2.0,
        resolution=2.0,
        accuracy=1e-5,
    )
    return np.asarray(grid.max_energy.value / atoms)


def sesolve(battery: RosenZenerBattery, times: FloatArray, rtol: float) -> FloatArray:
    """Energy / Delta and <Jy> at all times, (2, T)."""
    n = battery.atoms
    run = qutip.sesolve(
        battery.hamiltonian(),
        battery.initial_state(),
        times,
        e_ops=[qutip.jmat(n / 2, "z"), qutip.jmat(n / 2, "y")],
        options=integrator_options(rtol),
    )
    return np.array(run.expect)


def dop853(battery: RosenZenerBattery, times: FloatArray, rtol: float) -> FloatArray:
    """The same with ``solve_ivp``."""
    n = battery.atoms
    jz, jy = qutip.jmat(n / 2, "z").diag().real, qutip.jmat(n / 2, "y").full()
    upper = qutip.jmat(n / 2, "x").full().diagonal(1).real
    jx = diags_array([upper, upper], offsets=[-1, 1]).tocsr()
    levels, v0, span = battery.static_levels, battery.drive, battery.duration

    def slope(t: float, psi: FloatArray) -> FloatArray:
        return -1j * (levels * psi + v0 * np.sin(np.pi * t / span) ** 2 * (jx @ psi))

    start = np.eye(n + 1, dtype=complex)[-1]
    kets = solve_ivp(
        slope, (0, times[-1]), start, "DOP853", times, rtol=rtol, atol=rtol / 100
    ).y
    return np.array(
        [jz @ np.abs(kets) ** 2, (kets.conj() * (jy @ kets)).sum(axis=0).real]
    )


def dynamiqs(battery: RosenZenerBattery, times: FloatArray, rtol: float) -> FloatArray:
    """Energy / Delta at all times, (1, T), compiled by JAX."""
    n = battery.atoms
    return by_dynamiqs(
        np.diag(battery.static_levels),
        np.eye(n + 1)[-1],
        qutip.jmat(n / 2, "z").diag().real,
        times,
        rtol,
        driven=qutip.jmat(n / 2, "x").full(),
        pulse=(battery.drive, battery.duration),
    )[None]


def their_map(solver: Solver, atoms: int, rtol: float) -> FloatArray:
    """Every stride-th row and column of the map."""
    values, chosen = [], slice(STRIDES[atoms] // 2, None, STRIDES[atoms])
    for v0, span in product(DRIVES[chosen], DURATIONS[chosen]):
        b = RosenZenerBattery(atoms=atoms, drive=v0, duration=span, interaction=2.0)
        times = np.linspace(0.0, span, max(32, int(np.ceil(8 * v0 * span))) + 1)
        energy, jy = solver(b, times, rtol)
        values.append(
            float(peak(times, energy + atoms / 2, b.drive_at(times) * jy).value)
        )
    return np.reshape(values, (60 // STRIDES[atoms], -1)) / atoms


def our_curve(atoms: int) -> FloatArray:
    """One charging curve per atom, 201 times."""
    return RosenZenerBattery(atoms=atoms).charge(accuracy=1e-7).energy / atoms


def their_curve(solver: Solver, atoms: int, rtol: float) -> FloatArray:
    """The same curve by a rival."""
    b = RosenZenerBattery(atoms=atoms)
    return solver(b, np.linspace(0.0, b.duration, 201), rtol)[0] / atoms + 0.5


def cases() -> Iterator[Case]:
    """Maps for three sizes, curves for four, each against two rivals."""
    rivals = {"sesolve (adams)": sesolve, "solve_ivp (DOP853)": dop853}
    one = partial(Case, model="Rosen-Zener", unit="atoms")
    for atoms, (rival, solver) in product(STRIDES, rivals.items()):
        stride = STRIDES[atoms]
        yield one(
            task="map of 60 x 60 pulses",
            size=atoms,
            accuracy=1e-5,
            ours=partial(our_map, atoms),
            rival=f"loop over {rival}",
            theirs=partial(their_map, solver, atoms),
            scale=float(stride**2),
            part=(slice(stride // 2, None, stride),) * 2,
        )
    rivals["dynamiqs (Dopri8), compiled"] = dynamiqs
    for atoms, (rival, solver) in product((10, 30, 100, 300), rivals.items()):
        yield one(
            task="charging curve",
            size=atoms,
            accuracy=1e-6,
            ours=partial(our_curve, atoms),
            rival=rival,
            theirs=partial(their_curve, solver, atoms),
        )
