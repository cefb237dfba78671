"""The package alone: built, installed without the book, imported, its examples run."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("qbcore", "qbook")
FILES = sorted(
    str(file.relative_to(ROOT))
    for package in PACKAGES
    for file in (ROOT / package).rglob("*")
    if file.is_file() and "__pycache__" not in file.parts
)
CORE = [name for name in FILES if name.startswith("qbcore/") and name.endswith(".py")]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A folder with the sdist, and the wheel that was built from the sdist alone.

    The build writes into its source, where a list of an earlier build would hide a
    file that is missing: it gets a copy of what the project's `pyproject.toml` names.
    """
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignore)
    environment = {**os.environ, "TMPDIR": str(tmp_path_factory.mktemp("build"))}
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder]
    run(*build, source, env=environment)
    return folder


@pytest.fixture(scope="module")
def alone(built, tmp_path_factory) -> Path:
    """A Python that has the wheel, what the wheel requires, and nothing else."""
    folder = tmp_path_factory.mktemp("alone")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    for name in required("qbcore") - {"qbcore"}:
        for top in {
            Path(file).parts[0]
            for file in distribution(name).files or ()
            if ".." not in str(file)
        }:
            (site / top).symlink_to(distribution(name).locate_file(top))
    return folder / "bin" / "python"


def run(*command, **options) -> str:
    result = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, **options
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def required(name: str) -> set[str]:
    """The distribution and, in turn, all it requires, without extras."""
    needs = [Requirement(line) for line in distribution(name).requires or ()]
    now = [
        r.name for r in needs if r.marker is None or r.marker.evaluate({"extra": ""})
    ]
    return {name}.union(*map(required, now))


def test_wheel_holds_the_package_and_nothing_of_the_book_or_the_tests(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    assert sorted(n for n in names if ".dist-info/" not in n) == FILES
    assert {"qbcore/py.typed", "qbook/py.typed", "qbook/book.mplstyle"} < set(names)


def test_sdist_holds_what_its_readme_and_licence_promise(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {*FILES, "pyproject.toml", "README.md", "LICENSE"} <= names


def test_every_module_of_the_core_imports_and_its_examples_run(alone, tmp_path):
    names = {
        n.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for n in CORE
    }
    names = sorted(names - {"qbcore.__main__"})
    code = """if True:
        import doctest, importlib, sys
        modules = [importlib.import_module(name) for name in sys.argv[1:]]
        # The example of the sweep needs what the extra of that name installs.
        plain = [module for module in modules if module.__name__ != "qbcore.sweep"]
        results = [doctest.testmod(module) for module in plain]
        attempted = sum(r.attempted for r in results)
        print(attempted, sum(r.failed for r in results), "qbcore" in sys.modules)
    """
    attempted, failed, _ = run(alone, "-I", "-c", code, *names, cwd=tmp_path).split()[
        -3:
    ]
    assert int(attempted) > 10
    assert int(failed) == 0


def test_import_loads_neither_figures_nor_widgets_nor_qutip(alone, tmp_path):
    code = "import sys, qbcore; print(qbcore.__file__, *sys.modules)"
    file, *loaded = run(alone, "-I", "-c", code, cwd=tmp_path).split()
    assert str(alone.parent.parent) in file
    assert not {"matplotlib", "ipywidgets", "IPython", "qutip", "yaml", "tqdm"} & set(
        loaded
    )


def test_python_m_qbcore_tells_versions_and_runs_its_demonstration(alone, tmp_path):
    text = run(alone, "-I", "-m", "qbcore", cwd=tmp_path)
    assert re.search(
        r"^qbcore \S+, numpy \S+, scipy \S+, qutip \S+, Python \S+$", text, re.M
    )
    assert "battery.charge()" in text
    assert "99.6% of full" in text
    text = run(alone, "-I", "-m", "qbcore", "--help", cwd=tmp_path)
    assert text.startswith("usage: python -m qbcore")
    assert "full" not in text


def lines_of_code(title: str) -> list[str]:
    """What a section of the README has a reader run."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split(f"## {title}\n")[1].split("\n## ")[0]
    return [line[4:] for line in section.splitlines() if line.startswith("    ")]


def test_the_readmes_ten_lines_run_and_print_an_ergotropy(alone, tmp_path):
    lines = lines_of_code("Ten lines")
    assert len([line for line in lines if line]) <= 10
    printed = run(alone, "-I", "-c", "\n".join(lines), cwd=tmp_path)
    # <H> = 0.7; the eigenvalues are 1/2 +- sqrt(0.2^2 + 0.2^2), the smaller one stays.
    passive = 0.5 - 0.08**0.5
    assert float(printed.split()[-1]) == pytest.approx(0.7 - passive, abs=1e-12)


def test_the_readme_leads_to_a_plot_of_ones_own_hamiltonian(tmp_path):
    code = [*lines_of_code("Your own Hamiltonian"), "print(curve.max_energy.value)"]
    drawing = {**os.environ, "MPLBACKEND": "agg", "PYTHONPATH": str(ROOT)}
    printed = run(sys.executable, "-c", "\n".join(code), cwd=tmp_path, env=drawing)
    assert float(printed) == pytest.approx(1.0, abs=1e-6)
    assert (tmp_path / "charging.png").stat().st_size > 1000
