"""The page on collective advantage against matrices written by hand."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from qbook import claims


def largest_power(atoms: int, photons: int, coupling: float) -> float:
    """Exact: k excited atoms and M - k photons, in the frame that turns with them."""
    k = np.arange(min(atoms, photons))
    steps = coupling / 2 * np.sqrt((k + 1) * (atoms - k) * (photons - k))
    energy, wave = np.linalg.eigh(np.diag(steps, 1) + np.diag(steps, -1))
    full = 2 * np.pi / coupling / np.sqrt(max(atoms, photons))
    times = np.linspace(0, full, 1001)[1:]
    amplitudes = (wave[0] * np.exp(-1j * np.outer(times, energy))) @ wave.T
    power = CubicSpline(times, np.abs(amplitudes) ** 2 @ np.arange(len(wave)) / times)
    return power(power.derivative().roots(extrapolate=False)).max()


def test_n_photons_have_two_meanings_and_a_coupling_that_falls_has_none():
    (entry,) = (claim for claim in claims.load() if claim.id == "own-four-meanings")
    together, lone = largest_power(8, 8, 1.0), largest_power(1, 8, 1.0)
    single, half = largest_power(1, 1, 1.0), largest_power(4, 4, 1.0)
    fallen = largest_power(8, 8, 1 / np.sqrt(8))
    for name, value in {
        "photons_same": together / 8 / lone,
        "photons_exponent": np.log2(together / half),
        "photons_shared": together / 8 / single,
        "scaled_exponent": np.log2(fallen / largest_power(4, 4, 0.5)),
        "scaled_shared": fallen / 8 / single,
    }.items():
        assert entry.computed[name].value == pytest.approx(value, abs=1e-4), name
