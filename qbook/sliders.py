"""Sliders that move with and without a kernel.

A web page has no kernel, so a figure that is computed when a slider moves is dead
there. `explore` draws all frames beforehand and lets the browser choose among them;
``live=True`` computes the frame when the slider moves, which needs a running kernel and
takes as many values as one likes.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import HTML, SelectionSlider, Stack, VBox, Widget, jslink
from PIL import Image

from qbcore._support.checks import require
from qbcore._support.progress import progress

MOST_FRAMES = 150  # about 1.5 MB on the page
MOST_BYTES = 2_000_000  # of the frames of one figure, whatever they show
Draw = Callable[..., str]


class Explorer(VBox):  # type: ignore[misc]
    """Sliders above the frame they choose; as text one line, as picture one frame."""

    def __init__(
        self, sliders: Sequence[SelectionSlider], frame: Widget, first: bytes, text: str
    ) -> None:
        super().__init__([*sliders, frame])
        self.add_class("explorer")
        self.sliders, self.frame = tuple(sliders), frame
        self._first, self._text = first, text

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The widget; one frame as a picture where no widget shows (GitHub, PDF)."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return {
            **bundle,
            "text/plain": self._text,
            "image/png": base64.b64encode(self._first).decode(),
        }


def explore(
    draw: Draw,
    *,
    labels: dict[str, str] | None = None,
    start: dict[str, Any] | None = None,
    live: bool = False,
    **values: Sequence[Any],
) -> Explorer:
    """Put sliders on a figure.

    Parameters
    ----------
    draw : called with one keyword per slider; draws one matplotlib figure and returns a
        sentence that says what is seen, with its numbers. The sentence is caption and
        alt text.
    labels : what to write beside each slider; its keyword if not given.
    start : value each slider starts at; the middle one if not given.
    live : compute the frame when a slider moves instead of all frames now (needs a
        kernel). Half of the drawing is matplotlib's search for margins; fixed ones
        (``layout="none"``) save it.
    values : the values of each slider, one to three sliders; unless live, at most 150
        frames of two megabytes together.

    Raises
    ------
    ValueError for no slider, a slider of fewer than two values, an unknown label or
    start, too many or too heavy frames, or a ``draw`` that returns no sentence.
    Whatever ``draw`` raises passes through.
    """
    require(
        1 <= len(values) <= 3, "values", "name one to three sliders", sorted(values)
    )
    for name, options in values.items():
        require(len(options) >= 2, name, "hold at least two values", list(options))
    labels, start = labels or {}, start or {}
    for name in (*labels, *start):
        require(name in values, name, f"be one of the sliders {sorted(values)}", name)
    sliders = [
        _slider(n, list(v), labels.get(n, n), start.get(n), live)
        for n, v in values.items()
    ]
    if live:
        chosen = {n: s.value for n, s in zip(values, sliders, strict=True)}
        png, sentence = _frame(draw, chosen)
        first, kind = _packed(png), "live"
        shown = HTML(_figure(first, sentence))
        frame = _live_frame(draw, dict(zip(values, sliders, strict=True)), shown)
    else:
        drawn = _drawn(draw, values)
        frame = _all_frames((_figure(*each) for each in drawn), sliders)
        start_at = np.ravel_multi_index(
            [slider.index for slider in sliders],
            [len(slider.options) for slider in sliders],
        )
        first, sentence = drawn[start_at]
        kind = f"{len(drawn)} frames"
    names, words = ", ".join(values), " ".join(sentence.split())
    text = f"Interactive figure over {names} ({kind}). {words}"
    explorer = Explorer(sliders, frame, first, text)
    return explorer.add_class("explorer-live") if live else explorer


def _slider(
    name: str, options: list[Any], label: str, start: Any, live: bool
) -> SelectionSlider:
    require(
        start is None or start in options,
        "start",
        f"hold a value of {name}, one of {options}",
        start,
    )
    slider = SelectionSlider(
        options=list(zip(_labels(options), options, strict=True)),
        index=len(options) // 2 if start is None else options.index(start),
        description=label,
        # Compute where the slider is let go, not at every value on the way.
        continuous_update=not live,
        style={"description_width": "initial"},
        layout={"width": "100%", "max_width": "36rem"},
    )
    slider.tooltip = label
    return slider


def _labels(options: list[Any]) -> list[str]:
    """What to write for each value: four digits, and more if these do not differ."""
    for digits in range(4, 18):
        labels = [
            f"{v:.{digits}g}" if isinstance(v, float) else str(v) for v in options
        ]
        if len(set(labels)) == len(labels):
            break
    return labels


def _drawn(draw: Draw, values: dict[str, Sequence[Any]]) -> list[tuple[bytes, str]]:
    """Picture and sentence of every frame; the last slider moves fastest."""
    sets = [dict(zip(values, each, strict=True)) for each in product(*values.values())]
    must = f"make at most {MOST_FRAMES} frames"
    require(len(sets) <= MOST_FRAMES, "values", must, len(sets))
    drawn, weight = [], 0
    for each in progress(sets, "frames", len(sets)):
        png, sentence = _frame(draw, each)
        drawn.append((_packed(png), sentence))
        weight += len(drawn[-1][0])
        must = f"make frames of at most {MOST_BYTES} bytes: fewer or `live=True`"
        require(weight <= MOST_BYTES, "values", must, weight)
    return drawn


def _all_frames(figures: Iterator[str], sliders: Sequence[SelectionSlider]) -> Widget:
    """A Stack per slider, nested; each tied to its slider in the browser."""
    if not sliders:
        return HTML(next(figures))
    slider, *others = sliders
    children = [_all_frames(figures, others) for _ in slider.options]
    stack = Stack(children, selected_index=slider.index)
    jslink((slider, "index"), (stack, "selected_index"))
    return stack


def _live_frame(draw: Draw, sliders: dict[str, SelectionSlider], frame: HTML) -> HTML:
    def redraw(_: object) -> None:
        try:
            frame.value = _figure(
                *_frame(draw, {name: s.value for name, s in sliders.items()})
            )
        except Exception as problem:  # the old picture would belong to other values
            where = " ".join(["", *getattr(problem, "__notes__", [])])
            words = html.escape(f"{type(problem).__name__}: {problem}{where}")
            frame.value = f'<p role="alert">{words}</p>'
            raise

    for slider in sliders.values():
        slider.observe(redraw, names="value")
    return frame


def _frame(draw: Draw, chosen: dict[str, Any]) -> tuple[bytes, str]:
    """The figure that ``draw`` leaves as a PNG, and its sentence."""
    before = set(plt.get_fignums())
    try:
        sentence = draw(**chosen)
        drawn = sorted(set(plt.get_fignums()) - before)
        returned = isinstance(sentence, str) and bool(sentence.strip())
        require(returned, "draw", "return a sentence that says what is seen", sentence)
        require(len(drawn) == 1, "draw", "draw one new figure", f"{len(drawn)} figures")
        png = io.BytesIO()
        plt.figure(drawn[0]).savefig(png, format="png")
    except Exception as problem:
        at = ", ".join(f"{name} = {value!r}" for name, value in chosen.items())
        problem.add_note(f"This was the frame at {at}.")
        raise
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
    return png.getvalue(), sentence


def _packed(png: bytes) -> bytes:
    """The picture with a palette: a quarter of the weight, a quarter more time."""
    packed = io.BytesIO()
    # 64 colours are enough for line art and small maps.
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64).save(
        packed, format="png", optimize=True
    )
    return packed.getvalue()


def _figure(png: bytes, sentence: str) -> str:
    source = base64.b64encode(png).decode()
    words = html.escape(sentence, quote=True)
    return (
        f'<figure class="explorer-frame" style="margin:0"><img alt="{words}" '
        f'style="max-width:100%;height:auto;background:#fff" '
        f'src="data:image/png;base64,{source}">'
        f'<figcaption role="status">{words}</figcaption></figure>'
    )
