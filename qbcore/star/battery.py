r"""Star-network battery, individual baths: a central qubit and N - 1 ancillas.

Kamin, Salimi and Arjmandi, Phys. Rev. A 109, 022226 (2024), Eqs. (1), (6), (11), (12):

    H = omega_0 sum_i sigma_z^i
        + J sum_{i > 1} (sigma_+^1 sigma_-^i + sigma_-^1 sigma_+^i),
    d(rho)/dt = -i [H, rho]
        + gamma sum_i {(1 - n_i) D[sigma_-^i] + n_i D[sigma_+^i]} rho,
    n_i = 1 / (exp((omega - mu_i)/T) + 1),
    mu_1 = mu,  mu_i = mu + Delta mu for i > 1.

Qubit 1 is the battery; a qubit spans 2 omega_0, between -omega_0 and +omega_0, and its
excited state is the first basis vector, as in QuTiP. The printed Eqs. (8) and (12)
misplace a bracket: the Fermi function above is meant. hbar = k_B = 1. The steady p_1
depends on N, J/gamma, n_1 and n_2 only.

Method: ``_symmetric`` keeps the 3 (N - 1)^2 / 4 real numbers that can differ from zero,
exactly; a start without that symmetry takes all 4^N numbers of ``_liouvillian``. Closed
forms are in ``formulas``, the bath common to all qubits (Eqs. (7), (8)) in
``common_bath``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from qbcore._support.checks import real
from qbcore._support.models import broadcast_fields
from qbcore._support.progress import progress
from qbcore._support.types import ComplexArray, FloatArray
from qbcore._support.workers import mapping
from qbcore.star import _liouvillian, _network
from qbcore.star._symmetric import Symmetric, symmetric
from qbcore.star.formulas import fermi, strength
from qbcore.star.results import StarSteadyState

MOST_CELLS_EIGENVALUES = 40  # dense eigenvalues of some 1200 unknowns
# In units of 1/gamma. Of 350 random stars the slowest decayed at 0.94 gamma, so that
# exp(-0.94 * 40) = 5e-17 is left.
SETTLED = 40.0
TOGETHER = 10_000  # unknowns that are solved for at once, which bounds the memory


@dataclass(frozen=True, kw_only=True)
class StarBattery(_network.Network):
    r"""A battery qubit in the centre of N - 1 ancillas, each with a separate bath.

    Eqs. (1) and (11) of Kamin, Salimi and Arjmandi, Phys. Rev. A 109, 022226 (2024):

    .. math::

        H &= \omega_0 \sum_i \sigma_z^i
        + J \sum_{i > 1} (\sigma_+^1 \sigma_-^i + \sigma_-^1 \sigma_+^i), \\
        \dot\rho &= -i [H, \rho] + \gamma \sum_i \big\{(1 - n_i)
        \mathcal D[\sigma_-^i] + n_i \mathcal D[\sigma_+^i]\big\} \rho, \qquad
        n_i = \frac 1 {e^{(\omega - \mu_i)/T} + 1}

    Parameters
    ----------
    cells : int
        N >= 1, number of qubits with the battery.
    splitting : float
        omega_0 > 0; a qubit's levels lie 2 omega_0 apart.
    coupling : float
        J, battery to each ancilla, any real number.
    rate : float
        gamma > 0, spectral density of the baths; the unit of energy in the paper.
    bath_frequency : float
        omega, where the baths' Fermi function is sampled.
    temperature : float
        T > 0 of all baths.
    potential : float
        mu_1 = mu, chemical potential of the battery's bath.
    bias : float
        Delta mu, by how much the potential of the ancillas' baths is higher.

    Raises
    ------
    ValueError
        For a value out of range.
    TooLargeError
        For more than 400 cells.

    Examples
    --------
    >>> star = StarBattery(cells=3, potential=1.0, bias=2.0, splitting=0.5)
    >>> round(star.steady_state().ergotropy, 6)  # tanh(1)/2, as 2 omega_0 = 1
    0.380797
    """

    bias: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real("potential + bias", self.potential + self.bias)

    @property
    def occupations(self) -> tuple[float, float]:
        """n_1 of the battery's bath and n_2 of an ancilla's bath.

        >>> StarBattery(potential=1.0, bias=0.0).occupations
        (0.5, 0.5)
        """
        potentials = [self.potential, self.potential + self.bias]
        n = fermi(self.bath_frequency, potentials, self.temperature)
        return float(n[0]), float(n[1])

    @property
    def unknowns(self) -> int:
        """How many real numbers describe the N qubits, about 3 (N - 1)^2 / 4.

        >>> StarBattery(cells=20).unknowns  # instead of 4^20, about 10^12
        320
        """
        return self._space.size

    @cached_property
    def relaxation_rate(self) -> float:
        """Slowest rate at which starts of two probabilities relax; for N <= 40.

        >>> round(StarBattery(cells=1, rate=2.0).relaxation_rate, 6)  # gamma
        2.0
        """
        way_out = "fit the end of a curve of `charge` instead"
        self._few(MOST_CELLS_EIGENVALUES, way_out)
        decay = np.sort(-np.linalg.eigvals(self._generator().toarray()).real)
        return float(decay[1])

    def steady_state(self) -> StarSteadyState:
        """Return the one steady state (every qubit leaks, so there is one).

        Returns
        -------
        StarSteadyState
            The battery at rest, and the current through it.

        Examples
        --------
        >>> rest = StarBattery(cells=2, coupling=0.5, potential=1.0).steady_state()
        >>> round(rest.current, 4)  # from the ancilla into the battery's bath
        0.0952
        """
        rest = _at_rest(vars(self))
        return rest if self.cells > 1 else replace(rest, ancilla_excitation=None)

    @property
    def _space(self) -> Symmetric:
        return symmetric(self.cells - 1)

    def _generator(self) -> sparse.csr_array:
        ratio = float(strength(self.coupling, self.rate))
        return self.rate * self._space.generator(ratio, *self.occupations)

    def _run(
        self, start: _network.Start, t: FloatArray
    ) -> tuple[FloatArray, ComplexArray]:
        pair = _liouvillian.probabilities(start, self.cells)
        if pair is None:
            way_out = "start from two probabilities instead"
            return _liouvillian.evolve(self, start, t, way_out)
        space, generator = self._space, self._generator()
        readout = np.array([space.battery, space.battery @ generator, space.ancillas])
        # Later, nothing changes any more.
        until = np.minimum(t, SETTLED / self.rate)
        seen = _network.observe(generator, space.product(*pair), until, readout)
        return seen, np.zeros(t.size, complex)

    def _jumps(self) -> list[sparse.sparray]:
        n1, n2 = self.occupations
        battery, *ancillas = self._lowering()
        return self._bath(n1, battery) + [
            c for s in ancillas for c in self._bath(n2, s)
        ]


def steady_map(
    *,
    cells: ArrayLike = 3,
    splitting: ArrayLike = 10.0,
    coupling: ArrayLike = 1.0,
    rate: ArrayLike = 1.0,
    bath_frequency: ArrayLike = 1.0,
    temperature: ArrayLike = 1.0,
    potential: ArrayLike = 1.0,
    bias: ArrayLike = 2.0,
    workers: int | None = None,
) -> StarSteadyState:
    """Return the steady states of many stars at once.

    Parameters
    ----------
    cells, splitting, coupling, rate, bath_frequency, temperature, potential, bias
        Fields of `StarBattery`, with the same defaults, which broadcast as NumPy
        arrays.
    workers : int, optional
        Number of processes that share the stars; the numbers stay the same. One
        process, this one, if not given. Needs ``pip install qbcore[sweep]``.

    Returns
    -------
    StarSteadyState
        What `StarBattery.steady_state` returns, as arrays of the broadcast shape; an
        ``ancilla_excitation`` without ancillas is NaN.

    Raises
    ------
    ValueError
        For a field out of range, by its name.
    TooLargeError
        For more than 400 cells.

    Examples
    --------
    >>> steady_map(bias=[0.0, 1.0, 2.0], potential=0.0).excitation.round(4)
    array([0.2689, 0.384 , 0.5035])
    """
    eight_fields = dict(locals())
    del eight_fields["workers"]
    return _at_rest(broadcast_fields(StarBattery, eight_fields), mapping(workers))


def _at_rest(
    fields: Mapping[str, ArrayLike],
    spread: Callable[..., Iterator[FloatArray]] = map,
) -> StarSteadyState:
    """The steady states of many stars, all of whose fields have one shape."""
    stars = SimpleNamespace(**{name: np.asarray(x) for name, x in fields.items()})
    base, top = stars.potential, stars.potential + stars.bias
    n1, n2 = (fermi(stars.bath_frequency, mu, stars.temperature) for mu in (base, top))
    p, others = np.empty(n1.shape), np.full(n1.shape, np.nan)
    for n in np.unique(stars.cells).astype(int):
        mine, space = stars.cells == n, symmetric(n - 1)
        ratio = strength(stars.coupling[mine], stars.rate[mine])
        lots = min(math.ceil(ratio.size * space.size / TOGETHER), ratio.size)
        sets = (np.array_split(each, lots) for each in (ratio, n1[mine], n2[mine]))
        solved = progress(spread(space.stationary, *sets), "steady states", lots)
        rest = np.concatenate(list(solved))
        p[mine] = rest @ space.battery
        if n > 1:
            others[mine] = rest @ space.ancillas / (n - 1)
    current = stars.rate * (p - n1)
    return _network.at_rest(
        StarSteadyState,
        2 * stars.splitting,
        p,
        ancilla_excitation=others,
        current=current,
        dissipation=current * stars.bias,
    )
