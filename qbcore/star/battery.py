r"""Star-network battery, individual baths: a central qubit and N - 1 ancillas.

Kamin, Salimi and Arjmandi, Phys. Rev. A 109, 022226 (2024), Eqs. (1), (6), (11), (12):

    H = omega_0 sum_i sigma_z^i
        + J sum_{i > 1} (sigma_+^1 sigma_-^i + sigma_-^1 sigma_+^i),
    d(rho)/dt = -i [H, rho]
        + gamma sum_i {(1 - n_i) D[sigma_-^i] + n_i D[sigma_+^i]} rho,
    n_i = 1 / (exp((omega - mu_i)/T) + 1),
    mu_1 = mu,  mu_i = mu + Delta mu for i > 1.

Qubit 1 is the battery; a qubit spans 2 omega_0, between -omega_0 and +omega_0, and its
excited state is the first basis vector, as in QuTiP. The printed Eqs. (8) and (12)
misplace a bracket: the Fermi function above is meant. hbar = k_B = 1. The steady p_1
depends on N, J/gamma, n_1 and n_2 only.

Method: ``_symmetric`` keeps the 3 (N - 1)^2 / 4 real numbers that can differ from zero,
exactly; a start without that symmetry takes all 4^N numbers of ``_liouvillian``. Closed
forms are in ``formulas``, the bath common to all qubits (Eqs. (7), (8)) in
``common_bath``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from qbcore._numerics.propagation import propagate
from qbcore._numerics.spins import lowering_of_each
from qbcore._support.checks import integer, real, require
from qbcore._support.types import FloatArray
from qbcore.star import _liouvillian, _shared
from qbcore.star._symmetric import Symmetric, symmetric
from qbcore.star.formulas import fermi, occupation
from qbcore.star.results import StarCharging, StarSteadyState

if TYPE_CHECKING:
    import qutip

MOST_CELLS_QUTIP = 10  # operators of dimension 2^N
MOST_CELLS_EIGENVALUES = 40  # dense eigenvalues of some 1200 unknowns


@dataclass(frozen=True, kw_only=True)
class StarBattery:
    """A battery qubit in the centre of N - 1 ancillas, each qubit with a separate bath.

    Parameters
    ----------
    cells : int
        N >= 1, number of qubits with the battery.
    splitting : float
        omega_0 > 0; a qubit's levels lie 2 omega_0 apart.
    coupling : float
        J, battery to each ancilla, any real number.
    rate : float
        gamma > 0, spectral density of the baths; the unit of energy in the paper.
    bath_frequency : float
        omega, where the baths' Fermi function is sampled.
    temperature : float
        T > 0 of all baths.
    potential : float
        mu_1 = mu, chemical potential of the battery's bath.
    bias : float
        Delta mu, by how much the potential of the ancillas' baths is higher.

    Raises
    ------
    ValueError
        For a value out of range.

    Examples
    --------
    >>> star = StarBattery(cells=3, potential=1.0, bias=2.0, splitting=0.5)
    >>> round(star.steady_state().ergotropy, 6)  # tanh(1)/2, as 2 omega_0 = 1
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
        _shared.check_fields(self, fewest=1)
        real("bias", self.bias)

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
    def occupations(self) -> tuple[float, float]:
        """n_1 of the battery's bath and n_2 of an ancilla's bath."""
        potentials = np.array([self.potential, self.potential + self.bias])
        n = fermi(self.bath_frequency, potentials, self.temperature)
        return float(n[0]), float(n[1])

    @property
    def unknowns(self) -> int:
        """How many real numbers describe the N qubits, about 3 (N - 1)^2 / 4."""
        return self._space.size

    @cached_property
    def relaxation_rate(self) -> float:
        """Slowest rate at which starts of two probabilities relax; for N <= 40."""
        way_out = "fit the end of a curve of `charge` instead"
        _shared.at_most(MOST_CELLS_EIGENVALUES, self.cells, way_out)
        decay = np.sort(-np.linalg.eigvals(self._generator().toarray()).real)
        return float(decay[1])

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return omega_0 sigma_z of the battery alone, (2, 2)."""
        import qutip

        return self.splitting * qutip.sigmaz()

    def hamiltonian(self) -> qutip.Qobj:
        """Return H of Eq. (1) on N qubits, battery first; for N <= 10."""
        self._small_enough_for_qutip()
        h = _shared.star_hamiltonian(self.cells, self.splitting, self.coupling)
        return _shared.as_qutip(h, self.cells)

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the 2 N jumps of Eqs. (11), (12); for N <= 10."""
        self._small_enough_for_qutip()
        return [_shared.as_qutip(jump, self.cells) for jump in self._jumps()]

    def initial_state(self) -> qutip.Qobj:
        """Return the ground state of all qubits; for N <= 10."""
        self._small_enough_for_qutip()
        return _shared.all_down(self.cells)

    def steady_state(self) -> StarSteadyState:
        """Return the one steady state (every qubit leaks, so there is one), for any N.

        Returns
        -------
        StarSteadyState
            The battery at rest, and the current through it.

        Raises
        ------
        AccuracyError
            Where J and gamma lie too far apart for double precision.
        """
        n1, n2 = self.occupations
        sets = (np.array([x]) for x in (self.coupling / self.rate, n1, n2))
        x = self._space.stationary(*sets)[0]
        p = float(self._space.battery @ x)
        current = self.rate * (p - n1)
        others = float(self._space.ancillas @ x)
        return StarSteadyState(
            **_shared.at_rest(self.quantum, p),
            ancilla_excitation=others / (self.cells - 1) if self.cells > 1 else None,
            current=current,
            dissipation=current * self.bias,
        )

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: Any = None,
        states: bool = False,
    ) -> StarCharging:
        """Return the exact charging curve.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times in units of 1/energy, not negative; the start is at t = 0.
            Without them, from 0 to 10/gamma, where the curve has settled.
        start : optional
            Two probabilities, that the battery and that each ancilla is excited, all
            independent and without coherence, for any N; or a ket or density matrix of
            the N qubits, QuTiP or array, battery first, for N <= 6. The ground state
            without it. A pair of numbers always means probabilities.
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
            For a ket or density matrix of more than six qubits.

        Examples
        --------
        >>> star = StarBattery(cells=1, potential=3.0)
        >>> curve = star.charge([0.0, 1.0], start=(1.0, 0.0))
        >>> curve.excitation.round(4).tolist()  # n_1 + (1 - n_1) exp(-gamma t)
        [1.0, 0.9246]
        """
        t = _shared.times_or_default(times, self)
        pair = _shared.probabilities(start)
        path = self._run_all(start, t) if pair is None else self._run_symmetric(pair, t)
        return _shared.curve(self, t, path, states=states)

    @property
    def _space(self) -> Symmetric:
        return symmetric(self.cells - 1)

    def _generator(self) -> Any:
        ratio = self.coupling / self.rate
        return self.rate * self._space.generator(ratio, *self.occupations)

    def _run_symmetric(self, pair: tuple[float, float], t: FloatArray) -> _shared.Path:
        space, generator = self._space, self._generator()
        path = propagate(generator, space.product(*pair), t).T
        return _shared.Path(
            begin=pair[0],
            excitation=space.battery @ path,
            slope=space.battery @ (generator @ path),
            ancillas=space.ancillas @ path,
            coherence=np.zeros(t.size, dtype=complex),
        )

    def _run_all(self, start: Any, t: FloatArray) -> _shared.Path:
        way_out = "start from two probabilities instead"
        _shared.at_most(_liouvillian.MOST_CELLS, self.cells, way_out)
        rho = _shared.density_matrix(start, self.cells)
        exchange = _shared.star_hamiltonian(self.cells, 0.0, self.coupling)
        return _liouvillian.evolve(exchange, self._jumps(), rho, t)

    def _jumps(self) -> list[Any]:
        n1, n2 = self.occupations
        jumps = []
        for i, lower in enumerate(lowering_of_each(self.cells)):
            n = n2 if i else n1
            jumps.append(np.sqrt(self.rate * (1 - n)) * lower)
            jumps.append(np.sqrt(self.rate * n) * lower.T)
        return jumps

    def _small_enough_for_qutip(self) -> None:
        way_out = "`charge` and `steady_state` need no operators"
        _shared.at_most(MOST_CELLS_QUTIP, self.cells, way_out)


def steady_excitation(
    cells: int,
    coupling: ArrayLike,
    battery_occupation: ArrayLike,
    ancilla_occupation: ArrayLike,
    *,
    rate: float = 1.0,
) -> FloatArray:
    """Return p_1 in the steady state for many parameter sets at once.

    Parameters
    ----------
    cells : int
        N >= 1, number of qubits with the battery.
    coupling, battery_occupation, ancilla_occupation : array_like
        J, n_1 and n_2 in [0, 1]; they broadcast as numpy arrays.
    rate : float
        gamma > 0, in the unit of J.

    Returns
    -------
    array
        p_1, of the broadcast shape. The ergotropy is 2 omega_0 max(0, 2 p_1 - 1).

    Raises
    ------
    ValueError
        For an occupation outside [0, 1], or a J that is not finite.
    AccuracyError
        Where J and gamma lie too far apart for double precision.

    Examples
    --------
    >>> steady_excitation(2, [0.0, 2.0], 0.0, 1.0, rate=4.0).tolist()
    [0.0, 0.25]
    """
    space = symmetric(integer("cells", cells, least=1) - 1)
    n1 = occupation("battery_occupation", battery_occupation)
    n2 = occupation("ancilla_occupation", ancilla_occupation)
    ratio = np.asarray(coupling, dtype=float) / real("rate", rate, above=0.0)
    require(bool(np.isfinite(ratio).all()), "coupling", "be finite", coupling)
    sets = np.broadcast_arrays(ratio, n1, n2)
    rest = space.stationary(*(each.ravel() for each in sets))
    return np.asarray((rest @ space.battery).reshape(sets[0].shape))
