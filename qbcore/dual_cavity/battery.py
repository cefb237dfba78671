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

Method: H is real and conserves the parity of k_a + n_a + k_b + n_b, so only one half of
the basis is kept; for A = 0 the cavities are solved one by one. The time evolution is
the Chebyshev series of Tal-Ezer and Kosloff, J. Chem. Phys. 81, 3967 (1984), one sparse
product per term: its error falls faster than exponentially, and one series serves many
sample times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.progress import progress
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.charging import Charging
from qbcore.dual_cavity._space import (
    Cavity,
    Observed,
    Space,
    atomic_levels,
    joined,
    lowest_levels,
    matrix,
)
from qbcore.errors import LeakingCutoffError, NoSteadyStateError, TooLargeError

if TYPE_CHECKING:
    import qutip

LEAK = 1e-6  # population of the two highest photon numbers that a run may reach
LARGEST = 4_000_000  # basis states; beyond this the memory of a laptop ends
MOST_SAMPLES = 50_000  # of one curve of `charge_for_power`


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class DualCavityCharging(Charging):
    """Charging curve of the dual-cavity battery.

    See `Charging` for times, energy, power and states. ``ergotropy`` is the work of
    unitaries on all 2^N levels of the atoms. With one cavity the second rows are zero.

    Attributes
    ----------
    cavity_energy : (2, T) array
        Energy that the atoms of cavity a and of cavity b have stored since the start.
    photons : (2, T) array
        Mean photon numbers.
    leak : (2, T) array
        Population of the two highest photon numbers of each cavity.
    collective_ergotropy : (T,) array
        Largest work of a unitary that keeps the atoms of a cavity symmetric: of one
        that acts on the space of `battery_hamiltonian()`, as `metrics.ergotropy` has
        it.
    """

    cavity_energy: FloatArray
    photons: FloatArray
    leak: FloatArray
    collective_ergotropy: FloatArray


@dataclass(frozen=True, kw_only=True)
class DualCavityBattery:
    """Two cavities with N_a and N_b two-level atoms.

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

    Raises
    ------
    ValueError
        For a value out of range.
    TooLargeError
        For a basis of more than four million states.

    Examples
    --------
    >>> battery = DualCavityBattery(atoms_a=2, atoms_b=2, exchange=0.5)
    >>> charging = battery.charge(np.linspace(0.0, 10.0, 201))
    >>> round(charging.max_energy.value / battery.capacity, 4)
    0.4289
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

    def __post_init__(self) -> None:
        """Check every parameter."""
        integer("atoms_a", self.atoms_a, least=1)
        integer("atoms_b", self.atoms_b, least=0)
        real("splitting", self.splitting, above=0.0)
        real("frequency", self.frequency, above=0.0)
        real("coupling", self.coupling, least=0.0)
        real("repulsion", self.repulsion)
        real("exchange", self.exchange)
        for side, start in zip("ab", self._photons, strict=True):
            integer(f"photons_{side}", start, least=0)
            integer(f"cutoff_{side}", getattr(self, f"cutoff_{side}"), least=start + 1)
        if self.exchange != 0:
            self._refuse_size(self._cavities)

    @property
    def quantum(self) -> float:
        """Energy omega_q of one excited atom."""
        return float(self.splitting)

    @property
    def capacity(self) -> float:
        """Largest energy above empty: the highest level of H_Q for symmetric atoms."""
        return float(sum(cavity.levels.max() for cavity in self._cavities))

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """Subsystems of `hamiltonian()` that are atoms: (0, 2); (0,) for one cavity."""
        return tuple(2 * i for i in range(len(self._cavities)))

    @property
    def _photons(self) -> tuple[int, int]:
        """Photon numbers of the default start."""
        a, b = self.photons_a, self.photons_b
        start_b = self.atoms_b if b is None or self.atoms_b == 0 else b
        return self.atoms_a if a is None else a, start_b

    @property
    def _cavities(self) -> list[Cavity]:
        """The cavities that hold atoms; light without atoms decouples."""
        sides = [("a", self.atoms_a, self.cutoff_a), ("b", self.atoms_b, self.cutoff_b)]
        return [
            Cavity(
                name, atomic_levels(atoms, self.splitting, self.repulsion), cutoff + 1
            )
            for name, atoms, cutoff in sides
            if atoms
        ]

    @property
    def _dims(self) -> list[int]:
        """Sizes of m_a, n_a, m_b, n_b, or of m_a, n_a."""
        return [size for c in self._cavities for size in (c.levels.size, c.light)]

    def hamiltonian(self) -> qutip.Qobj:
        """Return H of Eq. (1), above the empty battery without light.

        Returns
        -------
        Qobj
            dims [N_a + 1, cutoff_a + 1, N_b + 1, cutoff_b + 1]; the first two for N_b =
            0.
        """
        import qutip
        from scipy import sparse

        # QuTiP 5.1 takes sparse matrices, not sparse arrays.
        whole = sparse.csr_matrix(self._matrix(self._cavities))
        return qutip.Qobj(whole, dims=[self._dims, self._dims])

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return H_Q of the symmetric atoms, above the empty battery.

        Returns
        -------
        Qobj
            dims [N_a + 1, N_b + 1]; [N_a + 1] for N_b = 0.
        """
        import qutip

        dims = self._dims[::2]
        return qutip.Qobj(np.diag(self._levels()), dims=[dims, dims])

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return an empty list: there is no bath."""
        return []

    def initial_state(self) -> qutip.Qobj:
        """Return the start of Eq. (5): Fock states of the light, every atom down."""
        import qutip

        ket = reduce(_kron, self._kets(None))
        return qutip.Qobj(ket[:, None], dims=[self._dims, [1]])

    def steady_state(self) -> NoReturn:
        """Refuse: a closed battery never comes to rest.

        Raises
        ------
        NoSteadyStateError
            Always.
        """
        message = "The battery has no bath and never comes to rest; use `charge()`."
        raise NoSteadyStateError(message, found=0, limit=1)

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: Any = None,
        states: bool = False,
        leak: float = LEAK,
    ) -> DualCavityCharging:
        """Return the charging curve.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times; by default 401 or more equal steps over [0, 20/omega_q].
        start : optional
            The Fock states of Eq. (5) and every atom down, if not given. A list of one
            vector per cavity: amplitudes of its light in photon number, at most cutoff
            + 1 of them, of norm 1; every atom is down. Or a ket of norm 1 on the space
            of `hamiltonian()`.
        states : bool
            Also keep the states of the atoms, (T, d, d) with d = (N_a + 1)(N_b + 1).
        leak : float
            Largest population of the two highest photon numbers of a cavity that is
            allowed at any time up to the last; pass 1 to accept any, as the paper's 30
            photons need.

        Returns
        -------
        DualCavityCharging
            The curve; its ``energy`` is E(t) - E(0).

        Raises
        ------
        LeakingCutoffError
            If the light reaches its cutoff, at a sample or between two.
        TooLargeError
            If a start that entangles the cavities needs more than four million states.
        ValueError
            For times or a start that do not fit.
        """
        t = self._times(times)
        real("leak", leak, above=0.0)
        spaces = self._spaces(start)
        runs = [self._run(space, t, leak, states) for space in spaces]
        before = np.concatenate([space.observe(space.start).energy for space in spaces])
        return self._curve(t, reduce(joined, runs), before)

    def _times(self, times: ArrayLike | None) -> FloatArray:
        """The times asked for; by default as many as the fastest parameter needs."""
        if times is not None:
            return time_axis("times", times)
        energies = [
            self.frequency,
            self.coupling,
            abs(self.repulsion),
            abs(self.exchange),
        ]
        finer = math.ceil(max(self.splitting, *energies) / self.splitting)
        return np.linspace(0.0, 20.0 / self.splitting, 1 + 400 * finer)

    def _run(self, space: Space, t: FloatArray, leak: float, states: bool) -> Observed:
        """Everything that is seen on one space, with the times as leading axis."""
        seen = []
        for psi, found in progress(space.path(t), "charge", t.size):
            self._refuse_leak(space.cavities, found, leak)
            seen.append(space.observe(psi, state=states))
        return Observed(*(np.array(values) for values in zip(*seen, strict=True)))

    def _curve(
        self, t: FloatArray, run: Observed, before: FloatArray
    ) -> DualCavityCharging:
        """The result, from what was seen and the energies (C,) at the start."""

        def both(values: FloatArray) -> FloatArray:
            return np.pad(values, ((0, 0), (0, 2 - values.shape[1]))).T

        above = run.energy.sum(axis=1)
        stored = run.energy - before
        symmetric = np.sort(self._levels())
        return DualCavityCharging(
            times=t,
            energy=stored.sum(axis=1),
            power=run.power,
            ergotropy=_work(above, run.spectrum, self._lowest_levels()),
            states=run.state if run.state.size else None,
            cavity_energy=both(stored),
            photons=both(run.photons),
            leak=both(run.leak),
            collective_ergotropy=_work(above, run.spectrum, symmetric),
        )

    def _levels(self) -> FloatArray:
        """Levels of H_Q for symmetric atoms, (d,), in the order of the basis."""
        return np.ravel(reduce(np.add.outer, [c.levels for c in self._cavities]))

    def _lowest_levels(self) -> FloatArray:
        """The lowest d of all 2^N levels of H_Q: as many as the state has ranks."""
        count = self._levels().size
        needed = (self.splitting, self.repulsion, count)
        each = [lowest_levels(c.atoms, *needed) for c in self._cavities]
        return np.sort(np.ravel(reduce(np.add.outer, each)))[:count]

    def _matrix(self, cavities: list[Cavity]) -> Any:
        return matrix(cavities, self.frequency, self.coupling, self.exchange)

    def _spaces(self, start: Any) -> list[Space]:
        """One space, or one per cavity if nothing brings them together."""
        cavities, kets = self._cavities, self._kets(start)
        if self.exchange == 0 and len(kets) == len(cavities):
            groups = [[cavity] for cavity in cavities]
        else:
            groups, kets = [cavities], [reduce(_kron, kets)]
        for group in groups:
            self._refuse_size(group)
        return [
            Space(g, self._matrix(g), ket) for g, ket in zip(groups, kets, strict=True)
        ]

    def _kets(self, start: Any) -> list[ComplexArray]:
        """The start: a ket per cavity, or a single one on the whole space."""
        cavities = self._cavities
        if start is None:
            lit = zip(cavities, self._photons, strict=False)
            start = [np.eye(1, c.light, n)[0] for c, n in lit]
        several = isinstance(start, list | tuple) or getattr(start, "ndim", 0) == 2
        fields = several and len(start) == len(cavities)
        given = [_vector(each) for each in (start if fields else [start])]
        if fields:
            fits = all(v.size <= c.light for v, c in zip(given, cavities, strict=True))
        else:
            dims = getattr(start, "dims", [self._dims])[0]
            fits = dims == self._dims and given[0].size == math.prod(self._dims)
        norms = [float(np.linalg.norm(v)) for v in given]
        must = (
            "be a list of one vector of field amplitudes per cavity, at most cutoff + 1"
            f" of them, or a ket with dims {self._dims}, of norm 1 (a density matrix is"
            " not taken: run its eigenvectors one by one)"
        )
        normed = bool(np.allclose(norms, 1.0, rtol=0, atol=1e-9))
        require(fits and normed, "start", must, start)
        if not fields:
            return given
        return [_atoms_down(c, v) for c, v in zip(cavities, given, strict=True)]

    def _refuse_leak(
        self, cavities: list[Cavity], found: FloatArray, allowed: float
    ) -> None:
        side = int(np.argmax(found))
        if found[side] <= allowed:
            return
        name = f"cutoff_{cavities[side].name}"
        raise LeakingCutoffError(
            f"The two highest photon numbers under `{name}` = {getattr(self, name)}"
            f" hold {found[side]:.3g} of the population, and leak = {allowed:g} is"
            f" allowed. Raise `{name}`, or take the battery that `converged()` finds.",
            found=float(found[side]),
            limit=allowed,
        )

    def _refuse_size(self, cavities: list[Cavity]) -> None:
        """Refuse cavities that need too many states of one parity together."""
        size = math.prod(c.levels.size * c.light for c in cavities) // 2
        if size > LARGEST:
            raise TooLargeError(
                f"The basis has {size} states, and {LARGEST} are the most. Lower"
                " `cutoff_a`, `cutoff_b` or the numbers of atoms.",
                found=size,
                limit=LARGEST,
            )

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
        """
        t = self._times(times)
        real("leak", leak, above=0.0)
        names = [f"cutoff_{cavity.name}" for cavity in self._cavities]
        cutoffs = {name: n + 10 for name, n in zip(names, self._photons, strict=False)}
        while True:
            battery = replace(self, **cutoffs)
            leaks = [
                battery._first_leak(space, t, leak) for space in battery._spaces(None)
            ]
            leaking = [
                n for n, x in zip(names, np.concatenate(leaks), strict=True) if x > leak
            ]
            if not leaking:
                return battery
            cutoffs |= {name: cutoffs[name] + cutoffs[name] // 4 for name in leaking}

    def _first_leak(self, space: Space, t: FloatArray, allowed: float) -> FloatArray:
        """Leaks (C,) when the first is too large, or those of the whole window."""
        cutoffs = ", ".join(str(c.light - 1) for c in space.cavities)
        found = np.zeros(len(space.cavities))
        steps = progress(space.path(t), f"cutoffs {cutoffs}", t.size)
        for _, found in steps:
            if found.max() > allowed:
                break
        return found

    def charge_for_power(
        self, *, step: float = 0.02, leak: float = LEAK
    ) -> DualCavityCharging:
        """Return a curve whose `max_average_power` is the largest over all times.

        No later time can beat an average power P > 0 found before t = capacity/P,
        because E never exceeds the capacity: the window grows to that time, at most
        fourfold at once. Without coupling to the light nothing is ever stored, and any
        window will do.

        Parameters
        ----------
        step : float
            Sampling interval.
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
        LeakingCutoffError
            As for `charge`.
        """
        real("step", step, above=0.0)
        window = 1.0
        while True:
            samples = math.ceil(window / step) + 2
            if samples > MOST_SAMPLES:
                raise TooLargeError(
                    f"To be sure of the largest power takes {samples} samples, and"
                    f" {MOST_SAMPLES} are allowed. Raise `step`, or call `charge()`.",
                    found=samples,
                    limit=MOST_SAMPLES,
                )
            charging = self.charge(step * np.arange(samples), leak=leak)
            best = float(charging.max_average_power.value)
            needed = self.capacity / best if best > 0 else math.inf
            if needed <= charging.times[-1] or self.coupling == 0:
                return charging
            window = min(needed, 4 * window)


def _kron(a: ComplexArray, b: ComplexArray) -> ComplexArray:
    return np.outer(a, b).ravel()


def _vector(value: Any) -> ComplexArray:
    """A ket or a vector as an array (n,); an empty one for anything else."""
    try:
        array = np.asarray(
            value.full() if hasattr(value, "full") else value, dtype=complex
        )
    except (TypeError, ValueError):
        return np.empty(0, dtype=complex)
    is_column = array.ndim in (1, 2) and array.size == array.shape[0]
    return array.ravel() if is_column else np.empty(0, dtype=complex)


def _atoms_down(cavity: Cavity, field: ComplexArray) -> ComplexArray:
    """The ket of a cavity with this light and no excited atom: m = -N/2 is the last."""
    ket = np.zeros((cavity.levels.size, cavity.light), dtype=complex)
    ket[-1, : field.size] = field
    return ket.ravel()


def _work(energy: FloatArray, spectrum: FloatArray, levels: FloatArray) -> FloatArray:
    """E - sum_k r_k e_k: r falling, e rising; never negative."""
    return np.maximum(energy - spectrum @ levels, 0.0)
