"""The Chromium of this machine: it prints the book, and the site is tested in it."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a sandbox it runs as root; without background networking it asks nobody for
# anything.
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)  # None if there is none
