r"""The closed forms of Guo, Yang and Dou, Phys. Rev. A 109, 032201 (2024), as printed.

Each function is one numbered equation, so that the book can hold it against `qbcore.rosen_zener`.
Nothing here is corrected: where a printed equation is wrong, the chapter shows it and
`magnus_state` gives what the same idea yields when every sign and integral is kept. ``battery``
is a `RosenZenerBattery`; times lie in [0, T]; energies in the unit of Delta, entropies in bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import cumulative_simpson
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.special import jv

from qbcore._support.checks import integer, real
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
    """mu(t) = pi - v0 t/2 + (v0 T / 4 pi) sin(2 pi t / T), Eq. (14): pi minus the pulse area."""
    return np.pi - battery.pulse_area(times)


def gauge_integrals(battery: RosenZenerBattery) -> GaugeIntegrals:
    """B_2, B_3, B_8, B_11, B_12 of Eq. (B2): integrals over the whole pulse, cut off at J_1.

    The printed quotients are 0/0 at v0 T = 2 pi and 4 pi, where three curves of Fig. 2 lie; they
    are evaluated here in the equal form with sin(x)/x. Raises ValueError for a drive of zero.
    """
    v0, span, n, lam = battery.drive, battery.duration, battery.atoms, battery.interaction
    real("drive", v0, above=0.0)
    area = v0 * span
    j0, j1 = jv((0, 1), -area / (4 * np.pi))
    k0, k1 = jv((0, 1), -area / (2 * np.pi))
    # sin(A/4)/(4 pi - A), sin(A/2)/(4 pi - A), sin(A/2)/(2 pi - A), sin(A)/(2 pi - A)
    quarter, half = np.sinc(1 - area / (4 * np.pi)) / 4, -np.sinc(2 - area / (2 * np.pi)) / 2
    whole, twice = np.sinc(1 - area / (2 * np.pi)) / 2, -np.sinc(2 - area / np.pi)
    first, second = 8 * np.pi * span * j1 / (4 * np.pi + area), 4 * np.pi * span * k1 / (2 * np.pi + area)
    sine = k0 / v0 * np.sin(area) + second * twice
    return GaugeIntegrals(
        b2=4 * battery.splitting * np.sin(area / 4) * (j0 / v0 * np.sin(area / 4) + first * quarter),
        b3=-2 * battery.splitting * (j0 / v0 * np.sin(area / 2) + first * half),
        b8=2 * lam / n * np.sin(area / 2) * (k0 / v0 * np.sin(area / 2) + second * whole),
        b11=lam / n * (span - sine),
        b12=lam / n * (span + sine),
    )


def _second_term(battery: RosenZenerBattery, along: FloatArray) -> FloatArray:
    """N^2 (B_8 + B_9)/4 * along / (B_2^2 + B_3^2) * (cos sqrt(B_2^2 + B_3^2) - 1)."""
    b = gauge_integrals(battery)
    angle = np.hypot(b.b2, b.b3)
    # (cos x - 1)/x^2 = -(1/2) [sin(x/2)/(x/2)]^2, which has no 0/0 at x = 0.
    return -(battery.atoms**2) * b.b8 / 4 * along * np.sinc(angle / (2 * np.pi)) ** 2


def leading_energy(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """(N Delta / 2)(1 + cos mu), Eq. (22): N free atoms driven on resonance."""
    return battery.atoms * battery.splitting / 2 * (1 + np.cos(gauge_angle(battery, times)))


def stored_energy(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Stored energy of Eq. (17)."""
    b, mu = gauge_integrals(battery), gauge_angle(battery, times)
    correction = _second_term(battery, b.b2 * np.cos(mu) + b.b3 * np.sin(mu))
    return leading_energy(battery, times) + correction


def average_power(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """E(t)/t, Eq. (18), for times after 0."""
    return stored_energy(battery, times) / np.asarray(times, dtype=float)


def instantaneous_power(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """Instantaneous power of Eq. (19)."""
    b, mu, f = gauge_integrals(battery), gauge_angle(battery, times), battery.drive_at(times)
    first = battery.atoms * battery.splitting / 2 * f * np.sin(mu)
    return first - f * _second_term(battery, b.b3 * np.cos(mu) - b.b2 * np.sin(mu))


def fluctuation(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """sqrt(N Delta/4 - (E - N Delta/2)^2 / N), Eq. (20); NaN where the root is of a negative number."""
    n, splitting = battery.atoms, battery.splitting
    square = n * splitting / 4 - (stored_energy(battery, times) - n * splitting / 2) ** 2 / n
    return np.sqrt(np.where(square >= 0, square, np.nan))


def diagonal_entropy(battery: RosenZenerBattery, times: ArrayLike) -> FloatArray:
    """|sin mu| log2{[(N - 1) e^(pi/2)]^(1/2) [1 - B_8 B_9 (B_2 cos mu - B_3 sin mu)]}, Eq. (21)."""
    b, mu = gauge_integrals(battery), gauge_angle(battery, times)
    factor = 1 - b.b8**2 * (b.b2 * np.cos(mu) - b.b3 * np.sin(mu))
    return np.abs(np.sin(mu)) * np.log2(np.sqrt((battery.atoms - 1) * np.exp(np.pi / 2)) * factor)


def max_energy(battery: RosenZenerBattery) -> float:
    """N Delta if v0 T >= 2 pi, else (N Delta/2)[1 - cos(v0 T/2)], Eq. (23)."""
    area = battery.drive * battery.duration
    return battery.atoms * battery.splitting / 2 * (1 - np.cos(min(area, 2 * np.pi) / 2))


def full_charge_time(battery: RosenZenerBattery, order: int = 0) -> float:
    """Time at which the pulse area reaches (2n + 1) pi, Eq. (24); NaN if the pulse is too weak."""
    target = (2 * integer("order", order, least=0) + 1) * np.pi
    if battery.pulse_area(battery.duration) < target:
        return float("nan")
    return float(brentq(lambda t: float(battery.pulse_area(t)) - target, 0.0, battery.duration))


def final_energy(battery: RosenZenerBattery) -> float:
    """(N Delta/2)[1 - cos(v0 T/2)], Eq. (25)."""
    half = battery.drive * battery.duration / 2
    return float(battery.atoms * battery.splitting / 2 * (1 - np.cos(half)))


def final_fluctuation(battery: RosenZenerBattery) -> float:
    """sqrt(N Delta/4) |sin(v0 T/2)|, Eq. (26)."""
    half = battery.drive * battery.duration / 2
    return float(np.sqrt(battery.atoms * battery.splitting / 4) * abs(np.sin(half)))


def final_entropy(battery: RosenZenerBattery) -> float:
    """log2 sqrt[(N - 1) e^(pi/2)] |sin(v0 T/2)|, Eq. (27)."""
    half = battery.drive * battery.duration / 2
    return float(np.log2(np.sqrt((battery.atoms - 1) * np.exp(np.pi / 2))) * abs(np.sin(half)))


def state(battery: RosenZenerBattery, times: ArrayLike) -> ComplexArray:
    """Kets of Eq. (16), (T, N + 1, 1): e^{-i mu Jx} e^{-i pi Jy} e^{i [B_2 Jy + ... + B_12 Jz^2]} |s, -s>."""
    jx, jy, jz = spin_matrices(battery.atoms)
    b = gauge_integrals(battery)
    mixed = b.b8 * (jy @ jz + jz @ jy) + b.b11 * jy @ jy + b.b12 * jz @ jz
    start = expm(-1j * np.pi * jy) @ expm(1j * (b.b2 * jy + b.b3 * jz + mixed))[:, -1]
    return np.array([expm(-1j * mu * jx) @ start for mu in gauge_angle(battery, times)])[..., None]


def magnus_state(battery: RosenZenerBattery, times: ArrayLike) -> ComplexArray:
    """First-order Magnus state in the frame of the pulse, kets (T, N + 1, 1); not in the paper.

    exp(-i phi Jx) exp(-i M) |s, -s> with M(t) the integral from 0 to t of
    Delta K + (2 eta/N) K^2, K = cos(phi) Jz + sin(phi) Jy: the idea of Eqs. (11)-(16) with the
    rotation that undoes the pulse and with integrals that end at t. ``times`` must be dense
    enough for Simpson's rule on their grid, and start at 0.
    """
    jx, jy, jz = spin_matrices(battery.atoms)
    t = np.asarray(times, dtype=float)
    phi = battery.pulse_area(t)
    parts = [np.cos(phi), np.sin(phi), np.cos(phi) ** 2, np.sin(phi) ** 2, np.sin(phi) * np.cos(phi)]
    weights = cumulative_simpson(np.array(parts), x=t, initial=0.0).T
    eta = battery.interaction * battery.splitting
    operators = [battery.splitting * jz, battery.splitting * jy]
    operators += [2 * eta / battery.atoms * o for o in (jz @ jz, jy @ jy, jy @ jz + jz @ jy)]
    kets = []
    for angle, row in zip(phi, weights, strict=True):
        generator = sum(w * o for w, o in zip(row, operators, strict=True))
        kets.append(expm(-1j * angle * jx) @ expm(-1j * generator)[:, -1])
    return np.array(kets)[..., None]


def spin_matrices(atoms: int) -> tuple[ComplexArray, ComplexArray, ComplexArray]:
    """Dense Jx, Jy, Jz in the Dicke basis m = s, ..., -s."""
    import qutip

    x, y, z = (qutip.jmat(atoms / 2, axis).full() for axis in "xyz")
    return x, y, z
