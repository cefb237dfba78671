"""Read what was handed in: entries, their names in print, and their notebooks."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from pathlib import Path
from typing import BinaryIO, TypeVar

import nbformat

Entry = TypeVar("Entry", Path, zipfile.ZipInfo)
LARGEST = 50_000_000  # bytes of a notebook
LONGEST = 200  # bytes of a name that a feedback page keeps; file systems allow 255


class Refused(Exception):
    """Why a submission cannot be graded, in a sentence for the table."""


def entries(folder: Path) -> list[Path]:
    """The submissions in a folder; names that start with a dot are the system's."""
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def printable(name: str) -> str:
    """A file name as one line of UTF-8; the shell's ``printf %b`` gives the name back.

    Control characters, backslashes and bytes that are not UTF-8 become ``\\x09`` or
    ``\\xfc``.
    """
    return "".join(_plain_or_hex(char) for char in name)


def _plain_or_hex(char: str) -> str:
    if char.isprintable() and char != "\\":
        return char
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))


def page_name(name: str) -> str:
    """The file name of a feedback page: short enough, and different for each name."""
    written = name.encode()
    if len(written) <= LONGEST:
        return f"{name}.md"
    start = written[:LONGEST].decode(errors="ignore")
    return f"{start}-{hashlib.sha256(written).hexdigest()[:16]}.md"


def read_notebook(entry: Path) -> nbformat.NotebookNode:
    """The one notebook of a submission: a file, or alone in a folder or zip."""
    try:
        text = _read_entry(entry).decode()
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
    except Refused:
        raise
    except Exception as error:
        raise Refused(
            f"not a notebook that can be read ({type(error).__name__})"
        ) from error
    return notebook


def _read_entry(entry: Path) -> bytes:
    if entry.is_dir() and not entry.is_symlink():
        found = entry.rglob("*.ipynb")
        return _read_file(
            _only([p for p in found if ".ipynb_checkpoints" not in p.parts])
        )
    if entry.suffix == ".zip":
        with zipfile.ZipFile(_regular(entry)) as archive:
            inside = [i for i in archive.infolist() if i.filename.endswith(".ipynb")]
            with archive.open(_only(inside)) as file:
                return _bounded(file)
    if entry.suffix == ".ipynb":
        return _read_file(entry)
    raise Refused("neither a notebook (.ipynb) nor a zip or folder with one")


def _only(found: list[Entry]) -> Entry:
    if len(found) != 1:
        plural = "s" if found else ""
        raise Refused(f"{len(found) or 'no'} notebook{plural} in it, one is needed")
    return found[0]


def _read_file(path: Path) -> bytes:
    with _regular(path).open("rb") as file:
        return _bounded(file)


def _regular(path: Path) -> Path:
    """The path of a file that was handed in, and whose reading ends.

    A link could lead to the teacher's solution, and a pipe is waited for without end.
    """
    if path.is_symlink():
        raise Refused("a link stands where a file is needed")
    if not stat.S_ISREG(path.stat().st_mode):
        raise Refused("a pipe, a device or a folder stands where a file is needed")
    return path


def _bounded(file: BinaryIO) -> bytes:
    """All of a file that is not too large; a zip may lie about its size."""
    text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise Refused("the notebook is larger than 50 MB")
    return text


def assignment_of(notebook: nbformat.NotebookNode) -> str:
    """What the builder wrote into the notebook: assignment and seed."""
    match notebook.metadata:
        case {"otter": {"assignment_name": str(name)}}:
            return " ".join(name.split())[:100]
    return "a notebook that is no assignment"
