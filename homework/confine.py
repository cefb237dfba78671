"""Run a notebook closed in by bubblewrap, or, if the teacher says so, openly.

Closed in, it sees Python with its packages and `qbcore`, an empty folder, and nothing
else: no network, no course, no other submission, no process of the grader.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
PYTHON = os.path.abspath(sys.executable)
BUBBLEWRAP = "bubblewrap"
OPENLY = "no"
MEMORY = 4 << 30  # bytes, of all that a notebook starts
SCRATCH = 500_000_000  # bytes of files
PROCESSES = 100  # threads count, too
# The libraries of numbers need these to run as they do here.
PASSED_ON = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "TZ")
SETTINGS = {
    "HOME": "/tmp",
    "IPYTHONDIR": "/tmp/.ipython",
    "MPLCONFIGDIR": "/tmp/.matplotlib",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "agg",  # figures are not graded here, so none is drawn
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "TQDM_DISABLE": "1",
    "USER": "student",
}


def how() -> str:
    """The name of what closes notebooks in on this machine, or nothing."""
    if not _bubblewrap_works():
        return ""
    # The container's recipe says that it is one.
    return " in ".join(filter(None, [BUBBLEWRAP, os.environ.get("GRADED_IN")]))


@functools.cache
def _bubblewrap_works() -> bool:
    if not shutil.which("bwrap"):
        return False
    probe = [*_wrapped(), PYTHON, "-I", "-c", ""]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


class Process:
    """A kernel that has been started, with the two ends of its channel."""

    def __init__(self, seconds: float, *, closed: bool) -> None:
        self._exit = ExitStack()
        scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = self._exit.enter_context(scratch)
        as_root = closed and os.getuid() == 0
        settings = {
            "limits": _limits(seconds, closed=closed),
            "closed": closed,
            "core": str(_core().parent),
            # Each has another number, so that two of them share no limit.
            "user": 100_000 + os.getpid() if as_root else 0,
        }
        surroundings = SETTINGS | {
            name: os.environ[name] for name in PASSED_ON if name in os.environ
        }
        if closed:
            before, kernel = _wrapped(), "/kernel.py"
        else:
            before, kernel = [], str(HERE / "kernel.py")
            surroundings |= {"HOME": folder, "IPYTHONDIR": folder}
            surroundings["MPLCONFIGDIR"] = folder
        self.closed = closed
        self.process = subprocess.Popen(
            [*before, PYTHON, "-I", kernel, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=surroundings,
            start_new_session=True,
        )
        assert self.process.stdin is not None  # both are pipes
        assert self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def memory(self) -> int:
        """Bytes that the notebook holds at the moment, files excepted."""
        held = 0
        for each in self._family():
            try:
                held += each.memory_info().rss
            except psutil.Error:  # it has ended
                continue
        return held

    def end(self) -> None:
        """End the notebook and all that it started, and wait until they are gone."""
        family = self._family()
        if self.closed:
            # The first process in the enclosure: the system ends the others with it,
            # and bubblewrap ends after them.
            family = family[1:2] or family
        for each in family:
            try:
                each.kill()
            except psutil.Error:
                continue
        self.process.wait()
        for channel in (self.process.stdin, self.process.stdout):
            assert channel is not None
            try:
                channel.close()
            except OSError:  # what was still to be sent finds nobody
                continue
        self._exit.close()

    def _family(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.Error:
            return []


def _limits(seconds: float, *, closed: bool) -> dict[str, int]:
    found = {"AS": MEMORY, "CORE": 0, "CPU": int(seconds) + 60, "FSIZE": SCRATCH}
    # The system counts all that a user runs: in the enclosure that is the notebook,
    # outside a whole desktop.
    return found | ({"NPROC": PROCESSES} if closed else {})


@functools.cache
def _wrapped() -> list[str]:
    """The command before Python's: what exists inside, and what does not."""
    course = str(HERE.parent)
    told = subprocess.run(["bwrap", "--help"], capture_output=True, check=False)
    size = ["--size", str(SCRATCH)] if b"--size" in told.stdout else []
    command: list[Any] = ["bwrap", "--die-with-parent", "--new-session", "--as-pid-1"]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    command += ["--unshare-cgroup-try"]
    if os.getuid() == 0:  # the kernel itself ceases to be root
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID"]
        command += ["--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user"]
        command += ["--disable-userns"] if b"--disable-userns" in told.stdout else []
    command += ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, ("/bin", "/lib", "/lib32", "/lib64", "/sbin")):
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), path]
        elif path.exists():
            command += ["--ro-bind", path, path]
    command += ["--perms", "0755", "--dir", "/etc"]
    for shown in ("/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache"):
        command += ["--ro-bind-try", shown, shown]
    # Before what may lie in it: Python, the course.
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += [*size, "--perms", "1777", "--tmpfs", "/dev/shm"]
    command += [*size, "--perms", "1777", "--tmpfs", "/tmp"]
    command += ["--tmpfs", course] if Path(course).is_relative_to("/usr") else []
    for path in _python():
        # bubblewrap itself would make them for root alone.
        for parent in reversed(path.parents[:-1]):
            command += ["--perms", "0755", "--dir", parent]
        command += ["--ro-bind", path, path]
    command += ["--ro-bind", HERE / "kernel.py", "/kernel.py"]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--"]
    return [str(part) for part in command]


@functools.cache
def _core() -> Path:
    """The folder of `qbcore`, which the notebook finds wherever it is installed."""
    found = importlib.util.find_spec("qbcore")
    assert found is not None
    assert found.origin is not None
    return Path(os.path.abspath(found.origin)).parent


def _python() -> list[Path]:
    """Folders of this Python and of `qbcore`, which may lie under the user's home."""
    folders = [sys.base_prefix, sys.prefix, str(_core())]
    return [
        path
        for path in dict.fromkeys(Path(os.path.abspath(folder)) for folder in folders)
        if not path.is_relative_to("/usr")
    ]
