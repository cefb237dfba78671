"""Closed forms on three pages of the synthesis, by routes they do not take."""

import numpy as np
import pytest
import qutip
from scipy.optimize import minimize

from qbcore import charge, metrics


def embedded(atoms: int) -> np.ndarray:
    """The symmetric states as columns on 2^N levels, most excited first."""
    excited = np.array([bin(k).count("1") for k in range(2**atoms)])[::-1]
    columns = excited[:, None] == np.arange(atoms, -1, -1)
    return columns / np.linalg.norm(columns, axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_one_pulse_takes_out_what_single_hands_do_and_gates_no_less(seed):
    rho = qutip.rand_dm(4, seed=seed).full()
    ladder, wide = np.diag([3.0, 2.0, 1.0, 0.0]), embedded(3)
    h = np.diag([float(bin(7 - k).count("1")) for k in range(8)])
    state = wide @ rho @ wide.T
    hands = metrics.ergotropy(state, h, unitaries="local", dims=[2, 2, 2])

    def left(angles: np.ndarray) -> float:
        z, y = qutip.jmat(1.5, "z"), qutip.jmat(1.5, "y")
        turn = ((-1j * angles[1] * y).expm() * (-1j * angles[0] * z).expm()).full()
        return float(np.trace(turn @ rho @ turn.conj().T @ ladder).real)

    starts = [(phi, 1.5) for phi in (0.0, 1.6, 3.1, 4.7)]
    pulse = np.trace(rho @ ladder).real - min(minimize(left, s).fun for s in starts)
    # The minimum is quadratic: a gradient of 1e-5 leaves 1e-10.
    assert hands == pytest.approx(pulse, abs=1e-8)
    assert hands <= metrics.ergotropy(rho, ladder) <= metrics.ergotropy(state, h)


@pytest.mark.parametrize("repulsion", [0.0, 0.5, 1.9, 3.9])
def test_repulsion_alone_hides_work_of_states_of_rank_two(repulsion):
    up = [
        qutip.tensor([qutip.sigmap() if k == j else qutip.qeye(2) for k in range(4)])
        for j in range(4)
    ]
    hops = sum(a * b.dag() for a in up for b in up if a is not b)
    h = (sum(c * c.dag() for c in up) + repulsion / 4 * hops).full()
    wide = embedded(4)
    rho = qutip.rand_dm(5, rank=2, seed=1).full()
    whole = metrics.ergotropy(wide @ rho @ wide.T, h)
    symmetric = metrics.ergotropy(rho, wide.T @ h @ wide)
    second = np.linalg.eigvalsh(rho)[-2]
    assert whole - symmetric == pytest.approx(repulsion * second, abs=1e-10)


@pytest.mark.parametrize(("cells", "r"), [(2, 0.5), (7, 0.8), (40, 0.9)])
def test_work_that_one_bath_leaves_is_that_of_the_ladder_among_all_levels(cells, r):
    rungs = r ** np.arange(cells, -1, -1.0)
    rungs /= rungs.sum()
    blocks = [
        np.diag(np.arange(cells - lost, lost - 1.0, -1.0))
        for lost in range(cells // 2 + 1)
    ]
    work = metrics.ergotropy(np.diag(rungs), blocks, unitaries="all_atoms")
    first = r**2 * (1 - r ** (cells - 1)) / (1 - r)
    closed = (first - (cells - 1) * r ** (cells + 1)) / (1 - r ** (cells + 1))
    assert work == pytest.approx(closed, abs=1e-10)


def test_work_of_two_noisy_cells_ends_when_the_page_says():
    r, kappa = 0.4, 1e-3
    down, up = 1 / (1 - r), r / (1 - r)
    low = [qutip.tensor(qutip.sigmam(), qutip.qeye(2))]
    low += [qutip.tensor(qutip.qeye(2), qutip.sigmam())]
    felt = [(1.0, sum(low)), *((kappa, c) for c in low)]
    jumps = [np.sqrt(k * down) * c for k, c in felt]
    jumps += [np.sqrt(k * up) * c.dag() for k, c in felt]
    h = sum(c.dag() * c for c in low)
    ends = (1 - r) * (1 + r + r**2) / (kappa * (1 + r) ** 3)
    ends *= np.log((1 + r + 2 * r**2) / (1 - r**3))
    # The closed form is good to kappa/gamma; the solver to 1e-6 in populations.
    times = np.array([0.0, 0.99, 1.01]) * ends
    empty = qutip.tensor(qutip.basis(2, 1), qutip.basis(2, 1))
    work = charge(h, h, empty, times, collapse_operators=jumps).ergotropy
    assert work[1] > 5e-4
    assert work[2] < 1e-5
