"""Functions of every kind, each a way to hide what it does; prints what they are."""

import collections
import dataclasses
import enum
import functools
import json
import operator
import re

import numpy as np
import pandas as pd
import qutip
import scipy.sparse
from scipy.interpolate import CubicSpline

from qbcore import NonreciprocalBattery, StarBattery
from qbcore._support.identity import identity
from qbcore.star import steady_map

RATE = 3
NAMES = {"charger", "battery", "bath", "cavity"}
WORD = re.compile("[a-z]+")
Pair = collections.namedtuple("Pair", "first second")


class Kind(enum.Enum):
    OPEN = 1
    CLOSED = 2


def helper(x):
    return x + RATE


def refers(x):
    return helper(x) if str(x) in NAMES else WORD.match("x").end() * x


def nested(x):
    return [helper(y) for y in range(x)] + [(lambda z: z * RATE)(x)]


def factorial(x):
    return 1 if x < 2 else x * factorial(x - 1)


def even(x):
    return x == 0 or odd(x - 1)


def odd(x):
    return x != 0 and even(x - 1)


def over(function):
    return lambda x: function(x)


def doubled(function):
    @functools.wraps(function)
    def inner(x):
        return 2 * function(x)

    return inner


@doubled
def decorated(x):
    return x + 1


@functools.lru_cache
def cached(x):
    return x + 1


def calls_cached(x):
    return cached(x)


def named(x):
    return Pair(x, Kind.OPEN.value).first


class Model:
    offset = 2

    def __init__(self, size):
        self.size = size

    @functools.cached_property
    def square(self):
        return self.size**2

    @property
    def twice(self):
        return 2 * self.size

    @staticmethod
    def plain(x):
        return x

    @classmethod
    def made(cls, x):
        return cls(x).energy(x)

    def energy(self, x):
        return self.square + self.twice + self.offset + x

    __call__ = energy


@dataclasses.dataclass(frozen=True)
class Data:
    size: float = 1.0
    parts: list = dataclasses.field(default_factory=list)

    def energy(self, x):
        return self.size * x


FRAME = pd.DataFrame({"a": np.arange(2000.0), "b": ["text"] * 2000})
PULSE = qutip.QobjEvo([qutip.sigmaz(), [qutip.sigmax(), lambda t: np.sin(t)]])
KINDS = {
    "function": refers,
    "nested": nested,
    "recursive": factorial,
    "mutually recursive": even,
    "lambda": lambda x: x in {"one", "two", "three", "four"},
    "closure": over(refers),
    "decorated": decorated,
    "cached": cached,
    "cached inside": calls_cached,
    "namedtuple and enum": named,
    "set": functools.partial(operator.contains, NAMES),
    "frozen set in a dict": functools.partial(operator.getitem, {1: frozenset(NAMES)}),
    "array": functools.partial(np.add, np.linspace(0, 1, 2000)),
    "sparse": functools.partial(operator.mul, scipy.sparse.eye(3, format="csr")),
    "frame": functools.partial(operator.add, FRAME),
    "spline": CubicSpline(np.arange(5.0), np.arange(5.0) ** 2),
    "Qobj": functools.partial(operator.mul, qutip.sigmax()),
    "QobjEvo": functools.partial(operator.mul, PULSE),
    "bound method": Model(3).energy,
    "bound method of a dataclass": Data().energy,
    "object": Model(4),
    "static method": Model.plain,
    "class method": Model.made,
    "vectorized": np.vectorize(refers),
    "vectorized, with a type": np.vectorize(refers, otypes=[float]),
    "compiled": np.sin,
    "builtin": max,
    "method of a number": (1.0).__add__,
    "of this package": functools.partial(steady_map, cells=2),
    "battery": NonreciprocalBattery().charge,
    "other battery": StarBattery(cells=3).charge,
}

if __name__ == "__main__":
    print(json.dumps({name: identity(function) for name, function in KINDS.items()}))
