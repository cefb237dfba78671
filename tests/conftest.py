"""One setting for all tests: figures without a display, the same examples on every machine of the CI."""

import os

import matplotlib
from hypothesis import settings

matplotlib.use("Agg")

# No deadline: the first example pays for imports, and no test is about time.
settings.register_profile("local", deadline=None, max_examples=40)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
