r"""The closed forms of Guo, Yang and Dou, Phys. Rev. A 109, 032201 (2024), as printed.

Each function is one numbered equation, so that the book can hold it against
`qbcore.rosen_zener`. Nothing here is corrected: where a printed equation is wrong, the
chapter shows it and `magnus_state` gives what the same idea yields when every sign and
integral is kept.

All functions take a ``battery``, a `RosenZenerBattery`. Those of time take ``times`` in
[0, T] too, of any shape, and return an array of that shape, or of kets for each of
them; the others return a number. Energies are in the unit of Delta, entropies in bits.
Anything else is refused by a `ValueError`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.special import jv, roots_legendre

from qbcore._numerics.spins import spin_matrices
from qbcore._support.checks import integer, numbers, real, require
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.rosen_zener._pulse import area_fraction
from qbcore.rosen_zener.battery import RosenZenerBattery


class GaugeIntegrals(NamedTuple):
    """The coefficients B_n of Appendix B that do not vanish (B_8 = B_9).

    Attributes
    ----------
    b2, b3 : float
        Of Jy and Jz.
    b8 : float
        Of Jy Jz + Jz Jy.
    b11, b12 : float
        Of Jy^2 and Jz^2.

    Examples
    --------
    >>> b = gauge_integrals(RosenZenerBattery(atoms=10, drive=20.0, interaction=0.0))
    >>> bool(b.b8 == b.b11 == b.b12 == 0)  # they come from the interaction
    True
    """

    b2: float
    b3: float
    b8: float
    b11: float
    b12: float


def gauge_angle(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    r"""Return the angle of the gauge transformation, Eq. (14).

    .. math::

        \mu = \pi - \frac{v_0 t}2 + \frac{v_0 T}{4\pi}\sin\frac{2\pi t}T

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    times : array_like
        t in [0, T], of any shape.

    Returns
    -------
    array of the shape of ``times``

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> gauge_angle(battery, [0.1, 0.2]).round(4)
    array([2.5962, 0.7632])
    """
    t, length = numbers("times", times), _checked(battery).duration
    inside = (t >= 0) & (t <= length * (1 + 1e-12))
    require(inside, "times", f"lie between 0 and {length:g}", times)
    return np.pi - battery.pulse_area(t)


def _checked(battery: RosenZenerBattery) -> RosenZenerBattery:
    fits = isinstance(battery, RosenZenerBattery)
    require(fits, "battery", "be a RosenZenerBattery", battery)
    require(battery.shape is None, "battery", "have the paper's pulse", battery)
    return battery


def _half_area(battery: RosenZenerBattery) -> float:
    """v0 T/2, the angle by which the whole pulse turns the spins."""
    return _checked(battery).drive * battery.duration / 2


def gauge_integrals(battery: RosenZenerBattery) -> GaugeIntegrals:
    """Return the B_n of Eq. (B2): integrals over the whole pulse, cut off at J_1.

    The printed quotients are 0/0 at v0 T = 2 pi and 4 pi, where three curves of Fig. 2
    lie; they are evaluated here in the equal form with sin(x)/x, and z = v0 T/(4 pi).

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.

    Returns
    -------
    GaugeIntegrals

    Raises
    ------
    ValueError
        For a drive of zero.

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> round(float(gauge_integrals(battery).b11), 4)
    0.0352
    """
    z = _half_area(battery) / (2 * np.pi)
    v0, span = real("drive", battery.drive, above=0.0), battery.duration

    def brackets(z: float) -> tuple[float, float]:
        """[J_0 + 2 z J_1 / (1 - z^2)] / v0, times sin(pi z) and times sin(2 pi z)."""
        j0, j1 = jv((0, 1), -z)
        c = 2 * np.pi * z * j1 / (1 + z)
        single = j0 * np.sin(np.pi * z) + c * np.sinc(1 - z)
        double = j0 * np.sin(2 * np.pi * z) - 2 * c * np.sinc(2 - 2 * z)
        return single / v0, double / v0

    for_b2, for_b3 = brackets(z)
    for_b8, sine = brackets(2 * z)
    pairs = battery.interaction / battery.atoms
    return GaugeIntegrals(
        b2=4 * battery.splitting * np.sin(np.pi * z) * for_b2,
        b3=-2 * battery.splitting * for_b3,
        b8=2 * pairs * np.sin(2 * np.pi * z) * for_b8,
        b11=pairs * (span - sine),
        b12=pairs * (span + sine),
    )


def _second_term(battery: RosenZenerBattery, along: FloatArray) -> FloatArray:
    """N^2 (B_8 + B_9)/4 * along / b^2 * (cos b - 1), b^2 = B_2^2 + B_3^2."""
    b = gauge_integrals(battery)
    angle = np.hypot(b.b2, b.b3)
    # (cos x - 1)/x^2 = -(1/2) [sin(x/2)/(x/2)]^2, which has no 0/0 at x = 0.
    return -(battery.atoms**2) * b.b8 / 4 * along * np.sinc(angle / (2 * np.pi)) ** 2


def leading_energy(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    r"""Return the energy of N free atoms driven on resonance, Eq. (22).

    .. math::

        E = \frac{N\Delta}2\,(1 + \cos\mu)

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    times : array_like
        t in [0, T], of any shape.

    Returns
    -------
    array of the shape of ``times``

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> leading_energy(battery, [0.1, 0.2]).round(4)
    array([0.7253, 8.6132])
    """
    return (1 + np.cos(gauge_angle(battery, times))) * battery.capacity / 2


def stored_energy(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    r"""Return the stored energy, Eq. (17).

    .. math::

        E = \frac{N\Delta}2(1 + \cos\mu) + \frac{N^2(B_8 + B_9)}4\,
        \frac{B_2\cos\mu + B_3\sin\mu}{b^2}\,(\cos b - 1), \qquad b^2 = B_2^2 + B_3^2

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    times : array_like
        t in [0, T], of any shape.

    Returns
    -------
    array of the shape of ``times``

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> stored_energy(battery, [0.1, 0.2]).round(4)
    array([0.7253, 8.6132])
    """
    b, mu = gauge_integrals(battery), gauge_angle(battery, times)
    correction = _second_term(battery, b.b2 * np.cos(mu) + b.b3 * np.sin(mu))
    return leading_energy(battery, times) + correction


def average_power(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Return the average power E(t)/t, Eq. (18), for times after 0.

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    times : array_like
        t in [0, T], of any shape.

    Returns
    -------
    array of the shape of ``times``

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> average_power(battery, [0.1, 0.2]).round(4)
    array([ 7.2527, 43.0658])
    """
    energy, t = stored_energy(battery, times), np.asarray(times, dtype=float)
    require(t > 0, "times", "lie after 0", times)
    return energy / t


def instantaneous_power(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Return the instantaneous power, Eq. (19): the slope of Eq. (17).

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    times : array_like
        t in [0, T], of any shape.

    Returns
    -------
    array of the shape of ``times``

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> instantaneous_power(battery, [0.1, 0.2]).round(4)
    array([36.7291, 57.1525])
    """
    b, mu = gauge_integrals(battery), gauge_angle(battery, times)
    f = battery.drive_at(times)
    first = battery.capacity / 2 * f * np.sin(mu)
    return first - f * _second_term(battery, b.b3 * np.cos(mu) - b.b2 * np.sin(mu))


def fluctuation(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    r"""Return the fluctuation of the energy, Eq. (20).

    .. math::

        \sqrt{\frac{N\Delta}4 - \frac1N\Big(E - \frac{N\Delta}2\Big)^2}

    NaN where the root is of a negative number.

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    times : array_like
        t in [0, T], of any shape.

    Returns
    -------
    array of the shape of ``times``

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> fluctuation(battery, [0.1, 0.2]).round(4)
    array([0.8202, 1.0929])
    """
    energy, full = stored_energy(battery, times), battery.capacity
    return np.sqrt(_positive(full / 4 - (energy - full / 2) ** 2 / battery.atoms))


def _positive(values: FloatArray) -> FloatArray:
    """The values, NaN where they are negative."""
    return np.where(values >= 0, values, np.nan)


def diagonal_entropy(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    r"""Return the diagonal entropy, Eq. (21), for N > 1.

    .. math::

        |\sin\mu|\,\log_2\Big\{\sqrt{(N - 1)e^{\pi/2}}\,
        \big[1 - B_8 B_9(B_2\cos\mu - B_3\sin\mu)\big]\Big\}

    NaN where the logarithm is of a negative number.

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    times : array_like
        t in [0, T], of any shape.

    Returns
    -------
    array of the shape of ``times``

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> diagonal_entropy(battery, [0.1, 0.2]).round(4)
    array([1.4099, 1.8788])
    """
    b, mu = gauge_integrals(battery), gauge_angle(battery, times)
    factor = 1 - b.b8**2 * (b.b2 * np.cos(mu) - b.b3 * np.sin(mu))
    return np.abs(np.sin(mu)) * np.log2(_under_the_log(battery) * _positive(factor))


def _under_the_log(battery: RosenZenerBattery) -> float:
    """[(N - 1) e^(pi/2)]^(1/2), whose logarithm one atom does not have."""
    others = integer("atoms", battery.atoms, least=2) - 1
    return float(np.sqrt(others * np.exp(np.pi / 2)))


def max_energy(battery: RosenZenerBattery) -> float:
    r"""Return the largest energy along the pulse, Eq. (23).

    .. math::

        N\Delta \text{ if } v_0 T \ge 2\pi, \text{ else }
        \tfrac{N\Delta}2\,[1 - \cos(v_0 T/2)]

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.

    Returns
    -------
    float

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> round(max_energy(battery), 4)
    10.0
    """
    angle = min(_half_area(battery), np.pi)
    return float(battery.capacity / 2 * (1 - np.cos(angle)))


def full_charge_time(battery: RosenZenerBattery, order: int = 0) -> float:
    """Return the time at which the pulse area reaches (2n + 1) pi, Eq. (24).

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    order : int
        n >= 0.

    Returns
    -------
    float
        NaN if the pulse is too weak.

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=30.0)
    >>> round(full_charge_time(battery), 4)
    0.1839
    """
    target = (2 * integer("order", order, least=0) + 1) * np.pi
    whole = _half_area(battery)
    if whole < target:
        return float("nan")
    fraction = brentq(lambda x: 2 * whole * area_fraction(x) - target, 0.0, 1.0)
    return float(fraction * battery.duration)


def final_energy(battery: RosenZenerBattery) -> float:
    r"""Return the energy after the pulse, Eq. (25).

    .. math::

        \frac{N\Delta}2\,[1 - \cos(v_0 T/2)]

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.

    Returns
    -------
    float

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> round(final_energy(battery), 4)
    10.0
    """
    return float((1 - np.cos(_half_area(battery))) * battery.capacity / 2)


def final_fluctuation(battery: RosenZenerBattery) -> float:
    r"""Return the fluctuation after the pulse, Eq. (26).

    .. math::

        \sqrt{N\Delta/4}\;|\sin(v_0 T/2)|

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.

    Returns
    -------
    float

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=15.0)
    >>> round(final_fluctuation(battery), 4)
    1.118
    """
    return float(abs(np.sin(_half_area(battery))) * np.sqrt(battery.capacity / 4))


def final_entropy(battery: RosenZenerBattery) -> float:
    r"""Return the diagonal entropy after the pulse, Eq. (27), for N > 1.

    .. math::

        |\sin(v_0 T/2)|\,\log_2\sqrt{(N - 1)e^{\pi/2}}

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.

    Returns
    -------
    float

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=15.0)
    >>> round(final_entropy(battery), 4)
    1.922
    """
    turned = abs(np.sin(_half_area(battery)))
    return float(turned * np.log2(_under_the_log(battery)))


def state(battery: RosenZenerBattery, times: ArrayLike) -> ComplexArray:
    r"""Return the kets of Eq. (16).

    .. math::

        e^{-i\mu J_x}\,e^{-i\pi J_y}\,
        e^{i[B_2 J_y + B_3 J_z + \dots + B_{12} J_z^2]}\,|s, -s\rangle

    Parameters
    ----------
    battery : RosenZenerBattery
        With the paper's pulse.
    times : array_like
        t in [0, T], of any shape.

    Returns
    -------
    (..., N + 1, 1) array
        Kets in the Dicke basis.

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=10, drive=20.0)
    >>> state(battery, [0.1, 0.2]).shape
    (2, 11, 1)
    """
    angles, b = gauge_angle(battery, times), gauge_integrals(battery)
    jx, jy, jz = spin_matrices(battery.atoms)
    exponent = b.b2 * jy + b.b3 * jz + b.b8 * (jy @ jz + jz @ jy)
    exponent += b.b11 * jy @ jy + b.b12 * jz @ jz
    inner = expm(1j * exponent)[:, -1:]
    return expm(np.multiply.outer(-1j * angles, jx)) @ expm(-1j * np.pi * jy) @ inner


def magnus_state(battery: RosenZenerBattery, times: ArrayLike) -> ComplexArray:
    """Return the first-order Magnus state in the frame of the pulse; not in the paper.

    ``exp(-i phi Jx) exp(-i M) |s, -s>`` with M(t) the integral from 0 to t of
    Delta K + (2 eta/N) K^2, K = cos(phi) Jz + sin(phi) Jy: the idea of Eqs. (11)-(16)
    with the rotation that undoes the pulse and with integrals that end at t.

    Parameters
    ----------
    battery : RosenZenerBattery
    times : array_like
        Times in [0, T], of any shape and in any order.

    Returns
    -------
    (..., N + 1, 1) array
        Kets in the Dicke basis.

    Raises
    ------
    ValueError
        For times outside the pulse.

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=2, drive=20.0)
    >>> kets = magnus_state(battery, [0.0, 0.1])
    >>> np.abs(kets[0, :, 0]).round(12)  # the empty battery
    array([0., 0., 1.])
    """
    phi = np.pi - gauge_angle(battery, times)
    jx, jy, jz = spin_matrices(battery.atoms)
    # Gauss's rule is exact to rounding once it has more nodes than sin(2 phi) radians.
    nodes, weights = roots_legendre(40 + int(2 * _half_area(battery)))
    t = np.asarray(times, dtype=float)
    turned = battery.pulse_area(t[..., None] * (1 + nodes) / 2)
    c, s = np.cos(turned), np.sin(turned)
    pairs = 2 * battery.interaction / battery.atoms
    parts = np.array([c, s, pairs * c**2, pairs * s**2, pairs * s * c])
    operators = np.array([jz, jy, jz @ jz, jy @ jy, jy @ jz + jz @ jy])
    integrals = battery.splitting * (parts @ weights) * t / 2
    generator = np.tensordot(integrals, operators, (0, 0))
    return expm(np.multiply.outer(-1j * phi, jx)) @ expm(-1j * generator)[..., -1:]
