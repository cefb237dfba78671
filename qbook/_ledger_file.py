"""The ledger's file: read as YAML, checked against its schema, errors with their line.

``claims.schema.json`` in this folder says what an entry holds. What a schema cannot
state is checked here: every key is text and stands once, as does every claim, numbers
are finite, a yes/no is 1 or 0, and a verdict follows from its readings and changes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from qbook import tex

SCHEMA = Path(__file__).with_name("claims.schema.json")
SCHEMA_VERSION = 1
PATTERNS = {  # of the schema, in words
    r"\S": "says nothing, fill it in",
    r"^[a-z0-9-]+$(?!\s)": "is not made of a to z, 0 to 9 and -",
}
MIXED = ("holds in part", "cannot be decided")
OF_THE_SITE = ("doi", "address", "permanent_address")  # what only the site knows
ARGUMENTS = ("claim_id", "readings", "turns", "ledger")  # of `qbook.claims.check`
IMPLICIT = {  # with a hundred digits at most, an integer is finite as a float too
    "bool": ("true|True|false|False", "tTfF"),
    "float": (r"[-+]?\d+\.\d*([eE][-+]?\d+)?|[-+]?\.(inf|Inf)|\.(nan|NaN)", "-+.0"),
    "int": (r"[-+]?(0|[1-9]\d{0,99})", "-+0"),
    "merge": ("<<", "<"),
    "null": ("~|null|Null|", "~nN"),
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads as text what YAML 1.1 makes dates, octal numbers and truths of.

    The parser in C is ten times faster, where it is built.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (AttributeError, LookupError, ValueError) as error:
            raise yaml.constructor.ConstructorError(
                problem=f"{node.value!r} is not what {node.tag} asks for: {error}",
                problem_mark=node.start_mark,
            ) from None


for _kind, (_written, _first) in IMPLICIT.items():
    _first = _first.replace("0", "0123456789")
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}",
        re.compile(f"(?:{_written})$", re.ASCII),
        [*_first, *([""] if _kind == "null" else [])],
    )


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
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + data[: error.start].count(b"\n")
        raise _malformed(path, line, f"is not UTF-8: {error.reason}") from None
    odd = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\U0010ffff]", text)
    if odd:
        line = 1 + text[: odd.start()].count("\n")
        raise _malformed(path, line, f"{odd[0]!r} is not allowed in YAML")
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        broken = list(_wrong_keys(root, ()))
        found = [] if broken or root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _malformed(path, line, str(error)) from None
    # A mapping that holds itself has no end, so that only sound keys are looked below.
    broken = broken or list(_broken(root, found))
    if broken:
        raise _malformed(path, *min(broken, key=lambda rule: rule[0]))
    return found


def _malformed(path: Path, line: int, rule: str) -> MalformedLedgerError:
    return MalformedLedgerError(f"{path.name}, line {line}: {rule}")


def _broken(root: yaml.Node | None, found: Any) -> Iterator[tuple[int, str]]:
    """Each broken rule with the line on which it is broken."""
    from jsonschema import Draft202012Validator

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
        for where, rule in _odd(entry):
            yield _line(root, [number, *where]), rule


def _odd(entry: dict[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    """Contradictions in an entry of the right shape, each with its place."""
    for key in OF_THE_SITE:
        if key in entry:
            yield [key], f"{key}: the site adds it, leave it out"
    for name, fields in entry["computed"].items():
        where: list[str | int] = ["computed", name]
        if name in ARGUMENTS:
            yield where, f"a number cannot be called {name}, as an argument of check is"
        if "error" in fields:
            yield [*where, "error"], f"{name}: the error is measured, leave it out"
        for key, value in fields.items():
            if isinstance(value, float) and not math.isfinite(value):
                yield [*where, key], f"{name}: the {key} {value} is not finite"
        exact = fields["value"] in (0, 1) and fields["tolerance"] == 0
        if fields.get("unit") == "yes/no" and not exact:
            yield [*where, "unit"], f"{name}: yes/no is 1 or 0, with a tolerance of 0"
    for value, name in entry.get("turns", {}).get("known", {}).items():
        if name not in entry["computed"]:
            yield ["turns", "known"], f"{name} is not one of its numbers"
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            yield ["turns", "known"], f"{value!r} is not a value such as '0.1'"
    changes = entry.get("changes", [])
    for i, change in enumerate(changes):
        if change["from"] == change["to"]:
            yield ["changes", i], f"a change from {change['from']!r} to the same"
        if i and change["from"] != changes[i - 1]["to"]:
            rule = f"the change before led to {changes[i - 1]['to']!r}"
            yield ["changes", i, "from"], f"{change['from']!r}, but {rule}"
    verdict = entry["verdict"]
    if changes and changes[-1]["to"] != verdict:
        rule = f"its last change led to {changes[-1]['to']!r}"
        yield ["verdict"], f"{verdict!r}, but {rule}"
    allowed = _allowed(entry.get("readings", {}))
    if allowed and verdict not in allowed:
        rule = f"its readings lead to {' or '.join(map(repr, allowed))}"
        yield ["verdict"], f"{verdict!r}, but {rule}"


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


def _wrong_keys(
    node: yaml.Node | None, above: tuple[yaml.Node, ...]
) -> Iterator[tuple[int, str]]:
    """Keys that are not text, or stand twice (readers keep the last), and loops."""
    if node is None:
        return
    if node in above:
        yield node.start_mark.line + 1, "this holds itself"
        return
    above = (*above, node)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag.rpartition(":")[2] not in ("str", "merge"):
                shown = key.value if isinstance(key, yaml.ScalarNode) else "of parts"
                yield line, f"the key {shown} is not text, put it in quotes"
            elif key.value in seen:
                yield line, f"the key {key.value!r} stands twice"
            else:
                seen.add(key.value)
            yield from _wrong_keys(value, above)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _wrong_keys(item, above)


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
