"""All that a check depends on is found, and nothing else."""

import pytest

from qbook._slice import needed, statements


def kept(*cells, claim="c"):
    """The lines that are kept, without the check at the end."""
    chosen = needed(statements([*cells, 'claims.check("c", x)']), claim)
    assert chosen[-1].text == "claims.check('c', x)"
    return [statement.text for statement in chosen[:-1]]


def test_what_nothing_needs_is_left_out():
    assert kept("a = 1\nx = 2", "y = a") == ["x = 2"]


def test_what_a_needed_value_is_made_of_is_kept():
    assert kept("a = 1\nb = 2", "x = a") == ["a = 1", "x = a"]


def test_the_last_value_counts():
    assert kept("x = 1\nx = 2") == ["x = 2"]
    assert kept("x = 1\nx = x + 1") == ["x = 1", "x = x + 1"]
    assert kept("x = 1\nx += 1") == ["x = 1", "x += 1"]


def test_a_later_value_does_not_count():
    chosen = needed(statements(["x = 1", 'check("c", x)', "x = 2"]), "c")
    assert [s.text for s in chosen] == ["x = 1", "check('c', x)"]


IN_A_LOOP = "for i in range(3):\n    x.append(i)"
IN_PLACE = ["x.append(1)", "x[0] = 1", "x.a = 1", "x += [1]", "x[0] += 1", "del x[0]"]


@pytest.mark.parametrize("change", [*IN_PLACE, "x.a.b.append(1)", IN_A_LOOP])
def test_a_change_in_place_is_kept(change):
    assert kept("x = []", change)[0] == "x = []"
    assert kept("x = []", change)[1] == change


def test_a_loop_that_may_not_run_leaves_what_was_before():
    lines = ["x = 0", "for i in []:\n    x = i"]
    assert kept(*lines) == lines
    assert kept("x = 0", "if False:\n    x = 1")[0] == "x = 0"


def test_a_function_is_looked_into_where_it_is_called():
    assert kept(
        "def f():\n    return g() + a",
        "def g():\n    return b",
        "a, b = 1, 2",
        "x = f()",
    ) == [
        "def f():\n    return g() + a",
        "def g():\n    return b",
        "a, b = (1, 2)",
        "x = f()",
    ]


def test_what_a_function_reads_is_taken_as_of_the_call():
    lines = ["a = 1", "def f():\n    return a", "a = 2", "x = f()"]
    assert kept(*lines) == lines[1:]


def test_arguments_of_a_function_are_its_own():
    assert kept("a = 1", "def f(a):\n    return a", "x = f(2)") == [
        "def f(a):\n    return a",
        "x = f(2)",
    ]


def test_defaults_are_taken_where_the_function_is_defined():
    lines = ["a = 1", "def f(b=a):\n    return b", "x = f()"]
    assert kept(*lines) == lines
    assert kept("a = 1", "f = lambda: a", "x = f()")[0] == "a = 1"


def test_variables_of_a_comprehension_are_its_own():
    assert kept("n = 1", "x = sum(n for n in range(3))") == [
        "x = sum((n for n in range(3)))"
    ]


def test_a_module_is_not_changed_by_its_functions():
    lines = ["import numpy as np", "np.show()", "x = np.pi"]
    assert kept(*lines) == [lines[0], lines[2]]


def test_random_numbers_hang_on_those_drawn_before():
    lines = ["rng = default_rng(1)", "y = rng.normal()", "x = rng.normal()"]
    assert kept(*lines) == lines


def test_magics_are_left_out():
    assert kept("%matplotlib inline\nx = 1", "!ls") == ["x = 1"]


def test_each_claim_is_checked_once():
    with pytest.raises(LookupError, match="0 statements of the chapter check other"):
        kept("x = 1", claim="other")
    with pytest.raises(LookupError, match="2 statements"):
        kept("check('c', 1)")
