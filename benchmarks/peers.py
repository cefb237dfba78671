"""A peer that lives in a separate environment, ``.venv/peers``: dynamiqs.

`dynamiqs` compiles a solver with JAX, which a reader of the book does not need. A
process of that environment is started once by each process that asks, and told the
problem in files. It reports the processor time and the memory of each call, which
`side_by_side` takes for the caller's own. What `qenvs` does with `dynamiqs` is in the
table of `field`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from benchmarks.side_by_side import ELSEWHERE, FloatArray

ROOT = Path(__file__).resolve().parent
PYTHON = ROOT.parent / ".venv" / "peers" / "bin" / "python"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


@lru_cache
def _peer() -> Any:
    if not PYTHON.exists():
        raise FileNotFoundError(f"{PYTHON} is missing: `make bench` installs it.")
    return subprocess.Popen(
        [PYTHON, ROOT / "_dynamiqs.py"],
        env=os.environ | ONE_THREAD,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def by_dynamiqs(
    h: Any,
    start: ArrayLike,
    stored: ArrayLike,
    times: FloatArray,
    rtol: float,
    *,
    driven: Any = None,
    pulse: tuple[float, float] = (0.0, 1.0),
) -> FloatArray:
    """Mean of the diagonal ``stored`` under H + v0 sin^2(pi t/T) V, at all times."""
    with tempfile.TemporaryDirectory() as folder:
        sparse.save_npz(f"{folder}/h.npz", sparse.csr_matrix(h))
        if driven is not None:
            sparse.save_npz(f"{folder}/driven.npz", sparse.csr_matrix(driven))
        np.savez(f"{folder}/given.npz", start=start, stored=stored, times=times)
        peer = _peer()
        peer.stdin.write(json.dumps([folder, rtol, *pulse]) + "\n")
        peer.stdin.flush()
        told = json.loads(peer.stdout.readline())
    ELSEWHERE["seconds"] += told["seconds"]
    ELSEWHERE["megabytes"] = told["megabytes"]
    return np.array(told["answer"])
