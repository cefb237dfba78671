"""Sphinx extension: cells and live figures compute in the page, once a reader asks for it.

`tools/pyodide_assets.py` lays Python for the browser into ``_static/vendor/pyodide``. Where it is,
each page with code cells gets the script ``compute/compute.js``, a name for each cell, and a file
with the cells' code, which is fetched after a click only. Without it, pages stay as they are.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
from assignment_pages import asked_for, assignment, in_page
from docutils import nodes
from qbook import claims
from qbook._ledger_file import entries
from sphinx.application import Sphinx
from sphinx.util import logging

BOOK = Path(__file__).resolve().parent.parent
ASSETS = BOOK / "_static" / "vendor" / "pyodide" / "manifest.json"
IN_PAGE = BOOK / "_static" / "compute" / "in_page.py"
# Found by really running every cell: tools/run_in_page.py writes it.
FOUND = BOOK / "reference" / "data" / "in-page.json"
LICENCES = "_static/vendor/pyodide/licences.txt"
# The packages of the book's own environment that go along: their Python alone is enough.
ALONG = ("qbcore", "qbook", "yaml", "_yaml", "pylatexenc")
SUFFIXES = (".py", ".mplstyle", ".json")
PRINTED = ("numpy", "scipy", "matplotlib", "qutip")


@cache
def archive() -> bytes:
    """The book's Python and data, as a page unpacks them; the same bytes each time."""
    files = dict(_sources())
    files["in_page.py"] = IN_PAGE.read_bytes()
    for path in (BOOK / "claims.yml", BOOK / claims.REFINED, *BOOK.glob("papers/data/*")):
        files[f"book/{path.relative_to(BOOK)}"] = path.read_bytes()
    parsed = json.dumps(entries(BOOK / "claims.yml"), ensure_ascii=False)
    files["book/claims.parsed.json"] = parsed.encode()
    for page in BOOK.rglob("*.md"):
        for name in asked_for(page.read_text(encoding="utf-8")):
            tests = json.dumps(assignment(name).tests, ensure_ascii=False)
            files[f"homework/{name}.json"] = tests.encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def _sources() -> Iterator[tuple[str, bytes]]:
    for package in ALONG:
        found = find_spec(package)
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"{package} is not installed", name=package)
        folder = Path(found.origin).parent
        for path in folder.rglob("*"):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield f"{package}/{path.relative_to(folder)}", path.read_bytes()


def cells_of(page: Path) -> list[dict[str, Any]]:
    """The code cells of a page: name and code; of a chapter also place and printed text."""
    if page.suffix != ".ipynb":
        names = asked_for(page.read_text(encoding="utf-8"))
        return [cell for name in names for cell in assignment(name).cells]
    cells = nbformat.read(page, as_version=4).cells
    return [
        {"at": at, "id": cell.id, "source": cell.source, "printed": printed(cell.outputs)}
        for at, cell in enumerate(cells)
        if cell.cell_type == "code"
    ]


def printed(outputs: list[Any]) -> str:
    """The text that a cell printed, and what it shows as text alone."""
    texts = []
    for output in outputs:
        if output.output_type == "stream":
            texts.append(output.text)
        elif set(output.get("data", {})) == {"text/plain"}:
            texts.append(output.data["text/plain"] + "\n")
    return "".join(texts)


def missing(page: str) -> dict[str, str]:
    """The cells of a page that cannot run in it, each with the reason."""
    if not FOUND.is_file():
        return {}
    found = json.loads(FOUND.read_text(encoding="utf-8"))
    return dict(found.get(page, {}).get("cannot", {}))


def lack(reason: str) -> str:
    """The class of a cell that cannot run: a package is missing, or what a cell above makes."""
    package = re.fullmatch(r"needs (\w+)", reason)
    return f"lacks-{package[1]}" if package else "lacks-above"


def name_cells(app: Sphinx, document: nodes.document) -> None:
    """Give the box of each code cell its name, and a class that says what it is."""
    page = app.env.docname
    source = Path(app.env.doc2path(page))
    if source.suffix != ".ipynb":
        # A name with an underscore cannot be written in the text of a page.
        for box in document.findall(nodes.container):
            box["classes"] = ["cell_input" if c == "cell-input" else c for c in box["classes"]]
        return
    cells = {cell["at"]: cell for cell in cells_of(source)}
    cannot = missing(page)
    for box in document.findall(nodes.container):
        if box.get("nb_element") != "cell_code":
            continue
        cell = cells[box["cell_index"]]
        box["ids"] = [*box["ids"], f"code-{cell['id']}"]
        box["classes"] += ["computes"]
        if cell["id"] in cannot:
            box["classes"] += ["computes-not", lack(cannot[cell["id"]])]
        if "explore(" in cell["source"]:
            box["classes"] += ["computes-figure"]


def hand_out(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put assignments where pages ask for them."""
    source[0] = in_page(source[0])


def offer(
    app: Sphinx, page: str, _template: str, _context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Add the script to the pages that have something to compute."""
    if tree is None or not any(
        "computes" in box["classes"] for box in tree.findall(nodes.container)
    ):
        return
    size = round(_size() / 1e6)
    told: dict[str, Any] = {"data-megabytes": str(size), "data-page": page}
    app.add_js_file("compute/compute.js", **told)


def _size() -> int:
    return int(json.loads(ASSETS.read_text(encoding="utf-8"))["bytes"]) + len(archive())


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write what a page fetches after the click: the book's Python, and its cells."""
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir, "_static", "compute")
    out.mkdir(parents=True, exist_ok=True)
    packed = archive()
    (out / "python.zip").write_bytes(packed)
    about = {
        "python": hashlib.sha256(packed).hexdigest(),
        "bytes": len(packed),
        "printed": {name: version(name) for name in PRINTED},
    }
    (out / "about.json").write_text(json.dumps(about), encoding="utf-8")
    for page in app.env.found_docs:
        cannot = missing(page)
        source = Path(app.env.doc2path(page))
        cells = [
            {"id": cell["id"], "source": cell["source"], "cannot": cannot.get(cell["id"], "")}
            for cell in cells_of(source)
        ]
        if cells:
            file = out / "cells" / f"{page}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(cells, ensure_ascii=False), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx; buttons come only if there is something to compute with."""
    app.connect("source-read", hand_out)
    if ASSETS.is_file():
        app.connect("doctree-read", name_cells)
        app.connect("html-page-context", offer)
        app.connect("build-finished", write)
    else:
        logging.getLogger(__name__).info("!!! No Python for the pages: the site gets no buttons.")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
