"""The Chromium of this machine: the book is printed by it, and the site tested in it."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)  # None if there is none
