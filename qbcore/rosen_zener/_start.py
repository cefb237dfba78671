"""What a Rosen-Zener battery may start from, as a mixture of kets.

A unitary dynamics keeps the spectrum of the start, so a density matrix evolves as the
kets of its spectral decomposition, and every expectation value is a weighted sum.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qbcore._support.checks import require
from qbcore._support.states import REPAIRABLE, are_kets, checked_states, read
from qbcore._support.types import ComplexArray, FloatArray


class Mixture(NamedTuple):
    """Kets (K, N + 1) and their weights (K,); ``pure`` if one ket was given."""

    weights: FloatArray
    kets: ComplexArray
    pure: bool

    def states(self, kets: ComplexArray) -> ComplexArray:
        """Kets (S, N + 1, 1) or, if mixed, matrices at S times; from (K, S, N + 1)."""
        if self.pure:
            return kets[0, :, :, None]
        columns = np.moveaxis(kets, 0, -1)
        return (columns * self.weights) @ columns.conj().swapaxes(1, 2)


def mixture(start: Any, atoms: int) -> Mixture:
    """Return the start as a mixture, or raise a ValueError that names ``start``."""
    size = atoms + 1
    if start is None:
        empty = np.eye(1, size, atoms, dtype=complex)
        return Mixture(np.ones(1), empty, pure=True)
    given, _ = read("start", start)
    if given.shape == (size,):
        must = (
            "hold real probabilities, whose sum is 1; amplitudes are a ket, of shape "
            f"{(size, 1)}"
        )
        likely = np.isrealobj(given) and abs(given.sum() - 1) <= REPAIRABLE
        require(likely, "start", must, given)
        start = np.diag(given)
    state = checked_states("start", start, size, space=[size], single=True)
    if are_kets(state):
        return Mixture(np.ones(1), state.T / np.linalg.norm(state), pure=True)
    weights, columns = np.linalg.eigh(state)
    # What rounding has left of the eigenvalue 0 is not worth a run.
    kept = weights > size * np.finfo(float).eps
    weights = weights[kept] / weights[kept].sum()
    return Mixture(weights, columns.T[kept], pure=False)
