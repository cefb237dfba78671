"""Lossy cavities: the density matrix as one real vector z, in time and at rest.

`_numerics.lindblad` has the equation of z. Only the entries that the start reaches are
kept, row by row. A Runge-Kutta method of order 8 takes them on, scipy's DOP853.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse
from scipy.integrate import DOP853
from scipy.sparse.linalg import splu

from qbcore._numerics.lindblad import as_real, generator, reached
from qbcore._support.checks import require
from qbcore._support.models import at_most
from qbcore._support.progress import progress
from qbcore._support.states import adjoint
from qbcore._support.types import FloatArray, Numbers
from qbcore.dual_cavity._space import Cavity, Observed, Space, ladders
from qbcore.errors import SeveralSteadyStatesError

LARGEST = 640_000  # entries of a density matrix; their generator takes 200 MB
MOST_WORK = 1e10  # multiplications of a run: about twenty seconds
OVERHEAD = 30_000  # multiplications that fit into the time of a call
MOST_AT_REST = 20_000  # unknowns of a sparse system that is solved in seconds
HELD = 2**22  # entries that are held at once
ERROR = 1e-11  # of a step
NEARLY_ZERO = 1e-10  # shift of the generator, in units of its largest entry
DIFFERENT = 1e-6  # how far two states at rest may lie apart
FEWER = "lower the cutoffs or the numbers of atoms"


class OpenSpace(Space):
    """As `Space`, with the entries of z in the place of a ket."""

    def __init__(
        self,
        cavities: list[Cavity],
        h: sparse.csr_array,
        psi: Numbers,
        jumps: Sequence[sparse.csr_array],
    ) -> None:
        """Build the generator, and what is observed on the entries."""
        super().__init__(cavities, h, psi, jumps)
        size, (atoms, photons) = len(self.start), self.matrix
        at_most(LARGEST, size**2, "The number of entries of a density matrix", FEWER)
        z = as_real(self.start @ adjoint(self.start))
        whole = generator(self.h, self.jumps)
        kept = reached(whole, z != 0)
        self.entries, self.generator = z[kept], whole[kept][:, kept]
        row, column = divmod(kept, size)
        self.diagonal = np.flatnonzero(row == column)
        self.means = self.means[..., row[self.diagonal]]
        self.slope = self.means[:, 0].sum(axis=0) @ self.generator[self.diagonal]
        atom, light = divmod(self.place, photons)
        spins = ladders(self.cavities)[0][atom]
        must = "hold no coherence between two total spins of the atoms"
        alike = spins[row] == spins[column]
        require(alike, "start", must, "a superposition of them")
        same = 1.0 * (light[row] == light[column])  # a partial trace
        place = atom[row] * atoms + atom[column], np.arange(kept.size)
        self.traced = sparse.csr_array((same, place), (atoms**2, kept.size))

    def path(
        self, times: FloatArray, leak: float
    ) -> Iterator[tuple[Numbers, FloatArray]]:
        """Yield z (samples, entries), and the largest leak (C,) of all steps so far."""
        end, size = float(times[-1]), self.entries.size
        fastest = float(abs(self.generator).sum(axis=0).max())
        work = 3 * fastest * end * (self.generator.nnz + OVERHEAD)
        at_most(
            MOST_WORK, work, "The number of multiplications", f"end sooner, {FEWER}"
        )
        solver = DOP853(
            lambda _, z: self.generator @ z,
            0.0,
            self.entries,
            end,
            max_step=end * HELD / (size * times.size) or 1.0,
            rtol=ERROR,
            atol=ERROR / 100,
        )
        worst, done = np.zeros(len(self.cavities)), 0
        steps = iter(lambda: solver.status == "running", False)
        for _ in progress(steps, "time steps", 0):
            solver.step()
            worst = np.clip(self.means[:, 2] @ solver.y[self.diagonal], worst, 1.0)
            last = int(np.searchsorted(times, solver.t, "right"))
            yield solver.dense_output()(times[done:last]).T, worst
            done = last

    def observe(self, kets: Numbers, *, state: bool = False) -> Observed:
        """Return the means in the states z (T, entries)."""
        each = np.tensordot(kets[:, self.diagonal], self.means, (1, 2))
        atoms = self.matrix[0]
        part = (self.traced @ kets.T).T.reshape(-1, atoms, atoms)
        turned = part.swapaxes(1, 2)
        reduced = (part + turned + 1j * (part - turned)) / 2
        return self.seen(each, kets @ self.slope, reduced, state)

    def rest(self) -> Observed:
        """Return the means at rest, by inverse iteration from two random starts."""
        size = self.entries.size
        at_most(MOST_AT_REST, size, "The number of unknowns at rest", FEWER)
        shift = NEARLY_ZERO * abs(self.generator).max() * sparse.eye_array(size)
        solver = splu((self.generator - shift).tocsc())
        ends = np.random.default_rng(0).random((size, 2))
        for _ in range(4):
            ends = solver.solve(ends)
            ends /= ends[self.diagonal].sum(axis=0)
        apart = float(np.abs(np.diff(ends)).max())
        what = "The state at rest depends on the start: the distance of two ends"
        way_out = "give every part a loss and a coupling, or use `charge`"
        at_most(DIFFERENT, apart, what, way_out, SeveralSteadyStatesError)
        return self.observe(ends[:, :1].T, state=True)
