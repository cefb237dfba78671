"""The basis of the dual-cavity battery: the half that a start can reach, and what is observed on it."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
from scipy import sparse

from qbcore._support.types import ComplexArray, FloatArray


def raising(atoms: int) -> Any:
    """S^+ in the basis k = 0..N: <k + 1| S^+ |k> = sqrt((k + 1)(N - k)), shape (N + 1, N + 1)."""
    k = np.arange(float(atoms))
    return sparse.diags_array(np.sqrt((k + 1) * (atoms - k)), offsets=-1, shape=(atoms + 1, atoms + 1))


def annihilation(levels: int) -> Any:
    """The truncated a: <n - 1| a |n> = sqrt(n), shape (levels, levels)."""
    return sparse.diags_array(np.sqrt(np.arange(1.0, levels)), offsets=1, shape=(levels, levels))


class Space:
    """The part of the basis |k_a, n_a, k_b, n_b> that a start can reach.

    Parameters
    ----------
    shape : sizes of k_a, n_a, k_b, n_b.
    h : sparse H in the full basis; it conserves the parity of k_a + n_a + k_b + n_b.
    levels : energies of the atoms of a and of b, by k.
    light : starting amplitudes of both modes in photon number; all atoms start down.
    """

    def __init__(
        self, shape: tuple[int, int, int, int], h: Any, levels: list[FloatArray], light: list[ComplexArray]
    ) -> None:
        """Select the states and build their operators."""
        self.shape = shape
        index = np.indices(shape).reshape(4, -1)
        psi = reduce(np.kron, [np.eye(shape[0])[0], light[0], np.eye(shape[2])[0], light[1]])
        odd = index.sum(axis=0) % 2
        reached = [p for p in (0, 1) if np.any(psi[odd == p])]
        self.kept = np.flatnonzero(np.isin(odd, reached))
        self.start: ComplexArray = psi[self.kept]
        self.h = h[self.kept][:, self.kept]
        ka, na, kb, nb = index[:, self.kept]
        # A mode that is not there (one photon number) has nothing to leak into.
        top = [(n >= c - 2) & (c > 1) for n, c in ((na, shape[1]), (nb, shape[3]))]
        self.diagonals = np.array([levels[0][ka], levels[1][kb], na, nb, *top], dtype=float)

    def observe(self, psi: ComplexArray) -> FloatArray:
        """Energies of a and b, photons of a and b, leaks of a and b, and dE/dt.

        E = <Q> with a diagonal Q, so that dE/dt = i <[H, Q]> = 2 Im (Q psi)^+ (H psi).
        """
        means = self.diagonals @ (psi.real**2 + psi.imag**2)
        slope = 2 * np.vdot(self.diagonals[:2].sum(axis=0) * psi, self.h @ psi).imag
        return np.append(means, slope)

    def battery_state(self, psi: ComplexArray) -> ComplexArray:
        """The state of the atoms, traced over the light: (d, d) with d = (N_a + 1)(N_b + 1)."""
        full = np.zeros(math.prod(self.shape), dtype=complex)
        full[self.kept] = psi
        rows = full.reshape(self.shape).transpose(0, 2, 1, 3).reshape(self.shape[0] * self.shape[2], -1)
        return np.asarray(rows @ rows.conj().T)
