"""The quiz and the glossary, read from their files."""

import json
import re
from pathlib import Path

BOOK = Path(__file__).resolve().parents[2] / "book"


def test_each_question_has_three_answers_one_right_and_all_explained():
    text = (BOOK / "foundations" / "check-yourself.md").read_text(encoding="utf-8")
    sets = text.split("\n## ")[1:]
    assert len(sets) == 4
    for part in sets:
        questions = re.split(r"^\*\*\d\.\*\* ", part, flags=re.M)[1:]
        assert len(questions) == 5
        for question in questions:
            answers = re.findall(
                r"^:::\{dropdown\} ([ABC])\. .+?\n\n\*\*([✓✗])\*\* (.+?)\n:::$",
                question,
                re.M | re.S,
            )
            assert [letter for letter, _, _ in answers] == ["A", "B", "C"]
            assert sorted(sign for _, sign, _ in answers) == ["✓", "✗", "✗"]
            assert all(len(why) > 20 for _, _, why in answers)


def test_the_glossary_defines_every_term_once_and_all_that_are_used():
    text = (BOOK / "reference" / "glossary.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{glossary\}\n(.*?)```", text, re.S)
    terms = [
        line
        for block in blocks
        for line in block.splitlines()
        if line and not line.startswith(" ")
    ]
    assert len(set(terms)) == len(terms)
    pages = [p.read_text(encoding="utf-8") for p in BOOK.rglob("*.md")]
    for path in BOOK.rglob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        pages += ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    used = {
        name
        for page in pages
        for name in re.findall(r"\{term\}`(?:[^`<]*<)?([^`<>]+)>?`", page)
    }
    assert {u.lower() for u in used} <= {t.lower() for t in terms}
