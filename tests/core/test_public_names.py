"""What a user may call, as a stored list: a change of it is seen, and meant.

python tests/core/test_public_names.py > tests/core/public_names.txt
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import qbcore

STORED = Path(__file__).with_name("public_names.txt")


def modules() -> list[str]:
    """The public modules; in a battery's folder the package's `__all__` is the face."""
    found = pkgutil.walk_packages(qbcore.__path__, "qbcore.")
    names = [module.name for module in found]
    return ["qbcore", *(name for name in names if "._" not in name)]


def signature(call: object) -> str:
    """Names and defaults; the types are for the type checker."""
    plain = [
        parameter.replace(annotation=parameter.empty)
        for parameter in inspect.signature(call).parameters.values()
    ]
    return str(inspect.Signature(plain))


def public(space: object) -> dict[str, object]:
    return {name: each for name, each in vars(space).items() if name[0] != "_"}


def members(kind: type) -> Iterator[str]:
    """Methods with their arguments, properties and fields by their names."""
    for name, member in public(kind).items():
        call = getattr(member, "__func__", member)  # of a class method
        yield name + (signature(call) if inspect.isfunction(call) else "")


def lines() -> Iterator[str]:
    for name in modules():
        module = importlib.import_module(name)
        for title, each in public(module).items():
            if getattr(each, "__module__", None) != name:
                continue
            if inspect.isclass(each):
                yield f"{name}.{title}{signature(each)}"
                yield from (f"{name}.{title}.{member}" for member in members(each))
            elif inspect.isfunction(each):
                yield f"{name}.{title}{signature(each)}"


def test_the_public_names_are_those_stored():
    stored = STORED.read_text(encoding="utf-8").splitlines()
    assert sorted(lines()) == stored, f"if meant, write it again: {__doc__}"


def test_a_metric_tells_the_type_checker_what_it_returns():
    for module in (qbcore.metrics, qbcore.gaussian):
        for name, each in public(module).items():
            if inspect.isfunction(each) and each.__module__ == module.__name__:
                assert "Any" not in each.__annotations__["return"], name


if __name__ == "__main__":
    print("\n".join(sorted(lines())))
