"""Gaussian states of several modes and their metrics, against QuTiP's Fock spaces,
closed forms and a search over all Gaussian unitaries.
"""

from __future__ import annotations

import numpy as np
import pytest
import qutip
from scipy.linalg import expm
from scipy.optimize import minimize

from qbcore import gaussian, metrics
from qbcore.errors import AccuracyError
from qbcore.gaussian import GaussianState
from qbcore.nonreciprocal import NonreciprocalBattery


def in_fock_space(rho: qutip.Qobj) -> GaussianState:
    """Mean and covariance by expectation values, of one mode or more."""
    levels = rho.dims[0]
    r = []
    for k, n in enumerate(levels):
        a = qutip.expand_operator(qutip.destroy(n), levels, k)
        r += [(a + a.dag()) / np.sqrt(2), (a - a.dag()) / (1j * np.sqrt(2))]
    mean = np.real([qutip.expect(q, rho) for q in r])
    second = [[qutip.expect((p * q + q * p) / 2, rho).real for q in r] for p in r]
    return GaussianState(mean, np.array(second) - np.outer(mean, mean))


def random_state(rng, nu) -> GaussianState:
    """S diag(nu) S^T of a random symplectic S, displaced."""
    size = 2 * len(nu)
    k = rng.normal(size=(size, size)) / size
    s = expm(gaussian.symplectic_form(len(nu)) @ (k + k.T))
    covariance = (s * np.repeat(nu, 2)) @ s.T
    return GaussianState(rng.normal(size=size), (covariance + covariance.T) / 2)


# --- states ---


def test_coherent_states_have_the_amplitude_of_qutips():
    rho = qutip.ket2dm(
        qutip.tensor(
            qutip.coherent(30, 0.7 - 0.4j, method="analytic"),
            qutip.coherent(30, 1.1j, method="analytic"),
        )
    )
    found, known = gaussian.coherent([0.7 - 0.4j, 1.1j]), in_fock_space(rho)
    # |alpha|^2 < 1.3: a Poisson tail of 1e-20 above 30 levels.
    np.testing.assert_allclose(found.mean, known.mean, atol=1e-12)
    np.testing.assert_allclose(found.covariance, known.covariance, atol=1e-12)
    assert gaussian.coherent(2.0) == gaussian.coherent([2.0])


@pytest.mark.parametrize(("r", "phase"), [(0.4, 0.0), (-0.3, 0.0), (0.35, 2.1)])
@pytest.mark.parametrize("occupation", [0.0, 0.15])
def test_squeezed_states_are_qutips(r, phase, occupation):
    levels = 80
    s = qutip.squeeze(levels, r * np.exp(1j * phase))
    rho = s * qutip.thermal_dm(levels, occupation, method="analytic") * s.dag()
    found = gaussian.squeezed(r, phase, occupation)
    # Weights of 0.13^k mix with squeezing of tanh 0.4: far below 1e-9 above 80 levels.
    np.testing.assert_allclose(
        found.covariance, in_fock_space(rho).covariance, atol=1e-9
    )
    energy = (occupation + 0.5) * np.cosh(2 * r) - 0.5
    assert gaussian.energy(found, 2.0) == pytest.approx(2 * energy, rel=1e-12)


@pytest.mark.parametrize("occupation", [0.0, 0.1])
def test_two_mode_squeezed_states_are_those_of_the_exponential(occupation):
    r, phase, levels = 0.35, 0.8, 22
    one = qutip.destroy(levels)
    a, b = qutip.tensor(one, qutip.qeye(levels)), qutip.tensor(qutip.qeye(levels), one)
    z = r * np.exp(1j * phase)
    s = (np.conj(z) * a * b - z * a.dag() * b.dag()).expm()
    hot = qutip.thermal_dm(levels, occupation, method="analytic")
    rho = s * qutip.tensor(hot, hot) * s.dag()
    found = gaussian.two_mode_squeezed(r, phase, occupation)
    # Pairs fall as tanh(0.35)^(2 k), heat as 0.09^k: 1e-9 times their energy are lost.
    np.testing.assert_allclose(
        found.covariance, in_fock_space(rho).covariance, atol=1e-7
    )
    alone = (occupation + 0.5) * np.cosh(2 * r) - 0.5
    assert gaussian.occupation(found.mode(1)) == pytest.approx(alone, rel=1e-12)
    # Entangled by 2 r - log(2 n + 1) nats.
    nats = gaussian.logarithmic_negativity(found, base=np.e)
    assert nats == pytest.approx(2 * r - np.log(2 * occupation + 1), rel=1e-12)


def test_products_keep_the_factors_and_nothing_between_them():
    rng = np.random.default_rng(3)
    one, pair = random_state(rng, [0.7]), random_state(rng, [1.2, 0.6])
    times = GaussianState(np.stack([one.mean] * 4), np.stack([one.covariance] * 4))
    both = gaussian.tensor(pair, times, gaussian.thermal(1, 2.0))
    assert both.mean.shape == (4, 8)
    assert both.mode(2) == times
    assert both.mode([0, 1]).covariance.tolist() == [pair.covariance.tolist()] * 4
    assert both.mode([1, 0]).mode(1).mean[3].tolist() == pair.mean[:2].tolist()
    assert not both.covariance[:, :4, 4:].any()
    assert not both.covariance[:, 4:6, 6:].any()
    assert both.covariance[2, 7, 7] == 2.5
    nu = gaussian.symplectic_eigenvalues(both)
    np.testing.assert_allclose(nu, [[2.5, 1.2, 0.7, 0.6]] * 4, rtol=1e-12)


# --- symplectic eigenvalues ---


@pytest.mark.parametrize("seed", range(5))
def test_symplectic_eigenvalues_are_those_that_went_in(seed):
    rng = np.random.default_rng(seed)
    nu = np.sort(rng.uniform(0.5, 5.0, 3))[::-1]
    found = gaussian.symplectic_eigenvalues(random_state(rng, nu))
    # S of norm 10 or so: eps 10^2 to 10^4.
    np.testing.assert_allclose(found, nu, rtol=1e-11)


def test_a_thermal_state_that_stopped_the_solver_has_its_eigenvalues():
    """The nonsymmetric solver did not converge for rounding of 1e-17 off the blocks."""
    n = 0.07173380807723519
    battery = NonreciprocalBattery(
        charger_loss=0.5759794187594346, battery_loss=0, charger_share=0,
        battery_share=0, coupling=1, bath_occupation=n, linear_drive=0.2,
    )  # fmt: skip
    moments = battery.charge(np.linspace(0, 4, 9)).moments
    nu = gaussian.symplectic_eigenvalues(moments)
    # A coherent drive leaves both modes as hot as their baths.
    np.testing.assert_allclose(nu, n + 0.5, rtol=1e-12)
    assert (gaussian.logarithmic_negativity(moments) == 0).all()


# --- energy and work ---


def test_the_energy_of_several_modes_is_that_of_the_density_matrix():
    levels = 25
    parts = [
        qutip.ket2dm(qutip.coherent(levels, 0.8 + 0.3j, method="analytic")),
        qutip.thermal_dm(levels, 0.2, method="analytic"),
    ]
    number = qutip.num(levels)
    h = 1.5 * qutip.tensor(number, qutip.qeye(levels))
    h += 0.4 * qutip.tensor(qutip.qeye(levels), number)
    state = gaussian.tensor(gaussian.coherent(0.8 + 0.3j), gaussian.thermal(1, 0.2))
    expected = metrics.energy(qutip.tensor(parts), h)
    assert gaussian.energy(state, [1.5, 0.4]) == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(1.5 * 0.73 + 0.4 * 0.2, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_of_one_mode_gaussian_unitaries_reach_the_ergotropy(seed):
    """The optimum over all unitaries, by diagonalising the density matrix."""
    rng = np.random.default_rng(seed)
    r, phase, n = rng.uniform(0.1, 0.4), rng.uniform(0, 6), rng.uniform(0, 0.4)
    alpha = complex(*rng.normal(size=2)) / 2
    one = gaussian.squeezed(r, phase, n)
    state = GaussianState(one.mean + gaussian.coherent(alpha).mean, one.covariance)
    h = 1.7 * qutip.num(90)
    u = qutip.displace(90, alpha) * qutip.squeeze(90, r * np.exp(1j * phase))
    rho = u * qutip.thermal_dm(90, n, method="analytic") * u.dag()
    brute = metrics.ergotropy(rho, h)
    # The part above 90 levels, below 1e-10, times its energy.
    assert gaussian.gaussian_ergotropy(state, 1.7) == pytest.approx(brute, abs=1e-7)
    assert gaussian.ergotropy(state, 1.7) == pytest.approx(brute, abs=1e-7)
    assert gaussian.passive_energy(state, 1.7) == pytest.approx(1.7 * n, rel=1e-10)


@pytest.mark.parametrize("frequency", [[1.0, 2.5], [2.5, 1.0], [1.0, 1.0]])
def test_no_gaussian_unitary_extracts_more_and_one_extracts_that(frequency):
    """A search over symplectic matrices, two exponentials of ten parameters each."""
    state = random_state(np.random.default_rng(7), [1.9, 0.8])
    omega, weights = gaussian.symplectic_form(2), np.repeat(frequency, 2) / 2
    upper = np.triu_indices(4)

    def left(parameters):
        s = np.eye(4)
        for each in parameters.reshape(2, 10):
            k = np.zeros((4, 4))
            k[upper] = each
            s = expm(omega @ (k + k.T)) @ s
        return float(weights @ ((s @ state.covariance) * s).sum(axis=1))

    rng = np.random.default_rng(1)
    runs = [minimize(left, 0.3 * rng.normal(size=20), tol=1e-10) for _ in range(3)]
    # Displacements take the mean's energy out; the ground state is at sum(omega)/2.
    ground, total = sum(frequency) / 2, gaussian.energy(state, frequency)
    lowest = min(run.fun for run in runs) - ground
    work = gaussian.gaussian_ergotropy(state, frequency)
    assert work == pytest.approx(total - lowest, rel=1e-7)
    low, high = sorted(frequency)
    known = low * (1.9 - 0.5) + high * (0.8 - 0.5)
    assert gaussian.passive_energy(state, frequency) == pytest.approx(known, rel=1e-11)


def test_other_unitaries_extract_more_from_two_modes():
    """A thermal mode and an empty one of the same frequency: Gaussian-passive.

    Its weights p_k = n^k/(n + 1)^(k + 1) fit into the levels N = 0, 1, 1, 2, 2, 2, ...
    """
    n, levels = 0.5, 14
    state = gaussian.thermal(1, n), gaussian.thermal(1)
    assert gaussian.gaussian_ergotropy(gaussian.tensor(*state)) == 0.0
    rho = qutip.tensor(*(qutip.Qobj(gaussian.fock_state(s, levels)) for s in state))
    number, one = qutip.num(levels), qutip.qeye(levels)
    h = qutip.tensor(number, one) + qutip.tensor(one, number)
    weights = n ** np.arange(levels) / (n + 1) ** (np.arange(levels) + 1.0)
    filled = weights @ np.repeat(np.arange(5), np.arange(1, 6))[:levels]
    kept = weights @ np.arange(levels)
    assert metrics.ergotropy(rho, h) == pytest.approx(kept - filled, abs=1e-9)
    assert kept - filled > 0.1


@pytest.mark.parametrize("scale", [1e-24, 1.0, 1e24])
def test_work_of_several_modes_has_the_unit_of_the_frequency(scale):
    state = random_state(np.random.default_rng(5), [0.9, 0.5, 0.5])
    plain = gaussian.gaussian_ergotropy(state, [1.0, 2.0, 0.5])
    scaled = gaussian.gaussian_ergotropy(state, scale * np.array([1.0, 2.0, 0.5]))
    assert scaled == pytest.approx(scale * plain, rel=1e-12)
    many = GaussianState(np.stack([state.mean] * 3), np.stack([state.covariance] * 3))
    found = gaussian.gaussian_ergotropy(many, [1.0, 2.0, 0.5])
    np.testing.assert_allclose(found, [plain] * 3, rtol=1e-12)


# --- entanglement ---


def test_the_negativity_is_qutips():
    """Unequal heat and squeezing, by the trace norm of the partial transpose."""
    r, levels = 0.3, 14
    one = qutip.destroy(levels)
    a, b = qutip.tensor(one, qutip.qeye(levels)), qutip.tensor(qutip.qeye(levels), one)
    hot = [qutip.thermal_dm(levels, n, method="analytic") for n in (0.05, 0.15)]
    s = (r * (a * b - a.dag() * b.dag())).expm()
    rho = s * qutip.tensor(*hot) * s.dag()
    known = qutip.negativity(rho, 0, method="tracenorm", logarithmic=True)
    state = in_fock_space(rho)
    # 14 levels lose 0.13^14 and tanh(0.3)^28, both below 1e-12 but for their mixtures.
    found = gaussian.logarithmic_negativity(state, 0)
    assert found == pytest.approx(known, abs=1e-6)
    assert gaussian.logarithmic_negativity(state, 1) == pytest.approx(found, rel=1e-9)
    assert found > 0.4


@pytest.mark.parametrize("seed", range(4))
def test_a_pure_state_is_entangled_as_its_parts_are_mixed(seed):
    """Any one mode of a pure state and the rest: 2 nu = cosh 2r, E_N = 2 r / log 2."""
    state = random_state(np.random.default_rng(seed), [0.5, 0.5, 0.5])
    for k in range(3):
        nu = gaussian.symplectic_eigenvalues(state.mode(k))[0]
        known = np.arccosh(2 * nu) / np.log(2)
        rest = [j for j in range(3) if j != k]
        for party in (k, rest, np.array(rest)):
            found = gaussian.logarithmic_negativity(state, party)
            assert found == pytest.approx(known, rel=1e-9)


def test_local_unitaries_leave_the_negativity_and_heat_ends_it():
    rng = np.random.default_rng(2)
    noisy = gaussian.two_mode_squeezed(0.6, 0.3, 0.4)
    local = np.zeros((4, 4))
    for k in range(2):
        own = rng.normal(size=(2, 2))
        own = gaussian.symplectic_form(1) @ (own + own.T) / 2
        local[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = expm(own)
    turned = local @ noisy.covariance @ local.T
    state = GaussianState(rng.normal(size=4), (turned + turned.T) / 2)
    nats = gaussian.logarithmic_negativity(state, base=np.e)
    assert nats == pytest.approx(1.2 - np.log(1.8), rel=1e-10)
    # 2 r = log(2 n + 1) is the border.
    border = (np.exp(1.2) - 1) / 2
    for factor, entangled in ((0.999, True), (1.001, False)):
        hot = gaussian.two_mode_squeezed(0.6, 0.0, factor * border)
        assert (gaussian.logarithmic_negativity(hot) > 0) is entangled


def test_strong_squeezing_is_exact_or_refused():
    for r in (3.0, 4.0):
        bits = gaussian.logarithmic_negativity(gaussian.two_mode_squeezed(r))
        # Rounding of entries of e^{2 r}/4, next to e^{-2 r}/4.
        assert bits == pytest.approx(2 * r / np.log(2), abs=1e-15 * np.exp(4 * r))
    with pytest.raises(AccuracyError, match="squeeze less"):
        gaussian.logarithmic_negativity(gaussian.two_mode_squeezed(8.0))
    strong = gaussian.two_mode_squeezed(8.0)
    work = gaussian.gaussian_ergotropy(strong)
    # nu is hidden by the root of rounding, at most 1e-7 of the energy.
    assert work == pytest.approx(2 * np.sinh(8.0) ** 2, rel=1e-6)
    with pytest.raises(AccuracyError, match="the squeezing"):
        gaussian.squeezed(500.0)


# --- what is refused ---

TWO = gaussian.thermal(2, 0.3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: gaussian.coherent("1"), "amplitude"),
        (lambda: gaussian.coherent([]), "amplitude"),
        (lambda: gaussian.coherent(np.eye(2)), "amplitude"),
        (lambda: gaussian.coherent(True), "amplitude"),
        (lambda: gaussian.squeezed(1j), "squeezing"),
        (lambda: gaussian.squeezed(0.1, np.nan), "phase"),
        (lambda: gaussian.squeezed(0.1, 0.0, -0.1), "occupation"),
        (lambda: gaussian.two_mode_squeezed(None), "squeezing"),
        (lambda: gaussian.two_mode_squeezed(0.1, "0"), "phase"),
        (lambda: gaussian.two_mode_squeezed(0.1, 0.0, np.inf), "occupation"),
        (lambda: gaussian.tensor(), "states"),
        (lambda: gaussian.tensor(TWO, "vacuum"), "states"),
        (lambda: gaussian.tensor(TWO, (np.zeros(2), np.eye(2))), "states"),
        (lambda: gaussian.energy(TWO, [1.0, 2.0, 3.0]), "frequency"),
        (lambda: gaussian.energy(TWO, [1.0, 0.0]), "frequency"),
        (lambda: gaussian.energy(TWO, [[1.0, 1.0]]), "frequency"),
        (lambda: gaussian.passive_energy(TWO, [1.0, np.inf]), "frequency"),
        (lambda: gaussian.gaussian_ergotropy(TWO, []), "frequency"),
        (lambda: gaussian.gaussian_ergotropy(TWO, None), "frequency"),
        (lambda: gaussian.gaussian_ergotropy(None), "state"),
        (lambda: gaussian.energy(np.eye(4)), "state"),
        (lambda: gaussian.logarithmic_negativity(gaussian.thermal(1)), "modes"),
        (lambda: gaussian.logarithmic_negativity(TWO, [0, 1]), "modes"),
        (lambda: gaussian.logarithmic_negativity(TWO, [0, 0]), "modes"),
        (lambda: gaussian.logarithmic_negativity(TWO, []), "modes"),
        (lambda: gaussian.logarithmic_negativity(TWO, 2), "modes"),
        (lambda: gaussian.logarithmic_negativity(TWO, -1), "modes"),
        (lambda: gaussian.logarithmic_negativity(TWO, 0.0), "modes"),
        (lambda: gaussian.logarithmic_negativity(TWO, base=0.5), "base"),
        (lambda: TWO.mode([0, 0]), "index"),
        (lambda: TWO.mode([]), "index"),
        (lambda: TWO.mode([0, 2]), "index"),
        (lambda: TWO.mode("0"), "index"),
        (lambda: TWO.mode(True), "index"),
    ],
)
def test_odd_arguments_are_refused_by_name(call, name):
    with pytest.raises(ValueError, match=f"`{name}` must"):
        call()


def test_time_axes_that_do_not_fit_are_refused():
    axes = [
        GaussianState(np.zeros((count, 2)), np.broadcast_to(np.eye(2), (count, 2, 2)))
        for count in (2, 3)
    ]
    with pytest.raises(ValueError, match=r"`states` must have shapes that broadcast"):
        gaussian.tensor(*axes)
