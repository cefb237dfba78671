"""Show the site that `make book` wrote: at port 8000, or the next one that is free."""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
PORTS = range(8000, 8020)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        # A page may be closed while it is still loading.
        with contextlib.suppress(ConnectionError):
            super().handle()


def server(site: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of the files of a folder; at any free port if it is 0."""
    handler = functools.partial(_Quiet, directory=str(site))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def address(found: http.server.ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{found.server_address[1]}/"


@contextlib.contextmanager
def serving(site: Path) -> Iterator[str]:
    """Address of a server for the files of a folder, while the block runs."""
    with server(site, 0) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield address(found)
        found.shutdown()


def first_free(site: Path) -> http.server.ThreadingHTTPServer:
    """A server at the first free of PORTS."""
    for port in PORTS:
        with contextlib.suppress(OSError):
            return server(site, port)
    sys.exit(f"All ports from {PORTS[0]} to {PORTS[-1]} are taken.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=SITE, help="folder of the site")
    site = parser.parse_args().site
    if not (site / "index.html").exists():
        sys.exit(f"There is no site in {site}: run `make book` first.")
    with first_free(site) as found, contextlib.suppress(KeyboardInterrupt):
        print(f"The book is at {address(found)} until Ctrl-C.", flush=True)
        found.serve_forever()


if __name__ == "__main__":
    main()
