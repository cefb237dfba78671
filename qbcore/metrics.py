"""Battery metrics: (state, Hamiltonian) -> number.

Conventions, for every function of this file
--------------------------------------------
* ``hamiltonian`` is the battery's own Hamiltonian H: a Hermitian (d, d) array or QuTiP operator.
* ``states`` is a ket or a density matrix, one or a whole time axis of them: a QuTiP object, a
  list of QuTiP objects, or an array. Kets are columns: shape (d,) or (d, 1) for one, (T, d, 1)
  for T of them. Density matrices have shape (d, d) or (T, d, d). A stack of kets of shape
  (T, d) is refused, because for T = d nothing tells it from a density matrix.
* The result has the shape of the leading axes: a float for one state, (T,) for T of them.
* hbar = k_B = 1. Levels closer than 1e-9 of the spectral width, or than the rounding of
  the eigenvalues, count as one degenerate level.
* A state that is not normalised, not Hermitian or not positive within 1e-6 raises ValueError.

Sources: ergotropy, Allahverdyan, Balian and Nieuwenhuizen, Europhys. Lett. 67, 565 (2004);
its coherent and incoherent parts, Francica et al., Phys. Rev. Lett. 125, 180603 (2020);
capacity, Yang et al., Phys. Rev. Lett. 131, 030402 (2023); relative entropy of coherence,
Baumgratz, Cramer and Plenio, Phys. Rev. Lett. 113, 140401 (2014).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qbcore._support.checks import real, require
from qbcore._support.types import ComplexArray, FloatArray

TOLERANCE = 1e-6  # what solvers lose of norm, Hermiticity and positivity at their usual settings
DEGENERACY = 1e-9  # relative to the spectral width


class _Levels(NamedTuple):
    """Eigenvalues of H in ascending order, eigenvectors as columns, and which levels coincide."""

    energies: FloatArray
    basis: ComplexArray
    same_level: NDArray[np.bool_]


def _matrix(operator: Any) -> ComplexArray:
    """Dense complex array of an array, a QuTiP object (which offers ``full``) or a list of those."""
    if isinstance(operator, list | tuple) and any(
        hasattr(each, "full") for each in operator
    ):
        return np.stack([_matrix(each) for each in operator])
    return np.asarray(
        operator.full() if hasattr(operator, "full") else operator, dtype=complex
    )


def _levels(hamiltonian: Any) -> _Levels:
    h = _matrix(hamiltonian)
    square = h.ndim == 2 and h.shape[0] == h.shape[1] and h.size > 0
    require(square, "hamiltonian", "be a square matrix", h.shape)
    require(bool(np.isfinite(h).all()), "hamiltonian", "be finite", "not finite")
    defect = float(np.abs(h - h.conj().T).max())
    scale = max(1.0, float(np.abs(h).max()))
    require(
        defect <= 1e-9 * scale, "hamiltonian", "be Hermitian", f"off by {defect:.3g}"
    )
    energies, basis = np.linalg.eigh(h)
    rounding = 10 * energies.size * np.finfo(float).eps * float(np.abs(energies).max())
    closest = max(DEGENERACY * (energies[-1] - energies[0]), rounding)
    # Chains of neighbours closer than the tolerance form one level.
    label = np.concatenate([[0], np.cumsum(np.diff(energies) > closest)])
    return _Levels(energies, basis, label[:, None] == label[None, :])


def _states(states: Any, dimension: int) -> ComplexArray:
    """Validated states in the form (..., d, 1) for kets or (..., d, d) for density matrices."""
    array = _matrix(states)
    if array.shape == (dimension,):
        array = array[:, None]
    fits = (
        array.ndim >= 2
        and array.shape[-2] == dimension
        and array.shape[-1] in (1, dimension)
    )
    allowed = (
        f"have shape (..., {dimension}, 1) for kets or (..., {dimension}, {dimension})"
    )
    require(fits, "states", allowed + " for density matrices", array.shape)
    require(bool(np.isfinite(array).all()), "states", "be finite", "not finite")
    if _are_kets(array):
        norm = np.linalg.norm(array, axis=(-2, -1)) ** 2
    else:
        skew = float(np.abs(array - array.conj().swapaxes(-1, -2)).max(initial=0.0))
        require(skew <= TOLERANCE, "states", "be Hermitian", f"off by {skew:.3g}")
        norm = np.trace(array, axis1=-2, axis2=-1).real
        lowest = float(np.linalg.eigvalsh(array).min(initial=0.0))
        require(lowest >= -TOLERANCE, "states", "have no negative eigenvalue", lowest)
    lost = float(np.abs(norm - 1).max(initial=0.0))
    require(lost <= TOLERANCE, "states", "be normalised", f"off by {lost:.3g}")
    return array


def _are_kets(array: ComplexArray) -> bool:
    return array.shape[-1] == 1 and array.shape[-2] > 1


def _populations(array: ComplexArray, levels: _Levels) -> FloatArray:
    """Occupation of each eigenvector of H, shape (..., d)."""
    if _are_kets(array):
        amplitudes = levels.basis.conj().T @ array
        return np.abs(amplitudes[..., 0]) ** 2
    # The diagonal of V^+ rho V alone: one product, then row by row.
    return (levels.basis.conj() * (array @ levels.basis)).sum(axis=-2).real


def _spectrum(array: ComplexArray) -> FloatArray:
    """Eigenvalues of the state in descending order, shape (..., d)."""
    if _are_kets(array):
        pure = np.zeros(array.shape[:-1])
        pure[..., 0] = 1.0
        return pure
    return np.asarray(np.linalg.eigvalsh(array)[..., ::-1], dtype=float)


def _dephased(array: ComplexArray, levels: _Levels) -> ComplexArray:
    """The state without coherence between different levels of H, as density matrices."""
    rho = array @ array.conj().swapaxes(-1, -2) if _are_kets(array) else array
    rotated = levels.basis.conj().T @ rho @ levels.basis
    return levels.basis @ (rotated * levels.same_level) @ levels.basis.conj().T


def _prepared(states: Any, hamiltonian: Any) -> tuple[ComplexArray, _Levels]:
    levels = _levels(hamiltonian)
    return _states(states, levels.energies.size), levels


def _number(values: Any) -> Any:
    """A plain float for one state, an array for many."""
    return float(values) if np.ndim(values) == 0 else values


def shannon_entropy(probabilities: ArrayLike, *, base: float = 2.0) -> Any:
    """-sum_i p_i log p_i over the last axis, with 0 log 0 = 0; ``base`` > 1 of the logarithm."""
    p = np.asarray(probabilities, dtype=float)
    require(
        bool(np.all(p >= -TOLERANCE)),
        "probabilities",
        "not be negative",
        float(p.min(initial=0.0)),
    )
    lost = float(np.abs(p.sum(axis=-1) - 1).max(initial=0.0))
    require(lost <= TOLERANCE, "probabilities", "sum to 1", f"off by {lost:.3g}")
    real("base", base, above=1.0)
    logs = np.log(np.where(p > 0, p, 1.0)) / np.log(base)
    return _number(np.maximum(-(np.maximum(p, 0.0) * logs).sum(axis=-1), 0.0))


def energy(states: Any, hamiltonian: Any) -> Any:
    """Mean energy tr(rho H)."""
    array, levels = _prepared(states, hamiltonian)
    return _number(_populations(array, levels) @ levels.energies)


def stored_energy(states: Any, hamiltonian: Any, reference: Any = None) -> Any:
    """Energy above a reference state: tr(rho H) - tr(rho_0 H).

    Without a ``reference`` the zero is the ground-state energy of H. The stored energy of a
    charging run is the one with its initial state as reference.
    """
    levels = _levels(hamiltonian)
    zero = levels.energies[0] if reference is None else energy(reference, hamiltonian)
    return _number(energy(states, hamiltonian) - zero)


def average_power(times: ArrayLike, stored: ArrayLike) -> FloatArray:
    """Average power E(t)/t of a stored energy E(t) with E(0) = 0; times must be positive."""
    t, e = np.asarray(times, dtype=float), np.asarray(stored, dtype=float)
    require(
        bool(np.all(t > 0)), "times", "be positive (E/t has no value at t = 0)", times
    )
    require(
        t.shape == e.shape, "stored", "have the shape of `times`", (e.shape, t.shape)
    )
    return e / t


def instantaneous_power(states: Any, hamiltonian: Any, generator: Any) -> Any:
    """Rate of change of the battery energy, d<H>/dt = i <[K, H]>, under the total Hamiltonian K.

    ``generator`` is K at the times of the states: (d, d), or (T, d, d) for a time axis.
    For an open battery add the dissipator: tr(H D[rho]).
    """
    array, _ = _prepared(states, hamiltonian)
    h, k = _matrix(hamiltonian), _matrix(generator)
    require(
        k.shape[-2:] == h.shape,
        "generator",
        f"have shape (..., {len(h)}, {len(h)})",
        k.shape,
    )
    skew = float(np.abs(k - k.conj().swapaxes(-1, -2)).max())
    require(
        skew <= 1e-9 * max(1.0, float(np.abs(k).max())),
        "generator",
        "be Hermitian",
        f"off by {skew:.3g}",
    )
    rate = 1j * (k @ h - h @ k)
    if _are_kets(array):
        return _number((array.conj() * (rate @ array)).sum(axis=(-2, -1)).real)
    return _number(np.trace(rate @ array, axis1=-2, axis2=-1).real)


def passive_state(states: Any, hamiltonian: Any) -> ComplexArray:
    """The passive state of the same spectrum: sum_k r_k |e_k><e_k|, r falling, e rising.

    No unitary extracts work from it. Shape (..., d, d). Within a degenerate level of H the
    basis is a free choice; the energy does not depend on it.
    """
    array, levels = _prepared(states, hamiltonian)
    return (levels.basis * _spectrum(array)[..., None, :]) @ levels.basis.conj().T


def ergotropy(states: Any, hamiltonian: Any) -> Any:
    """Largest work a unitary can extract: tr(rho H) - sum_k r_k e_k, r falling, e rising."""
    array, levels = _prepared(states, hamiltonian)
    return _number(
        _work(_populations(array, levels), _spectrum(array), levels.energies)
    )


def _work(
    populations: FloatArray, spectrum: FloatArray, energies: FloatArray
) -> FloatArray:
    # Energies are measured from the ground level so that rounding does not grow with the offset.
    above = energies - energies[0]
    return np.maximum(populations @ above - spectrum @ above, 0.0)


def antiergotropy(states: Any, hamiltonian: Any) -> Any:
    """Largest work a unitary can put in: sum_k r_k e_k - tr(rho H), r and e both rising."""
    array, levels = _prepared(states, hamiltonian)
    below = levels.energies - levels.energies[-1]
    difference = (
        _spectrum(array)[..., ::-1] @ below - _populations(array, levels) @ below
    )
    return _number(np.maximum(difference, 0.0))


def capacity(states: Any, hamiltonian: Any) -> Any:
    """Battery capacity: ergotropy + antiergotropy, fixed by the spectra of state and H alone."""
    array, levels = _prepared(states, hamiltonian)
    falling = _spectrum(array)
    return _number((falling[..., ::-1] - falling) @ levels.energies)


def incoherent_ergotropy(states: Any, hamiltonian: Any) -> Any:
    """Ergotropy of the state dephased in the levels of H: what needs no coherence."""
    array, levels = _prepared(states, hamiltonian)
    dephased = _dephased(array, levels)
    return _number(
        _work(_populations(dephased, levels), _spectrum(dephased), levels.energies)
    )


def coherent_ergotropy(states: Any, hamiltonian: Any) -> Any:
    """Ergotropy minus its incoherent part: the work that coherence between levels adds."""
    return ergotropy(states, hamiltonian) - incoherent_ergotropy(states, hamiltonian)


def energy_fluctuation(states: Any, hamiltonian: Any) -> Any:
    """Standard deviation of the energy, sqrt(<H^2> - <H>^2)."""
    array, levels = _prepared(states, hamiltonian)
    p = _populations(array, levels)
    spread = levels.energies - (p @ levels.energies)[..., None]
    return _number(np.sqrt(np.maximum((p * spread**2).sum(axis=-1), 0.0)))


def von_neumann_entropy(states: Any, *, base: float = 2.0) -> Any:
    """-tr(rho log rho); ``base`` of the logarithm, 2 for bits."""
    array = _matrix(states)
    require(
        array.size > 0 and array.ndim >= 1,
        "states",
        "be kets or density matrices",
        array.shape,
    )
    array = _states(array, array.shape[0] if array.ndim == 1 else array.shape[-2])
    return shannon_entropy(_spectrum(array), base=base)


def diagonal_entropy(states: Any, hamiltonian: Any, *, base: float = 2.0) -> Any:
    """Entropy of the state dephased in the levels of H.

    For a non-degenerate H this is the Shannon entropy of the populations. Inside a degenerate
    level no basis is preferred, so its block keeps its coherence.
    """
    array, levels = _prepared(states, hamiltonian)
    return shannon_entropy(_spectrum(_dephased(array, levels)), base=base)


def relative_entropy_of_coherence(
    states: Any, hamiltonian: Any, *, base: float = 2.0
) -> Any:
    """Diagonal entropy minus von Neumann entropy: coherence between the levels of H."""
    dephased = diagonal_entropy(states, hamiltonian, base=base)
    return _number(np.maximum(dephased - von_neumann_entropy(states, base=base), 0.0))
