"""The general `charge`: right on what it solves, clear on what it cannot."""

import numpy as np
import pytest
import qutip

import qbcore
from qbcore import metrics
from qbcore._numerics.propagation import propagate
from qbcore.errors import AccuracyError

UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)
FLIP, LEVELS = qutip.sigmax(), qutip.num(2)
TIMES = np.linspace(0.0, 2.0, 21)


def test_a_short_pulse_between_the_solvers_steps_is_seen():
    """A Gaussian pi pulse of width 0.1 fills the battery, whatever happens long before it."""
    width = 0.1

    def shape(t):
        return np.pi / 2 / (np.sqrt(np.pi) * width) * np.exp(-(((t - 5) / width) ** 2))

    h = qutip.QobjEvo([0 * LEVELS, [FLIP, shape]])
    curve = qbcore.charge(h, LEVELS, qutip.basis(2, 0), np.linspace(0, 10, 201))
    assert curve.energy[-1] == pytest.approx(1.0, abs=1e-6)


def test_losses_and_subsystems_give_the_exact_power():
    """Two qubits exchange, the battery (second) decays: E' by the samples' finite differences."""
    lower = [
        qutip.tensor(qutip.sigmam(), qutip.qeye(2)),
        qutip.tensor(qutip.qeye(2), qutip.sigmam()),
    ]
    h = lower[0].dag() * lower[1] + lower[1].dag() * lower[0]
    start = qutip.tensor(UP, DOWN)
    t = np.linspace(0, 3, 601)
    jumps = [np.sqrt(0.3) * lower[1]]
    curve = qbcore.charge(
        h,
        qutip.sigmaz() / 2,
        start,
        t,
        collapse_operators=jumps,
        battery_sites=[1],
        states=True,
    )
    slope = np.gradient(curve.energy, t, edge_order=2)
    assert (
        np.abs(slope - curve.power).max() < 1e-4
    )  # h^2 E''' / 6 = 4e-6 inside, twice at the ends
    stored = metrics.stored_energy(curve.states, qutip.sigmaz() / 2)
    assert curve.energy == pytest.approx(stored - stored[0], abs=1e-9)


def test_a_late_first_time_counts_from_the_start():
    whole = qbcore.charge(FLIP, LEVELS, qutip.basis(2, 0), TIMES)
    late = qbcore.charge(FLIP, LEVELS, qutip.basis(2, 0), TIMES[5:])
    assert late.energy == pytest.approx(whole.energy[5:], abs=1e-9)


PAIR = qutip.tensor(DOWN, DOWN)
WRONG = {
    "hamiltonian": {"hamiltonian": np.eye(2)},
    "start": {"start": PAIR},
    "normalised": {"start": 2 * DOWN},
    "negative": {"start": qutip.Qobj(np.diag([1.5, -0.5]))},
    "battery_hamiltonian": {"battery_hamiltonian": np.eye(2)},
    "another space": {"battery_hamiltonian": qutip.num(3)},
    "collapse_operators": {"collapse_operators": qutip.sigmam()},
    "battery_sites": {"battery_sites": [1]},
    "twice": {"battery_sites": [0, 0]},
    "none": {"battery_sites": []},
    "times": {"times": [1.0, 0.5]},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_refused(change):
    fields = {
        "hamiltonian": FLIP,
        "battery_hamiltonian": LEVELS,
        "start": DOWN,
        "times": TIMES,
    }
    with pytest.raises(ValueError, match="must"):
        qbcore.charge(**(fields | change))


def test_sites_in_another_order_are_refused():
    """QuTiP's partial trace sorts them, its embedding does not."""
    both = qutip.tensor(qutip.sigmaz(), qutip.qeye(2)) + 5 * qutip.tensor(
        qutip.qeye(2), qutip.sigmaz()
    )
    with pytest.raises(ValueError, match="increasing"):
        qbcore.charge(both, both, PAIR, TIMES, battery_sites=[1, 0])


def test_a_hamiltonian_that_is_not_hermitian_loses_its_norm_by_name():
    with pytest.raises(AccuracyError, match="Hermitian"):
        qbcore.charge(FLIP - 0.1j * LEVELS, LEVELS, UP, TIMES)


def test_the_largest_average_power_may_be_the_first():
    """A bath fills an empty star at once: E' = 2 omega_0 gamma n at t = 0, and falls."""
    battery = qbcore.StarBattery()
    peak = battery.charge().max_average_power
    assert peak.time == 0.0
    assert peak.value == pytest.approx(
        battery.quantum * battery.rate * battery.occupations[0], rel=1e-9
    )


def test_one_time_has_its_own_peak():
    curve = qbcore.RosenZenerBattery().charge([0.2])
    assert curve.max_energy == (0.2, curve.energy[0])
    assert curve.max_average_power.value == pytest.approx(curve.energy[0] / 0.2)


def test_short_steps_beside_a_very_long_one_are_exact():
    generator = np.array([[-1.0, 0.0], [1.0, 0.0]])
    times = np.r_[0.0, np.geomspace(1e-4, 1e9, 14)]
    found = propagate(generator, np.array([1.0, 0.0]), times)[:, 1]
    assert found == pytest.approx(-np.expm1(-times), rel=1e-12, abs=1e-15)


def test_copies_of_results_cannot_be_written_and_hold_their_times():
    import pickle

    t = np.linspace(0.0, 1.0, 5)
    curve = qbcore.StarBattery().charge(t)
    t[1] = 0.9
    assert curve.times[1] == 0.25
    again = pickle.loads(pickle.dumps(curve))
    assert again == curve
    with pytest.raises(ValueError, match="read-only"):
        again.energy[0] = 1.0


def test_modes_without_any_loss_have_no_steady_state():
    closed = qbcore.NonreciprocalBattery(
        charger_loss=0.0, battery_loss=0.0, shared_loss=0.0
    )
    assert closed.collapse_operators() == []
    with pytest.raises(qbcore.errors.NoSteadyStateError):
        closed.steady_state()
