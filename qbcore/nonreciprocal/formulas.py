"""Closed forms of the nonreciprocal battery's steady state, vectorised, and its exceptional points.

The symbols are those of `qbcore.nonreciprocal`; energies are in quanta (frequency 1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qbcore._support.checks import require
from qbcore._support.types import FloatArray


def coherent_amplitudes(
    *,
    drive: ArrayLike,
    losses: tuple[ArrayLike, ArrayLike],
    cross_loss: ArrayLike,
    coupling: ArrayLike,
    detunings: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Steady <a>, <b> of the coherent drive, by Cramer's rule; all arguments broadcast.

    M (<a>, <b>) = -(F, 0) gives <a> = -F M_22 / det M, <b> = F M_21 / det M. Arguments: F, the total
    losses (Lambda_a, Lambda_b), g, J and (Delta_a, Delta_b) of the module's docstring. For
    Lambda_j > 0 and g^2 <= Lambda_a Lambda_b (true of every reservoir) the result is stable.
    """
    f, j, g = (
        np.asarray(drive, float),
        np.asarray(coupling, complex),
        np.asarray(cross_loss, float),
    )
    m11, m22 = (
        np.asarray(d) - 0.5j * np.asarray(x)
        for d, x in zip(detunings, losses, strict=True)
    )
    m21 = j.conj() - 0.5j * g
    determinant = m11 * m22 - (j - 0.5j * g) * m21
    return -f * m22 / determinant, f * m21 / determinant


class TwoPhotonSteady(NamedTuple):
    """Steady resonant nonreciprocal battery under a two-photon drive, in quanta, arrays."""

    charger: FloatArray
    battery: FloatArray
    ergotropy: FloatArray
    wide: FloatArray  # variance of the battery's antisqueezed quadrature
    narrow: FloatArray  # and of its squeezed one


def two_photon_steady(
    *, drive: ArrayLike, losses: tuple[ArrayLike, ArrayLike], cross_loss: ArrayLike
) -> TwoPhotonSteady:
    """Closed form at J = i g/2 on resonance, any Lambda_a, Lambda_b; all arguments broadcast.

    The quadratures (x -+ p)/sqrt(2) decouple; with lambda = Lambda_a/2 -+ 2 epsilon their variances are
    Lambda_a/(4 lambda) in the charger and 1/2 +- 2 g^2 epsilon/[Lambda_b lambda (lambda + Lambda_b/2)]
    in the battery. Energy: half their sum minus 1/2; ergotropy: half the square of the difference
    of their roots. Raises ValueError at and above the threshold epsilon = Lambda_a/4.
    """
    epsilon, g = np.asarray(drive, float), np.asarray(cross_loss, float)
    la, lb = (np.asarray(x, float) for x in losses)
    margin = float(np.min(la - 4 * epsilon))
    require(
        margin > 0,
        "drive",
        "stay below a quarter of the charger's total loss",
        f"{-margin / 4:.4g} above",
    )
    charger, battery = [], []
    for sign in (1.0, -1.0):
        rate = la / 2 - sign * 2 * epsilon
        charger.append(la / (4 * rate))
        battery.append(0.5 + sign * 2 * g**2 * epsilon / (lb * rate * (rate + lb / 2)))
    wide, narrow = battery
    work = (np.sqrt(wide) - np.sqrt(narrow)) ** 2 / 2
    return TwoPhotonSteady(
        (charger[0] + charger[1] - 1) / 2, (wide + narrow - 1) / 2, work, wide, narrow
    )


def exceptional_coupling(
    *, losses: tuple[float, float], cross_loss: float, detuning: float = 0.0
) -> complex:
    """J at which the effective matrix has one eigenvalue only, of the two the one with Im J > 0.

    (M_11 - M_22)^2 + 4 M_12 M_21 = 0 with detuning = Delta_a - Delta_b and D = Lambda_a - Lambda_b reads
    4 |J|^2 = g^2 + D^2/4 - detuning^2 and 4 g Re J = -detuning D. Raises ValueError if no J does it.
    """
    difference = losses[0] - losses[1]
    real_part = -detuning * difference / (4 * cross_loss)
    square = (cross_loss**2 + difference**2 / 4 - detuning**2) / 4 - real_part**2
    require(
        square >= 0, "detuning", "leave an exceptional point (4 |J|^2 >= 0)", detuning
    )
    return complex(real_part, np.sqrt(square))


def mode_overlap(matrix: ArrayLike) -> float:
    """|<v_1|v_2>| of the unit eigenvectors of a 2 x 2 matrix: 0 if normal, 1 if defective."""
    _, vectors = np.linalg.eig(np.asarray(matrix, complex))
    return float(abs(np.vdot(vectors[:, 0], vectors[:, 1])))
