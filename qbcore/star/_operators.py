"""Operators on all qubits of either star: sparse arrays, and QuTiP objects of them.

The stars take the public functions as their methods. An operator has dimension 2^N; the
battery is the first qubit, and the excited state of each qubit comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qbcore._numerics.spins import lowering_of_each
from qbcore.star._shared import at_most

if TYPE_CHECKING:
    import qutip

    from qbcore.star._shared import Star

MOST_CELLS = 10


def exchange(star: Star) -> Any:
    """H of Eq. (1) without splitting, sparse (2^N, 2^N)."""
    battery, *ancillas = lowering_of_each(star.cells)
    hop = battery.T @ sum(ancillas, start=0 * battery)
    return star.coupling * (hop + hop.T)


def excitations(cells: int) -> Any:
    """Number of excited qubits in each of the 2^N basis states."""
    return sum(s.T @ s for s in lowering_of_each(cells)).diagonal()


def bath(rate: float, occupation: float, lower: Any) -> list[Any]:
    """Jumps of a Fermi bath that acts with one lowering operator."""
    loss, gain = rate * (1 - occupation), rate * occupation
    return [np.sqrt(loss) * lower, np.sqrt(gain) * lower.T]


def battery_hamiltonian(star: Star) -> qutip.Qobj:
    """Return omega_0 sigma_z of the battery alone, (2, 2)."""
    import qutip

    return star.splitting * qutip.sigmaz()


def hamiltonian(star: Star) -> qutip.Qobj:
    """Return H of Eq. (1) on N qubits, battery first; for N <= 10."""
    _small_enough(star)
    levels = sum(s.T @ s - s @ s.T for s in lowering_of_each(star.cells))
    return as_qutip(star.splitting * levels + exchange(star), star.cells)


def collapse_operators(star: Star) -> list[qutip.Qobj]:
    """Return the jumps of the master equation on N qubits; for N <= 10."""
    _small_enough(star)
    return [as_qutip(jump, star.cells) for jump in star._jumps()]


def initial_state(star: Star) -> qutip.Qobj:
    """Return the ground state of all qubits; for N <= 10."""
    import qutip

    _small_enough(star)
    return qutip.tensor([qutip.basis(2, 1)] * star.cells)


def _small_enough(star: Star) -> None:
    at_most(MOST_CELLS, star.cells, "`steady_state` needs no operators")


def as_qutip(operator: Any, cells: int) -> Any:
    """An operator on N qubits as a QuTiP object."""
    import qutip
    from scipy.sparse import csr_matrix

    # QuTiP 5.1 takes sparse matrices, but no sparse arrays.
    return qutip.Qobj(csr_matrix(operator), dims=[[2] * cells] * 2)
