"""Compute a verdict again: run what a chapter's check depends on, and nothing else."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qbook import claims, tex
from qbook._slice import needed, statements


@dataclass(frozen=True)
class Rerun:
    """The result of today, and that of the ledger."""

    claim: claims.Claim
    computed: dict[str, float] = field(default_factory=dict)
    readings: dict[str, str] = field(default_factory=dict)
    error: str = ""
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether every number and every reading is the ledger's."""
        return not self.error

    def __str__(self) -> str:
        claim = self.claim
        lines = [
            f"{claim.id} ({claim.paper}, {claim.where})",
            f"  claim     {claim.claim}",
            f"  computed  {claim.parameters}",
        ]
        for name, number in claim.computed.items():
            today = self.computed.get(name)
            found = "not computed" if today is None else f"{today:.9g}"
            held = f"today {found}, ledger {number.text}"
            lines.append(f"            {number.label} ({name}): {held}")
        lines += [
            f"  tolerance {claim.tolerance_because}",
            f"  {claim.decision}",
            f"  verdict   {claim.verdict}: {claim.reason}",
            f"  {'agrees' if self.agrees else 'DISAGREES'} ({self.seconds:.1f} s)",
        ]
        said = tex.plain("\n".join(lines))
        # The error is another's words, in which a dollar begins no formula.
        return f"{said}\n  {self.error}" if self.error else said

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        claim = self.claim
        numbers = {
            name: {
                "computed": _finite(self.computed.get(name)),
                "ledger": number.value,
                "tolerance": number.tolerance,
                "label": number.label,
                "unit": number.unit,
            }
            for name, number in claim.computed.items()
        }
        return {
            "id": claim.id,
            "paper": claim.paper,
            "where": claim.where,
            "claim": claim.claim,
            "verdict": claim.verdict,
            "reason": claim.reason,
            "decided_by": claim.decided_by,
            "readings": self.readings,
            "numbers": numbers,
            "agrees": self.agrees,
            "error": self.error,
            "seconds": round(self.seconds, 2),
        }


def _finite(number: float | None) -> float | None:
    """The number, or None where JSON has no word for it."""
    return number if number is not None and math.isfinite(number) else None


def source(claim: claims.Claim, book: Path) -> str:
    """The statements of the claim's chapter that its check depends on, as one text.

    Parameters
    ----------
    claim : Claim
        An entry of the ledger.
    book : Path
        The folder that the entry's ``chapter`` starts from.
    """
    path = book / f"{claim.chapter}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [
        "".join(cell["source"])
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]
    return "\n".join(each.text for each in needed(statements(cells), claim.id)) + "\n"


def rerun(claim: claims.Claim, book: Path) -> Rerun:
    """Run that text in the chapter's folder; its prints and figures are dropped."""
    begun = time.perf_counter()
    error = ""
    with TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        record = Path(folder) / "record.jsonl"
        os.environ[claims.RECORD] = str(record)
        os.environ["MPLBACKEND"] = "agg"
        stack.callback(os.environ.pop, claims.RECORD)
        stack.callback(os.chdir, Path.cwd())
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # figures that nobody sees, and their number
        try:
            text = source(claim, book)
            os.chdir((book / claim.chapter).parent)
            exec(compile(text, f"<{claim.id}>", "exec"), {"__name__": "__main__"})
        # An error in one claim does not stop the others; an exit is not a success.
        except (Exception, SystemExit) as raised:
            error = f"{type(raised).__name__}: {raised}"
        kept = record.read_text(encoding="utf-8") if record.exists() else ""
    lines = [json.loads(line) for line in kept.splitlines()]
    checked = [line for line in lines if line["id"] == claim.id]
    found = checked[-1] if checked else {}
    # A check that a chapter catches, or never comes to, does not agree.
    if not (error or checked):
        error = f"The code ran, but did not come to the check of {claim.id}."
    for line in checked:
        error = error or claims.disagreement(claim, line["computed"], line["readings"])
    return Rerun(
        claim=claim,
        computed=found.get("computed", {}),
        readings=found.get("readings", {}),
        error=error,
        seconds=time.perf_counter() - begun,
    )


def rerun_all(chosen: Iterable[claims.Claim], book: Path) -> Iterator[Rerun]:
    """Run each in a separate process, on all cores, in the given order."""
    chosen = list(chosen)
    # Workers that are started fresh share no figure, cache or random state.
    context = get_context("spawn")
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=context) as pool:
        yield from pool.map(rerun, chosen, [book] * len(chosen))
