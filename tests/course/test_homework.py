"""The homework as a teacher gives it out: nothing leaks, wrong answers lose."""

import ast
import html
import json
import re
import shutil
import zipfile
from collections.abc import Iterator

import nbformat
import pytest
import yaml
from handed_in import (
    FIRST,
    GRADED,
    HOMEWORK,
    NAMES,
    ROOT,
    SEEDS,
    WRONG,
    edited,
    marks,
    notebook,
    python,
)

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
        "package.zip",
        *(f"{each}.ipynb" for each in NAMES),
    }
    with zipfile.ZipFile(built[seed] / "students" / "package.zip") as package:
        inside = {n: package.read(n).decode() for n in package.namelist()}
    assert not [n for n in inside if n.endswith(".ipynb") or "homework" in n]
    assert [
        (secret, n)
        for secret in secrets
        for n in inside
        if secret in inside[n] and not n.startswith("qbcore/")
    ] == []


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


@pytest.fixture(scope="session")
def tables(built, tmp_path_factory) -> dict[int, dict[str, dict[str, str]]]:
    """By seed, the table of all solutions and handouts, and of a mistake in each.

    All mistakes of `wrong_answers/` are tried in one process, see
    `test_mutants_of_solutions.py`; here one of them has the whole way to go.
    """
    found = {}
    for seed in SEEDS:
        folder = tmp_path_factory.mktemp(f"graded{seed}") / "handed-in"
        folder.mkdir()
        for name in NAMES:
            for whose, made in (("teachers", "solved"), ("students", "empty")):
                source = built[seed] / whose / f"{name}.ipynb"
                shutil.copy(source, folder / f"{name} {made}.ipynb")
            if seed == 0:
                wrong = edited(notebook(built[0], name), WRONG[name][0]["replace"])
                nbformat.write(wrong, folder / f"{name} wrong.ipynb")
        found[seed] = marks(built[seed], folder)
    return found


@pytest.mark.xdist_group("solutions")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_solutions_get_all_points_and_the_handout_none(tables, name, seed):
    table = tables[seed]
    solved, empty = table[f"{name} solved.ipynb"], table[f"{name} empty.ipynb"]
    assert solved["assignment"] == empty["assignment"] == f"{name}, seed {seed}"
    assert (solved["status"], solved["remarks"]) == (GRADED, "")
    assert float(solved["points"]) == float(solved["possible"]) >= 10
    assert float(empty["points"]) == 0


@pytest.mark.xdist_group("solutions")
@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_answer_loses_its_questions_and_no_other(tables, name):
    solved = tables[0][f"{name} solved.ipynb"]
    wrong = tables[0][f"{name} wrong.ipynb"]
    asked = [q for q in solved if re.fullmatch(r"q\d+", q) and solved[q]]
    lost = [q for q in asked if float(wrong[q]) < float(solved[q])]
    assert lost == WRONG[name][0]["fails"]


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


# --- what is installed ---


def test_the_reader_installs_no_grader():
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert re.findall(r"^(\w+) = .*otter", pyproject, re.M) == ["course"]
    assert "otter" not in (ROOT / "requirements.txt").read_text()
