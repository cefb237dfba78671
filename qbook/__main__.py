"""Compute verdicts of the ledger again, and begin new chapters.

    python -m qbook verdict zhang-n3        one claim, with its numbers
    python -m qbook verdicts guo2024        all claims of a paper
    python -m qbook verdicts --all          all claims, on all cores
    python -m qbook paper smith2026 "..."   begin a chapter on one more paper

The computation stands in the chapter: the statements that its check depends on are
found from the code and run. The end is 0 if everything agrees with the ledger, 1 if
something does not, 2 if the name is unknown or the ledger cannot be read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from difflib import get_close_matches
from pathlib import Path

from tqdm import tqdm

from qbook import claims
from qbook.rerun import Rerun, rerun_all


def main() -> int:
    """Run the command line, and return its exit code."""
    arguments = _parser().parse_args()
    if arguments.command == "paper":
        return _begin(arguments.key, arguments.title)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the claims share the cores
    try:
        path = arguments.ledger or claims.find_ledger()
        chosen = _chosen(claims.load(path), arguments)
    except (LookupError, OSError, ValueError) as unknown:
        print(unknown, file=sys.stderr)
        return 2
    alone = len(chosen) == 1
    runs = list(
        tqdm(
            rerun_all(chosen, path.resolve().parent),
            total=len(chosen),
            disable=alone or None,  # None: no bar where nobody looks at a terminal
        )
    )
    if arguments.json:
        print(json.dumps([run.as_dict() for run in runs], indent=1))
    elif alone:
        print(runs[0])
    else:
        _print_list(runs)
    return 0 if all(run.agrees for run in runs) else 1


def _begin(key: str, title: str) -> int:
    from qbook.new_paper import write_paper

    try:
        written = write_paper(claims.find_ledger().parent.parent, key, title)
    except FileExistsError as there:
        print(there, file=sys.stderr)
        return 2
    print(*written, sep="\n")
    return 0


def _chosen(ledger: claims.Ledger, arguments: argparse.Namespace) -> list[claims.Claim]:
    """The claims asked for; LookupError with what was perhaps meant."""
    if arguments.command == "verdicts" and arguments.all:
        return list(ledger)
    key = "id" if arguments.command == "verdict" else "paper"
    chosen = [claim for claim in ledger if getattr(claim, key) == arguments.name]
    if chosen:
        return chosen
    known = list(dict.fromkeys(getattr(claim, key) for claim in ledger))
    close = get_close_matches(arguments.name, known, n=5, cutoff=0.4) or known
    raise LookupError(
        f"The ledger has no {key} {arguments.name!r}. It has {', '.join(close)}."
    )


def _print_list(runs: list[Rerun]) -> None:
    for run in runs:
        line = f"{run.claim.verdict:18} {run.claim.id} ({run.seconds:.1f} s)"
        print(line if run.agrees else run)
    agree = sum(run.agrees for run in runs)
    print(f"{agree} of {len(runs)} agree with the ledger.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m qbook",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON")
    shared.add_argument(
        "--ledger",
        type=Path,
        help="your own ledger, in the folder of its chapters",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("verdict", parents=[shared], help="compute one claim")
    one.add_argument("name", metavar="claim", help="id of an entry, such as zhang-n3")
    many = commands.add_parser("verdicts", parents=[shared], help="compute many claims")
    which = many.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "name", metavar="paper", nargs="?", help="a paper, such as guo2024"
    )
    which.add_argument("--all", action="store_true", help="every claim of the ledger")
    paper = commands.add_parser("paper", help="begin a chapter on one more paper")
    paper.add_argument("key", help="key in the bibliography, such as smith2026")
    paper.add_argument("title", help="title of the chapter")
    return parser


if __name__ == "__main__":
    sys.exit(main())
