"""The Rosen-Zener battery under a user's pulses, against closed forms and QuTiP."""

import math

import numpy as np
import pytest

import qbcore
from qbcore import RosenZenerBattery
from qbcore.errors import AccuracyError, TooLargeError
from qbcore.rosen_zener import formulas


def sin2(x):
    return np.sin(np.pi * x) ** 2


def two_bumps(x):
    return math.exp(-(((x - 0.3) / 0.1) ** 2)) - 0.6 * math.exp(
        -(((x - 0.8) / 0.05) ** 2)
    )


@pytest.mark.parametrize("accuracy", [1e-4, 1e-8, 1e-10])
@pytest.mark.parametrize(
    "fields",
    [
        {"atoms": 10},
        {"atoms": 30, "drive": 60.0, "interaction": -3.0},
        {"atoms": 3, "drive": 5.0, "duration": 6.0},
    ],
    ids=str,
)
def test_the_papers_pulse_given_as_a_function_is_the_papers(fields, accuracy):
    """Kets that err by the accuracy change the energy by twice N times as much."""
    own = RosenZenerBattery(**fields, shape=sin2).charge(accuracy=accuracy)
    paper = RosenZenerBattery(**fields).charge(own.times, accuracy=1e-11)
    allowed = 2 * fields["atoms"] * accuracy
    assert own.energy == pytest.approx(paper.energy, abs=allowed)
    assert own.ergotropy == pytest.approx(paper.ergotropy, abs=allowed)
    drive = fields.get("drive", 20.0)
    assert own.power == pytest.approx(paper.power, abs=allowed * drive)


@pytest.mark.parametrize(("drive", "splitting"), [(3.0, 1.0), (0.2, 1.0), (5.0, 0.1)])
def test_a_constant_drive_is_rabis(drive, splitting):
    """N free atoms: N v0^2/W^2 sin^2(W t/2), W^2 = v0^2 + Delta^2."""
    battery = RosenZenerBattery(
        atoms=4,
        interaction=0.0,
        drive=drive,
        splitting=splitting,
        duration=7.0,
        shape=lambda x: 1.0,
    )
    curve = battery.charge()
    rabi = math.hypot(drive, splitting)
    height = 4 * splitting * (drive / rabi) ** 2
    expected = height * np.sin(rabi * curve.times / 2) ** 2
    assert curve.energy == pytest.approx(expected, abs=1e-8)
    assert curve.power == pytest.approx(
        height * rabi / 2 * np.sin(rabi * curve.times), abs=1e-7
    )
    if rabi * 7.0 > math.pi:
        assert curve.max_energy.value == pytest.approx(height, abs=1e-7)
    assert battery.pulse_area([0.0, 7.0, 9.0]) == pytest.approx(
        [0.0, 7 * drive, 7 * drive]
    )
    assert battery.drive_at([-1.0, 0.0, 7.0, 7.5]).tolist() == [0.0, drive, drive, 0.0]


@pytest.mark.parametrize("start", [None, np.ones(5) / 5, np.eye(5)[:, :1]], ids=str)
def test_two_bumps_agree_with_qutip(start):
    battery = RosenZenerBattery(
        atoms=4, drive=9.0, duration=1.5, interaction=-1.0, shape=two_bumps
    )
    curve = battery.charge(start=start, states=True)
    begin = battery.initial_state() if start is None else start
    begin = np.diag(begin) if np.shape(begin) == (5,) else begin
    same = qbcore.charge(
        battery.hamiltonian(),
        battery.battery_hamiltonian(),
        begin,
        curve.times,
        states=True,
    )
    assert curve.energy == pytest.approx(same.energy, abs=1e-7)
    assert curve.power == pytest.approx(same.power, abs=1e-6)
    assert curve.ergotropy == pytest.approx(same.ergotropy, abs=1e-7)
    kets = curve.states
    if same.states.shape != kets.shape:
        kets = kets @ kets.conj().swapaxes(1, 2)
    overlap = np.abs(np.einsum("tij,tij->t", kets.conj(), same.states))
    purity = np.abs(np.einsum("tij,tij->t", same.states.conj(), same.states))
    assert overlap == pytest.approx(purity, abs=1e-7)


@pytest.mark.parametrize("shape", [lambda x: 0.0, np.zeros_like])
def test_a_pulse_that_is_nothing_leaves_the_battery_alone(shape):
    curve = RosenZenerBattery(shape=shape).charge()
    assert not curve.energy.any()


def test_one_time_at_the_start_is_the_start():
    assert RosenZenerBattery(shape=sin2).charge([0.0]).energy.tolist() == [0.0]


@pytest.mark.parametrize(
    "shape", [3.0, "sin", lambda x: math.nan, lambda x: 1j, lambda x: "a", np.log]
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_shape_that_is_no_pulse_is_refused(shape):
    with pytest.raises(ValueError, match="Argument `shape` must"):
        RosenZenerBattery(shape=shape)


def test_closed_forms_are_the_papers_pulses_alone():
    with pytest.raises(ValueError, match="Argument `battery` must have the paper's"):
        formulas.final_energy(RosenZenerBattery(shape=sin2))


def test_a_pulse_that_takes_too_long_is_refused_before_the_start():
    with pytest.raises(TooLargeError):
        RosenZenerBattery(drive=1.0, shape=lambda x: 1e7).charge()


def test_an_accuracy_out_of_reach_is_refused():
    with pytest.raises(AccuracyError):
        RosenZenerBattery(shape=sin2).charge(accuracy=1e-15)
