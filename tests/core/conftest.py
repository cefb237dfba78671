"""Metrics and Gaussian states keep the shapes of their docstrings in their tests."""

import inspect

import pytest
from documented_shapes import documented

from qbcore import gaussian, metrics

CHECKED = {"test_metrics", "test_work_and_limits", "test_states"}
CHECKED |= {"test_gaussian", "test_gaussian_tools", "test_documented_shapes"}
PUBLIC = [
    (module, name, documented(function))
    for module in (metrics, gaussian)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if not name.startswith("_") and function.__module__ == module.__name__
]


@pytest.fixture(autouse=True)
def shapes_as_documented(request, monkeypatch):
    """Wrap every public function of the two modules."""
    if request.module.__name__.rpartition(".")[2] in CHECKED:
        for module, name, function in PUBLIC:
            monkeypatch.setattr(module, name, function)
