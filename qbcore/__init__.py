"""qbcore: quantum batteries, and the metrics that judge them."""

from qbcore import errors, gaussian, metrics
from qbcore.battery import Battery, charge
from qbcore.charging import Charging, Peak, SteadyState
from qbcore.dual_cavity import DualCavityBattery
from qbcore.nonreciprocal import NonreciprocalBattery, ThreeModeBattery
from qbcore.rosen_zener import RosenZenerBattery
from qbcore.star import CommonBathStar, StarBattery
from qbcore.stepwise import StepwiseCharging, charge_stepwise, collision

__version__ = "0.2.0"
__all__ = [
    "Battery",
    "Charging",
    "CommonBathStar",
    "DualCavityBattery",
    "NonreciprocalBattery",
    "Peak",
    "RosenZenerBattery",
    "StarBattery",
    "SteadyState",
    "StepwiseCharging",
    "ThreeModeBattery",
    "charge",
    "charge_stepwise",
    "collision",
    "errors",
    "gaussian",
    "metrics",
]
