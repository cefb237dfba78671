"""Do one task in two ways, each in its own process; compare answers, time and memory.

* Accuracy: both answers must agree within the accuracy the case states. A rival with a
  tolerance is given the loosest of TOLERANCES at which they do, so that it does no
  needless work.
* Time: processor seconds, medians of runs taken in turn, on one thread (the Makefile
  sets OMP_NUM_THREADS=1). The first calls are the warm-up: they give the answers, fill
  the caches of both sides and are not timed.
* Memory: growth of the process's largest resident size (``ru_maxrss``) over the first
  calls. tracemalloc would see numpy's arrays, but not what SuperLU or an integrator in
  C++ allocates.
"""

from __future__ import annotations

import multiprocessing
import pkgutil
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import benchmarks

FloatArray = NDArray[np.float64]
TOLERANCES = tuple(10.0**-k for k in range(4, 12))
FEWEST, MOST = 3, 15  # timed runs of each side
ENOUGH = 1.0  # processor seconds, after which FEWEST runs will do
# Taken by a process of another environment for this one; see `peers`.
ELSEWHERE = {"seconds": 0.0, "megabytes": 0.0}
BYTES = 1 if sys.platform == "darwin" else 1024  # of one unit of ru_maxrss


@dataclass(frozen=True, kw_only=True)
class Case:
    """One task of one size.

    ``ours`` takes nothing; ``theirs`` a relative tolerance if it is ``tolerant``. Both
    return numbers of one shape and must be picklable. A rival too slow for the whole
    task does 1/``scale`` of it, of which ``part`` picks the answers from ours. Without
    a rival only growth is measured.
    """

    model: str
    task: str
    size: int
    unit: str
    accuracy: float
    ours: Callable[[], ArrayLike]
    rival: str = ""
    theirs: Callable[..., ArrayLike] | None = None
    tolerant: bool = True
    scale: float = 1.0
    part: tuple[slice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement: processor seconds, megabytes, largest difference."""

    model: str
    task: str
    size: int
    unit: str
    accuracy: float
    our_time: float
    our_memory: float
    rival: str = ""
    their_time: float | None = None
    their_memory: float | None = None
    difference: float | None = None
    tolerance: float | None = None

    @property
    def name(self) -> str:
        """The name that tells this row from all others."""
        rival = self.rival or "no rival"
        return f"{self.model}: {self.task}, {self.unit} {self.size}, {rival}"

    @property
    def ratio(self) -> float | None:
        """The rival's time in units of ours."""
        return None if self.their_time is None else self.their_time / self.our_time

    def __str__(self) -> str:
        if self.their_time is None:
            return (
                f"{self.name}: qbcore {self.our_time:.3g} s, {self.our_memory:.0f} MB"
            )
        return (
            f"{self.name}: ratio {self.ratio:.3g} = "
            f"{self.their_time:.3g} s / {self.our_time:.3g} s, "
            f"memory {self.their_memory:.0f} MB / {self.our_memory:.0f} MB, "
            f"difference {self.difference:.0e}"
        )


class _Side:
    """A fresh process that does one side's work and tells what it took."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool
        self._start = self._pool.submit(largest_size).result()

    def answer(self, run: Callable[[], ArrayLike]) -> FloatArray:
        return np.asarray(self._pool.submit(run).result(), dtype=float)

    def memory(self) -> float:
        return self._pool.submit(largest_size).result() - self._start

    def seconds(self, run: Callable[[], ArrayLike]) -> float:
        return self._pool.submit(processor_seconds, run).result()


def largest_size() -> float:
    """Largest resident size of this process so far, in megabytes."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES / 1e6
    return own + ELSEWHERE["megabytes"]


def processor_seconds(run: Callable[[], Any]) -> float:
    """Processor seconds of one call, here or elsewhere."""
    start, before = time.process_time(), ELSEWHERE["seconds"]
    run()
    elsewhere = ELSEWHERE["seconds"] - before
    return elsewhere or time.process_time() - start


def measure(case: Case) -> Row:
    """Both sides of a case; ValueError if no tolerance makes their answers agree."""
    # Forked from a server that has imported everything and computed nothing: a clean
    # baseline.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [f"benchmarks.{m.name}" for m in pkgutil.iter_modules(benchmarks.__path__)]
    )
    what = {
        n: getattr(case, n)
        for n in ("model", "task", "size", "unit", "accuracy", "rival")
    }
    new = partial(ProcessPoolExecutor, 1, mp_context=context)
    with new() as one, new() as other:
        us, them = _Side(one), _Side(other)
        answer, our_memory = us.answer(case.ours), us.memory()
        if case.theirs is None:
            return Row(
                **what,
                our_time=turns(partial(us.seconds, case.ours))[0],
                our_memory=our_memory,
            )
        theirs, difference, tolerance = agreeing(case, answer[case.part], them.answer)
        their_memory = them.memory()
        ours, rivals = turns(
            partial(us.seconds, case.ours), partial(them.seconds, theirs)
        )
    return Row(
        **what,
        our_time=ours,
        our_memory=our_memory,
        their_time=case.scale * rivals,
        their_memory=their_memory,
        difference=difference,
        tolerance=tolerance,
    )


def agreeing(
    case: Case,
    answer: FloatArray,
    call: Callable[[Callable[[], ArrayLike]], FloatArray],
) -> tuple[Callable[[], ArrayLike], float, float | None]:
    """The rival at the loosest tolerance within the accuracy; difference, tolerance."""
    assert case.theirs is not None
    for tolerance in TOLERANCES if case.tolerant else (None,):
        run = case.theirs if tolerance is None else partial(case.theirs, tolerance)
        difference = float(np.abs(answer - call(run)).max())
        if difference <= case.accuracy:
            return run, difference, tolerance
    raise ValueError(
        f"{case.rival}: {case.task} of size {case.size} "
        f"differs by {difference:.2g} from qbcore."
    )


def integrator_options(rtol: float) -> dict[str, Any]:
    """Of QuTiP's integrators: this accuracy, any number of steps, no progress bar."""
    return {"rtol": rtol, "atol": rtol / 100, "nsteps": 10**6, "progress_bar": ""}


def turns(*runs: Callable[[], float]) -> list[float]:
    """Medians of the seconds of runs taken in turn."""
    taken: list[list[float]] = []
    while len(taken) < FEWEST or (len(taken) < MOST and np.sum(taken) < ENOUGH):
        taken.append([run() for run in runs])
    return [median(column) for column in zip(*taken, strict=True)]
