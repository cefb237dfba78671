"""The nonreciprocal battery against plain QuTiP, the printed moment equations, and
closed forms.
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields, replace

import numpy as np
import pytest
import qutip
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from qbcore import gaussian, metrics
from qbcore.errors import (
    AccuracyError,
    SeveralSteadyStatesError,
    TooLargeError,
    UnstableError,
)
from qbcore.nonreciprocal import BATTERY, CHARGER, NonreciprocalBattery
from qbcore.nonreciprocal.formulas import (
    coherent_amplitudes,
    exceptional_coupling,
    mode_overlap,
    two_photon_steady,
)
from qbcore.nonreciprocal.three_mode import ThreeModeBattery

TIMES = np.linspace(0.0, 6.0, 13)
LIN = NonreciprocalBattery(charger_loss=0.1, battery_loss=0.05, linear_drive=0.5)
XU = NonreciprocalBattery(
    charger_share=np.sqrt(0.5), battery_share=np.sqrt(0.5), two_photon_drive=0.05
)  # kappa = 0.1, Gamma = 1, so Lambda = 0.6 and g = 0.5


def by_hand(levels, terms, jumps, times=TIMES):
    """mesolve of an H and jumps that the test writes out itself; density matrices at
    the times.
    """
    ops = [
        qutip.tensor(
            [
                qutip.destroy(n) if k == m else qutip.qeye(n)
                for k, n in enumerate(levels)
            ]
        )
        for m in range(len(levels))
    ]
    start = qutip.tensor([qutip.basis(n, 0) for n in levels])
    options = {
        "atol": 1e-10,
        "rtol": 1e-9,
        "nsteps": 10**5,
        "progress_bar": "",
        "store_states": True,
    }
    return qutip.mesolve(
        terms(*ops), start, times, c_ops=jumps(*ops), options=options
    ).states


def compare(charging, states, levels, accuracy):
    """Energies of both modes and the battery's ergotropy from the full density
    matrix.
    """
    battery = [rho.ptrace(BATTERY) for rho in states]
    charger = [rho.ptrace(CHARGER) for rho in states]
    number = qutip.num(levels[BATTERY])
    assert charging.energy == pytest.approx(
        metrics.energy(battery, number), abs=accuracy
    )
    assert charging.ergotropy == pytest.approx(
        metrics.ergotropy(battery, number), abs=accuracy
    )
    expected = metrics.energy(charger, qutip.num(levels[CHARGER]))
    assert charging.charger_energy == pytest.approx(expected, abs=accuracy)


def test_linear_drive_equals_mesolve():
    """Detuned, unequal shares and losses, J neither real nor imaginary: every term
    counts.
    """
    battery = NonreciprocalBattery(
        charger_loss=0.3,
        battery_loss=0.2,
        charger_share=0.8,
        battery_share=1.1,
        coupling=0.2 + 0.35j,
        linear_drive=0.15,
        charger_detuning=0.3,
        battery_detuning=-0.2,
    )

    def terms(a, b):
        hop = (0.2 + 0.35j) * a.dag() * b
        return (
            0.3 * a.dag() * a
            - 0.2 * b.dag() * b
            + hop
            + hop.dag()
            + 0.15 * (a + a.dag())
        )

    states = by_hand(
        (9, 9), terms, lambda a, b: [0.3**0.5 * a, 0.2**0.5 * b, 0.8 * a + 1.1 * b]
    )
    # |alpha|^2 stays below 0.06: a Poisson tail above 8 quanta of 1e-15; the solver's
    # 1e-9 decides.
    compare(battery.charge(TIMES), states, (9, 9), 1e-7)


def test_two_photon_drive_equals_mesolve():
    """With a phase and detunings. Ergotropy is compared too: it has no squeezing
    formula in Fock space.
    """
    battery = replace(XU, drive_phase=0.4, charger_detuning=0.1, battery_detuning=-0.15)
    g = 0.5

    def terms(a, b):
        pair = 0.05 * np.exp(-0.4j) * a.dag() ** 2
        hop = 0.5j * g * a.dag() * b
        return (
            0.1 * a.dag() * a - 0.15 * b.dag() * b + hop + hop.dag() + pair + pair.dag()
        )

    def jumps(a, b):
        return [0.1**0.5 * a, 0.1**0.5 * b, np.sqrt(0.5) * (a + b)]

    states = by_hand((14, 14), terms, jumps)
    # Squeezed by tanh r < 0.25: levels above 13 hold 0.25^14, 4e-9, times their energy.
    compare(battery.charge(TIMES), states, (14, 14), 1e-6)


def test_the_qutip_objects_are_the_same_model():
    levels = {"charger_levels": 13, "battery_levels": 13}
    battery = replace(
        XU, linear_drive=0.1, drive_phase=0.4, bath_occupation=0.0, **levels
    )
    options = {"atol": 1e-10, "rtol": 1e-9, "progress_bar": "", "store_states": True}
    states = qutip.mesolve(
        battery.hamiltonian(),
        battery.initial_state(),
        TIMES,
        c_ops=battery.collapse_operators(),
        options=options,
    ).states
    compare(battery.charge(TIMES), states, (13, 13), 1e-6)
    assert battery.battery_hamiltonian().diag() == pytest.approx(np.arange(13.0))


def test_three_modes_equal_mesolve():
    model = ThreeModeBattery(
        charger_loss=0.3,
        battery_loss=0.2,
        cavity_loss=2.0,
        charger_cavity=0.6,
        battery_cavity=0.7,
        coupling=0.1 + 0.3j,
        linear_drive=0.1,
        two_photon_drive=0.02,
        cavity_detuning=0.2,
        charger_levels=6,
        battery_levels=5,
        cavity_levels=4,
    )

    def terms(a, b, c):
        hop = (0.1 + 0.3j) * a.dag() * b + 0.6 * a.dag() * c + 0.7 * b.dag() * c
        drive = 0.1 * a + 0.02 * a * a
        return 0.2 * c.dag() * c + hop + hop.dag() + drive + drive.dag()

    times, levels = TIMES[:7], (6, 5, 4)
    states = by_hand(
        levels, terms, lambda a, b, c: [0.3**0.5 * a, 0.2**0.5 * b, 2**0.5 * c], times
    )
    # The occupations stay below 0.05 with |<a^2>| < 0.07; four levels of c lose about
    # 1e-6.
    compare(model.charge(times), states, levels, 1e-5)
    own = qutip.mesolve(
        model.hamiltonian(),
        states[0],
        times,
        c_ops=model.collapse_operators(),
        options={"atol": 1e-10, "rtol": 1e-9, "progress_bar": "", "store_states": True},
    ).states
    assert abs((own[-1] - states[-1]).full()).max() < 1e-7


def test_the_moment_equations_of_xu_and_ren():
    """Their second moments, Eq. (6) at J = i g/2, Delta = 0, integrated as printed."""
    la, lb, g, eps = 0.6, 0.75, 0.5, 0.08
    battery = replace(XU, battery_loss=0.25, two_photon_drive=eps)

    def rates(_, y):
        na, aa, ab_dag, ab, nb, bb = y
        return [
            -la * na - 4 * eps * aa.imag,
            -la * aa - 2j * eps * (2 * na + 1),
            -(la + lb) / 2 * ab_dag - g * na + 2j * eps * ab,
            -(la + lb) / 2 * ab - g * aa - 2j * eps * ab_dag,
            -lb * nb - 2 * g * ab_dag.real,
            -lb * bb - 2 * g * ab,
        ]

    run = solve_ivp(
        rates, (0, 6), np.zeros(6, complex), t_eval=TIMES, rtol=1e-11, atol=1e-13
    )
    charging = battery.charge(TIMES)
    # Two exact routes; the integrator's 1e-11 decides, summed over the steps.
    assert charging.charger_energy == pytest.approx(run.y[0].real, abs=1e-9)
    assert charging.energy == pytest.approx(run.y[4].real, abs=1e-9)
    assert gaussian.anomalous(charging.moments.mode(BATTERY)) == pytest.approx(
        run.y[5], abs=1e-9
    )


def test_lin_closed_forms():
    """Eq. (10), and the curves of Eqs. (7), (8) rebuilt from one-way equations."""
    la, lb, g, f = 1.1, 1.05, 1.0, 0.5
    charging = LIN.charge(TIMES)
    a = -2j * f / la * (1 - np.exp(-la * TIMES / 2))
    # b' = -lb/2 b - g a is one exponential against another.
    grown = 2 / lb * (1 - np.exp(-lb * TIMES / 2))
    mixed = (np.exp(-lb * TIMES / 2) - np.exp(-la * TIMES / 2)) / (la / 2 - lb / 2)
    b = 2j * f * g / la * (grown - mixed)
    assert charging.charger_energy == pytest.approx(np.abs(a) ** 2, abs=1e-12)
    assert charging.energy == pytest.approx(np.abs(b) ** 2, abs=1e-12)
    rest = LIN.steady_state()
    assert gaussian.occupation(rest.moments.mode(CHARGER)) == pytest.approx(
        4 * f**2 / la**2, abs=1e-12
    )
    assert gaussian.occupation(rest.moments.mode(BATTERY)) == pytest.approx(
        16 * f**2 * g**2 / (la * lb) ** 2, abs=1e-12
    )


def test_a_coherent_drive_leaves_a_pure_coherent_state():
    charging = LIN.charge(TIMES)
    assert charging.moments.covariance == pytest.approx(
        np.broadcast_to(np.eye(4) / 2, (13, 4, 4)), abs=1e-12
    )
    assert charging.ergotropy == pytest.approx(charging.energy, abs=1e-12)


def test_the_opposite_sign_of_j_leaves_the_battery_empty():
    backwards = replace(LIN, coupling=-0.5j).charge(TIMES)
    assert np.abs(backwards.energy).max() < 1e-13
    assert LIN.charge(TIMES).energy[-1] > 1


@settings(max_examples=40, deadline=None)
@given(
    ka=st.floats(0.01, 2),
    kb=st.floats(0.01, 2),
    pa=st.floats(-1.5, 1.5),
    pb=st.floats(-1.5, 1.5),
    jr=st.floats(-1, 1),
    ji=st.floats(-1, 1),
    da=st.floats(-1, 1),
    db=st.floats(-1, 1),
)
def test_cramers_rule_equals_the_lyapunov_route(ka, kb, pa, pb, jr, ji, da, db):
    battery = NonreciprocalBattery(
        charger_loss=ka,
        battery_loss=kb,
        charger_share=pa,
        battery_share=pb,
        coupling=jr + 1j * ji,
        linear_drive=0.3,
        charger_detuning=da,
        battery_detuning=db,
    )
    a, b = coherent_amplitudes(
        drive=0.3,
        losses=battery.total_losses,
        cross_loss=battery.cross_loss,
        coupling=jr + 1j * ji,
        detunings=(da, db),
    )
    rest = battery.steady_state()
    # Losses of at least 0.01 bound the condition number by about 1e3.
    assert gaussian.amplitude(rest.moments.mode(CHARGER)) == pytest.approx(
        complex(a), rel=1e-9, abs=1e-11
    )
    assert gaussian.amplitude(rest.moments.mode(BATTERY)) == pytest.approx(
        complex(b), rel=1e-9, abs=1e-11
    )
    # No reservoir and no coupling beats F^2/(kappa_a kappa_b): see the chapter for the
    # proof.
    assert abs(b) ** 2 <= 0.3**2 / (ka * kb) * (1 + 1e-9)


@pytest.mark.parametrize("eps", [0.01, 0.05, 0.12, 0.149])
@pytest.mark.parametrize("kb", [0.02, 0.1, 0.4])
def test_two_photon_closed_form_equals_the_lyapunov_route(eps, kb):
    battery = replace(XU, battery_loss=kb, two_photon_drive=eps)
    rest = battery.steady_state()
    form = two_photon_steady(drive=eps, losses=battery.total_losses, cross_loss=0.5)
    # At 0.149 the drift is within 0.004 of singular: 1e-16/0.004 of relative error,
    # with a margin.
    assert form.charger == pytest.approx(
        gaussian.occupation(rest.moments.mode(CHARGER)), rel=1e-9
    )
    assert form.battery == pytest.approx(
        gaussian.occupation(rest.moments.mode(BATTERY)), rel=1e-9
    )
    assert form.ergotropy == pytest.approx(
        gaussian.ergotropy(rest.moments.mode(BATTERY)), rel=1e-8
    )


def test_two_photon_symmetric_formulas():
    la, g, eps = 0.6, 0.5, 0.1
    form = two_photon_steady(drive=eps, losses=(la, la), cross_loss=g)
    pole = la**2 - 16 * eps**2
    assert form.charger == pytest.approx(8 * eps**2 / pole, rel=1e-12)
    assert form.battery == pytest.approx(
        24 * g**2 * eps**2 / (pole * (la**2 - 4 * eps**2)), rel=1e-12
    )
    squeezed = (
        4 * g**2 * eps * (la**2 + 8 * eps**2) / (la * pole * (la**2 - 4 * eps**2))
    )
    assert (form.wide - form.narrow) / 2 == pytest.approx(squeezed, rel=1e-12)


@pytest.mark.parametrize(
    "battery",
    [
        LIN,
        XU,
        replace(
            XU,
            linear_drive=0.2,
            coupling=0.1 - 0.2j,
            charger_detuning=0.3,
            bath_occupation=0.3,
        ),
    ],
)
def test_energy_balance(battery):
    """d(n_a + n_b)/dt = input - kappa_a n_a - kappa_b n_b - Gamma <L^+ L>, with n
    above the bath's.
    """
    times = np.linspace(0.0, 8.0, 4001)
    charging = battery.charge(times)
    total = charging.energy + charging.charger_energy
    second = charging.moments.covariance + np.einsum(
        "ti,tj->tij", charging.moments.mean, charging.moments.mean
    )
    cross = (second[:, 0, 2] + second[:, 1, 3]) / 2  # Re <a^+ b>
    excess_a, excess_b, pa, pb = (
        charging.charger_energy,
        charging.energy,
        battery.charger_share,
        battery.battery_share,
    )
    dark = pa**2 * excess_a + pb**2 * excess_b + 2 * pa * pb * cross
    loss = (
        battery.charger_loss * excess_a
        + battery.battery_loss * excess_b
        + battery.shared_loss * dark
    )
    balance = charging.input_power - loss
    # Central differences of step 2e-3 err by h^2/6 of a third derivative of order 1.
    assert np.gradient(total, times)[1:-1] == pytest.approx(balance[1:-1], abs=5e-6)
    assert np.gradient(charging.energy, times)[1:-1] == pytest.approx(
        charging.power[1:-1], abs=5e-6
    )


@settings(max_examples=40, deadline=None)
@given(
    ka=st.floats(0, 1),
    kb=st.floats(0, 1),
    pa=st.floats(-1.5, 1.5),
    pb=st.floats(-1.5, 1.5),
    j=st.complex_numbers(max_magnitude=1),
    eps=st.floats(0, 0.4),
    n=st.floats(0, 1),
)
def test_every_state_is_physical(ka, kb, pa, pb, j, eps, n):
    battery = NonreciprocalBattery(
        charger_loss=ka,
        battery_loss=kb,
        charger_share=pa,
        battery_share=pb,
        coupling=j,
        two_photon_drive=eps,
        bath_occupation=n,
        linear_drive=0.2,
    )
    charging = battery.charge(np.linspace(0.0, 4.0, 9))
    assert gaussian.symplectic_eigenvalues(charging.moments).min() >= 0.5
    assert (charging.ergotropy >= 0).all()
    stored = charging.energy + n  # the ergotropy counts from the ground level
    assert (charging.ergotropy <= stored + 1e-12).all()


@pytest.mark.parametrize("delta", [0.0, 0.2])
def test_threshold(delta):
    """Lambda_a/4 on resonance: a factor 2 in the drive term would halve or double
    it.
    """
    battery = replace(XU, battery_loss=0.3, charger_detuning=delta)
    expected = np.sqrt(0.6**2 / 4 + delta**2) / 2
    assert battery.threshold == pytest.approx(expected, rel=1e-10)
    with pytest.raises(ValueError, match=f"only one below {expected:.6g} has"):
        replace(battery, two_photon_drive=expected * 1.001).steady_state()
    assert (
        replace(battery, two_photon_drive=expected * 0.999)
        .steady_state()
        .moments.covariance.max()
        > 10
    )


def test_a_thermal_bath_is_the_only_change_of_an_undriven_battery():
    hot = replace(
        XU, two_photon_drive=0.0, linear_drive=0.0, bath_occupation=0.7
    ).charge(TIMES)
    assert np.abs(hot.energy).max() < 1e-13
    assert gaussian.occupation(hot.moments.mode(BATTERY)) == pytest.approx(
        0.7, abs=1e-12
    )


def test_elimination_is_exact_at_rest_and_first_order_before():
    """On resonance c' = 0 is the elimination; on the way there the error falls as
    1/kappa_c.
    """
    errors = []
    for kc in (100.0, 200.0, 400.0):
        g = np.sqrt(kc) / 2  # keeps Gamma = 4 g^2/kappa_c = 1
        model = ThreeModeBattery(
            cavity_loss=kc, charger_cavity=g, battery_cavity=g, linear_drive=0.5
        )
        two = model.eliminated()
        assert (two.total_losses, two.cross_loss) == (
            pytest.approx((1.1, 1.05)),
            pytest.approx(1.0),
        )
        full, reduced = (
            model.steady_state().moments.mode(BATTERY),
            two.steady_state().moments.mode(BATTERY),
        )
        assert gaussian.occupation(full) == pytest.approx(
            gaussian.occupation(reduced), rel=1e-10
        )
        errors.append(
            np.abs(model.charge(TIMES).energy - two.charge(TIMES).energy).max()
        )
    # First order with a second-order remainder of relative size 1/kappa_c: 1 % at 100.
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.03)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.015)


@pytest.mark.parametrize(
    ("losses", "detuning"), [((1.1, 1.05), 0.0), ((1.1, 1.1), 0.6), ((1.3, 1.0), 0.4)]
)
def test_exceptional_coupling_makes_the_matrix_defective(losses, detuning):
    battery = NonreciprocalBattery(
        charger_loss=losses[0] - 1,
        battery_loss=losses[1] - 1,
        charger_detuning=detuning / 2,
        battery_detuning=-detuning / 2,
        coupling=exceptional_coupling(losses=losses, cross_loss=1.0, detuning=detuning),
    )
    matrix = battery.effective_matrix
    shifted = matrix - np.trace(matrix) / 2 * np.eye(2)
    # Nilpotent and not zero is what defective means for two rows; products of numbers
    # of order 1.
    assert np.abs(shifted @ shifted).max() < 1e-14
    assert np.abs(shifted).max() > 0.5
    # An overlap of 1 up to the root of the rounding error by which the eigenvectors
    # split.
    assert mode_overlap(matrix) == pytest.approx(1, abs=1e-7)
    with pytest.raises(ValueError, match="`detuning` must leave an exceptional point"):
        exceptional_coupling(losses=losses, cross_loss=1.0, detuning=3.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("charger_loss", -0.1),
        ("shared_loss", float("nan")),
        ("coupling", "i"),
        ("frequency", 0.0),
    ],
)
def test_bad_parameters_are_refused(field, value):
    with pytest.raises(ValueError, match=f"Argument `{field}` must"):
        NonreciprocalBattery(**{field: value})


def test_above_threshold_the_closed_form_refuses():
    with pytest.raises(ValueError, match="`drive` must stay below a quarter"):
        two_photon_steady(drive=0.2, losses=(0.6, 0.6), cross_loss=0.5)


def test_undamped_normal_mode_is_no_steady_state():
    """Shared loss alone damps a + b only; a - b turns for ever, at a rate that
    rounds to 1e-18.
    """
    battery = NonreciprocalBattery(
        charger_loss=0.0,
        battery_loss=0.0,
        coupling=0.0,
        charger_share=0.1,
        battery_share=0.1,
        bath_occupation=1.0,
        charger_detuning=0.3,
        battery_detuning=0.3,
        linear_drive=0.0,
    )
    with pytest.raises(SeveralSteadyStatesError) as refused:
        battery.steady_state()
    assert refused.value.found == refused.value.limit == 0.0
    # From equilibrium it stays there: one quantum, as the bath has.
    curve = battery.charge([0.0, 50.0])
    assert gaussian.occupation(curve.moments.mode(BATTERY))[1] == pytest.approx(
        1.0, rel=1e-9
    )


@pytest.mark.parametrize("loss", np.linspace(0.01, 1.3, 40))
def test_exactly_at_the_threshold_there_is_no_steady_state(loss):
    total = loss + 1.0
    battery = NonreciprocalBattery(
        charger_loss=loss, battery_loss=0.2, two_photon_drive=total / 4
    )
    with pytest.raises(UnstableError, match="lower `two_photon_drive`"):
        battery.steady_state()


def test_times_over_twelve_decades_are_exact():
    battery = NonreciprocalBattery(charger_loss=0.1, battery_loss=0.1, linear_drive=0.5)
    energy = battery.charge(np.r_[0, np.geomspace(0.1, 1e12, 14)]).energy
    # Early: <b> = -i F g t^2/2 in the second order, E = (F g t^2 / 2)^2 = 6.25e-6 at t
    # = 0.1, less
    # the damping of 1.1 t / 3 in each factor.
    assert energy[1] == pytest.approx(6.25e-6 * (1 - 1.1 * 0.1 / 3) ** 2, rel=2e-3)
    assert energy[2] == pytest.approx(0.0305, abs=5e-5)
    assert energy[-1] == pytest.approx(16 * 0.25 / 1.1**4, rel=1e-12)


def test_far_above_the_threshold_the_curve_is_exact():
    """Quadrature by quadrature: the growing one grows at 2 epsilon - Lambda_a / 2."""
    battery = NonreciprocalBattery(two_photon_drive=0.6)
    curve = battery.charge([0.0, 100.0, 200.0])
    rate = 2 * (2 * 0.6 - 1.1 / 2)
    assert np.log(curve.energy[2] / curve.energy[1]) == pytest.approx(
        100 * rate, rel=1e-10
    )
    assert (curve.ergotropy <= curve.energy).all()


@pytest.mark.parametrize("model", [NonreciprocalBattery(), ThreeModeBattery()])
def test_a_charged_charger_hands_its_energy_on(model):
    modes = model.system.modes
    mean = np.zeros(2 * modes)
    mean[0] = 2.0  # two quanta in the charger
    start = gaussian.GaussianState(mean, np.eye(2 * modes) / 2)
    curve = replace(model, linear_drive=0.0).charge(start=start)
    assert curve.energy[0] == 0.0
    assert curve.max_energy.value > 0.1
    assert gaussian.occupation(curve.moments.mode(CHARGER))[0] == pytest.approx(2.0)


@pytest.mark.parametrize(
    "start",
    [
        gaussian.thermal(1),
        gaussian.GaussianState(np.zeros(4), 0.4 * np.eye(4)),
        gaussian.GaussianState(np.zeros(4), np.diag([-1.0, -1.0, 1.0, 1.0])),
        gaussian.GaussianState(np.full(4, np.inf), np.eye(4)),
        gaussian.GaussianState(np.zeros(4), np.eye(4) + np.diag([0.1, 0, 0], 1)),
    ],
    ids=["one mode", "too quiet", "negative", "infinite", "asymmetric"],
)
def test_a_start_that_is_not_a_state_of_two_modes_is_refused(start):
    with pytest.raises(ValueError, match=r"`start`|`state`"):
        NonreciprocalBattery().charge(start=start)


@pytest.mark.parametrize(
    ("fields", "end", "count"),
    [
        # Without a drive back the modes decay at Lambda/2 = 0.55 each: twelve lives.
        ({}, 12 / 0.55, 401),
        # Eight samples per radian of the fastest eigenvalue, 0.55 + 3i: 8 * 3.05 * 22.
        ({"charger_detuning": 3.0}, 12 / 0.55, 533),
        # Above the threshold 2 epsilon - Lambda/2 = 1.45 grows, by e^12. Without any
        # loss J = 2 turns by twelve radians.
        ({"two_photon_drive": 1.0}, 12 / 1.45, 401),
        (
            {"charger_loss": 0.0, "battery_loss": 0.0, "shared_loss": 0.0}
            | {"coupling": 2.0},
            12 / 2.0,
            401,
        ),
        # Nothing moves by itself: the unit of time is all there is.
        (
            {"charger_loss": 0.0, "battery_loss": 0.0, "shared_loss": 0.0}
            | {"coupling": 0.0},
            12.0,
            401,
        ),
    ],
)
def test_default_times_are_those_in_which_the_modes_settle(fields, end, count):
    times = NonreciprocalBattery(**fields).charge().times
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(end, rel=1e-9)
    assert times.size == count
    assert np.ptp(np.diff(times)) < 1e-12 * end


@pytest.mark.parametrize("fields", [{"battery_loss": 1e3}, {"battery_detuning": 1e3}])
def test_the_threshold_is_found_far_below_the_other_rates(fields):
    # The battery gives nothing back, so that Lambda_a/4 is the threshold whatever it
    # is, even where all else is a thousand times larger.
    battery = NonreciprocalBattery(charger_detuning=0.0, **fields)
    assert battery.threshold == pytest.approx(1.1 / 4, rel=1e-9)
    turned = replace(battery, charger_detuning=0.3)
    exact = np.hypot(1.1 / 2, 0.3) / 2
    assert turned.threshold == pytest.approx(exact, rel=1e-9)
    # If nothing comes to rest even without a drive, there is no threshold.
    lossless = {"charger_loss": 0.0, "battery_loss": 0.0, "shared_loss": 0.0}
    assert NonreciprocalBattery(coupling=1.0, **lossless).threshold == 0.0


@pytest.mark.parametrize("drive", [0.3, -1.1])
def test_the_effective_matrix_moves_the_amplitudes(drive):
    # i d/dt (<a>, <b>) = M (<a>, <b>) + (F, 0), entry by entry as in the paper, and at
    # rest M (<a>, <b>) = -(F, 0), where the Lyapunov route finds the amplitudes.
    battery = NonreciprocalBattery(
        charger_loss=0.2, battery_loss=0.3, shared_loss=0.7, charger_share=0.9,
        battery_share=-1.2, coupling=0.4 - 0.15j, linear_drive=drive,
        charger_detuning=0.5, battery_detuning=-0.35,
    )  # fmt: skip
    la, lb = 0.2 + 0.9**2 * 0.7, 0.3 + 1.2**2 * 0.7
    j, g = 0.4 - 0.15j, -0.9 * 1.2 * 0.7
    expected = [
        [0.5 - 0.5j * la, j - 0.5j * g],
        [j.conjugate() - 0.5j * g, -0.35 - 0.5j * lb],
    ]
    m = battery.effective_matrix
    np.testing.assert_allclose(m, expected, rtol=1e-14)
    moments = battery.steady_state().moments
    at_rest = [gaussian.amplitude(moments.mode(k)) for k in (CHARGER, BATTERY)]
    np.testing.assert_allclose(m @ at_rest, [-drive, 0.0], atol=1e-13)
    # It decays: both eigenvalues lie below the real axis.
    assert np.linalg.eigvals(m).imag.max() < 0


def with_a_dark_mode(bright, dark, shares, **more):
    """H is diagonal in the mode that the reservoir sees and in the one it does not."""
    seen = np.array(shares) / np.hypot(*shares)
    unseen = np.array([-seen[1], seen[0]])
    h = bright * np.outer(seen, seen) + dark * np.outer(unseen, unseen)
    return NonreciprocalBattery(
        charger_loss=0.0,
        battery_loss=0.0,
        charger_share=shares[0],
        battery_share=shares[1],
        coupling=h[0, 1],
        charger_detuning=h[0, 0],
        battery_detuning=h[1, 1],
        **more,
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("occupation", [0.0, 1e6])
def test_a_mode_that_no_bath_sees_has_no_steady_state(scale, occupation):
    rng = np.random.default_rng(8)
    for _ in range(25):
        bright, dark, loss = scale * rng.normal(size=3)
        battery = with_a_dark_mode(
            bright,
            dark,
            rng.uniform(-2, 2, 2),
            shared_loss=abs(loss),
            bath_occupation=occupation,
            linear_drive=scale * rng.integers(2),
        )
        assert battery.system.decay_rate == 0.0
        with pytest.raises(SeveralSteadyStatesError, match="give every mode a loss"):
            battery.steady_state()


@pytest.mark.parametrize("loss", [1e-15, 1e-12, 1e-9, 1e-6, 1e-3])
def test_a_mode_that_a_bath_hardly_sees_rests_in_its_equilibrium_or_is_refused(loss):
    battery = with_a_dark_mode(0.3, 0.3, (0.6, 1.1), bath_occupation=2.0)
    battery = replace(battery, charger_loss=loss, battery_loss=loss, linear_drive=0.0)
    if loss <= 1e-9:
        with pytest.raises((AccuracyError, SeveralSteadyStatesError)):
            battery.steady_state()
    else:
        # Rounding, over the loss.
        energy = battery.steady_state().energy
        assert energy == pytest.approx(2.0, rel=1e-14 / loss)


@pytest.mark.parametrize("power", [-15, -12, -10, -7, -5])
@pytest.mark.parametrize("detuning", [0.0, 0.7])
def test_near_the_threshold_there_is_the_closed_form_or_an_error(power, detuning):
    losses = 1.1, 1.3
    critical = np.sqrt(losses[0] ** 2 / 4 + detuning**2) / 2
    below, above = (
        NonreciprocalBattery(
            battery_loss=0.3,
            charger_detuning=detuning,
            two_photon_drive=critical * (1 + side * 10.0**power),
        )
        for side in (-1, 1)
    )
    with pytest.raises(UnstableError) as refused:
        above.steady_state()
    assert refused.value.limit == pytest.approx(critical, rel=1e-10)
    if power <= -10:
        with pytest.raises((AccuracyError, UnstableError)):
            below.steady_state()
    elif detuning == 0.0:
        drive = below.two_photon_drive
        form = two_photon_steady(drive=drive, losses=losses, cross_loss=1.0)
        rest = below.steady_state()
        # Rounding of the parameters, over the distance.
        slack = 1e-15 / 10.0**power
        assert rest.energy == pytest.approx(float(form.battery), rel=slack)
        assert rest.ergotropy == pytest.approx(float(form.ergotropy), rel=slack)


@pytest.mark.parametrize("occupation", [1.0, 1e9, 1e15, 1e100])
def test_a_bath_however_hot_takes_nothing_from_a_coherent_drive(occupation):
    cold, hot = LIN.charge(TIMES), replace(LIN, bath_occupation=occupation)
    curve = hot.charge(TIMES)
    for name in ("energy", "power", "charger_energy"):
        found, expected = getattr(curve, name), getattr(cold, name)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)
    assert curve.ergotropy == pytest.approx(cold.ergotropy, rel=1e-9)
    assert hot.steady_state().ergotropy == pytest.approx(2.9984, abs=5e-5)


@pytest.mark.parametrize("cavity_loss", [1e4, 1e8, 1e12])
def test_a_cavity_however_bad_gives_the_curve_of_two_modes(cavity_loss):
    g = np.sqrt(cavity_loss) / 2
    stiff = ThreeModeBattery(
        cavity_loss=cavity_loss, charger_cavity=g, battery_cavity=g, linear_drive=0.5
    )
    curve, limit = stiff.charge(TIMES), stiff.eliminated().charge(TIMES)
    # First order in 1/kappa_c; then the rounding of a few products.
    slack = 10 / cavity_loss + 1e-13
    np.testing.assert_allclose(curve.energy[1:], limit.energy[1:], rtol=slack)
    rest = stiff.steady_state().energy
    assert rest == pytest.approx(stiff.eliminated().steady_state().energy, rel=1e-12)
    peaks = [model.charge().max_average_power for model in (stiff, stiff.eliminated())]
    assert peaks[0].value == pytest.approx(peaks[1].value, rel=1e-3 + slack)


@pytest.mark.parametrize("seed", range(10))
def test_default_times_resolve_every_mode(seed):
    rates = 10.0 ** np.random.default_rng(seed).uniform(-2, 1.3, 6)
    battery = NonreciprocalBattery(
        charger_loss=rates[0],
        battery_loss=rates[1],
        shared_loss=rates[2],
        charger_detuning=rates[3],
        battery_detuning=-rates[4],
        linear_drive=rates[5],
    )
    curve = battery.charge()
    fine = battery.charge(np.linspace(0.0, curve.times[-1], 16_385))
    for name in ("max_energy", "max_average_power"):
        found, expected = getattr(curve, name), getattr(fine, name)
        assert found.value == pytest.approx(expected.value, rel=2e-3)


def test_a_curve_that_turns_too_often_asks_for_times():
    battery = NonreciprocalBattery(charger_detuning=1e4)
    with pytest.raises(TooLargeError, match="give `times=`") as refused:
        battery.charge()
    assert refused.value.found > refused.value.limit == 20_000
    assert battery.charge(np.linspace(0, 1e-3, 50)).energy[-1] > 0


@pytest.mark.parametrize("model", [NonreciprocalBattery, ThreeModeBattery])
def test_replace_chooses_the_drive_again_unless_it_was_given(model):
    plain = model()
    assert plain.linear_drive == 0.5
    pumped = replace(plain, two_photon_drive=0.01)
    assert pumped == model(two_photon_drive=0.01)
    assert pumped.linear_drive == 0.0
    assert replace(pumped, two_photon_drive=0.0) == plain
    given = replace(model(linear_drive=0.5), two_photon_drive=0.01)
    assert given.linear_drive == 0.5
    for again in (copy.deepcopy(plain), pickle.loads(pickle.dumps(plain))):
        assert replace(again, two_photon_drive=0.01) == pumped


@pytest.mark.parametrize("model", [NonreciprocalBattery, ThreeModeBattery])
def test_fields_are_numbers_of_python(model):
    small = model(
        charger_loss=np.float32(0.5),
        battery_loss=np.int8(100),
        coupling=np.int8(100),
        charger_levels=np.uint8(200),
        linear_drive=np.float16(2),
    )
    plain = model(
        charger_loss=0.5,
        battery_loss=100,
        coupling=100,
        charger_levels=200,
        linear_drive=2,
    )
    assert small == plain
    for field in fields(small):
        value = getattr(small, field.name)
        assert isinstance(value, int | float | complex), field.name
        assert not isinstance(value, np.generic), field.name
    assert small.charge(TIMES) == plain.charge(TIMES)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cavity_loss", 0.0),
        ("cavity_loss", 1e200),
        ("charger_cavity", 1e200),
        ("charger_cavity", np.ones(2)),
        ("charger_loss", True),
        ("charger_loss", 1j),
        ("coupling", None),
        ("coupling", True),
        ("coupling", complex(0, np.nan)),
        ("coupling", [[1], [2, 3]]),
        ("linear_drive", [0.5]),
        ("two_photon_drive", np.ones(2)),
        ("two_photon_drive", -0.1),
        ("cavity_levels", 1),
        ("cavity_levels", 3.0),
        ("bath_occupation", None),
        ("frequency", 10**400),
    ],
)
def test_odd_fields_of_the_third_mode_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=f"Argument `{field}` must"):
        ThreeModeBattery(**{field: value})


def test_a_cavity_that_nothing_touches_is_no_reservoir():
    apart = ThreeModeBattery(charger_cavity=0.0, battery_cavity=0.0, coupling=0.3)
    two = NonreciprocalBattery(
        battery_loss=0.05, shared_loss=0.0, coupling=0.3, linear_drive=0.5
    )
    expected = two.charge(TIMES).energy
    assert apart.charge(TIMES).energy == pytest.approx(expected, rel=1e-12)
    eliminated = apart.eliminated().charge(TIMES).energy
    assert eliminated == pytest.approx(expected, rel=1e-12)


RATES = {"losses": (1.1, 1.05), "cross_loss": 1.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("drive", 1j),
        ("drive", "F"),
        ("drive", np.nan),
        ("losses", (1.0,)),
        ("losses", 1.0),
        ("losses", (-1.0, 1.0)),
        ("losses", (1.0, [np.inf])),
        ("cross_loss", 1.2),
        ("cross_loss", -1.2),
        ("cross_loss", None),
    ],
)
def test_odd_arguments_of_the_closed_forms_are_refused_by_name(name, value):
    good = RATES | {"drive": 0.1}
    forms = [two_photon_steady, lambda **kw: coherent_amplitudes(coupling=0.5j, **kw)]
    if name != "drive":
        forms.append(lambda drive, **kw: exceptional_coupling(**kw))
    for form in forms:
        with pytest.raises(ValueError, match=f"`{name}` must"):
            form(**(good | {name: value}))


def test_closed_forms_refuse_what_has_no_state_at_rest():
    with pytest.raises(ValueError, match="`drive` must be finite and at least 0"):
        two_photon_steady(drive=-0.1, **RATES)
    with pytest.raises(ValueError, match="`losses` must"):
        two_photon_steady(drive=0.1, losses=(1.0, 0.0), cross_loss=0.0)
    dark = {"losses": (1.0, 1.0), "cross_loss": 1.0, "coupling": 0.3}
    with pytest.raises(ValueError, match="`losses` must leave one state at rest"):
        coherent_amplitudes(drive=0.5, detunings=(0.3, 0.3), **dark)
    for odd in ({"coupling": np.nan}, {"detunings": (1j, 0.0)}):
        with pytest.raises(ValueError, match=f"`{next(iter(odd))}` must"):
            coherent_amplitudes(**({"drive": 0.5, "coupling": 0.5j} | RATES | odd))


def test_exceptional_points_without_a_shared_loss():
    """g = 0: 4 |J|^2 = D^2/4 on resonance, and none off resonance."""
    j = exceptional_coupling(losses=(1.0, 0.2), cross_loss=0.0)
    assert j == pytest.approx(0.2j)
    matrix = np.array([[-0.5j, j], [np.conj(j), -0.1j]])
    assert mode_overlap(matrix) == pytest.approx(1.0, abs=1e-7)
    with pytest.raises(ValueError, match="`cross_loss` must not be 0"):
        exceptional_coupling(losses=(1.0, 0.2), cross_loss=0.0, detuning=0.1)
    for matrix in (np.eye(3), [[np.nan, 0], [0, 1]], [1.0, 2.0], "M"):
        with pytest.raises(ValueError, match="`matrix` must"):
            mode_overlap(matrix)


@pytest.mark.parametrize("coupling", [np.inf, np.nan, complex(0.1, np.inf)])
def test_a_coupling_that_is_not_finite_is_refused_by_its_name(coupling):
    known = {"drive": 0.5, "losses": (0.5, 0.5), "cross_loss": 0.2}
    with pytest.raises(ValueError, match="`coupling` must be finite"):
        coherent_amplitudes(coupling=[0.1, coupling], **known)


@pytest.mark.parametrize("two_photon_drive", [0.0, 0.05])
def test_the_power_of_a_start_out_of_equilibrium_is_the_slope(two_photon_drive):
    # Both modes hold 1.5 quanta, the baths 0.2. At t = 0 no coherence links the battery
    # with the charger yet, and it only loses: -Lambda_b (1.5 - 0.2) omega.
    battery = NonreciprocalBattery(
        linear_drive=0.3, two_photon_drive=two_photon_drive, bath_occupation=0.2,
        battery_loss=0.3, frequency=2.0,
    )  # fmt: skip
    t = np.linspace(0.0, 2.0, 401)
    c = battery.charge(t, start=gaussian.thermal(2, 1.5))
    assert c.power[0] == pytest.approx(-1.3 * 1.3 * 2.0, rel=1e-12)
    # Five points: h^4/30 max|E^(5)|, rates of 2 and energies of 3: 2e-9.
    e, h = c.energy, t[1]
    slope = (8 * (e[3:-1] - e[1:-3]) - (e[4:] - e[:-4])) / (12 * h)
    np.testing.assert_allclose(c.power[2:-2], slope, atol=1e-7)
