"""Two atomic ensembles, each in a cavity, that exchange excitations (Zhang et al.)."""

from qbcore.dual_cavity.battery import DualCavityBattery, DualCavityCharging

__all__ = ["DualCavityBattery", "DualCavityCharging"]
