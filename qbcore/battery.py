"""The contract that every battery keeps, and `charge` for any Hamiltonian.

A battery is any object with the members of `Battery`: there is no base class to inherit
and no registry to enter. `qbook.check_contract` tries a battery against the contract,
rule by rule.

Conventions: hbar = 1. Energies, ergotropy included, are in the unit of energy of the
model, times in its inverse. A quantity of a battery is a property; a method runs a
dynamics, solves for a state or builds a QuTiP object. Bases are ordered as QuTiP orders
them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from qbcore import metrics
from qbcore._support.checks import integer, require, time_axis
from qbcore._support.states import TOLERANCE, are_kets, checked_states, hermitian
from qbcore._support.types import FloatArray
from qbcore.charging import Charging, SteadyState
from qbcore.errors import AccuracyError

if TYPE_CHECKING:
    import qutip

WAY_OUT = "Charge for a shorter time, or check that H is finite and Hermitian."


class Battery(Protocol):
    """What a battery offers; the six models of `qbcore` do, and so may yours."""

    @property
    def quantum(self) -> float:
        """Energy of one quantum: of one excited atom, one flipped qubit, one boson."""

    @property
    def capacity(self) -> float:
        """Largest energy that fits into the empty battery; infinite for a boson."""

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """Subsystems of `hamiltonian()` that make up the battery, not its charger."""

    def charge(
        self, times: ArrayLike | None = None, *, start: Any = None, states: bool = False
    ) -> Charging:
        """Return the charging curve, from the empty battery without a ``start``."""

    def steady_state(self) -> SteadyState:
        """Return the battery at rest, or raise a named error of `qbcore.errors`."""

    def initial_state(self) -> qutip.Qobj:
        """Return the default start on the space of `hamiltonian()`."""

    def hamiltonian(self) -> qutip.Qobj | qutip.QobjEvo:
        """Return the Hamiltonian of battery and charger."""

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return the battery's own Hamiltonian, on the battery alone."""

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jump operators of the baths, none for a closed battery."""


def charge(
    hamiltonian: qutip.Qobj | qutip.QobjEvo,
    battery_hamiltonian: qutip.Qobj,
    start: Any,
    times: ArrayLike,
    *,
    collapse_operators: Any = (),
    battery_sites: int | Sequence[int] | None = None,
    states: bool = False,
) -> Charging:
    """Charge any battery whose Hamiltonian is a QuTiP object.

    Parameters
    ----------
    hamiltonian : Qobj or QobjEvo
        H of battery and charger, constant or time-dependent.
    battery_hamiltonian : Qobj
        H_B of the battery: on the whole space, or on the subsystems ``battery_sites``
        alone.
    start : Qobj or array_like
        Ket or density matrix on the whole space, at time 0.
    times : (T,) array_like
        Increasing times, not negative, closer together than a pulse of H is wide: no
        step of the solver is longer than their widest gap.
    collapse_operators : Qobj, QobjEvo or list of those
        Jump operators L_k of a Lindblad equation; none for a closed system.
    battery_sites : int or sequence of int, optional
        Subsystems that make up the battery, in increasing order; the whole space if
        not given.
    states : bool
        Also keep the battery's states.

    Returns
    -------
    Charging
        Its power is exact:
        dE/dt = <i [H, H_B] + sum_k (L_k^+ H_B L_k - {L_k^+ L_k, H_B}/2)>.

    Raises
    ------
    ValueError
        For times that do not increase, a start that is not a state of the space of H,
        or a ``battery_hamiltonian`` that does not fit its sites.
    AccuracyError
        If the solver loses more than 1e-6 of the norm.

    Examples
    --------
    >>> import qutip
    >>> qubit = qutip.sigmaz() / 2
    >>> times = np.linspace(0, 4, 81)
    >>> curve = charge(qutip.sigmax() / 2, qubit, qutip.basis(2, 1), times)
    >>> round(curve.max_energy.time, 4)  # a Rabi flip takes pi
    3.1416
    """
    import qutip

    t = time_axis("times", times)
    listed = isinstance(collapse_operators, list | tuple)
    jumps = list(collapse_operators) if listed else [collapse_operators]
    space = _checked_space(hamiltonian, jumps)
    # A ket or density matrix, the small defects of a solver repaired.
    array = checked_states("start", start, math.prod(space), space=space, single=True)
    state = qutip.Qobj(array, dims=[space, [1] if are_kets(array) else space])
    sites = _checked_sites(battery_sites, space)
    own = [space[site] for site in sites]
    levels = _levels(battery_hamiltonian, own)
    grid = np.insert(t, 0, 0.0) if t[0] > 0 else t
    # QuTiP's tidying up would delete what is below 1e-12, SI units among it.
    with qutip.CoreOptions(auto_tidyup=False):
        kets = _evolved(hamiltonian, state, grid, jumps)
        whole = qutip.expand_operator(battery_hamiltonian, space, sites)
        slope = _slope(hamiltonian, whole, jumps)
        energy = np.real(qutip.expect(whole, kets))
        pairs = zip(grid, kets, strict=True)
        power = np.real([slope.expect(at, ket) for at, ket in pairs])
        parts = kets if own == space else [ket.ptrace(sites) for ket in kets]
    kept = np.array([part.full() for part in parts])[-t.size :]
    return Charging(
        times=t,
        energy=energy[-t.size :] - energy[0],
        power=power[-t.size :],
        ergotropy=metrics.ergotropy(kept, battery_hamiltonian),
        states=kept if states else None,
        ceiling=float(levels[-1] - energy[0]),
    )


def _checked_space(hamiltonian: Any, jumps: list[Any]) -> list[int]:
    """Dimensions of the subsystems, if all operators agree on them."""
    import qutip

    operators = [("hamiltonian", hamiltonian)]
    operators += [("collapse_operators", each) for each in jumps]
    for name, each in operators:
        known = isinstance(each, qutip.Qobj | qutip.QobjEvo) and each.isoper
        require(known, name, "be an operator, Qobj or QobjEvo", each)
        space = hamiltonian.dims[0]
        require(each.dims == [space] * 2, name, f"act on the space {space}", each.dims)
        size = qutip.QobjEvo(each)(0).norm("fro")
        require(math.isfinite(size), name, "be finite", size)
    return list(space)


def _checked_sites(sites: Any, space: list[int]) -> list[int]:
    """Numbers of the battery's subsystems, all of them for None."""
    every = range(len(space))
    given = every if sites is None else np.atleast_1d(sites)
    numbers = [integer("battery_sites", site, least=0) for site in given]
    fits = len(numbers) > 0 and numbers == sorted({*numbers} & {*every})
    must = f"be increasing numbers of subsystems of the space {space}"
    require(fits, "battery_sites", must, sites)
    return numbers


def _levels(operator: Any, own: list[int]) -> FloatArray:
    """Energies of the battery, if H_B is an operator on its subsystems."""
    import qutip

    found = operator.dims if isinstance(operator, qutip.Qobj) else type(operator)
    must = f"be a Qobj on the battery's space {own}"
    require(found == [own, own], "battery_hamiltonian", must, found)
    return np.linalg.eigvalsh(hermitian("battery_hamiltonian", operator)[0])


def _evolved(
    h: Any, start: qutip.Qobj, grid: FloatArray, jumps: list[Any]
) -> list[qutip.Qobj]:
    """States at the times of the grid; no step leaps over a pulse as wide as a gap."""
    import qutip

    options = {
        "rtol": 1e-10,
        "atol": 1e-12,
        "nsteps": 10**6,
        "max_step": float(np.diff(grid).max(initial=0.0)),
        "normalize_output": False,
        "progress_bar": "",
    }
    # Without jumps, a ket stays one: QuTiP hands it on to `sesolve`.
    try:
        run = qutip.mesolve(h, start, grid, c_ops=jumps, options=options)
    except qutip.IntegratorException as error:
        message = f"The solver gave up before t = {grid[-1]:g}: {error} {WAY_OUT}"
        raise AccuracyError(message, found=math.inf, limit=TOLERANCE) from error
    states: list[qutip.Qobj] = run.states
    norms = qutip.expect(qutip.qeye(start.dims[0]), states)
    lost = float(np.abs(norms - 1).max())
    if lost > TOLERANCE:
        lost_by = f"The solver lost {lost:.3g} of the norm by t = {grid[-1]:g}"
        message = f"{lost_by}, and {TOLERANCE:g} may be lost. {WAY_OUT}"
        raise AccuracyError(message, found=lost, limit=TOLERANCE)
    return states


def _slope(h: Any, battery: qutip.Qobj, jumps: list[Any]) -> qutip.QobjEvo:
    """The Heisenberg derivative of the battery's energy."""
    import qutip

    slope = 1j * (h * battery - battery * h)
    for c in jumps:
        gain = c.dag() * c
        slope = slope + c.dag() * battery * c - (gain * battery + battery * gain) / 2
    return qutip.QobjEvo(slope)
