"""The ledger's file: read as YAML, checked against its schema, errors with their line.

``claims.schema.json`` beside this module says what an entry holds. Three rules that a
schema cannot state are checked here: every key and every claim is named once, numbers
are finite, and a verdict follows from its readings.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from qbook import tex

SCHEMA = Path(__file__).with_name("claims.schema.json")
SCHEMA_VERSION = 1
PATTERNS = {  # of the schema, in words
    r"\S": "says nothing, fill it in",
    "^[a-z0-9-]+$": "is not made of a to z, 0 to 9 and -",
}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, if built
MIXED = ("holds in part", "cannot be decided")


class MalformedLedgerError(ValueError):
    """A ledger that breaks a rule; the message names file, line and rule."""


@cache
def schema() -> dict[str, Any]:
    """The JSON schema of a published ledger."""
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def entries(path: Path) -> list[dict[str, Any]]:
    """The entries of a ledger.

    Raises
    ------
    MalformedLedgerError
        For the first rule that is broken, by line.
    """
    loader = _Loader(path.read_text(encoding="utf-8"))
    try:
        root = loader.get_single_node()
        found = [] if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise MalformedLedgerError(f"{path.name}, line {line}: {error}") from None
    broken = sorted(_broken(root, found), key=lambda rule: rule[0])
    if broken:
        line, rule = broken[0]
        raise MalformedLedgerError(f"{path.name}, line {line}: {rule}")
    return found


def _broken(root: yaml.Node | None, found: Any) -> Iterator[tuple[int, str]]:
    """Each broken rule with the line on which it is broken."""
    from jsonschema import Draft202012Validator

    yield from _twice(root)
    document = {"schema_version": SCHEMA_VERSION, "claims": found}
    validator = Draft202012Validator(schema())
    errors = list(validator.iter_errors(document))
    for error in errors:
        where = list(error.absolute_path)[1:]
        named = " / ".join(map(str, where[1:]))
        rule = error.message
        if error.validator == "pattern":
            rule = f"{error.instance!r} {PATTERNS[error.validator_value]}"
        yield _line(root, where), f"{named}: {rule}" if named else rule
    if errors:
        return  # what has another shape than the schema's cannot be looked into
    for where, text in _texts(found, []):
        if fault := tex.fault(text):
            yield _line(root, where), f"{text!r} {fault}"
    known: set[str] = set()
    for number, entry in enumerate(found):
        if entry["id"] in known:
            yield _line(root, [number, "id"]), f"the claim {entry['id']} stands twice"
        known.add(entry["id"])
        for name, fields in entry["computed"].items():
            for key, value in fields.items():
                if isinstance(value, float) and not math.isfinite(value):
                    where = [number, "computed", name, key]
                    yield _line(root, where), f"{name}: the {key} {value} is not finite"
        last = entry.get("changes", [{"to": entry["verdict"]}])[-1]["to"]
        if last != entry["verdict"]:
            rule = f"its last change led to {last!r}"
            yield _line(root, [number, "verdict"]), f"{entry['verdict']!r}, but {rule}"
        allowed = _allowed(entry.get("readings", {}))
        if allowed and entry["verdict"] not in allowed:
            rule = f"its readings lead to {' or '.join(map(repr, allowed))}"
            yield _line(root, [number, "verdict"]), f"{entry['verdict']!r}, but {rule}"


def _texts(found: Any, where: list[str | int]) -> Iterator[tuple[list[Any], str]]:
    """Each text of the ledger, names of readings among them, with its place."""
    if isinstance(found, str):
        yield where, found
    elif isinstance(found, dict):
        for key, value in found.items():
            yield [*where, key], key
            yield from _texts(value, [*where, key])
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from _texts(value, [*where, number])


def _allowed(readings: dict[str, str]) -> tuple[str, ...]:
    """The verdicts that the readings leave: the one they share, else a mixed one."""
    found = tuple(dict.fromkeys(readings.values()))
    return MIXED if len(found) > 1 else found


def _twice(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in one mapping, of which YAML readers keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, f"the key {key.value!r} stands twice"
            seen.add(key.value)
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item)


def _line(node: yaml.Node | None, path: Sequence[str | int]) -> int:
    """The line of what lies at this path, or of the last part of it that is there."""
    if node is None:
        return 1
    line = int(node.start_mark.line) + 1
    if not path:
        return line
    if isinstance(node, yaml.SequenceNode) and isinstance(path[0], int):
        return _line(node.value[path[0]], path[1:])
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == path[0]:
                inner = _line(value, path[1:])
                return inner if path[1:] else int(key.start_mark.line) + 1
    return line
