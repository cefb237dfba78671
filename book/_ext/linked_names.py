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
        names = [full, *(f"{full}.{field}" for field in _fields(full, kind))]
        for name in names:
            parts = name.split(".")
            if any(part.startswith("_") for part in parts):
                continue
            for start in range(len(parts)):
                found[".".join(parts[start:])].add((page, anchor))
    return found


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
    """Leave out what Python writes of a NamedTuple's fields: "Alias for field number 0"."""
    return True if (getattr(member, "__doc__", None) or "").startswith(ALIAS) else None


def chosen(places: set[tuple[str, str]], context: str) -> tuple[str, str] | None:
    """The one place that is meant, if it can be told."""
    models = {model for word, model in MODELS.items() if word in context}
    preferred: list[Callable[[str], bool]] = [
        # Without a battery in sight, the contract that all of them keep.
        (lambda anchor: any(f".{model}." in anchor for model in models))
        if models
        else (lambda anchor: anchor.startswith("qbcore.battery.")),
        lambda anchor: "Battery" in anchor,
        lambda anchor: any(
            f"{model.replace('_', '')}battery" in anchor.lower() for model in models
        ),
    ]
    for wanted in preferred:
        if len(places) > 1:
            places = {place for place in places if wanted(place[1])} or places
    return next(iter(places)) if len(places) == 1 else None


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
        for done in self.document.findall(nodes.reference):
            terms = {
                k: v
                for k, v in terms.items()
                if v[1] != done.get("refid", "")
                and not str(done.get("refuri", "")).endswith(f"#{v[1]}")
            }
        if not terms:
            return
        words = re.compile(
            rf"\b({'|'.join(map(re.escape, sorted(terms, key=len, reverse=True)))})\b", re.I
        )
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(text.parent, nodes.paragraph) and not _inside(text, CLOSED):
                self._link_words_of(text, words, terms)

    def _link_words_of(
        self, text: nodes.Text, words: re.Pattern[str], terms: dict[str, tuple[str, str]]
    ) -> None:
        made: list[nodes.Node] = []
        at = 0
        for found in words.finditer(text):
            place = terms.pop(found[0].lower(), None)
            if place is None:
                continue
            made += [
                nodes.Text(text[at : found.start()]),
                self._reference(nodes.Text(found[0]), *place),
            ]
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
    return {"parallel_read_safe": True, "parallel_write_safe": True}
