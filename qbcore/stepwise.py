"""Charging in steps: collisions with fresh units, measurements, strokes of a cycle.

Between two steps nothing is said about the battery, so that a stepwise curve has no
instantaneous power, and its largest values are those of a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from qbcore import metrics
from qbcore._support.checks import integer, real, require
from qbcore._support.models import at_most
from qbcore._support.progress import progress
from qbcore._support.results import Result, result
from qbcore._support.states import (
    TOLERANCE,
    adjoint,
    are_kets,
    checked_states,
    density_matrices,
    hermitian,
    largest,
    read,
)
from qbcore._support.types import (
    ComplexArray,
    FloatArray,
    Numbers,
    Operator,
    States,
)
from qbcore.charging import Peak
from qbcore.errors import AccuracyError

if TYPE_CHECKING:
    import qutip

# From one density matrix to the next.
Step: TypeAlias = "Callable[[Numbers], Operator]"


@result
class StepwiseCharging(Result):
    """A charging curve of N steps.

    Attributes
    ----------
    times : (N + 1,) array
        Ends of the steps, from 0 on.
    energy : (N + 1,) array
        Energy stored since the start.
    ergotropy : (N + 1,) array
        Largest work a unitary on the battery can extract.
    states : (N + 1, d, d) array, or None
        Density matrices; None unless ``states=True`` asked for them.

    Examples
    --------
    >>> t = np.arange(3.0)
    >>> curve = StepwiseCharging(times=t, energy=t * (4 - t), ergotropy=t)
    >>> curve.energy
    array([0., 3., 4.])
    """

    times: FloatArray
    energy: FloatArray
    ergotropy: FloatArray
    states: ComplexArray | None = None

    @property
    def average_power(self) -> FloatArray:
        """E(t)/t at the ends of the steps, shape (N,).

        Examples
        --------
        >>> t = np.arange(3.0)
        >>> StepwiseCharging(times=t, energy=t * (4 - t), ergotropy=t).average_power
        array([3., 2.])
        """
        return self.energy[1:] / self.times[1:]

    @property
    def max_energy(self) -> Peak:
        """Largest stored energy at the end of a step, and its time.

        Examples
        --------
        >>> t = np.arange(3.0)
        >>> StepwiseCharging(times=t, energy=t * (4 - t), ergotropy=t).max_energy
        Peak(time=2.0, value=4.0)
        """
        return _peak(self.times, self.energy)

    @property
    def max_average_power(self) -> Peak:
        """Largest average power at the end of a step, and its time.

        Examples
        --------
        >>> t = np.arange(3.0)
        >>> curve = StepwiseCharging(times=t, energy=t * (4 - t), ergotropy=t)
        >>> curve.max_average_power
        Peak(time=1.0, value=3.0)
        """
        return _peak(self.times[1:], self.average_power)


def _peak(times: FloatArray, values: FloatArray) -> Peak:
    best = values.argmax()
    return Peak(float(times[best]), float(values[best]))


def collision(unitary: qutip.Qobj, unit: qutip.Qobj) -> list[qutip.Qobj]:
    """Return the Kraus operators of a collision with a fresh unit.

    The battery's state becomes tr_unit[U (rho x eta) U^+], with the operators
    ``K_ij = sqrt(p_j) <i|U|j>`` over the eigenstates ``|j>`` of eta with weights p_j
    (Ciccarello, Lorenzo, Giovannetti and Palma, Phys. Rep. 954, 1 (2022)).

    Parameters
    ----------
    unitary : Qobj
        U on battery x unit, the unit as the last subsystem.
    unit : Qobj
        Ket or density matrix eta of the unit.

    Returns
    -------
    list of Qobj
        Operators on the battery.

    Raises
    ------
    ValueError
        If U is not unitary to 1e-6, or the unit is not a state of its last subsystem.

    Examples
    --------
    >>> import qutip
    >>> swap = qutip.swap(2, 2)
    >>> len(collision(swap, qutip.basis(2, 0)))
    2
    """
    import qutip

    turn, space = read("unitary", unitary)
    known = space is not None and not are_kets(turn)
    require(known, "unitary", "be an operator, a Qobj", unitary)
    *own, last = space or []
    require(bool(own), "unitary", "act on battery x unit", space)
    lost = largest(adjoint(turn) @ turn - np.eye(len(turn)))
    must = f"be unitary: |U^+ U - 1| must be at most {TOLERANCE:g}"
    require(lost <= TOLERANCE, "unitary", must, lost)
    eta = checked_states("unit", unit, last, space=[last], single=True)
    weights, kets = np.linalg.eigh(density_matrices(eta))
    present = weights > 0
    roots = np.sqrt(weights[present]) * kets[:, present]
    size = math.prod(own)
    blocks = turn.reshape(size, last, size, last)
    kraus = np.einsum("aibc,cj->jiab", blocks, roots).reshape(-1, size, size)
    return [qutip.Qobj(k, dims=[own, own]) for k in kraus]


def charge_stepwise(
    channel: Operator | Sequence[Operator] | Step,
    battery_hamiltonian: Operator,
    start: States,
    steps: int,
    *,
    duration: float = 1.0,
    states: bool = False,
) -> StepwiseCharging:
    """Charge a battery by the same channel again and again.

    Parameters
    ----------
    channel : Qobj, list of Qobj, or callable
        A unitary or a superoperator on the battery; a list of Kraus operators, Qobj or
        arrays, such as those of `collision`; or a function from one density matrix, an
        array, to the next, an array or Qobj.
    battery_hamiltonian : Qobj or (d, d) array_like
        H_B.
    start : Qobj or array_like
        Ket or density matrix of the battery.
    steps : int
        Number of steps N, at least 1.
    duration : float
        How long a step takes, in the unit of time of H_B.
    states : bool
        Also keep the states.

    Returns
    -------
    StepwiseCharging

    Raises
    ------
    ValueError
        If the parts do not fit together.
    AccuracyError
        If a step changes the trace by more than 1e-6.

    Examples
    --------
    >>> import qutip
    >>> kraus = collision(qutip.swap(2, 2), qutip.basis(2, 1))
    >>> charge_stepwise(kraus, qutip.num(2), qutip.basis(2, 0), 2).energy
    array([0., 1., 1.])
    """
    h, space = hermitian("battery_hamiltonian", battery_hamiltonian, single=True)
    begin = checked_states("start", start, len(h), space=space, single=True)
    rho = density_matrices(begin)
    count = integer("steps", steps, least=1)
    period = real("duration", duration, above=0.0)
    apply = _checked_channel(channel, h.shape)
    path = [rho]
    for _ in progress(range(count), "charging", count):
        path.append(read("channel", apply(path[-1]))[0])
        require(path[-1].shape == h.shape, "channel", "keep the shape", path[-1].shape)
        lost = abs(float(np.trace(path[-1]).real) - 1)
        what, way_out = "The change of the trace", "give a `channel` that keeps it"
        at_most(TOLERANCE, lost, what, way_out, AccuracyError)
    seen = np.array(path)
    return StepwiseCharging(
        times=period * np.arange(count + 1.0),
        energy=np.asarray(metrics.stored_energy(seen, h, reference=rho)),
        ergotropy=np.asarray(metrics.ergotropy(seen, h)),
        states=seen if states else None,
    )


def _checked_channel(
    channel: Operator | Sequence[Operator] | Step, shape: tuple[int, ...]
) -> Step:
    """The function itself, or the map of a superoperator or of Kraus operators."""
    import qutip

    if isinstance(channel, qutip.Qobj) and channel.issuper:
        matrix, size = qutip.to_super(channel).full(), math.prod(shape)
        must = f"act on matrices of shape {shape}"
        require(matrix.shape == (size, size), "channel", must, matrix.shape)
        # QuTiP stacks the columns of a density matrix.
        return lambda rho: (matrix @ rho.T.ravel()).reshape(shape).T
    if callable(channel) and not isinstance(channel, qutip.Qobj | qutip.QobjEvo):
        return channel
    kraus, _ = read("channel", channel)
    kraus = kraus if kraus.ndim == 3 else kraus[None]
    must = f"be a function, a unitary, or a list of Kraus operators of shape {shape}"
    require(kraus.shape[1:] == shape, "channel", must, kraus.shape)
    turned = adjoint(kraus)
    return lambda rho: (kraus @ rho @ turned).sum(axis=0)
