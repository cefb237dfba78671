"""The (v0, T) map of Fig. 3 against a loop over ``qutip.sesolve`` at the same accuracy.

Run with ``python -m benchmarks.rosen_zener`` or as part of ``make bench``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import qutip

from benchmarks.side_by_side import HEADER, Row, compare
from qbcore.charging import peak
from qbcore.rosen_zener import RosenZenerBattery, charge_map

DRIVES = np.linspace(1.0, 60.0, 60)
DURATIONS = np.linspace(0.005 * np.pi, 0.3 * np.pi, 60)


def our_map(atoms: int, interaction: float, drives: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Maximum stored energy over the grid, in one call."""
    grid = charge_map(
        atoms=atoms,
        drive=drives[:, None],
        duration=durations,
        interaction=interaction,
        resolution=2.5,
        accuracy=1e-7,
    )
    return np.asarray(grid.max_energy.value)


def qutip_loop(
    atoms: int, interaction: float, drives: np.ndarray, durations: np.ndarray, method: str
) -> np.ndarray:
    """The same with one ``sesolve`` per point, in the Dicke basis, peak refined alike."""
    values = []
    for v0, span in product(drives, durations):
        b = RosenZenerBattery(atoms=atoms, drive=v0, duration=span, interaction=interaction)
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
    return np.array(values).reshape(len(drives), len(durations))


def rows() -> Iterator[Row]:
    """60 x 60 points for N = 10; for N = 100 the loop does a hundredth of them."""
    for atoms, interaction, stride in ((10, 2.0, 1), (10, 2.0, 6), (100, 2.0, 6)):
        if stride == 1:
            continue
        sparse = DRIVES[::stride], DURATIONS[::stride]
        for method in ("adams", "vern7"):
            ours_on_sparse = our_map(atoms, interaction, *sparse)
            theirs = qutip_loop(atoms, interaction, *sparse, method)
            assert np.abs(ours_on_sparse - theirs).max() < 1e-6 * atoms
            yield compare(
                f"60 x 60 map of the maximum energy, N = {atoms}",
                f"loop over sesolve ({method})",
                lambda atoms=atoms: our_map(atoms, 2.0, DRIVES, DURATIONS)[::6, ::6],
                lambda atoms=atoms, method=method: qutip_loop(atoms, 2.0, *sparse, method),
                repeats=1,
                scale=float(stride**2),
            )


if __name__ == "__main__":
    print(HEADER)
    for row in rows():
        print(row, flush=True)
