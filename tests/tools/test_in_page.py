"""Python as pages run it: what is fetched and checked, what runs, which numbers."""

import gzip
import hashlib
import io
import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import assignment_pages
import nbformat
import page_computes
import pyodide_assets
import pytest
import run_in_page
from notebooks import BOOK

FOUND = json.loads(page_computes.FOUND.read_text(encoding="utf-8"))
PAPERS = [page for page in FOUND if page.startswith("book/papers/")]
LACKING = ("qutip", "jsonschema", "xarray", "sqlite3", "above")
# Ten numbers of ten models and methods, each from another corner of the core.
NUMBERS = """
import numpy as np
from scipy.optimize import brentq
import qbcore
from qbcore import metrics
from qbcore.star import steady_map

def random_state():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 6, 6)) + 1j * rng.normal(size=(2, 6, 6))
    rho = a @ a.conj().T
    return float(metrics.ergotropy(rho / np.trace(rho).real, b + b.conj().T))

print([
    float(qbcore.RosenZenerBattery(atoms=20).charge().energy[-1]),
    float(qbcore.RosenZenerBattery(atoms=20, interaction=3.0).charge().fluctuation[-1]),
    float(qbcore.DualCavityBattery().charge([3.0]).energy[0]),
    float(qbcore.StarBattery(cells=5).steady_state().excitation),
    float(qbcore.StarBattery().charge([5.0]).ergotropy[0]),
    float(qbcore.CommonBathStar(potential=4.0).charge([2.0]).excitation[0]),
    float(qbcore.NonreciprocalBattery().charge([5.0]).energy[0]),
    float(qbcore.ThreeModeBattery().charge([5.0]).energy[0]),
    random_state(),
    float(brentq(lambda b: 2 * steady_map(potential=0, bias=b).excitation - 1, 0, 20)),
])
"""


def node() -> None:
    """Skip loudly where nothing can run as in a page."""
    missing = "Node.js or Pyodide is missing: nothing is run as in a page."
    if not run_in_page.ready() and os.environ.get("PAGE_COMPUTES") == "required":
        pytest.fail(missing)
    if not run_in_page.ready():
        pytest.skip(f"!!! {missing}")


def test_ten_numbers_are_those_of_this_machine():
    node()
    (shown,) = run_in_page.run(".", [NUMBERS])
    assert shown["error"] is None
    in_page = json.loads(run_in_page.printed(shown["outputs"]))
    here = subprocess.run(
        [sys.executable, "-c", NUMBERS], capture_output=True, text=True, check=True
    )
    native = json.loads(here.stdout)
    assert len(native) == 10
    assert all(math.isfinite(number) and number != 0 for number in native)
    assert in_page == pytest.approx(native, rel=1e-10, abs=0)


def test_most_cells_of_the_papers_run_in_a_page():
    assert len(PAPERS) == 5
    assert sum(FOUND[page]["ran"] for page in PAPERS) >= 250


@pytest.mark.parametrize("page", FOUND)
def test_the_stored_list_is_about_the_cells_that_there_are(page):
    names = {
        cell["id"] for cell in page_computes.cells_of(BOOK.parent / f"{page}.ipynb")
    }
    found = FOUND[page]
    assert set(found["cannot"]) <= names
    assert set(found["prints_otherwise"]) <= names
    assert found["cells"] == len(names) == found["ran"] + len(found["cannot"])


@pytest.mark.parametrize("page", ["book/foundations/power", "book/synthesis/bench"])
def test_a_chapter_runs_in_a_page_as_the_stored_list_says(page):
    node()
    assert run_in_page.found(page) == FOUND[page]


def test_every_reason_is_a_package_or_a_cell_above():
    reasons = {why for page in FOUND for why in FOUND[page]["cannot"].values()}
    classes = {page_computes.lack(reason) for reason in reasons}
    assert classes <= {f"lacks-{each}" for each in LACKING}


def test_values_between_the_frames_of_a_figure():
    node()
    source = """
import in_page
print([in_page.stops(v) for v in ([1, 2, 5], [0.0, 0.1], [3, 1], ["a", "b"], [1, 2.5])])
"""
    (shown,) = run_in_page.run(".", [source])
    whole, real, falling, words, mixed = eval(run_in_page.printed(shown["outputs"]))
    assert whole == [1, 2, 3, 4, 5]
    assert real == [0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1]
    assert falling == [3, 2, 1]
    assert words == ["a", "b"]
    assert mixed[0] == 1
    assert mixed[5] == 1.75
    assert mixed[-1] == 2.5


def test_a_figure_is_drawn_with_the_names_of_the_cells_above_it():
    node()
    figure = """
import matplotlib.pyplot as plt
from qbook import explore

scale = 2
def draw(x):
    plt.figure()
    return f"{scale * x}"
explore(draw, x=[1, 3], start={"x": 1})
"""
    moved = """
import in_page
print(in_page.PAGE[0].explorers[0].frame({"x": 1})["says"], scale)
"""
    first, _, second = run_in_page.run(".", [figure, "scale = 50", moved])
    (shown,) = first["outputs"]
    assert shown["sliders"] == [
        {"name": "x", "label": "x", "stops": ["1", "2", "3"], "start": 0}
    ]
    assert shown["frame"]["says"] == "2"
    assert run_in_page.printed(second["outputs"]) == "4 50\n"


def test_a_cell_shows_text_figures_and_errors_in_their_order():
    node()
    cells = [
        "import matplotlib.pyplot as plt\nprint('one')\nplt.plot([1, 2])\nplt.show()\n"
        "print(2)\n3",
        "x = 1\n\nx / 0",
        "x + 1",
        "import qutip\nqutip.num(3)",
    ]
    figure, broken, kept, missing = run_in_page.run(".", cells)
    assert [next(iter(each)) for each in figure["outputs"]] == ["text", "png", "text"]
    assert figure["outputs"][2]["text"] == "2\n3\n"
    assert (broken["error"]["kind"], broken["error"]["line"]) == (
        "ZeroDivisionError",
        3,
    )
    assert kept["outputs"] == [{"text": "2\n"}]
    assert missing["error"]["needs"] == "qutip"


# The files that are fetched


def wheel(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return out.getvalue()


def test_a_wrong_hash_fails():
    data = b"what was asked for"
    right = hashlib.sha256(data).hexdigest()
    assert pyodide_assets.checked("name", data, right) == data
    with pytest.raises(pyodide_assets.WrongHashError, match="must have"):
        pyodide_assets.checked("name", data + b"!", right)


@pytest.fixture
def fetched(monkeypatch):
    """A core and packages of ours in place of Pyodide's, as the sources send them."""
    entries, files = {}, {}
    for name in pyodide_assets.PACKAGES:
        data = wheel(**{f"{name}__x.py": "1", f"{name}__tests__y.py": "2"})
        files[f"{name}.whl"] = data
        entries[name] = {
            "file_name": f"{name}.whl",
            "sha256": hashlib.sha256(data).hexdigest(),
            "version": "1",
            "depends": ["numpy", "unheard"],
        }
    lock = {"info": {"python": "3.12.7"}, "packages": entries}
    core = dict.fromkeys(pyodide_assets.CORE, b"core")
    core["pyodide.mjs"] = b"`https://cdn.example/pyodide/v${x.y}/full/`"
    core[pyodide_assets.LOCK] = json.dumps(lock).encode()
    monkeypatch.setattr(pyodide_assets, "core", lambda _: dict(core))
    asked = []

    def release(address):
        asked.append(address)
        return files.__getitem__

    monkeypatch.setattr(pyodide_assets, "from_release", release)
    return files, asked


def lay(monkeypatch, out: Path, *options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["pyodide_assets.py", "--out", str(out), *options])
    pyodide_assets.main()


def test_assets_are_laid_with_a_lock_of_their_own_hashes(
    fetched, monkeypatch, tmp_path
):
    out = tmp_path / "vendor" / "pyodide"
    lay(monkeypatch, out)
    assert fetched[1] == [
        f"https://cdn.example/pyodide/v{pyodide_assets.VERSION}/full/"
    ]
    lock = json.loads((out / pyodide_assets.LOCK).read_text())["packages"]
    assert set(lock) == set(pyodide_assets.PACKAGES)
    for entry in lock.values():
        data = (out / entry["file_name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        assert entry["depends"] == ["numpy"]
        assert not any(
            "tests" in n for n in zipfile.ZipFile(io.BytesIO(data)).namelist()
        )
    assert gzip.decompress((out / "pyodide.asm.wasm.zipped").read_bytes()) == b"core"
    assert "Mozilla Public License" in (out / pyodide_assets.LICENCES).read_text()


def test_a_laid_file_that_changed_fails(fetched, monkeypatch, tmp_path):
    lay(monkeypatch, tmp_path / "out")
    lay(monkeypatch, tmp_path / "out")  # nothing to do
    assert len(fetched[1]) == 1
    (tmp_path / "out" / "scipy.whl").write_bytes(b"another")
    with pytest.raises(SystemExit, match=r"scipy.whl has the sha256"):
        lay(monkeypatch, tmp_path / "out")


@pytest.mark.parametrize("options", [[], ["--required"]], ids=["optional", "required"])
def test_a_package_with_another_hash_fails(fetched, monkeypatch, tmp_path, options):
    fetched[0]["scipy.whl"] += b"\n"
    with pytest.raises(SystemExit, match=r"scipy.whl has the sha256"):
        lay(monkeypatch, tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_the_mirror_is_asked_second_and_held_to_the_same_hashes(
    fetched, monkeypatch, tmp_path
):
    files, _ = fetched

    def gone(_: str):
        raise pyodide_assets.Absent("no network")

    monkeypatch.setattr(pyodide_assets, "from_release", lambda _: gone)
    monkeypatch.setattr(pyodide_assets, "from_mirror", lambda _: files.__getitem__)
    lay(monkeypatch, tmp_path / "out")
    assert (tmp_path / "out" / "scipy.whl").is_file()
    files["numpy.whl"] = b"forged"
    with pytest.raises(SystemExit, match=r"numpy.whl has the sha256"):
        lay(monkeypatch, tmp_path / "other")


def test_absence_is_loud_and_fails_only_where_pages_must_compute(
    monkeypatch, tmp_path, capsys
):
    def gone(_: Path):
        raise pyodide_assets.Absent("no network")

    monkeypatch.setattr(pyodide_assets, "core", gone)
    monkeypatch.delenv("PAGE_COMPUTES", raising=False)
    lay(monkeypatch, tmp_path / "out")
    assert "!!! The pages cannot compute: no network." in capsys.readouterr().err
    with pytest.raises(SystemExit, match="Here they must"):
        lay(monkeypatch, tmp_path / "out", "--required")
    monkeypatch.setenv("PAGE_COMPUTES", "required")
    with pytest.raises(SystemExit, match="Here they must"):
        lay(monkeypatch, tmp_path / "out")


def test_only_the_publishing_workflow_requires_it():
    workflows = BOOK.parent / ".github" / "workflows"
    named = [p.name for p in workflows.iterdir() if "PAGE_COMPUTES" in p.read_text()]
    assert named == ["pages.yml"]


# The assignment


@pytest.mark.parametrize("name", ["01-ergotropy", "04-truncation-and-scaling"])
def test_an_assignment_in_a_page_gives_nothing_away(name):
    made = assignment_pages.assignment(name)
    source = nbformat.read(assignment_pages.HOMEWORK / f"{name}.ipynb", as_version=4)
    public = made.page + "".join(
        test for tests in made.tests.values() for test in tests
    )
    assert "SOLUTION" not in public
    assert "hidden" not in public
    solutions = [
        line.strip()
        for cell in source.cells
        if cell.cell_type == "code"
        for part in assignment_pages.SOLUTION.finditer(cell.source)
        for line in part[0].splitlines()[1:-1]
        if len(line.strip()) > 30
    ]
    assert len(solutions) > 5
    assert [line for line in solutions if line in public] == []
    tests = [cell.source for cell in source.cells if "TEST CONFIG" in cell.source]
    hidden = [test for test in tests if "hidden: true" in test.split('"""')[1]]
    assert hidden
    assert sum(map(len, made.tests.values())) == len(tests) - len(hidden)


def test_the_public_checks_tell_a_right_answer_from_a_wrong_one():
    node()
    made = assignment_pages.assignment("01-ergotropy")
    cells = [cell["source"] for cell in made.cells]
    path = assignment_pages.HOMEWORK / "01-ergotropy.ipynb"
    source = nbformat.read(path, as_version=4)
    answers = [c.source for c in source.cells if "# BEGIN SOLUTION\n" in c.source]
    functions = [each for each in answers if each.startswith("def ")]
    checks = [each for each in cells if each.startswith("grader.check")]
    assert len(checks) == 5
    empty = run_in_page.run(".", cells)
    filled = run_in_page.run(".", [*cells, *functions, *checks])
    for at, source in enumerate(cells):
        if source in checks:
            assert ": 0 of " in run_in_page.printed(empty[at]["outputs"])
    for shown in filled[-len(checks) :]:
        told = run_in_page.printed(shown["outputs"])
        number = told.split(": ")[1].split(" ")
        assert number[0] == number[2], told
