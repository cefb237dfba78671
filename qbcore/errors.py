"""Named errors: what physics or double precision refuses, with the number found.

Each is a ``ValueError``, so that code which catches those goes on working, and carries

* ``found``, the offending number (or range, or size), and
* ``limit``, the value that it would have to keep,

and a message that names the way out. A malformed argument is a plain ``ValueError``.
"""

from __future__ import annotations

from functools import partial
from typing import Any


class BatteryError(ValueError):
    """Base of the named errors.

    Parameters
    ----------
    message : str
        What was refused, the number found, the limit, and the way out.
    found, limit : float, tuple of floats or int
        The number found, and the limit it did not keep.

    Examples
    --------
    >>> error = LeakingCutoffError("Raise `cutoff_a`.", found=0.5, limit=0.25)
    >>> error.found / error.limit
    2.0
    """

    def __init__(self, message: str, *, found: Any, limit: Any) -> None:
        super().__init__(message)
        self.found = found
        self.limit = limit

    def __reduce__(self) -> tuple[Any, ...]:
        # The default rebuilds from ``args`` alone, which a keyword-only argument
        # breaks; errors travel between processes in `qbcore.sweep`.
        again = partial(type(self), found=self.found, limit=self.limit)
        return again, self.args


class LeakingCutoffError(BatteryError):
    """The highest Fock levels kept are populated; ``found`` is their population."""


class UnstableError(BatteryError):
    """The drive forbids a steady state; ``found`` is the slowest decay rate."""


class NoSteadyStateError(BatteryError):
    """A closed battery never comes to rest; ``found`` is the number of its baths."""


class SeveralSteadyStatesError(BatteryError):
    """The steady state depends on the start; ``found`` tells how far."""


class AccuracyError(BatteryError):
    """The accuracy asked for is out of reach; ``found`` is the error that is left."""


class TooLargeError(BatteryError):
    """The space is too large for this method; ``found`` is its size."""
