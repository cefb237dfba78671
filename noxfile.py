"""The core with every Python and the oldest and newest packages allowed: `uvx nox`.

`make test` checks one set of versions, that of constraints.txt; this checks the bounds
of pyproject.toml.
"""

from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"


@nox.session(python=["3.11", "3.12", "3.13"])
def newest(session: nox.Session) -> None:
    """All packages as new as they come."""
    check(session, "highest")


@nox.session(
    python="3.11"
)  # the oldest numpy and scipy have no wheels for the newest Python
def oldest(session: nox.Session) -> None:
    """What pyproject.toml names, as old as it allows."""
    check(session, "lowest-direct")


def check(session: nox.Session, resolution: str) -> None:
    """Install with this resolution; run the tests that need no site and no grader."""
    session.install("--resolution", resolution, "-e", ".[book]")
    session.install(
        "hypothesis", "pytest", "pytest-xdist", "distributed", "dask-jobqueue"
    )
    where = ["tests/core", "tests/qbook", "--ignore=tests/core/test_package.py"]
    # An old matplotlib with a new pyparsing warns that it is old.
    session.run("pytest", "-q", "-n", "2", "-W", "ignore::DeprecationWarning", *where)


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def package(session: nox.Session) -> None:
    """Wheel and source of `make release`, each in an empty environment."""
    for kind in ("whl", "tar.gz"):
        (built,) = Path("_build/release/dist").resolve().glob(f"*.{kind}")
        session.install("--force-reinstall", f"{built}[book]")
        session.cd(session.create_tmp())
        session.run("python", "-m", "qbcore")
        session.run("python", "-c", "import qbook.claims")
        session.cd(session.invoked_from)


@nox.session
def metadata(session: nox.Session) -> None:
    """CITATION.cff by the tool of its format; a test holds .zenodo.json to it."""
    session.install("cffconvert")
    session.run("cffconvert", "--validate")
