"""What ``charge()`` and ``steady_state()`` of the two star networks return."""

from __future__ import annotations

from qbcore._support.results import result
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.charging import Charging, SteadyState


@result
class QubitSteadyState(SteadyState):
    """The battery qubit at rest; it has no coherence, so p_1 says all.

    Attributes
    ----------
    excitation : float
        p_1, probability that the battery is excited.
    state : (2, 2) array
        Density matrix of the battery, excited level first.

    Examples
    --------
    >>> from qbcore import CommonBathStar
    >>> CommonBathStar(cells=3, potential=1.0).steady_state().state.real
    array([[0.5, 0. ],
           [0. , 0.5]])
    """

    excitation: float
    state: ComplexArray


@result
class StarSteadyState(QubitSteadyState):
    """Steady state with individual baths: of one star, or arrays of many.

    Attributes
    ----------
    ancilla_excitation : float or None
        Probability that one ancilla is excited; None (NaN among many) without ancillas.
    current : float
        gamma (p_1 - n_1), excitations per time from the ancillas into the battery's own
        bath.
    dissipation : float
        Current x Delta mu, work per time that the bias spends on it: T times the
        entropy production of the baths.

    Examples
    --------
    >>> from qbcore import StarBattery
    >>> rest = StarBattery(cells=1).steady_state()
    >>> rest.excitation, rest.ancilla_excitation, rest.current
    (0.5, None, 0.0)
    """

    ancilla_excitation: float | FloatArray | None
    current: float | FloatArray
    dissipation: float | FloatArray


@result
class StarCharging(Charging):
    """Charging curve of either star.

    Attributes
    ----------
    excitation : (T,) array
        p_1, probability that the battery is excited.
    ancilla_excitation : (T,) array or None
        Mean probability that an ancilla is excited; None without ancillas.

    Examples
    --------
    >>> from qbcore import StarBattery
    >>> curve = StarBattery(cells=2).charge([0.0, 0.5])
    >>> curve.excitation.round(4), curve.ancilla_excitation.round(4)
    (array([0.    , 0.2072]), array([0.    , 0.3361]))
    """

    excitation: FloatArray
    ancilla_excitation: FloatArray | None
