"""qbcore beside `qthermo` and `qenvs` where they do the same: ``make field``.

    python -m benchmarks.field

Every package does every task that it has, in a process of its own; the two peers in
``.venv/peers``, apart from the reader's environment. Each answer is compared with an
exact one, so that nobody is the judge of the others. Times are processor seconds on one
thread, medians of five calls after one that is not counted (one call, if it takes two
seconds).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._field_tasks import (
    COUPLING,
    LADDER,
    LOSS,
    MANY,
    OCCUPATION,
    PASSIVE,
    SIZE,
    TIMES,
    measured,
    mixed,
)
from benchmarks.peers import ONE_THREAD, PYTHON
from benchmarks.results import STORED, environment

FIELD = STORED.with_name("field.json")


def by_qbcore() -> dict[str, Any]:
    """As the how-to pages do them."""
    import qutip

    from qbcore import DualCavityBattery, charge, metrics

    one, h, _ = mixed(SIZE)
    several, small, _ = mixed(4, MANY)
    qubit, empty = qutip.qdiags([0.0, 1.0], 0), qutip.basis(2, 0)
    lower = qutip.basis(2, 0) @ qutip.basis(2, 1).dag()
    jumps = [
        np.sqrt(LOSS * (OCCUPATION + 1)) * lower,
        np.sqrt(LOSS * OCCUPATION) * lower.dag(),
    ]
    bell = np.array([1.0, 0.0, 0.0, 1.0]) / np.sqrt(2)
    both = np.diag([0.0, 1.0, 1.0, 2.0])

    def cavity(atoms: int) -> Any:
        battery = DualCavityBattery(
            atoms_a=atoms,
            atoms_b=0,
            repulsion=0.0,
            coupling=2 * COUPLING,
            counter_rotating=False,
        )
        return battery.charge(TIMES).energy

    return {
        "ergotropy of one state of 64 levels": lambda: metrics.ergotropy(one, h),
        "ergotropy of 1000 states of 4 levels": lambda: metrics.ergotropy(
            several, small
        ),
        "one atom and one photon": lambda: cavity(1),
        "4 atoms and 4 photons": lambda: cavity(4),
        "20 atoms and 20 photons": lambda: cavity(20),
        "a qubit in a warm bath": lambda: (
            charge(qubit, qubit, empty, TIMES, collapse_operators=jumps).energy
        ),
        "work locked in a Bell pair": lambda: metrics.ergotropic_gap(
            bell, both, dims=[2, 2]
        ),
        "work per copy of many passive qutrits": lambda: (
            metrics.energy(np.diag(PASSIVE), np.diag(LADDER))
            - metrics.bound_energy(np.diag(PASSIVE), np.diag(LADDER))
        ),
    }


def by_peer(package: str) -> dict[str, Any]:
    """What a process of the other environment tells."""
    if not PYTHON.exists():
        raise FileNotFoundError(f"{PYTHON} is missing: `make field` installs it.")
    script = Path(__file__).with_name("_field_peers.py")
    said = subprocess.run(
        [PYTHON, script, package],
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(said.stdout.splitlines()[-1]))


def main() -> int:
    """Do all tasks, print the table, and store it."""
    found = {
        "qbcore": {"tasks": measured(by_qbcore())},
        **{package: by_peer(package) for package in ("qthermo", "qenvs")},
    }
    for task in found["qbcore"]["tasks"]:
        for package, result in found.items():
            row = result["tasks"].get(task)
            told = "-" if row is None else f"{row['error']:.0e} {row['seconds']:.2e} s"
            print(f"{task:40s} {package:8s} {told}")
    known = environment()
    for package in ("qthermo", "qenvs"):
        known[package] = found[package]["version"]
    content = {"environment": known, "packages": found}
    FIELD.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"Stored in {FIELD}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
