"""Sets of unitaries, many copies, measured ancillas, fluctuations, power and time.

The other routes: the 2^N levels of N atoms, optimisation over unitaries, partial traces
and the solver of QuTiP, scipy's root finder, two energy measurements summed by hand.
"""

import itertools
import math
from functools import reduce

import numpy as np
import pytest
import qutip
from scipy.linalg import expm
from scipy.optimize import brentq, minimize

import qbcore
from qbcore import gaussian, metrics

# Eigenvalues and sums of at most 16 numbers below 10: 16 * 10 * eps = 4e-14.
ROUNDING = 1e-12
RNG = np.random.default_rng(2026)
QUBIT = np.diag([1.0, 0.0])


@pytest.fixture(autouse=True)
def _each_test_draws_the_same_whatever_ran_before():
    RNG.bit_generator.state = np.random.default_rng(2026).bit_generator.state


def random_state(d, rank=None):
    columns = RNG.normal(size=(d, rank or d)) + 1j * RNG.normal(size=(d, rank or d))
    rho = columns @ columns.conj().T
    return rho / np.trace(rho).real


def random_hermitian(d):
    matrix = RNG.normal(size=(d, d)) + 1j * RNG.normal(size=(d, d))
    return (matrix + matrix.conj().T) / 2


def random_ket(d):
    ket = RNG.normal(size=(d, 1)) + 1j * RNG.normal(size=(d, 1))
    return ket / np.linalg.norm(ket)


def close(value, within=ROUNDING):
    return pytest.approx(value, abs=within, rel=0)


# --- the sets of unitaries ---


def spins(atoms):
    """Collective Jx, Jy, Jz on all 2^N levels."""
    one = [qutip.sigmax() / 2, qutip.sigmay() / 2, qutip.sigmaz() / 2]
    spaces = [[2]] * atoms
    return [
        sum(qutip.expand_operator(s, [2] * atoms, k) for k in range(atoms)).full()
        for s in one
    ], spaces


def dicke_isometry(atoms):
    """Columns: the symmetric states, m = N/2 first, as sums of permuted products."""
    columns = []
    for excited in range(atoms, -1, -1):
        column = np.zeros(2**atoms)
        for bits in itertools.product([0, 1], repeat=atoms):  # 0 is excited
            if bits.count(0) == excited:
                column[int("".join(map(str, bits)), 2)] = 1
        columns.append(column / np.linalg.norm(column))
    return np.array(columns).T


def twisted(jx, jy, jz):
    """A Hamiltonian that acts differently on each total spin."""
    square = jx @ jx + jy @ jy + jz @ jz
    return jz - 0.7 * jx + 0.45 * jz @ jz + 0.3 * square


def block(spin):
    if spin == 0:
        return np.zeros((1, 1))
    return twisted(*(qutip.jmat(spin, axis).full() for axis in "xyz"))


@pytest.mark.parametrize("atoms", [1, 2, 3, 4])
def test_all_atoms_is_the_ergotropy_on_all_two_to_the_n_levels(atoms):
    blocks = [block(atoms / 2 - k) for k in range(atoms // 2 + 1)]
    h = twisted(*spins(atoms)[0])
    isometry = dicke_isometry(atoms)
    # The isometry and QuTiP's spin matrices order and sign the states alike.
    assert np.abs(isometry.T @ h @ isometry - blocks[0]).max() < ROUNDING
    rhos = np.array([random_state(atoms + 1, rank) for rank in (1, 2, atoms + 1)])
    found = metrics.ergotropy(rhos, blocks, unitaries="all_atoms")
    embedded = isometry @ rhos @ isometry.T
    assert found == close(metrics.ergotropy(embedded, h))
    narrow = metrics.ergotropy(rhos, blocks[0], unitaries="collective")
    assert narrow == close(metrics.ergotropy(rhos, blocks[0]))
    assert np.all(found >= narrow - ROUNDING)
    if atoms > 1:
        assert (found - narrow).max() > 1e-2
    ket = random_ket(atoms + 1)
    pure = metrics.ergotropy(ket, blocks, unitaries="all_atoms")
    assert pure == close(metrics.ergotropy(isometry @ ket, h))


def test_the_dual_cavity_has_the_first_two_sets():
    battery = qbcore.DualCavityBattery(atoms_a=4, atoms_b=0, cutoff_a=24)
    curve = battery.charge(np.linspace(0, 3, 7), states=True)
    own = battery.battery_hamiltonian()
    # omega_q k + (g/N)(S(S+1) - m^2 - N/2) for S = 2, 1, 0 and k = m + 2.
    blocks = [own]
    for s in (1, 0):
        m = np.arange(s, -s - 1.0, -1.0)
        shift = 0.5 / 4 * (s * (s + 1) - m**2 - 2)
        blocks.append(np.diag(m + 2 + shift))
    wide = metrics.ergotropy(curve.states, blocks, unitaries="all_atoms")
    narrow = metrics.ergotropy(curve.states, own, unitaries="collective")
    assert wide == close(curve.ergotropy)
    assert narrow == close(curve.collective_ergotropy)
    assert (wide - narrow).max() > 1e-2


def test_two_hundred_atoms_have_more_levels_than_an_integer_counts():
    # Half full and half empty: two weights 1/2, of which one has to be lifted once.
    atoms = 200
    blocks = [
        np.diag(np.arange(atoms - k, k - 1.0, -1.0)) for k in range(atoms // 2 + 1)
    ]
    weights = np.zeros(atoms + 1)
    weights[[0, -1]] = 0.5
    rho = np.diag(weights)
    assert metrics.ergotropy(rho, blocks, unitaries="all_atoms") == close(99.5)


@pytest.mark.parametrize("sizes", [[2, 2], [3, 2], [2, 3, 2]])
def test_local_ergotropy_is_the_best_product_of_unitaries(sizes):
    own = [random_hermitian(n) for n in sizes]
    whole = [qutip.Qobj(h) for h in own]
    h = sum(qutip.expand_operator(a, sizes, k) for k, a in enumerate(whole))
    d = math.prod(sizes)
    rhos = np.array([random_state(d, rank) for rank in (1, 3, d)])
    found = metrics.ergotropy(rhos, h, unitaries="local")
    for rho, work in zip(rhos, found, strict=True):
        state = qutip.Qobj(rho, dims=[sizes, sizes])
        alone = [metrics.ergotropy(state.ptrace(k), own[k]) for k in range(len(sizes))]
        assert work == close(sum(alone))
    as_arrays = metrics.ergotropy(rhos, h.full(), unitaries="local", dims=sizes)
    assert as_arrays == close(found)
    # Larger cells may do more, and one cell may do all.
    assert metrics.ergotropy(rhos, h, unitaries="local", dims=[d]) == close(
        metrics.ergotropy(rhos, h)
    )
    gap = metrics.ergotropic_gap(rhos, h)
    assert gap == close(metrics.ergotropy(rhos, h) - found)
    assert (gap > 1e-3).all()
    ket = random_ket(d)
    assert metrics.ergotropy(ket, h, unitaries="local") == close(
        metrics.ergotropy(ket @ ket.conj().T, h, unitaries="local")
    )


def test_no_product_of_unitaries_extracts_more_than_the_local_ergotropy():
    own = [random_hermitian(2), random_hermitian(3)]
    h = np.kron(own[0], np.eye(3)) + np.kron(np.eye(2), own[1])
    rho = random_state(6, 2)

    def left(angles):
        a = angles[:4].reshape(2, 2), angles[4:].reshape(3, 3)
        lie = [np.triu(x) + 1j * np.tril(x, -1).T for x in a]
        u = reduce(np.kron, [expm(1j * (x + x.conj().T)) for x in lie])
        return np.trace(u @ rho @ u.conj().T @ h).real

    tries = [minimize(left, RNG.normal(size=13), tol=1e-12).fun for _ in range(4)]
    work = np.trace(rho @ h).real - min(tries)
    # At a minimum an error of 1e-8 in the angles is one of 1e-15 in energy; BFGS stops
    # at gradients of about 1e-6 of finite differences, hence at 1e-10.
    assert metrics.ergotropy(rho, h, unitaries="local", dims=[2, 3]) == close(
        work, 1e-8
    )


def test_a_gap_by_hand():
    # cos|00> + sin|11> with levels 1 and 0 per qubit: the pair gives all 2 cos^2, and
    # each qubit 2 cos^2 - 1.
    for angle, gap in ((math.pi / 4, 1.0), (math.pi / 6, 0.5), (0.0, 0.0)):
        ket = [math.cos(angle), 0.0, 0.0, math.sin(angle)]
        h = np.diag([2.0, 1.0, 1.0, 0.0])
        assert metrics.ergotropic_gap(ket, h, dims=[2, 2]) == close(gap)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        ({"unitaries": "symmetric"}, "unitaries.*all_atoms.*collective.*local"),
        ({"unitaries": None}, "unitaries"),
        ({"unitaries": "all_atoms"}, "hamiltonian.*blocks"),
        ({"unitaries": "local"}, "dims"),
        ({"unitaries": "local", "dims": [2, 3]}, "dims.*product 4"),
        ({"unitaries": "local", "dims": 2}, "dims.*product 4"),
        ({"unitaries": "local", "dims": [2.0, 2.0]}, "dims"),
        ({"unitaries": "local", "dims": [-2, -2]}, "dims"),
        ({"dims": [2, 2]}, "dims.*local"),
        ({"unitaries": np.array(["all", "local"])}, "ambiguous"),
    ],
)
def test_sets_that_do_not_fit_their_arguments_are_refused(call, word):
    with pytest.raises(ValueError, match=word):
        metrics.ergotropy(np.eye(4) / 4, np.diag([2.0, 1, 1, 0]), **call)


def test_qubits_one_by_one_are_not_in_the_dicke_basis():
    h = sum(qutip.expand_operator(qutip.sigmaz(), [2, 2, 2], k) for k in range(3))
    with pytest.raises(ValueError, match=r"hamiltonian.*Dicke.*\[2, 2, 2\]"):
        metrics.ergotropy(qutip.ghz_state(3), h, unitaries="collective")
    pair = qutip.tensor(qutip.num(3), qutip.qeye(2)) + qutip.tensor(
        qutip.qeye(3), qutip.num(2)
    )  # of an ensemble of two and an atom
    rho = np.diag([0.0, 0.0, 0.2, 0.0, 0.0, 0.8])
    assert metrics.ergotropy(rho, pair, unitaries="collective") == close(
        metrics.ergotropy(rho, pair)
    )


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [np.eye(3)],
        [np.eye(3), np.eye(2)],
        [np.eye(3), np.eye(1), np.eye(1)],
        [[0.0, 1.0], [1.0, 0.0]],
        [np.eye(3), [[np.nan]]],
        [np.eye(3), [[1j]]],
    ],
    ids=repr,
)
def test_blocks_that_are_not_those_of_n_atoms_are_refused(blocks):
    with pytest.raises(ValueError, match="hamiltonian"):
        metrics.ergotropy(np.eye(3) / 3, blocks, unitaries="all_atoms")


def test_an_interacting_hamiltonian_has_no_local_ergotropy():
    z = np.diag([1.0, -1.0])
    free = np.kron(z, np.eye(2)) + np.kron(np.eye(2), z)
    for scale in (1e-30, 1.0, 1e30):
        coupled = scale * (free + 1e-6 * np.kron(z, z))
        with pytest.raises(ValueError, match=r"hamiltonian.*interaction.*off by"):
            metrics.ergotropy(np.eye(4) / 4, coupled, unitaries="local", dims=[2, 2])
        fine = metrics.ergotropy(
            np.diag([0.0, 0, 0, 1])[::-1, ::-1], scale * free, unitaries="local",
            dims=[2, 2],
        )  # fmt: skip
        assert fine == pytest.approx(4 * scale, rel=1e-12)


# --- many copies, and a bath ---


def gibbs(h, beta):
    e, basis = np.linalg.eigh(h)
    w = np.exp(-beta * (e - e[0]))
    return (basis * (w / w.sum())) @ basis.conj().T


def entropy(rho):
    p = np.linalg.eigvalsh(rho)
    p = p[p > 1e-300]
    return float(-(p * np.log(p)).sum())


@pytest.mark.parametrize("d", [2, 3, 5])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_bound_energy_is_that_of_the_gibbs_state_of_the_same_entropy(d, scale):
    h = random_hermitian(d)
    rhos = np.array([random_state(d) for _ in range(3)])
    lowest = np.linalg.eigvalsh(h)[0]
    expected = []
    for rho in rhos:
        wanted = entropy(rho)
        missed = lambda b, s=wanted: entropy(gibbs(h, b)) - s  # noqa: E731
        beta = brentq(missed, 1e-3, 1e3, xtol=1e-14)
        expected.append(np.trace(gibbs(h, beta) @ h).real - lowest)
    # dE = T dS with temperatures below 10 and entropies good to 1e-14.
    bound = metrics.bound_energy(rhos, scale * h) / scale
    assert bound == close(np.array(expected), 1e-11)
    stored = metrics.stored_energy(rhos, h)
    assert metrics.many_copy_work(rhos, scale * h) / scale == close(
        stored - expected, 1e-11
    )
    assert np.all(bound <= metrics.passive_energy(rhos, h) + 1e-11)


def test_many_copies_approach_their_work_from_below():
    h = np.diag([0.0, 1.0, 3.0])
    rho = np.diag([0.5, 0.3, 0.2])
    limit = metrics.many_copy_work(rho, h)
    each = []
    for n in range(1, 7):
        weights = reduce(np.kron, [np.diag(rho)] * n)
        levels = reduce(np.add.outer, [np.diag(h)] * n).ravel()
        each.append((weights @ levels - np.sort(weights)[::-1] @ np.sort(levels)) / n)
    assert each[0] == 0.0
    assert max(each) > 0.2 * limit
    assert max(each) <= limit
    # A power law of the missing part, fitted to nothing: it shrinks.
    assert limit - each[5] < limit - each[2] < limit - each[0]


def test_limits_of_bound_energy():
    h = np.diag([0.0, 0.0, 1.0])
    assert metrics.bound_energy([0.0, 0.0, 1.0], h) == close(0.0)
    # An entropy that the degenerate ground level can hold costs nothing.
    assert metrics.bound_energy(np.diag([0.0, 0.5, 0.5]), h) == close(0.0)
    assert metrics.many_copy_work(np.diag([0.0, 0.5, 0.5]), h) == close(0.5)
    # The maximally mixed state is thermal; the root of eps times the width is lost.
    assert metrics.bound_energy(np.eye(3) / 3, h) == close(1 / 3, 3e-8)
    assert metrics.many_copy_work(np.eye(3) / 3, h) == close(0.0, 3e-8)
    assert metrics.bound_energy(np.eye(2) / 2, np.eye(2)) == 0.0


@pytest.mark.parametrize("temperature", [0.5, 1.0, 30.0])
def test_excess_free_energy_is_the_relative_entropy_to_equilibrium(temperature):
    h = random_hermitian(4)
    rhos = np.array([random_state(4, rank) for rank in (1, 2, 4)])
    found = metrics.excess_free_energy(rhos, h, temperature)
    equilibrium = qutip.Qobj(gibbs(h, 1 / temperature))
    for rho, value in zip(rhos, found, strict=True):
        relative = qutip.entropy_relative(qutip.Qobj(rho), equilibrium)
        # QuTiP drops eigenvalues below 1e-12, which cost 1e-12 * 27 nats.
        assert value == close(temperature * relative, 1e-9 * temperature)
    work = metrics.ergotropy(rhos, h)
    assert np.all(found >= work)
    assert metrics.excess_free_energy(equilibrium, h, temperature) == close(0.0, 1e-11)
    shifted = metrics.excess_free_energy(rhos, h + 5 * np.eye(4), temperature)
    assert shifted == close(found, 1e-11)


def test_excess_free_energy_at_a_very_low_temperature_is_the_stored_energy():
    rho, h = np.diag([0.3, 0.7]), np.diag([0.0, 1.0])
    for temperature in (1e-300, 1e-12):
        found = metrics.excess_free_energy(rho, h, temperature)
        assert found == close(0.7, 1e-11)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, "1", None, [1.0]])
def test_temperatures_that_are_none(value):
    with pytest.raises(ValueError, match="temperature"):
        metrics.excess_free_energy([1.0, 0.0], QUBIT, value)


# --- a measured ancilla ---


def test_daemonic_ergotropy_is_the_mean_over_the_results():
    sizes, h = [3, 2], random_hermitian(3)
    basis = np.linalg.eigh(random_hermitian(2))[1]
    projectors = [np.outer(b, b.conj()) for b in basis.T]
    rhos = np.array([random_state(6, rank) for rank in (1, 2, 6)])
    found = metrics.daemonic_ergotropy(rhos, h, projectors)
    for rho, work in zip(rhos, found, strict=True):
        expected = 0.0
        for projector in projectors:
            state = qutip.Qobj(rho, dims=[sizes, sizes])
            p = qutip.tensor(qutip.qeye(3), qutip.Qobj(projector))
            hit = p * state * p
            part = hit.ptrace(0)
            expected += part.tr() * metrics.ergotropy(part / part.tr(), h)
        assert work == close(expected)
        # Not less than without the result, not more than the energy.
        alone = metrics.ergotropy(state.ptrace(0), h)
        assert alone + 1e-4 < work
        assert work <= metrics.stored_energy(state.ptrace(0), h) + ROUNDING
    # A pure state and rank one: all of the energy (Francica et al. 2017).
    assert found[0] == close(
        metrics.stored_energy(qutip.Qobj(rhos[0], dims=[sizes] * 2).ptrace(0), h)
    )
    ket = random_ket(6)
    assert metrics.daemonic_ergotropy(ket, h, projectors) == close(
        metrics.daemonic_ergotropy(ket @ ket.conj().T, h, projectors)
    )


def test_an_ancilla_that_knows_nothing_helps_nothing():
    h, system, ancilla = random_hermitian(3), random_state(3), random_state(2)
    up, down = QUBIT, np.eye(2) - QUBIT
    product = np.kron(system, ancilla)
    assert metrics.daemonic_ergotropy(product, h, [up, down]) == close(
        metrics.ergotropy(system, h)
    )
    # One result is none; so is a coin.
    rho = random_state(6)
    alone = qutip.Qobj(rho, dims=[[3, 2]] * 2).ptrace(0)
    for blind in ([np.eye(2)], [np.eye(2) / 2] * 2):
        assert metrics.daemonic_ergotropy(rho, h, blind) == close(
            metrics.ergotropy(alone, h)
        )


@pytest.mark.parametrize(
    "measurement",
    [
        [QUBIT],
        [QUBIT, QUBIT],
        [2 * QUBIT, np.diag([-1.0, 1.0])],
        np.eye(2),
        [np.eye(3)],
        [[1.0, 0.0], [0.0, 1.0]],
        [np.array([[0, 1], [0, 0]]), np.array([[1, -1], [0, 1]])],
        "z",
        [],
        None,
        [[1.0]],
        [1.0],
        [[1.0], [0.0]],
        qutip.basis(2, 0),
        [qutip.basis(2, 0)],
        [qutip.basis(2, 0), qutip.basis(2, 0)],
        [qutip.basis(2, 0), QUBIT],
        [qutip.basis(2, 0), 2 * qutip.basis(2, 1)],
    ],
    ids=repr,
)
def test_what_is_not_a_measurement_is_refused(measurement):
    with pytest.raises(ValueError, match=r"measurement|states"):
        metrics.daemonic_ergotropy(np.eye(4) / 4, QUBIT, measurement)


def test_a_basis_of_kets_measures_as_its_projectors():
    rng = np.random.default_rng(8)
    rho, turn = qutip.rand_dm([2, 3], seed=rng), qutip.rand_unitary(3, seed=rng)
    kets = [turn * qutip.basis(3, k) for k in range(3)]
    found = metrics.daemonic_ergotropy(rho, QUBIT, kets)
    projectors = [ket.proj() for ket in kets]
    assert found == metrics.daemonic_ergotropy(rho, QUBIT, projectors)
    assert found == metrics.daemonic_ergotropy(rho, QUBIT, [k.full() for k in kets])
    mixed = [kets[0], *projectors[1:]]
    assert found == metrics.daemonic_ergotropy(rho, QUBIT, mixed)
    parts = [(qutip.tensor(qutip.qeye(2), p) * rho).ptrace(0) for p in projectors]
    by_hand = sum(
        p.tr().real * metrics.ergotropy((p / p.tr()).full(), QUBIT) for p in parts
    )
    assert found == pytest.approx(by_hand, abs=1e-12)


def test_a_measured_battery_has_one_hamiltonian():
    # Two Hamiltonians of two levels and an ancilla of two look like four levels.
    with pytest.raises(ValueError, match="one H"):
        metrics.daemonic_ergotropy(np.eye(4) / 4, np.array([QUBIT] * 2), [np.eye(2)])


def test_speed_limits_are_those_of_a_constant_generator():
    with pytest.raises(ValueError, match=r"generator.*constant"):
        metrics.speed_limits([1.0, 0.0], np.array([QUBIT] * 2))
    drive = qutip.QobjEvo([[qutip.sigmax(), lambda t: t]])
    with pytest.raises(ValueError, match=r"generator.*constant"):
        metrics.speed_limits([1.0, 0.0], drive)


def test_the_order_of_battery_and_ancilla_is_checked_by_qutips_dims():
    state = qutip.tensor(qutip.basis(3, 0), qutip.basis(2, 0))
    results = [qutip.basis(2, k).proj() for k in range(2)]
    assert metrics.daemonic_ergotropy(state, qutip.num(3), results) == 0.0
    with pytest.raises(ValueError, match="states"):
        metrics.daemonic_ergotropy(state.permute([1, 0]), qutip.num(3), results)


# --- fluctuations ---


def test_fluctuation_without_coherence_is_that_of_two_energy_measurements():
    levels = np.array([0.0, 0.7, 1.5, 4.0])
    weights = np.array([0.15, 0.3, 0.05, 0.5])
    order = np.argsort(-weights)  # the level that each rank of weight sits on
    work = levels[order] - levels
    mean = (weights[order] * work).sum()
    sigma = math.sqrt((weights[order] * (work - mean) ** 2).sum())
    turned = np.linalg.eigh(random_hermitian(4))[1]
    h = (turned * levels) @ turned.conj().T
    rho = (turned * weights) @ turned.conj().T
    assert metrics.ergotropy(rho, h) == close(mean)
    # The order among equal weights is the only freedom: errors of 1e-10/gap.
    assert metrics.work_fluctuation(rho, h) == close(sigma, 1e-8)
    assert metrics.work_fluctuation(rho, 1e-30 * h) / 1e-30 == close(sigma, 1e-8)
    shift = metrics.work_fluctuation(rho, h + 3 * np.eye(4))
    assert shift == close(sigma, 1e-8)


def test_fluctuation_is_that_of_the_operator_of_work():
    h = random_hermitian(4)
    rhos = np.array([random_state(4, rank) for rank in (4, 4, 3)])
    found = metrics.work_fluctuation(rhos, h)
    for rho, sigma in zip(rhos, found, strict=True):
        _, r = np.linalg.eigh(rho)
        _, e = np.linalg.eigh(h)
        u = e @ r[:, ::-1].conj().T
        work = h - u.conj().T @ h @ u
        mean = np.trace(rho @ work).real
        assert mean == close(metrics.ergotropy(rho, h))
        square = np.trace(rho @ work @ work).real
        assert sigma == close(math.sqrt(square - mean**2), 1e-7)


def test_a_ket_keeps_its_energy_fluctuation():
    h = random_hermitian(5)
    kets = np.array([random_ket(5) for _ in range(3)])
    expected = metrics.energy_fluctuation(kets, h)
    assert metrics.work_fluctuation(kets, h) == close(expected, 1e-8)
    mixed = kets @ kets.conj().swapaxes(1, 2)
    assert metrics.work_fluctuation(mixed, h) == close(expected, 1e-7)


def test_passive_states_give_a_certain_zero():
    # With equal weights too: they may stay where they are.
    for weights in ([0.8, 0.1, 0.1], [1 / 3] * 3, [0.4, 0.4, 0.2]):
        rho, h = np.diag(weights), np.diag([0.0, 1.0, 2.0])
        assert metrics.work_fluctuation(rho, h) == close(0.0, 1e-9)
        turned = np.linalg.eigh(random_hermitian(3))[1]
        rho, h = (turned @ a @ turned.conj().T for a in (rho, h))
        assert metrics.work_fluctuation(rho, h) == close(0.0, 1e-5)


# --- power and time ---


def test_power_of_kets_is_that_of_their_projectors():
    h = random_hermitian(5)
    k = np.array([random_hermitian(5) for _ in range(4)])
    kets = np.array([random_ket(5) for _ in range(4)])
    rhos = kets @ kets.conj().swapaxes(1, 2)
    for generator in (k, k[0]):
        found = metrics.instantaneous_power(kets, h, generator)
        mixed = metrics.instantaneous_power(rhos, h, generator)
        slope = 1j * (generator @ h - h @ generator)
        expected = np.trace(rhos @ slope, axis1=1, axis2=2).real
        assert found == close(expected)
        assert mixed == close(expected)
        bound = metrics.power_bound(kets, h, generator)
        assert np.all(np.abs(found) <= bound)
        assert metrics.power_bound(rhos, h, generator) == close(bound, 1e-6)


def test_the_power_bound_is_reached_by_a_qubit_and_is_robertsons():
    # <sigma_z> = cos(2t + phi) under sigma_y: P = 2 sin, Delta H = sin, Delta K = 1.
    y, z = qutip.sigmay(), qutip.sigmaz()
    for angle in (0.2, 1.0, 2.5):
        ket = [math.cos(angle / 2), math.sin(angle / 2)]
        assert metrics.power_bound(ket, z, y) == close(2 * math.sin(angle))
        assert abs(metrics.instantaneous_power(ket, z, y)) == close(2 * math.sin(angle))
    # Any multiple of H in K changes the bound, not the power.
    ket = random_ket(2)
    assert metrics.instantaneous_power(ket, z, y + 3 * z) == close(
        metrics.instantaneous_power(ket, z, y)
    )
    h, k, rho = random_hermitian(4), random_hermitian(4), random_state(4)
    variance = [np.trace(rho @ a @ a) - np.trace(rho @ a) ** 2 for a in (h, k)]
    assert metrics.power_bound(rho, h, k) == close(
        2 * math.sqrt(np.prod(variance).real)
    )


@pytest.mark.parametrize("d", [2, 3, 5])
def test_no_state_turns_sooner_than_the_speed_limits(d):
    for _ in range(5):
        k, ket = random_hermitian(d), random_ket(d)
        for t in np.linspace(0.02, 2.0, 12):
            overlap = abs((ket.conj().T @ expm(-1j * t * k) @ ket).item())
            limits = metrics.speed_limits(ket, k, angle=math.acos(min(overlap, 1.0)))
            assert max(limits) <= t * (1 + 1e-9)


def test_speed_limits_by_hand():
    # A pair of levels 0 and w in equal parts is the fastest by both limits.
    for w in (1e-30, 0.7, 1e30):
        limits = metrics.speed_limits([0.5**0.5, 0.5**0.5], np.diag([0.0, w]))
        assert limits.mandelstam_tamm * w == pytest.approx(math.pi, rel=1e-12)
        assert limits.margolus_levitin * w == pytest.approx(math.pi, rel=1e-12)
    # With weights 3/4 and 1/4: Delta = sqrt(3)/4, energy 1/4.
    limits = metrics.speed_limits([0.75**0.5, 0.5], np.diag([0.0, 1.0]), angle=0.3)
    assert limits.mandelstam_tamm == pytest.approx(0.3 * 4 / 3**0.5, rel=1e-12)
    assert limits.margolus_levitin == pytest.approx(8 * 0.09 / math.pi, rel=1e-12)
    still = metrics.speed_limits([1.0, 0.0], np.diag([0.0, 1.0]))
    assert still == (math.inf, math.inf)


def test_the_levitin_limit_is_within_eight_per_cent_of_the_fastest_pair_of_levels():
    # For two levels of gap 1, weights 1 - p and p and phase x = t/2 the overlap is
    # cos(L) with sin(L)^2 = 4 p (1 - p) sin(x)^2, and E t = 2 p x.
    x = np.linspace(1e-3, math.pi / 2, 20001)
    for angle in (0.05, 0.5, 1.0, 1.4, math.pi / 2):
        room = 1 - (math.sin(angle) / np.sin(x)) ** 2
        x_possible = x[room >= 0]
        p = (1 - np.sqrt(room[room >= 0])) / 2
        fastest = float((2 * p * x_possible).min())
        ours = metrics.speed_limits([0, 1], np.diag([0, 1.0]), angle=angle)[1]
        assert ours <= fastest * (1 + 1e-6)
        # tan x = 2x at L -> 0 gives 0.6901 L^2 where 2/pi L^2 = 0.6366 L^2.
        assert fastest <= 1.085 * ours


@pytest.mark.parametrize("angle", [0.0, -0.1, 1.6, np.nan, "1", None, 1j], ids=repr)
def test_angles_that_no_pair_of_states_has(angle):
    with pytest.raises(ValueError, match="angle"):
        metrics.speed_limits([1.0, 0.0], QUBIT, angle=angle)


def test_angles_and_states_of_speed_limits_go_together():
    flip, states = [[0.0, 0.5], [0.5, 0.0]], [[[1.0], [0.0]], [[0.6], [0.8]]]
    both = metrics.speed_limits(states, flip, angle=[0.2, 0.4])
    for k, angle in enumerate((0.2, 0.4)):
        alone = metrics.speed_limits(states[k], flip, angle=angle)
        assert (both.mandelstam_tamm[k], both.margolus_levitin[k]) == alone
    with pytest.raises(ValueError, match=r"`angle, states` must have shapes"):
        metrics.speed_limits(states, flip, angle=[0.1, 0.2, 0.3])
    # <K> = 0.48 is 0.98 above the ground, and the spread is sqrt(0.25 - 0.48^2).
    assert both.mandelstam_tamm[1] == pytest.approx(0.4 / 0.14)
    assert both.margolus_levitin[1] == pytest.approx(2 * 0.16 / np.pi / 0.98)


def test_lifetime_of_the_work_of_a_decaying_atom():
    # Population p = exp(-g t), work 2p - 1: it falls to 1/e at p = (1 + 1/e)/2.
    g, t = 0.3, np.linspace(0.0, 4.0, 2001)
    curve = qbcore.charge(
        0 * qutip.sigmaz(), qutip.num(2), qutip.basis(2, 1), t,
        collapse_operators=math.sqrt(g) * qutip.destroy(2),
    )  # fmt: skip
    exact = -math.log((1 + 1 / math.e) / 2) / g
    # h^2 |W''| / (8 |W'|) = h^2 g / 8 = 1.5e-7.
    assert metrics.lifetime(t, curve.ergotropy) == close(exact, 2e-7)
    half = metrics.lifetime(t, curve.ergotropy, share=0.5)
    assert half == close(-math.log(0.75) / g, 2e-7)
    late = metrics.lifetime(t[500:] + 7, curve.ergotropy[500:])
    p = math.exp(-g)
    level = (2 * p - 1) / math.e
    assert late == close(math.log(2 * p / (1 + level)) / g, 2e-7)


@pytest.mark.parametrize(
    "work",
    [
        [0.0, 0.0, 0.0],
        [1.0, 0.9, 0.8],
        [np.nan, 0.0, 0.0],
        [1.0, np.nan, 0.0],
        [np.inf, 1.0, 0.0],
        [-1.0, -2.0, -3.0],
        [1.0, 0.1],
        [[1.0, 0.5, 0.1]],
        "work",
        None,
    ],
    ids=repr,
)
def test_work_without_a_lifetime_is_refused(work):
    with pytest.raises(ValueError, match="work"):
        metrics.lifetime([0.0, 1.0, 2.0], work)


@pytest.mark.parametrize("share", [1.0, -0.5, np.nan, "1", None], ids=repr)
def test_shares_that_mean_nothing_are_refused(share):
    with pytest.raises(ValueError, match=r"share|work"):
        metrics.lifetime([0.0, 1.0, 2.0], [1.0, 0.5, 0.1], share=share)


def test_efficiency_of_a_curve():
    star = qbcore.StarBattery()
    curve = star.charge(np.linspace(0.0, 5.0, 11))
    assert curve.efficiency[0] == 0.0
    assert np.isfinite(curve.efficiency).all()
    assert curve.efficiency[1:] == close(curve.ergotropy[1:] / curve.energy[1:])


# --- the twins of one mode ---


def test_the_measures_agree_with_the_gaussian_ones():
    state = gaussian.thermal(1, 0.3)
    rho, n = gaussian.fock_state(state, 60), np.diag(np.arange(60.0))
    assert metrics.bound_energy(rho, n) == close(gaussian.passive_energy(state), 1e-9)
    assert metrics.passive_energy(rho, n) == close(gaussian.passive_energy(state), 1e-9)


def test_a_small_operator_beside_a_large_one_has_to_be_hermitian():
    skew = np.array([[0, 1.0], [0, 0]])
    with pytest.raises(ValueError, match=r"generator.*Hermitian"):
        metrics.instantaneous_power(
            np.array([[[1.0], [0.0]]] * 2), QUBIT, np.array([1e12 * QUBIT, skew])
        )
