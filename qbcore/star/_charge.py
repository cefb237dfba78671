"""Charging curves of either star, which takes `charge` as its method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from qbcore._numerics.propagation import propagate
from qbcore._support.checks import time_axis
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import AccuracyError, TooLargeError
from qbcore.star._shared import ergotropy
from qbcore.star.results import StarCharging

if TYPE_CHECKING:
    from qbcore.star._shared import Star

PER_RADIAN = 5  # samples, which leave 1e-5 of the fastest oscillation in a peak
FEWEST_SAMPLES, MOST_SAMPLES = 401, 100_000
LOST = 1e-6  # of an excitation
MOST_NUMBERS = 2e7  # of one stretch of a run, 160 MB


class Path(NamedTuple):
    """A run from the start on.

    ``seen``, (3, T), holds the excitation of the battery, its slope, and the mean
    number of excited ancillas; ``coherence``, (T,), is <e| rho |g> of the battery in
    the turning frame.
    """

    begin: float  # excitation at the start
    seen: FloatArray
    coherence: ComplexArray | float


def charge(
    star: Star,
    times: ArrayLike | None = None,
    *,
    start: Any = None,
    states: bool = False,
) -> StarCharging:
    """Return the exact charging curve.

    Parameters
    ----------
    times : (T,) array_like, optional
        Increasing times in units of 1/energy, not negative; the start is at t = 0.
        Without them, from 0 to 10/gamma, close enough together for the fastest phase.
    start : optional
        Two probabilities, that the battery and that each ancilla is excited, all
        independent and without coherence. Or, for N <= 6, a ket or density matrix of
        the N qubits, QuTiP or array, battery first: (2^N,) and (2^N, 1) are kets,
        (2^N, 2^N) is a density matrix. (`RosenZenerBattery` reads a flat array as
        probabilities.) Two numbers always mean probabilities, also for N = 1, where a
        ket is (2, 1). The ground state if not given.
    states : bool
        Also keep the battery's density matrices (T, 2, 2), excited level first.

    Returns
    -------
    StarCharging
        With the excitation of battery and ancillas.

    Raises
    ------
    ValueError
        For times that do not increase, or a start that is not a state.
    TooLargeError
        For more than six qubits in one common bath, or a ket or density matrix of
        more than six; and for more than 100 000 samples, if ``times`` is not given.
    AccuracyError
        For times so late, or a coupling so strong, that rounding costs 1e-6.

    Examples
    --------
    >>> from qbcore import StarBattery
    >>> star = StarBattery(cells=1, potential=3.0)
    >>> curve = star.charge([0.0, 1.0], start=(1.0, 0.0))
    >>> curve.excitation.round(4).tolist()  # n_1 + (1 - n_1) exp(-gamma t)
    [1.0, 0.9246]
    """
    t = _default_times(star) if times is None else time_axis("times", times)
    path, quantum = star._run(start, t), star.quantum
    p, slope, ancillas = path.seen
    c = path.coherence * np.exp(-1j * quantum * t)
    rho = np.array([[p, c], [c.conj(), 1 - p]])
    return StarCharging(
        times=t,
        energy=quantum * (p - path.begin),
        power=quantum * slope,
        ergotropy=ergotropy(quantum, p, c),
        states=np.moveaxis(rho, -1, 0) if states else None,
        ceiling=quantum * (1 - path.begin),
        excitation=p,
        ancilla_excitation=ancillas / (star.cells - 1) if star.cells > 1 else None,
    )


def _default_times(star: Star) -> FloatArray:
    """Up to ten times 1/gamma, in which a star comes to rest; as dense as needed.

    Ancillas of total spin j <= (N - 1)/2 exchange with the battery at the frequencies
    2 |J| sqrt((j - m)(j + m + 1)) <= |J| N, and N qubits in one bath decay at up to
    about N gamma each.
    """
    samples = 10 * PER_RADIAN * star.cells * (abs(star.coupling) / star.rate + 1)
    if samples > MOST_SAMPLES:
        message = (
            f"To show the fastest phase up to 10/gamma takes {samples:.3g} samples, "
            f"more than {MOST_SAMPLES}: choose the stretch that you need with `times=`."
        )
        raise TooLargeError(message, found=samples, limit=MOST_SAMPLES)
    return np.linspace(0.0, 10 / star.rate, max(FEWEST_SAMPLES, math.ceil(samples)))


def observe(generator: Any, start: Any, times: FloatArray, readout: Any) -> Any:
    """Return ``readout`` (k, d) of exp(G t) start, shape (k, T), in bounded memory."""
    fastest = abs(generator).sum(axis=0).max()
    error = float(np.finfo(float).eps * fastest * times[-1])
    if not error <= LOST:
        message = (
            f"By t = {times[-1]:g} rounding grows to {error:.3g}, and {LOST} may be "
            "lost: ask for earlier `times`, or for the state at rest."
        )
        raise AccuracyError(message, found=error, limit=LOST)
    stretches = math.ceil(times.size * len(start) / MOST_NUMBERS)
    seen, state, now = [], start, 0.0
    for part in np.array_split(times, stretches):
        path = propagate(generator, state, part - now)
        state, now = path[-1], part[-1]
        seen.append(readout @ path.T)
    return np.concatenate(seen, axis=1)
