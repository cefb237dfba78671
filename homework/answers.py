"""A student's notebook in a separate process, and its answers to the tests.

The tests stay in this process. A call sends its arguments to the notebook and takes
plain values back, so nothing that the notebook patches reaches a test, and nothing it
returns runs here.
"""

from __future__ import annotations

import base64
import builtins
import json
import os
import selectors
import time
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, NoReturn

import dill
import numpy as np
from confine import MEMORY, Process

LONGEST = 128_000_000  # bytes of one answer
PATIENCE = 3.0  # seconds for code to heed an interrupt
LOOK = 0.5  # seconds between two looks at the memory
# In place of otter's, which would run the public tests in the student's process for
# nothing.
GRADER = "class grader:\n    check = check_all = staticmethod(lambda *question: None)"


class Unanswered(Exception):
    """Why a notebook gave no answer, in a sentence of ours."""


class Stopped(Unanswered):
    """It took too long, or its process died: another call would do the same."""


class Raised(Exception):
    """An error of the notebook that none of Python's own errors expresses."""


class Answers:
    """The names a notebook defines, as the environment of otter's tests.

    ``seconds`` is the time that all cells and calls may take together; one of them gets
    a fifth.
    """

    process: Process
    waiting: selectors.BaseSelector
    received: bytearray

    def __init__(
        self, cells: Iterable[tuple[int, str]], seconds: float, *, closed: bool
    ) -> None:
        self.cells = list(cells)
        self.seconds, self.share = seconds, seconds / 5
        self.end = time.monotonic() + seconds
        self.closed = closed
        self.dead = ""  # why nothing more can be asked
        self.lives = 3  # how often a process that died is started again
        self.ran: list[str] = []  # cells that a new process may run again
        self.missing: set[str] = set()  # names that tests asked for in vain
        self.endless: set[str] = set()  # functions that had to be stopped once
        self.without: list[str] = []  # packages that a question forbids
        self.used: set[str] = set()  # those of them that were used all the same
        self.as_numbers = False  # a list is an array, and an array of one a number
        self.two_ways = False  # something came back that can be read in two ways
        self._number = 0

    def __enter__(self) -> Answers:
        try:
            self._start()
        except Unanswered as error:  # `run` says it
            self.dead = f"Python could not be started for the notebook: {error}"
            self.lives = 0
        return self

    def __exit__(self, *_: object) -> None:
        self.process.end()

    def run(self) -> list[str]:
        """Run all cells, and say which of them failed and why."""
        if self.dead:
            return [self.dead]
        remarks = []
        for number, source in self.cells:
            try:
                self._value(self._ask("run", source=source))
                self.ran.append(source)
            except Exception as error:
                remarks.append(f"cell {number}: {in_words(error)}")
                if not self.dead:
                    self.ran.append(source)
                else:
                    self._revive()
                if self.dead:
                    return [*remarks, "nothing after that was run"]
        return remarks

    def get(self, name: str, default: object = None) -> Any:
        """A value of the notebook, or a function that calls the notebook's function."""
        if self.dead:
            self._revive()
        answer = self._ask("look", name=name)
        if "callable" in answer:
            return self._caller(name)
        return self._value(answer, name)

    def _caller(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name in self.endless:
                raise Unanswered(f"{name} had to be stopped in an earlier test")
            if self.dead:
                self._revive()
            nameless = (
                tuple(map(_nameless, args)),
                {key: _nameless(value) for key, value in kwargs.items()},
            )
            # Without `recurse` a test's lambda would take all the tests along.
            carried = base64.b64encode(dill.dumps(nameless, recurse=True))
            asked = {"name": name, "carried": carried.decode(), "without": self.without}
            try:
                answer = self._ask("call", **asked)
                self.used |= set(self.without).intersection(answer.get("used", []))
                return self._value(answer, name)
            except Stopped:
                self.endless.add(name)
                raise

        return call

    def _value(self, answer: dict[str, Any], name: str = "") -> Any:
        """The value of an answer; an error of the notebook's is raised here."""
        if "missing" in answer:
            self.missing.add(name)
            raise Unanswered(f"the notebook defines no {name}")
        if "raised" not in answer:
            return self._read(answer.get("value"))
        said = one_line(str(answer["said"]), 200)
        if "KeyboardInterrupt" in answer["raised"]:
            raise Stopped("stopped, because it took too long")
        error: Any = _error(answer["raised"], said)
        error.of_notebook = str(answer["raised"][0])
        raise error

    def _read(self, said: Any) -> Any:
        """The value that `kernel.py` wrote down."""
        if not isinstance(said, dict):
            return said
        ((kind, parts),) = said.items()
        match kind:
            case "array":
                return self._array(*parts)
            case "complex":
                return complex(*parts)
            case "tuple":
                return tuple(self._list(parts))
            case "list":
                return self._array_of(self._list(parts))
            case "set":
                return set(map(self._read, parts))
            case "dict":
                return {self._read(key): self._read(value) for key, value in parts}
            case "bytes":
                return base64.b64decode(parts)
        raise Unanswered("something came back that is not an answer")

    def _list(self, parts: list[Any]) -> list[Any]:
        return [self._read(part) for part in parts]

    def _array(self, kind: str, shape: list[int], data: str) -> Any:
        dtype = np.dtype(kind)
        if dtype.kind not in "biufcUS":
            raise Unanswered("something came back that is not an answer")
        array = np.frombuffer(base64.b64decode(data), dtype).reshape(shape).copy()
        if array.ndim and array.size == 1:
            self.two_ways = True
            return array.item() if self.as_numbers else array
        return array if array.ndim else array[()]

    def _array_of(self, parts: list[Any]) -> Any:
        self.two_ways = True
        if not self.as_numbers:
            return parts
        try:
            array = np.array(parts)
        except ValueError:
            return parts
        if array.dtype.kind not in "biufc":
            return parts
        return array.item() if array.size == 1 else array

    def _ask(self, ask: str, **about: Any) -> dict[str, Any]:
        """The answer to a request, if it comes in time."""
        if self.dead:
            raise Stopped(self.dead)
        left = min(self.share, self.end - time.monotonic())
        if left < 1:
            self._give_up("no time was left")
        self._number += 1
        self._send(json.dumps({"number": self._number, "ask": ask} | about))
        answer = self._wait(left)
        if answer is None:
            self._send("stop")
            answer = self._wait(PATIENCE)
            if answer is None:
                self.dead = "it could not be stopped"
                raise Stopped("stopped, because it took too long")
        return answer

    def _send(self, line: str) -> None:
        try:
            self.process.requests.write(line.encode() + b"\n")
            self.process.requests.flush()
        except OSError:
            self._give_up("the kernel died")

    def _wait(self, seconds: float) -> dict[str, Any] | None:
        """The answer to the last request, or nothing if it does not come in time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.waiting.select(min(left, LOOK)):
                self._take()
            elif self.process.memory() > MEMORY:
                self._give_up(f"it used more than {MEMORY >> 30} GB of memory")
            line, found, rest = self.received.partition(b"\n")
            if found:
                self.received = rest
                answer = self._parsed(line)
                if answer.get("number") == self._number:
                    return answer
        return None

    def _take(self) -> None:
        piece = os.read(self.process.answers.fileno(), 1 << 20)
        if not piece:
            self._give_up("the kernel died")
        self.received += piece
        if len(self.received) > LONGEST:
            self._give_up("an answer was too long")

    def _parsed(self, line: bytearray) -> dict[str, Any]:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            self._give_up("something came back that is not an answer")
        return answer

    def _give_up(self, why: str) -> NoReturn:
        self.dead = why
        raise Stopped(why)

    def _start(self) -> None:
        self.dead, self.received = "", bytearray()
        self.process = Process(self.seconds, closed=self.closed)
        self.waiting = selectors.DefaultSelector()
        self.waiting.register(self.process.answers, selectors.EVENT_READ)
        self._ask("run", source=GRADER)

    def _revive(self) -> None:
        """Start once more, and run again what ran, as long as there is some use."""
        if self.lives == 0 or self.end - time.monotonic() < 1:
            return
        self.lives -= 1
        self.process.end()
        try:
            self._start()
            for source in self.ran:
                self._ask("run", source=source)
        except Unanswered as error:
            self.dead = str(error)


def _nameless(value: Any) -> Any:
    """A function of a test's without the name and the place of the test."""
    if not isinstance(value, FunctionType):
        return value
    code = value.__code__.replace(co_filename="", co_name="f", co_qualname="f")
    made = FunctionType(
        code, value.__globals__, "f", value.__defaults__, value.__closure__
    )
    made.__kwdefaults__ = value.__kwdefaults__
    return made


def _error(kinds: list[str], said: str) -> Exception:
    """The nearest of Python's own errors to the notebook's, as a test expects it."""
    for name in kinds:
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            if kind is Exception:
                break
            try:
                return kind(said)
            except TypeError:  # one that needs more than a text
                continue
    return Raised(said)


def one_line(text: str, longest: int) -> str:
    """A text of the notebook's, which may hold whatever a terminal obeys."""
    line = " ".join(text[: 10 * longest].split())
    return "".join(c if c.isprintable() else "?" for c in line)[:longest]


def in_words(error: Exception) -> str:
    """An error as the student reads it; ours and a test's are sentences already."""
    if isinstance(error, Unanswered | AssertionError) and not _of_notebook(error):
        return str(error)
    return f"{_of_notebook(error) or type(error).__name__}: {error}"


def _of_notebook(error: Exception) -> str:
    return getattr(error, "of_notebook", "")
