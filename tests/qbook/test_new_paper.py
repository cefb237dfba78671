"""One more paper is found by everything that looks at papers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import publish_ledger
import pytest
from pybtex.database import parse_file

from qbook import claims

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("_toc.yml", "book/claims.yml", "book/references.bib")


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """A copy of the book's files that list papers, with a dummy paper begun."""
    root = tmp_path_factory.mktemp("book")
    for folder in ("book/papers", "tests/book"):
        (root / folder).mkdir(parents=True)
    for file in SMALL:
        shutil.copy(ROOT / file, root / file)
    done = run(root, "paper", "dummy2026", "A dummy: does it flip?")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5
    return root


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qbook", *arguments],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_page_counts_and_data_have_the_paper(book):
    ledger = claims.load(book / "book" / "claims.yml")
    before = claims.load(ROOT / "book" / "claims.yml")
    assert len(ledger) == len(before) + 1
    assert ledger.counts["holds"] == before.counts["holds"] + 1
    assert "Dummy 2026" in ledger._repr_html_()
    bibliography = parse_file(str(book / "book" / "references.bib"))
    entry = publish_ledger.published(ledger, bibliography)["claims"][-1]
    assert entry["address"] == "book/papers/dummy2026.html#claim-dummy2026-flip"
    assert "book/papers/dummy2026\n" in (book / "_toc.yml").read_text()


def test_the_command_rules_on_it(book):
    done = run(book, "verdicts", "dummy2026")
    assert done.returncode == 0, done.stderr
    assert "today 3.14159" in done.stdout


def test_the_chapter_runs_and_keeps_the_rules_of_chapters(book):
    from notebooks import client_of

    path = book / "book" / "papers" / "dummy2026.ipynb"
    done = client_of(path).execute()
    assert not [
        output
        for cell in done.cells
        for output in cell.get("outputs", [])
        if output.output_type in ("error", "stream") and output.get("name") != "stdout"
    ]
    text = path.read_text(encoding="utf-8")
    assert text.count("explore(draw") == 3
    assert text.count("<summary>Hint</summary>") == 5
    nbformat.validate(done)


def test_the_test_stub_passes(book):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/book/test_dummy2026.py"],
        cwd=book,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout


def test_what_is_there_is_not_overwritten(book):
    done = run(book, "paper", "dummy2026", "Again")
    assert done.returncode == 2
    assert "is there already; nothing was written" in done.stderr
