"""A release has one version, and its notes come from the changelog."""

import json
from pathlib import Path

import pytest
import release
import yaml

import qbcore

ROOT = Path(__file__).resolve().parents[2]
LOG = "# Changelog\n\n## [0.2.0]\n\nNew.\n\n### Added\n\n- b\n\n## [0.1.0]\n\n- a\n"


def test_the_notes_are_the_section_of_the_version():
    assert release.notes(LOG, "0.2.0") == "New.\n\n### Added\n\n- b\n"
    assert release.notes(LOG, "0.1.0") == "- a\n"


def test_a_version_without_a_section_is_refused():
    with pytest.raises(ValueError, match=r"no section \[0\.3\.0\]"):
        release.notes(LOG, "0.3.0")


def test_package_citation_and_changelog_agree_on_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert release.cited_version(citation) == qbcore.__version__
    assert release.notes(changelog, qbcore.__version__)


def test_zenodo_and_the_citation_say_the_same():
    """In fields of Zenodo's schema for deposits, which has one licence, as a text."""
    zenodo = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert zenodo["title"] == cited["title"]
    assert zenodo["keywords"] == cited["keywords"]
    assert zenodo["creators"] == cited["authors"]
    assert zenodo["upload_type"] == cited["type"]
    assert zenodo["license"] == cited["license"][0]
    assert isinstance(zenodo["description"], str)
    assert "CC BY 4.0" in zenodo["notes"]
    assert "version" not in zenodo  # the tag says it
