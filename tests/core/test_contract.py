"""The contract, on all six models at their defaults and at other parameters."""

import copy
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest

import qbcore
from qbcore.charging import Charging
from qbook import check_contract

MODELS = {
    "rosen-zener": qbcore.RosenZenerBattery,
    "dual-cavity": qbcore.DualCavityBattery,
    "star": qbcore.StarBattery,
    "common-bath": qbcore.CommonBathStar,
    "nonreciprocal": qbcore.NonreciprocalBattery,
    "three-mode": qbcore.ThreeModeBattery,
}
DEFAULTS = {name: model() for name, model in MODELS.items()}
# Small enough for QuTiP to solve them again.
SMALL = {
    "rosen-zener, one atom": qbcore.RosenZenerBattery(atoms=1, interaction=0.0),
    "rosen-zener, attracting": qbcore.RosenZenerBattery(
        atoms=4, interaction=-15.0, splitting=0.7, drive=9.0, duration=1.1
    ),
    "dual-cavity, one and one": qbcore.DualCavityBattery(
        atoms_a=1, atoms_b=1, coupling=0.2, exchange=-0.3, cutoff_a=9, cutoff_b=9
    ),
    "dual-cavity, apart": qbcore.DualCavityBattery(
        atoms_a=2,
        atoms_b=1,
        coupling=0.1,
        exchange=0.0,
        cutoff_a=10,
        cutoff_b=7,
        splitting=1.3,
    ),
    "dual-cavity, one cavity": qbcore.DualCavityBattery(
        atoms_a=3, atoms_b=0, coupling=0.2, cutoff_a=20
    ),
    "dual-cavity, lossy": qbcore.DualCavityBattery(
        atoms_a=2,
        atoms_b=0,
        coupling=0.03,
        cutoff_a=6,
        cavity_loss=0.2,
        individual_decay=0.1,
    ),
    "star, one cell": qbcore.StarBattery(cells=1, potential=2.0),
    "star, four cells": qbcore.StarBattery(
        cells=4, coupling=-0.8, rate=0.5, splitting=3.0
    ),
    "common-bath, two cells": qbcore.CommonBathStar(cells=2, coupling=0.4, rate=2.0),
    "common-bath, no coupling": qbcore.CommonBathStar(
        cells=3, coupling=0.0, splitting=1.0
    ),
    "nonreciprocal, weak": qbcore.NonreciprocalBattery(
        linear_drive=0.1, charger_levels=7, battery_levels=8, frequency=2.0
    ),
    "nonreciprocal, two photons": qbcore.NonreciprocalBattery(
        two_photon_drive=0.008,
        drive_phase=0.4,
        charger_levels=7,
        battery_levels=8,
        shared_loss=0.2,
    ),
    "three-mode, weak": qbcore.ThreeModeBattery(
        linear_drive=0.03,
        cavity_loss=2.0,
        charger_cavity=0.5,
        battery_cavity=0.5,
        coupling=0.25j,
        charger_levels=4,
        battery_levels=5,
        cavity_levels=3,
    ),
}
# The fields with the unit of energy, and those with its inverse; the others are pure
# numbers.
ENERGIES = {
    "rosen-zener": ["splitting", "drive"],
    "dual-cavity": [
        "splitting",
        "frequency",
        "coupling",
        "repulsion",
        "exchange",
        "cavity_loss",
        "collective_decay",
        "individual_decay",
    ],
    "star": [
        "splitting",
        "coupling",
        "rate",
        "bath_frequency",
        "temperature",
        "potential",
        "bias",
    ],
    "common-bath": [
        "splitting",
        "coupling",
        "rate",
        "bath_frequency",
        "temperature",
        "potential",
    ],
    "nonreciprocal": [
        "charger_loss",
        "battery_loss",
        "shared_loss",
        "linear_drive",
        "two_photon_drive",
        "charger_detuning",
        "battery_detuning",
        "frequency",
    ],
    "three-mode": [
        "charger_loss",
        "battery_loss",
        "cavity_loss",
        "charger_cavity",
        "battery_cavity",
        "coupling",
        "linear_drive",
        "two_photon_drive",
        "charger_detuning",
        "battery_detuning",
        "cavity_detuning",
        "frequency",
    ],
}
TIMES = {"rosen-zener": ["duration"]}
WRONG_STARTS = ["text", 0.5, np.nan, [2.0, -1.0], np.zeros(4), [[0.0, 1.0], [1.0, 1.0]]]


def by_name(batteries: dict) -> dict:
    return {"argvalues": list(batteries.values()), "ids": list(batteries)}


@pytest.mark.parametrize("battery", **by_name({**DEFAULTS, **SMALL}))
def test_battery_keeps_the_contract(battery):
    check_contract(battery)


@pytest.mark.parametrize("name", MODELS)
def test_scaling_all_energies_scales_all_results(name):
    battery, factor = DEFAULTS[name], 2.5
    assert set(ENERGIES[name] + TIMES.get(name, [])) <= {
        f.name for f in fields(battery)
    }
    scaled = {field: factor * getattr(battery, field) for field in ENERGIES[name]}
    scaled |= {field: getattr(battery, field) / factor for field in TIMES.get(name, [])}
    curve = battery.charge()
    again = replace(battery, **scaled).charge(curve.times / factor)
    slack = (
        1e-7 * battery.quantum
    )  # twice what a run may lose: accuracy 1e-8 of its state
    np.testing.assert_allclose(
        again.energy, factor * curve.energy, rtol=1e-7, atol=slack
    )
    np.testing.assert_allclose(
        again.ergotropy, factor * curve.ergotropy, rtol=1e-6, atol=10 * slack
    )
    power = factor**2 * np.abs(curve.power).max()
    np.testing.assert_allclose(
        again.power, factor**2 * curve.power, rtol=1e-6, atol=1e-7 * power
    )


@pytest.mark.parametrize("name", MODELS)
def test_any_number_of_times_gets_an_answer_or_a_clear_error(name):
    battery = DEFAULTS[name]
    whole = battery.charge()
    few = battery.charge([0.0, whole.times[-1]])
    assert few.energy.shape == (2,)
    assert few.energy[1] == pytest.approx(
        whole.energy[-1], rel=1e-6, abs=1e-7 * battery.quantum
    )
    for wrong in ([], [1.0, 0.5], [-1.0, 0.0], [0.0, np.nan], [[0.0, 1.0]]):
        with pytest.raises(ValueError, match="times"):
            battery.charge(wrong)


@pytest.mark.parametrize("start", WRONG_STARTS, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_a_start_that_is_not_a_state_is_refused_by_name(name, start):
    with pytest.raises(ValueError, match="start"):
        DEFAULTS[name].charge(start=start)


@pytest.mark.parametrize("name", MODELS)
def test_ergotropy_lies_between_zero_and_the_energy_above_the_ground_state(name):
    battery = DEFAULTS[name]
    curve = battery.charge(states=True)
    h = battery.battery_hamiltonian()
    above = qbcore.metrics.stored_energy(curve.states, h)
    assert (curve.ergotropy >= 0).all()
    assert (curve.ergotropy <= above + 1e-6 * battery.quantum).all()


@pytest.mark.parametrize("name", MODELS)
def test_results_compare_by_value_and_copy(name):
    curve = DEFAULTS[name].charge()
    assert curve == copy.deepcopy(curve)
    assert curve != replace(curve, energy=2 * curve.energy)
    assert curve != "a curve"
    assert isinstance(curve, Charging)


def test_curves_and_metrics_run_where_qutip_does_not():
    code = """if True:
        import sys
        sys.modules["qutip"] = None
        import numpy as np
        import qbcore
        for name in qbcore.__all__:
            model = getattr(qbcore, name)
            is_model = name.endswith(("Battery", "Star")) and name != "Battery"
            if isinstance(model, type) and is_model:
                curve = model().charge()
                print(name, round(curve.max_energy.value / model().quantum, 3))
        print(qbcore.metrics.ergotropy(np.diag([0.8, 0.2]), np.diag([1.0, 0.0])))
    """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    names = [line.split()[0] for line in run.stdout.splitlines()]
    assert names[:-1] == sorted(model.__name__ for model in MODELS.values())
    assert float(names[-1]) == pytest.approx(0.6)


def test_public_face_is_what_all_names():
    assert all(hasattr(qbcore, name) for name in qbcore.__all__)
    assert {model.__name__ for model in MODELS.values()} < set(qbcore.__all__)


def every_result(battery: qbcore.Battery) -> list[object]:
    """The results of a battery: a curve, and its steady state if it has one."""
    results: list[object] = [battery.charge(states=True)]
    try:
        results.append(battery.steady_state())
    except qbcore.errors.BatteryError:
        assert battery.collapse_operators() == []
    return results


@pytest.mark.parametrize("name", MODELS)
def test_a_result_is_frozen_short_and_equal_to_its_copy(name):
    for result in every_result(DEFAULTS[name]):
        first, *lines = repr(result).splitlines()
        assert first == type(result).__name__
        shown = [f for f in fields(result) if getattr(result, f.name) is not None]
        assert [line.split(":")[0].strip() for line in lines] == [
            field.name for field in shown
        ]
        assert result == copy.deepcopy(result)
        assert result != 1
        other = replace(result, energy=2 * result.energy)
        assert result != other
        with pytest.raises(TypeError):
            hash(result)
        with pytest.raises(AttributeError):
            result.energy = other.energy
        with pytest.raises(TypeError):
            type(result)(*[getattr(result, field.name) for field in fields(result)])


@pytest.mark.parametrize("name", MODELS)
def test_a_battery_compares_by_its_fields(name):
    # Two of the same parameters are equal, serve as one key, and show their fields.
    battery = DEFAULTS[name]
    assert battery == MODELS[name]()
    assert hash(battery) == hash(MODELS[name]())
    assert battery != SMALL[next(key for key in SMALL if key.startswith(name))]
    assert all(f"{field.name}=" in repr(battery) for field in fields(battery))
    with pytest.raises(AttributeError):
        battery.splitting = 2.0


# The range of each field, as its docstring says: positive, at least zero, any number,
# or an integer of at least so much. `None` stands for a choice of the model.
POSITIVE, LEAST_ZERO, ANY, SWITCH = "positive", "at least zero", "any", "switch"
FUNCTION = "a function or None"
RANGES = {
    "rosen-zener": {
        "atoms": 1, "splitting": POSITIVE, "drive": LEAST_ZERO, "duration": POSITIVE,
        "interaction": ANY, "shape": FUNCTION,
    },
    "dual-cavity": {
        "atoms_a": 1, "atoms_b": 0, "splitting": POSITIVE, "frequency": POSITIVE,
        "coupling": LEAST_ZERO, "repulsion": ANY, "exchange": ANY, "photons_a": 0,
        "photons_b": 0, "cutoff_a": 4, "cutoff_b": 4, "counter_rotating": SWITCH,
        "cavity_loss": LEAST_ZERO, "collective_decay": LEAST_ZERO,
        "individual_decay": LEAST_ZERO,
    },
    "star": {
        "cells": 1, "splitting": POSITIVE, "coupling": ANY, "rate": POSITIVE,
        "bath_frequency": ANY, "temperature": POSITIVE, "potential": ANY, "bias": ANY,
    },
    "common-bath": {
        "cells": 2, "splitting": POSITIVE, "coupling": ANY, "rate": POSITIVE,
        "bath_frequency": ANY, "temperature": POSITIVE, "potential": ANY,
    },
    "nonreciprocal": {
        "charger_loss": LEAST_ZERO, "battery_loss": LEAST_ZERO,
        "shared_loss": LEAST_ZERO, "charger_share": ANY, "battery_share": ANY,
        "coupling": ANY, "linear_drive": ANY, "two_photon_drive": LEAST_ZERO,
        "drive_phase": ANY, "charger_detuning": ANY, "battery_detuning": ANY,
        "bath_occupation": LEAST_ZERO, "frequency": POSITIVE, "charger_levels": 2,
        "battery_levels": 2,
    },
    "three-mode": {
        "charger_loss": LEAST_ZERO, "battery_loss": LEAST_ZERO, "cavity_loss": POSITIVE,
        "charger_cavity": ANY, "battery_cavity": ANY, "coupling": ANY,
        "linear_drive": ANY, "two_photon_drive": LEAST_ZERO, "drive_phase": ANY,
        "charger_detuning": ANY, "battery_detuning": ANY, "cavity_detuning": ANY,
        "bath_occupation": LEAST_ZERO, "frequency": POSITIVE, "charger_levels": 2,
        "battery_levels": 2, "cavity_levels": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_every_field_takes_its_range_and_no_more(name):
    battery, ranges = DEFAULTS[name], RANGES[name]
    assert set(ranges) == {field.name for field in fields(battery)}
    wrong = {
        POSITIVE: [0.0, -1e-300, np.nan, np.inf, "1", 1j],
        LEAST_ZERO: [-1e-300, np.nan, np.inf, "0", 1j],
        ANY: [np.nan, np.inf, -np.inf, "0"],
        FUNCTION: [1.0, "sin", np.ones(3)],
        SWITCH: [0, 1.0, "True", np.nan],
    }
    right = {POSITIVE: [1e-9, 1e9, 1], LEAST_ZERO: [0.0, 0, 1e9], ANY: [-1e9, 0, 1e-9]}
    right |= {FUNCTION: [None, np.cos], SWITCH: [True, False]}
    for field, allowed in ranges.items():
        if isinstance(allowed, int):
            good, bad = [allowed, allowed + 1], [allowed - 1, allowed + 0.5, True, "3"]
        else:
            good, bad = right[allowed], wrong[allowed]
        for value in good:
            assert getattr(replace(battery, **{field: value}), field) == value
        for value in bad:
            with pytest.raises(ValueError, match=f"`{field}` must"):
                replace(battery, **{field: value})


def test_the_defaults_are_the_parameters_of_the_papers():
    """If a paper gives none, they are those that its chapter chose."""
    assert qbcore.RosenZenerBattery() == qbcore.RosenZenerBattery(
        atoms=10, splitting=1.0, drive=20.0, duration=0.1 * np.pi, interaction=2.0
    )
    assert qbcore.DualCavityBattery() == qbcore.DualCavityBattery(
        atoms_a=3, atoms_b=3, splitting=1.0, frequency=1.0, coupling=0.5,
        repulsion=0.5, exchange=0.5, photons_a=None, photons_b=None, cutoff_a=30,
        cutoff_b=30, counter_rotating=True, cavity_loss=0.0, collective_decay=0.0,
        individual_decay=0.0,
    )  # fmt: skip
    bath = {"bath_frequency": 1.0, "temperature": 1.0}
    star = {"cells": 3, "splitting": 10.0, "coupling": 1.0, "rate": 1.0} | bath
    assert qbcore.StarBattery() == qbcore.StarBattery(potential=1.0, bias=2.0, **star)
    assert qbcore.CommonBathStar() == qbcore.CommonBathStar(potential=2.0, **star)
    # Gamma = 1 of both: p_a = p_b = 1 there, 4 g^2/kappa_c here, and J = i Gamma/2.
    plain = {"two_photon_drive": 0.0, "drive_phase": 0.0, "bath_occupation": 0.0}
    plain |= {"linear_drive": 0.5, "charger_detuning": 0.0, "battery_detuning": 0.0}
    plain |= {"charger_loss": 0.1, "frequency": 1.0}
    plain |= {"charger_levels": 20, "battery_levels": 30}
    assert qbcore.NonreciprocalBattery() == qbcore.NonreciprocalBattery(
        battery_loss=0.1, shared_loss=1.0, charger_share=1.0, battery_share=1.0,
        coupling=None, **plain,
    )  # fmt: skip
    assert qbcore.NonreciprocalBattery().j == 0.5j
    assert qbcore.ThreeModeBattery() == qbcore.ThreeModeBattery(
        battery_loss=0.05, cavity_loss=100.0, charger_cavity=5.0, battery_cavity=5.0,
        coupling=0.5j, cavity_detuning=0.0, cavity_levels=8, **plain,
    )  # fmt: skip
    assert qbcore.ThreeModeBattery().eliminated().cross_loss == pytest.approx(1.0)
    # A two-photon drive charges by itself; the linear one is there for want of any.
    for model in (qbcore.NonreciprocalBattery, qbcore.ThreeModeBattery):
        assert model(two_photon_drive=0.05).linear_drive == 0.0
        assert model(two_photon_drive=0.05, linear_drive=0.2).linear_drive == 0.2
        assert model(linear_drive=0.0).linear_drive == 0.0
