"""Copies of the notebooks for Colab: a cell in front fetches the book and its core.

    python tools/colab.py --repository OWNER/NAME --ref REF OUTPUT_DIR

Colab opens a notebook from GitHub without the files around it. The copies lie in
OUTPUT_DIR under the notebooks' own paths, to be published on a branch that nobody
edits; REF is the branch or tag that the cell fetches.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import nbformat
from notebooks import BOOK, all_notebooks

CELL = (
    "# Colab only: fetch the book, install its core, work in the chapter's folder.\n"
    "!git clone --quiet --depth 1 --branch {ref} "
    "https://github.com/{repository} /content/{name}\n"
    '%pip install --quiet "/content/{name}[book]"\n'
    "%cd -q /content/{name}/{folder}"
)


def write_copy(path: Path, repository: str, ref: str, output: Path) -> None:
    """Write the copy of one notebook, with the outputs it has."""
    notebook = nbformat.read(path, as_version=4)
    place = path.relative_to(BOOK.parent)
    name = repository.partition("/")[2]
    source = CELL.format(
        repository=repository, ref=ref, name=name, folder=place.parent.as_posix()
    )
    notebook.cells.insert(0, nbformat.v4.new_code_cell(source, id="colab"))
    target = output / place
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    nbformat.write(notebook, target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repository", required=True, metavar="OWNER/NAME")
    parser.add_argument(
        "--ref", required=True, help="branch or tag that the cell fetches"
    )
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIR")
    options = parser.parse_args()
    # Both end up in a shell command on someone else's account.
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", options.repository):
        parser.error(f"--repository must be OWNER/NAME, but is {options.repository!r}")
    if not re.fullmatch(r"[\w.][\w./-]*", options.ref):
        parser.error(f"--ref must be a branch or tag, but is {options.ref!r}")
    notebooks = all_notebooks()
    for notebook in notebooks:
        write_copy(notebook, options.repository, options.ref, options.output)
    print(f"{len(notebooks)} notebooks for Colab are in {options.output}.")
