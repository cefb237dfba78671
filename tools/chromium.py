"""The Chromium of this machine: the book is printed by it, and the site tested in it."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without a sandbox it runs as root; without networking of its own it asks nobody for anything.
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)  # None if there is none
