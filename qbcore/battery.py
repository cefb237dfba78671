"""The contract that every battery keeps, and `charge` for any Hamiltonian.

A battery is any object with the members of `Battery`: there is no base class to inherit and no
registry to enter. `qbook.check_contract` tries a battery against the contract, rule by rule.

Conventions: hbar = 1. Energies, ergotropy included, are in the unit of energy of the model, times in
its inverse. A quantity of a battery is a property; a method runs a dynamics, solves for a state or
builds a QuTiP object. Bases are ordered as QuTiP orders them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from qbcore import metrics
from qbcore._support.checks import require, time_axis
from qbcore.charging import Charging, SteadyState

if TYPE_CHECKING:
    import qutip


class Battery(Protocol):
    """What a battery offers; the six models of `qbcore` do, and so may yours."""

    @property
    def quantum(self) -> float:
        """Energy of one quantum: of one excited atom, one flipped qubit, one boson."""

    @property
    def capacity(self) -> float:
        """Largest energy the battery can store from empty; infinite for an oscillator."""

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """Subsystems of `hamiltonian()` that make up the battery; the rest is its charger."""

    def charge(self, times: ArrayLike | None = None, *, start: Any = None, states: bool = False) -> Charging:
        """Return the charging curve, from the empty battery if no ``start`` is given."""

    def steady_state(self) -> SteadyState:
        """Return the battery at rest, or raise a named error of `qbcore.errors`."""

    def initial_state(self) -> qutip.Qobj:
        """Return the default start on the space of `hamiltonian()`."""

    def hamiltonian(self) -> qutip.Qobj | qutip.QobjEvo:
        """Return the Hamiltonian of battery and charger."""

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return the battery's own Hamiltonian, on the battery alone."""

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jump operators of the baths; an empty list for a closed battery."""


def charge(
    hamiltonian: qutip.Qobj | qutip.QobjEvo,
    battery_hamiltonian: qutip.Qobj,
    start: qutip.Qobj,
    times: ArrayLike,
    *,
    collapse_operators: Sequence[qutip.Qobj] = (),
    battery_sites: Sequence[int] | None = None,
    states: bool = False,
) -> Charging:
    """Charge any battery whose Hamiltonian is a QuTiP object.

    Parameters
    ----------
    hamiltonian : Qobj or QobjEvo
        H of battery and charger, constant or time-dependent.
    battery_hamiltonian : Qobj
        H_B of the battery: on the whole space, or on the subsystems ``battery_sites`` alone.
    start : Qobj
        Ket or density matrix on the whole space, at time 0.
    times : (T,) array_like
        Increasing times, not negative.
    collapse_operators : sequence of Qobj
        Jump operators L_k of a Lindblad equation; none for a closed system.
    battery_sites : sequence of int, optional
        Subsystems that make up the battery; the whole space if not given.
    states : bool
        Also keep the battery's states.

    Returns
    -------
    Charging
        Its power is exact: dE/dt = <i [H, H_B] + sum_k (L_k^+ H_B L_k - {L_k^+ L_k, H_B}/2)>.

    Raises
    ------
    ValueError
        For times that do not increase, a start that is not a state of the space of H, or a
        ``battery_hamiltonian`` that does not fit its sites.

    Examples
    --------
    >>> import qutip
    >>> qubit = qutip.sigmaz() / 2
    >>> curve = charge(qutip.sigmax() / 2, qubit, qutip.basis(2, 1), np.linspace(0, 4, 81))
    >>> round(curve.max_energy.time, 4)  # a Rabi flip takes pi
    3.1416
    """
    import qutip

    t = time_axis("times", times)
    _check_start(start, hamiltonian.dims[0])
    sites = None if battery_sites is None else list(battery_sites)
    whole = battery_hamiltonian if sites is None else _embedded(battery_hamiltonian, start, sites)
    grid = np.insert(t, 0, 0.0) if t[0] > 0 else t
    solve = qutip.mesolve if collapse_operators or start.isoper else qutip.sesolve
    jumps = {"c_ops": list(collapse_operators)} if solve is qutip.mesolve else {}
    options = {"rtol": 1e-10, "atol": 1e-12, "nsteps": 10**6, "progress_bar": "", "normalize_output": False}
    kets = solve(hamiltonian, start, grid, **jumps, options=options).states
    slope = _slope(hamiltonian, whole, collapse_operators)
    energy = np.real([qutip.expect(whole, ket) for ket in kets])
    power = np.real([slope.expect(at, ket) for at, ket in zip(grid, kets, strict=True)])
    parts = [ket if sites is None else ket.ptrace(sites) for ket in kets]
    kept = np.array([part.full() for part in parts])[-t.size :]
    return Charging(
        times=t,
        energy=energy[-t.size :] - energy[0],
        power=power[-t.size :],
        ergotropy=metrics.ergotropy(kept, battery_hamiltonian),
        states=kept if states else None,
    )


def _check_start(start: Any, space: list[int]) -> None:
    fits = getattr(start, "isket", False) or getattr(start, "isoper", False)
    allowed = f"be a QuTiP ket or density matrix on the space {space}"
    require(fits and start.dims[0] == space, "start", allowed, getattr(start, "dims", start))
    metrics.von_neumann_entropy(start)  # refuses what is no state


def _embedded(operator: qutip.Qobj, start: qutip.Qobj, sites: list[int]) -> qutip.Qobj:
    """The battery's operator on the whole space, the identity elsewhere."""
    import qutip

    return qutip.expand_operator(operator, start.dims[0], sites)


def _slope(h: Any, battery: qutip.Qobj, jumps: Sequence[qutip.Qobj]) -> qutip.QobjEvo:
    """The Heisenberg derivative of the battery's energy."""
    import qutip

    slope = 1j * (h * battery - battery * h)
    for c in jumps:
        gain = c.dag() * c
        slope = slope + c.dag() * battery * c - (gain * battery + battery * gain) / 2
    return qutip.QobjEvo(slope)
