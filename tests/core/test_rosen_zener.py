"""The Rosen-Zener battery against independent routes.

They are the full spin space, QuTiP, scipy, free atoms, limits.
"""

import numpy as np
import pytest
import qutip
from scipy.integrate import quad, solve_ivp
from scipy.sparse import csr_array
from scipy.stats import binom

from qbcore import metrics
from qbcore._numerics.spins import projections
from qbcore.errors import AccuracyError, NoSteadyStateError, TooLargeError
from qbcore.rosen_zener import ChargingMap, RosenZenerBattery, charge_map
from qbcore.rosen_zener._pulse import MOST_SAMPLES, MOST_WORK

PRECISE = {"atol": 1e-13, "rtol": 1e-11, "progress_bar": "", "nsteps": 100_000}
CASES = [
    RosenZenerBattery(),
    RosenZenerBattery(atoms=1, interaction=-3.0, drive=7.0, duration=0.9),
    RosenZenerBattery(atoms=2, interaction=-2.0, drive=40.0),
    RosenZenerBattery(atoms=7, splitting=0.5, interaction=6.0, drive=3.0, duration=2.0),
    RosenZenerBattery(atoms=30, interaction=15.0),
]


def full_space(
    battery: RosenZenerBattery,
) -> tuple[qutip.Qobj, qutip.QobjEvo, qutip.Qobj]:
    """H_0, H(t) and the empty state on 2^N levels: Eqs. (2)-(5), summed over atoms."""
    n, eta = battery.atoms, battery.interaction * battery.splitting

    def at(operator: qutip.Qobj, site: int) -> qutip.Qobj:
        return qutip.tensor(
            [operator if k == site else qutip.qeye(2) for k in range(n)]
        )

    sz, sx = ([at(op, k) for k in range(n)] for op in (qutip.sigmaz(), qutip.sigmax()))
    bare = battery.splitting / 2 * sum(sz)
    pairs = (
        eta / (2 * n) * sum(sz[i] * sz[j] for i in range(n) for j in range(n) if i != j)
    )

    def pulse(t: float) -> float:
        return battery.drive * np.sin(np.pi * t / battery.duration) ** 2

    total = qutip.QobjEvo([bare + pairs, [sum(sx) / 2, pulse]])
    return bare, total, qutip.tensor([qutip.basis(2, 1)] * n)


@pytest.mark.parametrize("interaction", [-4.0, 0.0, 5.0])
def test_energy_agrees_with_all_atoms_written_out(interaction):
    # No Dicke basis, no collective spin: a factor of 2 in the drive or a wrong sign or
    # sum over pairs in the interaction changes E(t) by order 1. Tolerance: solver 1e-9,
    # ours 1e-8 in the state, hence 2 N * 1e-8 in the energy.
    battery = RosenZenerBattery(
        atoms=3, interaction=interaction, drive=9.0, duration=0.6
    )
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
    charging = battery.charge(times, states=True)
    distance = [
        np.linalg.norm(s.full() - k)
        for s, k in zip(solved.states, charging.states, strict=True)
    ]
    # Both include the same global phase; ours errs by 1e-8, sesolve by rtol * steps,
    # some 1e-8.
    assert max(distance) < 1e-7


@pytest.mark.parametrize("battery", CASES, ids=str)
def test_curve_is_what_the_metrics_say_of_its_states(battery):
    c = battery.charge(np.linspace(0, battery.duration, 17), states=True)
    h0 = battery.battery_hamiltonian()
    total = np.array([battery.hamiltonian()(t).full() for t in c.times])
    stored = metrics.stored_energy(c.states, h0)
    np.testing.assert_allclose(c.energy, stored, atol=1e-9 * battery.atoms)
    # From the ground state all that is stored is ergotropy.
    np.testing.assert_allclose(
        c.ergotropy, metrics.ergotropy(c.states, h0), atol=1e-9 * battery.atoms
    )
    # A rounding error of 1e-15 in the variance is 3e-8 in its root where it vanishes.
    spread = metrics.energy_fluctuation(c.states, h0)
    np.testing.assert_allclose(c.fluctuation**2, spread**2, atol=1e-9 * battery.atoms)
    np.testing.assert_allclose(
        c.diagonal_entropy, metrics.diagonal_entropy(c.states, h0), atol=1e-8
    )
    power = metrics.instantaneous_power(c.states, h0, total)
    np.testing.assert_allclose(
        c.power, power, atol=1e-9 * battery.atoms * battery.drive
    )


@pytest.mark.parametrize("atoms", [1, 4, 60])
def test_free_atoms_are_independent_coins(atoms):
    one = RosenZenerBattery(atoms=1, interaction=0.0, duration=0.8)
    many = RosenZenerBattery(atoms=atoms, interaction=0.0, duration=0.8)
    p, c = one.charge().energy, many.charge()
    tosses = binom.pmf(np.arange(atoms + 1)[:, None], atoms, p).T
    np.testing.assert_allclose(c.energy, atoms * p, atol=1e-7 * atoms)
    np.testing.assert_allclose(c.fluctuation**2, atoms * p * (1 - p), atol=1e-7 * atoms)
    np.testing.assert_allclose(
        c.diagonal_entropy, metrics.shannon_entropy(tosses), atol=1e-5
    )


def test_short_pulse_is_a_rotation_by_its_area():
    # With Delta T -> 0 only the pulse is left: E = (N Delta / 2)(1 - cos phi), exact to
    # (Delta T)^2.
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
    # Multiply every energy by 3, divide every time by 3: energies scale by 3, times by
    # 1/3.
    a = RosenZenerBattery(interaction=4.0)
    b = RosenZenerBattery(
        interaction=4.0, splitting=3.0, drive=60.0, duration=a.duration / 3
    )
    x, y = a.charge(), b.charge()
    np.testing.assert_allclose(y.times, x.times / 3)
    np.testing.assert_allclose(y.energy, 3 * x.energy, atol=1e-6)
    np.testing.assert_allclose(y.power, 9 * x.power, atol=1e-5)
    np.testing.assert_allclose(y.fluctuation, 3 * x.fluctuation, atol=1e-6)
    np.testing.assert_allclose(y.diagonal_entropy, x.diagonal_entropy, atol=1e-6)


def by_dop853(battery: RosenZenerBattery, times: list[float]) -> np.ndarray:
    """Kets (T, N + 1) by scipy; local errors of 3e-14 add up to some 1e-12."""
    jx = qutip.jmat(battery.atoms / 2, "x").full().real
    empty = np.eye(battery.atoms + 1, dtype=complex)[-1]

    def slope(t, psi):
        f = battery.drive * np.sin(np.pi * t / battery.duration) ** 2
        return -1j * (battery.static_levels * psi + f * (jx @ psi))

    ends = [
        solve_ivp(slope, (0, t), empty, "DOP853", rtol=3e-14, atol=1e-15).y[:, -1]
        for t in times
    ]
    return np.array(ends)


@pytest.mark.parametrize("battery", CASES[:4], ids=str)
def test_states_agree_with_scipy_to_every_accuracy(battery):
    times = battery.duration * np.array([0.03, 0.21, 0.7, 1.0])
    exact = by_dop853(battery, times)
    for accuracy in (1e-5, 1e-8, 1e-11):
        found = battery.charge(times, states=True, accuracy=accuracy).states
        apart = np.linalg.norm(found[..., 0] - exact, axis=1).max()
        assert apart <= accuracy + 3e-12


@pytest.mark.parametrize(
    "fields",
    [
        {"atoms": 1, "interaction": -1e3, "drive": 300.0, "duration": 2.0},
        {"atoms": 40, "interaction": 25.0, "drive": 60.0, "duration": 0.5},
        {"atoms": 40, "interaction": -25.0, "drive": 60.0, "duration": 0.5},
        {"atoms": 200, "interaction": 0.0, "drive": 60.0, "duration": 1.0},
        {"atoms": 5, "interaction": 0.0, "drive": 2e3, "duration": 1.0},
        {"atoms": 3, "interaction": -0.5, "drive": 1e-3, "duration": 40.0},
        {"atoms": 8, "splitting": 1e-9, "drive": 5.0, "duration": 7.0},
    ],
    ids=str,
)
def test_the_accuracy_is_kept_at_every_time(fields):
    # Against runs whose error is at least 20 times smaller, at times that no step
    # knows of; the bound is for the whole pulse, so early times count as late ones.
    battery = RosenZenerBattery(**fields)
    times = battery.duration * np.linspace(0.0, 1.0, 37) ** 1.1
    fine = battery.charge(times, states=True, accuracy=5e-10).states
    for accuracy in (1e-4, 1e-6, 1e-8):
        states = battery.charge(times, states=True, accuracy=accuracy).states
        assert np.linalg.norm(states - fine, axis=1).max() <= accuracy
        assert np.abs(np.linalg.norm(states, axis=1) - 1).max() < 1e-14


def test_energy_by_a_rotation_where_nothing_else_acts():
    # With a splitting of 1e-9 the pulse alone acts: N sin^2(phi/2), at every N.
    for atoms in (1, 7, 400):
        fields = {"splitting": 1e-9, "interaction": 0.0, "drive": 11.0, "duration": 2.0}
        c = RosenZenerBattery(atoms=atoms, **fields).charge([0.3, 1.0, 1.9, 2.0])
        area = [
            quad(lambda t: 11 * np.sin(np.pi * t / 2) ** 2, 0, t)[0] for t in c.times
        ]
        expected = atoms * np.sin(np.array(area) / 2) ** 2
        # The state errs by 1e-8, so the share of charge by 2e-8; Delta T is 2e-9.
        np.testing.assert_allclose(c.energy / 1e-9, expected, atol=3e-8 * atoms)


def test_a_lost_norm_is_refused(monkeypatch):
    # The sum does not keep the norm by itself: here it is told to go too far.
    monkeypatch.setattr("qbcore.rosen_zener._pulse._reach", lambda series, share: 0.4)
    battery = RosenZenerBattery(atoms=1, interaction=0.0, drive=4.0, duration=1.0)
    with pytest.raises(AccuracyError, match="ask for less") as refused:
        battery.charge([1.0])
    assert 1e-2 > refused.value.found > refused.value.limit == 1e-8


@pytest.mark.parametrize("accuracy", [1e-4, 1e-6, 1e-8])
def test_accuracy_is_kept(accuracy):
    battery = RosenZenerBattery(interaction=10.0, duration=0.8)
    times = np.linspace(0, battery.duration, 7)
    rough, fine = (
        battery.charge(times, states=True, accuracy=a) for a in (accuracy, 1e-11)
    )
    assert np.linalg.norm(rough.states - fine.states, axis=1).max() <= accuracy


def test_map_agrees_with_single_runs_point_by_point():
    drives, durations, strengths = (
        np.array([[6.0], [33.0]]),
        np.array([0.2, 0.7, 1.1]),
        2.5,
    )
    grid = charge_map(
        atoms=5, drive=drives, duration=durations, interaction=strengths, splitting=0.8
    )
    assert grid.final_energy.shape == grid.max_energy.time.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        battery = RosenZenerBattery(
            atoms=5,
            splitting=0.8,
            drive=drives[i, 0],
            duration=durations[j],
            interaction=strengths,
        )
        c = battery.charge(np.linspace(0, battery.duration, 1601))
        for name in ("max_energy", "max_average_power"):
            found, expected = getattr(grid, name), getattr(c, name)
            # Quintic refinement with 8 samples per radian: h^6/46080 * 2^6 N/2, under
            # 1e-9 N in value; the time of a maximum is known to the root of that.
            assert found.value[i, j] == pytest.approx(expected.value, rel=1e-6)
            assert found.time[i, j] == pytest.approx(
                expected.time, abs=2e-4 * battery.duration
            )
        assert grid.final_energy[i, j] == pytest.approx(c.energy[-1], abs=1e-6)
        assert grid.final_fluctuation[i, j] == pytest.approx(
            c.fluctuation[-1], abs=1e-6
        )
        assert grid.final_diagonal_entropy[i, j] == pytest.approx(
            c.diagonal_entropy[-1], abs=1e-6
        )
        # Maxima over samples 1/8 radian apart miss (1/16)^2 / 2 of their scale at most.
        assert grid.max_fluctuation[i, j] == pytest.approx(
            c.fluctuation.max(), rel=4e-3
        )
        assert grid.max_diagonal_entropy[i, j] == pytest.approx(
            c.diagonal_entropy.max(), rel=4e-3
        )


def test_map_over_sizes_and_strengths_in_one_call():
    sizes, strengths = np.array([[1], [4], [9]]), np.array([-5.0, 0.0, 5.0])
    grid = charge_map(atoms=sizes, drive=20.0, duration=0.3, interaction=strengths)
    for i, j in np.ndindex(3, 3):
        alone = charge_map(
            atoms=sizes[i, 0], drive=20.0, duration=0.3, interaction=strengths[j]
        )
        assert grid.final_energy[i, j] == pytest.approx(
            float(alone.final_energy), abs=1e-6
        )
        assert grid.max_energy.value[i, j] == pytest.approx(
            float(alone.max_energy.value), abs=1e-6
        )


def test_map_finds_the_true_maximum_between_samples():
    grid = charge_map(
        atoms=10, drive=45.0, duration=0.9, interaction=2.0, resolution=2.5
    )
    dense = RosenZenerBattery(drive=45.0, duration=0.9).charge(
        np.linspace(0, 0.9, 20001)
    )
    assert grid.max_energy.value == pytest.approx(dense.energy.max(), rel=1e-6)


def test_many_lambdas_in_one_call():
    grid = charge_map(
        atoms=9, drive=20.0, duration=0.3, interaction=np.linspace(-30, 30, 7)
    )
    assert grid.max_energy.value.shape == (7,)
    assert np.all(grid.max_energy.value <= 9 + 1e-6)
    # The two signs of the interaction are different physics: the detuning adds to it or
    # does not.
    assert grid.max_energy.value[0] != pytest.approx(
        grid.max_energy.value[-1], rel=1e-3
    )


@pytest.mark.parametrize("atoms", [2, 3, 5, 100])
def test_ground_state_leaves_the_bottom_at_the_transition(atoms):
    battery = RosenZenerBattery(atoms=atoms)
    for shift, expected in ((-1e-6, atoms), (1e-6, atoms - 1)):
        near = RosenZenerBattery(atoms=atoms, interaction=battery.transition + shift)
        assert near.static_levels.argmin() == expected
    assert battery.transition == pytest.approx(atoms / (2 * atoms - 2))


def test_static_levels_are_those_of_all_atoms_written_out():
    battery = RosenZenerBattery(atoms=3, interaction=1.7)
    _, total, _ = full_space(battery)
    # Eq. (4) lacks the i = j terms: H_aa = (2 eta/N) Jz^2 - eta/2.
    shifted = battery.static_levels - battery.interaction / 2
    symmetric = np.unique(total(0.0).eigenenergies().round(10))
    np.testing.assert_allclose(np.unique(shifted.round(10)), symmetric, atol=1e-9)


def test_one_atom_has_no_transition():
    assert RosenZenerBattery(atoms=1).transition == np.inf


def test_hamiltonian_orders_the_dicke_states_as_qutip_does():
    battery = RosenZenerBattery(atoms=4, interaction=0.0)
    np.testing.assert_allclose(battery.hamiltonian()(0.0).diag(), projections(4))
    assert battery.hamiltonian()(battery.duration / 2).full()[0, 1] == pytest.approx(
        20.0 * 1.0
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"atoms": 0}, "`atoms` must be an integer of at least 1, but is 0"),
        ({"atoms": 2.5}, "`atoms` must be an integer"),
        ({"atoms": True}, "`atoms` must be an integer"),
        (
            {"splitting": 0.0},
            "`splitting` must be a finite real number above 0, but is 0.0",
        ),
        (
            {"drive": -1.0},
            "`drive` must be a finite real number of at least 0, but is -1.0",
        ),
        ({"duration": 0.0}, "`duration` must be a finite real number above 0"),
        ({"duration": np.nan}, "`duration` must be a finite real number"),
        ({"interaction": np.inf}, "`interaction` must be a finite real number"),
        (
            {"interaction": "2"},
            "`interaction` must be a finite real number, but is '2'",
        ),
    ],
)
def test_bad_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        RosenZenerBattery(**wrong)


@pytest.mark.parametrize(
    "times",
    [[], 0.0, [0.0, 0.2, 0.1], [-0.1, 0.1], [0.0, 1.0], [0.0, np.nan], [[0.0, 0.1]]],
)
def test_bad_times_are_refused(times):
    with pytest.raises(ValueError, match="`times` must"):
        RosenZenerBattery(duration=0.5).charge(times)


@pytest.mark.parametrize("accuracy", [0.0, -1e-8, np.nan, "fine"])
def test_an_accuracy_that_is_none_is_refused(accuracy):
    with pytest.raises(
        ValueError, match="`accuracy` must be a finite real number above 0"
    ):
        RosenZenerBattery().charge(accuracy=accuracy)


def test_an_accuracy_below_rounding_is_refused():
    battery = RosenZenerBattery()
    with pytest.raises(AccuracyError, match="double precision") as refused:
        battery.charge(accuracy=1e-13)
    assert refused.value.limit == 1e-13
    # The accuracy promised at the limit is kept, against another method.
    limit = refused.value.found
    assert 1e-13 < limit < 1e-11
    c = battery.charge([battery.duration], states=True, accuracy=limit)
    exact = by_dop853(battery, [battery.duration])
    assert np.linalg.norm(c.states[..., 0] - exact) < limit + 3e-12


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"drive": [10.0, -1.0]}, "drive"),
        ({"duration": [0.1, 0.0]}, "duration"),
        ({"interaction": [1.0, np.nan]}, "interaction"),
        ({"drive": []}, "drive"),
        ({"resolution": 0.5}, "resolution"),
        ({"splitting": 0.0}, "splitting"),
        ({"accuracy": True}, "accuracy"),
        ({"drive": True}, "drive"),
        ({"drive": "20"}, "drive"),
        ({"interaction": 1j}, "interaction"),
        ({"duration": [0.1, [0.2]]}, "duration"),
        ({"atoms": [3, 0]}, "atoms"),
        ({"atoms": 2.5}, "atoms"),
    ],
)
def test_map_names_the_bad_parameter(wrong, name):
    good = {"atoms": 2, "drive": 20.0, "duration": 0.1, "interaction": 1.0}
    with pytest.raises(ValueError, match=f"`{name}` must"):
        charge_map(**(good | wrong))


# --- the contract --------------------------------------------------------------------


def by_mesolve(battery, rho, times):
    """Density matrices from QuTiP's master equation without jumps."""
    options = PRECISE | {"method": "adams"}
    run = qutip.mesolve(battery.hamiltonian(), qutip.Qobj(rho), times, options=options)
    return np.array([state.full() for state in run.states])


MIXED = np.array([[0.5, 0.2j, 0.0], [-0.2j, 0.2, 0.1], [0.0, 0.1, 0.3]])
KET = np.array([[0.6], [0.0], [0.8j]])
STARTS = {
    "populations": ([0.1, 0.6, 0.3], np.diag([0.1, 0.6, 0.3])),
    "ket": (KET, KET @ KET.conj().T),
    "QuTiP ket": (qutip.Qobj(KET), KET @ KET.conj().T),
    "density matrix": (MIXED, MIXED),
    "QuTiP operator": (qutip.Qobj(MIXED), MIXED),
    "full": ([1.0, 0.0, 0.0], np.diag([1.0, 0.0, 0.0])),
}


@pytest.mark.parametrize(("start", "rho"), STARTS.values(), ids=list(STARTS))
def test_any_start_agrees_with_the_master_equation(start, rho):
    battery = RosenZenerBattery(atoms=2, splitting=0.7, drive=9.0, duration=0.8)
    times = np.linspace(0.0, battery.duration, 9)
    c = battery.charge(times, start=start, states=True)
    solved, h0 = by_mesolve(battery, rho, times), battery.battery_hamiltonian()
    is_ket = np.shape(start) == (3, 1) or getattr(start, "isket", False)
    assert c.states.shape == ((9, 3, 1) if is_ket else (9, 3, 3))
    states = c.states @ c.states.conj().swapaxes(1, 2) if is_ket else c.states
    # Solver: rtol 1e-11 over some 1e3 steps; ours: 1e-8 a ket.
    slack = 1e-7
    np.testing.assert_allclose(states, solved, atol=slack)
    # The observables by `metrics`, from QuTiP's states: slopes of order N Delta v0.
    loose = slack * battery.capacity
    stored = metrics.stored_energy(solved, h0, reference=rho)
    np.testing.assert_allclose(c.energy, stored, atol=loose)
    np.testing.assert_allclose(c.ergotropy, metrics.ergotropy(solved, h0), atol=loose)
    spread = metrics.energy_fluctuation(solved, h0)
    np.testing.assert_allclose(
        c.fluctuation**2, spread**2, atol=loose * battery.capacity
    )
    # |p log2 p| changes by at most dp log2(1/dp), 24 bits times the error of p.
    entropy = metrics.diagonal_entropy(solved, h0)
    np.testing.assert_allclose(c.diagonal_entropy, entropy, atol=3 * 24 * slack)
    total = np.array([battery.hamiltonian()(t).full() for t in times])
    power = metrics.instantaneous_power(solved, h0, total)
    np.testing.assert_allclose(c.power, power, atol=loose * battery.drive)


def test_the_default_start_is_the_empty_battery_in_every_form():
    battery = RosenZenerBattery(atoms=3)
    plain = battery.charge()
    empty = battery.initial_state()
    for start in (empty, empty.full(), empty.proj(), [0.0, 0.0, 0.0, 1.0]):
        # The same ket, so the same numbers, to the rounding of a weight.
        again = battery.charge(start=start)
        np.testing.assert_allclose(again.energy, plain.energy, atol=1e-12)
        np.testing.assert_allclose(again.ergotropy, plain.ergotropy, atol=1e-12)


def test_equal_populations_store_nothing():
    # The identity commutes with every H, so nothing moves; it is passive too. The four
    # kets err by 1e-8 each; <Jy> is multiplied by v0.
    c = RosenZenerBattery(atoms=3).charge(start=[0.25] * 4)
    assert np.abs(c.energy).max() < 3 * 1e-8
    assert np.abs(c.power).max() < 20 * 3 * 1e-8
    assert c.ergotropy.max() < 3 * 1e-8
    np.testing.assert_allclose(c.diagonal_entropy, 2.0, atol=1e-8)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ([0.5, 0.5], "have shape"),
        ([[0.0, 0.0, 1.0]], "have shape"),
        (0.5, "have shape"),
        (True, "hold numbers"),
        (qutip.basis(3, 2).dag(), "be a ket or an operator"),
        (qutip.tensor(qutip.basis(3, 2), qutip.basis(1)), "be on the space"),
        (qutip.Qobj(np.eye(3) / 3, dims=[[1, 3], [1, 3]]), "be on the space"),
        ([qutip.basis(3, 2)] * 2, "be one state"),
        ([0.5, 0.6, 0.1], "hold real probabilities, whose sum is 1"),
        ([0.6, 0.0, 0.8], "hold real .* amplitudes are a ket, of shape"),
        ([0.6, 0.0, 0.8j], "hold real .* amplitudes are a ket, of shape"),
        ([1j, 0.0, 0.0], "hold real probabilities"),
        ([0.5 + 0.5j, 0.5 - 0.5j, 0.0], "hold real probabilities"),
        ([1.5, -0.5, 0.0], "have no negative eigenvalue"),
        ([np.nan, 0.5, 0.5], "be finite"),
        ([[1.0], [1.0], [0.0]], "be normalised"),
        ([[0.0], [0.0], [0.0]], "be normalised"),
        (np.diag([1.2, -0.2, 0.0]), "have no negative eigenvalue"),
        (np.eye(3), "be normalised"),
        ([[0.5, 0.5, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0]], "be Hermitian"),
        ("empty", "hold numbers"),
        ([[1.0], [0.0, 1.0]], "hold entries of one shape"),
    ],
)
def test_a_start_that_is_no_state_is_refused(start, message):
    with pytest.raises(ValueError, match=f"`start` must {message}"):
        RosenZenerBattery(atoms=2).charge(start=start)


def test_default_times_see_every_turn_of_the_pulse():
    # 2010 radians. With 201 samples the refined peak left [0, capacity] for 1.63.
    battery = RosenZenerBattery(atoms=1, interaction=0.0, drive=200.0, duration=10.0)
    few = battery.charge(np.linspace(0.0, battery.duration, 201))
    with pytest.raises(AccuracyError, match="Give `times` that lie closer"):
        few.max_energy  # noqa: B018
    c = battery.charge()
    assert c.times.size >= 8 * (200 + 1) * 10
    fields = {"atoms": 1, "interaction": 0.0, "drive": 200.0, "duration": 10.0}
    found = charge_map(**fields).max_energy
    # Bloch's equations by DOP853. Near the maximum samples 5e-7 apart miss 1e-9 of it.
    near = found.time + np.linspace(-5e-4, 5e-4, 2001)
    bloch = solve_ivp(
        lambda t, n: [
            -n[1],
            n[0] - battery.drive_at(t) * n[2],
            battery.drive_at(t) * n[1],
        ],
        (0.0, near[-1]),
        [0.0, 0.0, -1.0],
        "DOP853",
        near,
        rtol=1e-12,
        atol=1e-13,
    )
    highest = (1 + bloch.y[2].max()) / 2
    # Cubic Hermite at 1/8 radian errs by 3.2e-7.
    assert c.max_energy.value == pytest.approx(highest, abs=4e-7)
    assert highest == pytest.approx(0.98530, abs=5e-6)
    # Quintic Hermite errs by (1/8)^6 / 92160 = 4e-11, the states by 1e-8.
    assert found.value == pytest.approx(highest, abs=3e-8)


@pytest.mark.parametrize("interaction", [-30.0, -1.0, 0.0, 1.0, 30.0])
@pytest.mark.parametrize("atoms", [1, 2, 9])
def test_the_refined_maximum_is_that_of_a_dense_curve(atoms, interaction):
    battery = RosenZenerBattery(
        atoms=atoms, interaction=interaction, drive=40.0, duration=0.7
    )
    found = battery.charge()
    dense = battery.charge(np.linspace(0.0, battery.duration, 40001))
    for name in ("energy", "average_power"):
        value = getattr(found, f"max_{name}").value
        expected = getattr(dense, name).max()
        # 8 samples a radian: 3.2e-7 of the capacity, or of it over the shortest time.
        assert value == pytest.approx(expected, rel=1e-6, abs=4e-7 * atoms)


@pytest.mark.parametrize(
    "battery",
    [
        RosenZenerBattery(atoms=1, interaction=0.0, drive=60.0, duration=3.0),
        RosenZenerBattery(atoms=3, interaction=-4.0, drive=50.0, duration=1.0),
        RosenZenerBattery(atoms=20, interaction=15.0, drive=60.0),
        RosenZenerBattery(atoms=10, interaction=0.0, drive=2e4, duration=1e-3 * np.pi),
    ],
    ids=str,
)
def test_a_refined_peak_stays_within_the_capacity(battery):
    most, power = battery.charge().max_energy, battery.charge().max_average_power
    assert 0 <= most.value <= battery.capacity
    assert 0 <= power.value <= battery.capacity / power.time
    fields = {name: getattr(battery, name) for name in ("atoms", "drive", "duration")}
    grid = charge_map(interaction=battery.interaction, resolution=1.0, **fields)
    assert 0 <= grid.max_energy.value <= battery.capacity
    # A sample per radian: 1/92160 of the capacity by quintic Hermite.
    assert grid.max_energy.value == pytest.approx(
        most.value, abs=1.2e-5 * battery.atoms
    )


def test_a_peak_of_the_map_at_full_charge_stays_there():
    # Pulses that fill the battery exactly on their way: a sample per radian alone gives
    # up to 5e-8 more.
    pulses = {"drive": np.linspace(40.0, 80.0, 81), "duration": 1.0, "interaction": 0.0}
    grid = charge_map(atoms=10, splitting=1e-6, resolution=1.0, **pulses)
    assert grid.max_energy.value.max() <= 10 * 1e-6
    assert grid.max_energy.value.min() == pytest.approx(10 * 1e-6, rel=1.2e-5)


def test_the_map_needs_few_samples_for_its_peaks():
    pulses = {"atoms": 5, "drive": 45.0, "duration": 0.9, "interaction": -3.0}
    rough, fine = (charge_map(resolution=r, **pulses) for r in (2.0, 40.0))
    for name in ("max_energy", "max_average_power"):
        found, expected = getattr(rough, name), getattr(fine, name)
        # (1/2)^6 / 92160 of the capacity; over t / T = 0.2, where the power is largest.
        assert found.value == pytest.approx(expected.value, rel=1e-6)


def test_the_ceiling_of_a_curve_is_what_the_start_leaves_free():
    battery = RosenZenerBattery(atoms=2, splitting=0.5)
    assert battery.charge([0.0]).ceiling == pytest.approx(1.0, abs=1e-15)
    half = battery.charge([0.0], start=[0.0, 1.0, 0.0])
    assert half.ceiling == pytest.approx(0.5, abs=1e-15)


def test_what_would_take_too_long_is_refused_at_once(monkeypatch):
    # A mixture of all levels takes as many runs.
    with pytest.raises(TooLargeError):
        RosenZenerBattery(atoms=900).charge([0.1], start=np.full(901, 1 / 901))
    # Nothing that computes is there: each call refuses before it.
    monkeypatch.setattr("qbcore.rosen_zener.battery.Pulses", None)
    # N T (Delta (1 + |lambda|/2) + v0/2) / 10 + 8 series of 200 + N + 1 amplitudes.
    expected = (0.1 * np.pi * (2 + 5e5) + 8) * 211
    for times in (None, [0.0, 0.3]):
        with pytest.raises(TooLargeError, match="Lower `drive`, `duration`") as refused:
            RosenZenerBattery(drive=1e6).charge(times)
        assert refused.value.found == pytest.approx(expected)
        assert refused.value.limit == MOST_WORK
    strong = {"interaction": -1e9}, {"atoms": 10**9}, {"splitting": 1e300}
    for fields in (*strong, {"drive": 1e308, "duration": 1e10}, {"duration": 1e300}):
        with pytest.raises(TooLargeError, match="Lower `drive`, `duration`"):
            RosenZenerBattery(**fields).charge([0.0])
    # Samples: 8 per radian of v0 T + (1 + 4 * 9/10) Delta T.
    fields = {"drive": 2e4, "duration": 0.3}
    with pytest.raises(TooLargeError, match="ask `charge` for `times=`") as refused:
        RosenZenerBattery(**fields).charge()
    assert refused.value.found == pytest.approx(8 * (2e4 + 4.6) * 0.3)
    assert refused.value.limit == MOST_SAMPLES
    # The map refuses before it runs the first pulse.
    for drive in (2e4, 1e6):
        with pytest.raises(TooLargeError):
            charge_map(atoms=[1, 2], drive=[1.0, drive], duration=2.0, interaction=0.0)


def test_times_of_your_own_go_where_the_default_does_not():
    battery = RosenZenerBattery(atoms=1, interaction=0.0, drive=2e4, duration=1.0)
    with pytest.raises(TooLargeError):
        battery.charge()
    assert battery.charge([0.0, 1e-4]).energy.shape == (2,)


def test_one_time_is_enough():
    battery = RosenZenerBattery()
    whole, alone = battery.charge(), battery.charge([battery.duration], states=True)
    assert alone.states.shape == (1, 11, 1)
    # Both err by 1e-8 in the state: 2 N * 1e-8 in the energy.
    assert alone.energy[0] == pytest.approx(whole.energy[-1], abs=4e-7)


def test_quantities_are_properties():
    battery = RosenZenerBattery(atoms=4, splitting=3)
    assert (battery.quantum, battery.capacity, battery.battery_sites) == (
        3.0,
        12.0,
        (0,),
    )
    assert type(battery.quantum) is type(battery.capacity) is float
    assert battery.static_levels.shape == (5,)
    assert battery.collapse_operators() == []
    assert battery.initial_state() == qutip.basis(5, 4)
    assert isinstance(battery.hamiltonian(), qutip.QobjEvo)


def test_a_closed_battery_says_that_it_never_rests():
    with pytest.raises(
        NoSteadyStateError, match=r"has 0 baths .* which needs 1"
    ) as refused:
        RosenZenerBattery().steady_state()
    assert (refused.value.found, refused.value.limit) == (0, 1)


def test_a_map_is_a_result():
    drives = np.array([10.0, 20.0])
    grid = charge_map(atoms=2, drive=drives, duration=0.3, interaction=1.0)
    assert isinstance(grid, ChargingMap)
    assert grid == charge_map(atoms=2, drive=drives, duration=0.3, interaction=1.0)
    assert not grid.max_energy.value.flags.writeable
    assert "final_energy: array (2,)" in repr(grid)


def test_the_pulse_is_zero_outside_and_its_area_stays():
    # The integral of f by quadrature, where the pulse is; then what is left of it.
    battery = RosenZenerBattery(drive=7.0, duration=0.8, splitting=3.0)
    times = np.array([-0.5, -1e-9, 0.0, 0.1, 0.4, 0.77, 0.8, 0.8 + 1e-9, 0.9, 1.5])
    inside = np.clip(times, 0.0, 0.8)
    f = np.where(inside == times, 7.0 * np.sin(np.pi * times / 0.8) ** 2, 0.0)
    np.testing.assert_allclose(battery.drive_at(times), f, atol=1e-15)
    area = [quad(lambda t: float(battery.drive_at(t)), 0.0, t)[0] for t in inside]
    np.testing.assert_allclose(battery.pulse_area(times), area, atol=1e-12)
    assert battery.pulse_area(2.0) == pytest.approx(7.0 * 0.8 / 2, rel=1e-15)


def test_any_accuracy_is_kept():
    # The error falls by 16 per doubling of the steps. The accuracies lie 1.6 apart, so
    # that some of them fall just below the error of each number of steps.
    battery = RosenZenerBattery(interaction=4.0, drive=9.0, duration=0.8)
    times = np.linspace(0.0, battery.duration, 5)
    exact = battery.charge(times, states=True, accuracy=2e-11).states
    for accuracy in np.geomspace(1e-2, 1e-8, 30):
        found = battery.charge(times, states=True, accuracy=accuracy).states
        assert np.linalg.norm(found - exact, axis=1).max() <= accuracy


@pytest.mark.parametrize("resolution", [2.5, 8.0])
def test_a_map_has_the_curves_own_maxima(resolution):
    # The curve with 20 times as many samples as it needs; quintic refinement at 1/2.5
    # radian errs by (1/2.5)^6/46080 max|E^(6)| = 1e-7 N, as E'' is of order N v0^2.
    pulse = {"drive": 17.0, "duration": 0.9, "interaction": -1.5, "splitting": 0.6}
    grid = charge_map(atoms=4, resolution=resolution, **pulse)
    c = RosenZenerBattery(atoms=4, **pulse).charge(np.linspace(0.0, 0.9, 4001))
    for name in ("max_energy", "max_average_power"):
        found, exact = getattr(grid, name), getattr(c, name)
        assert found.value == pytest.approx(exact.value, rel=2e-6)
        assert found.time == pytest.approx(exact.time, abs=2e-3)
    assert grid.final_energy == pytest.approx(c.energy[-1], abs=1e-6)


def test_without_an_accuracy_it_is_1e_8():
    # The error grows with the fifth power of the length: these lie a factor of 1.5 in
    # the error apart, so that one of them lies between any bound and its double.
    for duration in np.geomspace(0.5, 1.1, 10):
        battery = RosenZenerBattery(interaction=4.0, drive=9.0, duration=duration)
        times = np.linspace(0.0, duration, 5)
        exact = battery.charge(times, states=True, accuracy=2e-11).states
        found = battery.charge(times, states=True)
        assert np.linalg.norm(found.states - exact, axis=1).max() <= 1e-8
        assert found == battery.charge(times, states=True, accuracy=1e-8)
        fields = {"atoms": 10, "drive": 9.0, "duration": duration, "interaction": 4.0}
        named = charge_map(**fields, splitting=1.0, resolution=8.0, accuracy=1e-8)
        assert charge_map(**fields) == named


def test_a_pulse_of_4096_radians_is_the_longest_that_times_itself():
    # 8 samples per radian, 32768 at most.
    fields = {"atoms": 1, "interaction": 0.0, "duration": 1.0}
    with pytest.raises(TooLargeError) as caught:
        RosenZenerBattery(drive=4096.0, **fields).charge()
    assert (caught.value.found, caught.value.limit) == (8 * 4097, 32768)
    with pytest.raises(TooLargeError) as caught:
        charge_map(drive=2047.5, resolution=16.0, **fields)
    assert (caught.value.found, caught.value.limit) == (16 * 2048.5, 32768)


def test_the_pulse_area_is_the_integral_of_the_drive_at_every_time():
    battery = RosenZenerBattery(drive=7.0, duration=1.7)
    for share in (-0.5, 0.0, 0.2, 0.5, 0.9, 1.0, 1.2, 1.7, 3.0):
        end = share * battery.duration
        parts = ([0.0, min(end, battery.duration)], [battery.duration, end])
        area = sum(
            quad(battery.drive_at, *part)[0] for part in parts if part[1] > part[0]
        )
        # quad errs by 1e-8 of 6 at most; f is 1e-31 outside the pulse.
        assert battery.pulse_area(end) == pytest.approx(area, abs=1e-7)
    np.testing.assert_array_equal(battery.drive_at([-1.0, -np.inf]), 0.0)
    assert battery.drive_at([9.0, np.inf]).max() < 1e-30


def test_fields_become_python_numbers():
    # 100 + 1 and 2 * 100 overflow in 8 bits.
    small = RosenZenerBattery(
        atoms=np.int8(100),
        splitting=np.int8(2),
        drive=np.uint8(20),
        duration=np.float32(0.25),
        interaction=np.int8(-2),
    )
    plain = RosenZenerBattery(
        atoms=100, splitting=2.0, drive=20.0, duration=0.25, interaction=-2.0
    )
    assert small == plain
    assert small.capacity == 200.0
    numbers = [value for value in vars(small).values() if value is not None]
    assert {type(value) for value in numbers} == {int, float}
    sizes = np.array([1, 100, 127], dtype=np.int8)
    grid = charge_map(atoms=sizes, drive=np.int8(20), duration=0.1, interaction=1.0)
    wide = charge_map(atoms=[1, 100, 127], drive=20.0, duration=0.1, interaction=1.0)
    assert grid == wide


LENGTH = RosenZenerBattery().duration
ALIKE = [
    ({"times": (0.0, 0.1)}, {"times": [0.0, 0.1]}),
    ({"times": range(1)}, {"times": [0.0]}),
    ({"times": np.array([0], dtype=np.int8)}, {"times": [0.0]}),
    ({"times": [LENGTH * (1 + 1e-13)]}, {"times": [LENGTH]}),
    ({"times": [5e-324, 0.1]}, {"times": [0.0, 0.1]}),
    ({"start": np.array([1, 0, 0], dtype=np.int8)}, {"start": [1.0, 0.0, 0.0]}),
    ({"start": np.array([0.2, 0.3, 0.5], complex)}, {"start": [0.2, 0.3, 0.5]}),
    ({"start": [[0], [0], [1j]]}, {"start": None}),
    ({"start": csr_array(MIXED)}, {"start": MIXED}),
    ({"accuracy": 1e5}, {"accuracy": 1e-4}),
    ({"accuracy": np.float32(1e-6)}, {"accuracy": float(np.float32(1e-6))}),
    ({"times": [LENGTH], "states": 1}, {"times": [0.05, 0.2, LENGTH], "states": True}),
]


@pytest.mark.parametrize(("odd", "plain"), ALIKE, ids=lambda kwargs: str(kwargs))
def test_odd_but_right_arguments_count_as_the_plain_ones(odd, plain):
    battery = RosenZenerBattery(atoms=2)
    found, expected = battery.charge(**odd), battery.charge(**plain)
    np.testing.assert_allclose(found.energy[-1], expected.energy[-1], atol=1e-12)
    np.testing.assert_allclose(found.power[-1], expected.power[-1], atol=1e-10)


EXTREME = [
    {"drive": 0.0},
    {"drive": 1e-300},
    {"duration": 1e-15},
    {"splitting": 1e-200},
    {"interaction": 1e3},
    {"interaction": -1e3},
    {"interaction": 1e-300},
    {"atoms": 1, "interaction": 1e6},
    {"atoms": 1, "interaction": -1e6},
    {"atoms": 700, "drive": 3.0},
    {"drive": 0.01, "duration": 500.0, "interaction": 0.0},
]


@pytest.mark.parametrize("fields", EXTREME, ids=str)
def test_extreme_fields_give_a_curve_within_the_capacity(fields):
    battery = RosenZenerBattery(**fields)
    c = battery.charge()
    assert np.isfinite(c.power).all()
    assert 0 <= c.max_energy.value <= battery.capacity
    assert 0 <= c.max_average_power.value < np.inf
    # In other units the same battery charges alike: here 1e-24 (joules), then 1e12.
    for unit in (1e-24, 1e12):
        other = RosenZenerBattery(
            atoms=battery.atoms,
            splitting=battery.splitting * unit,
            drive=battery.drive * unit,
            duration=battery.duration / unit,
            interaction=battery.interaction,
        ).charge(c.times / unit)
        slack = 1e-12 * battery.capacity
        np.testing.assert_allclose(other.energy / unit, c.energy, atol=slack)


def test_eight_steps_to_the_radian_of_the_fastest_phase():
    # v0 T + (1 + 2 |lambda| (N - 1)/N) Delta T = 50 + 1 + 16/3, times eight 450.7; and
    # two hundred steps where eight to the radian are fewer.
    fast = RosenZenerBattery(atoms=3, interaction=-4.0, drive=50.0, duration=1.0)
    assert fast.charge().times.size == 452
    assert RosenZenerBattery().charge().times.size == 201


def test_a_run_of_half_a_minute_is_the_longest():
    # v0 N T/4 radians, N of 5 a series, each of 200 + N + 1 updates: 2e7 in all.
    weak = {"atoms": 100, "interaction": 0.0, "duration": 1.0}
    with pytest.raises(TooLargeError) as caught:
        RosenZenerBattery(drive=3e4, **weak).charge([0.0, 1.0])
    width = 100 * (1.0 + 3e4 / 2)
    assert caught.value.found == pytest.approx((8 + width / 10) * 301, rel=1e-12)
    assert caught.value.limit == 2e7


def test_a_mixed_start_is_normalised_to_the_last_digit():
    # An error of a solver below 1e-6 is divided out and not squared.
    spoilt = np.diag([0.3, 0.7]) * (1 + 0.9e-6)
    c = RosenZenerBattery(atoms=1).charge([0.0, 0.1], start=spoilt, states=True)
    np.testing.assert_allclose(np.trace(c.states, axis1=1, axis2=2), 1.0, atol=1e-13)
    np.testing.assert_allclose(c.states[0], np.diag([0.3, 0.7]), atol=1e-13)
