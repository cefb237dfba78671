r"""One qubit coupled alike to M exchangeable qubits: the exact generator, made small.

The state of M qubits that nobody can tell apart is block-diagonal in their total spin
j, and the same in each of the d_j copies of a block; excitation-conserving H and
incoherent gain and loss never make a coherence between different excitation numbers.
What remains for battery x ancillas, all copies together, is

    P_e(j, m), P_g(j, m)    populations: battery up or down, ancillas in |j, m>
    Y(j, m)                 <e; j, m| rho |g; j, m + 1>  (-j <= m < j)

which are about 3 M^2 / 4 numbers in place of 4^(M + 1). With the battery's excited
state multiplied by i, sigma_+ S_- + sigma_- S_+ becomes i times the real
K = sigma_+ S_- - sigma_- S_+, and -i [H, rho] becomes J (K rho - rho K): rho stays
real. The local jumps are those of `individual_lowering`, and sigma_+ of each ancilla
is its sigma_- with m -> -m.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.special import binom

from qbcore._numerics.spins import dicke_levels, individual_lowering
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
    parts: list[sparse.csr_array]
    trace: FloatArray
    battery: FloatArray
    ancillas: FloatArray

    @property
    def size(self) -> int:
        """D, the number of real unknowns."""
        return self.trace.size

    def generator(self, ratio: float, n1: float, n2: float) -> sparse.csr_array:
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


class _Entries:
    """The entries of rho that count, as pairs of a row and a column.

    They hold the unknowns P_e, P_g and Y, and then Y again in its mirror image.
    """

    def __init__(self, j: FloatArray, m: FloatArray) -> None:
        e = np.arange(j.size)
        g = e + j.size
        lower = np.flatnonzero(m < j)
        upper = g[lower - 1]  # with m + 1
        pairs = [[e, e], [g, g], [lower, upper], [upper, lower]]
        self.row, self.column = np.concatenate(pairs, axis=1)
        self.known = self.row.size - lower.size
        unknowns = sparse.eye_array(self.known, format="csr")
        self.held = sparse.vstack([unknowns, unknowns[2 * j.size :]])
        self.one = sparse.eye_array(2 * j.size, format="csr")

    def moved(
        self, left: sparse.csr_array, right: sparse.csr_array
    ) -> sparse.csr_array:
        """rho -> left rho right^T on the unknowns."""
        rows = left[self.row[: self.known]][:, self.row]
        columns = right[self.column[: self.known]][:, self.column]
        return rows.multiply(columns).tocsr() @ self.held

    def lindblad(self, *jumps: sparse.csr_array) -> sparse.csr_array:
        """sum_k (L_k rho L_k^T - {L_k^T L_k, rho}/2)."""
        lost = sum(jump.T @ jump for jump in jumps) / 2
        gained = sum(self.moved(jump, jump) for jump in jumps)
        return gained - self.moved(lost, self.one) - self.moved(self.one, lost)

    def commutator(self, k: sparse.csr_array) -> sparse.csr_array:
        """K rho - rho K for an antisymmetric K."""
        return self.moved(k, self.one) + self.moved(self.one, k)


@lru_cache(maxsize=16)
def symmetric(ancillas: int) -> Symmetric:
    """The generators for M ancillas; M = 0 leaves the bare battery."""
    j, m = dicke_levels(ancillas)
    entries = _Entries(j, m)
    both = partial(sparse.kron, format="csr")
    level, battery = sparse.eye_array(j.size), sparse.eye_array(2)
    lower = sparse.csr_array([[0.0, 0.0], [1.0, 0.0]])
    flip = np.lexsort((m, -j))  # m -> -m
    jumps = individual_lowering(ancillas)
    loss, gain = (entries.lindblad(both(x, level)) for x in (lower, lower.T))
    losses = entries.lindblad(*(both(battery, x) for x in jumps))
    gains = entries.lindblad(*(both(battery, x[flip][:, flip]) for x in jumps))
    down = sparse.diags_array(np.sqrt((j + m) * (j - m + 1))[:-1], offsets=-1)
    hop = both(lower.T, down)  # sigma_+ S_-
    hop.eliminate_zeros()
    exchange = entries.commutator(hop - hop.T)
    sizes = [j.size, j.size, entries.known - 2 * j.size]
    count = ancillas / 2 + m
    return Symmetric(
        spin=j,
        projection=m,
        parts=[loss + losses, gain - loss, gains - losses, exchange],
        trace=np.repeat([1.0, 1.0, 0.0], sizes),
        battery=np.repeat([1.0, 0.0, 0.0], sizes),
        ancillas=np.concatenate([count, count, np.zeros(sizes[2])]),
    )
