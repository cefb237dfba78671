"""What ``charge()`` and ``steady_state()`` return, and the peaks of a curve.

A peak of a sampled curve is refined between the samples. Every model knows the exact slope of its
stored energy, so the refinement is the maximum of a Hermite interpolant: cubic from values and
slopes, wrong by at most h^4 max|E^(4)|/384 for a sample spacing h; quintic with curvatures too,
wrong by at most h^6 max|E^(6)|/46080. No fit, no smoothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval
from numpy.typing import ArrayLike

from qbcore._support.checks import require
from qbcore._support.results import Result
from qbcore._support.types import ComplexArray, FloatArray


class Peak(NamedTuple):
    """Largest value of a curve and the time at which it is reached: floats, or arrays for many."""

    time: float | FloatArray
    value: float | FloatArray


def peak(
    times: ArrayLike,
    values: ArrayLike,
    slopes: ArrayLike,
    curvatures: ArrayLike | None = None,
) -> Peak:
    """Largest value of one or many sampled curves, refined with their exact derivatives.

    Parameters
    ----------
    times : (T,) increasing sample times.
    values, slopes, curvatures : (..., T) samples of the curves and of their first and (if
        given) second time derivatives.

    Returns
    -------
    Peak of arrays of shape (...): the maximum of the Hermite interpolant over all intervals.

    Raises
    ------
    ValueError if the shapes do not agree, a sample is not finite or the times do not increase.
    """
    t = np.asarray(times, dtype=float)
    curves = [
        np.asarray(c, dtype=float)
        for c in (values, slopes, curvatures)
        if c is not None
    ]
    shapes = [t.shape, *(c.shape for c in curves)]
    fits = (
        t.ndim == 1
        and t.size >= 1
        and shapes[1][-1:] == t.shape
        and len(set(shapes[1:])) == 1
    )
    require(
        fits,
        "values",
        "match `times`, `slopes` and `curvatures` along the last axis",
        shapes,
    )
    require(
        all(bool(np.isfinite(c).all()) for c in curves),
        "values",
        "be finite",
        "not finite",
    )
    h = np.diff(t)
    require(
        bool(np.isfinite(t).all() and (h > 0).all()),
        "times",
        "be finite and increase",
        times,
    )
    if t.size == 1:
        return _peak(np.broadcast_to(t[0], curves[0].shape[:-1]), curves[0][..., 0])
    start = [c[..., :-1] * h**order for order, c in enumerate(curves)]
    end = [c[..., 1:] * h**order for order, c in enumerate(curves)]
    x, height = _hermite_maximum(start, end)
    best = height.argmax(axis=-1)[..., None]
    time, value = (
        np.take_along_axis(c, best, -1)[..., 0] for c in (t[:-1] + x * h, height)
    )
    return _peak(time, value)


def _peak(time: FloatArray, value: FloatArray) -> Peak:
    """Floats for one curve, arrays for many."""
    return Peak(time, value) if value.ndim else Peak(float(time), float(value))


def _hermite_maximum(
    start: list[FloatArray], end: list[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Maximum on 0 <= x <= 1 of the polynomial with these values and derivatives at 0 and 1."""
    order = len(start)
    known = np.array([c / math.factorial(k) for k, c in enumerate(start)])
    # The upper coefficients follow from the derivatives at x = 1: a 2 x 2 or 3 x 3 system.
    at_one = np.array(
        [[math.perm(k, j) for k in range(2 * order)] for j in range(order)], float
    )
    missing = np.array(end) - np.tensordot(at_one[:, :order], known, 1)
    coefficients = np.concatenate(
        [known, np.tensordot(np.linalg.inv(at_one[:, order:]), missing, 1)]
    )
    # The best of five points, then Newton: quadratic convergence reaches rounding in five steps.
    grid = np.linspace(0.0, 1.0, 5)
    sampled = polyval(grid, coefficients)
    x, height = grid[sampled.argmax(axis=-1)], sampled.max(axis=-1)
    slope, bend = polyder(coefficients), polyder(coefficients, 2)
    z = x
    for _ in range(5):
        downward = np.minimum(polyval(z, bend, tensor=False), -1e-200)
        z = np.clip(z - polyval(z, slope, tensor=False) / downward, 0.0, 1.0)
    refined = polyval(z, coefficients, tensor=False)
    return np.where(refined > height, z, x), np.maximum(refined, height)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Charging(Result):
    """A charging curve.

    Attributes
    ----------
    times : (T,) array
        Times, in the model's unit of inverse energy (hbar = 1).
    energy : (T,) array
        Energy stored in the battery since the start, E(t) - E(0).
    power : (T,) array
        Instantaneous power dE/dt, exact (from the equation of motion).
    ergotropy : (T,) array
        Largest work a unitary on the battery can extract, in the unit of energy.
    states : (T, d, 1) or (T, d, d) array, or None
        State of the battery, kets where it is pure by construction, else density matrices,
        in the basis of `battery_hamiltonian()`; None unless ``charge(states=True)`` asked for it.
    """

    times: FloatArray
    energy: FloatArray
    power: FloatArray
    ergotropy: FloatArray
    states: ComplexArray | None = None

    @property
    def average_power(self) -> FloatArray:
        """Average power E(t)/t, shape (T,); at t = 0 its limit, the instantaneous power."""
        later = self.times > 0
        return np.where(
            later, self.energy / np.where(later, self.times, 1.0), self.power
        )

    @property
    def max_energy(self) -> Peak:
        """Largest stored energy and its time, refined between the samples."""
        return peak(self.times, self.energy, self.power)

    @property
    def max_average_power(self) -> Peak:
        """Largest average power and its time, refined between the samples after t = 0.

        At t = 0 itself the average power is the instantaneous one: a battery that touches a
        bath is fastest there.
        """
        later = self.times > 0
        t, mean, slope = self.times[later], self.average_power[later], self.power[later]
        first = Peak(float(self.times[0]), float(self.average_power[0]))
        if t.size == 0:
            return first
        best = peak(t, mean, (slope - mean) / t)
        return max(best, first, key=lambda each: each.value)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class SteadyState(Result):
    """The battery at rest: what it holds for t -> infinity, whatever it started from.

    Its ``state``, the (d, d) density matrix in the basis of `battery_hamiltonian()`, is a field or a
    property of each model's own class.

    Attributes
    ----------
    energy : float
        Energy above the battery's ground state.
    ergotropy : float
        Largest work a unitary on the battery can extract, in the unit of energy.
    """

    energy: float
    ergotropy: float
