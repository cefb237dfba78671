"""Charger and battery that share a lossy reservoir.

Ahmadi et al.; Lin et al.; Xu and Ren.
"""

from qbcore.nonreciprocal._modes import (
    BATTERY,
    CAVITY,
    CHARGER,
    GaussianCharging,
    GaussianSteadyState,
)
from qbcore.nonreciprocal.battery import NonreciprocalBattery
from qbcore.nonreciprocal.three_mode import ThreeModeBattery

__all__ = [
    "BATTERY",
    "CAVITY",
    "CHARGER",
    "GaussianCharging",
    "GaussianSteadyState",
    "NonreciprocalBattery",
    "ThreeModeBattery",
]
