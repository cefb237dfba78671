"""The rules a chapter keeps, read from the files as they are stored."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from notebooks import all_notebooks

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"
NOTEBOOKS = all_notebooks()
CHAPTERS = [p for p in NOTEBOOKS if p.parent.name == "papers"]
SECTIONS = [
    "What you will be able to do",
    "The model",
    "By hand, once",
    "Check against",
    "Explore",
    "Where the paper and we differ",
    "Beyond the paper",
    "Summary",
    "Exercises",
]
# What a tag of the site folds, as JupyterLab's own metadata name it.
FOLDS = {
    "hide-cell": {"source_hidden", "outputs_hidden"},
    "hide-input": {"source_hidden"},
    "hide-output": {"outputs_hidden"},
}
FORBIDDEN = re.compile(r"(^|\s)[!%]pip|sys\.path|urllib|requests\.|urlretrieve")


def cells(path: Path, kind: str) -> list[dict]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [c for c in notebook["cells"] if c["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def draws(cell: dict) -> bool:
    """Whether the cell's stored output is a static picture."""
    widget = "explore(" in source(cell)
    return not widget and any("image/png" in o.get("data", {}) for o in cell["outputs"])


def folded(cell: dict) -> set[str]:
    """What JupyterLab folds of the cell; `collapsed` is an older name for it."""
    jupyter = cell["metadata"].get("jupyter", {})
    parts = {part for part, hidden in jupyter.items() if hidden}
    if cell["metadata"].get("collapsed"):
        parts.add("outputs_hidden")
    return parts


def by_name(paths: list[Path]) -> dict:
    return {"argvalues": paths, "ids": [str(p.relative_to(BOOK)) for p in paths]}


def test_there_are_chapters():
    assert CHAPTERS


@pytest.mark.parametrize("path", **by_name(NOTEBOOKS))
def test_outputs_are_stored_whole_and_without_errors(path):
    code = [c for c in cells(path, "code") if source(c).strip()]
    assert code
    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    kinds = {o["output_type"] for c in code for o in c["outputs"]}
    assert "error" not in kinds
    streams = {
        o["name"] for c in code for o in c["outputs"] if o["output_type"] == "stream"
    }
    assert streams <= {"stdout"}


@pytest.mark.parametrize("path", **by_name(NOTEBOOKS))
def test_no_widget_state_or_model_is_stored(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    stored = {
        m for c in cells(path, "code") for o in c["outputs"] for m in o.get("data", {})
    }
    assert not {m for m in stored if "widget" in m}


@pytest.mark.parametrize("path", **by_name(NOTEBOOKS))
def test_only_sliders_may_ignore_their_output(path):
    for cell in cells(path, "code"):
        tags = cell["metadata"].get("tags", [])
        assert "explore(" in source(cell) or not any(
            t.startswith("nbval") for t in tags
        )
        assert "NBVAL" not in source(cell)


@pytest.mark.parametrize("path", **by_name(NOTEBOOKS))
def test_jupyterlab_folds_what_the_site_folds_and_nothing_else(path):
    for cell in cells(path, "code"):
        tags = cell["metadata"].get("tags", [])
        wanted = set().union(*(FOLDS.get(tag, set()) for tag in tags))
        assert folded(cell) == wanted, source(cell)


@pytest.mark.parametrize("path", **by_name(NOTEBOOKS))
def test_cells_are_short_and_fetch_nothing(path):
    for cell in cells(path, "code"):
        # A class that is read as a whole stands in one cell and says so.
        whole = "one-class" in cell["metadata"].get("tags", [])
        assert len(source(cell).splitlines()) <= (40 if whole else 16), source(cell)
        assert not FORBIDDEN.search(source(cell)), source(cell)


@pytest.mark.parametrize("path", **by_name(NOTEBOOKS))
def test_links_to_other_chapters_are_links_in_jupyterlab_too(path):
    text = "\n".join(map(source, cells(path, "markdown")))
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    assert "{doc}`" not in prose
    for target in re.findall(r"\]\(([^)#:]+\.(?:ipynb|md))\)", prose):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", **by_name(NOTEBOOKS))
def test_figures_have_caption_name_and_alternative_text(path):
    names = []
    for cell in filter(draws, cells(path, "code")):
        options = cell["metadata"]["mystnb"]
        assert len(options["figure"]["caption"]) > 40
        assert len(options["image"]["alt"]) > 40
        names.append(options["figure"]["name"])
        assert names[-1].startswith("fig-")
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", **by_name(CHAPTERS))
def test_chapters_have_their_sections_in_order(path):
    text = "\n".join(map(source, cells(path, "markdown")))
    headings = re.findall(r"^## (.+)$", text, flags=re.M)
    wanted = iter(headings)
    missing = [s for s in SECTIONS if not any(h.startswith(s) for h in wanted)]
    assert not missing, headings
    assert f"<{path.name}>" in text, "the chapter offers itself for download"


@pytest.mark.parametrize("path", **by_name(CHAPTERS))
def test_chapters_have_exercises_with_hint_and_hidden_solution(path):
    text = "\n".join(map(source, cells(path, "markdown")))
    exercises = text.split("## Exercises")[1]
    assert exercises.count("<summary>Hint</summary>") >= 5
    assert exercises.count("<summary>Solution</summary>") >= 5
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("path", **by_name(CHAPTERS))
def test_chapters_have_three_sliders(path):
    assert sum("explore(" in source(c) for c in cells(path, "code")) >= 3


@pytest.mark.parametrize("path", **by_name(CHAPTERS))
def test_the_model_of_a_chapter_is_drawn_with_words_for_those_who_do_not_see_it(path):
    drawing = BOOK / "_static" / "drawings" / f"{path.stem}.svg"
    root = ElementTree.parse(drawing).getroot()
    name = "{http://www.w3.org/2000/svg}"
    assert [part.tag for part in root[:2]] == [f"{name}title", f"{name}desc"]
    assert len(root[0].text) > 30
    assert len(root[1].text) > 100
    assert root.find(f"{name}rect").get("class") == "panel"  # light in both modes
    # On a phone 360 pixels wide no letter is smaller than 11 pixels.
    style = root.find(f"{name}style").text
    sizes = [int(size) for size in re.findall(r"\b(\d+)px", style)]
    width = float(root.get("viewBox").split()[2])
    assert min(sizes) * 360 / width > 11


def test_every_page_is_in_the_table_of_contents():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = {
        toc["root"],
        *(c["file"] for part in toc["parts"] for c in part["chapters"]),
    }
    pages = {str(p.relative_to(ROOT).with_suffix("")) for p in BOOK.rglob("*.md")}
    pages |= {str(p.relative_to(ROOT).with_suffix("")) for p in NOTEBOOKS}
    assert listed == pages


def numbered_chapters() -> dict[Path, int]:
    """The chapters that have a number, in the order of the contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    numbered = [part for part in toc["parts"] if part.get("numbered")]
    files = [c["file"] for part in numbered for c in part["chapters"]]
    return {ROOT / f"{file}.ipynb": k for k, file in enumerate(files, start=1)}


@pytest.mark.parametrize("path", **by_name(NOTEBOOKS))
def test_jupyterlab_numbers_equations_and_figures_as_the_site_does(path):
    text = "\n".join(map(source, cells(path, "markdown")))
    displayed = re.findall(r"^\$\$\n.*?\n\$\$(.*)$", text, flags=re.M | re.S)
    # JupyterLab counts equations without a label, too; the site does not.
    ends = re.findall(r"^\$\$([^\n]*)\n", text + "\n", flags=re.M)[1::2]
    assert all(re.fullmatch(r" \(eq-[\w-]+\)", end) for end in ends), ends
    number = numbered_chapters().get(path)
    if displayed and number:
        first = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
        assert first["metadata"]["tags"] == ["remove-cell"]
        told = yaml.safe_load(source(first).removeprefix("```yaml").removesuffix("```"))
        named = {kind: each["enumerator"] for kind, each in told["numbering"].items()}
        assert named == {"equation": f"{number}.%s", "figure": f"{number}.%s"}
