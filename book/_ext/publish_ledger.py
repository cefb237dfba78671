"""The ledger on the site: ``claims.json``, its schema, and one address per claim.

Each entry also holds the DOI of its paper if it has one, the address of its verdict's box, and its
permanent address: a page that says the verdict where it is shared, and leads to the box
in whatever chapter that stands.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import qbcore
from docutils import nodes
from jsonschema import Draft202012Validator
from pybtex.database import BibliographyData, parse_file
from qbook import claims
from qbook import verdict_markup as markup
from qbook._ledger_file import SCHEMA, SCHEMA_VERSION, schema
from sphinx.application import Sphinx

FOLDER = Path(__file__).resolve().parent.parent


def doi(bibliography: BibliographyData, paper: str) -> str:
    """The DOI of a paper; a preprint has one by its number."""
    fields = bibliography.entries[paper].fields
    if "doi" in fields:
        return fields["doi"]
    number = re.fullmatch(r"arXiv:(\d{4}\.\d{4,5})(?:v\d+)?", fields["journal"])
    if number is None:
        raise ValueError(f"{paper} has neither a DOI nor the number of a preprint")
    return f"10.48550/arXiv.{number[1]}"


def _source(bibliography: BibliographyData, paper: str) -> dict[str, str]:
    """The DOI of what is ruled on; the book itself has none."""
    return {} if paper == markup.OWN else {"doi": doi(bibliography, paper)}


def published(ledger: claims.Ledger, bibliography: BibliographyData) -> dict[str, Any]:
    """The whole ledger as plain values, checked against its own schema."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "title": "Ledger of claims about quantum batteries",
        "book_version": qbcore.__version__,
        "license": "CC-BY-4.0",
        "claims": [
            {key: value for key, value in asdict(claim).items() if value}
            | _source(bibliography, claim.paper)
            | {"address": claim.address}
            | {"permanent_address": f"{_page(claim)}.html"}
            for claim in ledger
        ],
    }
    Draft202012Validator(schema()).validate(document)
    return document


def _page(claim: claims.Claim) -> str:
    return f"claims/{claim.id}"


def pages(app: Sphinx) -> Iterator[tuple[str, dict[str, str], str]]:
    """One page per claim, for Sphinx's event ``html-collect-pages``."""
    site = app.config.html_baseurl or ""
    for claim in claims.load(FOLDER / "claims.yml"):
        context = {
            "title": f"{claim.id}: {claim.verdict}",
            "quote": markup.quote(claim),
            "address": claim.address,
            "picture": site and f"{site}_static/logo.png",
        }
        yield _page(claim), context, "claim.html"


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write both files into the folder of the first page."""
    if exception is not None or app.builder.format != "html":
        return
    ledger = claims.load(FOLDER / "claims.yml")
    bibliography = parse_file(str(FOLDER / "references.bib"))
    text = json.dumps(published(ledger, bibliography), indent=1, ensure_ascii=False)
    (Path(app.outdir) / "claims.json").write_text(text + "\n", encoding="utf-8")
    shutil.copy(SCHEMA, app.outdir)


def ask_for_mathjax(app: Sphinx, page: nodes.document) -> None:
    """Have the formulas set that stand in what a cell shows; Sphinx looks at text only."""
    shown = page.findall(nodes.raw)
    if any('class="math ' in each.astext() for each in shown):
        math = app.env.get_domain("math")
        math.data["has_equations"][app.env.docname] = True


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", ask_for_mathjax)
    app.connect("html-collect-pages", pages)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
