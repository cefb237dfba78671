"""The list of slow tests, which `make check` leaves out, names tests that exist."""

import ast
import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def slow() -> set[str]:
    """The list of `tests/conftest.py`."""
    for node in ast.parse((TESTS / "conftest.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SLOW":
            return ast.literal_eval(node.value)
    return set()


def test_every_slow_test_is_one_test_of_the_core():
    found = Counter(
        name
        for path in (TESTS / "core").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), flags=re.M)
    )
    assert slow()
    assert {name: found[name] for name in slow()} == dict.fromkeys(slow(), 1)


def test_make_check_leaves_them_out_and_make_test_does_not():
    makefile = (TESTS.parent / "Makefile").read_text(encoding="utf-8")
    left_out = [line for line in makefile.splitlines() if '-m "not slow"' in line]
    assert left_out == ['\t$(PYTEST) --dist loadgroup -m "not slow" tests/core qbcore']
