"""What both stars share: checks of fields and starts, and what a qubit stores."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from qbcore._numerics.spins import lowering_of_each
from qbcore._support.checks import as_numbers, integer, real, require, time_axis
from qbcore._support.types import ComplexArray, FloatArray
from qbcore.errors import TooLargeError
from qbcore.metrics import TOLERANCE
from qbcore.star.results import StarCharging

if TYPE_CHECKING:
    from qbcore.star.battery import StarBattery
    from qbcore.star.common_bath import CommonBathStar

    Star: TypeAlias = StarBattery | CommonBathStar

FEWEST_SAMPLES, MOST_SAMPLES = 401, 4001


class Path(NamedTuple):
    """A run from the start on: (T,) arrays, but for the excitation at the start."""

    begin: float
    excitation: FloatArray
    slope: FloatArray  # of the excitation
    ancillas: FloatArray  # mean number of excited ones
    coherence: ComplexArray  # <e| rho |g> of the battery, in the turning frame


def check_fields(star: Star, *, fewest: int) -> None:
    """The seven fields that both stars have."""
    integer("cells", star.cells, least=fewest)
    for name in ("splitting", "rate", "temperature"):
        real(name, getattr(star, name), above=0.0)
    for name in ("coupling", "bath_frequency", "potential"):
        real(name, getattr(star, name))


def at_most(most: int, cells: int, way_out: str) -> None:
    """Refuse a network that is too large for a method."""
    if cells > most:
        message = f"`cells` is {cells}, and this takes at most {most}: {way_out}."
        raise TooLargeError(message, found=cells, limit=most)


def times_or_default(times: ArrayLike | None, star: Star) -> FloatArray:
    """The times asked for, or ten times 1/gamma, in which a star comes to rest.

    Two samples lie at most a tenth of 1/(2 |J| sqrt(N - 1) + N gamma) apart, the
    shorter of the time scales, as long as ``MOST_SAMPLES`` allow.
    """
    if times is not None:
        return time_axis("times", times)
    exchange = 2 * abs(star.coupling) * np.sqrt(star.cells - 1)
    samples = 100 * (exchange / star.rate + star.cells)
    count = int(np.clip(samples, FEWEST_SAMPLES, MOST_SAMPLES))
    return np.linspace(0.0, 10 / star.rate, count)


def probabilities(start: Any) -> tuple[float, float] | None:
    """Two probabilities, (0, 0) for None; or None where the start is something else."""
    if start is None:
        return 0.0, 0.0
    if hasattr(start, "full") or np.shape(start) != (2,):
        return None
    battery, ancilla = (real("start", np.real_if_close(p).item()) for p in start)
    inside = min(battery, ancilla) >= 0 and max(battery, ancilla) <= 1
    require(inside, "start", "be probabilities between 0 and 1", start)
    return battery, ancilla


def density_matrix(start: Any, cells: int) -> ComplexArray:
    """The start as a checked density matrix (2^N, 2^N), battery first."""
    pair = probabilities(start)
    if pair is not None:
        each = [pair[0]] + [pair[1]] * (cells - 1)
        qubits = [np.diag([p, 1 - p]).astype(complex) for p in each]
        return np.asarray(reduce(np.kron, qubits))
    rho = _matrix(start, cells)
    require(bool(np.isfinite(rho).all()), "start", "be finite", start)
    skew = float(np.abs(rho - rho.conj().T).max())
    require(skew <= TOLERANCE, "start", "be Hermitian", f"off by {skew:.3g}")
    norm = float(np.trace(rho).real)
    require(abs(norm - 1) <= TOLERANCE, "start", "be normalised", norm)
    lowest = float(np.linalg.eigvalsh(rho)[0])
    require(lowest >= -TOLERANCE, "start", "have no negative eigenvalue", lowest)
    return rho


def _matrix(start: Any, cells: int) -> ComplexArray:
    """The start as a matrix, kets multiplied out."""
    size = 2**cells
    must = (
        "be two probabilities (battery and each ancilla excited), or a ket or density "
        f"matrix of {cells} qubits with {size} levels"
    )
    array = as_numbers("start", start, must)
    dims = getattr(start, "dims", [[2] * cells])
    fits = array.shape in ((size,), (size, 1), (size, size)) and dims[0] == [2] * cells
    require(fits, "start", must, getattr(start, "dims", array.shape))
    if array.shape == (size, size):
        return array
    return np.outer(array, array.conj())


def ergotropy(quantum: float, excitation: Any, coherence: Any = 0.0) -> Any:
    """quantum (p - smaller eigenvalue) of a qubit with levels ``quantum`` apart.

    The eigenvalues are (1 +- r)/2, r the length of the Bloch vector.
    """
    inversion = 2 * excitation - 1
    return quantum * (inversion + np.hypot(inversion, 2 * np.abs(coherence))) / 2


def at_rest(quantum: float, excitation: float) -> dict[str, Any]:
    """The fields of `QubitSteadyState`."""
    return {
        "energy": quantum * excitation,
        "ergotropy": float(ergotropy(quantum, excitation)),
        "state": np.diag([excitation, 1 - excitation]).astype(complex),
        "excitation": excitation,
    }


def curve(star: Star, times: FloatArray, path: Path, *, states: bool) -> StarCharging:
    """The charging curve of a path, with the battery's states in the frame at rest."""
    quantum = star.quantum
    p, c = path.excitation, path.coherence * np.exp(-1j * quantum * times)
    rho = np.array([[p, c], [c.conj(), 1 - p]])
    return StarCharging(
        times=times,
        energy=quantum * (p - path.begin),
        power=quantum * path.slope,
        ergotropy=ergotropy(quantum, p, c),
        states=np.moveaxis(rho, -1, 0) if states else None,
        excitation=p,
        ancilla_excitation=path.ancillas / (star.cells - 1) if star.cells > 1 else None,
    )


def star_hamiltonian(cells: int, splitting: float, coupling: float) -> Any:
    """H of Eq. (1) on all N qubits, sparse (2^N, 2^N)."""
    battery, *ancillas = lowers = lowering_of_each(cells)
    h = splitting * sum(s.T @ s - s @ s.T for s in lowers)
    for s in ancillas:
        h = h + coupling * (battery.T @ s + battery @ s.T)
    return h


def as_qutip(operator: Any, cells: int) -> Any:
    """A sparse operator on N qubits as a QuTiP object."""
    import qutip
    from scipy.sparse import csr_matrix

    # QuTiP 5.1 takes sparse matrices, but no sparse arrays.
    return qutip.Qobj(csr_matrix(operator), dims=[[2] * cells] * 2)


def all_down(cells: int) -> Any:
    """The ground state of N qubits as a QuTiP ket."""
    import qutip

    return qutip.tensor([qutip.basis(2, 1)] * cells)
