"""Readability of qbcore and qbook in figures, each with its bound.

    python tools/readability.py

Tokens are counted without comments and docstrings. A public name is one that a user
may import, or a method of such a class; it lists its arguments where its docstring has
a section Parameters, and shows an example where it has one that runs.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}
Documented = ast.Module | ast.ClassDef | ast.FunctionDef
# Figure, the least and the most that are allowed.
BOUNDS = {
    "tokens of qbcore": (0, 49_090),
    "tokens per line": (0, 9.9),
    "longest line": (0, 88),
    "annotations with Any": (0, 0.03),
    "public names with Parameters": (1, 1),
    "public names with an example": (1, 1),
}


def docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """The nodes of all docstrings in a file."""
    for node in ast.walk(tree):
        if isinstance(node, Documented) and ast.get_docstring(node) is not None:
            first = node.body[0]
            assert isinstance(first, ast.Expr)
            assert isinstance(first.value, ast.Constant)
            yield first.value


def code_tokens(source: str) -> list[tokenize.TokenInfo]:
    """Tokens without layout, comments and docstrings; an f-string is one."""
    docs = {(doc.lineno, doc.col_offset) for doc in docstrings(ast.parse(source))}
    found, depth = [], 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if not depth and token.type not in LAYOUT and token.start not in docs:
            found.append(token)
        # Python 3.12 takes f-strings apart, 3.11 does not.
        name = tokenize.tok_name[token.type]
        depth += (name == "FSTRING_START") - (name == "FSTRING_END")
    return found


def hints(tree: ast.Module) -> Iterator[ast.expr]:
    """The annotations in a function's head or a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        if isinstance(node, ast.FunctionDef) and node.returns:
            yield node.returns


def names_any(annotation: ast.expr) -> bool:
    """Whether `Any` stands in it, however deep."""
    return any(
        isinstance(part, ast.Name) and part.id == "Any" for part in ast.walk(annotation)
    )


def public(tree: ast.Module) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    """Functions and classes without an underscore, and their methods."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_":
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(ast.Module(node.body, []))


def has_arguments(node: ast.ClassDef | ast.FunctionDef) -> bool:
    """Whether there is something to list under Parameters."""
    if isinstance(node, ast.ClassDef):
        return any(isinstance(line, ast.AnnAssign) for line in node.body)
    is_property = any(
        isinstance(mark, ast.Name) and mark.id in ("property", "cached_property")
        for mark in node.decorator_list
    )
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    names = {argument.arg for argument in arguments} - {"self", "cls"}
    return bool(names) and not is_property


def share(found: list[bool]) -> float:
    """The share of what is true."""
    return sum(found) / len(found)


def figures(root: Path) -> dict[str, float]:
    """All figures of the folders qbcore and qbook under `root`."""
    sources = {
        path: path.read_text(encoding="utf-8")
        for folder in ("qbcore", "qbook")
        for path in sorted((root / folder).rglob("*.py"))
    }
    tokens = {path: code_tokens(source) for path, source in sources.items()}
    trees = {path: ast.parse(source) for path, source in sources.items()}
    lines = {
        (path, token.start[0]) for path, found in tokens.items() for token in found
    }
    of_core = [path for path in sources if path.is_relative_to(root / "qbcore")]
    exported = [
        path
        for path in of_core
        if not any(part[0] == "_" for part in path.relative_to(root).parts)
        or path.name == "__init__.py"
    ]
    known = [node for path in exported for node in public(trees[path])]
    with_arguments = [node for node in known if has_arguments(node)]
    types = [hint for tree in trees.values() for hint in hints(tree)]
    texts = {node: ast.get_docstring(node) or "" for node in known}
    return {
        "tokens of qbcore": sum(len(tokens[path]) for path in of_core),
        "tokens per line": sum(map(len, tokens.values())) / len(lines),
        "longest line": max(
            len(line) for source in sources.values() for line in source.splitlines()
        ),
        "annotations with Any": share([names_any(hint) for hint in types]),
        "public names with Parameters": share(
            [
                "Parameters\n---" in texts[node] or "Attributes\n---" in texts[node]
                for node in with_arguments
            ]
        ),
        "public names with an example": share(
            [">>>" in text for text in texts.values()]
        ),
    }


def main() -> int:
    """Print the figures; 1 where one is out of its bounds."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    outside = []
    for name, figure in figures(ROOT).items():
        least, most = BOUNDS[name]
        print(f"{name:30} {figure:10.3g}   allowed: {least:g} to {most:g}")
        if not least <= figure <= most:
            outside.append(name)
    for name in outside:
        print(f"Out of its bounds: {name}", file=sys.stderr)
    return bool(outside)


if __name__ == "__main__":
    sys.exit(main())
