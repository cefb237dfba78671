"""Execute notebooks and store their outputs, the same bytes if nothing changed.

    python tools/notebooks.py [notebook ...]      (all under book/ if none is named)

Parts that change from run to run are dropped: widget models (a kernel makes them
again, the site makes its own), timings, and the version of the Python that ran.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

BOOK = Path(__file__).resolve().parent.parent / "book"
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def all_notebooks() -> list[Path]:
    """Every notebook of the book, without editors' checkpoints."""
    return sorted(
        p for p in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts
    )


def client_of(path: Path) -> NotebookClient:
    """The client that runs a notebook from its own folder, as a reader would."""
    return NotebookClient(
        nbformat.read(path, as_version=4),
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )


def execute(path: Path) -> str:
    """Run one notebook and store it."""
    notebook = client_of(path).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    return str(path.relative_to(BOOK))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "notebooks", nargs="*", type=Path, help="all of the book if none is named"
    )
    chosen = [path.resolve() for path in parser.parse_args().notebooks]
    for path in chosen:
        if not path.is_file() or not path.is_relative_to(BOOK):
            parser.error(f"{path} is not a notebook of the book")
    chosen = chosen or all_notebooks()
    os.environ["TQDM_DISABLE"] = "1"  # a progress bar is not an output to keep
    with ProcessPoolExecutor(max_workers=2) as pool:
        for number, done in enumerate(pool.map(execute, chosen), start=1):
            print(f"[{number}/{len(chosen)}] {done}", flush=True)


if __name__ == "__main__":
    main()
