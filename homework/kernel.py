"""A notebook's cells and functions in a separate process: the part that runs there.

It reads one request per line and answers each with one line of JSON. The value of a
function crosses as numbers, texts, arrays, and containers of them: nothing that could
run code on the other side. The file stands alone, because nothing else of the course
is there.
"""

from __future__ import annotations

import base64
import ctypes
import dataclasses
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterable, Mapping, Set
from numbers import Complex, Integral, Real
from queue import SimpleQueue
from typing import Any

LARGEST = 1_000_000  # parts of a result
PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)


class _Parts:
    """Take values apart; some containers are longer than any memory."""

    def __init__(self) -> None:
        self.count = 0

    def plain(self, value: Any) -> Any:
        """What JSON can say of a value: itself, or its kind and its parts."""
        self.count += 1
        if self.count > LARGEST:
            raise ValueError("the result has more than a million parts")
        if value is None or isinstance(value, bool):
            return value
        for kind in (int, float, str):
            if isinstance(value, kind) and not _is_array(value):
                return kind(value)
        if isinstance(value, bytes | bytearray):
            return {"bytes": base64.b64encode(value).decode()}
        if isinstance(value, tuple):
            return {"tuple": [self.plain(part) for part in value]}
        if isinstance(value, Mapping):
            pairs = [[self.plain(k), self.plain(v)] for k, v in value.items()]
            return {"dict": pairs}
        if isinstance(value, Set):
            return {"set": [self.plain(part) for part in value]}
        if isinstance(value, list):
            return {"list": [self.plain(part) for part in value]}
        return self._number_or_array(value)

    def _number_or_array(self, value: Any) -> Any:
        # A matrix of QuTiP or scipy, and whatever numpy makes an array of.
        for name in ("full", "toarray"):
            if callable(getattr(value, name, None)):
                return self._array(getattr(value, name)())
        if _is_array(value) or hasattr(value, "__array__"):
            return self._array(value)
        if isinstance(value, Integral) or hasattr(value, "__index__"):
            return int(value)
        if isinstance(value, Real) or hasattr(value, "__float__"):
            return self._real_or_complex(value)
        if isinstance(value, Complex) or hasattr(value, "__complex__"):
            return _complex(complex(value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [each.name for each in dataclasses.fields(value)]
            return {"tuple": [self.plain(getattr(value, name)) for name in names]}
        if isinstance(value, Iterable):
            return {"list": [self.plain(part) for part in value]}
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise TypeError(
            f"a {kind[:100]} came back: return numbers, arrays, or tuples of them"
        )

    def _real_or_complex(self, value: Any) -> Any:
        try:
            return float(value)
        except TypeError:  # a symbolic number may be complex
            return _complex(complex(value))

    def _array(self, value: Any) -> Any:
        import numpy as np

        if np.ma.isMaskedArray(value):
            kind = np.result_type(value.dtype, float)
            value = (
                np.ma.filled(value.astype(kind), np.nan) if value.mask.any() else value
            )
        array = np.array(value, subok=False)
        if array.dtype == object:
            return self._objects(array)
        if array.dtype.kind not in "biufcUS":
            raise TypeError(f"an array of {array.dtype} came back: return numbers")
        if array.dtype.kind == "b" and not array.ndim:
            return bool(array)
        if array.dtype.kind in "fc":
            array = array.astype(float if array.dtype.kind == "f" else complex)
        self.count += array.size // 8
        if self.count > LARGEST:
            raise ValueError("the result has more than a million parts")
        data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        return {"array": [array.dtype.str, list(array.shape), data]}

    def _objects(self, array: Any) -> Any:
        for kind in (float, complex):
            try:
                return self._array(array.astype(kind))
            except (TypeError, ValueError):
                continue
        return self.plain(array.tolist())


def _is_array(value: Any) -> bool:
    """Whether numpy made it; a float of numpy's is one of Python's, too."""
    return hasattr(value, "dtype") and hasattr(value, "ndim")


def _complex(value: complex) -> dict[str, list[float]]:
    return {"complex": [value.real, value.imag]}


class _Watch:
    """Note which of some packages a call uses, whatever name it has for them."""

    def __init__(self, packages: list[str]) -> None:
        self.packages = set(packages)
        self.used: set[str] = set()
        self.over = False

    def __enter__(self) -> _Watch:
        if self.packages:
            threading.setprofile(self._note)
            sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self.over = True
        sys.setprofile(None)
        threading.setprofile(None)

    def _note(self, frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            module = frame.f_globals.get("__name__")
        elif event == "c_call":
            module = getattr(argument, "__module__", None)
            if argument is sys.setprofile and not self.over:
                self.used |= self.packages  # whoever looks away has a reason
        else:
            return
        if isinstance(module, str) and module.split(".")[0] in self.packages:
            self.used.add(module.split(".")[0])


class Kernel:
    """The notebook as far as it has run, and answers to requests about it."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell

        self.shell = InteractiveShell.instance(
            colors="NoColor", history_load_length=0, cache_size=0
        )
        vars(self.shell).update(
            # Nobody reads it, and that of a huge cell takes longer than the cell.
            showtraceback=lambda *_, **__: None,
            showsyntaxerror=lambda *_, **__: None,
            ask_exit=lambda: None,  # a cell `exit()` ends nothing
        )
        self.names = self.shell.user_ns

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request; an error of the notebook's is one, too."""
        try:
            _heed_interrupts(True)
            return getattr(self, f"_{request.pop('ask')}")(**request)
        except BaseException as error:
            return _raised(error)
        finally:
            _heed_interrupts(False)

    def _run(self, source: str) -> dict[str, Any]:
        result = self.shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
        return _raised(error) if error else {"value": None}

    def _look(self, name: str) -> dict[str, Any]:
        if name not in self.names:
            return {"missing": name}
        value = self.names[name]
        return {"callable": True} if callable(value) else _value(value)

    def _call(self, name: str, carried: str, without: list[str]) -> dict[str, Any]:
        import dill

        if name not in self.names:
            return {"missing": name}
        args, kwargs = dill.loads(base64.b64decode(carried))
        with _Watch(without) as watch:
            try:
                answer = _value(self.names[name](*args, **kwargs))
            except BaseException as error:
                answer = _raised(error)
        return answer | {"used": sorted(watch.used)}


def _value(value: Any) -> dict[str, Any]:
    return {"value": _Parts().plain(value)}


def _raised(error: BaseException) -> dict[str, Any]:
    try:
        said = str(error)[:2000]
    except BaseException:  # a class of the notebook's own
        said = "an error that cannot be shown"
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return {"raised": kinds, "said": said}


def limit(limits: dict[str, int], *, closed: bool) -> None:
    """Bound what the process may take, for good.

    Closed in, each limit holds. At a student's home it is one that the system knows.
    """
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):  # macOS has no limit of the address space
            if closed:
                raise


def become(user: int) -> None:
    """Go on as this user, whom no file belongs to."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def serve(requests: Iterable[str], answers: int) -> None:
    """Answer requests; `stop` and its number interrupts the one that is running."""
    waiting: SimpleQueue[str] = SimpleQueue()
    main = threading.get_ident()

    def listen() -> None:
        for line in requests:
            if line == "stop\n":
                signal.pthread_kill(main, signal.SIGINT)
            else:
                waiting.put(line)
        os._exit(0)  # the grader has gone

    _heed_interrupts(False)
    threading.Thread(target=listen, daemon=True).start()
    kernel = Kernel()
    while True:
        request = json.loads(waiting.get())
        number = request.pop("number")
        answer = kernel.answer(request)
        try:
            written = json.dumps(answer | {"number": number})
        except Exception as error:  # too deep, or a whole number of 5000 digits
            written = json.dumps(_raised(error) | {"number": number})
        _write(answers, f"{written}\n".encode())


def _heed_interrupts(heed: bool) -> None:
    """An interrupt that comes too late must not end the next request."""
    handler = signal.default_int_handler if heed else signal.SIG_IGN
    try:
        signal.signal(signal.SIGINT, handler)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, handler)


def _write(answers: int, text: bytes) -> None:
    while text:
        text = text[os.write(answers, text) :]


def end_with_parent() -> None:
    """On Linux, be killed when the process that started this one is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL)


def main() -> None:
    """Keep the channel, give the notebook silent ones, and serve."""
    settings = json.loads(sys.argv[1])
    limit(settings["limits"], closed=settings["closed"])
    sys.path.insert(0, settings["core"])  # the one that the grader has
    if settings["user"]:
        become(settings["user"])
    end_with_parent()  # another user's process would forget it
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.dup(1)
    silence = os.open(os.devnull, os.O_RDWR)
    for channel in (0, 1, 2):
        os.dup2(silence, channel)
    serve(requests, answers)


if __name__ == "__main__":
    main()
