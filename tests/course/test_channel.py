"""Plain values cross between a notebook and its tests, and no secrets."""

import ast
import base64
import collections
import dataclasses
import decimal
import enum
import fractions
import json
import math
import sys
import threading
import zipfile
from collections.abc import Iterator

import kernel
import numpy as np
import psutil
import pytest
import qutip
import scipy.sparse
from answers import Answers, Unanswered, _error
from assigned import read_archives
from confine import Process
from handed_in import FIRST, HOMEWORK, NAMES, add, confine, edited, notebook
from kernel import _Parts, _raised
from screen import worth_a_look
from submissions import Attempt
from verdict import Tests, forbidden, judge

# One worker starts the processes.
pytestmark = pytest.mark.xdist_group("channel")


# --- plain values ---


Pair = collections.namedtuple("Pair", "first second")


@dataclasses.dataclass
class Record:
    first: float = 0.25
    second: float = 0.5


class Level(enum.IntEnum):
    TOP = 3


class Like:
    """What pandas, xarray and torch have in common."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0])


class Symbolic:
    """A complex number of a package for formulas."""

    def __float__(self):
        raise TypeError("it is complex")

    def __complex__(self):
        return 1j


MASKED = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])
# The value that a function returns, and the one that a test meets.
VALUES = [
    (np.matrix([[0, 1], [1, 0]]), np.array([[0, 1], [1, 0]])),
    (fractions.Fraction(1, 3), 1 / 3),
    (decimal.Decimal("0.125"), 0.125),
    ([fractions.Fraction(1, 4), 1], [0.25, 1]),
    (np.array([fractions.Fraction(1, 4), 1], dtype=object), np.array([0.25, 1.0])),
    (np.array([1j, fractions.Fraction(1, 4)], dtype=object), np.array([1j, 0.25])),
    (MASKED, np.array([1.0, math.nan, 3.0])),
    (np.ma.array([1, 2]), np.array([1, 2])),
    (np.ma.masked, math.nan),
    (Pair(1, 2.5), (1, 2.5)),
    (Record(), (0.25, 0.5)),
    (Level.TOP, 3),
    (Like(), np.array([1.0, 2.0])),
    (Symbolic(), 1j),
    (qutip.basis(2, 1), np.array([[0.0], [1.0]], dtype=complex)),
    (qutip.sigmay(), np.array([[0, -1j], [1j, 0]])),
    (scipy.sparse.csr_matrix([[0, 2.0]]), np.array([[0, 2.0]])),
    (np.float32(0.5), 0.5),
    (np.longdouble(0.5), 0.5),
    (np.int64(7), 7),
    (np.array(0.5), 0.5),
    (np.bool_(True), True),
    (np.str_("holds"), "holds"),
    (np.array([True, False]), np.array([True, False])),
    (10**30, 10**30),
    (1 + 2j, 1 + 2j),
    (math.inf, math.inf),
    (None, None),
    ("Müller \ud800", "Müller \ud800"),
    (b"\0\xff", b"\0\xff"),
    ({"a": 1, 2: (3, None)}, {"a": 1, 2: (3, None)}),
    ({1, 2}, {1, 2}),
    (range(3), [0, 1, 2]),
    ((k**2 for k in range(3)), [0, 1, 4]),
    ({"a": 1.5}.values(), [1.5]),
    (collections.deque([1, 2]), [1, 2]),
    (np.empty((0, 3)), np.empty((0, 3))),
]


def reader() -> Answers:
    return Answers([], 1.0, closed=False)


@pytest.mark.parametrize(("value", "expected"), VALUES, ids=lambda v: type(v).__name__)
def test_natural_values_arrive_as_plain_ones(value, expected):
    line = json.dumps(_Parts().plain(value))
    found = reader()._read(json.loads(line))
    assert np.shape(found) == np.shape(expected)
    assert isinstance(found, type(expected)) or np.isscalar(expected)
    np.testing.assert_equal(found, expected)
    assert type(found) in (type(expected), *np.ScalarType)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([1.0, 2.0], np.array([1.0, 2.0])),
        ([[1.0, 2.0], [3.0, 4j]], np.array([[1.0, 2.0], [3.0, 4j]])),
        (np.array([0.25]), 0.25),
        ([0.25], 0.25),
        (np.array([[0.25]]), 0.25),
        ((np.array([0.25]), [1, 2]), (0.25, np.array([1, 2]))),
        ([None, 1], [None, 1]),
        ([[1], [2, 3]], None),
    ],
)
def test_a_second_reading_takes_lists_for_arrays(value, expected):
    answers = reader()
    answers.as_numbers = True
    found = answers._read(_Parts().plain(value))
    assert answers.two_ways
    if expected is not None:
        np.testing.assert_equal(found, expected)
        assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value", [object(), open, [1, print], np.datetime64("2026-01-01")]
)
def test_what_is_no_value_is_told(value):
    with pytest.raises(TypeError, match="return numbers"):
        _Parts().plain(value)


def nested() -> list:
    value = [1]
    for _ in range(64):
        value = [value, value]
    return value


@pytest.mark.parametrize("value", [nested(), iter(int, 1), np.zeros(10**7)])
def test_endless_values_end(value):
    with pytest.raises(ValueError, match="more than a million parts"):
        _Parts().plain(value)


class BadPulse(ValueError):
    pass


class Worst(BadPulse, KeyError):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadPulse("x"), ValueError),
        (np.linalg.LinAlgError("x"), ValueError),
        (Worst("x"), ValueError),
        (json.JSONDecodeError("x", "", 0), ValueError),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "x"), ValueError),
        (ZeroDivisionError("x"), ZeroDivisionError),
        (FileNotFoundError(2, "x"), FileNotFoundError),
        (AssertionError("x"), AssertionError),
    ],
)
def test_an_error_is_of_the_kind_that_a_test_expects(error, kind):
    said = json.loads(json.dumps(_raised(error)))
    found = _error(said["raised"], said["said"])
    assert isinstance(found, kind)


# --- the same verdict at home and here ---


def attempt(nb) -> Attempt:
    return Attempt("a.ipynb", 0.0, [(c.cell_type, c.source) for c in nb.cells])


def verdict(built, name: str, nb, **options):
    options = {"closed": False, "seconds": 60.0} | options
    assignment = read_archives(built[0])[f"{name}, seed 0"]
    with Answers(attempt(nb).code, **options) as answers:
        return judge(answers, assignment.name, assignment.tests)


NATURAL = """
import fractions, collections
import numpy as np, qutip
_gate, _locked, _threshold, _pair = best_gate, locked_work, threshold, counterexample
_mixture = mixture_ergotropy
def best_gate(rho, H): return {gate}
def locked_work(rho, gap_a, gap_b): return {number}(_locked(rho, gap_a, gap_b))
def threshold(beta, gap): return {number}(_threshold(beta, gap))
def mixture_ergotropy(w, theta, beta, gap): return {many}(_mixture(w, theta, beta, gap))
def counterexample(): return {pair}
"""
VARIANTS = [
    {"gate": "np.matrix(_gate(rho, H))", "number": "fractions.Fraction"},
    {"gate": "_gate(rho, H).tolist()", "number": "(lambda x: np.array([x]))"},
    {"gate": "qutip.Qobj(_gate(rho, H))", "number": "np.ma.array"},
    {
        "gate": "np.ma.array(_gate(rho, H))",
        "many": "(lambda x: x.tolist())",
        "pair": "collections.namedtuple('Pair', 'rho sigma')(*_pair())",
    },
    {"pair": "[m.tolist() for m in _pair()]", "number": "(lambda x: [x])"},
    {"pair": "[qutip.Qobj(m) for m in _pair()]", "many": "np.ma.array"},
]


def test_natural_values_keep_all_points(built):
    """In one process: each variant wraps the functions of the solution again."""
    solved = notebook(built[0], FIRST)
    keep = {
        "gate": "_gate(rho, H)",
        "number": "float",
        "many": "np.asarray",
        "pair": "_pair()",
    }
    assignment = read_archives(built[0])[f"{FIRST}, seed 0"]
    with Answers(attempt(solved).code, 200.0, closed=False) as answers:
        answers.run()
        answers.cells = []
        solution = "\n".join(source for _, source in attempt(solved).code)
        for variant in VARIANTS:
            answers._value(answers._ask("run", source=solution))
            code = NATURAL.format(**keep | variant)
            answers._value(answers._ask("run", source=code))
            found = judge(answers, assignment.name, assignment.tests)
            assert (variant, found.hints) == (variant, {q: [] for q in found.points})
            assert sum(found.points.values()) == 19


# The tool by whatever name, called once by a function of the question.
FORBIDDEN = {
    ("06-nonreciprocity", "q5", "qbcore"): (
        "import qbcore.gaussian as fine\ntool = fine.GaussianSystem.steady_state"
    ),
    ("04-truncation-and-scaling", "q4", "qbcore"): (
        "book = __import__('importlib').import_module('qb' + 'core.dual_cavity')\n"
        "tool = getattr(book, 'Dual' + 'CavityBattery')"
    ),
    ("05-steady-states", "q3", "qutip"): "from qutip import sigmaz as tool",
}


@pytest.mark.parametrize(("name", "question", "package"), FORBIDDEN)
def test_a_forbidden_tool_costs_its_question(built, name, question, package):
    """Only what the functions of the question do counts, not what is imported."""
    tests = dict(read_archives(built[0])[f"{name}, seed 0"].tests)
    (function, *_) = (
        argument.arg
        for node in ast.parse(tests[f"tests/{question}.py"]).body
        if isinstance(node, ast.FunctionDef)
        for argument in node.args.args
    )
    wrapped = (
        "\ndef _forbidding(f):\n"
        "    def g(*args, **kwargs):\n"
        "        try:\n"
        "            tool(*[None] * tool.__code__.co_argcount\n"
        "                 if hasattr(tool, '__code__') else [])\n"
        "        except Exception:\n"
        "            pass\n"
        "        return f(*args, **kwargs)\n"
        "    return g\n"
        f"{function} = _forbidding({function})"
    )
    imported = FORBIDDEN[name, question, package]
    solved = notebook(built[0], name)
    found = verdict(built, name, add(solved, imported + wrapped), seconds=120.0)
    assert found.points[question] == 0
    assert found.hints[question] == [
        f"no points: the answer uses {package}, which it forbids"
    ]
    assert f"{question} uses {package}, which it forbids" in found.remarks[0]
    others = [q for q in found.points if q != question]
    assert all(found.points[q] == found.possible[q] for q in others)


@pytest.mark.parametrize("name", NAMES)
def test_rules_and_limits_stand_in_each_notebook(built, name):
    handed_out = notebook(built[0], name, "students")
    (rules,) = (
        c.source for c in handed_out.cells if "**Rules and limits.**" in c.source
    )
    assert "4 GB of memory" in rules
    assert "300 s" in rules
    assert f"check.py {name}.ipynb" in rules
    for packages in forbidden(name).values():
        assert all(f"`{package}`" in rules for package in packages)
    # The rules that the grader keeps are those that the assignment states.
    stated = notebook(built[0], name, "students").cells[0].source
    questions = {f"Question{'' if len(forbidden(name)) == 1 else 's'}"}
    assert not forbidden(name) or any(word in rules for word in questions)
    if "qbcore` (not in" in stated or "forbidden" in stated or "only `numpy`" in stated:
        assert forbidden(name)


def test_check_gives_the_graders_verdict_before_one_hands_in(built, tmp_path):
    """From the package alone, on public tests, with the same points and hints."""
    from handed_in import python

    with zipfile.ZipFile(built[0] / "students" / "package.zip") as package:
        package.extractall(tmp_path)
    started = edited(
        notebook(built[0], FIRST),
        {"return (1 - np.exp(-beta * gap)) / 2": "return np.matrix([[-1.0]])"},
    )
    handed_out = notebook(built[0], FIRST, "students")
    started.metadata = handed_out.metadata
    path = tmp_path / "my work.ipynb"
    path.write_text(json.dumps(started), encoding="utf-8")
    said = python("check.py", path.name, code=1, cwd=tmp_path)
    found = verdict(built, FIRST, started)
    for question, hints in found.hints.items():
        public = [hint for hint in hints if hint.startswith("public")]
        assert all(f"    {hint}\n" in said for hint in public)
        assert f"{question}: " in said
    assert "q2: 1 of 1 points of the public tests" in said
    assert "q5: 0.5 of 1 points of the public tests" in said
    assert "hidden" not in said
    # Without metadata the notebook that was handed out helps.
    started.metadata = {}
    path.write_text(json.dumps(started), encoding="utf-8")
    assert "public tests are not in this" in python(
        "check.py", path.name, code=1, cwd=tmp_path
    )
    (tmp_path / f"{FIRST}.ipynb").write_text(json.dumps(handed_out), encoding="utf-8")
    assert "q2: 1 of 1" in python("check.py", path.name, code=1, cwd=tmp_path)


# --- hidden tests stay with the grader ---


def hidden_lines(assignment) -> Iterator[str]:
    for _, source in assignment.tests:
        tree = ast.parse(source)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and "hidden=True" in ast.unparse(
                node.decorator_list[0]
            ):
                yield node.name
                yield from (
                    c.value
                    for c in ast.walk(node)
                    if isinstance(c, ast.Constant) and isinstance(c.value, str)
                )


@pytest.mark.parametrize("name", ["02-collective-advantage", "03-rosen-zener-pulse"])
def test_no_test_travels_with_its_arguments(built, name):
    """A lambda of a test is pickled without the tests around it."""
    assignment = read_archives(built[0])[f"{name}, seed 0"]
    sent = []

    class Spied(Answers):
        def _ask(self, ask, **about):
            if "carried" in about:
                sent.append(base64.b64decode(about["carried"]))
            return super()._ask(ask, **about)

    code = attempt(notebook(built[0], name)).code
    with Spied(code, 60.0, closed=False) as answers:
        found = judge(answers, assignment.name, assignment.tests)
    assert found.points == found.possible
    secrets = [line for line in hidden_lines(assignment) if len(line) > 15]
    assert len(sent) > 20
    assert any(b"_create_function" in carried for carried in sent)
    assert [s for s in secrets if any(s.encode() in carried for carried in sent)] == []


TELLING = """
def best_gate(rho, H):
    raise ValueError("TOLD" + repr(rho))
def locked_work(*a):
    raise type("TOLD" + repr(a)[:80], (ValueError,), {})("x")
def copies_needed(*a):
    return "TOLD" + repr(a)
def threshold(*a):
    raise AssertionError("TOLD" + repr(a))
def mixture_ergotropy(*a):
    return type("TOLD" + repr(a)[:80], (), {})()
def counterexample():
    return "TOLD"
"""


def test_no_argument_of_a_hidden_test_comes_back_in_its_hint(built):
    found = verdict(built, FIRST, add(notebook(built[0], FIRST), TELLING))
    hints = [hint for hints in found.hints.values() for hint in hints]
    hidden = [hint for hint in hints if hint.startswith("hidden")]
    assert sum("TOLD" in hint for hint in hints if hint not in hidden) > 3
    assert len(hidden) > 5
    assert [hint for hint in hidden if "TOLD" in hint] == []
    assert "hidden test, 2: the notebook raises ValueError" in hidden


def test_a_hidden_message_with_a_value_says_less():
    source = (
        "from otter.test_files import test_case\nOK_FORMAT = False\nname = 'q1'\n"
        "points = 3\n@test_case(points=1, hidden=True)\n"
        "def test_a(f):\n    assert f == 1, f'you found {f}'\n"
        "@test_case(points=1, hidden=True)\n"
        "def test_b(f):\n    assert f == 1, 'wrong for large numbers'\n"
        "@test_case(points=1, hidden=True)\n"
        "def test_c(f):\n    for case in ('a cold', 'a hot'):\n"
        "        assert f == 1, f'wrong for {case} bath'\n"
    )
    file = Tests.from_string(source)
    answers = reader()
    answers.get = lambda name, default=None: 2
    file.run(answers)
    assert [case.message for case in file.test_case_results] == [
        "hidden test, 1: it fails",
        "hidden test, 1: wrong for large numbers",
        "hidden test, 1: wrong for a cold bath",
    ]


# --- confined ---


PROBE = """
import glob, os, socket, subprocess
def sh(command):
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    return done.returncode == 0
def reached(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False
def written(path):
    try:
        with open(path, "a") as file:
            file.write("x")
        return True
    except OSError:
        return False
def killed(pid):
    try:
        os.kill(pid, 9)
        return True
    except OSError:
        return False
import numpy, qbcore
seen = {{
    "network": reached("127.0.0.1", {port}),
    "course": glob.glob("{course}/homework/*") + glob.glob("{course}/book/*"),
    "archives": [p for p in {files!r} if os.path.exists(p)],
    "home": [p for p in glob.glob("/root/*") + glob.glob("/home/*")],
    "environment": "SECRET_OF_THE_TEACHER" in os.environ,
    "processes": [p for p in os.listdir("/proc") if p.isdigit()],
    "killed": killed({pid}),
    "written": [p for p in (qbcore.__file__, numpy.__file__, "/x", "/usr/x", "/dev/x",
                            "/proc/sys/kernel/core_pattern") if written(p)],
    "root": os.getuid() == 0,
    "mounted": sh("mount -t tmpfs x /usr"),
    "popen": __import__("random")._os.popen("ls {course}/homework").read(),
}}
"""


def test_a_confined_notebook_reaches_nothing(confined, built, tmp_path, monkeypatch):
    import os
    import socket

    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "1")
    files = [str(path) for path in built[0].rglob("*.zip")] + [str(tmp_path)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = PROBE.format(
            port=server.getsockname()[1],
            course=HOMEWORK.parent,
            files=files,
            pid=os.getpid(),
        )
        with Answers([(1, code)], 60.0, closed=True) as answers:
            assert answers.run() == []
            seen = answers.get("seen")
    assert seen["processes"] == ["1"]
    del seen["processes"]
    assert not any(seen.values()), seen


GREEDY = {
    "memory": "x = []\nwhile True:\n    x.append(bytearray(100_000_000))",
    "files": "x = None\nk = 0\nwhile True:\n    k += 1\n"
    "    open(f'/tmp/{k}', 'wb').write(bytes(100_000_000))",
    "shared memory": "k = 0\nwhile True:\n    k += 1\n"
    "    open(f'/dev/shm/{k}', 'wb').write(bytes(100_000_000))",
    "processes": "import subprocess\n"
    "p = [subprocess.Popen(['sleep', '99']) for _ in range(1000)]",
    "threads": "import threading, time\n"
    "for _ in range(1000):\n"
    "    threading.Thread(target=time.sleep, args=(99,)).start()",
}


def test_a_notebook_gets_no_more_than_its_share(confined):
    """Each in one and the same process, which survives it."""
    cells = [
        *enumerate(GREEDY.values(), start=1),
        (9, "x = None\nalive = True"),
    ]
    with Answers(cells, 500.0, closed=True) as answers:
        remarks = answers.run()
        assert answers.get("alive") is True
    errors = ["MemoryError", "OSError", "OSError", "BlockingIOError", "RuntimeError"]
    assert [r.split(":")[1].strip() for r in remarks] == errors


def test_the_memory_of_all_processes_counts(confined, monkeypatch):
    import answers as module

    monkeypatch.setattr(module, "MEMORY", 600 << 20)
    hungry = (
        "import os, time\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        x = os.urandom(200_000_000)\n"
        "        time.sleep(60)\n"
        "time.sleep(60)"
    )
    with Answers([(1, hungry), (2, "alive = True")], 200.0, closed=True) as notebook:
        (remark,) = notebook.run()
        assert "of memory" in remark
        assert notebook.get("alive") is True


DAEMON = """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import time
        while True:
            time.sleep(0.01)
    os._exit(0)
os.wait()
"""


def test_nothing_of_a_notebook_is_left_when_its_results_are_written(confined):
    answers = Answers([(1, DAEMON)], 60.0, closed=True)
    with answers:
        assert answers.run() == []
        family = answers.process._family()
        assert len(family) == 3  # bubblewrap, the notebook, what it left behind
    assert not any(psutil.pid_exists(each.pid) for each in family)


HOSTILE = {
    "too deep an answer": "import os\ndef f(*a, **k):\n    for fd in range(3, 9):\n"
    "        try: os.write(fd, b'[' * 200_000 + b'\\n')\n"
    "        except OSError: pass\n"
    "f()\nbest_gate = locked_work = threshold = counterexample = f",
    "arguments overwritten": "def best_gate(rho, H):\n    rho[:] = H[:] = 0\n"
    "    return np.eye(len(rho))\n"
    "def mixture_ergotropy(w, *a):\n    w *= 0\n    return w",
    "the grader's own parts": "import gc\n"
    "(K,) = [o for o in gc.get_objects() if type(o).__name__ == 'Kernel']\n"
    "K._look = lambda name: {'callable': True}\n"
    "K._call = lambda **about: {'value': True, 'used': []}",
    "alarms": "import signal\nsignal.signal(signal.SIGALRM, lambda *a: 1 / 0)\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)",
    "traces": "import sys\nsys.settrace(lambda *a: 1 / 0)",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "empty arrays": "best_gate = locked_work = copies_needed = threshold = \\\n"
    "    mixture_ergotropy = lambda *a: np.empty(0)\n"
    "counterexample = lambda: (np.empty((0, 0)),) * 2",
    "forged answers": "import os\nfor fd in range(3, 64):\n    try:\n"
    "        for n in range(1, 400):\n"
    '            os.write(fd, b\'{"value": 1, "number": %d}\\n\' % n)\n'
    "    except OSError: pass",
    "noise": "import os\nfor fd in range(3, 64):\n"
    "    try: os.write(fd, b'\\xff\\n' * 99)\n"
    "    except OSError: pass",
    "equal to everything": "class Yes:\n"
    "    __eq__ = __lt__ = __gt__ = lambda s, o: True\n"
    "    __sub__ = __rsub__ = __abs__ = __float__ = lambda s, *o: 0.0\n"
    "    __array__ = lambda s, *a, **k: np.eye(3)\n"
    "best_gate = locked_work = copies_needed = mixture_ergotropy = threshold = \\\n"
    "    counterexample = lambda *a, **k: Yes()",
    "not a number": "best_gate = locked_work = copies_needed = mixture_ergotropy = \\\n"
    "    threshold = lambda *a, **k: float('nan')\n"
    "counterexample = lambda: (np.full((3, 3), np.nan),) * 2",
    "patched numpy": "np.allclose = np.testing.assert_allclose = abs = \\\n"
    "    lambda *a, **k: True",
    "patched json": "import json\njson.dumps = lambda *a: 'x'",
    "kills": "import os\nos.kill(-1, 9)\nos.kill(os.getpid(), 9)",
    "closed files": "import os\nos.closerange(3, 100)",
    "no builtins": "import builtins\nbuiltins.__dict__.clear()",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_empty_notebook_gets_nothing_whatever_it_does(built, name):
    """Confined where it can be: some of these end processes."""
    empty = add(notebook(built[0], FIRST, "students"), HOSTILE[name])
    closed = bool(confine.how())
    if name == "kills" and not closed:
        pytest.skip("!!! without bubblewrap it would kill what it can")
    found = verdict(built, FIRST, empty, closed=closed, seconds=40.0)
    assert sum(found.points.values()) == 0


def test_what_reaches_out_is_shown_and_costs_nothing():
    cells = {
        "import random\nrandom._os.popen('ls')": "._os, .popen",
        "np.testing.runstring('1', {})": ".runstring",
        "import os\nfrom pathlib import Path": "import os, import pathlib",
        "open('x').read()": "open",
        "f.__globals__": ".__globals__",
        "!ls": "a shell command",
    }
    found = worth_a_look(Attempt("a", 0.0, [("code", source) for source in cells]))
    expected = [f"cell {k} uses {use}" for k, use in enumerate(cells.values(), start=1)]
    assert found == expected
    honest = "from qutip import *\nimport copy\nfig.savefig('a.png')\nbattery.system"
    assert worth_a_look(Attempt("a", 0.0, [("code", honest)])) == []


def test_a_process_that_dies_is_started_again():
    cells = [(1, "a = 1"), (2, "import os\nos._exit(1)"), (3, "b = a + 1")]
    with Answers(cells, 60.0, closed=False) as answers:
        assert answers.run() == ["cell 2: the kernel died"]
        assert answers.get("b") == 2
        dying = "def f():\n    import os\n    os._exit(1)\ndef g():\n    return b"
        answers._value(answers._ask("run", source=dying))
        answers.ran.append(dying)
        with pytest.raises(Unanswered, match="the kernel died"):
            answers.get("f")()
        assert answers.get("g")() == 2
        with pytest.raises(Unanswered, match="had to be stopped"):
            answers.get("f")()


def test_a_process_of_its_own_ends():
    process = Process(10.0, closed=False)
    family = process._family()
    process.end()
    assert not any(psutil.pid_exists(each.pid) for each in family)


# --- at a student's home ---


def test_a_desktop_full_of_processes_is_no_reason_to_refuse(built):
    """The system counts all that a user runs, which at home is more than a notebook."""
    assert "NPROC" in confine._limits(60.0, closed=True)
    assert "NPROC" not in confine._limits(60.0, closed=False)


def test_a_limit_that_a_system_lacks_matters_only_where_it_protects(monkeypatch):
    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")  # of macOS

    monkeypatch.setattr(kernel.resource, "setrlimit", refuse)
    kernel.limit({"AS": 1 << 32}, closed=False)
    with pytest.raises(ValueError, match="exceeds"):
        kernel.limit({"AS": 1 << 32}, closed=True)


def test_the_notebook_finds_the_core_of_the_package(tmp_path, monkeypatch):
    """Nothing installs `qbcore` at a student's home: it lies beside `check.py`."""
    core = tmp_path / "qbcore"
    core.mkdir()
    (core / "__init__.py").write_text("here = 'in the package'")
    monkeypatch.setattr(confine, "_core", lambda: core)
    code = "import qbcore\nhere = qbcore.here"
    with Answers([(1, code)], 60.0, closed=False) as notebook:
        assert notebook.run() == []
        assert notebook.get("here") == "in the package"


def test_a_python_that_does_not_start_is_a_sentence(monkeypatch):
    monkeypatch.setattr(confine, "PYTHON", "/bin/false")
    with Answers([(1, "a = 1")], 60.0, closed=False) as notebook:
        said = notebook.run()
        assert said == ["Python could not be started for the notebook: the kernel died"]
        with pytest.raises(Unanswered, match="could not be started"):
            notebook.get("a")


def tool() -> int:
    return 1


def in_a_thread() -> None:
    thread = threading.Thread(target=tool)
    thread.start()
    thread.join()


def unwatched() -> None:
    sys.setprofile(None)
    tool()


@pytest.mark.parametrize("use", [tool, in_a_thread, unwatched])
def test_the_watch_sees_a_forbidden_tool(use):
    """Also in a thread, and by one who turns the watch off."""
    with kernel._Watch([__name__]) as watch:
        use()
    assert watch.used == {__name__}
    with kernel._Watch(["qutip"]) as watch:
        tool()
    assert watch.used == set()
