"""The course adds up: questions, cells, weeks, minutes, points, seeds."""

import copy
import csv
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from solving import HOMEWORK, ROOT, assignments, course_map, parameters

NAMES = sorted(assignments.sources())
READ = list(assignments.read_all())


def test_every_question_has_its_place():
    assert list(course_map.problems(READ, course_map.load())) == []


def changed(path: str, value: object) -> list[str]:
    """The complaints when one entry of the map is another."""
    known = copy.deepcopy(course_map.load())
    *keys, last = path.split("/")
    place = known
    for key in keys:
        place = place[key]
    place[last] = value
    return list(course_map.problems(READ, known))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "assignments/01-ergotropy/questions/q3/minutes",
            50,
            "takes 21 minutes, not 50",
        ),
        (
            "assignments/06-nonreciprocity/week",
            12,
            "in week 12, before papers/two-photon",
        ),
        (
            "assignments/01-ergotropy/questions/q3/needs",
            ["foundations/no"],
            "no chapter",
        ),
        (
            "assignments/01-ergotropy/questions/q3/needs",
            ["foundations/ergotropy no-cell"],
            "has no cell no-cell",
        ),
        ("outcomes/O1", ["01 q1"], "fewer than three questions"),
        (
            "outcomes/O1",
            ["01 q1", "01 q2", "01 q3", "01 q99"],
            "01 q99, which does not",
        ),
        ("assignments/01-ergotropy/questions", {}, "the map has other questions"),
    ],
)
def test_what_does_not_add_up_is_named(path, value, said):
    assert any(said in problem for problem in changed(path, value))


def test_a_line_of_a_solution_in_the_book_is_found():
    chapter = course_map.chapter("foundations/ergotropy")
    cells = nbformat.read(chapter, as_version=4).cells
    code = [c.source for c in cells if c.cell_type == "code"]
    line = next(x for c in code for x in sorted(course_map._telling(c)))
    read = copy.deepcopy(READ)
    question = next(q for q in read[0].questions if not q.written)
    question.code.append(line)
    found = list(course_map.problems(read, course_map.load()))
    assert any("stands in foundations/ergotropy" in problem for problem in found)


def test_tables_of_the_page_are_those_of_the_sources():
    text = course_map.PAGE.read_text(encoding="utf-8")
    assert "% begin points" in text
    assert "% begin written" in text
    assert course_map.page_with_tables(text, READ) == text


def test_points_add_up():
    table = course_map.points_table(READ)
    rows = [line.split("|") for line in table.splitlines()[2:]]
    tested, written = (sum(float(r[k]) for r in rows[:-1]) for k in (3, 4))
    assert (float(rows[-1][3]), float(rows[-1][4])) == (tested, written)
    assert tested == sum(q.points for a in READ for q in a.questions if not q.written)


def test_weeks_of_the_syllabus_are_those_of_the_map():
    text = (ROOT / "book" / "course" / "syllabus.md").read_text(encoding="utf-8")
    long = text.split("## Fourteen weeks")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip()[1:-1].split("|")]
        for line in long.splitlines()
        if re.match(r"\| \d", line)
    ]
    assert [int(row[0]) for row in rows] == list(range(1, 15))
    given = {
        number: int(week)
        for week, _, _, out in rows
        for number in re.findall(r"\b\d\b", out)
    }
    for name, entry in course_map.load()["assignments"].items():
        assert given[str(int(name[:2]))] == entry["week"]
    for chapter, week in course_map.load()["weeks"].items():
        title = Path(chapter).name.replace("-", " ")
        assert f"../{chapter}>" in rows[week - 1][1] or title in rows[week - 1][1]


@pytest.mark.parametrize(
    ("begins", "assigned"),
    [("All in all", range(1, 9)), ("The six weeks:", (1, 3, 5, 6))],
)
def test_hours_of_the_syllabus_add_up(begins, assigned):
    text = (ROOT / "book" / "course" / "syllabus.md").read_text(encoding="utf-8")
    said = " ".join(text.split(begins)[1].split("**")[:2]).split("weeks below")[-1]
    *parts, total = map(int, re.findall(r"\b(\d\d?\d?)\b(?! ECTS)", said))
    assert sum(parts) == total
    hours = [course_map.hours(read) for read in READ if int(read.name[:2]) in assigned]
    stated = int(re.search(r"(\d+) for \w+ assignments", said)[1])
    assert stated == pytest.approx(sum(hours), abs=0.6)


# --- numbers ---


def values(name: str, seed: str) -> dict[str, object]:
    notebook = nbformat.read(HOMEWORK / f"{name}.ipynb", as_version=4)
    return parameters.choose(notebook, name, seed)


@pytest.mark.parametrize("name", NAMES)
def test_no_seed_gives_a_published_number(name):
    published = values(name, "0")
    assert len(published) >= 3
    for seed in range(1, 200):
        drawn = values(name, str(seed))
        assert drawn.keys() == published.keys()
        for parameter, value in drawn.items():
            if not isinstance(value, str):
                assert value != published[parameter]


@pytest.mark.parametrize("name", NAMES)
def test_students_have_numbers_of_their_own(name):
    seeds = [parameters.of_student("7", f"student {k}") for k in range(60)]
    assert len(set(seeds)) == 60
    drawn = {tuple(values(name, seed).items()) for seed in seeds}
    assert len(drawn) >= 8
    assert all(len({one[k] for one in drawn}) >= 2 for k in range(3))


def test_each_student_gets_a_folder_and_the_teacher_a_list(tmp_path):
    names, out = tmp_path / "names.txt", tmp_path / "out"
    names.write_text("\ufeffAnna Arendt\n\nZoë Zuse\n", encoding="utf-8")
    command = [sys.executable, HOMEWORK / "build.py", "--seed", "7", "--each", names]
    subprocess.run([*command, "--out", out, "08-one-hot-bath"], check=True)
    with (out / "seeds.csv").open(encoding="utf-8") as file:
        seeds = {line["student"]: line["seed"] for line in csv.DictReader(file)}
    assert list(seeds) == ["Anna Arendt", "Zoë Zuse"]
    for seed in seeds.values():
        path = out / seed / "students" / "08-one-hot-bath.ipynb"
        given = nbformat.read(path, as_version=4)
        assert given.metadata.otter.assignment_name == f"08-one-hot-bath, seed {seed}"
        code = "\n".join(c.source for c in given.cells)
        for name, value in values("08-one-hot-bath", seed).items():
            assert f"{name} = {value!r}" in code
    assert len(list((out / "teachers").glob("*-autograder.zip"))) == 2


def test_a_name_is_not_told_by_its_seed_and_not_by_its_spelling():
    seed = parameters.of_student("7", "Anna  Arendt")
    assert seed == parameters.of_student("7", "anna arendt ")
    assert re.fullmatch(r"7-\d{8}", seed)
    assert seed != parameters.of_student("8", "Anna Arendt")


def test_a_seed_may_change_a_convention():
    drawn = {values("01-ergotropy", str(seed))["FIRST"] for seed in range(1, 30)}
    assert drawn == {"A", "B"}


def test_a_convention_stands_in_prose_without_quotes():
    source = nbformat.read(HOMEWORK / "01-ergotropy.ipynb", as_version=4)
    parameters.write_numbers(source, values("01-ergotropy", "0") | {"FIRST": "B"})
    text = "\n".join(c.source for c in source.cells)
    assert "with qubit $B$ first" in text
    assert 'if "B" == "A"' not in text
    assert "if 'B' == \"A\" else" in text
    assert "FIRST = 'B'\n" in text + "\n"


def test_notebooks_say_who_may_use_what():
    """Forbidden tools stand in the rules of the notebook that forbids them."""
    for read in READ:
        assert "Allowed imports" in read.intro


def test_the_folder_of_the_course_has_only_sources():
    assert all(Path(path).suffix == ".ipynb" for path in assignments.sources().values())
