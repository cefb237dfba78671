"""By the clock: one process beside one per core, for all that takes ``workers``.

Medians of runs taken in turn. The processes are started before the first run that
counts, since a session starts them once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.side_by_side import turns
from qbcore import DualCavityBattery, rosen_zener
from qbcore.star import steady_map
from qbcore.sweep import sweep

CORES = os.cpu_count() or 1
Task = Callable[..., ArrayLike]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """One task: seconds here, seconds in processes, and the largest difference."""

    task: str
    cores: int
    alone: float
    together: float
    difference: float

    @property
    def ratio(self) -> float:
        """How many times faster the processes are."""
        return self.alone / self.together

    def __str__(self) -> str:
        return (
            f"{self.task}: {self.ratio:.2f} times faster in {self.cores} processes, "
            f"{self.alone:.3g} s / {self.together:.3g} s, "
            f"difference {self.difference:.0e}"
        )


def pulses(workers: int | None) -> ArrayLike:
    """Final energies of 40 x 40 pulses on 100 atoms."""
    grid = rosen_zener.charge_map(
        atoms=100,
        drive=np.linspace(1.0, 20.0, 40)[:, None],
        duration=np.linspace(0.05, 0.5, 40),
        interaction=0.5,
        workers=workers,
    )
    return grid.final_energy


def stars(workers: int | None) -> ArrayLike:
    """Excitations at rest of sixteen stars of 80 qubits."""
    biases = np.linspace(0.0, 7.5, 16)
    return steady_map(cells=80, bias=biases, workers=workers).excitation


def cavities(workers: int | None) -> ArrayLike:
    """Largest average powers of sixteen pairs of cavities."""
    grid = {"exchange": np.linspace(0.0, 0.75, 16).tolist()}
    return sweep(largest_power, grid, workers=workers)["power"].to_numpy()


def largest_power(exchange: float) -> dict[str, float]:
    """One point of the sweep."""
    battery = DualCavityBattery(
        atoms_a=3, atoms_b=3, exchange=exchange, cutoff_a=40, cutoff_b=40
    )
    return {"power": float(battery.charge().max_average_power.value)}


TASKS: dict[str, Task] = {
    "`rosen_zener.charge_map`, 40 x 40 pulses, 100 atoms": pulses,
    "`star.steady_map`, 16 stars of 80 qubits": stars,
    "`sweep`, 16 pairs of cavities, 3 atoms in each": cavities,
}


def measure() -> list[Shared]:
    """Every task, here and in a process for each core."""
    found = []
    for name, task in TASKS.items():
        here, there = (np.asarray(task(workers)) for workers in (None, CORES))
        alone, together = turns(
            partial(seconds, task, None), partial(seconds, task, CORES)
        )
        difference = float(np.abs(here - there).max())
        found.append(
            Shared(
                task=name,
                cores=CORES,
                alone=alone,
                together=together,
                difference=difference,
            )
        )
        print(found[-1], flush=True)
    return found


def seconds(task: Task, workers: Any) -> float:
    """By the clock."""
    start = time.perf_counter()
    task(workers)
    return time.perf_counter() - start
