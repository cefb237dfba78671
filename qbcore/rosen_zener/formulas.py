r"""The closed forms of Guo, Yang and Dou, Phys. Rev. A 109, 032201 (2024), as printed.

Each function is one numbered equation, so that the book can hold it against
`qbcore.rosen_zener`. Nothing here is corrected: where a printed equation is wrong, the
chapter shows it and `magnus_state` gives what the same idea yields when every sign and
integral is kept.

All functions take a ``battery``, a `RosenZenerBattery`. Those of time take ``times`` in
[0, T] too, of any shape, and return an array of that shape; the others return a number.
Energies are in the unit of Delta, entropies in bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import cumulative_simpson
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.special import jv

from qbcore._numerics.spins import spin_matrices
from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.rosen_zener.battery import RosenZenerBattery


class GaugeIntegrals(NamedTuple):
    """The coefficients B_n of Appendix B that do not vanish (B_8 = B_9)."""

    b2: float
    b3: float
    b8: float
    b11: float
    b12: float


def gauge_angle(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Return mu = pi - v0 t/2 + (v0 T/4 pi) sin(2 pi t/T), Eq. (14)."""
    return np.pi - battery.pulse_area(times)


def gauge_integrals(battery: RosenZenerBattery) -> GaugeIntegrals:
    """Return the B_n of Eq. (B2): integrals over the whole pulse, cut off at J_1.

    The printed quotients are 0/0 at v0 T = 2 pi and 4 pi, where three curves of Fig. 2
    lie; they are evaluated here in the equal form with sin(x)/x.

    Raises
    ------
    ValueError
        For a drive of zero.
    """
    v0, span = battery.drive, battery.duration
    real("drive", v0, above=0.0)
    area = v0 * span
    j0, j1 = jv((0, 1), -area / (4 * np.pi))
    k0, k1 = jv((0, 1), -area / (2 * np.pi))
    # sin(A/4) and sin(A/2) over 4 pi - A, then sin(A/2) and sin(A) over 2 pi - A
    quarter = np.sinc(1 - area / (4 * np.pi)) / 4
    half = -np.sinc(2 - area / (2 * np.pi)) / 2
    whole = np.sinc(1 - area / (2 * np.pi)) / 2
    twice = -np.sinc(2 - area / np.pi)
    first = 8 * np.pi * span * j1 / (4 * np.pi + area)
    second = 4 * np.pi * span * k1 / (2 * np.pi + area)
    sine = k0 / v0 * np.sin(area) + second * twice
    for_b2 = j0 / v0 * np.sin(area / 4) + first * quarter
    for_b3 = j0 / v0 * np.sin(area / 2) + first * half
    for_b8 = k0 / v0 * np.sin(area / 2) + second * whole
    pairs = battery.interaction / battery.atoms
    return GaugeIntegrals(
        b2=4 * battery.splitting * np.sin(area / 4) * for_b2,
        b3=-2 * battery.splitting * for_b3,
        b8=2 * pairs * np.sin(area / 2) * for_b8,
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
    """Return (N Delta/2)(1 + cos mu), Eq. (22): N free atoms driven on resonance."""
    return battery.capacity / 2 * (1 + np.cos(gauge_angle(battery, times)))


def stored_energy(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Return the stored energy of Eq. (17)."""
    b, mu = gauge_integrals(battery), gauge_angle(battery, times)
    correction = _second_term(battery, b.b2 * np.cos(mu) + b.b3 * np.sin(mu))
    return leading_energy(battery, times) + correction


def average_power(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Return E(t)/t, Eq. (18), for times after 0."""
    return stored_energy(battery, times) / np.asarray(times, dtype=float)


def instantaneous_power(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Return the instantaneous power of Eq. (19)."""
    b, mu = gauge_integrals(battery), gauge_angle(battery, times)
    f = battery.drive_at(times)
    first = battery.capacity / 2 * f * np.sin(mu)
    return first - f * _second_term(battery, b.b3 * np.cos(mu) - b.b2 * np.sin(mu))


def fluctuation(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Return sqrt(N Delta/4 - (E - N Delta/2)^2 / N), Eq. (20).

    NaN where the root is of a negative number.
    """
    full = battery.capacity
    above_half = stored_energy(battery, times) - full / 2
    square = full / 4 - above_half**2 / battery.atoms
    return np.sqrt(np.where(square >= 0, square, np.nan))


def diagonal_entropy(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Return the entropy of Eq. (21).

    |sin mu| log2{[(N - 1) e^(pi/2)]^(1/2) [1 - B_8 B_9 (B_2 cos mu - B_3 sin mu)]}
    """
    b, mu = gauge_integrals(battery), gauge_angle(battery, times)
    factor = 1 - b.b8**2 * (b.b2 * np.cos(mu) - b.b3 * np.sin(mu))
    return np.abs(np.sin(mu)) * np.log2(_under_the_log(battery) * factor)


def _under_the_log(battery: RosenZenerBattery) -> float:
    """[(N - 1) e^(pi/2)]^(1/2)."""
    return float(np.sqrt((battery.atoms - 1) * np.exp(np.pi / 2)))


def max_energy(battery: RosenZenerBattery) -> float:
    """Return N Delta if v0 T >= 2 pi, else (N Delta/2)[1 - cos(v0 T/2)], Eq. (23)."""
    area = min(battery.drive * battery.duration, 2 * np.pi)
    return float(battery.capacity / 2 * (1 - np.cos(area / 2)))


def full_charge_time(battery: RosenZenerBattery, order: int = 0) -> float:
    """Return the time at which the pulse area reaches (2n + 1) pi, Eq. (24).

    ``order`` is n >= 0; NaN if the pulse is too weak.
    """
    target = (2 * integer("order", order, least=0) + 1) * np.pi
    if battery.pulse_area(battery.duration) < target:
        return float("nan")

    def missing(t: float) -> float:
        return float(battery.pulse_area(t)) - target

    return float(brentq(missing, 0.0, battery.duration))


def final_energy(battery: RosenZenerBattery) -> float:
    """Return (N Delta/2)[1 - cos(v0 T/2)], Eq. (25)."""
    half = battery.drive * battery.duration / 2
    return float(battery.capacity / 2 * (1 - np.cos(half)))


def final_fluctuation(battery: RosenZenerBattery) -> float:
    """Return sqrt(N Delta/4) |sin(v0 T/2)|, Eq. (26)."""
    half = battery.drive * battery.duration / 2
    return float(np.sqrt(battery.capacity / 4) * abs(np.sin(half)))


def final_entropy(battery: RosenZenerBattery) -> float:
    """Return log2 sqrt[(N - 1) e^(pi/2)] |sin(v0 T/2)|, Eq. (27)."""
    half = battery.drive * battery.duration / 2
    return float(np.log2(_under_the_log(battery)) * abs(np.sin(half)))


def state(battery: RosenZenerBattery, times: ArrayLike) -> ComplexArray:
    """Return the kets of Eq. (16), shape (T, N + 1, 1).

    e^{-i mu Jx} e^{-i pi Jy} e^{i [B_2 Jy + B_3 Jz + ... + B_12 Jz^2]} |s, -s>
    """
    jx, jy, jz = spin_matrices(battery.atoms)
    b = gauge_integrals(battery)
    mixed = b.b8 * (jy @ jz + jz @ jy) + b.b11 * jy @ jy + b.b12 * jz @ jz
    start = expm(-1j * np.pi * jy) @ expm(1j * (b.b2 * jy + b.b3 * jz + mixed))[:, -1]
    angles = gauge_angle(battery, times)
    kets = [expm(-1j * mu * jx) @ start for mu in angles]
    return np.array(kets)[..., None]


def magnus_state(battery: RosenZenerBattery, times: ArrayLike) -> ComplexArray:
    """Return the first-order Magnus state in the frame of the pulse; not in the paper.

    exp(-i phi Jx) exp(-i M) |s, -s> with M(t) the integral from 0 to t of
    Delta K + (2 eta/N) K^2, K = cos(phi) Jz + sin(phi) Jy: the idea of Eqs. (11)-(16)
    with the rotation that undoes the pulse and with integrals that end at t.

    Parameters
    ----------
    battery : RosenZenerBattery
    times : (T,) array_like
        Increasing times, the first of them 0, where the integrals start; dense enough
        for Simpson's rule.

    Returns
    -------
    (T, N + 1, 1) array
        Kets in the Dicke basis.

    Raises
    ------
    ValueError
        For times that do not increase from 0.
    """
    t = time_axis("times", times)
    require(t[0] == 0, "times", "start at 0, where the integrals do", float(t[0]))
    jx, jy, jz = spin_matrices(battery.atoms)
    phi = battery.pulse_area(t)
    c, s = np.cos(phi), np.sin(phi)
    parts = np.array([c, s, c**2, s**2, s * c])
    weights = cumulative_simpson(parts, x=t, initial=0.0).T
    pairs = 2 * battery.interaction * battery.splitting / battery.atoms
    squares = (jz @ jz, jy @ jy, jy @ jz + jz @ jy)
    operators = [battery.splitting * jz, battery.splitting * jy]
    operators += [pairs * square for square in squares]
    kets = []
    for angle, row in zip(phi, weights, strict=True):
        generator = sum(w * o for w, o in zip(row, operators, strict=True))
        kets.append(expm(-1j * angle * jx) @ expm(-1j * generator)[:, -1])
    return np.array(kets)[..., None]
