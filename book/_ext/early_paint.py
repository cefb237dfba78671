"""Sphinx extension: no script stands between a reader and the first line of a page.

Pages and what they ask for are as light as the book allows.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx

# Of extensions that the book needs for other things: no page has tabs, or folds by a script.
UNUSED = ("design-tabs.js", "togglebutton.js", "togglebutton.css")
MATH = 'class="math notranslate nohighlight"'
# What MathJax asks for once it runs: a slow line fetches it meanwhile.
MATHJAX = "_static/vendor/mathjax"
PARTS = (
    "core.js",
    "input/tex-base.js",
    "input/tex/extensions/ams.js",
    "input/tex/extensions/boldsymbol.js",
    "input/tex/extensions/newcommand.js",
    "output/chtml.js",
    "a11y/assistive-mml.js",
    "ui/lazy.js",
    "tex-font/chtml.js",
)


def used(files: list[Any]) -> list[Any]:
    """The scripts or styles that do something on a page of this book."""
    return [each for each in files if not str(each.filename or "").endswith(UNUSED)]


def wait_for_the_page(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: object
) -> None:
    """Leave out what no page uses, and defer the other scripts, in their order."""
    if "body" in context:
        # Sphinx's further classes are a tenth of a chapter with a thousand formulas.
        context["body"] = context["body"].replace(MATH, 'class="math"')
    context["script_files"] = used(context["script_files"])
    context["css_files"] = used(context["css_files"])
    if any("mathjax" in str(js.filename or "") for js in context["script_files"]):
        context["ahead"] = [f"{MATHJAX}/{part}" for part in PARTS]
    for js in context["script_files"]:
        if js.filename and "async" not in js.attributes:
            js.attributes["defer"] = "defer"
        elif js.attributes.get("body", "").startswith("DOCUMENTATION_OPTIONS."):
            # It needs a file before it. Only a module waits its turn without being a file.
            js.attributes["type"] = "module"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", wait_for_the_page, priority=900)  # after all who add scripts
    return {"parallel_read_safe": True, "parallel_write_safe": True}
