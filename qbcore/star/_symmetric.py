r"""One qubit coupled alike to M exchangeable qubits: the exact generator, made small.

The state of M qubits that nobody can tell apart is block-diagonal in their total spin
j, and the same in each of the d_j copies of a block; excitation-conserving H and
incoherent gain and loss never make a coherence between different excitation numbers.
What remains for battery x ancillas, all copies together, is

    P_e(j, m), P_g(j, m)    populations: battery up or down, ancillas in |j, m>
    Y(j, m)                 <e; j, m| rho |g; j, m + 1>  (-j <= m < j)

which are D, about 3 M^2 / 4, numbers in place of 4^(M + 1). With |e> the battery's
excited state times -i, sigma_+ S_- + sigma_- S_+ becomes i times the real
K = sigma_+ S_- - sigma_- S_+, and -i [H, rho] becomes J (K rho - rho K): rho stays
real. The local jumps are those of `individual_lowering`, and sigma_+ of each ancilla
is its sigma_- with m -> -m.

Every qubit loses at the rate gamma (1 - n) and gains at gamma n, where n is n_1 for the
battery's bath and n_2 for an ancilla's; J is the coupling. Time is in units of 1/gamma.
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
    """The generator of the D unknowns in four parts, and readouts.

    The unknowns are P_e, then P_g (each over the j in ``spin`` and the m in
    ``projection``), then Y. The ``parts``, sparse (D, D), come with the weights 1, n_1,
    n_2 and J/gamma. The vectors ``trace``, ``battery`` and ``ancillas`` (D,) read total
    probability, excitation of the battery, and mean number of excited ancillas.
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
        """The matrix of d/d(gamma t), sparse (D, D); ``ratio`` is J/gamma."""
        weights = (1.0, n1, n2, ratio)
        return sum(w * part for w, part in zip(weights, self.parts, strict=True))

    def stationary(
        self,
        ratio: FloatArray,
        n1: FloatArray,
        n2: FloatArray,
    ) -> FloatArray:
        """The unknowns at rest (P, D): null vectors of unit trace, for P sets (P,)."""
        if self.size <= DENSE_SIZE:
            return self._dense(ratio, n1, n2)
        return np.array(list(map(self._sparse, ratio, n1, n2)))

    def _dense(self, ratio: FloatArray, n1: FloatArray, n2: FloatArray) -> FloatArray:
        """The trace takes the place of the first equation, which the others imply."""
        # The trace is 1, all else 0. Three axes: numpy 1 takes two for many vectors.
        right_side = np.eye(self.size, 1)[None]
        parts = np.array([part.toarray() for part in self.parts])
        weights = np.stack([np.ones_like(n1), n1, n2, ratio], axis=1)
        matrices = np.tensordot(weights, parts, 1)
        matrices[:, 0, :] = self.trace
        return np.asarray(np.linalg.solve(matrices, right_side)[..., 0])

    def _sparse(self, ratio: float, n1: float, n2: float) -> FloatArray:
        """Set one unknown to 1 in place of its equation, and normalise in the end.

        A row of ones, as in the dense form, would fill the sparse factors. The unknown
        must not be small: the one that is largest at rest without J is taken.
        """
        largest = int(self.product(n1, n2).argmax())
        unit = np.eye(1, self.size, largest)[0]
        others = sparse.diags_array(1 - unit) @ self.generator(ratio, n1, n2)
        x = spsolve((others + sparse.diags_array(unit)).tocsc(), unit)
        return x / (self.trace @ x)

    def product(self, battery: float, ancilla: float) -> FloatArray:
        """Unknowns (D,) of independent qubits, excited with these probabilities.

        With q for ``ancilla``, P(j, m) = d_j q^k (1 - q)^(M - k) of the ancillas, where
        k = M/2 + m are excited, and d_j = (2j + 1) M! / ((M/2 + j + 1)! (M/2 - j)!)
        copies of spin j exist.
        """
        j = self.spin
        half = j.max()  # M/2
        copies = (2 * j + 1) / (half + j + 1) * binom(2 * half, half - j)
        excited = half + self.projection
        weights = copies * ancilla**excited * (1 - ancilla) ** (2 * half - excited)
        coherences = np.zeros(self.size - 2 * weights.size)
        return np.concatenate([battery * weights, (1 - battery) * weights, coherences])


class _Entries:
    """The entries of rho that may differ from 0, as pairs of a row and a column.

    They are the D unknowns P_e, P_g and Y, and then Y again in its mirror image. The
    rows of rho are the levels (j, m) with the battery in |e>, then the same in |g>.
    """

    def __init__(self, j: FloatArray, m: FloatArray) -> None:
        e = np.arange(j.size)
        g = e + j.size
        lower = np.flatnonzero(m < j)
        upper = g[lower - 1]  # with m + 1, for m falls from row to row
        pairs = [[e, e], [g, g], [lower, upper], [upper, lower]]
        self.row, self.column = np.concatenate(pairs, axis=1)
        self.size = self.row.size - lower.size  # D
        unknowns = sparse.eye_array(self.size, format="csr")
        self.from_unknowns = sparse.vstack([unknowns, unknowns[2 * j.size :]])
        self.one = sparse.eye_array(2 * j.size, format="csr")

    def product(
        self, left: sparse.csr_array, right: sparse.csr_array
    ) -> sparse.csr_array:
        """rho -> left rho right^T on the unknowns, sparse (D, D).

        Entry (a, b) takes left[a, c] right[b, d] times entry (c, d).
        """
        rows = left[self.row[: self.size]][:, self.row]
        columns = right[self.column[: self.size]][:, self.column]
        return rows.multiply(columns).tocsr() @ self.from_unknowns

    def lindblad(self, *jumps: sparse.csr_array) -> sparse.csr_array:
        """rho -> sum_k (L_k rho L_k^T - {L_k^T L_k, rho}/2), sparse (D, D)."""
        lost = sum(jump.T @ jump for jump in jumps) / 2
        gained = sum(self.product(jump, jump) for jump in jumps)
        return gained - self.product(lost, self.one) - self.product(self.one, lost)

    def commutator(self, k: sparse.csr_array) -> sparse.csr_array:
        """rho -> K rho - rho K = K rho + rho K^T for an antisymmetric K."""
        return self.product(k, self.one) + self.product(self.one, k)


@lru_cache(maxsize=16)
def symmetric(ancillas: int) -> Symmetric:
    """The generator and readouts for M ancillas; M = 0 leaves the bare battery."""
    j, m = dicke_levels(ancillas)
    entries = _Entries(j, m)
    tensor = partial(sparse.kron, format="csr")
    one_level = sparse.eye_array(j.size)
    one_qubit = sparse.eye_array(2)
    lower = sparse.csr_array([[0.0, 0.0], [1.0, 0.0]])  # sigma_-, |e> first
    flip = np.lexsort((m, -j))  # m -> -m
    jumps = individual_lowering(ancillas)
    loss = entries.lindblad(tensor(lower, one_level))
    gain = entries.lindblad(tensor(lower.T, one_level))
    losses = entries.lindblad(*(tensor(one_qubit, x) for x in jumps))
    gains = entries.lindblad(*(tensor(one_qubit, x[flip][:, flip]) for x in jumps))
    # S_-. Its entry is 0 at m = -j, so that it never leads on to the next spin.
    down = sparse.diags_array(np.sqrt((j + m) * (j - m + 1))[:-1], offsets=-1)
    hop = tensor(lower.T, down)  # sigma_+ S_-
    hop.eliminate_zeros()
    exchange = entries.commutator(hop - hop.T)
    coherences = entries.size - 2 * j.size
    sizes = [j.size, j.size, coherences]
    count = ancillas / 2 + m
    return Symmetric(
        spin=j,
        projection=m,
        # (1 - n) loss + n gain, sorted by the powers of n_1 and n_2.
        parts=[loss + losses, gain - loss, gains - losses, exchange],
        trace=np.repeat([1.0, 1.0, 0.0], sizes),
        battery=np.repeat([1.0, 0.0, 0.0], sizes),
        ancillas=np.concatenate([count, count, np.zeros(coherences)]),
    )
