"""qbcore: four quantum batteries and the metrics that judge them."""

from qbcore.dual_cavity import DualCavityBattery
from qbcore.nonreciprocal import NonreciprocalBattery
from qbcore.rosen_zener import RosenZenerBattery
from qbcore.star import StarBattery
from qbcore.star_common_bath import CommonBathStar
from qbcore.three_mode import ThreeModeBattery

__version__ = "0.1.0"
__all__ = [
    "CommonBathStar",
    "DualCavityBattery",
    "NonreciprocalBattery",
    "RosenZenerBattery",
    "StarBattery",
    "ThreeModeBattery",
]
