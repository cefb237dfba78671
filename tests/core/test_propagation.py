"""Both propagators against matrix exponentials, with each of their methods."""

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import expm

from qbcore._numerics import unitary
from qbcore._numerics.propagation import propagate
from qbcore.errors import AccuracyError

TIMES = np.array([0.0, 0.3, 0.6, 1.0, 2.5])


@pytest.mark.parametrize("times", [TIMES, TIMES[1:]], ids=["from zero", "from later"])
@pytest.mark.parametrize("size", [3, 100, 250])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_decay_and_growth_with_a_defective_pair(form, size, times):
    rates = np.linspace(-2.0, 0.5, size)
    rates[1] = rates[0]
    generator = np.diag(rates)
    generator[0, 1] = 1.0  # a Jordan block: x_0 = (1 + t) e^{r t}
    exact = np.exp(rates * times[:, None])
    exact[:, 0] *= 1 + times
    path = propagate(form(generator), np.ones(size), times)
    assert path.shape == (len(times), size)
    assert np.abs(path / exact - 1).max() < 1e-12


def a_hamiltonian(size: int) -> tuple[sparse.csr_array, np.ndarray]:
    rng = np.random.default_rng(1)
    h = rng.normal(size=(size, size))
    start = rng.normal(size=(size, 2)) + 1j * rng.normal(size=(size, 2))
    return sparse.csr_array(h + h.T), start


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("most", [100, 1])
@pytest.mark.parametrize(
    "times", [[0.0], [0.0, 0.01, 0.5, 0.5001, 30.0], [0.4, 0.5], [7.0]]
)
def test_unitary_evolution_is_the_matrix_exponential(monkeypatch, dense, most, times):
    monkeypatch.setattr(unitary, "is_dense_cheaper", lambda *_: dense)
    h, start = a_hamiltonian(30)
    monkeypatch.setattr(unitary, "HELD", most * start.size)
    centre, radius = unitary.spectral_interval(h)
    levels = np.linalg.eigvalsh(h.toarray())
    assert centre - radius <= levels[0]
    assert levels[-1] <= centre + radius
    times, watched = np.array(times), np.array([0, 7])
    stretches = list(unitary.evolve(h, start, times, watched))
    kets = np.concatenate([kets for kets, _ in stretches])
    assert max(len(kets) for kets, _ in stretches) <= most

    def exact(t):
        return expm(-1j * (h.toarray() - centre * np.eye(30)) * t) @ start

    # A rounding of 1e-16 per term, some 1600 terms in all and norms of 10.
    assert np.abs(kets - [exact(t) for t in times]).max() < 1e-11
    for point, seen in enumerate(stretches[0][1], start=1):
        assert np.abs(seen - exact(point / radius)[watched]).max() < 1e-12
    # Between two looks r t grows by one: a stretch that ends at r t has r t - 1 inside.
    reach = np.clip(64 * radius * times[-1] / times.size, 80.0, 480.0)
    covered = times[times * radius <= reach][:most]
    end = radius * covered[-1] if covered.size else reach
    assert len(stretches[0][1]) == max(0, np.ceil(end) - 1)


def test_a_long_run_keeps_its_norm_and_its_phases(monkeypatch):
    h, start = a_hamiltonian(12)
    levels, modes = np.linalg.eigh(h.toarray())
    t = 3e3
    exact = modes @ (np.exp(-1j * levels * t)[:, None] * (modes.T @ start))
    overlaps = []
    for dense in (True, False):
        monkeypatch.setattr(unitary, "is_dense_cheaper", lambda *_, d=dense: d)
        stretches = unitary.evolve(h, start, np.array([t]), np.array([0]))
        ket = np.concatenate([kets for kets, _ in stretches])[0]
        overlaps.append(np.vdot(exact, ket) / np.vdot(exact, exact))
    # About 600 stretches, each good to 1e-13; the dropped phase is the same for both.
    assert np.abs(np.abs(overlaps) - 1).max() < 1e-10
    assert abs(overlaps[0] - overlaps[1]) < 1e-9


def test_a_phase_beyond_double_precision_is_refused():
    h, start = a_hamiltonian(3)
    with pytest.raises(AccuracyError, match="`times`") as caught:
        next(unitary.evolve(h, start, np.array([1e9]), np.array([0])))
    assert caught.value.found > caught.value.limit == 1e8


def test_levels_serve_small_spaces_and_series_large_ones():
    # Measured with three entries per row: 31 states are 8 times faster by their levels,
    # 850 states 7 times faster by the series.
    def dense(size, stretches):
        angles = np.linspace(0.0, 80.0 * stretches, 64 * stretches)
        return unitary.is_dense_cheaper(3 * size, (size, 1), angles)

    assert dense(31, 1)
    assert dense(31, 1000)
    assert dense(226, 200)
    assert not dense(850, 25)
    assert not dense(5000, 1)
    assert not dense(5000, 10**6)  # its matrix would need a gigabyte
