r"""Star-network battery, one Fermi bath common to all qubits.

Kamin, Salimi and Arjmandi, Phys. Rev. A 109, 022226 (2024), Eqs. (1), (6)-(8). The
double sums over qubits are two collective jumps, with S_- = sum_i sigma_-^i over
battery and ancillas alike:

    d(rho)/dt = -i [H, rho] + gamma (1 - n) D[S_-] rho + gamma n D[S_+] rho.

Both jumps and H leave the ancillas' total spin j_A alone (for J = 0 the spin of all N
qubits, too), so the space falls into sectors that never exchange weight. In a sector on
which S_- and H act irreducibly the steady state is r^N_exc restricted to it, r = n/(1 -
n) and N_exc the number of excitations: it commutes with H, and r^N S_- = S_- r^(N - 1)
balances loss against gain. Hence

* J != 0, j_A != 1/2: the sector is battery x spin j_A, the state is a product, and p_1
  = n;
* J != 0, j_A = 1/2 (N even only): two qubits' worth, which splits into triplet and
  singlet, because sigma_+ s_- + sigma_- s_+ = S^2/2 - S_z^2 up to a constant commutes
  with S^2;
* J = 0: every total spin S = j_A +- 1/2 is a sector of its own.

A sector of definite S has 2 p_1 - 1 = <S_z>/S for S = j_A + 1/2 and -<S_z>/(S + 1) for
S = j_A - 1/2 (the Lande factor of the battery), <S_z> taken with weights r^m. Copies of
a sector (d of them) add d^2 dimensions to the null space of the Liouvillian; their
coherences do not reach the battery. Conventions as in ``battery``; T > 0 is finite, so
that 0 < n < 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qbcore._numerics.spins import lowering_of_each
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import SeveralSteadyStatesError
from qbcore.star import _liouvillian, _shared
from qbcore.star.formulas import fermi
from qbcore.star.results import QubitSteadyState, StarCharging

if TYPE_CHECKING:
    import qutip

MOST_CELLS_STATES = 8  # operators of dimension 2^N, diagonalised densely
SAME = 1e-9  # excitations closer than this are one


@dataclass(frozen=True, kw_only=True)
class Sector:
    """A part of the state space that keeps its weight for ever.

    Attributes
    ----------
    ancilla_spin : float
        j_A, total spin of the ancillas.
    total_spin : float or None
        S of all qubits, or None where J mixes S = j_A + 1/2 and j_A - 1/2.
    copies : int
        d, how often the sector occurs.
    excitation : float
        p_1 of its steady state.
    """

    ancilla_spin: float
    total_spin: float | None
    copies: int
    excitation: float


@dataclass(frozen=True, kw_only=True)
class CommonBathStar:
    """The star of N qubits in one common bath.

    Parameters
    ----------
    cells : int
        N >= 2, number of qubits with the battery.
    splitting : float
        omega_0 > 0; a qubit's levels lie 2 omega_0 apart.
    coupling : float
        J, battery to each ancilla, any real number.
    rate : float
        gamma > 0, spectral density of the bath; the unit of energy in the paper.
    bath_frequency : float
        omega, where the bath's Fermi function is sampled.
    temperature : float
        T > 0 of the bath.
    potential : float
        mu, chemical potential of the bath.

    Raises
    ------
    ValueError
        For a value out of range.

    Examples
    --------
    >>> star = CommonBathStar(cells=3, potential=3.0)
    >>> round(star.steady_state().excitation, 6)  # n for any start
    0.880797
    >>> CommonBathStar(cells=2, potential=3.0).steady_state()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qbcore.errors.SeveralSteadyStatesError: ... p_1 from 0.500000 to 0.925469 ...
    """

    cells: int = 3
    splitting: float = 10.0
    coupling: float = 1.0
    rate: float = 1.0
    bath_frequency: float = 1.0
    temperature: float = 1.0
    potential: float = 2.0

    def __post_init__(self) -> None:
        _shared.check_fields(self, fewest=2)

    @property
    def quantum(self) -> float:
        """Energy 2 omega_0 of one excitation."""
        return 2.0 * float(self.splitting)

    @property
    def capacity(self) -> float:
        """Largest energy above the ground state, 2 omega_0."""
        return self.quantum

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """The battery is the first qubit."""
        return (0,)

    @property
    def occupation(self) -> float:
        """n of the bath."""
        return float(fermi(self.bath_frequency, self.potential, self.temperature))

    @cached_property
    def sectors(self) -> tuple[Sector, ...]:
        """All sectors, each with its steady p_1, largest ancilla spin first."""
        found = []
        ancillas = self.cells - 1
        for lost in range(ancillas // 2 + 1):
            j = ancillas / 2 - lost
            copies = math.comb(ancillas, lost)
            copies -= math.comb(ancillas, lost - 1) if lost else 0
            for s in self._total_spins(j):
                p = self.occupation if s is None else self._split_excitation(j, s)
                found.append(
                    Sector(
                        ancilla_spin=j,
                        total_spin=s,
                        copies=copies,
                        excitation=p,
                    ),
                )
        return tuple(found)

    def _total_spins(self, j: float) -> list[float | None]:
        if j == 0:
            return [0.5]
        if self.coupling != 0 and j != 0.5:
            return [None]
        return [j + 0.5, j - 0.5]

    def _split_excitation(self, j: float, s: float) -> float:
        m = np.arange(-s, s + 0.5)
        weights = self._weights_of(m)
        mean = float(weights @ m / weights.sum())
        return (1 + (mean / s if s > j else -mean / (s + 1))) / 2

    def _weights_of(self, excitations: FloatArray) -> FloatArray:
        """r^k = exp(k ln r) for numbers k of excitations, the largest scaled to one."""
        log_r = (self.potential - self.bath_frequency) / self.temperature
        exponent = log_r * excitations
        return np.asarray(np.exp(exponent - exponent.max()))

    @property
    def null_space_dimension(self) -> int:
        """Number of independent solutions of L rho = 0, the commutant of H, S_+, S_-.

        For J != 0 the sum of d^2 over the sectors; for J = 0 sectors of one S with
        different j_A are copies of each other, and their d add up before squaring (the
        Catalan numbers).
        """
        copies: dict[Any, int] = {}
        for s in self.sectors:
            free = self.coupling == 0
            key = s.total_spin if free else (s.ancilla_spin, s.total_spin)
            copies[key] = copies.get(key, 0) + s.copies
        return sum(d * d for d in copies.values())

    def weights(self, start: Any = None) -> FloatArray:
        """Return the weight of a start in each sector: it alone decides p_1 in the end.

        Parameters
        ----------
        start : optional
            As in `charge`, here for N <= 8.

        Returns
        -------
        (S,) array
            One weight for each of `sectors`; they add up to 1.
        """
        self._small_enough()
        rho = _shared.density_matrix(start, self.cells)
        return np.array([np.trace(p @ rho).real for p in self._projectors()])

    def asymptotic_excitation(self, start: Any = None) -> float:
        """Return p_1 for t -> infinity from a start as in `charge`, here for N <= 8."""
        return float(self.weights(start) @ [s.excitation for s in self.sectors])

    def steady_state(self) -> QubitSteadyState:
        """Return the battery's state for t -> infinity, if no start can change it.

        Returns
        -------
        QubitSteadyState
            The battery at rest.

        Raises
        ------
        SeveralSteadyStatesError
            If sectors differ, with the lowest and highest p_1; then ask
            `asymptotic_excitation`.
        """
        p = [s.excitation for s in self.sectors]
        lowest, highest = min(p), max(p)
        if highest - lowest > SAME:
            message = (
                f"The steady state depends on the start, with p_1 from {lowest:.6f} to "
                f"{highest:.6f} (they may differ by {SAME}): "
                "ask `asymptotic_excitation(start)`."
            )
            raise SeveralSteadyStatesError(message, found=(lowest, highest), limit=SAME)
        return QubitSteadyState(**_shared.at_rest(self.quantum, p[0]))

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return omega_0 sigma_z of the battery alone, (2, 2)."""
        import qutip

        return self.splitting * qutip.sigmaz()

    def hamiltonian(self) -> qutip.Qobj:
        """Return H of Eq. (1) on N qubits, battery first; for N <= 8."""
        self._small_enough()
        h = _shared.star_hamiltonian(self.cells, self.splitting, self.coupling)
        return _shared.as_qutip(h, self.cells)

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the two collective jumps of Eqs. (7), (8); for N <= 8."""
        self._small_enough()
        return [_shared.as_qutip(jump, self.cells) for jump in self._jumps()]

    def initial_state(self) -> qutip.Qobj:
        """Return the ground state of all qubits; for N <= 8."""
        self._small_enough()
        return _shared.all_down(self.cells)

    def asymptotic_states(self) -> tuple[qutip.Qobj, ...]:
        """Return the steady state of each sector, mixed over its copies; for N <= 8."""
        import qutip

        self._small_enough()
        # The number of excitations is diagonal and commutes with the projectors.
        weights = self._weights_of(_liouvillian.excitations(2**self.cells))
        states = [p * weights for p in self._projectors()]
        dims = [[2] * self.cells] * 2
        return tuple(qutip.Qobj(s / np.trace(s), dims=dims) for s in states)

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: Any = None,
        states: bool = False,
    ) -> StarCharging:
        """Return the exact charging curve; for N <= 6.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times in units of 1/energy, not negative; the start is at t = 0.
            Without them, from 0 to 10/gamma.
        start : optional
            Two probabilities, that the battery and that each ancilla is excited, all
            independent and without coherence; or a ket or density matrix of the N
            qubits, QuTiP or array, battery first. The ground state without it. A pair
            of numbers always means probabilities.
        states : bool
            Also keep the battery's density matrices (T, 2, 2), excited level first.

        Returns
        -------
        StarCharging
            With the excitation of battery and ancillas.

        Raises
        ------
        ValueError
            For times that do not increase, or a start that is not a state.
        TooLargeError
            For more than six qubits.

        Examples
        --------
        >>> star = CommonBathStar(cells=3, potential=3.0)
        >>> star.charge([0.0, 200.0]).excitation.round(6).tolist()
        [0.0, 0.880797]
        """
        way_out = "up to 8, `asymptotic_excitation(start)` tells where the curve ends"
        _shared.at_most(_liouvillian.MOST_CELLS, self.cells, way_out)
        t = _shared.times_or_default(times, self)
        rho = _shared.density_matrix(start, self.cells)
        exchange = _shared.star_hamiltonian(self.cells, 0.0, self.coupling)
        path = _liouvillian.evolve(exchange, self._jumps(), rho, t)
        return _shared.curve(self, t, path, states=states)

    def _jumps(self) -> list[Any]:
        lower = sum(lowering_of_each(self.cells))
        n = self.occupation
        return [np.sqrt(self.rate * (1 - n)) * lower, np.sqrt(self.rate * n) * lower.T]

    def _small_enough(self) -> None:
        way_out = "`sectors` and `steady_state` need no states of all qubits"
        _shared.at_most(MOST_CELLS_STATES, self.cells, way_out)

    def _projectors(self) -> list[ComplexArray]:
        """Projectors on the sectors, from the eigenspaces of two squared spins."""
        lowers = lowering_of_each(self.cells)
        ancilla, total = _spin_projectors(lowers[1:]), _spin_projectors(lowers)
        found = []
        for s in self.sectors:
            p = ancilla[s.ancilla_spin]
            found.append(p if s.total_spin is None else p @ total[s.total_spin])
        return found


def _spin_projectors(lowers: list[Any]) -> dict[float, ComplexArray]:
    """Projector on each total spin j, from the eigenvalues j (j + 1) of S^2."""
    minus = sum(lowers).toarray()
    z = (minus.T @ minus - minus @ minus.T) / 2
    square = minus.T @ minus - z + z @ z  # S_+ S_- - S_z + S_z^2
    values, vectors = np.linalg.eigh(square)
    spins = np.rint(np.sqrt(4 * values.clip(0) + 1) - 1) / 2
    found = {}
    for j in np.unique(spins):
        space = vectors[:, spins == j]
        found[float(j)] = space @ space.T
    return found
