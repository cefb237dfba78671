"""Mutants of a small project: which are drawn, what becomes of them, what is left."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mutants
import pytest

CODE = '''"""Text: 1 + 1."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import qutip

SIZE: int = 40


def area(a: float, b: "float | None" = 2.0) -> float:
    """Return a * b, and 1 < 2."""
    if a < 0:  # a * b
        raise ValueError(f"{a + 1} must not be " + "negative")
    return (a
            * b)  # é * 2


class Box:
    def __repr__(self) -> str:
        return "box" * (1 + 1)


def slow(n: int) -> int:
    while n > 0:
        n -= 1
    return n
'''
TESTS = """from qbcore.box import area, slow


def test_area():
    assert area(3.0, 4.0) == 12.0


def test_it_ends():
    assert slow(1) == 0
"""
CONTRACT = "def test_nothing():\n    assert True\n"


@pytest.fixture
def project(tmp_path) -> Path:
    """A project of one module, with a copy of the tool."""
    files = {
        "qbcore/__init__.py": "",
        "qbcore/box.py": CODE,
        "qbook/__init__.py": "",
        "qbook/claims.py": "",
        "tests/core/test_box.py": TESTS,
        "tests/core/test_contract.py": CONTRACT,
        "tools/mutants-equivalent.toml": "",
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--doctest-modules'\n",
    }
    root = tmp_path / "project"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    shutil.copy(mutants.ROOT / "tools" / "mutants.py", root / "tools")
    return root


def changes(source: str) -> set[tuple[str, str]]:
    """Each mutant as what stands there and what comes in its place."""
    raw = source.encode()
    found = [m for place in mutants.mutants_of("f.py", raw) for m in place]
    return {(raw[m.start : m.end].decode(), m.text) for m in found}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b\n", {("<", "<="), ("<", ">=")}),
        ("x = a is not b\n", {("is not", "is")}),
        ("x = a and b and c\n", {("and", "or")}),
        ("x = (a) - (b)  # a - b\n", {("-", "+")}),
        ("x = -a\n", {("-", "")}),
        ("x = not a\n", {("not ", "")}),
        ("x = a[1:]\n", {("1", "0"), ("1", "2")}),
        ("x = 300\n", {("300", "150"), ("300", "600")}),
        ("x = 1e-3\n", {("1e-3", "0.0005"), ("1e-3", "0.002")}),
        ("x = 2j\n", {("2j", "(-2.0j)")}),
        ("x = True\n", {("True", "False")}),
        ("x = f(a, b)\n", {("a, b", "b, a")}),
        ("x = np.sin(a)\n", {("sin", "cos")}),
        ("x = min(a, b)\n", {("min", "max")}),
        ("x = np.sqrt(a + b)\n", {("np.sqrt(a + b)", "(a + b)"), ("+", "-")}),
        ("x = a.conj().T\n", {("a.conj().T", "a.conj()"), ("a.conj()", "a")}),
        ("x = a.real\n", {("real", "imag")}),
        ("x += a\n", {("+", "-"), ("x += a", "pass")}),
        ("check(a)\n", {("check(a)", "pass")}),
        ("if a:\n    b = c\n", {("a", "not (a)")}),
        ("x = [a for a in b if a]\n", {("a", "not (a)")}),
    ],
)
def test_the_mutants_of_a_line(source, expected):
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""One + one, 1."""\n',
        "x = 'a' + 'b'\n",
        "x = f'{a + 1}'\n",
        "def f(a: 'Literal[1]') -> int: ...\n",
        "def __repr__(self):\n    return 1 + 1\n",
        "x: Literal[1]\n",
        "if TYPE_CHECKING:\n    x = 1\n",
        "x = zip(a, strict=True)\n",
        "x = isinstance(a, int | float)\n",
        "x = a.swapaxes(b, c), np.multiply(b, c)\n",
        "x = real(a)\n",  # a function of ours that has no other half
    ],
)
def test_text_types_and_looks_are_left_alone(source):
    assert changes(source) == set()


def test_every_mutant_of_the_project_is_a_change_that_python_can_read():
    for file in mutants.sources(mutants.ROOT):
        source = (mutants.ROOT / file).read_bytes()
        plain = ast.dump(ast.parse(source))
        places = list(mutants.mutants_of(file, source))
        for m in [place[-1] for place in places[::10]]:
            changed = source[: m.start] + m.text.encode() + source[m.end :]
            assert ast.dump(ast.parse(changed)) != plain, m
            assert m.original != m.mutated


def test_a_seed_draws_the_same_again_and_another_seed_others():
    first, again, other = (mutants.draw(mutants.ROOT, seed, 90) for seed in (1, 1, 2))
    assert first == again
    assert len({(m.file, m.start) for m in first}) == 90
    assert set(first) != set(other)
    within = mutants.draw(mutants.ROOT, 1, 90, "qbcore/star")
    assert {m.file.rpartition("/")[0] for m in within} == {"qbcore/star"}


def test_a_file_meets_its_own_tests_first():
    def tests(file: str) -> list[list[str]]:
        seconds = dict(zip(mutants.EVERY_MODEL, (0.1, 0.2), strict=True))
        return mutants.tests_for(file, mutants.ROOT, seconds)

    star = "qbcore/star/formulas.py"
    assert tests(star) == [[star, "tests/core/test_star.py"], mutants.EVERY_MODEL]
    own, others = tests("qbcore/metrics.py")
    assert own == ["qbcore/metrics.py", "tests/core/test_metrics.py"]
    assert others[-2:] == mutants.EVERY_MODEL
    assert "tests/core/test_star.py" in others
    assert "tests/core/test_spins.py" not in others  # spins have no metrics
    sweep = "qbcore/sweep.py"
    assert tests(sweep)[0] == [sweep, "tests/core/test_sweep.py"]
    claims = "qbook/claims.py"
    assert tests(claims) == [[claims, "tests/qbook/test_claims.py"]]


def test_what_is_imported_is_followed_through_the_project():
    reached = mutants.imported(mutants.ROOT, "tests/core/test_sweep.py")
    assert {"tests/core/sweep_models.py", "qbcore/sweep.py"} <= reached
    reached = mutants.imported(mutants.ROOT, "tests/core/test_dual_cavity.py")
    assert "qbcore/_numerics/unitary.py" in reached  # by way of the battery
    assert "qbcore/star/battery.py" not in reached


def test_what_becomes_of_a_mutant(project):
    before = {p: p.read_bytes() for p in project.rglob("*.py")}
    source = (project / "qbcore/box.py").read_bytes()
    found = {
        (source[m.start : m.end].decode(), m.text): m
        for place in mutants.mutants_of("qbcore/box.py", source)
        for m in place
    }
    product, bound, step = found["*", "/"], found["<", "<="], found["n -= 1", "pass"]
    assert (product.line, product.original, product.mutated) == (
        16, "* b) # é * 2", "/ b) # é * 2",
    )  # fmt: skip
    with mutants.Trial(project, 2, slack=5.0) as trial:
        assert trial.baseline(["qbcore/box.py"]) == []
        answers = {m: what for m, what, _ in trial.outcomes([product, bound, step])}
        folder = Path(trial.folder.name)
    assert answers == {product: "killed", bound: "SURVIVED", step: "timed out"}
    assert not folder.exists()
    assert {p: p.read_bytes() for p in project.rglob("*.py")} == before


def run(project: Path, *options: str, **kwargs) -> subprocess.Popen:
    command = [sys.executable, project / "tools" / "mutants.py", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **kwargs)


def test_the_score_leaves_out_what_is_declared_equivalent(project):
    options = ["--seed", "1", "--within", "qbcore/box.py", "--only", "qbcore/box.py:13"]
    found = run(project, *options)
    out, _ = found.communicate()
    assert found.returncode == 1
    assert "Seed 1: 2 mutants drawn." in out
    assert "SURVIVED" in out
    assert "qbcore/box.py:13\n  - if a < 0: # a * b\n  + if a < 1: # a * b\n" in out
    assert "0 of 2 mutants killed: 0.0%. 0 more are declared equivalent." in out
    declared = """
        [[equivalent]]
        file = "qbcore/box.py"
        original = "if a < 0: # a * b"
        mutated = "if a < 1: # a * b"
        because = "no length is between 0 and 1"

        [[equivalent]]
        file = "qbcore/box.py"
        original = "if a < 0: # of an older edition"
        mutated = "if a < 1: # of an older edition"
        because = "no length is between 0 and 1"
    """
    (project / "tools/mutants-equivalent.toml").write_text(declared)
    out, _ = run(project, *options).communicate()
    assert "0 of 1 mutants killed: 0.0%. 1 more are declared equivalent." in out
    assert "no mutant any more: qbcore/box.py: if a < 0: # of an older" in out


def test_tests_that_fail_by_themselves_stop_the_trial(project):
    (project / "tests/core/test_box.py").write_text("def test_it():\n    assert 0\n")
    found = run(project, "--seed", "1", "--within", "qbcore/box.py")
    out, _ = found.communicate()
    assert found.returncode == 2
    assert "fail without a mutant: ['tests/core/test_box.py']" in out


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(project, tmp_path, sign):
    slow = "import time\n\n\ndef test_long():\n    time.sleep(60)\n"
    (project / "tests/core/test_contract.py").write_text(slow)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = os.environ | {"TMPDIR": str(scratch)}
    before = {p: p.read_bytes() for p in project.rglob("*.py")}
    process = run(project, "--within", "qbcore/box.py", env=environment)
    deadline = time.monotonic() + 60
    while len(list(scratch.glob("mutants-*/*/qbcore"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1.0)  # the tests are on their way
    process.send_signal(sign)
    out, _ = process.communicate(timeout=30)
    assert "Interrupted" in out
    assert process.returncode == 130
    assert list(scratch.iterdir()) == []
    assert {p: p.read_bytes() for p in project.rglob("*.py")} == before


def test_every_declared_equivalent_has_its_reason():
    declared = mutants.declared_equivalent()
    assert len({entry[:3] for entry in declared}) == len(declared)
    for entry in declared:
        assert (mutants.ROOT / entry.file).is_file()
        assert entry.original != entry.mutated
        assert len(entry.because.split()) >= 4


def test_an_entry_without_a_mutated_line_stands_for_all_of_them():
    (mutant, other), *_ = mutants.mutants_of("f.py", b"x = 300\n")
    one = mutants.Equivalent("f.py", "x = 300", "x = 600", "any size is right")
    assert (one.covers(mutant), one.covers(other)) == (False, True)
    assert all(one._replace(mutated="").covers(m) for m in (mutant, other))
    assert not one._replace(file="g.py").covers(other)
    assert not one._replace(original="x = 30").covers(other)


def test_ninety_five_of_a_hundred_must_die():
    drawn = [mutants.Mutant("box.py", k, k, k, "", "", "") for k in range(100)]
    for survivors, enough in ((5, True), (6, False)):
        ends = ["SURVIVED"] * survivors + ["killed"] * (100 - survivors)
        assert mutants.report(drawn, dict(zip(drawn, ends, strict=True)), 0) is enough
    told = (mutants.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert f"At least {100 * mutants.LEAST_SCORE:.0f} %" in told
