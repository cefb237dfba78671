"""Names and signatures that users write, as stored in public_names.txt.

A change that is meant is stored by `python tests/core/test_public_names.py`, and the
diff of the text file is what a reviewer reads.
"""

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType

import pytest

import qbcore

STORED = Path(__file__).with_name("public_names.txt")
MODULES = """
    qbcore qbcore.battery qbcore.charging qbcore.stepwise qbcore.metrics qbcore.gaussian
    qbcore.errors qbcore.sweep qbcore.rosen_zener qbcore.rosen_zener.formulas
    qbcore.dual_cavity qbcore.star qbcore.star.formulas qbcore.nonreciprocal
    qbcore.nonreciprocal.formulas qbook
"""


def signature(function: object) -> str:
    """Parameters and their defaults; types may become sharper without a break."""
    found = inspect.signature(function)
    plain = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    empty = inspect.Signature.empty
    return str(found.replace(parameters=plain, return_annotation=empty))


def public(module: ModuleType) -> list[str]:
    """What a module offers: its `__all__`, or else what it defines."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    return sorted(
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.startswith(module.__name__)
    )


def of_class(name: str, kind: type) -> Iterator[str]:
    """The constructor, and what an instance has."""
    built = not getattr(kind, "_is_protocol", False) and "__init__" in vars(kind)
    yield f"{name}{signature(kind)}" if built else name
    own = {field.name for field in fields(kind)} if is_dataclass(kind) else set()
    inherited = {each for base in kind.__mro__[:-1] for each in vars(base)}
    built_in = {each for base in (tuple, Exception) for each in dir(base)}
    for each in sorted((own | inherited) - built_in):
        if not each.startswith("_"):
            value = inspect.getattr_static(kind, each, None)
            if isinstance(value, classmethod | staticmethod):
                value = value.__func__
            call = signature(value) if inspect.isfunction(value) else ""
            yield f"{name}.{each}{call}"


def listed() -> str:
    """One line per name, module by module."""
    lines = []
    for path in MODULES.split():
        module = importlib.import_module(path)
        for name in public(module):
            value, full = getattr(module, name), f"{path}.{name}"
            if path == "qbcore":  # whose modules tell the rest
                lines.append(full)
            elif inspect.isclass(value) and value.__module__.startswith(path):
                lines += of_class(full, value)
            elif inspect.isfunction(value):
                lines.append(f"{full}{signature(value)}")
            else:
                lines.append(full)
    return "\n".join(dict.fromkeys(lines)) + "\n"


def test_no_public_name_or_signature_has_moved():
    now, then = listed().splitlines(), STORED.read_text("utf-8").splitlines()
    gone, new = sorted(set(then) - set(now)), sorted(set(now) - set(then))
    assert now == then, (
        f"gone: {gone}; new: {new}. If users may meet this, store it with "
        "`python tests/core/test_public_names.py` and tell it in CHANGELOG.md"
    )


@pytest.mark.parametrize("module", [qbcore.metrics, qbcore.gaussian])
def test_a_metric_tells_the_type_checker_what_it_returns(module):
    own = {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    }
    assert len(own) > 10
    for name, function in own.items():
        if not name.startswith("_"):
            assert "Any" not in function.__annotations__["return"], name


if __name__ == "__main__":
    STORED.write_text(listed(), encoding="utf-8")
    print(f"stored in {STORED}")
