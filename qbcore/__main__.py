"""``python -m qbcore``: what this is, the versions in use, and a demonstration."""

from __future__ import annotations

import argparse
import inspect
import platform
from importlib.metadata import version

import numpy as np

import qbcore


def demo() -> None:
    """Charge ten independent atoms with one pulse."""
    battery = qbcore.RosenZenerBattery(
        atoms=10, interaction=0.0, drive=20.0, duration=0.1 * np.pi
    )
    charging = battery.charge()
    full = battery.atoms * battery.splitting
    print(f"charge after the pulse   {charging.energy[-1] / full:.1%} of full")
    power = charging.max_average_power
    print(f"largest average power    {power.value:.1f} at t = {power.time:.3f}")


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m qbcore", description=__doc__).parse_args()
    print(qbcore.__doc__)
    versions = [
        f"{name} {version(name)}" for name in ("qbcore", "numpy", "scipy", "qutip")
    ]
    print(", ".join([*versions, f"Python {platform.python_version()}"]), end="\n\n")
    print(inspect.getsource(demo))
    demo()
