"""Collisions and other steps, against closed forms and the whole chain of units."""

import math

import numpy as np
import pytest
import qutip

import qbcore
from qbcore.errors import AccuracyError
from qbcore.stepwise import charge_stepwise, collision

DOWN, UP = qutip.basis(2, 0), qutip.basis(2, 1)
LEVELS = qutip.num(2)


def partial_swap(angle):
    return (-1j * angle * qutip.swap(2, 2)).expm()


@pytest.mark.parametrize("angle", [0.1, 0.7, 2.0])
@pytest.mark.parametrize("excited", [0.0, 0.3, 0.9])
def test_partial_swaps_with_thermal_units_approach_them_as_a_power(angle, excited):
    """p_n = q + (p_0 - q) cos^(2n) of the angle, for states without coherence."""
    unit = qutip.Qobj(np.diag([1 - excited, excited]))
    kraus = collision(partial_swap(angle), unit)
    curve = charge_stepwise(kraus, LEVELS, DOWN, 12, duration=0.5)
    n = np.arange(13)
    p = excited * (1 - math.cos(angle) ** (2 * n))
    assert curve.energy == pytest.approx(p, abs=1e-12)
    assert curve.ergotropy == pytest.approx(np.maximum(2 * p - 1, 0), abs=1e-12)
    assert curve.times == pytest.approx(n / 2)
    assert curve.average_power == pytest.approx(p[1:] / (n[1:] / 2), abs=1e-12)
    assert curve.max_energy.value == pytest.approx(p.max(), abs=1e-12)


def test_coherent_units_agree_with_the_whole_chain():
    """Three units kept in the state, none of them traced out before the end."""
    unitary = (-0.4j * qutip.swap(2, 2) - 0.2j * qutip.tensor(LEVELS, LEVELS)).expm()
    unit = (DOWN + 2j * UP).unit()
    curve = charge_stepwise(collision(unitary, unit), LEVELS, DOWN, 3, states=True)
    whole = qutip.tensor(DOWN, unit, unit, unit)
    for step in (1, 2, 3):
        whole = qutip.expand_operator(unitary, [2] * 4, [0, step]) * whole
        part = whole.ptrace(0).full()
        assert curve.states[step] == pytest.approx(part, abs=1e-12)


def test_a_cascade_on_two_battery_sites_keeps_its_dimensions():
    flip = qutip.tensor(qutip.sigmax(), qutip.qeye(2), qutip.qeye(2))
    kraus = collision(flip, DOWN)
    h = qutip.tensor(LEVELS, qutip.qeye(2)) + 2 * qutip.tensor(qutip.qeye(2), LEVELS)
    curve = charge_stepwise(kraus, h, qutip.tensor(DOWN, UP), 2)
    assert curve.energy == pytest.approx([0, 1, 0], abs=1e-12)
    assert curve.ergotropy == pytest.approx([2, 3, 2], abs=1e-12)


def test_any_map_of_arrays_is_a_channel():
    """A flip, then a measurement of the levels that is not read."""
    flip = qutip.sigmax().full()
    turn = (-0.3j * qutip.sigmax()).expm().full()

    def stroke(rho):
        return np.diag(np.diag(turn @ rho @ turn.conj().T))

    curve = charge_stepwise(stroke, LEVELS, DOWN, 5)
    p = (1 - math.cos(0.6) ** np.arange(6)) / 2
    assert curve.energy == pytest.approx(p, abs=1e-12)
    again = charge_stepwise(lambda rho: flip @ rho @ flip, LEVELS, DOWN, 1)
    assert again.max_average_power == (1.0, 1.0)


@pytest.mark.parametrize("gamma", [0.2, 0.9])
def test_unitaries_and_superoperators_are_channels(gamma):
    """A flip, and amplitude damping as a superoperator."""
    flipped = charge_stepwise(qutip.sigmax(), LEVELS, DOWN, 1)
    assert flipped.energy.tolist() == [0, 1]
    damping = qutip.liouvillian(0 * LEVELS, [gamma**0.5 * qutip.destroy(2)]).expm()
    curve = charge_stepwise(damping, LEVELS, UP, 4)
    assert curve.energy == pytest.approx(np.expm1(-gamma * np.arange(5)), abs=1e-10)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"channel": [qutip.num(3)]}, "channel"),
        ({"channel": qutip.qeye(3)}, "channel"),
        ({"channel": []}, "channel"),
        ({"channel": np.nan * LEVELS}, "channel"),
        ({"channel": DOWN}, "channel"),
        ({"channel": "flip"}, "channel"),
        ({"channel": [np.eye(2), np.eye(3)]}, "channel"),
        ({"channel": qutip.QobjEvo([LEVELS, lambda t: t])}, "channel"),
        ({"channel": lambda rho: None}, "channel"),
        ({"channel": lambda rho: np.nan * rho}, "channel"),
        ({"channel": lambda rho: rho[:1]}, "channel"),
        ({"steps": 0}, "steps"),
        ({"steps": 2.5}, "steps"),
        ({"duration": 0.0}, "duration"),
        ({"duration": math.nan}, "duration"),
        ({"start": qutip.basis(3, 0)}, "start"),
        ({"battery_hamiltonian": qutip.sigmam()}, "battery_hamiltonian"),
    ],
)
def test_what_does_not_fit_is_refused(change, name):
    good = {
        "channel": [qutip.sigmax()],
        "battery_hamiltonian": LEVELS,
        "start": DOWN,
        "steps": 2,
    }
    with pytest.raises(ValueError, match=f"Argument `{name}` must"):
        charge_stepwise(**(good | change))


def test_a_channel_that_loses_the_trace_is_refused_by_name():
    with pytest.raises(AccuracyError, match="trace"):
        charge_stepwise([0.9 * qutip.sigmax()], LEVELS, DOWN, 2)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((2 * qutip.swap(2, 2), DOWN), "unitary"),
        ((qutip.sigmax(), DOWN), "unitary"),
        ((np.eye(4), DOWN), "unitary"),
        ((np.nan * qutip.swap(2, 2), DOWN), "unitary"),
        ((qutip.basis([2, 2], [0, 0]), DOWN), "unitary"),
        ((qutip.Qobj(np.eye(6), dims=[[2, 3], [3, 2]]), DOWN), "unitary"),
        ((qutip.QobjEvo([qutip.swap(2, 2), lambda t: 1.0]), DOWN), "unitary"),
        ((qutip.swap(2, 2), qutip.basis(3, 0)), "unit"),
        ((qutip.swap(2, 2), qutip.num(2) * 2), "unit"),
    ],
)
def test_a_collision_needs_a_unitary_and_a_state(arguments, name):
    with pytest.raises(ValueError, match=f"Argument `{name}` must"):
        collision(*arguments)


def test_the_kraus_operators_of_a_collision_act_on_states_of_the_battery():
    """On the Qobj of a battery of two qubits and a mixed unit of three levels."""
    rng = np.random.default_rng(4)
    h = qutip.rand_herm([2, 2, 3], seed=rng)
    unit, rho = qutip.rand_dm(3, seed=rng), qutip.rand_dm([2, 2], seed=rng)
    turn = (-1j * h).expm()
    after = sum(k * rho * k.dag() for k in collision(turn, unit))
    want = (turn * qutip.tensor(rho, unit) * turn.dag()).ptrace([0, 1])
    assert after.dims == want.dims
    assert abs((after - want).full()).max() < 1e-12


def test_operators_of_a_channel_may_be_arrays_and_a_function_may_return_a_qobj():
    keep = np.diag([1.0, math.sqrt(0.8)])
    lose = np.array([[0.0, math.sqrt(0.2)], [0.0, 0.0]])
    want = np.expm1(math.log(0.8) * np.arange(5))
    for channel in (
        [keep, lose],
        np.array([keep, lose]),
        [qutip.Qobj(keep), lose],
        lambda rho: qutip.Qobj(keep @ rho @ keep.T + lose @ rho @ lose.T),
    ):
        curve = charge_stepwise(channel, LEVELS, UP, 4)
        assert curve.energy == pytest.approx(want, abs=1e-12)
    assert charge_stepwise(qutip.sigmax().full(), LEVELS, DOWN, 1).energy[1] == 1


def test_each_form_of_a_superoperator_is_the_same_channel():
    rng = np.random.default_rng(5)
    channel = qutip.rand_super_bcsz(3, seed=rng)
    start, h = qutip.rand_dm(3, seed=rng), qutip.num(3)
    after = qutip.vector_to_operator(channel * qutip.operator_to_vector(start))
    gain = qutip.expect(h, after) - qutip.expect(h, start)
    for form in (qutip.to_super, qutip.to_choi, qutip.to_kraus):
        curve = charge_stepwise(form(channel), h, start, 1)
        assert curve.energy[1] == pytest.approx(gain, abs=1e-9)


def test_what_is_not_a_channel_is_refused_with_a_number():
    """A generator instead of its exponential takes the trace from 1 to 0."""
    generator = qutip.liouvillian(LEVELS, [qutip.destroy(2)])
    with pytest.raises(AccuracyError, match="change of the trace is 1,") as refused:
        charge_stepwise(generator, LEVELS, UP, 2)
    assert refused.value.found == pytest.approx(1.0)
    with pytest.raises(ValueError, match="Argument `channel` must act on matrices"):
        charge_stepwise(qutip.liouvillian(qutip.num(3)), LEVELS, UP, 2)


def test_the_public_face_has_both():
    assert qbcore.charge_stepwise is charge_stepwise
    assert qbcore.collision is collision
