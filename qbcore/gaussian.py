r"""Gaussian states of bosonic modes: dynamics, state at rest, metrics.

When the Hamiltonian is at most quadratic in the ladder operators and every jump
operator is linear in them, a Gaussian state stays Gaussian: a vector and a matrix say
all about it, and no Fock space is cut off. Conventions: hbar = k_B = 1, quadratures
r = (x_1, p_1, x_2, p_2, ...) with x = (a + a^+)/sqrt(2), p = (a - a^+)/(i sqrt(2)), so
[r_j, r_k] = i Omega_jk, and

.. math::

    \bar r_j = \langle r_j\rangle, \quad
    V_{jk} = \tfrac12\langle\{r_j - \bar r_j, r_k - \bar r_k\}\rangle,

the mean and the covariance, with 1/2 on the diagonal for the vacuum. For
:math:`H = r^T G r/2 + d^T r` and jump operators :math:`L_k = (C r)_k` they obey

.. math::

    \dot{\bar r} = A\bar r + \Omega d, \quad \dot V = A V + V A^T + D,

with the drift matrix :math:`A = \Omega(G + \mathrm{Im}\,C^\dagger C)` and the
diffusion :math:`D = \Omega\,\mathrm{Re}(C^\dagger C)\,\Omega^T`.

Source: Weedbrook et al., Rev. Mod. Phys. 84, 621 (2012), with their vacuum variance 1
halved; the drift and diffusion of a Lindblad equation as in Genoni, Lami and Serafini,
Contemp. Phys. 57, 331 (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import block_diag, solve_continuous_lyapunov

from qbcore._numerics.moments import driven, steps
from qbcore._support.checks import (
    TimeFunction,
    integer,
    numbers,
    real,
    require,
    sampled,
    time_axis,
    together,
)
from qbcore._support.models import at_most
from qbcore._support.results import number, read_only
from qbcore._support.states import adjoint, are_positive, largest
from qbcore._support.types import (
    ComplexArray,
    ComplexOrArray,
    FloatArray,
    FloatOrArray,
    IntArray,
    Numbers,
)
from qbcore.errors import (
    AccuracyError,
    LeakingCutoffError,
    SeveralSteadyStatesError,
    UnstableError,
)

ROUNDING = 16 * np.finfo(float).eps  # of a sum of products of rounded parameters
TOLERANCE = 1e-9  # how far a covariance may fall short of the uncertainty relation
ACCURACY = 1e-6  # share of a result that double precision may lose
BLUR = 2e-8  # and that a phase may: more would show in the uncertainty relation
LARGEST = 1e150  # a moment whose square is still a number
LOST = 1e-6  # weight that a Fock space may cut off


Drive: TypeAlias = Callable[[float], float] | TimeFunction
Drives: TypeAlias = Sequence[tuple["GaussianSystem", Drive]]


class GaussianState(NamedTuple):
    """Mean and covariance of n modes, over times or not.

    Attributes
    ----------
    mean : (..., 2n) array
        Of the quadratures (x_1, p_1, x_2, p_2, ...).
    covariance : (..., 2n, 2n) array
        Symmetric; 1/2 on the diagonal of the vacuum.

    Examples
    --------
    >>> GaussianState(np.zeros(2), np.eye(2) / 2) == thermal(1)
    True
    """

    mean: FloatArray
    covariance: FloatArray

    def mode(self, index: int | Sequence[int]) -> GaussianState:
        """Return the state of one mode, or of several, alone: the partial trace.

        Parameters
        ----------
        index : int or sequence of int
            Which to keep.

        Returns
        -------
        GaussianState

        Examples
        --------
        >>> round(occupation(two_mode_squeezed(1.0).mode(0)), 4)
        1.3811
        """
        kept = _columns("index", index, self.mean.shape[-1] // 2)
        return GaussianState(
            self.mean[..., kept], self.covariance[..., kept[:, None], kept]
        )

    def __eq__(self, other: object) -> bool:
        """Whether all moments are the same."""
        if not isinstance(other, GaussianState):
            return NotImplemented
        return all(map(np.array_equal, self, other))

    def __ne__(self, other: object) -> bool:
        """Whether a moment differs."""
        return not self == other


def thermal(modes: int, occupation: float = 0.0) -> GaussianState:
    """Return modes in thermal states of one mean occupation; the vacuum if it is 0.

    Parameters
    ----------
    modes : int
        Number of modes, at least 1: ``thermal(1, 2.0)`` is one mode with two quanta,
        ``thermal(2)`` the vacuum of two modes.
    occupation : float
        n >= 0 of each mode.

    Returns
    -------
    GaussianState
        Passive, of energy n in each mode.

    Raises
    ------
    ValueError
        If an argument is not a number in its range.
    AccuracyError
        If a variance is above 1e150.

    Examples
    --------
    >>> energy(thermal(1, 2.0)), energy(thermal(2))
    (2.0, 0.0)
    """
    size = 2 * integer("modes", modes, least=1)
    return _centred(_noise(occupation) * np.eye(size))


def coherent(amplitude: ArrayLike) -> GaussianState:
    """Return modes in coherent states, ``a |alpha> = alpha |alpha>``.

    Its mean displaces another state: ``state.mean + coherent(alpha).mean``.

    Parameters
    ----------
    amplitude : complex or (n,) array_like
        alpha, of one mode or of each.

    Returns
    -------
    GaussianState
        Of energy ``|alpha|^2`` in each mode, all of which is ergotropy.

    Raises
    ------
    ValueError
        If an amplitude is not a number.

    Examples
    --------
    >>> round(energy(coherent([2.0, 1j])), 12)
    5.0
    """
    must = "hold numbers, one per mode"
    given = numbers("amplitude", amplitude, must, dtype=complex)
    require(given.ndim < 2 and given.size > 0, "amplitude", must, given.shape)
    mean = np.sqrt(2) * given.reshape(-1).view(float)  # real and imaginary parts
    return _representable(GaussianState(mean, np.eye(mean.size) / 2))


def squeezed(
    squeezing: float, phase: float = 0.0, occupation: float = 0.0
) -> GaussianState:
    """Return one mode, squeezed from the vacuum or from a thermal state.

    S = exp[(z* a^2 - z a^+2)/2] with z = r e^{i phi}, as `qutip.squeeze`, makes the
    covariance (n + 1/2) [cosh 2r - sinh 2r (cos phi, sin phi; sin phi, -cos phi)].

    Parameters
    ----------
    squeezing : float
        r: at phi = 0 the variance of x falls by e^{-2 r}, that of p grows by e^{2 r}.
    phase : float
        phi, in radians.
    occupation : float
        n >= 0 of the thermal state.

    Returns
    -------
    GaussianState
        Of energy (n + 1/2) cosh 2r - 1/2.

    Raises
    ------
    ValueError
        If an argument is not a number in its range.
    AccuracyError
        If a variance is above 1e150.

    Examples
    --------
    >>> round(energy(squeezed(0.5)), 6)  # sinh(1/2)^2
    0.27154
    """
    r = real("squeezing", squeezing)
    half = real("phase", phase) / 2
    c, s = np.cos(half), np.sin(half)
    turn = np.array([[c, -s], [s, c]])
    with np.errstate(over="ignore", invalid="ignore"):
        squeeze = (turn * np.exp([-2 * r, 2 * r])) @ turn.T
        return _centred(_noise(occupation) * squeeze)


def _noise(occupation: float) -> float:
    """Variance of a thermal mode."""
    return real("occupation", occupation, least=0.0) + 0.5


def _centred(covariance: FloatArray) -> GaussianState:
    """A state without displacement."""
    return _representable(GaussianState(np.zeros(len(covariance)), covariance))


def two_mode_squeezed(
    squeezing: float, phase: float = 0.0, occupation: float = 0.0
) -> GaussianState:
    """Return two modes, squeezed together from the vacuum or from thermal states.

    S = exp(z* a b - z a^+ b^+) with z = r e^{i phi} makes <a b> =
    -e^{i phi} (n + 1/2) sinh 2r. Each mode alone is thermal.

    Parameters
    ----------
    squeezing, phase, occupation : float
        r, phi and n >= 0, of both thermal states.

    Returns
    -------
    GaussianState
        Of energy (n + 1/2) cosh 2r - 1/2 in each mode.

    Raises
    ------
    ValueError
        If an argument is not a number in its range.
    AccuracyError
        If a variance is above 1e150.

    Examples
    --------
    >>> round(logarithmic_negativity(two_mode_squeezed(0.5)), 6)  # 2 r / log 2
    1.442695
    """
    # A balanced beam splitter makes it of two modes that are squeezed crosswise.
    r = real("squeezing", squeezing)
    one, other = (squeezed(each, phase, occupation).covariance for each in (r, -r))
    splitter = np.kron([[1, 1], [1, -1]], np.eye(2))
    return _centred(splitter @ block_diag(one, other) @ splitter.T / 2)


def tensor(*states: GaussianState) -> GaussianState:
    """Return the product of states of one mode or more, in this order.

    Parameters
    ----------
    *states : GaussianState
        One state each, or a time axis of them, which must broadcast.

    Returns
    -------
    GaussianState
        Of all modes, without correlations between the factors.

    Raises
    ------
    ValueError
        If a factor is not a state, or if the time axes do not broadcast.

    Examples
    --------
    >>> start = tensor(coherent(2.0), thermal(1, 0.5))
    >>> round(energy(start.mode(0)), 12), round(energy(start), 12)
    (4.0, 4.5)
    """
    require(len(states) > 0, "states", "be at least one state", states)
    factors = [checked_state(each, "states") for each in states]
    means, covariances = zip(*factors, strict=True)
    together("states", *(mean[..., 0] for mean in means))
    ends = np.cumsum([mean.shape[-1] for mean in means])
    places = np.split(np.eye(ends[-1]), ends[:-1])
    placed = [own.T @ v @ own for v, own in zip(covariances, places, strict=True)]
    moved = map(np.matmul, means, places)
    return GaussianState(reduce(np.add, moved), reduce(np.add, placed))


def symplectic_form(modes: int) -> FloatArray:
    """Return Omega: blocks [[0, 1], [-1, 0]] on the diagonal, one per mode.

    Parameters
    ----------
    modes : int
        n, at least 1.

    Returns
    -------
    (2n, 2n) array

    Examples
    --------
    >>> symplectic_form(1)
    array([[ 0.,  1.],
           [-1.,  0.]])
    """
    return _form(integer("modes", modes, least=1))


@lru_cache(maxsize=16)
def _form(modes: int) -> FloatArray:
    return read_only(np.kron(np.eye(modes), [[0.0, 1.0], [-1.0, 0.0]]))


@dataclass(frozen=True, eq=False)
class GaussianSystem:
    """H = r^T G r / 2 + d^T r with jump operators L = C r; see the module's docstring.

    In a bath of mean occupation n each L has the weight n + 1, and L^+ the weight n.
    That multiplies D by 2 n + 1 and leaves A as it is.

    Parameters
    ----------
    stiffness : (2n, 2n) array_like
        G, real symmetric.
    force : (2n,) array_like
        d, real.
    jumps : (m, 2n) array_like
        C, complex, one row per jump operator.
    occupation : float
        n >= 0 of all baths; 0 if the jumps stand for themselves.

    Raises
    ------
    ValueError
        For shapes that do not fit, entries that are not finite, or an asymmetric G.

    Examples
    --------
    >>> loss = np.sqrt(0.1 / 2) * np.array([[1, 1j]])  # sqrt(kappa) a
    >>> mode = GaussianSystem(np.eye(2), [0.0, 0.0], loss)
    >>> mode.evolve(coherent(1.0), [10.0]).mean.round(4)  # e^{-(kappa/2 + i) t}
    array([[-0.7197,  0.4666]])
    """

    stiffness: FloatArray
    force: FloatArray
    jumps: ComplexArray
    occupation: float = 0.0

    def __post_init__(self) -> None:
        """Keep read-only copies of what fits together."""
        force = numbers("force", self.force)
        stiffness = numbers("stiffness", self.stiffness)
        jumps = np.array(numbers("jumps", self.jumps, dtype=complex))
        size = force.size
        require(size > 0 and size % 2 == 0, "force", "have an even length 2n", size)
        self.__dict__.update(
            force=_fitting("force", force, (size,)),
            stiffness=_fitting("stiffness", stiffness, (size, size)),
            jumps=_fitting("jumps", jumps, (*jumps.shape[:1], size)),
            occupation=real("occupation", self.occupation, least=0.0),
        )
        _mirror("stiffness", stiffness, stiffness.T, "be symmetric")

    @classmethod
    def from_ladder(
        cls,
        hopping: ArrayLike,
        pairing: ArrayLike,
        drive: ArrayLike,
        jumps: ArrayLike,
        occupation: float = 0.0,
    ) -> GaussianSystem:
        """Return the system written with ladder operators.

        H = sum h_jk a_j^+ a_k + (1/2) sum (k_jk a_j^+ a_k^+ + h.c.)
            + sum (f_j a_j^+ + h.c.).

        Parameters
        ----------
        hopping : (n, n) array_like
            h, Hermitian.
        pairing : (n, n) array_like
            k, symmetric.
        drive : (n,) array_like
            f.
        jumps : (m, 2n) array_like
            Coefficients of (a_1, ..., a_n, a_1^+, ..., a_n^+) in each L.
        occupation : float
            n >= 0 of all baths.

        Returns
        -------
        GaussianSystem

        Raises
        ------
        ValueError
            For shapes that do not fit, entries that are not finite, or the wrong
            symmetry.

        Examples
        --------
        >>> mode = GaussianSystem.from_ladder([[2.0]], [[0]], [0.5], [[1, 0]])
        >>> mode.stiffness  # 2 a^+ a, and a^+ + a halved
        array([[2., 0.],
               [0., 2.]])
        >>> mode.force.round(4)
        array([0.7071, 0.    ])
        """
        given = {"drive": drive, "hopping": hopping, "pairing": pairing, "jumps": jumps}
        f, h, k, rows = (numbers(n, v, dtype=complex) for n, v in given.items())
        n = f.size
        _fitting("drive", f, (n,))
        _fitting("hopping", h, (n, n))
        _fitting("pairing", k, (n, n))
        _fitting("jumps", rows, (*rows.shape[:1], 2 * n))
        _mirror("hopping", h, adjoint(h), "be Hermitian")
        _mirror("pairing", k, k.T, "be symmetric")
        a = np.kron(np.eye(n), [1.0, 1j]) / np.sqrt(2)  # a = (x + i p)/sqrt(2)
        return cls(
            2 * (adjoint(a) @ (h @ a + k @ a.conj())).real,
            2 * (adjoint(a) @ f).real,
            rows @ np.vstack([a, a.conj()]),
            occupation,
        )

    @property
    def modes(self) -> int:
        """Number of modes n.

        Examples
        --------
        >>> GaussianSystem(np.eye(4), np.zeros(4), np.zeros((0, 4))).modes
        2
        """
        return len(self.force) // 2

    @cached_property
    def drift(self) -> FloatArray:
        """A = Omega (G + Im C^+ C), shape (2n, 2n).

        Examples
        --------
        >>> GaussianSystem.from_ladder([[2]], [[0]], [0], [[1, 0]]).drift
        array([[-0.5,  2. ],
               [-2. , -0.5]])
        """
        gram = adjoint(self.jumps) @ self.jumps
        return read_only(_form(self.modes) @ (self.stiffness + gram.imag))

    @cached_property
    def diffusion(self) -> FloatArray:
        """D = (2 n + 1) Omega Re(C^+ C) Omega^T, shape (2n, 2n), never negative.

        Examples
        --------
        >>> GaussianSystem.from_ladder([[2]], [[0]], [0], [[1, 0]]).diffusion
        array([[0.5, 0. ],
               [0. , 0.5]])
        """
        omega = _form(self.modes)
        gram = adjoint(self.jumps) @ self.jumps
        warm = 2 * self.occupation + 1
        return read_only(warm * (omega @ gram.real @ omega.T))

    @property
    def push(self) -> FloatArray:
        """Omega d, the constant rate of the mean, shape (2n,).

        Examples
        --------
        >>> GaussianSystem(np.eye(2), [0.0, 3.0], np.zeros((0, 2))).push
        array([3., 0.])
        """
        return _form(self.modes) @ self.force

    @property
    def _feed(self) -> GaussianState:
        """What the equations of mean and covariance add at every moment."""
        return GaussianState(self.push, self.diffusion)

    @cached_property
    def _reach(self) -> FloatArray:
        """Size of the terms of each entry of A, which may cancel in it.

        Rounding moves an entry by `ROUNDING` of this. In G the terms have cancelled
        already, two modes' hopping and pairing: the largest of the four entries stands
        for them.
        """
        rows = np.abs(self.jumps)
        terms = np.abs(self.stiffness) + rows.T @ rows
        blocks = terms.reshape(self.modes, 2, self.modes, 2)
        return np.kron(blocks.max(axis=(1, 3)), np.ones((2, 2)))

    @cached_property
    def _rounded(self) -> FloatArray:
        """A, and A with every entry rounded in one way or the other, (17, 2n, 2n)."""
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (17, *self.drift.shape))
        signs[0] = 0.0
        return self.drift + ROUNDING * self._reach * signs

    @cached_property
    def decay_rate(self) -> float:
        """Slowest decay of the mean, -max Re(eigenvalues of A): negative if unstable.

        A rate that is smaller than what rounding of A changes in it is zero.

        Examples
        --------
        >>> mode = GaussianSystem.from_ladder([[1]], [[0]], [0], [[1, 0]])
        >>> round(mode.decay_rate, 12)  # half of the loss
        0.5
        """
        rates = -np.linalg.eigvals(self._rounded).real.max(axis=-1)
        rate = float(rates[0])
        return rate if abs(rate) > largest(rates - rate) else 0.0

    def slope(self, state: GaussianState) -> GaussianState:
        """Return the time derivative of mean and covariance.

        An entry that rounding cannot tell from zero is zero: a state in equilibrium
        with its baths stays as it is, however hot.

        Parameters
        ----------
        state : GaussianState
            Of the modes of the system.

        Returns
        -------
        GaussianState
            A pair of the same shapes; not a state.

        Examples
        --------
        >>> mode = GaussianSystem.from_ladder([[1]], [[0]], [0], [[1, 0]])
        >>> mode.slope(thermal(1, 2.0)).covariance
        array([[-2.,  0.],
               [ 0., -2.]])
        """
        begin = checked_state(state)
        shape, must = begin.mean.shape, f"be of {self.modes} modes"
        require(shape[-1] == 2 * self.modes, "state", must, shape)
        mean_rate, rate = _rate(begin, self.drift, *self._feed)
        known = np.abs(rate) > self._blur(begin.covariance)
        return GaussianState(mean_rate, np.where(known, rate, 0.0))

    def steady_state(self) -> GaussianState:
        """Return mean and covariance at rest, by a linear and a Lyapunov solver.

        Returns
        -------
        GaussianState
            It does not depend on the start.

        Raises
        ------
        UnstableError
            If some part of the mean grows.
        SeveralSteadyStatesError
            If some part neither grows nor decays, to rounding.
        AccuracyError
            If rounding of the parameters moves a variance by more than 1e-6 of itself.

        Examples
        --------
        >>> driven = GaussianSystem.from_ladder([[0]], [[0]], [0.5], [[1, 0]], 0.2)
        >>> rest = driven.steady_state()
        >>> round(energy(rest), 12), round(ergotropy(rest), 12)  # |2 f / kappa|^2 = 1
        (1.2, 1.0)
        """
        rate = self.decay_rate
        if rate < 0:
            message = (
                f"The modes grow at the rate {-rate:.6g}: they need more loss or less "
                "drive."
            )
            raise UnstableError(message, found=rate, limit=0.0)
        if rate == 0:
            message = (
                "Some combination of the modes does not decay, so the state at rest "
                "depends on the start (or grows without bound): give every mode a "
                "loss, or use `evolve` with a start."
            )
            raise SeveralSteadyStatesError(message, found=rate, limit=0.0)
        mean = np.asarray(np.linalg.solve(self.drift, -self.push))
        covariance = np.zeros_like(self.drift)
        # The solver errs by the norm of A; what is left knows the slow modes, too.
        for _ in range(2):
            left = _both(self.drift, covariance) + self.diffusion
            covariance = covariance + self._lyapunov(left)
        self._check_rest(covariance)
        return _representable(GaussianState(mean, covariance))

    def _blur(self, covariance: FloatArray) -> FloatArray:
        """What rounding of A and D leaves in the derivative of a covariance."""
        terms = _both(self._reach, np.abs(covariance)) + np.abs(self.diffusion)
        return ROUNDING * terms

    def _lyapunov(self, noise: FloatArray) -> FloatArray:
        """Symmetric V of A V + V A^T + noise = 0."""
        solution = solve_continuous_lyapunov(self.drift, -noise)
        return (solution + solution.T) / 2

    def _check_rest(self, covariance: FloatArray) -> None:
        """Refuse a covariance at rest that rounding of A and D may change.

        A symmetric change of D by at most B, entry by entry, lies between plus and
        minus the diagonal of its row sums, and the solution grows with the noise.
        """
        rows = self._blur(covariance).sum(axis=1)
        error = self._lyapunov(np.diag(rows))
        lost = largest(error.diagonal() / covariance.diagonal())
        rate = f"the slowest rate, {self.decay_rate:.3g}, is small beside the others"
        what = f"The change of the state at rest by rounding, for {rate},"
        at_most(ACCURACY, lost, what, "go farther from the threshold", AccuracyError)

    def evolve(
        self, start: GaussianState, times: ArrayLike, drives: Drives = ()
    ) -> GaussianState:
        """Return the state at increasing times (T,) >= 0, exact without drives.

        A step of length h takes the mean to P mean + q and the covariance to
        P covariance P^T + Q, with P = e^{A h} and q, Q the integrals of what is fed in.
        With drives f(t), steps of fourth order (Blanes and Moan, Applied Numerical
        Mathematics 56, 1519 (2006)) are halved until that changes them by less than
        1e-11: moments are known to about 1e-9 of the largest, the vacuum's 1/2 among
        them. No step is longer than a gap of the times.

        Parameters
        ----------
        start : GaussianState
            State of all modes at time 0.
        times : (T,) array_like
            Increasing times; with drives, closer together than a pulse is wide.
        drives : sequence of (GaussianSystem, callable)
            Pairs (other, f), which add f(t) times the Hamiltonian of the other system,
            and f(t) times the dissipators of its jumps; those need f >= 0.

        Returns
        -------
        GaussianState
            Mean (T, 2n) and covariance (T, 2n, 2n).

        Raises
        ------
        ValueError
            For a ``start`` that is not a state, times that do not increase, or drives
            that are not such pairs or not real.
        AccuracyError
            If the moments leave double precision: above 1e150, or after so long that
            rounding of an undamped frequency changes the phase by 2e-8.
        TooLargeError
            If the drives need more than 20,000 steps at a time.

        Examples
        --------
        >>> mode = GaussianSystem.from_ladder([[0]], [[0]], [0], [[1, 0]])
        >>> push = GaussianSystem.from_ladder([[0]], [[0]], [1], np.zeros((0, 2)))
        >>> pulsed = mode.evolve(thermal(1), [2.0], [(push, np.sin)])
        >>> energy(pulsed).round(6)  # |integral of e^{-(2 - t)/2} sin t|^2
        array([0.981962])
        """
        begin = checked_state(start, "start", self.modes)
        if drives:
            gain, _ = self.gain(begin, times, drives)
            return _representable(GaussianState(*map(np.add, begin, gain)))
        return self._move(begin, self._feed, times)

    def gain(
        self, start: GaussianState, times: ArrayLike, drives: Drives = ()
    ) -> tuple[GaussianState, GaussianState]:
        """Return what `evolve` adds to mean and covariance of the start, and its slope.

        The gain obeys the same equations, fed by the slope at the start: no small
        difference of large moments is taken.

        Parameters
        ----------
        start, times, drives
            As for `evolve`.

        Returns
        -------
        gain, slope : GaussianState
            Pairs of moments over time; not states.

        Examples
        --------
        >>> mode = GaussianSystem.from_ladder([[0]], [[0]], [0], [[1, 0]])
        >>> gain, slope = mode.gain(thermal(1, 2.0), [np.log(2.0)])
        >>> gain.covariance[0].diagonal().round(12)  # half of the quanta are gone
        array([-1., -1.])
        """
        begin = checked_state(start, "start", self.modes)
        if drives:
            return self._driven(begin, time_axis("times", times), drives)
        feed = self.slope(begin)
        nothing = GaussianState(*map(np.zeros_like, feed))
        gain = self._move(nothing, feed, times)
        return gain, _rate(gain, self.drift, *feed)

    def _driven(
        self, begin: GaussianState, t: FloatArray, drives: Drives
    ) -> tuple[GaussianState, GaussianState]:
        """The gain and its slope while f(t) times other systems is added.

        The generators add up, and so do the slopes at the start that feed the gain.
        """
        must = f"be pairs (GaussianSystem of {self.modes} modes, function of time)"
        for each in drives:
            pair = isinstance(each, tuple) and len(each) == 2 and callable(each[1])
            fits = pair and isinstance(each[0], GaussianSystem)
            require(fits and each[0].modes == self.modes, "drives", must, each)
        self._check_phases(float(t[-1]))
        systems = [self, *(system for system, _ in drives)]
        feeds = [system.slope(begin) for system in systems]
        parts = [system.drift for system in systems], *zip(*feeds, strict=True)
        functions = [sampled("drives", f) for _, f in drives]

        def generator(at: FloatArray) -> list[FloatArray]:
            weights = np.stack([np.ones_like(at), *(f(at) for f in functions)], axis=-1)
            return [np.tensordot(weights, np.array(part), 1) for part in parts]

        with np.errstate(over="ignore", invalid="ignore"):
            moves, noises = driven(generator, t)
        gain = _representable(GaussianState(moves[:, :-1, -1], noises[:, :-1, :-1]))
        return gain, _rate(gain, *generator(t))

    def _move(
        self, start: GaussianState, feed: GaussianState, times: ArrayLike
    ) -> GaussianState:
        """Mean and covariance at the times, from their equations with this feed.

        On an even grid from 0 the known states double in number: each of them is taken
        2^k steps on. Else each state comes from the start, by a step of its own.
        """
        t = time_axis("times", times)
        even = np.linspace(0.0, t[-1], t.size)
        evenly = t.size > 2 and np.allclose(t, even, rtol=ROUNDING, atol=0.0)
        lengths = even[1] * 2.0 ** np.arange(t.size.bit_length()) if evenly else t
        mean = np.append(start.mean, 1.0)[None, :, None]
        covariance = np.pad(start.covariance, (0, 1))[None]
        with np.errstate(over="ignore", invalid="ignore"):
            moves, noises = steps(lengths, self.drift, *feed)
            if evenly:
                for move, added in zip(moves, noises, strict=True):
                    # All by one product each time; V is symmetric.
                    half = adjoint(_times(covariance, move.T))
                    later = _times(half, move.T) + added
                    mean = np.concatenate([mean, move @ mean])[: t.size]
                    covariance = np.concatenate([covariance, later])[: t.size]
            else:
                mean = moves @ mean
                covariance = moves @ covariance @ adjoint(moves) + noises
        spread = (covariance + adjoint(covariance)) / 2
        moved = _representable(GaussianState(mean[:, :-1, 0], spread[:, :-1, :-1]))
        self._check_phases(float(t[-1]))
        return moved

    def _check_phases(self, span: float) -> None:
        """Refuse a time by which rounding of A has changed a mode that is still there.

        A damped mode is blurred most when it is about to die, so halves, quarters, ...
        of the time are tried, too.
        """
        if ROUNDING * np.linalg.norm(self._reach) * span <= BLUR:
            return
        _, turns = np.frexp(np.linalg.norm(self.drift, 2) * span)
        doublings = int(54 + turns)
        change, moved = np.ldexp(span, -doublings) * self._rounded, 0.0
        for _ in range(doublings):
            change = 2 * change + change @ change
            exact = change[0]
            moved = max(moved, largest(change - exact) / (1 + largest(exact)))
        what = f"By t = {span:.3g} the rounding of a mode that has not died"
        way_out = "end `times` earlier, or give the modes losses"
        at_most(BLUR, moved, what, way_out, AccuracyError)


def _times(stack: FloatArray, matrix: FloatArray) -> FloatArray:
    """Many square matrices times one, as a single product."""
    return (stack.reshape(-1, len(matrix)) @ matrix).reshape(stack.shape)


def _both(matrix: FloatArray, covariance: FloatArray) -> FloatArray:
    """The product with a matrix, plus its transpose."""
    flow = matrix @ covariance
    return flow + adjoint(flow)


def _rate(
    state: GaussianState, drift: FloatArray, push: FloatArray, noise: FloatArray
) -> GaussianState:
    """Time derivative of mean and covariance, from their equations."""
    mean = (drift @ state.mean[..., None])[..., 0] + push
    return GaussianState(mean, _both(drift, state.covariance) + noise)


def _columns(name: str, index: int | Sequence[int], modes: int) -> IntArray:
    """Columns of x and p of these modes."""
    chosen = [integer(name, each, least=0) for each in np.atleast_1d(index)]
    fits = 0 < len({*chosen} & {*range(modes)}) == len(chosen)
    require(fits, name, f"be below {modes}, each once", index)
    return np.add.outer(2 * np.array(chosen), [0, 1]).ravel()


def _fitting(name: str, entries: Numbers, shape: tuple[int, ...]) -> Numbers:
    """Return a read-only view of entries of this shape, with finite squares."""
    require(entries.shape == shape, name, f"have shape {shape}", entries.shape)
    must = f"be finite and at most {LARGEST:g} in size"
    require(np.abs(entries) <= LARGEST, name, must, entries)
    return read_only(entries)


def _mirror(name: str, entries: Numbers, mirrored: Numbers, must: str) -> None:
    """Refuse matrices that differ from their mirror image by more than rounding."""
    size = np.abs(entries).max(axis=(-2, -1))
    defect = np.abs(entries - mirrored).max(axis=(-2, -1))
    require(defect <= 1e-12 * size, name, must, entries)


def _representable(state: GaussianState) -> GaussianState:
    """Return the moments if their squares are numbers."""
    size = float(np.max([largest(part) for part in state]))
    what = "The moments leave double precision: the largest"
    way_out = "end `times` earlier, or lower the drive, the squeezing or the occupation"
    at_most(LARGEST, size, what, way_out, AccuracyError)
    return state


def checked_state(
    state: GaussianState, name: str = "state", modes: int | None = None
) -> GaussianState:
    """Return a state as arrays of floats, or refuse it.

    Parameters
    ----------
    state : GaussianState
        One, or over times.
    name : str
        Name of the argument, for the message.
    modes : int, optional
        If given, it must be one state of so many modes.

    Returns
    -------
    GaussianState

    Raises
    ------
    ValueError
        If it is not a `GaussianState`, not finite, asymmetric, or breaks the
        uncertainty relation.

    Examples
    --------
    >>> checked_state(GaussianState([0, 0], [[0.5, 0], [0, 0.5]])).mean
    array([0., 0.])
    """
    must = "be a GaussianState: a mean (..., 2n) and a covariance (..., 2n, 2n)"
    must = f"{must} of {modes} modes" if modes else must
    require(isinstance(state, GaussianState), name, must, state)
    mean, covariance = (numbers(name, part, must) for part in state)
    size = mean.shape[-1] if mean.ndim else 0
    fits = size > 0 and size % 2 == 0 and covariance.shape == (*mean.shape, size)
    fits = fits and (modes is None or mean.shape == (2 * modes,))
    require(fits, name, must, (mean.shape, covariance.shape))
    for part in (mean, covariance):
        _fitting(name, part, part.shape)
    _mirror(name, covariance, adjoint(covariance), "have a symmetric covariance")
    # Uncertainty, and a positive covariance: V + i Omega/2 has no negative eigenvalue.
    slack = np.maximum(TOLERANCE, 1e-12 * np.abs(covariance).max(axis=(-2, -1)))
    shift = 0.5j * _form(size // 2) + slack[..., None, None] * np.eye(size)
    possible = are_positive(covariance + shift)
    nu = 0.5 if possible else float(_symplectic(covariance)[0].min())
    must = "obey the uncertainty relation nu >= 1/2 with a positive covariance"
    require(possible, name, must, nu)
    return GaussianState(mean, covariance)


def _symplectic(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Symplectic eigenvalues nu, falling, and their blur, (..., n) each.

    A relative error of the covariance comes out as an error of nu that is larger by
    the blur: the products in nu^2, over nu. Of one mode these are V_xx V_pp and V_xp^2,
    as small as nu^2 if a squeezed state lies along an axis. Of several, nu are the
    singular values of V^(1/2) Omega V^(1/2), each of which comes twice.
    """
    if covariance.shape[-1] == 2:
        product = covariance[..., :1, 0] * covariance[..., 1:, 1]
        rest = product - covariance[..., :1, 1] ** 2
        nu = np.sqrt(np.maximum(rest, 0.0))
        return nu, product / np.maximum(nu, 0.5)
    omega = _form(covariance.shape[-1] // 2)
    noise, basis = np.linalg.eigh(covariance)
    root = basis * np.sqrt(np.maximum(noise, 0.0))[..., None, :]
    turned = adjoint(root) @ omega @ root
    nu = np.linalg.svd(turned, compute_uv=False)[..., ::2]
    return nu, noise[..., -1:] ** 2 / np.maximum(nu, 0.5)


# The metrics. Each takes a `GaussianState` and returns a float, or (T,) for times.


def _one_mode(
    state: GaussianState,
) -> tuple[ComplexArray, ComplexArray, FloatArray]:
    """<a> of one mode, <a^2> - <a>^2, and half the trace of the covariance."""
    mean, covariance = checked_state(state)
    must = "be of one mode; use state.mode(k)"
    require(mean.shape[-1] == 2, "state", must, mean.shape)
    amplitude = (mean @ [1.0, 1j]) / np.sqrt(2)
    xx = covariance[..., 0, 0]
    xp = covariance[..., 0, 1]
    pp = covariance[..., 1, 1]
    return amplitude, (xx - pp) / 2 + 1j * xp, (xx + pp) / 2


def occupation(state: GaussianState) -> FloatOrArray:
    r"""Return the mean number of quanta of one mode, displacement included.

    .. math::

        \langle a^\dagger a\rangle = \tfrac12(\mathrm{tr}\,V + |\bar r|^2 - 1)

    Parameters
    ----------
    state : GaussianState
        Of one mode, over times or not.

    Returns
    -------
    float or (...) array

    Examples
    --------
    >>> round(occupation(coherent(2.0)), 12)
    4.0
    """
    alpha, _, spread = _one_mode(state)
    return number(spread - 0.5 + np.abs(alpha) ** 2)


def anomalous(state: GaussianState) -> ComplexOrArray:
    r"""Return the anomalous moment of one mode, displacement included.

    .. math::

        \langle a^2\rangle = \tfrac12(V_{xx} - V_{pp}) + i V_{xp} + \langle a\rangle^2

    Parameters
    ----------
    state : GaussianState
        Of one mode, over times or not.

    Returns
    -------
    complex or (...) array

    Examples
    --------
    >>> round(complex(anomalous(coherent(2.0))).real, 12)
    4.0
    """
    alpha, pair, _ = _one_mode(state)
    return pair + alpha**2


def amplitude(state: GaussianState) -> ComplexOrArray:
    r"""Return the amplitude of one mode.

    .. math::

        \langle a\rangle = (\langle x\rangle + i\langle p\rangle)/\sqrt2

    Parameters
    ----------
    state : GaussianState
        Of one mode, over times or not.

    Returns
    -------
    complex or (...) array

    Examples
    --------
    >>> complex(np.round(amplitude(coherent(2.0 + 1j)), 12))
    (2+1j)
    """
    return _one_mode(state)[0]


def symplectic_eigenvalues(state: GaussianState) -> FloatArray:
    """Return the n numbers nu >= 1/2 of a state, falling.

    They are the moduli of the eigenvalues of i Omega covariance.

    Parameters
    ----------
    state : GaussianState
        Of n modes, over times or not.

    Returns
    -------
    (..., n) array

    Raises
    ------
    ValueError
        If the smallest is below 1/2 by more than 1e-9, or than rounding explains: no
        such state exists.
    AccuracyError
        If the state is squeezed so strongly that rounding hides more than 1e-6 of one.

    Examples
    --------
    >>> symplectic_eigenvalues(thermal(2, 1.0)).round(12)
    array([1.5, 1.5])
    """
    nu, blur = _symplectic(checked_state(state).covariance)
    nu = np.maximum(nu, 0.5)
    lost = float((ROUNDING * blur / nu).max(initial=0.0))
    what = "The rounding of a symplectic eigenvalue, in units of it,"
    way_out = "squeeze less (`occupation` and `ergotropy` are still known)"
    at_most(ACCURACY, lost, what, way_out, AccuracyError)
    return nu


def _frequencies(frequency: ArrayLike, modes: int) -> FloatArray:
    """One frequency per mode."""
    must = "be above 0 and finite, one number or one per mode"
    omega = numbers("frequency", frequency, must)
    require((omega > 0) & (omega < np.inf), "frequency", must, frequency)
    require(omega.shape in ((), (modes,)), "frequency", must, frequency)
    return np.broadcast_to(omega, modes)


def energy(state: GaussianState, frequency: ArrayLike = 1.0) -> FloatOrArray:
    """Return the energy above the ground state, sum_k omega_k <a_k^+ a_k>.

    Parameters
    ----------
    state : GaussianState
        Of any number of modes, one state or a time axis of them.
    frequency : float or (n,) array_like
        omega_k > 0, one for all modes or one for each.

    Returns
    -------
    float or (T,) array
        In the unit of the frequency, not negative.

    Raises
    ------
    ValueError
        If the state or a frequency is none.

    Examples
    --------
    >>> round(energy(tensor(thermal(1, 0.5), coherent(2.0)), [1.0, 3.0]), 12)
    12.5
    """
    mean, covariance = checked_state(state)
    squares = np.diagonal(covariance, axis1=-2, axis2=-1) + mean**2
    omega = _frequencies(frequency, mean.shape[-1] // 2)
    return number((squares - 0.5) @ np.repeat(omega, 2) / 2)


def _left(nu: FloatArray, frequency: ArrayLike) -> FloatArray:
    """Energy of thermal modes, the hottest with the lowest frequency."""
    omega = np.sort(_frequencies(frequency, nu.shape[-1]))
    return (np.maximum(nu, 0.5) - 0.5) @ omega


def passive_energy(state: GaussianState, frequency: ArrayLike = 1.0) -> FloatOrArray:
    r"""Return the energy above the ground that no Gaussian unitary extracts.

    .. math::

        \sum_k \omega_k(\nu_k - \tfrac12)

    nu falls and omega rises (Brown, Friis and Huber, New J. Phys. 18, 113028 (2016)).
    Of one mode no unitary at all extracts it.

    Parameters
    ----------
    state : GaussianState
        Of n modes, over times or not.
    frequency : float or (n,) array_like
        omega > 0, of all modes or of each.

    Returns
    -------
    float or (...) array
        In the unit of omega.

    Examples
    --------
    >>> round(passive_energy(thermal(1, 2.0)), 12)
    2.0
    """
    return number(_left(symplectic_eigenvalues(state), frequency))


def gaussian_ergotropy(
    state: GaussianState, frequency: ArrayLike = 1.0
) -> FloatOrArray:
    """Return the largest work a Gaussian unitary extracts from all modes together.

    W = sum_k omega_k <a_k^+ a_k> - sum_k omega_k (nu_k - 1/2), with the symplectic
    eigenvalues nu falling and the omega of the second sum rising (Brown, Friis and
    Huber, New J. Phys. 18, 113028 (2016)). Displacements, squeezing, beam splitters and
    phases do it. Of one mode it is `ergotropy`, the optimum over all unitaries; of
    several, other unitaries may extract more.

    Parameters
    ----------
    state : GaussianState
        Of any number of modes, one state or a time axis of them.
    frequency : float or (n,) array_like
        omega_k > 0, one for all modes or one for each.

    Returns
    -------
    float or (T,) array
        In the unit of the frequency, not negative, known to rounding of the energy.

    Raises
    ------
    ValueError
        If the state or a frequency is none.

    Examples
    --------
    >>> hot_above = tensor(thermal(1, 0.0), thermal(1, 2.0))
    >>> round(gaussian_ergotropy(hot_above, [1.0, 3.0]), 12)  # a swap leaves 2 of 6
    4.0
    """
    checked = checked_state(state)
    left = _left(_symplectic(checked.covariance)[0], frequency)
    return number(np.maximum(energy(checked, frequency) - left, 0.0))


def ergotropy(state: GaussianState, frequency: float = 1.0) -> FloatOrArray:
    r"""Return the largest work that a unitary extracts from one mode.

    .. math::

        \mathcal E = \omega\,(\langle a^\dagger a\rangle - \nu + \tfrac12)
        = \omega\Big[\frac{(V_{xx} - V_{pp})^2/4 + V_{xp}^2}{\mathrm{tr}\,V/2 + \nu}
        + \frac{|\bar r|^2}2\Big]

    Undo the displacement and the squeezing, which are unitary, and a thermal state of
    the same nu is left. It is passive, so this is the optimum over all unitaries,
    Gaussian or not. The second form takes no difference of large numbers.

    Parameters
    ----------
    state : GaussianState
        Of one mode, over times or not.
    frequency : float
        omega > 0, of the mode.

    Returns
    -------
    float or (...) array
        In the unit of omega.

    Examples
    --------
    >>> round(ergotropy(squeezed(1.0)), 6)
    1.381098
    """
    omega = real("frequency", frequency, above=0.0)
    alpha, pair, spread = _one_mode(state)
    nu, _ = _symplectic(np.asarray(state.covariance))
    squeezed = np.abs(pair) ** 2 / (spread + np.maximum(nu[..., 0], 0.5))
    displaced = np.abs(alpha) ** 2
    return number(omega * (squeezed + displaced))


def purity(state: GaussianState) -> FloatOrArray:
    r"""Return the purity, 1 for a pure state.

    .. math::

        \mathrm{tr}\,\rho^2 = \prod_k \frac1{2\nu_k}

    Parameters
    ----------
    state : GaussianState
        Of n modes, over times or not.

    Returns
    -------
    float or (...) array

    Examples
    --------
    >>> round(purity(thermal(1, 1.0)), 12)
    0.333333333333
    """
    return number(1 / np.prod(2 * symplectic_eigenvalues(state), axis=-1))


def entropy(state: GaussianState, *, base: float = 2.0) -> FloatOrArray:
    r"""Return the von Neumann entropy.

    .. math::

        S = \sum_k \big[(\nu_k + \tfrac12)\log(\nu_k + \tfrac12)
        - (\nu_k - \tfrac12)\log(\nu_k - \tfrac12)\big]

    Parameters
    ----------
    state : GaussianState
        Of n modes, over times or not.
    base : float
        Base of the logarithm, above 1: 2 for bits, e for nats.

    Returns
    -------
    float or (...) array

    Examples
    --------
    >>> round(entropy(thermal(1, 1.0)), 12)
    2.0
    """
    unit = np.log(real("base", base, above=1.0))
    # With m = nu - 1/2 quanta it is log(m + 1) + m log(1 + 1/m), and 0 for m = 0.
    m = symplectic_eigenvalues(state) - 0.5
    terms = np.log1p(m) + m * np.log1p(1 / np.maximum(m, 1e-300))
    return number(terms.sum(axis=-1) / unit)


def logarithmic_negativity(
    state: GaussianState, modes: int | Sequence[int] = 0, *, base: float = 2.0
) -> FloatOrArray:
    """Return the logarithmic negativity between some modes and the others.

    E_N = sum_k max(0, -log 2 nu'_k) with the symplectic eigenvalues nu' of the partial
    transpose, which turns the sign of p in these modes (Vidal and Werner, Phys. Rev. A
    65, 032314 (2002)). Above 0 they are entangled; one mode at 0 is separable from the
    others.

    Parameters
    ----------
    state : GaussianState
        Of two modes at least, one state or a time axis of them.
    modes : int or sequence of int
        The modes of one party, not all.
    base : float
        Base of the logarithm, above 1: 2 for bits, e for nats.

    Returns
    -------
    float or (T,) array
        Not negative.

    Raises
    ------
    ValueError
        If an argument is out of range.
    AccuracyError
        If the state is squeezed so strongly that rounding hides more than 1e-6 of nu'.

    Examples
    --------
    >>> noisy = two_mode_squeezed(0.5, occupation=0.2)
    >>> round(logarithmic_negativity(noisy, base=np.e), 6)  # 2 r - log(2 n + 1)
    0.663528
    """
    unit = np.log(real("base", base, above=1.0))
    symplectic_eigenvalues(state)  # which rounding hides as it does those below
    covariance = checked_state(state).covariance
    count = covariance.shape[-1] // 2
    turned = _columns("modes", modes, count)[1::2]
    require(turned.size < count, "modes", f"leave one of the {count} modes", modes)
    signs = np.ones(2 * count)
    signs[turned] = -1.0
    nu = _symplectic(signs[:, None] * covariance * signs)[0]
    below = np.maximum(-np.log(2 * nu), 0.0)
    return number(below.sum(axis=-1) / unit)


def squeezing_db(state: GaussianState) -> FloatOrArray:
    r"""Return the noise of the quietest quadrature of one mode, below 0 if squeezed.

    .. math::

        10\log_{10}(2 V_{\min})

    The two principal variances multiply to nu^2.

    Parameters
    ----------
    state : GaussianState
        Of one mode, over times or not.

    Returns
    -------
    float or (...) array
        In dB.

    Examples
    --------
    >>> round(squeezing_db(squeezed(1.0)), 4)
    -8.6859
    """
    _, pair, spread = _one_mode(state)
    nu = symplectic_eigenvalues(state)[..., 0]
    loudest = spread + np.abs(pair)
    return number(10 * np.log10(2 * nu / loudest * nu))


def wigner(state: GaussianState, x: ArrayLike, p: ArrayLike) -> FloatArray:
    r"""Return the Wigner function of one mode, normalised to 1 over dx dp.

    .. math::

        W(r) = \frac{\exp[-\frac12(r - \bar r)^T V^{-1}(r - \bar r)]}{2\pi\nu}

    Parameters
    ----------
    state : GaussianState
        One state of one mode.
    x, p : array_like
        Points in phase space, which broadcast.

    Returns
    -------
    array of the broadcast shape

    Examples
    --------
    >>> round(float(wigner(thermal(1), 0.0, 0.0)) * np.pi, 12)
    1.0
    """
    alpha, _, _ = _one_mode(state)
    must = "be one state, not a time axis"
    require(alpha.ndim == 0, "state", must, alpha.shape)
    nu = symplectic_eigenvalues(state)[0]
    x, p = together("x, p", numbers("x", x), numbers("p", p))
    dx, dp = x - state.mean[0], p - state.mean[1]
    (xx, xp), (_, pp) = np.linalg.inv(state.covariance)
    exponent = (xx * dx**2 + 2 * xp * dx * dp + pp * dp**2) / 2
    return np.exp(-exponent) / (2 * np.pi * nu)


def fock_state(state: GaussianState, levels: int) -> ComplexArray:
    """Return the density matrices of one mode in its Fock space.

    The generating function of rho_jk / sqrt(j! k!) is c exp(z^T A z / 2 + b^T z)
    (Quesada et al., Phys. Rev. A 100, 022341 (2019)). With alpha = <a>,
    ``m = <a^2> - alpha^2``, ``n = <a a^+> - |alpha|^2`` and ``N = n^2 - |m|^2`` the
    matrix A has the entries ``m/N, 1 - n/N, m*/N``, and b holds
    ``(n alpha - m alpha*)/N`` and its conjugate. The Taylor coefficients obey a
    recursion.

    Parameters
    ----------
    state : GaussianState
        One mode, one state or a time axis of them.
    levels : int
        Number of Fock levels, at least 2.

    Returns
    -------
    (..., levels, levels) complex array

    Raises
    ------
    LeakingCutoffError
        If more than 1e-6 of the state lies above.

    Examples
    --------
    >>> fock_state(thermal(1, 0.5), 20)[:2, :2].real.round(4)  # n^k / (n + 1)^(k + 1)
    array([[0.6667, 0.    ],
           [0.    , 0.2222]])
    """
    integer("levels", levels, least=2)
    alpha, m, spread = (each[..., None] for each in _one_mode(state))
    n = spread + 0.5
    norm = n**2 - np.abs(m) ** 2
    b = (n * alpha - m * alpha.conj()) / norm
    pair, mixed = m / norm, 1 - n / norm
    root = np.sqrt(np.arange(levels, dtype=float))
    rho = np.zeros((*norm.shape[:-1], levels, levels), dtype=complex)
    overlap = (alpha.conj() * b).real
    rho[..., 0, :1] = np.exp(-overlap) / np.sqrt(norm)
    # First the column of the vacuum, whose conjugate is its row; then the other rows.
    for width in (1, levels):
        for k in range(levels - 1):
            here = rho[..., k, :width]
            # The index -1 is met at k = 0 only, times root[0] = 0.
            row = b * here + pair * root[k] * rho[..., k - 1, :width]
            row[..., 1:] += mixed * root[1:width] * here[..., :-1]
            rho[..., k + 1, :width] = row / root[k + 1]
        rho[..., 0, :] = rho[..., 0].conj()
    kept = np.trace(rho, axis1=-2, axis2=-1).real
    lost = 1 - float(np.min(kept))
    what = f"The weight of the state above {levels} Fock levels"
    at_most(LOST, lost, what, "keep more levels of it", LeakingCutoffError)
    return rho
