"""Sphinx extension: a field of a named tuple says what its class says of it.

Python's own text is "Alias for field number 0"; the class lists its fields under Attributes.
"""

from __future__ import annotations

import importlib
import inspect
import re

from numpydoc.docscrape import NumpyDocString
from sphinx.application import Sphinx


def describe(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Put the text of the class in the place of Python's."""
    if not lines or not lines[0].startswith("Alias for field number"):
        return
    module, kind, field = name.rsplit(".", 2)
    text = inspect.getdoc(getattr(importlib.import_module(module), kind)) or ""
    for entry in NumpyDocString(text)["Attributes"]:
        if field in re.split(r",\s*", entry.name):
            lines[:] = entry.desc


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
