"""Names of types: arrays, what a user may give, and what a metric returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import qutip
    from scipy import sparse

FloatArray: TypeAlias = NDArray[np.float64]
ComplexArray: TypeAlias = NDArray[np.complex128]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[Any]  # real or complex

# A number for one state, an array for many.
FloatOrArray: TypeAlias = float | FloatArray
ComplexOrArray: TypeAlias = complex | ComplexArray


class HasStates(Protocol):
    """A run that kept its states: of QuTiP's solvers, or a `Charging`."""

    @property
    def states(self) -> Sequence[qutip.Qobj] | ComplexArray | None:
        """One per time."""


Operator: TypeAlias = "ArrayLike | sparse.sparray | qutip.Qobj"
States: TypeAlias = "Operator | Sequence[Operator] | HasStates"
