"""Compute the heavy sweeps of the chapters and store them as small text files.

    python tools/sweeps.py [rosen-zener-far ...]      (all if none is named)

Writes ``book/papers/data/<name>.csv``. Two processes; finished points are kept in
``.sweeps``, so that an interrupted run goes on where it was. Every dual-cavity run uses
photon cutoffs at which the two highest photon numbers hold less than LEAK; the row says
which.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from qbcore.dual_cavity import DualCavityBattery, DualCavityCharging
from qbcore.rosen_zener import charge_map
from qbcore.sweep import sweep

ROOT = Path(__file__).resolve().parent.parent
TIMES = np.linspace(0.0, 20.0, 201)
# Leaves 1e-5 of the full charge in P_max and an early E_max, some 5e-3 in a late one.
LEAK = 1e-3
PAPER_CUTOFF = 30  # the photon number that Zhang et al. keep
FORMATS = {"leak": "{:.1e}", "power_time": "{:.4f}", "energy_time": "{:.4f}"}
FORMATS |= dict.fromkeys(("max_power", "max_energy", "charge"), "{:.5f}")
Run = Callable[[DualCavityBattery], DualCavityCharging]
Row = dict[str, float]
Grid = dict[str, list]


def over_window(battery: DualCavityBattery) -> DualCavityCharging:
    """The charging curve over [0, 20]."""
    return battery.charge(TIMES, leak=1.0)


def for_power(battery: DualCavityBattery) -> DualCavityCharging:
    """The charging curve up to where its largest average power is certain."""
    return battery.charge_for_power(leak=1.0)


def settled(
    battery: DualCavityBattery, run: Run, reach: float, margin: int
) -> tuple[DualCavityBattery, DualCavityCharging]:
    """Run with growing cutoffs until neither leaks, from a displaced Fock state's size.

    The light is pushed by g_1 S^x <= g_1 N/2, which moves the amplitude sqrt(n) by
    ``reach`` times that.
    """
    photons = (battery.atoms_a, battery.atoms_b)  # as many as atoms
    guess = [(n**0.5 + reach * battery.coupling * n / 2) ** 2 + margin for n in photons]
    cutoffs = [max(int(c), n + 8) for c, n in zip(guess, photons, strict=True)]
    while True:
        battery = replace(battery, cutoff_a=cutoffs[0], cutoff_b=cutoffs[1])
        charging = run(battery)
        leaks = charging.leak.max(axis=1)
        if leaks.max() <= LEAK:
            return battery, charging
        cutoffs = [
            c + max(4, c // 6) if leak > LEAK else c
            for c, leak in zip(cutoffs, leaks, strict=True)
        ]


def row(
    battery: DualCavityBattery, charging: DualCavityCharging, *, with_energy: bool
) -> Row:
    """What is stored of one run."""
    values: Row = {
        "atoms_a": battery.atoms_a,
        "atoms_b": battery.atoms_b,
        "cutoff_a": battery.cutoff_a,
        "cutoff_b": battery.cutoff_b if battery.atoms_b else 0,
        "leak": charging.leak.max(),
    }
    best = {"power": charging.max_average_power} | (
        {"energy": charging.max_energy} if with_energy else {}
    )
    for name, found in best.items():
        values |= {f"max_{name}": float(found.value), f"{name}_time": float(found.time)}
    return values


def split(
    atoms: int, share: float, exchange: float, repulsion: float, cutoffs: str
) -> Row:
    """A share of the atoms in cavity a; converged cutoffs, or the 30 of the paper."""
    atoms_a = round(share * atoms)
    battery = DualCavityBattery(
        atoms_a=atoms_a,
        atoms_b=atoms - atoms_a,
        exchange=exchange,
        repulsion=repulsion,
        cutoff_a=PAPER_CUTOFF,
        cutoff_b=PAPER_CUTOFF,
    )
    if cutoffs == "converged":
        return row(*settled(battery, over_window, 1.8, 14), with_energy=True)
    return row(battery, over_window(battery), with_energy=True)


def power(
    kind: str, exchange: float, repulsion: float, atoms: int, reach: float = 0.9
) -> Row:
    """The largest power of the equal or unequal (N - 2, 2) split, or of one cavity."""
    atoms_a = {"equal": atoms // 2, "unequal": atoms - 2, "single": atoms}[kind]
    battery = DualCavityBattery(
        atoms_a=atoms_a,
        atoms_b=atoms - atoms_a,
        exchange=exchange,
        repulsion=repulsion,
        cutoff_a=atoms + 1,
        cutoff_b=atoms + 1,
    )
    return row(*settled(battery, for_power, reach, 10), with_energy=False)


def pulse(atoms: int, interaction: float) -> Row:
    """The largest charge per atom of the Rosen-Zener battery, pulse of Fig. 7."""
    found = charge_map(
        atoms=atoms,
        drive=20.0,
        duration=0.1 * np.pi,
        interaction=interaction,
        accuracy=1e-6,
    )
    return {"charge": float(found.max_energy.value) / atoms}


def cost(atoms: int) -> Row:
    """What one equal split with exchange takes: states, processor time, peak memory.

    A process meets the sizes in increasing order, so that its peak is that of the size
    at hand.
    """
    start = time.process_time()
    found = power("equal", 0.5, 0.5, atoms)
    seconds = time.process_time() - start
    states = ((atoms // 2 + 1) * (found["cutoff_a"] + 1)) ** 2 / 2
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "states": round(states),
        "seconds": round(seconds, 1),
        "megabytes": round(peak),
    }


SMALL = [4, 6, 8, 10, 12, 14, 16]
LARGE = [*SMALL, 18, 20, 24, 28, 32, 36, 40]
REPULSIONS = [0.5, 1.0, 2.0]
INTERACTIONS = [
    float(x) for x in (*range(-60, -19, 10), *range(-18, 19, 2), *range(20, 61, 10))
]


def split_grid(
    atoms: int, shares: list[float], exchanges: list[float], cutoffs: list[str]
) -> Grid:
    return {
        "exchange": exchanges,
        "share": shares,
        "repulsion": REPULSIONS,
        "cutoffs": cutoffs,
        "atoms": [atoms],
    }


def power_grid(
    exchange: float, repulsions: list[float], atoms: list[int], *kinds: str
) -> Grid:
    return {
        "exchange": [exchange],
        "repulsion": repulsions,
        "atoms": atoms,
        "kind": list(kinds),
    }


# Each table: a function, and the grids it is taken over.
TABLES: dict[str, tuple[Callable[..., Row], list[Grid]]] = {
    # Figs. 6 and 7
    "dual-cavity-splits": (
        split,
        [split_grid(20, [0.5, 0.6, 0.7, 0.8, 0.9], [0.0, 0.5], ["converged", "paper"])],
    ),
    # the same for N = 12 and several strengths of the exchange
    "dual-cavity-exchange": (
        split,
        [
            split_grid(
                12, [6 / 12, 8 / 12, 10 / 12], [0.0, 0.1, 0.2, 0.5, 1.0], ["converged"]
            )
        ],
    ),
    # Figs. 4 and 5
    "dual-cavity-scaling": (
        power,
        [
            power_grid(0.0, REPULSIONS, LARGE, "unequal", "equal", "single"),
            power_grid(0.5, REPULSIONS, LARGE, "unequal"),
            power_grid(
                0.5, REPULSIONS, LARGE[:10], "equal"
            ),  # 12 + 12 atoms: 200 000 basis states
            *(power_grid(a, [0.5], SMALL, "unequal", "equal") for a in (0.1, 0.2, 1.0)),
        ],
    ),
    # beyond the paper: a large battery is charged before the light has moved far
    "dual-cavity-far": (
        partial(power, reach=0.3),
        [power_grid(0.0, REPULSIONS, [60, 80, 120, 160], "single")],
    ),
    "dual-cavity-growth": (cost, [{"atoms": [8, 10, 12, 14, 16]}]),
    "rosen-zener-far": (
        pulse,
        [{"atoms": [10, 100, 1000], "interaction": INTERACTIONS}],
    ),
}


def table(name: str) -> pd.DataFrame:
    """All points of one table, as they are written."""
    function, grids = TABLES[name]
    store = ROOT / ".sweeps" / f"{name}.sqlite"
    store.parent.mkdir(exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        parts = [sweep(function, grid, executor=pool, store=store) for grid in grids]
    if any((part["error"] != "").any() for part in parts):
        raise RuntimeError(f"{name} is not written: some points raised.")
    whole = pd.concat([part.to_dataframe().reset_index() for part in parts]).drop(
        columns=["error", "kind", "share", "cutoffs"], errors="ignore"
    )
    if "atoms_a" in whole:
        whole = whole.drop(columns="atoms").drop_duplicates(
            ["atoms_a", "atoms_b", "exchange", "repulsion", "cutoff_a"]
        )
    counts = [
        c for c in whole if c.startswith(("atoms", "cutoff", "states", "megabytes"))
    ]
    return whole.astype(dict.fromkeys(counts, int))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ", ".join(TABLES)
    parser.add_argument(
        "tables", nargs="*", metavar="table", help=f"all if none is named: {names}"
    )
    chosen = parser.parse_args().tables
    if unknown := sorted(set(chosen) - set(TABLES)):
        parser.error(f"no such table: {', '.join(unknown)}; there are {names}")
    for name in chosen or TABLES:
        found = table(name)
        for column in FORMATS.keys() & set(found):
            found[column] = found[column].map(FORMATS[column].format)
        found.to_csv(ROOT / "book" / "papers" / "data" / f"{name}.csv", index=False)
        print(f"{name}: {len(found)} points", flush=True)


if __name__ == "__main__":
    main()
