"""A page learns of its figures that move, without building a site."""

import json
from types import SimpleNamespace

import explorers
from docutils import nodes, utils


def page_of(*texts):
    """A page of cells that show these texts, and the texts after the extension."""
    page = utils.new_document("page")
    for index, text in enumerate(texts):
        cell = nodes.container(nb_element="cell_code", cell_index=2 * index)
        cell += nodes.raw("", text, format="html")
        page += cell
    return page


def placed(tmp_path, docname, suffix, *texts):
    source = tmp_path / f"chapter{suffix}"
    cells = [{"id": f"cell-{k}"} for k in range(9)]
    source.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    env = SimpleNamespace(docname=docname, doc2path=lambda _: str(source))
    page = page_of(*texts)
    explorers.place(SimpleNamespace(env=env), page)
    return [raw.astext() for raw in page.findall(nodes.raw)]


FIGURE = (
    '<div class="explorer" id="explore-a" data-frames="QBOOK_FRAMES">'
    '<img src="QBOOK_FRAMESx.png"></div>'
)


def test_a_figure_learns_its_cell_and_the_way_to_its_frames(tmp_path):
    first, other = placed(
        tmp_path, "book/papers/a", ".ipynb", "<p>QBOOK_FRAMES</p>", FIGURE
    )
    assert first == "<p>QBOOK_FRAMES</p>"  # not a figure
    assert other == (
        '<div class="explorer" data-cell="cell-2" id="explore-a" '
        'data-frames="../../_frames/"><img src="../../_frames/x.png"></div>'
    )


def test_a_page_of_text_counts_its_cells(tmp_path):
    (shown,) = placed(tmp_path, "index", ".md", FIGURE)
    assert 'data-cell="0"' in shown
    assert 'data-frames="_frames/"' in shown


def test_figures_with_one_name_have_addresses_of_their_own(tmp_path):
    shown = placed(tmp_path, "a", ".ipynb", FIGURE, FIGURE, FIGURE)
    names = [text.split('id="')[1].split('"')[0] for text in shown]
    assert names == ["explore-a", "explore-a-2", "explore-a-3"]
