"""Linear equations with a constant generator, x' = G x, at many times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.linalg import expm
from scipy.sparse.linalg import expm_multiply

from qbcore._support.progress import progress
from qbcore._support.types import FloatArray, Numbers

# Seconds, roughly: a product of dense matrices over n^3; a sparse one, and what each
# of its entries adds.
DENSE_PRODUCT, SPARSE_PRODUCT, SPARSE_ENTRY = 5e-11, 2e-5, 2e-9


def propagate(
    generator: sparse.sparray | Numbers, start: Numbers, times: FloatArray
) -> Numbers:
    """exp(G t) start at increasing times (T,), shape (T, d), real or complex.

    The start is the state at t = 0, and the times need not begin there. G is dense or
    sparse (d, d). For each distinct time step G is exponentiated once, or acts on
    vectors only where that takes fewer operations. Stable or not, defective or not,
    nothing is diagonalised.
    """
    generator = sparse.csr_array(generator)
    steps = np.diff(times, prepend=0.0)
    # Steps that agree to twelve digits are one: a uniform grid rounds them differently.
    digits, powers = np.frexp(steps)
    rounded = np.ldexp(np.round(digits, 12), powers)
    _, first, which = np.unique(rounded, return_index=True, return_inverse=True)
    distinct = steps[first]
    norm = abs(generator).sum(axis=0).max()  # scipy 1.14 has none of sparse arrays
    each = zip(distinct, distinct * norm, np.bincount(which), strict=True)
    moves = [_move(generator, *needs) for needs in each]
    kind = np.result_type(generator.dtype, np.asarray(start).dtype)
    path, x = np.empty((len(times), len(start)), dtype=kind), start
    for k, step in enumerate(progress(which, "time steps", which.size)):
        x = path[k] = moves[step](x)
    return path


def _move(
    generator: sparse.csr_array, step: float, reach: float, uses: int
) -> Callable[[Numbers], Numbers]:
    """The exponential of one step, whole where that is cheaper than its actions.

    ``reach`` is the 1-norm of the generator times the step.
    """
    products = 6 + np.log2(1 + reach)
    products *= 4 if np.iscomplexobj(generator) else 1
    whole = products * generator.shape[0] ** 3 * DENSE_PRODUCT
    product = SPARSE_PRODUCT + SPARSE_ENTRY * generator.nnz
    if whole < uses * (50 + 2 * reach) * product:
        return expm(step * generator.toarray()).__matmul__
    trace = step * generator.trace()
    return lambda x: expm_multiply(step * generator, x, traceA=trace)
