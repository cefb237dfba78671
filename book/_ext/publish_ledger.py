"""The ledger as data: ``claims.json`` and its schema, at the top of the site.

Each entry also holds the DOI of its paper and the address of its verdict's box.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import qbcore
from jsonschema import Draft202012Validator
from pybtex.database import BibliographyData, parse_file
from qbook import claims
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


def published(ledger: claims.Ledger, bibliography: BibliographyData) -> dict[str, Any]:
    """The whole ledger as plain values, checked against its own schema."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "title": "Ledger of claims about quantum batteries",
        "book_version": qbcore.__version__,
        "license": "CC-BY-4.0",
        "claims": [
            {key: value for key, value in asdict(claim).items() if value}
            | {"doi": doi(bibliography, claim.paper), "address": claim.address}
            for claim in ledger
        ],
    }
    Draft202012Validator(schema()).validate(document)
    return document


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write both files beside the first page."""
    if exception is not None or app.builder.format != "html":
        return
    ledger = claims.load(FOLDER / "claims.yml")
    bibliography = parse_file(str(FOLDER / "references.bib"))
    text = json.dumps(published(ledger, bibliography), indent=1, ensure_ascii=False)
    (Path(app.outdir) / "claims.json").write_text(text + "\n", encoding="utf-8")
    shutil.copy(SCHEMA, app.outdir)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True}
