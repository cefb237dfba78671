"""A figure in words for those who do not see it: the shape of its curves.

The words are made from the artists of the figure, so that they are true of each frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qbook import tex

FLAT = 0.01  # of the height of the axes: less is not seen
TURN = 0.05  # of a curve's own height: smaller turns back are not told
MOST_TURNS = 3  # told one by one
ROUNDING = 1e-12


def in_words(figure: Figure) -> str:
    """Each panel with its axes and what is drawn on them; empty if nothing is known."""
    panels = [_panel(axes) for axes in figure.axes if axes.get_label() != "<colorbar>"]
    told = [panel for panel in panels if panel]
    if len(told) > 1:
        told = [f"Panel {k} of {len(told)}. {each}" for k, each in enumerate(told, 1)]
    return " ".join(told)


def of_axes(figure: Figure) -> str:
    """Place and limits of the axes: pictures on the same ones compare."""
    return repr(
        [
            (np.round(a.get_position().bounds, 3).tolist(), a.get_xlim(), a.get_ylim())
            for a in figure.axes
        ]
    )


def _panel(axes: Axes) -> str:
    things = [*_curves(axes), *_bars(axes), *_maps(axes)]
    if not things:
        return ""
    names = [_words(text) for text in (axes.get_ylabel(), axes.get_xlabel()) if text]
    title = f"{_words(axes.get_title())}: " if axes.get_title() else ""
    said = f"{title}{' over '.join(names)}. " if names else title
    return f"{said}{' '.join(things)}"


def _curves(axes: Axes) -> Iterator[str]:
    # Lines that mark a value across the axes are drawn in other coordinates.
    lines = [a for a in axes.lines if a.get_transform() == axes.transData]
    drawn = [(a.get_label(), _points(a)) for a in lines if len(_points(a)) > 1]
    low, high = axes.get_ylim()
    for k, (label, points) in enumerate(drawn, 1):
        x, y = points.T
        named = str(label)
        alone = "The curve" if len(drawn) == 1 else f"Curve {k}"
        name = alone if named.startswith("_") else _words(named)
        yield f"{name} {course(x, y, abs(high - low))}."


def _points(line: Line2D) -> Any:
    """The drawn part of a line: its points with numbers."""
    points: Any = np.ma.filled(np.ma.asarray(line.get_xydata(), dtype=float), np.nan)
    return points[np.isfinite(points).all(axis=1)]


def course(x: Any, y: Any, height: float) -> str:
    """The course of a curve on axes of a given height.

    Examples
    --------
    >>> course([0, 1, 2], [0, 4, 1], 4)
    'rises from 0 to 4 at 1, then falls to 1'
    >>> course([0, 1, 2], [5, 5, 5], 4)
    'stays at 5'
    """
    x, y = np.asarray(x), np.asarray(y)
    steps, span = np.diff(x), y.max() - y.min()
    if (steps < 0).any() and (steps > 0).any():
        return (
            f"bends between {_number(x.min())} and {_number(x.max())} across and "
            f"between {_number(y.min())} and {_number(y.max())} in height"
        )
    if span <= FLAT * height:
        small = abs(y.mean()) <= FLAT * height
        return "stays near 0" if small else f"stays at {_number(y.mean())}"
    ends = _ends_of_runs(y, TURN * span)
    if len(ends) - 1 > MOST_TURNS:
        return (
            f"goes up and down {len(ends) // 2} times between {_number(y.min())} and "
            f"{_number(y.max())}, from {_number(y[0])} to {_number(y[-1])}"
        )
    told: list[str] = []
    before = y[0]
    for end in ends:
        way = "rises" if y[end] > before else "falls"
        start = "" if told else f" from {_number(y[0])}"
        place = "" if end == ends[-1] else f" at {_number(x[end])}"
        told.append(f"{way}{start} to {_number(y[end])}{place}")
        before = y[end]
    return ", then ".join(told) + _settled(x, y, TURN * span)


def _ends_of_runs(y: Any, least: float) -> list[int]:
    """Points where a curve turns by more than the least height, and its last."""
    turns: list[int] = []
    way, extreme = 0, 0
    for k in range(1, len(y)):
        if way == 0:
            way = int(np.sign(y[k] - y[0])) if abs(y[k] - y[0]) > least else 0
            extreme = k
        elif way * (y[k] - y[extreme]) > 0:
            extreme = k
        elif way * (y[extreme] - y[k]) > least:
            turns.append(extreme)
            way, extreme = -way, k
    return [*turns, len(y) - 1]


def _settled(x: Any, y: Any, least: float) -> str:
    """From where on a curve stays at its last value, if it does for a third."""
    away = np.flatnonzero(np.abs(y - y[-1]) > least)
    since = x[away[-1] + 1]
    lasts = x[-1] - since > (x[-1] - x[0]) / 3
    return f" and stays there from {_number(since)} on" if lasts else ""


def _bars(axes: Axes) -> Iterator[str]:
    groups = [each for each in axes.containers if isinstance(each, BarContainer)]
    for bars in (each for each in groups if each.orientation == "vertical"):
        heights = [bar.get_height() for bar in bars.patches]
        bar = bars.patches[int(np.argmax(heights))]
        middle = bar.get_x() + bar.get_width() / 2
        ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        names = [each.get_text() for x, each in ticks if abs(x - middle) < 1e-9]
        place = " ".join(names[0].split()) if any(names) else _number(middle)
        tallest = _number(max(heights))
        yield f"{len(heights)} bars, the tallest {tallest} at {place}."


def _maps(axes: Axes) -> Iterator[str]:
    for drawn in (*axes.images, *axes.collections):
        values = drawn.get_array()
        if values is not None and np.size(values) > 1:
            low, high = (_number(f(values)) for f in (np.nanmin, np.nanmax))
            yield f"A map of values from {low} to {high}."


@cache
def _words(text: str) -> str:
    return tex.plain(text).strip()


def _number(value: float) -> str:
    """Three digits; what only rounding left of zero is zero."""
    rounded = f"{value if abs(value) > ROUNDING else 0.0:.3g}"
    return _words(tex.power_of_ten(rounded)).replace("-", "−")
