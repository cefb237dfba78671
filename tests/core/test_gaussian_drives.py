"""Gaussian batteries with drives that change in time, and from charged chargers:
against closed forms and QuTiP's master equation.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import qutip
from scipy.integrate import cumulative_simpson
from scipy.interpolate import CubicSpline
from scipy.linalg import expm

from qbcore import gaussian, metrics
from qbcore.errors import AccuracyError, NoSteadyStateError, TooLargeError
from qbcore.gaussian import GaussianState, GaussianSystem
from qbcore.nonreciprocal import (
    BATTERY,
    CHARGER,
    NonreciprocalBattery,
    ThreeModeBattery,
)
from qbook import check_contract

TIMES = np.linspace(0.0, 8.0, 33)
TURNED = NonreciprocalBattery(
    charger_loss=0.3, battery_loss=0.2, charger_share=0.8, battery_share=1.1,
    coupling=0.2 + 0.35j, charger_detuning=0.3, battery_detuning=-0.2,
)  # fmt: skip
NO_JUMPS = np.zeros((0, 2))


def pulse(t: float) -> float:
    return 0.4 * np.exp(-((t - 2.5) ** 2)) * np.cos(1.5 * t)


def by_mesolve(battery, start, times=TIMES, drives=()):
    """States of a battery whose drives the test writes out itself, as a QobjEvo.

    The drives are pairs: an operator and its function of time.
    """
    plain = replace(battery, linear_drive=0.0, two_photon_drive=0.0)
    h = qutip.QobjEvo([plain.hamiltonian(), *map(list, drives)])
    options = {"atol": 1e-11, "rtol": 1e-10, "max_step": 0.1, "progress_bar": ""}
    options["nsteps"] = 10**5
    jumps = plain.collapse_operators()
    return qutip.mesolve(h, start, times, c_ops=jumps, options=options).states


def compare(curve, states, accuracy, frequency=1.0):
    """All that a curve says, from density matrices."""
    battery, charger = ([rho.ptrace(k) for rho in states] for k in (BATTERY, CHARGER))
    h, own = (frequency * qutip.num(part[0].shape[0]) for part in (battery, charger))
    stored, held = metrics.energy(battery, h), metrics.energy(charger, own)
    assert curve.energy == pytest.approx(stored - stored[0], abs=accuracy)
    assert curve.charger_energy == pytest.approx(held - held[0], abs=accuracy)
    assert curve.ergotropy == pytest.approx(metrics.ergotropy(battery, h), abs=accuracy)


# --- drives that change in time ---


@pytest.mark.parametrize("times", [TIMES, [8.0], np.geomspace(0.01, 8.0, 15)])
def test_an_oscillating_linear_drive_has_its_closed_form(times):
    """y' = m y - i F cos(w t + c) (1, 0), whose solution is two exponentials."""
    w, c, f = 1.3, 0.4, 0.25
    battery = replace(TURNED, linear_drive=lambda t: f * np.cos(w * t + c))
    curve, m = battery.charge(times), -1j * battery.effective_matrix
    known = np.zeros((len(times), 2), complex)
    for sign in (1j * w, -1j * w):
        phase = np.exp(np.sign(sign.imag) * 1j * c)
        source = np.linalg.solve(sign * np.eye(2) - m, [-0.5j * f * phase, 0.0])
        known += [np.exp(sign * t) * source - expm(m * t) @ source for t in times]
    modes = [curve.moments.mode(k) for k in (CHARGER, BATTERY)]
    found = np.stack([gaussian.amplitude(each) for each in modes], axis=-1)
    # Some hundred steps of at most 1e-11.
    np.testing.assert_allclose(found, known, rtol=0, atol=1e-9)
    energy = np.abs(known[:, BATTERY]) ** 2
    np.testing.assert_allclose(curve.energy, energy, atol=1e-9)
    np.testing.assert_allclose(curve.ergotropy, energy, atol=1e-9)
    # dE/dt = 2 Re <b>* <b>'; the drive enters by -2 F(t) Im <a>.
    slope = 2 * np.real(known[:, 1].conj() * (known @ m.T)[:, 1])
    np.testing.assert_allclose(curve.power, slope, atol=1e-9)
    fed = -2 * f * np.cos(w * np.array(times) + c) * known[:, 0].imag
    np.testing.assert_allclose(curve.input_power, fed, atol=1e-9)


def test_drives_of_both_kinds_equal_mesolve():
    levels = {"charger_levels": 9, "battery_levels": 9}
    battery = replace(TURNED, drive_phase=0.7, bath_occupation=0.01, **levels)

    def pump(t):
        return 0.04 * np.sin(0.9 * t)

    a = qutip.tensor(qutip.destroy(9), qutip.qeye(9))
    pair = np.exp(-0.7j) * a.dag() ** 2
    terms = [(a + a.dag(), lambda t: 0.2 * pulse(t)), (pair + pair.dag(), pump)]
    times = TIMES[::4]
    states = by_mesolve(battery, battery.initial_state(), times, terms)
    driven = replace(battery, linear_drive=terms[0][1], two_photon_drive=pump)
    # Squeezing of tanh r < 0.15 and 0.01 quanta of heat: 0.15^9, 4e-8, is lost.
    curve = driven.charge(times)
    compare(curve, states, 1e-6)
    assert curve.energy.max() > 0.003
    # The same by its own operators.
    own = driven.hamiltonian()
    assert isinstance(own, qutip.QobjEvo)
    gap = own(1.1) - by_hand(battery, terms, 1.1)
    assert np.abs(gap.full()).max() < 1e-14


def by_hand(battery, terms, t):
    plain = replace(battery, linear_drive=0.0, two_photon_drive=0.0)
    return plain.hamiltonian() + sum(each * f(t) for each, f in terms)


@pytest.mark.parametrize("area", [0.3, 2.0, 4.0])
def test_a_pump_squeezes_by_its_area_and_leaves_the_state_pure(area):
    """H = e(t) (a^2 + a^+2) on resonance without loss: r = 2 times the area of e.

    Steps that do not know of the uncertainty relation would break it at e^{16}/2.
    """
    mode = GaussianSystem(np.zeros((2, 2)), np.zeros(2), NO_JUMPS)
    pump = GaussianSystem.from_ladder([[0]], [[2]], [0], NO_JUMPS)
    drive = [(pump, lambda t: area * np.exp(-((t - 4) ** 2)) / np.sqrt(np.pi))]
    state = mode.evolve(gaussian.thermal(1), np.linspace(0.0, 9.0, 19), drive)
    # The tail beyond 4 and 5 widths holds 1e-8 of the area.
    r = 2 * area
    assert gaussian.energy(state)[-1] == pytest.approx(np.sinh(r) ** 2, rel=1e-6)
    wide = np.linalg.eigvalsh(state.covariance[-1])[-1]
    assert wide == pytest.approx(np.exp(2 * r) / 2, rel=1e-6)
    determinant = np.linalg.det(state.covariance)
    # Rounding of entries of e^{2 r}/4.
    np.testing.assert_allclose(determinant, 0.25, atol=1e-13 * np.exp(4 * r))


def test_a_loss_that_is_switched_damps_by_its_area():
    alone = GaussianSystem(np.zeros((2, 2)), np.zeros(2), NO_JUMPS)
    loss = GaussianSystem.from_ladder([[0]], [[0]], [0], [[1, 0]], 0.3)
    gate = [(loss, lambda t: 0.5 * np.sin(t) ** 2)]
    t = np.linspace(0.0, 6.0, 13)
    state = alone.evolve(gaussian.coherent(1.5j), t, gate)
    lost = 0.25 * t - 0.125 * np.sin(2 * t)
    amplitude = 1.5j * np.exp(-lost / 2)
    np.testing.assert_allclose(gaussian.amplitude(state), amplitude, atol=1e-10)
    hot = 0.3 * -np.expm1(-lost) + np.abs(amplitude) ** 2
    np.testing.assert_allclose(gaussian.energy(state), hot, atol=1e-10)


@pytest.mark.parametrize("end", [np.pi, 2.0, 7.999, 1e-3])
def test_a_switch_between_the_samples_is_followed_exactly(end):
    on = replace(TURNED, linear_drive=0.5).charge([end]).moments
    start = GaussianState(on.mean[0], on.covariance[0])
    off = replace(TURNED, linear_drive=0.0)
    late = off.charge([8.0 - end], start=start).moments
    switched = replace(TURNED, linear_drive=lambda t: 0.5 * (t < end))
    found = switched.charge(TIMES).moments
    # 1e-11 per step.
    np.testing.assert_allclose(found.mean[-1], late.mean[0], atol=1e-10)


def test_a_constant_function_is_the_constant():
    for fields in ({"linear_drive": 0.3}, {"two_photon_drive": 0.1}):
        (name, value), *_ = fields.items()
        for times in (TIMES, None):
            known = replace(TURNED, **{"linear_drive": 0.0} | fields).charge(times)
            function = {"linear_drive": 0.0} | {name: lambda t, v=value: v}
            found = replace(TURNED, **function).charge(known.times)
            for each in ("energy", "power", "ergotropy", "input_power"):
                got, want = getattr(found, each), getattr(known, each)
                np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-10)


def test_samples_drive_as_the_function_they_are_of():
    t = np.linspace(0.0, 8.0, 321)
    spline = replace(TURNED, linear_drive=CubicSpline(t, [pulse(x) for x in t]))
    # A spline errs by h^4/384 of the fourth derivative, some 20: 2e-8.
    found = spline.charge(TIMES).energy
    known = replace(TURNED, linear_drive=pulse).charge(TIMES).energy
    np.testing.assert_allclose(found, known, atol=1e-7)
    assert known.max() > 0.01
    h, a = spline.hamiltonian(), qutip.tensor(qutip.destroy(20), qutip.qeye(30))
    gap = h(2.0) - h(0.0) - (pulse(2.0) - pulse(0.0)) * (a + a.dag())
    assert np.abs(gap.full()).max() < 1e-7


def test_samples_end_where_they_end():
    t = np.linspace(0.0, 4.0, 321)
    spline = CubicSpline(t, [pulse(x) for x in t], extrapolate=False)
    battery = replace(TURNED, linear_drive=spline)
    found = battery.charge([0.0, 2.0, 4.0]).energy
    known = replace(TURNED, linear_drive=pulse).charge([0.0, 2.0, 4.0]).energy
    np.testing.assert_allclose(found, known, atol=1e-7)
    with pytest.raises(ValueError, match="`linear_drive` must be a finite real number"):
        battery.charge([0.0, 2.0, 4.5])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_battery_that_is_faster_all_over_charges_alike(scale):
    rates = ("charger_loss", "battery_loss", "shared_loss", "coupling")
    rates += ("charger_detuning", "battery_detuning")
    faster = {name: scale * getattr(TURNED, name) for name in rates}
    slow = replace(TURNED, two_photon_drive=lambda t: 0.3 * pulse(t))
    fast = replace(
        slow, **faster, two_photon_drive=lambda t: 0.3 * scale * pulse(scale * t)
    )
    one, other = slow.charge(TIMES), fast.charge(TIMES / scale)
    np.testing.assert_allclose(other.energy, one.energy, atol=1e-10)
    np.testing.assert_allclose(other.power / scale, one.power, atol=1e-9)


@pytest.mark.parametrize("cavity_loss", [1e4, 1e8])
def test_a_bad_cavity_does_not_need_short_steps(cavity_loss):
    g = np.sqrt(cavity_loss) / 2
    stiff = ThreeModeBattery(
        cavity_loss=cavity_loss, charger_cavity=g, battery_cavity=g, linear_drive=pulse
    )
    found, limit = stiff.charge(TIMES).energy, stiff.eliminated().charge(TIMES).energy
    # First order in 1/kappa_c.
    np.testing.assert_allclose(found, limit, atol=10 / cavity_loss + 1e-9)


@pytest.mark.parametrize(
    "drive",
    [
        {"linear_drive": lambda t: 0.2 * np.sin(t)},
        {"two_photon_drive": lambda t: 0.02 * np.sin(t) ** 2},
    ],
    ids=["linear", "two photons"],
)
def test_a_driven_battery_keeps_the_contract(drive):
    check_contract(NonreciprocalBattery(charger_levels=7, battery_levels=8, **drive))


def test_a_drive_that_changes_lets_nothing_rest():
    for model in (NonreciprocalBattery, ThreeModeBattery):
        for name in ("linear_drive", "two_photon_drive"):
            with pytest.raises(NoSteadyStateError, match="`charge"):
                model(**{name: pulse}).steady_state()
    pumped = NonreciprocalBattery(two_photon_drive=pulse)
    assert pumped.linear_drive == 0.0
    assert pumped.drive == 0.0
    assert pumped.threshold == pytest.approx(1.1 / 4, rel=1e-9)


# --- a charger that starts with energy ---


def lossless(**more):
    nothing = {"charger_loss": 0.0, "battery_loss": 0.0, "shared_loss": 0.0}
    return NonreciprocalBattery(coupling=0.7, linear_drive=0.0, **nothing, **more)


@pytest.mark.parametrize(
    ("charger", "work"),
    [
        # A beam splitter of transmission s^2 hands on s^2 of the energy: all of it as
        # work from a coherent state, nothing from a thermal one.
        (gaussian.coherent(1.5 - 1j), lambda s: 3.25 * s**2),
        (gaussian.thermal(1, 2.0), lambda s: 0.0 * s),
    ],
)
def test_without_loss_the_charger_hands_its_energy_over(charger, work):
    battery = lossless(frequency=3.0)
    start = gaussian.tensor(charger, gaussian.thermal(1))
    curve = battery.charge(TIMES, start=start)
    s = np.sin(0.7 * TIMES)
    held = gaussian.energy(charger)
    np.testing.assert_allclose(curve.energy, 3 * held * s**2, atol=1e-12)
    np.testing.assert_allclose(curve.charger_energy, -3 * held * s**2, atol=1e-12)
    np.testing.assert_allclose(curve.ergotropy, 3 * work(s), atol=1e-12)
    slope = 3 * held * 0.7 * np.sin(1.4 * TIMES)
    np.testing.assert_allclose(curve.power, slope, atol=1e-12)
    assert not curve.input_power.any()


def test_pulses_feed_in_what_both_modes_gain():
    battery = replace(
        lossless(two_photon_drive=pulse, drive_phase=0.3), linear_drive=pulse
    )
    t = np.linspace(0.0, 6.0, 601)
    curve = battery.charge(t)
    fed = cumulative_simpson(curve.input_power, x=t, initial=0)
    # Simpson's rule errs by h^4/180 of a fourth derivative of some hundred: 6e-9 t.
    gained = curve.energy + curve.charger_energy
    np.testing.assert_allclose(gained, fed, atol=1e-6)
    assert gained.max() > 0.1


def test_squeezing_goes_over_as_through_a_beam_splitter():
    r = 0.8
    start = gaussian.tensor(gaussian.squeezed(r), gaussian.thermal(1))
    curve = lossless().charge(TIMES, start=start)
    share = np.sin(0.7 * TIMES) ** 2
    wide, narrow = (share * np.exp(k * 2 * r) / 2 + (1 - share) / 2 for k in (1, -1))
    np.testing.assert_allclose(curve.energy, np.sinh(r) ** 2 * share, atol=1e-12)
    work = (np.sqrt(wide) - np.sqrt(narrow)) ** 2 / 2
    np.testing.assert_allclose(curve.ergotropy, work, atol=1e-12)


def test_energies_from_a_start_with_energy_equal_mesolve():
    """Displaced, squeezed, correlated, in a battery that holds energy, too."""
    levels, r = 9, 0.15
    battery = replace(
        TURNED, linear_drive=0.1, charger_levels=levels, battery_levels=levels
    )
    one, same = qutip.destroy(levels), qutip.qeye(levels)
    a, b = qutip.tensor(one, same), qutip.tensor(same, one)
    vacuum = qutip.tensor(qutip.basis(levels, 0), qutip.basis(levels, 0))
    mixed = (r * (a * b - a.dag() * b.dag())).expm()
    moved = (0.3 * a.dag() - 0.3 * a).expm() * (0.3j * b.dag() + 0.3j * b).expm()
    pair = gaussian.two_mode_squeezed(r)
    start = GaussianState(gaussian.coherent([0.3, 0.3j]).mean, pair.covariance)
    times = TIMES[::4]
    linear = [(a + a.dag(), lambda t: 0.1)]
    states = by_mesolve(battery, moved * mixed * vacuum, times, linear)
    curve = battery.charge(times, start=start, states=True)
    # tanh(0.15)^18 and 0.3^18/9! are lost, and what drives them; some 1e-8.
    compare(curve, states, 1e-6)
    kept = np.array([rho.ptrace(BATTERY).full() for rho in states])
    assert np.abs(curve.states - kept).max() < 1e-6
    assert curve.energy[0] == 0.0
    assert curve.ergotropy[0] == pytest.approx(0.09, rel=1e-9)  # that of <b> alone


# --- what is refused ---


def free(drives, times=(0.0, 1.0)):
    mode = GaussianSystem.from_ladder([[1.0]], [[0]], [0], [[0.5, 0]])
    return mode.evolve(gaussian.thermal(1), times, drives)


PUSH = GaussianSystem.from_ladder([[0]], [[0]], [1], NO_JUMPS)
WIDE = GaussianSystem(np.eye(4), np.zeros(4), np.zeros((0, 4)))


@pytest.mark.parametrize(
    "drives",
    [
        [PUSH],
        [(PUSH, 1.0)],
        [(np.sin, PUSH)],
        [(WIDE, np.sin)],
        [(PUSH, np.sin, 1)],
        [[PUSH, np.sin]],
        "drives",
        [(PUSH, lambda t: np.nan)],
        [(PUSH, lambda t: 1j)],
        [(PUSH, lambda t: [t])],
        [(PUSH, lambda t: "on")],
        [(PUSH, lambda t: None)],
    ],
)
def test_odd_drives_are_refused_by_name(drives):
    with pytest.raises(ValueError, match="`drives` must"):
        free(drives)


@pytest.mark.parametrize("value", [np.nan, 1j, "on", None, True, [0.1]], ids=repr)
@pytest.mark.parametrize("name", ["linear_drive", "two_photon_drive"])
def test_a_drive_that_is_not_a_number_is_refused_when_it_is_met(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a finite real number"):
        NonreciprocalBattery(**{name: lambda t: value})
    late = NonreciprocalBattery(**{name: lambda t: 0.1 if t < 2 else value})
    with pytest.raises(ValueError, match=f"`{name}` must be a finite real number"):
        late.charge(TIMES)


def test_samples_without_times_are_refused_with_the_way_out():
    for name in ("linear_drive", "two_photon_drive"):
        with pytest.raises(ValueError, match=f"`{name}` must .* make one of samples"):
            NonreciprocalBattery(**{name: np.sin(TIMES)})


def test_drives_out_of_reach_are_refused_by_name():
    with pytest.raises(TooLargeError, match="more slowly") as refused:
        free([(PUSH, lambda t: np.sin(1e6 * t))])
    assert refused.value.found > refused.value.limit == 20_000
    pump = GaussianSystem.from_ladder([[0]], [[2]], [0], NO_JUMPS)
    with pytest.raises(AccuracyError, match="double precision"):
        free([(pump, lambda t: 1000.0 + t)])
    with pytest.raises(ValueError, match="`times` must"):
        free([(PUSH, np.sin)], [1.0, 0.5])
    assert free([(PUSH, np.sin)], [0.0]).mean.tolist() == [[0.0, 0.0]]
