"""The numbers and conventions of an assignment, which a seed changes.

They are set in a code cell, one on each line, the published value first:

    GAP = 1.2  # or 0.8, 1.6
    FIRST = "photons"  # or "atoms"

A number other than the published course's differs from the published one whatever the
seed. A convention is a text; there are few of them, so that a seed may keep it.
"""

from __future__ import annotations

import ast
import hashlib
import random
import re
from typing import Any

import nbformat

PARAMETER = re.compile(r"^([A-Z][A-Z_0-9]{2,}) = (.+?)  # or (.+)$", re.MULTILINE)
PUBLISHED = "0"


def choose(
    notebook: nbformat.NotebookNode, name: str, seed: int | str
) -> dict[str, Any]:
    """The value of each parameter for this seed; seed 0 takes the published ones."""
    rng = random.Random(f"{name} {seed}")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    values = {}
    for parameter, first, others in PARAMETER.findall(code):
        published, *rest = ast.literal_eval(f"[{first}, {others}]")
        allowed = [published, *rest] if isinstance(published, str) else rest
        drawn = rng.choice(allowed)
        values[parameter] = published if str(seed) == PUBLISHED else drawn
    return values


def of_student(seed: int | str, student: str) -> str:
    """The seed of one student, which does not tell the name.

    The name is folded, so that it does not matter how the list spells it.
    """
    folded = " ".join(student.split()).casefold()
    digest = hashlib.sha256(f"{seed} {folded}".encode()).hexdigest()
    return f"{seed}-{int(digest, 16) % 10**8:08d}"


def in_place_of_names(text: str, values: dict[str, Any], *, code: bool) -> str:
    """The text with values for their names; in prose a convention has no quotes."""
    if not values:
        return text
    names = re.compile(r"\b(" + "|".join(values) + r")\b")
    return names.sub(lambda m: (repr if code else str)(values[m[1]]), text)


def write_numbers(notebook: nbformat.NotebookNode, values: dict[str, Any]) -> None:
    """Put the values where they are set, and for their names in text and tests."""
    in_tests = False
    for cell in notebook.cells:
        if cell.cell_type == "raw" and "TESTS" in cell.source:
            in_tests = "BEGIN" in cell.source
        elif cell.cell_type == "markdown" or in_tests:
            code = cell.cell_type == "code"
            cell.source = in_place_of_names(cell.source, values, code=code)
        else:
            cell.source = PARAMETER.sub(
                lambda match: f"{match[1]} = {values[match[1]]!r}", cell.source
            )
