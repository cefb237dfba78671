"""Sphinx extension: the frames of interactive figures are files of the site.

While the site is built, `qbook.explore` writes its frames into the folder that
``QBOOK_FRAMES`` names, and its markup says the name of the variable where it means the
folder. Here the markup learns the way from its page to the folder, and its cell.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from docutils import nodes
from qbook.sliders import FRAMES
from sphinx.application import Sphinx

FOLDER = "_frames"
SCRIPT = "explorers.js"
MARK = '<div class="explorer"'
MARKS = (MARK, '<details class="turn"')  # what the script makes sliders of


def name_folder(app: Sphinx) -> None:
    """Kernels, and processes that read pages, inherit the variable."""
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[FRAMES] = str(folder)


def place(app: Sphinx, page: nodes.document) -> None:
    """Tell each figure the way to its frames and its cell; an address it shares, apart."""
    env, seen = app.env, Counter[str]()
    way = "../" * env.docname.count("/") + FOLDER + "/"
    for cell in page.findall(nodes.container):
        if cell.get("nb_element") != "cell_code":
            continue
        for shown in cell.findall(nodes.raw):
            if shown.astext().startswith(MARK):
                name = _cell(env.doc2path(env.docname), cell["cell_index"])
                text = shown.astext().replace(FRAMES, way)
                text = text.replace(MARK, f'{MARK} data-cell="{name}"', 1)
                found = re.search(r'id="([^"]+)"', text)
                if not found:
                    raise ValueError(f"The figure of cell {name} must have an id, but has none.")
                address = found[0]
                seen[address] += 1
                if seen[address] > 1:
                    text = text.replace(address, f'{address[:-1]}-{seen[address]}"', 1)
                shown.children[:] = [nodes.Text(text)]
                shown.rawsource = text


def _cell(source: str, index: int) -> str:
    """The identifier of a cell in its notebook; its number in a page of text."""
    if not source.endswith(".ipynb"):
        return str(index)
    cells = json.loads(Path(source).read_text(encoding="utf-8"))["cells"]
    return str(cells[index]["id"])


def add_script(
    app: Sphinx, _page: str, _template: str, _context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Only pages that hold something to move ask for the script."""
    shown = [raw.astext() for raw in tree.findall(nodes.raw)] if tree else []
    if any(mark in text for mark in MARKS for text in shown):
        app.add_js_file(SCRIPT)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", name_folder)
    app.connect("doctree-read", place)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
