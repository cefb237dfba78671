"""Work on submissions in separate processes: a failure there costs one line."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kernel import end_with_parent
from submissions import Refused

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["grade"])
GRACE = 60  # seconds to start and stop work that has its own time limit
STEP = 0.2  # seconds between two looks at whether the run goes on


def each(
    work: Callable[..., Any], jobs: dict[Path, tuple[Any, ...]], seconds: float
) -> Iterator[tuple[Path, Any]]:
    """Do the work on every job, and yield the entry and its outcome, as each ends.

    The outcome is a `Refused` if the work raised an error or took too long, or if its
    process died. The end of the iteration stops the processes.
    """
    stopped = threading.Event()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        entries = {
            pool.submit(_outcome, work, job, seconds, stopped): entry
            for entry, job in jobs.items()
        }
        try:
            for future in as_completed(entries):
                yield entries[future], future.result()
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)


def _outcome(*arguments: Any) -> Any:
    try:
        return _supervise(*arguments)
    except Exception as error:  # no process could be started, for one
        return _refusal(error)


def _supervise(
    work: Callable[..., Any],
    job: tuple[Any, ...],
    seconds: float,
    stopped: threading.Event,
) -> Any:
    receiver, sender = CONTEXT.Pipe(duplex=False)
    worker = CONTEXT.Process(target=_work, args=(sender, work, job), daemon=True)
    with receiver:
        with sender:
            worker.start()
        try:
            _wait(receiver, time.monotonic() + seconds + GRACE, stopped)
            return receiver.recv()
        except EOFError:
            return Refused("the grading process ended without a result")
        finally:
            worker.kill()
            worker.join()


def _wait(receiver: Connection, end: float, stopped: threading.Event) -> None:
    while not receiver.poll(STEP):
        if stopped.is_set():
            raise Refused("interrupted")
        if time.monotonic() > end:
            raise Refused("it could not be stopped in time")


def _work(sender: Connection, work: Callable[..., Any], job: tuple[Any, ...]) -> None:
    os.setsid()  # Ctrl-C reaches the supervisor alone
    end_with_parent()  # a supervisor that is killed leaves nothing running
    try:
        outcome = work(*job)
    except Exception as error:
        outcome = _refusal(error)
    sender.send(outcome)


def _refusal(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    said = " ".join([type(error).__name__, *str(error).split()])
    return Refused(f"the grader could not go on ({said[:200]})")
