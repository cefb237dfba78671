"""A battery qubit in the centre of a star of ancillas (Kamin, Salimi and Arjmandi)."""

from qbcore.star.battery import StarBattery, fermi, steady_excitation
from qbcore.star.common_bath import CommonBathStar

__all__ = ["CommonBathStar", "StarBattery", "fermi", "steady_excitation"]
