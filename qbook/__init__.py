"""Tools of the chapters: ledger, sliders, contract, resolution, style."""

from qbook import claims, resolution
from qbook.contract import check_contract
from qbook.sliders import explore

__all__ = ["check_contract", "claims", "explore", "resolution"]
