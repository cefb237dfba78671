"""Build the handouts and the archives that grade them from the source notebooks.

    python homework/build.py [--seed 7] [--each students.txt] [--out _build/homework]
        [01-ergotropy ...]

In ``<out>/students`` lie the notebooks without solutions and hidden tests, in
``<out>/teachers`` the same notebooks with solutions, and for each an autograder archive
in otter-grader's format. A seed other than 0 gives a course its own numbers, and a
list of students gives each of them other numbers, see README.md.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
from pathlib import Path

import handout
import nbformat
from assignments import sources
from otter.assign import main as otter_assign
from parameters import choose, of_student, write_numbers

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "_build" / "homework"


def build(source: Path, out: Path, seed: int | str) -> None:
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


def build_each(
    names: list[str], out: Path, seed: int | str, students: list[str]
) -> None:
    """Build all assignments for each student, each with other numbers.

    Each has a folder, and `seeds.csv` tells the teacher whose it is.
    """
    seeds = {student: of_student(seed, student) for student in students}
    if len(set(seeds.values())) < len(students):
        raise ValueError("Argument `students` must name each student once.")
    out.mkdir(parents=True, exist_ok=True)
    with (out / "seeds.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("student", "seed"), *seeds.items()])
    for own in seeds.values():
        for name in names:
            build(sources()[name], out / own, own)
        for archive in (out / own / "teachers").glob("*-autograder.zip"):
            (out / "teachers").mkdir(exist_ok=True)
            archive.replace(out / "teachers" / f"{own}-{archive.name}")
        print(f"seed {own}: built", flush=True)
    handout.write_package(out / "students")


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", help="assignments to build, all if none is named"
    )
    parser.add_argument("--seed", default="0", help="0 for the published numbers")
    parser.add_argument(
        "--each", type=Path, help="a file with one student per line: own numbers"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    names = arguments.names or list(sources())
    if arguments.each:
        lines = arguments.each.read_text(encoding="utf-8-sig").splitlines()
        students = [line.strip() for line in lines if line.strip()]
        build_each(names, arguments.out, arguments.seed, students)
        return
    for name in names:
        build(sources()[name], arguments.out, arguments.seed)
        print(f"{name}: built with seed {arguments.seed}", flush=True)
    handout.write_package(arguments.out / "students")


if __name__ == "__main__":
    main()
