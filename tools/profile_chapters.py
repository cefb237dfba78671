"""Profile the chapters: run those of the papers and time every cell.

Then build the whole site from nothing, and time that. Prints tables and writes
``book/reference/data/profile.json`` for the performance page. Cells are timed in
processor seconds of the kernel, which other work on the machine disturbs least; all
else by the clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from nbclient import NotebookClient
from notebooks import BOOK, client_of

STORED = BOOK / "reference" / "data" / "profile.json"
SHOWN = 5  # slowest cells of a chapter


def profile(path: Path) -> dict[str, Any]:
    """Processor seconds of a chapter, kernel start included, and of its worst cells."""
    client, clocks = client_of(path), [0.0]
    client.on_cell_executed = lambda **_: clocks.append(spent(client))
    client.execute()
    cells = [
        cell.source
        for cell in client.nb.cells
        if cell.cell_type == "code" and cell.source.strip()
    ]
    taken = [after - before for before, after in pairwise(clocks)]
    slowest = sorted(zip(taken, cells, strict=True), reverse=True)[:SHOWN]
    return {
        "chapter": str(path.relative_to(BOOK).with_suffix("")),
        "seconds": round(clocks[-1], 1),
        "slowest": [
            {"seconds": round(each, 1), "cell": label(source)}
            for each, source in slowest
        ],
    }


def spent(client: NotebookClient) -> float:
    """Processor seconds of its kernel so far."""
    assert client.km is not None
    assert isinstance(client.km.provisioner, LocalProvisioner)
    used = psutil.Process(client.km.provisioner.pid).cpu_times()
    return used.user + used.system


def label(source: str) -> str:
    """The mark of a cell: the slider it makes, or its first line after the imports."""
    lines = [" ".join(line.split()) for line in source.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("import ", "from ", "#"))]
    explores = source.partition("explore(")[2].split()
    name = f"explore({explores[0].split(',')[0]}, ...)" if explores else telling[0]
    return name if len(telling) == len(lines) else f"imports, and {name}"


def build() -> float:
    """Seconds that `make site` takes; it throws away what was built before."""
    start = time.perf_counter()
    subprocess.run(["make", "site"], cwd=BOOK.parent, check=True)
    return round(time.perf_counter() - start, 1)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    start = time.perf_counter()
    with ProcessPoolExecutor(max_workers=2) as pool:
        chapters = list(pool.map(profile, sorted((BOOK / "papers").glob("*.ipynb"))))
    together = round(time.perf_counter() - start, 1)
    for chapter in chapters:
        print(f"{chapter['seconds']:6.1f} s  {chapter['chapter']}")
        for cell in chapter["slowest"]:
            print(f"      {cell['seconds']:6.1f} s  {cell['cell']}")
    print(f"{together:6.1f} s  together by the clock, two at a time")
    site = build()
    print(f"{site:6.1f} s  the whole site from nothing, by the clock")
    found = {"together": together, "site": site, "chapters": chapters}
    STORED.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
