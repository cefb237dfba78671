"""The reader of the ledger, and what ties it to the chapters and the bibliography."""

import ast
import json
import math
import os
import re
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import yaml

from qbook import claims
from qbook import verdict_markup as markup

BOOK = Path(__file__).resolve().parents[2] / "book"

GOOD = {
    "id": "some-claim",
    "paper": "paper2024",
    "where": "Fig. 1",
    "claim": "The first\n  claim",
    "parameters": "N = 2",
    "computed": {"energy": {"value": 2.0, "tolerance": 0.25}},
    "tolerance_because": "h^4",
    "decided_by": "printed parameters",
    "verdict": "holds",
    "reason": "The energy is 2.",
    "chapter": "papers/some-chapter",
}


def entry(**changes):
    return {**GOOD, **changes}


def number(value, tolerance=0.25):
    return {"energy": {"value": value, "tolerance": tolerance}}


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """Writes a ledger into the working directory and returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(*entries):
        path = tmp_path / "claims.yml"
        path.write_text(
            yaml.safe_dump(list(entries), sort_keys=False), encoding="utf-8"
        )
        return path

    return write


# --- reading ---


def test_a_good_entry_is_read_whole(ledger):
    (claim,) = claims.load(ledger(GOOD))
    for field in GOOD:
        if field not in ("computed", "claim"):
            assert getattr(claim, field) == GOOD[field]
    assert claim.claim == "The first claim"  # one line
    assert claim.computed == {"energy": claims.Number(2.0, 0.25, label="energy")}
    assert claim.anchor == "claim-some-claim"


def test_the_order_of_the_ledger_is_kept(ledger):
    ids = ["b", "a", "c"]
    assert [c.id for c in claims.load(ledger(*(entry(id=i) for i in ids)))] == ids


def test_an_edit_is_seen_at_once(ledger):
    path = ledger(GOOD)
    assert claims.load(path)[0].verdict == "holds"
    before = path.stat().st_mtime_ns
    ledger(entry(verdict="fails"))
    os.utime(path, ns=(before + 1, before + 1))  # whatever the clock's resolution
    assert claims.load(path)[0].verdict == "fails"


def test_an_empty_ledger_holds_no_claim(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text("# nothing yet\n", encoding="utf-8")
    assert claims.load(path) == ()


WITHOUT = {
    f"no {field}": {k: v for k, v in GOOD.items() if k != field} for field in GOOD
}
BLANK = {
    f"blank {field}": entry(**{field: " "})
    for field in GOOD
    if field not in ("id", "computed")
}
NULL = {f"null {field}": entry(**{field: None}) for field in GOOD}


def chosen(verdict="holds in part", **readings):
    """An entry that readings of ours decide."""
    return entry(decided_by="our choice", verdict=verdict, readings=readings)


OTHER = {
    "unknown verdict": entry(verdict="mostly holds"),
    "verdict in capitals": entry(verdict="Holds"),
    "one field too many": entry(note="more"),
    "id with markup": entry(id='a"><b>'),
    "id with a space": entry(id="some claim"),
    "computed is empty": entry(computed={}),
    "computed is a list": entry(computed=[1.0]),
    "computed is a bare number": entry(computed={"energy": 2.0}),
    "no tolerance": entry(computed={"energy": {"value": 2.0}}),
    "one key too many": entry(
        computed={"energy": {"value": 2.0, "tolerance": 0.1, "colour": "red"}}
    ),
    "no change": entry(changes=[]),
    "a change that led elsewhere": entry(
        changes=[{"version": "1", "from": "holds", "to": "fails", "because": "x"}]
    ),
    "tolerance below zero": entry(computed=number(2.0, -0.1)),
    "tolerance is NaN": entry(computed=number(2.0, math.nan)),
    "tolerance is infinite": entry(computed=number(2.0, math.inf)),
    "tolerance is text": entry(computed=number(2.0, "1e-5")),
    "tolerance is true": entry(computed=number(2.0, True)),
    "value is true": entry(computed=number(True, 0)),
    "value is NaN": entry(computed=number(math.nan)),
    "value is text": entry(computed=number("2.0")),
    "an entry is text": "some-claim",
    "decided by nothing known": entry(decided_by="a coin"),
    "a choice without readings": entry(decided_by="our choice"),
    "a choice of one": chosen("holds", a="holds"),
    "a reading without a verdict": chosen(a="holds", b="maybe"),
    "a reading that is true": chosen(a="holds", b=True),
    "holds, but not under all": chosen("holds", a="holds", b="fails"),
    "fails, but not under all": chosen("fails", a="holds", b="fails"),
    "in part, but holds under all": chosen(a="holds", b="holds"),
    "readings of a proof": {**chosen(a="holds", b="fails"), "decided_by": "proof"},
}
MALFORMED = {**WITHOUT, **BLANK, **NULL, **OTHER}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_entry_is_refused(ledger, what):
    path = ledger(entry(id="sound"), MALFORMED[what])
    lines = path.read_text(encoding="utf-8").splitlines()
    second = max(i for i, line in enumerate(lines, 1) if line.startswith("- "))
    with pytest.raises(ValueError, match=r"^claims\.yml, line \d+: ") as refused:
        claims.load(path)
    line = int(re.search(r"line (\d+)", str(refused.value))[1])
    assert second <= line <= len(lines)


@pytest.mark.parametrize(
    ("what", "place", "rule"),
    [
        ("no verdict", "- ", "'verdict' is a required property"),
        ("one field too many", "- ", "'note' was unexpected"),
        ("unknown verdict", "  verdict:", "verdict: 'mostly holds' is not one of"),
        ("blank reason", "  reason:", "reason: ' ' says nothing, fill it in"),
        ("id with a space", "- id:", "id: 'some claim' is not made of a to z, 0 to 9"),
        ("no tolerance", "    energy:", "energy: 'tolerance' is a required property"),
        ("tolerance below zero", "      tolerance:", "-0.1 is less than the minimum"),
        ("tolerance is NaN", "      tolerance:", "the tolerance nan is not finite"),
        ("value is true", "      value:", "True is not of type 'number'"),
        ("holds, but not under all", "  verdict:", "'holds', but its readings lead to"),
    ],
)
def test_the_error_names_the_line_and_the_rule(ledger, what, place, rule):
    path = ledger(entry(id="sound"), MALFORMED[what])
    with pytest.raises(ValueError, match=re.escape(rule)) as refused:
        claims.load(path)
    line = int(re.search(r"line (\d+)", str(refused.value))[1])
    text = path.read_text(encoding="utf-8").splitlines()[line - 1]
    assert text.startswith(place)


def test_an_id_names_one_claim(ledger):
    with pytest.raises(ValueError, match="line 15: the claim some-claim stands twice"):
        claims.load(ledger(GOOD, entry(claim="another")))


def test_a_ledger_is_a_list(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_text("id: some-claim\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"claims.yml, line 1: .* not of type 'array'"):
        claims.load(path)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ("tolerance: 0.25", "tolerance: 0.25\n      tolerance: 1.0"),
        ("  where: Fig. 1", "  where: Fig. 1\n  where: Fig. 2"),
        ("    energy:", "    energy: {value: 1.0, tolerance: 1.0}\n    energy:"),
    ],
)
def test_a_key_that_stands_twice_is_refused(ledger, first, again):
    path = ledger(GOOD)
    text = path.read_text(encoding="utf-8")
    assert first in text
    path.write_text(text.replace(first, again), encoding="utf-8")
    os.utime(path, ns=(1, 1))  # another time, so that it is read again
    with pytest.raises(ValueError, match=r"claims.yml, line \d+: the key '\w+' stands"):
        claims.load(path)


SOUND = yaml.safe_dump([GOOD], sort_keys=False)
TRICKS = {  # what stands in the place of what, and the rule that refuses it
    "octal": ("value: 2.0", "value: 010", "'010' is not of type 'number'"),
    "minutes": ("value: 2.0", "value: 1:30", "'1:30' is not of type 'number'"),
    "huge": ("value: 2.0", f"value: 1{'0' * 400}", "is not of type 'number'"),
    "digits": ("value: 2.0", f"value: 1{'0' * 5000}", "is not of type 'number'"),
    "beyond": ("value: 2.0", "value: 1.0e+400", "the value inf is not finite"),
    "tag": ("value: 2.0", "value: !!int x", "'x' is not what tag:yaml.org,2002:int"),
    "error": ("tolerance: 0.25", "{0}\n      error: 0.1", "the error is measured"),
    "doi": ("where: Fig. 1", "{0}\n  doi: 10.1/2", "doi: the site adds it"),
    "half": ("tolerance: 0.25", "tolerance: 0\n      unit: yes/no", "yes/no is 1 or 0"),
    "key": ("energy:", "1:", "the key 1 is not text, put it in quotes"),
    "null key": ("energy:", "~:", "the key ~ is not text"),
    "argument": ("energy:", "ledger:", "a number cannot be called ledger"),
    "itself": ("- id: some-claim", "- &a\n  id: *a", "this holds itself"),
    "control": ("Fig. 1", "Fig. \x01", "'\\\\x01' is not allowed in YAML"),
    "newline": ("Fig. 1", '"$a \\ne b$"', "has a formula with a line break"),
    "bell": ("Fig. 1", '"$\\alpha$"', "has a formula with a line break"),
    "braces": ("Fig. 1", "$a}b{c$", "has a formula with an open brace"),
    "outside": ("Fig. 1", "at \\mu", "has a backslash outside of a formula"),
    "lost": ("Fig. 1", "$\\overline{n}$", "has \\\\overline, which plain text cannot"),
    "id": ("id: some-claim", 'id: "some-claim\\n"', "is not made of a to z"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_of_yaml_or_tex_is_refused_with_its_line(tmp_path, trick):
    old, new, rule = TRICKS[trick]
    assert old in SOUND
    path = tmp_path / "claims.yml"
    path.write_text(SOUND.replace(old, new.replace("{0}", old)), encoding="utf-8")
    with pytest.raises(ValueError, match=r"^claims\.yml, line \d+: ") as refused:
        claims.load(path)
    assert rule.replace("\\\\", "\\") in str(refused.value).replace("\\\\", "\\")
    line = int(re.search(r"line (\d+)", str(refused.value))[1])
    first = 1 + SOUND[: SOUND.index(old)].count("\n")
    assert first - 1 <= line <= first + 2


def test_what_is_not_utf8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "claims.yml"
    path.write_bytes(SOUND.replace("Fig. 1", "é").encode("latin-1"))
    with pytest.raises(ValueError, match="line 3: is not UTF-8"):
        claims.load(path)


def test_dates_and_yes_are_text_and_merged_keys_may_be_replaced(tmp_path):
    path = tmp_path / "claims.yml"
    first = SOUND.replace("- id", "- &a\n  id").replace("energy:", "yes:")
    first += "  since: 2024-13-45\n"
    path.write_text(f"{first}- <<: *a\n  id: other\n", encoding="utf-8")
    one, two = claims.load(path)
    assert (one.since, [*one.computed]) == ("2024-13-45", ["yes"])
    assert (two.id, two.where) == ("other", one.where)


def test_a_label_of_several_lines_is_shown_in_one(ledger):
    fields = {"value": 2.0, "tolerance": 0.1, "label": "a\n b"}
    (claim,) = claims.load(ledger(entry(computed={"energy": fields})))
    assert claim.numbers == "a b: 2 ± 0.1"


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        ([("holds", "holds")], "a change from 'holds' to the same"),
        ([("holds", "fails"), ("holds in part", "holds")], "the change before led to"),
    ],
)
def test_changes_that_contradict_are_refused(ledger, steps, rule):
    changes = [
        {"version": "1", "from": before, "to": after, "because": "x"}
        for before, after in steps
    ]
    with pytest.raises(ValueError, match=rule):
        claims.load(ledger(entry(changes=changes)))


# --- finding ---


def test_the_ledger_is_found_from_any_folder_of_the_book(tmp_path):
    chapters = tmp_path / "book" / "papers"
    chapters.mkdir(parents=True)
    ledger = tmp_path / "book" / "claims.yml"
    ledger.write_text("", encoding="utf-8")
    for start in (chapters, tmp_path / "book", tmp_path):
        assert claims.find_ledger(start) == ledger


def test_the_working_directory_counts_without_an_argument(ledger, tmp_path):
    path = ledger(GOOD)
    assert claims.find_ledger() == path


def test_far_from_any_book_the_source_tree_counts(tmp_path):
    assert claims.find_ledger(tmp_path) == BOOK / "claims.yml"


def test_without_a_ledger_the_error_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setattr(
        claims, "__file__", str(tmp_path / "site" / "qbcore" / "claims.py")
    )
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path))):
        claims.find_ledger(tmp_path)


# --- checking ---


# 2.0, 0.25 and the steps are sums of powers of two: the comparison is exact.
@pytest.mark.parametrize(
    "found", [2.0, 1.75, 2.25, math.nextafter(2.25, 0), math.nextafter(1.75, 3)]
)
def test_check_passes_up_to_the_tolerance(ledger, found):
    ledger(GOOD)
    assert claims.check("some-claim", found).id == "some-claim"
    assert claims.check("some-claim", energy=found).verdict == "holds"


@pytest.mark.parametrize(
    "found",
    [
        math.nextafter(2.25, 3),
        math.nextafter(1.75, 0),
        -2.0,
        4.0,
        math.nan,
        math.inf,
        -math.inf,
    ],
)
def test_check_raises_just_outside_the_tolerance(ledger, found):
    ledger(GOOD)
    with pytest.raises(
        claims.ClaimError, match=r"some-claim: the ledger holds energy = 2 ± 0\.2"
    ):
        claims.check("some-claim", found)


def test_a_tolerance_of_zero_wants_the_number_itself(ledger):
    ledger(entry(computed=number(10, 0)))
    assert claims.check("some-claim", 10).numbers == "energy: 10"
    with pytest.raises(claims.ClaimError):
        claims.check("some-claim", math.nextafter(10, 11))


@pytest.mark.parametrize("given", [True, np.True_, "2.0", b"2.0", None, 2 + 0j, [2.0]])
def test_what_is_no_number_is_refused(ledger, given):
    ledger(entry(computed=number(2.0, 1.0)))
    with pytest.raises(ValueError, match="Argument `energy` must be a number"):
        claims.check("some-claim", given)


@pytest.mark.parametrize(
    "given", [2, np.int64(2), np.float32(2), np.array(2.0), Fraction(2)]
)
def test_every_kind_of_number_is_compared(ledger, given):
    ledger(entry(computed=number(2.0, 0)))
    assert claims.check("some-claim", given).numbers == "energy: 2"


@pytest.mark.parametrize(
    ("value", "tolerance", "shown"),
    [
        (0.1802775637731995, 1e-9, "0.1802775638 ± 10^-9"),
        (2.708086, 1e-6, "2.708086 ± 10^-6"),
        (1234567.0, 0, "1234567"),
        (1 / 3, 0, "0.3333333333333333"),
        (13.84063, 2e-2, "13.84 ± 0.02"),
        (1.0, 1e-9, "1 ± 10^-9"),
        (0.180277, 1e-9, "0.180277 ± 10^-9"),
    ],
)
def test_a_number_prints_as_fine_as_its_tolerance(value, tolerance, shown):
    assert str(claims.Number(value, tolerance)) == shown
    assert abs(float(shown.split(" ")[0]) - value) <= tolerance / 10


def test_each_of_several_numbers_counts(ledger):
    two = {
        "energy": {"value": 2.0, "tolerance": 0.25},
        "time": {"value": 8.0, "tolerance": 1.0},
    }
    ledger(entry(computed=two))
    assert (
        claims.check("some-claim", time=8.5, energy=2.0).numbers
        == "energy: 2 ± 0.2; time: 8 ± 1"
    )
    with pytest.raises(claims.ClaimError, match="time"):
        claims.check("some-claim", time=10.0, energy=2.0)
    with pytest.raises(claims.ClaimError, match="energy"):
        claims.check("some-claim", time=8.0, energy=8.0)


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ((), {}),
        ((), {"power": 2.0}),
        ((), {"energy": 2.0, "power": 2.0}),
        ((2.0, 2.0), {}),
        ((2.0,), {"energy": 2.0}),
        ((99.0,), {"energy": 2.0}),
    ],
)
def test_wrong_names_are_refused(ledger, value, values):
    ledger(GOOD)
    with pytest.raises(ValueError, match=r"Argument `values?` must"):
        claims.check("some-claim", *value, **values)


def test_one_bare_number_does_not_do_for_two(ledger):
    two = {
        "energy": {"value": 2.0, "tolerance": 0.25},
        "time": {"value": 2.0, "tolerance": 1.0},
    }
    ledger(entry(computed=two))
    with pytest.raises(ValueError, match="name \\('energy', 'time'\\)"):
        claims.check("some-claim", 2.0)


def test_an_unknown_claim_is_answered_with_the_known_ones(ledger):
    ledger(GOOD)
    with pytest.raises(
        ValueError, match="be one of \\['some-claim'\\], but is 'other'"
    ):
        claims.check("other", 2.0)


# --- showing ---


@pytest.mark.parametrize("verdict", claims.VERDICTS)
def test_the_box_names_the_verdict_in_words(ledger, verdict):
    (claim,) = claims.load(ledger(entry(verdict=verdict)))
    box = claim._repr_html_()
    assert f"<strong>{verdict.capitalize()}</strong>" in box
    assert f"verdict-{verdict.replace(' ', '-')}" in box
    assert f'<span aria-hidden="true">{claims.VERDICTS[verdict]}</span>' in box
    assert 'id="claim-some-claim"' in box
    assert "<li>energy: <strong>2 ± 0.2</strong></li>" in box
    assert claim.reason in box
    assert repr(claim) == f"some-claim: {verdict}. The energy is 2. [energy: 2 ± 0.2]"


def test_one_text_stands_in_the_box_the_table_the_card_and_the_terminal(ledger):
    label, reason = r"largest error at $\lambda = 2$", r"Off by $2 \cdot 10^{-3}$."
    fields = {"value": 0.0172, "tolerance": 1e-5, "label": label}
    fields["unit"] = r"of $N\Delta$"
    book = claims.load(ledger(entry(computed={"e": fields}, reason=reason)))
    claim = book[0]
    opens, ends = '<span class="math notranslate nohighlight">\\(', "\\)</span>"
    for page in (claim._repr_html_(), book._repr_html_()):
        assert f"largest error at {opens}\\lambda = 2{ends}" in page
        assert f"0.0172 ± {opens}10^{{-5}}{ends} of {opens}N\\Delta{ends}" in page
        # The full stop stays with its formula.
        off = f"{opens}2 \\cdot 10^{{-3}}{ends}.</span>"
        assert f'Off by <span class="nobr">{off}' in page
        assert "$" not in page
    assert f'Off by <span class="nobr">{opens}2' in markup.card(claim, "A title")
    assert "largest error at λ = 2: 0.0172 ± 10^-5 of NΔ" in repr(claim)
    assert "Off by 2 · 10^-3." in markup.quote(claim)


@pytest.mark.parametrize(("value", "word"), [(0, "no"), (1, "yes")])
def test_yes_and_no_are_words(ledger, value, word):
    fields = {"value": value, "tolerance": 0.0, "unit": "yes/no", "label": "it rises"}
    (claim,) = claims.load(ledger(entry(computed={"rises": fields})))
    assert claim.numbers == f"it rises: {word}"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("half $a", "does not end"),
        ("$a_{b$", "open brace"),
        (r"$\frac{1}{2}$", "write a/b"),
        (r"$\unknown J$", "plain text cannot show"),
    ],
)
def test_a_formula_that_cannot_be_shown_is_refused_with_its_line(ledger, text, fault):
    path = ledger(entry(reason=text))
    with pytest.raises(ValueError, match=rf"line \d+: .*{fault}"):
        claims.load(path)


def test_verdicts_differ_in_more_than_colour():
    assert set(claims.VERDICTS) == {
        "holds",
        "holds in part",
        "fails",
        "cannot be decided",
    }
    assert len(set(claims.VERDICTS.values())) == 4


@pytest.mark.parametrize(
    "field", ["where", "claim", "parameters", "tolerance_because", "reason"]
)
def test_the_box_escapes_markup(ledger, field):
    (claim,) = claims.load(ledger(entry(**{field: "E < 2 & <script>x</script>"})))
    box = claim._repr_html_()
    assert "<script" not in box
    assert "E &lt; 2 &amp; &lt;script&gt;x&lt;/script&gt;" in box


def test_the_box_escapes_the_names_of_numbers(ledger):
    (claim,) = claims.load(
        ledger(entry(computed={"<b>": {"value": 1.0, "tolerance": 0.0}}))
    )
    assert "&lt;b&gt;: <strong>1<" in claim._repr_html_()
    assert "<b>" not in claim._repr_html_()


@pytest.mark.parametrize("field", ["paper", "chapter", "claim", "where", "reason"])
def test_the_table_escapes_markup(ledger, field):
    book = claims.load(ledger(entry(**{field: 'x"><script>y</script>'})))
    assert "x&quot;&gt;&lt;script&gt;y" in book._repr_html_()
    assert "<script" not in book._repr_html_()
    assert '="x">' not in book._repr_html_()


def test_the_table_of_the_ledger_counts_links_and_escapes(ledger):
    entries = [
        entry(claim="E < 2"),
        entry(id="b", verdict="fails"),
        entry(id="c", paper="other", verdict="fails"),
    ]
    book = claims.load(ledger(*entries))
    assert book.counts == {
        "holds": 1,
        "holds in part": 0,
        "fails": 2,
        "cannot be decided": 0,
    }
    assert repr(book).startswith(
        "Ledger of 3 claims: 1 holds, 0 holds in part, 2 fails"
    )
    assert [c.id for c in book.of("paper2024")] == ["some-claim", "b"]
    table = book.of("paper2024")._repr_html_()
    assert table.count('<th scope="row"') == 2
    assert '<a href="../papers/some-chapter.html#claim-some-claim">' in table
    assert "E &lt; 2" in table
    assert "E < 2" not in table


# --- the book ---


def calls_of_check(source):
    """First arguments of every ``check(...)`` in a cell; None if no literal.

    A check against another ledger is not one of the book's.
    """
    plain = "\n".join(
        line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))
    )
    found = []
    for node in ast.walk(ast.parse(plain)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            own = any(keyword.arg == "ledger" for keyword in node.keywords)
            if name == "check" and not own:
                first = node.args[0] if node.args else None
                found.append(first.value if isinstance(first, ast.Constant) else None)
    return found


def checks_under(book):
    """Claim, chapter, number and tags of the cell of every check in the notebooks."""
    found = []
    for path in sorted(book.rglob("*.ipynb")):
        if {"_build", ".ipynb_checkpoints"} & set(path.relative_to(book).parts):
            continue
        chapter = path.relative_to(book).with_suffix("").as_posix()
        for index, cell in enumerate(
            json.loads(path.read_text(encoding="utf-8"))["cells"]
        ):
            if cell["cell_type"] == "code":
                tags = tuple(cell["metadata"].get("tags", ()))
                source = "".join(cell["source"])
                found += [
                    (claim, chapter, index, tags) for claim in calls_of_check(source)
                ]
    return found


CHECKS = checks_under(BOOK)
RAW = yaml.safe_load((BOOK / "claims.yml").read_text(encoding="utf-8")) or []


def test_the_search_sees_every_kind_of_check(tmp_path):
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / ".ipynb_checkpoints").mkdir()
    cells = [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": ['claims.check("in-prose", 1)'],
        },
        {
            "cell_type": "code",
            "metadata": {},
            "source": ["%matplotlib inline\n", 'claims.check("a", 1)'],
        },
        {
            "cell_type": "code",
            "metadata": {"tags": ["t"]},
            "source": ['# claims.check("no")\ncheck(\n  "b", x=1)'],
        },
        {
            "cell_type": "code",
            "metadata": {},
            "source": 'for n in "cd":\n    show(claims.check(n, 1))',
        },
    ]
    text = json.dumps({"cells": cells})
    (tmp_path / "papers" / "one.ipynb").write_text(text, encoding="utf-8")
    (tmp_path / "papers" / ".ipynb_checkpoints" / "one.ipynb").write_text(
        text, encoding="utf-8"
    )
    assert checks_under(tmp_path) == [
        ("a", "papers/one", 1, ()),
        ("b", "papers/one", 2, ("t",)),
        (None, "papers/one", 3, ()),
    ]


def test_every_check_names_its_claim_literally():
    assert [where for where in CHECKS if where[0] is None] == []


def test_every_check_has_its_entry():
    known = {claim.id for claim in claims.load(BOOK / "claims.yml")}
    assert [where for where in CHECKS if where[0] not in known] == []


def test_every_entry_is_checked_once_and_in_its_chapter():
    expected = Counter(
        (claim.id, claim.chapter) for claim in claims.load(BOOK / "claims.yml")
    )
    assert Counter((claim, chapter) for claim, chapter, _, _ in CHECKS) == expected


def test_no_check_hides_behind_a_tag():
    silent = {
        "nbval-skip",
        "skip-execution",
        "raises-exception",
        "nbval-raises-exception",
    }
    assert [where for where in CHECKS if silent & set(where[3])] == []


def test_every_verdict_of_the_book_is_known_and_has_a_reason():
    assert [e["id"] for e in RAW if e["verdict"] not in claims.VERDICTS] == []
    assert [e["id"] for e in RAW if len(str(e["reason"] or "").split()) < 3] == []


def test_every_paper_of_the_book_is_in_the_bibliography():
    keys = re.findall(
        r"^@\w+\{\s*([^,\s]+)\s*,",
        (BOOK / "references.bib").read_text(encoding="utf-8"),
        re.M,
    )
    assert len(keys) == len(set(keys)) > 0
    assert [e["id"] for e in RAW if e["paper"] not in keys] == []


def test_a_claim_and_its_numbers_cannot_be_changed(ledger):
    (claim,) = claims.load(ledger(GOOD))
    with pytest.raises(AttributeError):
        claim.verdict = "fails"
    with pytest.raises(AttributeError):
        claim.computed["energy"].value = 3.0
    assert repr(claim).startswith("some-claim: holds. The energy is 2. [")


# --- readings, and twice the resolution ---


@pytest.mark.parametrize(
    ("verdict", "readings"),
    [
        ("holds", {"a": "holds", "b": "holds"}),
        ("fails", {"a": "fails", "b": "fails", "c": "fails"}),
        ("holds in part", {"a": "holds", "b": "fails"}),
        ("cannot be decided", {"a": "holds", "b": "fails"}),
        ("holds in part", {"a": "holds in part", "b": "holds in part"}),
    ],
)
def test_the_verdict_follows_from_the_readings(ledger, verdict, readings):
    ledger(chosen(verdict, **readings))
    assert claims.check("some-claim", 2.0, readings=readings).readings == readings


def test_the_box_says_under_how_many_readings_a_claim_holds(ledger):
    (claim,) = claims.load(ledger(chosen(one="holds", two="fails", three="holds")))
    said = "holds under 2 of 3 readings (one; three), fails under 1 of 3 readings (two)"
    assert f"Decided by our choice: {said}." in claim._repr_html_()


def test_readings_that_agree_are_told_at_once(ledger):
    agreed = chosen(one="fails", two="fails") | {"verdict": "fails"}
    (claim,) = claims.load(ledger(agreed))
    assert claim.decision.endswith("fails under all 2 readings (one; two)")


def test_a_unit_that_is_a_formula_stands_behind_brackets(ledger):
    fields = {"value": -2.29831, "tolerance": 1e-3, "unit": r"$1/\gamma$", "label": "t"}
    (claim,) = claims.load(ledger(entry(computed={"t": fields})))
    assert str(claim.computed["t"]) == "(−2.2983 ± 0.001) 1/γ"


def test_the_box_of_a_claim_without_readings_says_what_decides(ledger):
    (claim,) = claims.load(ledger(GOOD))
    assert "Decided by printed parameters." in claim._repr_html_()
    assert "Validity" not in claim._repr_html_()


def test_the_box_shows_the_regime(ledger):
    for regime in ("gamma << T", "gamma << T."):
        (claim,) = claims.load(ledger(entry(validity=regime)))
        assert "Validity: gamma &lt;&lt; T. </small>" in claim._repr_html_()


def test_a_reading_that_turns_out_otherwise_is_an_error(ledger):
    ledger(chosen(one="holds", two="fails"))
    computed = {"one": np.True_, "two": False}
    assert claims.check("some-claim", 2.0, readings=computed).verdict == "holds in part"
    with pytest.raises(claims.ClaimError, match=r'"two" the ledger says .fails'):
        claims.check("some-claim", 2.0, readings={"one": True, "two": True})


@pytest.mark.parametrize(
    "readings",
    [None, {}, {"one": True}, {"one": True, "two": False, "three": True}]
    + [{"one": True, "two": odd} for odd in ("maybe", 1, None)],
)
def test_readings_are_the_ones_of_the_ledger(ledger, readings):
    ledger(chosen(one="holds", two="fails"))
    with pytest.raises(ValueError, match="readings"):
        claims.check("some-claim", 2.0, readings=readings)


def test_the_measured_error_is_shown_in_parts_of_the_tolerance(ledger):
    path = ledger(GOOD)
    (unmeasured,) = claims.load(path)
    assert unmeasured.computed["energy"].error is None
    assert "twice" not in unmeasured._repr_html_()
    path.with_name(claims.REFINED).write_text('{"some-claim": {"energy": 0.05}}')
    (claim,) = claims.load(path)
    assert claim.computed["energy"].error == pytest.approx(0.05)
    assert claim.largest_error == pytest.approx(0.2)
    assert "move by at most 20 %" in claim._repr_html_()


def test_a_number_without_tolerance_may_not_move(ledger):
    path = ledger(entry(computed=number(2.0, 0.0)))
    for moved, share in ((0.0, 0.0), (1.0, math.inf)):
        path.with_name(claims.REFINED).write_text(
            json.dumps({"some-claim": {"energy": moved}})
        )
        path.touch()
        assert claims.load(path)[0].largest_error == share


def test_what_was_computed_is_kept_where_asked_for(ledger, tmp_path, monkeypatch):
    kept = tmp_path / "kept.jsonl"
    monkeypatch.setenv(claims.RECORD, str(kept))
    ledger(GOOD)
    claims.check("some-claim", 2.01)
    with pytest.raises(claims.ClaimError):
        claims.check("some-claim", 3.0)
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [line["computed"] for line in lines] == [{"energy": 2.01}, {"energy": 3.0}]


def test_the_strip_links_to_every_box_of_the_chapter(ledger):
    book = claims.load(ledger(entry(claim="E < 2"), entry(id="b", verdict="fails")))
    html = book.decided_in("papers/some-chapter").strip()._repr_html_()
    assert len(book.decided_in("papers/other").strip()) == 0
    assert html.count("<li") == 2
    assert '<a href="#claim-some-claim" title="E &lt; 2">' in html
    assert '<a href="#claim-b"' in html
    assert '<span class="visually-hidden">: fails</span>' in html
    assert "</span> E &lt; 2<span" in html
    assert repr(book.strip()) == "✓ some-claim, ✗ b"


def test_the_box_tells_how_to_compute_it_again_and_links_to_itself(ledger):
    (claim,) = claims.load(ledger(GOOD))
    box = claim._repr_html_()
    assert "<code>python -m qbook verdict some-claim</code>" in box
    assert '<a href="#claim-some-claim">' in box


def test_boxes_differ_by_verdict_without_a_style_sheet(ledger):
    words = ["holds", "holds in part", "fails", "cannot be decided"]
    book = claims.load(
        ledger(*(entry(id=w.replace(" ", "-"), verdict=w) for w in words))
    )
    bars = [
        re.search('style="border-left:0.4em ([^;]+);', b._repr_html_())[1] for b in book
    ]
    assert (
        len({bar.split()[0] for bar in bars})
        == len({bar.split()[1] for bar in bars})
        == 4
    )


def test_the_box_keeps_earlier_verdicts_disputes_and_replies(ledger):
    change = {"version": "0.1.0", "from": "holds", "to": "fails", "because": "A & B."}
    said = {
        "changes": [change],
        "disputed_by": ["issue 7"],
        "reply": "We meant x < 1.",
    }
    (claim,) = claims.load(ledger(entry(verdict="fails", **said)))
    box = claim._repr_html_()
    assert "Up to version 0.1.0: holds. A &amp; B." in box
    assert "Disputed: issue 7" in box
    assert "An author of the paper answers: We meant x &lt; 1." in box


def test_the_table_names_papers_as_readers_do(ledger):
    table = claims.load(ledger(GOOD))._repr_html_()
    assert '<tr class="verdict-holds" id="some-claim"' in table
    assert ">Paper 2024</td>" in table
    assert 'data-decided="printed parameters"' in table


def test_the_table_does_not_call_the_book_a_paper(ledger):
    table = claims.load(ledger(entry(paper="thisbook")))._repr_html_()
    assert 'data-paper="This book"' in table
