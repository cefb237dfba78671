"""What a chapter uses besides physics: the ledger, sliders, the contract, style."""

from qbook import claims
from qbook.contract import check_contract
from qbook.sliders import explore

__all__ = ["check_contract", "claims", "explore"]
