r"""Closed forms of the star-network battery with individual baths.

p_1 is the battery's probability of being excited in the steady state of `StarBattery`;
n_1 and n_2 are the occupations of the battery's bath and of an ancilla's bath. None of
them depends on the qubits' splitting.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, hyp2f1

from qbcore._support.checks import finite, numbers, real, require, together
from qbcore._support.types import FloatArray


def fermi(
    energy: ArrayLike,
    potential: ArrayLike,
    temperature: ArrayLike,
) -> FloatArray:
    """Return the Fermi-Dirac occupation 1 / (exp((omega - mu)/T) + 1).

    Parameters
    ----------
    energy, potential, temperature : array_like
        omega, mu and T >= 0, in one unit; they broadcast. At T = 0 the occupation is a
        step, one half at omega = mu.

    Returns
    -------
    float or array
        Occupation in [0, 1], without overflow.

    Raises
    ------
    ValueError
        For an argument that is not finite, or a negative temperature.

    Examples
    --------
    >>> float(fermi(1.0, 1.0, 0.3)), float(fermi(1.0, 1.1, 0.0))
    (0.5, 1.0)
    """
    e, mu = finite("energy", energy), finite("potential", potential)
    t = finite("temperature", temperature, least=0.0)
    e, mu, t = together("energy, potential, temperature", e, mu, t)
    # Half of mu - omega is a number where it is not; a cold half would vanish.
    unit = np.where(t > 1, 0.5, 1.0)
    # A quotient beyond the largest float is a step, too.
    with np.errstate(all="ignore"):
        return expit(np.where(mu == e, 0.0, (mu * unit - e * unit) / (t * unit)))


def two_cell_excitation(
    coupling: ArrayLike,
    n1: ArrayLike,
    n2: ArrayLike,
    *,
    rate: float = 1.0,
) -> FloatArray:
    """Return p_1 for N = 2, in closed form.

    p_1 = n_1 + (n_2 - n_1) 2 J^2 / (gamma^2 + 4 J^2).

    Parameters
    ----------
    coupling, n1, n2 : array_like
        J, and the occupations n_1 and n_2 in [0, 1]; they broadcast.
    rate : float
        gamma > 0, in the unit of J.

    Returns
    -------
    array
        p_1, of the broadcast shape.

    Raises
    ------
    ValueError
        For a J that is not finite, or an occupation outside [0, 1].

    Examples
    --------
    >>> float(two_cell_excitation(2.0, 0.0, 1.0, rate=4.0))
    0.25
    """
    square, a, b = _checked_sets(coupling, n1, n2, rate)
    return a + (b - a) * 2 * square / (1 + 4 * square)


def three_cell_excitation(
    coupling: ArrayLike,
    n1: ArrayLike,
    n2: ArrayLike,
    *,
    rate: float = 1.0,
) -> FloatArray:
    r"""Return p_1 for N = 3, by elimination from the ten linear equations.

    With a = n_1, b = n_2 and s = (J/gamma)^2,

    .. math::

        p_1 = a + \frac{4 s (b - a)(1 + s (2 + a + b - 2ab))}
        {1 + s (10 - a - b + 2ab) + 2 s^2 (8 + a + a^2 + 2b - 4ab)},

    which for a = 1/2 is 1/2 + (b - 1/2) 4s/(1 + 7s).

    Parameters
    ----------
    coupling, n1, n2 : array_like
        J, and the occupations n_1 and n_2 in [0, 1]; they broadcast.
    rate : float
        gamma > 0, in the unit of J.

    Returns
    -------
    array
        p_1, of the broadcast shape.

    Raises
    ------
    ValueError
        For a J that is not finite, or an occupation outside [0, 1].

    Examples
    --------
    >>> float(three_cell_excitation(2.0, 0.5, 1.0, rate=2.0))
    0.75
    """
    s, a, b = _checked_sets(coupling, n1, n2, rate)
    top = 4 * s * (b - a) * (1 + s * (2 + a + b - 2 * a * b))
    quadratic = 2 * s**2 * (8 + a + a**2 + 2 * b - 4 * a * b)
    bottom = 1 + s * (10 - a - b + 2 * a * b) + quadratic
    return a + top / bottom


def _checked_sets(
    coupling: ArrayLike,
    n1: ArrayLike,
    n2: ArrayLike,
    rate: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (J/gamma)^2 and the occupations, all checked."""
    gamma = real("rate", rate, above=0.0)
    ratio = strength(finite("coupling", coupling), gamma)
    a, b = occupation("n1", n1), occupation("n2", n2)
    j, a, b = together("coupling, n1, n2", ratio, a, b)
    return np.square(j), a, b


def strength(coupling: ArrayLike, rate: ArrayLike) -> FloatArray:
    """Return J/gamma up to 1e50, where no steady state changes any more.

    Parameters
    ----------
    coupling, rate : array_like
        J and gamma > 0, in one unit; they broadcast.

    Returns
    -------
    array
        J/gamma, between -1e50 and 1e50.

    Examples
    --------
    >>> float(strength(3.0, 2.0)), float(strength(1e200, 1e-200))
    (1.5, 1e+50)
    """
    with np.errstate(over="ignore"):
        return np.clip(np.divide(coupling, rate), -1e50, 1e50)


def occupation(name: str, value: ArrayLike) -> FloatArray:
    """Return checked occupations, the probabilities of being excited.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    value : array_like
        Numbers in [0, 1].

    Returns
    -------
    array
        The same as floats.

    Raises
    ------
    ValueError
        For a number outside [0, 1].

    Examples
    --------
    >>> float(occupation("n1", 0.25))
    0.25
    """
    must = "be an occupation in [0, 1]"
    n = numbers(name, value, must)
    require((n >= 0) & (n <= 1), name, must, value)
    return n


def many_ancillas_excitation(n1: float, n2: float) -> float:
    r"""Return p_1 for N -> infinity at any fixed J != 0, in closed form.

    For n_2 < 1/2 the ancillas act as one bosonic mode with nbar = n_2/(1 - 2 n_2)
    quanta, coupled by J sqrt(N (1 - 2 n_2)) -> infinity. Then ``|e, K - 1>`` and
    ``|g, K>`` mix fully, the number K of quanta climbs and falls one by one, P_0 is the
    probability of K = 0, and::

        p_1 = (1 - P_0)/2,  r_0 = 2 (nbar + n_1)/(nbar + 2 - n_1),  x = nbar/(nbar + 1),
        1/P_0 = 1 + r_0 2F1(3/2 + n_1/(2 nbar), 1; 3/2 + (1 - n_1)/(2 nbar + 2); x).

    For n_2 > 1/2 the same holds for holes: n_i -> 1 - n_i, p_1 -> 1 - p_1.

    Parameters
    ----------
    n1, n2 : float
        Occupations n_1 and n_2 in [0, 1].

    Returns
    -------
    float
        p_1, between 0 and 1.

    Raises
    ------
    ValueError
        For an occupation outside [0, 1].

    Examples
    --------
    >>> round(many_ancillas_excitation(0.3, 0.3), 12)  # equal baths
    0.3
    """
    occupation("n1", real("n1", n1))
    occupation("n2", real("n2", n2))
    if n2 == 0.5:
        return 0.5
    if n2 > 0.5:
        return 1 - many_ancillas_excitation(1 - n1, 1 - n2)
    nbar = n2 / (1 - 2 * n2)
    first = 2 * (nbar + n1) / (nbar + 2 - n1)
    if nbar > 1e-3:
        top, bottom = 1.5 + n1 / (2 * nbar), 1.5 + (1 - n1) / (2 * nbar + 2)
        above = float(hyp2f1(top, 1, bottom, nbar / (nbar + 1)))
    else:
        # scipy's 2F1 fails for a first argument this large; forty terms leave 1e-40.
        odd = 2 * np.arange(1, 40) + 1
        ratios = (nbar * odd + n1) / ((nbar + 1) * odd + 1 - n1)
        above = 1 + float(np.cumprod(ratios).sum())
    return (1 - 1 / (1 + first * above)) / 2
