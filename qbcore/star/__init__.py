"""A battery qubit in the centre of a star of ancillas (Kamin, Salimi and Arjmandi)."""

from qbcore.star.battery import StarBattery, steady_map
from qbcore.star.common_bath import CommonBathStar, Sector
from qbcore.star.formulas import fermi
from qbcore.star.results import QubitSteadyState, StarCharging, StarSteadyState

__all__ = [
    "CommonBathStar",
    "QubitSteadyState",
    "Sector",
    "StarBattery",
    "StarCharging",
    "StarSteadyState",
    "fermi",
    "steady_map",
]
