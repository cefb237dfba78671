r"""Gaussian states of bosonic modes: dynamics, state at rest, metrics.

When the Hamiltonian is at most quadratic in the ladder operators and every jump
operator is linear in them, a Gaussian state stays Gaussian: a vector and a matrix say
all about it, and no Fock space is cut off. Conventions: hbar = k_B = 1, quadratures
r = (x_1, p_1, x_2, p_2, ...) with x = (a + a^+)/sqrt(2), p = (a - a^+)/(i sqrt(2)), so
[r_j, r_k] = i Omega_jk, and

    mean_j = <r_j>,
    covariance_jk = <{r_j - mean_j, r_k - mean_k}>/2   (vacuum: 1/2 on the diagonal).

For H = r^T G r / 2 + d^T r and jump operators L_k = (C r)_k the moments obey

    mean' = A mean + Omega d,            A = Omega (G + Im C^+ C)            (drift),
    covariance' = A covariance + covariance A^T + D,
                                         D = Omega Re(C^+ C) Omega^T     (diffusion).

Source: Weedbrook et al., Rev. Mod. Phys. 84, 621 (2012), with their vacuum variance 1
halved; the drift and diffusion of a Lindblad equation as in Genoni, Lami and Serafini,
Contemp. Phys. 57, 331 (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_continuous_lyapunov

from qbcore._support.checks import (
    integer,
    numbers,
    real,
    require,
    time_axis,
    together,
)
from qbcore._support.results import read_only
from qbcore._support.types import ComplexArray, FloatArray
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
ORDER = 18  # of the Taylor series of a short step: 1/18! is below rounding


class GaussianState(NamedTuple):
    """Mean (..., 2n) and covariance (..., 2n, 2n) of n modes, over times or not."""

    mean: FloatArray
    covariance: FloatArray

    def mode(self, index: int) -> GaussianState:
        """The state of one mode alone (partial trace over the others)."""
        first = 2 * integer("index", index, least=0)
        modes = self.mean.shape[-1] // 2
        require(first < 2 * modes, "index", f"be below {modes}", index)
        chosen = slice(first, first + 2)
        return GaussianState(
            self.mean[..., chosen], self.covariance[..., chosen, chosen]
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
    """Every mode in a thermal state of this mean occupation; the vacuum if it is 0."""
    size = 2 * integer("modes", modes, least=1)
    noise = real("occupation", occupation, least=0.0) + 0.5
    return _representable(GaussianState(np.zeros(size), noise * np.eye(size)))


def symplectic_form(modes: int) -> FloatArray:
    """Omega: blocks [[0, 1], [-1, 0]] on the diagonal, one per mode."""
    count = integer("modes", modes, least=1)
    return np.asarray(np.kron(np.eye(count), [[0.0, 1.0], [-1.0, 0.0]]))


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
    """

    stiffness: FloatArray
    force: FloatArray
    jumps: ComplexArray
    occupation: float = 0.0

    def __post_init__(self) -> None:
        """Keep read-only copies of what fits together."""
        force, stiffness = (
            numbers(n, getattr(self, n)) for n in ("force", "stiffness")
        )
        jumps = np.array(numbers("jumps", self.jumps, "hold numbers", dtype=complex))
        size = force.size
        require(size > 0 and size % 2 == 0, "force", "have an even length 2n", size)
        kept = {
            "force": _fitting("force", force, (size,)),
            "stiffness": _fitting("stiffness", stiffness, (size, size)),
            "jumps": _fitting("jumps", jumps, (*jumps.shape[:1], size)),
            "occupation": real("occupation", self.occupation, least=0.0),
        }
        _mirror("stiffness", stiffness, stiffness.T, "be symmetric")
        for name, value in kept.items():
            object.__setattr__(self, name, value)

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

        Raises
        ------
        ValueError
            For shapes that do not fit, entries that are not finite, or the wrong
            symmetry.
        """
        given = {"drive": drive, "hopping": hopping, "pairing": pairing, "jumps": jumps}
        f, h, k, rows = (
            numbers(n, v, "hold numbers", dtype=complex) for n, v in given.items()
        )
        n = f.size
        _fitting("drive", f, (n,))
        _fitting("hopping", h, (n, n))
        _fitting("pairing", k, (n, n))
        _fitting("jumps", rows, (*rows.shape[:1], 2 * n))
        _mirror("hopping", h, h.conj().T, "be Hermitian")
        _mirror("pairing", k, k.T, "be symmetric")
        lower = np.kron(np.eye(n), [1.0, 1j]) / np.sqrt(2)  # a = (x + i p)/sqrt(2)
        ladder = np.vstack([lower, lower.conj()])
        blocks = np.block([[h, k], [k.conj(), h.conj()]])
        return cls(
            (ladder.conj().T @ blocks @ ladder).real,
            (ladder.conj().T @ np.concatenate([f, f.conj()])).real,
            rows @ ladder,
            occupation,
        )

    @property
    def modes(self) -> int:
        """Number of modes n."""
        return len(self.force) // 2

    @cached_property
    def drift(self) -> FloatArray:
        """A = Omega (G + Im C^+ C), shape (2n, 2n)."""
        gram = self.jumps.conj().T @ self.jumps
        drift = symplectic_form(self.modes) @ (self.stiffness + gram.imag)
        return np.asarray(read_only(drift))

    @cached_property
    def diffusion(self) -> FloatArray:
        """D = (2 n + 1) Omega Re(C^+ C) Omega^T, shape (2n, 2n), never negative."""
        omega = symplectic_form(self.modes)
        gram = self.jumps.conj().T @ self.jumps
        warm = 2 * self.occupation + 1
        return np.asarray(read_only(warm * (omega @ gram.real @ omega.T)))

    @property
    def push(self) -> FloatArray:
        """Omega d, the constant rate of the mean, shape (2n,)."""
        return symplectic_form(self.modes) @ self.force

    @cached_property
    def _reach(self) -> FloatArray:
        """Size of the terms of each entry of A, which may cancel in it.

        Rounding moves an entry by `ROUNDING` of this. In G the terms have cancelled
        already, two modes' hopping and pairing: the largest of the four entries stands
        for them.
        """
        pairs = np.abs(self.stiffness).reshape(self.modes, 2, self.modes, 2)
        rows = np.abs(self.jumps)
        terms = np.kron(pairs.max(axis=(1, 3)), np.ones((2, 2))) + rows.T @ rows
        return np.abs(symplectic_form(self.modes)) @ terms

    @cached_property
    def _rounded(self) -> FloatArray:
        """A with every entry rounded in one way or the other, (16, 2n, 2n)."""
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (16, *self.drift.shape))
        return self.drift + ROUNDING * self._reach * signs

    @cached_property
    def decay_rate(self) -> float:
        """Slowest decay of the mean, -max Re(eigenvalues of A): negative if unstable.

        A rate that is smaller than what rounding of A changes in it is zero.
        """
        rate, *others = (
            -float(np.linalg.eigvals(a).real.max())
            for a in (self.drift, *self._rounded)
        )
        doubt = max(abs(other - rate) for other in others)
        return rate if abs(rate) > doubt else 0.0

    def slope(self, state: GaussianState) -> GaussianState:
        """Time derivative of mean and covariance, as a pair of the same shapes.

        An entry that rounding cannot tell from zero is zero: a state in equilibrium
        with its baths stays as it is, however hot.
        """
        mean, covariance = checked_state(state)
        must = f"be of {self.modes} modes"
        require(mean.shape[-1] == 2 * self.modes, "state", must, mean.shape)
        flow, size = self.drift @ covariance, self._reach @ np.abs(covariance)
        rate = flow + flow.swapaxes(-1, -2) + self.diffusion
        doubt = ROUNDING * (size + size.swapaxes(-1, -2) + np.abs(self.diffusion))
        return GaussianState(
            mean @ self.drift.T + self.push, np.where(np.abs(rate) > doubt, rate, 0.0)
        )

    def steady_state(self) -> GaussianState:
        """Return mean and covariance at rest, by a linear and a Lyapunov solver.

        Raises
        ------
        UnstableError
            If some part of the mean grows.
        SeveralSteadyStatesError
            If some part neither grows nor decays, to rounding.
        AccuracyError
            If rounding of the parameters moves a variance by more than 1e-6 of itself.
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
        covariance = self._lyapunov(self.diffusion)
        # The solver errs by the norm of A; what is left knows the slow modes, too.
        flow = self.drift @ covariance
        covariance = covariance + self._lyapunov(flow + flow.T + self.diffusion)
        self._check_rest(covariance)
        return _representable(GaussianState(mean, covariance))

    def _lyapunov(self, noise: FloatArray) -> FloatArray:
        """Symmetric V of A V + V A^T + noise = 0."""
        solution = solve_continuous_lyapunov(self.drift, -noise)
        return np.asarray((solution + solution.T) / 2)

    def _check_rest(self, covariance: FloatArray) -> None:
        """Refuse a covariance at rest that rounding of A and D may change.

        A symmetric change of D by at most B, entry by entry, lies between plus and
        minus the diagonal of its row sums, and the solution grows with the noise.
        """
        size = self._reach @ np.abs(covariance)
        change = ROUNDING * (size + size.T + np.abs(self.diffusion))
        error = self._lyapunov(np.diag(change.sum(axis=1))).diagonal()
        cause = (
            f"The slowest rate, {self.decay_rate:.3g}, is so small beside the others "
            "that rounding changes the state at rest: go farther from the threshold."
        )
        lost = np.abs(error / covariance.diagonal()).max()
        _within(ACCURACY, float(lost), cause)

    def evolve(self, start: GaussianState, times: ArrayLike) -> GaussianState:
        """Return the exact state at increasing times (T,) >= 0.

        A step of length h takes the mean to P mean + q and the covariance to
        P covariance P^T + Q, with P = e^{A h} and q, Q the integrals of what is fed in.

        Raises
        ------
        ValueError
            For a ``start`` that is not a state, or times that do not increase.
        AccuracyError
            If the moments leave double precision: above 1e150, or after so long that
            rounding of an undamped frequency changes the phase by 2e-8.
        """
        begin = checked_state(start, "start", self.modes)
        state = self._move(begin, self.push, self.diffusion, times)
        self._check_phases(float(np.max(times)))
        return state

    def gain(
        self, start: GaussianState, times: ArrayLike
    ) -> tuple[GaussianState, GaussianState]:
        """Return what `evolve` adds to mean and covariance of the start, and its slope.

        The gain obeys the same equations, fed by the slope at the start: no small
        difference of large moments is taken.
        """
        begin = checked_state(start, "start", self.modes)
        push, noise = self.slope(begin)
        nothing = GaussianState(*map(np.zeros_like, begin))
        gain = self._move(nothing, push, noise, times)
        flow = self.drift @ gain.covariance
        return gain, GaussianState(
            gain.mean @ self.drift.T + push, flow + flow.swapaxes(-1, -2) + noise
        )

    def _move(
        self,
        start: GaussianState,
        push: FloatArray,
        noise: FloatArray,
        times: ArrayLike,
    ) -> GaussianState:
        """Mean and covariance at the times, from their equations with these sources.

        On an even grid from 0 the known states double in number: each of them is taken
        2^k steps on. Else each state comes from the start, by a step of its own.
        """
        t = time_axis("times", times)
        even = np.linspace(0.0, t[-1], t.size)
        evenly = t.size > 2 and np.allclose(t, even, rtol=ROUNDING, atol=0.0)
        lengths = even[1] * 2.0 ** np.arange(t.size.bit_length()) if evenly else t
        # A last entry 1 of the mean makes its equation linear: mean' = A mean + push.
        mean = np.append(start.mean, 1.0)[None, :, None]
        covariance = np.pad(start.covariance, (0, 1))[None]
        with np.errstate(over="ignore", invalid="ignore"):
            moves, noises = self._steps(self.drift, lengths, push, noise)
            if evenly:
                for move, added in zip(moves, noises, strict=True):
                    later = move @ covariance @ move.T + added
                    mean = np.concatenate([mean, move @ mean])[: t.size]
                    covariance = np.concatenate([covariance, later])[: t.size]
            else:
                mean = moves @ mean
                covariance = moves @ covariance @ moves.swapaxes(-1, -2) + noises
        spread = (covariance + covariance.swapaxes(-1, -2)) / 2
        return _representable(GaussianState(mean[:, :-1, 0], spread[:, :-1, :-1]))

    def _steps(
        self,
        drift: FloatArray,
        lengths: FloatArray,
        push: FloatArray,
        noise: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """P and Q of steps of these lengths, (S, 2n + 1, 2n + 1) each.

        Taylor series for a step so short that |A| h <= 1/2, which is then doubled:
        Q' = Q + P Q P^T, and P' = P^2 as E' = 2 E + E^2 for E = P - 1, for next to a
        fast mode a slow one has P = 1 to rounding in so short a step.
        """
        size = push.size
        a = np.zeros((size + 1, size + 1))
        a[:-1] = np.column_stack([drift, push])
        strength = 2 * np.linalg.norm(self.drift, 2) * lengths
        doublings = np.ceil(np.log2(np.maximum(strength, 1.0))).astype(int)
        h = np.ldexp(lengths, -doublings)[:, None, None]
        change, added = h * a, h * np.pad(noise, (0, 1))
        term, more = change, added
        for k in range(2, ORDER + 1):
            term = h / k * (a @ term)
            flow = h / k * (a @ more)
            more = flow + flow.swapaxes(-1, -2)
            change, added = change + term, added + more
        for done in range(int(doublings.max())):
            long = doublings > done
            e, q = change[long], added[long]
            moved = q + e @ q
            added[long] = q + moved + moved @ e.swapaxes(-1, -2)
            change[long] = 2 * e + e @ e
        return change + np.eye(size + 1), added

    def _check_phases(self, span: float) -> None:
        """Refuse a time by which rounding of A has changed a mode that is still there.

        A damped mode is blurred most when it is about to die, so halves, quarters, ...
        of the time are tried, too.
        """
        if ROUNDING * np.linalg.norm(self._reach) * span <= BLUR:
            return
        spans = np.ldexp(span, -np.arange(64))
        nothing = 0 * self.push, 0 * self.diffusion
        exact, *tried = (
            self._steps(a, spans, *nothing)[0] for a in (self.drift, *self._rounded)
        )
        moved = max(float(np.abs(other - exact).max()) for other in tried)
        cause = (
            f"By the time {span:.3g} rounding of the parameters changes a mode that "
            "has not died: end `times` earlier, or give the modes losses."
        )
        _within(BLUR, moved / float(np.abs(exact).max()), cause)


def _within(limit: float, found: float, cause: str) -> None:
    """Refuse what exceeds the limit, or is not a number."""
    if not found <= limit:
        message = f"{cause} Found {found:.3g}, {limit:g} is allowed."
        raise AccuracyError(message, found=found, limit=limit)


def _fitting(name: str, entries: Any, shape: tuple[int, ...]) -> Any:
    """Return a read-only view of entries of this shape, with finite squares."""
    require(entries.shape == shape, name, f"have shape {shape}", entries.shape)
    bounded = bool(np.abs(entries).max(initial=0.0) <= LARGEST)
    require(bounded, name, f"be finite and at most {LARGEST:g} in size", entries)
    return read_only(entries)


def _mirror(name: str, entries: Any, mirrored: Any, must: str) -> None:
    """Refuse matrices that differ from their mirror image by more than rounding."""
    defect = np.abs(entries - mirrored).max(axis=(-2, -1))
    fits = bool((defect <= 1e-12 * np.abs(entries).max(axis=(-2, -1))).all())
    require(fits, name, must, entries)


def _representable(state: GaussianState) -> GaussianState:
    """Return the moments if their squares are numbers."""
    largest = float(np.max([np.abs(part).max() for part in state]))
    cause = (
        "The moments leave double precision: end `times` earlier, or lower the drive "
        "or the occupation."
    )
    _within(LARGEST, np.inf if np.isnan(largest) else largest, cause)
    return state


def checked_state(
    state: object, name: str = "state", modes: int | None = None
) -> GaussianState:
    """Return a `GaussianState` as arrays of floats, or refuse it by this name.

    Raises
    ------
    ValueError
        If it is not a `GaussianState` (one state of so many modes, if given), not
        finite, asymmetric, or breaks the uncertainty relation.
    """
    must = "be a GaussianState: a mean (..., 2n) and a covariance (..., 2n, 2n)"
    must = f"{must} of {modes} modes" if modes else must
    require(isinstance(state, GaussianState), name, must, state)
    mean, covariance = (numbers(name, part, must) for part in state)  # type: ignore[attr-defined]
    size = mean.shape[-1] if mean.ndim else 0
    fits = size > 0 and size % 2 == 0 and covariance.shape == (*mean.shape, size)
    fits = fits and (modes is None or mean.shape == (2 * modes,))
    require(fits, name, must, (mean.shape, covariance.shape))
    largest = np.abs(covariance).max(axis=(-2, -1))
    bounded = np.abs(mean).max(initial=0) <= LARGEST and (largest <= LARGEST).all()
    require(bool(bounded), name, f"be finite and below {LARGEST:g}", state)
    _mirror(
        name, covariance, covariance.swapaxes(-1, -2), "have a symmetric covariance"
    )
    # Uncertainty, and a positive covariance: V + i Omega/2 has no negative eigenvalue.
    noise = np.linalg.eigvalsh(covariance + 0.5j * symplectic_form(size // 2))[..., 0]
    possible = bool((noise >= -np.maximum(TOLERANCE, 1e-12 * largest)).all())
    checked = GaussianState(mean, covariance)
    if not possible:
        nu = float(_symplectic(checked)[0].min())
        must = "obey the uncertainty relation nu >= 1/2 with a positive covariance"
        require(possible, name, must, nu)
    return checked


def _symplectic(state: GaussianState) -> tuple[FloatArray, FloatArray]:
    """nu = |eigenvalues of i Omega covariance|, falling, and their blur, (..., n) each.

    A relative error of the covariance comes out as an error of nu that is larger by
    the blur: the products in nu^2, over nu. Of one mode these are V_xx V_pp and V_xp^2,
    as small as nu^2 if a squeezed state lies along an axis.
    """
    covariance = state.covariance
    modes = state.mean.shape[-1] // 2
    if modes == 1:
        width = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0.0))
        product, tilt = width.prod(axis=-1), np.abs(covariance[..., 0, 1])
        nu = np.sqrt(np.maximum(product - tilt, 0.0)) * np.sqrt(product + tilt)
        nu, scale = nu[..., None], product[..., None]
    else:
        spectrum = np.linalg.eigvals(symplectic_form(modes) @ covariance)
        nu = np.sort(np.abs(spectrum), axis=-1)[..., ::-2]
        scale = np.abs(covariance).max(axis=(-2, -1))[..., None]
    return nu, scale**2 / np.maximum(nu, 0.5)


# The metrics. Each takes a `GaussianState` and returns a float, or (T,) for times.


def _number(values: Any) -> Any:
    return float(values) if np.ndim(values) == 0 else values


def _one_mode(state: GaussianState) -> GaussianState:
    mean, covariance = checked_state(state)
    must = "be of one mode; use state.mode(k)"
    require(mean.shape[-1] == 2, "state", must, mean.shape)
    return GaussianState(mean, covariance)


def occupation(state: GaussianState) -> Any:
    """<a^+ a> = (tr covariance + |mean|^2 - 1)/2 of one mode."""
    mean, covariance = _one_mode(state)
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    return _number((trace - 1 + (mean**2).sum(axis=-1)) / 2)


def anomalous(state: GaussianState) -> Any:
    """<a^2> of one mode, complex, displacement included."""
    covariance = _one_mode(state).covariance
    uneven = (covariance[..., 0, 0] - covariance[..., 1, 1]) / 2
    return uneven + 1j * covariance[..., 0, 1] + amplitude(state) ** 2


def amplitude(state: GaussianState) -> Any:
    """<a> = (<x> + i <p>)/sqrt(2) of one mode, complex."""
    mean = _one_mode(state).mean
    return (mean[..., 0] + 1j * mean[..., 1]) / np.sqrt(2)


def symplectic_eigenvalues(state: GaussianState) -> FloatArray:
    """The n numbers nu >= 1/2 of a state, falling, shape (..., n).

    They are the |eigenvalues of i Omega covariance|.

    Raises
    ------
    ValueError
        If the smallest is below 1/2 by more than 1e-9, or than rounding explains: no
        such state exists.
    AccuracyError
        If the state is squeezed so strongly that rounding hides more than 1e-6 of one.
    """
    nu, blur = _symplectic(checked_state(state))
    nu = np.maximum(nu, 0.5)
    cause = (
        "The state is squeezed so strongly that rounding hides a symplectic "
        "eigenvalue: squeeze less (`occupation` and `ergotropy` are still known)."
    )
    _within(ACCURACY, float((ROUNDING * blur / nu).max(initial=0.0)), cause)
    return nu


def passive_energy(state: GaussianState, frequency: float = 1.0) -> Any:
    """Energy no unitary extracts from one mode, omega (nu - 1/2), above the ground."""
    omega = real("frequency", frequency, above=0.0)
    return _number(omega * (symplectic_eigenvalues(_one_mode(state))[..., 0] - 0.5))


def ergotropy(state: GaussianState, frequency: float = 1.0) -> Any:
    """Largest work a unitary extracts from one mode, omega (<a^+ a> - nu + 1/2).

    Undo the displacement and the squeezing (both unitary) and a thermal state with the
    same nu is left. A thermal state is passive, so this is the optimum over all
    unitaries, Gaussian or not. No difference is taken:
    tr V/2 - nu = [(V_xx - V_pp)^2/4 + V_xp^2]/(tr V/2 + nu).
    """
    omega = real("frequency", frequency, above=0.0)
    mean, covariance = checked = _one_mode(state)
    nu = np.maximum(_symplectic(checked)[0][..., 0], 0.5)
    half = np.trace(covariance, axis1=-2, axis2=-1) / 2
    uneven = (covariance[..., 0, 0] - covariance[..., 1, 1]) / 2
    squeezed = np.hypot(uneven, covariance[..., 0, 1])
    work = squeezed**2 / (half + nu) + (mean**2).sum(axis=-1) / 2
    return _number(omega * work)


def purity(state: GaussianState) -> Any:
    """tr rho^2 = 1 / prod (2 nu), 1 for a pure state."""
    return _number(1 / np.prod(2 * symplectic_eigenvalues(state), axis=-1))


def entropy(state: GaussianState, *, base: float = 2.0) -> Any:
    """Von Neumann entropy, in bits: the sum over the modes of

    (nu + 1/2) log(nu + 1/2) - (nu - 1/2) log(nu - 1/2).
    """
    unit = np.log(real("base", base, above=1.0))
    # With m = nu - 1/2 quanta it is log(m + 1) + m log(1 + 1/m), and 0 for m = 0.
    m = symplectic_eigenvalues(state) - 0.5
    terms = np.log1p(m) + m * np.log1p(1 / np.maximum(m, 1e-300))
    return _number(terms.sum(axis=-1) / unit)


def squeezing_db(state: GaussianState) -> Any:
    """Noise of the quietest quadrature of one mode in dB: below 0 is squeezed.

    The two principal variances multiply to nu^2.
    """
    loudest = np.linalg.eigvalsh(_one_mode(state).covariance)[..., -1]
    nu = symplectic_eigenvalues(state)[..., 0]
    return _number(10 * np.log10(2 * nu / loudest * nu))


def wigner(state: GaussianState, x: ArrayLike, p: ArrayLike) -> FloatArray:
    """Wigner function of one mode at broadcast points, normalised to 1 over dx dp."""
    mean, covariance = _one_mode(state)
    require(mean.ndim == 1, "state", "be one state, not a time axis", mean.shape)
    nu = symplectic_eigenvalues(state)[0]
    points = together("x, p", numbers("x", x), numbers("p", p))
    gap = np.stack(points, axis=-1) - mean
    exponent = (gap * (gap @ np.linalg.inv(covariance))).sum(axis=-1) / 2
    return np.asarray(np.exp(-exponent) / (2 * np.pi * nu))


def fock_state(state: GaussianState, levels: int) -> ComplexArray:
    """Return the density matrices of one mode in its Fock space.

    The generating function of rho_jk / sqrt(j! k!) is c exp(z^T A z / 2 + b^T z)
    (Quesada et al., Phys. Rev. A 100, 022341 (2019)). With alpha = <a>,
    m = <a^2> - alpha^2, n = <a a^+> - |alpha|^2 and N = n^2 - |m|^2 the matrix A has
    the entries m/N, 1 - n/N, m*/N, and b holds (n alpha - m alpha*)/N and its
    conjugate. The Taylor coefficients obey a recursion.

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
    mean, covariance = _one_mode(state)
    alone = GaussianState(np.zeros_like(mean), covariance)
    given = amplitude(state), anomalous(alone), occupation(alone)
    alpha, m, n = (np.asarray(each)[..., None] for each in given)
    norm = (n + 1) ** 2 - np.abs(m) ** 2
    b = ((n + 1) * alpha - m * alpha.conj()) / norm
    squeezed, mixed = m / norm, 1 - (n + 1) / norm
    root = np.sqrt(np.arange(levels, dtype=float))
    rho = np.zeros((*norm.shape[:-1], levels, levels), dtype=complex)
    rho[..., 0, :1] = np.exp(-(alpha.conj() * b).real) / np.sqrt(norm)
    # The index -1 is met at k = 0 only, times root[0] = 0. First the row of the vacuum.
    first = rho[..., 0, :]
    for k in range(levels - 1):
        before = squeezed.conj() * root[k] * first[..., k - 1, None]
        both = b.conj() * first[..., k, None] + before
        first[..., k + 1, None] = both / root[k + 1]
    for k in range(levels - 1):
        row = b * rho[..., k, :] + squeezed * root[k] * rho[..., k - 1, :]
        row[..., 1:] += mixed * root[1:] * rho[..., k, :-1]
        rho[..., k + 1, :] = row / root[k + 1]
    lost = float(np.max(1 - np.trace(rho, axis1=-2, axis2=-1).real))
    if lost > LOST:
        message = (
            f"{lost:.3g} of the state lies above {levels} Fock levels, "
            f"{LOST:g} is allowed: keep more levels of this mode."
        )
        raise LeakingCutoffError(message, found=lost, limit=LOST)
    return rho
