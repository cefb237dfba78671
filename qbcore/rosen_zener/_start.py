"""What a Rosen-Zener battery may start from, as a mixture of kets.

A unitary dynamics keeps the spectrum of the start, so a density matrix evolves as the
kets of its spectral decomposition, and every expectation value is a weighted sum.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qbcore._support.checks import as_numbers, require
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.metrics import TOLERANCE
from qbcore.rosen_zener._pulse import empty, mean_jy


class Seen(NamedTuple):
    """Populations (N + 1,), <Jy> and, if asked for, the state of a mixture."""

    populations: FloatArray
    jy: float
    state: ComplexArray | None


class Mixture(NamedTuple):
    """Kets, columns of (N + 1, K), and weights (K,); ``pure`` if a ket was given."""

    weights: FloatArray
    kets: ComplexArray
    pure: bool

    def observe(self, kets: ComplexArray, *, states: bool) -> Seen:
        """What there is to see of the mixture when its kets are these."""
        jy = float(mean_jy(kets) @ self.weights)
        return Seen(self.populations(kets), jy, self.state(kets) if states else None)

    def populations(self, kets: ComplexArray) -> FloatArray:
        """Probabilities (N + 1,) of the Dicke states when the kets are these."""
        return np.abs(kets) ** 2 @ self.weights

    def state(self, kets: ComplexArray) -> ComplexArray:
        """The ket (N + 1, 1) of a pure start, else the density matrix."""
        return kets if self.pure else (kets * self.weights) @ kets.conj().T

    @property
    def passive_energy(self) -> float:
        """Energy that no unitary extracts: falling weights upwards; unit Delta."""
        falling = np.sort(self.weights)[::-1]
        return float(falling @ np.arange(falling.size))


def mixture(start: Any, atoms: int) -> Mixture:
    """Return the start as a mixture, or raise a ValueError that names ``start``."""
    if start is None:
        return Mixture(np.ones(1), empty(atoms), pure=True)
    size = atoms + 1
    array = as_numbers("start", start, "be a state")
    shapes = [(size,), (size, 1), (size, size)]
    allowed = (
        f"be {size} probabilities of Dicke states, a ket of shape {(size, 1)} or a "
        f"density matrix of shape {(size, size)}, as an array or a QuTiP object"
    )
    require(array.shape in shapes, "start", allowed, start)
    require(bool(np.isfinite(array).all()), "start", "be finite", start)
    if array.shape == (size, 1):
        weights, kets = _of_ket(array)
    elif array.shape == (size,):
        require(not array.imag.any(), "start", "hold real probabilities", start)
        weights, kets = array.real, np.eye(size, dtype=complex)
    else:
        skew = float(np.abs(array - array.conj().T).max())
        require(skew <= TOLERANCE, "start", "be Hermitian", start)
        weights, kets = np.linalg.eigh(array)
    require(bool(weights.min() >= -TOLERANCE), "start", "not be negative", start)
    require(abs(weights.sum() - 1) <= TOLERANCE, "start", "have norm 1", start)
    # What rounding has left of the eigenvalue 0 is not worth a run.
    kept = weights > size * np.finfo(float).eps
    weights, kets = weights[kept], kets[:, kept]
    return Mixture(weights / weights.sum(), kets, pure=array.shape == (size, 1))


def _of_ket(ket: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    """Return the square of the norm, and the ket of norm 1."""
    norm = float(np.linalg.norm(ket))
    return np.array([norm**2]), ket / (norm or 1.0)
