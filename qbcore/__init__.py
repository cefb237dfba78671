"""qbcore: four quantum batteries and the metrics that judge them."""

from qbcore.rosen_zener import RosenZenerBattery

__version__ = "0.1.0"
__all__ = ["RosenZenerBattery"]
