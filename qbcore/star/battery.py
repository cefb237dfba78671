r"""Star-network battery, individual baths: a central qubit and N - 1 ancillas, a Fermi bath for each.

Kamin, Salimi and Arjmandi, Phys. Rev. A 109, 022226 (2024), Eqs. (1), (6), (11), (12):

    H = omega_0 sum_i sigma_z^i + J sum_{i > 1} (sigma_+^1 sigma_-^i + sigma_-^1 sigma_+^i),
    d(rho)/dt = -i [H, rho] + gamma sum_i {(1 - n_i) D[sigma_-^i] + n_i D[sigma_+^i]} rho,
    n_i = 1 / (exp((omega - mu_i)/T) + 1),  mu_1 = mu,  mu_i = mu + Delta mu for i > 1.

Qubit 1 is the battery; a qubit spans 2 omega_0, between -omega_0 and +omega_0, and its excited
state is the first basis vector, as in QuTiP. The printed Eqs. (8) and (12) misplace a bracket: the
Fermi function above is meant. hbar = k_B = 1. Steady states depend on N, J/gamma, n_1 and n_2 only.

Method: ``star_symmetric`` keeps the 3 (N - 1)^2 / 4 real numbers that can differ from zero, exactly.
Closed forms are in ``star_formulas``, the bath common to all qubits (Eqs. (7), (8)) in
``star_common_bath``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from qbcore._numerics.propagation import propagate
from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.types import FloatArray
from qbcore.charging import Charging
from qbcore.star._symmetric import symmetric

if TYPE_CHECKING:
    import qutip

MOST_CELLS_QUTIP = 10  # operators of dimension 2^N


def fermi(energy: ArrayLike, potential: ArrayLike, temperature: ArrayLike) -> FloatArray:
    """Fermi-Dirac occupation 1 / (exp((energy - potential)/temperature) + 1), without overflow."""
    e, mu, t = (np.asarray(x, dtype=float) for x in (energy, potential, temperature))
    occupation: FloatArray = expit((mu - e) / t)
    return occupation


@dataclass(frozen=True, kw_only=True)
class BatterySteadyState:
    """Steady state of the battery alone; it has no coherence, so p_1 says all.

    Attributes
    ----------
    excitation : p_1, probability that the battery is excited.
    """

    excitation: float

    @property
    def ergotropy(self) -> float:
        """W = max(0, 2 p_1 - 1), ergotropy over its largest value 2 omega_0."""
        return max(0.0, 2 * self.excitation - 1)

    @property
    def battery(self) -> FloatArray:
        """Density matrix (2, 2), excited level first."""
        return np.diag([self.excitation, 1 - self.excitation])


@dataclass(frozen=True, kw_only=True)
class StarSteadyState(BatterySteadyState):
    """Steady state with individual baths; see `BatterySteadyState` for the battery.

    Attributes
    ----------
    ancilla_excitation : probability that one ancilla is excited (nan for N = 1).
    current : gamma (p_1 - n_1), excitations per time from the ancillas into the battery's own bath.
    dissipation : current x Delta mu, work per time the bias spends on it; T times the entropy
        production of the baths.
    """

    ancilla_excitation: float
    current: float
    dissipation: float


@dataclass(frozen=True, kw_only=True)
class StarCharging(Charging):
    """Charging curve; see `Charging` for times, energy and power.

    Attributes
    ----------
    excitation, ancilla_excitation : (T,) probabilities that battery and one ancilla are excited.
    ergotropy : (T,) W = max(0, 2 p_1 - 1), in units of 2 omega_0.
    """

    excitation: FloatArray
    ancilla_excitation: FloatArray
    ergotropy: FloatArray


@dataclass(frozen=True, kw_only=True)
class StarBattery:
    """A battery qubit in the centre of a star of N - 1 ancillas, each qubit with its own bath.

    Parameters
    ----------
    cells : N, number of qubits with the battery, an integer of at least 1.
    splitting : omega_0 > 0; a qubit's levels lie 2 omega_0 apart.
    coupling : J, battery to each ancilla, any real number.
    rate : gamma > 0, spectral density of the baths; the unit of energy in the paper.
    bath_frequency : omega, where the baths' Fermi function is sampled.
    temperature : T > 0 of all baths.
    potential : mu_1 = mu, chemical potential of the battery's bath.
    bias : Delta mu, by how much the potential of the ancillas' baths is higher.

    Raises
    ------
    ValueError for a value out of range.

    Examples
    --------
    >>> round(StarBattery(cells=3, potential=1.0, bias=2.0).steady_state().ergotropy, 6)  # tanh(1)/2
    0.380797
    """

    cells: int = 3
    splitting: float = 10.0
    coupling: float = 1.0
    rate: float = 1.0
    bath_frequency: float = 1.0
    temperature: float = 1.0
    potential: float = 1.0
    bias: float = 2.0

    def __post_init__(self) -> None:
        integer("cells", self.cells, least=1)
        real("splitting", self.splitting, above=0.0)
        real("coupling", self.coupling)
        real("rate", self.rate, above=0.0)
        real("bath_frequency", self.bath_frequency)
        real("temperature", self.temperature, above=0.0)
        real("potential", self.potential)
        real("bias", self.bias)

    @property
    def occupations(self) -> tuple[float, float]:
        """n_1 of the battery's bath and n_2 of an ancilla's bath."""
        potentials = np.array([self.potential, self.potential + self.bias])
        n = fermi(self.bath_frequency, potentials, self.temperature)
        return float(n[0]), float(n[1])

    def battery_hamiltonian(self) -> qutip.Qobj:
        """omega_0 sigma_z of the battery alone, (2, 2)."""
        import qutip

        return self.splitting * qutip.sigmaz()

    def hamiltonian(self) -> qutip.Qobj:
        """H of Eq. (1) on N qubits, battery first; for N <= 10."""
        require(self.cells <= MOST_CELLS_QUTIP, "cells", f"be at most {MOST_CELLS_QUTIP} here", self.cells)
        return star_hamiltonian(self.cells, self.splitting, self.coupling)

    def collapse_operators(self) -> list[qutip.Qobj]:
        """The 2 N jump operators of Eqs. (11), (12), loss and gain of each qubit; for N <= 10."""
        require(self.cells <= MOST_CELLS_QUTIP, "cells", f"be at most {MOST_CELLS_QUTIP} here", self.cells)
        n1, n2 = self.occupations
        jumps = []
        for i, lower in enumerate(lowering_operators(self.cells)):
            n = n2 if i else n1
            jumps += [np.sqrt(self.rate * (1 - n)) * lower, np.sqrt(self.rate * n) * lower.dag()]
        return jumps

    def steady_state(self) -> StarSteadyState:
        """The one steady state (every qubit leaks, so there is one), exact for any N."""
        n1, n2 = self.occupations
        space = symmetric(self.cells - 1)
        x = space.stationary(*(np.array([v]) for v in (self.coupling / self.rate, n1, n2)))[0]
        p = float(space.battery @ x)
        current = self.rate * (p - n1)
        return StarSteadyState(
            excitation=p,
            ancilla_excitation=_per_ancilla(float(space.ancillas @ x), self.cells),
            current=current,
            dissipation=current * self.bias,
        )

    def charge(self, times: ArrayLike, *, start: tuple[float, float] = (0.0, 0.0)) -> StarCharging:
        """Exact charging curve.

        Parameters
        ----------
        times : (T,) increasing times in units of 1/energy, from t >= 0; the start is at t = 0.
        start : probabilities that the battery and that each ancilla is excited at t = 0, all
            independent and without coherence. (0, 0) is the ground state.

        Raises
        ------
        ValueError for times that do not increase or a start outside [0, 1].
        """
        t = time_axis("times", times)
        inside = len(start) == 2 and all(0 <= real("start", p) <= 1 for p in start)
        require(inside, "start", "be two probabilities", start)
        n1, n2 = self.occupations
        space = symmetric(self.cells - 1)
        generator = self.rate * space.generator(self.coupling / self.rate, n1, n2)
        path = propagate(generator, space.product(*start), t).T
        p = space.battery @ path
        return StarCharging(
            times=t,
            energy=2 * self.splitting * (p - start[0]),
            power=2 * self.splitting * (space.battery @ (generator @ path)),
            excitation=p,
            ancilla_excitation=np.asarray(_per_ancilla(space.ancillas @ path, self.cells)),
            ergotropy=np.maximum(2 * p - 1, 0.0),
        )

    def relaxation_rate(self) -> float:
        """Slowest rate at which permutation-symmetric, coherence-free starts relax; for N <= 40."""
        require(self.cells <= 40, "cells", "be at most 40 here (dense eigenvalues)", self.cells)
        n1, n2 = self.occupations
        matrix = symmetric(self.cells - 1).generator(self.coupling / self.rate, n1, n2).toarray()
        decay = np.sort(-np.linalg.eigvals(matrix).real)
        return self.rate * float(decay[1])


def steady_excitation(
    cells: int, coupling: ArrayLike, battery_occupation: ArrayLike, ancilla_occupation: ArrayLike
) -> FloatArray:
    """p_1 in the steady state for many parameter sets at once.

    ``coupling`` is J/gamma; it, n_1 and n_2 broadcast as numpy arrays, and so does the result.
    The ergotropy in units of 2 omega_0 is W = max(0, 2 p_1 - 1).
    """
    space = symmetric(integer("cells", cells, least=1) - 1)
    sets = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (coupling, battery_occupation, ancilla_occupation))
    )
    for name, n in zip(("battery_occupation", "ancilla_occupation"), sets[1:], strict=True):
        require(bool(np.all((n >= 0) & (n <= 1))), name, "lie in [0, 1]", n)
    require(bool(np.isfinite(sets[0]).all()), "coupling", "be finite", coupling)
    states = space.stationary(*(s.ravel() for s in sets))
    return (states @ space.battery).reshape(sets[0].shape)


def lowering_operators(cells: int) -> list[qutip.Qobj]:
    """sigma_-^i of each of N qubits, battery first, on the space of all N."""
    import qutip

    ones = [qutip.qeye(2)] * cells
    return [qutip.tensor([*ones[:i], qutip.sigmam(), *ones[i + 1 :]]) for i in range(cells)]


def star_hamiltonian(cells: int, splitting: float, coupling: float) -> qutip.Qobj:
    """H of Eq. (1) on the space of all N qubits."""
    battery, *ancillas = lowers = lowering_operators(cells)
    levels = splitting * sum(lower.dag() * lower - lower * lower.dag() for lower in lowers)
    hops = [battery.dag() * a + battery * a.dag() for a in ancillas]
    return levels + coupling * sum(hops) if hops else levels


def _per_ancilla(count: Any, cells: int) -> Any:
    """Mean excitation of one ancilla from that of all; nan without any."""
    return count / (cells - 1) if cells > 1 else count * np.nan
