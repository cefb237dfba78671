"""The assignment that a notebook answers, and the attempt that counts."""

from __future__ import annotations

import ast
import inspect
import json
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from otter.test_files.exception_test import ExceptionTestFile
from screen import parsed
from submissions import Attempt


@dataclass
class Built:
    """An assignment as it was built for the students: name with seed, and tests."""

    name: str
    tests: list[tuple[str, str]]
    numbers: dict[str, str]

    @cached_property
    def functions(self) -> set[str]:
        """The functions that tests ask for."""
        files = (ExceptionTestFile.from_string(source) for _, source in self.tests)
        return {
            name
            for file in files
            for case in file.test_cases
            for name in inspect.signature(case.body.test_func).parameters
        }


def read_archives(folder: Path) -> dict[str, Built]:
    """The assignments that were built, by the name that stands in the notebooks."""
    found = {}
    for path in sorted(folder.glob("teachers/*-autograder.zip")):
        with zipfile.ZipFile(path) as archive:
            name = json.loads(archive.read("otter_config.json"))["assignment_name"]
            inside = archive.namelist()
            tests = sorted(n for n in inside if n.startswith("tests/"))
            numbers = (
                json.loads(archive.read("numbers.json"))
                if "numbers.json" in inside
                else {}
            )
            sources = [(n, archive.read(n).decode()) for n in tests]
            found[name] = Built(name, sources, numbers)
    return found


def assigned(
    attempts: Iterable[Attempt], built: dict[str, Built]
) -> tuple[dict[str, list[Attempt]], list[str]]:
    """The attempts at each assignment, the one that counts last, and remarks."""
    found: dict[str, list[Attempt]] = {}
    remarks = []
    for attempt in attempts:
        name, said = recognised(attempt, built)
        if name:
            found.setdefault(name, []).append(attempt)
        remarks += [f"{attempt.where}: {said}"] if said else []
    if len(remarks) == 1:
        remarks = [remarks[0].partition(": ")[2]]
    return {
        name: sorted(several, key=lambda a: _rank(a, built[name]))
        for name, several in found.items()
    }, remarks


def recognised(attempt: Attempt, built: dict[str, Built]) -> tuple[str, str]:
    """The assignment of a notebook, or why it has none."""
    named = attempt.assignment
    if named in built:
        return named, ""
    same = [name for name in built if _course(name) == _course(named)]
    if named and same:
        return "", f"this is {named}; built here: {'; '.join(same)[:300]}"
    functions = {name for name, _ in answers(attempt)}
    common = {name: len(functions & each.functions) for name, each in built.items()}
    most = max(common.values(), default=0)
    if not most:
        if named:
            return "", f"this is {named}, which was not built here"
        return "", "a notebook that is not an assignment of this course"
    best = [name for name in built if common[name] == most]
    numbers = _numbers(attempt)
    name = max(best, key=lambda n: len(built[n].numbers.items() & numbers.items()))
    wrong = [
        number
        for number, value in built[name].numbers.items()
        if numbers.get(number, value) != value
    ]
    if wrong:
        return name, f"it has other numbers than {name}: {', '.join(wrong)}"
    return name, ""


def _course(name: str) -> str:
    return name.split(",")[0]


def _numbers(attempt: Attempt) -> dict[str, str]:
    """The capital names of a notebook: the first value counts, as handed out."""
    found: dict[str, str] = {}
    for _, source in attempt.code:
        for name, value in re.findall(
            r"^([A-Z][A-Z_0-9]{2,}) = ([^#\n]+)", source, re.MULTILINE
        ):
            found.setdefault(name, value.strip())
    return found


def answers(attempt: Attempt) -> list[tuple[str, ast.stmt]]:
    """The functions that a notebook defines at its top level, with their trees."""
    return [
        (node.name, node)
        for _, source in attempt.code
        for node in ast.iter_child_nodes(parsed(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def _rank(attempt: Attempt, of: Built) -> tuple[Any, ...]:
    """Whether anything was answered, when it was saved, and the number in its name."""
    answered = any(
        name in of.functions and not _empty(tree) for name, tree in answers(attempt)
    )
    parts = re.split(r"(\d+)", attempt.where)
    natural = [int(part) if part.isdigit() else part for part in parts]
    # Files that are unpacked together differ by less than a minute.
    return answered, attempt.modified // 60, len(parts), natural


def _empty(tree: ast.stmt) -> bool:
    """Whether nothing stands in place of the handout's dots."""
    body = [
        node
        for node in getattr(tree, "body", [])
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return not body
