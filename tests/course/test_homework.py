"""The homework as a teacher gives it out and grades it: nothing leaks, wrong loses."""

import ast
import copy
import csv
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOMEWORK = ROOT / "homework"
NAMES = sorted(path.stem for path in HOMEWORK.glob("[0-9][0-9]-*.ipynb"))
FIRST = "01-ergotropy"
SEEDS = (0, 7)
WRONG = {
    name: yaml.safe_load((ROOT / f"tests/course/wrong_answers/{name}.yml").read_text())
    for name in NAMES
}
GRADED, REMARKS, HELD, NOT = "graded", "graded, with remarks", "held back", "not graded"


def python(*command: object) -> str:
    run = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=HOMEWORK,
        text=True,
        capture_output=True,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> dict[int, Path]:
    """What `make homework` writes, by seed."""
    made = {seed: tmp_path_factory.mktemp(f"seed{seed}") for seed in SEEDS}
    for seed, out in made.items():
        python("build.py", "--seed", seed, "--out", out)
    return made


def notebook(built: Path, name: str, whose: str = "teachers") -> nbformat.NotebookNode:
    return nbformat.read(built / whose / f"{name}.ipynb", as_version=4)


def table_of(folder: Path) -> dict[str, dict[str, str]]:
    """The lines of the table by submission, each of which has one."""
    path = folder.with_name(folder.name + "-graded") / "grades.csv"
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file, strict=True))
    assert (
        len({line["submission"] for line in lines})
        == len(lines)
        == len(os.listdir(folder))
    )
    return {line["submission"]: line for line in lines}


def marks(built: Path, folder: Path, *options: object) -> dict[str, dict[str, str]]:
    """Grade a folder as `make grade` does: the lines of the table by submission."""
    python("grade.py", folder, "--built", built, *options)
    graded = folder.with_name(folder.name + "-graded")
    table = table_of(folder)
    assert sorted(table) == sorted(entry.name for entry in folder.iterdir())
    for name, line in table.items():
        page = (graded / "feedback" / f"{name}.md").read_text(encoding="utf-8")
        assert all(remark in page for remark in line["remarks"].split("; "))
    return table


def edited(
    source: nbformat.NotebookNode, replace: dict[str, str]
) -> nbformat.NotebookNode:
    """The notebook with some of its code replaced, each piece exactly once."""
    made = copy.deepcopy(source)
    for old, new in replace.items():
        (cell,) = (
            cell
            for cell in made.cells
            if cell.cell_type == "code" and old in cell.source
        )
        assert cell.source.count(old) == 1
        cell.source = cell.source.replace(old, new)
    return made


# --- what is handed out ---


def telling(line: str) -> bool:
    """Long enough to be found by no accident; an import gives nothing away."""
    return len(line.strip()) > 25 and not re.match(r"\s*(from|import) ", line)


def hidden_tests(source: nbformat.NotebookNode) -> Iterator[str]:
    """The lines that only hidden tests have, as the builder writes them."""
    tests = {True: set(), False: set()}
    for cell in source.cells:
        if "BEGIN TEST CONFIG" in cell.source:
            lines = ast.unparse(ast.parse(cell.source)).splitlines()
            tests["hidden: true" in cell.source] |= {
                line.strip() for line in lines if telling(line)
            }
    yield from tests[True] - tests[False]


def solutions(source: nbformat.NotebookNode) -> Iterator[str]:
    """The lines that stand in solutions and nowhere else."""
    inside, lines = False, {True: set(), False: set()}
    for cell in source.cells:
        if cell.cell_type == "raw" and "SOLUTION" in cell.source:
            inside = "BEGIN" in cell.source
        within = inside and cell.cell_type == "markdown"
        for line in cell.source.splitlines():
            if "SOLUTION" in line and cell.cell_type == "code":
                within = "BEGIN" in line
            elif telling(line):
                lines[within].add(line.strip())
    yield from lines[True] - lines[False]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", SEEDS)
def test_students_get_no_trace_of_solutions_and_hidden_tests(built, name, seed):
    source = nbformat.read(HOMEWORK / f"{name}.ipynb", as_version=4)
    secrets = {*solutions(source), *hidden_tests(source)}
    assert len(secrets) > 30
    code = "\n".join(
        c.source for c in notebook(built[seed], name).cells if c.cell_type == "code"
    )
    values = dict(re.findall(r"^([A-Z][A-Z_0-9]{2,}) = (.+)$", code, re.M))
    names = re.compile(rf"\b({'|'.join(values)})\b")
    secrets |= {names.sub(lambda found: values[found[1]], secret) for secret in secrets}
    text = (built[seed] / "students" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert not re.search(
        r"(BEGIN|END) (SOLUTION|TESTS?|QUESTION\n)|hidden=True|Rubric|# or ", text
    )
    plain = json.dumps(
        json.loads(text), ensure_ascii=False
    )  # metadata and outputs are in it
    assert [
        secret
        for secret in secrets
        if json.dumps(secret, ensure_ascii=False)[1:-1] in plain
    ] == []
    assert {p.name for p in (built[seed] / "students").iterdir()} == {
        f"{each}.ipynb" for each in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_search_would_find_a_leak(built, name):
    source = nbformat.read(HOMEWORK / f"{name}.ipynb", as_version=4)
    solved = json.dumps(notebook(built[0], name, "teachers"), ensure_ascii=False)
    found = [
        s
        for s in solutions(source)
        if json.dumps(s, ensure_ascii=False)[1:-1] in solved
    ]
    assert len(found) > 10
    archive = zipfile.ZipFile(built[0] / "teachers" / f"{name}-autograder.zip")
    tests = "".join(
        archive.read(n).decode() for n in archive.namelist() if n.startswith("tests/")
    )
    assert sum(line in tests for line in hidden_tests(source)) > 10


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_changes_questions_solutions_and_tests_together(built, name):
    cells = {seed: notebook(built[seed], name, "students").cells for seed in SEEDS}
    changed = {
        a.cell_type
        for a, b in zip(*cells.values(), strict=True)
        if a.source != b.source
    }
    assert "code" in changed
    archives = [
        zipfile.ZipFile(built[seed] / "teachers" / f"{name}-autograder.zip")
        for seed in SEEDS
    ]
    tests = [n for n in archives[0].namelist() if n.startswith("tests/")]
    assert any(archives[0].read(n) != archives[1].read(n) for n in tests)


@pytest.mark.parametrize("name", NAMES)
def test_source_keeps_the_convention(name):
    source = nbformat.read(HOMEWORK / f"{name}.ipynb", as_version=4)
    assert source.cells[0].source == "# ASSIGNMENT CONFIG\nconfig_file: otter.yml"
    configs = [
        yaml.safe_load(c.source)
        for c in source.cells
        if c.source.startswith("# BEGIN QUESTION")
    ]
    assert [c["name"] for c in configs] == [f"q{k}" for k in range(1, len(configs) + 1)]
    assert all(c["points"] > 0 for c in configs)
    assert 3 <= sum(bool(c.get("manual")) for c in configs) < len(configs)
    assert sum("**Rubric (" in c.source for c in source.cells) == sum(
        bool(c.get("manual")) for c in configs
    )
    assert all(not c.get("outputs") for c in source.cells)
    tests = [c.source for c in source.cells if "BEGIN TEST CONFIG" in c.source]
    named = re.findall(r"^def (\w+)", "\n".join(tests), re.M)
    assert len(named) == len(set(named)) == len(tests)


def test_no_solution_in_the_site():
    site = ROOT / "_build" / "html"
    if not site.exists():
        pytest.skip(
            "!!! There is no site in _build/html: it is NOT searched for solutions."
        )
    sources = [
        nbformat.read(HOMEWORK / f"{name}.ipynb", as_version=4) for name in NAMES
    ]
    long = {line for source in sources for line in solutions(source) if len(line) > 50}
    for page in site.rglob("*.html"):
        text = html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))
        assert [line for line in long if line in text] == []
    assert [path for name in NAMES for path in site.rglob(f"*{name}*")] == []


# --- right and wrong answers ---


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_solutions_get_all_points_and_the_handout_none(built, name, seed, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    shutil.copy(built[seed] / "teachers" / f"{name}.ipynb", folder / "solved.ipynb")
    shutil.copy(built[seed] / "students" / f"{name}.ipynb", folder / "empty.ipynb")
    edits = WRONG[name] if seed == 0 else []
    for wrong in edits:
        nbformat.write(
            edited(notebook(built[0], name), wrong["replace"]),
            folder / f"{wrong['name']}.ipynb",
        )
    table = marks(built[seed], folder)
    assert all(line["assignment"] == f"{name}, seed {seed}" for line in table.values())
    solved, empty = table["solved.ipynb"], table["empty.ipynb"]
    assert (solved["status"], solved["remarks"]) == (GRADED, "")
    assert float(solved["points"]) == float(solved["possible"]) >= 10
    assert float(empty["points"]) == 0
    questions = [column for column in solved if re.fullmatch(r"q\d+", column)]
    for wrong in edits:
        line = table[f"{wrong['name']}.ipynb"]
        lost = [q for q in questions if float(line[q]) < float(solved[q])]
        assert lost == wrong["fails"], f"{name}: {wrong['name']}"


def test_archive_works_with_otter_itself(built, tmp_path):
    teachers = built[7] / "teachers"
    archive, solved = teachers / f"{FIRST}-autograder.zip", teachers / f"{FIRST}.ipynb"
    python(
        "-m", "otter", "run", "--autograder", archive, "--output-dir", tmp_path, solved
    )
    results = json.loads((tmp_path / "results.json").read_text())["tests"][1:]
    assert (
        sum(r["score"] for r in results) == sum(r["max_score"] for r in results) == 19
    )


# --- whatever else is handed in ---


def add(
    source: nbformat.NotebookNode, code: str, after: str = ""
) -> nbformat.NotebookNode:
    """The notebook with one more cell, at its end or after the one with the text."""
    made = copy.deepcopy(source)
    places = [k for k, cell in enumerate(made.cells) if after in cell.source]
    made.cells.insert(places[-1] + 1, nbformat.v4.new_code_cell(code))
    return made


def without(source: nbformat.NotebookNode, text: str) -> nbformat.NotebookNode:
    made = copy.deepcopy(source)
    made.cells = [cell for cell in made.cells if text not in cell.source]
    return made


STUBBORN = "def best_gate(rho, H):\n    while True:\n        pass"
FORGED = """
import otter.test_files.abstract_test as grader_inside
grader_inside.TestFile.score = property(lambda self: 100)
import numpy.testing
numpy.testing.assert_allclose = np.allclose = lambda *a, **k: True
"""
BOMB = """
import os
class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/the-grader-was-here",)
def copies_needed(p, energies, most):
    return Bomb()
"""
# What is done to the solution, and what becomes of it: status, points of 19, a part of
# the remark.
CASES: dict[str, tuple[Callable, str, float | None, str]] = {
    "syntax error": (
        lambda nb: edited(
            nb, {"return (1 - np.exp(-beta * gap)) / 2": "return (1 - ("}
        ),
        REMARKS,
        15,
        "SyntaxError",
    ),
    "exception": (
        lambda nb: add(nb, "1 / 0", "GAP_A ="),
        REMARKS,
        19,
        "ZeroDivisionError",
    ),
    "endless cell": (
        lambda nb: add(nb, "while True:\n    pass"),
        REMARKS,
        19,
        "stopped after",
    ),
    "endless answer": (
        lambda nb: add(nb, STUBBORN),
        REMARKS,
        15,
        "best_gate is defined in cells",
    ),
    "deleted cell": (
        lambda nb: without(nb, "def locked_work"),
        REMARKS,
        15,
        "no locked_work: is its cell",
    ),
    "deleted checks": (lambda nb: without(nb, "grader"), GRADED, 19, ""),
    "duplicated cell": (
        lambda nb: add(
            nb, next(c.source for c in nb.cells if "def copies_needed" in c.source)
        ),
        REMARKS,
        19,
        "copies_needed is defined in cells",
    ),
    "overwritten parameters": (
        lambda nb: add(nb, "GAP_A = GAP_B = COLD = TOP = sum = 0"),
        GRADED,
        16,
        "",
    ),
    "checks inside": (
        lambda nb: add(nb, '%matplotlib inline\ngrader.check("q2")'),
        GRADED,
        19,
        "",
    ),
    "reads the tests": (
        lambda nb: add(nb, 'print(open("tests/q2.py").read())'),
        HELD,
        None,
        "uses open",
    ),
    "reads with numpy": (
        lambda nb: add(nb, 'np.genfromtxt("tests/q2.py")'),
        HELD,
        None,
        "uses .genfromtxt",
    ),
    "shell": (lambda nb: add(nb, "!cat tests/q2.py"), HELD, None, "magic or shell"),
    "forges the grader": (
        lambda nb: add(nb, FORGED),
        HELD,
        None,
        "import otter.test_files.abstract_test",
    ),
    "patches numpy": (
        lambda nb: add(nb, "np.testing.assert_equal = print"),
        HELD,
        None,
        "assignment to np",
    ),
    "ends the process": (
        lambda nb: add(nb, "import os\nos._exit(0)"),
        HELD,
        None,
        "import os",
    ),
    "sends code": (lambda nb: add(nb, BOMB), HELD, None, "uses .system, import os"),
}


@pytest.fixture(scope="session")
def odd(built, tmp_path_factory) -> dict[str, dict[str, str]]:
    """The table of a folder in which everything has gone wrong that can."""
    folder = tmp_path_factory.mktemp("odd") / "handed-in"
    folder.mkdir()
    solved = notebook(built[0], FIRST)
    for name, (change, *_) in CASES.items():
        nbformat.write(change(solved), folder / f"{name}.ipynb")
    for name in ("exception", "two in a folder"):
        (folder / name).mkdir()
        nbformat.write(solved, folder / name / "one.ipynb")
    nbformat.write(solved, folder / "two in a folder" / "two.ipynb")
    (folder / "exception.ipynb").rename(folder / "exception" / "one.ipynb")
    (folder / "nothing").mkdir()
    with zipfile.ZipFile(folder / "duplicated cell.zip", "w") as archive:
        archive.write(folder / "duplicated cell.ipynb", "inside/homework.ipynb")
    (folder / "duplicated cell.ipynb").unlink()
    (folder / "broken.ipynb").write_text('{"cells": [')
    (folder / "list.ipynb").write_text("[]")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 no")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7")
    shutil.copy(built[7] / "teachers" / f"{FIRST}.ipynb", folder / "other seed.ipynb")
    if len(NAMES) > 1:
        shutil.copy(
            built[0] / "teachers" / f"{NAMES[1]}.ipynb", folder / "other homework.ipynb"
        )
    return marks(built[0], folder, "--time-limit", 100)


@pytest.mark.parametrize("name", CASES)
def test_whatever_is_done_gets_a_clear_line(odd, name):
    _, status, points, remark = CASES[name]
    line = next(line for entry, line in odd.items() if Path(entry).stem == name)
    assert line["status"] == status
    assert line["points"] == "" if points is None else float(line["points"]) == points
    assert remark in line["remarks"]
    assert bool(remark) == bool(line["remarks"])


@pytest.mark.parametrize(
    ("entry", "remark"),
    [
        ("two in a folder", "2 notebooks in it, one is needed"),
        ("nothing", "no notebook in it, one is needed"),
        ("broken.ipynb", "not a notebook that can be read (NotJSONError)"),
        ("list.ipynb", "not a notebook that can be read"),
        ("broken.zip", "not a notebook that can be read (BadZipFile)"),
        ("report.pdf", "neither a notebook (.ipynb) nor a zip or folder with one"),
        ("other seed.ipynb", f"this is {FIRST}, seed 7; built here: {FIRST}, seed 0"),
        ("other homework.ipynb", f"the others are {FIRST}, seed 0"),
    ],
)
def test_what_cannot_be_graded_says_why(odd, entry, remark):
    if len(NAMES) == 1 and entry.startswith("other h"):
        pytest.skip("there is one assignment only")
    assert odd[entry]["status"] == NOT
    assert odd[entry]["points"] == ""
    assert remark in odd[entry]["remarks"]


def test_cheating_gains_nothing_even_when_it_is_run(built, tmp_path):
    folder = tmp_path / "cheats"
    folder.mkdir()
    empty = notebook(built[0], FIRST, "students")
    solved = notebook(built[0], FIRST)
    nbformat.write(add(empty, FORGED, "import numpy"), folder / "forged.ipynb")
    nbformat.write(add(solved, BOMB), folder / "bomb.ipynb")
    nbformat.write(
        add(solved, "import os\nos._exit(0)", "def locked_work"), folder / "ended.ipynb"
    )
    trace = Path("/tmp/the-grader-was-here")
    trace.unlink(missing_ok=True)
    table = marks(built[0], folder, "--trust", "--time-limit", 100)
    assert float(table["forged.ipynb"]["points"]) == 0
    assert float(table["bomb.ipynb"]["points"]) == 15
    assert not trace.exists()
    assert "the kernel died" in table["ended.ipynb"]["remarks"]
    assert float(table["ended.ipynb"]["points"]) == 0


# --- entries that no reader expects ---


def write(path: Path, source: dict) -> None:
    path.write_text(json.dumps(source))


def zip_bomb(path: Path) -> None:
    """100 MB in a tenth of a megabyte; the zip says that they are 1000 bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("homework.ipynb", bytes(100_000_000))
    content = bytearray(path.read_bytes())
    local, central = content.index(b"PK\x03\x04"), content.rindex(b"PK\x01\x02")
    content[local + 22 : local + 26] = content[central + 24 : central + 28] = (
        1000
    ).to_bytes(4, "little")
    path.write_bytes(content)


def loop(path: Path) -> None:
    path.mkdir()
    (path / "again").symlink_to(path)


def link_in(path: Path) -> None:
    path.mkdir()
    (path / "homework.ipynb").symlink_to("../zoë.ipynb")


def pipe_in(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "homework.ipynb")


def sparse(path: Path) -> None:
    """A terabyte that takes no room."""
    path.touch()
    os.truncate(path, 10**12)


def metadata(source: dict, value: object) -> dict:
    return source | {"metadata": value}


def cell(source: dict, /, **fields: object) -> dict:
    """The notebook with one more cell, of these and the necessary fields."""
    bare = {
        "cell_type": "code",
        "id": "odd",
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    return source | {"cells": [*source["cells"], bare | fields]}


SUM = "1" + " + 1" * 3000
UNREADABLE = "not a notebook that can be read"
# Each is made at a path, from the solution; what the remark says.
ODD: dict[str, tuple[Callable[[Path, dict], object], str]] = {
    "sum.ipynb": (lambda p, nb: write(p, cell(nb, source=SUM)), "RecursionError"),
    "otter.ipynb": (
        lambda p, nb: write(p, metadata(nb, {"otter": "01"})),
        "no assignment",
    ),
    "unhashable.ipynb": (
        lambda p, nb: write(p, metadata(nb, {"otter": {"assignment_name": [{}]}})),
        "no assignment",
    ),
    "long.ipynb": (
        lambda p, nb: write(
            p, metadata(nb, {"otter": {"assignment_name": "=x" * 10**6}})
        ),
        "this is =x",
    ),
    "metadata.ipynb": (lambda p, nb: write(p, metadata(nb, [1])), UNREADABLE),
    "no source.ipynb": (lambda p, nb: write(p, cell(nb)), UNREADABLE),
    "numbers.ipynb": (lambda p, nb: write(p, cell(nb, source=[1, 2])), UNREADABLE),
    "deep.ipynb": (lambda p, nb: p.write_text("[" * 100_000), UNREADABLE),
    "dangling.ipynb": (lambda p, nb: p.symlink_to("nowhere"), "a link"),
    "itself.ipynb": (lambda p, nb: p.symlink_to(p), "a link"),
    "borrowed.ipynb": (lambda p, nb: p.symlink_to("zoë.ipynb"), "a link"),
    "borrowed": (lambda p, nb: link_in(p), "a link"),
    "pipe.ipynb": (lambda p, nb: os.mkfifo(p), "a pipe, a device or a folder"),
    "pipe.zip": (lambda p, nb: os.mkfifo(p), "a pipe, a device or a folder"),
    "pipe inside": (lambda p, nb: pipe_in(p), "a pipe, a device or a folder"),
    "device.ipynb": (lambda p, nb: p.symlink_to("/dev/zero"), "a link"),
    "folder.ipynb": (lambda p, nb: p.mkdir(), "no notebook in it"),
    "loop": (lambda p, nb: loop(p), "no notebook in it"),
    "bomb.zip": (lambda p, nb: zip_bomb(p), UNREADABLE),
    "large.ipynb": (lambda p, nb: sparse(p), "larger than 50 MB"),
    "two\nlines\t.txt": (lambda p, nb: p.touch(), "neither a notebook"),
    "=1+1.txt": (lambda p, nb: p.touch(), "neither a notebook"),
    "'=1+1.txt": (lambda p, nb: p.touch(), "neither a notebook"),
    "\\x09.txt": (lambda p, nb: p.touch(), "neither a notebook"),
    "\t.txt": (lambda p, nb: p.touch(), "neither a notebook"),
    "x" * 251 + ".txt": (lambda p, nb: p.touch(), "neither a notebook"),
    "x" * 250 + "y.txt": (lambda p, nb: p.touch(), "neither a notebook"),
    "\udcff" * 255: (lambda p, nb: p.touch(), "neither a notebook"),
}
# A byte that is not UTF-8, as a zip from an old system leaves it
LATIN = "M\udcfcller.ipynb"


def in_table(name: str) -> str:
    """The name as the table has it: what cannot be printed as a shell writes it."""
    hexed = {c: "".join(f"\\x{byte:02x}" for byte in os.fsencode(c)) for c in name}
    text = "".join(c if c.isprintable() and c != "\\" else hexed[c] for c in name)
    return "'" + text if text[0] in "='" else text


@pytest.fixture(scope="session")
def strange(built, tmp_path_factory) -> tuple[Path, dict[str, dict[str, str]]]:
    """A folder of odd entries beside two good submissions, and its table."""
    folder = tmp_path_factory.mktemp("strange") / "handed-in"
    folder.mkdir()
    solution = json.loads(
        (built[0] / "teachers" / f"{FIRST}.ipynb").read_text(encoding="utf-8")
    )
    for name, (make, _) in ODD.items():
        make(folder / name, solution)
    for name in ("zoë.ipynb", LATIN):
        write(folder / name, cell(solution, source='raise ValueError("\\ud800\\x1b")'))
    python("grade.py", folder, "--built", built[0], "--time-limit", 100)
    return folder, table_of(folder)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_entry_costs_its_own_line_only(strange, name):
    line = strange[1][in_table(name)]
    assert (line["status"], line["points"]) == (NOT, "")
    assert ODD[name][1] in line["remarks"]
    assert len(line["remarks"]) < 1000


@pytest.mark.parametrize("name", ["zoë.ipynb", LATIN])
def test_good_submissions_beside_odd_ones_are_graded(strange, name):
    line = strange[1][in_table(name)]
    assert (line["status"], float(line["points"])) == (REMARKS, 19)


def test_every_entry_has_a_page_of_its_own(strange):
    folder, table = strange
    pages = list((folder.parent / "handed-in-graded" / "feedback").iterdir())
    told = [
        re.search("^Submission: (.*)$", page.read_text(encoding="utf-8"), re.M)[1]
        for page in pages
    ]
    assert sorted(told) == sorted(re.sub("^'(?=[='])", "", name) for name in table)
    assert max(len(os.fsencode(page.name)) for page in pages) <= 255


def test_the_table_does_without_feedback(built, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "report.pdf").touch()
    (tmp_path / "handed-in-graded").mkdir()
    (tmp_path / "handed-in-graded" / "feedback").touch()
    python("grade.py", folder, "--built", built[0])
    assert "feedback was not written" in table_of(folder)["report.pdf"]["remarks"]


def test_an_interrupted_run_leaves_a_line_for_every_entry(built, tmp_path):
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "report.pdf").touch()
    solved = notebook(built[0], FIRST)
    nbformat.write(solved, folder / "solved.ipynb")
    for k in range(3):
        nbformat.write(
            add(solved, "while True:\n    pass"), folder / f"z endless {k}.ipynb"
        )
    # An endless cell is stopped after a fifth of the limit, long after this test.
    command = [
        sys.executable,
        "grade.py",
        folder,
        "--built",
        built[0],
        "--time-limit",
        "3600",
    ]
    with subprocess.Popen(
        command, cwd=HOMEWORK, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        for line in run.stdout:
            if line == "solved.ipynb: graded\n":
                break
        os.killpg(run.pid, signal.SIGINT)  # as Ctrl-C does
        assert run.wait(30) == 130
    table = table_of(folder)
    assert table["solved.ipynb"]["points"] == "19"
    assert "neither a notebook" in table["report.pdf"]["remarks"]
    for k in range(3):
        line = table[f"z endless {k}.ipynb"]
        assert (line["status"], line["remarks"]) == (NOT, "interrupted")


def test_grading_asks_for_a_folder():
    run = subprocess.run(
        [sys.executable, "grade.py", ""], cwd=HOMEWORK, text=True, capture_output=True
    )
    assert run.returncode == 2
    assert "make grade SUBMISSIONS=folder" in run.stderr


def test_grading_needs_something_to_grade_with(tmp_path):
    command = [sys.executable, "grade.py", str(tmp_path), "--built", str(tmp_path)]
    run = subprocess.run(command, cwd=HOMEWORK, text=True, capture_output=True)
    assert run.returncode == 2
    assert "run `make homework` first" in run.stderr


def test_the_reader_installs_no_grader():
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert re.findall(r"^(\w+) = .*otter", pyproject, re.M) == ["course"]
    assert "otter" not in (ROOT / "requirements.txt").read_text()
