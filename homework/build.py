"""Build what is handed out, and what grades it, from this folder's source notebooks.

    python homework/build.py [--seed 7] [--out _build/homework] [01-ergotropy ...]

In ``<out>/students`` lie the notebooks without solutions and hidden tests, in
``<out>/teachers`` the same notebooks with solutions, and for each an autograder archive
in otter-grader's format. A seed other than 0 gives a course its own numbers, see
README.md.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import handout
import nbformat
from otter.assign import main as otter_assign
from parameters import choose, write_numbers

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "_build" / "homework"


def sources() -> dict[str, Path]:
    """The source notebooks by name."""
    return {path.stem: path for path in sorted(HERE.glob("[0-9][0-9]-*.ipynb"))}


def build(source: Path, out: Path, seed: int) -> None:
    """Write the student's notebook, the teacher's, and the archive of an assignment."""
    notebook = nbformat.read(source, as_version=4)
    values = choose(notebook, source.stem, seed)
    write_numbers(notebook, values)
    handout.add_rules(notebook, source.stem)
    notebook.cells[0].source += f"\nname: {source.stem}, seed {seed}"
    with tempfile.TemporaryDirectory() as scratch:
        master = Path(scratch, "source", source.name)
        master.parent.mkdir()
        nbformat.write(notebook, master)
        handout.write_config(master.parent / "otter.yml")
        handout.copy_core(master.parent)
        result = Path(scratch, "result")
        otter_assign(str(master), str(result), no_pdfs=True, no_run_tests=True)
        (archive,) = result.glob("autograder/*.zip")
        handout.add_numbers(archive, notebook, values)
        for made, folder, name in (
            (result / "student" / source.name, "students", source.name),
            (result / "autograder" / source.name, "teachers", source.name),
            (archive, "teachers", f"{source.stem}-autograder.zip"),
        ):
            (out / folder).mkdir(parents=True, exist_ok=True)
            shutil.copy(made, out / folder / name)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", help="assignments to build, all if none is named"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="0 for the published numbers"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    found = sources()
    for name in arguments.names or found:
        build(found[name], arguments.out, arguments.seed)
        print(f"{name}: built with seed {arguments.seed}", flush=True)
    handout.write_package(arguments.out / "students")


if __name__ == "__main__":
    main()
