"""A student's notebook in its own kernel, and its answers as the tests ask for them.

The tests stay in this process. A call sends its arguments to the kernel and takes plain
values back, so nothing that the notebook patches reaches a test, and nothing it returns
runs here.
"""

from __future__ import annotations

import base64
import io
import os
import pickle
import subprocess
import time
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any

import dill
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from screen import answer_cells

PLAIN = {
    *(
        ("builtins", name)
        for name in ("complex", "set", "frozenset", "bytearray", "slice", "range")
    ),
    *(("numpy", name) for name in ("ndarray", "dtype")),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),  # bytes, in protocol 2
}
# Errors of the notebook that a test meets as they are; others become a RuntimeError.
ERRORS = {
    kind.__name__: kind
    for kind in (AttributeError, IndexError, KeyError, NameError, TypeError, ValueError)
}
# In place of otter's, which would run the public tests in the student's process for
# nothing.
GRADER = "class grader:\n    check = check_all = staticmethod(lambda *question: None)"


class _Plain(pickle.Unpickler):
    """Numbers, strings, containers, numpy arrays; all else could run code: refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("numpy.core", "numpy._core"), name) not in PLAIN:
            raise TypeError(
                f"a {module}.{name} came back: "
                "return numbers, arrays, or tuples of them"
            )
        return super().find_class(module, name)


class Answers:
    """The names a notebook defines, as the environment of otter's tests.

    ``seconds`` is the time that all cells and calls may take together; one of them gets
    a fifth.
    """

    def __init__(self, notebook: nbformat.NotebookNode, seconds: float) -> None:
        self.cells = list(answer_cells(notebook))
        self.share = seconds / 5
        self.end = time.monotonic() + seconds
        self.dead = ""  # why nothing more can be asked
        self.missing: set[str] = set()  # names that tests asked for in vain
        self.endless: set[str] = set()  # functions that had to be stopped once
        # The first cell is a scratch pad, for what the tests ask.
        scratch = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell()])
        self.client = NotebookClient(
            scratch, kernel_name="python3", interrupt_on_timeout=True
        )

    def __enter__(self) -> Answers:
        with ExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(ignore_cleanup_errors=True))
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            # Figures are not graded here, so none is drawn.
            surroundings = os.environ | {"IPYTHONDIR": folder, "MPLBACKEND": "agg"}
            stack.enter_context(
                self.client.setup_kernel(cwd=folder, env=surroundings, **silent)
            )
            self._execute(GRADER)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def run(self) -> list[str]:
        """Run all cells, and say which of them failed and why."""
        remarks = []
        for number, source in self.cells:
            try:
                self._execute(source)
            except Exception as error:
                remarks.append(f"cell {number}: {in_words(error)}")
            if self.dead:
                return [*remarks, "nothing after that was run"]
        return remarks

    def get(self, name: str, default: object = None) -> Any:
        """A value of the notebook, or a function that calls the notebook's function."""
        if self._ask(name, "", f"callable({name})"):
            return lambda *args, **kwargs: self._call(name, *args, **kwargs)
        return self._ask(name, "", name)

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        carried = base64.b64encode(dill.dumps((args, kwargs))).decode()
        setup = (
            "_args, _kwargs = __import__('dill').loads("
            f"__import__('base64').b64decode('{carried}'))"
        )
        return self._ask(name, setup, f"{name}(*_args, **_kwargs)")

    def _ask(self, name: str, setup: str, expression: str) -> Any:
        if name in self.endless:
            raise TimeoutError(f"{name} had to be stopped in an earlier test")
        dumped = (
            "__import__('base64').b64encode("
            f"__import__('pickle').dumps({expression})).decode()"
        )
        try:
            outputs = self._execute(f"{setup}\n{dumped}")
        except NameError as error:
            if f"'{name}'" not in str(error):
                raise
            self.missing.add(name)
            raise NameError(f"the notebook defines no {name}") from None
        except TimeoutError:
            self.endless.add(name)
            raise
        results = [o for o in outputs if o.output_type == "execute_result"]
        if not results:
            raise RuntimeError(f"{name} gave no result")
        text = results[-1]["data"]["text/plain"].strip("'")
        return _Plain(io.BytesIO(base64.b64decode(text))).load()

    def _execute(self, source: str) -> list[nbformat.NotebookNode]:
        """Outputs of some code in the kernel; an error there is raised here."""
        if self.dead:
            raise RuntimeError(self.dead)
        left = min(self.share, self.end - time.monotonic())
        if left < 1:
            self.dead = "no time was left"
            raise TimeoutError(self.dead)
        self.client.timeout = int(left)
        cell = nbformat.v4.new_code_cell(source)
        try:
            self.client.execute_cell(cell, 0, store_history=False)
        except DeadKernelError:
            self.dead = "the kernel died"
            raise RuntimeError(self.dead) from None
        except CellExecutionError as error:
            if error.ename == "KeyboardInterrupt":
                raise TimeoutError(f"stopped after {int(left)} s") from None
            said = " ".join(error.evalue.split())[:200]
            if error.ename in ERRORS:
                raise ERRORS[error.ename](said) from None
            raise RuntimeError(f"{error.ename}: {said}") from None
        return cell.outputs


def in_words(error: Exception) -> str:
    """What a student reads of an error; ours and a test's are sentences already."""
    spoken = isinstance(error, AssertionError | RuntimeError | TimeoutError)
    return str(error) if spoken else f"{type(error).__name__}: {error}"
