"""qbcore: four quantum batteries and the metrics that judge them."""

from qbcore.dual_cavity.battery import DualCavityBattery
from qbcore.nonreciprocal.battery import NonreciprocalBattery
from qbcore.nonreciprocal.three_mode import ThreeModeBattery
from qbcore.rosen_zener.battery import RosenZenerBattery
from qbcore.star.battery import StarBattery
from qbcore.star.common_bath import CommonBathStar

__version__ = "0.1.0"
__all__ = [
    "CommonBathStar",
    "DualCavityBattery",
    "NonreciprocalBattery",
    "RosenZenerBattery",
    "StarBattery",
    "ThreeModeBattery",
]
