"""What checks the documented shapes notices a wrong one."""

import numpy as np
import pytest
from documented_shapes import ShapeError, documented

from qbcore import gaussian, metrics

H = np.diag([0.0, 1.0])
MANY = np.array([[[1.0], [0.0]], [[0.6], [0.8]], [[0.0], [1.0]]])


def lying(states, hamiltonian):
    """Return too much.

    Parameters
    ----------
    states : ket or density matrix, or many
    hamiltonian : (d, d) array_like or Qobj

    Returns
    -------
    float or (...) array
    """
    return {3: np.zeros((3, 1)), 2: np.array(0.0), 1: 1}[np.ndim(states)]


@pytest.mark.parametrize("states", [MANY, MANY[0], MANY[0, :, 0]])
def test_a_shape_that_is_not_documented_is_an_error(states):
    with pytest.raises(ShapeError, match=r"returns float or \(\.\.\.\) array"):
        documented(lying)(states, H)


def test_a_letter_is_one_number_within_a_call():
    assert metrics.energy(MANY, H).shape == (3,)
    assert type(metrics.energy(MANY[0], H)) is float
    two = gaussian.thermal(2)
    assert gaussian.energy(two, np.array([1.0, 2.0])) == 0.0
    assert gaussian.fock_state(two.mode(0), 3).shape == (3, 3)


@pytest.mark.parametrize("module", [metrics, gaussian])
def test_the_wrapped_functions_are_in_place(module):
    assert module.energy.__wrapped__.__module__ == module.__name__
