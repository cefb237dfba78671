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
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.special import gammaln, xlogy

from qbcore._support.progress import progress
from qbcore._support.types import FloatArray, IntArray
from qbcore.errors import AccuracyError

DENSE_SIZE = 200  # unknowns up to which many systems are solved at once, densely
LOWEST = -1e-10  # probability that rounding may leave


@dataclass(frozen=True)
class Symmetric:
    """Generators at unit rate, sparse (D, D), and readouts, vectors (D,).

    The D unknowns are P_e, then P_g (both over ``spin``, ``projection``), then Y.
    ``trace``, ``battery`` and ``ancillas`` read total probability, excitation of the
    battery, and mean number of excited ancillas.
    """

    spin: FloatArray
    projection: FloatArray
    battery_loss: Any
    battery_gain: Any
    ancilla_loss: Any
    ancilla_gain: Any
    exchange: Any
    trace: FloatArray
    battery: FloatArray
    ancillas: FloatArray

    @property
    def size(self) -> int:
        """D, the number of real unknowns."""
        return self.trace.size

    def generator(self, ratio: float, n1: float, n2: float) -> Any:
        """d/dt of the unknowns over gamma, sparse (D, D); ``ratio`` is J/gamma."""
        battery = (1 - n1) * self.battery_loss + n1 * self.battery_gain
        ancillas = (1 - n2) * self.ancilla_loss + n2 * self.ancilla_gain
        return battery + ancillas + ratio * self.exchange

    def stationary(
        self,
        ratio: FloatArray,
        n1: FloatArray,
        n2: FloatArray,
    ) -> FloatArray:
        """Null vectors of unit trace, (P, D), for P parameter sets as (P,) arrays.

        Raises AccuracyError where rounding spoils the solution.
        """
        if self.size <= DENSE_SIZE:
            x = self._dense(ratio, n1, n2)
        else:
            sets = zip(ratio, n1, n2, strict=True)
            steps = progress(sets, "steady states", ratio.size)
            x = np.array([self._sparse(*each) for each in steps])
        lowest = float(x[:, self.trace > 0].min(initial=0.0))
        if lowest <= LOWEST:
            message = (
                f"Rounding leaves a probability of {lowest:.3g}, below {LOWEST}: "
                "take `coupling` and `rate` closer together."
            )
            raise AccuracyError(message, found=lowest, limit=LOWEST)
        return x

    def _dense(self, ratio: FloatArray, n1: FloatArray, n2: FloatArray) -> FloatArray:
        """The trace takes the place of the first equation, which the others imply."""
        # Three axes: numpy 1 takes two for a stack of vectors.
        one = np.zeros((1, self.size, 1))
        one[0, 0] = 1.0
        weights = np.stack([np.ones_like(n1), n1, n2, ratio], axis=1)
        found = np.empty((ratio.size, self.size))
        for begin in range(0, ratio.size, 256):  # bounds the memory
            part = slice(begin, begin + 256)
            matrices = np.tensordot(weights[part], self.dense_parts, 1)
            matrices[:, 0, :] = self.trace
            found[part] = np.linalg.solve(matrices, one)[..., 0]
        return found

    @cached_property
    def dense_parts(self) -> FloatArray:
        """Parts of the generator (4, D, D), to weigh with 1, n_1, n_2 and J/gamma."""
        parts = (
            self.battery_loss + self.ancilla_loss,
            self.battery_gain - self.battery_loss,
            self.ancilla_gain - self.ancilla_loss,
            self.exchange,
        )
        return np.array([p.toarray() for p in parts])

    def _sparse(self, ratio: float, n1: float, n2: float) -> FloatArray:
        """One unknown that is surely not small is set to 1 and its equation left out.

        A row of ones, as in the dense form, would fill the sparse factors.
        """
        matrix = self.generator(ratio, n1, n2).tocsc()
        likely = int(self.log_product(n2).argmax())
        likely += 0 if n1 > 0.5 else self.spin.size
        rest = np.delete(np.arange(self.size), likely)
        source = -matrix[:, [likely]].toarray()[rest, 0]
        x = np.insert(spsolve(matrix[rest][:, rest], source), likely, 1.0)
        return np.asarray(x / (self.trace @ x))

    def log_product(self, occupation: float) -> FloatArray:
        """log P(j, m), (K,), with ancillas excited with chance ``occupation``.

        P(j, m) = d_j q^k (1 - q)^(M - k), k = M/2 + m, with
        d_j = (2j + 1) M! / ((M/2 + j + 1)! (M/2 - j)!) copies of spin j.
        """
        j, half = self.spin, self.spin.max()
        copies = gammaln(2 * half + 1) - gammaln(half + j + 2) - gammaln(half - j + 1)
        up = half + self.projection
        chance = xlogy(up, occupation) + xlogy(2 * half - up, 1 - occupation)
        return np.asarray(np.log(2 * j + 1) + copies + chance)

    def product(self, battery: float, ancilla: float) -> FloatArray:
        """Independent qubits: battery and ancillas excited with these probabilities."""
        weights = np.exp(self.log_product(ancilla))
        coherences = np.zeros(self.size - 2 * weights.size)
        return np.concatenate([battery * weights, (1 - battery) * weights, coherences])


def loss_rate(ancillas: int, j: FloatArray, m: FloatArray, step: int) -> FloatArray:
    """Rate of |j, m> -> |j + step, m - 1> if each ancilla loses at unit rate."""
    half = ancillas / 2
    if step == 0:
        top, bottom = (j + m) * (j - m + 1) * (half + 1), 2 * j * (j + 1)
    elif step == -1:
        top, bottom = (j + m) * (j + m - 1) * (half + 1 + j), 2 * j * (2 * j + 1)
    else:
        top = (j - m + 1) * (j - m + 2) * (half - j)
        bottom = 2 * (j + 1) * (2 * j + 1)
    return np.asarray(np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0))


class _Grid:
    """Numbering of (j, m), m = -j, ..., j - short, over all j of M spins 1/2."""

    def __init__(self, ancillas: int, short: int) -> None:
        lowest = (ancillas % 2) / 2
        spins = np.arange(lowest, ancillas / 2 + 0.5)
        counts = np.rint(2 * spins + 1 - short).astype(int)
        self.lowest = lowest
        self.offset = np.concatenate([[0], np.cumsum(counts)])
        self.j = np.repeat(spins, counts)
        self.m = np.arange(counts.sum()) - np.repeat(self.offset[:-1] + spins, counts)

    def number(self, j: FloatArray, m: FloatArray) -> IntArray:
        which_spin = np.rint(j - self.lowest).astype(int)
        return np.asarray(self.offset[which_spin] + np.rint(m + j).astype(int))


class _Entries:
    """Rows, columns and values of a sparse matrix, gathered piece by piece."""

    def __init__(self) -> None:
        self.rows: list[IntArray] = []
        self.columns: list[IntArray] = []
        self.values: list[FloatArray] = []

    def add(self, rows: IntArray, columns: IntArray, values: FloatArray) -> None:
        self.rows.append(rows)
        self.columns.append(columns)
        self.values.append(np.broadcast_to(values, rows.shape))

    def matrix(self, size: int) -> Any:
        where = np.concatenate(self.rows), np.concatenate(self.columns)
        return sparse.csr_matrix((np.concatenate(self.values), where), (size, size))


class _Generators:
    """Numbers the unknowns of M ancillas and writes down the pieces of d/dt."""

    def __init__(self, ancillas: int) -> None:
        self.ancillas = ancillas
        self.levels, self.pairs = _Grid(ancillas, 0), _Grid(ancillas, 1)
        self.up = np.arange(self.levels.j.size)
        self.down = self.up + self.up.size
        self.pair = 2 * self.up.size + np.arange(self.pairs.j.size)
        self.size = 2 * self.up.size + self.pair.size

    def battery(self, source: IntArray, target: IntArray) -> Any:
        """A jump of the battery, which halves the life of the coherences Y."""
        entries = _Entries()
        entries.add(source, source, -np.ones(1))
        entries.add(target, source, np.ones(1))
        entries.add(self.pair, self.pair, np.full(1, -0.5))
        return entries.matrix(self.size)

    def exchange(self) -> Any:
        """The exchange at J = 1."""
        j, m = self.pairs.j, self.pairs.m
        c = np.sqrt((j - m) * (j + m + 1))
        excited = self.up[self.levels.number(j, m)]
        empty = self.down[self.levels.number(j, m + 1)]
        entries = _Entries()
        entries.add(excited, self.pair, -2 * c)
        entries.add(empty, self.pair, 2 * c)
        entries.add(self.pair, excited, c)
        entries.add(self.pair, empty, -c)
        return entries.matrix(self.size)

    def ancilla(self, sign: int) -> Any:
        """Loss (sign = -1) or gain (+1) on every ancilla; gain is loss with m -> -m."""
        entries = _Entries()
        half = self.ancillas / 2
        leave = half - sign * self.levels.m
        entries.add(self.up, self.up, -leave)
        entries.add(self.down, self.down, -leave)
        entries.add(self.pair, self.pair, -(half - sign * (self.pairs.m + 0.5)))
        for step in (0, -1, 1):
            self._move_populations(entries, sign, step)
            self._move_coherences(entries, sign, step)
        return entries.matrix(self.size)

    def _move_populations(self, entries: _Entries, sign: int, step: int) -> None:
        j, m = self.levels.j, self.levels.m
        rate = loss_rate(self.ancillas, j, -sign * m, step)
        go = rate > 0
        target = self.levels.number(j[go] + step, m[go] + sign)
        entries.add(self.up[target], self.up[go], rate[go])
        entries.add(self.down[target], self.down[go], rate[go])

    def _move_coherences(self, entries: _Entries, sign: int, step: int) -> None:
        j, m = self.pairs.j, self.pairs.m
        lower = loss_rate(self.ancillas, j, -sign * m, step)
        upper = loss_rate(self.ancillas, j, -sign * (m + 1), step)
        rate = np.sqrt(lower * upper)
        go = rate > 0
        target = self.pairs.number(j[go] + step, m[go] + sign)
        entries.add(self.pair[target], self.pair[go], rate[go])


@lru_cache(maxsize=16)
def symmetric(ancillas: int) -> Symmetric:
    """The generators for M ancillas; M = 0 leaves the bare battery."""
    make = _Generators(ancillas)
    one, zero = np.ones(make.up.size), np.zeros(make.up.size)
    no_pair = np.zeros(make.pair.size)
    count = ancillas / 2 + make.levels.m
    return Symmetric(
        spin=make.levels.j,
        projection=make.levels.m,
        battery_loss=make.battery(make.up, make.down),
        battery_gain=make.battery(make.down, make.up),
        ancilla_loss=make.ancilla(-1),
        ancilla_gain=make.ancilla(+1),
        exchange=make.exchange(),
        trace=np.concatenate([one, one, no_pair]),
        battery=np.concatenate([one, zero, no_pair]),
        ancillas=np.concatenate([count, count, no_pair]),
    )
