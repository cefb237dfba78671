"""Show docstrings on the API pages as `help()` does: their equations are plain text, not markup."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def as_literal_block(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Indent the docstring under a code-block marker, without highlighting."""
    text = list(lines)
    lines[:] = (
        [".. code-block:: text", "", *(f"   {line}" for line in text), ""] if any(text) else []
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", as_literal_block)
    return {"parallel_read_safe": True}
