"""Verdicts that turn: the words follow from the numbers, and both from the ledger."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qbook import _turns, claims

ROOT = Path(__file__).resolve().parents[2]
ENTRY = """
- id: flips
  paper: smith2026
  where: Fig. 1
  claim: The battery is full.
  parameters: one qubit
  computed:
    full: {value: 0.9, tolerance: 0.01, label: charge, unit: ""}
  tolerance_because: rounding
  decided_by: printed parameters
  turns: TURNS
  verdict: fails
  reason: It is not.
  chapter: papers/smith
"""
RULE = '{over: "length $T$", number: charge, at_least: 0.95, known: {"2": full}}'
TURNING = [claim for claim in claims.load() if claim.turns]
# The reading that the same number decides, by the value of the parameter.
READINGS = {
    "guo-full": {
        "0.1": r"if, 99 percent, up to $T = 0.1\pi$",
        "0.3": r"if, 99 percent, up to $T = 0.3\pi$",
    },
    "zhang-strong-flat": {"0": "$A = 0$, 20 atoms", "0.5": "$A = 0.5$, 20 atoms"},
    "kamin-weak": {"1": "within 5 percent of its end"},
    "lin-power-stable": {
        k: f"charger's loss fixed at {k}" for k in ("0.01", "0.1", "1")
    },
    "ahmadi-fourfold": {k: f"equal coupling, losses of {k}" for k in ("0.001", "1000")},
    "lin-ep-damping": {"10": "charger's loss 1, ratio up to 10"},
    "xu-unity": dict.fromkeys(("0.05", "0.1", "0.2"), "our drive"),
}


def ledger(folder, turns=RULE):
    path = folder / "claims.yml"
    path.write_text(ENTRY.replace("TURNS", turns), encoding="utf-8")
    return path


class Rows(HTMLParser):
    """Of each turning box: the band, and value, number, place and word of each row."""

    def __init__(self, text):
        super().__init__()
        self.boxes, self.cell = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        if tag == "details" and named.get("class") == "turn":
            band = tuple(map(float, named["data-band"].split()))
            self.boxes.append({"band": band, "start": int(named["data-start"])})
            self.boxes[-1]["rows"] = []
        if tag == "tr" and "data-at" in named:
            row = [float(named["data-at"]), named["data-verdict"]]
            self.boxes[-1]["rows"].append([*row, ""])
        self.cell = "data-at" if tag in ("th", "td") else None

    def handle_data(self, data):
        if self.cell and self.boxes and self.boxes[-1]["rows"]:
            self.boxes[-1]["rows"][-1][2] += data + " "


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"at_least": 0.99}, ["fails", "holds", "holds"]),
        ({"at_most": 0.99}, ["holds", "holds", "fails"]),
        ({"at_least": 0.98, "at_most": 0.99}, ["fails", "holds", "fails"]),
    ],
)
def test_the_word_follows_from_the_band(rule, words):
    numbers = (0.9, 0.99, 1.0)
    assert [_turns.word(rule, number) for number in numbers] == words


def test_a_check_shows_the_numbers_and_words_of_a_turn(tmp_path):
    turns = {1: 0.5, 2: 0.9, 4: 1.0}
    box = claims.check("flips", 0.9, turns=turns, ledger=ledger(tmp_path))
    assert box.turned == turns
    (found,) = Rows(box._repr_html_()).boxes
    places, words, texts = zip(*found["rows"], strict=True)
    assert words == ("fails", "fails", "holds")
    # 0.5 to 1 is the line, with 6 % free at each end.
    assert places == pytest.approx([6, 6 + 88 * 0.8, 94], abs=0.01)
    assert found["band"] == pytest.approx((6 + 88 * 0.9, 100), abs=0.01)
    assert found["start"] == 1
    assert [text.split()[:2] for text in texts] == [
        ["1", "0.5"],
        ["2", "0.9"],
        ["4", "1"],
    ]


@pytest.mark.parametrize(
    ("turns", "says"),
    [
        ({1: 0.5, 2: 0.92, 4: 1.0}, r"holds full = 0.9.*turned to 2 it is 0.92"),
        ({1: 0.5, 4: 1.0}, r"turned to 2 it is nan"),
        ({1: 0.5, 2: 0.9}, "no value of length .T. turns the verdict"),
        (None, "turned to 2 it is nan"),
    ],
)
def test_a_turn_that_leaves_the_ledger_or_turns_nothing(tmp_path, turns, says):
    with pytest.raises(claims.ClaimError, match=says):
        claims.check("flips", 0.9, turns=turns, ledger=ledger(tmp_path))


def test_a_turn_without_a_rule(tmp_path):
    path = ledger(tmp_path)
    text = re.sub(r"  turns: .*\n", "", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"turns.*the entry has none"):
        claims.check("flips", 0.9, turns={1: 0.5}, ledger=path)
    assert "turn" not in claims.check("flips", 0.9, ledger=path)._repr_html_()


@pytest.mark.parametrize(
    ("turns", "says"),
    [
        ("{over: a, number: b, at_least: 1, known: {'2': empty}}", "empty is not one"),
        ("{over: a, number: b, at_least: 1, known: {'x': full}}", "'x' is not a value"),
        ("{over: a, number: b, known: {'2': full}}", "turns"),
        ("{over: a, number: b, at_least: 1}", "'known' is a required property"),
    ],
)
def test_a_rule_that_says_too_little(tmp_path, turns, says):
    with pytest.raises(ValueError, match=says):
        claims.load(ledger(tmp_path, turns))


def test_a_verdict_turns_in_every_paper():
    papers = {claim.chapter for claim in claims.load() if claim.chapter[:6] == "papers"}
    assert {claim.chapter for claim in TURNING} == papers
    assert len(TURNING) >= 6
    assert {claim.id for claim in TURNING} == set(READINGS)


@pytest.mark.parametrize("claim", TURNING, ids=lambda claim: claim.id)
def test_the_rule_of_a_turn_is_that_of_the_readings(claim):
    for value, reading in READINGS[claim.id].items():
        number = claim.computed[claim.turns["known"][value]]
        assert _turns.word(claim.turns, number.value) == claim.readings[reading]


@pytest.mark.parametrize("claim", TURNING, ids=lambda claim: claim.id)
def test_the_stored_words_follow_from_the_stored_numbers(claim):
    path = ROOT / "book" / f"{claim.chapter}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [o for c in cells for o in c.get("outputs", []) if "data" in o]
    shown = ["".join(o["data"].get("text/html", "")) for o in outputs]
    (box,) = [html for html in shown if f'id="{claim.anchor}"' in html]
    (found,) = Rows(box).boxes
    low, high = found["band"]
    words = ["holds" if low <= at <= high else "fails" for at, *_ in found["rows"]]
    assert words == [word for _, word, _ in found["rows"]]
    assert set(words) == {"holds", "fails"}


# Closed forms: the slope of lin-power-stable is -3/2 k/(k + 1), whose size is 0.1 at
# 1/14; the share of kamin-weak is 7J^2/(1 + 7J^2), which is 0.95 at sqrt(19/7).
@pytest.mark.parametrize(
    ("name", "number", "turns_at"),
    [
        ("lin-power-stable", lambda k: -1.5 * k / (k + 1), 1 / 14),
        ("kamin-weak", lambda j: 7 * j**2 / (1 + 7 * j**2), (19 / 7) ** 0.5),
    ],
)
def test_the_verdict_turns_where_the_closed_form_does(name, number, turns_at):
    (rule,) = [claim.turns for claim in TURNING if claim.id == name]
    words = [_turns.word(rule, number(turns_at * x)) for x in (0.999, 1.001)]
    assert sorted(words) == ["fails", "holds"]
