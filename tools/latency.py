"""Time the live sliders: run every notebook that has one, and move each.

A move is timed inside the kernel, by the clock and in processor time, from the new
value to the new picture: computation, drawing, packing and sending. Prints medians and
writes ``book/reference/data/latency.json`` for the performance page.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import nbformat
from notebooks import BOOK, all_notebooks, client_of

STORED = BOOK / "reference" / "data" / "latency.json"
MOVES = 9  # of each slider
# Runs in the chapter's kernel, after its last cell.
PROBE = f"""
import gc, json, statistics, time
from qbook.sliders import Explorer

def _move(slider, index):
    wall, own = time.perf_counter(), time.process_time()
    slider.index = index
    return time.perf_counter() - wall, time.process_time() - own

def _moves(slider):
    middle, count = slider.index, len(slider.options)
    steps = [k * (count - 1) // {MOVES} for k in range({MOVES} + 1)]
    taken = [_move(slider, k) for k in steps if k != slider.index]
    slider.index = middle
    wall, own = (statistics.median(column) for column in zip(*taken))
    times = {{"wall": round(1e3 * wall), "processor": round(1e3 * own)}}
    return {{"slider": slider.description, **times}}

_explorers = [w for w in gc.get_objects() if isinstance(w, Explorer)]
_live = [w for w in _explorers if "explorer-live" in w._dom_classes]
_live.sort(key=lambda w: w.sliders[0].description)
print(json.dumps([[_moves(slider) for slider in w.sliders] for w in _live]))
"""


def live_cells(path: Path) -> int:
    """Number of cells that make a live figure."""
    cells = nbformat.read(path, as_version=4).cells
    return sum("live=True" in cell.source for cell in cells if cell.cell_type == "code")


def latency(path: Path) -> list[list[dict[str, Any]]]:
    """Of each live figure of a notebook, the milliseconds that its sliders take."""
    client = client_of(path)
    client.nb.cells.append(nbformat.v4.new_code_cell(PROBE))
    client.execute()
    found: list[list[dict[str, Any]]] = json.loads(client.nb.cells[-1].outputs[-1].text)
    if len(found) != live_cells(path):
        raise RuntimeError(
            f"{path.name} has {live_cells(path)} live figures, "
            f"but {len(found)} were found."
        )
    return found


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    moves = [
        {"chapter": str(path.relative_to(BOOK).with_suffix("")), **slider}
        for path in all_notebooks()
        if live_cells(path)
        for figure in latency(path)
        for slider in figure
    ]
    for move in moves:
        print(
            f"{move['wall']:5d} ms, processor {move['processor']:5d} ms  "
            f"{move['chapter']}: {move['slider']}"
        )
    STORED.write_text(
        json.dumps(moves, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
