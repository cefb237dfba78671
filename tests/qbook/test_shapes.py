import matplotlib.pyplot as plt
import numpy as np
import pytest

from qbook import _shapes

X = np.linspace(0, 10, 1001)


@pytest.fixture
def figure():
    made = plt.figure()
    yield made
    plt.close(made)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (2 * X, "rises from 0 to 20"),
        (-X, "falls from 0 to −10"),
        (np.full_like(X, 3), "stays at 3"),
        (3 + 0.01 * np.sin(X), "stays at 3"),
        (0.03 + 0.001 * X, "stays near 0"),
        (2e-16 + X**2 / 20, "rises from 0 to 5"),
        (3e-5 + X / 2, "rises from 3 · 10^−5 to 5"),
        # Its top is 1/e at 1; it is within 0.05/e of its last value from 5.72 on.
        (
            X * np.exp(-X),
            "rises from 0 to 0.368 at 1, then falls to 0.000454 "
            "and stays there from 5.72 on",
        ),
        (1 - np.exp(-X), "rises from 0 to 1 and stays there from 3 on"),
        (np.cos(X / 2), "falls from 1 to −1 at 6.28, then rises to 0.284"),
        (
            np.sin(X),
            "rises from 0 to 1 at 1.57, then falls to −1 at 4.71, "
            "then rises to 1 at 7.85, then falls to −0.544",
        ),
        # Small wiggles are not told: 0.2 of 10.
        (X + 0.1 * np.sin(20 * X), "rises from 0 to 9.91"),
        (np.sin(5 * X), "goes up and down 8 times between −1 and 1, from 0 to −0.262"),
    ],
)
def test_the_course_of_a_curve(y, words):
    assert _shapes.course(X, y, 4) == words


def test_a_loop_is_told_by_its_size():
    said = _shapes.course(2 * np.cos(X), np.sin(X), 2)
    assert said == "bends between −2 and 2 across and between −1 and 1 in height"


def test_a_figure_is_told_panel_by_panel(figure):
    left, right = figure.subplots(1, 2)
    left.set(xlabel=r"time $\omega_0t$", ylabel="energy", title="Charging")
    left.plot([0, 1, np.nan], [0, 2, 5], label="full")
    left.plot([0, 1], [1, 0], label="empty")
    left.plot([0.5], [1])  # a mark
    left.axhline(1.5)  # a mark across
    right.bar([0, 1], [1, 3])
    right.set_xticks([0, 1], ["work", "heat\nlost"])
    assert _shapes.in_words(figure) == (
        "Panel 1 of 2. Charging: energy over time ω_0t. full rises from 0 to 2. "
        "empty falls from 1 to 0. Panel 2 of 2. 2 bars, the tallest 3 at heat lost."
    )


def test_a_map_is_told_by_its_values_and_its_colour_bar_is_not_told(figure):
    axes = figure.subplots()
    figure.colorbar(axes.imshow([[1, 2], [3, 4]]))
    assert _shapes.in_words(figure) == "A map of values from 1 to 4."


def test_axes_that_span_other_values_differ(figure):
    axes = figure.subplots()
    axes.set_ylim(0, 1)
    before = _shapes.of_axes(figure)
    axes.plot([0, 1], [0, 1])
    axes.set(xlim=(0, 1))
    assert _shapes.of_axes(figure) == before
    axes.set_ylim(0, 2)
    assert _shapes.of_axes(figure) != before
