r"""Closed forms of the star-network battery with individual baths.

p_1 is the battery's probability of being excited in the steady state of ``qbcore.star``; n_1 and
n_2 are the occupations of the battery's bath and of an ancilla's bath. None of them depends on the
qubits' splitting.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import hyp2f1

from qbcore._support.checks import real, require
from qbcore._support.types import FloatArray


def two_cell_excitation(coupling: ArrayLike, n1: ArrayLike, n2: ArrayLike) -> FloatArray:
    """Closed form of p_1 for N = 2: n_1 + (n_2 - n_1) 2 J^2/(gamma^2 + 4 J^2); coupling = J/gamma."""
    square, a, b = (np.asarray(x, dtype=float) for x in (np.square(coupling), n1, n2))
    return np.asarray(a + (b - a) * 2 * square / (1 + 4 * square))


def three_cell_excitation(coupling: ArrayLike, n1: ArrayLike, n2: ArrayLike) -> FloatArray:
    """Closed form of p_1 for N = 3, by elimination from the ten linear equations.

    p_1 = a + 4 s (b - a)(1 + s (2 + a + b - 2ab)) / (1 + s (10 - a - b + 2ab) + 2 s^2 (8 + a + a^2
    + 2b - 4ab)), with a = n_1, b = n_2, s = (J/gamma)^2. For a = 1/2 it is 1/2 + (b - 1/2) 4s/(1 + 7s).
    """
    s, a, b = (np.asarray(x, dtype=float) for x in (np.square(coupling), n1, n2))
    top = 4 * s * (b - a) * (1 + s * (2 + a + b - 2 * a * b))
    bottom = 1 + s * (10 - a - b + 2 * a * b) + 2 * s**2 * (8 + a + a**2 + 2 * b - 4 * a * b)
    return np.asarray(a + top / bottom)


def many_ancillas_excitation(n1: float, n2: float) -> float:
    r"""p_1 for N -> infinity at any fixed J != 0, in closed form.

    For n_2 < 1/2 the ancillas act as one bosonic mode with nbar = n_2/(1 - 2 n_2) quanta, coupled by
    J sqrt(N (1 - 2 n_2)) -> infinity. Then |e, K - 1> and |g, K> mix fully, the number K of quanta
    climbs and falls one by one, P_0 is the probability of K = 0, and

        p_1 = (1 - P_0)/2,  1/P_0 = 1 + r_0 2F1(3/2 + n_1/(2 nbar), 1; 3/2 + (1 - n_1)/(2 nbar + 2); x),
        r_0 = 2 (nbar + n_1)/(nbar + 2 - n_1),  x = nbar/(nbar + 1).

    For n_2 > 1/2 the same holds for holes: n_i -> 1 - n_i, p_1 -> 1 - p_1.
    """
    for name, n in (("n1", n1), ("n2", n2)):
        require(0 <= real(name, n) <= 1, name, "lie in [0, 1]", n)
    if n2 == 0.5:
        return 0.5
    if n2 > 0.5:
        return 1 - many_ancillas_excitation(1 - n1, 1 - n2)
    nbar = n2 / (1 - 2 * n2)
    first = 2 * (nbar + n1) / (nbar + 2 - n1)
    if nbar > 1e-3:
        above = float(hyp2f1(1.5 + n1 / (2 * nbar), 1, 1.5 + (1 - n1) / (2 * nbar + 2), nbar / (nbar + 1)))
    else:  # scipy's 2F1 fails for a first argument this large; forty terms leave less than 1e-40
        odd = 2 * np.arange(1, 40) + 1
        ratios = (nbar * odd + n1) / ((nbar + 1) * odd + 1 - n1)
        above = 1 + float(np.cumprod(ratios).sum())
    return (1 - 1 / (1 + first * above)) / 2
