"""Spin operators against QuTiP's, and their algebra."""

import numpy as np
import pytest
import qutip

from qbcore._numerics.spins import (
    ladder,
    lowering_of_each,
    projections,
    raising,
    spin_matrices,
)


@pytest.mark.parametrize("atoms", [1, 2, 3, 7])
def test_spin_operators_are_those_of_qutip(atoms):
    for ours, axis in zip(spin_matrices(atoms), "xyz", strict=True):
        np.testing.assert_allclose(ours, qutip.jmat(atoms / 2, axis).full(), atol=1e-14)
    np.testing.assert_allclose(
        raising(atoms).toarray(), qutip.jmat(atoms / 2, "+").full(), atol=1e-14
    )
    np.testing.assert_array_equal(projections(atoms), qutip.jmat(atoms / 2, "z").diag())
    np.testing.assert_allclose(
        ladder(atoms), qutip.jmat(atoms / 2, "+").full().diagonal(1), atol=1e-14
    )


@pytest.mark.parametrize("qubits", [1, 2, 4])
def test_each_qubit_is_lowered_as_in_qutip(qubits):
    for k, ours in enumerate(lowering_of_each(qubits)):
        factors = [qutip.qeye(2)] * qubits
        factors[k] = qutip.sigmam()
        np.testing.assert_array_equal(ours.toarray(), qutip.tensor(factors).full())
