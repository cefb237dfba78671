"""Read what was handed in: entries, their names in print, and their notebooks.

Students hand in notebooks, zips, folders, zips in folders, and all that their system
adds. Of a notebook only the kinds of its cells and their sources are needed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

LARGEST = 50_000_000  # bytes of a notebook
MOST = 400_000_000  # bytes of an entry, unpacked
FILES = 2_000  # files of an entry
DEEP = 4  # zips in zips
LONGEST = 200  # bytes of a name that a feedback page keeps; file systems allow 255
# Files that systems add to a notebook; they are not submissions.
JUNK = re.compile(
    r"__MACOSX|\.ipynb_checkpoints|__pycache__|\..*|~.*|Thumbs\.db"
    r"|submission_metadata\.yml"  # beside what Gradescope exports
)
# Names of what a system gives out: `lovelaceada_LATE_12345_678_homework.ipynb` is
# Canvas', `Ada Lovelace_12345_assignsubmission_file_` is Moodle's.
CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_.+")
MOODLE = re.compile(r"(?P<name>.*?)_(?P<id>\d+)_assignsubmission_[a-z]+(_.*)?")
GRADESCOPE = re.compile(r"(?P<name>submission_\d+)")
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
TEXTS = {".py": "py", ".md": "md", ".rmd": "Rmd", ".qmd": "qmd", ".r": "R"}
OTTER_CELL = re.compile(
    r"(# Initialize Otter\n)?import otter\ngrader = otter\.Notebook\([^()]*\)"
)
DRAWING = re.compile(r"^\s*%matplotlib\b.*$", re.MULTILINE)


class Refused(Exception):
    """Why a submission cannot be graded, in a sentence for the table."""


@dataclass
class Attempt:
    """A notebook as it was handed in: the kind and the source of each cell."""

    where: str  # its path in the submission
    modified: float  # seconds of the epoch
    cells: list[tuple[str, str]]
    assignment: str = ""  # what the builder wrote into it: name and seed
    document: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def code(self) -> list[tuple[int, str]]:
        """Number (among all cells, from 1) and source of each code cell but otter's."""
        return [
            (number, DRAWING.sub("", source))
            for number, (kind, source) in enumerate(self.cells, start=1)
            if kind == "code" and not OTTER_CELL.fullmatch(source.strip())
        ]


@dataclass
class Contents:
    """The notebooks of an entry, and what is to be said of all else in it."""

    attempts: list[Attempt] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0


def entries(folder: Path) -> list[Path]:
    """The submissions in a folder; names that start with a dot are the system's."""
    found = (entry for entry in folder.iterdir() if not JUNK.fullmatch(entry.name))
    return sorted(found)


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


def page_name(name: str, ending: str = ".md") -> str:
    """The file name of a feedback page: short enough, and different for each name."""
    written = name.encode()
    if len(written) <= LONGEST:
        return f"{name}{ending}"
    start = written[:LONGEST].decode(errors="ignore")
    return f"{start}-{hashlib.sha256(written).hexdigest()[:16]}{ending}"


def read(entry: Path) -> Contents:
    """All notebooks of a submission, however they are packed."""
    contents = Contents()
    if entry.is_symlink():
        raise Refused("a link stands where a file is needed")
    if entry.is_dir():
        for path in _files(entry):
            _add_file(contents, path, path.relative_to(entry))
            if contents.files > FILES:
                break
    else:
        _add_path(contents, entry, entry.name)
    if not contents.attempts:
        reasons = "; ".join(contents.remarks)
        raise Refused(reasons or "no notebook in it, one is needed")
    students = _students(contents.attempts)
    if len(students) > 1:
        raise Refused(
            f"it holds what {len(students)} students handed in: unpack it, and grade "
            "the folder that comes out"
        )
    return contents


def _students(attempts: list[Attempt]) -> set[str]:
    """Those whom a system named in the paths, as in its archive of a whole class."""
    parts = {part for attempt in attempts for part in attempt.where.split("/")}
    return {
        found["name"]
        for part in parts
        for system in (MOODLE, CANVAS, GRADESCOPE)
        if (found := system.fullmatch(part))
    }


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not JUNK.fullmatch(name))
        for name in sorted(files):
            if not JUNK.fullmatch(name):
                yield Path(place, name)


def _add_file(contents: Contents, path: Path, where: Path) -> None:
    """Add a file of a folder; what is wrong with it concerns no other file."""
    try:
        _add_path(contents, path, where.as_posix())
    except Refused as error:
        contents.remarks.append(f"{printable(where.as_posix())}: {error}")


def _add_path(contents: Contents, path: Path, where: str) -> None:
    """Add a file that was handed in, and whose reading ends.

    A link could lead to the teacher's solution, and a pipe is waited for without end.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise Refused("a link stands where a file is needed")
    if not stat.S_ISREG(found.st_mode):
        raise Refused("a pipe or a device stands where a file is needed")
    try:
        with path.open("rb") as file:
            _add(contents, file, where, found.st_mtime, 0)
    except OSError as error:
        raise Refused(f"it cannot be read ({error.strerror})") from error


def _add(
    contents: Contents, file: BinaryIO, where: str, modified: float, depth: int
) -> None:
    """Add the notebook or notebooks of one file, on the disk or in an archive."""
    contents.files += 1
    if contents.files > FILES:
        raise Refused(f"more than {FILES} files")
    lower = where.lower()
    start = file.read(4)
    file.seek(0)
    if start.startswith(b"PK\x03\x04") or lower.endswith(ARCHIVES):
        if depth == DEEP:
            raise Refused("zips in zips, too deep")
        _add_archive(contents, file, where, depth)
        return
    if lower.endswith((".7z", ".rar")):
        raise Refused("a kind of archive that is not read here: use zip")
    text = _bounded(file, contents)
    name = printable(where)
    try:
        document = _document(text, lower)
        attempt = _attempt(document, name, modified)
    except Refused:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise Refused(f"not a notebook that can be read ({kind})") from error
    contents.attempts.append(attempt)


def _bounded(file: BinaryIO, contents: Contents) -> bytes:
    """All of a file that is not too large; a zip may lie about its size."""
    text = file.read(LARGEST + 1)
    contents.bytes += len(text)
    if len(text) > LARGEST:
        raise Refused("the notebook is larger than 50 MB")
    if contents.bytes > MOST:
        raise Refused("all of it is larger than 400 MB")
    return text


def _add_archive(contents: Contents, file: BinaryIO, where: str, depth: int) -> None:
    try:
        members = _zipped if zipfile.is_zipfile(file) else _tarred
        file.seek(0)
        for inside, modified, opened in members(file):
            path = PurePosixPath(inside.replace("\\", "/"))
            if any(JUNK.fullmatch(part) for part in path.parts if part != ".."):
                continue
            try:
                whole = io.BytesIO(_bounded(opened(), contents))
                _add(contents, whole, f"{where}/{path}", modified, depth + 1)
            except Refused as error:
                contents.remarks.append(f"{printable(str(path))}: {error}")
                if contents.bytes > MOST or contents.files > FILES:
                    raise
    except Refused:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise Refused(f"not an archive that can be read ({kind})") from error


def _zipped(file: BinaryIO) -> Iterator[tuple[str, float, Any]]:
    with zipfile.ZipFile(file) as archive:
        for inside in archive.infolist():
            if inside.flag_bits & 1:
                raise Refused("the zip needs a password")
            if not inside.is_dir():
                modified = _seconds(inside.date_time)
                yield inside.filename, modified, lambda one=inside: archive.open(one)


def _tarred(file: BinaryIO) -> Iterator[tuple[str, float, Any]]:
    with tarfile.open(fileobj=file) as archive:
        for inside in archive:
            if inside.isfile():  # no link, no pipe
                yield (
                    inside.name,
                    float(inside.mtime),
                    lambda one=inside: archive.extractfile(one),
                )


def _seconds(date_time: tuple[int, int, int, int, int, int]) -> float:
    try:
        return datetime(*date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _document(text: bytes, lower: str) -> dict[str, Any]:
    """The notebook in a file: JSON, or one of the texts that jupytext knows."""
    said = _decoded(text)
    if said.lstrip().startswith(("{", "[")):
        document = json.loads(said)
        if not isinstance(document, dict) or not raw_cells(document):
            raise Refused("not a notebook that can be read (no cells)")
        return document
    ending = PurePosixPath(lower).suffix
    if ending in TEXTS:
        import jupytext

        return dict(jupytext.reads(said, fmt=TEXTS[ending]))
    if ".ipynb" in lower:
        raise Refused("not a notebook that can be read (no JSON)")
    raise Refused("neither a notebook (.ipynb) nor a zip or folder with one")


def _decoded(text: bytes) -> str:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return text.decode("utf-16")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")  # of Windows, most likely


def raw_cells(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells, which format 3 keeps in worksheets."""
    sheets = document.get("worksheets")
    if not isinstance(sheets, list):
        sheets = [document]
    lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
    cells = [cell for found in lists if isinstance(found, list) for cell in found]
    return [cell for cell in cells if isinstance(cell, dict)]


def _attempt(document: dict[str, Any], where: str, modified: float) -> Attempt:
    cells = [kind_and_source(cell) for cell in raw_cells(document)]
    return Attempt(where, modified, cells, assignment_of(document), document)


def kind_and_source(cell: dict[str, Any]) -> tuple[str, str]:
    """All that is needed of a cell; format 3 calls its source an input."""
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(map(str, source))
    kind = str(cell.get("cell_type", "code"))
    return kind, source if isinstance(source, str) else str(source)


def assignment_of(document: dict[str, Any]) -> str:
    """The builder's mark in the notebook: assignment and seed."""
    match document.get("metadata"):
        case {"otter": {"assignment_name": str(name)}}:
            return " ".join(name.split())[:100]
    return ""
