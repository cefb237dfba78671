"""The (v0, T) map of Fig. 3 against a loop over ``qutip.sesolve`` at the same accuracy.

Run with ``python -m benchmarks.rosen_zener`` or as part of ``make bench``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
import qutip

from benchmarks.side_by_side import HEADER, Row, compare
from qbcore.charging import peak
from qbcore.rosen_zener import RosenZenerBattery, charge_map

DRIVES = np.linspace(1.0, 60.0, 60)
DURATIONS = np.linspace(0.005 * np.pi, 0.3 * np.pi, 60)


def our_map(atoms: int, resolution: float, accuracy: float) -> np.ndarray:
    """Largest energy over the grid in units of full charge, in one call."""
    grid = charge_map(
        atoms=atoms,
        drive=DRIVES[:, None],
        duration=DURATIONS,
        interaction=2.0,
        resolution=resolution,
        accuracy=accuracy,
    )
    return np.asarray(grid.max_energy.value / atoms)


def qutip_loop(atoms: int, method: str, drives: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """The same with one ``sesolve`` per point, in the Dicke basis, peak refined alike."""
    values = []
    for v0, span in product(drives, durations):
        b = RosenZenerBattery(atoms=atoms, drive=v0, duration=span, interaction=2.0)
        samples = max(32, int(np.ceil(8 * v0 * span)))
        times = np.linspace(0.0, span, samples + 1)
        jy = qutip.jmat(atoms / 2, "y")
        run = qutip.sesolve(
            b.hamiltonian(),
            qutip.basis(atoms + 1, atoms),
            times,
            e_ops=[b.battery_hamiltonian(), jy],
            options={"method": method, "rtol": 1e-8, "atol": 1e-10, "nsteps": 10**6, "progress_bar": ""},
        )
        slope = b.splitting * b.drive_at(times) * run.expect[1]
        values.append(float(peak(times, run.expect[0] + atoms / 2, slope).value))
    return np.array(values).reshape(len(drives), len(durations)) / atoms


def rows() -> Iterator[Row]:
    """60 x 60 points; the loop does them all for N = 10, and every tenth row and column for N = 100."""
    for atoms, resolution, accuracy, stride in ((10, 2.5, 1e-6, 1), (100, 1.5, 1e-4, 10)):
        for method in ("adams", "vern7"):
            yield compare(
                f"60 x 60 map of E_max / N, N = {atoms}",
                f"loop over sesolve ({method})",
                partial(our_map, atoms, resolution, accuracy),
                partial(qutip_loop, atoms, method, DRIVES[::stride], DURATIONS[::stride]),
                repeats=1,
                scale=float(stride**2),
                part=lambda whole, stride=stride: whole[::stride, ::stride],
            )


if __name__ == "__main__":
    print(HEADER)
    for row in rows():
        print(row, flush=True)
