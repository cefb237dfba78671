"""Results of a run: rows, growth, the machine; and whether a ratio has fallen."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cores import Shared
from benchmarks.peers import PYTHON
from benchmarks.side_by_side import Row

STORED = (
    Path(__file__).resolve().parent.parent
    / "book"
    / "reference"
    / "data"
    / "performance.json"
)
WORSE = 3.0  # a ratio that has fallen by this factor fails the run


def fallen(rows: Sequence[Row], stored: Sequence[Row]) -> list[str]:
    """A message for every stored ratio that fell by a factor WORSE or is gone."""
    found = {row.name: row.ratio for row in rows}
    messages = []
    for row in stored:
        if row.name not in found:
            messages.append(f"{row.name}: stored, but not measured any more")
        elif row.ratio and (found[row.name] or 0.0) * WORSE <= row.ratio:
            messages.append(
                f"{row.name}: the ratio fell from {row.ratio:.3g} "
                f"to {found[row.name] or 0.0:.3g}"
            )
    return messages


def growth(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Exponents of time over size, for every route through three sizes or more.

    ``exponent`` is the least-squares slope of log time over log size; ``steps`` are the
    slopes between neighbouring sizes. A power law has steps that agree.
    """
    routes: dict[tuple[str, str, str, str], dict[int, float]] = {}
    for row in rows:
        here = (row.model, row.task, row.unit)
        routes.setdefault((*here, "qbcore"), {})[row.size] = row.our_time
        if row.their_time is not None:
            routes.setdefault((*here, row.rival), {})[row.size] = row.their_time
    for (model, task, unit, route), times in routes.items():
        if len(times) >= 3:
            size, taken = np.log(np.array(sorted(times.items()))).T
            exponent = float(np.polyfit(size, taken, 1)[0])
            steps = [float(s) for s in np.diff(taken) / np.diff(size)]
            yield {
                "model": model,
                "task": task,
                "unit": unit,
                "route": route,
                "sizes": sorted(times),
            } | {
                "exponent": round(exponent, 2),
                "steps": [round(s, 2) for s in steps],
            }


def environment() -> dict[str, str]:
    """Machine, versions and day."""
    cpus = Path("/proc/cpuinfo")
    named = (
        re.search(r"model name\s*: (.+)", cpus.read_text()) if cpus.exists() else None
    )
    packages = ("numpy", "scipy", "qutip", "qthermo", "qbcore")
    told = [
        str(PYTHON),
        "-c",
        "from importlib.metadata import version; print(version('dynamiqs'))",
    ]
    peer = "not installed"
    if PYTHON.exists():
        said = subprocess.run(told, capture_output=True, text=True, check=True)
        peer = said.stdout.strip()
    return {
        "dynamiqs": peer,
        "machine": f"{named[1] if named else platform.processor()}, "
        f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def read() -> list[Row]:
    """The stored rows; none before the first run."""
    if not STORED.exists():
        return []
    return [
        Row(**row) for row in json.loads(STORED.read_text(encoding="utf-8"))["rows"]
    ]


def read_shared() -> list[Shared]:
    """What is stored of the work that several cores share."""
    content = json.loads(STORED.read_text(encoding="utf-8"))
    return [Shared(**shared) for shared in content.get("cores", [])]


def write(rows: Sequence[Row], shared: Sequence[Shared]) -> None:
    """Store all for the page, and the rows for the next run's check."""
    content = {
        "environment": environment(),
        "rows": [asdict(r) for r in rows],
        "growth": list(growth(rows)),
        "cores": [asdict(s) for s in shared],
    }
    STORED.parent.mkdir(exist_ok=True)
    STORED.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
