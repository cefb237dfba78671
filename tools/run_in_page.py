"""Run every cell of the chapters in the Python of a page, and store which cannot.

    python tools/run_in_page.py [--check] [book/papers/star-network ...]

Needs Node.js and what `tools/pyodide_assets.py` lays into the site. Writes
``book/reference/data/in-page.json``: for each chapter how many of its code cells ran,
the reason for each that did not, and which print something else than what is stored.
With ``--check`` it writes nothing, and fails where the stored file says otherwise.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notebooks import BOOK, all_notebooks
from pyodide_assets import MANIFEST, OUT, ZIPPED

sys.path.insert(0, str(BOOK / "_ext"))
from page_computes import FOUND, archive, cells_of

# Every figure with sliders, once at a value next to the one it starts with, which lies
# between two frames if it can; prints how many there are.
PROBE = """
import in_page

for _explorer in in_page.PAGE[0].explorers:
    for _name, _stops in _explorer.stops.items():
        _next = (_explorer.start[_name] + 1) % len(_stops)
        _explorer.frame({**_explorer.start, _name: _next})
print(len(in_page.PAGE[0].explorers))
"""
SCRIPT = Path(__file__).with_suffix(".mjs")
NODE = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which(
    "node"
)


def ready() -> bool:
    """Whether cells can be run here as in a page."""
    return NODE is not None and (OUT / MANIFEST).is_file()


@contextmanager
def laid_out() -> Iterator[tuple[Path, Path]]:
    """The engine as Node.js reads it, and the book's Python."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "pyodide")
        shutil.copytree(OUT, folder)
        for name in ZIPPED:
            packed = folder / f"{name}.zipped"
            (folder / name).write_bytes(gzip.decompress(packed.read_bytes()))
        packed = Path(scratch, "python.zip")
        packed.write_bytes(archive())
        yield folder, packed


def run(home: str, sources: list[str]) -> list[dict[str, Any]]:
    """The output of each cell, run in turn in the folder ``home`` of the book."""
    with laid_out() as (folder, packed):
        answer = subprocess.run(
            [str(NODE), str(SCRIPT), str(folder), str(packed)],
            input=json.dumps({"home": home, "cells": sources}) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
    lines = answer.stdout.splitlines()
    if answer.returncode or len(lines) != len(sources):
        raise RuntimeError(
            f"Node.js ended with {answer.returncode}: {answer.stderr[-1500:]}"
        )
    return [json.loads(line) for line in lines]


def reason(error: dict[str, Any]) -> str:
    """Why a cell cannot run in a page, in a few words."""
    if error["needs"]:
        return f"needs {error['needs']}"
    if error["undefined"]:
        return f"needs {error['undefined']} of a cell that cannot run"
    return f"{error['kind']}: {error['words']}"


def printed(outputs: list[dict[str, Any]]) -> str:
    """The text among what a cell shows."""
    return "".join(each.get("text", "") for each in outputs)


def found(page: str) -> dict[str, Any]:
    """The number of cells that run in a chapter, and why the others do not."""
    cells = cells_of(BOOK.parent / f"{page}.ipynb")
    home = Path(page).parent.relative_to("book")
    *shown, probed = run(str(home), [*(cell["source"] for cell in cells), PROBE])
    if probed["error"]:
        raise RuntimeError(f"{page}: a figure fails: {probed['error']['trace']}")
    cannot = {
        cell["id"]: reason(each["error"])
        for cell, each in zip(cells, shown, strict=True)
        if each["error"]
    }
    return {
        "cells": len(cells),
        "ran": len(cells) - len(cannot),
        "figures": int(printed(probed["outputs"])),
        "cannot": cannot,
        "prints_otherwise": [
            cell["id"]
            for cell, each in zip(cells, shown, strict=True)
            if not each["error"] and printed(each["outputs"]) != cell["printed"]
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("pages", nargs="*", help="such as book/papers/star-network")
    asked = parser.parse_args()
    if not ready():
        sys.exit("Node.js or Pyodide is missing: run `make site` first.")
    pages = asked.pages or [
        str(path.relative_to(BOOK.parent).with_suffix("")) for path in all_notebooks()
    ]
    stored = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.is_file() else {}
    now = {}
    for page in pages:
        began = time.monotonic()
        now[page] = found(page)
        took = time.monotonic() - began
        print(
            f"{page}: {now[page]['ran']} of {now[page]['cells']} ran, {took:.0f} s",
            flush=True,
        )
        for name, why in now[page]["cannot"].items():
            print(f"    {name}: {why}", flush=True)
    if asked.check:
        other = [page for page in pages if now[page] != stored.get(page)]
        sys.exit(f"Not as stored: {', '.join(other)}" if other else 0)
    text = json.dumps(
        dict(sorted((stored | now).items())), indent=1, ensure_ascii=False
    )
    FOUND.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
