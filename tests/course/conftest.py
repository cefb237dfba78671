"""What `make homework` writes, once for all tests of the course."""

import os
from pathlib import Path

import pytest
from handed_in import SEEDS, python


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> dict[int, Path]:
    """What `make homework` writes, by seed."""
    made = {seed: tmp_path_factory.mktemp(f"seed{seed}") for seed in SEEDS}
    for seed, out in made.items():
        python("build.py", "--seed", seed, "--out", out)
    return made


@pytest.fixture(scope="session")
def confined() -> None:
    """A test that needs bubblewrap; where CI runs, it must be there."""
    import confine

    if confine.how():
        return
    if os.environ.get("CI"):
        pytest.fail("bubblewrap is not there: .ci/run installs it")
    pytest.skip("!!! bubblewrap is not there: confined grading is NOT tested.")
