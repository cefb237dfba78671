"""Functions are told apart: the same after a restart, and by their code."""

import functools
import importlib.util
import json
import operator
import os
import subprocess
import sys
import types
from threading import Lock

import identity_models
import numpy as np
import pandas as pd
import pytest
import qutip
import scipy.sparse
from identity_models import KINDS, Model, over

from qbcore import NonreciprocalBattery
from qbcore._support.identity import identity

LONG = np.linspace(1, 2, 2000)  # numpy prints it with dots in the middle
SPARSE = scipy.sparse.diags(LONG).tocsr()
FRAME = pd.DataFrame({"a": LONG})


def defined(source, **variables):
    """The function that a notebook's cell defines as f."""
    cell = {"__name__": "__main__", **variables}
    exec(source, cell)
    return cell["f"]


def loaded(path, source):
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("edited", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["edited"] = module
    spec.loader.exec_module(module)
    return module.f


def test_a_restart_changes_nothing():
    answers = []
    for seed in ("1", "2"):  # of the order of sets
        found = subprocess.run(
            [sys.executable, identity_models.__file__],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(json.loads(found.stdout))
    assert answers[0] == answers[1]
    assert list(answers[0]) == list(KINDS)
    assert len(set(answers[0].values())) == len(KINDS)


def made_in_a_loop():
    return [lambda x, n=n: n * x for n in (1, 2)]


def made_on_one_line():
    return (lambda x: x + 1), (lambda x: x + 2)


CONSTANT = "def f(x):\n    return RATE * x"
INNER = "def f(x):\n    return sum(RATE * y for y in range(x)) + (lambda: RATE)()"
HELPER = "def g(x):\n    return {} * x\ndef f(x):\n    return g(x)"
CLASS = (
    "class M:\n    rate = {}\n    @property\n    def p(self):\n        return {}\n"
    "    def __call__(self, x):\n        return self.p * self.rate * x\nf = M()"
)
KEYWORD = "def f(x, *, rate={}):\n    return rate * x"
CAUGHT = "def f(x):\n    try:\n        return 1 / x\n    except {}:\n        return 0"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        made_in_a_loop(),
        made_on_one_line(),
        (over(1), over(2)),
        (over(np.sin), over(np.cos)),
        (defined(CONSTANT, RATE=1), defined(CONSTANT, RATE=2)),
        (defined(CONSTANT, RATE=1), defined(CONSTANT, RATE=1.0)),
        (defined(CONSTANT, RATE=LONG), defined(CONSTANT, RATE=LONG + 1e-12)),
        (defined(CONSTANT, RATE={1, 2}), defined(CONSTANT, RATE={1, 3})),
        (defined(INNER, RATE=1), defined(INNER, RATE=2)),
        (defined(HELPER.format(1)), defined(HELPER.format(2))),
        (defined(CLASS.format(1, 1)), defined(CLASS.format(2, 1))),
        (defined(CLASS.format(1, 1)), defined(CLASS.format(1, 2))),
        (defined(KEYWORD.format(1)), defined(KEYWORD.format(2))),
        (defined(CAUGHT.format("ValueError")), defined(CAUGHT.format("OSError"))),
        (lambda battery: battery.energy, lambda battery: battery.ergotropy),
        (lambda x, y: x - y, lambda y, x: x - y),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (functools.partial(max, SPARSE), functools.partial(max, SPARSE * 2)),
        (functools.partial(max, FRAME), functools.partial(max, FRAME + 1e-12)),
        (Model(1).energy, Model(2).energy),
        (Model(1), Model(2)),
        ((1.0).__add__, (2.0).__add__),
        (np.vectorize(max), np.vectorize(min)),
        (functools.lru_cache(over(1)), functools.lru_cache(over(2))),
    ],
)
def test_another_function_is_another(first, second):
    assert identity(first) != identity(second)


def test_a_function_is_known_by_its_attributes():
    def f(x):
        return f.rate * x

    f.rate = 1
    before = identity(f)
    f.rate = 2
    assert identity(f) != before


def test_where_a_function_stands_does_not_matter():
    moved = defined("\n\n# a comment\n" + CONSTANT, RATE=1)
    assert identity(moved) == identity(defined(CONSTANT, RATE=1))


def test_what_a_function_does_not_use_does_not_matter():
    source = "def f(battery):\n    return battery.energy"
    assert identity(defined(source, energy=1)) == identity(defined(source, energy=2))


def test_the_loaded_code_counts_and_not_the_file(tmp_path):
    path = tmp_path / "edited.py"
    old = loaded(path, "def f(x):\n    return x + 1\n")
    before = identity(old)
    path.write_text("def f(x):\n    return x + 2\n")
    assert identity(old) == before
    assert identity(loaded(path, path.read_text())) != before


def test_an_address_that_is_used_again_does_not_matter():
    found = {identity(functools.partial(max, Model(size))) for size in range(50)}
    assert len(found) == 50


@pytest.mark.parametrize(
    ("value", "use"),
    [
        (Model(3), lambda model: model(1)),
        (NonreciprocalBattery(), lambda battery: battery.steady_state()),
        (qutip.rand_dm(4), lambda state: (state.isherm, state.isunitary, state.iscp)),
        (scipy.sparse.eye(3, format="csr"), lambda matrix: matrix.has_sorted_indices),
        (np.vectorize(abs, otypes=[float]), lambda function: function([1, 2])),
    ],
)
def test_use_changes_nothing(value, use):
    before = identity(functools.partial(operator.mul, value))
    use(value)
    assert identity(functools.partial(operator.mul, value)) == before


@pytest.mark.parametrize("value", [Lock(), (n for n in ()), sys._getframe()])
def test_what_does_not_last_is_refused(value):
    with pytest.raises(TypeError, match="pickle"):
        identity(functools.partial(max, value))


def test_what_a_function_takes_from_a_local_module_counts():
    module, within = types.ModuleType("local"), types.ModuleType("local.within")
    module.within, within.local, module.unused = within, module, 0
    space = {"local": module}
    exec("def f(x): return [local.scale * local.within.g(x) for _ in x]", space)
    seen = set()
    for scale, code in [(1, "x"), (2, "x"), (2, "-x")]:
        module.scale = scale
        exec(f"def g(x): return {code}", vars(within))
        seen.add(identity(space["f"]))
    assert len(seen) == 3
    module.unused = 1
    assert identity(space["f"]) in seen


def in_a_new_process(folder, source):
    """Identity of a function of a folder's file `main.py`, in a separate process."""
    (folder / "main.py").write_text(source)
    told = "from main import f; from qbcore._support.identity import identity as i"
    run = subprocess.run(
        [sys.executable, "-B", "-c", f"{told}; print(i(f))"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


@pytest.mark.parametrize(
    "line",
    [
        "import helper; return helper.g(x)",
        "from helper import g; return g(x)",
        "import within.helper; return within.helper.g(x)",
        "import within.helper as h; return h.g(x)",
        "from within import helper; return helper.g(x)",
        "import helper as h; return [h.g(y) for y in x]",
    ],
)
def test_a_module_that_is_imported_inside_a_function_counts(tmp_path, line):
    (tmp_path / "within").mkdir()
    seen = []
    for code in ("x + 1", "x + 2", "x + 1"):
        for helper in ("helper.py", "within/helper.py"):
            (tmp_path / helper).write_text(f"unused = 0\ndef g(x): return {code}\n")
        seen.append(in_a_new_process(tmp_path, f"def f(x):\n    {line}\n"))
    assert seen[0] != seen[1]
    assert seen[0] == seen[2]


def test_a_module_of_a_package_is_imported_inside_a_function(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "a_package_of_this_test"
    package.mkdir()
    (package / "helper.py").write_text("def g(x): return x\n")
    source = "def f(x):\n    from .helper import g\n    return g(x)\n"
    (package / "__init__.py").write_text(source)
    module = importlib.import_module(package.name)
    before = identity(module.f)
    exec("def g(x): return -x", vars(sys.modules[f"{package.name}.helper"]))
    assert identity(module.f) != before


def test_a_module_that_is_missing_is_known_by_its_name():
    source = "def f(x):\n    import no_such_{}\n    return x"
    one, other = (defined(source.format(name)) for name in ("module", "package"))
    assert identity(one) == identity(defined(source.format("module")))
    assert identity(one) != identity(other)


@pytest.mark.parametrize(
    "code", ["globals()['x']", "eval('x')", "exec('x')", "__import__('x')"]
)
def test_what_may_take_any_variable_is_refused(code):
    with pytest.raises(TypeError, match="may take any variable"):
        identity(defined(f"def f(y):\n    return [{code} for _ in y]"))
    # A variable of that name is one like any other.
    name = code.partition("(")[0]
    assert identity(defined(f"def f(y):\n    return {code}", **{name: over(1)}))
