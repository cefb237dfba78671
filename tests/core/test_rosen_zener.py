"""The Rosen-Zener battery against independent routes: full spin space, QuTiP, free atoms, limits."""

import numpy as np
import pytest
import qutip
from scipy.stats import binom

from qbcore import metrics
from qbcore.rosen_zener import RosenZenerBattery, charge_map
from qbcore.rosen_zener._pulse import DRIVE_WEIGHTS, PHASE_WEIGHTS, Pulses, dicke_projections

PRECISE = {"atol": 1e-13, "rtol": 1e-11, "progress_bar": "", "nsteps": 100_000}
CASES = [
    RosenZenerBattery(),
    RosenZenerBattery(atoms=1, interaction=-3.0, drive=7.0, duration=0.9),
    RosenZenerBattery(atoms=2, interaction=-2.0, drive=40.0),
    RosenZenerBattery(atoms=7, splitting=0.5, interaction=6.0, drive=3.0, duration=2.0),
    RosenZenerBattery(atoms=30, interaction=15.0),
]


def full_space(battery: RosenZenerBattery) -> tuple[qutip.Qobj, qutip.QobjEvo, qutip.Qobj]:
    """H_0, H(t) and the empty state on 2^N dimensions, straight from Eqs. (2)-(5) with sums over atoms."""
    n, eta = battery.atoms, battery.interaction * battery.splitting

    def at(operator: qutip.Qobj, site: int) -> qutip.Qobj:
        return qutip.tensor([operator if k == site else qutip.qeye(2) for k in range(n)])

    sz, sx = ([at(op, k) for k in range(n)] for op in (qutip.sigmaz(), qutip.sigmax()))
    bare = battery.splitting / 2 * sum(sz)
    pairs = eta / (2 * n) * sum(sz[i] * sz[j] for i in range(n) for j in range(n) if i != j)

    def pulse(t: float) -> float:
        return battery.drive * np.sin(np.pi * t / battery.duration) ** 2

    total = qutip.QobjEvo([bare + pairs, [sum(sx) / 2, pulse]])
    return bare, total, qutip.tensor([qutip.basis(2, 1)] * n)


@pytest.mark.parametrize("interaction", [-4.0, 0.0, 5.0])
def test_energy_agrees_with_all_atoms_written_out(interaction):
    # No Dicke basis, no collective spin: a factor of 2 in the drive or a wrong sign or sum over
    # pairs in the interaction changes E(t) by order 1. Tolerance: solver 1e-9, ours 1e-8 in the
    # state, hence 2 N * 1e-8 in the energy.
    battery = RosenZenerBattery(atoms=3, interaction=interaction, drive=9.0, duration=0.6)
    times = np.linspace(0, battery.duration, 31)
    bare, total, empty = full_space(battery)
    solved = qutip.sesolve(total, empty, times, e_ops=[bare], options=PRECISE)
    stored = solved.expect[0] + 3 * battery.splitting / 2
    np.testing.assert_allclose(battery.charge(times).energy, stored, rtol=0, atol=1e-7)


@pytest.mark.parametrize("battery", CASES, ids=str)
def test_states_agree_with_sesolve(battery):
    times = np.linspace(0, battery.duration, 21)
    start = qutip.basis(battery.atoms + 1, battery.atoms)
    solved = qutip.sesolve(battery.hamiltonian(), start, times, options=PRECISE)
    charging = battery.charge(times)
    distance = [np.linalg.norm(s.full() - k) for s, k in zip(solved.states, charging.states, strict=True)]
    # Both include the same global phase; ours errs by 1e-8, sesolve by rtol * steps, some 1e-8.
    assert max(distance) < 1e-7


@pytest.mark.parametrize("battery", CASES, ids=str)
def test_curve_is_what_the_metrics_say_of_its_states(battery):
    c = battery.charge(np.linspace(0, battery.duration, 17))
    h0 = battery.battery_hamiltonian()
    total = np.array([battery.hamiltonian()(t).full() for t in c.times])
    stored = metrics.stored_energy(c.states, h0)
    np.testing.assert_allclose(c.energy, stored, atol=1e-9 * battery.atoms)
    # A rounding error of 1e-15 in the variance is 3e-8 in its root where the variance vanishes.
    spread = metrics.energy_fluctuation(c.states, h0)
    np.testing.assert_allclose(c.fluctuation**2, spread**2, atol=1e-9 * battery.atoms)
    np.testing.assert_allclose(c.diagonal_entropy, metrics.diagonal_entropy(c.states, h0), atol=1e-8)
    power = metrics.instantaneous_power(c.states, h0, total)
    np.testing.assert_allclose(c.power, power, atol=1e-9 * battery.atoms * battery.drive)


@pytest.mark.parametrize("atoms", [1, 4, 60])
def test_free_atoms_are_independent_coins(atoms):
    one = RosenZenerBattery(atoms=1, interaction=0.0, duration=0.8)
    many = RosenZenerBattery(atoms=atoms, interaction=0.0, duration=0.8)
    p, c = one.charge().energy, many.charge()
    tosses = binom.pmf(np.arange(atoms + 1)[:, None], atoms, p).T
    np.testing.assert_allclose(c.energy, atoms * p, atol=1e-7 * atoms)
    np.testing.assert_allclose(c.fluctuation**2, atoms * p * (1 - p), atol=1e-7 * atoms)
    np.testing.assert_allclose(c.diagonal_entropy, metrics.shannon_entropy(tosses), atol=1e-5)


def test_short_pulse_is_a_rotation_by_its_area():
    # With Delta T -> 0 only the pulse is left: E = (N Delta / 2)(1 - cos phi), exact to (Delta T)^2.
    battery = RosenZenerBattery(drive=5e4, duration=1e-4, interaction=0.0)
    c = battery.charge()
    rotation = battery.atoms / 2 * (1 - np.cos(battery.pulse_area(c.times)))
    np.testing.assert_allclose(c.energy, rotation, atol=battery.atoms * 1e-8)
    assert battery.pulse_area(battery.duration) == pytest.approx(2.5)


def test_no_drive_stores_nothing():
    c = RosenZenerBattery(drive=0.0, interaction=3.0).charge()
    assert np.abs(c.energy).max() < 1e-12
    assert np.abs(c.power).max() == 0


def test_units_scale():
    # Multiply every energy by 3 and divide every time by 3: energies scale by 3, times by 1/3.
    a = RosenZenerBattery(interaction=4.0)
    b = RosenZenerBattery(interaction=4.0, splitting=3.0, drive=60.0, duration=a.duration / 3)
    x, y = a.charge(), b.charge()
    np.testing.assert_allclose(y.times, x.times / 3)
    np.testing.assert_allclose(y.energy, 3 * x.energy, atol=1e-6)
    np.testing.assert_allclose(y.power, 9 * x.power, atol=1e-5)
    np.testing.assert_allclose(y.fluctuation, 3 * x.fluctuation, atol=1e-6)
    np.testing.assert_allclose(y.diagonal_entropy, x.diagonal_entropy, atol=1e-6)


def test_splitting_weights_satisfy_their_identities():
    # Consistency and time symmetry of the published constants; the order is tested below.
    for weights in (DRIVE_WEIGHTS, PHASE_WEIGHTS):
        assert weights.sum() == pytest.approx(1, abs=1e-15)
        np.testing.assert_array_equal(weights, weights[::-1])
    assert (DRIVE_WEIGHTS.size, PHASE_WEIGHTS.size) == (7, 6)


def test_integrator_converges_with_order_four():
    pulses = Pulses.of(6, 1.0, 25.0, 0.5, 3.0)
    ends = {n: next(pulses.path(np.array([1.0]), n))[:, 0] for n in (8, 16, 32, 512)}
    errors = np.array([np.linalg.norm(ends[n] - ends[512]) for n in (8, 16, 32)])
    # 16 per doubling, up to the next even order: the ratios must approach it.
    ratios = errors[:-1] / errors[1:]
    assert abs(ratios[-1] - 16) < 1.0
    assert abs(np.linalg.norm(ends[512]) - 1) < 1e-12


@pytest.mark.parametrize("accuracy", [1e-4, 1e-6, 1e-8])
def test_accuracy_is_kept(accuracy):
    battery = RosenZenerBattery(interaction=10.0, duration=0.8)
    times = np.linspace(0, battery.duration, 7)
    rough, fine = battery.charge(times, accuracy=accuracy), battery.charge(times, accuracy=1e-11)
    assert np.linalg.norm(rough.states - fine.states, axis=1).max() <= accuracy


def test_map_agrees_with_single_runs_point_by_point():
    drives, durations, strengths = np.array([[6.0], [33.0]]), np.array([0.2, 0.7, 1.1]), 2.5
    grid = charge_map(atoms=5, drive=drives, duration=durations, interaction=strengths, splitting=0.8)
    assert grid.final_energy.shape == grid.max_energy.time.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        battery = RosenZenerBattery(
            atoms=5, splitting=0.8, drive=drives[i, 0], duration=durations[j], interaction=strengths
        )
        c = battery.charge(np.linspace(0, battery.duration, 1601))
        for name in ("max_energy", "max_average_power"):
            found, expected = getattr(grid, name), getattr(c, name)
            # Quintic refinement with 8 samples a radian: h^6/46080 * 2^6 N/2, under 1e-9 N in value;
            # the time of a maximum is known to the root of that.
            assert found.value[i, j] == pytest.approx(expected.value, rel=1e-6)
            assert found.time[i, j] == pytest.approx(expected.time, abs=2e-4 * battery.duration)
        assert grid.final_energy[i, j] == pytest.approx(c.energy[-1], abs=1e-6)
        assert grid.final_fluctuation[i, j] == pytest.approx(c.fluctuation[-1], abs=1e-6)
        assert grid.final_diagonal_entropy[i, j] == pytest.approx(c.diagonal_entropy[-1], abs=1e-6)
        # Maxima over samples a phase step 1/8 apart miss at most (1/16)^2 / 2 of their scale.
        assert grid.max_fluctuation[i, j] == pytest.approx(c.fluctuation.max(), rel=4e-3)
        assert grid.max_diagonal_entropy[i, j] == pytest.approx(c.diagonal_entropy.max(), rel=4e-3)


def test_map_over_sizes_and_strengths_in_one_call():
    sizes, strengths = np.array([[1], [4], [9]]), np.array([-5.0, 0.0, 5.0])
    grid = charge_map(atoms=sizes, drive=20.0, duration=0.3, interaction=strengths)
    for i, j in np.ndindex(3, 3):
        alone = charge_map(atoms=sizes[i, 0], drive=20.0, duration=0.3, interaction=strengths[j])
        assert grid.final_energy[i, j] == pytest.approx(float(alone.final_energy), abs=1e-6)
        assert grid.max_energy.value[i, j] == pytest.approx(float(alone.max_energy.value), abs=1e-6)


def test_map_finds_the_true_maximum_between_samples():
    grid = charge_map(atoms=10, drive=45.0, duration=0.9, interaction=2.0, resolution=2.5)
    dense = RosenZenerBattery(drive=45.0, duration=0.9).charge(np.linspace(0, 0.9, 20001))
    assert grid.max_energy.value == pytest.approx(dense.energy.max(), rel=1e-6)


def test_many_lambdas_in_one_call():
    grid = charge_map(atoms=9, drive=20.0, duration=0.3, interaction=np.linspace(-30, 30, 7))
    assert grid.max_energy.value.shape == (7,)
    assert np.all(grid.max_energy.value <= 9 + 1e-6)
    # The two signs of the interaction are different physics: the detuning adds to it or not.
    assert grid.max_energy.value[0] != pytest.approx(grid.max_energy.value[-1], rel=1e-3)


@pytest.mark.parametrize("atoms", [2, 3, 5, 100])
def test_ground_state_leaves_the_bottom_at_the_transition(atoms):
    battery = RosenZenerBattery(atoms=atoms)
    for shift, expected in ((-1e-6, atoms), (1e-6, atoms - 1)):
        near = RosenZenerBattery(atoms=atoms, interaction=battery.transition + shift)
        assert near.static_levels().argmin() == expected
    assert battery.transition == pytest.approx(atoms / (2 * atoms - 2))


def test_static_levels_are_those_of_all_atoms_written_out():
    battery = RosenZenerBattery(atoms=3, interaction=1.7)
    _, total, _ = full_space(battery)
    # Eq. (4) lacks the i = j terms: H_aa = (2 eta/N) Jz^2 - eta/2.
    shifted = battery.static_levels() - battery.interaction / 2
    symmetric = np.unique(total(0.0).eigenenergies().round(10))
    np.testing.assert_allclose(np.unique(shifted.round(10)), symmetric, atol=1e-9)


def test_one_atom_has_no_transition():
    assert RosenZenerBattery(atoms=1).transition == np.inf


def test_hamiltonian_orders_the_dicke_states_as_qutip_does():
    battery = RosenZenerBattery(atoms=4, interaction=0.0)
    np.testing.assert_allclose(battery.hamiltonian()(0.0).diag(), dicke_projections(4))
    assert battery.hamiltonian()(battery.duration / 2).full()[0, 1] == pytest.approx(20.0 * 1.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"atoms": 0}, "`atoms` must be an integer of at least 1, but is 0"),
        ({"atoms": 2.5}, "`atoms` must be an integer"),
        ({"atoms": True}, "`atoms` must be an integer"),
        ({"splitting": 0.0}, "`splitting` must be a finite real number above 0, but is 0.0"),
        ({"drive": -1.0}, "`drive` must be a finite real number of at least 0, but is -1.0"),
        ({"duration": 0.0}, "`duration` must be a finite real number above 0"),
        ({"duration": np.nan}, "`duration` must be a finite real number"),
        ({"interaction": np.inf}, "`interaction` must be a finite real number"),
        ({"interaction": "2"}, "`interaction` must be a finite real number, but is '2'"),
    ],
)
def test_bad_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        RosenZenerBattery(**wrong)


@pytest.mark.parametrize(
    "times", [[0.0], [0.0, 0.2, 0.1], [-0.1, 0.1], [0.0, 1.0], [0.0, np.nan], [[0.0, 0.1]]]
)
def test_bad_times_are_refused(times):
    with pytest.raises(ValueError, match="`times` must"):
        RosenZenerBattery(duration=0.5).charge(times)


@pytest.mark.parametrize("accuracy", [0.0, 1e-13, np.nan])
def test_accuracy_out_of_reach_is_refused(accuracy):
    with pytest.raises(ValueError, match="`accuracy` must"):
        RosenZenerBattery().charge(accuracy=accuracy)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"drive": [10.0, -1.0]}, "drive"),
        ({"duration": [0.1, 0.0]}, "duration"),
        ({"interaction": [1.0, np.nan]}, "interaction"),
        ({"drive": []}, "drive"),
        ({"resolution": 0.0}, "resolution"),
        ({"atoms": [3, 0]}, "atoms"),
        ({"atoms": 2.5}, "atoms"),
    ],
)
def test_map_names_the_bad_parameter(wrong, name):
    good = {"atoms": 2, "drive": 20.0, "duration": 0.1, "interaction": 1.0}
    with pytest.raises(ValueError, match=f"`{name}` must"):
        charge_map(**(good | wrong))
