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
from qbcore._support.types import FloatArray
from qbcore.charging import Charging, SteadyState
from qbcore.errors import AccuracyError

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

    def charge(
        self, times: ArrayLike | None = None, *, start: Any = None, states: bool = False
    ) -> Charging:
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
        Increasing times, not negative, closer together than a pulse of H is wide: no step
        of the solver is longer than their widest gap.
    collapse_operators : sequence of Qobj
        Jump operators L_k of a Lindblad equation; none for a closed system.
    battery_sites : sequence of int, optional
        Subsystems that make up the battery, in increasing order; the whole space if not given.
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
    AccuracyError
        If the solver loses more than 1e-6 of the norm.

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
    space = _checked_space(hamiltonian, start, collapse_operators)
    sites = list(range(len(space))) if battery_sites is None else list(battery_sites)
    whole = _embedded(battery_hamiltonian, space, sites)
    grid = np.insert(t, 0, 0.0) if t[0] > 0 else t
    kets = _evolved(hamiltonian, start, grid, list(collapse_operators))
    slope = _slope(hamiltonian, whole, collapse_operators)
    energy = np.real([qutip.expect(whole, ket) for ket in kets])
    power = np.real([slope.expect(at, ket) for at, ket in zip(grid, kets, strict=True)])
    parts = kets if len(sites) == len(space) else [ket.ptrace(sites) for ket in kets]
    kept = np.array([part.full() for part in parts])[-t.size :]
    return Charging(
        times=t,
        energy=energy[-t.size :] - energy[0],
        power=power[-t.size :],
        ergotropy=metrics.ergotropy(kept, battery_hamiltonian),
        states=kept if states else None,
    )


def _checked_space(hamiltonian: Any, start: Any, jumps: Sequence[Any]) -> list[int]:
    """Dimensions of the subsystems, if all operators and the start agree on them."""
    import qutip

    kinds = (qutip.Qobj, qutip.QobjEvo)
    require(
        isinstance(hamiltonian, kinds),
        "hamiltonian",
        "be a Qobj or QobjEvo",
        hamiltonian,
    )
    space = hamiltonian.dims[0]
    listed = isinstance(jumps, list | tuple) and all(
        isinstance(c, kinds) for c in jumps
    )
    require(listed, "collapse_operators", "be a list of Qobj", jumps)
    fits = all(c.dims == hamiltonian.dims for c in jumps)
    require(
        fits, "collapse_operators", f"act on the space {space}", [c.dims for c in jumps]
    )
    state = isinstance(start, qutip.Qobj) and (start.isket or start.isoper)
    allowed = f"be a QuTiP ket or density matrix on the space {space}"
    found = getattr(start, "dims", start)
    require(state and start.dims[0] == space, "start", allowed, found)
    lost = abs(start.norm() ** (2 if start.isket else 1) - 1)
    require(lost <= metrics.TOLERANCE, "start", "be normalised", f"off by {lost:.3g}")
    metrics.von_neumann_entropy(
        start
    )  # refuses what is Hermitian and positive in no basis
    return list(space)


def _embedded(operator: Any, space: list[int], sites: list[int]) -> qutip.Qobj:
    """The battery's operator on the whole space, the identity elsewhere."""
    import qutip

    inside = sites == sorted(set(sites)) and set(sites) <= set(range(len(space)))
    allowed = f"be increasing numbers of subsystems of the space {space}"
    require(bool(sites) and inside, "battery_sites", allowed, sites)
    own = [space[site] for site in sites]
    fits = isinstance(operator, qutip.Qobj) and operator.dims == [own, own]
    allowed = f"be a Qobj on the battery's space {own}"
    found = getattr(operator, "dims", operator)
    require(fits, "battery_hamiltonian", allowed, found)
    if len(sites) == len(space):
        return operator
    return qutip.expand_operator(operator, space, sites)


def _evolved(
    h: Any, start: qutip.Qobj, grid: FloatArray, jumps: list[Any]
) -> list[qutip.Qobj]:
    """States at all times of the grid; a pulse wider than its gaps is not stepped over."""
    import qutip

    options = {"rtol": 1e-10, "atol": 1e-12, "nsteps": 10**6, "progress_bar": ""}
    options |= {
        "normalize_output": False,
        "max_step": float(np.diff(grid).max(initial=0.0)),
    }
    if jumps or start.isoper:
        run = qutip.mesolve(h, start, grid, c_ops=jumps, options=options)
    else:
        run = qutip.sesolve(h, start, grid, options=options)
    states: list[qutip.Qobj] = run.states
    last = states[-1]
    lost = abs((last.norm() ** 2 if last.isket else last.tr().real) - 1)
    if lost > metrics.TOLERANCE:
        message = (
            f"The solver lost {lost:.3g} of the norm by t = {grid[-1]:g}, {metrics.TOLERANCE:g} may be "
            "lost: charge for a shorter time, or check that H is Hermitian."
        )
        raise AccuracyError(message, found=float(lost), limit=metrics.TOLERANCE)
    return states


def _slope(h: Any, battery: qutip.Qobj, jumps: Sequence[qutip.Qobj]) -> qutip.QobjEvo:
    """The Heisenberg derivative of the battery's energy."""
    import qutip

    slope = 1j * (h * battery - battery * h)
    for c in jumps:
        gain = c.dag() * c
        slope = slope + c.dag() * battery * c - (gain * battery + battery * gain) / 2
    return qutip.QobjEvo(slope)
