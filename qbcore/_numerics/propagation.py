"""Linear equations with a constant generator, x' = G x, at many times."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import expm
from scipy.sparse import issparse
from scipy.sparse.linalg import expm_multiply

from qbcore._support.progress import progress
from qbcore._support.types import FloatArray

SMALL = 100  # unknowns up to which whole matrix exponentials are cheap


def propagate(generator: Any, start: FloatArray, times: FloatArray) -> FloatArray:
    """exp(G t) start at increasing times (T,) from 0 on, shape (T, d); G is dense or sparse (d, d).

    A small G is exponentiated once for each distinct time step, a large sparse one only acts on
    vectors. Stable or not, defective or not, nothing is diagonalised.
    """
    steps = np.diff(times, prepend=0.0)
    # Steps that differ only by rounding (1e-12 of the longest) are one.
    _, first, which = np.unique(np.round(steps / steps.max(), 12), return_index=True, return_inverse=True)
    if issparse(generator) and start.size > SMALL:
        act = partial(expm_multiply, traceA=generator.trace())
        moves = [partial(act, generator * step) for step in steps[first]]
    else:
        dense = generator.toarray() if issparse(generator) else generator
        moves = [propagator.__matmul__ for propagator in expm(steps[first, None, None] * dense)]
    path, x = np.empty((len(times), start.size)), start
    for k, step in enumerate(progress(which, "time steps", which.size)):
        x = path[k] = moves[step](x)
    return path
