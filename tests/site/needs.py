"""Tools that the machine must have for these tests."""

import os

import pytest


def needs(found: bool, missing: str) -> None:
    """Skip loudly where a tool is missing; in CI a missing tool is a failure."""
    if not found and os.environ.get("CI"):
        pytest.fail(missing)
    if not found:
        pytest.skip(f"!!! {missing}")
