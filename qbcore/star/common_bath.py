r"""Star-network battery, one Fermi bath common to all qubits.

Kamin, Salimi and Arjmandi, Phys. Rev. A 109, 022226 (2024), Eqs. (1), (6)-(8). The double sums over
qubits are two collective jumps, with S_- = sum_i sigma_-^i over battery and ancillas alike:

    d(rho)/dt = -i [H, rho] + gamma (1 - n) D[S_-] rho + gamma n D[S_+] rho.

Both jumps and H leave the ancillas' total spin j_A alone (for J = 0 the spin of all N qubits, too),
so the space falls into sectors that never exchange weight. In a sector on which S_- and H act
irreducibly the steady state is r^N_exc restricted to it, r = n/(1 - n) and N_exc the number of
excitations: it commutes with H, and r^N S_- = S_- r^(N - 1) balances loss against gain. Hence

* J != 0, j_A != 1/2: the sector is battery x spin j_A, the state is a product, and p_1 = n;
* J != 0, j_A = 1/2 (N even only): two qubits' worth, which splits into triplet and singlet, because
  sigma_+ s_- + sigma_- s_+ = S^2/2 - S_z^2 up to a constant commutes with S^2;
* J = 0: every total spin S = j_A +- 1/2 is a sector of its own.

A sector of definite S has 2 p_1 - 1 = <S_z>/S for S = j_A + 1/2 and -<S_z>/(S + 1) for S = j_A - 1/2
(the Lande factor of the battery), <S_z> taken with weights r^m. Copies of a sector (d of them)
add d^2 dimensions to the null space of the Liouvillian; their coherences do not reach the battery.
Conventions as in ``star``; T > 0 is finite, so that 0 < n < 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.types import FloatArray
from qbcore.charging import Charging
from qbcore.star.battery import BatterySteadyState, fermi, lowering_operators, star_hamiltonian

if TYPE_CHECKING:
    import qutip

MOST_CELLS_STATES = 8  # operators of dimension 2^N, diagonalised densely
MOST_CELLS_CHARGE = 6  # Liouvillians of dimension 4^N
SAME = 1e-9  # excitations closer than this are one


@dataclass(frozen=True, kw_only=True)
class Sector:
    """A part of the state space that keeps its weight for ever.

    Attributes
    ----------
    ancilla_spin : j_A, total spin of the ancillas.
    total_spin : S of all qubits, or None where J mixes S = j_A + 1/2 and j_A - 1/2.
    copies : number d of times the sector occurs.
    excitation : p_1 of its steady state.
    """

    ancilla_spin: float
    total_spin: float | None
    copies: int
    excitation: float


@dataclass(frozen=True, kw_only=True)
class CommonBathCharging(Charging):
    """Charging curve; ``excitation`` (T,) is p_1, ``ergotropy`` (T,) is W = max(0, 2 p_1 - 1)."""

    excitation: FloatArray
    ergotropy: FloatArray


@dataclass(frozen=True, kw_only=True)
class CommonBathStar:
    """The star of N qubits in one common bath; parameters as in `qbcore.star.StarBattery`.

    Parameters
    ----------
    cells : N >= 2. splitting : omega_0 > 0. coupling : J. rate : gamma > 0.
    bath_frequency : omega. temperature : T > 0. potential : mu.

    Raises
    ------
    ValueError for a value out of range.

    Examples
    --------
    >>> round(CommonBathStar(cells=3, potential=3.0).steady_state().excitation, 6)  # n for any start
    0.880797
    >>> CommonBathStar(cells=2, potential=3.0).steady_state()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: Argument `cells` must leave the battery one steady state ... 0.500000 to 0.925469.
    """

    cells: int = 3
    splitting: float = 10.0
    coupling: float = 1.0
    rate: float = 1.0
    bath_frequency: float = 1.0
    temperature: float = 1.0
    potential: float = 2.0

    def __post_init__(self) -> None:
        integer("cells", self.cells, least=2)
        real("splitting", self.splitting, above=0.0)
        real("coupling", self.coupling)
        real("rate", self.rate, above=0.0)
        real("bath_frequency", self.bath_frequency)
        real("temperature", self.temperature, above=0.0)
        real("potential", self.potential)

    @property
    def occupation(self) -> float:
        """n of the bath."""
        return float(fermi(self.bath_frequency, self.potential, self.temperature))

    def sectors(self) -> tuple[Sector, ...]:
        """All sectors, each with its steady p_1, largest ancilla spin first."""
        found = []
        half = (self.cells - 1) / 2
        for lost in range(int(half) + 1):
            j = half - lost
            copies = math.comb(self.cells - 1, lost) - (math.comb(self.cells - 1, lost - 1) if lost else 0)
            spins: list[float | None] = [j + 0.5, j - 0.5] if j > 0 else [j + 0.5]
            if self.coupling != 0 and j not in (0.0, 0.5):
                spins = [None]
            for s in spins:
                p = self.occupation if s is None else self._split_excitation(j, s)
                found.append(Sector(ancilla_spin=j, total_spin=s, copies=copies, excitation=p))
        return tuple(found)

    def _split_excitation(self, j: float, s: float) -> float:
        m = np.arange(-s, s + 0.5)
        exponent = m * (self.potential - self.bath_frequency) / self.temperature  # r^m = exp(m ln r)
        weights = np.exp(exponent - exponent.max())
        mean = float(weights @ m / weights.sum())
        return (1 + (mean / s if s > j else -mean / (s + 1))) / 2

    def null_space_dimension(self) -> int:
        """Number of independent solutions of L rho = 0: the commutant of H, S_+ and S_-.

        For J != 0 the sum of d^2 over the sectors; for J = 0 sectors of one S with different j_A
        are copies of each other, and their d add up before squaring (the Catalan numbers).
        """
        copies: dict[Any, int] = {}
        for s in self.sectors():
            key = s.total_spin if self.coupling == 0 else (s.ancilla_spin, s.total_spin)
            copies[key] = copies.get(key, 0) + s.copies
        return sum(d * d for d in copies.values())

    def weights(self, start: qutip.Qobj) -> FloatArray:
        """Weight of an initial state in each sector: what alone decides p_1 in the end; N <= 8."""
        rho = self._density(start).full()
        return np.array([np.trace(p @ rho).real for p in self._projectors()])

    def asymptotic_excitation(self, start: qutip.Qobj) -> float:
        """p_1 for t -> infinity from a ket or density matrix of the N qubits, battery first."""
        return float(self.weights(start) @ [s.excitation for s in self.sectors()])

    def steady_state(self) -> BatterySteadyState:
        """The battery's state for t -> infinity, if no start can change it.

        Raises
        ------
        ValueError with the range of p_1 if sectors differ; then ask `asymptotic_excitation`.
        """
        p = [s.excitation for s in self.sectors()]
        must = "leave the battery one steady state (else give `asymptotic_excitation` a start)"
        found = f"{self.cells}, with p_1 from {min(p):.6f} to {max(p):.6f}"
        if max(p) - min(p) > SAME:
            raise ValueError(f"Argument `cells` must {must}, but is {found}.")
        return BatterySteadyState(excitation=p[0])

    def battery_hamiltonian(self) -> qutip.Qobj:
        """omega_0 sigma_z of the battery alone, (2, 2)."""
        import qutip

        return self.splitting * qutip.sigmaz()

    def hamiltonian(self) -> qutip.Qobj:
        """H of Eq. (1) on N qubits, battery first; for N <= 8."""
        self._small(MOST_CELLS_STATES)
        return star_hamiltonian(self.cells, self.splitting, self.coupling)

    def collapse_operators(self) -> list[qutip.Qobj]:
        """The two collective jumps of Eqs. (7), (8); for N <= 8."""
        self._small(MOST_CELLS_STATES)
        lower = sum(lowering_operators(self.cells))
        n = self.occupation
        return [np.sqrt(self.rate * (1 - n)) * lower, np.sqrt(self.rate * n) * lower.dag()]

    def asymptotic_states(self) -> tuple[qutip.Qobj, ...]:
        """The steady state of each sector, equally mixed over its copies; for N <= 8."""
        import qutip

        up = sum(a.dag() * a for a in lowering_operators(self.cells)).diag().real
        exponent = up * (self.potential - self.bath_frequency) / self.temperature
        weights = np.exp(exponent - exponent.max())
        states = [p * weights for p in self._projectors()]  # N_exc is diagonal and commutes with p
        dims = [[2] * self.cells] * 2
        return tuple(qutip.Qobj(s / np.trace(s), dims=dims) for s in states)

    def charge(self, times: ArrayLike, *, start: qutip.Qobj | None = None) -> CommonBathCharging:
        """Charging curve with ``qutip.mesolve``, from the ground state if not told; for N <= 6.

        Parameters
        ----------
        times : (T,) increasing times; the start is at t = 0.
        start : ket or density matrix of the N qubits, battery first.
        """
        import qutip

        self._small(MOST_CELLS_CHARGE)
        t = time_axis("times", times)
        state = qutip.tensor([qutip.basis(2, 1)] * self.cells) if start is None else start
        lower = lowering_operators(self.cells)[0]
        number = lower.dag() * lower
        jumps = self.collapse_operators()
        h = star_hamiltonian(self.cells, 0.0, self.coupling)  # in the frame that turns with omega_0 N_exc
        slope = 1j * (h * number - number * h)
        for c in jumps:  # Heisenberg picture: d<A>/dt = <i [H, A] + sum c^+ A c - {c^+ c, A}/2>
            slope += c.dag() * number * c - (c.dag() * c * number + number * c.dag() * c) / 2
        grid = np.insert(t, 0, 0.0) if t[0] > 0 else t
        options = {"rtol": 1e-9, "atol": 1e-11, "nsteps": 10**6, "progress_bar": ""}
        run = qutip.mesolve(h, self._density(state), grid, jumps, e_ops=[number, slope], options=options)
        p, rate = (np.asarray(e).real for e in run.expect)
        last, gap = slice(grid.size - t.size, None), 2 * self.splitting
        return CommonBathCharging(
            times=t,
            energy=gap * (p[last] - p[0]),
            power=gap * rate[last],
            excitation=p[last],
            ergotropy=np.maximum(2 * p[last] - 1, 0.0),
        )

    def _small(self, most: int) -> None:
        require(self.cells <= most, "cells", f"be at most {most} here", self.cells)

    def _density(self, start: qutip.Qobj) -> qutip.Qobj:
        fits = hasattr(start, "dims") and start.dims[0] == [2] * self.cells
        require(fits, "start", f"be a state of {self.cells} qubits", getattr(start, "dims", start))
        rho = start.proj() if start.isket else start
        require(abs(rho.tr() - 1) < 1e-9, "start", "be normalised", rho.tr())
        return rho

    def _projectors(self) -> list[Any]:
        """Projectors on the sectors, from the eigenspaces of the two total spins squared."""
        self._small(MOST_CELLS_STATES)
        lowers = lowering_operators(self.cells)
        ancilla, total = (_spin_projectors(ls) for ls in (lowers[1:], lowers))
        found = []
        for s in self.sectors():
            p = ancilla[s.ancilla_spin]
            found.append(p if s.total_spin is None else p @ total[s.total_spin])
        return found


def _spin_projectors(lowers: list[Any]) -> dict[float, Any]:
    """Projector on each total spin j of the given qubits, from the eigenvalues j (j + 1) of S^2."""
    minus = sum(lowers).full()
    z = (minus.T @ minus - minus @ minus.T) / 2
    values, vectors = np.linalg.eigh(minus.T @ minus - z + z @ z)  # S_+ S_- - S_z + S_z^2
    spins = np.rint(np.sqrt(4 * values.clip(0) + 1) - 1) / 2
    return {float(j): vectors[:, spins == j] @ vectors[:, spins == j].conj().T for j in np.unique(spins)}
