"""The ledger that the site publishes: whole, valid, and easy to read elsewhere."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import jinja2
import jsonschema
import pandas as pd
import publish_ledger
import pytest
from pybtex.database import parse_file

from qbook import claims, tex
from qbook._ledger_file import schema

BOOK = Path(__file__).resolve().parents[2] / "book"
LEDGER = claims.load(BOOK / "claims.yml")
PAPERS = parse_file(str(BOOK / "references.bib"))
DOCUMENT = publish_ledger.published(LEDGER, PAPERS)


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_schema_and_boxes_know_the_same_verdicts():
    assert schema()["$defs"]["verdict"]["enum"] == list(claims.VERDICTS)


def test_every_claim_is_published_with_its_numbers():
    assert [claim["id"] for claim in DOCUMENT["claims"]] == [c.id for c in LEDGER]
    for entry, claim in zip(DOCUMENT["claims"], LEDGER, strict=True):
        assert entry["verdict"] == claim.verdict
        for name, number in claim.computed.items():
            assert entry["computed"][name]["value"] == number.value
            assert entry["computed"][name]["tolerance"] == number.tolerance


SYMBOLS = "alpha|Delta|epsilon|eta|gamma|Gamma|kappa|lambda|Lambda|mu|omega|pi|sqrt|exp"


@pytest.mark.parametrize("claim", LEDGER, ids=lambda claim: claim.id)
def test_a_reader_can_quote_every_text(claim):
    """Numbers have labels in words, and symbols stand in formulas."""
    for name, number in claim.computed.items():
        assert number.label != name
    texts = [claim.claim, claim.reason, claim.parameters, claim.validity]
    texts += [number.label for number in claim.computed.values()]
    texts += [*claim.readings, *(number.unit for number in claim.computed.values())]
    for text in texts:
        words = tex.FORMULA.sub("", text)
        assert not re.search(rf"\b({SYMBOLS})\b|[\^_\\]", words), text


def test_a_claim_leads_to_its_paper_and_to_its_box():
    by_id = {claim["id"]: claim for claim in DOCUMENT["claims"]}
    guo, zhang = by_id["guo-state"], by_id["zhang-n3"]
    assert guo["doi"] == "10.1103/PhysRevA.109.032201"
    assert zhang["doi"] == "10.48550/arXiv.2406.06383"
    assert guo["address"] == "book/papers/rosen-zener.html#claim-guo-state"
    assert guo["permanent_address"] == "claims/guo-state.html"


def test_a_statement_of_the_book_itself_has_an_address_and_no_doi():
    own = claims.Ledger([replace(LEDGER[0], paper="thisbook")])
    (entry,) = publish_ledger.published(own, PAPERS)["claims"]
    assert "doi" not in entry
    assert entry["address"] == DOCUMENT["claims"][0]["address"]


def test_pandas_reads_it_in_two_lines():
    found = io.StringIO(json.dumps(DOCUMENT))
    table = pd.json_normalize(json.load(found)["claims"], max_level=0)
    assert len(table) == len(LEDGER)
    assert table["verdict"].value_counts().to_dict() == {
        verdict: n for verdict, n in LEDGER.counts.items() if n
    }


def test_a_paper_without_any_number_is_refused():
    odd = claims.Ledger([replace(LEDGER[0], paper="talezer1984")])
    PAPERS.entries["nowhere"] = PAPERS.entries["talezer1984"].__class__(
        "article", fields={"journal": "A journal"}
    )
    assert publish_ledger.published(odd, PAPERS)["claims"][0]["doi"].startswith("10.")
    odd = claims.Ledger([replace(LEDGER[0], paper="nowhere")])
    with pytest.raises(ValueError, match="nowhere has neither a DOI"):
        publish_ledger.published(odd, PAPERS)


def test_the_page_of_a_claim_escapes_what_it_says():
    template = (BOOK / "_templates" / "claim.html").read_text(encoding="utf-8")
    said = dict.fromkeys(("title", "quote", "address", "picture"), 'v < 2 "&" <b>')
    page = jinja2.Template(template).render(said)
    assert "<b>" not in page
    assert page.count("v &lt; 2 &#34;&amp;&#34; &lt;b&gt;") == 9
