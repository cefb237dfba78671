"""Names of types: arrays, what a user may give, and what a metric returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import qutip
    from scipy import sparse

    from qbcore._support.results import Result

FloatArray: TypeAlias = NDArray[np.float64]
ComplexArray: TypeAlias = NDArray[np.complex128]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[Any]  # real or complex

# A number for one state, an array for many.
FloatOrArray: TypeAlias = float | FloatArray
ComplexOrArray: TypeAlias = complex | ComplexArray


Operator: TypeAlias = "ArrayLike | sparse.sparray | qutip.Qobj"
# Or a run that kept its states.
States: TypeAlias = "Operator | Sequence[Operator] | Result | qutip.solver.Result"
