"""The charging curve of the dual-cavity battery against QuTiP and scipy, 31 x 31 photons, t in [0, 20].

Run with ``python -m benchmarks.dual_cavity`` or as part of ``make bench``. The rivals are

* ``qutip.sesolve`` in the full space, as a user would write it;
* the same with the parity-reduced operators of `qbcore`, so without our Chebyshev series;
* ``scipy.sparse.linalg.expm_multiply`` with the reduced operators.

Their tolerances are the loosest that reach 1e-6 in the stored energy. At 5 + 5 atoms sesolve's default
tolerance is off by 8e-5, and its "krylov" method (krylov_dim=30) by 4e-2 without a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import qutip
from scipy.sparse.linalg import expm_multiply

from benchmarks.side_by_side import HEADER, Row, compare
from qbcore.dual_cavity import DualCavityBattery

TIMES = np.linspace(0.0, 20.0, 201)
RTOL = {(5, 0.5): 1e-7, (10, 0.5): 2e-8, (10, 0.0): 5e-9}  # by the atoms of one cavity, and A


def options(battery: DualCavityBattery) -> dict[str, object]:
    """The best setting found: DOP853 beats vern9, adams at this accuracy."""
    rtol = RTOL[battery.atoms_a, battery.exchange]
    return {"method": "dop853", "rtol": rtol, "atol": rtol / 100, "nsteps": 10**6, "progress_bar": ""}


def full_space(battery: DualCavityBattery) -> Callable[[], np.ndarray]:
    """``sesolve`` with all states of both cavities."""
    levels = battery.battery_hamiltonian().diag().real.reshape(battery.shape[::2])
    spread = np.broadcast_to(levels[:, None, :, None], battery.shape).ravel()
    h = battery.hamiltonian()
    h_q = qutip.Qobj(qutip.qdiags(spread, 0), dims=h.dims)
    start = qutip.basis(list(battery.shape), [0, battery.start[0], 0, battery.start[1]])
    return lambda: qutip.sesolve(h, start, TIMES, e_ops=[h_q], options=options(battery)).expect[0]


def reduced(battery: DualCavityBattery, *, by_scipy: bool) -> Callable[[], np.ndarray]:
    """Library solvers on the half of the basis that the start can reach."""
    space = battery._space(battery._fields(None))
    levels = space.diagonals[:2].sum(axis=0)
    h = space.h.astype(complex)

    def scipy_route() -> np.ndarray:
        kets = expm_multiply(-1j * h, space.start, 0.0, 20.0, TIMES.size, traceA=-1j * h.trace())
        return np.abs(kets) ** 2 @ levels

    def qutip_route() -> np.ndarray:
        observed = qutip.qdiags(levels, 0)
        start = qutip.Qobj(space.start)
        return qutip.sesolve(qutip.Qobj(h), start, TIMES, e_ops=[observed], options=options(battery)).expect[
            0
        ]

    return scipy_route if by_scipy else qutip_route


def rows() -> Iterator[Row]:
    """Two sizes with exchange against three rivals, and one without."""
    for atoms, exchange in ((5, 0.5), (10, 0.5), (10, 0.0)):
        battery = DualCavityBattery(atoms_a=atoms, atoms_b=atoms, exchange=exchange)
        rivals = {"sesolve (dop853), full space": full_space(battery)}
        if exchange:
            rivals["sesolve (dop853), one parity"] = reduced(battery, by_scipy=False)
            rivals["expm_multiply, one parity"] = reduced(battery, by_scipy=True)
        for rival, run in rivals.items():
            task = f"charging curve, {atoms} + {atoms} atoms, A = {exchange}"
            row = compare(task, rival, lambda b=battery: b.charge(TIMES, leak=1.0).energy, run, repeats=1)
            assert row.difference < 1e-6, row
            yield row


if __name__ == "__main__":
    print(HEADER)
    for row in rows():
        print(row, flush=True)
