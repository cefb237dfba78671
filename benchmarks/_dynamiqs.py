"""Run by the Python of ``.venv/peers``: solves what comes in by lines of JSON.

A line is [folder, rtol, v0, T]; the answer has the means at all times, the processor
seconds of the solver, and by how many megabytes this process has grown.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import dynamiqs as dq
import jax.numpy as jnp
import numpy as np
from scipy import sparse

dq.set_precision("double")
START = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def operator(path: str) -> dq.QArray:
    """A sparse matrix, by its diagonals as dynamiqs keeps them."""
    matrix = sparse.load_npz(path).todia().astype(complex)
    return dq.sparsedia_from_dict({int(k): matrix.diagonal(k) for k in matrix.offsets})


def hamiltonian(folder: str, v0: float, span: float) -> Any:
    """H, with a drive v0 sin^2(pi t/T) where one is given."""
    h = operator(f"{folder}/h.npz")
    if not Path(f"{folder}/driven.npz").exists():
        return h
    driven = operator(f"{folder}/driven.npz")
    return dq.constant(h) + dq.modulated(
        lambda t: v0 * jnp.sin(jnp.pi * t / span) ** 2, driven
    )


# A new function would be compiled again, and that is not what is measured.
known: dict[Any, Any] = {}
for line in sys.stdin:
    folder, rtol, v0, span = json.loads(line)
    given = np.load(f"{folder}/given.npz")
    problem = given["stored"].size, v0, span
    if problem not in known:
        known[problem] = hamiltonian(folder, v0, span)
    h = known[problem]
    size = given["stored"].size
    stored = dq.sparsedia_from_dict({0: given["stored"].astype(complex)})
    start = dq.asqarray(given["start"].reshape(size, 1).astype(complex))
    method = dq.method.Dopri8(rtol=rtol, atol=rtol / 100, max_steps=10**6)
    quiet = {"save_states": False, "progress_meter": False}
    began = time.process_time()
    found = dq.sesolve(
        h, start, jnp.array(given["times"]), exp_ops=[stored], method=method, **quiet
    )
    answer = np.asarray(found.expects[0].real)
    spent = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - START) * 1024 / 1e6
    told = {"answer": answer.tolist(), "seconds": spent, "megabytes": grown}
    print(json.dumps(told), flush=True)
