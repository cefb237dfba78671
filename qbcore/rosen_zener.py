r"""Rosen-Zener battery: N two-level atoms, all driven by one sin^2 pulse.

Guo, Yang and Dou, Phys. Rev. A 109, 032201 (2024), Eqs. (1)-(5):

    H(t) = Delta Jz + f(t) Jx + (2 eta / N) Jz^2,   f(t) = v0 sin^2(pi t / T) on [0, T],

with lambda = eta / Delta and the start |s, -s>, s = N/2. The total spin is conserved, so N + 1
Dicke states |s, m> carry the exact dynamics. They are ordered m = s, ..., -s, as in QuTiP: the
fully charged state comes first, the empty one last. hbar = 1; entropies are in bits (log2).

Method: H(t) = A(t) + B with A = f(t) Jx (commutes with itself at all times) and B diagonal, so
both halves have exact flows: a rotation by the pulse area of the step, and a phase. They are
composed with the symmetric fourth-order splitting S6 of Blanes and Moan, J. Comput. Appl. Math.
142, 313 (2002), Table 2, which advances all parameter sets at once and keeps the norm exactly.
Every run is done with n and 2n steps, and n is doubled until the two states agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh_tridiagonal

from qbcore.charging import Charging, Peak, peak
from qbcore.metrics import shannon_entropy
from qbcore.validation import FloatArray, integer, real, require, time_axis

if TYPE_CHECKING:
    import qutip

ComplexArray = NDArray[np.complex128]
T = TypeVar("T")

# Blanes and Moan (2002), S6 of order 4: weights of the drive (7 stages) and the phase (6).
_A = [0.0792036964311957, 0.353172906049774, -0.0420650803577195]
DRIVE_WEIGHTS = np.array([*_A, 1 - 2 * sum(_A), *_A[::-1]])
_B = [0.209515106613362, -0.143851773179818]
PHASE_WEIGHTS = np.array([*_B, 0.5 - sum(_B), 0.5 - sum(_B), *_B[::-1]])
MOST_STEPS = 2**14  # per sampling interval; beyond this the parameters are unreasonable


@dataclass(frozen=True, kw_only=True)
class RosenZenerCharging(Charging):
    """Charging curve of the Rosen-Zener battery; see `Charging` for times, energy and power.

    Attributes
    ----------
    states : (T, N + 1, 1) kets in the Dicke basis m = s, ..., -s.
    fluctuation : (T,) standard deviation of H_0, Eq. (9).
    diagonal_entropy : (T,) Shannon entropy of the Dicke populations in bits, Eq. (10).
    """

    states: ComplexArray
    fluctuation: FloatArray
    diagonal_entropy: FloatArray


@dataclass(frozen=True, kw_only=True)
class ChargingMap:
    """Summary of many charging runs; every array has the broadcast shape of the parameters.

    Energies are in the unit of Delta; the fluctuation and entropy maxima are over the samples,
    the energy and average-power maxima are refined between them.
    """

    max_energy: Peak
    max_average_power: Peak
    final_energy: FloatArray
    max_fluctuation: FloatArray
    final_fluctuation: FloatArray
    max_diagonal_entropy: FloatArray
    final_diagonal_entropy: FloatArray


@dataclass(frozen=True, kw_only=True)
class RosenZenerBattery:
    """N interacting two-level atoms under a sin^2 pulse.

    Parameters
    ----------
    atoms : N, an integer of at least 1.
    splitting : Delta > 0, energy of one atom; the unit of energy in the paper (Delta = 1).
    drive : v0 >= 0, height of the pulse, in energy.
    duration : T > 0, length of the pulse, in inverse energy.
    interaction : lambda = eta / Delta, any real number; positive repels, negative attracts.

    Raises
    ------
    ValueError for a value out of range.

    Examples
    --------
    >>> battery = RosenZenerBattery(atoms=1, interaction=0.0, drive=20.0, duration=0.1 * np.pi)
    >>> charging = battery.charge()
    >>> round(float(charging.energy[-1]), 4)  # a pi pulse, slightly off resonance
    0.9882
    """

    atoms: int = 10
    splitting: float = 1.0
    drive: float = 20.0
    duration: float = 0.1 * np.pi
    interaction: float = 2.0

    def __post_init__(self) -> None:
        integer("atoms", self.atoms, least=1)
        real("splitting", self.splitting, above=0.0)
        real("drive", self.drive, least=0.0)
        real("duration", self.duration, above=0.0)
        real("interaction", self.interaction)

    def drive_at(self, times: ArrayLike) -> FloatArray:
        """f(t) = v0 sin^2(pi t / T), zero outside [0, T], Eq. (5)."""
        t = np.asarray(times, dtype=float)
        inside = (t >= 0) & (t <= self.duration)
        return np.where(inside, self.drive * np.sin(np.pi * t / self.duration) ** 2, 0.0)

    def pulse_area(self, times: ArrayLike) -> FloatArray:
        """phi(t) = integral of f from 0 to t = v0 t/2 - (v0 T / 4 pi) sin(2 pi t / T)."""
        fraction = np.clip(np.asarray(times, dtype=float) / self.duration, 0.0, 1.0)
        return self.drive * self.duration * _area_fraction(fraction)

    def static_levels(self) -> FloatArray:
        """Eigenvalues of H_0 + H_aa in the Dicke order, E_m = Delta (m + 2 lambda m^2 / N)."""
        m = dicke_projections(self.atoms)
        return self.splitting * (m + 2 * self.interaction * m**2 / self.atoms)

    @property
    def transition(self) -> float:
        """lambda_c = N / (2 (N - 1)), where the ground state of H_0 + H_aa leaves m = -N/2.

        It solves E_{-N/2} = E_{-N/2 + 1}; infinite for N = 1, where Jz^2 is a constant.
        """
        return self.atoms / (2 * (self.atoms - 1)) if self.atoms > 1 else np.inf

    def battery_hamiltonian(self) -> qutip.Qobj:
        """H_0 = Delta Jz as a QuTiP operator of dimension N + 1."""
        import qutip

        return self.splitting * qutip.jmat(self.atoms / 2, "z")

    def hamiltonian(self) -> qutip.QobjEvo:
        """Total H(t) of Eq. (1) as a QuTiP operator of dimension N + 1, for times in [0, T]."""
        import qutip

        static = qutip.qdiags(self.static_levels(), 0)
        return qutip.QobjEvo([static, [qutip.jmat(self.atoms / 2, "x"), self._coefficient]])

    def _coefficient(self, t: float) -> float:
        return float(self.drive_at(t))

    def charge(self, times: ArrayLike | None = None, *, accuracy: float = 1e-8) -> RosenZenerCharging:
        """Exact charging curve from the empty battery |s, -s>.

        Parameters
        ----------
        times : (T,) increasing times in [0, duration]; 201 equal steps if not given.
        accuracy : bound on the norm of the error of the state, by step doubling.

        Raises
        ------
        ValueError for times outside the pulse or an accuracy out of reach.
        """
        if times is None:
            times = np.linspace(0.0, self.duration, 201)
        t = np.minimum(time_axis("times", times, latest=self.duration), self.duration)
        pulses = _Pulses.of(self.atoms, self.splitting, self.drive, self.duration, self.interaction)
        kets = np.array(_evolve(pulses, t / self.duration, accuracy, np.copy))  # (T, N + 1, 1)
        energy, fluctuation, entropy = _statistics(self.atoms, kets[..., 0].T)
        return RosenZenerCharging(
            times=t,
            energy=self.splitting * energy,
            power=self.splitting * self.drive_at(t) * _mean_jy(self.atoms, kets[..., 0].T),
            states=kets,
            fluctuation=self.splitting * fluctuation,
            diagonal_entropy=entropy,
        )


def charge_map(
    *,
    atoms: int,
    drive: ArrayLike,
    duration: ArrayLike,
    interaction: ArrayLike,
    splitting: float = 1.0,
    resolution: float = 8.0,
    accuracy: float = 1e-8,
) -> ChargingMap:
    """Charge many batteries of N atoms at once, over the broadcast grid of their parameters.

    ``drive``, ``duration`` and ``interaction`` broadcast against each other as numpy arrays.
    Each run is sampled ``resolution`` times per radian of its fastest phase, v0 T + (1 + 2
    |lambda|) Delta T, and at least 32 times; 2.5 leave 1e-6 of the energy in its refined peaks.
    Raises ValueError as `RosenZenerBattery` does, naming the offending value.
    """
    real("resolution", resolution, above=0.0)
    grids = np.broadcast_arrays(drive, duration, interaction)
    shape = grids[0].shape
    v0, span, strength = (np.asarray(g, dtype=float).ravel() for g in grids)
    require(v0.size > 0, "drive", "hold at least one value", shape)
    for extreme in (np.min, np.max):  # the model's own checks; a NaN survives min and max
        low_or_high = [float(extreme(g)) for g in (v0, span, strength)]
        names = ("drive", "duration", "interaction")
        RosenZenerBattery(
            atoms=atoms, splitting=splitting, **dict(zip(names, low_or_high, strict=True))
        )
    radians = v0 * span + (1 + 2 * np.abs(strength)) * splitting * span
    summary = np.empty((9, v0.size))
    # Runs of like demands share their sampling, and a block of 512 stays in the processor's cache.
    for block in np.array_split(np.argsort(radians), math.ceil(v0.size / 512)):
        samples = max(32, math.ceil(resolution * radians[block].max()))
        pulses = _Pulses.of(atoms, splitting, v0[block], span[block], strength[block])
        summary[:, block] = _summary(pulses, np.linspace(0.0, 1.0, samples + 1), accuracy)
    e_time, e_max, p_time, p_max, e_final, s_max, s_final, h_max, h_final = summary.reshape(9, *shape)
    width = span.reshape(shape)
    return ChargingMap(
        max_energy=Peak(e_time * width, e_max * splitting),
        max_average_power=Peak(p_time * width, p_max * splitting / width),
        final_energy=e_final * splitting,
        max_fluctuation=s_max * splitting,
        final_fluctuation=s_final * splitting,
        max_diagonal_entropy=h_max,
        final_diagonal_entropy=h_final,
    )


def _summary(pulses: _Pulses, x: FloatArray, accuracy: float) -> FloatArray:
    """The nine rows of a `ChargingMap`, time in units of T and energy in units of Delta."""
    rows = np.array(_evolve(pulses, x, accuracy, pulses.observe))  # (samples, 5, P)
    energy, fluctuation, entropy, mean_jy, twist = rows.transpose(1, 2, 0)
    f = pulses.area[:, None] * np.sin(np.pi * x) ** 2
    f_slope = pulses.area[:, None] * np.pi * np.sin(2 * np.pi * x)
    slope = f * mean_jy
    curvature = f_slope * mean_jy + f * (twist - f * (energy - pulses.atoms / 2))
    mean = energy[:, 1:] / x[1:]
    mean_slope = (slope[:, 1:] - mean) / x[1:]
    mean_curvature = (curvature[:, 1:] - 2 * mean_slope) / x[1:]
    return np.array(
        [
            *peak(x, energy, slope, curvature),
            *peak(x[1:], mean, mean_slope, mean_curvature),
            energy[:, -1],
            fluctuation.max(axis=-1),
            fluctuation[:, -1],
            entropy.max(axis=-1),
            entropy[:, -1],
        ]
    )


def dicke_projections(atoms: int) -> FloatArray:
    """m = N/2, ..., -N/2, the order of the Dicke basis (that of ``qutip.jmat``)."""
    return atoms / 2 - np.arange(atoms + 1, dtype=float)


def _statistics(atoms: int, states: ComplexArray) -> tuple[FloatArray, FloatArray, FloatArray]:
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


def _mean_jy(atoms: int, states: ComplexArray) -> FloatArray:
    """<Jy>: from [Jx, Jz] = -i Jy, the exact slope of the energy is Delta f(t) <Jy>."""
    return _raising_terms(atoms, states).sum(axis=0).imag


def _raising_terms(atoms: int, states: ComplexArray) -> ComplexArray:
    """Terms of <J_+> = sum_m conj(psi_{m + 1}) <m + 1| J_+ |m> psi_m, shape (N, P)."""
    return states[:-1].conj() * (_ladder(atoms)[:, None] * states[1:])


def _area_fraction(fraction: FloatArray | float) -> FloatArray:
    """Pulse area up to t = fraction * T, in units of v0 T."""
    x = np.asarray(fraction, dtype=float)
    return x / 2 - np.sin(2 * np.pi * x) / (4 * np.pi)


@lru_cache(maxsize=128)
def _jx_eigenvectors(atoms: int) -> FloatArray:
    """Real orthogonal W with Jx = W diag(-s, ..., s) W^T."""
    _, vectors = eigh_tridiagonal(np.zeros(atoms + 1), _ladder(atoms) / 2)
    return np.ascontiguousarray(vectors)


class _Pulses:
    """P runs of N atoms side by side: states are arrays (N + 1, P), time is the fraction t/T."""

    def __init__(self, atoms: int, area: FloatArray, levels: FloatArray) -> None:
        self.atoms = atoms
        self.area = area  # v0 T, shape (P,)
        self.levels = levels  # T E_m in the Dicke order, shape (N + 1, P)
        self.vectors = _jx_eigenvectors(atoms)
        self.half_range = np.arange(atoms, -1, -2.0)[:, None] / 2  # m >= 0; e^{-i m x} = conj e^{i m x}

    @classmethod
    def of(cls, atoms: int, splitting: float, drive: Any, duration: Any, interaction: Any) -> _Pulses:
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
        return np.array([*_statistics(self.atoms, psi), terms.sum(axis=0).imag, twist])

    def _advance(self, psi: ComplexArray, start: float, end: float, steps: int) -> ComplexArray:
        step = (end - start) / steps
        half = [np.exp(-1j * b * step * self.levels) for b in PHASE_WEIGHTS[:3]]
        phases = [*half, *half[::-1]]
        # The last rotation of a step and the first of the next are one rotation.
        inner = np.cumsum(DRIVE_WEIGHTS[:-1])
        stops = start + step * (np.arange(steps)[:, None] + inner).ravel()
        areas = np.diff(_area_fraction(np.concatenate([[start], stops, [end]])))
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


def _evolve(
    pulses: _Pulses, fractions: FloatArray, accuracy: float, observe: Callable[[ComplexArray], T]
) -> list[T]:
    """``observe`` of the states at each fraction; the states err by at most ``accuracy`` (norm).

    Two runs with n and 2n steps differ by 15/16 of the error of the first (order 4), so the
    second is good once they differ by less than 15 times the accuracy.
    """
    real("accuracy", accuracy, least=1e-11)
    steps = 1
    while steps <= MOST_STEPS:
        observed, gap = [], 0.0
        both = zip(pulses.path(fractions, steps), pulses.path(fractions, 2 * steps), strict=True)
        for coarse, fine in both:
            gap = max(gap, float(np.linalg.norm(coarse - fine, axis=0).max()))
            observed.append(observe(fine))
        if gap <= 15 * accuracy:
            return observed
        steps *= 2 ** max(1, math.ceil(math.log(gap / (15 * accuracy), 16)))
    allowed = f"be reachable with {MOST_STEPS} steps between neighbouring times"
    raise ValueError(f"Argument `accuracy` must {allowed}, but is {accuracy!r} (error {gap:.3g}).")
