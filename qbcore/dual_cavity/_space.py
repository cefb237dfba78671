"""The basis of the dual-cavity battery: what a start reaches, and what is seen there.

Nothing here knows how many cavities there are: two that exchange excitations are one
space, two that do not are two spaces of one cavity each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from qbcore._numerics.chebyshev import evolve
from qbcore._numerics.spins import raising
from qbcore._support.types import ComplexArray, FloatArray, IntArray


class Cavity(NamedTuple):
    """One ensemble with its light.

    Attributes
    ----------
    name : str
        ``"a"`` or ``"b"``.
    levels : (N + 1,) array
        Energy of the atoms above the empty battery, by m = N/2, ..., -N/2.
    light : int
        Number of Fock states kept.
    """

    name: str
    levels: FloatArray
    light: int

    @property
    def atoms(self) -> int:
        """Number N of atoms."""
        return self.levels.size - 1


class Observed(NamedTuple):
    """Means of C cavities at one time, or at T times with a leading axis (T,).

    Attributes
    ----------
    energy, photons, leak : (C,) array
        Of each cavity: the atoms' energy above empty, the photon number, the population
        of its two highest photon numbers.
    power : float
        dE/dt of all atoms.
    spectrum : (d,) array
        Eigenvalues of the atoms' state, falling.
    state : (d, d) array, or an empty one
        That state itself, if it was asked for.
    """

    energy: FloatArray
    photons: FloatArray
    leak: FloatArray
    power: FloatArray
    spectrum: FloatArray
    state: ComplexArray


def matrix(
    cavities: list[Cavity], frequency: float, coupling: float, exchange: float
) -> Any:
    """Total H on the whole space of one or two cavities, a sparse array."""
    alone = [_one_cavity(cavity, frequency, coupling) for cavity in cavities]
    if len(cavities) == 1:
        return sparse.csr_array(alone[0])
    up = [sparse.kron(raising(c.atoms), sparse.eye_array(c.light)) for c in cavities]
    across = sparse.kron(up[0], up[1].T)  # S_a^+ S_b^-
    return sparse.csr_array(
        sparse.kronsum(alone[1], alone[0]) + exchange * (across + across.T)
    )


def _one_cavity(cavity: Cavity, frequency: float, coupling: float) -> Any:
    """H of one cavity in its basis |m, n>."""
    ensemble = sparse.diags_array(cavity.levels)
    photons = np.arange(float(cavity.light))
    light = sparse.diags_array(frequency * photons)
    spin = raising(cavity.atoms)
    shape = (cavity.light, cavity.light)
    photon = sparse.diags_array(np.sqrt(photons[1:]), offsets=1, shape=shape)  # a
    kick = sparse.kron(spin + spin.T, photon + photon.T)  # 2 S^x (a^+ + a)
    return sparse.kronsum(light, ensemble) + coupling / 2 * kick


class Space:
    """The part of the basis |m_a, n_a, m_b, n_b> that a start can reach.

    H conserves the parity of the number of excited atoms and photons, so that a start
    of one parity reaches half of the basis.

    Parameters
    ----------
    cavities : list of Cavity
        The cavities that are solved together.
    h : sparse array
        H on the whole space.
    psi : (size,) array
        The start on the whole space.
    """

    def __init__(self, cavities: list[Cavity], h: Any, psi: ComplexArray) -> None:
        """Select the states and build what is observed on them."""
        self.cavities = cavities
        shape = [size for c in cavities for size in (c.levels.size, c.light)]
        index = np.indices(shape).reshape(len(shape), -1)
        odd = index.sum(axis=0) % 2
        reached = np.array([p for p in (0, 1) if np.any(psi[odd == p])])
        kept = np.flatnonzero(np.isin(odd, reached))
        self.start: ComplexArray = psi[kept]
        self.h = h[kept][:, kept]
        spins, photons = index[0::2, kept], index[1::2, kept]
        self.energies = np.array(
            [c.levels[m] for c, m in zip(cavities, spins, strict=True)]
        )
        self.photons = photons.astype(float)
        self.top = np.array(
            [n >= c.light - 2 for c, n in zip(cavities, photons, strict=True)]
        )
        self.edge: IntArray = np.flatnonzero(self.top.any(axis=0))
        self.means = np.concatenate([self.energies, self.photons, self.top])
        self.total = self.energies.sum(axis=0)
        self._split(spins)

    def _split(self, spins: IntArray) -> None:
        """Find the blocks of the atoms' state, and where their amplitudes stand in psi.

        For a start of one parity the light tells the parity of the number of excited
        atoms, so that the state traced over the light has two blocks.
        """
        sizes = [c.levels.size for c in self.cavities]
        self.dimension = math.prod(sizes)
        atoms = np.ravel_multi_index(tuple(spins), sizes)
        both = self.start.size == self.dimension * math.prod(
            c.light for c in self.cavities
        )
        odd = np.zeros_like(atoms) if both else spins.sum(axis=0) % 2
        self.blocks = []
        for parity in np.unique(odd):
            # Sorted by the atoms' state, and in the same order of the light within
            # each.
            places = np.flatnonzero(odd == parity)
            places = places[np.argsort(atoms[places], kind="stable")]
            rows = np.unique(atoms[places])
            self.blocks.append((rows, places.reshape(rows.size, -1)))

    def path(self, times: FloatArray) -> Iterator[tuple[ComplexArray, FloatArray]]:
        """Yield the ket at each time, and the largest leak (C,) up to there.

        The leak is looked at between the times too, wherever r t has grown by one for
        the half-width r of H's spectrum. No phase between two levels turns by more than
        2 r t, so that a population cannot come and go unseen from one look to the next.
        """
        top = self.top[:, self.edge].astype(float)
        worst = np.zeros(len(self.cavities))
        for kets, between in evolve(self.h, self.start, times, self.edge):
            for look in (between, kets[:, self.edge]):
                leaks = top @ (look.real**2 + look.imag**2).T
                worst = np.maximum(worst, leaks.max(axis=1, initial=0.0))
            for psi in kets:
                yield psi, worst

    def observe(self, psi: ComplexArray, *, state: bool = False) -> Observed:
        """Return the means in the state ``psi``.

        E = <Q> with a diagonal Q, so that dE/dt = i <[H, Q]> = 2 Im (Q psi)^+ (H psi).
        """
        means = self.means @ (psi.real**2 + psi.imag**2)
        energy, photons, leak = np.split(means, 3)
        power = 2 * np.vdot(self.total * psi, self.h @ psi).imag
        spectrum, reduced = [], []
        for rows, places in self.blocks:
            amplitudes = psi[places]
            block = amplitudes @ amplitudes.conj().T
            spectrum.append(np.linalg.eigvalsh(block))
            reduced.append((rows, block))
        falling = np.sort(np.concatenate(spectrum))[::-1]
        whole = self._assembled(reduced) if state else np.empty(0, dtype=complex)
        return Observed(energy, photons, leak, power, falling, whole)

    def _assembled(self, blocks: list[tuple[IntArray, ComplexArray]]) -> ComplexArray:
        """The atoms' state (d, d) from its blocks."""
        whole = np.zeros((self.dimension, self.dimension), dtype=complex)
        for rows, block in blocks:
            whole[np.ix_(rows, rows)] = block
        return whole


def joined(a: Observed, b: Observed) -> Observed:
    """Two cavities that never met, at T times: sums, and the product of the states."""
    spectrum = (a.spectrum[:, :, None] * b.spectrum[:, None, :]).reshape(
        len(a.power), -1
    )
    state = np.empty((len(a.power), 0), dtype=complex)
    if a.state.size:
        size = a.spectrum.shape[1] * b.spectrum.shape[1]
        state = np.einsum("tij,tkl->tikjl", a.state, b.state).reshape(-1, size, size)
    falling = np.sort(spectrum, axis=1)[:, ::-1]
    return Observed(
        energy=np.concatenate([a.energy, b.energy], axis=1),
        photons=np.concatenate([a.photons, b.photons], axis=1),
        leak=np.concatenate([a.leak, b.leak], axis=1),
        power=a.power + b.power,
        spectrum=falling,
        state=state,
    )


def atomic_levels(atoms: int, splitting: float, repulsion: float) -> FloatArray:
    """H_Q of one cavity above the empty state, for m = N/2, ..., -N/2."""
    k = np.arange(atoms, -1.0, -1.0)
    return np.asarray(splitting * k + repulsion * k * (atoms - k) / max(atoms, 1))


def lowest_levels(
    atoms: int, splitting: float, repulsion: float, count: int
) -> FloatArray:
    """Return the lowest ``count`` of all 2^N levels of H_Q of one cavity, rising.

    With a total spin S the atoms hold omega_q (m + N/2) + (g/N)(S(S + 1) - m^2 - N/2),
    and S comes C(N, N/2 - S) - C(N, N/2 - S - 1) times. Fewer than ``count`` if there
    are not so many.
    """
    levels = [np.empty(0)]
    for missing in range(atoms // 2 + 1):
        spin = atoms / 2 - missing
        fewer = math.comb(atoms, missing - 1) if missing else 0
        times = min(math.comb(atoms, missing) - fewer, count)
        m = np.arange(-spin, spin + 1)
        pairs = (spin * (spin + 1) - m**2 - atoms / 2) / max(atoms, 1)
        energies = splitting * (m + atoms / 2) + repulsion * pairs
        levels.append(np.repeat(energies, times))
    return np.sort(np.concatenate(levels))[:count]
