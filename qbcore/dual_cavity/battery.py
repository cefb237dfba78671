r"""Dual-cavity battery: two atomic ensembles in cavities that exchange excitations.

Zhang, Ma, Yu, Jin and Chen, arXiv:2406.06383, Eqs. (1)-(5), with collective spins of
length j = N_a/2 and N_b/2 (x in a, b; hbar = 1):

    H = H_Q + sum_x [ omega_x n_x + g_x S_x^x (a_x^+ + a_x) ]
        + A (S_a^+ S_b^- + S_b^+ S_a^-)
    H_Q = sum_x [ omega_q S_x^z + (g/N_x) (S_x^2 - (S_x^z)^2 - N_x/2) ]

The bracket of H_Q is the paper's own second line of Eq. (2); its first line gives it if
the sum runs over unordered pairs. The start is n photons in each cavity and every atom
down.

Basis: |m_a, n_a, m_b, n_b>, spins m = N/2, ..., -N/2 and photons n = 0, ..., cutoff.
H_Q is diagonal there: with k = m + N/2 excited atoms a cavity holds omega_q k + g k (N
- k)/N more than the empty one, which is the zero of every energy here.

Beyond the paper: without the counter-rotating terms the light couples by
(g_x/2)(S_x^+ a_x + S_x^- a_x^+) (Tavis and Cummings, Phys. Rev. 170, 379 (1968)); and
photons and atoms may be lost, by the Lindblad equation

    d rho/dt = -i [H, rho] + sum_x (kappa D[a_x] + Gamma D[S_x^-]
        + gamma sum_i D[sigma_-^i]) rho,    D[L] rho = L rho L^+ - {L^+ L, rho}/2,

with i over the atoms of the cavity. These are the baths of parts that hardly couple:
where g_x is not small against omega_x they heat even the ground state of H (Beaudoin,
Gambetta and Blais, Phys. Rev. A 84, 043832 (2011)).

Method: H is real and conserves the parity of k_a + n_a + k_b + n_b, so only the half of
the basis is kept that the start reaches; for A = 0 the cavities are solved one by one.
The evolution is a sum over the levels of H where those are few, else the Chebyshev
series of Tal-Ezer and Kosloff, J. Chem. Phys. 81, 3967 (1984), one sparse product per
term: its error falls faster than exponentially, and one series serves many sample
times. With losses the density matrix is solved for; ``_open`` has the method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from qbcore._numerics.spins import individual_lowering, lowest_levels
from qbcore._numerics.unitary import columns
from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.models import ClosedBattery, as_qutip, at_most, check_fields
from qbcore._support.results import result
from qbcore._support.states import checked_states
from qbcore._support.types import ComplexArray, FloatArray, IntArray, Numbers
from qbcore.charging import Charging, SteadyState
from qbcore.dual_cavity._open import OpenSpace
from qbcore.dual_cavity._space import (
    MOST_APART,
    Cavity,
    Observed,
    Space,
    atomic_levels,
    joined,
    ladders,
)
from qbcore.errors import LeakingCutoffError

if TYPE_CHECKING:
    import qutip

# Light of each cavity, or a state on the space of `hamiltonian()`.
Start: TypeAlias = "ArrayLike | qutip.Qobj | Sequence[ArrayLike | qutip.Qobj] | None"

LEAK = 1e-6  # population of the two highest photon numbers that a run may reach
LARGEST = 4_000_000  # entries of a state; beyond this the memory of a laptop ends
MOST_SAMPLES = 50_000  # of a curve whose times the caller did not choose
OBSERVED = 2**15  # amplitudes that are observed at once: more leave the cache
RATES = ("cavity_loss", "collective_decay", "individual_decay")
PHASE = 0.4  # by which the fastest phase turns from one default sample to the next


@result
class DualCavityCharging(Charging):
    """Charging curve of the dual-cavity battery.

    See `Charging` for times, energy, power and states. ``ergotropy`` is the work of
    unitaries on all 2^N levels of the atoms, which `metrics.ergotropy` names
    "all_atoms". With one cavity the second rows are zero.

    Attributes
    ----------
    cavity_energy : (2, T) array
        Energy that the atoms of cavity a and of cavity b have stored since the start.
    photons : (2, T) array
        Mean photon numbers.
    leak : (2, T) array
        Population of the two highest photon numbers of each cavity.
    collective_ergotropy : (T,) array
        Largest work of a collective unitary, which treats the atoms of a cavity alike
        and so keeps their total spin; `metrics.ergotropy` names it "collective".
        Without ``individual_decay`` the atoms stay symmetric, and it is
        `metrics.ergotropy` of the states and `battery_hamiltonian()`.

    Examples
    --------
    >>> curve = DualCavityBattery(atoms_a=1, atoms_b=0).charge([0.0, 1.0])
    >>> curve.photons.round(3)  # of cavity a; there is no cavity b
    array([[1.   , 1.028],
           [0.   , 0.   ]])
    """

    cavity_energy: FloatArray
    photons: FloatArray
    leak: FloatArray
    collective_ergotropy: FloatArray


@result
class DualCavitySteadyState(SteadyState):
    """Lossy cavities at rest; see `SteadyState` and `DualCavityCharging`.

    Attributes
    ----------
    collective_ergotropy : float
        Largest work of a unitary that treats the atoms of a cavity alike.
    photons : (2,) array
        Mean photon numbers.
    state : (d, d) array
        State of the atoms, in the basis of `battery_hamiltonian()`.

    Examples
    --------
    >>> weak = {"coupling": 0.1, "counter_rotating": False, "cutoff_a": 4}
    >>> battery = DualCavityBattery(atoms_a=1, atoms_b=0, cavity_loss=0.1, **weak)
    >>> abs(round(battery.steady_state().energy, 6))  # all is lost
    0.0
    """

    collective_ergotropy: float
    photons: FloatArray
    state: ComplexArray


@dataclass(frozen=True, kw_only=True)
class DualCavityBattery(ClosedBattery):
    r"""Two cavities with N_a and N_b two-level atoms.

    Eqs. (1) and (2) of Zhang et al., arXiv:2406.06383:

    .. math::

        H &= H_Q + \sum_{x = a, b} \big[\omega_x n_x
        + g_x S_x^x (a_x^\dagger + a_x)\big] + A (S_a^+ S_b^- + S_b^+ S_a^-), \\
        H_Q &= \sum_x \Big[\omega_q S_x^z + \frac g {N_x}
        \big(S_x^2 - (S_x^z)^2 - \tfrac{N_x} 2\big)\Big]

    With ``atoms_b=0``, ``repulsion=0``, ``exchange=0`` and ``coupling`` = 2 lambda
    omega_c it is the Dicke battery of Ferraro et al., Phys. Rev. Lett. 120, 117702
    (2018), H = omega_c n + omega_a S^z + 2 omega_c lambda S^x (a^+ + a) from N photons
    and N atoms down; with ``counter_rotating=False`` the Tavis-Cummings battery.

    Parameters
    ----------
    atoms_a, atoms_b : int
        N_a >= 1 and N_b >= 0; with N_b = 0 there is one cavity only. The paper draws 5
        and 5.
    splitting : float
        omega_q > 0, energy of one atom; the paper's unit of energy.
    frequency : float
        omega_a = omega_b > 0, energy of one photon.
    coupling : float
        g_1 = g_2 >= 0, energy of the coupling between an ensemble and its own light.
    repulsion : float
        g, any real energy, between atoms of one cavity; positive repels.
    exchange : float
        A, any real energy, between the two ensembles. The paper does not give it.
    photons_a, photons_b : int, optional
        Photon numbers at the start; N_a and N_b if not given.
    cutoff_a, cutoff_b : int
        Largest photon number kept, above the one at the start; the paper's N_ph = 30.
        `converged` finds those that suffice.
    counter_rotating : bool
        Whether the light couples by g_1 S^x (a^+ + a), or by (g_1/2)(S^+ a + S^- a^+):
        then H keeps the number of excited atoms and photons.
    cavity_loss, collective_decay, individual_decay : float
        kappa, Gamma, gamma >= 0, rates in the unit of energy at which each cavity loses
        a photon, its atoms decay together by S^-, and each atom decays by itself. Up to
        12 atoms in all may decay each by itself.

    Raises
    ------
    ValueError
        For a value out of range.
    TooLargeError
        For a basis of more than four million states, or more than 12 atoms that decay
        each by itself.

    Notes
    -----
    With ``individual_decay`` the atoms of a cavity leave the N + 1 symmetric states.
    The operators and states then have the Dicke basis of `qutip.piqs`: m = S, ..., -S
    for S = N/2, N/2 - 1, ..., where a row stands for all copies of S. Take the two
    ergotropies of the curve, for `metrics.ergotropy` does not know the copies.

    Examples
    --------
    >>> battery = DualCavityBattery(atoms_a=2, atoms_b=2, exchange=0.5)
    >>> charging = battery.charge(np.linspace(0.0, 10.0, 201))
    >>> round(charging.max_energy.value / battery.capacity, 4)
    0.4289
    >>> lossy = DualCavityBattery(atoms_a=2, atoms_b=0, coupling=0.2, cavity_loss=0.1)
    >>> round(lossy.charge().max_energy.value / lossy.capacity, 4)
    0.4058
    """

    atoms_a: int = 3
    atoms_b: int = 3
    splitting: float = 1.0
    frequency: float = 1.0
    coupling: float = 0.5
    repulsion: float = 0.5
    exchange: float = 0.5
    photons_a: int | None = None
    photons_b: int | None = None
    cutoff_a: int = 30
    cutoff_b: int = 30
    counter_rotating: bool = True
    cavity_loss: float = 0.0
    collective_decay: float = 0.0
    individual_decay: float = 0.0

    def __post_init__(self) -> None:
        least = {"atoms_a": 1, "cutoff_a": 1, "cutoff_b": 1}
        least |= dict.fromkeys(("atoms_b", "coupling", "photons_a", "photons_b"), 0)
        least |= dict.fromkeys(RATES, 0)
        check_fields(self, least=least, positive=("splitting", "frequency"))
        _refuse_size(max(self.atoms_a, self.atoms_b))
        if self.individual_decay:
            atoms = self.atoms_a + self.atoms_b
            way_out = "take fewer, or `collective_decay`"
            at_most(MOST_APART, atoms, "The number of atoms that decay alone", way_out)
        for cavity in self._cavities:
            integer(f"cutoff_{cavity.name}", cavity.light - 1, least=cavity.photons + 1)

    @property
    def quantum(self) -> float:
        """Energy omega_q of one excited atom.

        >>> DualCavityBattery(splitting=2.0).quantum
        2.0
        """
        return self.splitting

    @property
    def capacity(self) -> float:
        """Largest energy above empty: the highest level of H_Q for symmetric atoms.

        >>> DualCavityBattery(atoms_a=2, atoms_b=3, repulsion=0.0).capacity
        5.0
        """
        return float(sum(cavity.levels.max() for cavity in self._cavities))

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """Subsystems of `hamiltonian()` that are atoms: (0, 2); (0,) for one cavity.

        >>> DualCavityBattery().battery_sites
        (0, 2)
        """
        return tuple(2 * i for i in range(len(self._cavities)))

    @property
    def _cavities(self) -> list[Cavity]:
        """The cavities that hold atoms; light without atoms decouples."""
        return [self._cavity(name) for name in ("ab" if self.atoms_b else "a")]

    def _cavity(self, name: str) -> Cavity:
        atoms = getattr(self, f"atoms_{name}")
        photons = getattr(self, f"photons_{name}")
        spins = range(atoms // 2 + 1 if self.individual_decay else 1)
        energies = self.splitting, self.repulsion
        return Cavity(
            name=name,
            atoms=atoms,
            lost=np.repeat(spins, [atoms + 1 - 2 * lost for lost in spins]),
            levels=np.concatenate([atomic_levels(atoms, *energies, k) for k in spins]),
            light=getattr(self, f"cutoff_{name}") + 1,
            photons=atoms if photons is None else photons,
        )

    @property
    def _groups(self) -> list[list[Cavity]]:
        """The cavities that an exchange brings together."""
        return [self._cavities] if self.exchange else [[c] for c in self._cavities]

    @property
    def _dims(self) -> list[int]:
        """Sizes of m_a, n_a, m_b, n_b, or of m_a, n_a."""
        return [size for c in self._cavities for size in c.sizes]

    def _refuse_large(self) -> None:
        """Refuse states, not the battery: its levels and capacity are cheap."""
        for group in self._groups:
            spins = math.prod(c.levels.size for c in group)
            photons = math.prod(c.light for c in group)
            _refuse_size(spins * max(photons // 2, spins))

    def hamiltonian(self) -> qutip.Qobj:
        """Return H of Eq. (1), above the empty battery without light.

        Returns
        -------
        Qobj
            dims [N_a + 1, cutoff_a + 1, N_b + 1, cutoff_b + 1]; the first two for N_b =
            0.

        Examples
        --------
        >>> DualCavityBattery(atoms_a=2, atoms_b=0, cutoff_a=9).hamiltonian().dims
        [[3, 10], [3, 10]]
        """
        self._refuse_large()
        return as_qutip(self._matrix(self._cavities), self._dims)

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return H_Q of the symmetric atoms, above the empty battery.

        Returns
        -------
        Qobj
            dims [N_a + 1, N_b + 1]; [N_a + 1] for N_b = 0.

        Examples
        --------
        >>> DualCavityBattery(atoms_a=2, atoms_b=0).battery_hamiltonian().diag()
        array([2.  , 1.25, 0.  ])
        """
        self._refuse_large()
        return as_qutip(np.diag(self._levels()), self._dims[::2])

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jump operators; none without losses.

        Returns
        -------
        list of Qobj
            Of each cavity sqrt(kappa) a, sqrt(Gamma) S^-, and three that stand for
            ``sqrt(gamma) sigma_-`` of all atoms; without those whose rate is zero.

        Examples
        --------
        >>> lossy = DualCavityBattery(cavity_loss=0.1)
        >>> len(lossy.collapse_operators())  # one per cavity
        2
        """
        self._refuse_large()
        jumps = self._jumps(self._cavities)
        return [as_qutip(jump, self._dims) for jump in jumps]

    def steady_state(self) -> DualCavitySteadyState:
        """Return the lossy battery at rest.

        Returns
        -------
        DualCavitySteadyState
            The one state that every start ends in. Its energy is above the ground level
            of the atoms.

        Raises
        ------
        NoSteadyStateError
            Without losses.
        SeveralSteadyStatesError
            If a part keeps what it starts with, such as the light where only the atoms
            decay and nothing couples them.
        TooLargeError
            For more than 20 000 unknowns: 200 states, where H keeps a parity.
        LeakingCutoffError
            If the light reaches its cutoff.

        Examples
        --------
        >>> small = {"atoms_a": 1, "atoms_b": 0, "coupling": 0.1, "cutoff_a": 8}
        >>> rest = DualCavityBattery(cavity_loss=0.1, **small).steady_state()
        >>> round(rest.energy, 4)  # by the counter-rotating terms
        0.0019
        """
        if not self._open:
            return super().steady_state()
        runs = []
        for group in self._groups:
            size = math.prod(size for c in group for size in c.sizes)
            everywhere = np.eye(size)
            given = group, self._matrix(group), everywhere, self._jumps(group)
            runs.append(OpenSpace(*given).rest())
            self._refuse_leak(group, runs[-1].each[0, :, 2], LEAK)
        run = reduce(joined, runs)
        curve = self._curve(np.zeros(1), run)
        return DualCavitySteadyState(
            energy=float(run.each[0, :, 0].sum() - self._levels().min()),
            ergotropy=float(curve.ergotropy[0]),
            collective_ergotropy=float(curve.collective_ergotropy[0]),
            photons=curve.photons[:, 0],
            state=run.state[0],
        )

    def initial_state(self) -> qutip.Qobj:
        """Return the start of Eq. (5): Fock states of the light, every atom down.

        >>> DualCavityBattery(atoms_a=2, atoms_b=0, cutoff_a=9).initial_state().dims
        [[3, 10], [1]]
        """
        import qutip

        ket = reduce(np.kron, self._kets(None))
        return qutip.Qobj(ket, dims=[self._dims, [1]])

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: Start = None,
        states: bool = False,
        leak: float = LEAK,
    ) -> DualCavityCharging:
        """Return the charging curve.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times. By default [0, 20/omega_q] in 400 steps, or in more where
            the fastest phase of the run needs them.
        start : optional
            The Fock states of Eq. (5) and every atom down, if not given. A list with
            the light of each cavity, as amplitudes or as a density matrix in photon
            number, of at most cutoff + 1 rows, such as ``qutip.coherent(20, 1.5)``;
            every atom is down. One cavity takes an array or QuTiP object without a
            list, too. Or a ket or density matrix on the space of `hamiltonian()`.
        states : bool
            Also keep the states of the atoms, (T, d, d) with d = (N_a + 1)(N_b + 1).
        leak : float
            Largest population of the two highest photon numbers of a cavity that is
            allowed at any time up to the last, between the times too; pass 1 to accept
            any, as the paper's 30 photons need.

        Returns
        -------
        DualCavityCharging
            The curve; its ``energy`` is E(t) - E(0).

        Raises
        ------
        LeakingCutoffError
            If the light reaches its cutoff, at a sample or between two.
        TooLargeError
            If a start that entangles the cavities needs more than four million states,
            the default times more than 50 000 samples, or a run with losses more than
            800 states or 3e10 multiplications.
        AccuracyError
            If the run is so long that double precision loses its phases.
        ValueError
            For times or a start that do not fit, or one with coherence between total
            spins.

        Examples
        --------
        >>> import qutip
        >>> battery = DualCavityBattery(atoms_a=2, atoms_b=0)
        >>> curve = battery.charge([0.0, 2.0], start=qutip.coherent(20, 1.5))
        >>> curve.energy.round(4)
        array([0.    , 0.7593])
        """
        real("leak", leak, above=0.0)
        spaces = self._spaces(start)
        t = self._times(times, spaces)
        # From 0 on: the energy counts from there.
        grid = np.union1d(0.0, t)
        runs = [self._run(space, grid, leak, states) for space in spaces]
        return self._curve(t, reduce(joined, runs))

    def _times(self, times: ArrayLike | None, spaces: list[Space]) -> FloatArray:
        """The times asked for; by default as many as the fastest phase needs."""
        if times is not None:
            return time_axis("times", times)
        window = 20.0 / self.splitting
        steps = max(400, math.ceil(window * self._fastest(spaces) / PHASE))
        at_most(MOST_SAMPLES, steps, "The number of samples", "pass `times=`")
        return np.linspace(0.0, window, 1 + steps)

    def _fastest(self, spaces: list[Space]) -> float:
        """Angular frequency to sample: of the light and atoms, and of the exchange."""
        hop = abs(self.exchange) * math.sqrt(self.atoms_a * self.atoms_b)
        lost = self.collective_decay * max(self.atoms_a, self.atoms_b)
        lost += self.cavity_loss + self.individual_decay
        return hop + lost + max(space.fastest() for space in spaces)

    def _run(self, space: Space, t: FloatArray, leak: float, states: bool) -> Observed:
        """Everything that is seen on one space, with the times as leading axis."""
        seen = []
        for kets, found in space.path(t, leak):
            self._refuse_leak(space.cavities, found, leak)
            lots = 1 + min(len(kets), kets.size // OBSERVED)
            parts = np.array_split(kets, lots)
            seen += [space.observe(part, state=states) for part in parts if len(part)]
        return Observed(*map(np.concatenate, zip(*seen, strict=True)))

    def _curve(self, t: FloatArray, run: Observed) -> DualCavityCharging:
        """The result, from what was seen at 0 and at the times."""
        before, *_ = run.each[0].T
        run = Observed(*map(itemgetter(slice(-t.size, None)), run))
        absent = 2 - before.size
        energy, photons, leak = np.pad(run.each.T, ((0, 0), (0, absent), (0, 0)))
        above, empty = energy.sum(axis=0), float(before.sum())
        spins, copies = ladders(self._cavities)
        levels = self._levels()
        every = np.repeat(run.spectrum / copies, copies, axis=1)
        return DualCavityCharging(
            times=t,
            ceiling=self.capacity - empty,
            energy=above - empty,
            power=run.power,
            ergotropy=_work(above, every, self._lowest(copies.sum())),
            states=run.state if run.state.size else None,
            cavity_energy=energy - np.pad(before, (0, absent))[:, None],
            photons=photons,
            leak=leak,
            collective_ergotropy=_work(above, run.spectrum, levels, spins),
        )

    def _levels(self) -> FloatArray:
        """Levels of H_Q, (d,), in the order of the basis."""
        return np.ravel(reduce(np.add.outer, [c.levels for c in self._cavities]))

    def _lowest(self, count: int) -> FloatArray:
        """The lowest of all 2^N levels of H_Q: as many as the state has ranks."""
        each = []
        for atoms in (cavity.atoms for cavity in self._cavities):
            needed = atoms, self.splitting, self.repulsion
            spectra = [atomic_levels(*needed, lost) for lost in range(atoms // 2 + 1)]
            each.append(lowest_levels(spectra, count))
        return np.sort(np.ravel(reduce(np.add.outer, each)))[:count]

    def _matrix(self, cavities: list[Cavity]) -> sparse.csr_array:
        """Total H on the whole space of one or two cavities, a sparse array.

        Each term moves the states by one number of places: it fills one diagonal.
        """
        shape = [size for c in cavities for size in c.sizes]
        size = math.prod(shape)
        places = np.indices(shape).reshape(len(shape), size)
        strides = [math.prod(shape[axis:]) for axis in range(1, 1 + len(shape))]
        diagonal, bands = np.zeros(size), {}
        for k, cavity in enumerate(cavities):
            (spin, photons), (far, near) = places[2 * k :][:2], strides[2 * k :][:2]
            diagonal += cavity.levels[spin] + self.frequency * photons
            up = self.coupling / 2 * cavity.ladder[spin]
            bands[far + near] = up * np.sqrt((photons + 1) % cavity.light)  # S^+ a
            if self.counter_rotating:
                bands[far - near] = up * np.sqrt(photons)  # S^+ a^+
        if len(cavities) > 1:
            a, b = cavities
            across = a.ladder[places[0]] * b.ladder[places[2] - 1]  # S_a^+ S_b^-
            bands[strides[0] - strides[2]] = self.exchange * across
        upper = {k: band[: size - k] for k, band in bands.items()}
        lower = {-k: band for k, band in upper.items()}
        terms = {0: diagonal} | upper | lower
        return sparse.diags_array(list(terms.values()), offsets=list(terms)).tocsr()

    @property
    def _open(self) -> bool:
        """Whether anything is lost."""
        return any(getattr(self, rate) for rate in RATES)

    def _jumps(self, cavities: list[Cavity]) -> list[sparse.csr_array]:
        """Jump operators on the whole space of one or two cavities, sparse."""
        found = []
        for k, cavity in enumerate(cavities):
            parts = [sparse.eye_array(math.prod(c.sizes)) for c in cavities]
            for rate, jump in self._losses(cavity):
                parts[k] = math.sqrt(rate) * jump
                found.append(reduce(sparse.kron, parts).tocsr())
        return found

    def _losses(self, cavity: Cavity) -> list[tuple[float, sparse.sparray]]:
        """Rates above zero, and their jump operators on one cavity."""
        atoms, light = map(sparse.eye_array, cavity.sizes)
        photon = sparse.diags_array(np.sqrt(np.arange(1, cavity.light)), offsets=1)
        losses = [
            (self.cavity_loss, sparse.kron(atoms, photon)),
            (self.collective_decay, sparse.kron(cavity.raising.T, light)),
        ]
        if self.individual_decay:
            jumps = individual_lowering(cavity.atoms)
            losses += [(self.individual_decay, sparse.kron(x, light)) for x in jumps]
        return [(rate, jump) for rate, jump in losses if rate]

    def _space(self, cavities: list[Cavity], psi: Numbers) -> Space:
        """The space of these cavities: of kets, or of density matrices with losses."""
        h = self._matrix(cavities)
        if not self._open:
            return Space(cavities, h, psi)
        return OpenSpace(cavities, h, psi, self._jumps(cavities))

    def _spaces(self, start: Start) -> list[Space]:
        """One space, or one per cavity if nothing brings them together."""
        kets, groups = self._kets(start), self._groups
        if len(kets) < len(groups):
            groups = [self._cavities]
        elif len(kets) > len(groups):
            kets = [reduce(np.kron, kets)]
        for ket in kets:
            _refuse_size(ket.size // 2)
        return [self._space(*pair) for pair in zip(groups, kets, strict=True)]

    def _kets(self, start: Start) -> list[Numbers]:
        """The start: kets (size, columns) per cavity, or one on the whole space."""
        self._refuse_large()
        cavities = self._cavities
        if start is None:
            start = [np.eye(1, c.light, c.photons)[0] for c in cavities]
        size = math.prod(self._dims)
        if isinstance(start, list | tuple) and all(map(np.isscalar, start)):
            start = np.array(start)
        shape = getattr(start, "shape", ())
        fields: Sequence[ArrayLike | qutip.Qobj] = []
        if len(cavities) == 1 and (1,) < shape[:1] != (size,):
            fields = [start]
        elif isinstance(start, list | tuple):
            fields = start
        elif isinstance(start, np.ndarray) and start.ndim == 2:
            fields = list(start)
        if len(fields) == len(cavities):
            return [_atoms_down(*pair) for pair in zip(cavities, fields, strict=True)]
        if shape == (size, size):
            _refuse_size(size**2)
        state = checked_states("start", start, size, space=self._dims, single=True)
        return [columns(state)]

    def _refuse_leak(
        self, cavities: list[Cavity], found: FloatArray, allowed: float
    ) -> None:
        side = int(np.argmax(found))
        name = f"cutoff_{cavities[side].name}"
        highest = f"the two photon numbers below `{name}` = {getattr(self, name)}"
        what = f"The population of {highest}"
        way_out = f"raise `{name}`; for the default start `converged()` finds cutoffs"
        at_most(allowed, float(found[side]), what, way_out, LeakingCutoffError)

    def converged(
        self, times: ArrayLike | None = None, *, leak: float = LEAK
    ) -> DualCavityBattery:
        """Return the battery with cutoffs at which `charge(times, leak=leak)` passes.

        The cutoffs start ten photons above the initial ones; one that leaks grows by a
        quarter.

        Parameters
        ----------
        times, leak
            As for `charge`.

        Returns
        -------
        DualCavityBattery
            The battery that passes.

        Raises
        ------
        TooLargeError
            If the basis becomes too large.

        Examples
        --------
        >>> battery = DualCavityBattery(atoms_a=5, atoms_b=0)
        >>> battery.converged().cutoff_a
        33
        """
        real("leak", leak, above=0.0)
        cutoffs: dict[str, int] = {
            f"cutoff_{c.name}": c.photons + 10 for c in self._cavities
        }
        while True:
            battery = replace(self, **cutoffs)  # type: ignore[arg-type]
            spaces = battery._spaces(None)
            t = battery._times(times, spaces)
            leaks = np.concatenate([space.first_leak(t, leak) for space in spaces])
            leaking = [n for n, x in zip(cutoffs, leaks, strict=True) if x > leak]
            if not leaking:
                return battery
            cutoffs |= {name: cutoffs[name] + cutoffs[name] // 4 for name in leaking}

    def charge_for_power(
        self, *, step: float | None = None, leak: float = LEAK
    ) -> DualCavityCharging:
        """Return a curve whose `max_average_power` is the largest over all times.

        No later time can beat an average power P > 0 found before t = capacity/P,
        because E never exceeds the capacity: the window grows to that time, at most
        fourfold at once. Without coupling to the light nothing is ever stored, and any
        window will do.

        Parameters
        ----------
        step : float, optional
            Sampling interval; by default that of the default times of `charge`, or
            less.
        leak : float
            As for `charge`.

        Returns
        -------
        DualCavityCharging
            The curve from 0 to the last time that could matter, or later.

        Raises
        ------
        TooLargeError
            If that takes more than 50 000 samples.
        AccuracyError
            If ``step`` is too wide for a maximum.
        LeakingCutoffError
            As for `charge`.

        Examples
        --------
        >>> battery = DualCavityBattery(atoms_a=2, atoms_b=0)
        >>> round(battery.charge_for_power().max_average_power.value, 4)
        0.5148
        """
        if step is None:
            fastest = self._fastest(self._spaces(None))
            step = PHASE / (fastest or self.splitting)  # 0 if nothing ever moves
        real("step", step, above=0.0)
        samples = 50
        while True:
            way_out = "raise `step`, or call `charge()`"
            at_most(MOST_SAMPLES, samples, "The number of samples", way_out)
            charging = self.charge(step * np.arange(samples), leak=leak)
            if self.coupling == 0:
                return charging
            best = float(charging.max_average_power.value)
            needed = self.capacity / best if best > 0 else math.inf
            if needed <= charging.times[-1]:
                return charging
            samples = 2 + math.ceil(min(needed / step, 4 * samples))


def _refuse_size(entries: int) -> None:
    way_out = "lower `cutoff_a`, `cutoff_b` or the numbers of atoms"
    at_most(LARGEST, entries, "The number of entries of a state", way_out)


def _atoms_down(cavity: Cavity, light: ArrayLike | qutip.Qobj) -> ComplexArray:
    """The kets of a cavity with this light, and every atom down: S = N/2, m = -N/2."""
    fields = columns(checked_states("start", light, single=True))
    must = (
        f"hold at most {cavity.light} amplitudes of the light of cavity {cavity.name},"
        " or be on the space of `hamiltonian()`"
    )
    require(len(fields) <= cavity.light, "start", must, len(fields))
    kets = np.zeros((*cavity.sizes, fields.shape[1]), dtype=complex)
    kets[cavity.atoms, : len(fields)] = fields
    return kets.reshape(-1, fields.shape[1])


def _work(
    energy: FloatArray,
    spectrum: FloatArray,
    levels: FloatArray,
    spins: int | IntArray = 0,
) -> FloatArray:
    """E - sum_k r_k e_k: r falling, e rising, both by spins; never negative."""
    spins = np.broadcast_to(spins, levels.shape)
    # Weights lie in [0, 1]: so raised, they are sorted spin by spin.
    falling = 2 * np.sort(spins) - np.sort(2 * spins - spectrum)
    return np.maximum(energy - falling @ levels[np.lexsort((levels, spins))], 0.0)
