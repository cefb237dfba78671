"""qbook: what a chapter uses besides physics: the ledger of claims, sliders, the figures' style."""

from qbook import claims
from qbook.sliders import explore

__all__ = ["claims", "explore"]
