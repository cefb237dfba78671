import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbcore._support.checks import integer, real, require, time_axis


def message(call, *args, **options):
    with pytest.raises(ValueError, match="Argument") as caught:
        call(*args, **options)
    return str(caught.value)


def test_the_sentence_names_argument_bound_and_value():
    assert (
        message(require, False, "x", "be odd", 4)
        == "Argument `x` must be odd, but is 4."
    )
    assert require(True, "x", "be odd", 3) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_finite_real_comes_back_as_the_same_float(value):
    assert real("x", value) == value
    assert real("x", value, least=value) == value


@pytest.mark.parametrize("value", [3, np.int64(3), np.float32(3), np.float64(3)])
def test_numpy_scalars_are_real_numbers(value):
    number = real("x", value)
    assert type(number) is float
    assert number == 3.0


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, "1", None, 1j, [1.0], np.ones(1), True, np.True_],
)
def test_what_is_no_finite_real_is_refused(value):
    said = message(real, "x", value)
    assert said == f"Argument `x` must be a finite real number, but is {value!r}."
    assert "must be" in message(real, "x", value, above=0)


def test_above_excludes_its_bound_and_least_includes_it():
    assert real("x", 5e-324, above=0.0) == 5e-324
    assert message(real, "x", 0.0, above=0.0) == (
        "Argument `x` must be a finite real number above 0, but is 0.0."
    )
    assert real("x", 0, least=0.0) == 0.0
    assert message(real, "x", -1, least=0.0) == (
        "Argument `x` must be a finite real number of at least 0, but is -1."
    )


@given(st.integers(-50, 50), st.integers(-50, 50))
def test_integer_keeps_what_reaches_its_least(value, least):
    if value >= least:
        assert integer("n", value, least=least) == value
    else:
        assert message(integer, "n", value, least=least) == (
            f"Argument `n` must be an integer of at least {least}, but is {value}."
        )


def test_integer_takes_numpy_integers_and_returns_a_python_int():
    assert type(integer("n", np.int32(2), least=1)) is int


@pytest.mark.parametrize(
    "value", [True, np.True_, 2.0, np.float64(2), "2", None, math.nan]
)
def test_integer_refuses_bools_floats_and_text(value):
    assert "an integer of at least 0" in message(integer, "n", value, least=0)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=9, unique=True).map(sorted))
def test_rising_times_come_back_unchanged(times):
    found = time_axis("times", times, latest=times[-1])
    assert found.dtype == float
    assert found.tolist() == times


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ([], "at least one time"),
        (1.0, "at least one time"),
        (["0", "1"], "real numbers"),
        ([False, True], "real numbers"),
        ([0j, 1j], "real numbers"),
        ([[0.0], [1.0, 2.0]], "real numbers"),
        ((t for t in (0.0, 1.0)), "real numbers"),
        ({0.0: 1.0}, "real numbers"),
        (None, "real numbers"),
        ("now", "real numbers"),
        ([[0.0, 1.0], [2.0, 3.0]], "at least one time"),
        ([0.0, math.nan], "be finite"),
        ([0.0, math.inf], "be finite"),
        ([0.0, 1.0, 1.0], "increase strictly"),
        ([1.0, 0.0], "increase strictly"),
        ([-0.1, 1.0], "start at 0 or later"),
        ([0.0, 2.1], "end by 2"),
    ],
)
def test_each_bad_time_axis_is_refused_with_its_reason(times, why):
    assert why in message(time_axis, "times", times, latest=2.0)


def test_times_are_a_copy_that_the_caller_cannot_change():
    mine = np.array([0.0, 1.0])
    found = time_axis("times", mine)
    mine[1] = 5.0
    assert found.tolist() == [0.0, 1.0]


def test_the_last_time_may_overshoot_by_rounding_only():
    # linspace can end one ulp (1.1e-16 relative at most) late; the slack is 1e-12 of
    # the end.
    assert time_axis("times", [0.0, np.nextafter(0.3, 1)], latest=0.3).size == 2
    assert "end by 0.3" in message(
        time_axis, "times", [0.0, 0.3 * (1 + 1e-9)], latest=0.3
    )


@pytest.mark.parametrize("latest", [1e-6, 1e6])
def test_the_slack_of_the_last_time_is_relative(latest):
    # A few units in the last place pass at any scale, a part in 1e9 at none.
    late = latest * (1 + 1e-15)
    assert time_axis("times", [0.0, late], latest=latest).tolist() == [0.0, late]
    over = latest * (1 + 1e-9)
    assert "end by" in message(time_axis, "times", [0.0, over], latest=latest)


def test_the_first_and_the_last_time_are_named():
    said = message(time_axis, "times", [-0.5, 0.25, 1.0], latest=2.0)
    assert said.endswith("start at 0 or later and end by 2, but is (-0.5, 1.0).")
    # No bound but zero: any late time will do, and one before zero will not.
    assert time_axis("times", [1e300]).tolist() == [1e300]
    assert "end by inf" in message(time_axis, "times", [-1e-300, 1.0])
