import numpy as np
import pytest
from scipy import sparse

from qbcore._numerics.propagation import propagate

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
