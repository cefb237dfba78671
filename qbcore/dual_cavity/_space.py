"""The basis of the dual-cavity battery: what a start reaches, and what is seen there.

Nothing here knows how many cavities there are: two that exchange excitations are one
space, two that do not are two spaces of one cavity each.

Atoms that decay one by one leave the symmetric states, but nothing tells them apart:
their state is the same block in each copy of a total spin S, without coherence between
two spins. One row of the basis stands for one m of all copies of S.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from qbcore._numerics.spins import copies, ladder
from qbcore._numerics.unitary import evolve
from qbcore._support.states import adjoint
from qbcore._support.types import BoolArray, ComplexArray, FloatArray, IntArray, Numbers

MOST_APART = 12  # atoms that decay one by one, for they have 2^12 levels


class Cavity(NamedTuple):
    """One ensemble with its light.

    Attributes
    ----------
    name : str
        ``"a"`` or ``"b"``.
    atoms : int
        Number N of atoms.
    lost : (d,) array
        N/2 - S of each row; zero while the atoms stay symmetric, and d = N + 1.
    levels : (d,) array
        Energy of the atoms above the empty battery, by m = S, ..., -S of each S.
    light : int
        Number of Fock states kept.
    photons : int
        Number of photons at the default start.
    """

    name: str
    atoms: int
    lost: IntArray
    levels: FloatArray
    light: int
    photons: int

    @property
    def ladder(self) -> FloatArray:
        """<m + 1| S^+ |m> with m + 1 in each row, (d,); 0 for the lowest of a spin."""
        spins = [ladder(self.atoms - 2 * k) for k in np.unique(self.lost)]
        return np.concatenate([np.append(spin, 0.0) for spin in spins])

    @property
    def raising(self) -> sparse.csr_array:
        """S^+ on the atoms, sparse."""
        return sparse.diags_array(self.ladder[:-1], offsets=1).tocsr()

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of values of m and n."""
        return self.levels.size, self.light


class Observed(NamedTuple):
    """Means of C cavities at T times.

    Attributes
    ----------
    each : (T, C, 3) array
        Of each cavity: the atoms' energy above empty, the photon number, the population
        of its two highest photon numbers.
    power : (T,) array
        dE/dt of all atoms.
    spectrum : (T, d) array
        Eigenvalues of the atoms' state, those of each total spin in its rows.
    state : (T, d, d) array, or an empty one
        That state itself, if it was asked for.
    """

    each: FloatArray
    power: FloatArray
    spectrum: FloatArray
    state: ComplexArray


class Space:
    """The part of the basis |m_a, n_a, m_b, n_b> that a start can reach.

    H conserves the parity of the number of excited atoms and photons, so that a start
    of one parity reaches half of the basis; without coupling it reaches far less.

    Parameters
    ----------
    cavities : list of Cavity
        The cavities that are solved together.
    h : sparse array
        H on the whole space.
    psi : (size, columns) array
        The start on the whole space: a ket, or several whose projectors add up to a
        mixed state.
    jumps : list of sparse arrays
        Jump operators on the whole space, which reach further.
    """

    def __init__(
        self,
        cavities: list[Cavity],
        h: sparse.csr_array,
        psi: Numbers,
        jumps: Sequence[sparse.csr_array] = (),
    ) -> None:
        """Select the states and build what is observed on them."""
        self.cavities = cavities
        # A jump changes the parity that H conserves, so no entries cancel.
        links = sum(jumps, start=h)
        links.eliminate_zeros()
        _, part = connected_components(links, directed=False)
        kept = np.flatnonzero(np.isin(part, part[np.any(psi != 0, axis=1)]))
        self.start: Numbers = psi[kept]
        self.h = h[kept][:, kept]
        self.jumps = [jump[kept][:, kept] for jump in jumps]
        shape = [size for c in cavities for size in c.sizes]
        atoms, light = shape[0::2], shape[1::2]
        index = np.array(np.unravel_index(kept, shape))
        self.fold = self._fold(kept, index, shape)
        spins, photons = index[0::2], index[1::2]
        sites = zip(cavities, spins, photons, strict=True)
        means = [(c.levels[m], n, n >= c.light - 2) for c, m, n in sites]
        self.means = np.array(means, dtype=float)  # as in `Observed.each`
        self.top = self.means[:, 2]
        self.edge: IntArray = np.flatnonzero(self.top.any(axis=0))
        # Where the amplitudes stand in a matrix of the atoms' states and the light's.
        self.matrix = math.prod(atoms), math.prod(light)
        self.place = np.ravel_multi_index((*spins, *photons), (*atoms, *light))

    @cached_property
    def _blocks(self) -> list[tuple[IntArray, IntArray, BoolArray]]:
        """Atoms' states that meet the same light; their amplitudes, and which exist.

        A parity parts the matrix of amplitudes into two, and the atoms' state too.
        """
        there, filled = np.zeros(self.matrix, int), np.zeros(self.matrix, bool)
        there.flat[self.place], filled.flat[self.place] = (
            np.arange(len(self.place)),
            True,
        )
        met, blocks = np.where(filled.any(axis=0), filled.argmax(axis=0), -1), []
        for first in np.unique(met[met >= 0]):
            light = np.flatnonzero(met == first)
            rows = np.flatnonzero(filled[:, light].any(axis=1))
            at = np.ix_(rows, light)
            blocks.append((rows, there[at], filled[at][..., None]))
        return blocks

    @cached_property
    def _feed(self) -> sparse.csr_array:
        """2 [Q, H], sparse."""
        energy = sparse.diags_array(self.means[:, 0].sum(axis=0))
        feed = 2 * (energy @ self.h - self.h @ energy)
        feed.eliminate_zeros()
        return feed

    def fastest(self) -> float:
        """Return the angular frequency that sampling has to follow.

        A transition between two coupled states turns by the difference of their
        energies. To that comes 2 Delta H, for by Mandelstam and Tamm a mean value
        changes by at most so many of its own standard deviations in unit time.
        """
        diagonal = self.h.diagonal()
        links = self.h.tocoo()
        turn = np.abs(diagonal[links.row] - diagonal[links.col]).max(initial=0.0)
        mean = np.vdot(self.start, self.h @ self.start).real
        spread = np.linalg.norm(self.h @ self.start - mean * self.start)
        return float(turn + 2 * spread)

    def path(
        self, times: FloatArray, leak: float
    ) -> Iterator[tuple[Numbers, FloatArray]]:
        """Yield the kets of each stretch of time, and the largest leak (C,) so far.

        Unless any is allowed, the leak is looked at between the times too, wherever r t
        has grown by one for the half-width r of H's spectrum. No phase between two
        levels turns by more than 2 r t, so that a population cannot come and go unseen
        from one look to the next.
        """
        worst = np.zeros(len(self.cavities))
        watched = self.edge[: self.edge.size if leak < 1 else 0]
        leaving = self.top
        fold, h, start = self.fold, self.h, self.start
        if fold is not None:
            h, start = (fold.T @ h @ fold).tocsr(), fold.T @ start
            watched = np.unique(fold[watched].indices)
            leaving = self.top @ fold.power(2)
        for kets, between in evolve(h, start, times, watched):
            looks = np.concatenate([between, kets[:, watched]])
            leaks = populations(looks) @ leaving[:, watched].T
            worst = np.clip(leaks.max(axis=0, initial=0.0), worst, 1.0)
            yield kets if fold is None else spread(fold, kets), worst

    def _fold(
        self, kept: IntArray, index: IntArray, shape: list[int]
    ) -> sparse.csr_array | None:
        """Amplitudes from fewer, sparse; None if no two are alike.

        Cavities that are alike stay so from a start that is alike: |m_a, n_a, m_b, n_b>
        and |m_b, n_b, m_a, n_a> have one amplitude, which halves the space.
        """
        if len(shape) < 4 or shape[:2] != shape[2:]:
            return None
        other = np.ravel_multi_index(tuple(index[[2, 3, 0, 1]]), shape)
        swapped = np.searchsorted(kept, other)
        alike = np.take(kept, swapped, mode="clip") == other
        if not alike.all() or np.any(self.start[swapped] != self.start):
            return None
        each = np.arange(kept.size)
        first = np.minimum(each, swapped)
        _, place, often = np.unique(first, return_inverse=True, return_counts=True)
        return sparse.csr_array((1 / np.sqrt(often[place]), (each, place)))

    def first_leak(self, times: FloatArray, allowed: float) -> FloatArray:
        """Return the leaks (C,) when the first is too large, or zeros."""
        leaks = (
            worst for _, worst in self.path(times, allowed) if worst.max() > allowed
        )
        return next(leaks, np.zeros(len(self.cavities)))

    def observe(self, kets: Numbers, *, state: bool = False) -> Observed:
        """Return the means in the states ``kets`` (T, size, columns).

        E = <Q> with a diagonal Q, so that dE/dt = i <[H, Q]>, which for a real H is
        2 (Re psi) [Q, H] (Im psi).
        """
        each = np.tensordot(populations(kets), self.means, (1, 2))
        columns = np.moveaxis(kets, 1, 0).reshape(kets.shape[1], -1)
        flow = (columns.real * (self._feed @ columns.imag)).sum(axis=0)
        reduced = np.zeros((len(kets), *self.matrix[:1] * 2), dtype=complex)
        for rows, place, filled in self._blocks:
            part = (kets[:, place] * filled).reshape(len(kets), len(rows), -1)
            reduced[:, rows[:, None], rows] += part @ adjoint(part)
        power = flow.reshape(len(kets), kets.shape[2]).sum(axis=1)
        return self.seen(each, power, reduced, state)

    def seen(
        self, each: FloatArray, power: FloatArray, reduced: ComplexArray, state: bool
    ) -> Observed:
        """Complete what is observed by the spectrum of the atoms' state."""
        spins, _ = ladders(self.cavities)
        # Eigenvalues lie in [0, 1]: so raised, they come out spin by spin.
        order = np.argsort(spins, kind="stable")
        raised = np.linalg.eigvalsh(reduced + 2 * np.diag(spins))
        spectrum = np.empty_like(raised)
        spectrum[:, order] = raised - 2 * spins[order]
        return Observed(each, power, spectrum, reduced if state else reduced[:, :0, :0])


def ladders(cavities: list[Cavity]) -> tuple[IntArray, IntArray]:
    """A number of the total spins in each row of the atoms' state, and their copies."""
    spins, often = np.zeros(1, int), np.ones(1, int)
    for cavity in cavities:
        spins = np.add.outer(MOST_APART * spins, cavity.lost).ravel()
        each = [copies(cavity.atoms, lost) for lost in cavity.lost.tolist()]
        often = np.multiply.outer(often, each).ravel()
    return spins, often


def populations(amplitudes: Numbers) -> FloatArray:
    """Populations (T, states) of kets (T, states, columns)."""
    return (amplitudes.real**2 + amplitudes.imag**2).sum(axis=2)


def joined(a: Observed, b: Observed) -> Observed:
    """Two cavities that never met: sums, and the product of the states."""
    spectrum = np.einsum("ti,tj->tij", a.spectrum, b.spectrum)
    size = a.state.shape[1] * b.state.shape[1]
    state = np.einsum("tij,tkl->tikjl", a.state, b.state)
    return Observed(
        each=np.hstack([a.each, b.each]),
        power=a.power + b.power,
        spectrum=spectrum.reshape(len(a.power), -1),
        state=state.reshape(len(a.power), size, size),
    )


def atomic_levels(
    atoms: int, splitting: float, repulsion: float, lost: int = 0
) -> FloatArray:
    """H_Q of one cavity above empty for a total spin N/2 - lost, by falling m.

    omega_q k + (g/N)(S(S + 1) - m^2 - N/2) with S = N/2 - lost and m = k - N/2.
    """
    k = np.arange(atoms - lost, lost - 1.0, -1.0)
    pairs = k * (atoms - k) - lost * (atoms + 1 - lost)
    return np.asarray(splitting * k + repulsion * pairs / atoms)


def spread(fold: sparse.csr_array, kets: Numbers) -> Numbers:
    """Kets (T, size, columns) of all amplitudes, from those of the few."""
    all_of_them = kets.take(fold.indices, axis=1)
    all_of_them *= fold.data[:, None]
    return all_of_them
