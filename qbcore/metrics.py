"""Battery metrics: (state, Hamiltonian) -> number.

What is here
------------
* Energy: `energy`, `stored_energy`, `energy_fluctuation`.
* Work of unitaries: `ergotropy` over a stated set of them, `ergotropic_gap`,
  `antiergotropy`, `capacity`, `incoherent_ergotropy`, `coherent_ergotropy`,
  `daemonic_ergotropy`, `work_fluctuation`; what they leave: `passive_state`,
  `passive_energy`.
* Work of many copies, or with a bath: `many_copy_work`, `bound_energy`,
  `excess_free_energy`.
* Power and time: `average_power`, `instantaneous_power`, `power_bound`,
  `speed_limits`, `lifetime`.
* Entropy: `von_neumann_entropy`, `diagonal_entropy`, `shannon_entropy`,
  `relative_entropy_of_coherence`.

Those of Gaussian states are in `qbcore.gaussian`. Negativity, mutual information and
fidelity are in QuTiP: `qutip.negativity`, `qutip.entropy_mutual`, `qutip.fidelity`.

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
coherence: Baumgratz, Cramer and Plenio, Phys. Rev. Lett. 113, 140401 (2014). The other
functions name theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.special import entr, logsumexp, softmax

from qbcore._numerics.spins import lowest_levels
from qbcore._support.checks import (
    finite,
    integer,
    numbers,
    real,
    require,
    time_axis,
    together,
)
from qbcore._support.results import number
from qbcore._support.states import (
    OPERATOR_TOLERANCE,
    adjoint,
    are_kets,
    checked_states,
    density_matrices,
    hermitian,
    largest,
    normalised_states,
    positive_states,
    read,
    require_space,
    with_spectrum,
)
from qbcore._support.states import (
    TOLERANCE as TOLERANCE,
)
from qbcore._support.types import (
    ComplexArray,
    FloatArray,
    FloatOrArray,
    Numbers,
    Operator,
    States,
)

# What may split a degenerate level, relative to sqrt(d) max|E|: twenty rotations by
# random unitaries split it by 17 eps at d = 2, and by 3 eps at d = 400.
SPLITTING = 100 * np.finfo(float).eps
# Weights of a state closer than this count as one where a unitary may choose.
EQUAL_WEIGHTS = 1e-10
Unitaries = Literal["all", "all_atoms", "collective", "local"]


def _normalised(
    states: States, hamiltonian: Operator, name: str = "states"
) -> tuple[Numbers, Numbers]:
    """Return states of norm 1, (..., d, 1) or (..., d, d), and H, (d, d).

    Negative eigenvalues are not looked for: a caller that diagonalises finds them.
    """
    h, space = hermitian("hamiltonian", hamiltonian, single=True)
    return normalised_states(name, states, len(h), space), h


def _read(
    states: States, hamiltonian: Operator, name: str = "states"
) -> tuple[Numbers, Numbers]:
    """Return checked states and H, for what needs no spectrum."""
    array, h = _normalised(states, hamiltonian, name)
    return positive_states(name, array), h


def _weighed(
    states: States, hamiltonian: Operator
) -> tuple[Numbers, Numbers, FloatArray]:
    """Return checked states, H, and the states' eigenvalues r_k (..., d), falling."""
    normalised, h = _normalised(states, hamiltonian)
    array, falling = with_spectrum("states", normalised)
    return array, h, falling


def _spectra(
    states: States, hamiltonian: Operator
) -> tuple[Numbers, Numbers, FloatArray, FloatArray]:
    """Return what `_weighed` does, and the levels e_k of H, (d,), rising."""
    array, h, falling = _weighed(states, hamiltonian)
    return array, h, falling, np.linalg.eigvalsh(h)


def _inner(left: Numbers, right: Numbers) -> Numbers:
    """tr(left^+ right), one number (...) for each pair of matrices (..., m, n)."""
    return np.einsum("...ij,...ij->...", left.conj(), right)


def _mean(array: Numbers, operator: Numbers) -> FloatArray:
    """tr(rho A) of a Hermitian A (d, d), real, (...)."""
    return _inner(array, _partner(array, operator)).real


def _partner(array: Numbers, operator: Numbers) -> Numbers:
    """The B whose `_inner` with the states is the mean of A: A psi for kets, else A."""
    return operator @ array if are_kets(array) else operator


def _above(h: Numbers, zero: float) -> Numbers:
    """H - zero.

    A norm may lack up to `TOLERANCE`. Times a large offset of H that would be energy.
    """
    return h - zero * np.eye(len(h))


def _passive_energy(falling: FloatArray, energies: FloatArray) -> FloatArray:
    """sum_k r_k (e_k - e_0), (...), for falling r_k and rising e_k."""
    # Of kets `_dephased` leaves out weights that are zero: there may be fewer.
    return falling @ (energies - energies[0])[: falling.shape[-1]]


def _dephased(
    array: Numbers, h: Numbers, degeneracy: float | None
) -> tuple[FloatArray, FloatArray]:
    """Return the falling spectrum of the dephased state, and the rising one of H.

    A ket has at most one eigenvalue per level; its zeros are left out.
    """
    energies, basis = np.linalg.eigh(h)
    if degeneracy is None:
        degeneracy = SPLITTING * len(h) ** 0.5 * largest(energies)
    real("degeneracy", degeneracy, least=0.0)
    # A chain of neighbours that are this close is one level.
    first = np.flatnonzero(np.diff(energies, prepend=-np.inf) > degeneracy)
    if are_kets(array):
        populations = np.abs(adjoint(basis) @ array)[..., 0] ** 2
        weights = np.add.reduceat(populations, first, axis=-1)
    else:
        turned = array @ basis
        levels = [slice(*ends) for ends in pairwise([*first, len(h)])]
        blocks = [adjoint(basis[:, k]) @ turned[..., k] for k in levels]
        weights = np.concatenate([np.linalg.eigvalsh(b) for b in blocks], axis=-1)
    return np.sort(weights, axis=-1)[..., ::-1], energies


def _entropy(probabilities: FloatArray, base: float) -> FloatArray:
    real("base", base, above=1.0)
    nats = entr(np.maximum(probabilities, 0.0)).sum(axis=-1)
    return np.maximum(nats, 0.0) / np.log(base)


def shannon_entropy(probabilities: ArrayLike, *, base: float = 2.0) -> FloatOrArray:
    r"""Return the Shannon entropy over the last axis.

    .. math::

        S = -\sum_i p_i \log p_i, \qquad 0 \log 0 = 0

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
    lost = largest(p.sum(axis=-1) - 1)
    must = f"sum to 1: |sum - 1| must be at most {TOLERANCE:g}"
    require(lost <= TOLERANCE, "probabilities", must, float(f"{lost:.3g}"))
    return number(_entropy(p, base))


def energy(states: States, hamiltonian: Operator) -> FloatOrArray:
    r"""Return the mean energy.

    .. math::

        E = \mathrm{tr}(\rho H)

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

    Returns
    -------
    float or (...) array
        In the unit of H.

    Examples
    --------
    >>> energy([0.6, 0.8], [[0.0, 0.0], [0.0, 1.0]])
    0.6400000000000001
    """
    return number(_mean(*_read(states, hamiltonian)))


def stored_energy(
    states: States, hamiltonian: Operator, reference: States | None = None
) -> FloatOrArray:
    r"""Return the energy above a reference state.

    .. math::

        E = \mathrm{tr}(\rho H) - \mathrm{tr}(\rho_0 H)

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.
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
        ground = np.linalg.eigvalsh(h)[0]
        return number(_mean(array, _above(h, ground)))
    origin, _ = _read(reference, hamiltonian, "reference")
    fits = origin.ndim == 2 or origin.shape[:-2] == array.shape[:-2]
    require(fits, "reference", "be one state, or one per state", origin.shape)
    h = _above(h, h[0, 0].real)
    return number(_mean(array, h) - _mean(origin, h))


def average_power(times: ArrayLike, stored: ArrayLike) -> FloatOrArray:
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
    t, e = finite("times", times), finite("stored", stored)
    must = "be positive (E/t has no value at t = 0)"
    require(t > 0, "times", must, times)
    must = "have the shape of `times`"
    require(t.shape == e.shape, "stored", must, (e.shape, t.shape))
    return number(e / t)


def instantaneous_power(
    states: States, hamiltonian: Operator, generator: Operator
) -> FloatOrArray:
    r"""Return the rate of change of the battery's energy.

    .. math::

        \frac{d\langle H\rangle}{dt} = i\,\langle[K, H]\rangle

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.
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
    array, h, k = _with_generator(states, hamiltonian, generator)
    # tr(rho [K, H]) = 2i Im tr(rho K H).
    return number(-2 * _inner(k @ array, _partner(array, h)).imag)


def _with_generator(
    states: States, hamiltonian: Operator, generator: Operator
) -> tuple[Numbers, Numbers, Numbers]:
    """Return checked states, H and a K that fits them: one, or one per state."""
    array, h = _read(states, hamiltonian)
    k, space = hermitian("generator", generator)
    require_space("generator", space, read("hamiltonian", hamiltonian)[1])
    fits = k.shape[-2:] == h.shape
    require(fits, "generator", f"have shape (..., {len(h)}, {len(h)})", k.shape)
    stacks = {array.shape[:-2], k.shape[:-2]} - {()}
    require(len(stacks) < 2, "generator", "be one, or one per state", k.shape)
    return array, h, k


def power_bound(
    states: States, hamiltonian: Operator, generator: Operator
) -> FloatOrArray:
    r"""Return the largest power that the uncertainties allow.

    .. math::

        \Big|\frac{dE}{dt}\Big| \le 2\,\Delta(H)\,\Delta(K)

    By Robertson, Phys. Rev. 34, 163 (1929), the mean of [K, H] is at most
    2 Delta(K) Delta(H), hence P^2 <= 4 Var(H) Var(K) for `instantaneous_power`.
    Julia-Farre et al., Phys. Rev. Research 2, 023113 (2020), have the tighter
    P^2 <= Var(H) I_E with the Fisher information I_E <= 4 Var(K) of the populations of
    H; this is the weaker form.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.
    generator : (d, d) or (T, d, d) array_like, Qobj or list of those
        K: the charging part V of H + V, or H + V itself. Both bound the same power,
        and the smaller bound holds.

    Returns
    -------
    float or (...) array
        In the square of the unit of energy (hbar = 1), not negative.

    Raises
    ------
    ValueError
        For a K that does not fit the states or H.

    Examples
    --------
    >>> sigma_y, sigma_z = [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]
    >>> round(power_bound([0.5**0.5, 0.5**0.5], sigma_z, sigma_y), 12)
    2.0
    """
    array, h, k = _with_generator(states, hamiltonian, generator)
    return number(2 * _fluctuation(array, h) * _fluctuation(array, k))


class SpeedLimits(NamedTuple):
    """Shortest times: floats, or arrays for many states. The larger of the two holds.

    Attributes
    ----------
    mandelstam_tamm : float or (...) array
        L / Delta(K), by the spread of the energy.
    margolus_levitin : float or (...) array
        2 L^2 / (pi (<K> - k_0)), by the energy above the ground level k_0.

    Examples
    --------
    >>> flip = [[0.0, 0.5], [0.5, 0.0]]
    >>> max(speed_limits([1.0, 0.0], flip))  # the time that the flip takes
    3.141592653589793
    """

    mandelstam_tamm: FloatOrArray
    margolus_levitin: FloatOrArray


def speed_limits(
    states: States, generator: Operator, *, angle: ArrayLike = math.pi / 2
) -> SpeedLimits:
    """Return the shortest times in which a constant K turns a state by an angle.

    L / Delta(K) is the bound of Mandelstam and Tamm, J. Phys. (USSR) 9, 249 (1945). To
    an orthogonal state, pi/(2 (<K> - k_0)) is that of Margolus and Levitin, Physica D
    120, 188 (1998); for other angles 2 L^2/(pi (<K> - k_0)) is the approximate form of
    Giovannetti, Lloyd and Maccone, Phys. Rev. A 67, 052109 (2003). It is a bound, too:
    the exact one, which has no closed form, lies above it by at most 8.4 %, for small
    L. For a K that depends on time they do not hold as they stand.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    generator : (d, d) array_like or Qobj
        K, the total Hamiltonian, constant in time.
    angle : array_like, optional
        The Bures angle L = arccos F with the root fidelity F of start and end,
        ``|<start|end>|`` for kets and `qutip.fidelity` for density matrices: above 0
        and at most pi/2, the default, which is the angle to an orthogonal state.

    Returns
    -------
    SpeedLimits
        ``mandelstam_tamm`` and ``margolus_levitin``, hbar = 1; infinite for an
        eigenstate of K, and for its ground state.

    Raises
    ------
    ValueError
        For an angle out of range.

    Examples
    --------
    >>> flip = [[0.0, 0.5], [0.5, 0.0]]  # takes |0> to |1> in a time of pi
    >>> speed_limits([1.0, 0.0], flip).mandelstam_tamm
    3.141592653589793
    """
    way = numbers("angle", angle)
    # Rounding may lift an arccos above pi/2.
    inside = (way > 0) & (way < math.pi / 2 + TOLERANCE)
    require(inside, "angle", "be above 0 and at most pi/2", angle)
    k, _ = hermitian("generator", generator)
    require(k.ndim == 2, "generator", "be one operator, constant in time", k.shape)
    array, _ = _read(states, generator)
    ground = np.linalg.eigvalsh(k)[0]
    height = _mean(array, _above(k, ground))
    spread = _fluctuation(array, k)
    way, spread, height = together("angle, states", way, spread, height)
    with np.errstate(divide="ignore"):
        tamm = way / spread
        levitin = 2 * way**2 / math.pi / height
    return SpeedLimits(number(tamm), number(levitin))


def lifetime(times: ArrayLike, work: ArrayLike, *, share: float = 1 / math.e) -> float:
    """Return the time in which work falls to a share of what it was at the first time.

    Parameters
    ----------
    times : (T,) array_like
        Increasing times, from where the battery is left alone.
    work : (T,) array_like
        The work at these times, such as the ``ergotropy`` of a `Charging`: above 0 at
        the first.
    share : float
        Below 1.

    Returns
    -------
    float
        Time since ``times[0]``, by a straight line between two samples: for a spacing h
        it is off by at most ``h^2 |W''| / (8 |W'|)``.

    Raises
    ------
    ValueError
        If the work does not begin above 0, or has not fallen so far by the last time.

    Examples
    --------
    >>> t = np.linspace(0.0, 4.0, 401)
    >>> round(lifetime(t, np.exp(-t / 2)), 4)
    2.0
    """
    t, w = time_axis("times", times), finite("work", work)
    require(w.shape == t.shape, "work", "have the shape of `times`", w.shape)
    level = real("share", share) * w[0]
    after = int(np.argmax(w <= level))
    must = f"begin above zero and fall to {share:.3g} of that by the last of `times`"
    require(after > 0, "work", must, w[[0, -1]].tolist())
    near = slice(after - 1, after + 1)
    crossed = np.interp(-level, -w[near], t[near])
    return float(crossed - t[0])


def passive_state(states: States, hamiltonian: Operator) -> ComplexArray:
    r"""Return the passive state of the same spectrum.

    .. math::

        \rho_{\mathrm p} = \sum_k r_k\,|e_k\rangle\langle e_k|, \qquad
        r_0 \ge r_1 \ge \dots, \quad e_0 \le e_1 \le \dots

    No unitary extracts work from it.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

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
    _, h, falling = _weighed(states, hamiltonian)
    _, basis = np.linalg.eigh(h)
    weighed = basis * falling[..., None, :]
    return (weighed @ adjoint(basis)).astype(complex)


def ergotropy(
    states: States,
    hamiltonian: Operator | Sequence[Operator],
    *,
    unitaries: Unitaries = "all",
    dims: Sequence[int] | None = None,
) -> FloatOrArray:
    r"""Return the largest work that unitaries of a stated set extract.

    .. math::

        \mathcal E = \max_U \big[\mathrm{tr}(\rho H) -
        \mathrm{tr}(U\rho U^\dagger H)\big]

    Over all unitaries it is tr(rho H) - sum_k r_k e_k with the eigenvalues r of the
    state, falling, and e of H, rising (Allahverdyan et al., 2004).

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj, or a list of blocks for "all_atoms"
        H on the space of the states.
    unitaries : str
        The set that may extract the work:

        "all"
            All unitaries on the space on which H is given, whatever it stands for.
        "all_atoms"
            All unitaries on the 2^N levels of N two-level atoms, for a state that is
            symmetric and given in the Dicke basis, d = N + 1. They may leave the
            symmetric space, so H is needed outside, too: ``hamiltonian`` is the list of
            its blocks for the total spins N/2, N/2 - 1, ..., 1/2 or 0, with energies
            from one common zero. The spin N/2 - k comes C(N, k) (N + 1 - 2k)/(N + 1 -
            k) times, and no atom differs from another.
        "collective"
            Unitaries on the d = N + 1 symmetric states alone: any such unitary, not the
            rotations of the spin only. The state and H are given in the Dicke basis.
            It is the number of "all" there, and at most that of "all_atoms". Qubits
            one by one are refused.
        "local"
            Products of one unitary per cell, for H a sum of one operator per cell: the
            sum of the ergotropies of the reduced states, at most that of "all".

        For Gaussian unitaries see `qbcore.gaussian.ergotropy` of one mode and
        `qbcore.gaussian.gaussian_ergotropy` of several.
    dims : sequence of int, optional
        For "local": sizes of the cells, in order. Those of a QuTiP ``hamiltonian`` if
        not given.

    Returns
    -------
    float or (...) array
        In the unit of H, not negative.

    Raises
    ------
    ValueError
        For an unknown set; for ``dims`` with a set other than "local"; for "all_atoms"
        a matrix instead of the blocks; for "collective" a QuTiP operator on several
        qubits; for "local" an H in which cells interact, or sizes that do not multiply
        to d.

    Examples
    --------
    >>> round(ergotropy([[0.2, 0.0], [0.0, 0.8]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.6

    Two atoms, one of them excited on average, in the basis ``|2>, |1>, |0>`` of the
    number of excited ones:

    >>> rho = np.diag([0.4, 0.2, 0.4])
    >>> blocks = [np.diag([2.0, 1.0, 0.0]), [[1.0]]]  # triplet and singlet
    >>> round(ergotropy(rho, blocks[0], unitaries="collective"), 12)
    0.2
    >>> round(ergotropy(rho, blocks, unitaries="all_atoms"), 12)
    0.4

    A Bell state is passive cell by cell, although it is pure:

    >>> bell, h = [0.5**0.5, 0.0, 0.0, 0.5**0.5], np.diag([2.0, 1.0, 1.0, 0.0])
    >>> ergotropy(bell, h, unitaries="local", dims=[2, 2])
    0.0
    """
    known = get_args(Unitaries)
    require(unitaries in known, "unitaries", f"be one of {known}", unitaries)
    if unitaries == "local":
        return _local_ergotropy(states, hamiltonian, dims)
    require(dims is None, "dims", 'be left out except for "local"', dims)
    if unitaries == "all_atoms":
        return _ergotropy_of_atoms(states, hamiltonian)
    if unitaries == "collective":
        _, space = read("hamiltonian", hamiltonian)
        qubits = space and len(space) > 1 and max(space) <= 2
        must = 'be given in the Dicke basis for "collective", with N + 1 levels'
        require(not qubits, "hamiltonian", must, space)
    return number(_work(*_spectra(states, hamiltonian)))


def _ergotropy_of_atoms(states: States, blocks: Any) -> FloatOrArray:
    """Ergotropy (...) over all unitaries on N atoms, for states in the first block.

    A unitary may reach the levels of all blocks.
    """
    must = (
        'list, for "all_atoms", the blocks of H for the total spins N/2, N/2 - 1, ..., '
        "of N + 1, N - 1, ... levels"
    )
    listed = isinstance(blocks, list | tuple) and len(blocks) > 0
    require(listed, "hamiltonian", must, type(blocks))
    checked = [hermitian("hamiltonian", block) for block in blocks]
    levels = [np.linalg.eigvalsh(block) for block, _ in checked]
    sizes = [each.size for each in levels]
    require(sizes == [*range(sizes[0], 0, -2)], "hamiltonian", must, sizes)
    array, h, falling = _weighed(states, blocks[0])
    # At most N + 1 weights differ from 0, and each takes one level, the lowest first.
    return number(_work(array, h, falling, lowest_levels(levels, len(h))))


def _local_ergotropy(
    states: States, hamiltonian: Operator, dims: Sequence[int] | None
) -> FloatOrArray:
    """Sum of the cells' ergotropies (...), for H a sum of one operator per cell."""
    array, h = _read(states, hamiltonian)
    _, space = read("hamiltonian", hamiltonian)
    given = (space or []) if dims is None else dims
    sizes = [integer("dims", size, least=1) for size in np.atleast_1d(given)]
    must = f"be the sizes of the cells, with product {len(h)} (a Qobj as H brings them)"
    require(math.prod(sizes) == len(h), "dims", must, dims)
    traceless = _above(h, np.trace(h).real / len(h))
    # What the trace over the other cells leaves of a traceless sum is a cell's own
    # operator, times their dimension.
    own = [traced * len(traced) / len(h) for traced in _reduced(traceless, sizes)]
    # kronsum(A, B) acts with B on the first factor.
    total = reduce(lambda a, b: sparse.kronsum(b, a), own)
    interaction = largest(np.asarray(total - traceless))
    must = 'be a sum over the cells without interaction (`unitaries="all"` takes any H)'
    fits = interaction <= OPERATOR_TOLERANCE * largest(traceless)
    require(fits, "hamiltonian", must, f"off by {interaction:.3g}")
    reduced = _reduced(density_matrices(array), sizes)
    return number(sum(map(_work_of, reduced, own)))


def _reduced(matrices: Numbers, sizes: list[int]) -> Iterator[Numbers]:
    """Yield the partial traces (..., n, n) that keep one cell."""
    for k, size in enumerate(sizes):
        split = math.prod(sizes[:k]), size, math.prod(sizes[k + 1 :])
        parts = matrices.reshape(*matrices.shape[:-2], *split, *split)
        # b: the cells before it, a: those after it; i and j: rows and columns of it.
        yield np.einsum("...biabja->...ij", parts)


def ergotropic_gap(
    states: States, hamiltonian: Operator, *, dims: Sequence[int] | None = None
) -> FloatOrArray:
    """Return the work that is locked to local unitaries: global minus local ergotropy.

    Mukherjee et al., Phys. Rev. E 93, 052140 (2016). For cells that do not interact it
    is 0 if the state is a product of pure ones, but not for every product.

    Parameters
    ----------
    states, hamiltonian, dims
        As for `ergotropy` with ``unitaries="local"``.

    Returns
    -------
    float or (...) array
        Not negative.

    Raises
    ------
    ValueError
        As for `ergotropy`.

    Examples
    --------
    >>> bell, h = [0.5**0.5, 0.0, 0.0, 0.5**0.5], np.diag([2.0, 1.0, 1.0, 0.0])
    >>> round(ergotropic_gap(bell, h, dims=[2, 2]), 12)
    1.0
    """
    alone = ergotropy(states, hamiltonian, unitaries="local", dims=dims)
    return number(np.maximum(ergotropy(states, hamiltonian) - alone, 0.0))


def daemonic_ergotropy(
    states: States, hamiltonian: Operator, measurement: States
) -> FloatOrArray:
    r"""Return the mean work once an ancilla has been measured.

    .. math::

        \sum_a p_a\,\mathcal E(\rho_a)

    Francica, Goold, Plastina and Paternostro, npj Quantum Inf. 3, 12 (2017): the
    unitary on the battery may depend on the result a, which leaves the battery in the
    state rho_a with probability p_a. The ergotropy is that over all unitaries.

    Parameters
    ----------
    states : ket or density matrix, or many
        Of battery and ancilla, in this order: d = d_B d_A levels.
    hamiltonian : (d_B, d_B) array_like or Qobj
        H of the battery alone.
    measurement : (n, d_A, d_A) array_like, or a list of Qobj
        Projectors on the ancilla that add up to 1, or the kets on which they project;
        or the effects of a generalised measurement, as in Bernards et al., Entropy 21,
        771 (2019).

    Returns
    -------
    float or (...) array
        At least the ergotropy of the battery's reduced state.

    Raises
    ------
    ValueError
        For a measurement that does not add up to 1 or is not positive.

    Examples
    --------
    >>> up, down = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    >>> bell = [0.5**0.5, 0.0, 0.0, 0.5**0.5]
    >>> round(daemonic_ergotropy(bell, up, [up, down]), 12)
    0.5
    """
    h, first = hermitian("hamiltonian", hamiltonian)
    given, second = read("measurement", measurement)
    effects, _ = hermitian(
        "measurement", density_matrices(given) if given.ndim == 3 else given
    )
    sizes = len(h), effects.shape[-1]
    whole = np.allclose(effects.sum(axis=0), np.eye(sizes[1]), atol=TOLERANCE)
    fits = whole and np.linalg.eigvalsh(effects).min() >= -TOLERANCE
    fits = fits and (h.ndim, effects.ndim) == (2, 3)
    must = "list operators that add up to 1, none of them negative, for one H"
    require(fits, "measurement", must, measurement)
    space = first + second if first and second else None
    array = checked_states("states", states, math.prod(sizes), space=space)
    rho = density_matrices(array)
    rho = rho.reshape(*rho.shape[:-2], *sizes, *sizes)
    left = np.einsum("...iajb,kba->...kij", rho, effects)
    return number(np.sum(_work_of(left, h), axis=-1))


def work_fluctuation(states: States, hamiltonian: Operator) -> FloatOrArray:
    r"""Return the standard deviation of the work at the unitary that extracts most.

    .. math::

        \sigma^2 = \sum_k r_k\,\big\|(H - e_k - \mathcal E)\,|r_k\rangle\big\|^2

    It is that of the operator of work H - U^+ H U, whose mean is the ergotropy, with U
    taking the eigenstates of the state to those of H (one of the definitions that
    Allahverdyan and Nieuwenhuizen, Phys. Rev. E 71, 066102 (2005), compare).

    For a state without coherence between the levels of H it is that of two energy
    measurements, one before U and one after it. For a coherent state the first
    measurement would change the mean: no scheme has the statistics of two measurements
    for every state without coherence, and the right mean for every state
    (Perarnau-Llobet et al., Phys. Rev. Lett. 118, 070601 (2017)). For a ket it is the
    energy fluctuation.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

    Returns
    -------
    float or (...) array
        In the unit of H. Where weights r_k agree within 1e-10, U is the one of
        least fluctuation.

    Examples
    --------
    >>> rho, h = [[0.2, 0.0], [0.0, 0.8]], [[0.0, 0.0], [0.0, 1.0]]
    >>> round(work_fluctuation(rho, h), 12)  # +1 with probability 0.8, else -1
    0.8
    """
    array, h, falling, energies = _spectra(states, hamiltonian)
    unit = largest(h) or 1.0  # whose square may be no number
    h, energies = h / unit, energies / unit
    mean = _work(array, h, falling, energies)[..., None]
    # Among equal weights, this lists low energies first.
    _, rising = np.linalg.eigh(density_matrices(array) - EQUAL_WEIGHTS * h)
    basis = rising[..., ::-1]
    moved = h @ basis - basis * (energies + mean)[..., None, :]
    each = np.abs(moved) ** 2
    variance = (falling * each.sum(axis=-2)).sum(axis=-1)
    return number(unit * np.sqrt(variance))


def passive_energy(states: States, hamiltonian: Operator) -> FloatOrArray:
    r"""Return the energy above the ground that no unitary extracts.

    .. math::

        \sum_k r_k e_k - e_0

    r are the eigenvalues of the state, falling, and e those of H, rising. Andolina et
    al., Phys. Rev. Lett. 122, 047702 (2019), call it locked by correlations if the
    battery is mixed for its entanglement with the charger.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

    Returns
    -------
    float or (...) array
        In the unit of H, not negative.

    Examples
    --------
    >>> round(passive_energy([[0.2, 0.0], [0.0, 0.8]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.2
    """
    _, _, falling, energies = _spectra(states, hamiltonian)
    return number(_passive_energy(falling, energies))


def bound_energy(states: States, hamiltonian: Operator) -> FloatOrArray:
    """Return the least energy above the ground at the entropy of the state.

    It is that of the Gibbs state of the same entropy: no unitary on many copies gets
    below it (Alicki and Fannes, Phys. Rev. E 87, 042123 (2013)). The name is that of
    Bera et al., Quantum 3, 121 (2019).

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

    Returns
    -------
    float or (...) array
        In the unit of H, at most `passive_energy`. Rounding of the entropy costs up
        to 2e-8 of the width of H where the state is nearly the maximally mixed one.

    Examples
    --------
    >>> rho = np.diag([0.3, 0.7])
    >>> round(bound_energy(rho, np.diag([0.0, 1.0])), 9)  # it is thermal itself
    0.3
    """
    _, _, falling, energies = _spectra(states, hamiltonian)
    above = energies - energies[0]
    wanted = _entropy(falling, math.e)
    # The entropy falls with beta. Bisect log(beta width): at -42 a Gibbs state is
    # maximally mixed to rounding, at 42 it holds what rounding takes for one level.
    middle, unit = np.zeros_like(wanted), above[-1] or 1.0
    for step in 42 / 2 ** np.arange(1.0, 60.0):
        beta = np.exp(middle)[..., None] / unit
        weights = softmax(-beta * above, axis=-1)
        middle = middle + step * np.sign(_entropy(weights, math.e) - wanted)
    return number(weights @ above)


def many_copy_work(states: States, hamiltonian: Operator) -> FloatOrArray:
    r"""Return the work per copy that unitaries extract from very many copies.

    .. math::

        \lim_{n\to\infty} \mathcal E(\rho^{\otimes n})/n

    It is the energy above that of the Gibbs state of the same entropy (Alicki and
    Fannes, Phys. Rev. E 87, 042123 (2013)), also called total ergotropy.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

    Returns
    -------
    float or (...) array
        In the unit of H: `stored_energy` minus `bound_energy`, at least `ergotropy`.

    Examples
    --------
    >>> h = np.diag([0.0, 1.0, 3.0])
    >>> rho = np.diag([0.5, 0.3, 0.2])  # passive, but not thermal
    >>> ergotropy(rho, h), round(many_copy_work(rho, h), 4)
    (0.0, 0.0143)
    """
    stored = stored_energy(states, hamiltonian)
    return number(np.maximum(stored - bound_energy(states, hamiltonian), 0.0))


def excess_free_energy(
    states: States, hamiltonian: Operator, temperature: float
) -> FloatOrArray:
    r"""Return the free energy above equilibrium.

    .. math::

        F(\rho) - F(\gamma) = T\,S(\rho\|\gamma), \qquad
        F(\rho) = \mathrm{tr}(\rho H) - T S(\rho), \quad \gamma = e^{-H/T}/Z

    The entropy is in nats. The difference bounds the work that a bath of temperature T
    helps to extract (Esposito and Van den Broeck, EPL 95, 40004 (2011)).

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.
    temperature : float
        T > 0 in the unit of H (k_B = 1).

    Returns
    -------
    float or (...) array
        In the unit of H, not negative; at least the ergotropy.

    Raises
    ------
    ValueError
        For a temperature that is not above 0.

    Examples
    --------
    >>> round(excess_free_energy([0.0, 1.0], [[0.0, 0.0], [0.0, 1.0]], 1.0), 12)
    1.313261687518
    """
    t = real("temperature", temperature, above=0.0)
    array, h, falling, energies = _spectra(states, hamiltonian)
    stored = _mean(array, _above(h, energies[0]))
    gained = logsumexp((energies[0] - energies) / t) - _entropy(falling, math.e)
    return number(np.maximum(stored + t * gained, 0.0))


def antiergotropy(states: States, hamiltonian: Operator) -> FloatOrArray:
    r"""Return the largest work that a unitary can put in.

    .. math::

        \sum_k r_k e_k - \mathrm{tr}(\rho H)

    r are the eigenvalues of the state and e those of H, both rising.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

    Returns
    -------
    float or (...) array
        In the unit of H, not negative.

    Examples
    --------
    >>> round(antiergotropy([[0.8, 0.0], [0.0, 0.2]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.6
    """
    array, h, falling, energies = _spectra(states, hamiltonian)
    return number(_work(array, -h, falling, -energies[::-1]))


def _work_of(rho: Numbers, h: Numbers) -> FloatArray:
    """Ergotropy (...) of positive matrices (..., d, d), proportional to their trace."""
    rising = np.linalg.eigvalsh(rho)
    return _work(rho, h, rising[..., ::-1], np.linalg.eigvalsh(h))


def _work(
    array: Numbers, h: Numbers, falling: FloatArray, energies: FloatArray
) -> FloatArray:
    """tr(rho H) - sum_k r_k e_k, (...), for falling r_k and the rising e_k in reach."""
    stored = _mean(array, _above(h, energies[0]))
    # Rounding may make the work of a passive state slightly negative.
    return np.maximum(stored - _passive_energy(falling, energies), 0.0)


def capacity(states: States, hamiltonian: Operator) -> FloatOrArray:
    """Return the battery capacity: ergotropy plus antiergotropy.

    The spectra of state and H alone fix it (Yang et al., Phys. Rev. Lett. 131, 030402
    (2023)).

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

    Returns
    -------
    float or (...) array
        In the unit of H, not negative.

    Examples
    --------
    >>> round(capacity([[0.8, 0.0], [0.0, 0.2]], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.6
    """
    _, _, falling, energies = _spectra(states, hamiltonian)
    return number((falling[..., ::-1] - falling) @ energies)


def incoherent_ergotropy(
    states: States, hamiltonian: Operator, *, degeneracy: float | None = None
) -> FloatOrArray:
    """Return the ergotropy of the state dephased in the levels of H.

    It is the part of the work that needs no coherence.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.
    degeneracy : float, optional
        Levels of H closer than this count as one; see the conventions of
        `qbcore.metrics`.

    Returns
    -------
    float or (...) array
        In the unit of H, at most `ergotropy`.

    Examples
    --------
    >>> round(incoherent_ergotropy([0.6, 0.8], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.28
    """
    array, h = _read(states, hamiltonian)
    return number(_work(array, h, *_dephased(array, h, degeneracy)))


def coherent_ergotropy(
    states: States, hamiltonian: Operator, *, degeneracy: float | None = None
) -> FloatOrArray:
    """Return ergotropy minus its incoherent part, the work that coherence adds.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.
    degeneracy : float, optional
        Levels of H closer than this count as one; see the conventions of
        `qbcore.metrics`.

    Returns
    -------
    float or (...) array
        In the unit of H, not negative.

    Examples
    --------
    >>> round(coherent_ergotropy([0.6, 0.8], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.36
    """
    array, h, falling = _weighed(states, hamiltonian)
    weights, energies = _dephased(array, h, degeneracy)
    lost = _passive_energy(weights, energies) - _passive_energy(falling, energies)
    return number(np.maximum(lost, 0.0))


def energy_fluctuation(states: States, hamiltonian: Operator) -> FloatOrArray:
    r"""Return the standard deviation of the energy.

    .. math::

        \Delta(H) = \sqrt{\langle H^2\rangle - \langle H\rangle^2}

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.

    Returns
    -------
    float or (...) array
        In the unit of H.

    Examples
    --------
    >>> round(energy_fluctuation([0.6, 0.8], [[0.0, 0.0], [0.0, 1.0]]), 12)
    0.48
    """
    return number(_fluctuation(*_read(states, hamiltonian)))


def _fluctuation(array: Numbers, h: Numbers) -> FloatArray:
    """Standard deviation of one H, or of one per state."""
    unit = largest(h) or 1.0  # whose square may be no number
    h = h / unit
    mean = _mean(array, h)[..., None, None]
    moved = h @ array - mean * array
    spread = moved if are_kets(array) else h - mean * np.eye(h.shape[-1])
    variance = _inner(moved, spread).real
    return unit * np.sqrt(np.maximum(variance, 0.0))


def von_neumann_entropy(states: States, *, base: float = 2.0) -> FloatOrArray:
    r"""Return the von Neumann entropy.

    .. math::

        S = -\mathrm{tr}(\rho \log \rho)

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    base : float
        Base of the logarithm, above 1: 2 for bits, e for nats.

    Returns
    -------
    float or (...) array
        Between 0 and log d.

    Examples
    --------
    >>> von_neumann_entropy([[0.5, 0.0], [0.0, 0.5]])
    1.0
    """
    _, falling = with_spectrum("states", normalised_states("states", states))
    return number(_entropy(falling, base))


def diagonal_entropy(
    states: States,
    hamiltonian: Operator,
    *,
    base: float = 2.0,
    degeneracy: float | None = None,
) -> FloatOrArray:
    """Return the entropy of the state dephased in the levels of H.

    For a non-degenerate H this is the Shannon entropy of the populations. Inside a
    degenerate level no basis is preferred, so its block keeps its coherence.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.
    base : float
        Base of the logarithm, above 1: 2 for bits, e for nats.
    degeneracy : float, optional
        Levels of H closer than this count as one; see the conventions of
        `qbcore.metrics`.

    Returns
    -------
    float or (...) array
        Between 0 and log d.

    Examples
    --------
    >>> plus = [0.5**0.5, 0.5**0.5]
    >>> round(diagonal_entropy(plus, [[0.0, 0.0], [0.0, 1.0]]), 12)
    1.0
    """
    array, h = _read(states, hamiltonian)
    weights, _ = _dephased(array, h, degeneracy)
    return number(_entropy(weights, base))


def relative_entropy_of_coherence(
    states: States,
    hamiltonian: Operator,
    *,
    base: float = 2.0,
    degeneracy: float | None = None,
) -> FloatOrArray:
    """Return diagonal minus von Neumann entropy: coherence between levels of H.

    Parameters
    ----------
    states : ket or density matrix, or many
        See the conventions of `qbcore.metrics`.
    hamiltonian : (d, d) array_like or Qobj
        H of the battery.
    base : float
        Base of the logarithm, above 1: 2 for bits, e for nats.
    degeneracy : float, optional
        Levels of H closer than this count as one; see the conventions of
        `qbcore.metrics`.

    Returns
    -------
    float or (...) array
        Not negative.

    Examples
    --------
    >>> plus = [0.5**0.5, 0.5**0.5]
    >>> round(relative_entropy_of_coherence(plus, [[0.0, 0.0], [0.0, 1.0]]), 12)
    1.0
    """
    array, h, falling = _weighed(states, hamiltonian)
    weights, _ = _dephased(array, h, degeneracy)
    gained = _entropy(weights, base) - _entropy(falling, base)
    return number(np.maximum(gained, 0.0))
