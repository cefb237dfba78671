"""All benchmarks in one run: ``make bench``; ``make bench ACCEPT=1`` stores the result.

    python -m benchmarks [--accept] [model ...]       (all models if none is named)

Exit code 1, with the names, if a ratio fell by a factor of 3 against the stored one.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from benchmarks import cores
from benchmarks.results import STORED, WORSE, fallen, read, read_shared, write
from benchmarks.side_by_side import Row, measure

MODELS = ("rosen_zener", "dual_cavity", "star", "nonreciprocal")


def run(models: list[str]) -> list[Row]:
    """Measure and print every case of these models."""
    rows = []
    for model in models:
        for case in importlib.import_module(f"benchmarks.{model}").cases():
            rows.append(measure(case))
            print(rows[-1], flush=True)
    return rows


def main(arguments: list[str]) -> int:
    """Run, compare with the stored rows, store if told to or if nothing is stored."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--accept", action="store_true", help="store what was found")
    parser.add_argument("models", nargs="*", help=f"all of {', '.join(MODELS)} if none")
    told = parser.parse_args(arguments)
    accept, chosen = told.accept, told.models
    if unknown := sorted(set(chosen) - set(MODELS)):
        parser.error(f"no such model: {', '.join(unknown)}")
    rows = run(chosen or list(MODELS))
    shared = read_shared() if chosen else cores.measure()
    measured = {row.model for row in rows}
    before = read()
    complaints = fallen(
        rows, [row for row in before if not chosen or row.model in measured]
    )
    for complaint in complaints:
        print(f"{'accepted' if accept else 'SLOWER'}: {complaint}")
    if complaints and not accept:
        print(
            f"A ratio that falls by a factor of {WORSE:g} fails. "
            "If it is meant: make bench ACCEPT=1"
        )
        return 1
    if accept or not (before or chosen):
        kept = [row for row in before if chosen and row.model not in measured]
        write(kept + rows, shared)
        print(f"Stored in {STORED}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
