"""The bar comes late, where someone looks on, and leaves nothing behind."""

import io
import subprocess
import sys
from itertools import islice
from types import SimpleNamespace

import pytest
import tqdm.notebook

import qbcore._support.progress as module
from qbcore._support.progress import progress


class Screen(io.StringIO):
    """A terminal that remembers what it showed."""

    def isatty(self) -> bool:
        return True


def watch(monkeypatch) -> Screen:
    """A terminal, and a clock on which every look takes a second."""
    shown, clock = Screen(), iter(range(10**6))
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    return shown


def test_a_long_computation_shows_where_it_stands_and_wipes_it_away(monkeypatch):
    screen = watch(monkeypatch)
    seen = []
    for step in progress(range(8), "charge", 8):
        seen.append(step)
        assert ("charge" in screen.getvalue()) == (
            step >= 2
        )  # after more than two seconds
    assert seen == list(range(8))
    assert "2/8" in screen.getvalue()
    assert screen.getvalue().endswith(" \r")


def test_a_short_one_shows_nothing(monkeypatch):
    screen = watch(monkeypatch)
    assert list(progress(range(2), "charge", 2)) == [0, 1]  # two seconds, not more
    assert screen.getvalue() == ""


def test_without_a_terminal_nothing_shows(monkeypatch):
    screen = watch(monkeypatch)
    monkeypatch.setattr(screen, "isatty", lambda: False, raising=False)
    assert list(progress(range(9), "charge", 9)) == list(range(9))
    assert screen.getvalue() == ""


def test_an_exception_passes_and_the_bar_is_wiped(monkeypatch):
    screen = watch(monkeypatch)

    def steps():
        yield from range(5)
        raise ArithmeticError("no such battery")

    with pytest.raises(ArithmeticError, match="no such battery"):
        list(progress(steps(), "charge", 9))
    assert screen.getvalue().endswith(" \r")


@pytest.mark.parametrize("taken", [8, 5])
def test_in_a_notebook_no_bar_stays_behind(monkeypatch, taken):
    """Neither when all is done nor when the caller has enough."""
    bars = []

    class Bar(tqdm.notebook.tqdm):
        def __init__(self, **options):
            super().__init__(**options)
            bars.append(self)

    watch(monkeypatch)
    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    assert list(islice(progress(range(8), "frames", 8), taken)) == list(range(taken))
    (bar,) = bars
    assert bar.container.layout.visibility == "hidden"


def test_the_bar_is_off_where_outputs_are_stored():
    code = """if True:
        import sys
        import qbcore._support.progress as module
        module.PATIENCE = -1.0
        sys.modules["ipykernel.kernelapp"] = None  # as in a notebook
        print(sum(module.progress(range(9), "charge", 9)))
    """
    for off in ("1", ""):
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={"TQDM_DISABLE": off},
            capture_output=True,
            text=True,
            check=True,
        )
        assert run.stdout == "36\n"
        assert ("charge" in run.stderr) == (not off)
