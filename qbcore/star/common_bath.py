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
* J = 0, or so small that J^2/gamma is zero to rounding: every total spin S = j_A +- 1/2
  is a separate sector.

A sector of definite S has 2 p_1 - 1 = <S_z>/S for S = j_A + 1/2 and -<S_z>/(S + 1) for
S = j_A - 1/2 (the Lande factor of the battery), <S_z> taken with weights r^m. Copies of
a sector (d of them) add d^2 dimensions to the null space of the Liouvillian; their
coherences do not reach the battery. Conventions as in ``battery``; T > 0 is finite, but
n may round to 0 or 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from qbcore._numerics.spins import copies
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import SeveralSteadyStatesError
from qbcore.star import _liouvillian, _network
from qbcore.star.formulas import fermi
from qbcore.star.results import QubitSteadyState

if TYPE_CHECKING:
    import qutip

MOST_CELLS_STATES = 8  # operators of dimension 2^N, diagonalised densely
SAME = 1e-14  # excitations closer than this are one: some fifty roundings
# J mixes spins at a rate of about J^2/gamma. Once that is gamma times the rounding of a
# number, no computation of a curve tells it from zero.
NEGLIGIBLE = 1.5e-8  # of gamma


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

    Examples
    --------
    >>> CommonBathStar(cells=2, potential=1.0).sectors[0]
    Sector(ancilla_spin=0.5, total_spin=1.0, copies=1, excitation=0.5)
    """

    ancilla_spin: float
    total_spin: float | None
    copies: int
    excitation: float


@dataclass(frozen=True, kw_only=True)
class CommonBathStar(_network.Network):
    r"""The star of N qubits in one common bath.

    Eqs. (7) and (8) of Kamin, Salimi and Arjmandi, Phys. Rev. A 109, 022226 (2024),
    with the H of `StarBattery` and ``S_-``, the sum of ``sigma_-`` over all qubits:

    .. math::

        \dot\rho = -i [H, \rho] + \gamma (1 - n) \mathcal D[S_-] \rho
        + \gamma n \mathcal D[S_+] \rho

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
    TooLargeError
        For more than 400 cells.

    Examples
    --------
    >>> star = CommonBathStar(cells=3, potential=3.0)
    >>> round(star.steady_state().excitation, 6)  # n for any start
    0.880797
    >>> CommonBathStar(cells=2, potential=3.0).steady_state()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qbcore.errors.SeveralSteadyStatesError: ... p_1 from 0.500000 to 0.925469, ...
    """

    potential: float = 2.0
    _fewest = 2

    @property
    def occupation(self) -> float:
        """n of the bath.

        >>> CommonBathStar(bath_frequency=1.0, potential=1.0).occupation
        0.5
        """
        return float(fermi(self.bath_frequency, self.potential, self.temperature))

    @cached_property
    def sectors(self) -> tuple[Sector, ...]:
        """All sectors, each with its steady p_1, largest ancilla spin first.

        >>> [(s.ancilla_spin, s.copies) for s in CommonBathStar(cells=5).sectors]
        [(2.0, 1), (1.0, 3), (0.0, 2)]
        """
        found = []
        for lost in range((self.cells + 1) // 2):
            j = (self.cells - 1) / 2 - lost
            for s in self._total_spins(j):
                found.append(
                    Sector(
                        ancilla_spin=j,
                        total_spin=s,
                        copies=copies(self.cells - 1, lost),
                        excitation=self._excitation(j, s),
                    )
                )
        return tuple(found)

    def _total_spins(self, j: float) -> Sequence[float | None]:
        if self._coupled and j > 0.5:
            return [None]
        return sorted({j + 0.5, abs(j - 0.5)}, reverse=True)

    @property
    def _coupled(self) -> bool:
        return abs(self.coupling) > NEGLIGIBLE * self.rate

    def _excitation(self, j: float, s: float | None) -> float:
        if s is None:
            return self.occupation
        m = np.arange(-s, s + 0.5)
        weights = self._weights_of(m)
        mean = float(weights @ m / weights.sum())
        return (1 + (mean / s if s > j else -mean / (s + 1))) / 2

    def _weights_of(self, excitations: FloatArray) -> FloatArray:
        """r^k = exp(k ln r) for numbers k of excitations, the largest scaled to one."""
        log_r = (self.potential - self.bath_frequency) / self.temperature
        # Beyond 800 the smaller of two weights is zero anyway.
        exponent = np.clip(log_r, -800.0, 800.0) * excitations
        return np.exp(exponent - exponent.max())

    @property
    def null_space_dimension(self) -> int:
        """Number of independent solutions of ``L rho = 0``.

        They are the commutant of ``H, S_+, S_-``.

        For J != 0 the sum of d^2 over the sectors; for J = 0 sectors of one S with
        different j_A are copies of each other, and their d add up before squaring (the
        Catalan numbers).

        >>> CommonBathStar(cells=3).null_space_dimension
        2
        """
        often: Counter[object] = Counter()
        for s in self.sectors:
            mixed = (s.ancilla_spin, s.total_spin)
            often[mixed if self._coupled else s.total_spin] += s.copies
        return sum(d * d for d in often.values())

    def weights(self, start: _network.Start = None) -> FloatArray:
        """Return the weight of a start in each sector: it alone decides p_1 in the end.

        Parameters
        ----------
        start : optional
            As in `charge`, here for N <= 8.

        Returns
        -------
        (S,) array
            One weight for each of `sectors`; they add up to 1.

        Examples
        --------
        >>> CommonBathStar(cells=3).weights(start=(1.0, 0.5)).round(4)
        array([0.75, 0.25])
        """
        projectors = self._projectors()
        rho = _liouvillian.density_matrix(start, self.cells)
        return np.array([np.vdot(p, rho).real for p in projectors])

    def asymptotic_excitation(self, start: _network.Start = None) -> float:
        """Return p_1 for t -> infinity, where it depends on the start.

        Parameters
        ----------
        start : optional
            As in `charge`, here for N <= 8.

        Returns
        -------
        float
            p_1 of the battery.

        Examples
        --------
        >>> star = CommonBathStar(cells=2)
        >>> round(star.asymptotic_excitation(start=(1.0, 0.0)), 4)
        0.6438
        """
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

        Examples
        --------
        >>> rest = CommonBathStar(cells=3, potential=1.0).steady_state()
        >>> rest.excitation
        0.5
        """
        p = [s.excitation for s in self.sectors]
        lowest, highest = min(p), max(p)
        if highest - lowest > SAME:
            message = (
                f"The steady state depends on the start, with p_1 from {lowest:.6f} to "
                f"{highest:.6f}, {highest - lowest:.3g} apart (rounding: {SAME}): "
                "ask `asymptotic_excitation(start)`."
            )
            raise SeveralSteadyStatesError(message, found=(lowest, highest), limit=SAME)
        return _network.at_rest(QubitSteadyState, self.quantum, p[0])

    def asymptotic_states(self) -> tuple[qutip.Qobj, ...]:
        """Return the steady state of each sector, mixed over its copies; for N <= 8.

        Returns
        -------
        tuple of Qobj
            Density matrices of the N qubits, battery first, in the order of `sectors`.

        Examples
        --------
        >>> triplet, singlet = CommonBathStar(cells=2).asymptotic_states()
        >>> float(singlet[1, 2].real.round(4))
        -0.5
        """
        projectors = self._projectors()
        # The number of excitations is diagonal and commutes with the projectors.
        weights = self._weights_of(self._excitations())
        states = [p * weights for p in projectors]
        return tuple(self._as_qutip(s / np.trace(s)) for s in states)

    def _run(
        self, start: _network.Start, t: FloatArray
    ) -> tuple[FloatArray, ComplexArray]:
        way_out = "up to 8, `asymptotic_excitation(start)` tells where the curve ends"
        return _liouvillian.evolve(self, start, t, way_out)

    def _jumps(self) -> list[sparse.sparray]:
        return self._bath(self.occupation, sum(self._lowering()))

    def _projectors(self) -> list[ComplexArray]:
        """Projectors on the sectors, from the eigenspaces of two squared spins."""
        way_out = "`sectors` and `steady_state` need no states of all qubits"
        self._few(MOST_CELLS_STATES, way_out)
        lowers = self._lowering()
        ancilla, total = _spin_projectors(lowers[1:]), _spin_projectors(lowers)
        return [
            ancilla[s.ancilla_spin] @ total.get(s.total_spin, np.eye(2**self.cells))
            for s in self.sectors
        ]


def _spin_projectors(lowers: list[sparse.sparray]) -> dict[float | None, ComplexArray]:
    """Projector on each total spin j, from the eigenvalues j (j + 1) of S^2."""
    minus = sum(lowers).toarray()
    z = (minus.T @ minus - minus @ minus.T) / 2
    square = minus.T @ minus - z + z @ z  # S_+ S_- - S_z + S_z^2
    values, vectors = np.linalg.eigh(square)
    spins = np.rint(np.sqrt(4 * values + 1) - 1) / 2
    return {float(j): vectors * (spins == j) @ vectors.T for j in np.unique(spins)}
