"""Sphinx extension: names of the core, of claims and of terms lead to where they are explained.

The sources need no markup for it. In the text of a page

- code that is a name of `qbcore` links to its entry in the reference: as `metrics.ergotropy`,
  `Charging.power`, or alone where only one thing is called so; the field of a battery to its class;
- code that is the name of a claim links to the permanent address of the claim;
- the first mention of a word of the glossary on a page links to the glossary.

Of several things of one name, the page or the section says which battery is meant; where they do
not, the name stays as it is.
"""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from qbook import claims
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

ALIAS = "Alias for field number"
LEDGER = Path(__file__).resolve().parent.parent / "claims.yml"
NAME = re.compile(r"(?:python -m )?([A-Za-z_]\w*(?:\.\w+)*)(?:\(.*\))?(?:\.states)?")
MODELS = {
    "rosen-zener": "rosen_zener",
    "dual-cavity": "dual_cavity",
    "star": "star",
    "nonreciprocal": "nonreciprocal",
    "reservoir-engineering": "nonreciprocal",
    "two-photon": "nonreciprocal",
}
CLOSED = (
    *(nodes.reference, nodes.title, nodes.literal, nodes.math, nodes.raw),
    *(addnodes.pending_xref, addnodes.desc_signature, addnodes.download_reference),
)
PROSE = (nodes.paragraph, nodes.caption, nodes.emphasis)
COMMON = ("qbcore.battery.", "qbcore.charging.Charging.")
# Words of the glossary that are also words of every day, or of the pages' own subject.
TOO_COMMON = {"capacity", "lifetime", "claim", "leak"}


@cache
def claim_names() -> frozenset[str]:
    """The ledger's names."""
    return frozenset(claim.id for claim in claims.load(LEDGER))


@cache
def entries(app: Sphinx) -> dict[str, set[tuple[str, str]]]:
    """Page and anchor of all that ends in a name: power, Charging.power, and so on."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for full, _, kind, page, anchor, _ in app.env.get_domain("py").get_objects():
        names = [full, *_faces(full, kind)]
        inside = _fields(full, kind)
        for name in [*names, *(f"{name}.{field}" for name in names for field in inside)]:
            parts = name.split(".")
            if any(part.startswith("_") for part in parts):
                continue
            for start in range(len(parts)):
                found[".".join(parts[start:])].add((page, anchor))
    return found


def _faces(full: str, kind: str) -> list[str]:
    """Of `qbcore.battery.charge` the name that a reader imports, `qbcore.charge`."""
    package, *_, name = full.split(".")
    if kind not in ("class", "function", "exception"):
        return []
    return [f"{package}.{name}"] if hasattr(importlib.import_module(package), name) else []


def _fields(full: str, kind: str) -> list[str]:
    """The fields of a record, which the reference explains in the class itself."""
    if kind != "class" or not full.startswith("qbcore"):
        return []
    module, _, name = full.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    if is_dataclass(found):
        return [field.name for field in fields(found)]
    return [*getattr(found, "_fields", ())]  # of a NamedTuple


def without_aliases(
    _app: Sphinx, _kind: str, _name: str, member: object, _skip: bool, _options: object
) -> bool | None:
    """Leave out what Python writes of a NamedTuple's fields; the class describes them."""
    return True if (getattr(member, "__doc__", None) or "").startswith(ALIAS) else None


def chosen(places: set[tuple[str, str]], context: str) -> tuple[str, str] | None:
    """The one place that is meant, if it can be told."""
    # A whole word: "star" is not in book/start/notation.
    models = {model for word, model in MODELS.items() if re.search(rf"\b{word}\b", context)}
    preferred: list[Callable[[str], bool]] = [
        # Without a battery in sight, what all of them have.
        (lambda anchor: any(f".{model}." in anchor for model in models))
        if models
        else (lambda anchor: anchor.startswith(COMMON)),
        lambda anchor: "Battery" in anchor,
        lambda anchor: any(
            f"{model.replace('_', '')}battery" in anchor.lower() for model in models
        ),
        # A curve and a state at rest have fields of one name, and modules have faces.
        lambda anchor: anchor.endswith("Charging"),
        lambda anchor: ".formulas." not in anchor,
    ]
    for wanted in preferred:
        if len(places) > 1:
            places = {place for place in places if wanted(place[1])} or places
    return next(iter(places)) if len(places) == 1 else None


def resolve(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, shown: nodes.TextElement
) -> nodes.reference | None:
    """Of a docstring, `Charging` or `metrics.energy`: the entry that ends so."""
    if (node.get("refdomain"), node.get("reftype")) != ("py", "obj"):
        return None
    found = NAME.fullmatch(node["reftarget"])
    context = str(node.get("py:module", "")).replace("_", "-")
    place = chosen(entries(app).get(found[1], set()), context) if found else None
    if place is None:
        return None
    address = app.builder.get_relative_uri(node["refdoc"], place[0])
    return nodes.reference("", "", shown, internal=True, refuri=f"{address}#{place[1]}")


class LinkNames(SphinxPostTransform):
    """Once all pages are read, and the links that the sources make themselves are set."""

    default_priority = 20
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        """Link the names, then the words."""
        if self.env.docname.startswith("book/reference/api"):
            return
        for literal in list(self.document.findall(nodes.literal)):
            if not _inside(literal, CLOSED):
                self._link_name(literal)
        if self.env.docname != "book/reference/glossary":
            self._link_words()

    def _link_name(self, literal: nodes.literal) -> None:
        text = literal.astext()
        if text in claim_names():
            self._link(literal, f"claims/{text}", "")
            return
        found = NAME.fullmatch(text)
        if not found:
            return
        places = entries(self.app).get(found[1], set())
        context = f"{self.env.docname} {' '.join(_sections(literal))}"
        if place := chosen(places, context):
            self._link(literal, *place)

    def _link_words(self) -> None:
        terms = {
            name.lower(): (page, anchor)
            for name, _, kind, page, anchor, _ in self.env.get_domain("std").get_objects()
            if kind == "term" and name.lower() not in TOO_COMMON
        }
        done = [
            {str(link.get("refid", "")), str(link.get("refuri", "")).rpartition("#")[2]}
            for link in self.document.findall(nodes.reference)
        ]
        linked = set().union(*done)
        forms = {form: term for term in terms for form in forms_of(term)}
        words = re.compile(
            rf"\b({'|'.join(map(re.escape, sorted(forms, key=len, reverse=True)))})\b", re.I
        )
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(text.parent, PROSE) and not _inside(text, CLOSED):
                made: list[nodes.Node] = []
                at = 0
                for found in words.finditer(text):
                    page, anchor = terms[forms[found[0].lower()]]
                    if anchor in linked:
                        continue
                    linked.add(anchor)
                    made.append(nodes.Text(text[at : found.start()]))
                    made.append(self._reference(nodes.Text(found[0]), page, anchor))
                    at = found.end()
                if made:
                    text.parent.replace(text, [*made, nodes.Text(text[at:])])

    def _link(self, literal: nodes.literal, page: str, anchor: str) -> None:
        literal.replace_self(self._reference(literal.deepcopy(), page, anchor))

    def _reference(self, shown: nodes.Node, page: str, anchor: str) -> nodes.reference:
        address = self.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference(
            "", "", shown, internal=True, refuri=f"{address}#{anchor}".rstrip("#"), classes=["name"]
        )


def forms_of(term: str) -> set[str]:
    """A word of the glossary in the singular and in the plural."""
    one = term.removesuffix("s") if term.endswith(("states", "limits")) else term
    return {term, one, re.sub(r"(?<![aeiou])y$", "ie", one) + "s"}


def _inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    parent = node.parent
    while parent is not None:
        if isinstance(parent, kinds):
            return True
        parent = parent.parent
    return False


def _sections(node: nodes.Node) -> Iterator[str]:
    """The names of the sections around a node."""
    parent = node.parent
    while parent is not None:
        if isinstance(parent, nodes.section):
            yield from parent["ids"]
        parent = parent.parent


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_post_transform(LinkNames)
    app.connect("autodoc-skip-member", without_aliases)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
