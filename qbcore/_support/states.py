"""States and operators as arrays: read from numpy, scipy or QuTiP, and checked.

Every function that takes a state should take it through `checked_states`: one set of
tolerances, and one sentence for each defect.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qbcore._support.checks import as_numbers, require
from qbcore._support.types import ComplexArray, FloatArray

# A defect of norm, Hermiticity or positivity that passes as rounding.
TOLERANCE = 1e-6
# A defect of norm or positivity that solvers leave at their default tolerances: it is
# repaired, with a warning.
REPAIRABLE = 1e-3


def checked_states(
    name: str,
    states: Any,
    dimension: int | None = None,
    *,
    space: list[int] | None = None,
    single: bool = False,
) -> ComplexArray:
    """Return one or many states as an array, or raise a ValueError that names them.

    Parameters
    ----------
    name : str
        Name of the argument, for the message.
    states : array_like, Qobj, sparse array, run of a solver, or a list of those
        Kets of shape (d,), (d, 1) or (..., d, 1), or density matrices (..., d, d).
        A list may mix both; its kets become density matrices.
    dimension : int, optional
        d, the number of levels.
    space : list of int, optional
        Dimensions of the subsystems, which the ``dims[0]`` of a Qobj must equal.
    single : bool
        Refuse more than one state.

    Returns
    -------
    (..., d, 1) array for kets, (..., d, d) array for density matrices
        Finite, Hermitian, normalised and positive within `TOLERANCE`. A norm or a
        lowest eigenvalue off by up to `REPAIRABLE` is repaired with a warning.
    """
    array = normalised_states(name, states, dimension, space)
    require(not single or array.ndim == 2, name, "be one state", array.shape)
    return positive_states(name, array).astype(complex)


def are_kets(array: NDArray[Any]) -> bool:
    """Tell kets (..., d, 1) from density matrices (..., d, d)."""
    return array.shape[-1] == 1


def read(name: str, value: Any) -> tuple[NDArray[Any], list[int] | None]:
    """Return real or complex numbers, and the space of a QuTiP object."""
    if hasattr(value, "isconstant"):  # a QobjEvo
        require(value.isconstant, name, "not depend on time", type(value))
        value = value(0)
    if hasattr(value, "states"):  # a run of a solver, or a `Charging`
        must = "have kept its states (`store_states` of QuTiP, `states=True` here)"
        kept = value.states is not None and len(value.states) > 0
        require(kept, name, must, type(value))
        value = value.states
    if hasattr(value, "isket"):  # a Qobj
        rows, columns = value.dims
        fits = value.isket or (value.isoper and rows == columns)
        must = "be a ket or an operator on one space"
        require(fits, name, must, (value.type, value.dims))
        return _numbers(name, value.full()), rows
    if hasattr(value, "toarray"):  # a sparse array
        value = value.toarray()
    listed = isinstance(value, list | tuple) or (
        isinstance(value, np.ndarray) and value.dtype == object and value.ndim > 0
    )
    if listed and not all(map(np.isscalar, value)):
        return _stacked(name, [read(name, each) for each in value])
    return _numbers(name, value), None


def _numbers(name: str, value: Any) -> NDArray[Any]:
    """Return a real array where that loses nothing, for real algebra is faster."""
    require(np.asarray(value).dtype.kind in "iufcO", name, "hold numbers", value)
    array = as_numbers(name, value, "hold numbers")
    numbers = array if array.imag.any() else array.real.copy()
    largest = float(np.abs(numbers).max(initial=0.0))
    require(largest < math.inf, name, "hold finite numbers only", largest)
    return numbers


def _stacked(
    name: str, parts: list[tuple[NDArray[Any], list[int] | None]]
) -> tuple[NDArray[Any], list[int] | None]:
    """Join the entries of a list; kets beside density matrices become such."""
    arrays = [array for array, _ in parts]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        matrix = [array.ndim > 1 and not are_kets(array) for array in arrays]
        arrays = [
            array if known else np.outer(array, array.conj())
            for array, known in zip(arrays, matrix, strict=True)
        ]
    alike = len({array.shape for array in arrays}) == 1
    require(alike, name, "hold entries of one shape", shapes)
    spaces = [space for _, space in parts if space is not None]
    alike = all(space == spaces[0] for space in spaces)
    require(alike, name, "hold states on one space", spaces)
    return np.stack(arrays), spaces[0] if spaces else None


def require_hermitian(name: str, array: NDArray[Any], allowed: float) -> None:
    """Refuse matrices (..., d, d) that differ from their adjoints."""
    defect = float(np.abs(array - array.conj().swapaxes(-1, -2)).max(initial=0.0))
    must = f"be Hermitian: max|A - A^+| must be at most {allowed:.3g}"
    require(defect <= allowed, name, must, _rounded(defect))


def normalised_states(
    name: str, states: Any, dimension: int | None, space: list[int] | None
) -> NDArray[Any]:
    """Return states of norm 1, density matrices among them Hermitian."""
    array, own = read(name, states)
    array = array[:, None] if array.ndim == 1 else array
    d = dimension or (array.shape[-2] if array.ndim > 1 else 1)
    fits = array.ndim > 1 and array.shape[-2] == d and array.shape[-1] in (1, d)
    must = f"have shape (..., {d}, 1) for kets or (..., {d}, {d}) for density matrices"
    require(fits and d > 0, name, must, array.shape)
    alike = own is None or space is None or own == space
    require(alike, name, f"be on the space {space}", own)
    if are_kets(array):
        norm = (np.abs(array) ** 2).sum(axis=(-2, -1))
    else:
        require_hermitian(name, array, TOLERANCE)
        norm = np.trace(array, axis1=-2, axis2=-1).real
    lost = np.abs(norm - 1)
    worst = float(lost.max(initial=0.0))
    if _sound(name, "be normalised", "|norm - 1|", worst):
        return array
    norm = np.where(lost > TOLERANCE, norm, 1.0)[..., None, None]
    return array / (np.sqrt(norm) if are_kets(array) else norm)


def positive_states(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return density matrices without negative eigenvalues; kets are returned as is."""
    if are_kets(array):
        return array
    try:
        # A sixth of the work of a matrix product, where eigenvalues take many.
        np.linalg.cholesky(array + TOLERANCE * np.eye(array.shape[-1]))
    except np.linalg.LinAlgError:
        return with_spectrum(name, array)[0]
    return array


def with_spectrum(name: str, array: NDArray[Any]) -> tuple[NDArray[Any], FloatArray]:
    """Return positive states and their eigenvalues (..., d) in descending order."""
    if are_kets(array):
        return array, np.broadcast_to(np.eye(array.shape[-2])[0], array.shape[:-1])
    rising = np.linalg.eigvalsh(array)
    lowest = float(rising.min(initial=0.0))
    must = "have no negative eigenvalue"
    if not _sound(name, must, "the lowest eigenvalue", lowest):
        bad = rising[..., 0] < -TOLERANCE
        values, vectors = np.linalg.eigh(array[bad])
        values = np.maximum(values, 0.0)
        values = values / values.sum(axis=-1, keepdims=True)
        array = array.copy()
        array[bad] = (vectors * values[:, None, :]) @ vectors.conj().swapaxes(-1, -2)
        rising[bad] = values
    return array, rising[..., ::-1]


def _sound(name: str, must: str, measure: str, defect: float) -> bool:
    """Tell whether a defect is rounding; warn if it can be repaired, else refuse it."""
    bound = f"at least {-REPAIRABLE:g}" if defect < 0 else f"at most {REPAIRABLE:g}"
    allowed = f"{must}: {measure} must be {bound}"
    require(abs(defect) <= REPAIRABLE, name, allowed, _rounded(defect))
    if abs(defect) <= TOLERANCE:
        return True
    message = (
        f"`{name}` must {must}, but {measure} is {defect:.3g}. This was repaired; for "
        "exact states give the solver a smaller `rtol` and `atol`, for instance "
        "options={'rtol': 1e-8, 'atol': 1e-10}."
    )
    warnings.warn(message, stacklevel=5)
    return False


def _rounded(number: float) -> float:
    """Three digits, with which a message reads better."""
    return float(f"{number:.3g}")
