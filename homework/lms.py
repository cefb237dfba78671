"""Into and out of Canvas and Moodle: times, tables to import, a zip of feedback."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from dateutil.parser import parse as parse_date
from results import Result, feedback, write_whole
from submissions import CANVAS, MOODLE

DAY = 24 * 3600


def participant(entry: str) -> str:
    """The number by which the system that gave out an entry knows the student."""
    found = MOODLE.fullmatch(entry) or CANVAS.fullmatch(entry)
    return found["id"] if found else ""


def marked_late(entry: str) -> bool:
    """Whether Canvas says in the name that it came late."""
    found = CANVAS.fullmatch(entry)
    return bool(found and not MOODLE.fullmatch(entry) and found["late"])


def apply_delay(
    result: Result,
    entry: str,
    due: float | None,
    per_day: float,
    times: dict[str, float],
) -> None:
    """Note the days of delay that have begun, and what they leave of the points."""
    handed_in = times.get(participant(entry), result.handed_in)
    late = handed_in - due if due is not None and handed_in else 0.0
    days = max(0, int(-(-late // DAY)), int(marked_late(entry)))
    result.days_late = days
    result.factor = max(0.0, 1 - per_day / 100 * days)


class Sheet:
    """A table of the system's, to be given back with one column filled in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        text = path.read_text(encoding="utf-8-sig")
        self.marked = path.read_bytes().startswith(b"\xef\xbb\xbf")
        delimiter = csv.Sniffer().sniff(text.partition("\n")[0], ",;\t").delimiter
        self.delimiter = delimiter
        self.rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        if not self.rows:
            raise ValueError(f"{path} is empty")

    def column(self, *names: str) -> int:
        """The number of the first column that has one of these names."""
        for name in names:
            if name in self.rows[0]:
                return self.rows[0].index(name)
        columns = ", ".join(self.rows[0])
        wanted = " or ".join(repr(name) for name in names)
        raise ValueError(f"{self.path} has no column {wanted}; it has {columns}")

    def fill(self, key: int, column: int, values: dict[str, str]) -> int:
        """Put values into a column by the number in another; count them."""
        filled = 0
        for row in self.rows[1:]:
            number = re.search(r"\d+$", row[key].strip()) if key < len(row) else None
            if number and number[0] in values and column < len(row):
                row[column] = values[number[0]]
                filled += 1
        return filled

    def write(self, path: Path) -> None:
        """Write the table as it was read, but for what was filled in."""
        made = io.StringIO(newline="")
        table = csv.writer(made, delimiter=self.delimiter, lineterminator="\r\n")
        table.writerows(self.rows)
        write_whole(path, "\ufeff" * self.marked + made.getvalue())


def of_canvas(sheet: Sheet, assignment: str, title: str) -> tuple[int, int]:
    """Columns of the student's number and of the assignment in Canvas' gradebook."""
    key = sheet.column("ID")
    if title:
        exact = [c for c in sheet.rows[0] if c == title or c.startswith(f"{title} (")]
        return key, sheet.column(*(exact or [title]))
    stem = assignment.split(",")[0]
    own = [c for c in sheet.rows[0] if re.search(r"\(\d+\)$", c)]
    named = [c for c in own if stem in c.lower()] or own
    if len(named) != 1:
        raise ValueError(
            f"which column is {stem}? Say --column; the gradebook has {', '.join(own)}"
        )
    return key, sheet.column(named[0])


def of_moodle(sheet: Sheet, title: str) -> tuple[int, int]:
    """Columns of the participant and of the grade in Moodle's worksheet."""
    # The first column is the participant's in every language.
    return 0, sheet.column(*([title] if title else ["Grade", "Bewertung", "Note"]))


def times_of_moodle(sheet: Sheet) -> dict[str, float]:
    """When each participant handed in, as far as the worksheet says it."""
    try:
        column = sheet.column("Last modified (submission)")
    except ValueError:
        return {}
    found = {}
    for row in sheet.rows[1:]:
        number = re.search(r"\d+$", row[0].strip())
        try:
            when = parse_date(row[column]).timestamp()
        except (ValueError, OverflowError, IndexError):
            continue  # a dash: nothing was handed in
        if number:
            found[number[0]] = when
    return found


def best(results: Iterable[tuple[str, Result]]) -> dict[str, Result]:
    """The best result of each participant; an entry of another form has none."""
    found: dict[str, Result] = {}
    for entry, result in results:
        number = participant(entry)
        if number and result.possible:
            before = found.get(number)
            if before is None or result.earned > before.earned:
                found[number] = result
    return found


def write_feedback_zip(entries: dict[str, list[Result]], path: Path) -> int:
    """What Moodle takes as *Upload multiple feedback files in a zip*.

    An online text beside a notebook that was graded has no page.
    """
    count = 0
    part = path.with_name(path.name + ".part")
    graded = {participant(e) for e, results in entries.items() if results[0].possible}
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, results in entries.items():
            found = MOODLE.fullmatch(entry)
            if found and (results[0].possible or found["id"] not in graded):
                stem = results[0].assignment.split(",")[0] or "homework"
                name = f"{found['name']}_{found['id']}_assignfeedback_file_{stem}.md"
                archive.writestr(name, feedback(results).encode(errors="replace"))
                count += 1
    part.replace(path)
    return count
