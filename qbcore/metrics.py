"""Battery metrics: (state, Hamiltonian) -> number.

Conventions, for every function of this file
--------------------------------------------
* ``hamiltonian`` is the battery's own Hamiltonian H: a Hermitian (d, d) array, sparse
  array or QuTiP operator.
* ``states`` is a ket or a density matrix, one or a whole time axis of them: a QuTiP
  object, an array, a list of those, or a run with its ``states``. Kets are columns: shape
  (d,) or (d, 1) for one, (T, d, 1) for T of them. Density matrices have shape (d, d) or
  (T, d, d). In a list with both, kets become density matrices. A stack of kets of shape
  (T, d) is refused, because for T = d nothing tells it from a density matrix.
* QuTiP objects must agree on the dimensions of their subsystems, not only on d.
* The result has the shape of the leading axes: a float for one state, (T,) for T of them.
* hbar = k_B = 1.
* A state must be finite, normalised, Hermitian and positive within 1e-6. Norms and lowest
  eigenvalues up to 1e-3 off, which solvers leave at their default tolerances, are repaired
  with a warning. All else raises ValueError.

Sources: ergotropy, Allahverdyan, Balian and Nieuwenhuizen, Europhys. Lett. 67, 565 (2004);
its coherent and incoherent parts, Francica et al., Phys. Rev. Lett. 125, 180603 (2020);
capacity, Yang et al., Phys. Rev. Lett. 131, 030402 (2023); relative entropy of coherence,
Baumgratz, Cramer and Plenio, Phys. Rev. Lett. 113, 140401 (2014).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qbcore._support.checks import real, require
from qbcore._support.states import TOLERANCE as TOLERANCE
from qbcore._support.states import (
    Numbers,
    Space,
    are_kets,
    normalised_states,
    positive_states,
    read,
    require_hermitian,
    with_spectrum,
)
from qbcore._support.types import ComplexArray, FloatArray

HERMITIAN = 1e-9  # largest defect of an operator, relative to its largest entry
# What may split a degenerate level, relative to sqrt(d) max|E|: products of a dozen
# matrices leave 17 eps at d = 2, and 3 eps at d = 400.
SPLITTING = 100 * np.finfo(float).eps


def _operator(name: str, operator: Any) -> tuple[Numbers, Space]:
    """Return Hermitian matrices (..., d, d), and the space on which they act."""
    h, space = read(name, operator)
    square = h.ndim > 1 and h.shape[-1] == h.shape[-2] and h.size > 0
    require(square, name, "be a square matrix", h.shape)
    require_hermitian(name, h, HERMITIAN * float(np.abs(h).max()))
    return h, space


def _read(
    states: Any, hamiltonian: Any, name: str = "states"
) -> tuple[Numbers, Numbers]:
    """Return normalised states and H; the states may have negative eigenvalues."""
    h, space = _operator("hamiltonian", hamiltonian)
    require(h.ndim == 2, "hamiltonian", "be a square matrix", h.shape)
    return normalised_states(name, states, len(h), space), h


def _checked(
    states: Any, hamiltonian: Any, name: str = "states"
) -> tuple[Numbers, Numbers]:
    """Return checked states and H, and diagonalise neither."""
    array, h = _read(states, hamiltonian, name)
    return positive_states(name, array), h


def _spectral(states: Any, hamiltonian: Any) -> tuple[Numbers, FloatArray, Numbers]:
    """Return checked states, their eigenvalues in descending order, and H."""
    array, h = _read(states, hamiltonian)
    return *with_spectrum("states", array), h


def _mean(array: Numbers, operator: Numbers) -> FloatArray:
    """tr(rho A) of a Hermitian A."""
    if are_kets(array):
        return (array.conj() * (operator @ array)).sum(axis=(-2, -1)).real
    return np.einsum("...ij,...ij->...", array, operator.conj()).real


def _above(h: Numbers, zero: float) -> Numbers:
    """H - zero: what a norm lacks must not be multiplied by an offset of H."""
    return h - zero * np.eye(len(h))


def _passive_energy(falling: FloatArray, energies: FloatArray) -> FloatArray:
    """Energy above the ground level of falling weights on rising levels."""
    return falling @ (energies - energies[0])[: falling.shape[-1]]


def _dephased(
    array: Numbers, h: Numbers, degeneracy: float | None
) -> tuple[FloatArray, FloatArray]:
    """Return the levels of H, rising, and the falling spectrum of the dephased state.

    Zero eigenvalues that are known to be zero are left out.
    """
    energies, basis = np.linalg.eigh(h)
    if degeneracy is None:
        degeneracy = SPLITTING * len(h) ** 0.5 * float(np.abs(energies).max())
    real("degeneracy", degeneracy, least=0.0)
    # Neighbours closer than this form one level, and so do chains of them.
    first = np.flatnonzero(np.diff(energies, prepend=-np.inf) > degeneracy)
    if are_kets(array):
        populations = np.abs(basis.conj().T @ array)[..., 0] ** 2
        weights = np.add.reduceat(populations, first, axis=-1)
    else:
        turned = array @ basis
        levels = [slice(*ends) for ends in pairwise([*first, len(h)])]
        blocks = [basis[:, k].conj().T @ turned[..., k] for k in levels]
        weights = np.concatenate([np.linalg.eigvalsh(b) for b in blocks], axis=-1)
    return energies, np.sort(weights, axis=-1)[..., ::-1]


def _number(values: Any) -> Any:
    """Return a plain float for one state, an array for many."""
    return float(values) if np.ndim(values) == 0 else values


def _entropy(probabilities: FloatArray, base: float) -> FloatArray:
    real("base", base, above=1.0)
    p = np.maximum(probabilities, 0.0)
    logs = np.log(np.where(p > 0, p, 1.0)) / np.log(base)
    return np.maximum(-(p * logs).sum(axis=-1), 0.0)


def shannon_entropy(probabilities: ArrayLike, *, base: float = 2.0) -> Any:
    """-sum_i p_i log p_i over the last axis, 0 log 0 = 0; ``base`` > 1 of the logarithm."""
    p = _real_numbers("probabilities", probabilities)
    require(p.ndim > 0, "probabilities", "have an axis", p.shape)
    lowest = float(p.min(initial=0.0))
    require(lowest >= -TOLERANCE, "probabilities", "not be negative", lowest)
    lost = float(np.abs(p.sum(axis=-1) - 1).max(initial=0.0))
    must = f"sum to 1: |sum - 1| must be at most {TOLERANCE:g}"
    require(lost <= TOLERANCE, "probabilities", must, lost)
    return _number(_entropy(p, base))


def _real_numbers(name: str, value: ArrayLike) -> FloatArray:
    numbers, _ = read(name, value)
    require(np.isrealobj(numbers), name, "be real", value)
    return numbers


def energy(states: Any, hamiltonian: Any) -> Any:
    """Mean energy tr(rho H)."""
    return _number(_mean(*_checked(states, hamiltonian)))


def stored_energy(states: Any, hamiltonian: Any, reference: Any = None) -> Any:
    """Energy above a reference state: tr(rho H) - tr(rho_0 H).

    Without a ``reference`` the zero is the ground-state energy of H. The stored energy of a
    charging run is the one with its initial state as reference.
    """
    array, h = _checked(states, hamiltonian)
    if reference is None:
        return _number(_mean(array, _above(h, np.linalg.eigvalsh(h)[0])))
    origin, _ = _checked(reference, hamiltonian, "reference")
    fits = origin.ndim == 2 or origin.shape[:-2] == array.shape[:-2]
    require(fits, "reference", "be one state, or one per state", origin.shape)
    h = _above(h, h[0, 0].real)
    return _number(_mean(array, h) - _mean(origin, h))


def average_power(times: ArrayLike, stored: ArrayLike) -> Any:
    """Average power E(t)/t of a stored energy E(t) with E(0) = 0; times must be positive."""
    t, e = _real_numbers("times", times), _real_numbers("stored", stored)
    must = "be positive (E/t has no value at t = 0)"
    require(bool(np.all(t > 0)), "times", must, times)
    must = "have the shape of `times`"
    require(t.shape == e.shape, "stored", must, (e.shape, t.shape))
    return _number(e / t)


def instantaneous_power(states: Any, hamiltonian: Any, generator: Any) -> Any:
    """Rate of change of the battery energy, d<H>/dt = i <[K, H]>, under the total H, K.

    ``generator`` is K at the times of the states: (d, d), or (T, d, d) for a time axis.
    For an open battery add the dissipator: tr(H D[rho]).
    """
    array, h = _checked(states, hamiltonian)
    k, _ = _operator("generator", generator)
    fits = k.shape[-2:] == h.shape
    require(fits, "generator", f"have shape (..., {len(h)}, {len(h)})", k.shape)
    times = {each.shape[:-2] for each in (array, k)} - {()}
    require(len(times) < 2, "generator", "be one, or one per state", k.shape)
    # <KH> - <HK> is twice the imaginary part of <KH>.
    if are_kets(array):
        product = ((k @ array).conj() * (h @ array)).sum(axis=(-2, -1))
    else:
        product = np.einsum("...ij,...ij->...", k @ h, array.conj())
    return _number(2 * product.conj().imag)


def passive_state(states: Any, hamiltonian: Any) -> ComplexArray:
    """The passive state of the same spectrum: sum_k r_k |e_k><e_k|, r falling, e rising.

    No unitary extracts work from it. Shape (..., d, d). Within a degenerate level of H the
    basis is a free choice; the energy does not depend on it.
    """
    _, falling, h = _spectral(states, hamiltonian)
    _, basis = np.linalg.eigh(h)
    return ((basis * falling[..., None, :]) @ basis.conj().T).astype(complex)


def ergotropy(states: Any, hamiltonian: Any) -> Any:
    """Largest work a unitary can extract: tr(rho H) - sum_k r_k e_k, r falling, e rising."""
    return _work(*_spectral(states, hamiltonian))


def antiergotropy(states: Any, hamiltonian: Any) -> Any:
    """Largest work a unitary can put in: sum_k r_k e_k - tr(rho H), r and e both rising."""
    array, falling, h = _spectral(states, hamiltonian)
    return _work(array, falling, -h)


def _work(array: Numbers, falling: FloatArray, h: Numbers) -> Any:
    energies = np.linalg.eigvalsh(h)
    stored = _mean(array, _above(h, energies[0]))
    return _number(np.maximum(stored - _passive_energy(falling, energies), 0.0))


def capacity(states: Any, hamiltonian: Any) -> Any:
    """Battery capacity: ergotropy + antiergotropy, fixed by the spectra of state and H."""
    _, falling, h = _spectral(states, hamiltonian)
    return _number((falling[..., ::-1] - falling) @ np.linalg.eigvalsh(h))


def incoherent_ergotropy(
    states: Any, hamiltonian: Any, *, degeneracy: float | None = None
) -> Any:
    """Ergotropy of the state dephased in the levels of H: what needs no coherence.

    Levels closer than ``degeneracy``, in the unit of H, count as one; if it is not given,
    levels closer than the rounding of their values, 2e-14 sqrt(d) max|E|.
    """
    array, h = _checked(states, hamiltonian)
    energies, weights = _dephased(array, h, degeneracy)
    stored = _mean(array, _above(h, energies[0]))
    return _number(np.maximum(stored - _passive_energy(weights, energies), 0.0))


def coherent_ergotropy(
    states: Any, hamiltonian: Any, *, degeneracy: float | None = None
) -> Any:
    """Ergotropy minus its incoherent part: the work that coherence between levels adds.

    ``degeneracy`` is that of `incoherent_ergotropy`.
    """
    array, falling, h = _spectral(states, hamiltonian)
    energies, weights = _dephased(array, h, degeneracy)
    lost = _passive_energy(weights, energies) - _passive_energy(falling, energies)
    return _number(np.maximum(lost, 0.0))


def energy_fluctuation(states: Any, hamiltonian: Any) -> Any:
    """Standard deviation of the energy, sqrt(<H^2> - <H>^2)."""
    array, h = _checked(states, hamiltonian)
    mean = _mean(array, h)[..., None, None]
    if are_kets(array):
        variance = (np.abs(h @ array - mean * array) ** 2).sum(axis=(-2, -1))
    else:
        spread = h - mean * np.eye(len(h))
        variance = _mean(spread @ array, spread)
    return _number(np.sqrt(np.maximum(variance, 0.0)))


def von_neumann_entropy(states: Any, *, base: float = 2.0) -> Any:
    """-tr(rho log rho); ``base`` of the logarithm, 2 for bits."""
    array = normalised_states("states", states)
    return _number(_entropy(with_spectrum("states", array)[1], base))


def diagonal_entropy(
    states: Any,
    hamiltonian: Any,
    *,
    base: float = 2.0,
    degeneracy: float | None = None,
) -> Any:
    """Entropy of the state dephased in the levels of H.

    For a non-degenerate H this is the Shannon entropy of the populations. Inside a
    degenerate level no basis is preferred, so its block keeps its coherence.
    ``degeneracy`` is that of `incoherent_ergotropy`.
    """
    _, weights = _dephased(*_checked(states, hamiltonian), degeneracy)
    return _number(_entropy(weights, base))


def relative_entropy_of_coherence(
    states: Any,
    hamiltonian: Any,
    *,
    base: float = 2.0,
    degeneracy: float | None = None,
) -> Any:
    """Diagonal entropy minus von Neumann entropy: coherence between the levels of H.

    ``degeneracy`` is that of `incoherent_ergotropy`.
    """
    array, falling, h = _spectral(states, hamiltonian)
    _, weights = _dephased(array, h, degeneracy)
    gained = _entropy(weights, base) - _entropy(falling, base)
    return _number(np.maximum(gained, 0.0))
