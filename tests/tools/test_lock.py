"""What `make` installs: fixed by version and hash, as pyproject.toml asks."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(
    r"^(\S+)==(\S+?)( ; [^\\]+)? \\\n((?:    --hash=sha256:\w{64}(?: \\)?\n)+)"
)


def locked(text: str) -> dict[str, set[str]]:
    """The versions of each package; an error where something else stands."""
    found: dict[str, set[str]] = {}
    while text:
        pin = PIN.match(text)
        if not pin:
            raise ValueError(f"No version with hashes: {text.splitlines()[0]}")
        found.setdefault(pin[1], set()).add(pin[2])
        text = text[pin.end() :]
    return found


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("constraints.txt", ("book", "sweep", "site", "test", "bench")),
        ("homework/constraints.txt", ("course",)),
    ],
)
def test_every_requirement_is_fixed_within_its_bounds(file, extras):
    pins = locked((ROOT / file).read_text())
    asked = list(PROJECT["dependencies"])
    for extra in extras:
        asked += PROJECT["optional-dependencies"][extra]
    for requirement in map(Requirement, asked):
        versions = pins[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(each) for each in versions)


def test_the_grader_meets_the_versions_of_the_book():
    book = locked((ROOT / "constraints.txt").read_text())
    grader = locked((ROOT / "homework/constraints.txt").read_text())
    assert {name: grader[name] for name in book.keys() & grader.keys()} == {
        name: book[name] for name in book.keys() & grader.keys()
    }


@pytest.mark.parametrize(
    "text", ["numpy==2.4.6\n", "numpy>=2 \\\n    --hash=sha256:" + 64 * "0" + "\n"]
)
def test_a_package_without_version_or_hash_is_found(text):
    with pytest.raises(ValueError, match="No version with hashes: numpy"):
        locked(text)
