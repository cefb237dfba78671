"""The exact charge of one and two qubits in flat bands, by residues."""

import cmath
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import digamma

from qbook import claims

LEVEL = 1.0  # omega, in units of gamma = T = 1


def entry(name: str) -> claims.Claim:
    return next(claim for claim in claims.load() if claim.id == name)


def argument(pole: complex, potential: float) -> complex:
    """The digamma function sums the residues of the Fermi function."""
    return 0.5 + (potential - pole) / (2j * math.pi)


def filled(level: float, potential: float) -> float:
    """The Fermi function averaged over a Lorentzian of width gamma."""
    return 0.5 - digamma(argument(level - 0.5j, potential)).imag / math.pi


def ergotropy(coupling: float, potential: float, bias: float) -> float:
    """2 p_1 - 1 of two qubits: both levels LEVEL +- J, and their interference."""
    low, high = LEVEL - coupling - 0.5j, LEVEL + coupling - 0.5j  # poles of G
    apart = high - low.conjugate()  # 2 J - i gamma
    excitation = 0.0
    for mu, sign in ((potential, 1), (potential + bias, -1)):
        own = filled(high.real, mu) + filled(low.real, mu)
        one, other = digamma(argument(high, mu)), digamma(argument(low, mu))
        cross = (one - other.conjugate() - 1j * math.pi) / apart / (2 * math.pi)
        excitation += (own + 2 * sign * cross.real) / 4
    return 2 * excitation - 1


def test_one_qubit_misses_full_charge_by_a_power_and_not_by_an_exponential():
    for distance in (50.0, 500.0):  # the tail of a Lorentzian: gamma / (pi distance)
        missing = 2 - 2 * filled(LEVEL, LEVEL + distance)
        assert missing == pytest.approx(1 / (math.pi * distance), rel=0.02)


def test_exact_charges_of_two_qubits_are_those_of_the_ledger():
    numbers = entry("kamin-born-markov").computed
    peak = minimize_scalar(
        lambda j: -ergotropy(j, 1, 2), bounds=(0.5, 3), method="bounded"
    )
    for name, value in {
        "exact_one": ergotropy(1, 1, 2),
        "exact_five": ergotropy(5, 1, 2),
        "exact_five_wide": ergotropy(5, 1, 100),
        "exact_peak": -peak.fun,
    }.items():
        assert numbers[name].value == pytest.approx(value, abs=2e-6), name


def test_the_exact_charge_of_strong_coupling_falls_to_nothing():
    scan = np.array([ergotropy(j, 1, 2) for j in (5, 10, 20, 50, 100)])
    assert (np.diff(scan) < 0).all()
    assert 0 < scan[-1] < 1e-3
    assert cmath.isfinite(scan[-1])
