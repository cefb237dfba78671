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
from scipy.linalg import solve_continuous_lyapunov

from qbcore._numerics.propagation import propagate
from qbcore._support.checks import integer, require
from qbcore._support.types import ComplexArray, FloatArray

TOLERANCE = 1e-9  # how far a covariance may fall short of the uncertainty relation


class GaussianState(NamedTuple):
    """Mean (..., 2n) and covariance (..., 2n, 2n) of n modes; leading axes are a time axis."""

    mean: FloatArray
    covariance: FloatArray

    def mode(self, index: int) -> GaussianState:
        """The state of one mode alone (partial trace over the others)."""
        chosen = slice(2 * index, 2 * index + 2)
        return GaussianState(self.mean[..., chosen], self.covariance[..., chosen, chosen])


def thermal(modes: int, occupation: float = 0.0) -> GaussianState:
    """Every mode in a thermal state of this mean occupation; the vacuum if it is 0."""
    size = 2 * integer("modes", modes, least=1)
    return GaussianState(np.zeros(size), (occupation + 0.5) * np.eye(size))


def symplectic_form(modes: int) -> FloatArray:
    """Omega: blocks [[0, 1], [-1, 0]] on the diagonal, one a mode."""
    return np.asarray(np.kron(np.eye(modes), [[0.0, 1.0], [-1.0, 0.0]]), dtype=np.float64)


@dataclass(frozen=True)
class GaussianSystem:
    """H = r^T G r / 2 + d^T r with jump operators L = C r; see the module's docstring.

    Parameters
    ----------
    stiffness : G, real symmetric (2n, 2n).
    force : d, real (2n,).
    jumps : C, complex (m, 2n), one row a jump operator.
    """

    stiffness: FloatArray
    force: FloatArray
    jumps: ComplexArray

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
        f = np.asarray(drive, complex)
        require(np.allclose(h, h.conj().T), "hopping", "be Hermitian", h)
        require(np.allclose(k, k.T), "pairing", "be symmetric", k)
        lower = np.kron(np.eye(len(h)), [1.0, 1j]) / np.sqrt(2)  # a = (x + i p)/sqrt(2)
        ladder = np.vstack([lower, lower.conj()])
        blocks = np.block([[h, k], [k.conj(), h.conj()]])
        return cls(
            (ladder.conj().T @ blocks @ ladder).real,
            (ladder.conj().T @ np.concatenate([f, f.conj()])).real,
            np.asarray(jumps, complex) @ ladder,
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
        """Slowest decay of the mean, -max Re(eigenvalues of A); not positive if unstable."""
        return -float(np.linalg.eigvals(self.drift).real.max())

    def slope(self, state: GaussianState) -> GaussianState:
        """Time derivative of mean and covariance, as a pair of the same shapes."""
        flow = self.drift @ state.covariance
        return GaussianState(
            state.mean @ self.drift.T + self.push, flow + flow.swapaxes(-1, -2) + self.diffusion
        )

    def steady_state(self) -> GaussianState:
        """Mean and covariance at rest, by a linear and a Lyapunov solver.

        Raises ValueError if the drift has an eigenvalue with a real part that is not negative.
        """
        require(self.decay_rate > 0, "system", "decay (all Re of the drift below 0)", self.decay_rate)
        mean = np.asarray(np.linalg.solve(self.drift, -self.push), dtype=np.float64)
        return GaussianState(mean, solve_continuous_lyapunov(self.drift, -self.diffusion))

    def evolve(self, start: GaussianState, times: FloatArray) -> GaussianState:
        """Exact state at increasing times (T,), the first of them at least 0.

        Mean, covariance and the constant 1 form one vector with a constant generator.
        """
        size = 2 * self.modes
        vector = np.concatenate([start.covariance.ravel(), start.mean, [1.0]])
        path = propagate(self._generator(), vector, times)
        covariance = path[:, : size**2].reshape(-1, size, size)
        return GaussianState(path[:, size**2 : -1], (covariance + covariance.swapaxes(-1, -2)) / 2)

    def _generator(self) -> FloatArray:
        a, size = self.drift, 2 * self.modes
        one, square = np.eye(size), size**2
        generator = np.zeros((square + size + 1, square + size + 1))
        generator[:square, :square] = np.kron(a, one) + np.kron(one, a)
        generator[:square, -1] = self.diffusion.ravel()
        generator[square:-1, square:-1] = a
        generator[square:-1, -1] = self.push
        return generator


# The metrics. Each takes a `GaussianState` and returns a float, or (T,) for a time axis.


def _number(values: Any) -> Any:
    return float(values) if np.ndim(values) == 0 else values


def _one_mode(state: GaussianState) -> GaussianState:
    require(state.mean.shape[-1] == 2, "state", "be of one mode; use state.mode(k)", state.mean.shape)
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

    Raises ValueError if the smallest of them is below 1/2 by more than 1e-9: no such state exists.
    """
    modes = state.mean.shape[-1] // 2
    if modes == 1:  # nu^2 = det, without the rounding of an eigenvalue solver
        nu = np.sqrt(np.maximum(np.linalg.det(state.covariance), 0.0))[..., None]
    else:
        spectrum = np.abs(np.linalg.eigvals(1j * symplectic_form(modes) @ state.covariance))
        nu = np.sort(spectrum, axis=-1)[..., ::-2]
    lowest = float(nu.min())
    require(lowest >= 0.5 - TOLERANCE, "state", "obey the uncertainty relation nu >= 1/2", lowest)
    return np.asarray(np.maximum(nu, 0.5))


def passive_energy(state: GaussianState, frequency: float = 1.0) -> Any:
    """Energy no unitary can extract from one mode, omega (nu - 1/2), above the ground level."""
    return _number(frequency * (symplectic_eigenvalues(_one_mode(state))[..., 0] - 0.5))


def ergotropy(state: GaussianState, frequency: float = 1.0) -> Any:
    """Largest work a unitary extracts from one mode, omega (<a^+ a> - nu + 1/2).

    Undo the displacement and the squeezing (both unitary) and a thermal state with the same nu is
    left. A thermal state is passive, so this is the optimum over all unitaries, Gaussian or not.
    """
    left = frequency * np.asarray(occupation(state)) - np.asarray(passive_energy(state, frequency))
    return _number(np.maximum(left, 0.0))


def purity(state: GaussianState) -> Any:
    """tr rho^2 = 1 / prod (2 nu), 1 for a pure state."""
    return _number(1 / np.prod(2 * symplectic_eigenvalues(state), axis=-1))


def entropy(state: GaussianState, *, base: float = 2.0) -> Any:
    """Von Neumann entropy sum [(nu + 1/2) log(nu + 1/2) - (nu - 1/2) log(nu - 1/2)]; in bits."""
    nu = symplectic_eigenvalues(state)
    upper, lower = nu + 0.5, nu - 0.5
    safe = np.where(lower > 0, lower, 1.0)
    return _number((upper * np.log(upper) - lower * np.log(safe)).sum(axis=-1) / np.log(base))


def squeezing_db(state: GaussianState) -> Any:
    """Noise of the quietest quadrature of one mode against vacuum, in dB: below 0 is squeezed."""
    quietest = np.linalg.eigvalsh(_one_mode(state).covariance)[..., 0]
    return _number(10 * np.log10(2 * quietest))


def wigner(state: GaussianState, x: ArrayLike, p: ArrayLike) -> FloatArray:
    """Wigner function of one mode at the broadcast points (x, p); it integrates to 1 over dx dp."""
    mean, covariance = _one_mode(state)
    require(mean.ndim == 1, "state", "be one state, not a time axis", mean.shape)
    grid = np.stack(np.broadcast_arrays(np.asarray(x, float), np.asarray(p, float)), axis=-1) - mean
    exponent = np.einsum("...j,jk,...k->...", grid, np.linalg.inv(covariance), grid) / 2
    return np.asarray(np.exp(-exponent) / (2 * np.pi * np.sqrt(np.linalg.det(covariance))))
