"""What both star networks share: fields, operators on N qubits, charging curves.

An operator has dimension 2^N; the battery is the first qubit, and the excited state of
each qubit comes first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from qbcore._numerics.propagation import propagate
from qbcore._numerics.spins import lowering_of_each
from qbcore._support.checks import real, time_axis
from qbcore._support.models import as_qutip, at_most, check_fields
from qbcore._support.results import number
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import AccuracyError
from qbcore.star.results import QubitSteadyState, StarCharging

if TYPE_CHECKING:
    import qutip

T = TypeVar("T", bound=QubitSteadyState)
Number: TypeAlias = float | FloatArray
Start: TypeAlias = "ArrayLike | qutip.Qobj | None"
MOST_CELLS = 400  # of a star; one sparse system of 120 000 unknowns, for seconds
MOST_CELLS_OPERATORS = 10
NO_OPERATORS = "`steady_state` needs no operators"
PER_RADIAN = 5  # samples, which leave 1e-5 of the fastest oscillation in a peak
FEWEST_SAMPLES, MOST_SAMPLES = 401, 100_000
LOST = 1e-6  # of an excitation
MOST_NUMBERS = 2e7  # of one stretch of a run, 160 MB


@dataclass(frozen=True, kw_only=True)
class Network:
    """A battery qubit and N - 1 ancillas; each star tells its baths and its runs."""

    cells: int = 3
    splitting: float = 10.0
    coupling: float = 1.0
    rate: float = 1.0
    bath_frequency: float = 1.0
    temperature: float = 1.0
    potential: float = 1.0

    _fewest = 1

    def __post_init__(self) -> None:
        positive = "splitting", "rate", "temperature"
        check_fields(self, least={"cells": self._fewest}, positive=positive)
        self._few(MOST_CELLS, "`star.formulas` has the limit N -> infinity")
        real("2 * splitting", self.quantum)

    def _few(self, most: int, way_out: str) -> None:
        """Refuse a network that is too large for a method."""
        at_most(most, self.cells, "`cells`", way_out)

    @property
    def quantum(self) -> float:
        """Energy 2 omega_0 of one excitation.

        >>> from qbcore import StarBattery
        >>> StarBattery(splitting=0.5).quantum
        1.0
        """
        return 2 * self.splitting

    @property
    def capacity(self) -> float:
        """Largest energy above the ground state, 2 omega_0.

        >>> from qbcore import StarBattery
        >>> StarBattery(splitting=0.5).capacity
        1.0
        """
        return self.quantum

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """The battery is the first qubit.

        >>> from qbcore import StarBattery
        >>> StarBattery().battery_sites
        (0,)
        """
        return (0,)

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return omega_0 sigma_z of the battery alone, (2, 2).

        >>> from qbcore import StarBattery
        >>> StarBattery(splitting=0.5).battery_hamiltonian().diag()
        array([ 0.5, -0.5])
        """
        import qutip

        return self.splitting * qutip.sigmaz()

    def hamiltonian(self) -> qutip.Qobj:
        """Return H of Eq. (1) on N qubits, battery first; for N <= 10.

        >>> from qbcore import StarBattery
        >>> StarBattery(cells=2, splitting=0.5, coupling=2.0).hamiltonian().diag()
        array([ 1.,  0.,  0., -1.])
        """
        levels = sum(s.T @ s - s @ s.T for s in self._lowering())
        return self._as_qutip(self.splitting * levels + self._exchange())

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jumps of the master equation on N qubits; for N <= 10.

        >>> from qbcore import CommonBathStar
        >>> [jump.dims for jump in CommonBathStar(cells=2).collapse_operators()]
        [[[2, 2], [2, 2]], [[2, 2], [2, 2]]]
        """
        return [self._as_qutip(jump) for jump in self._jumps()]

    def initial_state(self) -> qutip.Qobj:
        """Return the ground state of all qubits; for N <= 10.

        >>> from qbcore import StarBattery
        >>> StarBattery(cells=2).initial_state().full().ravel().real
        array([0., 0., 0., 1.])
        """
        import qutip

        self._few(MOST_CELLS_OPERATORS, NO_OPERATORS)
        return qutip.tensor([qutip.basis(2, 1)] * self.cells)

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: Start = None,
        states: bool = False,
    ) -> StarCharging:
        """Return the exact charging curve.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times in units of 1/energy, not negative; the start is at t = 0.
            Without them, from 0 to 10/gamma, close enough together for the fastest
            phase.
        start : optional
            Two probabilities, that the battery and that each ancilla is excited, all
            independent and without coherence. Or, for N <= 6, a ket or density matrix
            of the N qubits, QuTiP or array, battery first: (2^N,) and (2^N, 1) are
            kets, (2^N, 2^N) is a density matrix. (`RosenZenerBattery` reads a flat
            array as probabilities.) Two numbers always mean probabilities, also for
            N = 1, where a ket is (2, 1). The ground state if not given.
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
            For more than six qubits in one common bath, or a ket or density matrix of
            more than six; and for more than 100 000 samples, if ``times`` is not given.
        AccuracyError
            For times so late, or a coupling so strong, that rounding costs 1e-6.

        Examples
        --------
        >>> from qbcore import StarBattery
        >>> star = StarBattery(cells=1, potential=3.0)
        >>> curve = star.charge([0.0, 1.0], start=(1.0, 0.0))
        >>> curve.excitation.round(4).tolist()  # n_1 + (1 - n_1) exp(-gamma t)
        [1.0, 0.9246]
        """
        t = self._default_times() if times is None else time_axis("times", times)
        # Read like the rest of the run, E(0) - E(0) is zero to the last digit.
        seen, coherence = self._run(start, np.union1d(0.0, t))
        begin = float(seen[0, 0])
        p, slope, ancillas = seen[:, -t.size :]
        c = coherence[-t.size :] * np.exp(-1j * self.quantum * t)
        rho = np.array([[p, c], [c.conj(), 1 - p]])
        return StarCharging(
            times=t,
            energy=self.quantum * (p - begin),
            power=self.quantum * slope,
            ergotropy=qubit_ergotropy(self.quantum, p, c),
            states=np.moveaxis(rho, -1, 0) if states else None,
            ceiling=self.quantum * (1 - begin),
            excitation=p,
            ancilla_excitation=ancillas / (self.cells - 1) if self.cells > 1 else None,
        )

    def _default_times(self) -> FloatArray:
        """Up to ten times 1/gamma, in which a star comes to rest; as dense as needed.

        Ancillas of total spin j <= (N - 1)/2 exchange with the battery at the
        frequencies 2 |J| sqrt((j - m)(j + m + 1)) <= |J| N, and N qubits in one bath
        decay at up to about N gamma each.
        """
        turns = self.cells * (abs(self.coupling) / self.rate + 1)
        samples = 10 * PER_RADIAN * turns
        way_out = "choose the stretch that you need with `times=`"
        at_most(MOST_SAMPLES, samples, "The number of default times", way_out)
        count = max(FEWEST_SAMPLES, math.ceil(samples))
        return np.linspace(0.0, 10 / self.rate, count)

    def _run(self, start: Start, t: FloatArray) -> tuple[FloatArray, ComplexArray]:
        """Run a start to times from 0 on.

        The first array, (3, T), holds the excitation of the battery, its slope, and the
        mean number of excited ancillas; the second, (T,), <e| rho |g> of the battery in
        the turning frame.
        """
        raise NotImplementedError

    def _jumps(self) -> list[sparse.sparray]:
        """Jump operators of the baths, real and sparse."""
        raise NotImplementedError

    def _bath(self, occupation: float, lower: sparse.sparray) -> list[sparse.sparray]:
        """Jumps of a Fermi bath that acts with one lowering operator."""
        loss, gain = self.rate * (1 - occupation), self.rate * occupation
        return [np.sqrt(loss) * lower, np.sqrt(gain) * lower.T]

    def _exchange(self) -> sparse.sparray:
        """H of Eq. (1) without splitting, sparse (2^N, 2^N)."""
        battery, *ancillas = self._lowering()
        hop = battery.T @ sum(ancillas, start=0 * battery)
        return self.coupling * (hop + hop.T)

    def _excitations(self) -> FloatArray:
        """Number of excited qubits in each of the 2^N basis states."""
        return sum(s.T @ s for s in self._lowering()).diagonal()

    def _lowering(self) -> list[sparse.sparray]:
        """sigma_- of each qubit, sparse (2^N, 2^N)."""
        self._few(MOST_CELLS_OPERATORS, NO_OPERATORS)
        return lowering_of_each(self.cells)

    def _as_qutip(self, operator: sparse.sparray | FloatArray) -> qutip.Qobj:
        return as_qutip(operator, [2] * self.cells)


def observe(
    generator: sparse.csr_array,
    start: FloatArray,
    times: FloatArray,
    readout: FloatArray,
) -> FloatArray:
    """Return ``readout`` (k, d) of exp(G t) start, shape (k, T), in bounded memory."""
    fastest = abs(generator).sum(axis=0).max()
    error = float(np.finfo(float).eps * fastest * times[-1])
    what = f"The error that rounding grows to by t = {times[-1]:g}"
    way_out = "ask for earlier `times`, or for the state at rest"
    at_most(LOST, error, what, way_out, AccuracyError)
    stretches = math.ceil(times.size * len(start) / MOST_NUMBERS)
    seen, state, now = [], start, 0.0
    for part in np.array_split(times, stretches):
        path = propagate(generator, state, part - now)
        state, now = path[-1], part[-1]
        seen.append(readout @ path.T)
    return np.concatenate(seen, axis=1)


def qubit_ergotropy(
    quantum: Number, excitation: Number, coherence: Number | ComplexArray = 0.0
) -> FloatArray:
    """quantum (p - smaller eigenvalue) of a qubit with levels ``quantum`` apart.

    The eigenvalues are (1 +- r)/2, r the length of the Bloch vector.
    """
    inversion = 2 * excitation - 1
    length = np.hypot(inversion, 2 * np.abs(coherence))
    return np.asarray(quantum * (inversion + length) / 2)


def at_rest(
    kind: type[T], quantum: Number, excitation: Number, **more: FloatArray
) -> T:
    """A `QubitSteadyState` or its kin, of arrays for many stars and floats for one."""
    found = {
        "energy": quantum * excitation,
        "ergotropy": qubit_ergotropy(quantum, excitation),
        "excitation": excitation,
        **more,
    }
    populations = np.stack([excitation, 1 - excitation], axis=-1)
    state = populations[..., None] * np.eye(2, dtype=complex)
    return kind(state=state, **{name: number(x) for name, x in found.items()})
