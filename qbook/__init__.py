"""qbook: what a chapter uses besides physics: the ledger, sliders, the contract's check, style."""

from qbook import claims
from qbook.contract import check_contract
from qbook.sliders import explore

__all__ = ["check_contract", "claims", "explore"]
