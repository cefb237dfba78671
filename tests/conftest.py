"""For all tests: figures without a display, the same examples in every CI run."""

import os

import pytest
from hypothesis import settings

os.environ.setdefault("MPLBACKEND", "agg")

# No deadline: the first example pays for imports, and no test is about time.
settings.register_profile("local", deadline=None, max_examples=40)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, but share out the site's pages."""
    for item in items:
        if item.path.name != "test_site.py":
            item.add_marker(pytest.mark.xdist_group(item.path.name))
