"""Solutions, right and wrong variants of them, and their tests, in one process.

The grader runs a notebook in a separate kernel. Here the same tests meet the same
functions without one, so that some hundred variants take less than a minute.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mutants

ROOT = Path(__file__).resolve().parents[2]
HOMEWORK = ROOT / "homework"
sys.path.append(str(HOMEWORK))  # last: its `build.py` must not hide a package

import assignments  # noqa: E402
import course_map  # noqa: E402, F401
import marking  # noqa: E402, F401
import parameters  # noqa: E402, F401

SLACK = 0.5  # seconds that a mutant may take besides five times the solution's time
PATIENCE = 120.0  # seconds after which something is wrong with the machine or a variant


class Solved:
    """An assignment with its solutions, in whose place a variant can stand."""

    def __init__(self, name: str, seed: int | str = 0) -> None:
        self.assignment = assignments.read(assignments.sources()[name], seed)
        self.names: dict[str, Any] = {"__name__": "notebook"}
        self.questions = {q.name: q for q in self.assignment.questions}
        tested = [q for q in self.questions.values() if not q.written]
        for source in [*self.assignment.setup, *(c for q in tested for c in q.code)]:
            exec(compile(source, name, "exec"), self.names)
        self.tests = {
            test.name: self._function(test) for q in tested for test in q.tests
        }
        self.seconds: dict[str, float] = {}  # that a test takes with the solution

    def _function(self, test: assignments.Test) -> Any:
        surroundings: dict[str, Any] = {"__name__": "test"}
        exec(compile(test.source, test.name, "exec"), surroundings)
        return surroundings[test.name]

    def code(self, question: str) -> str:
        """The solution of a question."""
        return "\n\n\n".join(self.questions[question].code)

    def solution_points(self, question: str) -> float:
        """Points of the solution, whose tests are timed."""
        earned = 0.0
        for test in self.questions[question].tests:
            start = time.monotonic()
            with _quiet():
                self.tests[test.name](*(self.names[name] for name in test.arguments))
            self.seconds[test.name] = time.monotonic() - start
            earned += test.points
        return earned

    def points(self, question: str, source: str, *, whole: bool = True) -> float:
        """Points of a variant; if not `whole`, the tests stop where some are lost.

        Then, too, what takes much longer than the solution counts as endless. A
        variant that shall keep its points has all the time that a busy machine needs.
        """
        names, earned = dict(self.names), 0.0
        found = self.questions[question]
        try:
            with _quiet(), _limited(PATIENCE):
                exec(compile(source, question, "exec"), names)
        except Exception:
            return 0.0
        for test in found.tests:
            usual = self.seconds.get(test.name, PATIENCE)
            limit = PATIENCE if whole else 5 * usual + SLACK
            try:
                with _quiet(), _limited(limit):
                    self.tests[test.name](*(names[name] for name in test.arguments))
            except Exception:
                if not whole:
                    return earned
            else:
                earned += test.points
        return earned

    def lost(self, replace: dict[str, str]) -> list[str]:
        """Questions that lose points when pieces of the solutions are replaced."""
        names: dict[str, Any] = {"__name__": "notebook"}
        tested = [q for q in self.questions.values() if not q.written]
        for source in [*self.assignment.setup, *(c for q in tested for c in q.code)]:
            for old in [old for old in replace if old in source]:
                assert source.count(old) == 1, old
                source = source.replace(old, replace[old])
            exec(compile(source, "wrong", "exec"), names)
        found = []
        for question in tested:
            for test in question.tests:
                try:
                    with _quiet(), _limited(PATIENCE):
                        self.tests[test.name](*(names[n] for n in test.arguments))
                except Exception:
                    found.append(question.name)
                    break
        return found

    def answered(self, question: str, answer: Callable) -> list[str]:
        """The tests that pass with this in place of all functions of the question."""
        passed = []
        for test in self.questions[question].tests:
            given = {name: self.names[name] for name in test.arguments}
            asked = (answer if callable(value) else value for value in given.values())
            try:
                with _quiet(), _limited(PATIENCE):
                    self.tests[test.name](*asked)
            except Exception:
                continue
            passed.append(test.name)
        return passed

    def full(self, question: str) -> float:
        """The points that a question can give."""
        return sum(test.points for test in self.questions[question].tests)


class Mistakes(mutants.Sites):
    """The changes of the core's mutants, and mistakes of students besides.

    A result twice as large or of the other sign, its complex conjugate left out or put
    in, and neighbouring arguments taken in the wrong order.
    """

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        arguments = node.args.args
        for a, b in itertools.pairwise(arguments):
            span = self._offset(a.lineno, a.col_offset), self._end(b)
            between = self.source[self._end(a) : self._offset(b.lineno, b.col_offset)]
            if between.strip() == b",":  # neither has a default
                self.found.append(mutants.Site(*span, [f"{b.arg}, {a.arg}"]))
        for each in node.body:
            self.visit(each)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not isinstance(node.value, ast.Constant):
            text = self.text(node.value)
            if not isinstance(node.value, ast.Tuple):
                self.replace(node.value, f"2 * ({text})", f"-({text})")
            else:
                self.replace(node.value, f"({text})[::-1]")
            self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "vdot":
            self.replace(node.func, self.text(node.func).replace("vdot", "dot"))
        if isinstance(node.func, ast.Name) and node.func.id == "ValueError":
            return  # its words do not count
        super().visit_Call(node)

    def _offset(self, line: int, column: int) -> int:
        return self.offsets[line - 1] + column

    def _end(self, node: ast.arg) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(node.end_lineno, node.end_col_offset)


def mistakes(source: str) -> Iterator[tuple[str, str, str]]:
    """Line of the solution, the line as it is with a mistake, the mistaken solution."""
    raw = (source + "\n").encode()
    for start, end, texts in Mistakes(raw).found:
        for text in texts:
            mutant = mutants._mutant("", raw, start, end, text)
            changed = raw[:start] + text.encode() + raw[end:]
            yield mutant.original, mutant.mutated, changed.decode()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
