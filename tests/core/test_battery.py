"""The general `charge`: right on what it solves, clear on what it cannot."""

import numpy as np
import pytest
import qutip
from scipy.special import factorial

import qbcore
from qbcore import metrics
from qbcore._numerics.propagation import propagate
from qbcore.errors import AccuracyError, LeakingCutoffError

UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)
FLIP, LEVELS = qutip.sigmax(), qutip.num(2)
TIMES = np.linspace(0.0, 2.0, 21)


def test_a_short_pulse_between_the_solvers_steps_is_seen():
    """A Gaussian pi pulse of width 0.1 fills the battery, long after the start."""
    width = 0.1

    def shape(t):
        return np.pi / 2 / (np.sqrt(np.pi) * width) * np.exp(-(((t - 5) / width) ** 2))

    h = qutip.QobjEvo([0 * LEVELS, [FLIP, shape]])
    curve = qbcore.charge(h, LEVELS, qutip.basis(2, 0), np.linspace(0, 10, 201))
    assert curve.energy[-1] == pytest.approx(1.0, abs=1e-6)


def test_losses_and_subsystems_give_the_exact_power():
    """Two qubits exchange, the second decays: E' by finite differences."""
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
    # h^2 E''' / 6 = 4e-6 inside, twice at the ends.
    assert np.abs(slope - curve.power).max() < 1e-4
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
    "battery_hamiltonian": {"battery_hamiltonian": np.eye(3)},
    "many battery_hamiltonians": {"battery_hamiltonian": [np.eye(2)] * 3},
    "another space": {"battery_hamiltonian": qutip.num(3)},
    "collapse_operators": {"collapse_operators": [qutip.sigmam().full()]},
    "a rate next to its operator": {"collapse_operators": [[qutip.sigmam(), "t"]]},
    "a dissipator": {"collapse_operators": qutip.lindblad_dissipator(qutip.sigmam())},
    "no operators": {"collapse_operators": None},
    "a jump elsewhere": {"collapse_operators": [qutip.destroy(3)]},
    "a jump that is nan": {"collapse_operators": [np.nan * qutip.num(2)]},
    "battery_sites": {"battery_sites": [1]},
    "twice": {"battery_sites": [0, 0]},
    "none": {"battery_sites": []},
    "a site that is not a number": {"battery_sites": ["0"]},
    "a site that is a float": {"battery_sites": [0.0]},
    "times": {"times": [1.0, 0.5]},
    "no time": {"times": []},
    "a time before the start": {"times": [-1.0, 0.5]},
    "a time that is nan": {"times": [0.0, np.nan]},
    "a text": {"times": "now"},
    "complex times": {"times": [0.0, 1j]},
    "a bra": {"start": DOWN.dag()},
    "an operator as ket": {"start": qutip.operator_to_vector(DOWN.proj())},
    "two starts": {"start": [UP, DOWN]},
    "no start": {"start": None},
    "a start elsewhere": {"start": qutip.basis([1, 2], [0, 0])},
    "a start that is nan": {"start": [np.nan, 1.0]},
    "a start of norm 0": {"start": [0.0, 0.0]},
    "a Liouvillian": {"hamiltonian": qutip.liouvillian(FLIP)},
    "a ket for H": {"hamiltonian": UP},
    "H that is nan": {"hamiltonian": np.nan * qutip.num(2)},
    "H between spaces": {"hamiltonian": qutip.Qobj(np.eye(6), dims=[[2, 3], [3, 2]])},
    "levels that are not Hermitian": {"battery_hamiltonian": 1e-24 * qutip.sigmam()},
    "levels that are nan": {"battery_hamiltonian": np.nan * qutip.num(2)},
    "levels in time": {"battery_hamiltonian": qutip.QobjEvo([LEVELS, lambda t: t])},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_refused(change):
    fields = {
        "hamiltonian": FLIP,
        "battery_hamiltonian": LEVELS,
        "start": DOWN,
        "times": TIMES,
    }
    name = next(iter(change))
    with pytest.raises(ValueError, match=f"Argument `{name}` must"):
        qbcore.charge(**(fields | change))


LOWER = qutip.sigmap()  # QuTiP's first basis state is the lower level of `LEVELS`
DECAY = 0.4


def decaying(times):
    """Charge nothing: one excitation decays at the rate ``DECAY``."""
    return np.expm1(-DECAY * np.array(times))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"collapse_operators": DECAY**0.5 * LOWER}, decaying(TIMES)),
        ({"collapse_operators": (DECAY**0.5 * LOWER,)}, decaying(TIMES)),
        (
            {"collapse_operators": qutip.QobjEvo(DECAY**0.5 * LOWER)},
            decaying(TIMES),
        ),
        # The rate 2 DECAY t has decayed by DECAY t^2.
        (
            {
                "collapse_operators": [
                    qutip.QobjEvo([[LOWER, lambda t: (2 * DECAY * t) ** 0.5]])
                ]
            },
            decaying(TIMES**2),
        ),
        ({"times": [0.0]}, [0.0]),
        ({"times": [1.5]}, decaying([1.5])),
        ({"times": [1, 2]}, decaying([1, 2])),
        ({"times": (0.5, 2.0)}, decaying([0.5, 2.0])),
        ({"times": [0.0, 1e-300]}, [0.0, 0.0]),
        ({"start": [0.0, 1.0]}, decaying(TIMES)),
        ({"start": [[0.0, 0.0], [0.0, 1.0]]}, decaying(TIMES)),
        ({"start": qutip.QobjEvo(DOWN)}, decaying(TIMES)),
        ({"start": DOWN.proj()}, decaying(TIMES)),
        ({"battery_sites": 0}, decaying(TIMES)),
        ({"battery_hamiltonian": LEVELS.full()}, decaying(TIMES)),
        ({"battery_hamiltonian": [[0, 0], [0, 1]]}, decaying(TIMES)),
        ({"battery_hamiltonian": qutip.QobjEvo(LEVELS)}, decaying(TIMES)),
        ({"battery_sites": np.array([0])}, decaying(TIMES)),
    ],
    ids=str,
)
def test_what_has_a_meaning_is_charged(change, expected):
    fields = {
        "hamiltonian": LEVELS,
        "battery_hamiltonian": LEVELS,
        "start": DOWN,
        "times": TIMES,
        "collapse_operators": [DECAY**0.5 * LOWER],
    }
    curve = qbcore.charge(**(fields | change))
    # The solver's tolerance is 1e-10 a step, and there are about a hundred.
    assert curve.energy == pytest.approx(expected, abs=1e-8)
    if "lambda" not in str(change) and not isinstance(
        change.get("collapse_operators"), list
    ):
        lost = -DECAY * (1 + np.array(expected))
        assert curve.power == pytest.approx(lost, abs=1e-8)


def test_the_ergotropy_of_a_qubit_that_decays_and_keeps_coherence():
    """By hand: p excited and coherence c make W = p - (1 - r)/2, r the Bloch length."""
    p, c = 0.8, 0.25 - 0.2j
    start = qutip.Qobj([[1 - p, c], [np.conj(c), p]])
    jumps = [DECAY**0.5 * LOWER]
    curve = qbcore.charge(
        LEVELS, LEVELS, start, TIMES[1:], collapse_operators=jumps, states=True
    )
    left = np.exp(-DECAY * TIMES[1:])
    excited, coherence = p * left, abs(c) * left**0.5
    length = np.hypot(1 - 2 * excited, 2 * coherence)
    assert curve.ergotropy == pytest.approx(excited - (1 - length) / 2, abs=1e-8)
    assert np.abs(curve.states[:, 0, 1]) == pytest.approx(coherence, abs=1e-8)


@pytest.mark.parametrize("unit", [1e-34, 1e-13, 1.0, 1e12, 1e34])
def test_the_unit_of_energy_changes_nothing(unit):
    """QuTiP deletes what is below 1e-12 from products: joules lost their decay."""
    jumps = [0.3 * LOWER]
    plain = qbcore.charge(FLIP, LEVELS, UP, TIMES, collapse_operators=jumps)
    jumps = [0.3 * unit**0.5 * LOWER]
    times = TIMES / unit
    scaled = qbcore.charge(
        unit * FLIP, unit * LEVELS, UP, times, collapse_operators=jumps
    )
    assert scaled.energy / unit == pytest.approx(plain.energy, abs=1e-8)
    assert scaled.power / unit**2 == pytest.approx(plain.power, abs=1e-8)
    assert scaled.ergotropy / unit == pytest.approx(plain.ergotropy, abs=1e-8)


def test_a_loss_that_only_comes_late_is_refused_by_name():
    """A part of H that is not Hermitian sets in with t^3."""
    h = qutip.QobjEvo([FLIP, [-1j * LEVELS, lambda t: t**3]])
    with pytest.raises(AccuracyError, match="norm") as caught:
        qbcore.charge(h, LEVELS, DOWN, TIMES)
    assert caught.value.found > caught.value.limit == metrics.TOLERANCE


@pytest.mark.filterwarnings("ignore:_zvode")
def test_a_solver_that_gives_up_is_named():
    h = qutip.QobjEvo([LEVELS, [FLIP, lambda t: np.nan if t > 1 else 0.0]])
    with pytest.raises(AccuracyError, match=r"gave up before t = 1\.1.*finite"):
        qbcore.charge(h, LEVELS, DOWN, TIMES)


def test_a_loss_of_norm_that_comes_back_is_seen():
    """Loss until t = 1, as much gain afterwards: the last norm alone is 1."""

    def loss(t):
        return np.where(t < 1, -0.2, 0.2).item()

    h = qutip.QobjEvo([[1j * qutip.qeye(2), loss]])
    with pytest.raises(AccuracyError, match="Hermitian"):
        qbcore.charge(h, LEVELS, DOWN, TIMES)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_the_ceiling_is_what_the_start_leaves_of_the_highest_level(p):
    h = qutip.Qobj(np.diag([-1.0, 4.0, 2.5]))
    start = qutip.Qobj(np.diag([1 - p, p, 0.0]))
    hop = qutip.jmat(1, "x")
    curve = qbcore.charge(hop, h, start, TIMES)
    assert curve.ceiling == pytest.approx(5.0 - 5.0 * p, abs=1e-12)
    assert (curve.energy <= curve.ceiling + 1e-9).all()


def test_a_start_with_the_defects_of_a_solver_is_repaired_aloud():
    start = np.diag([-4e-5, 1 + 4e-5])
    with pytest.warns(UserWarning, match=r"`start`.*-4e-05.*rtol"):
        curve = qbcore.charge(FLIP, LEVELS, start, TIMES)
    whole = qbcore.charge(FLIP, LEVELS, DOWN, TIMES)
    assert curve.energy == pytest.approx(whole.energy, abs=1e-8)


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
    """A bath fills an empty star at once: E' = 2 omega_0 gamma n at t = 0."""
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


# --- times that nobody chose, and modes that are cut off ---


@pytest.mark.parametrize("rabi", [0.05, 1.0, 1e6])
def test_default_times_show_two_periods_of_a_driven_qubit(rabi):
    curve = qbcore.charge(rabi * FLIP / 2, LEVELS, qutip.basis(2, 0))
    assert curve.times[-1] == pytest.approx(4 * np.pi / rabi)
    expected = np.sin(rabi * curve.times / 2) ** 2
    assert curve.energy == pytest.approx(expected, abs=1e-8)
    assert curve.max_energy.value == pytest.approx(1.0, abs=1e-9)


def test_default_times_follow_a_loss():
    """2 pi lifetimes: e^(-2 pi) of the energy is left."""
    curve = qbcore.charge(
        0 * LEVELS, LEVELS, DOWN, collapse_operators=DECAY**0.5 * LOWER
    )
    assert curve.times[-1] == pytest.approx(2 * np.pi / DECAY)
    assert curve.energy[-1] == pytest.approx(np.expm1(-2 * np.pi), abs=1e-8)


@pytest.mark.parametrize(
    ("hamiltonian", "says"),
    [
        (LEVELS, "at rest"),
        (0 * LEVELS, "at rest"),
        (qutip.QobjEvo([FLIP, lambda t: t]), "depends on time"),
    ],
    ids=["eigenstate", "nothing", "pulse"],
)
def test_default_times_that_cannot_be_known_are_asked_for(hamiltonian, says):
    with pytest.raises(ValueError, match=f"Argument `times` must .*{says}"):
        qbcore.charge(hamiltonian, LEVELS, qutip.basis(2, 0))


def jaynes_cummings(levels, coupling=1.0):
    """A qubit and a mode in resonance, qubit first; the qubit is the battery."""
    a = qutip.tensor(qutip.qeye(2), qutip.destroy(levels))
    down = qutip.tensor(qutip.destroy(2), qutip.qeye(levels))
    return coupling * (a.dag() * down + a * down.dag())


def driven_mode(levels, drive=1.0):
    """A mode that a resonant drive displaces to alpha = -i F t."""
    a = qutip.destroy(levels)
    return drive * (a + a.dag())


def test_a_mode_that_leaks_between_the_samples_is_refused():
    """Displaced forth and back: at both samples the mode is empty."""
    h = qutip.QobjEvo([driven_mode(12), lambda t: 3.0 if t < 1 else -3.0])
    empty = qutip.basis(12, 0)
    with pytest.raises(LeakingCutoffError, match="mode 0") as caught:
        qbcore.charge(h, qutip.num(12), empty, [0.0, 1.0, 2.0], modes=0)
    assert caught.value.found > caught.value.limit == 1e-6


@pytest.mark.parametrize(("levels", "time"), [(12, 1.0), (24, 1.5)])
def test_the_leak_is_the_population_of_the_two_highest_levels(levels, time):
    """A coherent state of mean n: populations of a Poisson distribution."""
    n = time**2
    weights = np.exp(-n) * n ** np.arange(levels) / factorial(np.arange(levels))
    top = weights[-2:].sum()
    curve = [driven_mode(levels), qutip.num(levels), qutip.basis(levels, 0)]
    times = np.linspace(0, time, 4)
    assert qbcore.charge(*curve, times, modes=0, leak=2 * top).energy[-1] == (
        pytest.approx(n, rel=1e-6)
    )
    with pytest.raises(LeakingCutoffError) as caught:
        qbcore.charge(*curve, times, modes=[0], leak=top / 2)
    assert top / 2 < caught.value.found < 1.2 * top


def test_a_mode_beside_a_battery_is_looked_at_without_changing_the_curve():
    h, t = jaynes_cummings(6), np.linspace(0, 3, 31)
    start = qutip.basis([2, 6], [0, 1])
    plain = qbcore.charge(h, LEVELS, start, t, battery_sites=0)
    guarded = qbcore.charge(h, LEVELS, start, t, battery_sites=0, modes=[1])
    assert plain.energy == pytest.approx(np.sin(t) ** 2, abs=1e-8)
    assert guarded.energy == pytest.approx(plain.energy, abs=1e-9)
    with pytest.raises(ValueError, match="Argument `modes` must"):
        qbcore.charge(h, LEVELS, start, t, battery_sites=0, modes=[2])
    with pytest.raises(ValueError, match="Argument `leak` must"):
        qbcore.charge(h, LEVELS, start, t, battery_sites=0, modes=[1], leak=0.0)


@pytest.mark.parametrize("odd", [[FLIP, [LEVELS, "t"]], lambda t: t * FLIP], ids=type)
def test_a_hamiltonian_in_time_is_asked_for_as_a_qobjevo(odd):
    with pytest.raises(ValueError, match="QobjEvo: make one of a list or a function"):
        qbcore.charge(odd, LEVELS, DOWN, TIMES)
    flip = [FLIP, [LEVELS, lambda t: 0.0]]
    curve = qbcore.charge(qutip.QobjEvo(flip), LEVELS, DOWN, TIMES)
    same = qbcore.charge(FLIP, LEVELS.full(), DOWN, TIMES)
    assert curve.energy == pytest.approx(same.energy, abs=1e-8)


def test_an_array_has_the_levels_of_several_battery_sites():
    """The excitation of a chain of three arrives at the last two sites."""
    hop = qutip.tensor(qutip.create(2), qutip.destroy(2), qutip.qeye(2))
    back = qutip.tensor(qutip.qeye(2), qutip.create(2), qutip.destroy(2))
    h = hop + hop.dag() + back + back.dag()
    fields = {"battery_sites": (1, 2), "times": np.linspace(0.0, 3.0, 31)}
    start = qutip.basis([2] * 3, [1, 0, 0])
    curve = qbcore.charge(h, np.diag([0.0, 2, 1, 3]), start, **fields)
    # Of the three modes with energies 0, +-sqrt 2: amplitudes of the last two sites.
    x = np.sqrt(2) * curve.times
    want = np.sin(x) ** 2 / 2 + 2 * ((np.cos(x) - 1) / 2) ** 2
    assert curve.energy == pytest.approx(want, abs=1e-8)
