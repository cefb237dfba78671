"""The two-photon charging curve against ``qutip.mesolve`` in a truncated space, at equal accuracy.

Run with ``python -m benchmarks.nonreciprocal`` or as part of ``make bench``. The accuracy asked for
is 1e-6 quanta. At a third of the threshold the rival's cutoff is the smallest that reaches it. At two
thirds no cutoff in reach does, so that ratio is a lower bound: 26 x 18 levels miss by 1e-4.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import qutip

from benchmarks.side_by_side import HEADER, Row, compare
from qbcore.nonreciprocal import NonreciprocalBattery

SHARE = float(np.sqrt(0.5))


def battery_at(drive: float) -> NonreciprocalBattery:
    """kappa = 0.1, Gamma = 1: the threshold is 0.15."""
    return NonreciprocalBattery(charger_share=SHARE, battery_share=SHARE, two_photon_drive=drive)


def our_curve(drive: float, times: np.ndarray) -> np.ndarray:
    """Energies of charger and battery at all times, (2, T)."""
    charging = battery_at(drive).charge(times)
    return np.array([charging.charger_energy, charging.energy])


def qutip_curve(
    drive: float, times: np.ndarray, levels: tuple[int, int], accuracy: float = 1e-6
) -> np.ndarray:
    """The same by mesolve, with (charger, battery) levels and the number operators as e_ops."""
    battery = battery_at(drive)
    number = [qutip.tensor(qutip.num(levels[0]), qutip.qeye(levels[1]))]
    number.append(qutip.tensor(qutip.qeye(levels[0]), qutip.num(levels[1])))
    run = qutip.mesolve(
        battery.hamiltonian(*levels),
        qutip.tensor(qutip.basis(levels[0], 0), qutip.basis(levels[1], 0)),
        times,
        c_ops=battery.collapse_operators(*levels),
        e_ops=number,
        options={"atol": accuracy / 100, "rtol": accuracy / 10, "nsteps": 10**6, "progress_bar": ""},
    )
    return np.array(run.expect)


# Drive, end of the curve, levels of the charger and of the battery.
CASES = ((0.02, 40.0, (8, 8)), (0.05, 40.0, (14, 14)), (0.10, 10.0, (26, 18)))


def rows() -> Iterator[Row]:
    """A seventh, a third and two thirds of the threshold."""
    for drive, end, levels in CASES:
        times = np.linspace(0.0, end, 201)
        yield compare(
            f"two-photon charging curve, epsilon = {drive:.2f} (threshold 0.15)",
            f"mesolve, {levels[0]} x {levels[1]} levels",
            lambda drive=drive, times=times: our_curve(drive, times),
            lambda drive=drive, times=times, levels=levels: qutip_curve(drive, times, levels),
            repeats=7 if levels[0] < 10 else 1,
        )


if __name__ == "__main__":
    print(HEADER)
    for row in rows():
        print(row, flush=True)
