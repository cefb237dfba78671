"""Compute every number of the ledger again at twice the resolution.

    python tools/refine.py [notebook ...]      (all under book/ if none is named)

Grids, samplings, steps and cutoffs of the chapters come from ``qbook.resolution``,
which makes them twice as fine here. The end is 1 where a cell fails, and where a number
of the ledger moves by more than half of its tolerance: a first-order error that halves
with the grid has as much again still before it. Otherwise ``book/refined.json`` keeps
how far each number moved, for its verdict box. The notebooks stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from notebooks import all_notebooks, client_of

from qbook import claims, resolution

SHARE = 0.5  # of the tolerance: what is left of a first-order error after one doubling
Numbers = dict[str, dict[str, float]]


def execute(notebook: Path, fineness: int) -> tuple[Numbers, list[str]]:
    """The numbers of one notebook at this resolution, and the errors of its cells."""
    with TemporaryDirectory() as folder:
        record = Path(folder) / "record.jsonl"
        os.environ |= {
            resolution.VARIABLE: str(fineness),
            claims.RECORD: str(record),
        }
        client = client_of(notebook)
        client.allow_errors = True
        client.timeout = 3600
        cells = client.execute().cells
        lines = record.read_text().splitlines() if record.exists() else []
    errors = [
        f"cell {number}: {output.ename}: {output.evalue}"
        for number, cell in enumerate(cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    return {line["id"]: line["computed"] for line in map(json.loads, lines)}, errors


def moves(written: Numbers, twice: Numbers) -> Numbers:
    """The distance that each number moves from one resolution to the other."""
    return {
        claim: {name: abs(twice[claim][name] - value) for name, value in found.items()}
        for claim, found in written.items()
        if claim in twice
    }


def grid_limited(moved: Numbers, ledger: Mapping[str, claims.Claim]) -> Iterator[str]:
    """Say which numbers move by more than their tolerance allows."""
    for claim, found in moved.items():
        for name, move in found.items():
            number = ledger[claim].computed[name]
            if move > SHARE * number.tolerance:
                yield (
                    f"{claim}: {name} = {number} moves by {move:.2g}, "
                    f"more than {SHARE:g} of its tolerance"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "notebooks", nargs="*", type=Path, help="all of the book if none is named"
    )
    named = [path.resolve() for path in parser.parse_args().notebooks]
    for path in named:
        if not path.is_file():
            parser.error(f"{path} is not a file")
    chosen = named or all_notebooks()
    os.environ["TQDM_DISABLE"] = "1"
    ledger = {claim.id: claim for claim in claims.load()}
    moved: Numbers = {}
    wrong: list[str] = []
    with ProcessPoolExecutor(max_workers=2) as pool:
        runs = pool.map(execute, *zip(*product(chosen, (1, 2)), strict=True))
        for notebook, written, twice in zip(chosen, runs, runs, strict=True):
            both = moves(written[0], twice[0])
            # A chapter may also check another ledger.
            found = {claim: both[claim] for claim in both if claim in ledger}
            faults = [*written[1], *twice[1], *grid_limited(found, ledger)]
            print(f"{notebook.name}: {len(found)} claims, {len(faults)} faults")
            for fault in faults:
                print(f"    {fault}", flush=True)
            moved |= found
            wrong += faults
    if wrong:
        sys.exit(f"{len(wrong)} faults at twice the resolution")
    if not moved:
        return
    store = claims.find_ledger().with_name(claims.REFINED)
    # Of the chapters that were not asked for, the errors found before stay.
    kept = named and store.is_file()
    known = json.loads(store.read_text(encoding="utf-8")) if kept else {}
    known |= {
        claim: {name: float(f"{move:.1e}") for name, move in found.items()}
        for claim, found in moved.items()
    }
    errors = {claim: known[claim] for claim in ledger if claim in known}
    store.write_text(json.dumps(errors, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
