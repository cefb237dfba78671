"""Parts of a student's cells to show to the teacher. Nothing is held back for them.

The notebook runs where it can do no harm (`confine.py`). Here stands what no answer
needs: a cheat who tries to reach out uses it, and now and then an honest student.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

from IPython.core.inputtransformer2 import TransformerManager
from submissions import Attempt

MODULES = re.compile(
    r"(os|sys|io|subprocess|socket|shutil|ctypes|builtins|importlib|inspect|gc|pty"
    r"|signal|threading|multiprocessing|urllib|requests|pathlib|glob|runpy|otter"
    r"|pickle|dill|resource|tempfile)(\..*)?"
)
NAMES = re.compile(r"open|exec|eval|compile|breakpoint|globals|__\w+|get_ipython")
ATTRIBUTES = re.compile(
    r"_?(os|sys|subprocess|popen|ctypes|ctypeslib|builtins|importlib|runstring)"
    r"|__(globals|code|subclasses|builtins|closure|bases|mro|dict|import)__"
    r"|f_(back|globals|locals)|tofile|fromfile|memmap|genfromtxt|loadtxt"
)
LARGEST = 200_000  # characters of a cell
TRANSFORM = TransformerManager().transform_cell


def worth_a_look(attempt: Attempt) -> list[str]:
    """One sentence for each cell that uses something no answer needs."""
    found = []
    for number, source in attempt.code:
        uses = {use for node in ast.walk(parsed(source)) for use in _uses(node)}
        if uses:
            found.append(f"cell {number} uses {', '.join(sorted(uses))[:200]}")
    return found


@cache
def parsed(source: str) -> ast.Module:
    """The syntax tree of a cell; what cannot be parsed does not run either.

    A cell of numbers by the million is run, and not looked at.
    """
    if len(source) > LARGEST:
        return ast.Module(body=[], type_ignores=[])
    try:
        return ast.parse(TRANSFORM(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError, AttributeError):
        return ast.Module(body=[], type_ignores=[])


def _uses(node: ast.AST) -> Iterator[str]:
    """Unusual uses in one node of the syntax tree, in words."""
    match node:
        case ast.Import(names=names):
            found = (n.name for n in names if MODULES.fullmatch(n.name))
            yield from (f"import {name}" for name in found)
        case ast.ImportFrom(module=str(module)) if MODULES.fullmatch(module):
            yield f"import {module}"
        case ast.Call(func=ast.Attribute(attr="system" | "getoutput")):
            yield "a shell command"
        case ast.Name(id=name) if NAMES.fullmatch(name) and name != "get_ipython":
            yield name
        case ast.Attribute(attr=name) if ATTRIBUTES.fullmatch(name):
            yield f".{name}"


def defined_twice(attempt: Attempt) -> list[str]:
    """One sentence for each function that stands in more than one cell."""
    cells: dict[str, Counter[int]] = {}
    for number, source in attempt.code:
        for node in ast.iter_child_nodes(parsed(source)):
            if isinstance(node, ast.FunctionDef):
                cells.setdefault(node.name, Counter())[number] += 1
    return [
        f"{name} is defined in cells {', '.join(map(str, n))}: the last one counts"
        for name, n in cells.items()
        if len(n) > 1
    ]
