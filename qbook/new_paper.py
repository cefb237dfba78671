"""The beginnings of a chapter on one more paper: notebook, ledger entry, test.

What is written runs: a qubit that flips, with one claim that holds. Replace it piece by
piece. The ledger's page, its data, its command and all counts find the paper by
themselves.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import nbformat
from nbformat import v4

IMPORTS = """
import matplotlib.pyplot as plt
import numpy as np
import qutip
from qbcore import charge
from qbook import claims, explore, resolution

plt.style.use("qbook.book")
"""
MODEL = """
qubit = qutip.sigmaz() / 2
empty = qutip.basis(2, 1)


def curve(drive):
    times = resolution.grid(0, 2 * np.pi, 81)
    return charge(drive * qutip.sigmax() / 2, qubit, empty, times)
"""
HAND = "The energy of a driven qubit is $E(t) = \\sin^2(\\Omega t/2)$: derive it here."
EXACT = """
found = curve(1.0)
error = np.abs(found.energy - np.sin(found.times / 2) ** 2).max()
print(f"largest error: {error:.0e}")
"""
FIGURE = """
fig, ax = plt.subplots()
ax.plot(found.times, found.energy)
ax.set(xlabel=r"time $\\omega_0t$", ylabel=r"energy $E/\\omega_0$")
plt.show()
"""
SLIDER = """
def draw(drive):
    found = curve(drive)
    fig, ax = plt.subplots()
    ax.plot(found.times, found.energy)
    ax.set(xlabel=r"time $\\omega_0t$", ylabel=r"energy $E/\\omega_0$", ylim=(0, 1.05))
    return f"The largest energy comes at t = {found.max_energy.time:.2f}."


explore(draw, ask="Which drive is faster?", drive=[1.0, 1.5, 2.0])
"""
EXERCISE = """
**%d.** A question.

<details><summary>Hint</summary>

A hint.

</details>

<details><summary>Solution</summary>

A solution.

</details>
"""


def write_paper(root: Path, key: str, title: str) -> list[Path]:
    """Write the beginnings of a chapter into a book, and return what was written.

    Parameters
    ----------
    root : Path
        The folder that holds ``book`` and ``_toc.yml``.
    key : str
        Key of the paper in the bibliography, such as ``smith2026``.
    title : str
        Title of the chapter.

    Raises
    ------
    FileExistsError
        If the chapter is there already.
    """
    chapter = root / "book" / "papers" / f"{key}.ipynb"
    test = root / "tests" / "book" / f"test_{key}.py"
    for path in (chapter, test):
        if path.exists():
            raise FileExistsError(f"{path} is there already; nothing was written.")
    nbformat.write(_chapter(key, title), chapter)
    ledger = root / "book" / "claims.yml"
    bibliography = root / "book" / "references.bib"
    _append(ledger, _entry(key))
    _append(bibliography, _reference(key))
    contents = root / "_toc.yml"
    before, heading, after = contents.read_text(encoding="utf-8").partition(
        "  - caption: Synthesis\n"
    )
    line = f"      - file: book/papers/{key}\n"
    contents.write_text(before + line + heading + after, encoding="utf-8")
    test.write_text(_test(key), encoding="utf-8")
    return [chapter, ledger, bibliography, contents, test]


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _chapter(key: str, title: str) -> nbformat.NotebookNode:
    """The sections of a chapter in their order, each with something that runs."""
    head = (
        f"# {title}\n\n"
        f"**The question of the paper.** {{cite:t}}`{key}` claim that ...\n\n"
        f"{{download}}`Download this chapter as a notebook <{key}.ipynb>`\n\n"
        "## What you will be able to do\n\n- ..."
    )
    check = f'claims.check("{key}-flip", time=found.max_energy.time)'
    strip = f'claims.load().decided_in("papers/{key}").strip()'
    cells = [
        _text(head),
        _code(IMPORTS),
        _code(strip, tags=["remove-input"]),
        _text("## The model\n\nA drawing, and labelled equations."),
        _code(MODEL),
        _text(f"## By hand, once\n\n{HAND}"),
        _text("## Check against an exact result"),
        _code(EXACT),
        _text("## The paper's figures\n\n### Figure 1"),
        _code(FIGURE, **_figure(key)),
        _code(check),
        _text("## Explore\n\nA question before each slider."),
        *[_code(SLIDER, tags=["nbval-ignore-output"]) for _ in range(3)],
        _text("## Where the paper and we differ\n\n..."),
        _text("## Beyond the paper\n\n..."),
        _text("## Summary\n\n..."),
        _text("## Exercises\n" + "".join(EXERCISE % n for n in range(1, 6))),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"{key}-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return v4.new_notebook(cells=cells, metadata=about)


def _text(source: str) -> nbformat.NotebookNode:
    return v4.new_markdown_cell(source.strip())


def _code(source: str, **metadata: Any) -> nbformat.NotebookNode:
    return v4.new_code_cell(source.strip(), metadata=metadata)


def _figure(key: str) -> dict[str, Any]:
    caption = "What the figure shows, and how it compares with the paper's figure."
    alt = "The shape of the curves: what rises, what falls, where they cross."
    options = {"figure": {"name": f"fig-{key}-1", "caption": caption}}
    return {"mystnb": options | {"image": {"alt": alt}}}


def _entry(key: str) -> str:
    return dedent(f"""
        # --- {key} ---
        - id: {key}-flip
          paper: {key}
          where: "Fig. 1"
          claim: "A qubit is full after the time pi."
          parameters: "resonant drive of strength 1"
          computed:
            time: {{value: 3.141593, tolerance: 1.0e-04}}
          tolerance_because: "the cubic between 81 samples errs by 1e-6"
          decided_by: proof
          verdict: holds
          reason: "E = sin^2(t/2) has its maximum at pi."
          chapter: papers/{key}
        """)


def _reference(key: str) -> str:
    return dedent(f"""
        @article{{{key},
          author  = {{Author, First}},
          title   = {{Title}},
          journal = {{arXiv:0000.00000}}, year = {{2026}}
        }}
        """)


def _test(key: str) -> str:
    return dedent(f'''
        """What the chapter on {key} computes, by an independent route."""

        import numpy as np
        import pytest
        import qutip
        from qbcore import charge


        def test_a_resonant_drive_fills_the_qubit_after_pi():
            times = np.linspace(0, 4, 41)
            found = charge(
                qutip.sigmax() / 2, qutip.sigmaz() / 2, qutip.basis(2, 1), times
            )
            assert found.energy == pytest.approx(np.sin(times / 2) ** 2, abs=1e-8)
        ''').lstrip()
