import base64
import html
import io
import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets import HTML, SelectionSlider
from PIL import Image

from qbook.sliders import FRAMES, MOST_FRAMES, Explorer, Frame, _packed, explore


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    plt.close("all")
    yield
    left = plt.get_fignums()
    plt.close("all")
    assert left == []


class Recorder:
    """A draw function that notes what it was called with."""

    def __init__(self):
        self.calls = []

    def __call__(self, **chosen):
        self.calls.append(chosen)
        _, axis = plt.subplots(figsize=(1, 1))
        axis.plot([0, 1], [0, len(self.calls) % 3])
        return sentence(chosen)


def sentence(chosen):
    return (
        "Seen at "
        + ", ".join(f"{name}={value}" for name, value in chosen.items())
        + "."
    )


def line(**chosen):
    """A figure that depends on its arguments alone."""
    _, axis = plt.subplots(figsize=(1, 1))
    axis.plot([0, 1], [0, sum(chosen.values())], color="C1")
    axis.set_ylim(0, 10)
    return sentence(chosen)


def put(explorer, *indices):
    """Move the sliders to these places, and say what the frame holds then."""
    for slider, index in zip(explorer.sliders, indices, strict=True):
        slider.index = index
    return explorer.frame.value


def caption(frame):
    found = re.search(r'<figcaption role="status">(.*?)</figcaption>', frame, re.S)
    return html.unescape(found[1])


def alternative(frame):
    return html.unescape(re.search(r'alt="([^"]*)"', frame)[1])


def picture(frame):
    found = re.search(r'src="data:image/png;base64,([^"]+)"', frame)
    return base64.b64decode(found[1])


# --- frames ---


SIZES = {
    1: {"a": [1, 2, 3]},
    2: {"a": [1, 2], "b": [3, 4, 5]},
    3: {"a": [0, 1], "b": [2, 3, 4], "c": [5, 6]},
}


@pytest.mark.parametrize("count", SIZES)
def test_every_combination_has_its_frame_in_its_place(count):
    values, draw = SIZES[count], Recorder()
    explorer = explore(draw, **values)
    assert isinstance(explorer, Explorer)
    assert [type(s) for s in explorer.sliders] == [SelectionSlider] * count
    assert explorer.children == (*explorer.sliders, explorer.frame)
    sizes = [len(v) for v in values.values()]
    for indices in np.ndindex(*sizes):
        chosen = {
            name: options[i]
            for (name, options), i in zip(values.items(), indices, strict=True)
        }
        assert caption(put(explorer, *indices)) == sentence(chosen)
        assert chosen in draw.calls
    assert len(draw.calls) == np.prod(sizes)  # moving draws nothing
    assert f"({np.prod(sizes)} frames)" in repr(explorer)


def test_frames_show_what_draw_drew():
    explorer = explore(line, slope=[1, 9])
    low, high = (
        Image.open(io.BytesIO(picture(put(explorer, k)))).convert("RGB") for k in (0, 1)
    )
    assert low.size == high.size
    assert low.tobytes() != high.tobytes()


def test_frames_are_palette_pictures():
    image = Image.open(io.BytesIO(picture(put(explore(line, slope=[1, 9]), 0))))
    assert (image.format, image.mode) == ("PNG", "P")
    assert len(image.getcolors()) <= 64


def test_sliders_and_frame_start_at_the_middle():
    explorer = explore(line, a=[1, 2, 3], b=[4, 5])
    assert [s.value for s in explorer.sliders] == [2, 5]
    assert caption(explorer.frame.value) == "Seen at a=2, b=5."
    assert repr(explorer).endswith("Seen at a=2, b=5.")


def test_start_and_labels():
    explorer = explore(
        line, a=[1, 2, 3], b=[4, 5], start={"a": 3, "b": 4}, labels={"a": "Pulse v₀"}
    )
    a, b = explorer.sliders
    assert (a.value, b.value) == (3, 4)
    assert (a.description, a.tooltip, b.description) == ("Pulse v₀", "Pulse v₀", "b")
    assert caption(explorer.frame.value) == "Seen at a=3, b=4."
    assert repr(explorer).endswith("Seen at a=3, b=4.")


def test_a_question_stands_above_the_sliders():
    explorer = explore(line, ask="Is E < 2?", a=[1, 2])
    question, *others = explorer.children
    assert question.value == "<p>Is E &lt; 2?</p>"
    assert others == [*explorer.sliders, explorer.frame]


def test_values_may_be_arrays_and_are_written_short():
    explorer = explore(line, a=np.array([0.1, 1 / 3, 2.0]), b=range(2))
    a, b = explorer.sliders
    assert [label for label, _ in a.options] == ["0.1", "0.3333", "2"]
    assert [label for label, _ in b.options] == ["0", "1"]
    assert a.value == 1 / 3


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (np.linspace(1000, 1001, 5), ["1000", "1000.2", "1000.5", "1000.8", "1001"]),
        ([1.0, 1.0 + 1e-9], ["1", "1.000000001"]),
        ([0.1 + 0.2, 0.3], ["0.30000000000000004", "0.29999999999999999"]),
        ([0.25, 1 / 3], ["0.25", "0.3333"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_labels_tell_values_apart(values, labels):
    (slider,) = explore(lambda v: line(a=1), v=values).sliders
    assert [label for label, _ in slider.options] == labels
    assert [value for _, value in slider.options] == list(values)


def test_the_stored_picture_is_the_frame_of_the_start():
    explorer = explore(line, start={"a": 3}, a=[1, 2, 3])
    stored = base64.b64decode(explorer._repr_mimebundle_()["image/png"])
    assert stored == picture(put(explorer, 2)) != picture(put(explorer, 1))


def test_too_many_frames_are_refused_before_one_is_drawn():
    draw = Recorder()
    with pytest.raises(ValueError, match="make at most 150 frames, but is 151"):
        explore(draw, a=range(MOST_FRAMES + 1))
    assert draw.calls == []


def test_frames_that_weigh_too_much_are_refused_once_they_do():
    """A picture of noise does not compress: some 300 kB each."""
    noise = np.random.default_rng(1)
    calls = []

    def draw(a):
        calls.append(a)
        plt.figure(figsize=(6, 6)).figimage(noise.random((600, 600)), cmap="viridis")
        return "Noise."

    with pytest.raises(ValueError, match=r"at most 2000000 bytes.*live=True"):
        explore(draw, a=range(MOST_FRAMES))
    assert 3 < len(calls) < 30


def test_a_frame_that_fails_says_where():
    def draw(a, b):
        plt.figure(figsize=(1, 1))
        return f"{1 / (a - b)}"

    with pytest.raises(ZeroDivisionError) as caught:
        explore(draw, a=[1.0, 2.0], b=[0, 2])
    assert caught.value.__notes__ == ["This was the frame at a = 2.0, b = 2."]
    live = explore(draw, a=[1.0, 2.0], b=[0, 2], start={"a": 1.0}, live=True)
    with pytest.raises(ZeroDivisionError):
        live.sliders[0].value = 2.0
    assert "ZeroDivisionError" in live.frame.value
    assert "the frame at a = 2.0, b = 2." in live.frame.value


# --- words ---


def test_caption_is_the_sentence_with_markup_escaped():
    said = 'E < 2 & "half" <script>x</script>'

    def draw(a):
        plt.figure(figsize=(1, 1))
        return said

    frame = put(explore(draw, a=[1, 2]), 0)
    escaped = "E &lt; 2 &amp; &quot;half&quot; &lt;script&gt;x&lt;/script&gt;"
    assert f'<figcaption role="status">{escaped}</figcaption>' in frame
    assert "<script" not in frame
    # A figure without a shape that is known is told by its sentence.
    assert caption(frame) == alternative(frame) == said


def test_alt_text_says_the_shape_of_the_curve():
    frame = put(explore(line, slope=[1, 9]), 1)
    assert alternative(frame) == "The curve rises from 0 to 9."


@pytest.mark.parametrize("live", [False, True])
def test_repr_is_one_line(live):
    def draw(a):
        plt.figure(figsize=(1, 1))
        return f"First line,\nsecond line at {a}."

    shown = repr(explore(draw, a=[1, 2], live=live))
    kind = "live" if live else "2 frames"
    assert shown == f"Interactive figure over a ({kind}). First line, second line at 2."


@pytest.mark.parametrize("live", [False, True])
def test_the_mimebundle_holds_widget_picture_and_text(live):
    explorer = explore(line, a=[1, 2, 3], start={"a": 1}, live=live)
    bundle = explorer._repr_mimebundle_()
    assert (
        bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
        == explorer.model_id
    )
    assert bundle["text/plain"] == repr(explorer)
    assert base64.b64decode(bundle["image/png"]) == picture(explorer.frame.value)


def test_the_same_call_gives_the_same_bytes():
    once, again = (explore(line, a=[1, 2], b=[3, 4]) for _ in range(2))
    for indices in np.ndindex(2, 2):
        assert put(once, *indices) == put(again, *indices)
    pictures = [e._repr_mimebundle_()["image/png"] for e in (once, again)]
    assert pictures[0] == pictures[1]


# --- live ---


def test_live_recomputes_when_a_slider_moves():
    draw = Recorder()
    explorer = explore(draw, live=True, a=range(1000), b=[1, 2])
    assert draw.calls == [
        {"a": 500, "b": 2}
    ]  # one frame, whatever the number of values
    assert isinstance(explorer.frame, HTML)
    explorer.sliders[0].value = 7
    assert draw.calls[1:] == [{"a": 7, "b": 2}]
    assert caption(explorer.frame.value) == "Seen at a=7, b=2."
    explorer.sliders[1].index = 0
    assert draw.calls[2:] == [{"a": 7, "b": 1}]
    assert caption(explorer.frame.value) == "Seen at a=7, b=1."


def test_live_shows_the_new_picture():
    explorer = explore(line, live=True, a=[1, 9])
    before = picture(explorer.frame.value)
    explorer.sliders[0].value = 1
    assert picture(explorer.frame.value) != before
    ready = picture(put(explore(line, a=[1, 9]), 0))
    computed = Frame(picture(explorer.frame.value), "", "", "")
    assert _packed(computed).png == ready


def test_live_does_not_swallow_an_exception():
    def draw(a):
        plt.figure(figsize=(1, 1))
        if a == 1:
            raise ArithmeticError("no such battery")
        return "Fine."

    explorer = explore(draw, live=True, a=[1, 2])
    with pytest.raises(ArithmeticError, match="no such battery"):
        explorer.sliders[0].value = 1
    assert (
        explorer.frame.value == '<p role="alert">ArithmeticError: no such battery '
        "This was the frame at a = 1.</p>"
    )
    explorer.sliders[0].value = 2
    assert caption(explorer.frame.value) == "Fine."


# --- on the site ---


class Markup(HTMLParser):
    """The figure of a page: its attributes, sliders, frames, picture and words."""

    def __init__(self, text):
        super().__init__()
        self.kinds, self.box, self.image, self.data = [], None, None, ""
        self.inside = False
        self.feed(text)
        self.sliders = json.loads(self.box["data-sliders"])
        self.frames = json.loads(self.data)

    def handle_starttag(self, tag, attrs):
        self.kinds.append(tag)
        self.inside = tag == "script"
        if tag == "div" and self.box is None:
            self.box = dict(attrs)
        if tag == "img":
            self.image = dict(attrs)

    def handle_data(self, data):
        self.data += data if self.inside else ""

    def handle_endtag(self, tag):
        self.inside = False


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FRAMES, str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("count", SIZES)
def test_frames_of_the_site_are_files_and_the_page_says_which(folder, count):
    values = SIZES[count]
    shown = Markup(explore(line, **values)._repr_html_())
    assert [s["name"] for s in shown.sliders] == list(values)
    assert [s["values"] for s in shown.sliders] == [list(v) for v in values.values()]
    sizes = [len(v) for v in values.values()]
    assert len(shown.frames) == np.prod(sizes)
    for place, indices in enumerate(np.ndindex(*sizes)):
        chosen = dict(zip(values, indices, strict=True))
        chosen = {name: values[name][index] for name, index in chosen.items()}
        file, said, alt, axes = shown.frames[place]
        assert said == sentence(chosen)
        assert alt == f"The curve rises from 0 to {sum(chosen.values())}."
        assert axes == 0  # all on the same axes
        assert (folder / file).read_bytes().startswith(b"\x89PNG")
    assert len(set(folder.iterdir())) == len({s for _, _, s, _ in shown.frames})


def test_the_page_holds_the_first_frame_only(folder):
    explorer = explore(line, ask="Why?", a=[1, 2, 3], labels={"a": "α"})
    text = explorer._repr_html_()
    shown = Markup(text)
    assert "base64" not in text
    assert shown.image["src"] == f"{FRAMES}{shown.frames[1][0]}"
    assert shown.image["alt"] == "The curve rises from 0 to 2."
    with Image.open(folder / shown.frames[1][0]) as image:
        size = (int(shown.image["width"]), int(shown.image["height"]))
        assert size == image.size
    assert '<p class="explorer-question">Why?</p>' in text
    assert "<p>α: 2</p>" in text  # where no script makes sliders
    assert text.count('role="status"') == 1
    assert shown.box["id"] == "explore-line"
    assert "data-live" not in shown.box
    assert repr(explorer) == "Interactive figure over a (3 frames). Seen at a=2."


def test_frames_on_other_axes_have_another_number(folder):
    def draw(a):
        _, axis = plt.subplots(figsize=(1, 1))
        axis.plot([0, 1], [0, a])
        axis.set_ylim(0, max(a, 5))
        return "A line."

    shown = Markup(explore(draw, a=[1, 4, 9])._repr_html_())
    assert [axes for *_, axes in shown.frames] == [0, 0, 1]


def test_a_live_figure_of_the_site_has_one_frame_and_says_what_moves_it(folder):
    explorer = explore(line, live=True, a=np.arange(1000.0), b=[1, 2])
    shown = Markup(explorer._repr_html_())
    assert shown.box["id"] == "explore-line-live"
    assert "data-live" in shown.box
    assert shown.sliders[0]["values"] == list(range(1000))
    assert len(shown.frames) == len(list(folder.iterdir())) == 1
    assert "run the chapter" in explorer._repr_html_()


def test_a_sentence_does_not_end_the_script_it_stands_in(folder):
    def draw(a):
        plt.figure(figsize=(1, 1))
        return f"</script><b>{a}"

    text = explore(draw, a=[1, 2])._repr_html_()
    assert text.count("</script>") == 1
    assert [said for _, said, *_ in Markup(text).frames] == [
        "</script><b>1",
        "</script><b>2",
    ]


# --- refusals ---


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("said", [None, "", "  \n", 3, ["text"]])
def test_a_draw_without_a_sentence(said, live):
    def draw(a):
        plt.figure(figsize=(1, 1))
        return said

    with pytest.raises(ValueError, match="`draw` must return a sentence"):
        explore(draw, a=[1, 2], live=live)


@pytest.mark.parametrize("figures", [0, 2])
def test_a_draw_without_exactly_one_figure(figures):
    def draw(a):
        for _ in range(figures):
            plt.figure(figsize=(1, 1))
        return "A sentence."

    with pytest.raises(
        ValueError, match=f"`draw` must draw one new figure, but is '{figures} figures'"
    ):
        explore(draw, a=[1, 2])


@pytest.mark.parametrize("live", [False, True])
def test_what_draw_raises_passes_through_and_leaves_no_figure(live):
    def draw(a):
        plt.figure(figsize=(1, 1))
        raise KeyError("a")

    with pytest.raises(KeyError):
        explore(draw, a=[1, 2], live=live)
    assert plt.get_fignums() == []


def test_a_failure_in_a_later_frame_passes_through():
    def draw(a):
        plt.figure(figsize=(1, 1))
        return f"{1 / a}"

    with pytest.raises(ZeroDivisionError):
        explore(draw, a=[0, 1])
    assert plt.get_fignums() == []


def test_a_figure_opened_before_stays_open():
    kept = plt.figure()
    explore(line, a=[1, 2])
    assert plt.get_fignums() == [kept.number]
    plt.close(kept)


def test_no_slider_and_four_sliders():
    for values in ({}, {name: [1, 2] for name in "abcd"}):
        with pytest.raises(ValueError, match="`values` must name one to three sliders"):
            explore(line, **values)


@pytest.mark.parametrize("values", [[], [1], np.array([1.0])])
def test_a_slider_needs_two_values(values):
    with pytest.raises(ValueError, match="`a` must hold at least two values"):
        explore(line, a=values)


@pytest.mark.parametrize("option", ["labels", "start"])
def test_labels_and_starts_of_no_slider(option):
    with pytest.raises(ValueError, match=r"`b` must be one of the sliders \['a'\]"):
        explore(line, a=[1, 2], **{option: {"b": 1}})


def test_a_start_that_is_no_value():
    with pytest.raises(ValueError, match="`start` must hold a value of a"):
        explore(line, a=[1, 2], start={"a": 3})


def test_the_number_of_frames_is_limited_unless_live():
    many = {"a": range(MOST_FRAMES // 10 + 1), "b": range(10)}
    with pytest.raises(
        ValueError, match=f"at most {MOST_FRAMES} frames, but is {MOST_FRAMES + 10}"
    ):
        explore(line, **many)
    assert "(live)" in repr(explore(line, live=True, **many))
