"""The star network against plain QuTiP, piqs, closed forms, limits and symmetries."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import qutip
from hypothesis import given
from hypothesis import strategies as st
from qutip import piqs
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm
from scipy.optimize import minimize_scalar
from scipy.special import logit

from qbcore import metrics
from qbcore._numerics.spins import loss_rate
from qbcore.errors import AccuracyError, SeveralSteadyStatesError, TooLargeError
from qbcore.star import CommonBathStar, StarBattery, fermi, steady_map
from qbcore.star._symmetric import symmetric
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


def excitation(cells, coupling, n1, n2, rate=1.0):
    """The steady p_1 for two occupations, by the potentials that give them."""
    # Beyond 800 either occupation is 0 or 1 in double precision.
    mu1, mu2 = (1 + np.clip(logit(n), -800, 800) for n in (n1, n2))
    fields = {"cells": cells, "coupling": coupling, "rate": rate}
    return steady_map(potential=mu1, bias=mu2 - mu1, **fields).excitation


# --- individual baths: the reduced basis --------------------------------------


@pytest.mark.parametrize("cells", [2, 3, 4, 5, 6])
def test_steady_state_equals_qutip(cells):
    """Both solve linear systems of condition below 1e5 to rounding: 1e-10 is ample."""
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


@pytest.mark.parametrize("cells", [1, 3])
def test_operators_are_those_of_the_paper(cells):
    """H of Eq. (1); the jumps of Eqs. (11), (12) as one Liouvillian, in any order."""
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
    # mesolve at rtol 1e-9 over four decay times; the exponential is good to rounding
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
    assert StarBattery(cells=1).charge().times.size == 401
    assert np.isfinite(StarBattery(coupling=100.0).charge().max_energy.value)
    for star in (StarBattery(coupling=1e4), CommonBathStar(coupling=-1e4)):
        with pytest.raises(TooLargeError, match="stretch that you need with `times=`"):
            star.charge()
        assert star.charge([0.0, 1e-5]).energy.size == 2


@pytest.mark.parametrize("cells", [2, 3, 4, 5])
def test_default_times_show_the_fastest_frequency_of_any_start(cells):
    """The energies between which the battery's excitation has a matrix element."""
    star = StarBattery(cells=cells, coupling=-7.0)
    exchange = written_out(cells, 0.0, -7.0, 1.0, 0.5, 0.5)[0]
    levels, kets = exchange.eigenstates()
    battery = battery_number(cells).transform(kets).full()
    linked = np.abs(np.subtract.outer(levels, levels))[np.abs(battery) > 1e-9]
    fastest = 7.0 * math.sqrt(cells**2 - cells % 2)
    assert linked.max() == pytest.approx(fastest, rel=1e-12)
    assert star.charge().times[1] * fastest <= 1 / 5


@pytest.mark.parametrize("coupling", [3.0, 100.0])
def test_peak_of_a_strongly_coupled_pair(coupling):
    """Two cells by hand: p_1, p_2 and y = Im <eg|rho|ge> obey three equations."""
    star = StarBattery(cells=2, coupling=coupling, potential=0.0)
    n1, n2 = star.occupations
    matrix = np.array([[1, 0, -2], [0, 1, 2], [1, -1, 1]]) * [1, 1, coupling]
    matrix[2, :2] *= coupling
    matrix[2, 2] = 1.0
    rest = np.linalg.solve(matrix, [n1, n2, 0.0])

    def excited(t):
        return float((rest + expm(-matrix * t) @ ([0.0, 1.0, 0.0] - rest))[0])

    time = math.pi / 2 / coupling
    top = minimize_scalar(lambda t: -excited(t), bounds=(0.8 * time, 1.2 * time))
    found = star.charge(start=(0.0, 1.0)).max_energy
    # Five samples per radian of 2 J: an error of (1/5)^4/384 of the amplitude.
    assert found.value == pytest.approx(-20 * top.fun, abs=20 * 5e-6)
    assert found.time == pytest.approx(top.x, abs=1e-3 * time)
    assert 0 <= found.value <= star.capacity


def test_long_times_cost_no_more_than_short_ones():
    """After 40/gamma nothing changes; before, the curve is that of an integrator."""
    b = StarBattery(cells=9, coupling=1.5, rate=0.5)
    times = np.r_[0.0, 0.3, 2.0, 70.0, np.geomspace(90.0, 1e9, 1000)]
    space, (n1, n2) = symmetric(8), b.occupations
    generator = 0.5 * space.generator(3.0, n1, n2)
    start = space.product(0.0, 0.0)
    x = solve_ivp(
        lambda _, x: generator @ x,
        (0, 2),
        start,
        "DOP853",
        times[:3],
        rtol=1e-11,
        atol=1e-13,
    ).y
    p = b.charge(times).excitation
    # rtol 1e-11 over some hundred steps
    assert p[:3] == pytest.approx(space.battery @ x, abs=1e-8)
    assert p[3:] == pytest.approx(b.steady_state().excitation, abs=1e-12)
    rates = [
        np.sort(-np.linalg.eigvals(symmetric(n - 1).generator(*each).toarray()).real)[1]
        for n in (4, 6, 10)
        for each in ((2e3, 0.4, 0.0), (800.0, 0.1, 1.0), (90.0, 0.9, 0.0))
    ]
    assert min(rates) > 0.93  # so that 40/gamma leave 1e-16


@pytest.mark.parametrize("ancillas", [3, 4, 6])
def test_dynamics_equal_piqs(ancillas):
    """piqs keeps |j, m><j, m'| of the ancillas; the battery is a tensor factor."""
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
    b = StarBattery(  # potentials that give these occupations at T = omega = 1
        cells=ancillas + 1,
        coupling=coupling,
        potential=1 + math.log(n1 / (1 - n1)),
        bias=math.log(n2 / (1 - n2)) - math.log(n1 / (1 - n1)),
    )
    assert b.charge(times).excitation == pytest.approx(run.expect[0].real, abs=1e-8)


@pytest.mark.parametrize("ancillas", [0, 1, 2, 5, 30])
def test_symmetric_basis_counts(ancillas):
    """d_j copies of 2j + 1 levels fill 2^M; loss rates out of one add up to M/2 + m."""
    space = symmetric(ancillas)
    levels = space.product(1.0, 0.5)[: space.spin.size]
    assert levels.sum() == pytest.approx(1.0, rel=1e-12)
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


# --- individual baths: closed forms, limits, symmetries -----------------------


@given(coupling=st.floats(0, 20), n1=probability, n2=probability)
def test_closed_forms_of_two_and_three_cells(coupling, n1, n2):
    for cells, closed in ((2, two_cell_excitation), (3, three_cell_excitation)):
        expected = excitation(cells, coupling, n1, n2)
        assert closed(coupling, n1, n2) == pytest.approx(expected, abs=1e-12)
        # A coupling means J here, too: J and gamma may be scaled together.
        assert closed(3 * coupling, n1, n2, rate=3.0) == pytest.approx(
            expected, abs=1e-12
        )


def test_map_is_many_stars_at_once():
    """Every field broadcasts, the number of cells too; states give the same work."""
    rng = np.random.default_rng(5)
    ranges = {
        "splitting": (0.2, 9.0),
        "coupling": (-3.0, 3.0),
        "rate": (0.1, 4.0),
        "bath_frequency": (-2.0, 2.0),
        "temperature": (0.1, 5.0),
        "potential": (-3.0, 3.0),
        "bias": (-4.0, 4.0),
    }
    lists = {name: rng.uniform(*each, (2, 4)) for name, each in ranges.items()}
    lists["splitting"], lists["rate"] = lists["splitting"][:, :1], lists["rate"][0]
    cells = np.array([[1, 2, 7, 16]])  # 16 cells are solved one by one
    found = steady_map(cells=cells, **lists)
    every = [np.broadcast_to(each, (2, 4)) for each in (cells, *lists.values())]
    for at in np.ndindex(2, 4):
        fields = {n: each[at] for n, each in zip(("cells", *lists), every, strict=True)}
        star = StarBattery(**fields)
        one = star.steady_state()
        for name in ("energy", "ergotropy", "excitation", "current", "dissipation"):
            assert type(getattr(one, name)) is float
            assert getattr(found, name)[at] == pytest.approx(
                getattr(one, name), abs=1e-12
            )
        np.testing.assert_allclose(found.state[at], one.state, rtol=0, atol=1e-13)
        if star.cells == 1:
            assert one.ancilla_excitation is None
            assert np.isnan(found.ancilla_excitation[at])
        else:
            expected = pytest.approx(one.ancilla_excitation, abs=1e-13)
            assert found.ancilla_excitation[at] == expected
        work = metrics.ergotropy(found.state[at], star.battery_hamiltonian())
        assert found.ergotropy[at] == pytest.approx(work, abs=1e-12)
    assert steady_map().energy == StarBattery().steady_state().energy


@pytest.mark.parametrize("star", [StarBattery(), CommonBathStar()])
def test_peak_of_a_start_that_is_full_stays_below_what_is_left(star):
    c = star.charge(start=(1.0, 0.3))
    assert c.energy[0] == c.max_energy.value == 0.0
    assert c.ceiling == pytest.approx(0.0, abs=1e-14)
    half = star.charge(start=(0.5, 1.0))
    assert 0 < half.max_energy.value <= half.ceiling == star.capacity / 2


def test_closed_forms_hold_for_every_ratio_of_coupling_and_rate():
    """Also where J/gamma over- or underflows, and for occupations of 0 and 1."""
    rng = np.random.default_rng(3)
    ratios = np.r_[0.0, 10 ** rng.uniform(-50, 50, 200), 10 ** rng.uniform(-8, 9, 200)]
    ratios *= rng.choice([-1, 1], ratios.size)
    levels = np.r_[0.0, 1.0, 0.5, 1e-300, 1 - 1e-16, rng.uniform(0, 1, 5)]
    n1, n2 = rng.choice(levels, (2, ratios.size))
    for cells, closed in ((2, two_cell_excitation), (3, three_cell_excitation)):
        found = symmetric(cells - 1).stationary(ratios, n1, n2)
        expected = closed(ratios, n1, n2)
        # The equations are well-conditioned: both are right to a few roundings.
        assert found @ symmetric(cells - 1).battery == pytest.approx(
            expected, abs=2e-15
        )
    for cells in (5, 9, 16):  # dense up to 14 cells, sparse above
        space = symmetric(cells - 1)
        x = space.stationary(ratios[:60], n1[:60], n2[:60])
        p, others = x @ space.battery, x @ space.ancillas
        assert np.all(p >= np.minimum(n1, n2)[:60] - 1e-15)
        assert np.all(p <= np.maximum(n1, n2)[:60] + 1e-15)
        current = (cells - 1) * n2[:60] - others
        assert current == pytest.approx(p - n1[:60], abs=1e-13)


def test_coupling_is_j_everywhere():
    fields = {"cells": 2, "coupling": 2.0, "rate": 4.0}
    b = StarBattery(**fields)
    n1, n2 = b.occupations
    p = b.steady_state().excitation
    assert steady_map(**fields).excitation == pytest.approx(p, abs=1e-14)
    assert two_cell_excitation(2.0, n1, n2, rate=4.0) == pytest.approx(p, abs=1e-14)
    # 2 J^2 / (gamma^2 + 4 J^2) = 8/32 of the way from n_1 to n_2
    assert p == pytest.approx(n1 + (n2 - n1) / 4, abs=1e-14)


@given(
    cells=st.integers(2, 8), coupling=st.floats(0, 20), n1=probability, n2=probability
)
def test_particle_hole_symmetry_and_bounds(cells, coupling, n1, n2):
    """Flipping every qubit swaps loss and gain, n -> 1 - n, but keeps the exchange."""
    p = float(excitation(cells, coupling, n1, n2))
    assert float(excitation(cells, coupling, 1 - n1, 1 - n2)) == pytest.approx(
        1 - p, abs=1e-12
    )
    assert min(n1, n2) - 1e-12 <= p <= max(n1, n2) + 1e-12


@given(
    cells=st.integers(2, 8), coupling=st.floats(0.1, 20), n1=probability, n2=probability
)
def test_fuller_baths_charge_more(cells, coupling, n1, n2):
    """p_1 rises with the filling of either bath: W rises with mu and Delta mu."""
    p = excitation(cells, coupling, n1, np.linspace(n2, 1.0, 5))
    assert np.all(np.diff(p) > 0)
    p = excitation(cells, coupling, np.linspace(n1, 1.0, 5), n2)
    assert np.all(np.diff(p) > 0)


@given(
    cells=st.integers(2, 12),
    mu=st.floats(-3, 5),
    bias=st.floats(-5, 5),
    coupling=st.floats(0.01, 9),
)
def test_current_is_conserved(cells, mu, bias, coupling):
    """The ancillas' baths put in gamma (N - 1)(n_2 - p_2), the battery's takes it."""
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
    """Equal baths: the product state of occupation n is stationary for every J."""
    s = StarBattery(cells=cells, coupling=2.5, potential=1.8, bias=0.0).steady_state()
    n = 1 / (math.exp(-0.8) + 1)
    assert s.excitation == pytest.approx(n, abs=1e-12)
    assert s.current == pytest.approx(0.0, abs=1e-12)
    assert s.ergotropy == pytest.approx(20 * math.tanh(0.4), abs=2e-11)
    assert (s.ancilla_excitation is None) == (cells == 1)


def exact_pair(coupling, rate, mu, bias):
    """Two levels at omega = 1 between flat bands at T = 1, by Landauer's integral."""
    h = np.array([[1.0, coupling], [coupling, 1.0]])

    def inflow(x):
        green = np.linalg.inv((x + 0.5j * rate) * np.eye(2) - h)[0]
        return rate / (2 * np.pi) * abs(green) ** 2 @ fermi(x, [mu, mu + bias], 1.0)

    parts = pairwise([-np.inf, 1 - coupling, 1 + coupling, np.inf])
    return sum(quad(inflow, *part, limit=200, epsabs=1e-10)[0] for part in parts)


def test_local_equation_is_that_of_static_baths_far_below_t():
    """J and gamma scaled together: the relative error of W falls as their square."""
    errors = []
    for scale in (0.1, 0.05):
        fields = {"cells": 2, "coupling": scale, "rate": scale, "potential": 1.0}
        printed = 2 * steady_map(bias=2.0, **fields).excitation - 1
        errors.append(printed / (2 * exact_pair(scale, scale, 1.0, 2.0) - 1) - 1)
    assert 0 < errors[1] < 4e-4
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.02)


def test_local_equation_fails_for_a_coupling_above_t():
    """The levels omega +- J leave a battery half full; the equation saturates."""
    printed = 2 * steady_map(cells=2, coupling=5.0).excitation - 1
    assert printed == pytest.approx(0.377027, abs=1e-6)
    assert 2 * exact_pair(5.0, 1.0, 1.0, 2.0) - 1 == pytest.approx(0.053231, abs=1e-6)


def test_below_threshold_the_battery_is_passive_and_the_network_is_not():
    """From the empty start the ancillas' singlet stays empty, below fuller levels."""
    b = CommonBathStar(potential=0.0)
    h, jumps = b.hamiltonian(), b.collapse_operators()
    options = {"progress_bar": "", "atol": 1e-11, "rtol": 1e-9, "nsteps": 10**6}
    late = qutip.mesolve(h, b.initial_state(), [0, 250], jumps, options=options)
    rest = late.final_state
    alone = metrics.ergotropy(rest.ptrace(0), b.battery_hamiltonian())
    assert alone == pytest.approx(0.0, abs=1e-8)
    # Levels 0, 20 + (-s, 0, s), 40 + (-s, 0, s), 60 with s = sqrt 2; by hand, sorted.
    r = math.exp(-1)
    by_hand = (math.sqrt(2) * r + 20 * (r**2 + r**3)) / (1 + 2 * r + 2 * r**2 + r**3)
    assert metrics.ergotropy(rest, h) == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize("cells", [2, 5, 30])
def test_weak_coupling_limit(cells):
    """Each ancilla adds 2 (J/gamma)^2 (n_2 - n_1); then come terms in N^2 J^4."""
    n1, n2, coupling = 0.2, 0.9, 1e-3
    first = 2 * (cells - 1) * coupling**2 * (n2 - n1)
    p = float(excitation(cells, coupling, n1, n2))
    assert p - n1 == pytest.approx(first, rel=20 * cells * coupling**2)


@pytest.mark.parametrize("cells", [3, 4])
def test_strong_coupling_limit(cells):
    """J -> infinity keeps what commutes with the exchange, P0 D P0 rho = 0."""
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
    assert float(excitation(cells, 1e4, n1, n2)) == pytest.approx(
        expected.real, abs=1e-7
    )


@pytest.mark.parametrize(
    ("n1", "n2"), [(0.27, 0.1), (0.6, 0.3), (0.27, 0.9), (0.27, 1.0), (0.1, 0.9999)]
)
def test_many_ancillas_limit(n1, n2):
    """p(N) = p + a/N + b/N^2: extrapolated from N = 100 and 200, below 1e-4 is left."""
    at_100, at_200 = (float(excitation(n, 1.0, n1, n2)) for n in (101, 201))
    assert 2 * at_200 - at_100 == pytest.approx(
        many_ancillas_excitation(n1, n2), abs=1e-4
    )
    assert abs(at_200 - many_ancillas_excitation(n1, n2)) < abs(
        at_100 - many_ancillas_excitation(n1, n2)
    )


def test_many_ancillas_are_one_bosonic_mode():
    """A qubit and a mode with nbar = n_2/(1 - 2 n_2), coupled by g: 1/g^2 is left."""
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


# --- individual baths: meaning ------------------------------------------------


def test_fermi_function_and_its_direction():
    """Half filling at mu = omega; a high potential fills the battery, a low one not."""
    assert fermi(1.0, 1.0, 0.3) == 0.5
    assert fermi(2.0, 3.0, 0.5) == pytest.approx(1 / (math.exp(-2) + 1), rel=1e-14)
    full = StarBattery(potential=9.0, bias=0.0)
    assert full.steady_state().ergotropy > 0.999 * full.quantum
    assert StarBattery(potential=-9.0, bias=0.0).steady_state().ergotropy == 0.0


def test_fermi_function_of_a_cold_bath_is_a_step():
    """At T = 0 exactly, and at temperatures so low that a quotient overflows."""
    for cold in (0.0, 1e-320):
        assert fermi(1.0, [0.9, 1.0, 1.1], cold).tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="`temperature` must be finite and at least 0"):
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
    """Power is the slope of the energy; the total excitation relaxes at gamma."""
    b = StarBattery(cells=5, rate=0.7)
    times = np.linspace(0, 3, 301)
    c = b.charge(times)
    slope = np.gradient(c.energy, times, edge_order=2)
    # central differences err by h^2/6 times the third derivative, which is at most
    # about 2 omega_0 (2 J sqrt(N))^3 = 2000
    assert c.power == pytest.approx(slope, abs=1e-4 / 3 * 2000)
    s = b.steady_state()
    total = c.excitation + 4 * c.ancilla_excitation
    final = s.excitation + 4 * s.ancilla_excitation
    assert total == pytest.approx(final * (1 - np.exp(-0.7 * times)), abs=1e-10)
    late = b.charge([0.0, 60.0]).excitation[-1]
    assert late == pytest.approx(s.excitation, abs=1e-10)


def test_relaxation_rate_describes_the_late_curve():
    """N = 2, 3 relax at gamma; at N = 6 the slowest mode lies just below it.

    Two exponentials, fitted at t = 12 and 14, predict the rest; of the next mode
    e^(-0.4 12) = 1 % is left.
    """
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


NAN, INF = math.nan, math.inf
ODD_FIELDS = {
    "cells": [0, -2, 2.5, 3.0, True, None, "3", [3], np.array([3, 3])],
    "splitting": [0, -1.0, NAN, "1", True],
    "coupling": [INF, NAN, None, False, 1j, 1 + 0j, [1.0]],
    "rate": [0.0, -1, -1e-320, True, [1.0, 2.0]],
    "temperature": [0, -1.0, NAN, np.array([])],
    "potential": [-INF, "mu", [[1], [1, 2]]],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in ODD_FIELDS.items() for value in values],
    ids=str,
)
@pytest.mark.parametrize("star", [StarBattery, CommonBathStar])
def test_odd_fields_are_refused_by_name(star, name, value):
    with pytest.raises(ValueError, match=f"Argument `{name}` must be a.* but is"):
        star(**{name: value})


def test_sums_of_fields_beyond_the_largest_float_are_refused():
    with pytest.raises(ValueError, match=r"`2 \* splitting` must be a finite"):
        CommonBathStar(splitting=1e308)
    with pytest.raises(ValueError, match=r"`potential \+ bias` must be a finite"):
        StarBattery(potential=1e308, bias=1e308)


def test_fields_of_numpy_types_do_not_wrap_around():
    small = {"potential": np.int8(100), "bias": np.int8(100), "splitting": np.int8(100)}
    for cells in (np.int8(3), np.array(3)):
        star = StarBattery(cells=cells, **small)
        assert star == StarBattery(potential=100.0, bias=100.0, splitting=100.0)
        assert (star.quantum, star.steady_state().energy) == (200.0, 200.0)
        assert type(star.cells) is int
    many = steady_map(cells=np.array([3, 3], np.int8), **small)
    assert many.energy.tolist() == [200.0, 200.0]


@pytest.mark.parametrize("temperature", [1e-320, 1e-3, 1e300])
@pytest.mark.parametrize("potential", [-1e308, 0.9, 1.0, 1.1, 1e308])
def test_cold_and_hot_baths_reach_their_limits(temperature, potential):
    """A step in the cold, half filling in the heat; no overflow on the way."""
    cold = {0.9: 0.0, 1.0: 0.5, 1.1: 1.0}.get(potential, float(potential > 0))
    # In 1e300 only a potential of 1e308 counts.
    n = 0.5 if temperature == 1e300 and abs(potential) < 2 else cold
    bath = {"temperature": temperature, "potential": potential}
    assert fermi(1.0, potential, temperature) == pytest.approx(n, abs=1e-40)
    rest = CommonBathStar(**bath).steady_state()
    assert rest.excitation == pytest.approx(n, abs=1e-40)
    star = StarBattery(bias=0.0, **bath)
    assert star.steady_state().excitation == pytest.approx(n, abs=1e-15)
    assert star.charge().excitation[-1] == pytest.approx(n, abs=1e-4)  # exp(-10)


def too_large(call, found, limit):
    with pytest.raises(
        TooLargeError, match=f"`cells` is {found}, .* at most {limit}: "
    ) as caught:
        call()
    return (caught.value.found, caught.value.limit) == (found, limit)


def test_too_many_cells_are_refused_by_name():
    for method in ("hamiltonian", "collapse_operators", "initial_state"):
        assert too_large(getattr(StarBattery(cells=11), method), 11, 10)
        assert too_large(getattr(CommonBathStar(cells=11), method), 11, 10)
    assert too_large(lambda: StarBattery(cells=41).relaxation_rate, 41, 40)
    assert too_large(lambda: StarBattery(cells=7).charge(start=np.eye(128) / 128), 7, 6)
    assert too_large(CommonBathStar(cells=7).charge, 7, 6)
    assert too_large(CommonBathStar(cells=9).weights, 9, 8)
    assert too_large(lambda: StarBattery(cells=10**30), 10**30, 400)
    assert too_large(lambda: CommonBathStar(cells=401), 401, 400)
    assert too_large(lambda: steady_map(cells=[3, 10**6]), 10**6, 400)


NOT_POSITIVE = np.diag([1.2, -0.2, 0, 0, 0, 0, 0, 0])
NOT_HERMITIAN = np.eye(8) / 8 + np.eye(8, k=1) / 9


@pytest.mark.parametrize(
    ("start", "must"),
    [
        ((0.0, 1.1), r"be an occupation in \[0, 1\]"),
        ([np.nan, 0.0], "(hold|be) finite"),
        ([1j, 0.0], r"be an occupation in \[0, 1\]"),
        ([True, False], "hold numbers"),
        (["a", "b"], "hold numbers"),
        ("ground", "hold numbers"),
        (True, "hold numbers"),
        (0.5, "have shape .* but is "),
        ([[1.0], [2.0, 3.0]], "hold entries of one shape"),
        ((0.1, 0.2, 0.3), "have shape"),
        ([[0.5], [0.5]], "have shape"),
        ([], "have shape"),
        (np.eye(8)[:1], "have shape"),
        (np.eye(8)[:7, :7] / 7, "have shape"),
        (qutip.basis(2, 0), "have shape"),
        (qutip.basis(8, 0), r"be on the space \[2, 2, 2\]"),
        (qutip.qeye([2, 4]) / 8, r"be on the space \[2, 2, 2\]"),
        (qutip.basis([2] * 3, [0] * 3).dag(), "be a ket or an operator"),
        (qutip.to_super(qutip.qeye(8)), "be a ket or an operator"),
        ([qutip.basis([2] * 3, [0] * 3)] * 2, "be one state"),
        (2 * qutip.basis([2] * 3, [0] * 3), "be normalised"),
        (np.zeros((8, 8)), "be normalised"),
        (np.full((8, 1), np.nan), "(hold|be) finite"),
        (NOT_POSITIVE, "have no negative eigenvalue"),
        (NOT_HERMITIAN, "be Hermitian"),
    ],
)
@pytest.mark.parametrize("star", [StarBattery, CommonBathStar])
def test_a_start_that_is_not_a_state_is_refused(star, start, must):
    with pytest.raises(ValueError, match=f"`start` must {must}"):
        star(cells=3).charge([0.0, 1.0], start=start)


def test_shape_tells_the_kind_of_a_start():
    """A pair is two probabilities, also for one cell, where a ket is a column."""
    one = StarBattery(cells=1)
    for start in ([0.25, 0.0], [[0.5], [-(0.75**0.5)]], np.diag([0.25, 0.75])):
        assert one.charge([0.0], start=start).excitation[0] == pytest.approx(0.25)
    assert one.charge([0.0], start=[1.0, 0.0]).excitation[0] == 1.0  # either way
    with pytest.raises(ValueError, match="`start` must tell probabilities from a ket"):
        one.charge([0.0], start=[0.6, 0.8])
    assert StarBattery().charge([0.0], start=[0.6, 0.8]).excitation[0] == pytest.approx(
        0.6
    )
    ket = np.eye(8)[0]  # all excited: (2^N,) and (2^N, 1) are kets
    for start in (ket, ket[:, None], np.diag(ket), qutip.basis([2] * 3, [0] * 3)):
        for star in (StarBattery(), CommonBathStar()):
            c = star.charge([0.0], start=start)
            assert (c.excitation[0], c.ancilla_excitation[0]) == (1.0, 1.0)


@pytest.mark.parametrize(
    "times",
    [
        [],
        [1.0, 0.5],
        [-1.0, 0.0],
        [np.nan],
        [[0.0, 1.0]],
        "0",
        1.0,
        [False, True],
        [1j],
    ],
    ids=str,
)
def test_odd_times_are_refused(times):
    for star in (StarBattery(), CommonBathStar()):
        with pytest.raises(ValueError, match="Argument `times` must"):
            star.charge(times)


def test_times_beyond_rounding_are_refused():
    """A common bath may relax as slowly as it likes, so its phases must be followed."""
    for star, times in (
        (CommonBathStar(), [0.0, 1e12]),
        (StarBattery(coupling=1e9), [0.0, 10.0]),
        (StarBattery(coupling=1e300, rate=1e-10), [0.0, 1.0]),
    ):
        with pytest.raises(AccuracyError, match="rounding grows to") as caught:
            star.charge(times)
        assert caught.value.found > caught.value.limit == 1e-6


ODD_MAPS = [
    ({"coupling": []}, "`coupling` must hold at least one value"),
    ({"coupling": [1.0, NAN]}, "`coupling` must be a finite real number"),
    ({"bias": [INF]}, "`bias` must be a finite real number"),
    ({"bias": ["1"]}, "`bias` must hold real numbers"),
    ({"bias": None}, "`bias` must hold real numbers"),
    ({"bias": [True]}, "`bias` must hold real numbers"),
    ({"bias": [[1], [1, 2]]}, "`bias` must hold real numbers"),
    ({"coupling": 1j}, "`coupling` must hold real numbers"),
    ({"cells": [2.5]}, "`cells` must be an integer of at least 1"),
    ({"cells": 3.0}, "`cells` must be an integer of at least 1"),
    ({"cells": [0, 3]}, "`cells` must be an integer of at least 1"),
    ({"rate": [1.0, 0.0]}, "`rate` must be a finite real number above 0"),
    ({"temperature": [-1.0, 1.0]}, "`temperature` must be a finite real number above"),
    ({"bias": [1.0, 2.0], "coupling": [1.0, 2.0, 3.0]}, "coupling.*bias.*broadcast"),
    ({"potential": 1e308, "bias": 1e308}, "must be a finite real number"),
]


@pytest.mark.parametrize(("fields", "must"), ODD_MAPS, ids=str)
def test_odd_maps_are_refused_by_name(fields, must):
    with pytest.raises(ValueError, match=must):
        steady_map(**fields)


@pytest.mark.parametrize("form", [two_cell_excitation, three_cell_excitation])
def test_closed_forms_keep_to_their_limits(form):
    assert form(1e300, 0.3, 1.0, rate=1e-300) == form(1e9, 0.3, 1.0)
    for rate in (0.0, [1.0, 2.0], True):
        with pytest.raises(ValueError, match="`rate` must be a finite real number ab"):
            form(1.0, 0.3, 1.0, rate=rate)
    for bad in ("1", None, True, 1j, [[1], [1, 2]]):
        with pytest.raises(ValueError, match="`coupling` must hold real numbers"):
            form(bad, 0.3, 1.0)


def test_bad_calls_are_refused():
    for closed in (two_cell_excitation, three_cell_excitation):
        for n1, n2, name in (
            (-1, 0.5, "n1"),
            (0.5, [0.5, 2], "n2"),
            (np.nan, 0.5, "n1"),
        ):
            with pytest.raises(ValueError, match=f"`{name}` must be an occupation in"):
                closed(1.0, n1, n2)
        with pytest.raises(ValueError, match="`coupling` must be finite"):
            closed(np.inf, 0.5, 0.5)
    with pytest.raises(ValueError, match="`n2` must be an occupation in"):
        many_ancillas_excitation(0.5, -0.1)
    for bad in ("a", True, [0.1], NAN):
        with pytest.raises(ValueError, match="`n1` must be a finite real number"):
            many_ancillas_excitation(bad, 0.1)
    for bad in ("1", None, True, 1j):
        with pytest.raises(ValueError, match="`potential` must hold real numbers"):
            fermi(1.0, bad, 1.0)


# --- common bath --------------------------------------------------------------


def common(cells, coupling, potential=1.7):
    """A splitting of order one, so that no scale of the Liouvillian hides another."""
    return CommonBathStar(
        cells=cells, coupling=coupling, potential=potential, splitting=0.6
    )


def common_liouvillian(b):
    return qutip.liouvillian(b.hamiltonian(), b.collapse_operators())


def null_dimension(b):
    """Null vectors of L by singular values, for each conserved N_row - N_column."""
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
    """Annihilated by L, with the announced excitation; sectors fill the whole space."""
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
    """From a random state with every coherence; the slowest rate at N = 3 is 0.14."""
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
    # central differences: h^2/6 times the third derivative, of order
    # 2 omega_0 (2 + 3 gamma)^3 = 150
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
    """N = 2: triplet and singlet; J = 0: any N. At mu = omega all sectors agree."""
    for b in (common(2, 1.0), common(4, 1.0), common(3, 0.0)):
        with pytest.raises(
            SeveralSteadyStatesError, match=r"p_1 from .* `asymptotic_excitation"
        ) as caught:
            b.steady_state()
        every = [s.excitation for s in b.sectors]
        assert caught.value.found == (min(every), max(every))
        assert caught.value.limit == 1e-14
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
    with pytest.raises(ValueError, match="`start` must have shape"):
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


@pytest.mark.parametrize(
    ("cells", "coupling"), [(1, 0.0), (3, 4.0), (5, -9.0), (30, 0.0)]
)
def test_five_samples_per_radian_of_the_fastest_phase_and_no_more(cells, coupling):
    """|J| N of the exchange and N gamma of the decay, up to 10/gamma."""
    times = StarBattery(cells=cells, coupling=coupling, rate=0.5).charge().times
    radians = 20.0 * cells * (abs(coupling) + 0.5)
    assert times[-1] == 20.0
    assert times.size == max(401, math.ceil(5 * radians))


@pytest.mark.parametrize("cells", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("potential", [-1e3, 0.4, 1 - 1e-9, 1 + 1e-12, 3.0, 1e3])
def test_special_points_keep_their_several_steady_states(cells, potential):
    """Without J, and at even N, sectors differ at every potential but mu = omega."""
    odd = cells % 2 == 1
    for coupling in (0.0, 1e-300, -1e-9, 1e-7, 1.0, -1e9):
        b = CommonBathStar(cells=cells, coupling=coupling, potential=potential)
        # J^2/gamma = 1e-18 gamma is zero to rounding, 1e-14 gamma is not.
        if odd and abs(coupling) > 1e-8:
            n = fermi(1.0, potential, 1.0)
            assert b.steady_state().excitation == pytest.approx(n, abs=1e-15)
            continue
        with pytest.raises(SeveralSteadyStatesError) as caught:
            b.steady_state()
        low, high = caught.value.found
        # In the cold the sector of least spin S has one excitation more than S = 0.
        if potential == -1e3:
            most = 0.5 if abs(coupling) > 1e-8 or cells == 2 else (cells - 1) / cells
            assert (low, high) == (0.0, pytest.approx(most, abs=1e-15))
        assert low < high
    at_omega = CommonBathStar(cells=cells, coupling=0.0, potential=1.0)
    assert at_omega.steady_state().excitation == 0.5


def test_a_bath_switched_off_leaves_one_steady_state():
    """n = 0 or 1 to rounding: loss or gain alone, individual baths against QuTiP."""
    for n1, n2 in ((0.0, 1.0), (1.0, 0.0), (0.0, 0.3), (1.0, 1.0), (0.0, 0.0)):
        rho = qutip.steadystate(*written_out(3, 0.4, 1.3, 1.0, n1, n2))
        expected = rho.ptrace(0)[0, 0].real
        assert excitation(3, 1.3, n1, n2) == pytest.approx(expected, abs=1e-10)
    assert excitation(3, 0.0, 0.2, 0.9) == pytest.approx(0.2, abs=1e-15)


def test_two_probabilities_of_a_single_cell_need_not_lie_on_a_circle():
    """Only those that might be amplitudes are refused; the second has no ancilla."""
    star = StarBattery(cells=1, rate=0.7)
    n, t = star.occupations[0], np.array([0.0, 0.4, 3.0])
    for pair in ((0.3, 0.4), (0.9, 0.9), (0.0, 1.0), (1.0, 0.0)):
        curve = star.charge(t, start=pair)
        expected = n + (pair[0] - n) * np.exp(-0.7 * t)
        np.testing.assert_allclose(curve.excitation, expected, atol=1e-12)
    with pytest.raises(ValueError, match="`start` must tell probabilities from a ket"):
        star.charge(t, start=(0.6, 0.8))


def test_a_coupling_counts_in_the_unit_of_the_rate():
    """N = 3 has two independent steady states with J, and five without."""
    for rate in (1e-3, 1e3):
        for ratio, dimension in ((1e-3, 2), (1e-9, 5)):
            star = CommonBathStar(cells=3, rate=rate, coupling=ratio * rate)
            assert star.null_space_dimension == dimension
