"""Closed forms of the nonreciprocal battery at rest, and its exceptional points.

The symbols are those of `qbcore.nonreciprocal`; energies are in quanta (frequency 1).
Losses are the total ones, (Lambda_a, Lambda_b), and a reservoir gives
g^2 <= Lambda_a Lambda_b. All arguments broadcast but those of exceptional points.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qbcore._support.checks import finite, real, require, together
from qbcore._support.types import FloatArray

Pair = tuple[ArrayLike, ArrayLike]


def _reservoir(
    losses: Pair, cross_loss: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Lambda_a, Lambda_b and g of a reservoir that can exist."""
    require(
        isinstance(losses, tuple) and len(losses) == 2, "losses", "be a pair", losses
    )
    la, lb = (finite("losses", loss, least=0.0) for loss in losses)
    g = finite("cross_loss", cross_loss)
    la, lb, g = together("losses, cross_loss", la, lb, g)
    fits = np.abs(g) <= np.sqrt(la) * np.sqrt(lb) * (1 + 1e-12)
    must = "keep g^2 <= Lambda_a Lambda_b, as every reservoir does"
    require(fits, "cross_loss", must, cross_loss)
    return la, lb, g


def coherent_amplitudes(
    *,
    drive: ArrayLike,
    losses: Pair,
    cross_loss: ArrayLike,
    coupling: ArrayLike,
    detunings: Pair = (0.0, 0.0),
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return <a>, <b> of the coherent drive at rest, by Cramer's rule.

    M (<a>, <b>) = -(F, 0) gives <a> = -F M_22 / det M, <b> = F M_21 / det M.

    Parameters
    ----------
    drive : array_like
        F, real.
    losses : pair of array_like
        Lambda_a, Lambda_b >= 0.
    cross_loss : array_like
        g, at most sqrt(Lambda_a Lambda_b) in size: then the state at rest is stable.
    coupling : array_like
        J, complex.
    detunings : pair of array_like
        Delta_a, Delta_b.

    Returns
    -------
    pair of complex arrays

    Raises
    ------
    ValueError
        If an argument is out of range, or if a combination of the modes has no loss.

    Examples
    --------
    >>> rates = {"losses": (1.1, 1.05), "cross_loss": 1.0}
    >>> a, b = coherent_amplitudes(drive=0.5, coupling=0.5j, **rates)
    >>> round(float(abs(b) ** 2), 4)
    2.9984
    """
    f = finite("drive", drive)
    la, lb, g = _reservoir(losses, cross_loss)
    delta_a, delta_b = (finite("detunings", each) for each in detunings)
    j = finite("coupling", coupling, dtype=complex)
    names = "drive, losses, cross_loss, coupling, detunings"
    together(names, f, la, j, delta_a, delta_b)
    m11, m22 = delta_a - 0.5j * la, delta_b - 0.5j * lb
    m21 = j.conj() - 0.5j * g
    determinant = m11 * m22 - (j - 0.5j * g) * m21
    must = "leave one state at rest (det M != 0)"
    require(determinant != 0, "losses", must, losses)
    return -f * m22 / determinant, f * m21 / determinant


class TwoPhotonSteady(NamedTuple):
    """The resonant one-way battery under a two-photon drive, at rest.

    Attributes
    ----------
    charger, battery : array
        Energies in quanta.
    ergotropy : array
        Work that the battery gives, in quanta.
    wide, narrow : array
        Variances of the battery's antisqueezed and of its squeezed quadrature; 1/2 in
        the vacuum.

    Examples
    --------
    >>> rest = two_photon_steady(drive=0.0, losses=(0.6, 0.6), cross_loss=0.5)
    >>> float(rest.wide), float(rest.narrow)
    (0.5, 0.5)
    """

    charger: FloatArray
    battery: FloatArray
    ergotropy: FloatArray
    wide: FloatArray
    narrow: FloatArray


def two_photon_steady(
    *, drive: ArrayLike, losses: Pair, cross_loss: ArrayLike
) -> TwoPhotonSteady:
    """Return the closed form at J = i g/2 on resonance.

    The quadratures (x -+ p)/sqrt(2) decouple; with lambda = Lambda_a/2 -+ 2 epsilon
    their variances are Lambda_a/(4 lambda) in the charger and
    1/2 +- 2 g^2 epsilon/[Lambda_b lambda (lambda + Lambda_b/2)] in the battery. Energy:
    half their sum minus 1/2; ergotropy: half the square of the difference of their
    roots.

    Parameters
    ----------
    drive : array_like
        epsilon >= 0.
    losses : pair of array_like
        Lambda_a, Lambda_b > 0.
    cross_loss : array_like
        g, at most sqrt(Lambda_a Lambda_b) in size.

    Returns
    -------
    TwoPhotonSteady
        Arrays.

    Raises
    ------
    ValueError
        If an argument is out of range, or at and above the threshold
        epsilon = Lambda_a/4.

    Examples
    --------
    >>> rest = two_photon_steady(drive=0.05, losses=(0.6, 0.6), cross_loss=0.5)
    >>> round(float(rest.battery), 4)
    0.1339
    """
    epsilon = finite("drive", drive, least=0.0)
    la, lb, g = _reservoir(losses, cross_loss)
    epsilon, la = together("drive, losses, cross_loss", epsilon, la)
    must = "stay below a quarter of the charger's total loss"
    require(4 * epsilon < la, "drive", must, drive)
    require(lb > 0, "losses", "be above 0", losses)
    rates = la / 2 - 2 * epsilon, la / 2 + 2 * epsilon
    extra = [2 * g**2 * epsilon / (lb * rate * (rate + lb / 2)) for rate in rates]
    wide, narrow = 0.5 + extra[0], 0.5 - extra[1]
    charger = (la / (4 * rates[0]) + la / (4 * rates[1]) - 1) / 2
    work = (np.sqrt(wide) - np.sqrt(narrow)) ** 2 / 2
    return TwoPhotonSteady(charger, (wide + narrow - 1) / 2, work, wide, narrow)


def exceptional_coupling(
    *, losses: tuple[float, float], cross_loss: float, detuning: float = 0.0
) -> complex:
    """Return J at which the effective matrix has one eigenvalue only.

    (M_11 - M_22)^2 + 4 M_12 M_21 = 0 with detuning = Delta_a - Delta_b and
    D = Lambda_a - Lambda_b reads ``4 |J|^2 = g^2 + D^2/4 - detuning^2`` and
    4 g Re J = -detuning D. Of the two solutions it is the one with Im J > 0; for g = 0,
    where any phase does, the imaginary one.

    Parameters
    ----------
    losses : pair of float
        Lambda_a, Lambda_b >= 0.
    cross_loss : float
        g.
    detuning : float
        Delta_a - Delta_b.

    Raises
    ------
    ValueError
        If an argument is out of range, or no J does it.

    Examples
    --------
    >>> exceptional_coupling(losses=(1.1, 1.1), cross_loss=1.0)
    0.5j
    """
    la, lb, g = map(float, _reservoir(losses, real("cross_loss", cross_loss)))
    delta = real("detuning", detuning)
    difference = la - lb
    tilt = -delta * difference / 4
    require(g != 0 or tilt == 0, "cross_loss", "not be 0 with a detuning", cross_loss)
    real_part = tilt / g if tilt else 0.0
    square = (g**2 + difference**2 / 4 - delta**2) / 4 - real_part**2
    must = "leave an exceptional point (4 |J|^2 >= 0)"
    require(square >= 0, "detuning", must, detuning)
    return complex(real_part, np.sqrt(square))


def mode_overlap(matrix: ArrayLike) -> float:
    """Return ``|<v_1|v_2>|`` of the unit eigenvectors of a 2 x 2 matrix.

    It is 0 if the matrix is normal, 1 if it is defective.

    Parameters
    ----------
    matrix : (2, 2) array_like
        Complex numbers, such as `NonreciprocalBattery.effective_matrix`.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        For another shape, or a number that is not finite.

    Examples
    --------
    >>> mode_overlap([[1.0, 0.0], [0.0, 2.0]])
    0.0
    """
    entries = finite("matrix", matrix, dtype=complex)
    require(entries.shape == (2, 2), "matrix", "be of shape (2, 2)", matrix)
    first, second = np.linalg.eig(entries).eigenvectors.T
    return float(abs(np.vdot(first, second)))
