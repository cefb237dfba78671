"""What ``charge()`` and ``steady_state()`` return, and the peaks of a curve.

A peak of a sampled curve is refined between the samples. Every model knows the exact
slope of its stored energy, so the refinement is the maximum of a Hermite interpolant:
cubic from values and slopes, wrong by at most h^4 max|E^(4)|/384 for sample spacing h;
quintic with curvatures too, wrong by at most h^6 max|E^(6)|/46080. No smoothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import BPoly, PPoly
from scipy.linalg import pascal
from scipy.special import perm

from qbcore._support.checks import finite, require
from qbcore._support.results import Result, number, result
from qbcore._support.states import largest
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import AccuracyError

PEAK_TOLERANCE = 1e-3  # of the largest sample: the error that a peak may have
ROUNDING = 1e-14  # of the ceiling: what it may leave of an energy of zero


class Peak(NamedTuple):
    """Largest value of a curve and its time: floats, or arrays for many curves.

    Attributes
    ----------
    time : float or (...) array
        When the curve is largest, in the unit of its times.
    value : float or (...) array
        How large it is there.

    Examples
    --------
    >>> Peak(time=2.0, value=4.0).value
    4.0
    """

    time: float | FloatArray
    value: float | FloatArray


def peak(
    times: ArrayLike,
    values: ArrayLike,
    slopes: ArrayLike,
    curvatures: ArrayLike | None = None,
) -> Peak:
    """Return the maximum of one or many sampled curves' Hermite interpolants.

    Between two samples the interpolant is the polynomial that has the given values and
    derivatives at both: a cubic, or with ``curvatures`` a quintic.

    Parameters
    ----------
    times : (T,) array_like
        Increasing sample times, in any unit.
    values, slopes : (..., T) array_like
        Samples of the curves, in any unit, and of their time derivatives.
    curvatures : (..., T) array_like, optional
        Samples of the second derivatives.

    Returns
    -------
    Peak
        Floats for one curve, arrays of shape (...) for many.

    Raises
    ------
    ValueError
        If the shapes do not agree, a sample is not finite or the times do not increase.

    Examples
    --------
    >>> time, value = peak([0.0, 2.0], [0.0, 4.0], [0.0, 0.0])  # t^2 (3 - t)
    >>> time, value
    (2.0, 4.0)
    """
    given = {"values": values, "slopes": slopes}
    if curvatures is not None:
        given["curvatures"] = curvatures
    t, samples = _checked(times, given)
    shape = samples.shape[1:-1]
    samples = samples.reshape(len(samples), -1, t.size)
    heights = samples[0]
    # The best samples, which a maximum between two samples may replace.
    time = t[heights.argmax(axis=-1)]
    value = heights.max(axis=-1)
    control = _control_points(t, samples)
    # A polynomial stays below its largest control point: few pieces can hold the peak.
    curve, interval = np.nonzero(control.max(axis=0) > value[:, None])
    if curve.size:
        # Side by side, each on an interval of length 1, for one search by scipy.
        pieces = BPoly(control[:, curve, interval], np.arange(curve.size + 1.0))
        chain = PPoly.from_bernstein_basis(pieces, extrapolate=False)
        zeros = chain.derivative().roots(discontinuity=False)
        # Of a constant piece scipy returns its start and nan.
        zeros = zeros[np.isfinite(zeros)]
        height = chain(zeros)
        # The chain's pieces have length 1; its very end belongs to the last of them.
        piece = np.minimum(zeros.astype(int), curve.size - 1)
        higher = np.flatnonzero(height > value[curve[piece]])
        higher = higher[np.argsort(height[higher])]  # a curve's highest is written last
        piece = piece[higher]
        share = zeros[higher] - piece  # of the interval that lies before the zero
        owner = curve[piece]
        start = interval[piece]
        time[owner] = t[start] + share * np.diff(t)[start]
        value[owner] = height[higher]
    return Peak(number(time.reshape(shape)), number(value.reshape(shape)))


def _checked(
    times: ArrayLike, given: dict[str, ArrayLike]
) -> tuple[FloatArray, FloatArray]:
    """Times (T,), and one array (K, ..., T): the curves, then each derivative given."""
    t = finite("times", times)
    curves = [finite(name, samples) for name, samples in given.items()]
    shapes = {c.shape for c in curves}
    wanted = (*curves[0].shape[:-1], t.size)
    fits = t.ndim == 1 and t.size > 0 and shapes == {wanted}
    must = "match `times`, `slopes` and `curvatures` along the last axis"
    require(fits, "values", must, (t.shape, *shapes))
    require(np.diff(t) > 0, "times", "increase", times)
    return t, np.stack(curves)


def _control_points(t: FloatArray, samples: FloatArray) -> FloatArray:
    """Bernstein coefficients (2 K, C, T - 1) of C curves' interpolants per interval.

    The ``samples`` (K, C, T) hold f and its derivatives below the K-th, which determine
    the K coefficients next to an end: with degree n = 2 K - 1 and spacing h,

        c_i = sum_k binom(i, k) h^k f^(k) (n - k)! / n!    (i < K)

    at the left end, and the same with -h at the right one, from where time runs back.
    """
    count = len(samples)
    k = np.arange(count)[:, None, None]
    scale = np.diff(t) ** k / perm(2 * count - 1, k)
    binomials = pascal(count, kind="lower", exact=False)
    left = np.tensordot(binomials, samples[..., :-1] * scale, 1)
    right = np.tensordot(binomials, samples[..., 1:] * scale * (-1.0) ** k, 1)
    return np.concatenate([left, right[::-1]])


def _errors(t: FloatArray, values: FloatArray, slopes: FloatArray) -> FloatArray:
    """Estimate how far the curve leaves its interpolant in each interval, (T - 1,).

    The cubic over two neighbouring intervals h_1, h_2 misses the sample between them by
    E^(4) h_1^2 h_2^2 / 24. That tells the fourth derivative, hence the largest error of
    the interpolant of one interval, E^(4) h^4 / 384.
    """
    h = np.diff(t)
    if h.size < 2:
        # No sample lies between two intervals: nothing tells the fourth derivative.
        return np.full(h.size, math.inf)
    both = h[:-1] + h[1:]
    x = h[:-1] / both
    # The cubic at the sample between: what it takes from the values, and the slopes.
    rise = values[2:] - values[:-2]
    by_values = values[:-2] + rise * x**2 * (3 - 2 * x)
    bend = (1 - x) * slopes[:-2] - x * slopes[2:]
    by_slopes = x * (1 - x) * both * bend
    missed = np.abs(by_values + by_slopes - values[1:-1])
    first = missed * (h[:-1] / h[1:]) ** 2 / 16
    second = missed * (h[1:] / h[:-1]) ** 2 / 16
    # Each interval is the first of one pair and the second of another, but at the ends.
    return np.maximum(np.r_[first, 0.0], np.r_[0.0, second])


@result
class Charging(Result):
    """A charging curve.

    Attributes
    ----------
    times : (T,) array
        Times, in the model's unit of inverse energy (hbar = 1).
    energy : (T,) array
        Energy stored in the battery since the start, E(t) - E(0), in the unit of
        energy.
    power : (T,) array
        Instantaneous power dE/dt, exact (from the equation of motion), in the unit of
        energy squared (hbar = 1).
    ergotropy : (T,) array
        Largest work a unitary on the battery can extract, in the unit of energy.
    states : (T, d, 1) or (T, d, d) array, or None
        State of the battery, kets where it is pure by construction, else density
        matrices, in the basis of `battery_hamiltonian()`; None unless
        ``charge(states=True)`` asked for it.
    ceiling : float
        Largest value that the energy can take: the capacity less what the start holds,
        in the unit of energy. Infinite where nothing bounds it.

    Examples
    --------
    >>> from qbcore import RosenZenerBattery
    >>> curve = RosenZenerBattery(atoms=1, drive=1.0, duration=np.pi).charge()
    >>> curve.times.shape == curve.energy.shape == curve.ergotropy.shape
    True
    """

    times: FloatArray
    energy: FloatArray
    power: FloatArray
    ergotropy: FloatArray
    states: ComplexArray | None = None
    ceiling: float = math.inf

    @property
    def average_power(self) -> FloatArray:
        """Average power E(t)/t, shape (T,); at t = 0 its limit, the power itself.

        Examples
        --------
        >>> t = np.array([0.0, 1.0, 2.0])
        >>> curve = Charging(times=t, energy=t**2, power=2 * t, ergotropy=t**2)
        >>> curve.average_power
        array([0., 1., 2.])
        """
        limit = self.power.astype(float)  # a copy, into which numpy may write
        return np.divide(self.energy, self.times, out=limit, where=self.times > 0)

    @property
    def efficiency(self) -> FloatArray:
        """Share of the stored energy that is work, ergotropy/energy, shape (T,).

        Between 0 and 1 from an empty start (Andolina et al., Phys. Rev. Lett. 122,
        047702 (2019)); 0 where no energy is stored.

        Examples
        --------
        >>> t = np.array([0.0, 1.0])
        >>> Charging(times=t, energy=t, power=t, ergotropy=t / 4).efficiency
        array([0.  , 0.25])
        """
        nothing = np.zeros_like(self.energy)
        return np.divide(
            self.ergotropy, self.energy, out=nothing, where=self.energy > 0
        )

    @property
    def max_energy(self) -> Peak:
        """Largest stored energy and its time, refined between the samples.

        Raises
        ------
        AccuracyError
            If the samples lie too far apart to tell it to 1e-3 of the largest sample.

        Examples
        --------
        >>> t = np.linspace(0.0, 3.0, 31)
        >>> flip = {"energy": (1 - np.cos(2 * t)) / 2, "power": np.sin(2 * t)}
        >>> curve = Charging(times=t, ergotropy=flip["energy"], **flip)
        >>> round(curve.max_energy.time, 4)  # pi/2, which is no sample
        1.5708
        """
        error = _errors(self.times, self.energy, self.power)
        time, value = self._peak(self.energy, self.power, error, 1.0)
        return Peak(time, min(value, self.ceiling))

    @property
    def max_average_power(self) -> Peak:
        """Largest average power and its time, refined between the samples.

        At t = 0 the average power is the instantaneous one: a battery that touches a
        bath is fastest there.

        Raises
        ------
        AccuracyError
            If the samples lie too far apart to tell it to 1e-3 of the largest sample.

        Examples
        --------
        >>> t = np.linspace(0.0, 3.0, 31)
        >>> flip = {"energy": (1 - np.cos(2 * t)) / 2, "power": np.sin(2 * t)}
        >>> curve = Charging(times=t, ergotropy=flip["energy"], **flip)
        >>> round(curve.max_average_power.time, 4)  # tan(t) = 2 t
        1.1656
        """
        t, mean = self.times, self.average_power
        # (E/t)' = (P - E/t)/t; a start at t = 0 is 0/1 here and gets its slope below.
        slope = (self.power - mean) / np.where(t > 0, t, 1.0)
        if t[0] == 0 and t.size > 1:
            # E/t of the energy's cubic is a parabola, known by two values and a slope.
            slope[0] = 2 * (mean[1] - mean[0]) / t[1] - slope[1]
        error = _errors(t, mean, slope)
        if t[0] == 0:
            # That cubic errs by E^(4) t^2 (h - t)^2 / 24, so E/t by E^(4) h^3 / 162.
            # Slices, for a single time has no interval.
            by_energy = 384 / 162 * _errors(t, self.energy, self.power)[:1]
            error[:1] = np.maximum(error[:1], by_energy / t[1:2])
        # Rounding of the energy shows most in E/t where t is shortest.
        shortest = float(t[t > 0][0]) if t[-1] > 0 else 1.0
        time, value = self._peak(mean, slope, error, shortest)
        most = self.ceiling / time if time > 0 else math.inf
        return Peak(time, min(value, most))

    def _peak(
        self, values: FloatArray, slopes: FloatArray, error: FloatArray, unit: float
    ) -> Peak:
        """The refined peak, refused where ``error`` (T - 1,) could hide a higher one.

        A value times ``unit`` is an energy: 1 for energies, a time for mean powers.
        """
        best = peak(self.times, values, slopes)
        points = _control_points(self.times, np.array([[values], [slopes]]))
        # A bound on the interpolant of the one curve in each interval, (T - 1,).
        highest = points[:, 0].max(axis=0)
        # Far below the maximum, an error does not matter.
        rise = np.minimum(error, highest + error - best.value)
        found = float(rise.max(initial=0.0))
        limit = PEAK_TOLERANCE * largest(values)
        # A battery that stays empty shows rounding alone, which no finer times mend.
        rounding = ROUNDING * self.ceiling if math.isfinite(self.ceiling) else 0.0
        if found * unit > max(limit * unit, rounding):
            message = (
                f"{self.times.size} samples lie too far apart for a maximum: between "
                f"them the curve may rise {found:.3g} above it, {limit:.3g} may be "
                "missed. Give `times` that lie closer together, or none."
            )
            raise AccuracyError(message, found=found, limit=limit)
        return best


@result
class SteadyState(Result):
    """The battery at rest: what it holds for t -> infinity, whatever it started from.

    Its ``state``, the (d, d) density matrix in the basis of `battery_hamiltonian()`, is
    a field or a property of each model's own class.

    Attributes
    ----------
    energy : float, or array for many
        Energy above the battery's ground state, in the unit of energy.
    ergotropy : float, or array for many
        Largest work a unitary on the battery can extract, in the unit of energy.

    Examples
    --------
    >>> from qbcore import NonreciprocalBattery
    >>> rest = NonreciprocalBattery().steady_state()
    >>> rest.ergotropy <= rest.energy
    True
    """

    energy: float | FloatArray
    ergotropy: float | FloatArray
