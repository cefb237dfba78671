"""Small mistakes in each solution lose points; the same answer in other words does not.

The mistakes are made from the syntax tree, as the core's mutants are. Those that give
no wrong answer stand in `equivalent_mistakes/`, with the reason; other right answers
stand in `right_variants/`, and larger mistakes in `wrong_answers/`.
"""

import ast
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from solving import Solved, assignments, mistakes

HERE = Path(__file__).parent
NAMES = sorted(assignments.sources())
SEEDS = ("0", "7", "12-00000042")
# One mistake in so many is tried where a run of the question's tests takes seconds.
STRIDES = {
    ("02-collective-advantage", "q7"): 2,
    ("03-rosen-zener-pulse", "q2"): 2,
    ("03-rosen-zener-pulse", "q4"): 4,
    ("04-truncation-and-scaling", "q4"): 4,
    ("04-truncation-and-scaling", "q7"): 6,
}


@cache
def solved(name: str, seed: str = "0") -> Solved:
    return Solved(name, seed)


def listed(folder: str, name: str) -> list[dict[str, Any]]:
    return yaml.safe_load((HERE / folder / f"{name}.yml").read_text(encoding="utf-8"))


def with_tests(name: str) -> list[str]:
    return [q.name for q in solved(name).assignment.questions if not q.written]


def edited(source: str, replace: dict[str, str]) -> str:
    """The source with each piece replaced, which is in it once."""
    for old, new in replace.items():
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_solutions_have_full_marks_with_any_numbers(name, seed):
    for question in with_tests(name):
        found = solved(name, seed)
        assert found.solution_points(question) == found.full(question)
        assert found.full(question) == found.questions[question].points


@pytest.mark.parametrize("name", NAMES)
def test_every_small_mistake_loses_points(name):
    found, survivors, tried = solved(name), [], 0
    excused = {
        (entry["question"], entry["original"], mutated)
        for entry in listed("equivalent_mistakes", name)
        for mutated in entry["mutated"]
    }
    for question in with_tests(name):
        full = found.solution_points(question)
        stride = STRIDES.get((name, question), 1)
        for original, mutated, source in [*mistakes(found.code(question))][::stride]:
            if (question, original, mutated) in excused:
                continue
            tried += 1
            if found.points(question, source, whole=False) == full:
                survivors.append(f"{question}\n  - {original}\n  + {mutated}")
    assert not survivors, "\n".join(survivors)
    assert tried >= 20


@pytest.mark.parametrize("name", NAMES)
def test_excused_mistakes_exist_and_have_a_reason(name):
    found = solved(name)
    made = {
        (question, original, mutated)
        for question in with_tests(name)
        for original, mutated, _ in mistakes(found.code(question))
    }
    for entry in listed("equivalent_mistakes", name):
        assert len(entry["because"]) > 20
        for mutated in entry["mutated"]:
            assert (entry["question"], entry["original"], mutated) in made


@pytest.mark.parametrize("name", NAMES)
def test_the_same_answer_in_other_words_keeps_all_points(name):
    found, variants = solved(name), listed("right_variants", name)
    assert len(variants) >= 15
    assert {variant["question"] for variant in variants} == set(with_tests(name))
    for variant in variants:
        question = variant["question"]
        source = variant.get("code") or edited(found.code(question), variant["replace"])
        assert source != found.code(question)
        assert found.points(question, source) == found.full(question), variant["name"]


@pytest.mark.parametrize("name", NAMES)
def test_larger_mistakes_lose_points_where_they_are_made(name):
    """Those of the questions that use the mistaken function are lost, too."""
    found = solved(name)
    code = "\n".join([*found.assignment.setup, *map(found.code, with_tests(name))])
    for wrong in listed("wrong_answers", name):
        assert all(code.count(old) == 1 for old in wrong["replace"])
        assert (wrong["name"], found.lost(wrong["replace"])) == (
            wrong["name"],
            wrong["fails"],
        )


def test_the_shortest_range_of_copies_loses_points():
    """A loop that stops one short of `most` once had full marks."""
    found = solved("01-ergotropy")
    source = edited(found.code("q4"), {"range(1, most + 1)": "range(1, most)"})
    assert found.points("q4", source) < found.full("q4")


@pytest.mark.parametrize("name", NAMES)
def test_hidden_tests_say_the_same_whatever_comes_back(name):
    """A message reaches the student, and might show what the notebook has learnt."""
    for question in solved(name).questions.values():
        for test in question.tests:
            if test.hidden:
                texts = [
                    node.msg
                    for node in ast.walk(ast.parse(test.source))
                    if isinstance(node, ast.Assert)
                ]
                assert all(texts)
                assert not any(isinstance(text, ast.JoinedStr) for text in texts)


def refuse(*_: object, **__: object) -> None:
    raise ValueError("refused")


# What is no answer to anything.
TRIVIAL = {
    "None": lambda *a, **k: None,
    "zero": lambda *a, **k: 0.0,
    "not a number": lambda *a, **k: math.nan,
    "infinity": lambda *a, **k: math.inf,
    "an empty array": lambda *a, **k: np.empty(0),
    "two empty arrays": lambda *a, **k: (np.empty(0), np.empty(0)),
    "an empty matrix": lambda *a, **k: np.empty((0, 0)),
    "an empty text": lambda *a, **k: "",
    "the first argument": lambda *a, **k: a[0] if a else None,
    "the last argument": lambda *a, **k: a[-1] if a else None,
    "as many nans": lambda *a, **k: np.full(np.shape(a[0] if a else 0), math.nan),
    "an error": refuse,
}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_answer_gets_no_points(name):
    """An empty array is close to any number, says numpy, and once had three points."""
    found = solved(name)
    for question in with_tests(name):
        for title, answer in TRIVIAL.items():
            assert (question, title, found.answered(question, answer)) == (
                question,
                title,
                [],
            )
