"""Models for the tests of the sweep; a new process imports them quickly."""

import os
import signal
import time
from pathlib import Path

import numpy as np

GRID = {
    "x": [3, 1, 2, 7, 5],
    "y": [0.5, -1.0, 0.25],
    "label": ["p", "q"],
}  # no two axes of one length
MIDDLE = (2, -1.0, "q")


def model(x, y, label):
    """A number, an array and a complex number that name the point they belong to."""
    return {
        "sum": x + 10 * y + 100 * (label == "q"),
        "pair": np.array([x, y]),
        "phase": x + 1j * y,
    }


def logged(x, y, label, log, danger="", seconds=0.0):
    """The same, and a line in the log; ``danger`` strikes once, amid GRID."""
    time.sleep(seconds)
    with Path(log).open("a") as file:
        file.write(f"{os.getpid()} {x} {y} {label}\n")
    mark = Path(log).with_suffix(".struck")
    if danger and (x, y, label) == MIDDLE and not mark.exists():
        mark.write_text(str(os.getpid()))
        if danger == "interrupt":
            raise KeyboardInterrupt
        os.kill(os.getpid(), signal.SIGKILL)
    return model(x, y, label)


def total(**point):
    return sum((k + 1) * 1.5**k * value for k, value in enumerate(point.values()))


def scaled(x, factor):
    return factor * x


def fails_at_two(x, y):
    if x == 2:
        raise ArithmeticError(f"no value at {y}")
    return x * y


def exits_at_13(x):
    if x == 13:
        os._exit(3)
    time.sleep(0.01)
    return x
