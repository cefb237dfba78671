"""Say before you hand in what the grader will say to the public tests.

    python check.py 03-rosen-zener-pulse.ipynb

Your notebook runs from top to bottom in a separate process, and its functions answer
the tests as they will for the grader. Hidden tests run after you hand in.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "grading"))  # in the students' package
sys.path.insert(1, str(HERE))

from answers import Answers  # noqa: E402
from assigned import Built, answers, recognised  # noqa: E402
from screen import defined_twice  # noqa: E402
from submissions import Attempt, Refused, read  # noqa: E402
from verdict import judge  # noqa: E402


def handed_out(attempt: Attempt) -> Built | None:
    """The assignment with its public tests, if they are in the notebook."""
    otter = attempt.document.get("metadata", {}).get("otter", {})
    tests = otter.get("tests") if isinstance(otter, dict) else None
    if not isinstance(tests, dict) or not tests:
        return None
    in_order = sorted(tests.items(), key=lambda pair: (len(pair[0]), pair[0]))
    return Built(attempt.assignment, in_order, {})


def with_tests(path: Path, attempt: Attempt) -> Built | None:
    """The tests in the notebook, or those of the notebook that was handed out."""
    found = handed_out(attempt)
    beside = sorted({*HERE.glob("*.ipynb"), *path.resolve().parent.glob("*.ipynb")})
    defined = {name for name, _ in answers(attempt)}
    for other in beside:
        if found is not None:
            break
        built = handed_out(read(other).attempts[0])
        found = built if built and defined & built.functions else None
    return found


def main() -> int:
    """Check a notebook; 0 if all public tests pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--time-limit", type=float, default=300)
    arguments = parser.parse_args()
    if not arguments.notebook.exists():
        parser.error(f"there is no file {arguments.notebook}")
    try:
        attempt = read(arguments.notebook).attempts[-1]
    except Refused as error:
        print(f"not graded: {error}")
        return 1
    built = with_tests(arguments.notebook, attempt)
    if built is None:
        print(
            "The public tests are not in this notebook any more: put the one that was "
            "handed out next to it."
        )
        return 1
    _, remark = recognised(attempt, {built.name: built})
    with Answers(attempt.code, arguments.time_limit, closed=False) as notebook:
        verdict = judge(notebook, built.name, built.tests)
    for said in [*([remark] if remark else []), *defined_twice(attempt)]:
        print(f"- {said}")
    for said in verdict.remarks:
        print(f"- {said}")
    for question, points in verdict.points.items():
        of = verdict.possible[question]
        print(f"{question}: {points:g} of {of:g} points of the public tests")
        for hint in verdict.hints[question]:
            print(f"    {hint}")
    return int(verdict.points != verdict.possible or bool(verdict.remarks))


if __name__ == "__main__":
    sys.exit(main())
