"""Reading what was handed in: only the sources count, wherever they are packed."""

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest
from assigned import answers, assigned, read_archives
from handed_in import FIRST, NAMES, notebook
from submissions import Refused, entries, read

LATER = (2026, 11, 20, 12, 0, 0)
EARLIER = (2026, 11, 19, 12, 0, 0)


@pytest.fixture(scope="session")
def built_here(built):
    return read_archives(built[0])


@pytest.fixture(scope="session")
def solution(built) -> dict:
    path = built[0] / "teachers" / f"{FIRST}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))


def text(nb: dict) -> bytes:
    return json.dumps(nb).encode()


def bare(nb: dict) -> dict:
    """The rest when only cells and sources are kept."""
    keep = ("cell_type", "source")
    return {"cells": [{key: cell[key] for key in keep} for cell in nb["cells"]]}


def old(nb: dict) -> dict:
    """The notebook in the format of 2013."""
    names = {"code": "input", "markdown": "source", "raw": "source"}
    cells = [
        {"cell_type": c["cell_type"], names[c["cell_type"]]: c["source"]}
        for c in nb["cells"]
    ]
    return {"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}


def zipped(files: dict[str, bytes], when: tuple = LATER) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, when), content)
    return made.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def as_text(nb: dict, form: str) -> bytes:
    return jupytext.writes(
        nbformat.reads(json.dumps(nb), as_version=4), fmt=form
    ).encode()


def cell(nb: dict, **fields: object) -> dict:
    return nb | {"cells": [*nb["cells"], fields]}


def metadata(nb: dict, value: object) -> dict:
    return nb | {"metadata": value}


FINDER = {"__MACOSX/._a.ipynb": b"\0\5\26\7", ".DS_Store": b"\0\0\0\1Bud1"}
CHECKPOINT = ".ipynb_checkpoints/a-checkpoint.ipynb"
UNTITLED = text({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
# The name of a file, and what is in it; a folder is a dictionary of files.
FORMS: dict[str, tuple[str, Callable]] = {
    "as handed out": ("a.ipynb", text),
    "no metadata": ("a.ipynb", lambda nb: text(bare(nb))),
    "metadata is a list": ("a.ipynb", lambda nb: text(metadata(nb, [1]))),
    "otter is a text": ("a.ipynb", lambda nb: text(metadata(nb, {"otter": "01"}))),
    "name is a list": (
        "a.ipynb",
        lambda nb: text(metadata(nb, {"otter": {"assignment_name": [{}]}})),
    ),
    "name is another": (
        "a.ipynb",
        lambda nb: text(metadata(nb, {"otter": {"assignment_name": "=x" * 10**6}})),
    ),
    "minor 4 with ids": ("a.ipynb", lambda nb: text(nb | {"nbformat_minor": 4})),
    "minor of 99": ("a.ipynb", lambda nb: text(nb | {"nbformat_minor": 99})),
    "format of 2013": ("a.ipynb", lambda nb: text(old(nb))),
    "foreign keys": ("a.ipynb", lambda nb: text(nb | {"colab": {"x": [None]}})),
    "a cell without source": ("a.ipynb", lambda nb: text(cell(nb, cell_type="code"))),
    "a cell of numbers": (
        "a.ipynb",
        lambda nb: text(cell(nb, cell_type="markdown", source=[1, 2])),
    ),
    "a cell that is a text": (
        "a.ipynb",
        lambda nb: text(nb | {"cells": [*nb["cells"], "text", None, 3]}),
    ),
    "same id twice": (
        "a.ipynb",
        lambda nb: text(nb | {"cells": [c | {"id": "one"} for c in nb["cells"]]}),
    ),
    "capital letters": ("A.IPYNB", text),
    "no name at all": ("submission", text),
    "renamed to text": ("a.ipynb.txt", text),
    "a browser's copy": ("a.ipynb (1)", text),
    "byte order mark": ("a.ipynb", lambda nb: b"\xef\xbb\xbf" + text(nb)),
    "UTF-16": ("a.ipynb", lambda nb: text(nb).decode().encode("utf-16")),
    "Latin-1": (
        "a.ipynb",
        lambda nb: json.dumps(
            cell(bare(nb), cell_type="markdown", source="Müller"), ensure_ascii=False
        ).encode("latin-1"),
    ),
    "Windows' lines": (
        "a.ipynb",
        lambda nb: json.dumps(nb, indent=1).replace("\n", "\r\n").encode(),
    ),
    "script of jupytext": ("a.py", lambda nb: as_text(nb, "py:percent")),
    "light script": ("a.py", lambda nb: as_text(nb, "py:light")),
    "Markdown": ("a.md", lambda nb: as_text(nb, "md")),
    "MyST": ("a.md", lambda nb: as_text(nb, "md:myst")),
    "zip": ("a.zip", lambda nb: zipped({"week 1/a.ipynb": text(nb)})),
    "zip of macOS": ("a.ZIP", lambda nb: zipped({"a.ipynb": text(nb)} | FINDER)),
    "zip with checkpoints": (
        "a.zip",
        lambda nb: zipped({CHECKPOINT: UNTITLED, "a.ipynb": text(nb)}),
    ),
    "zip of Windows": ("a.zip", lambda nb: zipped({"week\\a.ipynb": text(nb)})),
    "zip in a zip": (
        "a.zip",
        lambda nb: zipped({"b/c.zip": zipped({"a.ipynb": text(nb)} | FINDER)}),
    ),
    "tar": ("a.tar.gz", lambda nb: tarred({"./week/a.ipynb": text(nb)})),
    "Moodle's folder": (
        "Ada Lovelace_1234_assignsubmission_file_",
        lambda nb: {"a.ipynb": text(nb)},
    ),
    "zip in Moodle's folder": (
        "Ada Lovelace_1234_assignsubmission_file_",
        lambda nb: {"onlinetext.html": b"<p></p>", "a.zip": zipped({"a": text(nb)})},
    ),
    "Untitled next to it": (
        "folder",
        lambda nb: {"Untitled.ipynb": UNTITLED, "a.ipynb": text(nb)},
    ),
    "figures and notes next to it": (
        "folder",
        lambda nb: {
            "notes.pdf": b"%PDF",
            "README.md": b"# me",
            "help.py": b"x = 1",
            "sub/a.ipynb": text(nb),
        },
    ),
    "broken one next to it": (
        "folder",
        lambda nb: {"z.ipynb": b"{", "a.ipynb": text(nb)},
    ),
    "the handout next to it": (
        "folder",
        lambda nb: {"a.ipynb": text(nb), "z.ipynb": None},
    ),
}


def make(path: Path, content: bytes | dict, handout: bytes) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    for name, inside in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(handout if inside is None else inside)


@pytest.mark.parametrize("form", FORMS)
def test_ordinary_uploads_are_read(built, built_here, solution, tmp_path, form):
    name, made = FORMS[form]
    handout = (built[0] / "students" / f"{FIRST}.ipynb").read_bytes()
    make(tmp_path / name, made(solution), handout)
    assert entries(tmp_path) == [tmp_path / name]
    found, _ = assigned(read(tmp_path / name).attempts, built_here)
    assert list(found) == [f"{FIRST}, seed 0"]
    attempt = found[f"{FIRST}, seed 0"][-1]
    written = "\n".join(source for _, source in attempt.code)
    assert "def best_gate" in written
    assert "levels @ weights[:, ::-1].conj().T" in written
    assert "import otter" not in written


def test_the_last_attempt_that_fits_counts(built_here, built, solution, tmp_path):
    """By the time, then by the number in the name; an empty one never."""
    handout = (built[0] / "students" / f"{FIRST}.ipynb").read_bytes()
    other = notebook(built[0], NAMES[1])

    def version(k: int) -> bytes:
        return text(cell(solution, cell_type="code", source=f"version = {k}"))

    def last(files: dict[str, tuple[bytes, tuple]]) -> str:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name, (content, when) in files.items():
                archive.writestr(zipfile.ZipInfo(name, when), content)
        found, _ = assigned(read(tmp_path / "a.zip").attempts, built_here)
        return found[f"{FIRST}, seed 0"][-1].cells[-1][1]

    one, two, ten = version(1), version(2), version(10)
    assert last({"b": (one, LATER), "a": (two, EARLIER)}) == "version = 1"
    assert last({"a (2)": (two, LATER), "a (10)": (ten, LATER)}) == "version = 10"
    assert last({"a.ipynb": (one, LATER), "a (2)": (two, LATER)}) == "version = 2"
    assert last({"a": (one, EARLIER), "b": (handout, LATER)}) == "version = 1"
    stranger = nbformat.writes(other).encode()
    assert last({"a": (one, EARLIER), "b": (stranger, LATER)}) == "version = 1"


def test_an_assignment_is_known_by_its_functions(built, built_here, tmp_path):
    for name in NAMES:
        nb = json.loads((built[0] / "teachers" / f"{name}.ipynb").read_text())
        (tmp_path / "a.ipynb").write_bytes(text(bare(nb)))
        found, remarks = assigned(read(tmp_path / "a.ipynb").attempts, built_here)
        assert (list(found), remarks) == ([f"{name}, seed 0"], [])


def test_other_numbers_are_named(built, built_here, tmp_path):
    """A notebook of another seed is refused; without its metadata it is told."""
    nb = json.loads((built[7] / "teachers" / f"{FIRST}.ipynb").read_text())
    (tmp_path / "a.ipynb").write_bytes(text(nb))
    found, remarks = assigned(read(tmp_path / "a.ipynb").attempts, built_here)
    assert (found, len(remarks)) == ({}, 1)
    assert f"{FIRST}, seed 7; built here: {FIRST}, seed 0" in remarks[0]
    (tmp_path / "a.ipynb").write_bytes(text(bare(nb)))
    found, remarks = assigned(read(tmp_path / "a.ipynb").attempts, built_here)
    assert list(found) == [f"{FIRST}, seed 0"]
    assert "other numbers" in remarks[0]
    # If both are built, the numbers decide.
    both = built_here | read_archives(built[7])
    found, remarks = assigned(read(tmp_path / "a.ipynb").attempts, both)
    assert (list(found), remarks) == ([f"{FIRST}, seed 7"], [])


def test_a_cell_too_deep_to_parse_costs_its_functions_only(
    built_here, solution, tmp_path
):
    deep = cell(solution, cell_type="code", source="1" + " + 1" * 3000)
    (tmp_path / "a.ipynb").write_bytes(text(deep))
    found, _ = assigned(read(tmp_path / "a.ipynb").attempts, built_here)
    assert answers(found[f"{FIRST}, seed 0"][-1])


def test_zips_in_zips_end_somewhere(tmp_path):
    content = b"x"
    for _ in range(9):
        content = zipped({"a.zip": content})
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(Refused, match="too deep"):
        read(tmp_path / "a.zip")
    (tmp_path / "many").mkdir()
    for k in range(2100):
        os.mkdir(tmp_path / "many" / str(k))
        (tmp_path / "many" / str(k) / "a.txt").touch()
    with pytest.raises(Refused, match="more than 2000 files"):
        read(tmp_path / "many")


@pytest.mark.parametrize(
    "name",
    [
        "Student{0} T_1000{0}_assignsubmission_file_/01-ergotropy.ipynb",
        "student{0}_1000{0}_55_01-ergotropy.ipynb",
        "submission_1000{0}/01-ergotropy.ipynb",
    ],
)
def test_the_archive_of_a_whole_class_is_not_one_students(tmp_path, name):
    """The last of sixty students' notebooks once counted for all of them."""
    cell = {"cell_type": "code", "source": "a = 1"}
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for k in range(3):
            archive.writestr(name.format(k), json.dumps({"cells": [cell]}))
    with pytest.raises(Refused, match="what 3 students handed in: unpack it"):
        read(tmp_path / "all.zip")


def test_what_gradescope_puts_beside_the_submissions_is_none(tmp_path):
    (tmp_path / "submission_metadata.yml").touch()
    (tmp_path / "submission_5501").mkdir()
    assert [entry.name for entry in entries(tmp_path)] == ["submission_5501"]
