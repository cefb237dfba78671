"""The numbers of an assignment: published, or a course's own."""

from __future__ import annotations

import ast
import random
import re

import nbformat

# A number of an assignment, its published value and the others:
# `GAP = 1.2  # or 0.8, 1.6`.
PARAMETER = re.compile(r"^([A-Z][A-Z_0-9]{2,}) = (.+?)  # or (.+)$", re.MULTILINE)


def choose(notebook: nbformat.NotebookNode, name: str, seed: int) -> dict[str, str]:
    """The value of each parameter for this seed; seed 0 takes the published ones."""
    rng = random.Random(f"{name} {seed}")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    values = {}
    for parameter, published, others in PARAMETER.findall(code):
        choices = ast.literal_eval(f"[{published}, {others}]")
        values[parameter] = repr(rng.choice(choices) if seed else choices[0])
    return values


def write_numbers(notebook: nbformat.NotebookNode, values: dict[str, str]) -> None:
    """Put the numbers where they are set, and for their names in text and tests."""
    names = (
        re.compile(r"\b(" + "|".join(values) + r")\b")
        if values
        else re.compile(r"(?!)")
    )
    in_tests = False
    for cell in notebook.cells:
        if cell.cell_type == "raw" and "TESTS" in cell.source:
            in_tests = "BEGIN" in cell.source
        elif cell.cell_type == "markdown" or in_tests:
            cell.source = names.sub(lambda match: values[match[1]], cell.source)
        else:
            cell.source = PARAMETER.sub(
                lambda match: f"{match[1]} = {values[match[1]]}", cell.source
            )
