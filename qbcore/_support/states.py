"""States and operators as arrays: read from numpy, scipy or QuTiP, and checked.

Every function that takes a state should take it through `checked_states`: one set of
tolerances, and one sentence for each defect.
"""

from __future__ import annotations

import warnings
from typing import Any, TypeAlias

import numpy as np
from scipy.linalg import ishermitian

from qbcore._support.checks import numbers, require
from qbcore._support.types import ComplexArray, FloatArray, Numbers, States

# Dimensions of the subsystems, where they are known.
Space: TypeAlias = list[int] | None
Read: TypeAlias = tuple[Numbers, Space]

# A defect of norm, Hermiticity or positivity that passes as rounding.
TOLERANCE = 1e-6
# A defect of norm or positivity that solvers leave at their default tolerances: it is
# repaired, with a warning.
REPAIRABLE = 1e-3
OPERATOR_TOLERANCE = 1e-9  # a Hermitian defect, relative to the largest entry


def checked_states(
    name: str,
    states: States,
    dimension: int | None = None,
    *,
    space: Space = None,
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


def are_kets(array: Numbers) -> bool:
    """Tell kets (..., d, 1) from density matrices (..., d, d)."""
    return array.shape[-1] == 1


def read(name: str, value: Any) -> Read:
    """Return finite numbers, and the space of a QuTiP object."""
    if hasattr(value, "isconstant"):  # a QobjEvo
        require(value.isconstant, name, "be constant (call it at one time)", value)
        value = value(0)
    if hasattr(value, "states"):  # a run of a solver, or a `Charging`
        kept = value.states is not None and len(value.states) > 0
        must = "have kept its states (`store_states` of QuTiP, `states=True` here)"
        require(kept, name, must, type(value))
        value = value.states
    if hasattr(value, "isket"):  # a Qobj
        rows, columns = value.dims
        fits = value.isket or (value.isoper and rows == columns)
        must = "be a ket or an operator on one space"
        require(fits, name, must, (value.type, value.dims))
        return _numbers(name, value.full()), rows
    # Two moments of a `GaussianState` could pass for a list of two kets.
    must = "hold no moments: use `qbcore.gaussian`, or its `fock_state` first"
    require(not hasattr(value, "covariance"), name, must, type(value))
    if isinstance(value, list | tuple) and not all(map(np.isscalar, value)):
        return _stacked(name, [read(name, each) for each in value])
    value = value.toarray() if hasattr(value, "toarray") else value  # of scipy.sparse
    return _numbers(name, value), None


def _numbers(name: str, value: object) -> Numbers:
    """Return a real array where that loses nothing, for real algebra is faster."""
    array: Numbers = numbers(name, value, dtype=complex)
    array = array if array.imag.any() else array.real.copy()
    size = largest(array)
    require(size < np.inf, name, "be finite", size)
    return array


def _stacked(name: str, parts: list[Read]) -> Read:
    """Join the entries of a list; kets beside density matrices become such."""
    arrays, spaces = zip(*parts, strict=True)
    shapes = [array.shape for array in arrays]
    if len(set(shapes)) > 1:
        columns = [a.reshape(-1, 1) if a.ndim < 2 else a for a in arrays]
        arrays = tuple(map(density_matrices, columns))
    alike = len({array.shape for array in arrays}) == 1
    require(alike, name, "hold entries of one shape", shapes)
    known = [space for space in spaces if space is not None]
    require(known[1:] == known[:-1], name, "hold states on one space", known)
    return np.stack(arrays), next(iter(known), None)


def density_matrices(array: Numbers) -> Numbers:
    """Density matrices of kets, or of such."""
    return array @ adjoint(array) if are_kets(array) else array


def adjoint(array: Numbers) -> Numbers:
    """The conjugate transposes of matrices (..., m, n)."""
    return array.conj().swapaxes(-1, -2)


def largest(array: Numbers) -> float:
    """Modulus of the largest entry, 0 of none."""
    return float(np.abs(array).max(initial=0.0))


def require_space(name: str, own: Space, space: Space) -> None:
    """Refuse a QuTiP object on other subsystems than those of ``space``."""
    alike = own is None or space is None or own == space
    require(alike, name, f"be on the space {space}", own)


def _require_hermitian(name: str, array: Numbers, allowed: float) -> None:
    """Refuse matrices (..., d, d) that differ from their adjoints."""
    defect = largest(array - adjoint(array))
    must = f"be Hermitian: max|A - A^+| must be at most {allowed:.3g}"
    require(defect <= allowed, name, must, float(f"{defect:.3g}"))


def hermitian(name: str, operator: States, *, single: bool = False) -> Read:
    """Return Hermitian matrices (..., d, d), and the space on which they act."""
    array, space = read(name, operator)
    square = array.ndim > 1 and array.shape[-1] == array.shape[-2] and array.size > 0
    square = square and (array.ndim == 2 or not single)
    require(square, name, "be a square matrix", array.shape)
    for each in array.reshape(-1, *array.shape[-2:]):
        # What is Hermitian to the last bit is known in a third of the time.
        if not ishermitian(each):
            allowed = OPERATOR_TOLERANCE * largest(each)
            _require_hermitian(name, each, allowed)
    return array, space


def normalised_states(
    name: str, states: States, dimension: int | None = None, space: Space = None
) -> Numbers:
    """Return states of norm 1, density matrices among them Hermitian."""
    array, own = read(name, states)
    array = array[:, None] if array.ndim == 1 else array
    d = dimension or (array.shape[-2] if array.ndim > 1 else 1)
    fits = array.ndim > 1 and array.shape[-2] == d and array.shape[-1] in (1, d)
    must = f"have shape (..., {d}, 1) for kets or (..., {d}, {d}) for density matrices"
    require(fits and d > 0, name, must, array.shape)
    require_space(name, own, space)
    if are_kets(array):
        unit = np.linalg.norm(array, axis=(-2, -1), keepdims=True)
        norm = unit**2
    else:
        _require_hermitian(name, array, TOLERANCE)
        norm = unit = np.trace(array, axis1=-2, axis2=-1).real[..., None, None]
    must = f"be normalised: |norm - 1| must be at most {TOLERANCE:g}"
    return array if _passes(name, must, largest(norm - 1)) else array / unit


def positive_states(name: str, array: Numbers) -> Numbers:
    """Return density matrices without negative eigenvalues; kets have none."""
    fine = are_kets(array) or are_positive(array + TOLERANCE * np.eye(array.shape[-1]))
    return array if fine else with_spectrum(name, array)[0]


def are_positive(array: Numbers) -> bool:
    """Whether Hermitian matrices are, in a tenth of the time that eigenvalues take."""
    try:
        np.linalg.cholesky(array)
    except np.linalg.LinAlgError:
        return False
    return True


def with_spectrum(name: str, array: Numbers) -> tuple[Numbers, FloatArray]:
    """Return positive states and their eigenvalues (..., d), falling."""
    if are_kets(array):
        pure = np.arange(array.shape[-2]) == 0
        return array, np.broadcast_to(pure.astype(float), array.shape[:-1])
    rising = np.linalg.eigvalsh(array)
    lowest = float(rising.min(initial=0.0))
    must = f"have no negative eigenvalue: the lowest must be at least {-TOLERANCE:g}"
    if not _passes(name, must, lowest):
        rising, basis = np.linalg.eigh(array)
        rising = np.maximum(rising, 0.0)
        rising = rising / rising.sum(axis=-1, keepdims=True)
        array = (basis * rising[..., None, :]) @ adjoint(basis)
    return array, rising[..., ::-1]


def _passes(name: str, must: str, defect: float) -> bool:
    """Tell whether a defect is rounding; warn of what is repaired, refuse the rest."""
    require(abs(defect) <= REPAIRABLE, name, must, float(f"{defect:.3g}"))
    if abs(defect) <= TOLERANCE:
        return True
    found = f"Argument `{name}` must {must}, but is {defect:.3g}: it was repaired. "
    way_out = "For exact states give the solver smaller `rtol` and `atol`, as in "
    example = "options={'rtol': 1e-8, 'atol': 1e-10}."
    warnings.warn(found + way_out + example, stacklevel=5)
    return False
