"""The laws of the metrics on random states, closed forms by hand, and every refusal."""

import time
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
import qutip
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

import qbcore
from qbcore import metrics

# Eigenvalues and products of 5 x 5 matrices with entries up to 6 are good to about
# 5 * 5 * 6 eps = 3e-14. The entropies multiply that by |log2 p| < 50 at worst: 2e-12.
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
    """Integer energies and weights: degenerate levels and equal weights are common."""
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
    # The incoherent part by hand: dephase with projectors on the known levels.
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
    # Entries of the shifted Hamiltonian, hence its levels, are known to 25 eps shift.
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
    # A pure state dephased in levels has one eigenstate per level, degenerate or not.
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


@pytest.mark.parametrize("unit", [1e-24, 1.0, 1e24])
@pytest.mark.parametrize("width", [1.0, 1e3, 1e7, 1e9])
def test_levels_far_apart_in_one_unit_stay_apart(unit, width):
    """(|0> + |1>)/sqrt 2 on levels 0, g, g * width: its work g/2 is all coherent."""
    plus, gap = np.array([1.0, 1.0, 0.0]) / np.sqrt(2), 1e-3 * unit
    h = np.diag([0.0, gap, gap * width])
    for state in (plus, np.outer(plus, plus)):
        coherent = metrics.coherent_ergotropy(state, h)
        # gap * width is known to eps: 1e9 * 2e-16 of the gap.
        assert coherent == pytest.approx(gap / 2, rel=1e-6)
        assert metrics.incoherent_ergotropy(state, h) <= 1e-6 * gap
        assert metrics.ergotropy(state, h) == pytest.approx(gap / 2, rel=1e-6)
        assert metrics.relative_entropy_of_coherence(state, h) == close(1.0)


def test_levels_merge_where_the_user_says_so():
    plus, h = np.array([1.0, 1.0, 0.0]) / np.sqrt(2), np.diag([0.0, 1e-3, 1.0])
    for within, bits in [(0.9e-3, 1.0), (1.1e-3, 0.0)]:
        found = metrics.relative_entropy_of_coherence(plus, h, degeneracy=within)
        assert found == close(bits)
        assert metrics.diagonal_entropy(plus, h, degeneracy=within) == close(bits)
        coherent = metrics.coherent_ergotropy(plus, h, degeneracy=within)
        assert coherent == close(0.5e-3 * bits)
        incoherent = metrics.incoherent_ergotropy(plus, h, degeneracy=within)
        assert incoherent == close(0.5e-3 * (1 - bits))


@pytest.mark.parametrize("rotations", [1, 20])
@pytest.mark.parametrize("dimension", [2, 3, 8, 40])
def test_levels_that_rounding_splits_stay_one(dimension, rotations):
    rng = np.random.default_rng(dimension)
    energies = rng.integers(1, 3, dimension).astype(float)
    energies[:2] = 1.0
    h, basis = np.diag(energies), np.eye(dimension)
    for _ in range(rotations):
        u = unitary(rng, dimension)
        h, basis = u @ h @ u.conj().T, u @ basis
    within = (basis[:, 0] + basis[:, 1]) / np.sqrt(2)  # both of energy 1
    assert metrics.relative_entropy_of_coherence(within, h) == close(0.0)
    assert metrics.coherent_ergotropy(within, h) == close(0.0)


def test_sums_of_decimals_that_differ_by_rounding_are_one_level():
    """0.1 + 0.2 and 0.3 are different floats, and one energy."""
    one, two, three = (x * qutip.num(2) for x in (0.1, 0.2, 0.3))
    idle = qutip.qeye(2)
    h = qutip.tensor(one, idle, idle) + qutip.tensor(idle, two, idle)
    h = h + qutip.tensor(idle, idle, three)
    pair = (qutip.basis([2] * 3, [1, 1, 0]) + qutip.basis([2] * 3, [0, 0, 1])).unit()
    levels = h.diag()
    assert levels[6] != levels[1]
    assert metrics.relative_entropy_of_coherence(pair, h) == close(0.0)


# --- closed forms: two qubits, H = number of excitations, levels 0, 1, 1, 2 ---

TWO_QUBITS = np.diag([0.0, 1.0, 1.0, 2.0])

# sqrt(0.2)|00> + sqrt(0.8)|11>: energy 2 * 0.8 = 1.6, all of it work. Dephased to
#   diag(0.2, 0, 0, 0.8), whose passive energy is 0.8 * 0 + 0.2 * 1 = 0.2: incoherent
#   1.4, coherent 0.2. Room to the top: 0.4. Variance 4 * 0.8 - 1.6^2 = 0.64.
#   Coherence -0.2 log2 0.2 - 0.8 log2 0.8 = 0.464386 + 0.257542.
# 0.6 of (|00> + |11>)/sqrt 2 in white noise: eigenvalues 0.6 + 0.1 = 0.7, three times
#   0.1. Energy 1, passive energy 0.1 (1 + 1 + 2) = 0.4: work 0.6. Highest energy
#   0.7 * 2 + 0.1 (1 + 1) = 1.6: room 0.6. Dephased diag(0.4, 0.1, 0.1, 0.4), passive
#   energy 0.4 + 0.1 + 0.2 = 0.7: incoherent 0.3. Variance 0.4 + 0.4.
#   Entropy -0.7 log2 0.7 - 0.3 log2 0.1 = 0.360201 + 0.996578; dephased
#   -0.8 log2 0.4 - 0.2 log2 0.1 = 1.057542 + 0.664386; coherence is the difference
#   1.721928 - 1.356780.
# (|01> + |10>)/sqrt 2: one excitation for sure; coherence in one level does not count.
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
    # K = (g/2)(sigma_x 1 + 1 sigma_x) turns each qubit: E(t) = 2 sin^2(g t/2) and
    # P(t) = g sin(g t).
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
    # Five-point rule, error step^4/30 max|E^(5)|, |E^(5)| <= (2 |K|)^5 |H| = 32 * 3,
    # hence 5e-11;
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
        [()] if metric.__name__ == "von_neumann_entropy" else [(h,), (qutip.Qobj(h),)]
    )
    reference = [metric(state, *hamiltonians[0]) for state in kets]
    if metric.__name__ != "passive_state":
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
    # K = sigma_y, H = sigma_z: i [sigma_y, sigma_z] = -2 sigma_x, on |+> it is -2.
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
        qutip.basis(3, 0),
        1.0,
        [],
        np.array([UP, UP, UP]),  # kets in rows
    ],
    "be a ket or an operator on one space": [
        qutip.basis(2, 0).dag(),
        qutip.to_super(qutip.qeye(2)),
        qutip.operator_to_vector(qutip.ket2dm(qutip.basis(2, 0))),
        qutip.Qobj(np.eye(6) / 6, dims=[[2, 3], [3, 2]]),
    ],
    "hold numbers": [
        "up",
        ["0", "1"],
        b"01",
        None,
        [None, 1],
        [False, True],
        {"a": 1},
        (p for p in UP),
        object(),
        np.array(["2020-01-01"] * 2, "datetime64[D]"),
        np.ma.masked_array(MIXED, mask=[[False, False], [False, True]]),
    ],
    "hold entries of one shape": [
        [[1.0], [0.0, 1.0]],
        [qutip.basis(2, 0), qutip.basis(3, 0)],
        [UP, np.array([MIXED, MIXED])],
        [1.0, UP],
    ],
    "hold states on one space": [
        [qutip.basis(6, 0), qutip.basis([2, 3], [0, 0])],
    ],
    "have kept its states": [
        qutip.sesolve(qutip.num(2), qutip.basis(2, 0), [0, 1], e_ops=[qutip.num(2)]),
        qbcore.charge(qutip.sigmax(), qutip.num(2), qutip.basis(2, 0), [0.0, 0.1]),
    ],
    "be constant": [qutip.QobjEvo([qutip.basis(2, 0), lambda t: 1 + t])],
}


@pytest.mark.parametrize(
    "metric", [*ALL, metrics.passive_state], ids=lambda m: m.__name__
)
@pytest.mark.parametrize("why", BAD_STATES)
def test_bad_states_are_refused_with_their_reason(metric, why):
    for state in BAD_STATES[why]:
        with pytest.raises(ValueError, match=f"Argument `states` must {why}"):
            metric(state, H)


@pytest.mark.parametrize("why", [why for why in BAD_STATES if why != "have shape"])
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
        (1e-9 * np.array([[0, 1], [0, 1]]), "be Hermitian"),
        (1e-34 * np.array([[0, 1], [0, 1]]), "be Hermitian"),
        (1e300 * np.array([[0, 1], [0, 1]]), "be Hermitian"),
        (qutip.to_super(qutip.qeye(2)), "be a ket or an operator on one space"),
        (qutip.QobjEvo([qutip.num(2), lambda t: t]), "be constant"),
        ("H", "hold numbers"),
        (None, "hold numbers"),
        ([[False, False], [False, True]], "hold numbers"),
        ([[1.0], [0.0, 1.0]], "hold entries of one shape"),
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


# Errors of `size` in a state, and the energy of the state that is repaired.
SPOILT = {
    "norm of a ket": (1.0, lambda size: UP * (1 + size) ** 0.5),
    "norm of a matrix": (0.75, lambda size: MIXED * (1 - size)),
    "negative eigenvalue": (0.0, lambda size: np.diag([1 + size, -size])),
}


@pytest.mark.parametrize("name", SPOILT)
def test_rounding_of_a_state_passes(name):
    expected, spoil = SPOILT[name]
    found = metrics.energy(spoil(0.9e-6), H)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("size", [1.1e-6, 4e-5, 0.99e-3])
@pytest.mark.parametrize("name", SPOILT)
def test_what_a_solver_leaves_is_repaired_aloud(name, size):
    expected, spoil = SPOILT[name]
    for metric in (metrics.energy, metrics.stored_energy):
        with pytest.warns(UserWarning, match="rtol.*atol") as caught:
            found = metric(spoil(size), H)
        assert found == close(expected)
        assert f"{size:.3g}" in str(caught[0].message)
        assert len(caught) == 1
    with pytest.warns(UserWarning, match="repaired"):
        passive = metrics.passive_state(spoil(size), H)
    assert np.diag(passive).real == close(sorted([expected, 1 - expected])[::-1])


@pytest.mark.parametrize("name", SPOILT)
def test_what_no_solver_leaves_is_refused(name):
    _, spoil = SPOILT[name]
    for metric in ALL:
        with pytest.raises(ValueError, match=r"must be .*, but is -?0\.0011\."):
            metric(spoil(1.1e-3), H)


def test_a_defect_of_hermiticity_is_refused_for_no_solver_leaves_it():
    with pytest.raises(ValueError, match=r"must be at most 1e-06, but is 1\.1e-06\."):
        metrics.energy(MIXED + np.array([[0, 1.1e-6], [0, 0]]), H)


def test_states_of_mesolve_at_its_default_tolerances():
    """A closed driven mode to t = 100: the pure state has an eigenvalue of -4e-5."""
    a = qutip.destroy(12)
    number, h = a.dag() * a, a.dag() * a + 2 * (a + a.dag())
    start, times = qutip.basis(12, 0).proj(), np.linspace(0, 100, 6)
    run = qutip.mesolve(h, start, times, options={"nsteps": 10**6})
    assert min(state.eigenenergies()[0] for state in run.states) < -1e-5
    exact = qutip.expect(
        number, [(-1j * h * t).expm() * qutip.basis(12, 0) for t in times]
    )
    with pytest.warns(UserWarning, match="lowest eigenvalue|negative eigenvalue"):
        work = metrics.ergotropy(run, number)
    # A pure state is all work. A spectrum wrong by 4e-5 costs 4e-5 of the 11 quanta.
    assert work == pytest.approx(exact, abs=11 * 4e-5)


@pytest.mark.parametrize(
    ("generator", "why"),
    [
        (np.eye(3), "have shape"),
        (UP, "be a square matrix"),
        (SKEW, "be Hermitian"),
        (1e-24 * SKEW, "be Hermitian"),
        ([MIXED, SKEW], "be Hermitian"),
        (np.full((2, 2), np.nan), "be finite"),
        (qutip.QobjEvo([qutip.num(2), lambda t: t]), "be constant"),
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
        ([np.nan, 1.0], [0.0, 1.0], "`times` must be finite"),
        ([1.0, np.inf], [0.0, 1.0], "`times` must be finite"),
        ([1.0, 2.0], [np.nan, 1.0], "`stored` must be finite"),
        ("ab", [0.0, 1.0], "`times` must hold real numbers"),
        ([1.0, 2.0], [1j, 1.0], "`stored` must hold real numbers"),
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
        ([np.inf, 0.0], 2.0, "`probabilities` must"),
        ([0.5j, 0.5], 2.0, "`probabilities` must hold real numbers"),
        (["1", "0"], 2.0, "`probabilities` must hold real numbers"),
        ([[1.0], [0.5, 0.5]], 2.0, "`probabilities` must hold real numbers"),
        ([], 2.0, "`probabilities` must sum to 1"),
        (1.0, 2.0, "`probabilities` must have an axis"),
        ([0.5, 0.5], True, "`base` must"),
        ([0.5, 0.5], "2", "`base` must"),
        ([0.5, 0.5], None, "`base` must"),
        ([0.5, 0.4], 2.0, "`probabilities` must sum to 1"),
        ([[0.5, 0.5], [50, 50]], 2.0, "`probabilities` must sum to 1"),
    ],
)
def test_bad_probabilities_and_bases(p, base, why):
    with pytest.raises(ValueError, match=why):
        metrics.shannon_entropy(p, base=base)


@pytest.mark.parametrize(("gap", "bits"), [(0.9e-9, 0.0), (1.1e-9, 1.0)])
def test_levels_as_close_as_the_degeneracy_says_are_one(gap, bits):
    # |+> of two levels keeps its coherence where they are one level: no entropy.
    plus = np.array([1.0, 1.0, 0.0])[:, None] / np.sqrt(2)
    for scale in (1.0, 1e-20, 1e20):
        h = scale * np.diag([0.0, gap, 1.0])
        found = metrics.diagonal_entropy(plus, h, degeneracy=1e-9 * scale)
        assert found == pytest.approx(bits, abs=1e-12)


@pytest.mark.parametrize("unit", [1e-34, 1.0, 1e34])
def test_rounding_of_a_hamiltonian_passes_on_its_own_scale(unit):
    for defect in (0.9e-9, 1.1e-9):
        h = unit * np.array([[0.0, 1.0], [1.0 + defect, 0.0]])
        if defect < 1e-9:
            plus = np.array([1.0, 1.0]) / np.sqrt(2)
            assert metrics.energy(plus, h) == pytest.approx(unit, rel=1e-9)
        else:
            with pytest.raises(ValueError, match="`hamiltonian` must be Hermitian"):
                metrics.energy(UP, h)


@pytest.mark.parametrize("degeneracy", [-1.0, np.nan, np.inf, True, "1"])
def test_bad_degeneracies(degeneracy):
    for metric in (metrics.coherent_ergotropy, metrics.diagonal_entropy):
        with pytest.raises(ValueError, match="Argument `degeneracy` must"):
            metric(UP, H, degeneracy=degeneracy)


@pytest.mark.parametrize("metric", [*ALL, metrics.passive_state])
def test_states_on_other_subsystems_are_refused(metric):
    h = qutip.tensor(qutip.num(3), qutip.qeye(2))
    swapped = qutip.tensor(qutip.basis(2, 1), qutip.basis(3, 0))
    for states in (swapped, [swapped, swapped], qutip.ket2dm(swapped), swapped.unit()):
        with pytest.raises(ValueError, match=r"`states` must be on the space \[3, 2\]"):
            metric(states, h)
    with pytest.raises(ValueError, match="on the space"):
        metric(qutip.basis(6, 0), h)
    # Numbers without subsystems only need the dimension: |1, 0> of 3 x 2 is the third.
    kept = qutip.tensor(qutip.basis(3, 1), qutip.basis(2, 0))
    assert np.all(metric(kept, h) == metric(np.eye(6)[2], h))


def test_generators_and_references_on_other_subsystems_are_refused():
    h = qutip.tensor(qutip.num(3), qutip.qeye(2))
    state = qutip.tensor(qutip.basis(3, 1), qutip.basis(2, 0))
    generator = qutip.tensor(qutip.sigmax(), qutip.qeye(3))
    with pytest.raises(ValueError, match=r"`generator` must be on the space \[3, 2\]"):
        metrics.instantaneous_power(state, h, generator)
    reference = qutip.tensor(qutip.basis(2, 0), qutip.basis(3, 0))
    with pytest.raises(ValueError, match=r"`reference` must be on the space \[3, 2\]"):
        metrics.stored_energy(state, h, reference)


def test_lengths_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="`reference` must be one state"):
        metrics.stored_energy([MIXED] * 3, H, [MIXED] * 2)
    with pytest.raises(ValueError, match="`generator` must be one, or one per state"):
        metrics.instantaneous_power([MIXED] * 3, H, [H] * 2)


# --- odd inputs with one right answer ---

# A qubit with levels 0 and 1, p excited, coherence c: Bloch length r of (1 +- r)/2 is
# sqrt((1 - 2 p)^2 + 4 |c|^2), and W = p - (1 - r)/2. Here p = 0.7 and c = 0.2i.
QUBIT = np.array([[0.3, -0.2j], [0.2j, 0.7]])
WORK = 0.7 - (1 - np.hypot(0.4, 0.4)) / 2
# In each: states, Hamiltonian, energy and ergotropy.
ODD = {
    "single precision": (QUBIT.astype(np.complex64), H.astype(np.float32), 0.7, WORK),
    "extended precision": (QUBIT.astype(np.clongdouble), H, 0.7, WORK),
    "Fortran order": (np.asfortranarray(QUBIT), np.asfortranarray(H), 0.7, WORK),
    "every second of a stack": (
        np.array([QUBIT, MIXED, QUBIT])[::2],
        H,
        [0.7, 0.7],
        [WORK, WORK],
    ),
    "read-only": (np.broadcast_to(QUBIT, (2, 2, 2)), H, [0.7, 0.7], [WORK, WORK]),
    "upside down": (QUBIT[::-1, ::-1], H[::-1, ::-1], 0.7, WORK),
    "integers": ([0, 1], [[0, 0], [0, 1]], 1.0, 1.0),
    "unsigned": (np.array([0, 1], np.uint8), np.diag(np.uint8([0, 9])), 9.0, 9.0),
    "fractions": ([Fraction(0), Fraction(1)], H, 1.0, 1.0),
    "objects": (np.array([[1, 0], [0, 1]], object) / 2, H, 0.5, 0.0),
    "big integers": ([0, 1], [[0, 0], [0, 10**30]], 1e30, 1e30),
    "a range": (range(2), H, 1.0, 1.0),
    "sparse": (scipy.sparse.csr_array(QUBIT), scipy.sparse.coo_array(H), 0.7, WORK),
    "a sparse ket": (scipy.sparse.csc_matrix([[0.0], [1.0]]), H, 1.0, 1.0),
    "a list of sparse": ([scipy.sparse.dok_array(QUBIT)], H, [0.7], [WORK]),
    "kets and matrices": (
        [
            qutip.basis(2, 1),
            qutip.Qobj(QUBIT),
            [0.6, 0.8j],
            scipy.sparse.eye_array(2) / 2,
        ],
        qutip.num(2),
        [1.0, 0.7, 0.64, 0.5],
        [1.0, WORK, 0.64, 0.0],
    ),
    "a stack of kets and one of matrices": (
        [np.array([UP, UP])[:, :, None], np.array([QUBIT, QUBIT])],
        H,
        [[1.0, 1.0], [0.7, 0.7]],
        [[1.0, 1.0], [WORK, WORK]],
    ),
    "a list of lists of Qobj": (
        [[qutip.basis(2, 1)], [qutip.basis(2, 0)]],
        H,
        [[1.0], [0.0]],
        [[1.0], [0.0]],
    ),
    "a solver's run": (
        qutip.sesolve(0 * qutip.num(2), qutip.basis(2, 1), [0.0, 1.0]),
        qutip.num(2),
        [1.0, 1.0],
        [1.0, 1.0],
    ),
    "a curve": (
        qbcore.charge(0 * qutip.num(2), qutip.num(2), UP, [0.0, 1.0], states=True),
        qutip.num(2),
        [1.0, 1.0],
        [1.0, 1.0],
    ),
    "a constant QobjEvo": (QUBIT, qutip.QobjEvo(qutip.num(2)), 0.7, WORK),
    "no state": (np.zeros((0, 2, 1)), H, [], []),
    "no density matrix": (np.zeros((0, 2, 2)), H, [], []),
    "one level": ([1j], [[3.0]], 3.0, 0.0),
    "one level of QuTiP": (qutip.basis(1, 0), qutip.qeye(1), 1.0, 0.0),
    "many of one level": (np.ones((3, 1, 1)), [[3.0]], [3.0] * 3, [0.0] * 3),
    "one level in each of two": (
        qutip.basis([1, 2], [0, 1]),
        qutip.tensor(qutip.qeye(1), qutip.num(2)),
        1.0,
        1.0,
    ),
    "no energy": (QUBIT, 0 * H, 0.0, 0.0),
    "joules": (QUBIT, 1e-34 * H, 0.7e-34, 1e-34 * WORK),
    "tiny": (QUBIT, 1e-300 * H, 0.7e-300, 1e-300 * WORK),
    "huge": (QUBIT, 1e300 * H, 0.7e300, 1e300 * WORK),
    "an exciton": (
        qutip.enr_fock([2, 2], 1, [0, 1]),
        qutip.enr_destroy([2, 2], 1)[1].dag() * qutip.enr_destroy([2, 2], 1)[1],
        1.0,
        1.0,
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_inputs_with_one_right_answer(name):
    states, h, mean, work = ODD[name]
    # Single precision knows its numbers to 6e-8.
    rel = 1e-6 if name == "single precision" else 1e-12
    works = metrics.incoherent_ergotropy, metrics.coherent_ergotropy
    found = metrics.energy(states, h), metrics.ergotropy(states, h)
    parts = sum(np.array(part(states, h)) for part in works)
    for each, expected in zip((*found, parts), (mean, work, work), strict=True):
        np.testing.assert_allclose(each, expected, rtol=rel, atol=0)
        assert np.shape(each) == np.shape(expected)


@pytest.mark.parametrize("offset", [-1e12, 1e12])
def test_an_offset_of_energy_does_not_multiply_what_a_norm_lacks(offset):
    """A norm of 1 - 1e-10 times 1e12 would be an energy of 100."""
    h = H + offset * np.eye(2)
    state = UP * (1 - 1e-10) ** 0.5
    slack = 4 * np.finfo(float).eps * abs(offset) + 1e-9
    for metric in (metrics.stored_energy, metrics.ergotropy):
        assert metric(state, h) == pytest.approx(1.0, abs=slack)
    above = metrics.stored_energy(state, h, [1.0, 0.0])
    assert above == pytest.approx(1.0, abs=slack)


@given(cases())
def test_means_agree_with_those_of_qutip(case):
    rho, h = qutip.Qobj(case.rho), qutip.Qobj(case.hamiltonian)
    assert metrics.energy(rho, h) == close(qutip.expect(h, rho))
    variance = qutip.variance(h, rho)
    assert metrics.energy_fluctuation(rho, h) ** 2 == close(variance)
    bits = qutip.entropy_vn(rho, 2)
    assert metrics.von_neumann_entropy(rho) == pytest.approx(bits, abs=1e-11)


def test_a_small_spread_below_a_huge_level_is_seen():
    """Half of levels 0 and 1e-3: a standard deviation of 5e-4, with a level at 1e7."""
    h = np.diag([0.0, 1e-3, 1e7])
    mixed = np.diag([0.5, 0.5, 0.0])
    assert metrics.energy_fluctuation(mixed, h) == pytest.approx(5e-4, rel=1e-12)
    ket = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    assert metrics.energy_fluctuation(ket, h) == pytest.approx(5e-4, rel=1e-12)


# --- the time it takes ---


def seconds(function, *arguments):
    """Median processor time of five runs, after one that warms up."""
    function(*arguments)
    spent = []
    for _ in range(5):
        start = time.process_time()
        function(*arguments)
        spent.append(time.process_time() - start)
    return float(np.median(spent))


def by_numpy(rho, h):
    energies, basis = np.linalg.eigh(h)
    falling = np.linalg.eigvalsh(rho)[..., ::-1]
    populations = (basis.conj() * (rho @ basis)).sum(axis=-2).real
    return populations @ energies - falling @ energies


def random_case(shape):
    rng = np.random.default_rng(11)
    g = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    rho = g @ g.conj().swapaxes(-1, -2)
    rho = rho / np.trace(rho, axis1=-2, axis2=-1)[..., None, None]
    h = g.reshape(-1, *shape[-2:])[0]
    return rho, h + h.conj().T


@pytest.mark.parametrize("shape", [(400, 400), (99, 81, 81)])
def test_ergotropy_costs_no_more_than_plain_numpy(shape):
    rho, h = random_case(shape)
    expected = by_numpy(rho, h)
    assert metrics.ergotropy(rho, h) == pytest.approx(expected, rel=1e-9)
    # Measured 0.5 and 0.95; a second diagonalisation of the states would give 1.5.
    assert seconds(metrics.ergotropy, rho, h) < 1.3 * seconds(by_numpy, rho, h)


def test_means_diagonalise_nothing(monkeypatch):
    rho, h = random_case((30, 30))
    k = h @ h
    ket = rho[:, :1] / np.linalg.norm(rho[:, 0])
    for name in ("eigh", "eigvalsh", "eig", "svd"):
        monkeypatch.delattr(np.linalg, name)
    for state in (rho, ket):
        assert metrics.energy(state, h) == pytest.approx(
            np.trace(h @ (state if state is rho else ket @ ket.conj().T)).real
        )
        assert metrics.energy_fluctuation(state, h) > 0
        metrics.stored_energy(state, h, ket)
        metrics.instantaneous_power(state, h, k)


@pytest.mark.parametrize(
    ("metric", "of_h", "of_states"),
    [
        (metrics.ergotropy, 1, 1),
        (metrics.antiergotropy, 1, 1),
        (metrics.capacity, 1, 1),
        (metrics.passive_state, 1, 1),
        (metrics.coherent_ergotropy, 1, 1),
        (metrics.incoherent_ergotropy, 1, 0),
        (metrics.diagonal_entropy, 1, 0),
        (metrics.relative_entropy_of_coherence, 1, 1),
        (metrics.stored_energy, 1, 0),
    ],
)
def test_each_spectrum_is_found_once(metric, of_h, of_states, monkeypatch):
    rho, h = random_case((3, 7, 7))
    counted = []
    for name in ("eigh", "eigvalsh"):
        solve = getattr(np.linalg, name)

        def count(matrix, solve=solve):
            counted.append(matrix.shape)
            return solve(matrix)

        monkeypatch.setattr(np.linalg, name, count)
    metric(rho, h)
    assert counted.count((7, 7)) == of_h
    assert counted.count((3, 7, 7)) == of_states


@pytest.mark.parametrize("unit", [1e-300, 1e-170, 1e170, 1e300])
def test_fluctuation_has_any_unit(unit):
    for state in ([0.6, 0.8], np.diag([0.36, 0.64])):
        found = metrics.energy_fluctuation(state, unit * np.diag([0.0, 1.0]))
        assert found == pytest.approx(0.48 * unit, rel=1e-12)
