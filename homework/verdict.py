"""Tests put to a notebook: points, and hints that tell nothing hidden."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from answers import Answers, Unanswered, in_words, one_line
from otter.test_files.abstract_test import TestCase, TestCaseResult
from otter.test_files.exception_test import ExceptionTestFile

RULES = Path(__file__).resolve().parent / "rules.yml"
FAILED = "it fails"


@dataclass
class Verdict:
    """Points and hints of each question, and what is to be said of the whole."""

    remarks: list[str] = field(default_factory=list)
    points: dict[str, float] = field(default_factory=dict)
    possible: dict[str, float] = field(default_factory=dict)
    hints: dict[str, list[str]] = field(default_factory=dict)


class Tests(ExceptionTestFile):
    """The tests of one question; a failure says what the test says, without quoting."""

    __test__ = False  # is a class of the course, not one for pytest

    def run(self, answers: Answers) -> None:
        """Put each test to the notebook.

        Where a list or an array of one came back, a test that fails is put once more
        with an array or a number in its place: which of them it is does not matter.
        """
        self.test_case_results = []
        for case in self.test_cases:
            error = self._attempt(case, answers)
            if error is not None and answers.two_ways:
                answers.as_numbers = True
                error = error if self._attempt(case, answers) is not None else None
                answers.as_numbers = False
            passed = error is None
            said = "" if error is None else self._hint(case, error)
            result = TestCaseResult(test_case=case, message=said, passed=passed)
            self.test_case_results.append(result)

    def _attempt(self, case: TestCase, answers: Answers) -> Exception | None:
        answers.two_ways = False
        try:
            case.body.call_func(answers)
        except Exception as error:
            return error
        return None

    def _hint(self, case: TestCase, error: Exception) -> str:
        said = self._hidden(error) if case.hidden else in_words(error)
        if "NoneType" in str(error):
            said += " (does the function return its result?)"
        kind = "hidden" if case.hidden else "public"
        return f"{kind} test, {case.points:g}: {one_line(said, 500)}"

    def _hidden(self, error: Exception) -> str:
        """The part that may leave the grader: our own sentences, without numbers.

        The notebook knows the arguments of the hidden test, and might put them into
        the text or the class of an error, or into a value that a message shows.
        """
        if isinstance(error, Unanswered):
            return str(error)
        if getattr(error, "of_notebook", ""):
            return f"the notebook raises {type(error).__name__}"
        if not isinstance(error, AssertionError):
            return f"{type(error).__name__} with what came back"
        return str(error) if self._in_the_test(str(error)) else FAILED

    def _in_the_test(self, said: str) -> bool:
        """Whether a message is a text of the test's, perhaps with another put in."""
        nodes = list(ast.walk(ast.parse(self.source)))
        texts = {n.value for n in nodes if isinstance(n, ast.Constant)}
        any_text = "|".join(re.escape(t) for t in texts if isinstance(t, str))
        patterns = (
            "".join(
                re.escape(str(part.value))
                if isinstance(part, ast.Constant)
                else f"(?:{any_text})"
                for part in node.values
            )
            for node in nodes
            if isinstance(node, ast.JoinedStr)
        )
        return said in texts or any(re.fullmatch(p, said) for p in patterns)


def forbidden(assignment: str) -> dict[str, list[str]]:
    """Packages that each question of an assignment forbids."""
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return rules.get(assignment.split(",")[0], {})


def judge(
    answers: Answers, assignment: str, tests: Iterable[tuple[str, str]]
) -> Verdict:
    """Run the notebook and put all tests to it."""
    verdict = Verdict(answers.run())
    rules = forbidden(assignment)
    for name, source in tests:
        file = Tests.from_string(source, path=name)
        answers.without, answers.used = rules.get(file.name, []), set()
        file.run(answers)
        results = file.test_case_results
        verdict.possible[file.name] = round(file.possible, 3)
        verdict.points[file.name] = round(file.score, 3)
        verdict.hints[file.name] = [r.message for r in results if not r.passed]
        if answers.used:
            said = f"uses {', '.join(sorted(answers.used))}, which it forbids"
            verdict.points[file.name] = 0.0
            verdict.hints[file.name] = [f"no points: the answer {said}"]
            verdict.remarks.append(f"{file.name} {said}: no points for it")
    for name in sorted(answers.missing):
        verdict.remarks.append(f"no {name}: is its cell missing, or did it fail?")
    return verdict
