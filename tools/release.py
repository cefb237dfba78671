"""Gather a release in _build/release: package, printed book, ledger, site and notes.

`make release` has built the site and the printed book before. Nothing is sent anywhere:
the workflow of a tag does that with what lies there.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from serve import SITE

import qbcore

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "_build" / "release"
PRINTED = ROOT / "_build" / "pdf" / "quantum-batteries.pdf"
SECTION = re.compile(r"^## ", flags=re.MULTILINE)


def notes(changelog: str, version: str) -> str:
    """The section of the changelog on this version; ValueError without one."""
    for section in SECTION.split(changelog)[1:]:
        title, _, text = section.partition("\n")
        if title.startswith(f"[{version}]"):
            return text.strip() + "\n"
    raise ValueError(f"CHANGELOG.md has no section [{version}].")


def cited_version(citation: str) -> str:
    """The version that CITATION.cff gives."""
    return str(yaml.safe_load(citation)["version"])


def gather(version: str) -> None:
    """Write all that a release consists of; what can be checked is checked first."""
    changes = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    cited = cited_version((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    if cited != version:
        raise ValueError(f"CITATION.cff gives version {cited}, qbcore is {version}.")
    missing = [path for path in (SITE / "claims.json", PRINTED) if not path.exists()]
    if missing:
        raise ValueError(f"{missing[0].relative_to(ROOT)} is missing: run `make pdf`.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    package = FOLDER / "dist"
    run("build", "--outdir", package, ROOT)
    run("twine", "check", "--strict", *package.iterdir())
    shutil.copy(PRINTED, FOLDER)
    shutil.copy(SITE / "claims.json", FOLDER)
    shutil.make_archive(str(FOLDER / "site"), "gztar", SITE)
    (FOLDER / "notes.md").write_text(changes, encoding="utf-8")


def run(*module: str | Path) -> None:
    """Run a module of this environment; its failure ends the release."""
    subprocess.run([sys.executable, "-m", *module], check=True)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        gather(qbcore.__version__)
    except ValueError as wrong:
        sys.exit(str(wrong))
