"""Compute the heavy sweeps of the chapters and store them as small text files.

    python tools/sweeps.py [rosen-zener-far ...]      (all if none is named)
    python tools/sweeps.py --spot 7                   (check three points of each)

Writes ``book/papers/data/<name>.csv``. Two processes; finished points are kept in
``.sweeps``, so that an interrupted run goes on where it was. Every dual-cavity run uses
photon cutoffs at which the two highest photon numbers hold less than LEAK, or than
LATE_LEAK where the energy is largest late; the row says which. A peak is refined
between samples so close that all stored digits of it are those of the run with this
cutoff; ``--spot`` takes some points again at twice the sampling.
"""

from __future__ import annotations

import argparse
import math
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qbcore.dual_cavity import DualCavityBattery, DualCavityCharging
from qbcore.rosen_zener import charge_map
from qbcore.sweep import sweep

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "book" / "papers" / "data"
WINDOW = 20.0
# Samples 0.1 apart leave up to 3e-4 of a peak, and the error falls as the fourth power:
# these leave 1e-6 of it.
STEP = 0.025
# Leaves 1e-5 of the full charge in P_max and in an E_max before LATE. What the cutoff
# reflects is felt later: there 1e-3 leaves up to 3e-3, and LATE_LEAK leaves 5e-5.
LEAK = 1e-3
LATE, LATE_LEAK = 5.0, 1e-4
FAR = 4  # times closer than by default, for powers above 100 with five decimals
PAPER_CUTOFF = 30  # the photon number that Zhang et al. keep
FORMATS = {"leak": "{:.1e}", "power_time": "{:.4f}", "energy_time": "{:.4f}"}
FORMATS |= dict.fromkeys(("max_power", "max_energy", "charge"), "{:.5f}")
UNITS = {name: int(text[-3]) for name, text in FORMATS.items()}  # decimals
Run = Callable[[DualCavityBattery], DualCavityCharging]
Row = dict[str, float]
Grid = dict[str, list[Any]]


def over_window(
    battery: DualCavityBattery, until: float = WINDOW, finer: int = 1
) -> DualCavityCharging:
    """The charging curve over [0, 20], or over a part of it."""
    steps = finer * math.ceil(until / STEP)
    return battery.charge(np.arange(steps + 1) * (STEP / finer), leak=1.0)


def for_power(battery: DualCavityBattery, finer: int = 1) -> DualCavityCharging:
    """The charging curve up to where its largest average power is certain."""
    charging = battery.charge_for_power(leak=1.0)
    if finer == 1:
        return charging
    return battery.charge_for_power(step=charging.times[1] / finer, leak=1.0)


def settled(
    battery: DualCavityBattery,
    run: Run,
    reach: float,
    margin: int,
    late: float = math.inf,
) -> tuple[DualCavityBattery, DualCavityCharging]:
    """Run with growing cutoffs until neither leaks, from a displaced Fock state's size.

    A largest energy after ``late`` needs a smaller leak.

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
        allowed = LATE_LEAK if charging.max_energy.time > late else LEAK
        if leaks.max() <= allowed:
            return battery, charging
        cutoffs = [
            c + max(4, c // 6) if leak > allowed else c
            for c, leak in zip(cutoffs, leaks, strict=True)
        ]


def row(
    battery: DualCavityBattery, charging: DualCavityCharging, *, with_energy: bool
) -> Row:
    """The stored part of one run."""
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
        found = settled(battery, over_window, 1.8, 14, late=LATE)
        return row(*found, with_energy=True)
    return row(battery, over_window(battery), with_energy=True)


def power(
    kind: str,
    exchange: float,
    repulsion: float,
    atoms: int,
    reach: float = 0.9,
    finer: int = 1,
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
    run = partial(for_power, finer=finer)
    return row(*settled(battery, run, reach, 10), with_energy=False)


def pulse(atoms: int, interaction: float, accuracy: float = 1e-6) -> Row:
    """The largest charge per atom of the Rosen-Zener battery, pulse of Fig. 7."""
    found = charge_map(
        atoms=atoms,
        drive=20.0,
        duration=0.1 * np.pi,
        interaction=interaction,
        accuracy=accuracy,
    )
    return {"charge": float(found.max_energy.value) / atoms}


def cost(atoms: int) -> Row:
    """The cost of one equal split with exchange: states, processor time, peak memory.

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
        partial(power, reach=0.3, finer=FAR),
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
        c
        for c in map(str, whole)
        if c.startswith(("atoms", "cutoff", "states", "megabytes"))
    ]
    return whole.astype(dict.fromkeys(counts, int))


def once_more(name: str, stored: pd.Series) -> Row:
    """One stored point computed again, at twice the sampling and the same cutoffs.

    A run ends shortly after the later of the stored peaks: that nothing higher comes
    afterwards, the stored run has seen.
    """
    if name == "rosen-zener-far":
        return pulse(int(stored["atoms"]), stored["interaction"], accuracy=1e-8)
    if name == "dual-cavity-growth":  # of which only the number of states has digits
        return cost(int(stored["atoms"]))
    battery = DualCavityBattery(
        atoms_a=int(stored["atoms_a"]),
        atoms_b=int(stored["atoms_b"]),
        cutoff_a=int(stored["cutoff_a"]),
        cutoff_b=int(stored["cutoff_b"]) or 1,  # of a cavity that is not there
        exchange=stored["exchange"],
        repulsion=stored["repulsion"],
    )
    if "max_energy" in stored:
        until = max(stored["power_time"], stored["energy_time"]) + 10 * STEP
        return row(battery, over_window(battery, until, 2), with_energy=True)
    twice = 2 * (FAR if name == "dual-cavity-far" else 1)
    return row(battery, for_power(battery, twice), with_energy=False)


def work(stored: pd.DataFrame) -> pd.Series:
    """The time to compute a point again, in any unit."""
    if "cutoff_a" not in stored:
        return stored["atoms"]
    a = (stored["atoms_a"] + 1) * (stored["cutoff_a"] + 1)
    b = (stored["atoms_b"] + 1) * (stored["cutoff_b"] + 1)
    last = stored.get("energy_time", stored["power_time"]) + 10 * STEP
    return (a * b).where(stored["exchange"] != 0, a + b) * last


def spot(
    name: str, seed: int = 0, count: int = 3, stored: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Compare some of the cheap half of a table with runs at twice the sampling.

    One row per stored number: which point, which column, stored and found, and how many
    units of the last stored digit lie between. RuntimeError if it is more than one.
    """
    table = pd.read_csv(DATA / f"{name}.csv") if stored is None else stored
    cheap = np.argsort(work(table).to_numpy(), kind="stable")[: len(table) // 2]
    chosen = np.random.default_rng(seed).choice(cheap, min(count, cheap.size), False)
    compared = []
    for index in sorted(chosen):
        now = once_more(name, table.loc[index])
        for column in (*(FORMATS.keys() - {"leak"}), "states"):
            if column in table and column in now:
                was, off = table.loc[index, column], 10.0 ** UNITS.get(column, 0)
                off *= abs(now[column] - was)
                compared.append((index, column, was, now[column], off))
    found = pd.DataFrame(
        compared, columns=["point", "column", "stored", "found", "off"]
    )
    if (found["off"] > 1).any():
        raise RuntimeError(
            f"{name}: digits that do not hold\n{found[found['off'] > 1]}"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ", ".join(TABLES)
    parser.add_argument(
        "tables", nargs="*", metavar="table", help=f"all if none is named: {names}"
    )
    parser.add_argument(
        "--spot", type=int, metavar="SEED", help="check a few stored points instead"
    )
    options = parser.parse_args()
    chosen = options.tables
    if unknown := sorted(set(chosen) - set(TABLES)):
        parser.error(f"no such table: {', '.join(unknown)}; there are {names}")
    for name in chosen or TABLES:
        if options.spot is not None:
            print(f"{name}\n{spot(name, options.spot)}", flush=True)
            continue
        found = table(name)
        for column in FORMATS.keys() & set(found):
            found[column] = found[column].map(FORMATS[column].format)
        found.to_csv(DATA / f"{name}.csv", index=False)
        print(f"{name}: {len(found)} points", flush=True)


if __name__ == "__main__":
    main()
