"""The statements of a chapter that a verdict depends on, found from its code.

A backward slice: the call of ``claims.check`` is needed, hence the last statement
before it that gives each of its names a value, hence those of that statement, and so
on. A function is looked into where it is used, for what its body reads then counts.
When in doubt a statement is taken in: one that may change an object in place is kept
wherever the object is needed.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

BUILTINS = frozenset(dir(builtins))
# A branch or a loop may run no time at all: what was there before may still be needed.
SURE = (
    ast.Assign
    | ast.AnnAssign
    | ast.FunctionDef
    | ast.ClassDef
    | ast.Import
    | ast.ImportFrom
    | ast.With
)


@dataclass(frozen=True)
class Statement:
    """One statement at the top level of a cell: what it reads, binds and changes."""

    node: ast.stmt

    @property
    def text(self) -> str:
        """The statement as Python writes it, without comments."""
        return ast.unparse(self.node)

    @cached_property
    def _table(self) -> symtable.SymbolTable:
        return symtable.symtable(self.text, "<chapter>", "exec")

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that get a value."""
        symbols = self._table.get_symbols()
        return frozenset(
            s.get_name() for s in symbols if s.is_assigned() or s.is_imported()
        )

    @cached_property
    def reads(self) -> frozenset[str]:
        """Names whose value is used at once, those of a function's body aside."""
        if isinstance(self.node, ast.FunctionDef):
            outside = [*self.node.decorator_list, *_defaults(self.node)]
            return frozenset(n.id for e in outside for n in _names(e)) - BUILTINS
        return self.everything

    @cached_property
    def everything(self) -> frozenset[str]:
        """Names used anywhere in the statement, in bodies of functions too."""
        found = {
            symbol.get_name()
            for table in _scopes(self._table)
            for symbol in table.get_symbols()
            if symbol.is_referenced()
            and (table.get_type() == "module" or symbol.is_global())
        }
        changed = {
            n.target.id for n in self._augmented if isinstance(n.target, ast.Name)
        }
        return frozenset(found | changed) - BUILTINS

    @property
    def _augmented(self) -> list[ast.AugAssign]:
        return [n for n in ast.walk(self.node) if isinstance(n, ast.AugAssign)]

    @cached_property
    def changes(self) -> frozenset[str]:
        """Names whose objects may be changed in place."""
        found: set[str | None] = set()
        for node in ast.walk(self.node):
            if isinstance(node, ast.Subscript | ast.Attribute):
                stored = isinstance(node.ctx, ast.Store | ast.Del)
                found |= {_root(node)} if stored else set()
            elif isinstance(node, ast.AugAssign):
                found.add(_root(node.target))
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                found.add(_root(node.value.func, method=True))
        return frozenset(name for name in found if name)

    def checks(self, claim: str) -> bool:
        """Whether the statement calls ``check`` with this claim."""
        return any(
            isinstance(node, ast.Call)
            and _last_name(node.func) == "check"
            and bool(node.args)
            and isinstance(node.args[0], ast.Constant)
            and node.args[0].value == claim
            for node in ast.walk(self.node)
        )


def statements(cells: Sequence[str]) -> list[Statement]:
    """The statements at the top level of all cells, in order, magics left out."""
    found = []
    for cell in cells:
        lines = [line for line in cell.splitlines() if not line.startswith(("%", "!"))]
        found += [Statement(node) for node in ast.parse("\n".join(lines)).body]
    return found


def needed(chapter: Sequence[Statement], claim: str) -> list[Statement]:
    """The statements that the check of a claim depends on, itself at the end.

    Raises
    ------
    LookupError
        If not exactly one statement checks the claim.
    """
    found = [i for i, statement in enumerate(chapter) if statement.checks(claim)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} statements of the chapter check {claim}.")
    last = found[0]
    modules = {
        name
        for s in chapter
        if isinstance(s.node, ast.Import | ast.ImportFrom)
        for name in s.binds
    }
    moving = {
        name for s in chapter if "default_rng" in s.text for name in s.binds - modules
    }
    kept = [chapter[last]]
    wanted = set(_used(chapter, last))
    for i in range(last - 1, -1, -1):
        statement = chapter[i]
        drawn = (
            moving & statement.everything
        )  # the next random number hangs on this one
        touched = (statement.changes - modules) | statement.binds | drawn
        if not touched & wanted:
            continue
        kept.append(statement)
        if isinstance(statement.node, SURE):
            wanted -= statement.binds
        wanted |= _used(chapter, i)
    return kept[::-1]


def _used(chapter: Sequence[Statement], index: int) -> frozenset[str]:
    """Names that a statement reads, and those that the functions among them read."""
    used = set(chapter[index].reads)
    new = set(used)
    while new:
        inner: set[str] = set()
        for name in new:
            inner |= _body(chapter, index, name)
        new = inner - used
        used |= new
    return frozenset(used)


def _body(chapter: Sequence[Statement], index: int, name: str) -> frozenset[str]:
    """Names that the last function or class of this name reads when called."""
    for statement in reversed(chapter[: index + 1]):
        if name in statement.binds:
            calls = any(
                isinstance(n, ast.FunctionDef | ast.ClassDef | ast.Lambda)
                for n in ast.walk(statement.node)
            )
            return statement.everything if calls else frozenset()
    return frozenset()


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _names(node: ast.AST) -> Iterator[ast.Name]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Name))


def _defaults(node: ast.FunctionDef) -> list[ast.expr]:
    keywords = [default for default in node.args.kw_defaults if default]
    return [*node.args.defaults, *keywords]


def _root(node: ast.expr, *, method: bool = False) -> str | None:
    """The name at the root of ``name.a[b].c``; None for what is not such a chain.

    For a ``method``, at least one attribute must follow the name.
    """
    if method and not isinstance(node, ast.Attribute):
        return None
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Starred):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _last_name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
