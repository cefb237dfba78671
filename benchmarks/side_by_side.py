"""Time two routes to the same numbers in one run, and say how far their answers lie apart.

Threads are pinned to one by the Makefile (OMP_NUM_THREADS=1), and processor time is measured, which
other work on the machine disturbs least. Still, only ratios of medians taken in turn mean
anything. One warm-up call of each, the one whose answers are compared, is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One line of the table: processor seconds of both routes and the largest difference of their answers."""

    task: str
    rival: str
    ours: float
    theirs: float
    difference: float

    def __str__(self) -> str:
        return (
            f"| {self.task} | {self.rival} | {self.ours:.3g} s | {self.theirs:.3g} s "
            f"| {self.theirs / self.ours:.0f} | {self.difference:.1e} |"
        )


HEADER = "| task | rival | qbcore | rival's time | ratio | largest difference |\n|---|---|---|---|---|---|"


def compare(
    task: str,
    rival: str,
    ours: Callable[[], ArrayLike],
    theirs: Callable[[], ArrayLike],
    *,
    repeats: int = 3,
    scale: float = 1.0,
    part: Callable[[FloatArray], ArrayLike] = np.asarray,
) -> Row:
    """Run both in turn ``repeats`` times and compare their answers entry by entry.

    A rival too slow for the whole task does 1/``scale`` of it: its time is multiplied by
    ``scale``, and ``part`` picks from our answer what it computed.
    """
    gap = float(np.abs(np.asarray(part(np.asarray(ours()))) - np.asarray(theirs())).max())
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for spent, run in zip(seconds, (ours, theirs), strict=True):
            start = time.process_time()
            run()
            spent.append(time.process_time() - start)
    return Row(task, rival, median(seconds[0]), scale * median(seconds[1]), gap)
