"""N two-level atoms driven by one sin^2 pulse (Guo, Yang and Dou)."""

from qbcore.rosen_zener.battery import (
    ChargingMap,
    RosenZenerBattery,
    RosenZenerCharging,
    charge_map,
)

__all__ = ["ChargingMap", "RosenZenerBattery", "RosenZenerCharging", "charge_map"]
