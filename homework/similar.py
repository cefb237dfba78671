"""Answers that are the same but for names, numbers of spaces and comments."""

from __future__ import annotations

import ast
import copy
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping

SMALL = 60  # nodes of a tree: two students find a shorter answer by themselves


def shapes(functions: Iterable[tuple[str, ast.stmt]]) -> dict[str, tuple[str, int]]:
    """For each function the print of its tree after renaming, and its size."""
    found = {}
    for name, tree in functions:
        try:
            nodes = sum(1 for _ in ast.walk(tree))
            written = ast.dump(_Renamed().visit(copy.deepcopy(tree)))
        except RecursionError:
            continue
        found[name] = hashlib.sha256(written.encode()).hexdigest()[:16], nodes
    return found


class _Renamed(ast.NodeTransformer):
    """Names in the order in which they come, and no docstrings."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def visit(self, node: ast.AST) -> ast.AST:
        """Rename in the whole tree."""
        for field in ("name", "id", "arg"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                new = self.names.setdefault(name, f"n{len(self.names)}")
                setattr(node, field, new)
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            first = body[0].value
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                del body[0]
        if isinstance(node, ast.arg | ast.FunctionDef):
            node.annotation = node.returns = None  # type: ignore[union-attr]
        return self.generic_visit(node)


def alike(
    submitted: Mapping[str, Mapping[str, tuple[str, int]]],
) -> list[tuple[str, int, list[str]]]:
    """Function, size, and submissions that share its tree, the largest first."""
    groups: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for submission, functions in submitted.items():
        for function, (shape, nodes) in functions.items():
            if nodes >= SMALL:
                groups[function, shape, nodes].append(submission)
    found = [
        (function, nodes, sorted(several))
        for (function, _, nodes), several in groups.items()
        if len(several) > 1
    ]
    return sorted(found, key=lambda group: (-group[1], group[0], group[2]))
