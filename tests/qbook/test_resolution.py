"""One place decides how fine the chapters compute."""

import numpy as np
import pytest

from qbook import resolution


def test_a_reader_gets_what_the_chapter_writes():
    assert (resolution.grid(0, 2, 5) == np.linspace(0, 2, 5)).all()
    assert (resolution.geometric(1, 16, 5) == np.geomspace(1, 16, 5)).all()
    assert (resolution.points(201), resolution.cutoff(30)) == (201, 30)
    assert resolution.step(0.1) == 0.1


def test_twice_the_resolution_keeps_every_point(monkeypatch):
    coarse = resolution.grid(0, 2, 5), resolution.geometric(1, 16, 5)
    monkeypatch.setenv(resolution.VARIABLE, "2")
    fine = resolution.grid(0, 2, 5), resolution.geometric(1, 16, 5)
    for few, many in zip(coarse, fine, strict=True):
        assert many.size == 2 * few.size - 1
        assert many[::2] == pytest.approx(few, rel=1e-15)
    assert (resolution.points(201), resolution.cutoff(30)) == (401, 60)
    assert resolution.step(0.1) == 0.05


@pytest.mark.parametrize("odd", ["0", "-1", "1.5", "fine", ""])
def test_an_odd_resolution_is_refused(monkeypatch, odd):
    monkeypatch.setenv(resolution.VARIABLE, odd)
    with pytest.raises(ValueError, match=resolution.VARIABLE):
        resolution.points(3)
