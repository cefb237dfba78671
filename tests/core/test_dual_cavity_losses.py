"""Losses, the rotating wave and chosen fields of the dual-cavity battery.

The independent route is plain QuTiP with every atom as a separate qubit: 2^N levels,
one jump operator per atom, nothing symmetric.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import qutip
from qutip import piqs

from qbcore import metrics
from qbcore._numerics.spins import individual_lowering
from qbcore.dual_cavity import DualCavityBattery, DualCavitySteadyState
from qbcore.errors import (
    LeakingCutoffError,
    NoSteadyStateError,
    SeveralSteadyStatesError,
    TooLargeError,
)
from qbook import check_contract

TIMES = np.linspace(0.0, 3.0, 7)
OPTIONS = {
    "method": "dop853", "rtol": 1e-10, "atol": 1e-12, "nsteps": 10**6,
    "progress_bar": "", "store_states": True,
}  # fmt: skip
ONE = DualCavityBattery(atoms_a=3, atoms_b=0, cutoff_a=6, coupling=0.4)
TWO = DualCavityBattery(atoms_a=2, atoms_b=1, cutoff_a=4, cutoff_b=3, exchange=0.7)
LOSSY = {
    "cavity": replace(ONE, cavity_loss=0.3),
    "collective": replace(ONE, collective_decay=0.4, repulsion=-1.0),
    "individual": replace(ONE, individual_decay=0.4, frequency=1.2),
    "both atomic": replace(ONE, individual_decay=0.2, collective_decay=0.3),
    "rotating": replace(
        ONE, counter_rotating=False, cavity_loss=0.2, individual_decay=0.3
    ),
    "two cavities": replace(
        TWO, cavity_loss=0.1, collective_decay=0.2, individual_decay=0.4
    ),
    "two apart": replace(
        TWO, exchange=0.0, individual_decay=0.4, cavity_loss=0.2, repulsion=2.0
    ),
    "two, rotating": replace(TWO, counter_rotating=False, collective_decay=0.3),
    "closed, rotating": replace(TWO, counter_rotating=False),
}


@cache
def every_atom(battery: DualCavityBattery) -> SimpleNamespace:
    """H, H_Q, jumps and start with each atom a qubit, on [2, ..., cutoff + 1, ...]."""
    parts = [(battery.atoms_a, battery.cutoff_a + 1)]
    if battery.atoms_b:
        parts.append((battery.atoms_b, battery.cutoff_b + 1))
    dims = [size for atoms, light in parts for size in [2] * atoms + [light]]

    def on(site, operator):
        factors = [qutip.qeye(size) for size in dims]
        factors[site] = operator
        return qutip.tensor(factors)

    h, own, jumps, start, sites, raised, light, top = 0, 0, [], [], [], [], [], []
    for atoms, levels in parts:
        first = len(start)
        lower = [on(first + k, qutip.sigmam()) for k in range(atoms)]
        a = on(first + atoms, qutip.destroy(levels))
        down, up = sum(lower), sum(lower).dag()
        excited = sum(each.dag() * each for each in lower)
        # Over pairs of atoms, each once: (g/N) (s_i^+ s_j^- + s_i^- s_j^+).
        pairs = up * down - excited
        own = own + battery.splitting * excited + battery.repulsion / atoms * pairs
        kick = up * a + (up * a).dag()
        if battery.counter_rotating:
            kick = kick + up * a.dag() + (up * a.dag()).dag()
        h = h + battery.frequency * a.dag() * a + battery.coupling / 2 * kick
        jumps += [battery.cavity_loss**0.5 * a, battery.collective_decay**0.5 * down]
        jumps += [battery.individual_decay**0.5 * each for each in lower]
        start += [qutip.basis(2, 1)] * atoms + [qutip.basis(levels, atoms)]
        sites += range(first, first + atoms)
        raised.append(up)
        light.append(a.dag() * a)
        edge = qutip.basis(levels, levels - 1).proj()
        edge += qutip.basis(levels, levels - 2).proj()
        top.append(on(first + atoms, edge))
    if len(raised) > 1:
        hop = raised[0] * raised[1].dag()
        h = h + battery.exchange * (hop + hop.dag())
    alone = own.ptrace(sites) / math.prod(levels for _, levels in parts)
    jumps = [jump for jump in jumps if jump.norm() > 0]
    run = qutip.mesolve(
        h + own, qutip.tensor(start), TIMES, c_ops=jumps,
        e_ops=[own, *light, *top], options=OPTIONS,
    )  # fmt: skip
    slope = 1j * (h * own - own * h)
    for c in jumps:
        gain = c.dag() * c
        slope += c.dag() * own * c - (gain * own + own * gain) / 2
    reduced = np.array([state.ptrace(sites).full() for state in run.states])
    return SimpleNamespace(
        energy=run.expect[0],
        photons=np.array(run.expect[1 : 1 + len(parts)]),
        leak=np.array(run.expect[1 + len(parts) :]),
        power=qutip.expect(slope, run.states),
        ergotropy=metrics.ergotropy(reduced, alone.full()),
        reduced=reduced,
        rest=(h + own, jumps, sites, alone),
    )


@pytest.mark.parametrize("battery", LOSSY.values(), ids=LOSSY)
def test_a_curve_is_that_of_mesolve_with_every_atom_a_qubit(battery):
    ours, theirs = battery.charge(TIMES, leak=1.0), every_atom(battery)
    count = len(theirs.photons)
    # QuTiP: rtol 1e-10 a step and some 1e2 steps, of energies up to 6.
    assert np.abs(ours.energy - theirs.energy).max() < 1e-8
    assert np.abs(ours.power - theirs.power).max() < 1e-7
    assert np.abs(ours.photons[:count] - theirs.photons).max() < 1e-8
    assert np.abs(ours.leak[:count] - theirs.leak).max() < 1e-8
    assert np.abs(ours.ergotropy - theirs.ergotropy).max() < 1e-7
    assert (ours.ergotropy >= ours.collective_ergotropy - 1e-12).all()
    assert np.abs(ours.cavity_energy.sum(axis=0) - ours.energy).max() < 1e-12
    assert ours.ergotropy.max() > 0.01  # something was compared


@pytest.mark.parametrize("name", ["individual", "both atomic"])
def test_the_collective_work_rotates_all_copies_of_a_spin_alike(name):
    # The three atoms' state by blocks of their total spin, found from S^2 itself.
    battery = LOSSY[name]
    theirs = every_atom(battery)
    *_, alone = theirs.rest
    spins = [sum(piqs_site(3, k, axis) for k in range(3)) / 2 for axis in "xyz"]
    squares, basis = np.linalg.eigh(sum(s @ s for s in spins))
    passive = np.zeros(len(TIMES))
    for square, copies in ((3.75, 1), (0.75, 2)):
        block = basis[:, np.abs(squares - square) < 1e-9]
        inside = block.conj().T @ theirs.reduced @ block
        levels = np.linalg.eigvalsh(block.conj().T @ alone.full() @ block)
        r = np.linalg.eigvalsh(inside)[:, ::-1]
        # Each weight and each level comes as often as there are copies.
        passive += r[:, ::copies] @ levels[::copies] * copies
    work = theirs.energy - passive
    ours = battery.charge(TIMES, leak=1.0).collective_ergotropy
    assert np.abs(ours - work).max() < 1e-7
    assert work.max() > 1e-3


def piqs_site(atoms, site, axis):
    factors = [qutip.qeye(2)] * atoms
    factors[site] = {"x": qutip.sigmax, "y": qutip.sigmay, "z": qutip.sigmaz}[axis]()
    return qutip.tensor(factors).full()


@pytest.mark.parametrize("atoms", [1, 2, 3, 4, 5])
def test_individual_jumps_are_those_of_piqs(atoms):
    jumps = [qutip.Qobj(jump.toarray()) for jump in individual_lowering(atoms)]
    system = piqs.Dicke(atoms, emission=0.7)
    spins = np.concatenate(
        [[n] * (n + 1) for n in range(atoms, -1, -2)]
    )  # blocks of 2S, as piqs has them
    rng = np.random.default_rng(atoms)
    matrix = rng.normal(size=(2, spins.size, spins.size))
    same = np.equal.outer(spins, spins)
    rho = qutip.Qobj((matrix[0] + 1j * matrix[1]) * same)
    theirs = qutip.vector_to_operator(
        system.lindbladian() * qutip.operator_to_vector(rho)
    )
    ours = 0.7 * sum(qutip.lindblad_dissipator(jump, jump) for jump in jumps)
    ours = qutip.vector_to_operator(ours * qutip.operator_to_vector(rho))
    # `piqs` has its rates in single precision: 6e-8 each, of sums up to 10.
    assert np.abs((ours - theirs).full()).max() < 2e-6
    # No coherence leaves a block, and the rates add up to the number of excited atoms.
    assert np.abs(ours.full() * ~same).max() == 0
    excited = np.concatenate(
        [np.arange(n, -1, -1) + (atoms - n) / 2 for n in range(atoms, -1, -2)]
    )
    rates = sum(jump.dag() * jump for jump in jumps).full()
    assert np.abs(rates - np.diag(excited)).max() < 1e-13


CONTRACT = {
    "cavity": replace(LOSSY["cavity"], coupling=0.02),
    # In a basis with copies `metrics` cannot tell the work; two atoms have none.
    "individual": replace(LOSSY["individual"], atoms_a=2, coupling=0.02),
    "two": replace(
        TWO, atoms_a=1, cutoff_b=4, coupling=0.02, collective_decay=0.1,
        counter_rotating=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("battery", CONTRACT.values(), ids=CONTRACT)
def test_a_lossy_battery_keeps_the_contract(battery):
    check_contract(battery)


def test_two_excited_atoms_decay_together_by_the_law_of_superradiance():
    # Dicke: p_2 = exp(-2 Gamma t), p_1 = 2 Gamma t exp(-2 Gamma t) for two atoms.
    battery = DualCavityBattery(
        atoms_a=2, atoms_b=0, coupling=0.0, repulsion=0.0, collective_decay=0.7,
        cavity_loss=0.3, cutoff_a=4, photons_a=2,
    )  # fmt: skip
    start = np.kron(np.eye(3)[0], np.eye(5)[2])
    curve = battery.charge(TIMES, start=start)
    x = 2 * 0.7 * TIMES
    assert np.abs(2 + curve.energy - (2 + x) * np.exp(-x)).max() < 1e-9
    assert np.abs(curve.power + 1.4 * (1 + x) * np.exp(-x)).max() < 1e-9
    assert np.abs(curve.photons[0] - 2 * np.exp(-0.3 * TIMES)).max() < 1e-9


@pytest.mark.parametrize("atoms", [1, 3, 4])
def test_atoms_that_decay_alone_are_independent(atoms):
    gamma, splitting = 0.6, 1.3
    battery = DualCavityBattery(
        atoms_a=atoms, atoms_b=0, coupling=0.0, repulsion=0.0, splitting=splitting,
        individual_decay=gamma, cutoff_a=3, photons_a=0,
    )  # fmt: skip
    rows = battery.battery_hamiltonian().shape[0]
    start = np.kron(np.eye(rows)[0], np.eye(4)[0])
    curve = battery.charge(TIMES, start=start)
    p = np.exp(-gamma * TIMES)
    # A pi pulse on all atoms takes the work out of each: it is collective, too.
    work = atoms * splitting * np.maximum(2 * p - 1, 0.0)
    assert np.abs(atoms * splitting * (p - 1) - curve.energy).max() < 1e-9
    assert np.abs(curve.ergotropy - work).max() < 1e-9
    assert np.abs(curve.collective_ergotropy - work).max() < 1e-9


# --- at rest ---

AT_REST = {
    "cavity": replace(LOSSY["cavity"], cutoff_a=12, coupling=0.2),
    "individual": replace(
        LOSSY["individual"], atoms_a=2, cutoff_a=9, coupling=0.2, cavity_loss=0.2
    ),
    "two": replace(
        TWO, atoms_a=1, cutoff_a=3, cutoff_b=3, coupling=0.03, exchange=0.3,
        cavity_loss=0.2, collective_decay=0.1,
    ),
    "apart": replace(
        TWO, atoms_a=1, cutoff_a=4, cutoff_b=4, coupling=0.05, exchange=0.0,
        cavity_loss=0.2, collective_decay=0.1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("battery", AT_REST.values(), ids=AT_REST)
def test_a_lossy_battery_rests_where_every_start_ends(battery):
    rest = battery.steady_state()
    assert type(rest) is DualCavitySteadyState
    jumps = battery.collapse_operators()
    rho = qutip.steadystate(battery.hamiltonian(), jumps)
    sites = list(battery.battery_sites)
    # A direct solver: rounding times the condition, 1e2 over the slowest rate of 0.1.
    assert np.abs(rest.state - rho.ptrace(sites).full()).max() < 1e-10
    own = battery.battery_hamiltonian()
    assert rest.energy == pytest.approx(qutip.expect(own, rho.ptrace(sites)), abs=1e-10)
    for k, site in enumerate(sites):
        light = rho.ptrace(site + 1)
        photons = qutip.expect(qutip.num(light.shape[0]), light)
        assert rest.photons[k] == pytest.approx(photons, abs=1e-10)
    late = battery.charge([500.0], leak=1.0)
    assert late.ergotropy[0] == pytest.approx(rest.ergotropy, abs=1e-9)
    assert late.collective_ergotropy[0] == pytest.approx(
        rest.collective_ergotropy, abs=1e-9
    )
    assert rest.energy > 1e-5  # the counter-rotating terms heat it


def test_the_rotating_wave_rests_in_the_dark():
    rest = replace(AT_REST["cavity"], counter_rotating=False).steady_state()
    assert rest.energy < 1e-12
    assert rest.photons.max() < 1e-12
    assert rest.state[-1, -1].real == pytest.approx(1.0, abs=1e-12)


def test_a_rest_that_is_not_one_is_refused():
    with pytest.raises(NoSteadyStateError):
        ONE.steady_state()
    # Atoms without light keep what they have; so does light without atoms that listen.
    for loss in ("cavity_loss", "collective_decay"):
        alone = replace(ONE, coupling=0.0, **{loss: 0.3})
        with pytest.raises(SeveralSteadyStatesError, match="coupling") as caught:
            alone.steady_state()
        assert caught.value.found > caught.value.limit
    with pytest.raises(TooLargeError, match="unknowns"):
        replace(ONE, cavity_loss=0.1, cutoff_a=90).steady_state()
    with pytest.raises(LeakingCutoffError, match="`cutoff_a`"):
        replace(ONE, cavity_loss=0.1, coupling=1.5).steady_state()


# --- guards of a run with losses ---


def test_the_light_of_a_lossy_cavity_may_not_reach_its_cutoff():
    lossy = replace(ONE, cavity_loss=0.05)
    with pytest.raises(LeakingCutoffError, match="`cutoff_a`") as caught:
        lossy.charge([0.0, 10.0])
    assert caught.value.found > caught.value.limit == 1e-6
    enough = lossy.converged(TIMES)
    assert enough.charge(TIMES).leak.max() <= 1e-6
    assert enough.cutoff_a > 6


def test_the_leak_of_a_lossy_run_is_seen_between_the_samples():
    # One Rabi flip and back: all the light is at the top at the samples' middle only.
    jc = DualCavityBattery(
        atoms_a=1, atoms_b=0, coupling=0.4, cutoff_a=3, photons_a=1,
        counter_rotating=False, cavity_loss=1e-6,
    )  # fmt: skip
    start = np.kron(np.eye(2)[0], np.eye(4)[1])  # excited atom, one photon
    back = 2 * np.pi / (0.4 * np.sqrt(2))
    assert jc.charge([0.0, back], start=start, leak=1.0).leak.max() < 1e-5
    with pytest.raises(LeakingCutoffError):
        jc.charge([0.0, back], start=start, leak=0.5)


def test_what_is_too_large_with_losses_is_refused():
    with pytest.raises(TooLargeError, match="decay alone"):
        DualCavityBattery(atoms_a=7, atoms_b=6, individual_decay=0.1)
    most = DualCavityBattery(atoms_a=12, atoms_b=0, cutoff_a=13, individual_decay=1.0)
    assert most.charge([0.0, 1e-3], leak=1.0).energy.size == 2
    wide = DualCavityBattery(atoms_a=7, atoms_b=0, cutoff_a=120, cavity_loss=0.1)
    with pytest.raises(TooLargeError, match="density matrix") as caught:
        wide.charge([0.1])
    assert caught.value.found > caught.value.limit
    with pytest.raises(TooLargeError, match="end sooner"):
        replace(ONE, cavity_loss=0.1).charge([1e9], leak=1.0)


def test_a_start_that_superposes_two_total_spins_is_refused():
    battery = replace(ONE, individual_decay=0.1)
    rows = np.zeros(6)
    rows[[3, 5]] = np.sqrt(0.5)  # m = -3/2 of S = 3/2, and m = -1/2 of S = 1/2
    mixed = np.kron(np.diag(rows**2), np.diag(np.eye(7)[0]))
    assert battery.charge([0.1], start=mixed).energy.shape == (1,)
    with pytest.raises(ValueError, match="`start` must hold no coherence"):
        battery.charge([0.1], start=np.kron(rows, np.eye(7)[0]))


@pytest.mark.parametrize("exchange", [0.7, 0.0])
def test_a_loss_that_vanishes_leaves_the_closed_battery(exchange):
    # Two methods: kets and Chebyshev or levels, density matrices and Runge-Kutta.
    closed = replace(TWO, exchange=exchange)
    want = closed.charge(TIMES, leak=1.0, states=True)
    for loss in ("cavity_loss", "collective_decay"):
        got = replace(closed, **{loss: 1e-12}).charge(TIMES, leak=1.0, states=True)
        for name in ("energy", "power", "ergotropy", "photons", "leak", "states"):
            gap = np.abs(getattr(got, name) - getattr(want, name)).max()
            assert gap < 1e-8, name  # 1e-11 a step, of some 1e2
    assert closed.collapse_operators() == []
    assert replace(closed, cavity_loss=0.0) == closed


# --- the rotating wave, chosen fields, and the Dicke battery ---

JC = DualCavityBattery(
    atoms_a=1, atoms_b=0, coupling=0.6, cutoff_a=30, counter_rotating=False
)


def test_one_atom_and_a_chosen_field_follow_jaynes_and_cummings():
    # E = sum_n p_n sin^2(g sqrt(n) t/2) at resonance, for each distribution p_n.
    n, mean = np.arange(31), 2.5
    poisson = np.exp(-mean) * mean**n / np.array([math.factorial(k) for k in n], float)
    thermal = (0.5 / 1.5) ** n / 1.5
    fields = {
        "Fock": (np.eye(31)[4], np.eye(31)[4]),
        "coherent": (np.sqrt(poisson / poisson.sum()), poisson / poisson.sum()),
        "thermal": (np.diag(thermal / thermal.sum()), thermal / thermal.sum()),
    }
    for name, (field, weights) in fields.items():
        want = weights @ np.sin(0.3 * np.sqrt(n)[:, None] * TIMES) ** 2
        for start in (field, [field], qutip.Qobj(field)):
            curve = JC.charge(TIMES, start=start, leak=1.0)
            assert np.abs(curve.energy - want).max() < 1e-10, name
            # Excited atoms and photons together are conserved.
            total = curve.energy + curve.photons[0]
            assert np.abs(total - weights @ n).max() < 1e-10


def test_a_field_alone_may_be_shorter_than_the_cutoff():
    short = qutip.coherent(20, 1.2)
    padded = [np.pad(short.full()[:, 0], (0, 11))]
    assert JC.charge(TIMES, start=short) == JC.charge(TIMES, start=padded)
    light = "amplitudes of the light of cavity a, or be on the space"
    for long in (qutip.coherent(40, 1.2), [0.0] * 39 + [1.0], np.eye(40)[39]):
        with pytest.raises(ValueError, match=f"`start` must hold at most .* {light}"):
            JC.charge(TIMES, start=long)


def test_a_field_may_be_a_list_of_amplitudes():
    two = JC.charge(TIMES, start=[0.0, 0.0, 1.0])
    assert two == JC.charge(TIMES, start=qutip.basis(5, 2))
    assert two.energy == pytest.approx(np.sin(JC.coupling / 2 * 2**0.5 * TIMES) ** 2)


def test_the_rotating_wave_reaches_one_number_of_excitations():
    # From N photons and atoms down, one cavity has N + 1 states: none at the cutoff.
    battery = replace(ONE, atoms_a=4, cutoff_a=9, counter_rotating=False)
    curve = battery.charge(TIMES)
    assert curve.leak.max() == 0.0
    g, k = 0.4, np.arange(4)  # k excited atoms, 4 - k photons
    hop = g / 2 * np.sqrt((k + 1) * (4 - k)) * np.sqrt(4 - k)
    level = np.arange(5) + 0.5 / 4 * np.arange(5) * (4 - np.arange(5))
    h = np.diag(level + 4 - np.arange(5)) + np.diag(hop, 1) + np.diag(hop, -1)
    energies, modes = np.linalg.eigh(h)
    kets = (modes * np.exp(-1j * TIMES[:, None, None] * energies)) @ modes[0]
    assert np.abs(curve.energy - np.abs(kets) ** 2 @ level).max() < 1e-12


@pytest.mark.parametrize("strength", [0.05, 0.5])
def test_one_cavity_without_repulsion_is_the_dicke_battery(strength):
    # Ferraro et al., PRL 120, 117702: H = n + J_z + 2 lambda J_x (a^+ + a), N photons.
    atoms, levels = 4, 41
    x, z = (qutip.jmat(atoms / 2, axis) for axis in "xz")
    a = qutip.destroy(levels)
    h = qutip.tensor(z, qutip.qeye(levels)) + qutip.tensor(
        qutip.qeye(atoms + 1), a.dag() * a
    )
    h += 2 * strength * qutip.tensor(x, a + a.dag())
    own = qutip.tensor(z, qutip.qeye(levels))
    start = qutip.tensor(qutip.basis(atoms + 1, atoms), qutip.basis(levels, atoms))
    options = OPTIONS | {"store_states": False}
    theirs = qutip.sesolve(h, start, TIMES, e_ops=[own], options=options).expect[0]
    battery = DualCavityBattery(
        atoms_a=atoms, atoms_b=0, repulsion=0.0, exchange=0.0, coupling=2 * strength,
        cutoff_a=levels - 1,
    )  # fmt: skip
    ours = battery.charge(TIMES, leak=1.0).energy
    assert np.abs(ours - theirs - atoms / 2).max() < 1e-8  # rtol 1e-10, 1e2 steps
    assert ours.max() > 0.02


@pytest.mark.parametrize("odd", [0, 1, 1.0, "False", None, [True]], ids=repr)
def test_the_switch_is_a_bool(odd):
    with pytest.raises(ValueError, match="Argument `counter_rotating` must be a bool"):
        DualCavityBattery(counter_rotating=odd)
    assert DualCavityBattery(counter_rotating=np.False_).counter_rotating is False
