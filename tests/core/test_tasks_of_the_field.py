"""Tasks of people who publish on quantum batteries, each in at most ten lines.

The first lines of a test are a reader's who has only the documentation; what comes
after `# Check:` compares them with a closed form, or with numpy, scipy or QuTiP alone.
Qubits have the excited state first, hbar = 1, and the splitting of a qubit is 1 unless
said otherwise.
"""

import inspect
import math

import numpy as np
import pytest
import qutip
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import qbcore
from qbcore import gaussian, metrics
from qbcore.sweep import sweep

UP, DOWN = qutip.basis(2, 0), qutip.basis(2, 1)
RAISE, LOWER = qutip.sigmap(), qutip.sigmam()
EXCITED = UP.proj()
# Accuracy of `qbcore.charge`: 1e-10 per step of its solver, of which there are some
# hundred, times the energies and times of these tasks.
SOLVED = 1e-7


def test_a_qubit_hands_its_excitation_to_another():
    """E = sin^2(g t), and work only once the battery is inverted.

    Andolina et al., Phys. Rev. B 98, 205423 (2018), two two-level systems.
    """
    flip = qutip.tensor(RAISE, LOWER)
    start = qutip.tensor(UP, DOWN)
    curve = qbcore.charge(0.3 * (flip + flip.dag()), EXCITED, start, battery_sites=1)
    best = curve.max_energy
    # Check: closed form; the battery is diagonal, so that its work is 2 E - 1 or 0.
    energy = np.sin(0.3 * curve.times) ** 2
    assert curve.energy == pytest.approx(energy, abs=SOLVED)
    assert curve.ergotropy == pytest.approx(np.clip(2 * energy - 1, 0, None), abs=1e-6)
    assert best.value == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("anisotropy", [1.0, 0.3])
def test_a_spin_chain_charges_as_one_spin_only_without_anisotropy(anisotropy):
    """Heisenberg chain in parallel fields, after Le et al., Phys. Rev. A 97, 022106
    (2018): an isotropic interaction commutes with the total spin and changes nothing.
    """
    dims, spins = [2] * 4, [qutip.sigmax(), qutip.sigmay(), qutip.sigmaz()]
    x, y, z = ([qutip.expand_operator(s, dims, j) for j in range(4)] for s in spins)
    bonds = [a[j] * a[j + 1] for a in (x, y) for j in range(3)]
    bonds += [anisotropy * z[j] * z[j + 1] for j in range(3)]
    h_b, h = sum(z), sum(z) - 0.7 * sum(bonds) + 1.5 * sum(x)
    start, times = qutip.tensor([DOWN] * 4), np.linspace(0.0, 3.0, 61)
    curve = qbcore.charge(h, h_b, start, times)
    # Check: exponentials of numpy, and Rabi's formula of four free spins.
    b = h_b.full()
    kets = [expm(-1j * h.full() * t) @ start.full()[:, 0] for t in times]
    energy = [np.vdot(ket, b @ ket).real + 4 for ket in kets]
    assert curve.energy == pytest.approx(np.array(energy), abs=SOLVED)
    rabi = math.hypot(1.0, 1.5)
    free = 8 * (1.5 / rabi) ** 2 * np.sin(rabi * times) ** 2
    apart = abs(curve.energy - free).max()
    assert apart < SOLVED if anisotropy == 1 else apart > 0.1


def test_two_atoms_share_two_photons():
    """Tavis-Cummings battery: three levels, coupled by 2 g and sqrt(2) g."""
    battery = qbcore.DualCavityBattery(
        atoms_a=2, atoms_b=0, repulsion=0.0, coupling=0.2, counter_rotating=False
    )
    curve = battery.charge()
    # Check: closed form with g = coupling/2 and the frequency sqrt(6) g.
    turn = math.sqrt(6) * 0.1 * curve.times
    one, two = 2 / 3 * np.sin(turn) ** 2, 2 / 9 * (np.cos(turn) - 1) ** 2
    assert curve.energy == pytest.approx(one + 2 * two, abs=1e-11)


def test_the_dicke_battery_of_ferraro():
    """H = omega_c n + omega_a S^z + 2 omega_c lambda S^x (a + a^+), N photons.

    Ferraro et al., Phys. Rev. Lett. 120, 117702 (2018), at lambda = 0.5 and N = 4.
    """
    battery = qbcore.DualCavityBattery(
        atoms_a=4, atoms_b=0, repulsion=0.0, coupling=2 * 0.5
    )
    times = np.linspace(0.0, 6.0, 121)
    curve = battery.converged(times, leak=1e-12).charge(times)
    best = curve.max_average_power
    # Check: the eigenvectors of numpy, at a larger cutoff.
    n, a = np.arange(101.0), np.diag(np.sqrt(np.arange(1.0, 101)), 1)
    sx = qutip.jmat(2, "x").full().real
    up = np.arange(4.0, -1.0, -1.0)
    h = np.diag(np.add.outer(up, n).ravel()) + np.kron(sx, a + a.T)
    e, v = np.linalg.eigh(h)
    amplitudes = v[4 * 101 + 4] * np.exp(-1j * np.multiply.outer(curve.times, e))
    light_and_atoms = abs(amplitudes @ v.T).reshape(-1, 5, 101) ** 2
    energy = light_and_atoms.sum(axis=2) @ up
    # A leak of 1e-12 is an amplitude of 1e-6, beside at most four quanta, twice.
    assert curve.energy == pytest.approx(energy, abs=8e-6)
    assert best.value == pytest.approx((energy[1:] / curve.times[1:]).max(), rel=2e-3)


def test_the_power_of_many_batteries_in_one_table():
    """Tavis-Cummings batteries of 1, 2, 4 and 6 atoms at two couplings."""

    def power(atoms, g):
        battery = qbcore.DualCavityBattery(
            atoms_a=atoms, atoms_b=0, repulsion=0, coupling=g, counter_rotating=False
        )
        return battery.charge_for_power().max_average_power.value

    table = sweep(power, {"atoms": [1, 2, 4, 6], "g": [0.1, 0.2]})["value"]
    # Check: the (N + 1) states with N excitations, each as an exponential of numpy.
    for atoms in (1, 2, 4, 6):
        k = np.arange(atoms)  # <k + 1, N - k - 1| S^+ a |k, N - k>
        hop = np.sqrt((atoms - k) * (k + 1) * (atoms - k))
        e, v = np.linalg.eigh(np.diag(hop, 1) + np.diag(hop, -1))
        g_t = np.linspace(0.0, 4.0, 20001)[1:]
        found = abs((v[0] * np.exp(-1j * np.multiply.outer(g_t, e))) @ v.T) ** 2
        best = (found @ np.arange(atoms + 1.0) / g_t).max()
        for g in (0.1, 0.2):
            have = float(table.sel(atoms=atoms, g=g))
            assert have == pytest.approx(best * g / 2, rel=1e-3)


def test_a_cavity_that_leaks_charges_an_atom():
    """One atom, one photon, loss kappa: E = (g/O)^2 e^(-kappa t/2) sin^2(O t)."""
    field = {"coupling": 0.4, "counter_rotating": False, "cavity_loss": 0.3}
    battery = qbcore.DualCavityBattery(atoms_a=1, atoms_b=0, repulsion=0.0, **field)
    curve = battery.charge(np.linspace(0.0, 30.0, 301))
    # Check: one excitation decays under a Hamiltonian that is not Hermitian.
    o = math.sqrt(0.2**2 - 0.3**2 / 16)
    amplitude = 0.2 / o * np.exp(-0.3 * curve.times / 4) * np.sin(o * curve.times)
    assert curve.energy == pytest.approx(amplitude**2, abs=1e-9)


def test_an_atom_in_a_coherent_field_collapses_and_revives():
    """E = sum_n p_n sin^2(g sqrt(n) t) over the photon numbers of the field."""
    light = {"coupling": 0.2, "counter_rotating": False, "cutoff_a": 40}
    battery = qbcore.DualCavityBattery(atoms_a=1, atoms_b=0, repulsion=0.0, **light)
    field = qutip.coherent(40, 3.0, method="analytic")
    curve = battery.charge(np.linspace(0.0, 250.0, 501), start=field)
    # Check: Poisson's weights.
    n = np.arange(60)
    p = np.exp(-9.0 + n * math.log(9.0) - [math.lgamma(k + 1) for k in n])
    turn = 0.1 * np.multiply.outer(curve.times, np.sqrt(n))
    assert curve.energy == pytest.approx(np.sin(turn) ** 2 @ p, abs=1e-8)


def test_excited_atoms_discharge_together_in_a_cascade():
    """Superradiance: m goes to m - 1 at the rate Gamma (s + m)(s - m + 1).

    Gross and Haroche, Phys. Rep. 93, 301 (1982).
    """
    dark = {"atoms_b": 0, "repulsion": 0.0, "coupling": 0.0, "photons_a": 0}
    battery = qbcore.DualCavityBattery(
        atoms_a=4, cutoff_a=2, collective_decay=0.2, **dark
    )
    full = qutip.tensor(qutip.basis(5, 0), qutip.basis(3, 0))
    curve = battery.charge(np.linspace(0.0, 8.0, 81), start=full)
    # Check: the rate equation.
    excited = np.arange(4, -1, -1)
    rate = 0.2 * excited * (5 - excited)
    flow = np.diag(rate[:-1], -1) - np.diag(rate)
    left = [excited @ expm(flow * t)[:, 0] for t in curve.times]
    assert curve.energy == pytest.approx(np.array(left) - 4, abs=1e-9)
    assert curve.power[0] == pytest.approx(-0.8, abs=1e-9)


def test_the_work_of_atoms_that_decay_alone_dies_before_their_energy():
    """N atoms, each excited at p = e^(-gamma t), hold the work N max(0, 2 p - 1)."""
    dark = {"atoms_b": 0, "repulsion": 0.0, "coupling": 0.0, "photons_a": 0}
    battery = qbcore.DualCavityBattery(
        atoms_a=3, cutoff_a=2, individual_decay=0.2, **dark
    )
    full = qutip.basis(battery.hamiltonian().dims[0], [0, 0])
    curve = battery.charge(np.linspace(0.0, 10.0, 2001), start=full)
    of_work = metrics.lifetime(curve.times, curve.ergotropy)
    of_energy = metrics.lifetime(curve.times, 3.0 + curve.energy)
    # Check: 2 p - 1 = 1/e, and p = 1/e; by straight lines over steps of 0.005.
    assert of_work == pytest.approx(math.log(2 / (1 + 1 / math.e)) / 0.2, abs=1e-5)
    assert of_energy == pytest.approx(5.0, abs=1e-5)


def test_a_micromaser_stops_where_its_atoms_turn_fully():
    """Excited qubits cannot fill more than m - 1 quanta if g tau sqrt(m) = pi.

    Trapping states, as in Shaghaghi et al., Quantum Sci. Technol. 7, 04LT01 (2022).
    """
    a = qutip.destroy(12)
    give = qutip.tensor(a, RAISE) * math.pi / math.sqrt(8)
    turn = (-1j * (give + give.dag())).expm()
    strokes = qbcore.collision(turn, UP)
    curve = qbcore.charge_stepwise(strokes, qutip.num(12), qutip.basis(12, 0), 300)
    # Check: a chain of births with probabilities sin^2(g tau sqrt(n + 1)).
    p, mean = np.eye(12)[0], []
    birth = np.sin(math.pi * np.sqrt(np.arange(1, 13) / 8)) ** 2
    for _ in range(301):
        mean.append(p @ np.arange(12))
        p = p * (1 - birth) + np.append(0.0, (p * birth)[:-1])
    assert curve.energy == pytest.approx(np.array(mean), abs=1e-10)
    assert curve.energy[-1] == pytest.approx(7.0, abs=1e-4)


def test_thermal_units_charge_to_the_inverted_gibbs_state():
    """Fixed point e^(+beta H)/Z, its work tanh(beta/2): Barra, Phys. Rev. Lett. 122,
    210601 (2019). The units swap excitations by sigma_+ sigma_+ + h.c.
    """
    pump = qutip.tensor(RAISE, RAISE)
    turn = (-0.6j * (pump + pump.dag())).expm()
    unit = (-0.8 * EXCITED).expm().unit()
    curve = qbcore.charge_stepwise(qbcore.collision(turn, unit), EXCITED, DOWN, 60)
    # Check: the excitation goes to 1/(1 + e^-beta) as a power of cos^2(theta).
    end, kept = 1 / (1 + math.exp(-0.8)), math.cos(0.6) ** 2
    assert curve.energy == pytest.approx(end * (1 - kept ** np.arange(61)), abs=1e-10)
    assert curve.ergotropy[-1] == pytest.approx(math.tanh(0.4), abs=1e-9)


def test_a_sech_pulse_charges_by_the_formula_of_rosen_and_zener():
    """p = sin^2(A/2) sech^2(pi Delta tau/2) with the area A = pi v0 tau.

    Rosen and Zener, Phys. Rev. 40, 502 (1932).
    """
    battery = qbcore.RosenZenerBattery(
        atoms=1,
        interaction=0.0,
        splitting=0.5,
        drive=0.8,
        duration=40.0,
        shape=lambda x: 1 / np.cosh(40 * (x - 0.5)),
    )
    curve = battery.charge()
    # Check: tau = 1; the tails that are cut off hold an area of 4 e^-20.
    p = math.sin(0.4 * math.pi) ** 2 / math.cosh(math.pi / 4) ** 2
    assert curve.energy[-1] == pytest.approx(0.5 * p, abs=1e-7)


def test_a_driven_charger_leaves_f_over_g_squared_quanta():
    """E(inf) = omega_0 F^2/g^2, all of it work, whatever the charger's loss.

    Farina et al., Phys. Rev. B 99, 035421 (2019), two oscillators at zero temperature.
    """
    battery = qbcore.NonreciprocalBattery(
        shared_loss=0.0,
        charger_loss=0.5,
        battery_loss=0.0,
        coupling=0.4,
        linear_drive=0.6,
    )
    rest = battery.steady_state()
    curve = battery.charge(np.linspace(0.0, 20.0, 101))
    # Check: d<a>/dt = -i g <b> - kappa/2 <a> - i F, d<b>/dt = -i g <a>.
    assert rest.energy == pytest.approx(2.25, rel=1e-12)
    assert rest.ergotropy == pytest.approx(2.25, rel=1e-12)
    flow = np.array([[-0.25, -0.4j], [-0.4j, 0.0]])
    still = -np.linalg.solve(flow, [-0.6j, 0.0])
    b = np.array([(still - expm(flow * t) @ still)[1] for t in curve.times])
    assert curve.energy == pytest.approx(abs(b) ** 2, abs=1e-9)


def test_a_charger_is_driven_by_a_pulse_of_ones_own():
    losses = {"shared_loss": 0.0, "charger_loss": 0.1, "battery_loss": 0.02}
    pulse = lambda t: math.exp(-((t - 4) ** 2) / 2) * math.cos(t)  # noqa: E731
    battery = qbcore.NonreciprocalBattery(**losses, coupling=0.5, linear_drive=pulse)
    curve = battery.charge(np.linspace(0.0, 15.0, 151))
    fed = np.trapezoid(curve.input_power, curve.times)
    # Check: the two amplitudes and the energy of the drive, by scipy.

    def slope(t, y):
        f = math.exp(-((t - 4) ** 2) / 2) * math.cos(t)
        a, b, _ = y
        return [-0.05 * a - 0.5j * b - 1j * f, -0.01 * b - 0.5j * a, -2 * f * a.imag]

    fields = {"rtol": 1e-11, "atol": 1e-13, "t_eval": curve.times}
    found = solve_ivp(slope, (0.0, 15.0), np.zeros(3, complex), **fields).y
    assert curve.energy == pytest.approx(abs(found[1]) ** 2, abs=1e-8)
    assert fed == pytest.approx(found[2, -1].real, abs=1e-6)


def test_the_kind_of_light_in_the_charger_decides_on_the_work():
    """Two quanta in a thermal, a coherent, a squeezed charger: the same energy.

    Oscillators, after Andolina et al., Phys. Rev. B 98, 205423 (2018).
    """
    closed = {"shared_loss": 0.0, "charger_loss": 0.0, "battery_loss": 0.0}
    battery = qbcore.NonreciprocalBattery(**closed, coupling=0.4, linear_drive=0.0)
    t, r = np.linspace(0.0, math.pi / 0.8, 51), math.asinh(math.sqrt(2))
    heat, light = gaussian.thermal(1, 2.0), gaussian.coherent(math.sqrt(2))
    lights, empty = (heat, light, gaussian.squeezed(r)), gaussian.thermal(1)
    starts = [gaussian.tensor(each, empty) for each in lights]
    of_heat, of_light, of_noise = (battery.charge(t, start=each) for each in starts)
    # Check: a beam splitter of transmission s = sin^2(g t).
    s = np.sin(0.4 * t) ** 2
    for curve in (of_heat, of_light, of_noise):
        assert curve.energy == pytest.approx(2 * s, abs=1e-12)
    assert of_heat.ergotropy == pytest.approx(0.0, abs=1e-12)
    assert of_light.ergotropy == pytest.approx(2 * s, abs=1e-12)
    low, high = (s * math.exp(k * r) / 2 + (1 - s) / 2 for k in (-2, 2))
    left = 2 * s - np.sqrt(low * high) + 0.5
    assert of_noise.ergotropy == pytest.approx(left, abs=1e-12)


def test_two_modes_squeezed_together_lock_all_their_work():
    """Each mode alone is thermal; together they are pure, with E_N = 2 r nats."""
    pair = gaussian.two_mode_squeezed(0.7)
    together = gaussian.gaussian_ergotropy(pair, [1.0, 1.0])
    apart = [gaussian.ergotropy(pair.mode(k)) for k in (0, 1)]
    entangled = gaussian.logarithmic_negativity(pair, base=math.e)
    # Check: closed forms.
    assert together == pytest.approx(2 * math.sinh(0.7) ** 2, rel=1e-12)
    assert apart == pytest.approx([0.0, 0.0], abs=1e-12)
    assert entangled == pytest.approx(1.4, rel=1e-12)


def test_precision_of_gaussian_charging():
    """Var n is n after a displacement, and 2 n (n + 1) after squeezing.

    Friis and Huber, Quantum 2, 61 (2018): displacements charge more precisely.
    """
    displaced = gaussian.coherent(math.sqrt(1.3))
    squeezed = gaussian.squeezed(math.asinh(math.sqrt(1.3)))
    states = [gaussian.fock_state(each, 150) for each in (displaced, squeezed)]
    spread = metrics.energy_fluctuation(states, qutip.num(150))
    # Check: the photon statistics of textbooks.
    assert spread**2 == pytest.approx([1.3, 2 * 1.3 * 2.3], rel=1e-9)


def test_copies_of_a_passive_state_hold_work_together():
    """W(rho^n)/n stays below the work of very many copies, and comes nearer to it.

    Alicki and Fannes, Phys. Rev. E 87, 042123 (2013).
    """
    h, rho = qutip.qdiags([0.0, 1.0, 1.8], 0), qutip.qdiags([0.5, 0.4, 0.1], 0)
    several = [1, 2, 4]
    each = []
    for n in several:
        h_n = sum(qutip.expand_operator(h, [3] * n, k) for k in range(n))
        each.append(metrics.ergotropy(qutip.tensor([rho] * n), h_n) / n)
    limit = metrics.many_copy_work(rho, h)
    # Check: sorted products; and Gibbs states, one of which has the entropy of rho.
    e, p = np.array([0.0, 1.0, 1.8]), np.array([0.5, 0.4, 0.1])
    for n, work in zip(several, each, strict=True):
        levels, weights = np.zeros(1), np.ones(1)
        for _ in range(n):
            levels = np.add.outer(levels, e).ravel()
            weights = np.multiply.outer(weights, p).ravel()
        passive = np.sort(weights)[::-1] @ np.sort(levels)
        assert work == pytest.approx((weights @ levels - passive) / n, abs=1e-12)
    beta = np.linspace(0.1, 3.0, 200001)
    gibbs = np.exp(-np.multiply.outer(beta, e))
    gibbs /= gibbs.sum(axis=1, keepdims=True)
    entropy = -(gibbs * np.log(gibbs)).sum(axis=1)
    at = np.argmin(abs(entropy + p @ np.log(p)))
    assert limit == pytest.approx(p @ e - gibbs[at] @ e, abs=2e-5)
    assert each[0] == 0 < each[1] < each[2] < limit


def test_a_demon_takes_work_from_a_werner_state():
    """Either measurement of the ancilla gives z/2, and nothing is there without one.

    Daemonic ergotropy: Francica et al., npj Quantum Inf. 3, 12 (2017).
    """
    z = 0.6
    werner = z * qutip.singlet_state().proj() + (1 - z) / 4 * qutip.qeye([2, 2])
    plus, minus = (UP + DOWN).unit(), (UP - DOWN).unit()
    bases = [[UP, DOWN], [plus, minus]]
    found = [metrics.daemonic_ergotropy(werner, EXCITED, each) for each in bases]
    alone = metrics.ergotropy(werner.ptrace(0), EXCITED)
    # Check: the result leaves a Bloch vector of length z, the energy 1/2 on average.
    assert found == pytest.approx([z / 2, z / 2], abs=1e-12)
    assert alone == pytest.approx(0.0, abs=1e-12)


def test_all_collective_and_local_unitaries_on_three_atoms():
    """Symmetric atoms with 3, 2, 1, 0 of them excited at 0.4, 0.2, 0.1, 0.3."""
    rho = np.diag([0.4, 0.2, 0.1, 0.3])
    spins = [qutip.jmat(s, "z") for s in (1.5, 0.5)]
    everything = metrics.ergotropy(rho, spins, unitaries="all_atoms")
    together = metrics.ergotropy(rho, spins[0], unitaries="collective")
    flip, two = qutip.tensor([qutip.sigmax()] * 3), qutip.w_state(3)
    dicke = [qutip.tensor([UP] * 3), two, flip * two, qutip.tensor([DOWN] * 3)]
    qubits = sum(p * ket.proj() for p, ket in zip(np.diag(rho), dicke, strict=True))
    h = sum(qutip.expand_operator(EXCITED, [2] * 3, k) for k in range(3))
    alone = metrics.ergotropy(qubits, h, unitaries="local")
    locked = metrics.ergotropic_gap(qubits, h)
    # Check: the energy is 1.7; weights .4 .3 .2 .1 go to 0 1 1 1, or to 0 1 2 3.
    assert everything == pytest.approx(1.7 - 0.6, abs=1e-12)
    assert together == pytest.approx(1.7 - 1.0, abs=1e-12)
    assert alone == pytest.approx(3 * (2 * 1.7 / 3 - 1), abs=1e-12)
    assert locked == pytest.approx(1.1 - 0.4, abs=1e-12)


def test_parallel_charging_misses_the_speed_limit_by_the_root_of_n():
    """N qubits under the same field take pi; their spread would allow pi/sqrt(N).

    Binder et al., New J. Phys. 17, 075015 (2015).
    """
    allowed = []
    for n in (1, 4):
        k = sum(qutip.expand_operator(qutip.sigmax() / 2, [2] * n, j) for j in range(n))
        allowed.append(metrics.speed_limits(qutip.tensor([DOWN] * n), k))
    global_k = qutip.tensor([RAISE] * 4) + qutip.tensor([LOWER] * 4)
    fastest = metrics.speed_limits(qutip.tensor([DOWN] * 4), global_k)
    # Check: closed forms; the global field takes exactly pi/2 and wastes no time.
    assert [each.mandelstam_tamm for each in allowed] == pytest.approx(
        [math.pi, math.pi / 2], rel=1e-12
    )
    assert [each.margolus_levitin for each in allowed] == pytest.approx(
        [math.pi, math.pi / 4], rel=1e-12
    )
    assert fastest == pytest.approx((math.pi / 2, math.pi / 2), rel=1e-12)
    end = (-1j * math.pi / 2 * global_k).expm() * qutip.tensor([DOWN] * 4)
    assert abs(end.overlap(qutip.tensor([UP] * 4))) == pytest.approx(1.0, abs=1e-12)


def test_the_power_of_a_battery_in_a_cavity_stays_below_its_bound():
    """P^2 <= 4 Var(H_B) Var(V).

    Julia-Farre et al., Phys. Rev. Research 2, 023113 (2020).
    """
    j, a = qutip.jmat(2, "+"), qutip.destroy(9)
    h_b = qutip.tensor(qutip.jmat(2, "z"), qutip.qeye(9))
    v = 0.1 * (qutip.tensor(j, a) + qutip.tensor(j.dag(), a.dag()))
    start = qutip.tensor(qutip.basis(5, 4), qutip.basis(9, 4))
    curve = qbcore.charge(v, h_b, start, states=True, modes=1)
    bound = metrics.power_bound(curve.states, h_b, v)
    # Check: variances by QuTiP; the power is that of the commutator.
    kets = [qutip.Qobj(ket, dims=start.dims) for ket in curve.states]
    spreads = qutip.variance(h_b, kets) * qutip.variance(v, kets)
    assert bound == pytest.approx(2 * np.sqrt(abs(spreads)), abs=1e-6)
    power = qutip.expect(1j * (v * h_b - h_b * v), kets)
    assert curve.power == pytest.approx(power, abs=1e-9)
    assert (abs(power) <= bound + 1e-9).all()


def test_thermal_qubits_can_be_inverted_and_no_more():
    """E_max = N tanh(beta/2) from Gibbs states, all of it work, and the capacity.

    Capacity: Yang et al., Phys. Rev. Lett. 131, 030402 (2023).
    """
    beta, n = 1.2, 3
    h = sum(qutip.expand_operator(EXCITED, [2] * n, k) for k in range(n))
    drive = sum(qutip.expand_operator(qutip.sigmax() / 2, [2] * n, k) for k in range(n))
    gibbs = (-beta * h).expm().unit()
    curve = qbcore.charge(drive, h, gibbs, np.linspace(0.0, 2 * math.pi, 101))
    best = curve.max_energy
    capacity = metrics.capacity(gibbs, h)
    # Check: closed forms.
    want = n * math.tanh(beta / 2)
    assert (best.value, best.time) == pytest.approx((want, math.pi), abs=1e-5)
    assert curve.ergotropy[50] == pytest.approx(want, abs=SOLVED)
    assert capacity == pytest.approx(want, abs=1e-12)


def test_free_energy_of_szilards_engine_and_of_a_hot_qubit():
    """A known bit is worth T log 2; a hot qubit T times its relative entropy."""
    cold, hot = 0.7, 2.0
    bit = metrics.excess_free_energy(UP, 0 * EXCITED, cold)
    gibbs = (-EXCITED / hot).expm().unit()
    warm = metrics.excess_free_energy(gibbs, EXCITED, cold)
    work = metrics.ergotropy(gibbs, EXCITED)
    # Check: closed form, and QuTiP's relative entropy.
    assert bit == pytest.approx(cold * math.log(2), rel=1e-12)
    there = (-EXCITED / cold).expm().unit()
    apart = qutip.entropy_relative(gibbs, there, base=math.e)
    assert warm == pytest.approx(cold * apart, rel=1e-10)
    assert work == 0


def test_a_three_level_battery_is_charged_by_two_pulses():
    """Stimulated Raman passage with sin and cos pulses, which is solved exactly.

    The three-level battery of Santos et al., Phys. Rev. E 100, 032107 (2019).
    """
    low, mid, high = (qutip.basis(3, k) for k in range(3))
    stokes, pump = (mid * each.dag() + each * mid.dag() for each in (high, low))
    angle = 0.1  # of the dark state per time
    p, s = (
        (pump, lambda t: math.sin(angle * t)),
        (stokes, lambda t: math.cos(angle * t)),
    )
    h, times = qutip.QobjEvo([list(p), list(s)]), np.linspace(0.0, math.pi / 0.2, 201)
    curve = qbcore.charge(h, np.diag([0.0, 1.0, 1.95]), low, times)
    # Check: in the frame of the dark state a vector turns about a fixed axis.
    turn, whole = math.hypot(1.0, angle), angle / math.hypot(1.0, angle)
    dark = 1 - whole**2 * (1 - np.cos(turn * times))
    bright = whole * np.sin(turn * times)
    middle = angle / turn**2 * (1 - np.cos(turn * times))
    top = np.cos(angle * times) * bright - np.sin(angle * times) * dark
    energy = middle**2 + 1.95 * top**2
    assert curve.energy == pytest.approx(energy, abs=SOLVED)
    assert 0.95 < curve.energy[-1] / 1.95 < 0.999  # not adiabatic


def test_a_driven_qubit_that_decays_keeps_some_work():
    """Resonance fluorescence: p = O^2/d, |coherence| = O g/d with d = g^2 + 2 O^2."""
    rabi, decay = 0.8, 0.5
    times = np.linspace(0.0, 80.0, 401)
    jump = math.sqrt(decay) * LOWER
    curve = qbcore.charge(
        rabi / 2 * qutip.sigmax(), EXCITED, DOWN, times, collapse_operators=jump
    )
    # Check: the Bloch vector at rest, of length b, leaves p - (1 - b)/2.
    p, c = rabi**2 / (decay**2 + 2 * rabi**2), rabi * decay / (decay**2 + 2 * rabi**2)
    work = p - (1 - math.hypot(2 * p - 1, 2 * c)) / 2
    assert curve.energy[-1] == pytest.approx(p, abs=1e-8)
    assert curve.ergotropy[-1] == pytest.approx(work, abs=1e-8)


def test_a_dark_state_keeps_energy_and_no_work():
    """One of two atoms is excited; half of it is a singlet, which does not decay.

    Dark states as in Quach and Munro, Phys. Rev. Applied 14, 024092 (2020).
    """
    j = sum(qutip.expand_operator(LOWER, [2, 2], k) for k in (0, 1))
    h = sum(qutip.expand_operator(EXCITED, [2, 2], k) for k in (0, 1))
    start, times = qutip.tensor(UP, DOWN), np.linspace(0.0, 20.0, 201)
    curve = qbcore.charge(h, h, start, times, collapse_operators=math.sqrt(0.3) * j)
    # Check: the triplet decays at 2 Gamma; with q = e^(-2 Gamma t) the weights are
    # (1 - q)/2 of the ground state and two of the superposition, which sum to the rest.
    q = np.exp(-0.6 * times)
    assert curve.energy == pytest.approx((q - 1) / 2, abs=SOLVED)
    ground = (1 - q) / 2
    weights = np.maximum(ground, 1 - ground)
    assert curve.ergotropy == pytest.approx((1 + q) / 2 - (1 - weights), abs=1e-6)


def test_two_photons_charge_an_atom_at_once():
    """E = sin^2(g sqrt(n (n - 1)) t).

    Two-photon Dicke battery: Crescente et al., Phys. Rev. B 102, 245407 (2020).
    The cutoff is guarded: the charger never holds more than it started with.
    """
    a = qutip.destroy(9)
    h = 0.2 * qutip.tensor(RAISE, a**2)
    start = qutip.tensor(DOWN, qutip.basis(9, 6))
    curve = qbcore.charge(h + h.dag(), EXCITED, start, battery_sites=0, modes=1)
    # Check: closed form.
    turn = 0.2 * math.sqrt(30) * curve.times
    assert curve.energy == pytest.approx(np.sin(turn) ** 2, abs=SOLVED)


def test_a_cutoff_is_raised_until_it_no_longer_leaks():
    """A driven oscillator stores (F t)^2, which no fixed number of levels holds."""
    for levels in range(10, 100, 10):
        a, empty = qutip.destroy(levels), qutip.basis(levels, 0)
        try:
            drive, times = 0.5 * (a + a.dag()), np.linspace(0.0, 6.0, 61)
            curve = qbcore.charge(drive, qutip.num(levels), empty, times, modes=0)
            break
        except qbcore.errors.LeakingCutoffError:
            continue
    # Check: closed form, to what the leak of 1e-6 costs a few dozen quanta at most.
    assert curve.energy == pytest.approx((0.5 * curve.times) ** 2, abs=1e-4)
    assert levels == 30


def by_matrices(h, jumps, rho, times):
    """Density matrices of the Lindblad equation with H(t), by scipy alone."""
    rho, jumps = np.asarray(rho, complex), [np.asarray(c, complex) for c in jumps]
    gains = [c.conj().T @ c for c in jumps]

    def slope(t, flat):
        state = flat.reshape(rho.shape)
        change = -1j * (h(t) @ state - state @ h(t))
        for c, n in zip(jumps, gains, strict=True):
            change += c @ state @ c.conj().T - (n @ state + state @ n) / 2
        return change.ravel()

    tight = {"rtol": 1e-11, "atol": 1e-13, "t_eval": times}
    found = solve_ivp(slope, (0.0, times[-1]), rho.ravel(), **tight)
    return found.y.T.reshape(-1, *rho.shape)


def test_a_three_level_battery_loses_what_passes_its_middle_level():
    """Raman passage once more, with Gaussian pulses and a middle level that decays."""
    low, mid, high = (qutip.basis(3, k) for k in range(3))
    first, second = (mid * each.dag() + each * mid.dag() for each in (high, low))
    stokes, pump = (
        lambda t, at=at: 2.0 * math.exp(-((t - at) ** 2) / 8) for at in (6, 9)
    )
    h = qutip.QobjEvo([[first, stokes], [second, pump]])
    times, jump = np.linspace(0.0, 16.0, 161), math.sqrt(0.6) * low * mid.dag()
    levels = np.diag([0.0, 1.0, 1.95])
    curve = qbcore.charge(h, levels, low, times, collapse_operators=jump)
    best = curve.max_energy.value
    # Check: scipy; the ergotropy by sorting.
    a, b = first.full(), second.full()
    rho = by_matrices(
        lambda t: (
            2 * math.exp(-((t - 6) ** 2) / 8) * a
            + 2 * math.exp(-((t - 9) ** 2) / 8) * b
        ),
        [jump.full()],
        np.diag([1.0, 0.0, 0.0]),
        times,
    )
    energy = np.einsum("tii,i->t", rho, np.diag(levels)).real
    passive = np.linalg.eigvalsh(rho)[:, ::-1] @ np.diag(levels)
    assert curve.energy == pytest.approx(energy, abs=SOLVED)
    assert curve.ergotropy == pytest.approx(energy - passive, abs=1e-6)
    assert 0.9 * 1.95 < best < 0.999 * 1.95


def test_a_model_of_the_package_is_charged_in_a_bath_of_ones_own():
    """The Rosen-Zener battery of three atoms, dephased together while it is driven."""
    battery = qbcore.RosenZenerBattery(atoms=3, drive=5.0, duration=1.0)
    h, h_0 = battery.hamiltonian(), battery.battery_hamiltonian()
    start, times = battery.initial_state(), np.linspace(0.0, 1.0, 51)
    noise = 0.6 * qutip.jmat(1.5, "z")
    curve = qbcore.charge(h, h_0, start, times, collapse_operators=noise)
    lost = battery.charge(times).ergotropy - curve.ergotropy
    # Check: scipy with H = Jz + (2 lambda/N) Jz^2 + f Jx, lambda = 2.
    x, z = (qutip.jmat(1.5, axis).full() for axis in "xz")
    fixed = z + 4 / 3 * z @ z
    rho = by_matrices(
        lambda t: fixed + 5 * math.sin(math.pi * t) ** 2 * x,
        [0.6 * z],
        np.diag([0.0, 0.0, 0.0, 1.0]),
        times,
    )
    energy = np.einsum("tij,ji->t", rho, z).real + 1.5
    assert curve.energy == pytest.approx(energy, abs=SOLVED)
    assert (lost[1:] > 0).all()


def test_an_excitation_wanders_along_three_oscillators():
    """<a_3> = alpha (cos(sqrt(2) g t) - 1)/2, all of its energy work."""
    hopping = 0.3 * (np.eye(3, k=1) + np.eye(3, k=-1))
    none = np.zeros((3, 3)), np.zeros(3), np.zeros((0, 6))
    network = gaussian.GaussianSystem.from_ladder(hopping, *none)
    start = gaussian.tensor(gaussian.coherent(1.5), gaussian.thermal(2))
    times = np.linspace(0.0, 8.0, 81)
    last = network.evolve(start, times).mode(2)
    stored, work = gaussian.energy(last), gaussian.ergotropy(last)
    # Check: closed form.
    want = 1.5**2 * ((1 - np.cos(math.sqrt(2) * 0.3 * times)) / 2) ** 2
    assert stored == pytest.approx(want, abs=1e-11)
    assert work == pytest.approx(want, abs=1e-11)


def test_entanglement_with_the_cavity_locks_energy():
    """Efficiency of Tavis-Cummings atoms, W/E < 1 as the light keeps the rest.

    Andolina et al., Phys. Rev. Lett. 122, 047702 (2019).
    """
    fields = {"coupling": 0.2, "counter_rotating": False}
    battery = qbcore.DualCavityBattery(atoms_a=3, atoms_b=0, repulsion=0.0, **fields)
    curve = battery.charge(np.linspace(0.0, 40.0, 201))
    share = curve.efficiency
    # Check: the four states |k atoms up, 3 - k photons>; the atoms are diagonal, and
    # their weights go to the levels 0, 1, 1, 1 of three atoms.
    hop = 0.1 * np.array([math.sqrt(3 * 1 * 3), math.sqrt(2 * 2 * 2), math.sqrt(1 * 3)])
    e, v = np.linalg.eigh(np.diag(hop, 1) + np.diag(hop, -1))
    p = abs((v[0] * np.exp(-1j * np.multiply.outer(curve.times, e))) @ v.T) ** 2
    energy = p @ np.arange(4)
    work = energy - np.sort(p, axis=1)[:, :-1].sum(axis=1)
    assert curve.energy == pytest.approx(energy, abs=1e-10)
    assert share[1:] == pytest.approx(work[1:] / energy[1:], abs=1e-8)
    assert 0 < share[1:].min() < 0.5


TASKS = [
    (name, task) for name, task in list(globals().items()) if name.startswith("test_")
]


@pytest.mark.parametrize("task", [task for _, task in TASKS], ids=dict(TASKS))
def test_a_task_takes_at_most_ten_lines(task):
    """Of the reader's part, as it is printed, without the docstring."""
    own, check, _ = inspect.getsource(task).partition("    # Check: ")
    lines = [line for line in own.split('"""')[-1].splitlines() if line.strip()]
    lines = lines if '"""' in own else lines[1:]
    assert check
    assert 0 < len(lines) <= 10
