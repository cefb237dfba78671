"""All side-by-side timings in one run: ``make bench``."""

from __future__ import annotations

import importlib
import pkgutil

import benchmarks
from benchmarks.side_by_side import HEADER

if __name__ == "__main__":
    print(HEADER)
    for module in pkgutil.iter_modules(benchmarks.__path__):
        rows = getattr(importlib.import_module(f"benchmarks.{module.name}"), "rows", None)
        for row in rows() if rows else ():
            print(row, flush=True)
