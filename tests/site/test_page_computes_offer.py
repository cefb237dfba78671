"""Pages with code offer to compute, in a small book of two pages."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
CONF = """
import sys
from pathlib import Path
sys.path.insert(0, {ext!r})
import page_computes
page_computes.ASSETS = Path({assets!r})
extensions = ["myst_nb", "page_computes"]
html_theme = "sphinx_book_theme"
nb_execution_mode = "off"
"""


def build(folder: Path, assets: Path) -> tuple[Path, str]:
    """The site of a page and a chapter of one cell, and what its build says."""
    conf = CONF.format(ext=str(ROOT / "book" / "_ext"), assets=str(assets))
    (folder / "conf.py").write_text(conf, encoding="utf-8")
    front = "# Front\n\n```{toctree}\nchapter\n```\n"
    (folder / "index.md").write_text(front, encoding="utf-8")
    cells = [
        nbformat.v4.new_markdown_cell("# Chapter", id="title"),
        nbformat.v4.new_code_cell("explore(draw, x=[1, 2])", id="figure"),
    ]
    metadata = {"language_info": {"name": "python", "pygments_lexer": "python"}}
    chapter = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.write(chapter, folder / "chapter.ipynb")
    command = [sys.executable, "-m", "sphinx", "-W", "-b", "html", ".", "site"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "site", done.stdout


@pytest.fixture
def manifest(tmp_path) -> Path:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"bytes": 5_000_000}), encoding="utf-8")
    return path


def test_a_page_with_code_offers_to_compute_and_says_how_much_it_fetches(
    tmp_path, manifest
):
    site, _ = build(tmp_path, manifest)
    chapter = (site / "chapter.html").read_text(encoding="utf-8")
    about = json.loads((site / "_static/compute/about.json").read_text())
    megabytes = round((5_000_000 + about["bytes"]) / 1e6)
    assert f'data-megabytes="{megabytes}"' in chapter
    assert 'data-page="chapter"' in chapter
    assert 'id="code-figure"' in chapter
    assert "computes-figure" in chapter
    assert "compute/compute.js" not in (site / "index.html").read_text(encoding="utf-8")
    cells = json.loads((site / "_static/compute/cells/chapter.json").read_text())
    assert cells == [
        {"id": "figure", "source": "explore(draw, x=[1, 2])", "cannot": ""}
    ]
    assert not (site / "_static/compute/cells/index.json").exists()


def test_without_python_for_the_pages_nothing_is_offered_and_that_is_said(tmp_path):
    site, said = build(tmp_path, tmp_path / "nowhere.json")
    assert "!!! No Python for the pages: the site gets no buttons." in said
    assert "compute/compute.js" not in (site / "chapter.html").read_text()
    assert not (site / "_static" / "compute" / "about.json").exists()
