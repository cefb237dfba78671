"""A progress bar for what takes long, and nothing at all for what does not.

The bar shows in a notebook and in a terminal, never in a file or a pipe. The variable
TQDM_DISABLE=1 turns it off everywhere, as it must be where outputs are stored.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 2.0  # seconds without a bar


def progress(steps: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield the ``steps``; after two seconds, show a bar of ``total`` steps.

    The bar is made only then: making one costs more than most calls of this package.

    >>> list(progress("abc", "letters", 3))
    ['a', 'b', 'c']
    """
    began, bar = time.monotonic(), None
    try:
        for done, step in enumerate(steps):
            if bar is not None:
                bar.update()
            elif time.monotonic() - began > PATIENCE and _watched():
                from tqdm.auto import tqdm

                # tqdm reads TQDM_DISABLE on its import, we at every call.
                bar = tqdm(
                    desc=what, total=total, initial=done, leave=False, disable=False
                )
            yield step
    finally:
        if bar is not None:
            # Short of its total, the bar of a notebook would stay, in red.
            bar.total = bar.n
            bar.close()


def _watched() -> bool:
    """Whether someone looks on: a terminal, or a notebook's kernel."""
    # The bar of a notebook does not heed the variable by itself.
    if os.environ.get("TQDM_DISABLE"):
        return False
    return sys.stderr.isatty() or "ipykernel.kernelapp" in sys.modules
