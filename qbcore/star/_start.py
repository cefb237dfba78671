"""Starts of either star: two probabilities, a ket, or a density matrix."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from qbcore._support.checks import require
from qbcore._support.states import TOLERANCE, are_kets, checked_states, read
from qbcore._support.types import ComplexArray
from qbcore.star.formulas import occupation


def probabilities(start: Any, cells: int) -> tuple[float, float] | None:
    """Two probabilities, (0, 0) for None; or None where the start is something else."""
    if start is None:
        return 0.0, 0.0
    array, space = read("start", start)
    if space is not None or array.shape != (2,):
        return None
    battery, ancilla = map(float, occupation("start", array))
    # Of one qubit, (0.6, 0.8) may be meant as a ket; (1, 0) and (0, 1) mean the same.
    unit = abs(math.hypot(battery, ancilla) - 1) <= TOLERANCE
    ambiguous = cells == 1 and unit and battery * ancilla > 0
    must = "tell probabilities from a ket: write the ket as a column, (2, 1)"
    require(not ambiguous, "start", must, start)
    return battery, ancilla


def density_matrix(start: Any, cells: int) -> ComplexArray:
    """The start as a checked density matrix (2^N, 2^N), battery first."""
    pair = probabilities(start, cells)
    if pair is not None:
        each = [pair[0]] + [pair[1]] * (cells - 1)
        qubits = [np.array([p, 1 - p]) for p in each]
        return np.diag(reduce(np.kron, qubits)).astype(complex)
    space = [2] * cells
    rho = checked_states("start", start, 2**cells, space=space, single=True)
    return rho @ rho.conj().T if are_kets(rho) else rho
