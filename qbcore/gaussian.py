r"""Gaussian states of bosonic modes: their dynamics, their steady state, and their metrics.

When the Hamiltonian is at most quadratic in the ladder operators and every jump operator is linear
in them, a Gaussian state stays Gaussian: a vector and a matrix say all about it, and no Fock space
is cut off. Conventions: hbar = k_B = 1, quadratures r = (x_1, p_1, x_2, p_2, ...) with
x = (a + a^+)/sqrt(2), p = (a - a^+)/(i sqrt(2)), so [r_j, r_k] = i Omega_jk, and

    mean_j = <r_j>,   covariance_jk = <{r_j - mean_j, r_k - mean_k}>/2   (vacuum: 1/2 on the diagonal).

For H = r^T G r / 2 + d^T r and jump operators L_k = (C r)_k the moments obey

    mean' = A mean + Omega d,            A = Omega (G + Im C^+ C)       (drift),
    covariance' = A covariance + covariance A^T + D,   D = Omega Re(C^+ C) Omega^T   (diffusion).

Source: Weedbrook et al., Rev. Mod. Phys. 84, 621 (2012), with their vacuum variance 1 halved; the
drift and diffusion of a Lindblad equation as in Genoni, Lami and Serafini, Contemp. Phys. 57, 331 (2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm, solve_continuous_lyapunov

from qbcore._support.checks import integer, require
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import LeakingCutoffError, SeveralSteadyStatesError, UnstableError

TOLERANCE = 1e-9  # how far a covariance may fall short of the uncertainty relation
LOST = 1e-6  # weight that a Fock space may cut off


class GaussianState(NamedTuple):
    """Mean (..., 2n) and covariance (..., 2n, 2n) of n modes; leading axes are a time axis."""

    mean: FloatArray
    covariance: FloatArray

    def mode(self, index: int) -> GaussianState:
        """The state of one mode alone (partial trace over the others)."""
        chosen = slice(2 * index, 2 * index + 2)
        return GaussianState(
            self.mean[..., chosen], self.covariance[..., chosen, chosen]
        )


def thermal(modes: int, occupation: float = 0.0) -> GaussianState:
    """Every mode in a thermal state of this mean occupation; the vacuum if it is 0."""
    size = 2 * integer("modes", modes, least=1)
    return GaussianState(np.zeros(size), (occupation + 0.5) * np.eye(size))


def symplectic_form(modes: int) -> FloatArray:
    """Omega: blocks [[0, 1], [-1, 0]] on the diagonal, one a mode."""
    return np.asarray(
        np.kron(np.eye(modes), [[0.0, 1.0], [-1.0, 0.0]]), dtype=np.float64
    )


@dataclass(frozen=True)
class GaussianSystem:
    """H = r^T G r / 2 + d^T r with jump operators L = C r; see the module's docstring.

    Parameters
    ----------
    stiffness : (2n, 2n) array
        G, real symmetric.
    force : (2n,) array
        d, real.
    jumps : (m, 2n) array
        C, complex, one row per jump operator.

    Raises
    ------
    ValueError
        For shapes that do not fit, entries that are not finite, or an asymmetric G.
    """

    stiffness: FloatArray
    force: FloatArray
    jumps: ComplexArray

    def __post_init__(self) -> None:
        """Check shapes, finiteness and symmetry."""
        size = np.size(self.force)
        shapes = {
            "force": (size,),
            "stiffness": (size, size),
            "jumps": (len(self.jumps), size),
        }
        require(size > 0 and size % 2 == 0, "force", "have an even length 2n", size)
        for name, shape in shapes.items():
            entries = np.asarray(getattr(self, name))
            require(entries.shape == shape, name, f"have shape {shape}", entries.shape)
            require(bool(np.isfinite(entries).all()), name, "be finite", entries)
        defect = float(np.abs(self.stiffness - np.transpose(self.stiffness)).max())
        scale = float(np.abs(self.stiffness).max())
        require(
            defect <= 1e-12 * scale, "stiffness", "be symmetric", f"off by {defect:.3g}"
        )

    @classmethod
    def from_ladder(
        cls, hopping: ArrayLike, pairing: ArrayLike, drive: ArrayLike, jumps: ArrayLike
    ) -> GaussianSystem:
        """The system written with ladder operators.

        H = sum h_jk a_j^+ a_k + (1/2) sum (k_jk a_j^+ a_k^+ + h.c.) + sum (f_j a_j^+ + h.c.).

        Parameters
        ----------
        hopping : h, Hermitian (n, n). pairing : k, symmetric (n, n). drive : f, (n,).
        jumps : (m, 2n), coefficients of (a_1, ..., a_n, a_1^+, ..., a_n^+) in each L.
        """
        h, k = np.asarray(hopping, complex), np.asarray(pairing, complex)
        f, rows = np.asarray(drive, complex), np.asarray(jumps, complex)
        n = f.size
        shapes = {"drive": (f, (n,)), "hopping": (h, (n, n)), "pairing": (k, (n, n))}
        shapes["jumps"] = rows, (len(rows), 2 * n)
        for name, (entries, shape) in shapes.items():
            require(entries.shape == shape, name, f"have shape {shape}", entries.shape)
            require(bool(np.isfinite(entries).all()), name, "be finite", entries)
        require(np.allclose(h, h.conj().T), "hopping", "be Hermitian", h)
        require(np.allclose(k, k.T), "pairing", "be symmetric", k)
        lower = np.kron(np.eye(len(h)), [1.0, 1j]) / np.sqrt(2)  # a = (x + i p)/sqrt(2)
        ladder = np.vstack([lower, lower.conj()])
        blocks = np.block([[h, k], [k.conj(), h.conj()]])
        return cls(
            (ladder.conj().T @ blocks @ ladder).real,
            (ladder.conj().T @ np.concatenate([f, f.conj()])).real,
            rows @ ladder,
        )

    @property
    def modes(self) -> int:
        """Number of modes n."""
        return len(self.force) // 2

    @cached_property
    def drift(self) -> FloatArray:
        """A = Omega (G + Im C^+ C), shape (2n, 2n)."""
        gram = self.jumps.conj().T @ self.jumps
        return symplectic_form(self.modes) @ (self.stiffness + gram.imag)

    @cached_property
    def diffusion(self) -> FloatArray:
        """D = Omega Re(C^+ C) Omega^T, shape (2n, 2n), never negative."""
        omega = symplectic_form(self.modes)
        return omega @ (self.jumps.conj().T @ self.jumps).real @ omega.T

    @property
    def push(self) -> FloatArray:
        """Omega d, the constant rate of the mean, shape (2n,)."""
        return symplectic_form(self.modes) @ self.force

    @cached_property
    def decay_rate(self) -> float:
        """Slowest decay of the mean, -max Re(eigenvalues of A): negative if unstable.

        A rate that rounding cannot tell from zero is zero: if a matrix within rounding of A
        has an eigenvalue on the imaginary axis, at the slowest one's frequency.
        """
        values = np.linalg.eigvals(self.drift)
        slowest = values[values.real.argmax()]
        turned = self.drift - 1j * slowest.imag * np.eye(values.size)
        singular = np.linalg.svd(turned, compute_uv=False)
        size = float(np.linalg.norm(self.drift, 2))
        doubt = 8 * values.size * np.finfo(float).eps * size
        return 0.0 if singular[-1] <= doubt else -float(slowest.real)

    def slope(self, state: GaussianState) -> GaussianState:
        """Time derivative of mean and covariance, as a pair of the same shapes."""
        flow = self.drift @ state.covariance
        return GaussianState(
            state.mean @ self.drift.T + self.push,
            flow + flow.swapaxes(-1, -2) + self.diffusion,
        )

    def steady_state(self) -> GaussianState:
        """Return mean and covariance at rest, by a linear and a Lyapunov solver.

        Raises
        ------
        UnstableError
            If some part of the mean grows.
        SeveralSteadyStatesError
            If some part neither grows nor decays, to rounding.
        """
        rate = self.decay_rate
        if rate < 0:
            message = f"The modes grow at the rate {-rate:.6g}: they need more loss or less drive."
            raise UnstableError(message, found=rate, limit=0.0)
        if rate == 0:
            message = (
                "Some combination of the modes does not decay, so the state at rest depends on the start "
                "(or grows without bound): give every mode a loss, or use `evolve` with a start."
            )
            raise SeveralSteadyStatesError(message, found=rate, limit=0.0)
        mean = np.asarray(np.linalg.solve(self.drift, -self.push), dtype=np.float64)
        return GaussianState(
            mean, solve_continuous_lyapunov(self.drift, -self.diffusion)
        )

    def evolve(self, start: GaussianState, times: FloatArray) -> GaussianState:
        """Return the exact state at increasing times (T,), the first of them at least 0.

        A step of length h takes the mean to P mean + q and the covariance to
        P covariance P^T + Q, with P = e^{A h}; each distinct step is computed once.
        """
        lengths, which = np.unique(np.diff(times, prepend=0.0), return_inverse=True)
        moves = self._steps(lengths)
        mean, covariance = start
        means = np.empty((len(times), *mean.shape))
        covariances = np.empty((len(times), *covariance.shape))
        for k, step in enumerate(which):
            move, push, noise = (part[step] for part in moves)
            mean = means[k] = move @ mean + push
            covariance = covariances[k] = move @ covariance @ move.T + noise
        return GaussianState(means, (covariances + covariances.swapaxes(-1, -2)) / 2)

    def _steps(self, lengths: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """P (S, 2n, 2n), q (S, 2n) and Q (S, 2n, 2n) of steps of these lengths.

        Van Loan, IEEE Trans. Automat. Contr. 23, 395 (1978), for a step so short that nothing
        grows or decays much, which is then doubled: P' = P^2, q' = q + P q, Q' = Q + P Q P^T.
        """
        a, size = self.drift, 2 * self.modes
        strength = np.linalg.norm(a, 2) * lengths
        doublings = np.ceil(np.log2(np.maximum(strength, 1.0))).astype(int)
        short = lengths / 2.0**doublings
        block = np.zeros((2 * size + 1, 2 * size + 1))
        block[:size, :size] = -a
        block[:size, size:-1] = self.diffusion
        block[size:-1, size:-1] = a.T
        affine = np.zeros((size + 1, size + 1))
        affine[:size, :size] = a
        affine[:size, -1] = self.push
        exponential = expm(short[:, None, None] * block[:-1, :-1])
        move = exponential[:, size:, size:].swapaxes(-1, -2)
        noise = move @ exponential[:, :size, size:]
        push = expm(short[:, None, None] * affine)[:, :size, -1]
        for done in range(int(doublings.max(initial=0))):
            more = doublings > done
            p, q, n = move[more], push[more], noise[more]
            move[more] = p @ p
            push[more] = q + (p @ q[..., None])[..., 0]
            noise[more] = n + p @ n @ p.swapaxes(-1, -2)
        return move, push, noise


def checked_state(state: object, modes: int) -> GaussianState:
    """Return a `GaussianState` of so many modes, or refuse it.

    Raises
    ------
    ValueError
        If it is not a `GaussianState`, not finite, asymmetric, or breaks the uncertainty relation.
    """
    size = 2 * modes
    allowed = f"be a GaussianState of {modes} modes: a mean ({size},) and a covariance ({size}, {size})"
    require(isinstance(state, GaussianState), "start", allowed, state)
    mean, covariance = (np.asarray(part, dtype=float) for part in state)  # type: ignore[attr-defined]
    shapes = (mean.shape, covariance.shape)
    require(shapes == ((size,), (size, size)), "start", allowed, shapes)
    finite = bool(np.isfinite(mean).all() and np.isfinite(covariance).all())
    require(finite, "start", "be finite", state)
    defect = float(np.abs(covariance - covariance.T).max())
    require(
        defect <= 1e-9 * np.abs(covariance).max(),
        "start",
        "have a symmetric covariance",
        defect,
    )
    checked = GaussianState(mean, covariance)
    symplectic_eigenvalues(checked)
    lowest = float(np.linalg.eigvalsh(covariance)[0])
    require(lowest > 0, "start", "have a positive covariance", lowest)
    return checked


# The metrics. Each takes a `GaussianState` and returns a float, or (T,) for a time axis.


def _number(values: Any) -> Any:
    return float(values) if np.ndim(values) == 0 else values


def _one_mode(state: GaussianState) -> GaussianState:
    require(
        state.mean.shape[-1] == 2,
        "state",
        "be of one mode; use state.mode(k)",
        state.mean.shape,
    )
    return state


def occupation(state: GaussianState) -> Any:
    """<a^+ a> = (tr covariance + |mean|^2 - 1)/2 of one mode."""
    mean, covariance = _one_mode(state)
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    return _number((trace + (mean**2).sum(axis=-1) - 1) / 2)


def anomalous(state: GaussianState) -> Any:
    """<a^2> of one mode, complex, displacement included."""
    mean, covariance = _one_mode(state)
    second = covariance + mean[..., :, None] * mean[..., None, :]
    values = (second[..., 0, 0] - second[..., 1, 1]) / 2 + 1j * second[..., 0, 1]
    return complex(values) if values.ndim == 0 else values


def amplitude(state: GaussianState) -> Any:
    """<a> = (<x> + i <p>)/sqrt(2) of one mode, complex."""
    mean = _one_mode(state).mean
    values = (mean[..., 0] + 1j * mean[..., 1]) / np.sqrt(2)
    return complex(values) if values.ndim == 0 else values


def symplectic_eigenvalues(state: GaussianState) -> FloatArray:
    """The n numbers nu >= 1/2 of a state, falling, shape (..., n): |eigenvalues of i Omega covariance|.

    Raises ValueError if the smallest of them is below 1/2 by more than 1e-9, or than rounding
    explains: no such state exists.
    """
    modes = state.mean.shape[-1] // 2
    if modes == 1:  # nu^2 = det, without the rounding of an eigenvalue solver
        nu = np.sqrt(np.maximum(np.linalg.det(state.covariance), 0.0))[..., None]
    else:
        spectrum = np.abs(
            np.linalg.eigvals(1j * symplectic_form(modes) @ state.covariance)
        )
        nu = np.sort(spectrum, axis=-1)[..., ::-2]
    short = 0.5 - nu.min(axis=-1)
    worst = int(np.argmax(short - _doubt(state)))
    allowed = float(_doubt(state).ravel()[worst])
    lowest = float(0.5 - short.ravel()[worst])
    require(
        lowest >= 0.5 - allowed,
        "state",
        "obey the uncertainty relation nu >= 1/2",
        lowest,
    )
    return np.asarray(np.maximum(nu, 0.5))


def _doubt(state: GaussianState) -> FloatArray:
    """By how much rounding may move a symplectic eigenvalue: nu^2 errs by eps |covariance|^2."""
    largest = np.abs(state.covariance).max(axis=(-2, -1))
    return np.asarray(np.maximum(TOLERANCE, 16 * np.finfo(float).eps * largest**2))


def passive_energy(state: GaussianState, frequency: float = 1.0) -> Any:
    """Energy no unitary can extract from one mode, omega (nu - 1/2), above the ground level."""
    return _number(frequency * (symplectic_eigenvalues(_one_mode(state))[..., 0] - 0.5))


def ergotropy(state: GaussianState, frequency: float = 1.0) -> Any:
    """Largest work a unitary extracts from one mode, omega (<a^+ a> - nu + 1/2).

    Undo the displacement and the squeezing (both unitary) and a thermal state with the same nu is
    left. A thermal state is passive, so this is the optimum over all unitaries, Gaussian or not.
    """
    left = frequency * np.asarray(occupation(state)) - np.asarray(
        passive_energy(state, frequency)
    )
    return _number(np.maximum(left, 0.0))


def purity(state: GaussianState) -> Any:
    """tr rho^2 = 1 / prod (2 nu), 1 for a pure state."""
    return _number(1 / np.prod(2 * symplectic_eigenvalues(state), axis=-1))


def entropy(state: GaussianState, *, base: float = 2.0) -> Any:
    """Von Neumann entropy sum [(nu + 1/2) log(nu + 1/2) - (nu - 1/2) log(nu - 1/2)]; in bits."""
    nu = symplectic_eigenvalues(state)
    upper, lower = nu + 0.5, nu - 0.5
    safe = np.where(lower > 0, lower, 1.0)
    return _number(
        (upper * np.log(upper) - lower * np.log(safe)).sum(axis=-1) / np.log(base)
    )


def squeezing_db(state: GaussianState) -> Any:
    """Noise of the quietest quadrature of one mode against vacuum, in dB: below 0 is squeezed."""
    quietest = np.linalg.eigvalsh(_one_mode(state).covariance)[..., 0]
    return _number(10 * np.log10(2 * quietest))


def wigner(state: GaussianState, x: ArrayLike, p: ArrayLike) -> FloatArray:
    """Wigner function of one mode at the broadcast points (x, p); it integrates to 1 over dx dp."""
    mean, covariance = _one_mode(state)
    require(mean.ndim == 1, "state", "be one state, not a time axis", mean.shape)
    grid = (
        np.stack(
            np.broadcast_arrays(np.asarray(x, float), np.asarray(p, float)), axis=-1
        )
        - mean
    )
    exponent = np.einsum("...j,jk,...k->...", grid, np.linalg.inv(covariance), grid) / 2
    return np.asarray(
        np.exp(-exponent) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    )


def fock_state(state: GaussianState, levels: int) -> ComplexArray:
    """Return the density matrices of one mode in its Fock space.

    The generating function of rho_mn / sqrt(m! n!) is c exp(z^T A z / 2 + b^T z), with
    Q = covariance of (a, a^+) + 1/2, A = (1 - Q^{-1}) X, b^T = mean^+ Q^{-1} X, X exchanging the
    two; its Taylor coefficients obey a recursion (Quesada et al., Phys. Rev. A 100, 022341 (2019)).

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
    weight, a, b = _bargmann(_one_mode(state))
    root = np.sqrt(np.arange(levels, dtype=float))
    rho = np.zeros((levels, levels, *np.shape(weight)), dtype=complex)
    rho[0, 0] = weight
    for n in range(levels - 1):
        before = root[n] * rho[0, n - 1] if n else 0.0
        rho[0, n + 1] = (b[1] * rho[0, n] + a[1, 1] * before) / root[n + 1]
    column = root.reshape(-1, *[1] * np.ndim(weight))
    for m in range(levels - 1):
        before = root[m] * rho[m - 1] if m else 0.0
        row = b[0] * rho[m] + a[0, 0] * before
        row[1:] += a[0, 1] * column[1:] * rho[m, :-1]
        rho[m + 1] = row / root[m + 1]
    matrices = np.moveaxis(rho, (0, 1), (-2, -1))
    lost = float(np.max(1 - np.trace(matrices, axis1=-2, axis2=-1).real))
    if lost > LOST:
        message = (
            f"{lost:.3g} of the state lies above {levels} Fock levels, "
            f"{LOST:g} is allowed: keep more levels of this mode."
        )
        raise LeakingCutoffError(message, found=lost, limit=LOST)
    return matrices


def _bargmann(state: GaussianState) -> tuple[FloatArray, ComplexArray, ComplexArray]:
    """c (...), A (2, 2, ...) and b (2, ...) of the generating function in `fock_state`."""
    exchange = np.array([[0.0, 1.0], [1.0, 0.0]])
    ladder = np.array([[1.0, 1j], [1.0, -1j]]) / np.sqrt(2)  # (a, a^+) from (x, p)
    q = ladder @ state.covariance @ ladder.conj().T + np.eye(2) / 2
    inverse, centre = np.linalg.inv(q), state.mean @ ladder.T
    pulled = (centre.conj()[..., None, :] @ inverse)[..., 0, :]
    exponent = (pulled * centre).sum(axis=-1).real / 2
    weight = np.exp(-exponent) / np.sqrt(np.linalg.det(q).real)
    a = np.moveaxis((np.eye(2) - inverse) @ exchange, (-2, -1), (0, 1))
    return weight, a, np.moveaxis(pulled @ exchange, -1, 0)
