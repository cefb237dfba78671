"""States and operators as they are read: what passes at a limit met to the last bit."""

import warnings

import numpy as np
import pytest
import qutip
import scipy.sparse

from qbcore import gaussian, metrics
from qbcore._support.states import (
    OPERATOR_TOLERANCE,
    REPAIRABLE,
    TOLERANCE,
    are_kets,
    checked_states,
    hermitian,
    positive_states,
    read,
    with_spectrum,
)

UP, DOWN = [1.0, 0.0], [0.0, 1.0]


def above(limit):
    return np.nextafter(limit, np.inf)


@pytest.fixture
def _silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("unit", [2.0**-80, 1.0, 2.0**80])
def test_an_operator_may_lack_its_tolerance_exactly(unit):
    # The largest entry is a power of two, so that no product is rounded.
    within = unit * np.array([[1.0, OPERATOR_TOLERANCE], [0.0, 0.0]])
    array, space = hermitian("h", within)
    assert np.array_equal(array, within)
    assert space is None
    beyond = unit * np.array([[1.0, above(OPERATOR_TOLERANCE)], [0.0, 0.0]])
    for given in (beyond, [beyond, unit * np.eye(2)]):
        with pytest.raises(ValueError, match="`h` must be Hermitian"):
            hermitian("h", given)


@pytest.mark.usefixtures("_silent")
def test_a_density_matrix_may_lack_its_tolerance_exactly():
    skew = np.array([[0.5, TOLERANCE], [0.0, 0.5]])
    assert np.array_equal(checked_states("rho", skew), skew)
    skew[0, 1] = above(TOLERANCE)
    with pytest.raises(ValueError, match="`rho` must be Hermitian"):
        checked_states("rho", skew)


@pytest.mark.usefixtures("_silent")
def test_an_eigenvalue_may_be_minus_the_tolerance_exactly():
    rho = np.diag([1.0 + TOLERANCE, -TOLERANCE])
    assert np.array_equal(positive_states("rho", rho), rho)
    array, falling = with_spectrum("rho", rho)
    assert np.array_equal(array, rho)
    assert falling.tolist() == [1.0 + TOLERANCE, -TOLERANCE]


@pytest.mark.parametrize("lowest", [above(TOLERANCE), REPAIRABLE])
def test_an_eigenvalue_below_it_is_repaired_up_to_the_limit(lowest):
    rho = np.diag([1.0 + lowest, -lowest])
    with pytest.warns(UserWarning, match=r"`rho` must have no negative.*repaired"):
        array, falling = with_spectrum("rho", rho)
    # The negative part is cut off, and the rest normalised.
    assert np.allclose(array, np.diag(UP), rtol=0, atol=1e-15)
    assert falling == pytest.approx(UP, abs=1e-15)
    with pytest.warns(UserWarning, match="repaired"):
        again = positive_states("rho", rho)
    assert np.array_equal(again, array)


def test_an_eigenvalue_beyond_the_limit_is_refused():
    lowest = above(REPAIRABLE)
    with pytest.raises(ValueError, match="`rho` must have no negative eigenvalue"):
        with_spectrum("rho", np.diag([1.0 + lowest, -lowest]))


def test_a_repaired_matrix_keeps_its_eigenvectors():
    turn = np.array([[0.6, 0.8j], [0.8j, 0.6]])
    rho = turn @ np.diag([1.0005, -0.0005]) @ turn.conj().T
    with pytest.warns(UserWarning, match="repaired"):
        array, _ = with_spectrum("rho", np.array([rho, np.eye(2) / 2]))
    exact = np.outer(turn[:, 0], turn[:, 0].conj())
    assert array[0] == pytest.approx(exact, abs=1e-12)
    assert array[1] == pytest.approx(np.eye(2) / 2, abs=1e-15)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("pure", [True, False])
def test_a_norm_is_repaired_up_to_a_thousandth(pure, sign):
    weights = np.array([0.36, 0.64])
    state = np.sqrt(weights) if pure else np.diag(weights)

    def scaled(norm):
        return state * (np.sqrt(norm) if pure else norm)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        near = checked_states("rho", scaled(1 + sign * 0.99e-6))
    assert near.ravel() == pytest.approx(scaled(1 + sign * 0.99e-6).ravel(), abs=1e-15)
    for defect in (1.01e-6, 0.99e-3):
        with pytest.warns(UserWarning, match="must be normalised.*repaired"):
            found = checked_states("rho", scaled(1 + sign * defect))
        assert found.ravel() == pytest.approx(state.ravel(), abs=1e-15)
    with pytest.raises(ValueError, match="`rho` must be normalised"):
        checked_states("rho", scaled(1 + sign * 1.01e-3))


@pytest.mark.parametrize(
    "kets",
    [
        [UP, DOWN],
        [qutip.basis(2, 0), qutip.basis(2, 1)],
        [scipy.sparse.csr_array(np.transpose([UP])), qutip.basis(2, 1)],
    ],
)
def test_a_list_of_kets_stays_one(kets):
    if isinstance(kets[0], list):
        kets = [np.transpose([ket]) for ket in kets]
    found = checked_states("psi", kets)
    assert found.shape == (2, 2, 1)
    assert are_kets(found)
    assert found[..., 0].tolist() == [UP, DOWN]


def test_beside_a_density_matrix_kets_become_such():
    found = checked_states("rho", [[0.6, 0.8j], np.eye(2) / 2])
    assert found[0] == pytest.approx(np.array([[0.36, -0.48j], [0.48j, 0.64]]))
    assert found.dtype == complex


def test_one_state_is_demanded_where_one_is_meant():
    assert checked_states("psi", UP, single=True).shape == (2, 1)
    with pytest.raises(
        ValueError, match=r"`psi` must be one state, but is \(2, 2, 2\)"
    ):
        checked_states("psi", [np.eye(2) / 2] * 2, single=True)


def test_a_real_array_stays_real():
    for given in ([[0.5, 0.0], [0.0, 0.5]], [[0.5 + 0j, 0.0], [0.0, 0.5]]):
        array, _ = read("rho", given)
        assert array.dtype == float
    array, space = read("rho", qutip.tensor(qutip.sigmay(), qutip.qeye(3)))
    assert array.dtype == complex
    assert space == [2, 3]


def test_what_was_read_is_a_copy():
    mine = np.eye(2) / 2
    array, _ = read("rho", mine)
    mine[0, 0] = 7.0
    assert array[0, 0] == 0.5


def test_the_dimension_and_the_space_are_those_asked_for():
    assert checked_states("psi", UP, 2).shape == (2, 1)
    with pytest.raises(ValueError, match=r"have shape \(..., 3, 1\)"):
        checked_states("psi", UP, 3)
    pair = qutip.basis([2, 3], [1, 2])
    assert checked_states("psi", pair, 6, space=[2, 3]).shape == (6, 1)
    with pytest.raises(ValueError, match=r"be on the space \[3, 2\]"):
        checked_states("psi", pair, 6, space=[3, 2])


@pytest.mark.parametrize("ergotropy", [metrics.ergotropy, metrics.energy])
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: [state]])
def test_moments_are_not_taken_for_two_kets(ergotropy, wrap):
    """Of one mode with a mean of length 1, mean and covariance look like states."""
    state = gaussian.coherent(0.5**0.5)
    with pytest.raises(ValueError, match=r"Argument `states` must .*qbcore\.gaussian"):
        ergotropy(wrap(state), np.diag([0.0, 1.0]))
    kept = gaussian.fock_state(state, 12)
    assert ergotropy(kept, np.diag(np.arange(12.0))) == pytest.approx(0.5, abs=1e-6)
