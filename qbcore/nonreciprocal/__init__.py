"""Charger and battery that share a lossy reservoir (Ahmadi et al.; Lin et al.; Xu and Ren)."""

from qbcore.nonreciprocal.battery import BATTERY, CAVITY, CHARGER, NonreciprocalBattery
from qbcore.nonreciprocal.three_mode import ThreeModeBattery

__all__ = ["BATTERY", "CAVITY", "CHARGER", "NonreciprocalBattery", "ThreeModeBattery"]
