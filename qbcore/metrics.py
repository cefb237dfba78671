"""Battery metrics: (state, Hamiltonian) -> number.

Conventions, for every function of this file
--------------------------------------------
* ``hamiltonian`` is the battery's own Hamiltonian H: a Hermitian (d, d) array, sparse
  array or QuTiP operator. What it lacks in Hermiticity must be below 1e-9 of its
  largest entry, whatever its unit.
* ``states`` is a ket or a density matrix, one or a whole time axis of them: an array, a
  QuTiP object, a list of those, or a run with its ``states``. Kets are columns: shape
  (d,) or (d, 1) for one, (T, d, 1) for T of them. Density matrices have shape (d, d) or
  (T, d, d). In a list with both, the kets become density matrices. A stack of kets of
  shape (T, d) is refused, for at T = d nothing tells it from a density matrix.
* QuTiP objects must agree on the dimensions of their subsystems, not only on d.
* The result has the shape of the leading axes: a float for one state, (T,) for T.
* Units: hbar = k_B = 1; energies in the unit of H.
* A state must be finite, normalised, Hermitian and positive within 1e-6. A norm or a
  lowest eigenvalue off by up to 1e-3, which solvers leave at their default tolerances,
  is repaired with a warning. Anything else raises ValueError.
* ``degeneracy``: levels of H closer than this, in the unit of H, count as one. The
  default is what rounding may split, 2.2e-14 sqrt(d) max|E|. The eigenvectors of two
  levels f times as far apart, and hence their populations, are known to about 1/f.

Sources
-------
Ergotropy: Allahverdyan, Balian and Nieuwenhuizen, Europhys. Lett. 67, 565 (2004). Its
coherent and incoherent parts: Francica et al., Phys. Rev. Lett. 125, 180603 (2020).
Capacity: Yang et al., Phys. Rev. Lett. 131, 030402 (2023). Relative entropy of
coherence: Baumgratz, Cramer and Plenio, Phys. Rev. Lett. 113, 140401 (2014).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qbcore._support.checks import numbers, real, require
from qbcore._support.states import (
    TOLERANCE as TOLERANCE,
)
from qbcore._support.states import (
    Numbers,
    are_kets,
    hermitian,
    normalised_states,
    positive_states,
    require_space,
    with_spectrum,
)
from qbcore._support.types import ComplexArray, FloatArray

# What may split a degenerate level, relative to sqrt(d) max|E|: twenty rotations by
# random unitaries split it by 17 eps at d = 2, and by 3 eps at d = 400.
SPLITTING = 100 * np.finfo(float).eps


def _read(
    states: Any, hamiltonian: Any, check: Any = positive_states, name: str = "states"
) -> Any:
    """Return checked states and H.

    The check `positive_states` diagonalises nothing; `with_spectrum` returns the
    states with their eigenvalues, in descending order.
    """
    h, space = hermitian("hamiltonian", hamiltonian)
    require(h.ndim == 2, "hamiltonian", "be a square matrix", h.shape)
    return check(name, normalised_states(name, states, len(h), space)), h


def _mean(array: Numbers, operator: Numbers) -> FloatArray:
    """tr(rho A) of a Hermitian A."""
    if are_kets(array):
        return (array.conj() * (operator @ array)).sum(axis=(-2, -1)).real
    return np.einsum("...ij,...ij->...", array, operator.conj()).real


def _above(h: Numbers, zero: float) -> Numbers:
    """H - zero, so that an offset of H does not multiply what a norm lacks."""
    return h - zero * np.eye(len(h))


def _passive_energy(falling: FloatArray, energies: FloatArray) -> FloatArray:
    """Energy above the ground level of falling weights on rising levels."""
    return falling @ (energies - energies[0])[: falling.shape[-1]]


def _dephased(
    array: Numbers, h: Numbers, degeneracy: float | None
) -> tuple[FloatArray, FloatArray]:
    """Return the falling spectrum of the dephased state, and the rising one of H.

    A ket has at most one eigenvalue per level; its zeros are left out.
    """
    energies, basis = np.linalg.eigh(h)
    if degeneracy is None:
        degeneracy = SPLITTING * len(h) ** 0.5 * float(np.abs(energies).max())
    real("degeneracy", degeneracy, least=0.0)
    # A chain of neighbours that are this close is one level.
    first = np.flatnonzero(np.diff(energies, prepend=-np.inf) > degeneracy)
    if are_kets(array):
        populations = np.abs(basis.conj().T @ array)[..., 0] ** 2
        weights = np.add.reduceat(populations, first, axis=-1)
    else:
        turned = array @ basis
        levels = [slice(*ends) for ends in pairwise([*first, len(h)])]
        blocks = [basis[:, k].conj().T @ turned[..., k] for k in levels]
        weights = np.concatenate([np.linalg.eigvalsh(b) for b in blocks], axis=-1)
    return np.sort(weights, axis=-1)[..., ::-1], energies


def _number(values: Any) -> Any:
    """Return a plain float for one state, an array for many."""
    return float(values) if np.ndim(values) == 0 else values


def _entropy(probabilities: FloatArray, base: float) -> FloatArray:
    real("base", base, above=1.0)
    p = np.maximum(probabilities, 0.0)
    logs = np.log(np.where(p > 0, p, 1.0)) / np.log(base)
    return np.maximum(-(p * logs).sum(axis=-1), 0.0)


def shannon_entropy(probabilities: ArrayLike, *, base: float = 2.0) -> Any:
    """Return the Shannon entropy -sum_i p_i log p_i over the last axis, 0 log 0 = 0.

    Parameters
    ----------
    probabilities : (..., n) array_like
        p_i >= 0 with sum 1, both within 1e-6.
    base : float
        Base of the logarithm, above 1: 2 for bits, e for nats.

    Returns
    -------
    float or (...) array
        Between 0 and log n.

    Examples
    --------
    >>> shannon_entropy([0.5, 0.25, 0.25])
    1.5
    """
    p = numbers("probabilities", probabilities)
    require(p.ndim > 0, "probabilities", "have an axis", p.shape)
    lowest = float(p.min(initial=0.0))
    require(lowest >= -TOLERANCE, "probabilities", "not be negative", lowest)
    lost = float(np.abs(p.sum(axis=-1) - 1).max(initial=0.0))
    must = f"sum to 1: |sum - 1| must be at most {TOLERANCE:g}"
    require(lost <= TOLERANCE, "probabilities", must, float(f"{lost:.3g}"))
    return _number(_entropy(p, base))


def energy(states: Any, hamiltonian: Any) -> Any:
    """Return the mean energy tr(rho H).

    Examples
    --------
    >>> energy([0.6, 0.8], [[0.0, 0.0], [0.0, 1.0]])
    0.6400000000000001
    """
    return _number(_mean(*_read(states, hamiltonian)))


def stored_energy(states: Any, hamiltonian: Any, reference: Any = None) -> Any:
    """Return the energy above a reference state, tr(rho H) - tr(rho_0 H).

    Parameters
    ----------
    states, hamiltonian
        See the conventions above.
    reference : ket or density matrix, or one per state, optional
        rho_0, such as the initial state of a charging run. If not given, the zero is
        the ground-state energy of H.

    Returns
    -------
    float or (...) array
        Not negative without a reference.

    Examples
    --------
    >>> stored_energy([0.0, 1.0], [[-1.0, 0.0], [0.0, 1.0]])
    2.0
    """
    array, h = _read(states, hamiltonian)
    if reference is None:
        return _number(_mean(array, _above(h, np.linalg.eigvalsh(h)[0])))
    origin, _ = _read(reference, hamiltonian, name="reference")
    fits = origin.ndim == 2 or origin.shape[:-2] == array.shape[:-2]
    require(fits, "reference", "be one state, or one per state", origin.shape)
    h = _above(h, h[0, 0].real)
    return _number(_mean(array, h) - _mean(origin, h))


def average_power(times: ArrayLike, stored: ArrayLike) -> Any:
    """Return the average power E(t)/t of a stored energy E(t) with E(0) = 0.

    Parameters
    ----------
    times, stored : array_like of one shape
        t > 0, for E/t has no value at t = 0, and E(t).

    Returns
    -------
    float or array of that shape

    Examples
    --------
    >>> average_power([1.0, 2.0], [3.0, 5.0])
    array([3. , 2.5])
    """
    t, e = numbers("times", times), numbers("stored", stored)
    must = "be positive and finite (E/t has no value at t = 0)"
    require(bool(np.all((t > 0) & (t < np.inf))), "times", must, times)
    require(bool(np.isfinite(e).all()), "stored", "be finite", stored)
    must = "have the shape of `times`"
    require(t.shape == e.shape, "stored", must, (e.shape, t.shape))
    return _number(e / t)


def instantaneous_power(states: Any, hamiltonian: Any, generator: Any) -> Any:
    """Return the rate of change of the battery's energy, d<H>/dt = i <[K, H]>.

    Parameters
    ----------
    states, hamiltonian
        See the conventions above.
    generator : (d, d) or (T, d, d) array_like, Qobj or list of those
        K, the total Hamiltonian at the times of the states. For an open battery add
        the part of the baths, tr(H D[rho]).

    Returns
    -------
    float or (...) array

    Examples
    --------
    >>> sigma_y, sigma_z = [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]
    >>> round(instantaneous_power([0.5**0.5, 0.5**0.5], sigma_z, sigma_y), 12)
    -2.0
    """
    array, h = _read(states, hamiltonian)
    k, space = hermitian("generator", generator)
    fits = k.shape[-2:] == h.shape
    require(fits, "generator", f"have shape (..., {len(h)}, {len(h)})", k.shape)
    require_space("generator", space, hermitian("hamiltonian", hamiltonian)[1])
    times = {each.shape[:-2] for each in (array, k)} - {()}
    require(len(times) < 2, "generator", "be one, or one per state", k.shape)
    return _number(_mean(array, 1j * (k @ h - h @ k)))


def passive_state(states: Any, hamiltonian: Any) -> ComplexArray:
    """Return the passive state sum_k r_k |e_k><e_k|, r falling, e rising.

    It has the spectrum r of the state, and no unitary extracts work from it.

    Returns
    -------
    (..., d, d) array
        Within a degenerate level of H the basis is a free choice; the energy does not
        depend on it.

    Examples
    --------
    >>> passive_state([[0.2, 0.0], [0.0, 0.8]], [[0.0, 0.0], [0.0, 1.0]]).real
    array([[0.8, 0. ],
           [0. , 0.2]])
    """
    (_, falling), h = _read(states, hamiltonian, with_spectrum)
    _, basis = np.linalg.eigh(h)
    return ((basis * falling[..., None, :]) @ basis.conj().T).astype(complex)


def ergotropy(states: Any, hamiltonian: Any) -> Any:
    """Return the largest work a unitary extracts, tr(rho H) - sum_k r_k e_k.

    r are the eigenvalues of the state, falling, and e those of H, rising.

    Examples
    --------
    >>> round(ergotropy([[0.2, 0.0], [0.0, 0.8]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.6
    """
    (array, falling), h = _read(states, hamiltonian, with_spectrum)
    return _work(array, h, falling, np.linalg.eigvalsh(h))


def antiergotropy(states: Any, hamiltonian: Any) -> Any:
    """Return the largest work a unitary can put in, sum_k r_k e_k - tr(rho H).

    r are the eigenvalues of the state and e those of H, both rising.

    Examples
    --------
    >>> round(antiergotropy([[0.8, 0.0], [0.0, 0.2]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.6
    """
    (array, falling), h = _read(states, hamiltonian, with_spectrum)
    return _work(array, -h, falling, np.linalg.eigvalsh(-h))


def _work(array: Numbers, h: Numbers, falling: FloatArray, energies: FloatArray) -> Any:
    """Energy above that of falling weights on the levels of H."""
    stored = _mean(array, _above(h, energies[0]))
    return _number(np.maximum(stored - _passive_energy(falling, energies), 0.0))


def capacity(states: Any, hamiltonian: Any) -> Any:
    """Return the battery capacity: ergotropy plus antiergotropy.

    The spectra of state and H alone fix it.

    Examples
    --------
    >>> round(capacity([[0.8, 0.0], [0.0, 0.2]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.6
    """
    (_, falling), h = _read(states, hamiltonian, with_spectrum)
    return _number((falling[..., ::-1] - falling) @ np.linalg.eigvalsh(h))


def incoherent_ergotropy(
    states: Any, hamiltonian: Any, *, degeneracy: float | None = None
) -> Any:
    """Return the ergotropy of the state dephased in the levels of H.

    It is the part of the work that needs no coherence.

    Examples
    --------
    >>> round(incoherent_ergotropy([0.6, 0.8], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.28
    """
    array, h = _read(states, hamiltonian)
    return _work(array, h, *_dephased(array, h, degeneracy))


def coherent_ergotropy(
    states: Any, hamiltonian: Any, *, degeneracy: float | None = None
) -> Any:
    """Return ergotropy minus its incoherent part, the work that coherence adds.

    Examples
    --------
    >>> round(coherent_ergotropy([0.6, 0.8], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.36
    """
    (array, falling), h = _read(states, hamiltonian, with_spectrum)
    weights, energies = _dephased(array, h, degeneracy)
    lost = _passive_energy(weights, energies) - _passive_energy(falling, energies)
    return _number(np.maximum(lost, 0.0))


def energy_fluctuation(states: Any, hamiltonian: Any) -> Any:
    """Return the standard deviation of the energy, sqrt(<H^2> - <H>^2).

    Examples
    --------
    >>> round(energy_fluctuation([0.6, 0.8], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.48
    """
    array, h = _read(states, hamiltonian)
    unit = float(np.abs(h).max()) or 1.0  # whose square may be no number
    h = h / unit
    mean = _mean(array, h)[..., None, None]
    if are_kets(array):
        variance = (np.abs(h @ array - mean * array) ** 2).sum(axis=(-2, -1))
    else:
        spread = h - mean * np.eye(len(h))
        variance = _mean(spread @ array, spread)
    return _number(unit * np.sqrt(np.maximum(variance, 0.0)))


def von_neumann_entropy(states: Any, *, base: float = 2.0) -> Any:
    """Return the entropy -tr(rho log rho); ``base`` of the logarithm, 2 for bits.

    Examples
    --------
    >>> von_neumann_entropy([[0.5, 0.0], [0.0, 0.5]])
    1.0
    """
    _, falling = with_spectrum("states", normalised_states("states", states))
    return _number(_entropy(falling, base))


def diagonal_entropy(
    states: Any,
    hamiltonian: Any,
    *,
    base: float = 2.0,
    degeneracy: float | None = None,
) -> Any:
    """Return the entropy of the state dephased in the levels of H.

    For a non-degenerate H this is the Shannon entropy of the populations. Inside a
    degenerate level no basis is preferred, so its block keeps its coherence.

    Examples
    --------
    >>> plus = [0.5**0.5, 0.5**0.5]
    >>> round(diagonal_entropy(plus, [[0.0, 0.0], [0.0, 1.0]]), 12)
    1.0
    """
    array, h = _read(states, hamiltonian)
    weights, _ = _dephased(array, h, degeneracy)
    return _number(_entropy(weights, base))


def relative_entropy_of_coherence(
    states: Any,
    hamiltonian: Any,
    *,
    base: float = 2.0,
    degeneracy: float | None = None,
) -> Any:
    """Return diagonal minus von Neumann entropy: coherence between levels of H.

    Examples
    --------
    >>> plus = [0.5**0.5, 0.5**0.5]
    >>> round(relative_entropy_of_coherence(plus, [[0.0, 0.0], [0.0, 1.0]]), 12)
    1.0
    """
    (array, falling), h = _read(states, hamiltonian, with_spectrum)
    weights, _ = _dephased(array, h, degeneracy)
    gained = _entropy(weights, base) - _entropy(falling, base)
    return _number(np.maximum(gained, 0.0))
