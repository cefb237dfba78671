"""Tasks that qbcore, qthermo and qenvs share: what is given, and the exact answer.

numpy alone, for a process of each package reads it. Qubits and atoms have the splitting
1, the coupling of an atom to light is 0.3.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

COUPLING = 0.3
TIMES = np.linspace(0.0, 10.0, 201)
LOSS, OCCUPATION = 0.2, 0.5  # of a bath: gamma and n
SIZE, MANY = 64, 1000
RUNS, SLOW = 5, 2.0  # timed calls; one alone where the first takes as many seconds


def unitary(rng: np.random.Generator, size: int) -> Any:
    """A random one."""
    real, imaginary = rng.normal(size=(2, size, size))
    return np.linalg.qr(real + 1j * imaginary)[0]


def mixed(size: int, many: int = 1, seed: int = 7) -> tuple[Any, Any, Any]:
    """States and H, which do not commute, and the exact ergotropies."""
    rng = np.random.default_rng(seed)
    levels = np.sort(rng.uniform(0, 2, size))
    basis = unitary(rng, size)
    h = (basis * levels) @ basis.conj().T
    states, works = [], []
    for _ in range(many):
        weights = np.sort(rng.dirichlet(np.ones(size)))[::-1]
        own = unitary(rng, size)
        rho = (own * weights) @ own.conj().T
        states.append(rho)
        works.append(np.trace(rho @ h).real - weights @ levels)
    return np.array(states), h, np.array(works)


def excitation(atoms: int) -> Any:
    """Energy of N atoms that share N photons, in the rotating wave: exact."""
    k = np.arange(atoms)
    steps = COUPLING * np.sqrt((k + 1) * (atoms - k) * (atoms - k))
    values, vectors = np.linalg.eigh(np.diag(steps, 1) + np.diag(steps, -1))
    amplitudes = (vectors[0] * np.exp(-1j * np.outer(TIMES, values))) @ vectors.T
    return np.abs(amplitudes) ** 2 @ np.arange(atoms + 1)


def in_bath() -> Any:
    """Population of a qubit that starts empty in a bath of n quanta."""
    rate = LOSS * (2 * OCCUPATION + 1)
    return OCCUPATION / (2 * OCCUPATION + 1) * (1 - np.exp(-rate * TIMES))


EXACT: dict[str, Callable[[], Any]] = {
    "ergotropy of one state of 64 levels": lambda: mixed(SIZE)[2],
    "ergotropy of 1000 states of 4 levels": lambda: mixed(4, MANY)[2],
    "one atom and one photon": lambda: np.sin(COUPLING * TIMES) ** 2,
    "4 atoms and 4 photons": lambda: excitation(4),
    "20 atoms and 20 photons": lambda: excitation(20),
    "a qubit in a warm bath": in_bath,
    "work locked in a Bell pair": lambda: np.array([1.0]),
    "work per copy of many passive qutrits": lambda: np.array([many_copies()]),
}
PASSIVE = np.array([0.5, 0.3, 0.2])
LADDER = np.array([0.0, 1.0, 1.5])


def many_copies() -> float:
    """Energy above that of the thermal state of equal entropy, by bisection."""

    def thermal(beta: float) -> Any:
        weights = np.exp(-beta * LADDER)
        return weights / weights.sum()

    def entropy(p: Any) -> float:
        return -math.fsum(p * np.log(p))

    low, high = 0.0, 20.0
    for _ in range(200):
        middle = (low + high) / 2
        above = entropy(thermal(middle)) > entropy(PASSIVE)
        low, high = (middle, high) if above else (low, middle)
    return float((PASSIVE - thermal(low)) @ LADDER)


def measured(ways: dict[str, Callable[[], Any]]) -> dict[str, dict[str, Any]]:
    """Answer and processor seconds of each task; the first call is the warm-up."""
    found = {}
    for name, way in ways.items():
        start = time.process_time()
        answer = np.atleast_1d(np.asarray(way(), dtype=float))
        slow = time.process_time() - start > SLOW
        taken = []
        for _ in range(1 if slow else RUNS):
            start = time.process_time()
            np.asarray(way())
            taken.append(time.process_time() - start)
        error = float(np.abs(answer - EXACT[name]()).max())
        found[name] = {"error": error, "seconds": median(taken)}
    return found
