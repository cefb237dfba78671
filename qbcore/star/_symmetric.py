r"""One qubit coupled alike to M exchangeable qubits: the exact generator in the few states that count.

The state of M qubits that nobody can tell apart is block-diagonal in their total spin j, and the
same in each of the d_j copies of a block; excitation-conserving H and incoherent gain and loss
never make a coherence between different excitation numbers. What remains for battery x ancillas is

    P_e(j, m), P_g(j, m)    populations: battery up or down, ancillas in |j, m>, all copies together
    Y(j, m)                 Im <e; j, m| rho |g; j, m + 1>, all copies together (-j <= m < j)

which are about 3 M^2 / 4 real numbers in place of 4^(M + 1). With the ancillas' spin operators S
and c = sqrt((j - m)(j + m + 1)), the pieces of d(rho)/dt are:

* exchange J (sigma_+ S_- + sigma_- S_+): dP_e/dt = -2 J c Y, dP_g(m + 1)/dt = +2 J c Y,
  dY/dt = J c (P_e(m) - P_g(m + 1));
* a local jump sum_k sigma_-^k takes |j, m> to |j + s, m - 1>, s = 0, -1, +1, with the rates of
  Chase and Geremia, Phys. Rev. A 78, 052101 (2008), summed over copies:

      s =  0:  (j + m)(j - m + 1) (M/2 + 1) / (2 j (j + 1))
      s = -1:  (j + m)(j + m - 1) (M/2 + 1 + j) / (2 j (2 j + 1))
      s = +1:  (j - m + 1)(j - m + 2) (M/2 - j) / (2 (j + 1) (2 j + 1))

  Their sum is the number M/2 + m of excited ancillas. sigma_+^k is the same with m -> -m, and a
  coherence |m><m + 1| is moved with the geometric mean of the rates of its two levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve
from scipy.special import gammaln, xlogy

from qbcore._support.checks import require
from qbcore._support.progress import progress
from qbcore._support.types import FloatArray, IntArray

DENSE_SIZE = 200  # unknowns up to which many systems are solved at once, densely


@dataclass(frozen=True)
class Symmetric:
    """Generators at unit rate, as sparse (D, D) matrices, and readouts, as (D,) vectors.

    The D unknowns are P_e, then P_g (both over ``spin``, ``projection``), then Y. ``trace``,
    ``battery`` and ``ancillas`` read total probability, excitation of the battery, and mean
    number of excited ancillas.
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

    def generator(self, coupling: float, n1: float, n2: float) -> Any:
        """d/dt of the unknowns in units of gamma, sparse (D, D); ``coupling`` is J/gamma."""
        battery = (1 - n1) * self.battery_loss + n1 * self.battery_gain
        ancillas = (1 - n2) * self.ancilla_loss + n2 * self.ancilla_gain
        return battery + ancillas + coupling * self.exchange

    def stationary(self, coupling: FloatArray, n1: FloatArray, n2: FloatArray) -> FloatArray:
        """Null vectors of unit trace, (P, D), for P parameter sets given as (P,) arrays.

        Raises ValueError where rounding spoils the solution.
        """
        if self.size <= DENSE_SIZE:
            x = self._dense(coupling, n1, n2)
        else:
            sets = progress(zip(coupling, n1, n2, strict=True), "steady states", coupling.size)
            x = np.array([self._sparse(*each) for each in sets])
        lowest = float(x[:, self.trace > 0].min(initial=0.0))
        require(
            lowest > -1e-10, "coupling", "leave the linear system solvable", f"lowest probability {lowest}"
        )
        return x

    def _dense(self, coupling: FloatArray, n1: FloatArray, n2: FloatArray) -> FloatArray:
        """The normalisation takes the place of the first equation, which the others imply."""
        one = np.zeros((1, self.size, 1))  # three axes: numpy 1 takes two for a stack of vectors
        one[0, 0] = 1.0
        found = np.empty((coupling.size, self.size))
        for begin in range(0, coupling.size, 256):  # bounds the memory
            part = slice(begin, begin + 256)
            weights = np.stack([np.ones_like(n1[part]), n1[part], n2[part], coupling[part]], axis=1)
            matrices = np.tensordot(weights, self.dense_parts, 1)
            matrices[:, 0, :] = self.trace
            found[part] = np.linalg.solve(matrices, one)[..., 0]
        return found

    @cached_property
    def dense_parts(self) -> FloatArray:
        """(4, D, D): the generator is parts[0] + n_1 parts[1] + n_2 parts[2] + (J/gamma) parts[3]."""
        parts = (
            self.battery_loss + self.ancilla_loss,
            self.battery_gain - self.battery_loss,
            self.ancilla_gain - self.ancilla_loss,
            self.exchange,
        )
        return np.array([p.toarray() for p in parts])

    def _sparse(self, coupling: float, n1: float, n2: float) -> FloatArray:
        """One unknown that is surely not small is set to 1 and its equation left out.

        A row of ones, as in the dense form, would fill the sparse factors.
        """
        matrix = self.generator(coupling, n1, n2).tocsc()
        likely = int(self.log_product(n2).argmax()) + (0 if n1 > 0.5 else self.spin.size)
        rest = np.delete(np.arange(self.size), likely)
        source = -matrix[:, [likely]].toarray()[rest, 0]
        x = np.insert(spsolve(matrix[rest][:, rest], source), likely, 1.0)
        return np.asarray(x / (self.trace @ x))

    def log_product(self, occupation: float) -> FloatArray:
        """log P(j, m) for ancillas excited independently with probability ``occupation``, (K,).

        P(j, m) = d_j q^k (1 - q)^(M - k), k = M/2 + m, with d_j = (2j + 1) M! / ((M/2 + j + 1)!
        (M/2 - j)!) copies of spin j.
        """
        j, half = self.spin, self.spin.max()
        copies = gammaln(2 * half + 1) - gammaln(half + j + 2) - gammaln(half - j + 1)
        up = half + self.projection
        chance = xlogy(up, occupation) + xlogy(2 * half - up, 1 - occupation)
        return np.asarray(np.log(2 * j + 1) + copies + chance)

    def product(self, battery: float, ancilla: float) -> FloatArray:
        """All qubits independent: the battery excited with one probability, each ancilla another."""
        weights = np.exp(self.log_product(ancilla))
        coherences = np.zeros(self.size - 2 * weights.size)
        return np.concatenate([battery * weights, (1 - battery) * weights, coherences])


def jump_rate(ancillas: int, j: FloatArray, m: FloatArray, step: int) -> FloatArray:
    """Rate of |j, m> -> |j + step, m - 1> under one loss channel per ancilla, unit rate each."""
    half = ancillas / 2
    if step == 0:
        top, bottom = (j + m) * (j - m + 1) * (half + 1), 2 * j * (j + 1)
    elif step == -1:
        top, bottom = (j + m) * (j + m - 1) * (half + 1 + j), 2 * j * (2 * j + 1)
    else:
        top, bottom = (j - m + 1) * (j - m + 2) * (half - j), 2 * (j + 1) * (2 * j + 1)
    return np.asarray(np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0))


class _Grid:
    """Numbering of (j, m), m = -j, ..., j - short, over all j of M spins 1/2."""

    def __init__(self, ancillas: int, short: int) -> None:
        lowest = (ancillas % 2) / 2
        spins = np.arange(lowest, ancillas / 2 + 0.5)
        counts = np.rint(2 * spins + 1 - short).astype(int)
        self.lowest, self.offset = lowest, np.concatenate([[0], np.cumsum(counts)])
        self.j = np.repeat(spins, counts)
        self.m = np.arange(counts.sum()) - np.repeat(self.offset[:-1] + spins, counts)

    def number(self, j: FloatArray, m: FloatArray) -> IntArray:
        return np.asarray(self.offset[np.rint(j - self.lowest).astype(int)] + np.rint(m + j).astype(int))


@lru_cache(maxsize=16)
def symmetric(ancillas: int) -> Symmetric:
    """The generators for M ancillas; M = 0 leaves the bare battery."""
    levels, pairs = _Grid(ancillas, 0), _Grid(ancillas, 1)
    up = np.arange(levels.j.size)
    down = up + up.size
    pair = 2 * up.size + np.arange(pairs.j.size)
    size = 2 * up.size + pair.size

    def matrix(rows: list[Any], columns: list[Any], values: list[Any]) -> Any:
        where = (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_matrix((np.concatenate(values), where), shape=(size, size))

    def battery(source: IntArray, target: IntArray) -> Any:
        one = np.ones(up.size)
        return matrix([source, target, pair], [source, source, pair], [-one, one, np.full(pair.size, -0.5)])

    def ancilla(sign: int) -> Any:
        """Loss (sign = -1) or gain (+1) on every ancilla; gain is loss seen with m -> -m."""
        leave = [ancillas / 2 - sign * levels.m] * 2 + [ancillas / 2 - sign * (pairs.m + 0.5)]
        rows, columns, values = [np.arange(size)], [np.arange(size)], [-np.concatenate(leave)]
        for step in (0, -1, 1):
            rate = jump_rate(ancillas, levels.j, -sign * levels.m, step)
            go = rate > 0
            target = levels.number(levels.j[go] + step, levels.m[go] + sign)
            rows += [target, target + up.size]
            columns += [up[go], down[go]]
            values += [rate[go], rate[go]]
            both = [jump_rate(ancillas, pairs.j, -sign * m, step) for m in (pairs.m, pairs.m + 1)]
            mean = np.sqrt(both[0] * both[1])
            go = mean > 0
            rows.append(2 * up.size + pairs.number(pairs.j[go] + step, pairs.m[go] + sign))
            columns.append(pair[go])
            values.append(mean[go])
        return matrix(rows, columns, values)

    c = np.sqrt((pairs.j - pairs.m) * (pairs.j + pairs.m + 1))
    e, g = levels.number(pairs.j, pairs.m), up.size + levels.number(pairs.j, pairs.m + 1)
    flow = matrix([e, g, pair, pair], [pair, pair, e, g], [-2 * c, 2 * c, c, -c])
    zeros = np.zeros(pair.size)
    count = ancillas / 2 + levels.m
    return Symmetric(
        spin=levels.j,
        projection=levels.m,
        battery_loss=battery(up, down),
        battery_gain=battery(down, up),
        ancilla_loss=ancilla(-1),
        ancilla_gain=ancilla(+1),
        exchange=flow,
        trace=np.concatenate([np.ones(2 * up.size), zeros]),
        battery=np.concatenate([np.ones(up.size), np.zeros(up.size), zeros]),
        ancillas=np.concatenate([count, count, zeros]),
    )
