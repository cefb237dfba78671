"""Two atomic ensembles, each in a cavity, that exchange excitations (Zhang et al.)."""

from qbcore.dual_cavity.battery import (
    DualCavityBattery,
    DualCavityCharging,
    DualCavitySteadyState,
)

__all__ = ["DualCavityBattery", "DualCavityCharging", "DualCavitySteadyState"]
