"""Parts that depend on the site's address: launch buttons, sitemap, page for lost visitors.

Addresses are never invented. They come from the environment, which the deployment sets:

- ``GITHUB_REPOSITORY`` (owner/name; else the remote ``origin``, if at GitHub): Binder button
- ``COLAB_BRANCH``, the branch that holds the chapters with an install cell: Colab button
- ``PDF_URL``, the address of the printed book: a button on every page
- ``SITE_URL``, the address of the published site: sitemap, canonical links, links of the 404 page,
  and the picture of each page that is shown where it is shared
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from html import escape
from pathlib import Path
from textwrap import shorten
from typing import Any
from urllib.parse import quote, urlsplit

from docutils import nodes
from qbook.tex import plain
from sphinx.application import Sphinx

# favicon.svg as a bitmap, which the pictures for sharing need
LOGO = str(Path(__file__).resolve().parent.parent / "_static" / "logo.png")


def github_repository(address: str) -> str | None:
    """Owner and name in the address of a git remote; None if that is not at GitHub."""
    found = re.fullmatch(
        r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?",
        address.strip(),
    )
    return found and found[1]


@cache
def repository() -> str | None:
    """Owner and name of the repository that this book is built from, if it is known."""
    if named := os.environ.get("GITHUB_REPOSITORY"):
        return named
    if not shutil.which("git"):
        return None
    origin = ["git", "remote", "get-url", "origin"]
    return github_repository(
        subprocess.run(origin, capture_output=True, text=True, check=False).stdout
    )


def buttons(where: str, notebook: str) -> list[dict[str, str]]:
    """Links that open a notebook of the repository `where`, as header buttons of the theme."""
    ref = quote(os.environ.get("GITHUB_REF_NAME", "HEAD"), safe="")
    links = {"Binder": f"https://mybinder.org/v2/gh/{where}/{ref}?urlpath=lab/tree/{notebook}"}
    if branch := os.environ.get("COLAB_BRANCH"):
        links["Colab"] = (
            f"https://colab.research.google.com/github/{where}/blob/{branch}/{notebook}"
        )
    icons = {"Binder": "_static/images/logo_binder.svg", "Colab": "_static/images/logo_colab.png"}
    return [
        {
            "type": "link",
            "text": name,
            "tooltip": f"Run this chapter on {name}",
            "icon": icons[name],
            "url": url,
        }
        for name, url in links.items()
    ]


def downloadable(app: Sphinx, page: str) -> str | None:
    """The notebook of a page in the site, if the page offers it for download."""
    found = app.env.dlfiles.get(f"{page}.ipynb")
    return f"_downloads/{found[1]}" if found else None


def describe(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Say in the head of a page, for lists of results, what it is about: its first sentences."""
    if tree is None or page not in app.env.found_docs:
        return
    first = next((p for p in tree.findall(nodes.paragraph) if len(p.astext()) > 60), None)
    if first is not None:
        words = escape(shorten(plain_text(first), 200, placeholder=" …"), quote=True)
        context["metatags"] += f'\n<meta name="description" content="{words}">'


def plain_text(paragraph: nodes.paragraph) -> str:
    """A paragraph with its formulas as a line of text shows them."""
    parts = (
        plain(f"${each.astext()}$") if isinstance(each.parent, nodes.math) else each.astext()
        for each in paragraph.findall(nodes.Text)
    )
    return "".join(parts)


def lost(prefix: str) -> dict[str, str]:
    """The page for an address that is not the book's."""
    search = (
        f'<form action="{prefix}search.html" method="get">'
        '<label>Search this book <input type="search" name="q"></label> '
        '<button type="submit">Search</button></form>'
    )
    words = "The book has no page at this address. Its contents are in the menu."
    return {"title": "No such page", "body": f"<h1>No such page</h1><p>{words}</p>{search}"}


def add_buttons(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _tree: object
) -> None:
    """Offer the printed book in the header of each page; of a notebook its file and a kernel."""
    if page not in app.env.found_docs:
        return
    shown = context["header_buttons"]
    if printed := os.environ.get("PDF_URL"):
        words = {"text": "PDF", "tooltip": "The whole book as PDF"}
        shown.append({"type": "link", **words, "icon": "fas fa-file-pdf", "url": printed})
    if file := downloadable(app, page):
        words = {"text": "Notebook", "tooltip": "Download this chapter as a notebook"}
        url = context["pathto"](file, resource=True)
        shown.append({"type": "link", **words, "icon": "fas fa-download", "url": url})
    where = repository()
    if where and app.env.doc2path(page).endswith(".ipynb"):
        links = buttons(where, f"{page}.ipynb")
        words = {"tooltip": "Run this chapter", "label": "launch-buttons"}
        shown.append({"type": "group", **words, "icon": "fas fa-rocket", "buttons": links})


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    site = os.environ.get("SITE_URL", "").rstrip("/") + "/"
    app.setup_extension("notfound.extension")
    app.config.notfound_urls_prefix = urlsplit(site).path
    app.config.notfound_context = lost(urlsplit(site).path)
    if site != "/":
        app.config.html_baseurl = site
        app.config.sitemap_url_scheme = "{link}"
        app.config.sitemap_excludes = [
            "404.html",
            "search.html",
            "genindex.html",
            "py-modindex.html",
        ]
        app.setup_extension("sphinx_sitemap")
        app.setup_extension("sphinxext.opengraph")
        app.config.ogp_site_url = site
        app.config.ogp_enable_meta_description = False  # `describe` does, wherever the site is
        app.config.ogp_social_cards = {"image": LOGO, "image_mini": LOGO, "line_color": "#00587a"}
    app.connect("html-page-context", describe)
    app.connect("html-page-context", add_buttons, priority=600)  # after the theme's own buttons
    return {"parallel_read_safe": True}
