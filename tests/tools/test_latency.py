"""The tool that times live sliders finds them all; its times are not tested."""

import latency
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from notebooks import all_notebooks

DRAW = """
import matplotlib.pyplot as plt
from qbook import explore

def draw(**chosen):
    fig, axis = plt.subplots(figsize=(1, 1))
    axis.plot([0, 1], [0, sum(chosen.values())])
    return f"Seen at {chosen}."
"""


@pytest.fixture
def notebook(tmp_path):
    def write(*cells: str):
        path = tmp_path / "chapter.ipynb"
        nbformat.write(
            new_notebook(cells=[new_code_cell(source) for source in (DRAW, *cells)]),
            path,
        )
        return path

    return write


def test_every_slider_of_every_live_figure_is_moved_and_no_other(notebook):
    ready = "explore(draw, r=[1, 2])"
    two = 'explore(draw, live=True, labels={"a": "first"}, a=range(50), b=[1, 2])'
    one = "explore(draw, c=[1.0, 2.0, 3.0], live=True)"
    found = latency.latency(notebook(ready, two, one))
    assert sorted([move["slider"] for move in figure] for figure in found) == [
        ["c"],
        ["first", "b"],
    ]
    assert all(
        isinstance(move[clock], int)
        for f in found
        for move in f
        for clock in ("wall", "processor")
    )


def test_a_live_figure_that_is_not_found_is_an_error(notebook):
    with pytest.raises(
        RuntimeError, match=r"chapter.ipynb has 1 live figures, but 0 were found"
    ):
        latency.latency(
            notebook("figure = None if True else explore(draw, live=True, a=[1, 2])")
        )


def test_the_chapters_with_live_figures_are_those_that_say_so():
    chosen = {path for path in all_notebooks() if latency.live_cells(path)}
    assert chosen == {
        path
        for path in all_notebooks()
        if "live=True" in path.read_text(encoding="utf-8")
    }
