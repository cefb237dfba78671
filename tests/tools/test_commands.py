"""Every command says what it does when asked, and ends clearly when it cannot do it."""

import http.client
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from serve import PORTS, address, server, serving

ROOT = Path(__file__).resolve().parents[2]
TOOLS = sorted(
    path.name
    for path in (ROOT / "tools").glob("*.py")
    if "__main__" in path.read_text(encoding="utf-8")
)
COMMANDS = [
    *(f"tools/{name}" for name in TOOLS),
    "homework/build.py",
    "homework/course_map.py",
    "homework/grade.py",
    "homework/marking.py",
    "-m benchmarks",
]


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_printed_and_nothing_done(command):
    began = time.time()
    found = run(*command.split(), "--help")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("usage: ")
    assert len(found.stdout.split("\n\n")) >= 2  # a description too
    written = [*(ROOT / "_build" / "pdf").glob("*"), *(ROOT / "book").rglob("*.json")]
    assert not [path for path in written if path.stat().st_mtime > began]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("tools/notebooks.py no.ipynb", "not a notebook of the book"),
        ("tools/notebooks.py README.md/x", "not a notebook of the book"),
        ("tools/sweeps.py no-such", "no such table: no-such"),
        ("-m benchmarks no-such", "no such model: no-such"),
        ("tools/serve.py --site tests", "run `make book` first"),
        ("tools/first_paint.py --site tests", "run `make book` first"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(command, says):
    found = run(*command.split())
    assert found.returncode in (1, 2)
    assert says in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr


def get(url):
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    connection.request("GET", "/index.html")
    answer = connection.getresponse().read()
    connection.close()
    return answer


def test_a_folder_is_served(tmp_path):
    (tmp_path / "index.html").write_text("here")
    with serving(tmp_path) as url:
        assert get(url) == b"here"


def test_a_port_that_is_taken_is_passed_over(tmp_path):
    (tmp_path / "index.html").write_text("here")
    try:
        taken = server(tmp_path, PORTS[0])
    except OSError:
        taken = server(tmp_path, 0)  # somebody else has it, just as well
    with (
        taken,
        subprocess.Popen(
            [sys.executable, "tools/serve.py", "--site", tmp_path],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+/", line)[0]
        assert url != address(taken)
        assert urlsplit(url).port != PORTS[0]
        assert get(url) == b"here"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0
        assert process.stderr.read() == ""
