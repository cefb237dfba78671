"""Python's part in a page: run cells, keep their names, hand over their outputs.

The worker of a page runs this file (`worker.js`), and so does a test in Node.js. It
replaces thinly the parts that do not come into a page: `qbook.sliders` draws its sliders with
JavaScript instead of widgets, QuTiP is a name whose use says what is missing, and the
ledger is read as the site's build has parsed it, in a hundredth of the time.
"""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import io
import itertools
import json
import linecache
import os
import sys
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARSED = "claims.parsed.json"  # next to the ledger, written by the site's build
BETWEEN = 10  # steps from one frame to the next
MOST_STOPS = 400  # of one slider
DIGITS = 4  # of a value between two frames, so that what is shown is what is computed


class NeedsQutipError(ImportError):
    """A cell uses QuTiP, which does not run in a page."""


def _without_qutip() -> types.ModuleType:
    """A module that is imported like QuTiP, and says so where it is used."""
    module = types.ModuleType("qutip", "QuTiP is not here.")

    def missing(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NeedsQutipError(
            f"qutip.{name}: QuTiP does not run in a page, everything else does",
            name="qutip",
        )

    module.__getattr__ = missing  # type: ignore[method-assign]
    return module


def stops(values: Sequence[Any]) -> list[Any]:
    """The values of a slider and some between them; whole numbers stay whole.

    >>> stops([1, 2, 5])
    [1, 2, 3, 4, 5]
    >>> stops([0.0, 0.5])[:3]
    [0.0, 0.05, 0.1]
    >>> stops(["up", "down"])
    ['up', 'down']
    """
    import numpy as np

    given = [v.item() if isinstance(v, np.generic) else v for v in values]
    if not all(type(v) in (int, float) for v in given):
        return list(values)
    whole = all(type(v) is int for v in given)
    found: list[Any] = []
    for here, there in itertools.pairwise(given):
        if whole:
            found += range(here, there, 1 if here < there else -1)
        else:
            between = here + (there - here) * np.arange(1, BETWEEN) / BETWEEN
            # The given value itself, with all its digits: the frame's own.
            found += [here, *(float(f"{v:.{DIGITS}g}") for v in between)]
    found.append(given[-1])
    return found if len(found) <= MOST_STOPS else list(given)


def _label(value: Any) -> str:
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)


class Explorer:
    """A figure that is drawn again for each place of its sliders."""

    def __init__(
        self,
        draw: Callable[..., str],
        values: dict[str, Sequence[Any]],
        labels: dict[str, str],
        start: dict[str, Any],
    ) -> None:
        self.draw, self.labels = draw, labels
        # The names as the cells above made them: a cell below may change a meaning.
        self.above = dict(PAGE[0].names)
        self.stops = {name: stops(each) for name, each in values.items()}
        self.start = {
            name: self.stops[name].index(start.get(name, list(each)[len(list(each)) // 2]))
            for name, each in values.items()
        }

    def __repr__(self) -> str:
        return f"Interactive figure over {', '.join(self.stops)}"

    def frame(self, places: dict[str, int]) -> dict[str, str]:
        """Picture and sentence at these places of the sliders."""
        import matplotlib.pyplot as plt

        chosen = {name: self.stops[name][place] for name, place in places.items()}
        before = set(plt.get_fignums())
        names = PAGE[0].names
        now = dict(names)
        names.update(self.above)
        try:
            sentence = self.draw(**chosen)
            drawn = sorted(set(plt.get_fignums()) - before)
            return {"png": _png(plt.figure(drawn[-1])), "says": str(sentence)}
        finally:
            names.update(now)
            for number in set(plt.get_fignums()) - before:
                plt.close(number)

    def described(self, number: int) -> dict[str, Any]:
        """All that the page needs to draw the sliders."""
        sliders = [
            {
                "name": name,
                "label": self.labels.get(name, name),
                "stops": [_label(value) for value in each],
                "start": self.start[name],
            }
            for name, each in self.stops.items()
        ]
        return {"explorer": number, "sliders": sliders, "frame": self.frame(self.start)}


def explore(
    draw: Callable[..., str],
    *,
    labels: dict[str, str] | None = None,
    start: dict[str, Any] | None = None,
    live: bool = False,
    **values: Any,
) -> Explorer:
    """Put sliders on a figure, as `qbook.explore` does; here every figure is live."""
    # Another option of it, for its frames or its words, is not a slider.
    sliders = {
        name: each
        for name, each in values.items()
        if hasattr(each, "__len__") and not isinstance(each, str | dict)
    }
    return Explorer(draw, sliders, labels or {}, start or {})


class Notebook:
    """The public checks of an assignment, as otter-grader's `Notebook` runs them."""

    def __init__(self, name: str) -> None:
        path = HERE / "homework" / f"{Path(name).stem}.json"
        self.tests: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))

    def check(self, question: str) -> Checked:
        """Run the public checks of a question on what the cells have defined."""
        said = []
        for source in self.tests[question]:
            name = source.split("def ", 1)[1].split("(", 1)[0]
            try:
                exec(compile(source, f"<{name}>", "exec"), dict(PAGE[0].names))
            except Exception as problem:
                words = str(problem) or type(problem).__name__
                kind = "" if isinstance(problem, AssertionError) else type(problem).__name__
                said.append((name, ": ".join(filter(None, [kind, words]))))
            else:
                said.append((name, ""))
        return Checked(question, said)


class Checked:
    """Results of the public checks of a question."""

    def __init__(self, question: str, said: list[tuple[str, str]]) -> None:
        self.question, self.said = question, said

    def __repr__(self) -> str:
        passed = sum(not hint for _, hint in self.said)
        lines = [f"{name}: {hint or 'passed'}" for name, hint in self.said]
        return "\n".join([f"{self.question}: {passed} of {len(lines)} public checks pass", *lines])


def _otter() -> types.ModuleType:
    module = types.ModuleType("otter", "The public checks of otter-grader, no more.")
    module.Notebook = Notebook  # type: ignore[attr-defined]
    return module


def _png(figure: Any, **how: Any) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", **how)
    return base64.b64encode(file.getvalue()).decode()


class _Heard(io.TextIOBase):
    """Standard output of a cell, kept in order with its figures."""

    def __init__(self, outputs: list[dict[str, Any]]) -> None:
        self.outputs = outputs

    def write(self, text: str) -> int:
        if self.outputs and "text" in self.outputs[-1]:
            self.outputs[-1]["text"] += text
        elif text:
            self.outputs.append({"text": text})
        return len(text)


class Page:
    """The names of one page, from cell to cell."""

    def __init__(self) -> None:
        self.explorers: list[Explorer] = []
        self.outputs: list[dict[str, Any]] = []
        self.names: dict[str, Any] = {"__name__": "__main__", "display": self.show}
        self.count = 0

    def run(self, source: str) -> dict[str, Any]:
        """Run a cell: what it shows, in order, and its error if it has one."""
        self.outputs = outputs = []
        self.count += 1
        heard = _Heard(outputs)
        error = None
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            try:
                self._execute(source, f"<cell {self.count}>")
            except BaseException as problem:  # SystemExit, too, is a cell's own affair
                error = _told(problem)
            finally:
                self._figures()
        return {"outputs": outputs, "error": error}

    def _execute(self, source: str, name: str) -> None:
        lines = source.splitlines(keepends=True)
        linecache.cache[name] = (len(source), None, lines, name)
        tree = ast.parse(source, name)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        exec(compile(tree, name, "exec"), self.names)
        if last is not None:
            value = eval(compile(last, name, "eval"), self.names)
            if value is not None and not source.rstrip().endswith(";"):
                self.show(value)

    def show(self, *values: Any) -> None:
        """Hand over each value as HTML if it can be, else as text."""
        for value in values:
            if isinstance(value, Explorer):
                self.outputs.append(value.described(len(self.explorers)))
                self.explorers.append(value)
            elif hasattr(value, "savefig"):
                continue  # all open figures come at the end of the cell
            elif hasattr(value, "_repr_html_"):
                self.outputs.append({"html": value._repr_html_()})
            else:
                _Heard(self.outputs).write(f"{value!r}\n")

    def _figures(self) -> None:
        """Hand over the open figures as pictures, and close them."""
        plt = sys.modules.get("matplotlib.pyplot")
        if plt is None:
            return
        for number in plt.get_fignums():
            # Cut to what is drawn, as a notebook does.
            self.outputs.append({"png": _png(plt.figure(number), bbox_inches="tight")})
            plt.close(number)

    def draw(self, explorer: int, places: dict[str, int]) -> dict[str, Any]:
        """The frame of a figure at these places of its sliders, or what went wrong."""
        try:
            return {"frame": self.explorers[explorer].frame(places), "error": None}
        except Exception as problem:
            return {"frame": None, "error": _told(problem)}


def _told(problem: BaseException) -> dict[str, Any]:
    """An error for the page: its words, its line in the cell, what is missing."""
    trace = traceback.extract_tb(problem.__traceback__)
    inside = [at.lineno for at in trace if at.filename.startswith("<cell ")]
    line = getattr(problem, "lineno", None) or (inside[-1] if inside else None)
    needs = problem.name if isinstance(problem, ImportError) else None
    return {
        "kind": type(problem).__name__,
        "words": str(problem),
        "line": line,
        "needs": needs,
        "undefined": problem.name if isinstance(problem, NameError) else None,
        "trace": "".join(_from_cell(problem)),
    }


def _from_cell(problem: BaseException) -> Iterator[str]:
    """The traceback without what runs the cells."""
    trace = problem.__traceback__
    while trace and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    yield from traceback.format_exception(type(problem), problem, trace)


def begin(folder: str) -> Page:
    """Make a page's Python ready: the book's packages, its style, its ledger."""
    os.environ["MPLBACKEND"] = "agg"
    os.environ["TQDM_DISABLE"] = "1"
    sys.path.insert(0, str(HERE))
    sys.modules["qutip"] = _without_qutip()
    sys.modules["otter"] = _otter()
    sliders = types.ModuleType("qbook.sliders")
    sliders.explore, sliders.Explorer = explore, Explorer  # type: ignore[attr-defined]
    sys.modules["qbook.sliders"] = sliders

    import matplotlib.pyplot as plt
    from qbook import claims

    plt.show = lambda *_, **__: PAGE[0]._figures()
    given = claims.entries

    def entries(path: Path) -> list[dict[str, Any]]:
        parsed = path.with_name(PARSED)
        return json.loads(parsed.read_text()) if parsed.is_file() else given(path)

    claims.entries = entries
    Path(HERE, "book", folder).mkdir(parents=True, exist_ok=True)
    os.chdir(Path(HERE, "book", folder))
    page = Page()
    PAGE[:] = [page]
    builtins.display = page.show  # type: ignore[attr-defined]
    return page


PAGE: list[Page] = []  # the one that runs


def run(source: str) -> str:
    """`Page.run` for JavaScript."""
    return json.dumps(PAGE[0].run(source))


def draw(explorer: int, places: str) -> str:
    """`Page.draw` for JavaScript."""
    return json.dumps(PAGE[0].draw(explorer, json.loads(places)))
