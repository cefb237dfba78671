"""Into and out of Canvas, Moodle and Gradescope; late marks, grades, copies."""

import ast
import csv
import json
import re
import zipfile
from datetime import datetime

import lms
import pytest
import yaml
from handed_in import FIRST, HOMEWORK, NAMES, ROOT
from results import Result, as_text, graded, write_table
from similar import alike, shapes

ADA = "Ada Lovelace_1234567_assignsubmission_file_"
BOB = "Bob O'Neil_77_assignsubmission_file_homework.ipynb"
CANVAS = "lovelaceada_LATE_4321_98765_01-ergotropy-1.ipynb"
ON_TIME = "noetheremmy_4322_98766_01-ergotropy.ipynb"


def result(name: str, points: float = 12.5, handed_in: float = 0.0) -> Result:
    """A graded submission."""
    return Result(
        name,
        f"{FIRST}, seed 0",
        "graded",
        "bubblewrap",
        [],
        points={"q2": points},
        possible={"q2": 19.0},
        hints={"q2": []},
        handed_in=handed_in,
    )


def test_the_number_of_a_student_is_read_from_the_name():
    assert lms.participant(ADA) == lms.participant(ADA[:-1]) == "1234567"
    assert lms.participant(BOB) == "77"
    assert (lms.participant(CANVAS), lms.participant(ON_TIME)) == ("4321", "4322")
    assert lms.participant("homework.ipynb") == ""
    assert [lms.marked_late(n) for n in (CANVAS, ON_TIME, ADA)] == [True, False, False]


def test_canvas_gradebook_is_filled_in_and_else_left_alone(tmp_path):
    text = (
        "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,"
        "Homework 1 01-ergotropy (555),Homework 2 (556),Final Score\r\n"
        "    Points Possible,,,,,19.00,18.00,(read only)\r\n"
        '"Lovelace, Ada",4321,x1,ada,"Physics, A",,17,90\r\n'
        '"Noether, Emmy",4322,x2,emmy,A,3,,\r\n'
    )
    path = tmp_path / "gradebook.csv"
    path.write_text(text, encoding="utf-8", newline="")
    sheet = lms.Sheet(path)
    key, column = lms.of_canvas(sheet, f"{FIRST}, seed 0", "")
    assert sheet.rows[0][column] == "Homework 1 01-ergotropy (555)"
    assert sheet.fill(key, column, {"4321": "12.5", "9": "1"}) == 1
    sheet.write(tmp_path / "filled.csv")
    expected = text.replace('A",,17', 'A",12.5,17')
    assert (tmp_path / "filled.csv").read_bytes() == expected.encode()
    assert lms.of_canvas(sheet, FIRST, "Homework 2")[1] == 6
    with pytest.raises(ValueError, match="which column is 05-steady-states"):
        lms.of_canvas(sheet, "05-steady-states, seed 0", "")


def test_moodle_worksheet_is_filled_in_and_gives_the_times(tmp_path):
    text = (
        "Identifier,Full name,Email address,Status,Grade,Maximum Grade,"
        "Grade can be changed,Last modified (submission),Last modified (grade),"
        "Feedback comments\r\n"
        "Participant 1234567,Ada Lovelace,a@x.org,Submitted,,19.00,Yes,"
        '"Friday, 20 November 2026, 11:59 PM",-,\r\n'
        "Participant 77,Bob O'Neil,b@x.org,No submission,,19.00,Yes,-,-,\r\n"
    )
    path = tmp_path / "worksheet.csv"
    path.write_text(text, encoding="utf-8", newline="")
    sheet = lms.Sheet(path)
    assert lms.times_of_moodle(sheet) == {
        "1234567": datetime(2026, 11, 20, 23, 59).timestamp()
    }
    key, column = lms.of_moodle(sheet, "")
    assert sheet.fill(key, column, {"1234567": "12.5"}) == 1
    sheet.write(tmp_path / "filled.csv")
    expected = text.replace("Submitted,,", "Submitted,12.5,")
    assert (tmp_path / "filled.csv").read_bytes() == expected.encode()
    with pytest.raises(ValueError, match="no column 'Points'; it has Identifier"):
        lms.of_moodle(sheet, "Points")


def moodle_takes(path: str) -> str:
    """The participant that Moodle's import of feedback finds in a path, or nothing.

    It splits each part of the path at the first four underscores, and wants a number
    in the second place, and the kind and the name of a plug-in after it.
    """
    for part in path.split("/"):
        info = part.split("_", 4)
        plugins = (["assignfeedback", "file"], ["assignsubmission", "file"])
        if len(info) == 5 and info[1].isdigit() and info[2:4] in plugins:
            return info[1]
    return ""


def test_moodle_takes_the_zip_of_feedback(tmp_path):
    pages = {ADA: [result(ADA)], BOB: [result(BOB, 3)], "x.ipynb": [result("x")]}
    assert lms.write_feedback_zip(pages, tmp_path / "feedback.zip") == 2
    with zipfile.ZipFile(tmp_path / "feedback.zip") as archive:
        found = {moodle_takes(n): archive.read(n).decode() for n in archive.namelist()}
    assert sorted(found) == ["1234567", "77"]
    assert "## q2: 3 of 19" in found["77"]


def test_days_of_delay_that_have_begun_cost_what_was_said():
    due = datetime(2026, 11, 20, 23, 59).timestamp()
    day = 24 * 3600
    for late, days, factor in (
        (-day, 0, 1.0),
        (0, 0, 1.0),
        (60, 1, 0.9),
        (day, 1, 0.9),
        (day + 60, 2, 0.8),
        (20 * day, 20, 0.0),
    ):
        found = result("x.ipynb", 10, due + late)
        lms.apply_delay(found, "x.ipynb", due, 10, {})
        assert (found.days_late, round(found.factor, 9)) == (days, factor)
        assert found.earned == round(10 * factor, 3)
        # A result kept from the run before costs the same again, and not twice.
        lms.apply_delay(found, "x.ipynb", due, 10, {})
        assert found.earned == round(10 * factor, 3)
    found = result(ADA, 10, due + 5 * day)  # unpacked later than it was handed in
    lms.apply_delay(found, ADA, due, 10, {"1234567": due - 1})
    assert (found.days_late, found.earned) == (0, 10)
    found = result(CANVAS, 10)
    lms.apply_delay(found, CANVAS, None, 10, {})
    assert (found.days_late, found.earned) == (1, 9)


def test_the_best_of_a_students_results_counts():
    pairs = [(ADA, result(ADA, 3)), (ADA, result(ADA, 9)), ("x", result("x"))]
    assert {k: r.earned for k, r in lms.best(pairs).items()} == {"1234567": 9}


def test_grades_follow_the_scale():
    scale = [("A", 90.0), ("B", 75.0), ("C", 60.0)]
    shares = (1, 0.9, 0.8999, 0.75, 0.6, 0.1)
    assert [graded(share, scale) for share in shares] == ["A", "A", "B", "B", "C", ""]


def test_no_cell_is_taken_for_a_formula(tmp_path):
    for text in ("=1+1", "+1", "-1", "@a", "\t=1", " =1", "\r=1", "'x", "\n-1"):
        assert as_text(text) == "'" + text
    assert [as_text(text) for text in ("a=1", "12.5", "")] == ["a=1", "12.5", ""]
    write_table([result("=cmd()")], tmp_path / "grades.csv", [])
    with (tmp_path / "grades.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["submission"], line["points"]) == ("'=cmd()", "12.5")
    assert "q1 written, of 4" in line


ANSWER = '''
def locked_work(rho, gap_a, gap_b):
    """Work that only both give."""
    total = 0.0
    for k in range(4):
        for j in range(k):
            total += abs(rho[k, j]) ** 2 * (gap_a * k - gap_b * j)
    return total / (1 + gap_a)
'''
RENAMED = """
def locked_work(state, a: float, b):
    s = 0.0  # my own idea
    for m in range(4):
        for n in range(m):
            s += abs(state[m, n])**2*(a*m - b*n)

    return s/(1 + a)
"""
OTHER = RENAMED.replace("range(m)", "range(m + 1)")


def test_answers_that_differ_in_names_only_are_listed():
    found = {
        name: shapes([("locked_work", ast.parse(code).body[0])])
        for name, code in {"a": ANSWER, "b": RENAMED, "c": OTHER}.items()
    }
    ((function, size, names),) = alike(found)
    assert (function, names) == ("locked_work", ["a", "b"])
    assert size > 60
    short = "def f(x):\n    return x + 1"
    same = shapes([("f", ast.parse(short).body[0])])
    assert alike({"a": same, "b": same}) == []


@pytest.mark.parametrize("name", NAMES)
def test_gradescope_gets_the_versions_that_were_tried(built, name):
    archive = zipfile.ZipFile(built[0] / "teachers" / f"{name}-autograder.zip")
    environment = yaml.safe_load(archive.read("environment.yml"))
    (packages,) = (d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert all("==" in package for package in packages)
    files = (ROOT / "constraints.txt", ROOT / "homework/constraints.txt")
    constraints = " ".join(file.read_text() for file in files).split()
    wanted = yaml.safe_load((HOMEWORK / "otter.yml").read_text())["requirements"]
    assert {p for p in packages if "otter" not in p} <= set(constraints)
    assert {p.split("==")[0] for p in packages if "otter" not in p} == set(wanted)
    numbers = json.loads(archive.read("numbers.json"))
    assert numbers
    assert all(re.fullmatch(r"[A-Z][A-Z_0-9]{2,}", number) for number in numbers)
