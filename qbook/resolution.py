"""The grids, samplings, steps and cutoffs of the chapters, at any resolution.

A chapter takes each of them from here. As a reader runs it, they are what the chapter
writes. With the environment variable ``QBOOK_RESOLUTION=2``, set by ``make refine``,
grids have half the spacing (every old point stays one), steps are half as long and
cutoffs twice as high. A number of the ledger that leaves its tolerance then was an
accident of the grid.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from qbcore._support.checks import require

VARIABLE = "QBOOK_RESOLUTION"


def factor() -> int:
    """The factor of refinement: 1 unless ``QBOOK_RESOLUTION`` says more."""
    text = os.environ.get(VARIABLE, "1")
    require(text.isdecimal() and int(text) > 0, VARIABLE, "be an integer above 0", text)
    return int(text)


def points(count: int) -> int:
    """Number of points of an axis written with ``count``, its ends included.

    >>> points(201)
    201
    """
    return (count - 1) * factor() + 1


def grid(start: float, stop: float, count: int) -> NDArray[np.float64]:
    """``count`` evenly spaced points from ``start`` to ``stop``, both included.

    >>> grid(0.0, 1.0, 3)
    array([0. , 0.5, 1. ])
    """
    return np.linspace(start, stop, points(count))


def geometric(start: float, stop: float, count: int) -> NDArray[np.float64]:
    """``count`` points from ``start`` to ``stop``, each a fixed multiple of the last.

    >>> geometric(0.01, 1.0, 3)
    array([0.01, 0.1 , 1.  ])
    """
    return np.geomspace(start, stop, points(count))


def step(size: float) -> float:
    """A step of this size: of a difference, an integrator, a scan.

    >>> step(0.1)
    0.1
    """
    return size / factor()


def cutoff(levels: int) -> int:
    """Highest photon number kept, or any other truncation of an infinite space.

    >>> cutoff(30)
    30
    """
    return levels * factor()
