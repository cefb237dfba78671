"""N spins under a pulse: the exact flow of f(t) Jx + diagonal, for many parameter sets at once.

H(t) = A(t) + B with A = f(t) Jx (commutes with itself at all times) and B diagonal in the Dicke
basis, so both parts have exact flows: a rotation by the pulse area of the step, and a phase. They
are composed with the symmetric fourth-order splitting S6 of Blanes and Moan, J. Comput. Appl. Math.
142, 313 (2002), Table 2, which keeps the norm exactly. Every run is done with n and 2n steps, and
n grows until the two states agree.

States are arrays (N + 1, P), m = N/2, ..., -N/2 downwards, one column a parameter set; time is the
fraction t/T of the pulse f(t) = v0 sin^2(pi t/T).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from scipy.linalg import eigh_tridiagonal

from qbcore._support.checks import real
from qbcore._support.progress import progress
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.metrics import shannon_entropy

T = TypeVar("T")

# Blanes and Moan (2002), S6 of order 4: weights of the drive (7 stages) and the phase (6).
_A = [0.0792036964311957, 0.353172906049774, -0.0420650803577195]
DRIVE_WEIGHTS = np.array([*_A, 1 - 2 * sum(_A), *_A[::-1]])
_B = [0.209515106613362, -0.143851773179818]
PHASE_WEIGHTS = np.array([*_B, 0.5 - sum(_B), 0.5 - sum(_B), *_B[::-1]])
MOST_STEPS = 2**14  # per sampling interval; beyond this the parameters are unreasonable


def dicke_projections(atoms: int) -> FloatArray:
    """m = N/2, ..., -N/2, the order of the Dicke basis (that of ``qutip.jmat``)."""
    return atoms / 2 - np.arange(atoms + 1, dtype=float)


def statistics(atoms: int, states: ComplexArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Stored energy and its standard deviation (unit Delta), diagonal entropy (bits)."""
    charge = np.arange(atoms, -1, -1.0)  # number of excited atoms, m + N/2
    p = np.abs(states.T) ** 2
    mean = p @ charge
    variance = (p * (charge - mean[..., None]) ** 2).sum(axis=-1)
    return mean, np.sqrt(variance), np.asarray(shannon_entropy(p))


def _ladder(atoms: int) -> FloatArray:
    """<m + 1| J_+ |m> for m = s - 1, ..., -s."""
    s, m = atoms / 2, dicke_projections(atoms)[1:]
    return np.sqrt(s * (s + 1) - m * (m + 1))


def mean_jy(atoms: int, states: ComplexArray) -> FloatArray:
    """<Jy>: from [Jx, Jz] = -i Jy, the exact slope of the energy is Delta f(t) <Jy>."""
    return _raising_terms(atoms, states).sum(axis=0).imag


def _raising_terms(atoms: int, states: ComplexArray) -> ComplexArray:
    """Terms of <J_+> = sum_m conj(psi_{m + 1}) <m + 1| J_+ |m> psi_m, shape (N, P)."""
    return states[:-1].conj() * (_ladder(atoms)[:, None] * states[1:])


def area_fraction(fraction: FloatArray | float) -> FloatArray:
    """Pulse area up to t = fraction * T, in units of v0 T."""
    x = np.asarray(fraction, dtype=float)
    return x / 2 - np.sin(2 * np.pi * x) / (4 * np.pi)


@lru_cache(maxsize=128)
def _jx_eigenvectors(atoms: int) -> FloatArray:
    """Real orthogonal W with Jx = W diag(-s, ..., s) W^T."""
    _, vectors = eigh_tridiagonal(np.zeros(atoms + 1), _ladder(atoms) / 2)
    return np.ascontiguousarray(vectors)


class Pulses:
    """P runs of N atoms side by side: states are arrays (N + 1, P), time is the fraction t/T."""

    def __init__(self, atoms: int, area: FloatArray, levels: FloatArray) -> None:
        self.atoms = atoms
        self.area = area  # v0 T, shape (P,)
        self.levels = levels  # T E_m in the Dicke order, shape (N + 1, P)
        self.vectors = _jx_eigenvectors(atoms)
        self.half_range = np.arange(atoms, -1, -2.0)[:, None] / 2  # m >= 0; e^{-i m x} = conj e^{i m x}

    @classmethod
    def of(cls, atoms: int, splitting: float, drive: Any, duration: Any, interaction: Any) -> Pulses:
        """Pulses of P batteries; drive, duration and interaction are numbers or arrays (P,)."""
        v0, t, strength = (np.atleast_1d(np.asarray(x, float)) for x in (drive, duration, interaction))
        m = dicke_projections(atoms)[:, None]
        return cls(atoms, v0 * t, splitting * t * (m + 2 * strength * m**2 / atoms))

    def path(self, fractions: FloatArray, steps: int) -> Iterator[ComplexArray]:
        """States at the fractions, with ``steps`` splitting steps between neighbours."""
        psi = np.zeros(self.levels.shape, dtype=complex)
        psi[-1] = 1.0
        now = 0.0
        for fraction in fractions:
            if fraction > now:
                psi = self._advance(psi, now, float(fraction), steps)
                now = float(fraction)
            yield psi

    def observe(self, psi: ComplexArray) -> FloatArray:
        """Rows E, its deviation (unit Delta), entropy, <Jy>, and sum_m (E_{m+1} - E_m) Re <J_+>_m.

        The last two give the exact derivatives of E in t/T: with F = v0 T sin^2,
        E' = F <Jy> and E'' = F' <Jy> + F (last row - F <Jz>).
        """
        terms = _raising_terms(self.atoms, psi)
        gaps = self.levels[:-1] - self.levels[1:]
        twist = (gaps * terms.real).sum(axis=0)
        return np.array([*statistics(self.atoms, psi), terms.sum(axis=0).imag, twist])

    def _advance(self, psi: ComplexArray, start: float, end: float, steps: int) -> ComplexArray:
        step = (end - start) / steps
        half = [np.exp(-1j * b * step * self.levels) for b in PHASE_WEIGHTS[:3]]
        phases = [*half, *half[::-1]]
        # The last rotation of a step and the first of the next are one rotation.
        inner = np.cumsum(DRIVE_WEIGHTS[:-1])
        stops = start + step * (np.arange(steps)[:, None] + inner).ravel()
        areas = np.diff(area_fraction(np.concatenate([[start], stops, [end]])))
        for k, fraction in enumerate(areas[:-1]):
            psi = self._rotated(psi, fraction * self.area) * phases[k % len(phases)]
        return self._rotated(psi, areas[-1] * self.area)

    def _rotated(self, psi: ComplexArray, angle: FloatArray) -> ComplexArray:
        """exp(-i angle Jx) psi, in the eigenbasis of Jx; W is real, so complex numbers go in pairs."""
        x = self.half_range * angle
        upper = np.cos(x) - 1j * np.sin(x)
        lower = upper[: len(psi) // 2].conj()  # m = -s, -s + 1, ..., below zero
        turned = (self.vectors.T @ psi.view(float)).view(complex)
        turned *= np.concatenate([lower, upper[::-1]])
        return (self.vectors @ turned.view(float)).view(complex)


def evolve(
    pulses: Pulses,
    fractions: FloatArray,
    accuracy: float,
    observe: Callable[[ComplexArray], T],
    *,
    stride: int = 1,
) -> list[T]:
    """``observe`` of the states at each fraction; the states err by at most ``accuracy`` (norm).

    Two runs with n and 2n steps between the compared fractions, every ``stride``-th (1 or 2),
    differ by 15/16 of the error of the first (order 4), so the second is good once they differ
    by less than 15 times the accuracy. A stride of 2 needs equally spaced fractions.
    """
    real("accuracy", accuracy, least=1e-11)
    steps = 1
    while steps <= MOST_STEPS:
        observed, gap = [], 0.0
        coarse = pulses.path(fractions[::stride], steps)
        path = pulses.path(fractions, 2 * steps // stride)
        for k, fine in enumerate(progress(path, "pulse", fractions.size)):
            if k % stride == 0:
                gap = max(gap, float(np.linalg.norm(next(coarse) - fine, axis=0).max()))
            observed.append(observe(fine))
        if gap <= 15 * accuracy:
            return observed
        steps *= 2 ** max(1, math.ceil(math.log(gap / (15 * accuracy), 16)))
    allowed = f"be reachable with {MOST_STEPS} steps between neighbouring times"
    raise ValueError(f"Argument `accuracy` must {allowed}, but is {accuracy!r} (error {gap:.3g}).")
