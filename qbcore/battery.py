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
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from qbcore import metrics
from qbcore._support.checks import integer, real, require, time_axis
from qbcore._support.models import at_most
from qbcore._support.progress import progress
from qbcore._support.states import (
    TOLERANCE,
    are_kets,
    checked_states,
    hermitian,
    require_space,
)
from qbcore._support.types import FloatArray, Operator, States
from qbcore.charging import Charging, SteadyState
from qbcore.errors import AccuracyError, LeakingCutoffError

if TYPE_CHECKING:
    import qutip

Generator: TypeAlias = "qutip.Qobj | qutip.QobjEvo"  # constant, or a function of time

PHASE = 0.4  # by which the fastest phase turns from one sample of ours to the next
MOST_SAMPLES = 50_000  # of a run whose times the caller did not choose
WAY_OUT = "charge for a shorter time, or check that H is finite and Hermitian"


class Battery(Protocol):
    """What a battery offers; the six models of `qbcore` do, and so may yours.

    Examples
    --------
    >>> from qbcore import StarBattery
    >>> battery: Battery = StarBattery(cells=2)
    >>> 0 < battery.steady_state().energy < battery.capacity
    True
    """

    @property
    def quantum(self) -> float:
        """Energy of one quantum: of one excited atom, one flipped qubit, one boson.

        Examples
        --------
        >>> from qbcore import RosenZenerBattery
        >>> RosenZenerBattery(atoms=3).quantum
        1.0
        """

    @property
    def capacity(self) -> float:
        """Largest energy that fits into the empty battery; infinite for a boson.

        Examples
        --------
        >>> from qbcore import NonreciprocalBattery, RosenZenerBattery
        >>> RosenZenerBattery(atoms=3).capacity, NonreciprocalBattery().capacity
        (3.0, inf)
        """

    @property
    def battery_sites(self) -> tuple[int, ...]:
        """Subsystems of `hamiltonian()` that make up the battery, not its charger.

        Examples
        --------
        >>> from qbcore import NonreciprocalBattery
        >>> NonreciprocalBattery().battery_sites  # the charger is mode 0
        (1,)
        """

    def charge(
        self,
        times: ArrayLike | None = None,
        *,
        start: States | None = None,
        states: bool = False,
    ) -> Charging:
        """Return the charging curve.

        Parameters
        ----------
        times : (T,) array_like, optional
            Increasing times, not negative; if not given, as many as show the curve.
        start : state, optional
            Where it starts, in a form that the model names; the empty battery if not
            given.
        states : bool
            Also keep the battery's states.

        Returns
        -------
        Charging

        Examples
        --------
        >>> from qbcore import NonreciprocalBattery
        >>> curve = NonreciprocalBattery().charge([0.0, 0.5, 1.0])
        >>> curve.energy.shape
        (3,)
        """

    def steady_state(self) -> SteadyState:
        """Return the battery at rest, or raise a named error of `qbcore.errors`.

        Returns
        -------
        SteadyState

        Examples
        --------
        >>> from qbcore import StarBattery
        >>> rest = StarBattery(cells=2).steady_state()
        >>> rest.ergotropy <= rest.energy
        True
        """

    def initial_state(self) -> qutip.Qobj:
        """Return the default start on the space of `hamiltonian()`.

        Returns
        -------
        Qobj
            A ket or a density matrix.

        Examples
        --------
        >>> from qbcore import RosenZenerBattery
        >>> RosenZenerBattery(atoms=3).initial_state().shape
        (4, 1)
        """

    def hamiltonian(self) -> Generator:
        """Return the Hamiltonian of battery and charger.

        Returns
        -------
        Qobj or QobjEvo
            The latter where it depends on time.

        Examples
        --------
        >>> from qbcore import StarBattery
        >>> StarBattery(cells=2).hamiltonian().isherm
        True
        """

    def battery_hamiltonian(self) -> qutip.Qobj:
        """Return the battery's own Hamiltonian, on the battery alone.

        Returns
        -------
        Qobj

        Examples
        --------
        >>> from qbcore import RosenZenerBattery
        >>> RosenZenerBattery(atoms=1).battery_hamiltonian().diag()
        array([ 0.5, -0.5])
        """

    def collapse_operators(self) -> list[qutip.Qobj]:
        """Return the jump operators of the baths, none for a closed battery.

        Returns
        -------
        list of Qobj

        Examples
        --------
        >>> from qbcore import RosenZenerBattery
        >>> RosenZenerBattery().collapse_operators()
        []
        """


def charge(
    hamiltonian: Generator,
    battery_hamiltonian: Operator,
    start: States,
    times: ArrayLike | None = None,
    *,
    collapse_operators: Generator | Sequence[Generator] = (),
    battery_sites: int | Sequence[int] | None = None,
    modes: int | Sequence[int] = (),
    leak: float = 1e-6,
    states: bool = False,
) -> Charging:
    """Charge any battery whose Hamiltonian is a QuTiP object.

    Parameters
    ----------
    hamiltonian : Qobj or QobjEvo
        H of battery and charger, constant or time-dependent, such as
        ``qutip.QobjEvo([H_0, [V, f]])`` for H_0 + f(t) V.
    battery_hamiltonian : Qobj or array_like
        H_B of the battery: on the whole space, or on the subsystems ``battery_sites``
        alone.
    start : Qobj or array_like
        Ket or density matrix on the whole space, at time 0.
    times : (T,) array_like, optional
        Increasing times, not negative, closer together than a pulse of H is wide: no
        step of the solver is longer than their widest gap. If not given, for a constant
        H: four times as long as the start takes, at its first speed, to a state that
        can be told from it with certainty (Mandelstam and Tamm), sampled as the fastest
        phase needs. What is slower, such as a transition of second order, needs
        ``times``.
    collapse_operators : Qobj, QobjEvo or list of those
        Jump operators L_k of a Lindblad equation; none for a closed system.
    battery_sites : int or sequence of int, optional
        Subsystems that make up the battery, in increasing order; the whole space if
        not given.
    modes : int or sequence of int
        Subsystems that are oscillators cut off at some Fock level.
    leak : float
        Population that the two highest levels of a mode may hold at any moment of the
        run, between the ``times`` too.
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
    LeakingCutoffError
        If the highest levels of a mode hold more than ``leak``.
    TooLargeError
        If the fastest phase of H needs more than 50,000 samples.

    Examples
    --------
    >>> import qutip
    >>> qubit = qutip.sigmaz() / 2
    >>> curve = charge(qutip.sigmax() / 2, qubit, qutip.basis(2, 1))
    >>> round(curve.max_energy.time, 4)  # a Rabi flip takes pi
    3.1416
    """
    import qutip

    listed = isinstance(collapse_operators, list | tuple)
    jumps = list(collapse_operators) if listed else [collapse_operators]
    space = _checked_space(hamiltonian, jumps)
    # A ket or density matrix, the small defects of a solver repaired.
    array = checked_states("start", start, math.prod(space), space=space, single=True)
    state = qutip.Qobj(array, dims=[space, [1] if are_kets(array) else space])
    every = range(len(space)) if battery_sites is None else battery_sites
    sites = _checked_sites("battery_sites", every, space, least=1)
    own = [space[site] for site in sites]
    battery = _checked_battery(battery_hamiltonian, own)
    if times is None:
        t = _default_times(hamiltonian, state, jumps)
    else:
        t = time_axis("times", times)
    tops = _highest_levels(_checked_sites("modes", modes, space), space)
    real("leak", leak, above=0.0)
    grid = np.insert(t, 0, 0.0) if t[0] > 0 else t
    # QuTiP's tidying up would delete what is below 1e-12, SI units among it.
    with qutip.CoreOptions(auto_tidyup=False):
        looks = np.union1d(grid, _looks(hamiltonian, grid)) if tops else grid
        kept_at = np.isin(looks, grid)
        kets = []
        for ket, wanted in zip(
            _evolved(hamiltonian, state, looks, grid, jumps), kept_at, strict=True
        ):
            _refuse_leak(tops, ket, leak)
            kets += [ket] if wanted else []
        whole = qutip.expand_operator(battery, space, sites)
        slope = _slope(hamiltonian, whole, jumps)
        energy = np.real(qutip.expect(whole, kets))
        power = np.real([*map(slope.expect, grid, kets)])
        parts = kets if own == space else [ket.ptrace(sites) for ket in kets]
    kept = np.array([part.full() for part in parts])[-t.size :]
    highest = np.linalg.eigvalsh(battery.full())[-1]
    return Charging(
        times=t,
        energy=energy[-t.size :] - energy[0],
        power=power[-t.size :],
        ergotropy=np.asarray(metrics.ergotropy(kept, battery)),
        states=kept if states else None,
        ceiling=float(highest - energy[0]),
    )


def _checked_space(hamiltonian: Generator, jumps: list[Generator]) -> list[int]:
    """Dimensions of the subsystems, if all operators agree on them."""
    import qutip

    operators = [("hamiltonian", hamiltonian)]
    operators += [("collapse_operators", each) for each in jumps]
    for name, each in operators:
        known = isinstance(each, qutip.Qobj | qutip.QobjEvo) and each.isoper
        must = "be an operator, Qobj or QobjEvo: make one of a list or a function"
        require(known, name, must, each)
        space = hamiltonian.dims[0]
        require(each.dims == [space] * 2, name, f"act on the space {space}", each.dims)
        size = qutip.QobjEvo(each)(0).norm("fro")
        require(math.isfinite(size), name, "be finite", size)
    return list(space)


def _checked_sites(
    name: str, sites: int | Sequence[int], space: list[int], least: int = 0
) -> list[int]:
    """Numbers of subsystems of the space, in increasing order."""
    numbers = [integer(name, site, least=0) for site in np.atleast_1d(sites)]
    known = numbers == sorted({*numbers} & {*range(len(space))})
    must = f"be increasing numbers of subsystems of the space {space}"
    require(known and len(numbers) >= least, name, must, sites)
    return numbers


def _checked_battery(operator: Operator, own: list[int]) -> qutip.Qobj:
    """H_B, if it is an operator on the battery's subsystems."""
    import qutip

    array, space = hermitian("battery_hamiltonian", operator)
    require_space("battery_hamiltonian", space, own)
    size = math.prod(own)
    must = f"have shape {(size, size)}"
    require(array.shape == (size, size), "battery_hamiltonian", must, array.shape)
    same = isinstance(operator, qutip.Qobj)  # and sparse, if it is
    return operator if same else qutip.Qobj(array, dims=[own, own])


def _width(h: Generator, at: float) -> float:
    """Bound of the distance between two levels of H at one time."""
    import qutip

    now = qutip.QobjEvo(h)(at)
    return 2 * float((now - now.tr() / now.shape[0]).norm("one"))


def _looks(h: Generator, grid: FloatArray) -> FloatArray:
    """Times between which no phase of H turns far; H is looked at a hundred times."""
    span = np.linspace(grid[0], grid[-1], 100)
    width = max(_width(h, at) for at in span)
    steps = math.ceil((grid[-1] - grid[0]) * width / PHASE)
    way_out = "charge for a shorter time, or declare no `modes=`"
    at_most(MOST_SAMPLES, steps, "The number of looks at the modes", way_out)
    return np.linspace(grid[0], grid[-1], 1 + steps)


def _default_times(
    h: Generator, start: qutip.Qobj, jumps: list[Generator]
) -> FloatArray:
    """Four Mandelstam-Tamm times of the start, as many as the fastest phase needs."""
    import qutip

    operators = [qutip.QobjEvo(each) for each in (h, *jumps)]
    must = "be given where an operator depends on time"
    require(all(each.isconstant for each in operators), "times", must, None)
    k, *constant = [each(0.0) for each in operators]
    rho = _rho(start)
    change = 1j * (rho * k - k * rho)
    for c in constant:
        gain = c.dag() * c
        change = change + c * rho * c.dag() - (gain * rho + rho * gain) / 2
    rate = float(change.norm("fro")) / math.sqrt(2)  # for a ket, the spread of H
    width = max(_width(h, 0.0), rate)
    must = "be given where the start is at rest"
    require(rate > np.finfo(float).eps * width, "times", must, None)
    duration = 2 * math.pi / rate
    steps = max(200, math.ceil(duration * width / PHASE))
    at_most(MOST_SAMPLES, steps, "The number of samples", "pass `times=`")
    return np.linspace(0.0, duration, 1 + steps)


def _rho(state: qutip.Qobj) -> qutip.Qobj:
    return state.proj() if state.isket else state


def _highest_levels(sites: list[int], space: list[int]) -> list[tuple[int, qutip.Qobj]]:
    """Each mode with the projector on its two highest levels."""
    import qutip

    tops = []
    for site in sites:
        n = space[site]
        highest = np.arange(n) >= max(n - 2, 1)
        top = qutip.Qobj(np.diag(highest.astype(complex)))
        tops.append((site, qutip.expand_operator(top, space, site)))
    return tops


def _refuse_leak(
    tops: list[tuple[int, qutip.Qobj]], state: qutip.Qobj, allowed: float
) -> None:
    """Raise a named error where the highest levels of a mode are populated."""
    import qutip

    for site, top in tops:
        found = float(np.real(qutip.expect(top, state)))
        what = f"The population of the two highest levels of mode {site}"
        way_out = "give it more levels, or allow more `leak`"
        at_most(allowed, found, what, way_out, LeakingCutoffError)


def _evolved(
    h: Generator,
    start: qutip.Qobj,
    looks: FloatArray,
    grid: FloatArray,
    jumps: list[Generator],
) -> Iterator[qutip.Qobj]:
    """States at each look; no step leaps over a pulse as wide as a gap of the grid."""
    import qutip

    options = {
        "rtol": 1e-10,
        "atol": 1e-12,
        "nsteps": 10**6,
        "max_step": float(np.diff(grid).max(initial=0.0)),
        "normalize_output": False,
    }
    if start.isket and not jumps:
        solver = qutip.SESolver(h, options=options)
    else:
        start, solver = _rho(start), qutip.MESolver(h, jumps, options=options)
    one = qutip.qeye(start.dims[0])
    solver.start(start, looks[0])
    yield start
    for at in progress(looks[1:], "charging", len(looks) - 1):
        try:
            state = solver.step(at)
        except qutip.IntegratorException as error:
            message = f"The solver gave up before t = {at:g}, {error}: {WAY_OUT}."
            raise AccuracyError(message, found=math.inf, limit=TOLERANCE) from error
        norm = np.real(qutip.expect(one, state))
        lost = abs(float(norm) - 1)
        what = f"The norm that the solver lost by t = {at:g}"
        at_most(TOLERANCE, lost, what, WAY_OUT, AccuracyError)
        yield state


def _slope(h: Generator, battery: qutip.Qobj, jumps: list[Generator]) -> qutip.QobjEvo:
    """The Heisenberg derivative of the battery's energy."""
    import qutip

    slope = 1j * (h * battery - battery * h)
    for c in jumps:
        gain = c.dag() * c
        slope = slope + c.dag() * battery * c - (gain * battery + battery * gain) / 2
    return qutip.QobjEvo(slope)
