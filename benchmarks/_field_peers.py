"""Run by the Python of ``.venv/peers``: the tasks of `_field_tasks`, by one package.

Written as the package's own documentation does them; double precision for both.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
from _field_tasks import (
    COUPLING,
    LADDER,
    LOSS,
    MANY,
    OCCUPATION,
    PASSIVE,
    SIZE,
    TIMES,
    measured,
    mixed,
)

BELL = np.outer([1, 0, 0, 1], [1, 0, 0, 1]) / 2
QUBIT = np.diag([0.0, 1.0])


def by_qthermo() -> dict[str, Any]:
    """Dense matrices, no stacks of states."""
    from qthermo import batteries
    from qthermo.core import ergotropy

    one, h, _ = mixed(SIZE)
    several, small, _ = mixed(4, MANY)
    lower = np.array([[0, 1], [0, 0]], dtype=complex)
    jumps = [
        np.sqrt(LOSS * (OCCUPATION + 1)) * lower,
        np.sqrt(LOSS * OCCUPATION) * lower.T,
    ]

    def dicke(atoms: int) -> Any:
        made = batteries.dicke_battery(atoms, COUPLING, rotating_wave=True)
        parts = made["H"], made["H_battery"], made["state"]
        return batteries.charge(*parts, TIMES).energy

    return {
        "ergotropy of one state of 64 levels": lambda: ergotropy(one[0], h),
        "ergotropy of 1000 states of 4 levels": lambda: [
            ergotropy(rho, small) for rho in several
        ],
        "one atom and one photon": lambda: dicke(1),
        "4 atoms and 4 photons": lambda: dicke(4),
        "20 atoms and 20 photons": lambda: dicke(20),
        "a qubit in a warm bath": lambda: (
            batteries.charge(QUBIT, QUBIT, np.diag([1.0, 0.0]), TIMES, jumps).energy
        ),
        "work locked in a Bell pair": lambda: batteries.locked_ergotropy(
            BELL, [2, 2], [QUBIT, QUBIT]
        )["locked"],
        "work per copy of many passive qutrits": lambda: batteries.asymptotic_ergotropy(
            np.diag(PASSIVE), np.diag(LADDER)
        ),
    }


def by_qenvs() -> dict[str, Any]:
    """Compiled by JAX; the first call, which compiles, is not timed."""
    import dynamiqs as dq
    import jax
    import jax.numpy as jnp
    from qenvs.models.dicke import DickeBattery
    from qenvs.models.qubit_battery import QubitBattery
    from qenvs.observables import ergotropy

    dq.set_precision("double")
    dq.set_progress_meter(False)
    one, h, _ = mixed(SIZE)
    several, small, _ = mixed(4, MANY)
    method = dq.method.Tsit5(rtol=1e-10, atol=1e-10)

    def work_of_one(rho: Any, hamiltonian: Any) -> Any:
        return ergotropy(dq.asqarray(rho), dq.asqarray(hamiltonian))

    work = jax.jit(jax.vmap(work_of_one, in_axes=(0, None)))

    def curve(model: Any, drive: float) -> Any:
        h, stored = model.drift() + drive * model.controls()[0], "energy"
        energy = model.observables()[stored]
        arguments = {"exp_ops": [energy], "method": method}
        if model.is_open:
            jumps = model.jump_ops()
            run = dq.mesolve(h, jumps, model.initial_state(), TIMES, **arguments)
        else:
            run = dq.sesolve(h, model.initial_state(), TIMES, **arguments)
        return run.expects[0].real

    bath = QubitBattery(gamma1=LOSS, n_th=OCCUPATION)
    cells = {atoms: DickeBattery(n_cells=atoms) for atoms in (1, 4, 20)}
    return {
        "ergotropy of one state of 64 levels": lambda: work(
            jnp.asarray(one), jnp.asarray(h)
        ),
        "ergotropy of 1000 states of 4 levels": lambda: work(
            jnp.asarray(several), jnp.asarray(small)
        ),
        "one atom and one photon": lambda: curve(cells[1], COUPLING),
        "4 atoms and 4 photons": lambda: curve(cells[4], COUPLING),
        "20 atoms and 20 photons": lambda: curve(cells[20], COUPLING),
        "a qubit in a warm bath": lambda: curve(bath, 0.0),
    }


if __name__ == "__main__":
    package = sys.argv[1]
    ways = {"qthermo": by_qthermo, "qenvs": by_qenvs}[package]()
    print(json.dumps({"version": version(package), "tasks": measured(ways)}))
