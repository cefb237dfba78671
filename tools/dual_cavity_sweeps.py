"""Compute the heavy sweeps of the dual-cavity chapter and store them as small text files.

    python tools/dual_cavity_sweeps.py [splits exchange scaling]      (all three if none is named)

Writes ``book/papers/data/dual-cavity-<name>.csv``. About ten minutes on one idle core. Every run
uses photon cutoffs at which the two highest photon numbers hold less than LEAK; the row says which.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from qbcore.dual_cavity import DualCavityBattery, DualCavityCharging

DATA = Path(__file__).resolve().parent.parent / "book" / "papers" / "data"
TIMES = np.linspace(0.0, 20.0, 201)
LEAK = 1e-3  # leaves 1e-5 of the full charge in P_max and an early E_max, some 5e-3 in a late one
REPULSIONS = (0.5, 1.0, 2.0)
LARGEST_EQUAL = 24  # 12 + 12 atoms with exchange: 200 000 basis states
Row = dict[str, object]
Run = Callable[[DualCavityBattery], DualCavityCharging]


def over_window(battery: DualCavityBattery) -> DualCavityCharging:
    """The charging curve over [0, 20]."""
    return battery.charge(TIMES, leak=1.0)


def for_power(battery: DualCavityBattery) -> DualCavityCharging:
    """The charging curve up to where its largest average power is certain."""
    return battery.charge_for_power(leak=1.0)


def settled(
    battery: DualCavityBattery, run: Run, reach: float, margin: int
) -> tuple[DualCavityBattery, DualCavityCharging]:
    """Run with growing cutoffs until neither leaks; start from a displaced Fock state's size.

    The light is pushed by g_1 S^x <= g_1 N/2, which moves the amplitude sqrt(n) by ``reach`` times that.
    """
    guess = [(n**0.5 + reach * battery.coupling * n / 2) ** 2 + margin for n in battery.start]
    cutoffs = [max(int(c), n + 8) for c, n in zip(guess, battery.start, strict=True)]
    while True:
        battery = replace(battery, cutoff_a=cutoffs[0], cutoff_b=cutoffs[1])
        charging = run(battery)
        leaks = charging.leak.max(axis=1)
        if leaks.max() <= LEAK:
            return battery, charging
        cutoffs = [c + max(4, c // 6) if leak > LEAK else c for c, leak in zip(cutoffs, leaks, strict=True)]


def row(battery: DualCavityBattery, charging: DualCavityCharging, *, with_energy: bool) -> Row:
    """What is stored of one run."""
    values: Row = {
        "atoms_a": battery.atoms_a,
        "atoms_b": battery.atoms_b,
        "exchange": battery.exchange,
        "repulsion": battery.repulsion,
        "cutoff_a": battery.cutoff_a,
        "cutoff_b": battery.cutoff_b if battery.atoms_b else 0,
        "leak": f"{charging.leak.max():.1e}",
    }
    best = {"power": charging.max_average_power} | ({"energy": charging.max_energy} if with_energy else {})
    for name, found in best.items():
        values |= {f"max_{name}": f"{float(found.value):.5f}", f"{name}_time": f"{float(found.time):.4f}"}
    return values


def splits() -> Iterator[Row]:
    """Figs. 6 and 7: N = 20, converged and with the paper's 30 photons."""
    for exchange in (0.0, 0.5):
        for atoms_a in (10, 12, 14, 16, 18):
            for repulsion in REPULSIONS:
                battery = DualCavityBattery(
                    atoms_a=atoms_a, atoms_b=20 - atoms_a, exchange=exchange, repulsion=repulsion
                )
                yield row(*settled(battery, over_window, 1.8, 14), with_energy=True)
                yield row(battery, over_window(battery), with_energy=True)


def exchange() -> Iterator[Row]:
    """The same for N = 12 and several strengths of the exchange."""
    for strength in (0.0, 0.1, 0.2, 0.5, 1.0):
        for repulsion in REPULSIONS:
            for atoms_a in (6, 8, 10):
                battery = DualCavityBattery(
                    atoms_a=atoms_a, atoms_b=12 - atoms_a, exchange=strength, repulsion=repulsion
                )
                yield row(*settled(battery, over_window, 1.8, 14), with_energy=True)


def scaling() -> Iterator[Row]:
    """Figs. 4 and 5: the largest power against N, equal (N/2, N/2), unequal (N - 2, 2), one cavity."""
    small = [4, 6, 8, 10, 12, 14, 16]
    large = [*small, 18, 20, 24, 28, 32, 36, 40]
    cases = [(a, g, large) for a in (0.0, 0.5) for g in REPULSIONS]
    cases += [(a, 0.5, small) for a in (0.1, 0.2, 1.0)]
    for strength, repulsion, atoms in [(a, g, n) for a, g, sizes in cases for n in sizes]:
        pairs = [(atoms - 2, 2)]
        pairs += [(atoms // 2, atoms // 2)] if strength == 0 or atoms <= LARGEST_EQUAL else []
        pairs += [(atoms, 0)] if strength == 0 else []
        for a, b in dict.fromkeys(pairs):  # 2 + 2 is both equal and unequal
            battery = DualCavityBattery(
                atoms_a=a, atoms_b=b, exchange=strength, repulsion=repulsion, cutoff_a=a + 1, cutoff_b=b + 1
            )
            yield row(*settled(battery, for_power, 0.9, 10), with_energy=False)


if __name__ == "__main__":
    sweeps = {"splits": (splits, 60), "exchange": (exchange, 45), "scaling": (scaling, 231)}
    start = time.perf_counter()
    for name in sys.argv[1:] or sweeps:
        sweep, count = sweeps[name]
        rows = []
        for number, found in enumerate(sweep(), start=1):
            rows.append(found)
            print(f"{name} [{number}/{count}] {time.perf_counter() - start:.0f} s {found}", flush=True)
        with (DATA / f"dual-cavity-{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
