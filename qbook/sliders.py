"""Sliders that move with and without a kernel.

`explore` draws all frames beforehand, so that a slider shows one at once; ``live=True``
computes the frame when the slider moves, which takes as many values as one likes and
needs a kernel. Notebooks show widgets. On the site, where there is no kernel, frames
are files: while it is built, the variable ``QBOOK_FRAMES`` names their folder, and a
figure is its first frame with the data that the site's script makes sliders of.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import os
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
from ipywidgets import HTML, SelectionSlider, VBox
from PIL import Image

from qbcore._support.checks import require
from qbcore._support.progress import progress
from qbook import _shapes

FRAMES = "QBOOK_FRAMES"  # names the folder for frames, while the site is built
MOST_FRAMES = 150  # about 1.5 MB of files
MOST_BYTES = 2_000_000  # of the frames of one figure, whatever they show
KERNEL = "The sliders of this figure compute: run the chapter to move them."
Draw = Callable[..., str]
Places = tuple[int, ...]  # of each slider among its values


class Frame(NamedTuple):
    """A picture, its sentence, the shape of its curves in words, and its axes."""

    png: bytes
    sentence: str
    alt: str
    axes: str


FrameAt = Callable[[Places], Frame]


class Slider(NamedTuple):
    """A slider before it is a widget or a control of a page."""

    name: str
    label: str
    values: list[Any]
    texts: list[str]
    start: int


class Explorer(VBox):  # type: ignore[misc]
    """Sliders above the frame they choose; as text one line, as picture one frame."""

    def __init__(
        self,
        text: str,
        ask: str,
        sliders: Sequence[Slider],
        first: Frame,
        frame_at: FrameAt,
        *,
        live: bool,
    ) -> None:
        self.sliders = tuple(_widget(slider, live) for slider in sliders)
        self.frame, self._frame_at = HTML(_inline(first)), frame_at
        self._text, self._first = text, first
        for slider in self.sliders:
            slider.observe(self._redraw, names="index")
        question = [HTML(f"<p>{html.escape(ask)}</p>")] if ask else []
        super().__init__([*question, *self.sliders, self.frame])
        self.add_class("explorer")
        if live:
            self.add_class("explorer-live")

    def _redraw(self, _: object) -> None:
        try:
            frame = self._frame_at(tuple(s.index for s in self.sliders))
            self.frame.value = _inline(frame)
        except Exception as problem:  # the old picture would belong to other values
            where = " ".join(["", *getattr(problem, "__notes__", [])])
            words = html.escape(f"{type(problem).__name__}: {problem}{where}")
            self.frame.value = f'<p role="alert">{words}</p>'
            raise

    def __repr__(self) -> str:
        return self._text

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The widget; one frame as a picture where no widget shows (GitHub, PDF)."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return {
            **bundle,
            "text/plain": self._text,
            "image/png": _base64(self._first.png),
        }


class PageExplorer:
    """The figure on the site: its first frame, and what a script needs for others."""

    def __init__(self, markup: str, text: str) -> None:
        self._markup, self._text = markup, text

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return self._markup


def explore(
    draw: Draw,
    *,
    ask: str = "",
    labels: dict[str, str] | None = None,
    start: dict[str, Any] | None = None,
    live: bool = False,
    **values: Sequence[Any],
) -> Explorer | PageExplorer:
    """Put sliders on a figure.

    Parameters
    ----------
    draw : called with one keyword per slider; draws one matplotlib figure and returns a
        sentence that says what is seen, with its numbers. The sentence is the caption;
        the alt text is the shape of the curves, in words made from the figure.
    ask : a question to think about before a slider is moved; it stands above them.
    labels : the text next to each slider; its keyword if not given.
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
        _slider(n, list(v), labels.get(n, n), start.get(n)) for n, v in values.items()
    ]

    def drawn(at: Places) -> Frame:
        chosen = zip(sliders, at, strict=True)
        return _frame(draw, {s.name: s.values[index] for s, index in chosen})

    here = tuple(slider.start for slider in sliders)
    frames = {here: _packed(drawn(here))} if live else _all_frames(drawn, sliders)
    kind = "live" if live else f"{len(frames)} frames"
    words = " ".join(frames[here].sentence.split())
    text = f"Interactive figure over {', '.join(values)} ({kind}). {words}"
    if FRAMES in os.environ:
        name = draw.__name__.removeprefix("draw_").strip("<>_").replace("_", "-")
        return PageExplorer(_markup(name, ask, sliders, frames, live), text)
    frame_at = drawn if live else frames.__getitem__
    return Explorer(text, ask, sliders, frames[here], frame_at, live=live)


def _slider(name: str, options: list[Any], label: str, start: Any) -> Slider:
    known = start is None or start in options
    require(known, "start", f"hold a value of {name}, one of {options}", start)
    index = len(options) // 2 if start is None else options.index(start)
    return Slider(name, label, options, _labels(options), index)


def _widget(slider: Slider, live: bool) -> SelectionSlider:
    widget = SelectionSlider(
        options=list(zip(slider.texts, slider.values, strict=True)),
        index=slider.start,
        description=slider.label,
        # Compute where the slider is let go, not at every value on the way.
        continuous_update=not live,
        style={"description_width": "initial"},
        layout={"width": "100%", "max_width": "36rem"},
    )
    widget.tooltip = slider.label
    return widget


def _labels(options: list[Any]) -> list[str]:
    """The label of each value: four digits, and more if these do not differ."""
    for digits in range(4, 18):
        labels = [
            f"{v:.{digits}g}" if isinstance(v, float) else str(v) for v in options
        ]
        if len(set(labels)) == len(labels):
            break
    return [label.replace("-", "−", label.startswith("-")) for label in labels]


def _all_frames(drawn: FrameAt, sliders: Sequence[Slider]) -> dict[Places, Frame]:
    """Every frame by its places on the sliders; the last slider moves fastest."""
    places = list(product(*(range(len(slider.values)) for slider in sliders)))
    must = f"make at most {MOST_FRAMES} frames"
    require(len(places) <= MOST_FRAMES, "values", must, len(places))
    frames, weight = {}, 0
    for at in progress(places, "frames", len(places)):
        frames[at] = _packed(drawn(at))
        weight += len(frames[at].png)
        must = f"make frames of at most {MOST_BYTES} bytes: fewer or `live=True`"
        require(weight <= MOST_BYTES, "values", must, weight)
    return frames


def _frame(draw: Draw, chosen: dict[str, Any]) -> Frame:
    """The figure that ``draw`` leaves, and its sentence."""
    before = set(plt.get_fignums())
    try:
        sentence = draw(**chosen)
        drawn = sorted(set(plt.get_fignums()) - before)
        returned = isinstance(sentence, str) and bool(sentence.strip())
        require(returned, "draw", "return a sentence that says what is seen", sentence)
        require(len(drawn) == 1, "draw", "draw one new figure", f"{len(drawn)} figures")
        figure, png = plt.figure(drawn[0]), io.BytesIO()
        figure.savefig(png, format="png")
        alt, axes = _shapes.in_words(figure) or sentence, _shapes.of_axes(figure)
    except Exception as problem:
        at = ", ".join(f"{name} = {value!r}" for name, value in chosen.items())
        problem.add_note(f"This was the frame at {at}.")
        raise
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
    return Frame(png.getvalue(), sentence, alt, axes)


def _packed(frame: Frame) -> Frame:
    """Its picture with a palette: a quarter of the weight, a quarter more time."""
    packed = io.BytesIO()
    # 64 colours are enough for line art and small maps.
    picture = Image.open(io.BytesIO(frame.png)).convert("RGB").quantize(64)
    picture.save(packed, format="png", optimize=True)
    return frame._replace(png=packed.getvalue())


def _base64(png: bytes) -> str:
    return base64.b64encode(png).decode()


def _inline(frame: Frame) -> str:
    """A frame with its picture, where no sheet of styles is."""
    style = 'style="max-width:100%;height:auto;background:#fff"'
    return _figure(frame, f"data:image/png;base64,{_base64(frame.png)}", style)


def _figure(frame: Frame, source: str, more: str) -> str:
    return (
        f'<figure class="explorer-frame" style="margin:0"><img src="{source}" '
        f'alt="{html.escape(frame.alt)}" {more}>'
        f'<figcaption role="status">{html.escape(frame.sentence)}</figcaption></figure>'
    )


def _markup(
    name: str,
    ask: str,
    sliders: Sequence[Slider],
    frames: dict[Places, Frame],
    live: bool,
) -> str:
    """The figure on the site; its script reads the sliders and the names of frames.

    A frame is told by its file, its words, and a number that it shares with the frames
    on the same axes, over which the one before may stay as a shadow.
    """
    axes = list(dict.fromkeys(frame.axes for frame in frames.values()))
    told = [
        (_file(frame.png), frame.sentence, frame.alt, axes.index(frame.axes))
        for frame in frames.values()
    ]
    here = tuple(slider.start for slider in sliders)
    width, height = Image.open(io.BytesIO(frames[here].png)).size
    size = f'width="{width}" height="{height}"'
    first = _figure(frames[here], f"{FRAMES}{_file(frames[here].png)}", size)
    values = "; ".join(f"{s.label}: {s.texts[s.start]}" for s in sliders)
    data = json.dumps([s._asdict() for s in sliders], default=_plain)
    question = f'<p class="explorer-question">{html.escape(ask)}</p>' if ask else ""
    note = f'<p class="explorer-note">{KERNEL}</p>' if live else ""
    # A page shows the closing tag of a script where one stands in its data.
    script = json.dumps(told, ensure_ascii=False).replace("</", "<\\/")
    return (
        f'<div class="explorer" id="explore-{name}{"-live" if live else ""}" '
        f'data-frames="{FRAMES}" data-sliders="{html.escape(data)}"'
        f"{' data-live' if live else ''}>{question}"
        f'<div class="explorer-sliders"><p>{html.escape(values)}</p></div>'
        f'{first}{note}<script type="application/json">{script}</script></div>'
    )


def _file(png: bytes) -> str:
    """Write a frame, named by what it holds, into the site that is being built."""
    name = f"{hashlib.sha256(png).hexdigest()[:12]}.png"
    (Path(os.environ[FRAMES]) / name).write_bytes(png)
    return name


def _plain(value: Any) -> Any:
    """A number of numpy as one of Python."""
    return value.item()
