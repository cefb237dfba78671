"""The dual-cavity battery: two cavities, with and without exchange, and one.

The rivals: ``sesolve`` in the full space, as a user would write it, and with the
operators that `qbcore` reduced to one parity (what is left is the Chebyshev series
against an integrator); ``expm_multiply`` with the same; for one cavity the Dicke
battery of `qthermo`, which diagonalises a dense matrix. Its H is ours without
repulsion, with g = g_1/2 and a cutoff of 2 N + 6 levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial

import numpy as np
import qthermo
import qutip
from scipy.sparse.linalg import expm_multiply

from benchmarks.peers import by_dynamiqs
from benchmarks.side_by_side import Case, FloatArray, integrator_options
from qbcore.dual_cavity import DualCavityBattery

TIMES = np.linspace(0.0, 5.0, 51)


@lru_cache
def battery_of(atoms: int, exchange: float) -> DualCavityBattery:
    """N + N atoms, 31 levels of light in each cavity."""
    return DualCavityBattery(
        atoms_a=atoms, atoms_b=atoms, cutoff_a=30, cutoff_b=30, exchange=exchange
    )


def ours(atoms: int, exchange: float) -> FloatArray:
    """The stored energy at all times."""
    return battery_of(atoms, exchange).charge(TIMES, leak=1.0).energy


def options(rtol: float) -> dict[str, object]:
    """Of the integrators of QuTiP, DOP853 was the fastest here."""
    return integrator_options(rtol) | {"method": "dop853"}


def full_space(atoms: int, exchange: float, rtol: float) -> FloatArray:
    """``sesolve`` with all states of both cavities."""
    battery = battery_of(atoms, exchange)
    h, start = battery.hamiltonian(), battery.initial_state()
    atoms_alone = battery.battery_hamiltonian()
    stored = qutip.expand_operator(atoms_alone, h.dims[0], list(battery.battery_sites))
    return qutip.sesolve(h, start, TIMES, e_ops=[stored], options=options(rtol)).expect[
        0
    ]


def one_parity(atoms: int, exchange: float, rtol: float) -> FloatArray:
    """``sesolve`` on the half of the basis that the start can reach."""
    battery = battery_of(atoms, exchange)
    space = battery._spaces(None)[0]
    stored = qutip.qdiags(space.means[:, 0].sum(axis=0), 0)
    h, start = qutip.Qobj(space.h.astype(complex)), qutip.Qobj(space.start)
    return qutip.sesolve(h, start, TIMES, e_ops=[stored], options=options(rtol)).expect[
        0
    ]


def peer_in_one_parity(atoms: int, exchange: float, rtol: float) -> FloatArray:
    """The same, compiled by JAX."""
    space = battery_of(atoms, exchange)._spaces(None)[0]
    stored = space.means[:, 0].sum(axis=0)
    return by_dynamiqs(space.h, space.start, stored, TIMES, rtol)


def by_expm_multiply(atoms: int, exchange: float) -> FloatArray:
    """``scipy.sparse.linalg.expm_multiply`` on the same half."""
    battery = battery_of(atoms, exchange)
    space = battery._spaces(None)[0]
    h = -1j * space.h
    kets = expm_multiply(
        h, space.start[:, 0], 0.0, TIMES[-1], TIMES.size, traceA=h.trace()
    )
    return np.abs(kets) ** 2 @ space.means[:, 0].sum(axis=0)


def one_cavity(atoms: int) -> FloatArray:
    """Stored energy of one cavity without repulsion, with the cutoff of `qthermo`."""
    battery = DualCavityBattery(
        atoms_a=atoms, atoms_b=0, repulsion=0.0, cutoff_a=2 * atoms + 5
    )
    return battery.charge(TIMES, leak=1.0).energy


def by_qthermo(atoms: int) -> FloatArray:
    """The same by `qthermo`."""
    dicke = qthermo.batteries.dicke_battery(atoms, g=0.25)
    return qthermo.batteries.charge(
        dicke["H"], dicke["H_battery"], dicke["state"], TIMES
    ).energy


def cases() -> Iterator[Case]:
    """Two cavities that exchange, two that do not, and one."""
    one = partial(Case, model="Dual cavity", accuracy=1e-6)
    for atoms in (2, 4, 6, 8):
        exchanging = partial(
            one,
            task="two cavities, exchange",
            size=atoms,
            unit="atoms a cavity",
            ours=partial(ours, atoms, 0.5),
        )
        yield exchanging(
            rival="sesolve (dop853)", theirs=partial(full_space, atoms, 0.5)
        )
        if atoms in (2, 6):
            yield exchanging(
                rival="sesolve (dop853), one parity",
                theirs=partial(one_parity, atoms, 0.5),
            )
            yield exchanging(
                rival="dynamiqs (Dopri8), compiled, one parity",
                theirs=partial(peer_in_one_parity, atoms, 0.5),
            )
            yield exchanging(
                rival="expm_multiply, one parity",
                theirs=partial(by_expm_multiply, atoms, 0.5),
                tolerant=False,
            )
    for atoms in (2, 4, 8):
        yield one(
            task="two cavities, no exchange",
            size=atoms,
            unit="atoms a cavity",
            ours=partial(ours, atoms, 0.0),
            rival="sesolve (dop853)",
            theirs=partial(full_space, atoms, 0.0),
        )
    for atoms in (2, 5, 10, 20):
        yield one(
            task="one cavity",
            size=atoms,
            unit="atoms",
            ours=partial(one_cavity, atoms),
            rival="qthermo (dense)",
            theirs=partial(by_qthermo, atoms),
            tolerant=False,
        )
