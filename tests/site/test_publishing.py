"""The site says where it is published, in a small book of two pages."""

import os
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"][
    "config"
]
SITE = ROOT / "_build" / "html"
KNOWN = {
    "GITHUB_REPOSITORY": "someone/some-book",
    "GITHUB_REF_NAME": "main",
    "COLAB_BRANCH": "colab",
    "SITE_URL": "https://someone.example/some-book",
    "PDF_URL": "https://someone.example/some-book/book.pdf",
}
CONF = """
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_nb", "sphinx_reredirects", "deployment"]
html_theme = "sphinx_book_theme"
nb_execution_mode = "off"
redirects = {{"old/name": "../chapter.html"}}
"""


def build(folder: Path, **environment: str) -> Path:
    """A book of a page and a notebook, built as a deployment with these variables."""
    (folder / "conf.py").write_text(
        CONF.format(ext=str(ROOT / "book" / "_ext")), encoding="utf-8"
    )
    (folder / "index.md").write_text(
        "# Front\n\n```{toctree}\nchapter\n```\n", encoding="utf-8"
    )
    cells = [nbformat.v4.new_markdown_cell("# Chapter", id="title")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "chapter.ipynb")
    bare = {k: v for k, v in os.environ.items() if k not in KNOWN}
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", ".", "site"]
    # The folder lies outside of any repository, so that no remote is found.
    done = subprocess.run(
        command, cwd=folder, env=bare | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("published"), **KNOWN)


@pytest.fixture(scope="module")
def unpublished(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("unpublished"))


def read(site: Path, page: str) -> str:
    return (site / page).read_text(encoding="utf-8")


def test_chapters_open_in_binder_and_colab_from_their_own_repository(published):
    links = re.findall(
        r'href="(https://[^"]*(?:binder|colab)[^"]*)"', read(published, "chapter.html")
    )
    assert set(links) == {
        "https://mybinder.org/v2/gh/someone/some-book/main?urlpath=lab/tree/chapter.ipynb",
        "https://colab.research.google.com/github/someone/some-book/blob/colab/chapter.ipynb",
    }
    assert "mybinder" not in read(published, "index.html")


def test_every_page_offers_the_printed_book(published):
    for page in ("index.html", "chapter.html"):
        assert f'href="{KNOWN["PDF_URL"]}"' in read(published, page)


def test_nothing_is_said_of_a_repository_or_address_that_is_not_known(unpublished):
    for page in ("index.html", "chapter.html", "404.html"):
        assert not re.search(
            "mybinder|colab|github.com/|canonical|The whole book",
            read(unpublished, page),
        )
    assert not (unpublished / "sitemap.xml").exists()


@pytest.mark.parametrize(
    ("remote", "found"),
    [
        ("https://github.com/someone/some.book.git\n", "someone/some.book"),
        ("https://github.com/someone/some-book", "someone/some-book"),
        ("git@github.com:someone/some-book.git", "someone/some-book"),
        ("ssh://git@github.com/someone/some-book.git", "someone/some-book"),
        ("https://github.com.example/someone/some-book", None),
        ("https://example.org/someone/some-book.git", None),
        ("/home/someone/some-book", None),
        ("", None),
    ],
)
def test_repository_is_read_from_the_remote(monkeypatch, remote, found):
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    import deployment

    assert deployment.github_repository(remote) == found


def test_sitemap_lists_every_page_under_the_address_of_the_site(published):
    listed = re.findall("<loc>(.*?)</loc>", read(published, "sitemap.xml"))
    assert {"index.html", "chapter.html"} <= {
        x.removeprefix(KNOWN["SITE_URL"] + "/") for x in listed
    }
    assert not [
        x for x in listed if "404" in x or not x.startswith(KNOWN["SITE_URL"] + "/")
    ]


def test_a_shared_page_shows_its_own_picture(published, unpublished):
    (picture,) = re.findall(
        r'property="og:image" content="([^"]+)"', read(published, "chapter.html")
    )
    card = published / picture.removeprefix(KNOWN["SITE_URL"] + "/")
    assert card.read_bytes().startswith(b"\x89PNG")
    assert "og:image" not in read(unpublished, "chapter.html")


@pytest.mark.parametrize("site", ["published", "unpublished", "book"])
def test_lost_visitors_find_the_book_from_any_depth(request, site):
    folder = SITE if site == "book" else request.getfixturevalue(site)
    prefix = "/some-book/" if site == "published" else "/"
    page = read(folder, "404.html")
    links = [
        x
        for x in re.findall(r'(?:href|src)="([^"]+)"', page)
        if not re.match(r"[a-z]+:|#", x)
    ]
    assert any(link.endswith("index.html") for link in links)
    for link in links:
        assert link.startswith(prefix), link
        assert (folder / urlsplit(link).path.removeprefix(prefix)).exists(), link


def test_a_page_that_moved_leads_to_its_new_place(published):
    assert "../chapter.html" in read(published, "old/name.html")


def broken(redirects: dict[str, str], site: Path) -> list[str]:
    """Old names that lead nowhere, or that are pages still."""
    pages = {
        str(p.relative_to(ROOT).with_suffix("")) for p in (ROOT / "book").rglob("*.*")
    }
    return [
        old
        for old, new in redirects.items()
        if old in pages
        or not (
            site / posixpath.normpath(posixpath.join(posixpath.dirname(old), new))
        ).exists()
    ]


def test_every_redirect_of_the_book_leads_somewhere(published):
    made_up = {
        "old/name": "../chapter.html",
        "old/wrong": "../nowhere.html",
        "book/index": "../chapter.html",
    }
    assert broken(made_up, published) == ["old/wrong", "book/index"]
    assert broken(CONFIG["redirects"], SITE) == []


def test_building_the_site_deletes_nothing_but_the_site(tmp_path):
    for name in ("Makefile", "requirements.txt", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    archive, printed = (
        "homework/teachers/01-autograder.zip",
        "pdf/quantum-batteries.pdf",
    )
    stale = ("html/gone.html", "jupyter_execute/gone.ipynb", ".doctrees/gone.doctree")
    for name in (archive, printed, *stale):
        path = tmp_path / "_build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    # The files that make would install stand here already; a command that writes a
    # page takes the place of the builder.
    for name in (
        ".venv/bin/jupyter-book",
        ".venv/bin/python",
        ".venv/installed",
        "book/_static/vendor/mathjax/startup.js",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "#!/bin/sh\nmkdir -p _build/html && touch _build/html/index.html\n"
        )
        path.chmod(0o755)
    done = subprocess.run(
        ["make", "book"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    left = {
        str(p.relative_to(tmp_path / "_build"))
        for p in tmp_path.glob("_build/**/*")
        if p.is_file()
    }
    assert left == {archive, printed, "html/index.html"}


def test_links_of_the_top_level_pages_lead_somewhere():
    pages = [p.read_text(encoding="utf-8") for p in ROOT.glob("*.md")]
    links = [
        x
        for page in pages
        for x in re.findall(r"\]\(([^)#]+)", page)
        if not re.match("https?:", x)
    ]
    assert links
    assert [x for x in links if not (ROOT / x).exists()] == []
