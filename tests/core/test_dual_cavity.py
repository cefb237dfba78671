"""The dual-cavity battery against QuTiP, exact limits, symmetries, stored sweeps."""

from __future__ import annotations

import csv
from dataclasses import replace
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import qutip
from scipy import sparse
from scipy.linalg import expm

from qbcore import metrics
from qbcore._numerics import unitary
from qbcore.battery import charge
from qbcore.dual_cavity import DualCavityBattery
from qbcore.dual_cavity._space import Space
from qbcore.errors import (
    AccuracyError,
    LeakingCutoffError,
    NoSteadyStateError,
    TooLargeError,
)

DATA = Path(__file__).resolve().parents[2] / "book" / "papers" / "data"
TIMES = np.linspace(0.0, 4.0, 41)
SMALL = DualCavityBattery(atoms_a=2, atoms_b=2, cutoff_a=14, cutoff_b=14)
UNEVEN = DualCavityBattery(
    atoms_a=3, atoms_b=1, cutoff_a=22, cutoff_b=16, repulsion=2.0
)


def plain_qutip(b: DualCavityBattery) -> tuple[qutip.Qobj, qutip.Qobj, qutip.Qobj]:
    """H, H_Q and the start of Eqs. (1)-(5) from QuTiP's own operators.

    Both energies are above the empty battery.
    """
    sizes = [b.atoms_a + 1, b.cutoff_a + 1, b.atoms_b + 1, b.cutoff_b + 1]

    def on(site: int, operator: qutip.Qobj) -> qutip.Qobj:
        factors = [qutip.qeye(n) for n in sizes]
        factors[site] = operator
        return qutip.tensor(factors)

    h_q, h_rest, raised = 0, 0, []
    for site, atoms in ((0, b.atoms_a), (2, b.atoms_b)):
        x, y, z = (on(site, qutip.jmat(atoms / 2, axis)) for axis in "xyz")
        square = x * x + y * y + z * z
        excited = z + atoms / 2
        h_q = (
            h_q
            + b.splitting * excited
            + b.repulsion / atoms * (square - z * z - atoms / 2)
        )
        light = on(site + 1, qutip.destroy(sizes[site + 1]))
        h_rest = (
            h_rest
            + b.frequency * light.dag() * light
            + b.coupling * x * (light + light.dag())
        )
        raised.append(on(site, qutip.jmat(atoms / 2, "+")))
    hop = raised[0] * raised[1].dag()
    filled = (b.atoms_a, b.atoms_a, b.atoms_b, b.atoms_b)  # atoms down, as many photons
    start = [qutip.basis(n, k) for n, k in zip(sizes, filled, strict=True)]
    return h_q + h_rest + b.exchange * (hop + hop.dag()), h_q, qutip.tensor(start)


FIVES = DualCavityBattery(atoms_a=5, atoms_b=5, cutoff_a=15, cutoff_b=15)


@pytest.mark.parametrize(
    ("battery", "end"), [(SMALL, 4.0), (UNEVEN, 4.0), (FIVES, 1.5)]
)
def test_the_charging_curve_is_that_of_sesolve_in_the_full_space(battery, end):
    h, h_q, start = plain_qutip(battery)
    times = np.linspace(0.0, end, 21)
    options = {
        "method": "dop853",
        "rtol": 1e-10,
        "atol": 1e-12,
        "nsteps": 10**6,
        "progress_bar": "",
    }
    theirs = qutip.sesolve(h, start, times, e_ops=[h_q], options=options).expect[0]
    ours = battery.charge(times, leak=1.0).energy
    # rtol 1e-10 a step, some 1e2 to 1e3 steps, energies up to 10.
    assert np.abs(ours - (theirs - theirs[0])).max() < 1e-6


def test_every_operator_is_that_of_qutip_entry_by_entry():
    small = replace(UNEVEN, cutoff_a=5, cutoff_b=4, splitting=1.3, frequency=0.8)
    h, h_q, start = plain_qutip(small)
    assert small.hamiltonian().dims == h.dims
    # Entries up to 30, each a few roundings of 1e-16.
    assert np.abs((small.hamiltonian() - h).full()).max() < 1e-13
    atoms = qutip.expand_operator(
        small.battery_hamiltonian(), h.dims[0], small.battery_sites
    )
    assert np.abs((atoms - h_q).full()).max() < 1e-13
    assert small.battery_hamiltonian().dims == [[4, 2]] * 2
    assert small.initial_state() == start
    assert small.collapse_operators() == []


def test_one_cavity_has_two_subsystems():
    one = DualCavityBattery(atoms_a=3, atoms_b=0, cutoff_a=6)
    assert one.hamiltonian().dims == [[4, 7]] * 2
    assert one.battery_hamiltonian().dims == [[4]] * 2
    assert one.battery_sites == (0,)
    x, a = qutip.jmat(1.5, "x"), qutip.destroy(7)
    light = qutip.tensor(qutip.qeye(4), a.dag() * a)
    atoms = qutip.tensor(one.battery_hamiltonian(), qutip.qeye(7))
    theirs = atoms + light + 0.5 * qutip.tensor(x, a + a.dag())
    assert np.abs((one.hamiltonian() - theirs).full()).max() < 1e-14


def test_the_interaction_sums_each_pair_of_atoms_once():
    # Eq. (2), first line, in the space of three qubits, on the symmetric state of k
    # excitations.
    atoms, g = 3, 0.7
    pairs = sum(
        qutip.tensor(
            [qutip.sigmax() if n in pair else qutip.qeye(2) for n in range(atoms)]
        )
        + qutip.tensor(
            [qutip.sigmay() if n in pair else qutip.qeye(2) for n in range(atoms)]
        )
        for pair in combinations(range(atoms), 2)
    )
    splitting = qutip.tensor([qutip.basis(2, 1)] * atoms)
    raise_all = sum(
        qutip.tensor(
            [qutip.sigmap() if n == site else qutip.qeye(2) for n in range(atoms)]
        )
        for site in range(atoms)
    )
    dicke = [(raise_all**k * splitting).unit() for k in range(atoms + 1)]
    shifts = [g / (2 * atoms) * qutip.expect(pairs, ket) for ket in dicke]
    battery = DualCavityBattery(atoms_a=atoms, atoms_b=0, repulsion=g)
    levels = battery.battery_hamiltonian().diag().real
    assert np.allclose(levels[::-1] - np.arange(atoms + 1), shifts, atol=1e-12)


def test_without_exchange_the_cavities_separate():
    alone = replace(UNEVEN, exchange=0.0)
    coupled = replace(UNEVEN, exchange=1e-13)  # takes the route of the full basis
    a, b = (
        battery.charge(TIMES, leak=1.0, states=True) for battery in (alone, coupled)
    )
    # First order in A: t A |S_a^+ S_b^-| < 4 x 1e-13 x 2; rounding of the series 1e-12.
    for name in (
        "energy",
        "power",
        "cavity_energy",
        "photons",
        "leak",
        "ergotropy",
        "states",
    ):
        assert np.abs(getattr(a, name) - getattr(b, name)).max() < 1e-10, name


def test_weak_coupling_tends_to_jaynes_cummings():
    # E = sin^2(g_1 t/2): the counter-rotating terms change it in second order of g_1.
    def error(coupling: float) -> float:
        battery = DualCavityBattery(
            atoms_a=1, atoms_b=0, coupling=coupling, repulsion=0.0, cutoff_a=8
        )
        times = np.linspace(0.0, 2 * np.pi / coupling, 300)
        return float(
            np.abs(
                battery.charge(times).energy - np.sin(coupling * times / 2) ** 2
            ).max()
        )

    assert error(0.04) < 0.04**2
    assert 3.5 < error(0.08) / error(0.04) < 4.5


def test_weak_coupling_tends_to_tavis_cummings_for_two_atoms():
    # Ladder k = 0, 1, 2 with g_1 sqrt(n/2) and g_1 sqrt((n - 1)/2): three levels,
    # solved by hand.
    n, coupling = 4, 0.01
    battery = DualCavityBattery(
        atoms_a=2, atoms_b=0, photons_a=n, coupling=coupling, repulsion=0.0, cutoff_a=14
    )
    omega = coupling * np.sqrt((2 * n - 1) / 2)
    times = np.linspace(0.0, 2 * np.pi / omega, 200)
    one = n / (2 * n - 1) * np.sin(omega * times) ** 2
    two = n * (n - 1) / (2 * n - 1) ** 2 * (1 - np.cos(omega * times)) ** 2
    # Second order in g_1 sqrt(n), times the two atoms.
    assert (
        np.abs(battery.charge(times).energy - one - 2 * two).max() < 2 * coupling**2 * n
    )


def test_one_excitation_wanders_through_both_cavities():
    # |photon a>, |atom a>, |atom b>, |photon b> at weak coupling: a chain of four
    # levels.
    coupling, exchange = 0.01, 0.008
    battery = DualCavityBattery(
        atoms_a=1, atoms_b=1, photons_a=1, photons_b=0,
        coupling=coupling, exchange=exchange, repulsion=0.0, cutoff_a=6, cutoff_b=6,
    )  # fmt: skip
    links = np.diag([coupling / 2, exchange, coupling / 2], 1)
    times = np.linspace(0.0, 1000.0, 101)
    chain = np.array(
        [np.abs(expm(-1j * (links + links.T) * t)[:, 0]) ** 2 for t in times]
    )
    charging = battery.charge(times)
    # Counter-rotating terms shift the levels by g_1^2/4 and A^2-like amounts: 1e-4 x
    # t/4 < 0.03.
    assert np.abs(charging.cavity_energy - chain[:, 1:3].T).max() < 0.03
    assert charging.cavity_energy[1].max() > 0.4


def test_counter_rotating_terms_excite_an_atom_in_the_dark():
    # No photon: only S^+ a^+ acts, amplitude (g_1/2) sin(t) at resonance, to order
    # g_1^2.
    battery = DualCavityBattery(
        atoms_a=1, atoms_b=0, photons_a=0, coupling=0.01, cutoff_a=8
    )
    energy = battery.charge(TIMES).energy
    assert np.abs(energy - 0.005**2 * np.sin(TIMES) ** 2).max() < 0.005**2 * 1e-3


def test_the_first_moment_of_charging_is_quadratic():
    # E = (omega_q + g (N-1)/N) (g_1 t/2)^2 N (2n + 1) a cavity: one atom up, one photon
    # less or more.
    b = replace(UNEVEN, repulsion=0.7)
    t = np.array([0.0, 1e-3])
    expected = sum(
        (1 + 0.7 * (n - 1) / n) * (b.coupling * t[1] / 2) ** 2 * n * (2 * n + 1)
        for n in (3, 1)
    )
    assert b.charge(t, leak=1.0).energy[1] == pytest.approx(
        expected, rel=1e-4
    )  # next: (10 t)^2


def test_the_sign_of_the_exchange_cannot_be_seen():
    # exp(i pi (k_b + n_b)) turns A into -A, leaves all else, and the start is its
    # eigenstate.
    a, b = (replace(UNEVEN, exchange=s).charge(TIMES, leak=1.0) for s in (0.5, -0.5))
    assert np.abs(a.energy - b.energy).max() < 1e-10
    # A start of mixed parity in both cavities sees the sign.
    field = np.ones(2) / np.sqrt(2)
    fields = (field, field)
    a, b = (
        replace(SMALL, exchange=s).charge(TIMES, leak=1.0, start=fields)
        for s in (0.5, -0.5)
    )
    assert np.abs(a.energy - b.energy).max() > 1e-2


def test_exchanging_the_cavities_changes_their_names_only():
    mirrored = DualCavityBattery(
        atoms_a=1, atoms_b=3, cutoff_a=16, cutoff_b=22, repulsion=2.0
    )
    a, b = UNEVEN.charge(TIMES, leak=1.0), mirrored.charge(TIMES, leak=1.0)
    assert np.abs(a.energy - b.energy).max() < 1e-10
    assert np.abs(a.cavity_energy - b.cavity_energy[::-1]).max() < 1e-10
    equal = SMALL.charge(TIMES, leak=1.0)
    assert np.abs(equal.cavity_energy[0] - equal.cavity_energy[1]).max() < 1e-10
    assert np.abs(equal.photons[0] - equal.photons[1]).max() < 1e-10


@pytest.mark.parametrize("dense", [True, False])
def test_the_leak_is_seen_between_the_samples(monkeypatch, dense):
    monkeypatch.setattr(unitary, "is_dense_cheaper", lambda *_: dense)
    battery = DualCavityBattery(
        atoms_a=2, atoms_b=0, splitting=0.05, coupling=1.0, cutoff_a=17
    )
    with pytest.raises(LeakingCutoffError) as caught:
        battery.charge([0.0, 17.65])
    fine = battery.charge(np.linspace(0.0, 17.65, 3001), leak=1.0).leak
    assert fine[0, -1] < 1e-6  # the samples alone would pass
    # Two looks are at most 1/r apart: what lies between them is higher by 1/cos(1) at
    # most.
    assert caught.value.found <= fine.max() * (1 + 1e-3)
    assert caught.value.found > fine.max() * np.cos(1.0)
    loose = 1.01 * fine.max()
    assert battery.charge([17.65], leak=loose).energy == pytest.approx(
        battery.charge([0.0, 17.65], leak=loose).energy[1:], abs=1e-12
    )


@pytest.mark.parametrize("exchange", [0.5, 0.0])
@pytest.mark.parametrize("side", ["a", "b"])
def test_either_cavity_may_leak(side, exchange):
    enough = {"cutoff_a": 26, "cutoff_b": 26}
    battery = DualCavityBattery(
        atoms_a=1, atoms_b=1, exchange=exchange, **{**enough, f"cutoff_{side}": 4}
    )
    with pytest.raises(LeakingCutoffError, match=f"`cutoff_{side}` = 4") as caught:
        battery.charge(TIMES)
    leak = battery.charge(TIMES, leak=1.0).leak["ab".index(side)]
    assert caught.value.found > 1e-6
    assert leak.max() > 1e-3
    assert replace(battery, **enough).charge(TIMES).leak.max() < 1e-6


def test_a_start_at_the_cutoff_is_refused_before_anything_moves():
    full = DualCavityBattery(atoms_a=1, atoms_b=0, photons_a=3, cutoff_a=4)
    with pytest.raises(LeakingCutoffError, match="`cutoff_a`") as caught:
        full.charge([0.0])
    assert caught.value.found == 1.0
    assert full.charge([0.0], leak=1.0).leak[0] == 1.0  # any leak is accepted


def test_power_is_the_slope_of_the_energy():
    times = np.linspace(0.0, 2.0, 401)
    charging = SMALL.charge(times, leak=1.0)
    h = times[1]
    e = charging.energy
    slope = (8 * (e[3:-1] - e[1:-3]) - (e[4:] - e[:-4])) / (12 * h)
    # Five points: h^4 E^(5)/30 with frequencies up to ten, 6e-10 x 1e5/30.
    assert np.abs(slope - charging.power[2:-2]).max() < 1e-5


def test_the_light_at_its_cutoff_is_refused_and_the_helper_finds_enough():
    low = replace(SMALL, cutoff_a=6, cutoff_b=6)
    with pytest.raises(
        LeakingCutoffError, match=r"`cutoff_[ab]` = 6 .*`converged\(\)`"
    ) as caught:
        low.charge(TIMES)
    assert caught.value.limit == 1e-6
    assert 1e-3 < caught.value.found <= low.charge(TIMES, leak=1.0).leak.max() + 0.1
    with pytest.raises(LeakingCutoffError, match=r"`cutoff_b` = 5"):
        replace(UNEVEN, exchange=0.0, cutoff_a=40, cutoff_b=5).charge(TIMES)
    enough = low.converged(TIMES)
    found = enough.charge(TIMES)
    more = replace(
        enough, cutoff_a=2 * enough.cutoff_a, cutoff_b=2 * enough.cutoff_b
    ).charge(TIMES)
    # A population p at the cutoff moves an energy of order N by order p N sqrt(...):
    # 1e-6 x 4 x 10.
    assert found.leak.max() <= 1e-6
    assert np.abs(found.energy - more.energy).max() < 4e-5
    assert (
        np.abs(low.charge(TIMES, leak=1.0).energy - more.energy).max() > 1e-3
    )  # it matters
    separate = replace(low, exchange=0.0).converged(TIMES)
    assert separate.charge(TIMES).leak.max() <= 1e-6


@pytest.mark.parametrize(("leak", "left"), [(1e-3, 5e-3), (1e-4, 5e-5)])
def test_the_leak_of_the_stored_sweeps_does_what_they_say(leak, left):
    battery = DualCavityBattery(atoms_a=4, atoms_b=4)
    times = np.linspace(0.0, 20.0, 201)
    coarse = battery.converged(times, leak=leak)
    fine = replace(coarse, cutoff_a=40, cutoff_b=40)
    a, b = coarse.charge(times, leak=1e-3), fine.charge(times)
    assert a.leak.max() > 1e-5  # the coarse run does leak
    # A late peak has lost a few times what is at the edge at once; the power comes
    # before it leaks.
    assert b.max_energy.time > 5
    assert abs(a.max_energy.value - b.max_energy.value) < left * 8
    assert abs(a.max_average_power.value - b.max_average_power.value) < 1e-5 * 8


@pytest.mark.parametrize("repulsion", [-0.5, 0.0, 0.5, 1.0, 2.0])
def test_capacity_is_the_width_of_the_battery_above_empty(repulsion):
    battery = replace(FIVES, atoms_b=4, repulsion=repulsion)
    top = battery.battery_hamiltonian().eigenenergies()[-1]
    assert battery.capacity == pytest.approx(top, abs=1e-12)
    # k + g k (N - k)/N grows up to k = N for g <= 1 and has its top near N (1 + g)/(2g)
    # beyond.
    if repulsion <= 1:
        assert battery.capacity == pytest.approx(9.0, abs=1e-12)
    else:
        assert battery.capacity == pytest.approx(28 / 5 + 4.5, abs=0.11)
        assert battery.capacity > 9.0


def test_the_largest_power_is_the_largest_of_all_times():
    # In 1 + 1 atoms the first peak of E/t need not be the last word.
    battery = DualCavityBattery(atoms_a=1, atoms_b=1, exchange=1.0)
    proven = battery.charge_for_power().max_average_power
    long = battery.charge(np.linspace(0.0, 60.0, 3001)).max_average_power
    assert proven.value == pytest.approx(long.value, abs=1e-6)
    assert proven.value * battery.charge_for_power().times[-1] >= battery.capacity


@pytest.mark.parametrize("factor", [1e-6, 2.5, 1e6])
def test_the_search_for_the_largest_power_has_no_scale_of_its_own(factor):
    battery = DualCavityBattery(
        atoms_a=2, atoms_b=1, repulsion=-3.0, cutoff_a=24, cutoff_b=18
    )
    names = ("splitting", "frequency", "coupling", "repulsion", "exchange")
    scaled = replace(battery, **{n: factor * getattr(battery, n) for n in names})
    here = battery.charge_for_power(leak=1e-2)
    there = scaled.charge_for_power(leak=1e-2)
    # A window may end one sample later where a quotient is rounded.
    count = min(here.times.size, there.times.size)
    assert abs(here.times.size - there.times.size) <= 1
    np.testing.assert_allclose(
        there.times[:count] * factor, here.times[:count], rtol=1e-12
    )
    a, b = here.max_average_power, there.max_average_power
    assert b.value == pytest.approx(factor**2 * a.value, rel=1e-9)
    assert b.time * factor == pytest.approx(a.time, rel=1e-6)


def test_the_largest_power_waits_for_a_battery_that_first_falls_below_empty():
    # Attracting atoms: one excitation lowers the energy, two raise it, so E < 0 at
    # first.
    battery = DualCavityBattery(atoms_a=2, atoms_b=0, repulsion=-3.0, cutoff_a=40)
    late = battery.charge(np.linspace(0.0, 2.2, 221), leak=1e-3).max_average_power
    assert late.value == pytest.approx(0.0163, abs=1e-4)
    for charging in (
        battery.charge_for_power(leak=1e-3),
        battery.charge_for_power(step=0.05, leak=1e-3),
    ):
        best = charging.max_average_power
        assert charging.energy[1] < 0
        assert best.value >= late.value - 1e-9
        assert best.value * charging.times[-1] >= battery.capacity


def test_without_coupling_nothing_is_stored_and_nothing_leaks():
    # A start that nothing moves is not moved by rounding either.
    for battery in (SMALL, DualCavityBattery(atoms_a=1, atoms_b=0), FIVES):
        dark = replace(battery, coupling=0.0)
        for curve in (dark.charge(), dark.charge_for_power(step=0.02)):
            assert np.all(curve.energy == 0)
            assert curve.max_energy.value == curve.max_average_power.value == 0
    assert replace(SMALL, coupling=0.0).converged().cutoff_a == 12
    # The exchange alone moves an excitation, and with repulsion the energy: one of two
    # atoms holds omega_q + g/2, one alone omega_q.
    uneven = DualCavityBattery(
        atoms_a=2, atoms_b=1, coupling=0.0, exchange=0.3, repulsion=0.0, cutoff_b=4
    )
    start = np.zeros((3, 31, 2, 5))
    start[1, 0, 1, 0] = 1.0
    swapped = uneven.charge(TIMES, start=start.ravel()).cavity_energy[1]
    assert np.abs(swapped - np.sin(0.3 * np.sqrt(2) * TIMES) ** 2).max() < 1e-12


def test_a_search_for_the_power_that_cannot_end_is_refused():
    weak = DualCavityBattery(atoms_a=1, atoms_b=0, coupling=1e-4, cutoff_a=4)
    with pytest.raises(TooLargeError, match="`step`") as caught:
        weak.charge_for_power(step=2.0**-17)
    assert caught.value.found > caught.value.limit == 50_000


def test_a_closed_battery_has_no_steady_state():
    with pytest.raises(NoSteadyStateError) as caught:
        SMALL.steady_state()
    assert caught.value.found == 0


ONE = {"atoms_a": 2, "atoms_b": 0}
FAST = {
    "light": {**ONE, "frequency": 30.0, "coupling": 0.01, "cutoff_a": 20},
    "coupling": {**ONE, "coupling": 5.0, "photons_a": 4, "cutoff_a": 60},
    "photons": {**ONE, "photons_a": 60, "coupling": 0.3, "cutoff_a": 90},
    "repulsion": {"atoms_a": 3, "atoms_b": 0, "repulsion": 20.0, "coupling": 0.1},
    "attraction": {**ONE, "repulsion": -9.0, "cutoff_a": 40},
    "exchange": {
        "atoms_a": 2, "atoms_b": 1, "exchange": 30.0, "cutoff_a": 16, "cutoff_b": 12
    },
    "slow atoms": {**ONE, "splitting": 0.05, "coupling": 0.3, "cutoff_a": 30},
}  # fmt: skip


@pytest.mark.parametrize("fields", FAST.values(), ids=FAST)
def test_the_default_times_follow_the_fastest_phase(fields):
    battery = DualCavityBattery(**fields)
    charging = battery.charge(leak=1.0)
    t = charging.times
    assert t[-1] == pytest.approx(20.0 / battery.splitting)
    fine = battery.charge(np.linspace(0.0, t[-1], 4 * t.size), leak=1.0)
    # h^4 E^(4)/384 with phases of at most two per sample by the fastest Fourier terms.
    for name in ("max_energy", "max_average_power"):
        ours, theirs = getattr(charging, name).value, getattr(fine, name).value
        assert ours == pytest.approx(theirs, rel=1e-4), name
    assert charging.max_energy.value <= battery.capacity
    assert charging.ceiling == pytest.approx(battery.capacity)


def test_default_times_without_bound_are_refused():
    for slow in (DualCavityBattery(splitting=1e-6), DualCavityBattery(frequency=2e3)):
        with pytest.raises(TooLargeError, match="`times=`") as caught:
            slow.charge()
        assert caught.value.found > caught.value.limit == 50_000


def every_level(battery: DualCavityBattery) -> tuple[qutip.Qobj, np.ndarray]:
    """H_Q on all 2^N states of the atoms, and the isometry from the symmetric ones."""
    hamiltonians, isometries = [], []
    for atoms in filter(None, (battery.atoms_a, battery.atoms_b)):
        one = [qutip.qeye(2)] * atoms

        def on(site, operator, one=one):
            return qutip.tensor([*one[:site], operator, *one[site + 1 :]])

        x, y, z = (
            sum(on(i, op) for i in range(atoms)) / 2
            for op in (qutip.sigmax(), qutip.sigmay(), qutip.sigmaz())
        )
        bracket = x * x + y * y - atoms / 2  # S^2 - S_z^2 - N/2
        excited = z + atoms / 2
        hamiltonians.append(
            battery.splitting * excited + battery.repulsion / atoms * bracket
        )
        state, columns = qutip.tensor([qutip.basis(2, 0)] * atoms), []
        for _ in range(atoms + 1):
            columns.append(state.full()[:, 0])
            lowered = (x - 1j * y) * state
            state = lowered.unit() if lowered.norm() > 0 else lowered
        isometries.append(np.array(columns).T)
    if len(hamiltonians) == 1:
        return hamiltonians[0], isometries[0]
    (a, b), whole = hamiltonians, np.kron(*isometries)
    return qutip.tensor(a, qutip.qeye(b.dims[0])) + qutip.tensor(
        qutip.qeye(a.dims[0]), b
    ), whole


@pytest.mark.parametrize("repulsion", [0.5, -3.0])
@pytest.mark.parametrize("exchange", [0.5, 0.0])
@pytest.mark.parametrize("atoms", [(1, 1), (2, 1), (2, 2), (3, 0), (4, 0)])
def test_the_ergotropy_is_the_work_over_all_levels_of_the_atoms(
    atoms, exchange, repulsion
):
    battery = DualCavityBattery(
        atoms_a=atoms[0], atoms_b=atoms[1], exchange=exchange, repulsion=repulsion,
        cutoff_a=12, cutoff_b=12,
    )  # fmt: skip
    charging = battery.charge(TIMES[::4], leak=1.0, states=True)
    own = battery.battery_hamiltonian()
    collective = metrics.ergotropy(charging.states, own)
    # Sums of at most 16 eigenvalues, each good to 1e-15 of a norm of about 10.
    assert np.abs(charging.collective_ergotropy - collective).max() < 1e-12
    h, isometry = every_level(battery)
    assert np.abs(isometry.conj().T @ h.full() @ isometry - own.full()).max() < 1e-12
    embedded = isometry @ charging.states @ isometry.conj().T
    assert np.abs(charging.ergotropy - metrics.ergotropy(embedded, h)).max() < 1e-12
    if max(atoms) > 1:
        assert (charging.ergotropy - charging.collective_ergotropy).max() > 1e-2


def test_most_of_the_energy_is_work_where_all_unitaries_are_allowed():
    # Three digits of the chapter's curve, which the test above ties to all 2^N levels.
    five = DualCavityBattery(atoms_a=5, atoms_b=5, cutoff_a=26, cutoff_b=26)
    charging = five.charge(np.linspace(0.0, 10.0, 101), leak=1e-2)
    share = charging.ergotropy.mean() / charging.energy.mean()
    assert share == pytest.approx(0.78, abs=0.005)
    collective = charging.collective_ergotropy.mean() / charging.energy.mean()
    assert collective == pytest.approx(0.35, abs=0.005)


def test_reduced_states_carry_the_energy_of_the_curve():
    charging = UNEVEN.charge(TIMES[:11], leak=1.0, states=True)
    h_q = UNEVEN.battery_hamiltonian()
    assert np.allclose(
        metrics.energy(charging.states, h_q), charging.energy, atol=1e-10
    )
    work = metrics.ergotropy(charging.states, h_q)
    assert np.all(work <= charging.energy + 1e-9)
    assert work[0] == pytest.approx(0.0, abs=1e-12)


def test_a_chosen_field_replaces_the_fock_state():
    fock = [np.eye(5)[2], np.eye(9)[2]]
    a, b = SMALL.charge(TIMES, leak=1.0), SMALL.charge(TIMES, leak=1.0, start=fock)
    assert np.abs(a.energy - b.energy).max() < 1e-12
    # A field of both parities, against QuTiP in the full space.
    mixed = [np.array([0.6, 0.8j]), np.array([0.0, 0.6, 0.8])]
    h, h_q, _ = plain_qutip(SMALL)
    light = [qutip.Qobj(np.pad(f, (0, 15 - f.size))) for f in mixed]
    kets = [qutip.basis(3, 2), light[0], qutip.basis(3, 2), light[1]]
    options = {"rtol": 1e-9, "atol": 1e-11, "progress_bar": "", "nsteps": 10**6}
    theirs = qutip.sesolve(
        h, qutip.tensor(kets), TIMES, e_ops=[h_q], options=options
    ).expect[0]
    ours = SMALL.charge(TIMES, leak=1.0, start=mixed).energy
    assert np.abs(ours - theirs + theirs[0]).max() < 1e-5


def test_any_ket_may_be_the_start():
    default = plain_qutip(SMALL)[2]
    a, b = SMALL.charge(TIMES, leak=1.0), SMALL.charge(TIMES, leak=1.0, start=default)
    assert np.abs(a.energy - b.energy).max() < 1e-12
    # Entangled, of both parities, with excited atoms; with exchange and without.
    rng = np.random.default_rng(3)
    low = rng.normal(size=(3, 4, 3, 4)) + 1j * rng.normal(size=(3, 4, 3, 4))
    ket = np.zeros((3, 15, 3, 15), dtype=complex)
    ket[:, :4, :, :4] = low / np.linalg.norm(low)
    for exchange in (0.5, 0.0):
        battery = replace(SMALL, exchange=exchange)
        h, _, _ = plain_qutip(battery)
        theirs = charge(
            h, battery.battery_hamiltonian(), qutip.Qobj(ket.ravel(), default.dims),
            TIMES[::8], battery_sites=(0, 2), states=True,
        )  # fmt: skip
        ours = battery.charge(TIMES[::8], leak=1.0, start=ket.ravel(), states=True)
        # QuTiP's steps: rtol 1e-10, some 1e3 of them.
        assert np.abs(ours.energy - theirs.energy).max() < 1e-7
        assert np.abs(ours.states - theirs.states).max() < 1e-7
        assert np.abs(ours.collective_ergotropy - theirs.ergotropy).max() < 1e-6
        assert abs(ours.energy[0]) < 1e-14  # rounding of a norm of one
        assert np.abs(ours.cavity_energy.sum(axis=0) - ours.energy).max() < 1e-12


@pytest.mark.parametrize("exchange", [0.5, 0.0])
def test_mixed_starts_are_those_of_mesolve(exchange):
    battery = DualCavityBattery(
        atoms_a=2, atoms_b=1, cutoff_a=4, cutoff_b=3, exchange=exchange
    )
    h, own = battery.hamiltonian(), battery.battery_hamiltonian()
    sizes = battery.initial_state().dims[0]
    light = [qutip.thermal_dm(4, 0.4), qutip.coherent_dm(3, 0.5)]
    padded = [
        qutip.Qobj(np.pad(rho.full(), (0, n - len(rho.full()))))
        for rho, n in zip(light, (5, 4), strict=True)
    ]
    down = [qutip.basis(3, 2).proj(), qutip.basis(2, 1).proj()]
    product = qutip.tensor(down[0], padded[0], down[1], padded[1])
    rng = np.random.default_rng(4)
    kets = rng.normal(size=(3, 120)) + 1j * rng.normal(size=(3, 120))
    any_rho = qutip.Qobj(kets.T @ kets.conj(), dims=[sizes, sizes]).unit()
    starts = [(light, product), (product, product), (any_rho.full(), any_rho)]
    for ours, theirs in starts:
        mine = battery.charge(TIMES[::8], leak=1.0, start=ours, states=True)
        ref = charge(h, own, theirs, TIMES[::8], battery_sites=(0, 2), states=True)
        # QuTiP's steps: rtol 1e-10, some 1e3 of them.
        assert np.abs(mine.energy - ref.energy).max() < 1e-7
        assert np.abs(mine.power - ref.power).max() < 1e-7
        assert np.abs(mine.states - ref.states).max() < 1e-7
        assert np.abs(mine.collective_ergotropy - ref.ergotropy).max() < 1e-6
        held = qutip.expect(qutip.expand_operator(own, sizes, [0, 2]), theirs)
        assert mine.ceiling == pytest.approx(battery.capacity - held, abs=1e-9)
        assert np.all(mine.ergotropy >= mine.collective_ergotropy - 1e-12)


def test_one_cavity_takes_one_field():
    one = DualCavityBattery(atoms_a=2, atoms_b=0, cutoff_a=14)
    default = one.charge(TIMES, leak=1.0)
    for start in (
        [np.eye(5)[2]],
        np.eye(15)[[2]],
        one.initial_state(),
        [qutip.basis(15, 2)],
    ):
        again = one.charge(TIMES, leak=1.0, start=start)
        assert np.abs(again.energy - default.energy).max() < 1e-12


WHOLE = ("atoms_a", "atoms_b", "photons_a", "photons_b", "cutoff_a", "cutoff_b")
REAL = ("splitting", "frequency", "coupling", "repulsion", "exchange")
BAD = [(name, bad) for name in WHOLE for bad in (-1, 2.5, True, "3", [2])]
BAD += [(name, bad) for name in REAL for bad in (np.nan, True, "1", None, 1j, [1.0])]
BAD += [("atoms_a", 0), ("cutoff_a", 3), ("splitting", 0.0), ("frequency", -1.0)]
BAD += [("coupling", -0.1), ("exchange", np.inf), ("atoms_a", None)]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_bad_parameters_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"Argument `{name}` must be "):
        DualCavityBattery(**{name: value})
    if name == "photons_b":  # where nothing depends on it, too
        with pytest.raises(ValueError, match="`photons_b`"):
            DualCavityBattery(atoms_b=0, photons_b=value)


def test_small_and_short_numbers_are_fields_like_any_other():
    small = DualCavityBattery(
        atoms_a=np.int8(100), atoms_b=np.uint8(0), cutoff_a=np.int8(127),
        photons_a=np.int8(2), splitting=np.float32(0.5), frequency=np.int8(1),
    )  # fmt: skip
    plain = DualCavityBattery(
        atoms_a=100, atoms_b=0, cutoff_a=127, photons_a=2, splitting=0.5
    )
    assert small == plain
    assert type(small.atoms_a) is int
    assert type(small.splitting) is float
    assert small.charge([0.0, 0.01]) == plain.charge([0.0, 0.01])


def test_a_basis_for_no_laptop_is_refused():
    large = DualCavityBattery(cutoff_a=300_000)
    assert large.capacity == DualCavityBattery().capacity  # needs no state
    for call in (large.charge, large.hamiltonian, large.initial_state):
        with pytest.raises(TooLargeError, match="`cutoff_a`") as caught:
            call()
        assert caught.value.found == 16 * (300_001 * 31 // 2)
        assert caught.value.limit == 4_000_000
    with pytest.raises(TooLargeError):
        DualCavityBattery(atoms_a=10**9, cutoff_a=2 * 10**9)
    # Without exchange each cavity fits alone, but not a ket that spans both.
    apart = DualCavityBattery(
        atoms_a=1, atoms_b=1, exchange=0.0, cutoff_a=9000, cutoff_b=300
    )
    ket = np.eye(1, 2 * 9001 * 2 * 301)[0]
    with pytest.raises(TooLargeError):
        apart.charge([1.0], start=ket)


UNIT = np.eye(9)[1]
TINY = DualCavityBattery(atoms_a=1, atoms_b=1, cutoff_a=8, cutoff_b=8)
KET = TINY.initial_state()
WRONG_STARTS = {
    "text": "ab", "number": 0.5, "nan": np.nan, "nothing": [None, None], "empty": [],
    "no amplitudes": [[], []], "bools": [np.eye(9, dtype=bool)[1], UNIT],
    "nested": [[1.0, [0.0]], UNIT], "one field": [UNIT], "three fields": [UNIT] * 3,
    "too long": [np.eye(10)[1], UNIT], "not finite": [[1.0, np.inf], UNIT],
    "not normalised": [UNIT, 2 * UNIT], "zero": [np.zeros(3), UNIT],
    "negative": [np.diag([1.5, -0.5]), UNIT], "not square": [np.ones((2, 3)), UNIT],
    "not Hermitian": [np.array([[1.0, 1.0], [0.0, 0.0]]), UNIT],
    "other dims": qutip.Qobj(KET.full()), "bra": KET.dag(), "short ket": np.eye(4)[0],
    "an operator": TINY.hamiltonian(), "two kets": [KET, KET],
}  # fmt: skip


@pytest.mark.parametrize("exchange", [0.5, 0.0])
@pytest.mark.parametrize("start", WRONG_STARTS.values(), ids=WRONG_STARTS)
def test_a_start_that_is_no_state_is_refused(start, exchange):
    with pytest.raises(ValueError, match="Argument `start` must "):
        replace(TINY, exchange=exchange).charge(TIMES, start=start)


RIGHT_STARTS = {
    "integers": [[0, 1], [0, 1]], "complex": [UNIT * 1j, UNIT], "tuple": (UNIT, UNIT),
    "short floats": [np.float32([0, 1]), UNIT], "array of fields": np.array([UNIT] * 2),
    "fields of QuTiP": [qutip.basis(9, 1), qutip.basis(9, 1).proj()],
    "projector": KET.proj(), "array": KET.full(),
    "flat list": KET.full()[:, 0].tolist(), "sparse": sparse.csr_array(KET.full()),
}  # fmt: skip


@pytest.mark.parametrize("start", RIGHT_STARTS.values(), ids=RIGHT_STARTS)
def test_a_start_may_come_in_any_form(start):
    default = TINY.charge(TIMES, leak=1.0).energy
    again = TINY.charge(TIMES, leak=1.0, start=start).energy
    assert np.abs(again - default).max() < 1e-12


def test_amplitudes_of_single_precision_are_normalised_enough():
    amplitudes = np.array([1.0, 1.0, 1.0]) / np.sqrt(3)
    single = amplitudes.astype(np.float32)
    a, b = (TINY.charge(TIMES, leak=1.0, start=[f, f]) for f in (amplitudes, single))
    # Single precision: each amplitude off by up to 3e-8, two norms and energies of 2.
    assert np.abs(a.energy - b.energy).max() < 1e-6


@pytest.mark.parametrize("call", ["charge", "converged", "charge_for_power"])
@pytest.mark.parametrize("leak", [0.0, -1.0, True, None, "1", np.inf, [1.0]])
def test_a_wrong_leak_is_refused(call, leak):
    with pytest.raises(ValueError, match="Argument `leak` must "):
        getattr(TINY, call)(leak=leak)


@pytest.mark.parametrize("call", ["charge", "converged"])
@pytest.mark.parametrize(
    "times", [[], 5.0, "a", [1.0, 0.0], [-1.0, 0.0], [0.0, np.nan]]
)
def test_wrong_times_are_refused(call, times):
    with pytest.raises(ValueError, match="Argument `times` must "):
        getattr(TINY, call)(times)


@pytest.mark.parametrize("step", [0.0, -1.0, True, "a", np.nan, [0.1]])
def test_a_wrong_step_is_refused(step):
    with pytest.raises(ValueError, match="Argument `step` must "):
        TINY.charge_for_power(step=step)


def test_a_run_beyond_double_precision_is_refused():
    with pytest.raises(AccuracyError, match="`times`") as caught:
        TINY.charge([0.0, 1e9], leak=1.0)
    assert caught.value.found > caught.value.limit


def test_times_need_not_begin_at_zero():
    whole, late = (TINY.charge(t, leak=1.0) for t in (TIMES, TIMES[17:]))
    # Rounding only: the run is cut at other places.
    for name in ("energy", "power", "ergotropy", "photons"):
        a, b = getattr(whole, name)[..., 17:], getattr(late, name)
        assert np.abs(a - b).max() < 1e-12, name


def test_the_defaults_converge():
    battery = DualCavityBattery().converged(leak=1e-3)
    assert battery.charge(leak=1e-3).leak.max() <= 1e-3


def stored(name: str) -> list[dict[str, float]]:
    with (DATA / f"dual-cavity-{name}.csv").open(encoding="utf-8") as file:
        return [
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def rebuilt(row: dict[str, float]) -> DualCavityBattery:
    whole = {
        key: int(row[key]) for key in ("atoms_a", "atoms_b", "cutoff_a", "cutoff_b")
    }
    return DualCavityBattery(
        **whole, exchange=row["exchange"], repulsion=row["repulsion"]
    )


@pytest.mark.parametrize(
    ("name", "number"), [("exchange", 2), ("splits", 0), ("splits", 6)]
)
def test_stored_runs_come_out_again(name, number):
    row = stored(name)[number]  # rows without exchange: quick
    found = rebuilt(row).charge(np.linspace(0.0, 20.0, 801), leak=1.0)
    assert found.max_energy.value == pytest.approx(row["max_energy"], abs=2e-5)
    assert found.max_average_power.value == pytest.approx(row["max_power"], abs=2e-5)


@pytest.mark.parametrize(
    ("name", "atoms", "exchange"), [("scaling", 8, 0.5), ("exchange", 12, 0.5)]
)
def test_stored_powers_come_out_again(name, atoms, exchange):
    for row in stored(name):
        if (
            row["exchange"] == exchange
            and row["atoms_a"] + row["atoms_b"] == atoms
            and row["repulsion"] == 1.0
        ):
            found = rebuilt(row).charge_for_power(leak=1e-3).max_average_power.value
            # The sweep of the window samples every 0.1: h^4 E^(4)/384 < 1e-3.
            assert found == pytest.approx(row["max_power"], abs=1e-3)


@pytest.mark.parametrize("exchange", [0.4, 0.0])
@pytest.mark.parametrize("low", ["a", "b"])
def test_a_leak_in_either_cavity_alone_is_found(low, exchange):
    cutoffs = {"cutoff_a": 40, "cutoff_b": 40} | {f"cutoff_{low}": 4}
    battery = DualCavityBattery(atoms_a=2, atoms_b=2, exchange=exchange, **cutoffs)
    with pytest.raises(LeakingCutoffError, match=f"`cutoff_{low}` = 4 ") as caught:
        battery.charge(TIMES)
    # Far above the limit from the first step on, where 40 photons in the other cavity
    # hold nothing at all.
    leak = battery.charge(TIMES, leak=1.0).leak
    mine, other = leak if low == "a" else leak[::-1]
    assert 0.1 < caught.value.found <= mine.max() * (1 + 1e-12)
    assert other.max() < 1e-30
    assert battery.charge(TIMES, leak=1.1 * mine.max()).leak.max() == leak.max()


@pytest.mark.parametrize(
    ("coupling", "exchange", "before", "enough"),
    [(0.4, 0.0, 25, 31), (0.2, 0.2, 16, 20)],
)
def test_only_the_cavity_that_leaks_gets_more_levels(
    coupling, exchange, before, enough
):
    # From ten photons above the start, 16 and 11, a goes to 20, 25, 31; b is right.
    battery = DualCavityBattery(
        atoms_a=6, atoms_b=1, coupling=coupling, exchange=exchange
    )
    found = battery.converged(TIMES)
    assert (found.cutoff_a, found.cutoff_b) == (enough, 11)
    assert found.charge(TIMES).leak.max() <= 1e-6
    short = replace(found, cutoff_a=before)
    with pytest.raises(LeakingCutoffError, match="`cutoff_a`"):
        short.charge(TIMES)


@pytest.mark.parametrize("atoms", [1, 3])
def test_a_battery_in_which_nothing_moves_has_no_power(atoms):
    dark = DualCavityBattery(atoms_a=atoms, atoms_b=0, coupling=0.0, cutoff_a=12)
    assert dark.charge_for_power().max_average_power.value == 0.0


def light_of(*amplitudes):
    """The same light in both cavities."""
    return [np.array(amplitudes) / np.linalg.norm(amplitudes)] * 2


@pytest.mark.parametrize(
    "start", [None, light_of(1, 1j, 0.5), [np.diag([0.5, 0.3, 0.2])] * 2]
)
def test_cavities_that_are_alike_need_half_of_the_amplitudes(monkeypatch, start):
    battery = DualCavityBattery(atoms_a=2, atoms_b=2, cutoff_a=9, cutoff_b=9)
    run = partial(battery.charge, TIMES, start=start, states=True)
    halves = run(leak=1.0)
    with pytest.raises(LeakingCutoffError) as found:
        run(leak=1e-6)
    space = battery._spaces(start)[0]
    pure = not isinstance(start, list) or start[0].ndim == 1
    assert (space.fold is not None) == pure  # of a mixture each ket must be alike
    if pure:
        own_twins = 3 * 10  # |m, n, m, n>
        assert space.fold.shape[1] == (space.fold.shape[0] + own_twins) / 2
    monkeypatch.setattr(Space, "_fold", lambda *_: None)
    whole = run(leak=1.0)
    with pytest.raises(LeakingCutoffError) as also:
        run(leak=1e-6)
    # The looks of the two lie elsewhere; what is between two is higher by 1/cos(1).
    assert np.cos(1.0) < found.value.found / also.value.found < 1 / np.cos(1.0)
    for name in ("energy", "power", "ergotropy", "photons", "leak", "states"):
        assert np.abs(getattr(halves, name) - getattr(whole, name)).max() < 1e-11


@pytest.mark.parametrize(
    "unlike",
    [{"cutoff_b": 8}, {"atoms_b": 3}, {"photons_b": 1}, {"exchange": 0.0}],
)
def test_cavities_that_differ_keep_all_amplitudes(unlike):
    fields = {"atoms_a": 2, "atoms_b": 2, "cutoff_a": 9, "cutoff_b": 9} | unlike
    assert all(s.fold is None for s in DualCavityBattery(**fields)._spaces(None))
