import copy
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import Polynomial

from qbcore._support.results import Result
from qbcore.charging import Charging, Peak, _errors, peak
from qbcore.errors import AccuracyError

# Evaluating a polynomial of degree 5 with coefficients of order 1 loses a few dozen
# ulp.
ROUNDING = 1e-13


def sample(curve: Polynomial, times, derivatives):
    return [curve.deriv(k)(times) if k else curve(times) for k in range(derivatives)]


def sine(times, phase, derivatives):
    """sin^2(t - phase) and its derivatives."""
    t = times - phase
    return [np.sin(t) ** 2, np.sin(2 * t), 2 * np.cos(2 * t)][:derivatives]


# --- exact cases ---


@pytest.mark.parametrize("derivatives", [2, 3])
@given(
    top=st.floats(0.05, 2.95),
    height=st.floats(-5, 5),
    width=st.floats(0.1, 5),
    count=st.integers(2, 9),
)
def test_a_parabola_is_found_exactly(derivatives, top, height, width, count):
    curve = height - width * Polynomial([-top, 1]) ** 2
    times = np.linspace(0, 3, count)
    found = peak(times, *sample(curve, times, derivatives))
    # Cubic and quintic interpolants reproduce a parabola. Coefficients are at most 5 +
    # 5 * 9 = 50, so values are right to 50 * ROUNDING, and the root of the slope 2
    # width (top - t) to that over 2 width.
    assert found.value == pytest.approx(height, abs=50 * ROUNDING)
    assert found.time == pytest.approx(top, abs=50 * ROUNDING / width)


def test_cubic_and_quintic_with_known_maxima():
    # t^2 (3 - t) has slope 3 t (2 - t): maximum 4 at t = 2. A cubic is its own cubic
    # interpolant.
    cubic = Polynomial([0, 0, 3, -1])
    times = np.array([0.0, 1.3, 3.0])
    found = peak(times, *sample(cubic, times, 2))
    assert found.time == pytest.approx(2.0, abs=1e-12)
    assert found.value == pytest.approx(4.0, abs=1e-12)
    # t^4 (5 - t): slope 5 t^3 (4 - t), maximum 256 at t = 4. A quintic is its own
    # quintic interpolant.
    quintic = Polynomial([0, 0, 0, 0, 5, -1])
    times = np.array([0.0, 2.0, 4.9])
    found = peak(times, *sample(quintic, times, 3))
    assert found.time == pytest.approx(
        4.0, abs=1e-11
    )  # values of order 1000, curvature 320
    assert found.value == pytest.approx(256.0, abs=1e-10)


@pytest.mark.parametrize("derivatives", [2, 3])
def test_sine_squared_on_a_grid_that_holds_the_maximum(derivatives):
    times = np.linspace(0, np.pi, 9)  # pi / 2 is a sample
    found = peak(times, *sine(times, 0.0, derivatives))
    assert found.value == pytest.approx(1.0, abs=ROUNDING)
    assert found.time == pytest.approx(np.pi / 2, abs=ROUNDING)


# --- the two error bounds and their orders ---


def worst_error(intervals, derivatives):
    """Largest error of the peak of sin^2(t - phase) over the phases of one interval."""
    times = np.linspace(0, np.pi, intervals + 1)
    errors = []
    for phase in np.linspace(0, times[1], 21):
        found = peak(times, *sine(times, phase, derivatives))
        errors.append(abs(found.value - 1.0))
    return max(errors)


# sin^2 = (1 - cos 2t) / 2, so max|E^(n)| = 2^(n - 1).
@pytest.mark.parametrize(
    ("derivatives", "order", "divisor"), [(2, 4, 384), (3, 6, 46080)]
)
def test_the_error_obeys_the_stated_bound_and_order(derivatives, order, divisor):
    counts = np.array([6, 12, 24])
    errors = np.array([worst_error(n, derivatives) for n in counts])
    bounds = (np.pi / counts) ** order * 2.0 ** (order - 1) / divisor
    assert (errors <= bounds + ROUNDING).all()
    # The maximum half-way between two samples comes within cos(h) of the bound, h = pi
    # / 6 at most.
    assert (errors >= 0.8 * bounds).all()
    # Halving the spacing divides the error by 2^order, up to a correction of relative
    # size h^2 / 3.
    slopes = np.log2(errors[:-1] / errors[1:])
    assert slopes == pytest.approx([order, order], abs=0.25)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("times", [1j, 2.0]),
        ("values", [0.0, 1j]),
        ("values", [[0.0], [1.0, 2.0]]),
        ("slopes", None),
        ("curvatures", ["0", "1"]),
    ],
)
def test_samples_that_are_no_numbers_are_refused_by_name(name, given):
    names = ["times", "values", "slopes", "curvatures"]
    each: dict = {known: [0.0, 1.0] for known in names}
    with pytest.raises(ValueError, match=f"Argument `{name}` must hold real numbers"):
        peak(**each | {name: given})


def test_curvatures_make_the_peak_better():
    assert worst_error(12, 3) < 0.05 * worst_error(12, 2)


# --- the maximum of the interpolant, always ---


def highest(times, curves, degree):
    """Of each interval's polynomial, by collocation and numpy's roots."""
    best = -math.inf
    for i in range(times.size - 1):
        a, b = times[i], times[i + 1]
        rows, known = [], []
        for at in (i, i + 1):
            for order, curve in enumerate(curves):
                each = [Polynomial.basis(k).deriv(order) for k in range(degree + 1)]
                x = (times[at] - a) / (b - a)
                rows.append([one(x) for one in each])
                known.append(curve[at] * (b - a) ** order)
        piece = Polynomial(np.linalg.solve(rows, known))
        roots = piece.deriv().roots()
        inside = roots.real[(abs(roots.imag) < 1e-6)].clip(0, 1)
        best = max(best, *piece(np.array([0.0, 1.0])), *piece(inside))
    return best


@pytest.mark.parametrize("derivatives", [2, 3])
def test_no_random_interpolant_exceeds_its_peak(derivatives):
    rng = np.random.default_rng(derivatives)
    for _ in range(300):
        times = np.sort(rng.uniform(0, 4, rng.integers(2, 6)))
        curves = rng.normal(size=(derivatives, times.size)) * rng.choice([0.1, 1, 30])
        expected = highest(times, curves, 2 * derivatives - 1)
        # Interpolants reach 30 * 4^2 here, and collocation loses some hundred ulp.
        assert peak(times, *curves).value == pytest.approx(expected, abs=1e-10)


def test_two_rises_in_one_interval_are_told_apart():
    # Between samples 0 and 1, slopes 12 and 8: x (1 - x) (12 - 20 x) has its maximum
    # 1.3126 at x = 0.2137, and at x = 0.8531 a minimum.
    found = peak([0.0, 1.0], [0.0, 0.0], [12.0, 8.0])
    x = (64 - math.sqrt(64**2 - 4 * 60 * 12)) / 120
    assert found.time == pytest.approx(x, abs=1e-12)
    assert found.value == pytest.approx(x * (1 - x) * (12 - 20 * x), abs=1e-12)


# --- samples that cannot support a peak ---


def swing(times, omega=1.0, **options):
    """sin^2(omega t / 2) as a charging curve."""
    t = np.asarray(times, float)
    energy, power = np.sin(omega * t / 2) ** 2, omega * np.sin(omega * t) / 2
    return Charging(times=t, energy=energy, power=power, ergotropy=energy, **options)


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.9])
def test_too_few_samples_per_turn_are_refused_by_name(phase):
    coarse = swing(np.linspace(0, 100, 41) + phase)  # 2.5 radians apart
    with pytest.raises(AccuracyError, match="closer together") as caught:
        _ = coarse.max_energy
    assert caught.value.found > caught.value.limit > 0
    with pytest.raises(AccuracyError):
        _ = coarse.max_average_power


def test_a_peak_that_is_not_refused_is_as_good_as_promised():
    for count in range(20, 200, 7):
        curve = swing(np.linspace(0, 20, count))
        try:
            found = curve.max_energy.value
        except AccuracyError:
            assert count < 60  # at 3 samples per radian the cubic is good to 4e-5
            continue
        assert found == pytest.approx(1.0, abs=1e-3)


def test_two_samples_cannot_support_a_peak_and_one_is_its_own():
    with pytest.raises(AccuracyError, match="2 samples"):
        _ = swing([0.0, 1.0]).max_energy
    assert swing([2.0]).max_energy == (2.0, np.sin(1.0) ** 2)


def test_samples_far_below_the_peak_may_be_coarse():
    # The long tail cannot exceed the peak, whatever happens between its samples.
    early = np.linspace(0, 6, 121)
    late = np.geomspace(6.5, 1e9, 40)
    t = np.r_[early, late]
    energy, power = t * np.exp(-t), (1 - t) * np.exp(-t)
    curve = Charging(times=t, energy=energy, power=power, ergotropy=energy)
    assert curve.max_energy.value == pytest.approx(np.exp(-1), abs=1e-6)


def test_the_estimate_is_the_error_of_a_quartic_on_uneven_samples():
    # For t^4 the fourth derivative is constant, 24, and each estimate exact.
    t = np.array([0.0, 1.0, 1.5, 3.5])
    error = _errors(t, t**4, 4 * t**3)
    assert error == pytest.approx(np.diff(t) ** 4 / 16, rel=1e-12)


def test_a_power_that_peaks_before_the_first_sample_is_refused_or_right():
    # E/t starts at 0.1, rises, and has fallen long before the second sample.
    t = np.linspace(0, 400.0, 3)
    energy = 1 - (1 + 0.9 * t) * np.exp(-t)
    power = (0.1 + 0.9 * t) * np.exp(-t)
    curve = Charging(times=t, energy=energy, power=power, ergotropy=energy)
    with pytest.raises(AccuracyError, match="lie too far apart"):
        curve.max_average_power  # noqa: B018


def test_a_single_sample_at_zero_is_its_own_peak():
    one, none = np.ones(1), np.zeros(1)
    curve = Charging(times=none, energy=none, power=one, ergotropy=none, ceiling=1.0)
    with np.errstate(all="raise"):
        assert curve.max_average_power == Peak(0.0, 1.0)


def test_a_refined_peak_stays_below_the_ceiling():
    t = np.arange(0.05, 4.0, 0.3)
    energy, power = 1 - (t - 2) ** 4 / 16, -((t - 2) ** 3) / 4
    flat = Charging(times=t, energy=energy, power=power, ergotropy=energy)
    # Its fourth derivative is -3/2: the cubic is too high, by 0.3^4 * 1.5 / 384 at
    # most.
    assert 1.0 < flat.max_energy.value <= 1.0 + 0.3**4 * 1.5 / 384
    assert replace(flat, ceiling=1.0).max_energy.value == 1.0
    rising = Charging(
        times=np.array([0.0, 1.0, 2.0]),
        energy=np.array([0.0, 1.0, 2.0]),
        power=np.array([1.0, 1.0, 1.0]),
        ergotropy=np.zeros(3),
        ceiling=1.0,
    )
    assert rising.max_average_power.value == pytest.approx(1.0, abs=1e-15)


def test_rounding_of_an_empty_battery_is_no_curve():
    t = np.linspace(0, 1, 101)
    noise = 1e-16 * np.random.default_rng(1).normal(size=(2, t.size))
    empty = Charging(
        times=t, energy=noise[0], power=noise[1], ergotropy=0 * t, ceiling=1.0
    )
    assert abs(empty.max_energy.value) < 1e-15
    assert abs(empty.max_average_power.value) < 1e-13
    with pytest.raises(AccuracyError):
        _ = replace(empty, ceiling=math.inf).max_energy


def test_the_average_power_may_peak_before_the_first_sample():
    # E = t (1 + t - t^2): E/t is highest, 5/4, at t = 1/2, before the sample at 1.
    t = np.array([0.0, 1.0, 1.25, 1.5])
    energy, power = t + t**2 - t**3, 1 + 2 * t - 3 * t**2
    curve = Charging(times=t, energy=energy, power=power, ergotropy=energy)
    assert curve.max_average_power == pytest.approx((0.5, 1.25), abs=1e-12)


# --- end points, ties, many curves, scales ---


@pytest.mark.parametrize("derivatives", [2, 3])
@pytest.mark.parametrize(("sign", "time"), [(1, 2.0), (-1, 0.5)])
def test_a_monotonic_curve_peaks_at_its_end(derivatives, sign, time):
    times = np.linspace(0.5, 2.0, 7)
    curves = [sign * np.exp(times)] * derivatives
    found = peak(times, *curves)
    assert found.time == time
    assert found.value == sign * np.exp(time)


def test_a_minimum_inside_is_not_taken_for_a_peak():
    times = np.linspace(-1, 1, 6)
    found = peak(times, times**2, 2 * times)
    assert found.value == pytest.approx(1.0, abs=ROUNDING)
    assert abs(found.time) == pytest.approx(1.0, abs=ROUNDING)


def test_the_higher_of_two_peaks_wins_even_if_its_samples_are_lower():
    # Peaks 1 at t = 1 (a sample) and 1.1 at t = 3.5, between samples 3 and 4 that lie
    # at 0.85.
    times = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    values = np.array([0.0, 1.0, 0.0, 0.85, 0.85, 0.0])
    slopes = np.array([0.0, 0.0, 0.0, 1.0, -1.0, 0.0])
    # On 3..4 the interpolant is 0.85 + x (1 - x), highest at x = 1/2.
    found = peak(times, values, slopes)
    assert found.value == pytest.approx(1.1, abs=ROUNDING)
    assert found.time == pytest.approx(3.5, abs=1e-12)


def test_a_flat_curve_has_its_value():
    found = peak([0.0, 1.0, 3.0], [2.0, 2.0, 2.0], [0.0, 0.0, 0.0])
    assert found.value == pytest.approx(2.0, abs=ROUNDING)
    assert 0.0 <= found.time <= 3.0


@pytest.mark.parametrize("derivatives", [2, 3])
def test_many_curves_at_once_equal_one_after_another(derivatives):
    times = np.sort(np.random.default_rng(1).uniform(0, np.pi, 12))
    phases = np.linspace(-2, 2, 6).reshape(2, 3)
    curves = sine(times, phases[..., None], derivatives)
    together = peak(times, *curves)
    assert isinstance(together, Peak)
    assert together.time.shape == together.value.shape == (2, 3)
    for index in np.ndindex(2, 3):
        alone = peak(times, *(c[index] for c in curves))
        # Same arithmetic up to the summation order of a matrix product.
        assert together.value[index] == pytest.approx(float(alone.value), abs=ROUNDING)
        assert together.time[index] == pytest.approx(float(alone.time), abs=1e-12)


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1e9, 1e30])
def test_units_of_energy_and_time_scale_through(scale):
    times = np.linspace(0, 6, 17)  # two peaks and convex stretches
    value, slope, curvature = sine(times, 0.2, 3)
    plain = peak(times, value, slope, curvature)
    dear = peak(times, scale * value, scale * slope, scale * curvature)
    assert dear.value / scale == pytest.approx(float(plain.value), rel=ROUNDING)
    slow = peak(scale * times, value, slope / scale, curvature / scale**2)
    assert slow.value == pytest.approx(float(plain.value), rel=ROUNDING)
    assert slow.time / scale == pytest.approx(float(plain.time), rel=1e-12)


# --- Charging ---


def charging(energy: Polynomial, times):
    stored = energy(times)
    return Charging(
        times=times,
        energy=stored,
        power=energy.deriv()(times),
        ergotropy=np.zeros_like(stored),
    )


def test_peaks_of_energy_and_average_power():
    # E = t^2 (3 - t): E/t = t (3 - t) is highest at t = 3/2 with 9/4; E itself at t = 2
    # with 4.
    run = charging(Polynomial([0, 0, 3, -1]), np.linspace(0, 3, 8))
    assert run.max_energy == pytest.approx((2.0, 4.0), abs=1e-12)
    assert run.max_average_power == pytest.approx((1.5, 2.25), abs=1e-12)


def test_average_power_is_energy_over_time_with_its_limit_at_zero():
    run = charging(Polynomial([0, 5, -1]), np.linspace(0, 3, 4))
    # E/t = 5 - t, and 5 = dE/dt at t = 0.
    assert run.average_power == pytest.approx([5.0, 4.0, 3.0, 2.0], abs=ROUNDING)
    # Its largest value is the limit at t = 0, whatever the samples after it are.
    assert run.max_average_power == pytest.approx((0.0, 5.0), abs=ROUNDING)


def test_a_run_that_starts_later_keeps_its_first_sample():
    run = charging(Polynomial([0, 5, -1]), np.linspace(1, 3, 4))
    assert run.average_power[0] == pytest.approx(4.0, abs=ROUNDING)
    assert run.max_average_power == pytest.approx((1.0, 4.0), abs=ROUNDING)


def test_a_run_is_immutable():
    run = charging(Polynomial([0, 1]), np.linspace(0, 1, 3))
    with pytest.raises(AttributeError):
        run.energy = run.power


# --- errors ---


@pytest.mark.parametrize(
    ("times", "values", "slopes", "curvatures"),
    [
        ([], [], [], None),  # no sample
        ([0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], None),
        ([0.0, 1.0], [1.0, 1.0], [0.0], None),
        ([0.0, 1.0], [[1.0, 1.0]], [0.0, 0.0], None),
        ([0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0]),
        ([[0.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]], None),
        ([0.0, 1.0], 1.0, 1.0, None),
    ],
)
def test_shapes_that_do_not_agree(times, values, slopes, curvatures):
    with pytest.raises(ValueError, match="match `times`"):
        peak(times, values, slopes, curvatures)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_sample_that_is_not_finite(bad, which):
    curves = np.zeros((3, 4))
    curves[which, 2] = bad
    with pytest.raises(ValueError, match="be finite"):
        peak(np.arange(4.0), *curves)


@pytest.mark.parametrize(
    "times",
    [[0.0, math.nan, 2.0], [0.0, 1.0, math.inf], [0.0, 1.0, 1.0], [2.0, 1.0, 0.0]],
)
def test_times_that_do_not_increase(times):
    with pytest.raises(ValueError, match=r"`times` must (be finite|increase)"):
        peak(times, [0.0, 1.0, 0.0], [1.0, 0.0, -1.0])


def test_a_result_may_hold_tuples_with_names_and_without():
    @dataclass(frozen=True, kw_only=True, repr=False, eq=False)
    class Both(Result):
        peak: Peak
        interval: tuple[float, float]

    arrays = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    both = Both(peak=Peak(*arrays), interval=(0.5, 0.75))
    assert type(both.peak) is Peak
    assert not both.peak.time.flags.writeable
    assert both.interval == (0.5, 0.75)
    assert repr(both).splitlines()[1:] == [
        "  peak: time array (2,) from 1 to 2, value array (2,) from 3 to 4",
        "  interval: 0 0.5, 1 0.75",
    ]
    empty = Both(peak=Peak(arrays[0][:0], 1j * arrays[0]), interval=(0.5, 0.75))
    assert "peak: time array (0,), value array (2,)\n" in repr(empty)
    assert both == Both(peak=Peak(*arrays), interval=(0.5, 0.75))
    assert both != Both(peak=Peak(*arrays), interval=(0.5, 0.7))
    assert both != Both(peak=Peak(*arrays[::-1]), interval=(0.5, 0.75))
    assert both != Both(peak=arrays[0], interval=(0.5, 0.75))
    assert both != Both(peak=Peak(*arrays), interval=0.5)
    assert both != Both(peak=Peak(*arrays), interval=(0.5, 0.75, 1.0))
    # A pickle, and a copy, are equal and as little writable.
    again = copy.deepcopy(both)
    assert again == both
    assert not again.peak.value.flags.writeable


@pytest.mark.parametrize(
    ("times", "top"), [([0.0, 3.0, 4.0], 1.5), ([0.0, 1.0, 4.0], 2.5)]
)
def test_a_maximum_that_cannot_be_told_is_refused_with_its_error(times, top):
    # -(t - top)^4 has the fourth derivative -24, and its maximum is in the gap of
    # length 3: E^(4) h^4 / 384 = 81/16. No power of the gaps' ratio, 3, can stand for
    # another here.
    t = np.array(times)
    wide = Charging(times=t, energy=-((t - top) ** 4), power=-4 * (t - top) ** 3,
                    ergotropy=0 * t)  # fmt: skip
    with pytest.raises(AccuracyError, match="3 samples lie too far apart") as caught:
        _ = wide.max_energy
    assert caught.value.found == pytest.approx(81 / 16, rel=1e-12)


def test_one_sample_is_its_own_maximum():
    for time in (0.0, 2.0):
        one = Charging(times=np.array([time]), energy=np.array([3.0]),
                       power=np.array([0.7]), ergotropy=np.array([0.0]))  # fmt: skip
        assert one.max_energy == (time, 3.0)
        assert one.max_average_power == (time, 1.5 if time else 0.7)
