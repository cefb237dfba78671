"""Sphinx extension: no script stands between a reader and the first line of a page."""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def wait_for_the_page(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: object
) -> None:
    """Defer the scripts, in their order."""
    for js in context["script_files"]:
        if js.filename and "async" not in js.attributes:
            js.attributes["defer"] = "defer"
        elif js.attributes.get("body", "").startswith("DOCUMENTATION_OPTIONS."):
            # It needs a file before it. Only a module waits its turn without being a file.
            js.attributes["type"] = "module"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", wait_for_the_page, priority=900)  # after all who add scripts
    return {"parallel_read_safe": True, "parallel_write_safe": True}
