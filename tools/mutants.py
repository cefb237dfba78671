"""Mutation testing: make small mistakes in the core and see which the tests notice.

`make mutants SEED=7` draws 90 mutants with that seed, runs the tests that matter on
each in a copy of the tree, and prints the score and the survivors. A survivor is a test
that is missing, or a mutant that nobody can tell from the original; the latter is
declared in `mutants-equivalent.toml` with a reason.

Mutated are `qbcore` and `qbook/claims.py`: operators, comparisons, signs, numbers,
truth values, conditions, arguments in swapped order, functions that are easily confused
(sin and cos, min and max), dropped square roots, conjugations, transpositions and calls
whose value nobody uses. Not mutated are text (docstrings, messages, names of
parameters), types, and how an object shows itself (`__repr__`).

mutmut 3.8 and cosmic-ray 8.7 do not fit: neither draws a sample with a seed. mutmut
leaves out what has a decorator, so every property, and what stands outside of
functions, so every constant and default. Three quarters of cosmic-ray's mutants are an
arithmetic operator in place of another, and it writes them into the work tree itself.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import os
import queue
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import cache
from operator import methodcaller
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = ROOT / "tools" / "mutants-equivalent.toml"
EVERY_MODEL = ["tests/core/test_contract.py", "tests/core/test_odd_inputs.py"]
# The files that the tests read; neither a virtual environment nor a built site.
COPIED = ("qbcore", "qbook", "tests", "tools", "book", "pyproject.toml", "README.md")
NOTHING_COLLECTED = 5  # by pytest: a file without examples in its docstrings
LEAST_SCORE = 0.95
MEMORY = 8 * 2**30  # bytes of addresses, so that no mutant takes the whole machine

COMPARISONS = {
    ast.Lt: ("<", ["<=", ">="]),
    ast.LtE: ("<=", ["<", ">"]),
    ast.Gt: (">", [">=", "<="]),
    ast.GtE: (">=", [">", "<"]),
    ast.Eq: ("==", ["!="]),
    ast.NotEq: ("!=", ["=="]),
    ast.Is: (r"is", ["is not"]),
    ast.IsNot: (r"is\s+not", ["is"]),
    ast.In: (r"in", ["not in"]),
    ast.NotIn: (r"not\s+in", ["in"]),  # codespell:ignore
}
OPERATORS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
    ast.MatMult: ("@", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
CONFUSED = [
    ("sin", "cos"),
    ("sinh", "cosh"),
    ("min", "max"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("floor", "ceil"),
    ("real", "imag"),
    ("log", "log2"),
    ("exp", "expm1"),
    ("tril", "triu"),
]
OTHER_NAME = {a: b for pair in CONFUSED for a, b in (pair, pair[::-1])}
BUILTIN = {"min", "max", "any", "all"}  # the others are attributes of numpy
DROPPED = {"sqrt", "abs", "square", "exp", "conj", "T"}
# The order of their arguments does not matter, or says nothing about physics.
SYMMETRIC = {"min", "max", "minimum", "maximum", "hypot", "isclose", "allclose"}
SYMMETRIC |= {"add", "multiply", "array_equal", "swapaxes", "isinstance"}
UNTESTED_ARGUMENTS = {"strict", "maxsize"}  # guards of `zip`, sizes of caches


class Mutant(NamedTuple):
    """A mistake: these bytes of a file replaced; the lines are for the reader."""

    file: str
    line: int
    start: int
    end: int
    text: str
    original: str
    mutated: str


class Site(NamedTuple):
    """A place in a source and what may stand there instead."""

    start: int
    end: int
    texts: list[str]


class Sites(ast.NodeVisitor):
    """The places of a source that can be mutated, in `found`.

    Replacements are of text, not of trees, so that the lines keep their numbers.
    """

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.found: list[Site] = []
        lines = source.splitlines(keepends=True)
        self.offsets = [sum(map(len, lines[:n])) for n in range(len(lines))]
        self.visit(ast.parse(source))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """First byte of a node and the one after its last."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.offsets[node.lineno - 1] + node.col_offset
        return start, self.offsets[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.expr) -> str:
        """Source of an expression."""
        start, end = self.span(node)
        return self.source[start:end].decode()

    def replace(self, node: ast.expr | ast.stmt, *texts: str) -> None:
        self.found.append(Site(*self.span(node), list(texts)))

    def between(
        self, left: ast.expr, right: ast.expr, pattern: str, texts: list[str]
    ) -> None:
        """Replace the operator between two expressions."""
        start, end = self.span(left)[1], self.span(right)[0]
        gap = re.sub(
            rb"#[^\n]*", lambda m: b" " * len(m.group()), self.source[start:end]
        )
        match = re.search(pattern.encode(), gap)
        assert match is not None
        self.found.append(Site(start + match.start(), start + match.end(), texts))

    # Left out: types, text, and how an object shows itself.

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass

    def visit_arg(self, node: ast.arg) -> None:
        pass

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if node.name in ("__repr__", "_repr_html_"):
            return
        for each in [*node.decorator_list, node.args, *node.body]:
            self.visit(each)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in UNTESTED_ARGUMENTS:
            self.visit(node.value)

    # These are mutated.

    def visit_Compare(self, node: ast.Compare) -> None:
        values = [node.left, *node.comparators]
        for left, right, kind in zip(values[:-1], values[1:], node.ops, strict=True):
            pattern, texts = COMPARISONS[type(kind)]
            self.between(left, right, pattern, texts)
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        words = ["and", "or"] if isinstance(node.op, ast.And) else ["or", "and"]
        for left, right in zip(node.values[:-1], node.values[1:], strict=True):
            self.between(left, right, words[0], words[1:])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if not (_is_text(node.left) or _is_text(node.right)):
            sign, other = OPERATORS[type(node.op)]
            self.between(node.left, node.right, re.escape(sign), [other])
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        sign, other = OPERATORS[type(node.op)]
        self.between(node.target, node.value, re.escape(sign), [other])
        self.replace(node, "pass")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        start, _ = self.span(node)
        sign = {ast.USub: "-", ast.Not: "not ", ast.Invert: "~"}.get(type(node.op), "+")
        self.found.append(Site(start, start + len(sign), [""]))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self.replace(node, str(not value))
        elif isinstance(value, int):
            small = abs(value) <= 10
            others = (value - 1, value + 1) if small else (value // 2, 2 * value)
            self.replace(node, *(f"({n})" if n < 0 else str(n) for n in others))
        elif isinstance(value, float):
            self.replace(
                node, *([repr(value / 2), repr(2 * value)] if value else ["1.0"])
            )
        elif isinstance(value, complex):
            self.replace(node, f"(-{value.imag}j)")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        _, end = self.span(node)
        if node.attr in OTHER_NAME:
            name = end - len(node.attr.encode())
            self.found.append(Site(name, end, [OTHER_NAME[node.attr]]))
        if node.attr == "T":
            self.replace(node, self.text(node.value))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if isinstance(node.func, ast.Name) and name in BUILTIN:
            self.replace(node.func, OTHER_NAME[name])
        first = node.args[:2]
        swappable = len(first) == 2 and name not in SYMMETRIC
        if swappable and not any(_is_text(a) or _is_starred(a) for a in first):
            a, b = (self.text(each) for each in first)
            (start, _), (_, end) = (self.span(each) for each in first)
            if a != b:
                self.found.append(Site(start, end, [f"{b}, {a}"]))
        if name in DROPPED and len(node.args) == 1:
            self.replace(node, f"({self.text(node.args[0])})")
        elif name in DROPPED and isinstance(node.func, ast.Attribute):
            self.replace(node, self.text(node.func.value))
        if name == "isinstance":  # its second argument is a type
            node.args = node.args[:1]
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):  # a check, or a change in place
            self.replace(node, "pass")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        if self.text(node.test) != "TYPE_CHECKING":
            self.condition(node.test)
            self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.condition(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.condition(test)
        self.generic_visit(node)

    def condition(self, test: ast.expr) -> None:
        """The opposite of a condition that no other mutant turns round."""
        if isinstance(test, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            self.replace(test, f"not ({self.text(test)})")


def _is_text(node: ast.expr) -> bool:
    constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return constant or isinstance(node, ast.JoinedStr)


def _is_starred(node: ast.expr) -> bool:
    return isinstance(node, ast.Starred)


def mutants_of(file: str, source: bytes) -> Iterator[list[Mutant]]:
    """The mutants of one source, in a list per place."""
    for start, end, texts in Sites(source).found:
        yield [_mutant(file, source, start, end, text) for text in texts]


def _mutant(file: str, source: bytes, start: int, end: int, text: str) -> Mutant:
    """The mutant, with the whole lines that it changes."""
    first = source.rfind(b"\n", 0, start) + 1
    last = source.index(b"\n", end)
    before, after = source[first:start].decode(), source[end:last].decode()
    changed = source[start:end].decode()
    return Mutant(
        file,
        source.count(b"\n", 0, start) + 1,
        start,
        end,
        text,
        " ".join((before + changed + after).split()),
        " ".join((before + text + after).split()),
    )


def sources(root: Path) -> list[str]:
    """The files that are mutated."""
    core = (p for p in (root / "qbcore").rglob("*.py") if p.stem != "__main__")
    return [*sorted(p.relative_to(root).as_posix() for p in core), "qbook/claims.py"]


def all_places(root: Path, files: Sequence[str]) -> list[list[Mutant]]:
    """Every place of these files that can be mutated, with its mutants."""
    return [p for f in files for p in mutants_of(f, (root / f).read_bytes())]


def draw(root: Path, seed: int, number: int, within: str = "") -> list[Mutant]:
    """Return so many mutants, each of another place; a seed always draws the same."""
    files = [file for file in sources(root) if file.startswith(within)]
    places = all_places(root, files)
    rng = random.Random(seed)
    drawn = rng.sample(places, min(number, len(places)))
    return sorted(rng.choice(place) for place in drawn)


class Equivalent(NamedTuple):
    """A declared mutant: its file, and the lines; no mutated line stands for any."""

    file: str
    original: str
    mutated: str
    because: str

    def covers(self, m: Mutant) -> bool:
        """Whether it is this mutant."""
        here = (self.file, self.original) == (m.file, m.original)
        return here and self.mutated in ("", m.mutated)


def declared_equivalent(path: Path = EQUIVALENT) -> list[Equivalent]:
    """The entries of the list of mutants that nobody can tell from the original."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", [])
    return [Equivalent(**({"mutated": ""} | entry)) for entry in entries]


def outdated(declared: Sequence[Equivalent]) -> list[Equivalent]:
    """Declared mutants that the sources do not have any more."""
    places = all_places(ROOT, sources(ROOT))
    drawable = [m for place in places for m in place]
    return [e for e in declared if not any(map(e.covers, drawable))]


def tests_for(file: str, root: Path, seconds: dict[str, float]) -> list[list[str]]:
    """The tests that a mutant of this file meets, in groups that run one after another.

    First its docstrings and its own tests, those named after its room or itself. Then
    those of all models for a room's file; for a file that several rooms use, all of the
    core's tests that import it, however indirectly. The faster ones go first.
    """
    if file.startswith("qbook/"):
        return [[file, "tests/qbook/test_claims.py"]]
    _, *folders, _ = Path(file).parts
    room = bool(folders) and not folders[0].startswith("_")
    name = folders[0] if room else Path(file).stem
    tests = {f"tests/core/{t.name}" for t in (root / "tests/core").glob("test_*.py")}
    tests -= {"tests/core/test_package.py"}  # it builds the package, knows no physics
    ordered = sorted(tests, key=lambda test: (seconds.get(test, 0.0), test))
    own = [t for t in ordered if Path(t).stem.startswith(f"test_{name}")]
    users = [t for t in ordered if t not in own and file in imported(root, t)]
    general = [t for t in ordered if t in EVERY_MODEL]
    groups = [[file, *own], general if room else users]
    return [group for group in groups if group]


@cache
def imported(root: Path, file: str) -> set[str]:
    """The project's files that a file imports, directly or not."""
    found: set[str] = set()
    ahead = {file}
    while ahead:
        found |= ahead
        ahead = {new for old in ahead for new in _imports(root, old)} - found
    return found


@cache
def _imports(root: Path, file: str) -> set[str]:
    """The project's files that the import statements of a file name."""
    found = set()
    for node in ast.walk(ast.parse((root / file).read_bytes())):
        if isinstance(node, ast.Import):
            found |= {_file_of(root, file, alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            package = _file_of(root, file, node.module)
            for alias in node.names:  # a module of a package, or what a module defines
                module = _file_of(root, file, f"{node.module}.{alias.name}")
                found.add(module or package)
    return found - {""}


def _file_of(root: Path, importer: str, module: str) -> str:
    """File of a module in the project or in its importer's folder; "" for others."""
    place = module.replace(".", "/")
    for folder in (Path(), Path(importer).parent):
        for end in (".py", "/__init__.py"):
            if (root / folder / f"{place}{end}").is_file():
                return (folder / f"{place}{end}").as_posix()
    return ""


class Tree:
    """A copy of the project in which one mutant at a time is tried."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        for name in COPIED:
            source, target = root / name, folder / name
            if source.is_dir():
                leave = shutil.ignore_patterns("__pycache__", ".ipynb_*")
                shutil.copytree(source, target, ignore=leave)
            elif source.exists():
                shutil.copy(source, target)

    def fails(self, tests: Sequence[str], limit: float | None = None) -> str:
        """The way the tests fail here: "killed" or "timed out", and "" if they pass."""
        # Without a cache in the copy, and with the plugin whose marker the tests use.
        options = ["-x", "-q", "-pno:cacheprovider", "-pxdist"]
        environment = os.environ | {
            # The copy goes before the installed project, also where a test runs Python.
            "PYTHONPATH": str(self.folder),
            # A cache cannot tell two mutants of one second and one length apart.
            "PYTHONDONTWRITEBYTECODE": "1",
            # The plugins for notebooks take longer to load than most tests to run.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "CI": "true",  # the same examples of hypothesis each time
            "OMP_NUM_THREADS": "1",
            "TQDM_DISABLE": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *tests],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            passed = self.process.wait(limit) in (0, NOTHING_COLLECTED)
            return "" if passed else "killed"
        except subprocess.TimeoutExpired:
            return "timed out"
        finally:
            self.stop()

    def stop(self) -> None:
        """End the tests that run here, with all that they have started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def outcome(
        self, mutant: Mutant, groups: list[list[str]], limits: list[float]
    ) -> str:
        """The verdict of the tests on a mutant; the file is as before then."""
        path = self.folder / mutant.file
        source = path.read_bytes()
        head, tail = source[: mutant.start], source[mutant.end :]
        path.write_bytes(head + mutant.text.encode() + tail)
        try:
            failures = map(self.fails, groups, limits)
            return next(filter(None, failures), "SURVIVED")
        finally:
            path.write_bytes(source)


class Trial:
    """A few trees that try mutants side by side; leaving it ends all of them."""

    def __init__(self, root: Path, workers: int, slack: float = 20.0) -> None:
        self.root = root
        self.slack = slack  # seconds that a busy machine may add to three usual times
        self.workers = workers
        self.seconds: dict[str, float] = {}
        self.futures: list[Future[tuple[str, float]]] = []

    def __enter__(self) -> Trial:
        self.folder = tempfile.TemporaryDirectory(prefix="mutants-")
        homes = [Path(self.folder.name) / str(n) for n in range(self.workers)]
        self.trees = [Tree(self.root, home) for home in homes]
        self.free: queue.SimpleQueue[Tree] = queue.SimpleQueue()
        for tree in self.trees:
            self.free.put(tree)
        self.pool = ThreadPoolExecutor(self.workers)
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
        while any(future.running() for future in self.futures):
            for tree in self.trees:
                tree.stop()
            time.sleep(0.05)
        self.folder.cleanup()

    def submit(self, work: Callable[[Tree], str]) -> Future[tuple[str, float]]:
        """Let a free tree do the work; the result comes with its duration."""

        def timed() -> tuple[str, float]:
            tree, start = self.free.get(), time.monotonic()
            try:
                return work(tree), time.monotonic() - start
            finally:
                self.free.put(tree)

        self.futures.append(self.pool.submit(timed))
        return self.futures[-1]

    def baseline(self, files: Sequence[str]) -> list[str]:
        """Time the tests of these files without a mutant; return those that fail."""
        groups = [group for f in files for group in tests_for(f, self.root, {})]
        tests = {test for group in groups for test in group} - set(files)
        # The docstrings together: most files have none or take no time.
        runs = [[test] for test in sorted(tests)] + [list(files)]
        running = {self.submit(methodcaller("fails", run)): run for run in runs}
        failing = []
        for future in as_completed(running):
            run = running[future]
            outcome, seconds = future.result()
            failing += run if outcome else []
            if len(run) == 1:
                self.seconds[run[0]] = seconds
        return failing

    def outcomes(
        self, mutants: Sequence[Mutant]
    ) -> Iterator[tuple[Mutant, str, float]]:
        """The verdicts on the mutants, as the answers come in."""
        running = {}
        for mutant in mutants:
            groups = tests_for(mutant.file, self.root, self.seconds)
            usual = [sum(self.seconds.get(t, 0.0) for t in group) for group in groups]
            limits = [self.slack + 3 * seconds for seconds in usual]
            args = (mutant, groups, limits)
            running[self.submit(methodcaller("outcome", *args))] = mutant
        for future in as_completed(running):
            yield running[future], *future.result()


def report(
    mutants: Sequence[Mutant], outcomes: dict[Mutant, str], skipped: int
) -> bool:
    """Print survivors and score; return whether the score suffices."""
    survivors = [m for m in mutants if outcomes.get(m) == "SURVIVED"]
    for m in survivors:
        print(f"\n{m.file}:{m.line}\n  - {m.original}\n  + {m.mutated}")
    killed, tried = len(outcomes) - len(survivors), len(outcomes)
    score = killed / max(tried, 1)
    print(f"\n{killed} of {tried} mutants killed: {score:.1%}. ", end="")
    print(f"{skipped} more are declared equivalent.")
    return score >= LEAST_SCORE


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--number", type=int, default=90, help="mutants drawn")
    parser.add_argument(
        "--within", default="", help="draw from this folder or file only"
    )
    parser.add_argument(
        "--only", nargs="*", help="try these of the drawn: FILE:LINE ..."
    )
    parser.add_argument(
        "--workers", type=int, default=2, help="mutants tried at a time"
    )
    parser.add_argument(
        "--list", action="store_true", help="print the drawn, run nothing"
    )
    return parser.parse_args()


def main() -> int:
    """Draw, try, report; 1 if too many survive, 2 if tests fail without a mutant."""
    for each in (signal.SIGINT, signal.SIGTERM):  # also if a shell has it ignored
        signal.signal(each, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # children inherit it
    args = options()
    declared = declared_equivalent()
    drawn = draw(ROOT, args.seed, args.number, args.within)
    if args.only:
        drawn = [m for m in drawn if f"{m.file}:{m.line}" in args.only]
    mutants = [m for m in drawn if not any(e.covers(m) for e in declared)]
    print(f"Seed {args.seed}: {len(drawn)} mutants drawn.", flush=True)
    if args.list:
        for m in drawn:
            print(f"{m.file}:{m.line}\n  - {m.original}\n  + {m.mutated}")
        return 0
    outcomes: dict[Mutant, str] = {}
    try:
        with Trial(ROOT, args.workers) as trial:
            failing = trial.baseline(sorted({m.file for m in mutants}))
            if failing:
                print(f"These tests fail without a mutant: {failing}")
                return 2
            for m, outcome, seconds in trial.outcomes(mutants):
                outcomes[m] = outcome
                done = f"[{len(outcomes):3}/{len(mutants)}]"
                where = f"{m.file}:{m.line}"
                print(f"{done} {outcome:9} {where:42} {seconds:4.0f} s", flush=True)
    except KeyboardInterrupt:
        print("\nInterrupted; this is of what was tried.")
        report(mutants, outcomes, len(drawn) - len(mutants))
        return 130
    for e in outdated(declared):
        print(f"Declared equivalent, but no mutant any more: {e.file}: {e.original}")
    return 0 if report(mutants, outcomes, len(drawn) - len(mutants)) else 1


if __name__ == "__main__":
    sys.exit(main())
