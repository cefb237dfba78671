"""The figures of `make lint`, on code whose figures are counted by hand."""

from pathlib import Path

import pytest
import readability

SOURCE = '''"""A module."""
from typing import Any

# A comment, which is not counted.
def double(number: Any) -> float:
    """Return twice the number.

    Parameters
    ----------
    number : float
        Which is doubled.

    Examples
    --------
    >>> double(2.0)
    4.0
    """
    return 2 * number


class Box:
    """A box."""

    width: float

    @property
    def area(self) -> float:
        """Its area."""
        return self.width**2

    def _hidden(self, number: float) -> None:
        """Not public."""
'''


@pytest.fixture
def tree(tmp_path):
    for name in ("qbcore/shapes.py", "qbcore/_private.py", "qbook/__init__.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(SOURCE if name == "qbcore/shapes.py" else "")
    return tmp_path


def test_the_figures_are_those_counted_by_hand(tree):
    # Lines of code: import, def, return, class, width, @, def, return, def.
    tokens = [4, 10, 4, 3, 3, 2, 8, 6, 12]
    assert readability.figures(tree) == {
        "tokens of qbcore": sum(tokens),
        "tokens per line": sum(tokens) / len(tokens),
        "longest line": 45,
        "annotations with Any": 1 / 6,
        "public names with Parameters": 1 / 2,  # double and Box
        "public names with an example": 1 / 3,  # double, Box and its area
    }


@pytest.mark.parametrize("name", readability.BOUNDS)
def test_a_figure_out_of_its_bounds_is_named(name, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["readability.py"])
    monkeypatch.setitem(readability.BOUNDS, name, (-2, -1))
    assert readability.main() == 1
    assert capsys.readouterr().err == f"Out of its bounds: {name}\n"


def test_a_string_with_values_in_it_is_one_token():
    found = readability.code_tokens('x = f"{1:{2}} {f(3)}"\ny = 4\n')
    assert len(found) == 6


def test_a_private_module_exports_nothing(tree):
    (tree / "qbcore/_private.py").write_text("def loud() -> None:\n    print()\n")
    found = readability.figures(Path(tree))
    assert found["public names with an example"] == 1 / 3
