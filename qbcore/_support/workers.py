"""Several cores, for whoever asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any

from qbcore._support.checks import integer

# Processes that share the cores among them must not each start threads for all.
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


def processes(workers: int) -> Executor:
    """Return processes that wait for work a while and then end by themselves."""
    count = integer("workers", workers, least=1)
    try:
        from loky import get_reusable_executor
    except ImportError as error:
        raise ImportError("`workers` needs `pip install qbcore[sweep]`.") from error
    return get_reusable_executor(count, env=ONE_THREAD)


def mapping(workers: int | None) -> Callable[..., Iterator[Any]]:
    """Return Python's `map`, or one that spreads its calls over so many processes."""
    return map if workers is None else processes(workers).map
