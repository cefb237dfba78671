"""Named errors: what physics or double precision refuses, with the number found.

Each is a ``ValueError``, so that code which catches those goes on working, and carries

* ``found``, the offending number (or range, or size), and
* ``limit``, the value that it would have to keep,

and a message that names the way out. A malformed argument is a plain ``ValueError``.
"""

from __future__ import annotations

from functools import partial
from typing import TypeAlias

# A number, or the ends of a range.
Size: TypeAlias = float | tuple[float, ...]


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

    def __init__(self, message: str, *, found: Size, limit: Size) -> None:
        super().__init__(message)
        self.found = found
        self.limit = limit

    def __reduce__(self) -> tuple[partial[BatteryError], tuple[object, ...]]:
        # The default rebuilds from ``args`` alone, which a keyword-only argument
        # breaks; errors travel between processes in `qbcore.sweep`.
        again = partial(type(self), found=self.found, limit=self.limit)
        return again, self.args


class LeakingCutoffError(BatteryError):
    """The highest Fock levels kept are populated; ``found`` is their population.

    Examples
    --------
    >>> from qbcore import gaussian
    >>> gaussian.fock_state(gaussian.coherent(3.0), 4)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qbcore.errors.LeakingCutoffError: The weight of the state above 4 Fock levels is...
    """


class UnstableError(BatteryError):
    """The drive forbids a steady state; ``found`` is the slowest decay rate.

    Examples
    --------
    >>> from qbcore.gaussian import GaussianSystem
    >>> pumped = GaussianSystem.from_ladder([[0]], [[1]], [0], [[0.1, 0]])
    >>> pumped.steady_state()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qbcore.errors.UnstableError: The modes grow at the rate ...
    """


class NoSteadyStateError(BatteryError):
    """A closed battery never comes to rest; ``found`` is the number of its baths.

    Examples
    --------
    >>> from qbcore import RosenZenerBattery
    >>> RosenZenerBattery().steady_state()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qbcore.errors.NoSteadyStateError: A closed battery has 0 baths and never comes...
    """


class SeveralSteadyStatesError(BatteryError):
    """The steady state depends on the start; ``found`` tells how far.

    Examples
    --------
    >>> from qbcore.gaussian import GaussianSystem
    >>> lossless = GaussianSystem([[1, 0], [0, 1]], [0, 0], [[0, 0]])
    >>> lossless.steady_state()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qbcore.errors.SeveralSteadyStatesError: Some combination of the modes does not...
    """


class AccuracyError(BatteryError):
    """The accuracy asked for is out of reach; ``found`` is the error that is left.

    Examples
    --------
    >>> from qbcore import gaussian
    >>> gaussian.squeezed(200.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qbcore.errors.AccuracyError: The moments leave double precision: the largest is...
    """


class TooLargeError(BatteryError):
    """The space is too large for this method; ``found`` is its size.

    Examples
    --------
    >>> import qutip
    >>> from qbcore import charge
    >>> fast = 1e5 * qutip.sigmaz() + qutip.sigmax()
    >>> charge(fast, qutip.sigmaz(), qutip.basis(2, 1))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qbcore.errors.TooLargeError: The number of samples is 3141625, and may be at most...
    """
