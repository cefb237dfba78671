"""The Gaussian module against QuTiP's density matrices, closed forms and
physicality.
"""

from __future__ import annotations

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from qbcore import gaussian, metrics
from qbcore.errors import (
    AccuracyError,
    LeakingCutoffError,
    SeveralSteadyStatesError,
    UnstableError,
)
from qbcore.gaussian import GaussianState, GaussianSystem
from qbcore.nonreciprocal import NonreciprocalBattery

LEVELS = 60  # of the Fock space the Gaussian formulas are compared in


def damped_oscillator(
    loss: float, detuning: float, drive: complex, occupation: float
) -> GaussianSystem:
    rows = [[np.sqrt(loss * (occupation + 1)), 0], [0, np.sqrt(loss * occupation)]]
    return GaussianSystem.from_ladder([[detuning]], [[0]], [drive], rows)


def random_system(rng: np.random.Generator, modes: int) -> GaussianSystem:
    """Any quadratic H and any linear jumps, gain included: not necessarily stable."""
    h = rng.normal(size=(modes, modes)) + 1j * rng.normal(size=(modes, modes))
    k = rng.normal(size=(modes, modes)) + 1j * rng.normal(size=(modes, modes))
    f = rng.normal(size=modes) + 1j * rng.normal(size=modes)
    jumps = rng.normal(size=(3, 2 * modes)) + 1j * rng.normal(size=(3, 2 * modes))
    return GaussianSystem.from_ladder(h + h.conj().T, k + k.T, f, jumps)


def fock_state(squeeze: complex, displace: complex, occupation: float) -> qutip.Qobj:
    """Displaced squeezed thermal state; the thermal weights are cut at 1e-13."""
    weights = (
        (occupation / (occupation + 1)) ** np.arange(LEVELS)
        if occupation
        else np.eye(LEVELS)[0]
    )
    rho = qutip.qdiags(weights / weights.sum(), 0)
    unitary = qutip.displace(LEVELS, displace) * qutip.squeeze(LEVELS, squeeze)
    return unitary * rho * unitary.dag()


def moments(rho: qutip.Qobj) -> GaussianState:
    """Mean and covariance by expectation values in the Fock basis."""
    a = qutip.destroy(LEVELS)
    r = [(a + a.dag()) / np.sqrt(2), (a - a.dag()) / (1j * np.sqrt(2))]
    mean = np.array([qutip.expect(q, rho) for q in r]).real
    second = [[qutip.expect((p * q + q * p) / 2, rho).real for q in r] for p in r]
    return GaussianState(mean, np.array(second) - np.outer(mean, mean))


# Displacements and squeezings small enough that 60 levels hold the state to 1e-9.
STATES = [
    (0.3 + 0.2j, 0.0, 0.0),
    (0.0, 1.0 - 0.5j, 0.0),
    (0.0, 0.0, 0.4),
    (0.4j, -0.7, 0.3),
    (-0.35, 0.8j, 0.5),
]


@pytest.mark.parametrize(("squeeze", "displace", "occupation"), STATES)
def test_metrics_equal_those_of_the_density_matrix(squeeze, displace, occupation):
    """Energy, ergotropy, passive energy, purity and entropy of the same state in two
    descriptions.
    """
    rho = fock_state(squeeze, displace, occupation)
    state, number = moments(rho), qutip.num(LEVELS)
    # The cutoff loses what lies above 60 levels, below 1e-9 here; 1e-7 leaves room for
    # its energy.
    assert gaussian.occupation(state) == pytest.approx(
        metrics.energy(rho, number), abs=1e-7
    )
    assert gaussian.ergotropy(state) == pytest.approx(
        metrics.ergotropy(rho, number), abs=1e-7
    )
    passive = metrics.energy(qutip.Qobj(metrics.passive_state(rho, number)), number)
    assert gaussian.passive_energy(state) == pytest.approx(passive, abs=1e-7)
    assert gaussian.purity(state) == pytest.approx((rho * rho).tr().real, abs=1e-7)
    assert gaussian.entropy(state) == pytest.approx(
        metrics.von_neumann_entropy(rho), abs=1e-7
    )
    a = qutip.destroy(LEVELS)
    assert gaussian.amplitude(state) == pytest.approx(qutip.expect(a, rho), abs=1e-7)
    assert gaussian.anomalous(state) == pytest.approx(
        qutip.expect(a * a, rho), abs=1e-7
    )


def test_wigner_function_is_qutips():
    rho = fock_state(0.3 + 0.2j, 0.6 - 0.4j, 0.3)
    x = np.linspace(-2.0, 2.0, 9)
    # g = sqrt 2 is QuTiP's convention x = (a + a^+)/sqrt 2; the first axis of its array
    # is p.
    expected = qutip.wigner(rho, x, x, g=np.sqrt(2))
    assert gaussian.wigner(moments(rho), x[None, :], x[:, None]) == pytest.approx(
        expected, abs=1e-7
    )


def test_squeezing_of_a_squeezed_vacuum():
    # Squeezing by r leaves a variance e^{-2r}/2: 10 log10(e^{-2r}) dB.
    state = moments(qutip.ket2dm(qutip.squeeze(LEVELS, 0.5) * qutip.basis(LEVELS, 0)))
    assert gaussian.squeezing_db(state) == pytest.approx(-10 * np.log10(np.e), abs=1e-7)


def test_damped_driven_oscillator_has_its_textbook_solution():
    """<a> = alpha (1 - e^{-(kappa/2 + i Delta) t}), alpha = -i F/(kappa/2 + i
    Delta); n_th next to it.
    """
    kappa, delta, drive, hot = 0.7, 0.3, 0.4 - 0.2j, 0.25
    times = np.array([0.0, 0.1, 1.0, 1.7, 40.0])  # not equally spaced
    state = damped_oscillator(kappa, delta, drive, hot).evolve(
        gaussian.thermal(1), times
    )
    rate = kappa / 2 + 1j * delta
    # Rounding in a few dozen products of numbers of order 1: far below 1e-12.
    assert gaussian.amplitude(state) == pytest.approx(
        -1j * drive / rate * (1 - np.exp(-rate * times)), abs=1e-12
    )
    noise = hot * (1 - np.exp(-kappa * times)) + np.abs(gaussian.amplitude(state)) ** 2
    assert gaussian.occupation(state) == pytest.approx(noise, abs=1e-12)


@pytest.mark.parametrize("modes", [1, 2, 3])
def test_long_times_reach_the_lyapunov_solution(modes):
    rng = np.random.default_rng(modes)
    base = random_system(rng, modes)
    # Add loss until it is stable by a rate of 1: then 40 time units leave e^{-40} of
    # the start.
    extra = np.hstack([np.eye(modes), np.zeros((modes, modes))]) * np.sqrt(
        2 * (1 + max(0.0, -base.decay_rate))
    )
    lossy = GaussianSystem.from_ladder(
        np.zeros((modes, modes)), np.zeros((modes, modes)), np.zeros(modes), extra
    )
    system = GaussianSystem(
        base.stiffness, base.force, np.vstack([base.jumps, lossy.jumps])
    )
    assert system.decay_rate >= 1 - 1e-9
    late, rest = (
        system.evolve(gaussian.thermal(modes), np.array([0.0, 40.0])),
        system.steady_state(),
    )
    assert late.mean[-1] == pytest.approx(rest.mean, rel=1e-9, abs=1e-9)
    assert late.covariance[-1] == pytest.approx(rest.covariance, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), modes=st.integers(1, 3), span=st.floats(0.01, 1.0)
)
def test_every_evolution_is_physical(seed, modes, span):
    """covariance + i Omega/2 >= 0 at all times, whatever the Hamiltonian and the
    jumps.
    """
    system = random_system(np.random.default_rng(seed), modes)
    # Random gain and pairing may blow up; an exponent of at most 3 keeps rounding
    # (1e-16 e^6) small.
    span = min(span, 3 / np.abs(system.drift).sum())
    state = system.evolve(gaussian.thermal(modes), np.linspace(0.0, span, 5))
    hermitian = state.covariance + 0.5j * gaussian.symplectic_form(modes)
    assert np.linalg.eigvalsh(hermitian).min() >= -1e-11
    assert gaussian.symplectic_eigenvalues(state).min() >= 0.5


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), modes=st.integers(1, 2))
def test_the_slope_is_the_derivative(seed, modes):
    system = random_system(np.random.default_rng(seed), modes)
    h = 1e-3 / np.abs(system.drift).sum()
    state = system.evolve(gaussian.thermal(modes), np.array([0.0, h, 2 * h]))
    middle = system.slope(GaussianState(state.mean[1], state.covariance[1]))
    # The central difference errs by h^2/6 of the third derivative, 1e-6 of the slope's
    # own scale;
    # rounding adds 1e-16/h. The scale of the slope is that of the drift and the
    # diffusion.
    scale = (
        np.abs(system.drift).sum()
        + np.abs(system.diffusion).sum()
        + np.abs(system.push).sum()
    )
    difference = (state.covariance[2] - state.covariance[0]) / (2 * h)
    assert difference == pytest.approx(middle.covariance, abs=2e-6 * scale)
    assert (state.mean[2] - state.mean[0]) / (2 * h) == pytest.approx(
        middle.mean, abs=2e-6 * scale
    )


def test_entropy_and_purity_of_two_modes_add():
    """A product of two thermal modes: entropies add, purities multiply, nu falls."""
    covariance = np.diag([0.8, 0.8, 1.5, 1.5])
    both = GaussianState(np.zeros(4), covariance)
    alone = [both.mode(0), both.mode(1)]
    assert gaussian.entropy(both) == pytest.approx(
        sum(gaussian.entropy(s) for s in alone), abs=1e-12
    )
    assert gaussian.purity(both) == pytest.approx(
        np.prod([gaussian.purity(s) for s in alone]), abs=1e-12
    )
    assert gaussian.symplectic_eigenvalues(both) == pytest.approx([1.5, 0.8], abs=1e-12)


def test_wrong_input_is_refused_with_the_number():
    with pytest.raises(ValueError, match=r"`hopping` must be Hermitian"):
        GaussianSystem.from_ladder([[1j]], [[0]], [0], [[1, 0]])
    with pytest.raises(
        ValueError, match=r"`state` must obey the uncertainty relation .* 0\.4"
    ):
        gaussian.ergotropy(GaussianState(np.zeros(2), 0.4 * np.eye(2)))
    with pytest.raises(ValueError, match=r"`state` must be of one mode"):
        gaussian.ergotropy(gaussian.thermal(2))
    gaining = damped_oscillator(0.0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="does not decay"):
        gaining.steady_state()


@pytest.mark.parametrize(
    ("mean", "wide", "turn", "nu"),
    [
        (0.0, 1.0, 0.0, 0.5),
        (0.8 - 0.5j, 1.0, 0.0, 0.9),
        (0.3j, 2.5, 0.7, 0.5),
        (-0.6, 1.7, 2.0, 0.8),
    ],
)
def test_fock_state_is_that_of_displacing_and_squeezing_a_thermal_state(
    mean, wide, turn, nu
):
    """D(mean) R S thermal, by QuTiP in a space of 120 levels, of which 40 hold all
    but 1e-10.
    """
    levels = 120
    r = np.log(wide) / 2
    squeeze = qutip.squeeze(levels, r * np.exp(2j * turn))
    unitary = qutip.displace(levels, mean) * squeeze
    occupied = qutip.thermal_dm(levels, nu - 0.5, method="analytic")
    rho = (unitary * occupied * unitary.dag()).full()[:40, :40]
    # S(r) multiplies the variance of x by e^{-2r} and that of p by e^{2r}; the angle
    # turns both.
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, -s], [s, c]])
    covariance = nu * rotation @ np.diag([1 / wide, wide]) @ rotation.T
    state = GaussianState(
        np.sqrt(2) * np.array([np.real(mean), np.imag(mean)]), covariance
    )
    np.testing.assert_allclose(gaussian.fock_state(state, 40), rho, atol=1e-9)
    many = GaussianState(np.stack([state.mean] * 2), np.stack([state.covariance] * 2))
    np.testing.assert_allclose(gaussian.fock_state(many, 40)[1], rho, atol=1e-9)


def test_fock_space_that_is_too_small_is_refused_with_what_it_loses():
    with pytest.raises(LeakingCutoffError, match="keep more levels") as refused:
        gaussian.fock_state(gaussian.thermal(1, 0.5), 5)
    # A thermal state has (n/(n + 1))^5 = 3^-5 above five levels.
    assert refused.value.found == pytest.approx(3.0**-5, rel=1e-9)
    assert refused.value.limit == 1e-6


def test_steps_of_any_length_are_exact():
    """Twelve decades in one call, against the closed form of a damped, driven mode."""
    kappa, delta, drive = 0.3, 1.1, 0.7
    times = np.r_[0.0, np.geomspace(1e-3, 1e9, 25)]
    state = damped_oscillator(kappa, delta, drive, 0.0).evolve(
        gaussian.thermal(1), times
    )
    rest = -1j * drive / (kappa / 2 + 1j * delta)
    expected = rest * (1 - np.exp(-(kappa / 2 + 1j * delta) * times))
    np.testing.assert_allclose(
        gaussian.amplitude(state), expected, rtol=1e-10, atol=1e-15
    )


@pytest.mark.parametrize("count", [1, 3, 6])
def test_a_lossless_mode_has_no_steady_state_whatever_rounding_says(count):
    """Hermitian hopping alone: every decay rate is zero, and comes out as some
    1e-17.
    """
    rng = np.random.default_rng(count)
    h = rng.normal(size=(count, count))
    system = GaussianSystem.from_ladder(
        h + h.T, np.zeros((count, count)), np.ones(count), np.zeros((1, 2 * count))
    )
    assert system.decay_rate == 0.0
    with pytest.raises(SeveralSteadyStatesError, match="does not decay"):
        system.steady_state()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stiffness": np.full((2, 2), np.nan)}, "`stiffness` must be finite"),
        (
            {"stiffness": np.array([[1.0, 0.5], [0.0, 1.0]])},
            "`stiffness` must be symmetric",
        ),
        ({"jumps": np.ones(2)}, "`jumps` must have shape"),
        ({"force": np.ones(3)}, "`force` must have an even length"),
    ],
)
def test_a_system_that_is_malformed_is_refused(change, words):
    fields = {
        "stiffness": np.eye(2),
        "force": np.zeros(2),
        "jumps": np.ones((1, 2), complex),
    }
    with pytest.raises(ValueError, match=words):
        GaussianSystem(**(fields | change))


def test_strongly_squeezed_pure_states_are_valid():
    """At 1e9 the determinant is known to eps 1e18, which is not a reason to refuse the
    state.
    """
    state = GaussianState(np.zeros(2), np.diag([5e8, 5e-10]))
    assert gaussian.ergotropy(state) == pytest.approx(2.5e8 - 0.5, rel=1e-9)
    with pytest.raises(ValueError, match="uncertainty"):
        gaussian.ergotropy(GaussianState(np.zeros(2), np.diag([0.5, 0.4])))


@pytest.mark.parametrize("rate", [1.0, 1e-4])
def test_an_exceptional_point_decays_at_its_double_rate(rate):
    """Two equal modes, coupled one way: a single eigenvector, which rounding splits
    by 1e-8.
    """
    jumps = np.sqrt(2 * rate) * np.array([[0.5, 0.5, 0, 0]])
    own = np.sqrt(rate) * np.array([[1, 0, 0, 0], [0, 1, 0, 0]])
    coupling = 0.25j * rate
    system = GaussianSystem.from_ladder(
        [[0, coupling], [coupling.conjugate(), 0]],
        np.zeros((2, 2)),
        [0, 0],
        np.vstack([own, jumps]),
    )
    # Each mode loses at rate (1 + 2/4), its mean at half of that; g = rate/2 = 2 |J| is
    # one way.
    assert system.decay_rate == pytest.approx(0.75 * rate, rel=1e-6)
    assert system.steady_state().covariance == pytest.approx(np.eye(4) / 2, abs=1e-12)


@pytest.mark.parametrize("loss", [0.0, 0.4])
def test_three_modes_one_way_in_a_chain_rest_only_if_each_has_a_loss(loss):
    """A triple eigenvalue with one eigenvector, which rounding splits by its cube
    root, 1e-5.
    """
    shared = np.array([[1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0]]) * np.sqrt(0.3)
    own = np.sqrt(np.array([0.3, 0.0, 0.3]) + loss)[:, None] * np.eye(3, 6)
    hopping = 0.15j * (np.eye(3, k=1) - np.eye(3, k=-1))
    jumps = np.vstack([shared, own])
    system = GaussianSystem.from_ladder(hopping, np.zeros((3, 3)), np.zeros(3), jumps)
    # Every mode loses at 0.6 + loss, its mean at half of that.
    assert system.decay_rate == pytest.approx(0.3 + loss / 2, rel=1e-4)
    assert system.steady_state().covariance == pytest.approx(np.eye(6) / 2, abs=1e-10)


@pytest.mark.parametrize("loss", np.linspace(0.01, 2.0, 25))
def test_equal_losses_are_an_exceptional_point_that_rests(loss):
    battery = NonreciprocalBattery(charger_loss=loss, battery_loss=loss)
    expected = 16 * 0.25 / (1 + loss) ** 4
    assert battery.steady_state().energy == pytest.approx(expected, rel=1e-9)


def test_the_sign_of_the_stiffness_does_not_matter_for_its_symmetry():
    # An inverted oscillator with every entry negative is a system like any other. What
    # counts is the asymmetry relative to the largest entry, below 1e-12 or above.
    one = {"force": np.zeros(2), "jumps": np.zeros((0, 2))}
    g = np.array([[-2e6, -1.0], [-1.0, -3.0]])
    assert GaussianSystem(stiffness=g, **one).stiffness[0, 0] == -2e6
    g[0, 1] -= 1e-7  # 5e-14 of the largest
    assert GaussianSystem(stiffness=g, **one).modes == 1
    g[0, 1] -= 1e-5  # 5e-12 of it
    with pytest.raises(ValueError, match="`stiffness` must be symmetric"):
        GaussianSystem(stiffness=g, **one)


def test_a_fock_space_may_lose_a_millionth():
    # A thermal mode of one quantum has 2^-k of its weight above k levels: 2^-20 is
    # 0.95e-6, 2^-19 is 1.9e-6.
    state = gaussian.thermal(1, 1.0)
    assert gaussian.fock_state(state, 20)[0, 0] == pytest.approx(0.5, abs=1e-12)
    with pytest.raises(LeakingCutoffError) as caught:
        gaussian.fock_state(state, 19)
    assert caught.value.found == pytest.approx(2.0**-19, rel=1e-9)
    assert caught.value.limit == 1e-6


@pytest.mark.parametrize("modes", [1, 2])
def test_a_state_may_fall_short_of_the_uncertainty_by_a_billionth(modes):
    size = 2 * modes
    for short, allowed in ((0.9e-9, True), (1.2e-9, False)):
        state = GaussianState(np.zeros(size), (0.5 - short) * np.eye(size))
        if allowed:
            assert gaussian.symplectic_eigenvalues(state).tolist() == [0.5] * modes
        else:
            with pytest.raises(ValueError, match="uncertainty relation") as caught:
                gaussian.symplectic_eigenvalues(state)
            assert f"{0.5 - short:.9f}"[:10] in str(caught.value)


def lossy(*losses: float, drive: float = 0.5, occupation: float = 0.0):
    """Modes that do not know of each other, all driven."""
    count = len(losses)
    nothing = np.zeros((count, count))
    jumps = np.hstack([np.diag(np.sqrt(losses)), nothing])
    force = np.full(count, drive)
    return GaussianSystem.from_ladder(nothing, nothing, force, jumps, occupation)


def turned(width: float, angle: float) -> GaussianState:
    """A pure squeezed state of one mode with variances width/2 and 1/(2 width)."""
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.array([[c, -s], [s, c]])
    covariance = rotation @ np.diag([width, 1 / width]) @ rotation.T / 2
    return GaussianState(np.zeros(2), (covariance + covariance.T) / 2)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_uneven_times_equal_an_integrator(count):
    rng = np.random.default_rng(10 + count)
    system, size = random_system(rng, count), 2 * count
    span = 3 / np.abs(system.drift).sum()
    times = span * np.array([0.0, 1e-3, 0.1, 0.11, 1.0])

    def slope(_, y):
        mean, covariance = y[:size], y[size:].reshape(size, size)
        flow = system.drift @ covariance
        change = flow + flow.T + system.diffusion
        return np.r_[system.drift @ mean + system.push, change.ravel()]

    begin = np.r_[np.zeros(size), np.eye(size).ravel() / 2]
    options = {"rtol": 1e-12, "atol": 1e-13, "t_eval": times}
    path = solve_ivp(slope, (0, span), begin, "DOP853", **options).y.T
    state = system.evolve(gaussian.thermal(count), times)
    # The integrator's own tolerance, per step, with a margin of a hundred.
    scale = np.abs(path).max()
    assert state.mean == pytest.approx(path[:, :size], abs=1e-10 * scale)
    covariance = path[:, size:].reshape(-1, size, size)
    assert state.covariance == pytest.approx(covariance, abs=1e-10 * scale)
    even = np.linspace(0.0, span, 100)
    last = system.evolve(gaussian.thermal(count), even).covariance[-1]
    assert last == pytest.approx(state.covariance[-1], rel=1e-13, abs=1e-13 * scale)


@pytest.mark.parametrize("fast", [1e3, 1e8, 1e13])
@pytest.mark.parametrize("times", [[7.0], np.linspace(0, 7.0, 50), [0, 1e-12, 7.0]])
def test_a_slow_mode_with_a_fast_one_is_exact(fast, times):
    """The step that resolves the fast mode is far too short for the slow one's eps."""
    state = lossy(fast, 0.1).evolve(gaussian.thermal(2, 2.0), times)
    gone = -np.expm1(-0.05 * 7.0)
    expected = (0.5 / 0.05 * gone) ** 2 + 2 * (1 - gone) ** 2
    slow = gaussian.occupation(state.mode(1))[-1]
    assert slow == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("hot", [0.0, 1e3, 1e9, 1e15, 1e100])
def test_the_gain_is_known_however_hot_the_start(hot):
    """An undriven mode in equilibrium stays; a driven one gains the coherent energy."""
    system, start = lossy(0.2, occupation=hot), gaussian.thermal(1, hot)
    gain, slope = system.gain(start, [0.0, 1e-6, 3.0])
    assert not gain.covariance.any()
    assert not slope.covariance.any()
    x = np.sqrt(2) * 0.5 / 0.1 * -np.expm1(-0.1 * np.array([0.0, 1e-6, 3.0]))
    assert np.abs(gain.mean[:, 1]) == pytest.approx(x, rel=1e-13)


def test_a_hot_start_cools_to_the_vacuum():
    cold, hot = lossy(1.0, drive=0.0), gaussian.thermal(1, 1e12)
    state = cold.evolve(hot, [0.0, 20.0, 100.0])
    left = 1e12 * np.exp([-20.0, -100.0])
    noise = state.covariance[1:, 0, 0] - 0.5
    assert noise == pytest.approx(left, rel=1e-12, abs=1e-15)


def test_moments_beyond_double_precision_are_refused_by_name():
    gain = GaussianSystem.from_ladder([[0.0]], [[0.0]], [0.0], [[0.0, 1.0]])
    grown = gain.evolve(gaussian.thermal(1), [300.0]).covariance[0, 0, 0]
    assert np.log(grown + 0.5) == pytest.approx(300.0, rel=1e-12)
    for last in (400.0, 1e4, 1e300):
        with pytest.raises(AccuracyError, match="end `times` earlier") as refused:
            gain.evolve(gaussian.thermal(1), [0.0, last])
        assert refused.value.found > refused.value.limit == 1e150
    with pytest.raises(AccuracyError, match="occupation"):
        gaussian.thermal(1, 1e200)


def test_the_phase_of_a_lossless_mode_is_lost_after_long_times():
    free = GaussianSystem.from_ladder([[1.0]], [[0.0]], [0.5], np.zeros((0, 2)))
    kicked = free.evolve(gaussian.thermal(1), [1e6])
    # <a> = F (e^{-it} - 1); eps 1e6 of the phase is lost.
    expected = 0.5 * (np.exp(-1e6j) - 1)
    assert gaussian.amplitude(kicked)[0] == pytest.approx(expected, abs=1e-9)
    with pytest.raises(AccuracyError, match="has not died"):
        free.evolve(gaussian.thermal(1), [1e12])
    # A damped mode forgets its phase in time.
    late = lossy(0.1).evolve(gaussian.thermal(1), [1e12])
    assert gaussian.occupation(late)[0] == pytest.approx(100.0, rel=1e-12)


@pytest.mark.parametrize("width", [10.0, 1e5, 1e12])
@pytest.mark.parametrize("angle", [0.0, 0.3, np.pi / 4])
def test_work_of_a_strongly_squeezed_pure_state(width, angle):
    state = turned(width, angle)
    expected = (width + 1 / width) / 4 - 0.5
    # If rounding hides nu, at most sqrt(eps) width of it: 4e-9 of the work.
    assert gaussian.ergotropy(state) == pytest.approx(expected, rel=1e-7)
    assert gaussian.occupation(state) == pytest.approx(expected, rel=1e-12)
    # nu^2 = 1/4 is a difference of squares of width/4 unless the state lies on an axis.
    if angle and width > 1e4:
        for metric in (gaussian.purity, gaussian.entropy, gaussian.squeezing_db):
            with pytest.raises(AccuracyError, match="squeeze less"):
                metric(state)
    else:
        assert gaussian.purity(state) == pytest.approx(1.0, rel=1e-9)
        decibels = -10 * np.log10(width)
        assert gaussian.squeezing_db(state) == pytest.approx(decibels, rel=1e-9)


@pytest.mark.parametrize(
    ("quanta", "nats"),
    [
        (0.0, 0.0),
        (1e-12, 1e-12 * (1 + 12 * np.log(10))),
        (1.0, 2 * np.log(2)),
        (1e15, 15 * np.log(10) + 1),
    ],
)
def test_entropy_of_faint_and_hot_light(quanta, nats):
    """(m + 1) log(m + 1) - m log m: m (1 - log m) for few, 1 + log m for many."""
    found = gaussian.entropy(gaussian.thermal(1, quanta), base=np.e)
    # 1/2 + 1e-12 keeps four digits of the 1e-12.
    assert found == pytest.approx(nats, rel=2e-4 if 0 < quanta < 1 else 1e-12)


@pytest.mark.parametrize("power", [-13, -12, -10, -9, -7, -6, -4])
@pytest.mark.parametrize("side", [-1, 1])
def test_near_a_threshold_the_state_is_right_or_refused(power, side):
    """A parametric oscillator of loss 1: variances 1/(2 (1 -+ 4 k)), 4 k < 1."""
    distance = side * 10.0**power
    pump = (1 + distance) / 4
    pairing = [[-2j * pump]]
    pumped = GaussianSystem.from_ladder([[0.0]], pairing, [0.0], [[1.0, 0.0]])
    if side > 0:
        with pytest.raises(UnstableError, match="grow at the rate"):
            pumped.steady_state()
    elif power <= -9:
        with pytest.raises(AccuracyError, match="farther from the threshold"):
            pumped.steady_state()
    else:
        wide = np.linalg.eigvalsh(pumped.steady_state().covariance)[-1]
        # eps over the distance.
        assert wide == pytest.approx(-0.5 / distance, rel=4e-16 / -distance)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e12])
def test_a_defective_pair_on_the_axis_neither_grows_nor_decays(scale):
    """Detuning = pump of a lossless mode: nilpotent, split by rounding to 1e-8."""
    rng = np.random.default_rng(4)
    for angle in rng.uniform(0, 2 * np.pi, 20):
        pump = scale * np.exp(1j * angle)
        free = GaussianSystem.from_ladder([[scale]], [[pump]], [0], np.zeros((0, 2)))
        assert free.decay_rate == 0.0
        with pytest.raises(SeveralSteadyStatesError):
            free.steady_state()


GOOD = {"stiffness": np.eye(2), "force": [0, 1], "jumps": np.ones((1, 2), complex)}
LADDER = {"hopping": [[1]], "pairing": [[0]], "drive": [0.5], "jumps": [[1, 0]]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stiffness", 1j * np.eye(2)),
        ("stiffness", "G"),
        ("stiffness", np.eye(4)),
        ("stiffness", [[np.inf, 0], [0, 1]]),
        ("force", [0.0, 1j]),
        ("force", [[0.0, 1.0]]),
        ("force", []),
        ("force", [0.0, np.nan]),
        ("jumps", 1.0),
        ("jumps", [["a", "b"]]),
        ("jumps", [[1.0, np.inf]]),
        ("jumps", [[1.0], [1.0, 2.0]]),
        ("occupation", -1.0),
        ("occupation", True),
    ],
)
def test_a_malformed_system_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must"):
        GaussianSystem(**(GOOD | {name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hopping", [[1j]]),
        ("hopping", [1.0]),
        ("hopping", [[np.nan]]),
        ("pairing", np.eye(2)),
        ("pairing", None),
        ("drive", [[0.5]]),
        ("drive", ["F"]),
        ("jumps", [1, 0]),
        ("jumps", [[1, 0, 0]]),
        ("occupation", 1j),
    ],
)
def test_malformed_ladder_coefficients_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must"):
        GaussianSystem.from_ladder(**(LADDER | {name: value}))


def test_small_asymmetry_is_refused_at_each_scale():
    for scale in (1e-24, 1.0, 1e24):
        skew = scale * np.array([[0.0, 1e-6], [0.0, 0.0]])
        pair = np.zeros((2, 2)), np.zeros(2), np.zeros((0, 4))
        with pytest.raises(ValueError, match="`hopping` must be Hermitian"):
            GaussianSystem.from_ladder(scale * np.eye(2) + skew * 1e3, *pair)


@pytest.mark.parametrize(
    "state",
    [
        None,
        (np.zeros(2), np.eye(2)),
        GaussianState(np.zeros(2), -np.eye(2)),
        GaussianState(np.zeros(2), np.diag([1.0, 0.2])),
        GaussianState(np.zeros(2), [[1.0, 0.1], [0.0, 1.0]]),
        GaussianState(np.zeros(2), 1j * np.eye(2)),
        GaussianState(np.array([0.0, 1j]), np.eye(2)),
        GaussianState(np.zeros(3), np.eye(3)),
        GaussianState(np.zeros(2), np.eye(4)),
        GaussianState(np.array([0.0, np.nan]), np.eye(2)),
        GaussianState(np.zeros(2), 1e200 * np.eye(2)),
        GaussianState("mean", "covariance"),
        GaussianState(0.0, 1.0),
    ],
    ids=str,
)
def test_metrics_refuse_what_is_no_state(state):
    for metric in (
        gaussian.occupation,
        gaussian.anomalous,
        gaussian.amplitude,
        gaussian.ergotropy,
        gaussian.passive_energy,
        gaussian.entropy,
        gaussian.purity,
        gaussian.squeezing_db,
        gaussian.symplectic_eigenvalues,
    ):
        with pytest.raises(ValueError, match="`state` must"):
            metric(state)
    with pytest.raises(ValueError, match="`start` must"):
        lossy(1.0).evolve(state, [1.0])
    for other in (lossy(1.0).slope, lambda given: gaussian.fock_state(given, 5)):
        with pytest.raises(ValueError, match="`state` must"):
            other(state)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: gaussian.thermal(0), "modes"),
        (lambda: gaussian.thermal(1.0), "modes"),
        (lambda: gaussian.thermal(1, -0.4), "occupation"),
        (lambda: gaussian.thermal(1, np.nan), "occupation"),
        (lambda: gaussian.symplectic_form(-1), "modes"),
        (lambda: gaussian.thermal(2).mode(-1), "index"),
        (lambda: gaussian.thermal(2).mode(2), "index"),
        (lambda: gaussian.thermal(2).mode(0.0), "index"),
        (lambda: gaussian.entropy(gaussian.thermal(1), base=1), "base"),
        (lambda: gaussian.entropy(gaussian.thermal(1), base=None), "base"),
        (lambda: gaussian.ergotropy(gaussian.thermal(1), -1.0), "frequency"),
        (lambda: gaussian.passive_energy(gaussian.thermal(1), "1"), "frequency"),
        (lambda: gaussian.wigner(gaussian.thermal(1), "0", 0.0), "x"),
        (lambda: gaussian.wigner(gaussian.thermal(1), 0.0, 1j), "p"),
        (lambda: gaussian.fock_state(gaussian.thermal(1), 1), "levels"),
        (lambda: lossy(1.0).evolve(gaussian.thermal(1), 1.0), "times"),
        (lambda: lossy(1.0).evolve(gaussian.thermal(1), [1.0, 0.5]), "times"),
        (lambda: lossy(1.0).evolve(gaussian.thermal(2), [1.0]), "start"),
        (lambda: lossy(1.0).slope(gaussian.thermal(2)), "state"),
    ],
)
def test_odd_arguments_are_refused_by_name(call, name):
    with pytest.raises(ValueError, match=f"`{name}` must"):
        call()


def test_states_compare_by_value_and_systems_cannot_be_written():
    one, other = gaussian.thermal(2, 0.5), gaussian.thermal(2, 0.5)
    assert one == other
    assert not (one != other)  # noqa: SIM202
    assert one != gaussian.thermal(2)
    assert one != "state"
    assert one.mode(np.int8(1)) == gaussian.thermal(1, 0.5)
    given = np.eye(2)
    system = GaussianSystem(given, np.zeros(2), np.ones((1, 2)))
    given[0, 0] = 7.0
    assert system.stiffness[0, 0] == 1.0
    for name in ("stiffness", "force", "jumps", "drift", "diffusion"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(system, name)[0] = 1.0


def test_a_bath_is_its_jumps_and_their_reverses():
    """(n + 1) D[L] + n D[L^+], written out or by the occupation of the bath."""
    row = np.array([[0.7, 0.2j, 0.1, -0.3]])
    back = np.hstack([row[:, 2:], row[:, :2]]).conj()
    empty = np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2)
    both = np.vstack([np.sqrt(1.6) * row, np.sqrt(0.6) * back])
    out, short = (
        GaussianSystem.from_ladder(*empty, both),
        GaussianSystem.from_ladder(*empty, row, 0.6),
    )
    assert short.drift == pytest.approx(out.drift, abs=1e-15)
    assert short.diffusion == pytest.approx(out.diffusion, abs=1e-15)


def test_a_state_of_no_mode_is_refused():
    nothing = GaussianState(np.zeros(0), np.zeros((0, 0)))
    for metric in (gaussian.purity, gaussian.entropy, gaussian.symplectic_eigenvalues):
        with pytest.raises(ValueError, match="`state` must be a GaussianState"):
            metric(nothing)


def test_two_levels_hold_the_vacuum():
    held = gaussian.fock_state(gaussian.thermal(1), 2)
    assert held == pytest.approx(np.diag([1.0, 0.0]), abs=1e-12)
