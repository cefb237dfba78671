r"""Dual-cavity Dicke battery: two atomic ensembles, each in a cavity, that exchange excitations.

Zhang, Ma, Yu, Jin and Chen, arXiv:2406.06383, Eqs. (1)-(5), with collective spins of length
j = N_a/2 and N_b/2 (x in a, b; hbar = 1):

    H = H_Q + sum_x [ omega_x n_x + g_x S_x^x (a_x^+ + a_x) ] + A (S_a^+ S_b^- + S_b^+ S_a^-)
    H_Q = sum_x [ omega_q S_x^z + (g/N_x) (S_x^2 - (S_x^z)^2 - N_x/2) ]

The bracket of H_Q is the paper's own second line of Eq. (2); its first line gives it if the sum
runs over unordered pairs. The start is n photons in each cavity and every atom down.

Basis: |k_a, n_a, k_b, n_b>, the excited atoms k = 0..N (k = 0 is the empty battery) and photons
n = 0..cutoff of cavity a, then of cavity b. H_Q is diagonal there: a cavity with k excited atoms
holds omega_q k + g k (N - k)/N more than the empty one.

Method: H is real and conserves the parity of k_a + n_a + k_b + n_b, so only one half of the basis
is kept; for A = 0 the cavities are solved one by one. The time evolution is the Chebyshev series
of Tal-Ezer and Kosloff, J. Chem. Phys. 81, 3967 (1984), one sparse product a term: its error
falls faster than exponentially, and one series serves many sample times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from qbcore._numerics.chebyshev import evolve
from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.progress import progress
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.charging import Charging
from qbcore.dual_cavity._space import Space, annihilation, raising

if TYPE_CHECKING:
    import qutip

LEAK = 1e-6  # population of the two highest photon numbers that a run may reach
LARGEST = 4_000_000  # basis states; beyond this the memory of a laptop ends


@dataclass(frozen=True, kw_only=True)
class DualCavityCharging(Charging):
    """Charging curve of the dual-cavity battery; see `Charging` for times, energy and power.

    Attributes
    ----------
    cavity_energy : (2, T) stored energy of the atoms in cavity a and in cavity b.
    photons : (2, T) mean photon numbers.
    leak : (2, T) population of the two highest photon numbers of each cavity.
    battery_states : (T, d, d) state of the atoms without the light, d = (N_a + 1)(N_b + 1),
        basis |k_a, k_b>; None unless asked for.
    """

    cavity_energy: FloatArray
    photons: FloatArray
    leak: FloatArray
    battery_states: ComplexArray | None = None


@dataclass(frozen=True, kw_only=True)
class DualCavityBattery:
    """Two cavities with N_a and N_b two-level atoms.

    Parameters
    ----------
    atoms_a, atoms_b : N_a >= 1 and N_b >= 0; with N_b = 0 there is one cavity only.
    splitting : omega_q > 0, energy of one atom; the paper's unit of energy.
    frequency : omega_a = omega_b > 0, energy of one photon.
    coupling : g_1 = g_2 >= 0, between an ensemble and its own light.
    repulsion : g, any real number, between atoms of one cavity; positive repels.
    exchange : A, any real number, between the two ensembles. The paper does not give it.
    photons_a, photons_b : photon numbers at the start; N_a and N_b if not given.
    cutoff_a, cutoff_b : largest photon number kept, above the one at the start; the paper's
        N_ph = 30. `converged` finds those that suffice.

    Raises
    ------
    ValueError for a value out of range or a basis of more than four million states.

    Examples
    --------
    >>> battery = DualCavityBattery(atoms_a=2, atoms_b=2, exchange=0.5)
    >>> charging = battery.charge(np.linspace(0.0, 10.0, 201))
    >>> round(float(charging.max_energy.value) / 4, 4)  # of the full charge
    0.4289
    """

    atoms_a: int = 5
    atoms_b: int = 5
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
        for side, start in zip("ab", self.start, strict=True):
            integer(f"photons_{side}", start, least=0)
            integer(f"cutoff_{side}", getattr(self, f"cutoff_{side}"), least=start + 1)
        size = math.prod(self.shape) // 2
        together = self.exchange != 0 and self.atoms_b > 0
        require(size <= LARGEST or not together, "cutoff_a", f"leave at most {LARGEST} states", size)

    @property
    def start(self) -> tuple[int, int]:
        """Photon numbers at t = 0."""
        a, b = self.photons_a, self.photons_b
        start_b = self.atoms_b if b is None or self.atoms_b == 0 else b
        return self.atoms_a if a is None else a, start_b

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Sizes of k_a, n_a, k_b, n_b; a cavity without atoms keeps no light (it decouples)."""
        light_b = self.cutoff_b + 1 if self.atoms_b else 1
        return self.atoms_a + 1, self.cutoff_a + 1, self.atoms_b + 1, light_b

    @property
    def capacity(self) -> float:
        """Largest stored energy any state can have: the width of H_Q above the empty battery."""
        return float(sum(self._atomic_levels(n).max() for n in (self.atoms_a, self.atoms_b)))

    def _atomic_levels(self, atoms: int) -> FloatArray:
        """omega_q k + g k (N - k)/N for k = 0..N: H_Q of one cavity above the empty state."""
        k = np.arange(atoms + 1.0)
        return self.splitting * k + self.repulsion * k * (atoms - k) / max(atoms, 1)

    def hamiltonian(self) -> qutip.Qobj:
        """Total H of Eq. (1) in the full space, dims [N_a + 1, cutoff_a + 1, N_b + 1, cutoff_b + 1].

        Its zero of energy is the empty battery without light.
        """
        import qutip

        dims = list(self.shape)
        return qutip.Qobj(sparse.csr_matrix(self._matrix()), dims=[dims, dims])  # QuTiP 5.1 takes no arrays

    def battery_hamiltonian(self) -> qutip.Qobj:
        """H_Q of the atoms alone, dims [N_a + 1, N_b + 1], above the empty battery."""
        import qutip

        dims = [self.atoms_a + 1, self.atoms_b + 1]
        a, b = self._atomic_levels(self.atoms_a), self._atomic_levels(self.atoms_b)
        return qutip.Qobj(np.diag(np.add.outer(a, b).ravel()), dims=[dims, dims])

    def _matrix(self) -> Any:
        """Total H in the full space, a sparse array."""
        light_a, light_b = self.shape[1::2]
        a, b = self._cavity(self.atoms_a, light_a), self._cavity(self.atoms_b, light_b)
        up_a = sparse.kron(raising(self.atoms_a), sparse.eye_array(light_a))
        up_b = sparse.kron(raising(self.atoms_b), sparse.eye_array(light_b))
        across = sparse.kron(up_a, up_b.T)  # S_a^+ S_b^-
        return sparse.csr_array(sparse.kronsum(b, a) + self.exchange * (across + across.T))

    def _cavity(self, atoms: int, levels: int) -> Any:
        """H of one cavity in its basis |k, n>."""
        ensemble = sparse.diags_array(self._atomic_levels(atoms))
        light = sparse.diags_array(self.frequency * np.arange(float(levels)))
        spin, photon = raising(atoms), annihilation(levels)
        kick = sparse.kron(spin + spin.T, photon + photon.T)  # 2 S^x (a^+ + a)
        return sparse.kronsum(light, ensemble) + self.coupling / 2 * kick

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        leak: float = LEAK,
        fields: Sequence[ArrayLike] | None = None,
        states: bool = False,
    ) -> DualCavityCharging:
        """Charging curve from the empty battery.

        Parameters
        ----------
        times : (T,) increasing times; 401 equal steps over [0, 20] if not given.
        leak : largest population of the two highest photon numbers of a cavity that is allowed;
            pass 1 to accept any, as the paper's fixed 30 photons need.
        fields : starting amplitudes of the light in photon number, one vector per cavity of at
            most cutoff + 1 entries and of norm 1; the Fock states of Eq. (5) if not given.
        states : also return the reduced states of the battery.

        Raises
        ------
        ValueError if the light reaches its cutoff, with the population found there, and for times
        or fields that do not fit.
        """
        t = time_axis("times", np.linspace(0.0, 20.0, 401) if times is None else times)
        real("leak", leak, above=0.0)
        light = self._fields(fields)
        if self.exchange == 0 and self.atoms_b:
            parts = self._separate(light)
            charging = _side_by_side([c.charge(t, leak=1.0, fields=f, states=states) for c, f in parts])
            self._refuse_leak(charging.leak.max(axis=1), leak)
            return charging
        space = self._space(light)
        rows, reduced = [], []
        for psi in progress(evolve(space.h, space.start, t), "charge", t.size):
            rows.append(space.observe(psi))
            self._refuse_leak(rows[-1][4:6], leak)
            if states:
                reduced.append(space.battery_state(psi))
        energy_a, energy_b, photons_a, photons_b, leak_a, leak_b, power = np.array(rows).T
        return DualCavityCharging(
            times=t,
            energy=energy_a + energy_b,
            power=power,
            cavity_energy=np.array([energy_a, energy_b]),
            photons=np.array([photons_a, photons_b]),
            leak=np.array([leak_a, leak_b]),
            battery_states=np.array(reduced) if states else None,
        )

    def _space(self, light: list[ComplexArray]) -> Space:
        levels = [self._atomic_levels(n) for n in (self.atoms_a, self.atoms_b)]
        return Space(self.shape, self._matrix(), levels, light)

    def _refuse_leak(self, found: FloatArray, allowed: float) -> None:
        side = int(np.argmax(found))
        name = f"cutoff_{'ab'[side]}"
        must = f"leave at most {allowed:g} of the population in its two highest photon numbers"
        value = f"{getattr(self, name)}, where {found[side]:.3g} is found"
        if found[side] > allowed:
            raise ValueError(f"Argument `{name}` must {must}, but is {value}.")

    def _fields(self, fields: Sequence[ArrayLike] | None) -> list[ComplexArray]:
        """Amplitudes of both modes in photon number, of full length."""
        light = [np.zeros(self.shape[1], complex), np.zeros(self.shape[3], complex)]
        if fields is None:
            light[0][self.start[0]] = light[1][self.start[1]] = 1.0
            return light
        given = [np.asarray(f, dtype=complex) for f in fields]
        fits = len(given) == 2 and all(
            g.ndim == 1 and g.size <= f.size for g, f in zip(given, light, strict=True)
        )
        require(fits, "fields", "be two vectors of at most cutoff + 1 entries", [g.shape for g in given])
        norms = [float(np.linalg.norm(g)) for g in given]
        require(bool(np.allclose(norms, 1.0, rtol=0, atol=1e-9)), "fields", "have norm 1", norms)
        for row, amplitudes in zip(light, given, strict=True):
            row[: amplitudes.size] = amplitudes
        return light

    def _separate(self, light: list[ComplexArray]) -> list[tuple[DualCavityBattery, list[ComplexArray]]]:
        """The two cavities as batteries of their own."""
        a = replace(self, atoms_b=0, photons_b=0)
        b = replace(a, atoms_a=self.atoms_b, photons_a=self.photons_b, cutoff_a=self.cutoff_b)
        return [(c, [f, np.ones(1, complex)]) for c, f in zip((a, b), light, strict=True)]

    def converged(self, times: ArrayLike | None = None, *, leak: float = LEAK) -> DualCavityBattery:
        """The same battery with photon cutoffs at which `charge(times, leak=leak)` passes.

        Starts ten photons above the initial ones and lets the cutoff that leaks grow by a quarter.
        Raises ValueError when the basis becomes too large.
        """
        t = time_axis("times", np.linspace(0.0, 20.0, 401) if times is None else times)
        if self.exchange == 0 and self.atoms_b:
            a, b = (c.converged(t, leak=leak).cutoff_a for c, _ in self._separate(self._fields(None)))
            return replace(self, cutoff_a=a, cutoff_b=b)
        cutoffs = [n + 10 for n in self.start]
        while True:
            battery = replace(self, cutoff_a=cutoffs[0], cutoff_b=cutoffs[1])
            space = battery._space(battery._fields(None))
            kets = progress(evolve(space.h, space.start, t), f"cutoffs {cutoffs}", t.size)
            leaks = (space.observe(psi)[4:6] for psi in kets)
            full = next((found for found in leaks if found.max() > leak), None)
            if full is None:
                return battery
            cutoffs = [c + c // 4 if f > leak else c for c, f in zip(cutoffs, full, strict=True)]

    def charge_for_power(self, *, step: float = 0.02, leak: float = LEAK) -> DualCavityCharging:
        """A charging curve long enough that its `max_average_power` is the largest over all times.

        No later time can beat an average power P found before t = capacity/P, because E never
        exceeds the capacity: the window is extended to that time. ``step`` is the sampling
        interval; the other errors are those of `charge`.
        """
        window = 1.0
        while True:
            samples = math.ceil(window / real("step", step, above=0.0)) + 1
            charging = self.charge(step * np.arange(samples + 1), leak=leak)
            needed = self.capacity / float(charging.max_average_power.value)
            if needed <= charging.times[-1]:
                return charging
            window = needed


def _side_by_side(parts: list[DualCavityCharging]) -> DualCavityCharging:
    """Two uncoupled cavities as one battery: sums, and the product of the states."""
    a, b = parts
    product = None
    if a.battery_states is not None and b.battery_states is not None:
        product = np.array([np.kron(x, y) for x, y in zip(a.battery_states, b.battery_states, strict=True)])
    return DualCavityCharging(
        times=a.times,
        energy=a.energy + b.energy,
        power=a.power + b.power,
        cavity_energy=np.array([a.energy, b.energy]),
        photons=np.array([a.photons[0], b.photons[0]]),
        leak=np.array([a.leak[0], b.leak[0]]),
        battery_states=product,
    )
