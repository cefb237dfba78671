"""Linear equations with a constant generator, x' = G x, at many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import expm
from scipy.sparse import issparse
from scipy.sparse.linalg import expm_multiply

from qbcore._support.progress import progress
from qbcore._support.types import FloatArray

SMALL = 100  # unknowns up to which whole matrix exponentials are cheap
# Seconds, roughly: a product of dense matrices over n^3; a sparse one, and what each
# of its entries adds.
DENSE_PRODUCT, SPARSE_PRODUCT, SPARSE_ENTRY = 5e-11, 2e-5, 2e-9


def propagate(generator: Any, start: Any, times: FloatArray) -> Any:
    """exp(G t) start at increasing times (T,) from 0 on, shape (T, d), real or complex.

    G is dense or sparse (d, d). A small G is exponentiated once for each distinct time
    step, a large sparse one acts on vectors only, unless a step is so long that this
    takes more products. Stable or not, defective or not, nothing is diagonalised.
    """
    steps = np.diff(times, prepend=0.0)
    # Steps that agree to twelve digits are one: a uniform grid rounds them differently.
    scale = 10.0 ** np.floor(np.log10(np.where(steps > 0, steps, 1.0)))
    rounded = np.round(steps / scale, 11) * scale
    _, first, which = np.unique(rounded, return_index=True, return_inverse=True)
    moves = _moves(generator, steps[first], np.bincount(which))
    kind = np.result_type(generator.dtype, np.asarray(start).dtype)
    path, x = np.empty((len(times), len(start)), dtype=kind), start
    for k, step in enumerate(progress(which, "time steps", which.size)):
        x = path[k] = moves[step](x)
    return path


def _moves(generator: Any, steps: FloatArray, uses: Any) -> list[Callable[[Any], Any]]:
    """For each distinct step, what takes a vector that far."""
    if issparse(generator) and generator.shape[0] > SMALL:
        return [_move(generator, *each) for each in zip(steps, uses, strict=True)]
    dense = generator.toarray() if issparse(generator) else generator
    return [propagator.__matmul__ for propagator in expm(steps[:, None, None] * dense)]


def _move(generator: Any, step: float, uses: int) -> Callable[[Any], Any]:
    """The exponential of one step, whole where that is cheaper than its actions."""
    # scipy 1.14 has no norm of sparse arrays.
    reach = step * float(abs(generator).sum(axis=0).max())
    products = 6 + np.log2(1 + reach)
    products *= 4 if np.iscomplexobj(generator) else 1
    whole = products * generator.shape[0] ** 3 * DENSE_PRODUCT
    product = SPARSE_PRODUCT + SPARSE_ENTRY * generator.nnz
    if whole < uses * (50 + 2 * reach) * product:
        return expm(step * generator.toarray()).__matmul__
    trace = step * generator.trace()
    return lambda x: expm_multiply(step * generator, x, traceA=trace)
