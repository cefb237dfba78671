"""Sphinx extension: cells that only import, or only hand a number to the ledger, are folded."""

from __future__ import annotations

import ast
from typing import cast

from docutils import nodes
from sphinx.application import Sphinx

SHOW, HIDE = "Show the {kind}", "Hide the {kind}"


def kind_of(code: str) -> str | None:
    """The kind of a cell that does nothing for the physics; None for the others."""
    try:
        done = ast.parse(code).body
    except SyntaxError:  # a magic of IPython
        return None
    if done and all(_imports(each) for each in done):
        return "imports"
    if len(done) == 1 and ast.unparse(done[0]).startswith("claims.check("):
        return "call that checks this"
    return None


def _imports(statement: ast.stmt) -> bool:
    style = ast.unparse(statement).startswith("plt.style.use(")
    return style or isinstance(statement, ast.Import | ast.ImportFrom)


def fold(_app: Sphinx, page: nodes.document) -> None:
    """Have myst-nb hide the code of such cells, as it does where a tag asks for it."""
    for cell in page.findall(nodes.container):
        if cell.get("nb_element") != "cell_code" or cell.get("hide_mode") or not cell.children:
            continue
        code = cast(nodes.Element, cell[0])
        kind = kind_of(code.astext()) if code.get("nb_element") == "cell_code_source" else None
        if kind:
            cell["hide_mode"] = "input"
            cell["prompt_show"], cell["prompt_hide"] = (w.format(kind=kind) for w in (SHOW, HIDE))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", fold)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
