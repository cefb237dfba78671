"""The rules of the contract that `qbcore.battery.Battery` states, one function each."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from qbcore import metrics
from qbcore.battery import Battery, charge
from qbcore.charging import Charging, SteadyState
from qbcore.errors import BatteryError

MOST_STATES = {"closed": 400, "open": 60}  # what QuTiP solves in seconds
SOLVER = 1e-6  # of one quantum: what QuTiP loses at the tolerances used here


def check_contract(battery: Battery) -> None:
    """Try a battery against every rule of the contract.

    Parameters
    ----------
    battery : Battery
        An instance with parameters for which `charge()` takes seconds at most. The rule
        that solves it again with QuTiP is left out above 400 states (a closed system)
        or 60 (an open one).

    Raises
    ------
    AssertionError
        With the rule that is broken, and the numbers.

    Examples
    --------
    >>> from qbcore import RosenZenerBattery
    >>> check_contract(RosenZenerBattery(atoms=2))
    """
    _is_frozen_and_keyword_only(battery)
    curve = battery.charge(states=True)
    _stores_something_worth_looking_at(battery, curve)
    _stays_within_its_capacity(battery, curve)
    _has_power_as_slope(battery, curve)
    _agrees_with_its_states(battery, curve)
    _returns_results_of_one_form(battery, curve)
    _charges_alike_without_states(battery, curve)
    _has_operators_that_fit(battery)
    _rests_or_says_why_not(battery)
    _agrees_with_qutip(battery, curve)


def _is_frozen_and_keyword_only(battery: Battery) -> None:
    assert is_dataclass(battery), "a battery is a dataclass"
    assert battery.__dataclass_params__.frozen, "a battery is frozen"
    assert all(field.kw_only for field in fields(battery)), (
        "all fields are keyword-only"
    )


def _stores_something_worth_looking_at(battery: Battery, curve: Charging) -> None:
    assert curve.times.size >= 2
    stored = curve.max_energy.value
    assert stored > 1e-3 * battery.quantum, f"charge() stores {stored} only"


def _stays_within_its_capacity(battery: Battery, curve: Charging) -> None:
    slack = SOLVER * battery.quantum
    low, high = curve.energy.min(), curve.energy.max()
    h, sites = battery.battery_hamiltonian(), list(battery.battery_sites)
    # Zero, unless attraction puts other states below the empty one.
    below = metrics.stored_energy(battery.initial_state().ptrace(sites), h)
    assert low >= -below - slack, f"from empty the energy falls to {low}"
    assert high <= battery.capacity + slack, (
        f"{high} is above the capacity {battery.capacity}"
    )
    peak = curve.max_energy.value
    assert peak <= battery.capacity + slack, f"the peak {peak} is above the capacity"


def _has_power_as_slope(battery: Battery, curve: Charging) -> None:
    """The integral of the power is the energy, to the error that half of it shows."""

    def error(step: int) -> float:
        t, e, p = (x[::step] for x in (curve.times, curve.energy, curve.power))
        work = CubicSpline(t, p).antiderivative()
        return float(np.abs(work(t) - work(t[0]) - e + e[0]).max())

    slack = SOLVER * battery.quantum
    # Fourth order: doubling the samples leaves a sixteenth; an eighth allows for the
    # ends.
    assert error(1) <= error(2) / 8 + slack, "the power is not the slope of the energy"


def _agrees_with_its_states(battery: Battery, curve: Charging) -> None:
    h, slack = battery.battery_hamiltonian(), SOLVER * battery.quantum
    assert curve.states is not None
    stored = np.asarray(metrics.stored_energy(curve.states, h))
    gap = np.abs(stored - stored[0] - (curve.energy - curve.energy[0])).max()
    assert gap <= 10 * slack, f"energy differs from that of the states by {gap}"
    assert curve.ergotropy.min() >= 0
    # A model may know unitaries on more levels than its states show, so its own can be
    # larger.
    missing = (metrics.ergotropy(curve.states, h) - curve.ergotropy).max()
    assert missing <= 10 * slack, f"ergotropy is too small by {missing}"


def _returns_results_of_one_form(battery: Battery, curve: Charging) -> None:
    assert isinstance(curve, Charging)
    for field in fields(curve):
        value = getattr(curve, field.name)
        for array in value if isinstance(value, tuple) else (value,):
            assert not isinstance(array, np.ndarray) or not array.flags.writeable, (
                field.name
            )
    for peak in (curve.max_energy, curve.max_average_power):
        assert type(peak.time) is float
        assert type(peak.value) is float
    assert len(repr(curve)) < 1500, "the text of a result is a few lines"
    assert curve == curve
    assert battery.charge(curve.times, states=True) == curve, "charge() repeats itself"


def _charges_alike_without_states(battery: Battery, curve: Charging) -> None:
    plain = battery.charge(list(curve.times))
    assert plain.states is None
    gap = np.abs(plain.energy - curve.energy).max()
    assert gap <= SOLVER * battery.quantum, "asking for states changes the curve"


def _has_operators_that_fit(battery: Battery) -> None:
    whole, own = battery.hamiltonian(), battery.battery_hamiltonian()
    assert own.isherm
    sites = battery.battery_sites
    assert [whole.dims[0][site] for site in sites] == own.dims[0], (
        "the battery is at its sites"
    )
    assert battery.initial_state().dims[0] == whole.dims[0]
    jumps = battery.collapse_operators()
    assert isinstance(jumps, list)
    assert all(jump.dims == whole.dims for jump in jumps)
    assert type(battery.quantum) is float
    assert battery.quantum > 0
    if math.isfinite(battery.capacity):
        empty = metrics.energy(battery.initial_state().ptrace(list(sites)), own)
        most = own.eigenenergies().max() - empty
        assert math.isclose(most, battery.capacity, rel_tol=1e-9), (
            "capacity: from empty to full"
        )


def _rests_or_says_why_not(battery: Battery) -> None:
    """A closed battery has no steady state; an open one has, or says why not."""
    try:
        rest: Any = battery.steady_state()
    except BatteryError:
        return
    state = rest.state
    assert isinstance(rest, SteadyState)
    assert battery.collapse_operators(), "a closed battery has no steady state"
    assert type(rest.energy) is float
    assert type(rest.ergotropy) is float
    h, slack = battery.battery_hamiltonian(), SOLVER * battery.quantum
    assert abs(float(metrics.stored_energy(state, h)) - rest.energy) <= 10 * slack
    # As along a curve, a model may know unitaries on more levels than the state shows.
    assert metrics.ergotropy(state, h) - rest.ergotropy <= 10 * slack
    assert rest.ergotropy <= rest.energy + 10 * slack


def _agrees_with_qutip(battery: Battery, curve: Charging) -> None:
    """A second route: the same operators under QuTiP's solvers, at a few times."""
    jumps, whole = battery.collapse_operators(), battery.hamiltonian()
    if whole.shape[0] > MOST_STATES["open" if jumps else "closed"]:
        return
    few = np.linspace(0, curve.times.size - 1, 9).astype(int)
    solved = charge(
        whole,
        battery.battery_hamiltonian(),
        battery.initial_state(),
        curve.times[few],
        collapse_operators=jumps,
        battery_sites=battery.battery_sites,
    )
    gap = _largest(solved.energy - curve.energy[few])
    slack = SOLVER * battery.quantum
    assert gap <= slack, f"energy differs from QuTiP's by {gap}"
    steepest = np.abs(curve.power).max()
    gap = _largest(solved.power - curve.power[few])
    assert gap <= 10 * SOLVER * steepest, f"power differs from QuTiP's by {gap}"


def _largest(difference: Any) -> float:
    return float(np.abs(difference).max())
