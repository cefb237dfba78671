"""The star network against plain QuTiP written out by hand, piqs, closed forms, limits and symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
import qutip
from hypothesis import given
from hypothesis import strategies as st
from qutip import piqs
from scipy.integrate import quad

from qbcore import metrics
from qbcore.errors import AccuracyError, SeveralSteadyStatesError, TooLargeError
from qbcore.star import CommonBathStar, StarBattery, fermi, steady_excitation
from qbcore.star._symmetric import loss_rate, symmetric
from qbcore.star.formulas import (
    many_ancillas_excitation,
    three_cell_excitation,
    two_cell_excitation,
)
from qbook import check_contract

TIGHT = {"rtol": 1e-9, "atol": 1e-11, "nsteps": 10**6, "progress_bar": ""}
NUMBER = qutip.basis(2, 0).proj()  # excited level first
probability = st.floats(0.001, 0.999)


def lower(cells, i):
    """|g><e| on qubit i, built from kets rather than from qbcore or sigmam."""
    ops = [qutip.qeye(2)] * cells
    ops[i] = qutip.basis(2, 1) * qutip.basis(2, 0).dag()
    return qutip.tensor(ops)


def written_out(cells, splitting, coupling, rate, n1, n2):
    """H of Eq. (1) and the jumps of Eqs. (11), (12): gain with n, loss with 1 - n."""
    s = [lower(cells, i) for i in range(cells)]
    h = sum(splitting * (x.dag() * x - x * x.dag()) for x in s)
    h += sum(coupling * (s[0].dag() * x + s[0] * x.dag()) for x in s[1:])
    ns = [n1] + [n2] * (cells - 1)
    jumps = [np.sqrt(rate * (1 - n)) * x for n, x in zip(ns, s, strict=True)]
    return h, jumps + [np.sqrt(rate * n) * x.dag() for n, x in zip(ns, s, strict=True)]


def battery_number(cells):
    return qutip.tensor([NUMBER] + [qutip.qeye(2)] * (cells - 1))


# --- individual baths: the reduced basis -------------------------------------------------


@pytest.mark.parametrize("cells", [2, 3, 4, 5, 6])
def test_steady_state_equals_qutip(cells):
    """Both solve linear systems of condition below 1e5 in double precision: 1e-10 is ample."""
    b = StarBattery(
        cells=cells,
        splitting=0.7,
        coupling=1.3,
        rate=0.8,
        temperature=0.9,
        potential=0.2,
    )
    n1, n2 = (
        1 / (math.exp(0.8 / 0.9) + 1),
        1 / (math.exp(-1.2 / 0.9) + 1),
    )  # omega = 1, mu_i = 0.2, 2.2
    rho = qutip.steadystate(*written_out(cells, 0.7, 1.3, 0.8, n1, n2))
    found = b.steady_state()
    assert found.excitation == pytest.approx(rho.ptrace(0)[0, 0].real, abs=1e-10)
    assert found.ancilla_excitation == pytest.approx(
        rho.ptrace(cells - 1)[0, 0].real, abs=1e-10
    )
    assert abs(rho.ptrace(0)[0, 1]) < 1e-10  # no coherence: the populations say all
    many = steady_excitation(cells, 1.3, n1, n2, rate=0.8)
    assert many == pytest.approx(found.excitation, abs=1e-12)


@pytest.mark.parametrize("cells", [1, 3])
def test_operators_are_those_of_the_paper(cells):
    """H of Eq. (1) and the jumps of Eqs. (11), (12), as one Liouvillian (jumps have no fixed order)."""
    b = StarBattery(
        cells=cells, splitting=0.5, coupling=0.9, rate=0.6, potential=0.3, bias=1.4
    )
    h, jumps = written_out(cells, 0.5, 0.9, 0.6, fermi(1, 0.3, 1), fermi(1, 1.7, 1))
    assert (b.hamiltonian() - h).norm("max") < 1e-14
    difference = qutip.liouvillian(None, b.collapse_operators()) - qutip.liouvillian(
        None, jumps
    )
    assert difference.norm("max") < 1e-14
    assert b.battery_hamiltonian() == 0.5 * qutip.sigmaz()
    assert b.initial_state() == qutip.tensor([qutip.basis(2, 1)] * cells)
    assert (b.quantum, b.capacity, b.battery_sites) == (1.0, 1.0, (0,))


@pytest.mark.parametrize("cells", [1, 2, 4])
def test_charging_equals_mesolve(cells):
    """A mixed start, gamma != 1, an uneven time axis that does not begin at 0."""
    b = StarBattery(
        cells=cells, splitting=0.5, coupling=0.9, rate=0.6, potential=0.3, bias=1.4
    )
    mixed = [0.2 * NUMBER + 0.8 * (1 - NUMBER)] + [
        0.7 * NUMBER + 0.3 * (1 - NUMBER)
    ] * (cells - 1)
    times = np.array([0.1, 0.5, 1.3, 4.0])
    h, jumps = written_out(cells, 0.5, 0.9, 0.6, fermi(1, 0.3, 1), fermi(1, 1.7, 1))
    grid = np.insert(times, 0, 0.0)
    run = qutip.mesolve(
        h,
        qutip.tensor(mixed),
        grid,
        jumps,
        e_ops=[battery_number(cells)],
        options=TIGHT,
    )
    charging = b.charge(times, start=(0.2, 0.7))
    # mesolve at rtol 1e-9 over four decay times; the exponential itself is good to rounding
    assert charging.excitation == pytest.approx(run.expect[0][1:], abs=1e-8)
    assert charging.energy == pytest.approx(
        2 * 0.5 * (run.expect[0][1:] - 0.2), abs=1e-8
    )
    full = b.charge(
        times, start=qutip.tensor(mixed)
    )  # the other route, by all 4^N entries
    for name in ("energy", "power", "ergotropy", "excitation"):
        assert getattr(full, name) == pytest.approx(getattr(charging, name), abs=1e-12)
    if cells > 1:
        assert full.ancilla_excitation == pytest.approx(
            charging.ancilla_excitation, abs=1e-12
        )
    else:
        assert full.ancilla_excitation is None


@pytest.mark.parametrize(
    "b",
    [
        StarBattery(
            cells=3, splitting=0.6, coupling=0.9, rate=0.4, potential=0.3, bias=1.4
        ),
        CommonBathStar(cells=3, splitting=0.6, coupling=-0.7, rate=0.4),
    ],
    ids=["star", "common bath"],
)
@pytest.mark.parametrize("kind", ["ket", "array", "mixed"])
def test_any_start_equals_mesolve_in_the_frame_at_rest(b, kind):
    """Battery coherence with its phase; no symmetry between the ancillas."""
    ket = qutip.rand_ket([2] * 3, seed=3)
    start = qutip.rand_dm([2] * 3, seed=4) if kind == "mixed" else ket
    times = np.array([0.0, 0.4, 1.7, 3.0])
    run = qutip.mesolve(
        b.hamiltonian(), start, times, b.collapse_operators(), options=TIGHT
    )
    expected = np.array([rho.ptrace(0).full() for rho in run.states])
    c = b.charge(
        times, start=ket.full()[:, 0] if kind == "array" else start, states=True
    )
    assert np.abs(expected[:, 0, 1]).max() > 0.05
    # mesolve at rtol 1e-9 over some forty radians of the fastest frequency
    np.testing.assert_allclose(c.states, expected, rtol=0, atol=1e-8)
    work = metrics.ergotropy(expected, b.battery_hamiltonian())
    assert c.ergotropy == pytest.approx(
        work, abs=1e-7
    )  # a root: smooth away from r = 0
    others = [np.mean([rho.ptrace(k)[0, 0].real for k in (1, 2)]) for rho in run.states]
    assert c.ancilla_excitation == pytest.approx(others, abs=1e-8)


def test_ergotropy_knows_coherence():
    """A battery in |+>: half a quantum at once, though its populations are passive."""
    plus = (qutip.basis(2, 0) + qutip.basis(2, 1)).unit()
    start = qutip.tensor(plus, qutip.basis(2, 1), qutip.basis(2, 1))
    b = CommonBathStar(cells=3, potential=2.0)
    work = b.charge([0.0, 0.5, 1.0, 1.5], start=start).ergotropy / b.quantum
    # Three digits of an independent run of mesolve and metrics.ergotropy.
    assert work == pytest.approx([0.5, 0.255, 0.072, 0.187], abs=5e-4)
    assert StarBattery().charge([0.0, 1.0], start=start).ergotropy[0] == pytest.approx(
        10.0, abs=1e-12
    )


@pytest.mark.parametrize(
    "b",
    [
        StarBattery(),
        StarBattery(cells=1),
        CommonBathStar(),
        CommonBathStar(cells=2, coupling=0.0),
    ],
)
def test_star_keeps_the_contract(b):
    check_contract(b)


def test_default_times_follow_the_rates():
    """Twice as fast, half as long; strong coupling adds samples, up to a bound."""
    slow, fast = (
        StarBattery(rate=0.5, coupling=2.0).charge(),
        StarBattery(rate=1.0, coupling=4.0).charge(),
    )
    assert slow.times == pytest.approx(2 * fast.times, rel=1e-14)
    assert fast.times[-1] == 10.0
    # Exchange at 2 J sqrt(2) and decay at 3 gamma: ten samples in the shorter of their times.
    assert fast.times[1] <= 0.1 / (8 * math.sqrt(2) + 3) * 1.01
    assert StarBattery(cells=1).charge().times.size == 401
    assert StarBattery(coupling=1e3).charge().times.size == 4001


def test_long_times_cost_no_more_than_short_ones():
    """N = 20 at t = 1e4: 40 rates times 1e4 would be 4e5 products, the whole exponential is 20."""
    b = StarBattery(cells=20)
    c = b.charge([0.0, 1e4])
    # Twenty squarings of a matrix with an eigenvalue of 1 lose 2^20 eps = 2e-10.
    assert c.excitation[-1] == pytest.approx(b.steady_state().excitation, abs=2e-10)


@pytest.mark.parametrize("ancillas", [3, 4, 6])
def test_dynamics_equal_piqs(ancillas):
    """piqs keeps |j, m><j, m'| of the ancillas; the battery is a tensor factor beside it."""
    n1, n2, coupling = 0.3, 0.8, 0.7
    levels = piqs.num_dicke_states(ancillas)
    jm, jp = piqs.jspin(ancillas, "-"), piqs.jspin(ancillas, "+")
    sm, one = qutip.sigmam(), qutip.qeye(levels)
    h = coupling * (qutip.tensor(sm.dag(), jm) + qutip.tensor(sm, jp))
    jumps = [
        np.sqrt(1 - n1) * qutip.tensor(sm, one),
        np.sqrt(n1) * qutip.tensor(sm.dag(), one),
    ]
    local = piqs.Dicke(ancillas, emission=1 - n2, pumping=n2).liouvillian()
    local.dims = [[[levels], [levels]]] * 2
    both = qutip.super_tensor(qutip.to_super(qutip.qeye(2)), local)
    ground = qutip.tensor(
        qutip.basis(2, 1).proj(), piqs.dicke(ancillas, ancillas / 2, -ancillas / 2)
    )
    ground.dims = h.dims
    times = np.linspace(0, 3, 7)
    number = qutip.tensor(NUMBER, one)
    run = qutip.mesolve(
        qutip.liouvillian(h, jumps) + both, ground, times, e_ops=[number], options=TIGHT
    )
    b = StarBattery(  # chemical potentials that give exactly these occupations at T = omega = 1
        cells=ancillas + 1,
        coupling=coupling,
        potential=1 + math.log(n1 / (1 - n1)),
        bias=math.log(n2 / (1 - n2)) - math.log(n1 / (1 - n1)),
    )
    assert b.charge(times).excitation == pytest.approx(run.expect[0].real, abs=1e-8)


@pytest.mark.parametrize("ancillas", [0, 1, 2, 5, 30])
def test_symmetric_basis_counts(ancillas):
    """d_j copies of 2j + 1 levels fill 2^M, and all loss rates out of a level add up to M/2 + m."""
    space = symmetric(ancillas)
    assert np.exp(space.log_product(0.5)).sum() == pytest.approx(1.0, rel=1e-12)
    rates = sum(
        loss_rate(ancillas, space.spin, space.projection, s) for s in (-1, 0, 1)
    )
    assert rates == pytest.approx(
        ancillas / 2 + space.projection, abs=1e-12 * max(1, ancillas)
    )
    assert space.size <= 3 * (ancillas + 2) ** 2 / 4 + 1
    assert StarBattery(cells=ancillas + 1).unknowns == space.size


def test_sparse_and_dense_solvers_agree():
    """N = 10 by both routes, and the residual of the sparse one at N = 60."""
    space = symmetric(9)
    sets = [np.array([0.8]), np.array([0.27]), np.array([0.95])]
    dense, thin = space._dense(*sets)[0], space._sparse(0.8, 0.27, 0.95)
    assert thin == pytest.approx(dense, abs=1e-13)
    large = symmetric(59)
    x = large._sparse(0.8, 0.27, 0.95)
    assert np.abs(large.generator(0.8, 0.27, 0.95) @ x).max() < 1e-12


# --- individual baths: closed forms, limits, symmetries -----------------------------------


@given(coupling=st.floats(0, 20), n1=probability, n2=probability)
def test_closed_forms_of_two_and_three_cells(coupling, n1, n2):
    for cells, closed in ((2, two_cell_excitation), (3, three_cell_excitation)):
        expected = steady_excitation(cells, coupling, n1, n2)
        assert closed(coupling, n1, n2) == pytest.approx(expected, abs=1e-12)
        # A coupling means J here, too: J and gamma may be scaled together.
        assert closed(3 * coupling, n1, n2, rate=3.0) == pytest.approx(
            expected, abs=1e-12
        )


def test_coupling_is_j_everywhere():
    b = StarBattery(cells=2, coupling=2.0, rate=4.0)
    n1, n2 = b.occupations
    p = b.steady_state().excitation
    assert steady_excitation(2, 2.0, n1, n2, rate=4.0) == pytest.approx(p, abs=1e-14)
    assert two_cell_excitation(2.0, n1, n2, rate=4.0) == pytest.approx(p, abs=1e-14)
    # 2 J^2 / (gamma^2 + 4 J^2) = 8/32 of the way from n_1 to n_2
    assert p == pytest.approx(n1 + (n2 - n1) / 4, abs=1e-14)


@given(
    cells=st.integers(2, 8), coupling=st.floats(0, 20), n1=probability, n2=probability
)
def test_particle_hole_symmetry_and_bounds(cells, coupling, n1, n2):
    """Flipping every qubit swaps loss and gain, n -> 1 - n, and leaves the exchange alone."""
    p = float(steady_excitation(cells, coupling, n1, n2))
    assert float(steady_excitation(cells, coupling, 1 - n1, 1 - n2)) == pytest.approx(
        1 - p, abs=1e-12
    )
    assert min(n1, n2) - 1e-12 <= p <= max(n1, n2) + 1e-12


@given(
    cells=st.integers(2, 8), coupling=st.floats(0.1, 20), n1=probability, n2=probability
)
def test_fuller_baths_charge_more(cells, coupling, n1, n2):
    """p_1 rises with the filling of either bath, so W rises with mu and with Delta mu."""
    p = steady_excitation(cells, coupling, n1, np.linspace(n2, 1.0, 5))
    assert np.all(np.diff(p) > 0)
    p = steady_excitation(cells, coupling, np.linspace(n1, 1.0, 5), n2)
    assert np.all(np.diff(p) > 0)


@given(
    cells=st.integers(2, 12),
    mu=st.floats(-3, 5),
    bias=st.floats(-5, 5),
    coupling=st.floats(0.01, 9),
)
def test_current_is_conserved(cells, mu, bias, coupling):
    """What the ancillas' baths put in, gamma (N - 1)(n_2 - p_2), the battery's bath takes out."""
    b = StarBattery(cells=cells, coupling=coupling, rate=1.7, potential=mu, bias=bias)
    n1, n2 = b.occupations
    s = b.steady_state()
    assert 1.7 * (cells - 1) * (n2 - s.ancilla_excitation) == pytest.approx(
        s.current, abs=1e-11
    )
    assert s.current == pytest.approx(1.7 * (s.excitation - n1), abs=1e-14)
    assert s.dissipation >= -1e-12  # second law: the current runs down the bias


@pytest.mark.parametrize("cells", [1, 2, 7, 40])
def test_detailed_balance_without_bias(cells):
    """Equal baths: the product state of occupation n is stationary for every J, no current runs."""
    s = StarBattery(cells=cells, coupling=2.5, potential=1.8, bias=0.0).steady_state()
    n = 1 / (math.exp(-0.8) + 1)
    assert s.excitation == pytest.approx(n, abs=1e-12)
    assert s.current == pytest.approx(0.0, abs=1e-12)
    assert s.ergotropy == pytest.approx(20 * math.tanh(0.4), abs=2e-11)
    assert (s.ancilla_excitation is None) == (cells == 1)


@pytest.mark.parametrize("cells", [2, 5, 30])
def test_weak_coupling_limit(cells):
    """Each ancilla adds 2 (J/gamma)^2 (n_2 - n_1); the next term is of order N^2 J^4 (1e-9 here)."""
    n1, n2, coupling = 0.2, 0.9, 1e-3
    first = 2 * (cells - 1) * coupling**2 * (n2 - n1)
    p = float(steady_excitation(cells, coupling, n1, n2))
    assert p - n1 == pytest.approx(first, rel=20 * cells * coupling**2)


@pytest.mark.parametrize("cells", [3, 4])
def test_strong_coupling_limit(cells):
    """J -> infinity keeps only what commutes with the exchange: P0 D P0 rho = 0, corrections 1/J^2."""
    n1, n2 = 0.25, 0.85
    h, jumps = written_out(cells, 0.0, 1.0, 1.0, n1, n2)
    values, vectors = np.linalg.eigh(h.full())
    level = np.cumsum(np.insert(np.diff(values) > 1e-9, 0, False))
    project = [
        vectors[:, level == k] @ vectors[:, level == k].conj().T
        for k in np.unique(level)
    ]
    secular = sum(np.kron(p.T, p) for p in project)  # column stacking, as in QuTiP
    bath = qutip.liouvillian(None, jumps).full()
    system = secular @ bath @ secular + secular - np.eye(len(secular))
    trace = np.eye(2**cells).ravel()
    rho, *_ = np.linalg.lstsq(
        np.vstack([system, trace]), np.append(np.zeros(len(system)), 1.0), rcond=None
    )
    expected = battery_number(cells).full().ravel() @ rho
    assert float(steady_excitation(cells, 1e4, n1, n2)) == pytest.approx(
        expected.real, abs=1e-7
    )


@pytest.mark.parametrize(
    ("n1", "n2"), [(0.27, 0.1), (0.6, 0.3), (0.27, 0.9), (0.27, 1.0), (0.1, 0.9999)]
)
def test_many_ancillas_limit(n1, n2):
    """p(N) = p + a/N + b/N^2: the extrapolation from N = 100 and 200 leaves O(1/N^2) < 1e-4."""
    at_100, at_200 = (float(steady_excitation(n, 1.0, n1, n2)) for n in (101, 201))
    assert 2 * at_200 - at_100 == pytest.approx(
        many_ancillas_excitation(n1, n2), abs=1e-4
    )
    assert abs(at_200 - many_ancillas_excitation(n1, n2)) < abs(
        at_100 - many_ancillas_excitation(n1, n2)
    )


def test_many_ancillas_are_one_bosonic_mode():
    """A qubit and a mode with nbar = n_2/(1 - 2 n_2), both at rate 1, coupled by g: 1/g^2 remains."""
    n1, n2, g, levels = 0.35, 0.2, 200.0, 26  # (nbar/(nbar + 1))^26 = 2e-16
    nbar = n2 / (1 - 2 * n2)
    sm, a = (
        qutip.tensor(qutip.sigmam(), qutip.qeye(levels)),
        qutip.tensor(qutip.qeye(2), qutip.destroy(levels)),
    )
    jumps = [
        np.sqrt(1 - n1) * sm,
        np.sqrt(n1) * sm.dag(),
        np.sqrt(nbar + 1) * a,
        np.sqrt(nbar) * a.dag(),
    ]
    rho = qutip.steadystate(g * (sm.dag() * a + sm * a.dag()), jumps)
    found = qutip.expect(sm.dag() * sm, rho)
    assert many_ancillas_excitation(n1, n2) == pytest.approx(found, abs=2 / g**2)
    assert many_ancillas_excitation(1 - n1, 1 - n2) == pytest.approx(
        1 - found, abs=2 / g**2
    )
    assert many_ancillas_excitation(0.3, 0.3) == pytest.approx(
        0.3, abs=1e-12
    )  # equal baths
    assert many_ancillas_excitation(0.3, 0.5) == 0.5
    below, above = (
        many_ancillas_excitation(0.3, n) for n in (0.0009979, 0.0009981)
    )  # nbar = 1e-3
    assert 0 < above - below < 1e-6  # no step where the evaluation changes


# --- individual baths: meaning ------------------------------------------------------------


def test_fermi_function_and_its_direction():
    """Half filling at mu = omega; a high potential fills the battery, a low one empties it."""
    assert fermi(1.0, 1.0, 0.3) == 0.5
    assert fermi(2.0, 3.0, 0.5) == pytest.approx(1 / (math.exp(-2) + 1), rel=1e-14)
    full = StarBattery(potential=9.0, bias=0.0)
    assert full.steady_state().ergotropy > 0.999 * full.quantum
    assert StarBattery(potential=-9.0, bias=0.0).steady_state().ergotropy == 0.0


def test_fermi_function_of_a_cold_bath_is_a_step():
    """At T = 0 exactly, and at temperatures so low that a quotient overflows."""
    for cold in (0.0, 1e-320):
        assert fermi(1.0, [0.9, 1.0, 1.1], cold).tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="`temperature` must not be negative"):
        fermi(1.0, 1.0, [1.0, -1.0])
    with pytest.raises(ValueError, match="`energy` must be finite"):
        fermi(np.nan, 1.0, 1.0)


def test_ergotropy_is_that_of_the_metrics():
    """Eq. (3), an energy, for a charged battery and a passive one."""
    for b in (
        StarBattery(),
        StarBattery(cells=2, potential=0.0, bias=1.0),
        CommonBathStar(),
    ):
        s = b.steady_state()
        h = b.battery_hamiltonian()
        # rounding: a few eps of 2 omega_0 = 20
        assert s.ergotropy == pytest.approx(metrics.ergotropy(s.state, h), abs=1e-13)
        assert s.energy == pytest.approx(metrics.stored_energy(s.state, h), abs=1e-13)
    assert StarBattery().steady_state().ergotropy == pytest.approx(
        20 * math.tanh(1) / 2, abs=1e-13
    )


def test_charging_curve_is_consistent():
    """Power is the slope of the energy; the network's total excitation relaxes at exactly gamma."""
    b = StarBattery(cells=5, rate=0.7)
    times = np.linspace(0, 3, 301)
    c = b.charge(times)
    slope = np.gradient(c.energy, times, edge_order=2)
    # central differences err by h^2/6 |E'''|, and E''' is at most about 2 omega_0 (2 J sqrt(N))^3 = 2000
    assert c.power == pytest.approx(slope, abs=1e-4 / 3 * 2000)
    s = b.steady_state()
    total = c.excitation + 4 * c.ancilla_excitation
    final = s.excitation + 4 * s.ancilla_excitation
    assert total == pytest.approx(final * (1 - np.exp(-0.7 * times)), abs=1e-10)
    late = b.charge([0.0, 60.0]).excitation[-1]
    assert late == pytest.approx(s.excitation, abs=1e-10)


def test_relaxation_rate_describes_the_late_curve():
    """N = 2, 3 relax at gamma. At N = 6 the slowest mode lies just below it: two exponentials, fitted
    at t = 12 and 14, predict the rest; the next mode has died by e^(-0.4 12) = 1 % of them."""
    for cells in (2, 3):
        assert StarBattery(
            cells=cells, rate=0.6, coupling=0.9
        ).relaxation_rate == pytest.approx(0.6)
    b = StarBattery(cells=6, coupling=10.0, potential=0.0, bias=3.2)
    times = np.array([12.0, 14.0, 17.0, 20.0])
    late = b.charge(times).excitation - b.steady_state().excitation
    slow = b.relaxation_rate
    assert 0.98 < slow < 0.995
    modes = np.exp(-np.outer(times, [slow, 1.0]))
    assert modes @ np.linalg.solve(modes[:2], late[:2]) == pytest.approx(late, rel=0.05)


@pytest.mark.parametrize(
    "bad",
    [
        {"cells": 0},
        {"cells": 2.5},
        {"splitting": 0},
        {"rate": -1},
        {"temperature": 0},
        {"coupling": np.inf},
    ],
)
def test_bad_parameters_are_refused(bad):
    with pytest.raises(ValueError, match=f"Argument `{next(iter(bad))}` must"):
        StarBattery(**bad)


def too_large(call, found, limit):
    with pytest.raises(
        TooLargeError, match=f"`cells` is {found}, .* at most {limit}: "
    ) as caught:
        call()
    return (caught.value.found, caught.value.limit) == (found, limit)


def test_too_many_cells_are_refused_by_name():
    for method in ("hamiltonian", "collapse_operators", "initial_state"):
        assert too_large(getattr(StarBattery(cells=11), method), 11, 10)
        assert too_large(getattr(CommonBathStar(cells=9), method), 9, 8)
    assert too_large(lambda: StarBattery(cells=41).relaxation_rate, 41, 40)
    assert too_large(lambda: StarBattery(cells=7).charge(start=np.eye(128) / 128), 7, 6)
    assert too_large(CommonBathStar(cells=7).charge, 7, 6)
    assert too_large(CommonBathStar(cells=9).weights, 9, 8)


NOT_POSITIVE = np.diag([1.2, -0.2, 0, 0, 0, 0, 0, 0])
NOT_HERMITIAN = np.eye(8) / 8 + np.eye(8, k=1) / 9


@pytest.mark.parametrize(
    ("start", "must"),
    [
        ((0.0, 1.1), "be probabilities between 0 and 1"),
        ([np.nan, 0.0], "be a finite real number"),
        (
            (0.1, 0.2, 0.3),
            "be two probabilities .*, or a ket or density matrix of 3 qubits",
        ),
        ("ground", "be two probabilities .*, or a ket or density matrix of 3 qubits"),
        (qutip.basis(2, 0), "be two probabilities"),
        (qutip.basis(8, 0), "be two probabilities"),
        (2 * qutip.basis([2] * 3, [0] * 3), "be normalised"),
        (np.full((8, 1), np.nan), "be finite"),
        (NOT_POSITIVE, "have no negative eigenvalue"),
        (NOT_HERMITIAN, "be Hermitian"),
    ],
)
@pytest.mark.parametrize("star", [StarBattery, CommonBathStar])
def test_a_start_that_is_not_a_state_is_refused(star, start, must):
    with pytest.raises(ValueError, match=f"`start` must {must}"):
        star(cells=3).charge([0.0, 1.0], start=start)


def test_couplings_beyond_double_precision_are_refused():
    with pytest.raises(
        AccuracyError, match="`coupling` and `rate` closer together"
    ) as caught:
        symmetric(2).stationary(
            *(np.array([x]) for x in (1e12, -0.5, 0.5))
        )  # n_1 < 0: p < 0
    assert caught.value.found < caught.value.limit == -1e-10


def test_bad_calls_are_refused():
    for closed in (two_cell_excitation, three_cell_excitation):
        for n1, n2, name in (
            (-1, 0.5, "n1"),
            (0.5, [0.5, 2], "n2"),
            (np.nan, 0.5, "n1"),
        ):
            with pytest.raises(ValueError, match=f"`{name}` must lie in"):
                closed(1.0, n1, n2)
        with pytest.raises(ValueError, match="`coupling` must be finite"):
            closed(np.inf, 0.5, 0.5)
    with pytest.raises(ValueError, match="`rate` must be a finite real number above 0"):
        steady_excitation(3, 1.0, 0.5, 0.5, rate=0.0)
    with pytest.raises(ValueError, match="`ancilla_occupation` must lie in"):
        steady_excitation(3, 1.0, 0.5, [0.2, 1.2])
    with pytest.raises(ValueError, match="`n2` must lie in"):
        many_ancillas_excitation(0.5, -0.1)


# --- common bath --------------------------------------------------------------------------


def common(cells, coupling, potential=1.7):
    """A splitting of order one, so that no scale of the Liouvillian hides another."""
    return CommonBathStar(
        cells=cells, coupling=coupling, potential=potential, splitting=0.6
    )


def common_liouvillian(b):
    return qutip.liouvillian(b.hamiltonian(), b.collapse_operators())


def null_dimension(b):
    """Null vectors of L, counted by singular values charge by charge (L conserves N_row - N_column)."""
    matrix = common_liouvillian(b).full()
    up = np.array(
        [b.cells - bin(k).count("1") for k in range(2**b.cells)]
    )  # excited state is bit 0
    charge = (up[:, None] - up[None, :]).ravel(order="F")
    count = 0
    for q in np.unique(charge):
        block = matrix[np.ix_(charge == q, charge == q)]
        assert np.abs(matrix[np.ix_(charge != q, charge == q)]).max(initial=0.0) < 1e-14
        count += int(
            (np.linalg.svd(block, compute_uv=False) < 1e-8).sum()
        )  # the next is above 0.05
    return count


def test_collapse_operators_are_the_double_sums():
    """Eqs. (7), (8) term by term, cross terms i != j included."""
    b = common(3, 0.8)
    n = 1 / (math.exp(-0.7) + 1)
    s = [lower(3, i) for i in range(3)]
    h = written_out(3, 0.6, 0.8, 1.0, 0.5, 0.5)[0]
    expected = qutip.liouvillian(h)
    for x in s:
        for y in s:
            for rate, a, c in ((1 - n, x, y), (n, x.dag(), y.dag())):
                both = c.dag() * a  # sigma_j rho sigma_i^+ - {sigma_i^+ sigma_j, rho}/2
                expected += rate * (
                    qutip.sprepost(a, c.dag())
                    - (qutip.spre(both) + qutip.spost(both)) / 2
                )
    assert (common_liouvillian(b) - expected).norm("max") < 1e-14


@pytest.mark.parametrize(
    ("cells", "coupled", "free"), [(2, 2, 2), (3, 2, 5), (4, 9, 14), (5, 14, 42)]
)
def test_null_space_dimension(cells, coupled, free):
    for coupling, expected in ((0.9, coupled), (0.0, free)):
        b = common(cells, coupling)
        assert b.null_space_dimension == expected
        assert null_dimension(b) == expected


@pytest.mark.parametrize("cells", [2, 3, 4, 5])
@pytest.mark.parametrize("coupling", [0.9, 0.0])
def test_asymptotic_states(cells, coupling):
    """Annihilated by L, with the announced battery excitation; sectors fill the whole space."""
    b = common(cells, coupling)
    liouvillian = common_liouvillian(b)
    for sector, rho in zip(b.sectors, b.asymptotic_states(), strict=True):
        assert (liouvillian * qutip.operator_to_vector(rho)).norm() < 1e-12
        assert rho.ptrace(0)[0, 0].real == pytest.approx(sector.excitation, abs=1e-12)
    mixed = qutip.tensor([qutip.qeye(2) / 2] * cells)
    assert b.weights(mixed).sum() == pytest.approx(1.0, abs=1e-12)
    thermal = qutip.tensor([qutip.qdiags([b.occupation, 1 - b.occupation], 0)] * cells)
    assert b.asymptotic_excitation(thermal) == pytest.approx(
        b.occupation, abs=1e-12
    )  # stationary itself


@pytest.mark.parametrize(
    ("cells", "coupling"), [(2, 1.0), (3, 1.0), (3, 0.0), (4, 1.0)]
)
def test_evolution_ends_where_the_weights_say(cells, coupling):
    """From a random state with coherences of every kind; the slowest rate at N = 3 is 0.14."""
    b = common(cells, coupling)
    start = qutip.rand_dm([2] * cells, seed=7)
    c = b.charge([0.0, 1.0, 150.0], start=start)
    assert c.excitation[-1] == pytest.approx(b.asymptotic_excitation(start), abs=1e-7)
    run = qutip.mesolve(  # the frame in which charge() works must not matter
        b.hamiltonian(),
        start,
        [0.0, 1.0],
        b.collapse_operators(),
        e_ops=[battery_number(cells)],
        options=TIGHT,
    )
    assert c.excitation[1] == pytest.approx(run.expect[0][-1], abs=1e-7)


def test_common_charging_power_is_the_slope():
    b = common(3, 0.7)
    times = np.linspace(0.5, 1.5, 101)
    c = b.charge(times)
    # central differences: h^2/6 |E'''| with h = 0.01 and |E'''| of order 2 omega_0 (2 + 3 gamma)^3 = 150
    assert c.power[1:-1] == pytest.approx(
        np.gradient(c.energy, times)[1:-1], abs=1e-4 / 6 * 150
    )
    assert c.ergotropy == pytest.approx(
        1.2 * np.maximum(2 * c.excitation - 1, 0), abs=1e-15
    )


@pytest.mark.parametrize("cells", [3, 5, 7])
def test_odd_networks_charge_to_the_fermi_function(cells):
    for potential, t in ((0.5, 1.0), (3.0, 2.0), (8.0, 0.5)):
        b = CommonBathStar(cells=cells, potential=potential, temperature=t)
        work = b.quantum * max(0, math.tanh((potential - 1) / 2 / t))
        assert b.steady_state().ergotropy == pytest.approx(work, abs=1e-13)


def test_steady_state_refuses_to_choose():
    """N = 2: triplet and singlet; J = 0: any N. At mu = omega all sectors agree on one half."""
    for b in (common(2, 1.0), common(4, 1.0), common(3, 0.0)):
        with pytest.raises(
            SeveralSteadyStatesError, match=r"p_1 from .* `asymptotic_excitation"
        ) as caught:
            b.steady_state()
        every = [s.excitation for s in b.sectors]
        assert caught.value.found == (min(every), max(every))
        assert caught.value.limit == 1e-9
    assert common(2, 1.0, potential=1.0).steady_state().excitation == pytest.approx(
        0.5, abs=1e-14
    )
    singlet = qutip.singlet_state()
    assert common(2, 1.0).asymptotic_excitation(singlet) == pytest.approx(
        0.5, abs=1e-12
    )
    r = math.exp(0.7)
    ground = qutip.tensor([qutip.basis(2, 1)] * 2)
    triplet = (r + 2 * r**2) / (2 * (1 + r + r**2))
    for start in (None, (0.0, 0.0), ground, ground.full()):
        assert common(2, 1.0).asymptotic_excitation(start) == pytest.approx(
            triplet, abs=1e-12
        )


def test_common_bath_bad_calls_are_refused():
    with pytest.raises(ValueError, match="`cells` must be an integer of at least 2"):
        CommonBathStar(cells=1)
    with pytest.raises(ValueError, match="`start` must be two probabilities"):
        CommonBathStar(cells=3).weights(qutip.basis(2, 0))
    with pytest.raises(ValueError, match="`start` must be normalised"):
        CommonBathStar(cells=2).weights(2 * qutip.singlet_state())


def test_the_largest_networks_that_are_allowed_are_allowed():
    assert StarBattery(cells=10).initial_state().shape == (1024, 1)
    assert StarBattery(cells=40).relaxation_rate > 0
    assert CommonBathStar(cells=8).initial_state().shape == (256, 1)
    assert CommonBathStar(cells=6).charge([1.0]).energy.shape == (1,)
    assert StarBattery(cells=6).charge([1.0], start=np.eye(64) / 64).energy.size == 1


@pytest.mark.parametrize("n1", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("n2", [1e-6, 1e-4, 9.9e-4, 1.01e-3, 0.02, 0.3, 0.49, 0.7])
def test_many_ancillas_by_eulers_integral(n1, n2):
    """2F1(a, 1; c; x) = (c - 1) int_0^1 (1 - t)^(c - 2) (1 - x t)^(-a) dt, for c > 1.

    The substitution 1 - t = u^2 takes the singularity at t = 1 away.
    """
    a, b = (n1, n2) if n2 < 0.5 else (1 - n1, 1 - n2)
    nbar = b / (1 - 2 * b)
    x, top = nbar / (nbar + 1), 1.5 + a / (2 * nbar)
    bottom = 1.5 + (1 - a) / (2 * nbar + 2)

    def integrand(u: float) -> float:
        return 2 * u ** (2 * bottom - 3) * (1 - x * (1 - u * u)) ** -top

    whole, error = quad(integrand, 0.0, 1.0, epsrel=1e-12, epsabs=0.0)
    assert error < 1e-10 * whole
    climbs = 2 * (nbar + a) / (nbar + 2 - a) * (bottom - 1) * whole
    low = (1 - 1 / (1 + climbs)) / 2
    found = many_ancillas_excitation(n1, n2)
    assert found == pytest.approx(low if n2 < 0.5 else 1 - low, rel=1e-9)


@pytest.mark.parametrize(("cells", "coupling"), [(3, 4.0), (5, -1.0), (30, 0.0)])
def test_ten_samples_in_the_shorter_time_and_no_more(cells, coupling):
    """1/(2 |J| sqrt(N - 1) + N gamma); the number of samples is rounded down."""
    times = StarBattery(cells=cells, coupling=coupling, rate=0.5).charge().times
    scale = 1 / (2 * abs(coupling) * math.sqrt(cells - 1) + 0.5 * cells)
    assert times[1] == pytest.approx(0.1 * scale, rel=3 / times.size)
    assert times[-1] == 20.0
