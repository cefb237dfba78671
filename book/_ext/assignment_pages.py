"""An assignment of the homework as a page: its questions, its code to fill in, its public checks.

The text comes from the sources in ``homework/``; solutions and hidden tests stay there. The page
asks for it by a comment, ``<!-- assignment: 01-ergotropy -->``, in its place.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

HOMEWORK = Path(__file__).resolve().parent.parent.parent / "homework"
sys.path.insert(0, str(HOMEWORK))
from parameters import choose, write_numbers  # noqa: E402

PLACE = re.compile(r"^<!-- assignment: ([\w-]+) -->$", re.MULTILINE)
SOLUTION = re.compile(r"^( *)# BEGIN SOLUTION\n.*?^ *# END SOLUTION$", re.DOTALL | re.MULTILINE)
TEST = re.compile(r'^""" # BEGIN TEST CONFIG\n(.*?)"""  # END TEST CONFIG\n+', re.DOTALL)


@dataclass
class Assignment:
    """The student's version: text, code and checks in order, and the public tests by question."""

    name: str
    parts: list[tuple[str, str]] = field(default_factory=list)  # kind and content
    tests: dict[str, list[str]] = field(default_factory=dict)

    @property
    def cells(self) -> list[dict[str, str]]:
        """The cells that a page runs, each with its name."""
        code = [content for kind, content in self.parts if kind == "code"]
        return [{"id": f"cell-{at}", "source": content} for at, content in enumerate(code)]

    @property
    def page(self) -> str:
        """The assignment in MyST, each code cell in a box that the page's script finds."""
        shown, at = [], 0
        for kind, content in self.parts:
            if kind == "text":
                shown.append(content)
            else:
                shown.append(_box(f"code-cell-{at}", content))
                at += 1
        return "\n\n".join(shown)


def _box(name: str, code: str) -> str:
    return (
        f":::::{{container}} cell computes\n:name: {name}\n\n::::{{container}} cell_input\n\n"
        f"```{{code-block}} python\n{code}\n```\n\n::::\n\n:::::"
    )


def assignment(name: str) -> Assignment:
    """Read an assignment, with the published numbers."""
    notebook = nbformat.read(HOMEWORK / f"{name}.ipynb", as_version=4)
    write_numbers(notebook, choose(notebook, name, 0))
    made = Assignment(name)
    made.parts.append(("code", f'import otter\n\ngrader = otter.Notebook("{name}.ipynb")'))
    question, within = "", ""
    for cell in notebook.cells:
        if cell.cell_type == "raw":
            question, within = _marked(made, cell.source, question, within)
        elif within == "TESTS":
            _test(made, question, cell.source)
        elif cell.cell_type == "code":
            code = SOLUTION.sub(r"\1...", cell.source)
            made.parts.append(("code", code))
        elif within != "SOLUTION":
            # One page has one title, its own.
            made.parts.append(("text", re.sub(r"^# .+\n+", "", cell.source)))
    return made


def _marked(made: Assignment, mark: str, question: str, within: str) -> tuple[str, str]:
    """The part that a raw cell begins or ends; where a question's tests end, its check stands."""
    if named := re.search(r"^# BEGIN QUESTION\nname: (\w+)", mark):
        return named[1], ""
    if begun := re.match(r"# BEGIN (\w+)", mark):
        return question, begun[1]
    if mark.startswith("# END TESTS"):
        made.parts.append(("code", f'grader.check("{question}")'))
    return question, ""


def _test(made: Assignment, question: str, source: str) -> None:
    config = TEST.match(source)
    if config is None:
        raise ValueError(f"{made.name}, {question}: a test without its config")
    if "hidden: true" not in config[1]:
        made.tests.setdefault(question, []).append(source[config.end() :])


def in_page(text: str) -> str:
    """The page's text with the assignment in its place."""
    return PLACE.sub(lambda found: assignment(found[1]).page, text)


def asked_for(text: str) -> list[str]:
    """The names of the assignments that a page asks for."""
    return PLACE.findall(text)
