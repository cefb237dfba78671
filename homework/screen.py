"""What in a student's cells no answer needs, so that a human looks before it is run.

A list of names keeps honest notebooks apart from those that touch files, processes or
the grader. It is no sandbox: README.md says what it does not hold back.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import nbformat
from IPython.core.inputtransformer2 import TransformerManager

# Importable, and what in these packages reaches past mathematics.
MODULES = re.compile(
    r"(numpy|scipy|matplotlib|mpl_toolkits|qutip|qbcore|math|cmath|itertools|functools|operator|collections"
    r"|dataclasses|fractions|decimal|statistics|random|typing|warnings|time|__future__)(\.\w+)*"
)
NAMES = re.compile(
    r"open|exec|eval|compile|input|breakpoint|exit|quit|globals|locals|vars|getattr|setattr|delattr"
    r"|get_ipython|otter|__\w+"
)
ATTRIBUTES = re.compile(
    r"os|sys|io|subprocess|ctypes|ctypeslib|builtins|importlib|inspect|gc|modules|system|load|save|savez"
    r"|savez_compressed|savetxt|savefig|loadtxt|genfromtxt|fromfile|tofile|memmap|dump|qsave|qload|fileio|__\w+"
)
OTTER_CELL = re.compile(
    r"(# Initialize Otter\n)?import otter\ngrader = otter\.Notebook\([^()]*\)"
)


def answer_cells(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, str]]:
    """Number (among all cells, from 1) and source of each code cell but otter's own."""
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and not OTTER_CELL.fullmatch(cell.source.strip()):
            yield (
                number,
                re.sub(r"^%matplotlib\b.*$", "", cell.source, flags=re.MULTILINE),
            )


def reasons_to_look(notebook: nbformat.NotebookNode) -> list[str]:
    """One sentence for each cell that uses something no answer needs."""
    trees = {number: _parsed(source) for number, source in answer_cells(notebook)}
    imported = {
        name
        for tree in trees.values()
        for node in ast.walk(tree)
        for name in _imported(node)
    }
    found = []
    for number, tree in trees.items():
        uses = sorted({use for node in ast.walk(tree) for use in _uses(node, imported)})
        if uses:
            found.append(f"cell {number} uses {', '.join(uses)}")
    return found


def _parsed(source: str) -> ast.AST:
    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError):
        return ast.Module(
            body=[], type_ignores=[]
        )  # what does not parse does not run either


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    return []


def _uses(node: ast.AST, imported: set[str]) -> Iterator[str]:
    """What is suspicious about one node of the syntax tree, in words."""
    match node:
        case ast.Import(names=names):
            yield from (f"import {n.name}" for n in names if not _harmless(n.name))
        case ast.ImportFrom(module=module, names=names):
            yield from (
                f"import {module}.{n.name}"
                for n in names
                if not _harmless(f"{module}.{n.name}")
            )
        case ast.Name(id=name) if NAMES.fullmatch(name):
            yield "a magic or shell command" if name == "get_ipython" else name
        case ast.Attribute(attr=name) if ATTRIBUTES.fullmatch(name):
            yield f".{name}"
        case ast.Attribute(ctx=ast.Store(), value=owner) if _root(owner) in imported:
            yield f"an assignment to {ast.unparse(node)}"


def _harmless(module: str) -> bool:
    return bool(MODULES.fullmatch(module)) and not any(
        map(ATTRIBUTES.fullmatch, module.split("."))
    )


def _root(node: ast.AST) -> str | None:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def defined_twice(notebook: nbformat.NotebookNode) -> list[str]:
    """One sentence for each function that stands in more than one cell."""
    cells: dict[str, list[int]] = {}
    for number, source in answer_cells(notebook):
        for node in ast.iter_child_nodes(_parsed(source)):
            if isinstance(node, ast.FunctionDef):
                cells.setdefault(node.name, []).append(number)
    twice = {name: numbers for name, numbers in cells.items() if len(numbers) > 1}
    return [
        f"{name} is defined in cells {', '.join(map(str, n))}: the last one counts"
        for name, n in twice.items()
    ]
