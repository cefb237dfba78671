"""Sphinx extension: read pages, and so execute chapters, on two cores (Jupyter Book has no -j)."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

# They keep nothing per page on reading, but do not say so, which Sphinx takes for a no.
SAFE = ("sphinx_jupyterbook_latex", "sphinx_multitoc_numbering")


def allow(app: Sphinx, _: Config) -> None:
    """Two readers, and the word of the extensions that are silent."""
    app.parallel = 2
    for name in SAFE:
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True


def deal(_: Sphinx, __: Any, pages: list[str]) -> None:
    """Sphinx cuts the list into runs of neighbours: deal the chapters out, as one deals cards."""
    pages[:] = pages[::2] + pages[1::2]


def setup(app: Sphinx) -> dict[str, Any]:
    """Set all up once every extension is loaded."""
    app.connect("config-inited", allow)
    app.connect("env-before-read-docs", deal)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
