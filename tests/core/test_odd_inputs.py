"""Odd inputs to everything public: the right number, or an error that says why.

A malformed argument is a `ValueError` that names it; what physics or double precision
refuses is a `BatteryError`. An accepted one has to keep the invariants of the
contract and, where a second route is cheap, to agree with it.
"""

import inspect
import math
import signal
from dataclasses import fields, replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import qutip
import scipy.sparse

import qbcore
from qbcore import gaussian, metrics
from qbcore.errors import BatteryError
from qbcore.nonreciprocal import formulas as nonreciprocal_formulas
from qbcore.rosen_zener import charge_map
from qbcore.rosen_zener import formulas as rosen_zener_formulas
from qbcore.star import fermi, steady_map
from qbcore.star import formulas as star_formulas

SMALL = {
    "rosen-zener": qbcore.RosenZenerBattery(atoms=3),
    "dual-cavity": qbcore.DualCavityBattery(
        atoms_a=1, atoms_b=1, cutoff_a=7, cutoff_b=7, coupling=0.1
    ),
    "dual-cavity, lossy": qbcore.DualCavityBattery(
        atoms_a=2,
        atoms_b=0,
        cutoff_a=9,
        coupling=0.05,
        cavity_loss=0.1,
        collective_decay=0.2,
        individual_decay=0.1,
        counter_rotating=False,
    ),
    "star": qbcore.StarBattery(cells=2),
    "common-bath": qbcore.CommonBathStar(cells=2),
    "nonreciprocal": qbcore.NonreciprocalBattery(linear_drive=0.1),
    "three-mode": qbcore.ThreeModeBattery(linear_drive=0.1),
}
SECONDS = 30  # none of these inputs may take longer, on a busy machine either


@pytest.fixture(autouse=True)
def _ends_soon():
    def too_long(*_):
        raise TimeoutError(f"still computing after {SECONDS} s")

    # Processor time: a busy machine is not a fault of the code.
    signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


def keeps_the_invariants(battery, curve) -> None:
    energy, power, work = curve.energy, curve.power, curve.ergotropy
    assert np.isfinite(energy).all()
    assert np.isfinite(power).all()
    assert np.isfinite(work).all()
    scale = max(battery.quantum, float(np.abs(energy).max()))
    assert energy.min() >= -1e-6 * scale
    assert energy.max() <= battery.capacity * (1 + 1e-9)
    assert (work >= -1e-9 * scale).all()
    assert curve.max_energy.value <= battery.capacity
    assert curve.max_energy.value >= energy.max()


def blames_a_number(error: ValueError, field: str) -> None:
    """By a named error, or by the field."""
    if not isinstance(error, BatteryError) and f"`{field}`" not in str(error):
        raise error


# --- what is not a number ---

NO_NUMBERS = ["1", True, np.nan, np.inf, -np.inf, [1.0], np.ones(2), {}, {1}]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
@pytest.mark.parametrize(
    ("name", "field"),
    [(name, f.name) for name, each in SMALL.items() for f in fields(each)],
)
def test_a_field_that_is_not_a_number_is_refused_by_its_name(name, field, value):
    if type(getattr(SMALL[name], field)) is bool:
        value = value if value is not True else 1  # a switch takes no number
    with pytest.raises(ValueError, match=f"`{field}`"):
        replace(SMALL[name], **{field: value})


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.float32, np.array], ids=repr)
@pytest.mark.parametrize("name", SMALL)
def test_numbers_of_numpy_are_as_good_as_pythons(name, kind):
    battery = SMALL[name]
    plain = {f.name: getattr(battery, f.name) for f in fields(battery)}
    whole = {
        k: v for k, v in plain.items() if type(v) is int and kind is not np.float32
    }
    for field, value in whole.items():
        odd = replace(battery, **{field: kind(value)})
        times = np.linspace(0.0, 0.2, 5)
        assert odd.charge(times) == battery.charge(times), field
        assert odd.capacity == battery.capacity
    if kind is np.float32:
        for field in [k for k, v in plain.items() if type(v) is float]:
            odd = replace(battery, **{field: np.float32(0.5)})
            same = replace(battery, **{field: 0.5})
            assert odd.charge(times := np.linspace(0, 0.2, 5)) == same.charge(times)


# --- numbers at the edge of what a field can mean ---

EDGES = [0, -1, -0.5, 1e-12, 1e-300, 1e3, 1e9, 1e200]


@pytest.mark.parametrize("value", EDGES)
@pytest.mark.parametrize(
    ("name", "field"),
    [(name, f.name) for name, each in SMALL.items() for f in fields(each)],
)
def test_an_extreme_field_gives_a_curve_that_can_be_or_an_error(name, field, value):
    try:
        battery = replace(SMALL[name], **{field: value})
    except ValueError as error:
        blames_a_number(error, field)
        return
    duration = getattr(battery, "duration", 1.0)
    try:
        curve = battery.charge(np.linspace(0.0, min(0.2, duration), 41))
        keeps_the_invariants(battery, curve)
    except BatteryError:
        return


@pytest.mark.parametrize("value", [-1.0, 1e-6, 1e-3, 300.0, 1e6])
@pytest.mark.parametrize(
    ("name", "field"),
    [
        (name, f.name)
        for name, each in SMALL.items()
        for f in fields(each)
        if f.type in ("float", "complex", "complex | None", "Drive", "Drive | None")
    ],
)
def test_the_default_samples_carry_their_peak_or_the_run_is_refused(name, field, value):
    try:
        battery = replace(SMALL[name], **{field: value})
        keeps_the_invariants(battery, battery.charge())
    except ValueError as error:
        blames_a_number(error, field)


# --- times ---

ODD_TIMES = {
    "none at all": [],
    "text": "now",
    "texts": ["0", "1"],
    "a number": 1.0,
    "bools": [False, True],
    "complex": [0j, 1j],
    "nan": [0.0, np.nan],
    "inf": [0.0, np.inf],
    "negative": [-1.0, 0.0],
    "falling": [1.0, 0.5],
    "repeated": [0.0, 0.1, 0.1],
    "a table": [[0.0, 0.1]],
    "ragged": [[0.0], [0.1, 0.2]],
    "a generator": (t for t in (0.0, 0.1)),
    "a dictionary": {0.0: 0.1},
    "objects": [object()],
    "a bool among numbers": [True, 2],
    "a bool of numpy among numbers": [np.False_, 0.1],
    "masked": np.ma.masked_array([0.0, 0.1], mask=[False, True]),
    "durations": np.array([0, 1], "timedelta64[s]"),
    "beyond the largest float": [0, 10**400],
}


@pytest.mark.parametrize("odd", ODD_TIMES)
@pytest.mark.parametrize("name", SMALL)
def test_odd_times_are_refused_by_name(name, odd):
    with pytest.raises(ValueError, match="`times`"):
        SMALL[name].charge(ODD_TIMES[odd])


FINE_TIMES = [[0.0], [0.1], (0.0, 0.1), range(1), np.float32([0, 0.1]), [1e-300, 0.1]]
FINE_TIMES += [[0, Fraction(1, 16)], np.array([0, 0.1], object)]


@pytest.mark.parametrize("times", FINE_TIMES, ids=repr)
@pytest.mark.parametrize("name", SMALL)
def test_unusual_times_are_as_good_as_a_fine_grid(name, times):
    fine = np.union1d(np.linspace(0.0, 0.1, 9), np.asarray(times, float))
    want = SMALL[name].charge(fine)
    got = SMALL[name].charge(times)
    at = np.searchsorted(fine, np.asarray(times, float))
    for one in ("energy", "power", "ergotropy"):
        assert getattr(got, one) == pytest.approx(getattr(want, one)[at], abs=1e-7)


# --- starts ---


def odd_starts(battery):
    space = battery.initial_state()
    size = space.shape[0]
    skew = np.eye(size) / size + 0j
    skew[0, -1] = 0.5
    negative = np.diag(np.r_[1.5, -0.5, np.zeros(max(size - 2, 0))])[:size, :size]
    return {
        "text": "full",
        "a number": 0.5,
        "a bool": True,
        "nothing": [],
        "nan": np.full((size, size), np.nan),
        "zero": np.zeros((size, size)),
        "not normalised": 2 * np.eye(size) / size,
        "not Hermitian": skew,
        "negative": negative,
        "another size": np.eye(size + 1) / (size + 1),
        "ragged": [[1.0], [0.0, 0.0]],
        "an object": object(),
        "a bra": space.dag() if space.isket else qutip.basis(size, 0).dag(),
        "other dims": qutip.tensor(qutip.basis(size, 0), qutip.basis(1, 0)),
        "a superoperator": qutip.to_super(qutip.qeye(size)) if size < 9 else "large",
    }


@pytest.mark.parametrize("odd", list(odd_starts(SMALL["star"])))
@pytest.mark.parametrize("name", SMALL)
def test_odd_starts_are_refused_by_name(name, odd):
    start = odd_starts(SMALL[name])[odd]
    with pytest.raises(ValueError, match="start"):
        SMALL[name].charge([0.0, 0.1], start=start)


ONE_CAVITY = qbcore.DualCavityBattery(atoms_a=2, atoms_b=0, cutoff_a=12)
LIGHT = {
    "too long": np.ones(14) / 14**0.5,
    "a list that is too long": [0.0] * 13 + [1.0],
    "nothing": [],
    "nan": [np.nan, 1.0],
    "bools": [True, False],
    "text": ["a", "b"],
    "not normalised": [1.0, 1.0],
    "photons before atoms": qutip.basis([13, 3], [2, 2]),
    "no subsystems": qutip.basis(39, 0),
    "a bra": qutip.basis(3, 1).dag(),
    "two cavities": [[0.0, 1.0], [0.0, 1.0]],
}


@pytest.mark.parametrize("odd", LIGHT.values(), ids=LIGHT)
def test_light_that_a_cavity_cannot_hold_is_refused(odd):
    with pytest.raises(ValueError, match="Argument `start` must"):
        ONE_CAVITY.charge([0.0, 0.1], start=odd)


@pytest.mark.parametrize(
    "given",
    [
        (0, 0, 1),
        [0.0, 0.0, 1.0],
        np.array([0, 0, 1]),
        [[0, 0, 1]],
        qutip.basis(3, 2),
        [qutip.fock_dm(13, 2)],
        np.diag([0.0, 0.0, 1.0]),
        qutip.basis([3, 13], [2, 2]),
    ],
    ids=repr,
)
def test_two_photons_in_each_form(given):
    curve = ONE_CAVITY.charge([0.0, 0.1, 0.2], start=given, leak=1.0)
    known = ONE_CAVITY.charge([0.0, 0.1, 0.2], leak=1.0)  # two atoms, two photons
    assert curve.energy == pytest.approx(known.energy, abs=1e-12)


# --- metrics ---

SIGMA = np.diag([0.5, -0.5])
STATES = {
    "text": "up",
    "a number": 1.0,
    "nothing": [],
    "nan": [np.nan, 0.0],
    "inf": [[np.inf, 0.0], [0.0, 0.0]],
    "long": [1.0, 1.0],
    "negative": [[1.2, 0.0], [0.0, -0.2]],
    "not Hermitian": [[0.5, 0.5], [0.0, 0.5]],
    "three levels": [1.0, 0.0, 0.0],
    "a bra": qutip.basis(2, 0).dag(),
    "a pair of dims": qutip.tensor(qutip.basis(2, 0), qutip.basis(1, 0)),
    "mixed dims": [qutip.basis(2, 0), qutip.basis(3, 0)],
    "ragged": [[1.0], [0.0, 1.0]],
    "a superoperator": qutip.to_super(qutip.qeye(2)),
    "none": None,
    "objects": [object(), object()],
}
STATE_METRICS = {
    name: getattr(metrics, name)
    for name in (
        "energy",
        "stored_energy",
        "ergotropy",
        "passive_state",
        "diagonal_entropy",
        "relative_entropy_of_coherence",
        "passive_energy",
        "bound_energy",
        "many_copy_work",
        "work_fluctuation",
    )
    if hasattr(metrics, name)
}
STATE_METRICS |= {
    "collective": partial(metrics.ergotropy, unitaries="collective"),
    "local": partial(metrics.ergotropy, unitaries="local", dims=[2]),
    "ergotropic_gap": partial(metrics.ergotropic_gap, dims=[2]),
    "excess_free_energy": partial(metrics.excess_free_energy, temperature=1.0),
    "power_bound": partial(metrics.power_bound, generator=SIGMA),
}


@pytest.mark.parametrize("odd", STATES)
@pytest.mark.parametrize("metric", STATE_METRICS)
def test_metrics_refuse_what_is_not_a_state(metric, odd):
    hamiltonian = qutip.Qobj(SIGMA) if "dims" in odd else SIGMA
    with pytest.raises(ValueError, match=r"state|dims"):
        STATE_METRICS[metric](STATES[odd], hamiltonian)


HAMILTONIANS = {
    "text": "H",
    "a number": 1.0,
    "nothing": [],
    "a ket": [1.0, 0.0],
    "nan": [[np.nan, 0], [0, 0]],
    "not Hermitian": [[0, 1], [0, 0]],
    "not Hermitian, small": 1e-24 * np.array([[0, 1], [0, 0]]),
    "not Hermitian, large": 1e24 * np.array([[0, 1], [0, 0]]),
    "three levels": np.eye(3),
    "a rectangle": np.ones((2, 3)),
    "none": None,
    "ragged": [[1.0], [0.0, 1.0]],
}


@pytest.mark.parametrize("odd", HAMILTONIANS)
@pytest.mark.parametrize("metric", STATE_METRICS)
def test_metrics_refuse_what_is_not_a_hamiltonian(metric, odd):
    with pytest.raises(ValueError, match=r"hamiltonian|states"):
        STATE_METRICS[metric]([[0.5, 0.0], [0.0, 0.5]], HAMILTONIANS[odd])


@pytest.mark.parametrize("odd", HAMILTONIANS)
def test_speed_limits_refuse_what_is_not_a_generator(odd):
    with pytest.raises(ValueError, match=r"generator|states"):
        metrics.speed_limits([[0.5, 0.0], [0.0, 0.5]], HAMILTONIANS[odd])


@pytest.mark.parametrize("odd", STATES)
def test_speed_limits_refuse_what_is_not_a_state(odd):
    generator = qutip.Qobj(SIGMA) if "dims" in odd else SIGMA
    with pytest.raises(ValueError, match=r"state|dims"):
        metrics.speed_limits(STATES[odd], generator)


@pytest.mark.parametrize("odd", [each for each in STATES if each != "a pair of dims"])
def test_a_measured_ancilla_needs_a_state(odd):
    # An ancilla of one level makes a pair of dims of two.
    with pytest.raises(ValueError, match=r"state|dims"):
        metrics.daemonic_ergotropy(STATES[odd], SIGMA, [[[1.0]]])


@pytest.mark.parametrize("odd", HAMILTONIANS)
def test_a_measured_ancilla_needs_a_hamiltonian(odd):
    with pytest.raises(ValueError, match=r"hamiltonian|states"):
        metrics.daemonic_ergotropy([0.6, 0.8], HAMILTONIANS[odd], [[[1.0]]])


@pytest.mark.parametrize("odd", ODD_TIMES)
def test_lifetimes_refuse_odd_times(odd):
    with pytest.raises(ValueError, match="`times`"):
        metrics.lifetime(ODD_TIMES[odd], [1.0, 0.1])


FORMS = {
    "a list": [0.6, 0.8j],
    "a column": [[0.6], [0.8j]],
    "a Qobj": qutip.Qobj([[0.6], [0.8j]]),
    "single precision": np.array([0.6, 0.8j], np.complex64),
    "a density matrix": np.outer([0.6, 0.8j], [0.6, -0.8j]),
    "sparse": scipy.sparse.csr_array(np.outer([0.6, 0.8j], [0.6, -0.8j])),
    "read-only": np.broadcast_to(np.outer([0.6, 0.8j], [0.6, -0.8j]), (2, 2)),
    "in columns": np.asfortranarray(np.outer([0.6, 0.8j], [0.6, -0.8j])),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scale", [1e-24, 1.0, 1e24])
def test_metrics_take_each_form_of_a_state_at_each_scale_of_energy(form, scale):
    # p = 0.36 up, 0.64 down, pure: E = -0.14, W = E - (-0.5).
    h = scale * SIGMA
    state = FORMS[form]
    assert metrics.energy(state, h) == pytest.approx(-0.14 * scale, rel=1e-6)
    assert metrics.ergotropy(state, h) == pytest.approx(0.36 * scale, rel=1e-6)
    assert metrics.stored_energy(state, h) == pytest.approx(0.36 * scale, rel=1e-6)
    for work in (
        metrics.many_copy_work(state, h),
        metrics.ergotropy(state, [h], unitaries="all_atoms"),
        metrics.ergotropy(state, h, unitaries="local", dims=[2]),
        metrics.excess_free_energy(state, h, 1e-9 * scale),
    ):
        assert work == pytest.approx(0.36 * scale, rel=1e-6)
    # A coherent pure state: sqrt(0.36 0.64).
    sigma = metrics.work_fluctuation(state, h)
    assert sigma == pytest.approx(0.48 * scale, rel=1e-6)
    assert metrics.power_bound(state, h, h / scale) == pytest.approx(
        2 * 0.48**2 * scale, rel=1e-6
    )


# --- Gaussian states and closed forms ---

BAD = pytest.mark.parametrize("value", ["1", None, np.nan, np.inf, -1.0, 1j], ids=repr)


@BAD
def test_thermal_occupations(value):
    for state in (gaussian.squeezed, gaussian.two_mode_squeezed):
        with pytest.raises(ValueError, match="occupation"):
            state(0.1, 0.0, value)
    with pytest.raises(ValueError, match="occupation"):
        gaussian.thermal(1, value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1j, None], ids=repr)
def test_squeezing_and_its_phase(value):
    for state in (gaussian.squeezed, gaussian.two_mode_squeezed):
        with pytest.raises(ValueError, match="squeezing"):
            state(value)
        with pytest.raises(ValueError, match="phase"):
            state(0.1, value)


@pytest.mark.parametrize("value", ["1", True, np.nan, np.inf, {}, [], None], ids=repr)
def test_amplitudes_of_coherent_states(value):
    with pytest.raises(ValueError, match=r"amplitude|double precision"):
        gaussian.coherent(value)


@pytest.mark.parametrize("value", ["vacuum", None, 0.5, np.eye(2), object()])
def test_what_is_not_a_gaussian_state_of_several_modes(value):
    with pytest.raises(ValueError, match="states"):
        gaussian.tensor(gaussian.thermal(1), value)
    metrics_of_several = (
        gaussian.energy,
        gaussian.gaussian_ergotropy,
        gaussian.logarithmic_negativity,
    )
    for metric in metrics_of_several:
        with pytest.raises(ValueError, match="state"):
            metric(value)


@pytest.mark.parametrize("value", [2, -1, 0.0, "0", None, [], [0, 1], [0, 0]], ids=repr)
def test_parties_of_the_logarithmic_negativity(value):
    with pytest.raises(ValueError, match="modes"):
        gaussian.logarithmic_negativity(gaussian.thermal(2), value)


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1.0, 1e9, 1e30])
def test_gaussian_work_at_each_scale_of_energy_and_heat(scale):
    # A hot mode above a cold one: a swap takes scale n (3 - 1) out.
    hot = gaussian.tensor(gaussian.thermal(1), gaussian.thermal(1, 7.0))
    assert gaussian.gaussian_ergotropy(hot, [scale, 3 * scale]) == pytest.approx(
        14 * scale, rel=1e-12
    )
    moved = gaussian.coherent([scale, 0.0])
    assert gaussian.gaussian_ergotropy(moved) == pytest.approx(
        scale**2, rel=1e-12, abs=1e-15
    )


@pytest.mark.parametrize(
    "value", ["1", None, np.nan, np.inf, 1j, [0.1], True], ids=repr
)
@pytest.mark.parametrize("field", ["linear_drive", "two_photon_drive"])
@pytest.mark.parametrize("name", ["nonreciprocal", "three-mode"])
def test_functions_that_drive_with_what_is_not_a_number(name, field, value):
    late = replace(SMALL[name], **{field: lambda t: value if t > 0.05 else 0.1})
    for times in ([0.0, 0.1], None):
        with pytest.raises(ValueError, match=f"`{field}`"):
            late.charge(times)


@pytest.mark.parametrize("size", [0.0, 1e-30, 1.0, 1e9, 1e200])
@pytest.mark.parametrize("field", ["linear_drive", "two_photon_drive"])
@pytest.mark.parametrize("name", ["nonreciprocal", "three-mode"])
def test_functions_that_drive_at_each_scale(name, field, size):
    battery = replace(SMALL[name], **{field: lambda t: size * math.cos(t)})
    try:
        curve = battery.charge(np.linspace(0.0, 0.2, 5))
        keeps_the_invariants(battery, curve)
    except BatteryError:
        return


@BAD
def test_frequencies_of_gaussian_metrics(value):
    for metric in (
        gaussian.ergotropy,
        gaussian.passive_energy,
        gaussian.energy,
        gaussian.gaussian_ergotropy,
    ):
        with pytest.raises(ValueError, match="frequency"):
            metric(gaussian.thermal(1), value)


@pytest.mark.parametrize(
    "odd",
    [
        "vacuum",
        (np.zeros(2), -np.eye(2)),
        (np.zeros(2), 0.1 * np.eye(2)),
        (np.zeros(2), np.full((2, 2), np.nan)),
        (np.zeros(2), [[0.5, 0.3], [0.0, 0.5]]),
        (np.zeros(2), np.eye(4)),
        (np.array([0, 1j]), 0.5 * np.eye(2)),
        (np.zeros(2), 0.5j * np.eye(2)),
    ],
    ids=repr,
)
def test_what_is_not_a_gaussian_start_is_refused(odd):
    start = gaussian.GaussianState(*odd) if isinstance(odd, tuple) else odd
    with pytest.raises(ValueError, match="start"):
        SMALL["nonreciprocal"].charge([0.0, 0.1], start=start)


@pytest.mark.parametrize(
    "system",
    [
        {
            "stiffness": np.full((2, 2), np.nan),
            "jumps": np.zeros((0, 2)),
            "force": np.zeros(2),
        },
        {
            "stiffness": [[1.0, 2.0], [0.0, 1.0]],
            "jumps": np.zeros((0, 2)),
            "force": np.zeros(2),
        },
        {"stiffness": np.eye(2), "jumps": [1.0, 1j], "force": np.zeros(2)},
        {"stiffness": np.eye(3), "jumps": np.zeros((0, 3)), "force": np.zeros(2)},
        {"stiffness": np.eye(2), "jumps": [[np.inf, 0]], "force": np.zeros(2)},
        {"stiffness": np.eye(2), "jumps": np.zeros((0, 2)), "force": [1.0]},
        {"stiffness": 1j * np.eye(2), "jumps": np.zeros((0, 2)), "force": np.zeros(2)},
    ],
    ids=lambda system: ", ".join(f"{k}" for k in system),
)
def test_what_is_not_a_gaussian_system_is_refused(system):
    with pytest.raises(ValueError, match="Argument"):
        gaussian.GaussianSystem(**system)


@pytest.mark.parametrize("value", ["1", np.nan, np.inf, -0.1, 1.2, 1j], ids=repr)
@pytest.mark.parametrize("which", ["battery_occupation", "ancilla_occupation"])
def test_occupations_of_the_stars_closed_forms(which, value):
    from qbcore.star import formulas

    good = {"battery_occupation": 0.2, "ancilla_occupation": 0.7}
    for form in (formulas.two_cell_excitation, formulas.three_cell_excitation):
        with pytest.raises(ValueError, match="occupation"):
            form(1.0, *{**good, which: value}.values())


@pytest.mark.parametrize("temperature", [-1.0, np.nan, "1", None, 1j], ids=repr)
def test_temperatures_of_the_fermi_function(temperature):
    with pytest.raises(ValueError, match="temperature"):
        fermi(1.0, 1.0, temperature)


@pytest.mark.parametrize(
    ("energy", "potential", "temperature", "want"),
    [
        (1, 1, 1.0, 0.5),
        (0, 1, 1e-9, 1.0),
        (2, 1, 1e-9, 0.0),
        (1e9, 0, 1.0, 0.0),
        # omega - mu is beyond the largest float; in units of T it is 2.
        (1e308, -1e308, 1e308, 1 / (math.exp(2) + 1)),
        (-1e308, 1e308, 1e308, 1 / (math.exp(-2) + 1)),
        (1e308, -1e308, 1.0, 0.0),
        # The smallest of floats, one apart.
        (5e-324, 0.0, 5e-324, 1 / (math.exp(1) + 1)),
    ],
)
def test_limits_of_the_fermi_function(energy, potential, temperature, want):
    assert fermi(energy, potential, temperature) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "first", "second"),
    [
        (fermi, "energy", "temperature"),
        (star_formulas.two_cell_excitation, "coupling", "n2"),
        (star_formulas.three_cell_excitation, "n1", "n2"),
        (steady_map, "coupling", "bias"),
        (charge_map, "drive", "interaction"),
        (nonreciprocal_formulas.two_photon_steady, "drive", "cross_loss"),
        (nonreciprocal_formulas.coherent_amplitudes, "drive", "coupling"),
        (partial(gaussian.wigner, gaussian.thermal(1)), "x", "p"),
    ],
)
def test_arguments_that_do_not_broadcast_are_named(call, first, second):
    good = {
        "energy": 1.0,
        "potential": 0.0,
        "temperature": 1.0,
        "coupling": 1.0,
        "n1": 0.2,
        "n2": 0.7,
        "bias": 1.0,
        "atoms": 2,
        "drive": 0.01,
        "duration": 1.0,
        "interaction": 0.0,
        "losses": (1.0, 1.0),
        "cross_loss": 0.5,
        "x": 0.0,
        "p": 0.0,
    }
    taken = {k: v for k, v in good.items() if k in inspect.signature(call).parameters}
    odd = {first: [1, 1], second: [1, 1, 1]}
    with pytest.raises(ValueError, match=rf"{first}.*{second}.*broadcast") as caught:
        call(**taken | odd)
    assert "(2,)" in str(caught.value)
    assert "(3,)" in str(caught.value)


@pytest.mark.parametrize("value", ["1", np.nan, np.inf, -1.0, 1j], ids=repr)
@pytest.mark.parametrize("which", ["drive", "losses", "cross_loss"])
def test_arguments_of_the_two_photon_closed_form(which, value):
    good = {"drive": 0.01, "losses": (1.0, 1.0), "cross_loss": 0.5}
    odd = (value, 1.0) if which == "losses" else value
    if which == "cross_loss" and value == -1.0:
        return  # its sign is a choice of phases
    with pytest.raises(ValueError, match="Argument"):
        nonreciprocal_formulas.two_photon_steady(**{**good, which: odd})


@pytest.mark.parametrize("value", ["1", np.nan, np.inf, 1j, [[1], [2, 3]]], ids=repr)
@pytest.mark.parametrize("which", ["atoms", "drive", "duration", "interaction"])
def test_grids_of_the_charge_map(which, value):
    good = {"atoms": 2, "drive": 1.0, "duration": 1.0, "interaction": 0.0}
    with pytest.raises(ValueError, match=f"`{which}`"):
        charge_map(**{**good, which: value})


@pytest.mark.parametrize("times", ["now", [np.nan], [-0.1], [0.5], 1j], ids=repr)
def test_times_of_the_printed_formulas(times):
    battery = qbcore.RosenZenerBattery()  # its pulse ends at 0.314
    for form in (
        rosen_zener_formulas.stored_energy,
        rosen_zener_formulas.state,
        rosen_zener_formulas.magnus_state,
    ):
        with pytest.raises(ValueError, match="`times`"):
            form(battery, times)
