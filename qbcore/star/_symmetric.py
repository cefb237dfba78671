r"""One qubit coupled alike to M exchangeable qubits: the exact generator, made small.

The state of M qubits that nobody can tell apart is block-diagonal in their total spin
j, and the same in each of the d_j copies of a block; excitation-conserving H and
incoherent gain and loss never make a coherence between different excitation numbers.
What remains for battery x ancillas, all copies together, is

    P_e(j, m), P_g(j, m)    populations: battery up or down, ancillas in |j, m>
    Y(j, m)                 Im <e; j, m| rho |g; j, m + 1>  (-j <= m < j)

which are about 3 M^2 / 4 real numbers in place of 4^(M + 1). With the ancillas' spin
operators S and c = sqrt((j - m)(j + m + 1)), the pieces of d(rho)/dt are:

* exchange J (sigma_+ S_- + sigma_- S_+): dP_e/dt = -2 J c Y, dP_g(m + 1)/dt = +2 J c Y,
  dY/dt = J c (P_e(m) - P_g(m + 1));
* a local jump sum_k sigma_-^k takes |j, m> to |j + s, m - 1>, s = 0, -1, +1, with the
  rates of Chase and Geremia, Phys. Rev. A 78, 052101 (2008), summed over copies:

      s =  0:  (j + m)(j - m + 1) (M/2 + 1) / (2 j (j + 1))
      s = -1:  (j + m)(j + m - 1) (M/2 + 1 + j) / (2 j (2 j + 1))
      s = +1:  (j - m + 1)(j - m + 2) (M/2 - j) / (2 (j + 1) (2 j + 1))

  Their sum is the number M/2 + m of excited ancillas. sigma_+^k is the same with m ->
  -m, and a coherence |m><m + 1| is moved with the geometric mean of the rates of its
  two levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.special import binom

from qbcore._numerics.spins import loss_rate
from qbcore._support.types import FloatArray

DENSE_SIZE = 200  # unknowns up to which many systems are solved at once, densely


@dataclass(frozen=True)
class Symmetric:
    """d/dt of the D unknowns over gamma in four parts, and readouts.

    The unknowns are P_e, then P_g (both over ``spin``, ``projection``), then Y. The
    ``parts``, sparse (D, D), come with the weights 1, n_1, n_2 and J/gamma. The vectors
    ``trace``, ``battery`` and ``ancillas`` read total probability, excitation of the
    battery, and mean number of excited ancillas.
    """

    spin: FloatArray
    projection: FloatArray
    parts: tuple[Any, ...]
    trace: FloatArray
    battery: FloatArray
    ancillas: FloatArray

    @property
    def size(self) -> int:
        """D, the number of real unknowns."""
        return self.trace.size

    def generator(self, ratio: float, n1: float, n2: float) -> Any:
        """d/dt of the unknowns over gamma, sparse (D, D); ``ratio`` is J/gamma."""
        weights = (1.0, n1, n2, ratio)
        return sum(w * part for w, part in zip(weights, self.parts, strict=True))

    def stationary(
        self,
        ratio: FloatArray,
        n1: FloatArray,
        n2: FloatArray,
    ) -> FloatArray:
        """Null vectors of unit trace, (P, D), for P parameter sets as (P,) arrays."""
        if self.size <= DENSE_SIZE:
            return self._dense(ratio, n1, n2)
        return np.array(list(map(self._sparse, ratio, n1, n2)))

    def _dense(self, ratio: FloatArray, n1: FloatArray, n2: FloatArray) -> FloatArray:
        """The trace takes the place of the first equation, which the others imply."""
        # Three axes: numpy 1 takes two for a stack of vectors.
        one = np.eye(self.size, 1)[None]
        parts = np.array([part.toarray() for part in self.parts])
        weights = np.stack([np.ones_like(n1), n1, n2, ratio], axis=1)
        matrices = np.tensordot(weights, parts, 1)
        matrices[:, 0, :] = self.trace
        return np.asarray(np.linalg.solve(matrices, one)[..., 0])

    def _sparse(self, ratio: float, n1: float, n2: float) -> FloatArray:
        """Set one unknown that is surely not small to 1, in place of its equation.

        A row of ones, as in the dense form, would fill the sparse factors.
        """
        one = np.eye(1, self.size, int(self.product(n1, n2).argmax()))[0]
        others = sparse.diags_array(1 - one) @ self.generator(ratio, n1, n2)
        x = spsolve((others + sparse.diags_array(one)).tocsc(), one)
        return x / (self.trace @ x)

    def product(self, battery: float, ancilla: float) -> FloatArray:
        """Independent qubits: battery and ancillas excited with these probabilities.

        The ancillas have P(j, m) = d_j q^k (1 - q)^(M - k), k = M/2 + m, with
        d_j = (2j + 1) M! / ((M/2 + j + 1)! (M/2 - j)!) copies of spin j.
        """
        j, half = self.spin, self.spin.max()
        copies = (2 * j + 1) / (half + j + 1) * binom(2 * half, half - j)
        up = half + self.projection
        weights = copies * ancilla**up * (1 - ancilla) ** (2 * half - up)
        coherences = np.zeros(self.size - 2 * weights.size)
        return np.concatenate([battery * weights, (1 - battery) * weights, coherences])


class _Grid:
    """Numbering of pairs |j, m>, |j, m + gap>, over all j of M spins 1/2.

    For gap = 0 these are levels.
    """

    def __init__(self, ancillas: int, gap: int) -> None:
        self.ancillas, self.gap = ancillas, gap
        spins = np.arange((ancillas % 2) / 2, ancillas / 2 + 0.5)
        ladders = [np.arange(-j, j + 0.5 - gap) for j in spins]
        counts = [ladder.size for ladder in ladders]
        self.offset = np.cumsum(counts) - counts
        self.j, self.m = np.repeat(spins, counts), np.concatenate(ladders)

    def place(self, j: FloatArray, m: FloatArray, values: FloatArray) -> Any:
        """Values where row |j, m> meets its column, sparse (size, columns)."""
        columns = np.flatnonzero(values)
        row = self.offset[j[columns].astype(int)] + (j + m)[columns].astype(int)
        shape = self.j.size, values.size
        return sparse.csr_array((values[columns], (row, columns)), shape)

    def jumps(self, sign: int) -> Any:
        """Loss (sign = -1) or gain (+1) on every ancilla; gain is loss with m -> -m."""
        j, m = self.j, self.m
        leave = self.ancillas / 2 - sign * (m + self.gap / 2)
        matrix = -sparse.diags_array(leave)
        for step in (0, -1, 1):
            ends = (-sign * m, -sign * (m + self.gap))
            lower, upper = (loss_rate(self.ancillas, j, each, step) for each in ends)
            matrix += self.place(j + step, m + sign, np.sqrt(lower * upper))
        return matrix


@lru_cache(maxsize=16)
def symmetric(ancillas: int) -> Symmetric:
    """The generators for M ancillas; M = 0 leaves the bare battery."""
    levels, pairs = _Grid(ancillas, 0), _Grid(ancillas, 1)
    j, m = pairs.j, pairs.m
    c = 2 * np.sqrt((j - m) * (j + m + 1))
    # Y feeds P_g(j, m + 1) and drains P_e(j, m).
    feeds = sparse.vstack([levels.place(j, m, -c), levels.place(j, m + 1, c)])
    exchange = sparse.block_array([[None, feeds], [-feeds.T / 2, None]], format="csr")
    blocks = partial(sparse.block_diag, format="csr")
    # A jump of the battery halves the life of the coherences Y.
    one, blur = sparse.eye_array(levels.j.size), -sparse.eye_array(j.size) / 2
    moves = (np.array([[-1, 0], [1, 0]]), np.array([[0, 1], [0, -1]]))
    loss, gain = (blocks([sparse.kron(move, one), blur]) for move in moves)
    losses, gains = (
        blocks([levels.jumps(sign), levels.jumps(sign), pairs.jumps(sign)])
        for sign in (-1, +1)
    )
    sizes = [levels.j.size, levels.j.size, j.size]
    count = ancillas / 2 + levels.m
    return Symmetric(
        spin=levels.j,
        projection=levels.m,
        parts=(loss + losses, gain - loss, gains - losses, exchange),
        trace=np.repeat([1.0, 1.0, 0.0], sizes),
        battery=np.repeat([1.0, 0.0, 0.0], sizes),
        ancillas=np.concatenate([count, count, np.zeros(j.size)]),
    )
