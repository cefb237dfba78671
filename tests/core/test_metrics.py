"""The laws of the metrics on random states, closed forms by hand, and every refusal."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pytest
import qutip
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from qbcore import metrics

# Eigenvalues and products of 5 x 5 matrices with entries up to 6 are good to about 5 * 5 * 6 eps,
# 3e-14. The entropies multiply that by |log2 p| < 50 at worst: 2e-12.
ROUNDING = 1e-12
# A standard deviation is the root of a variance good to 6^2 * 25 eps = 2e-13 at worst.
ROOT_ROUNDING = 1e-6


@dataclass(frozen=True)
class Case:
    """A Hamiltonian and a density matrix with known spectra."""

    energies: np.ndarray
    weights: np.ndarray  # falling
    hamiltonian: np.ndarray
    rho: np.ndarray
    rng: np.random.Generator

    @property
    def dimension(self):
        return self.energies.size


def unitary(rng, dimension):
    gauss = rng.normal(size=(dimension, dimension)) + 1j * rng.normal(
        size=(dimension, dimension)
    )
    return np.linalg.qr(gauss)[0]


def hermitian(values, basis):
    matrix = (basis * values) @ basis.conj().T
    return (matrix + matrix.conj().T) / 2


@st.composite
def cases(draw, pure=False, diagonal=False):
    """Integer energies and weights, so that degenerate levels and equal weights are common."""
    d = draw(st.integers(2, 5))
    energies = np.sort(
        draw(st.lists(st.integers(-3, 3), min_size=d, max_size=d))
    ).astype(float)
    counts = draw(st.lists(st.integers(0, 5), min_size=d, max_size=d).filter(any))
    weights = np.sort(np.array(counts) / sum(counts))[::-1]
    if pure:
        weights = np.eye(d)[0]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    basis = unitary(rng, d)
    rho = (
        hermitian(rng.permutation(weights), basis)
        if diagonal
        else hermitian(weights, unitary(rng, d))
    )
    return Case(energies, weights, hermitian(energies, basis), rho, rng)


def ket(case):
    return np.linalg.eigh(case.rho)[1][:, -1]


ENERGY_METRICS = [
    metrics.ergotropy,
    metrics.antiergotropy,
    metrics.capacity,
    metrics.incoherent_ergotropy,
    metrics.coherent_ergotropy,
    metrics.stored_energy,
    metrics.energy_fluctuation,
]
ENTROPIES = [metrics.diagonal_entropy, metrics.relative_entropy_of_coherence]
ALL = [metrics.energy, *ENERGY_METRICS, *ENTROPIES]


def tolerance(metric):
    return ROOT_ROUNDING if metric is metrics.energy_fluctuation else ROUNDING


def close(value, metric=None):
    return pytest.approx(value, abs=tolerance(metric), rel=0)


# --- energy ---


@given(cases())
def test_energy_is_the_trace(case):
    expected = np.trace(case.rho @ case.hamiltonian).real
    assert metrics.energy(case.rho, case.hamiltonian) == close(expected)
    assert metrics.stored_energy(case.rho, case.hamiltonian) == close(
        expected - case.energies[0]
    )
    reference = np.eye(case.dimension) / case.dimension
    above = metrics.stored_energy(case.rho, case.hamiltonian, reference)
    assert above == close(expected - case.energies.mean())


@given(cases())
def test_fluctuation_is_the_root_of_the_variance(case):
    h = case.hamiltonian
    mean, square = (np.trace(case.rho @ m).real for m in (h, h @ h))
    found = metrics.energy_fluctuation(case.rho, h)
    assert found**2 == close(square - mean**2)
    assert found <= (case.energies[-1] - case.energies[0]) / 2 + ROUNDING  # Popoviciu


@given(cases())
def test_fluctuation_vanishes_in_eigenstates(case):
    _, basis = np.linalg.eigh(case.hamiltonian)
    for k in range(case.dimension):
        state = basis[:, k]
        assert metrics.energy_fluctuation(state, case.hamiltonian) == close(0.0)
        rho = np.outer(state, state.conj())
        assert metrics.energy_fluctuation(rho, case.hamiltonian) < ROOT_ROUNDING


# --- ergotropy ---


@given(cases())
def test_ergotropy_lies_between_zero_and_the_stored_energy(case):
    work = metrics.ergotropy(case.rho, case.hamiltonian)
    assert 0.0 <= work <= metrics.stored_energy(case.rho, case.hamiltonian) + ROUNDING
    room = case.energies[-1] - metrics.energy(case.rho, case.hamiltonian)
    assert 0.0 <= metrics.antiergotropy(case.rho, case.hamiltonian) <= room + ROUNDING


@given(cases())
def test_ergotropy_is_the_best_of_all_permutations(case):
    e = metrics.energy(case.rho, case.hamiltonian)
    reached = [
        float(np.dot(order, case.energies)) for order in permutations(case.weights)
    ]
    assert metrics.ergotropy(case.rho, case.hamiltonian) == close(e - min(reached))
    assert metrics.antiergotropy(case.rho, case.hamiltonian) == close(max(reached) - e)
    assert metrics.capacity(case.rho, case.hamiltonian) == close(
        max(reached) - min(reached)
    )


@given(cases())
def test_no_unitary_extracts_more_and_one_extracts_as_much(case):
    e = metrics.energy(case.rho, case.hamiltonian)
    work = metrics.ergotropy(case.rho, case.hamiltonian)
    for _ in range(10):
        u = unitary(case.rng, case.dimension)
        after = metrics.energy(u @ case.rho @ u.conj().T, case.hamiltonian)
        assert e - after <= work + ROUNDING
        assert after - e <= metrics.antiergotropy(case.rho, case.hamiltonian) + ROUNDING
    # Rotate the most likely eigenstate into the lowest level, and so on.
    _, of_state = np.linalg.eigh(case.rho)
    _, of_h = np.linalg.eigh(case.hamiltonian)
    best = of_h @ of_state[:, ::-1].conj().T
    after = metrics.energy(best @ case.rho @ best.conj().T, case.hamiltonian)
    assert e - after == close(work)


@given(cases(pure=True))
def test_all_energy_of_a_pure_state_is_work(case):
    for state in (case.rho, ket(case)):
        stored = metrics.stored_energy(state, case.hamiltonian)
        assert metrics.ergotropy(state, case.hamiltonian) == close(stored)
        assert metrics.capacity(state, case.hamiltonian) == close(
            case.energies[-1] - case.energies[0]
        )


@given(cases())
def test_capacity_is_the_sum_and_no_unitary_changes_it(case):
    h = case.hamiltonian
    whole = metrics.capacity(case.rho, h)
    assert whole == close(
        metrics.ergotropy(case.rho, h) + metrics.antiergotropy(case.rho, h)
    )
    u = unitary(case.rng, case.dimension)
    assert metrics.capacity(u @ case.rho @ u.conj().T, h) == close(whole)


@given(cases())
def test_incoherent_and_coherent_part_make_the_whole(case):
    h = case.hamiltonian
    parts = (
        metrics.incoherent_ergotropy(case.rho, h),
        metrics.coherent_ergotropy(case.rho, h),
    )
    assert sum(parts) == close(metrics.ergotropy(case.rho, h))
    assert min(parts) >= -ROUNDING
    # The incoherent part by hand: dephase with projectors on the levels, known beforehand.
    _, basis = np.linalg.eigh(h)
    blocks = case.energies[:, None] == case.energies[None, :]
    dephased = basis @ (blocks * (basis.conj().T @ case.rho @ basis)) @ basis.conj().T
    assert parts[0] == close(metrics.ergotropy(dephased, h))


@given(cases(diagonal=True))
def test_without_coherence_the_coherent_part_vanishes(case):
    h = case.hamiltonian
    assert metrics.coherent_ergotropy(case.rho, h) == close(0.0)
    assert metrics.relative_entropy_of_coherence(case.rho, h) == close(0.0)
    assert metrics.diagonal_entropy(case.rho, h) == close(
        metrics.von_neumann_entropy(case.rho)
    )


@given(cases())
def test_antiergotropy_is_the_ergotropy_of_minus_h(case):
    expected = metrics.ergotropy(case.rho, -case.hamiltonian)
    assert metrics.antiergotropy(case.rho, case.hamiltonian) == close(expected)


@given(cases(), st.sampled_from([-1e3, -2.5, 7.0, 1e6, 1e9]))
def test_the_zero_of_energy_changes_nothing_but_the_energy(case, shift):
    h = case.hamiltonian
    moved = h + shift * np.eye(case.dimension)
    # The entries of the shifted Hamiltonian, hence its levels, are known to 25 eps * shift.
    slack = 25 * np.finfo(float).eps * abs(shift) + ROUNDING
    assert metrics.energy(case.rho, moved) == pytest.approx(
        metrics.energy(case.rho, h) + shift, abs=slack
    )
    for metric in ENERGY_METRICS:
        lost = (
            np.sqrt(slack * 36) if metric is metrics.energy_fluctuation else 4 * slack
        )
        assert metric(case.rho, moved) == pytest.approx(
            metric(case.rho, h), abs=lost
        ), metric.__name__


@given(cases(), st.sampled_from([1e-6, 0.5, 2.0, 1e6]))
def test_work_scales_with_the_unit_of_energy(case, factor):
    for metric in (metrics.energy, *ENERGY_METRICS):
        found = metric(case.rho, factor * case.hamiltonian) / factor
        assert found == close(metric(case.rho, case.hamiltonian), metric), (
            metric.__name__
        )
    for metric in ENTROPIES:
        found = metric(case.rho, factor * case.hamiltonian)
        assert found == close(metric(case.rho, case.hamiltonian)), metric.__name__


# --- passive states ---


@given(cases())
def test_the_passive_state_keeps_the_spectrum_and_lies_lowest(case):
    h = case.hamiltonian
    passive = metrics.passive_state(case.rho, h)
    assert np.linalg.eigvalsh(passive)[::-1] == close(case.weights)
    lowest = float(case.weights @ case.energies)
    assert metrics.energy(passive, h) == close(lowest)
    assert metrics.energy(case.rho, h) - metrics.ergotropy(case.rho, h) == close(lowest)
    assert metrics.ergotropy(passive, h) == close(0.0)
    assert np.abs(passive @ h - h @ passive).max() < ROUNDING


@given(cases())
def test_falling_weights_on_rising_levels_are_passive(case):
    _, basis = np.linalg.eigh(case.hamiltonian)
    passive = hermitian(case.weights, basis)
    assert metrics.ergotropy(passive, case.hamiltonian) == close(0.0)
    assert metrics.incoherent_ergotropy(passive, case.hamiltonian) == close(0.0)
    # Turned upside down, all of the capacity is work.
    inverted = hermitian(case.weights[::-1], basis)
    whole = metrics.capacity(case.rho, case.hamiltonian)
    assert metrics.ergotropy(inverted, case.hamiltonian) == close(whole)
    assert metrics.antiergotropy(passive, case.hamiltonian) == close(whole)


@pytest.mark.parametrize("temperature", [1e-3, 0.1, 1.0, 10.0, 1e3, np.inf])
@given(cases())
def test_a_thermal_state_is_passive_at_every_temperature(temperature, case):
    boltzmann = np.exp(-(case.energies - case.energies[0]) / temperature)
    _, basis = np.linalg.eigh(case.hamiltonian)
    thermal = hermitian(boltzmann / boltzmann.sum(), basis)
    assert metrics.ergotropy(thermal, case.hamiltonian) == close(0.0)
    # At a negative temperature it is as full as its spectrum allows.
    assert metrics.antiergotropy(thermal, -case.hamiltonian) == close(0.0)


# --- entropies ---


@given(cases())
def test_von_neumann_entropy_from_the_known_spectrum(case):
    occupied = case.weights[case.weights > 0]
    bits = float(-(occupied * np.log2(occupied)).sum())
    found = metrics.von_neumann_entropy(case.rho)
    assert found == close(bits)
    assert 0.0 <= found <= np.log2(case.dimension) + ROUNDING
    assert metrics.von_neumann_entropy(case.rho, base=np.e) == close(bits * np.log(2))
    assert metrics.von_neumann_entropy(case.rho, base=10) == close(bits * np.log10(2))


@pytest.mark.parametrize("dimension", [2, 3, 7])
def test_the_maximally_mixed_state_has_log_d(dimension):
    mixed = np.eye(dimension) / dimension
    assert metrics.von_neumann_entropy(mixed) == close(np.log2(dimension))
    assert metrics.von_neumann_entropy(mixed, base=dimension) == close(1.0)
    assert metrics.shannon_entropy(np.full(dimension, 1 / dimension)) == close(
        np.log2(dimension)
    )


def test_shannon_entropy_over_the_last_axis():
    # -(1/4) log2(1/4) - (3/4) log2(3/4) = 2 - (3/4) log2 3
    found = metrics.shannon_entropy([[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]])
    assert found == close([1.0, 0.0, 2 - 0.75 * np.log2(3)])


@given(cases())
def test_coherence_is_what_dephasing_adds_to_the_entropy(case):
    h = case.hamiltonian
    coherence = metrics.relative_entropy_of_coherence(case.rho, h)
    assert coherence >= 0.0
    diagonal, mixed = (
        metrics.diagonal_entropy(case.rho, h),
        metrics.von_neumann_entropy(case.rho),
    )
    assert diagonal - mixed == close(coherence)
    assert diagonal <= np.log2(case.dimension) + ROUNDING
    nats = metrics.relative_entropy_of_coherence(case.rho, h, base=np.e)
    assert nats == close(coherence * np.log(2))
    assert metrics.diagonal_entropy(case.rho, h, base=np.e) == close(
        diagonal * np.log(2)
    )


@given(cases(pure=True))
def test_a_pure_state_has_the_coherence_of_its_level_populations(case):
    state, (_, basis) = ket(case), np.linalg.eigh(case.hamiltonian)
    amplitudes = np.abs(basis.conj().T @ state) ** 2
    # A pure state dephased in levels has one eigenstate per level, whatever the degeneracy.
    p = np.array([amplitudes[case.energies == e].sum() for e in set(case.energies)])
    expected = metrics.shannon_entropy(p)
    assert metrics.diagonal_entropy(state, case.hamiltonian) == close(expected)
    assert metrics.relative_entropy_of_coherence(state, case.hamiltonian) == close(
        expected
    )


# --- degenerate levels ---


@given(cases())
def test_rotations_inside_a_level_change_nothing(case):
    _, basis = np.linalg.eigh(case.hamiltonian)
    blocks = case.energies[:, None] == case.energies[None, :]
    gauss = unitary(case.rng, case.dimension) * blocks
    inside = expm(1j * (gauss + gauss.conj().T))  # couples equal energies only
    u = basis @ inside @ basis.conj().T
    rotated = u @ case.rho @ u.conj().T
    for metric in ALL:
        found, expected = (
            metric(rotated, case.hamiltonian),
            metric(case.rho, case.hamiltonian),
        )
        assert found == close(expected, metric), metric.__name__


@given(
    st.integers(2, 5), st.integers(0, 2**32 - 1), st.sampled_from([-3.0, 0.0, 5.0, 1e9])
)
def test_one_single_level_stores_no_work_and_knows_no_coherence(dimension, seed, level):
    rng = np.random.default_rng(seed)
    # Equal up to rounding only: the eigenvalues found differ in their last digits.
    h = hermitian(np.full(dimension, level), unitary(rng, dimension))
    state = unitary(rng, dimension)[:, 0]
    assert metrics.relative_entropy_of_coherence(state, h) == close(0.0)
    slack = 1e-14 * abs(level) + ROUNDING
    for metric in ENERGY_METRICS:
        assert metric(state, h) == pytest.approx(0.0, abs=slack), metric.__name__


def test_levels_merge_below_the_stated_distance_only():
    plus = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    for gap, bits in [(1e-11, 0.0), (1e-7, 1.0)]:  # relative to a spectral width of 1
        h = np.diag([0.0, gap, 1.0])
        assert metrics.relative_entropy_of_coherence(plus, h) == close(bits)
        assert metrics.relative_entropy_of_coherence(plus, 1e6 * h) == close(bits)


# --- closed forms: two qubits, H = number of excitations, levels 0, 1, 1, 2 ---

TWO_QUBITS = np.diag([0.0, 1.0, 1.0, 2.0])

# sqrt(0.2)|00> + sqrt(0.8)|11>: energy 2 * 0.8 = 1.6, all of it work. Dephased to diag(0.2, 0, 0, 0.8),
#   whose passive energy is 0.8 * 0 + 0.2 * 1 = 0.2: incoherent 1.4, coherent 0.2. Room to the top: 0.4.
#   Variance 4 * 0.8 - 1.6^2 = 0.64. Coherence -0.2 log2 0.2 - 0.8 log2 0.8 = 0.464386 + 0.257542.
# 0.6 of (|00> + |11>)/sqrt 2 in white noise: eigenvalues 0.6 + 0.1 = 0.7 and three times 0.1. Energy 1,
#   passive energy 0.1 (1 + 1 + 2) = 0.4: work 0.6. Highest energy 0.7 * 2 + 0.1 (1 + 1) = 1.6: room 0.6.
#   Dephased diag(0.4, 0.1, 0.1, 0.4), passive energy 0.4 + 0.1 + 0.2 = 0.7: incoherent 0.3. Variance
#   0.4 + 0.4. Entropy -0.7 log2 0.7 - 0.3 log2 0.1 = 0.360201 + 0.996578; dephased -0.8 log2 0.4
#   - 0.2 log2 0.1 = 1.057542 + 0.664386; coherence is the difference 1.721928 - 1.356780.
# (|01> + |10>)/sqrt 2: one excitation for sure, coherence within one level does not count.
BY_HAND = {
    "bell-like": {
        "energy": 1.6,
        "ergotropy": 1.6,
        "incoherent_ergotropy": 1.4,
        "coherent_ergotropy": 0.2,
        "antiergotropy": 0.4,
        "capacity": 2.0,
        "energy_fluctuation": 0.8,
        "diagonal_entropy": 0.721928,
        "relative_entropy_of_coherence": 0.721928,
    },
    "noisy": {
        "energy": 1.0,
        "ergotropy": 0.6,
        "incoherent_ergotropy": 0.3,
        "coherent_ergotropy": 0.3,
        "antiergotropy": 0.6,
        "capacity": 1.2,
        "energy_fluctuation": 0.894427,
        "diagonal_entropy": 1.721928,
        "relative_entropy_of_coherence": 0.365148,
    },
    "one level": {
        "energy": 1.0,
        "ergotropy": 1.0,
        "incoherent_ergotropy": 1.0,
        "coherent_ergotropy": 0.0,
        "antiergotropy": 1.0,
        "capacity": 2.0,
        "energy_fluctuation": 0.0,
        "diagonal_entropy": 0.0,
        "relative_entropy_of_coherence": 0.0,
    },
}


def two_qubit_state(name):
    if name == "bell-like":
        return np.sqrt([0.2, 0.0, 0.0, 0.8])
    if name == "one level":
        return np.sqrt([0.0, 0.5, 0.5, 0.0])
    bell = np.sqrt([0.5, 0.0, 0.0, 0.5])
    return 0.6 * np.outer(bell, bell) + 0.4 * np.eye(4) / 4


@pytest.mark.parametrize("name", BY_HAND)
def test_two_qubits_by_hand(name):
    for metric, expected in BY_HAND[name].items():
        found = getattr(metrics, metric)(two_qubit_state(name), TWO_QUBITS)
        assert found == pytest.approx(expected, abs=1e-6), (
            metric
        )  # six digits are written above


def test_entropy_of_the_noisy_pair_by_hand():
    assert metrics.von_neumann_entropy(two_qubit_state("noisy")) == pytest.approx(
        1.356780, abs=1e-6
    )


# --- power ---


def test_power_of_two_driven_qubits_by_hand():
    # K = (g/2)(sigma_x 1 + 1 sigma_x) turns each qubit: E(t) = 2 sin^2(g t/2), P(t) = g sin(g t).
    g, times = 1.7, np.linspace(0, 3, 7)
    sx = np.array([[0, 1], [1, 0]])
    k = g / 2 * (np.kron(sx, np.eye(2)) + np.kron(np.eye(2), sx))
    states = np.array([expm(-1j * k * t)[:, :1] for t in times])
    assert metrics.stored_energy(states, TWO_QUBITS) == close(
        2 * np.sin(g * times / 2) ** 2
    )
    assert metrics.instantaneous_power(states, TWO_QUBITS, k) == close(
        g * np.sin(g * times)
    )


@given(cases(), st.integers(0, 2**32 - 1))
def test_power_is_the_slope_of_the_energy(case, seed):
    rng = np.random.default_rng(seed)
    generators = [
        hermitian(rng.uniform(-1, 1, case.dimension), unitary(rng, case.dimension))
        for _ in "abc"
    ]
    step = 2e-3

    def energy_after(k, time):
        u = expm(-1j * k * time)
        return metrics.energy(u @ case.rho @ u.conj().T, case.hamiltonian)

    slopes = []
    for k in generators:
        e = [energy_after(k, m * step) for m in (-2, -1, 1, 2)]
        slopes.append((e[0] - 8 * e[1] + 8 * e[2] - e[3]) / (12 * step))
    # Five-point rule: error step^4/30 max|E^(5)|, and |E^(5)| <= (2 |K|)^5 |H| = 32 * 3, hence 5e-11;
    # rounding 1.5 * ROUNDING / step = 8e-10 at the very most.
    found = [
        metrics.instantaneous_power(case.rho, case.hamiltonian, k) for k in generators
    ]
    assert found == pytest.approx(slopes, abs=1e-9)
    # A time axis of generators: one per state.
    axis = metrics.instantaneous_power(
        np.array([case.rho] * 3), case.hamiltonian, np.array(generators)
    )
    assert axis == close(found)


@given(cases(pure=True))
def test_power_of_a_ket_is_that_of_its_density_matrix(case):
    k = hermitian(np.arange(case.dimension), unitary(case.rng, case.dimension))
    found = metrics.instantaneous_power(ket(case), case.hamiltonian, k)
    assert found == close(metrics.instantaneous_power(case.rho, case.hamiltonian, k))


def test_average_power_is_energy_over_time():
    assert metrics.average_power([1.0, 2.0, 4.0], [3.0, -1.0, 10.0]).tolist() == [
        3.0,
        -0.5,
        2.5,
    ]


# --- one answer in every form of the input ---


def forms(kets):
    """The same T pure states in every accepted form."""
    columns = np.array(kets)[:, :, None]
    matrices = columns @ columns.conj().swapaxes(-1, -2)
    qobjs = [qutip.Qobj(c) for c in columns]
    return {
        "kets": columns,
        "matrices": matrices,
        "list of arrays": list(columns),
        "qutip kets": qobjs,
        "qutip matrices": [qutip.ket2dm(q) for q in qobjs],
        "qutip tuple": tuple(qobjs),
    }


@pytest.mark.parametrize(
    "metric", [*ALL, metrics.von_neumann_entropy, metrics.passive_state]
)
def test_arrays_and_qutip_objects_agree(metric):
    rng = np.random.default_rng(5)
    basis = unitary(rng, 4)
    h = hermitian([0.0, 1.0, 1.0, 2.0], basis)
    kets = unitary(rng, 4)[:3]  # three orthonormal rows, T = 3
    hamiltonians = (
        [()] if metric is metrics.von_neumann_entropy else [(h,), (qutip.Qobj(h),)]
    )
    reference = [metric(state, *hamiltonians[0]) for state in kets]
    if metric is not metrics.passive_state:
        assert all(type(value) is float for value in reference)
    for name, states in forms(kets).items():
        for h_form in hamiltonians:
            found = metric(states, *h_form)
            assert np.shape(found)[0] == 3
            assert found == pytest.approx(np.array(reference), abs=tolerance(metric)), (
                name
            )
            assert metric(states[0], *h_form) == pytest.approx(
                reference[0], abs=tolerance(metric)
            ), name


def test_lists_of_numbers_are_states_too():
    h = [[0, 0], [0, 2]]
    for state in ([0, 1], [[0], [1]], [[0, 0], [0, 1]]):
        assert metrics.ergotropy(state, h) == 2.0
        assert metrics.von_neumann_entropy(state) == 0.0


def test_tensor_products_of_qutip():
    state = qutip.tensor(qutip.basis(2, 1), qutip.basis(2, 0))
    h = qutip.tensor(qutip.num(2), qutip.qeye(2)) + 3 * qutip.tensor(
        qutip.qeye(2), qutip.num(2)
    )
    assert metrics.energy(state, h) == close(1.0)
    assert metrics.ergotropy([state, state], h) == close([1.0, 1.0])


def test_power_takes_qutip_generators():
    # K = sigma_y, H = sigma_z: i [K, H] = i [sigma_y, sigma_z] = -2 sigma_x, on |+> it is -2.
    plus = (qutip.basis(2, 0) + qutip.basis(2, 1)).unit()
    for states in (plus, qutip.ket2dm(plus)):
        assert metrics.instantaneous_power(
            states, qutip.sigmaz(), qutip.sigmay()
        ) == close(-2.0)
        axis = [qutip.sigmay(), -qutip.sigmay()]
        assert metrics.instantaneous_power([states] * 2, qutip.sigmaz(), axis) == close(
            [-2.0, 2.0]
        )


def test_leading_axes_are_kept():
    rng = np.random.default_rng(7)
    h = np.diag([0.0, 1.0, 3.0])
    spectra = rng.dirichlet(np.ones(3), size=(2, 5))
    rho = np.array([[hermitian(p, unitary(rng, 3)) for p in row] for row in spectra])
    for metric in ALL:
        found = metric(rho, h)
        assert found.shape == (2, 5)
        assert found[1, 3] == close(metric(rho[1, 3], h), metric), metric.__name__
    assert metrics.von_neumann_entropy(rho).shape == (2, 5)
    assert metrics.passive_state(rho, h).shape == (2, 5, 3, 3)


@pytest.mark.parametrize("reference", [np.array([1.0, 0.0]), [[0.5, 0.5], [0.5, 0.5]]])
def test_stored_energy_of_a_time_axis_above_one_reference(reference):
    h = np.diag([-1.0, 1.0])
    states = [qutip.basis(2, 1), qutip.basis(2, 0)]
    zero = metrics.energy(reference, h)
    assert metrics.stored_energy(states, h, reference) == close(
        [1.0 - zero, -1.0 - zero]
    )


# --- refusals ---

UP = np.array([0.0, 1.0])
MIXED = np.diag([0.25, 0.75])
H = np.diag([0.0, 1.0])
SKEW = np.array([[0.5, 0.3], [0.0, 0.5]])

BAD_STATES = {
    "be Hermitian": [SKEW, [MIXED, SKEW], qutip.Qobj(SKEW)],
    "be normalised": [
        2 * UP,
        0 * UP,
        1.01 * MIXED,
        [UP[:, None], 1.1 * UP[:, None]],
        np.eye(2),
    ],
    "have no negative eigenvalue": [np.diag([1.2, -0.2]), [[0.5, 0.6], [0.6, 0.5]]],
    "be finite": [[np.nan, 1.0], [np.inf, 0.0], np.diag([np.nan, 1.0])],
    "have shape": [
        np.eye(3) / 3,
        [1.0, 0.0, 0.0],
        np.ones((3, 2)) / np.sqrt(2),  # kets must be columns
        np.array([[1.0, 0.0]]),
        qutip.basis(2, 0).dag(),
        qutip.basis(3, 0),
        1.0,
        [],
    ],
}


@pytest.mark.parametrize(
    "metric", [*ALL, metrics.passive_state], ids=lambda m: m.__name__
)
@pytest.mark.parametrize("why", BAD_STATES)
def test_bad_states_are_refused_with_their_reason(metric, why):
    for state in BAD_STATES[why]:
        with pytest.raises(ValueError, match=f"Argument `states` must {why}"):
            metric(state, H)


@pytest.mark.parametrize(
    "why", ["be Hermitian", "be normalised", "have no negative eigenvalue", "be finite"]
)
def test_von_neumann_entropy_refuses_the_same_states(why):
    for state in BAD_STATES[why]:
        with pytest.raises(ValueError, match=f"Argument `states` must {why}"):
            metrics.von_neumann_entropy(state)


@pytest.mark.parametrize(
    "state", [[], 1.0, np.ones((3, 2)) / np.sqrt(2), qutip.basis(2, 0).dag()]
)
def test_von_neumann_entropy_refuses_what_is_no_state(state):
    with pytest.raises(ValueError, match="Argument `states` must"):
        metrics.von_neumann_entropy(state)


@pytest.mark.parametrize(
    ("h", "why"),
    [
        (SKEW, "be Hermitian"),
        (1j * np.eye(2), "be Hermitian"),
        (qutip.destroy(2), "be Hermitian"),
        (np.diag([np.nan, 1.0]), "be finite"),
        (np.diag([np.inf, 1.0]), "be finite"),
        (np.ones((2, 3)), "be a square matrix"),
        (UP, "be a square matrix"),
        (1.0, "be a square matrix"),
        (np.zeros((0, 0)), "be a square matrix"),
        ([qutip.sigmaz(), qutip.sigmaz()], "be a square matrix"),
    ],
)
@pytest.mark.parametrize(
    "metric", [*ALL, metrics.passive_state], ids=lambda m: m.__name__
)
def test_bad_hamiltonians_are_refused_with_their_reason(metric, h, why):
    with pytest.raises(ValueError, match=f"Argument `hamiltonian` must {why}"):
        metric(UP, h)


@pytest.mark.parametrize("size", [0.9e-6, 1.1e-6])
def test_the_loss_a_solver_leaves_passes_and_more_does_not(size):
    # The loss (or the negative weight) is `size`; the energy is off by no more than that.
    spoilt = [
        (1.0, UP * (1 + size) ** 0.5),
        (0.75, MIXED * (1 + size)),
        (0.75, MIXED + np.array([[0, size], [0, 0]])),
        (0.0, np.diag([1 + size, -size])),
    ]
    for expected, state in spoilt:
        if size < 1e-6:
            assert metrics.energy(state, H) == pytest.approx(expected, abs=1.01 * size)
        else:
            with pytest.raises(ValueError, match=r"off by|negative"):
                metrics.energy(state, H)


@pytest.mark.parametrize(
    ("generator", "why"),
    [
        (np.eye(3), "have shape"),
        (UP, "have shape"),
        (SKEW, "be Hermitian"),
        ([MIXED, SKEW], "be Hermitian"),
        (np.full((2, 2), np.nan), "be Hermitian"),
    ],
)
def test_bad_generators_are_refused(generator, why):
    for state in (UP, MIXED):
        with pytest.raises(ValueError, match=f"Argument `generator` must {why}"):
            metrics.instantaneous_power(state, H, generator)


@pytest.mark.parametrize(
    ("times", "stored", "why"),
    [
        ([0.0, 1.0], [0.0, 1.0], "`times` must be positive"),
        ([-1.0, 1.0], [0.0, 1.0], "`times` must be positive"),
        ([np.nan, 1.0], [0.0, 1.0], "`times` must be positive"),
        ([1.0, 2.0], [0.0, 1.0, 2.0], "`stored` must have the shape"),
    ],
)
def test_bad_times_of_average_power(times, stored, why):
    with pytest.raises(ValueError, match=why):
        metrics.average_power(times, stored)


@pytest.mark.parametrize(
    ("p", "base", "why"),
    [
        ([0.5, 0.5], 1.0, "`base` must be a finite real number above 1"),
        ([0.5, 0.5], 0.5, "`base` must be a finite real number above 1"),
        ([0.5, 0.5], np.nan, "`base` must"),
        ([1.2, -0.2], 2.0, "`probabilities` must not be negative"),
        ([np.nan, 1.0], 2.0, "`probabilities` must"),
        ([0.5, 0.4], 2.0, "`probabilities` must sum to 1"),
        ([[0.5, 0.5], [50, 50]], 2.0, "`probabilities` must sum to 1"),
    ],
)
def test_bad_probabilities_and_bases(p, base, why):
    with pytest.raises(ValueError, match=why):
        metrics.shannon_entropy(p, base=base)


@pytest.mark.parametrize(("gap", "bits"), [(0.9e-9, 0.0), (1.1e-9, 1.0)])
def test_levels_closer_than_a_billionth_of_the_width_are_one(gap, bits):
    # |+> of two levels keeps its coherence where they are one level: no entropy.
    for scale in (1.0, 1e-20, 1e20):
        h = scale * np.diag([0.0, gap, 1.0])
        plus = np.array([1.0, 1.0, 0.0])[:, None] / np.sqrt(2)
        assert metrics.diagonal_entropy(plus, h) == pytest.approx(bits, abs=1e-12)
