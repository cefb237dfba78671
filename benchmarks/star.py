"""The star network: steady states, charging, and where a common bath leads.

The rivals work with all 2^N states, that is 4^N entries of the density matrix:
``steadystate`` (its direct method), SuperLU through ``spsolve``, ``mesolve``, and
``solve_ivp`` with the Liouvillian.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
import qutip
from scipy.integrate import solve_ivp
from scipy.sparse import csr_matrix, vstack
from scipy.sparse.linalg import spsolve

from benchmarks.side_by_side import Case, FloatArray, integrator_options
from qbcore.star import CommonBathStar, StarBattery, steady_map

TIMES = np.linspace(0.0, 5.0, 51)
BIASES = np.linspace(0.0, 7.6, 20)
LATE = 120.0  # of the common bath: all that decays has decayed


def steady(cells: int, bias: float = 2.0) -> float:
    """p_1 at rest in the permutation-symmetric basis."""
    return StarBattery(cells=cells, bias=bias).steady_state().excitation


def by_steadystate(cells: int, bias: float = 2.0) -> float:
    """p_1 from ``qutip.steadystate`` on all 2^N states."""
    b = StarBattery(cells=cells, bias=bias)
    rho = qutip.steadystate(b.hamiltonian(), b.collapse_operators())
    return float(rho.ptrace(0)[0, 0].real)


def by_spsolve(cells: int) -> float:
    """p_1 from L rho = 0, one of whose rows gives way to tr rho = 1."""
    generator = _generator(StarBattery(cells=cells))
    size = 2**cells
    trace = qutip.operator_to_vector(qutip.qeye(size)).to("CSR").data.as_scipy().T
    right = np.eye(size**2, 1)[:, 0]
    rho = spsolve(vstack([trace, generator[1:]]).tocsc(), right).reshape(size, size)
    return float(np.trace(rho[: size // 2, : size // 2]).real)


def sweep(cells: int) -> FloatArray:
    """p_1 for twenty biases in one call."""
    return np.asarray(steady_map(cells=cells, bias=BIASES).excitation)


def loop(cells: int) -> FloatArray:
    """p_1 for every fifth bias, one ``steadystate`` each."""
    return np.array([by_steadystate(cells, float(d)) for d in BIASES[::5]])


def curve(cells: int) -> FloatArray:
    """p_1 at all times from the ground state."""
    return StarBattery(cells=cells).charge(TIMES).excitation


def by_mesolve(cells: int, rtol: float) -> FloatArray:
    """The same by ``mesolve`` on all 2^N states."""
    return _excited(StarBattery(cells=cells), TIMES, rtol)


def by_dop853(cells: int, rtol: float) -> FloatArray:
    """The same by ``solve_ivp`` with the Liouvillian."""
    generator = _generator(StarBattery(cells=cells))
    size = 2**cells
    rho = np.zeros(size**2, dtype=complex)
    rho[-1] = 1.0
    path = solve_ivp(
        lambda _, x: generator @ x,
        (0, TIMES[-1]),
        rho,
        "DOP853",
        TIMES,
        rtol=rtol,
        atol=rtol / 100,
    ).y
    return path.reshape(size, size, -1)[: size // 2, : size // 2].trace().real


def common(cells: int) -> float:
    """p_1 for t to infinity from the ground state, all qubits in one bath."""
    return CommonBathStar(cells=cells).asymptotic_excitation()


def common_by_mesolve(cells: int, rtol: float) -> float:
    """The same by waiting."""
    return float(_excited(CommonBathStar(cells=cells), np.array([0.0, LATE]), rtol)[-1])


def _excited(
    b: StarBattery | CommonBathStar, times: FloatArray, rtol: float
) -> FloatArray:
    up = qutip.tensor(
        [qutip.sigmap() * qutip.sigmam(), *[qutip.qeye(2)] * (b.cells - 1)]
    )
    run = qutip.mesolve(
        b.hamiltonian(),
        b.initial_state(),
        times,
        b.collapse_operators(),
        e_ops=[up],
        options=integrator_options(rtol),
    )
    return run.expect[0]


def _generator(b: StarBattery) -> csr_matrix:
    """The Liouvillian, 4^N x 4^N."""
    return (
        qutip.liouvillian(b.hamiltonian(), b.collapse_operators())
        .to("CSR")
        .data.as_scipy()
    )


def cases() -> Iterator[Case]:
    """Steady states, a sweep of them, charging curves, the common bath."""
    one = partial(Case, model="Star network", unit="qubits")
    rest = partial(one, task="steady state", accuracy=1e-10, tolerant=False)
    direct = {"steadystate (direct)": by_steadystate, "scipy spsolve": by_spsolve}
    for cells, (rival, solver) in product((2, 3, 4, 5, 6), direct.items()):
        yield rest(
            size=cells,
            ours=partial(steady, cells),
            rival=rival,
            theirs=partial(solver, cells),
        )
    for cells in (10, 20, 50):
        yield rest(size=cells, ours=partial(steady, cells))
    yield one(
        task="20 steady states in one call",
        size=5,
        accuracy=1e-10,
        ours=partial(sweep, 5),
        rival="loop over steadystate (direct)",
        theirs=partial(loop, 5),
        tolerant=False,
        scale=5.0,
        part=(slice(None, None, 5),),
    )
    charging = partial(one, task="charging curve", accuracy=1e-6)
    integrators = {"mesolve (adams)": by_mesolve, "solve_ivp (DOP853)": by_dop853}
    for cells, (rival, integrator) in product((2, 3, 4, 5, 6), integrators.items()):
        yield charging(
            size=cells,
            ours=partial(curve, cells),
            rival=rival,
            theirs=partial(integrator, cells),
        )
    for cells in (10, 20):
        yield charging(size=cells, ours=partial(curve, cells))
    for cells in (2, 3, 4, 5):
        yield one(
            task="common bath, where it ends",
            accuracy=1e-6,
            size=cells,
            ours=partial(common, cells),
            rival="mesolve (adams)",
            theirs=partial(common_by_mesolve, cells),
        )
