"""What a function does, in a few letters: the same in every process, and by value.

Names and addresses do not tell functions apart, and a source file may have changed
since it was loaded. So the loaded code is taken, with the defaults, closures and global
variables that it uses. Pickle does the rest, in a form that depends neither on the
order of sets nor on which objects are the same one.
"""

from __future__ import annotations

import copyreg
import dis
import hashlib
import io
import pickle
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import _lru_cache_wrapper, cached_property
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

# What is left of objects that pickle does not take. Of code: not where it stands.
PARTS: dict[type, str] = {
    CodeType: "co_code co_consts co_names co_varnames co_freevars co_cellvars co_flags "
    "co_argcount co_posonlyargcount co_kwonlyargcount co_exceptiontable",
    FunctionType: "__code__ __defaults__ __kwdefaults__ __closure__ __dict__",
    CellType: "cell_contents",
    ModuleType: "__name__",
    property: "fget fset",
    cached_property: "func",
    staticmethod: "__wrapped__",
    classmethod: "__wrapped__",
    _lru_cache_wrapper: "__wrapped__",
}
# What numpy.vectorize, scipy.sparse and qutip.Qobj note about themselves when used.
NOTES = {"_ufunc", "_has_sorted_indices", "_has_canonical_format"}
NOTES |= {"_isherm", "_isunitary", "_ishp", "_iscp", "_istp", "_iscptp"}
LOOK_UPS = {"LOAD_GLOBAL", "LOAD_NAME"}
ANYTHING = {"globals", "eval", "exec", "__import__"}


def identity(value: object) -> str:
    """Return a digest of a function or of any value that pickle can take.

    An object is what pickle keeps of it, which a ``__getstate__`` may choose. A name
    that is a text, as in ``getattr(module, "name")``, is not followed.

    Raises whatever pickle raises at a value that lasts no longer than its process, such
    as an open file, and TypeError if ``globals``, ``eval`` or the like hide what a
    function uses.

    >>> identity(lambda x: 2 * x) == identity(lambda x: 2 * x)
    True
    >>> identity(lambda x, n=2: n * x) == identity(lambda x, n=3: n * x)
    False
    """
    file = io.BytesIO()
    pickler = _ByValue(file, 5)
    pickler.fast = True  # no references, which depend on what is the same object
    pickler.met = []
    pickler.dump(value)
    for item in pickler.met:  # grows on the way
        pickler.dump(_insides(item))
    return hashlib.sha256(file.getvalue()).hexdigest()


class _ByValue(pickle.Pickler):
    """Functions and classes are numbered as they are met; their insides follow."""

    met: list[FunctionType | type]

    def persistent_id(self, value: Any) -> object:
        """Put sets, whose order changes from process to process, in order."""
        if type(value) in (set, frozenset):
            return type(value).__name__, sorted(map(identity, value))
        return None

    def reducer_override(self, value: object) -> Any:
        """Take apart what pickle takes by name or not at all."""
        kind = type(value)
        if isinstance(value, FunctionType | type):
            if not _installed(value):
                if value not in self.met:
                    self.met.append(value)
                return int, (self.met.index(value),)
            if isinstance(value, type):
                return NotImplemented
            return str, (f"{value.__module__}.{value.__qualname__}",)
        if kind in PARTS:
            return list, ([kind.__name__, *_parts(value)],)
        if kind in copyreg.dispatch_table:
            return NotImplemented
        reduced = value.__reduce_ex__(5)
        if isinstance(reduced, str) or type((*reduced, 0)[2]) is not dict:
            return reduced
        return *reduced[:2], _lasting(kind, reduced[2])


def _installed(value: FunctionType | type) -> bool:
    """Whether a name stands for the same code in the next process too."""
    module = value.__module__ or "__main__"
    # What was made inside a function may hold anything in its closure.
    return "<" not in value.__qualname__ and _is_of_package(module)


def _is_of_package(module: str) -> bool:
    """Whether a module comes from the standard library or an installed package."""
    if module == "__main__":
        return False
    standard = module.partition(".")[0] in sys.stdlib_module_names
    return standard or "-packages" in str(
        getattr(sys.modules.get(module), "__file__", "")
    )


def _parts(value: object) -> list[object]:
    return [getattr(value, part) for part in PARTS[type(value)].split()]


def _insides(value: FunctionType | type) -> object:
    """What a function or a class consists of."""
    if isinstance(value, FunctionType):
        return _parts(value), _used(value)
    members = {
        name: member
        for name, member in vars(value).items()
        if isinstance(member, FunctionType) or not name.startswith(("__", "_abc_"))
    }
    return value.__qualname__, value.__bases__, members


def _used(function: FunctionType) -> dict[str, object]:
    """Global variables and imported modules, as far as a function goes into them."""
    steps = list(_steps(function.__code__))
    known = function.__globals__
    found = {}
    for index, step in enumerate(steps):
        name = step.argval
        if step.opname in LOOK_UPS and name in known:
            found[name] = known[name]
        elif step.opname in LOOK_UPS and name in ANYTHING:
            raise TypeError(f"`{name}` may take any variable")
        elif step.opname == "IMPORT_NAME":
            level, wanted = (each.argval for each in steps[index - 2 : index])
            # Without the module, the function does not do more than to name it.
            with suppress(ImportError):
                module = __import__(name, known, None, wanted, level)
                found["." * level + name] = module
    names = {step.argval for step in steps if step.opcode in dis.hasname}
    return {name: _reached(found[name], names) for name in sorted(found)}


def _steps(code: CodeType) -> Iterator[dis.Instruction]:
    """Instructions of a function and of those inside it."""
    yield from (s for s in dis.get_instructions(code) if s.opname != "EXTENDED_ARG")
    for const in code.co_consts:
        if isinstance(const, CodeType):
            yield from _steps(const)


def _reached(value: object, names: set[str]) -> object:
    """What code with these names may take from a global; of a module, not all of it."""
    if not isinstance(value, ModuleType) or _is_of_package(value.__name__):
        return value
    used = sorted(names & vars(value).keys())
    return {name: _reached(vars(value)[name], names - {name}) for name in used}


def _lasting(kind: type, state: dict[str, object]) -> dict[str, object] | None:
    """Leave out what an object holds only once it was used."""
    kept = {
        name: value
        for name, value in state.items()
        if name not in NOTES
        and not isinstance(getattr(kind, name, None), cached_property)
    }
    return kept or None
