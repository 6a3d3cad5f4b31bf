"""Each report, read as whoever it is for would read it."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import grader.reports
from grader.grades import results
from grader.grading import RoomGrade, _timeless
from grader.policy import Policy
from grader.reports import pages, platforms, tables
from grader.reports.written import write
from grader.roster import Submission
from grader.verdicts import Outcome, Verdict

ROOM = "room1_foundations"
EVIL = "<script>alert(1)</script>&\"'"
WHEN = datetime(2026, 12, 2, 8, tzinfo=UTC)


def verdict(task: str, outcome: Outcome, did: str = "", got: str = "") -> dict[str, Any]:
    found = Verdict(
        check=f"test_hidden.py::test_{task}",
        task=task,
        sentence="It holds",
        outcome=outcome,
        did=did,
        expected=EVIL if did else "",
        got=got,
    )
    return _timeless(found)


@pytest.fixture
def found() -> dict[str, Any]:
    """Return a class: a right one, a formula's name, a writer of HTML, one that can't be read."""
    tasks = {"1.1": 10.0, "1.2": 20.0}
    right = RoomGrade(ROOM, 90.0, tasks, [verdict("1.1", Outcome.PASSED)], "walled")
    half = RoomGrade(
        ROOM,
        5.5,
        {"1.1": 5.5, "1.2": 0.0},
        [
            verdict("1.1", Outcome.NOT_YET, did="Did it.", got="\\x1b[2J ]]>"),
            verdict("1.2", Outcome.WAITING),
        ],
        "walled",
        ["notes.py: a reserved name, left out"],
    )
    broken = [verdict("1.1", Outcome.FAULT, got="no broker")]
    fault = RoomGrade(ROOM, None, {"1.1": 0.0}, broken, "walled", fault=True)
    unread = RoomGrade(ROOM, None, {}, [], "", ["di.zip: expected a folder or a zip, got neither"])
    submissions = [
        Submission(
            "Zoé Élève",
            (Path("z"),),
            late=True,
            person="Zoé Élève",
            id="42",
            email="zoe@example.org",
            handed_in=WHEN,
        ),
        Submission("=cmd|x", (Path("c"),), person="=cmd|x"),
        Submission(EVIL, (Path("e"),), person=EVIL),
        Submission("di\x1b[31m\udcff", (Path("d"),), person="di\x1b[31m\udcff"),
        Submission("nobody", (Path("n"),), person="nobody"),
    ]
    grades = [{ROOM: right}, {ROOM: half}, {ROOM: fault}, {ROOM: unread}, {}]
    by_student = dict(zip((one.student for one in submissions), grades, strict=True))
    about = {"seed": 7, "isolation": "walled", "rooms": [ROOM]}
    rules = Policy(late={"lost_a_day": 10})
    return results(about, submissions, by_student, rules)


def of(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in found["students"] if one["student"].startswith(name))


def read_csv(text: str) -> list[dict[str, str]]:
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def test_results_are_of_their_schema(found: dict[str, Any]) -> None:
    place = Path(grader.reports.__file__).with_name("results.schema.json")
    schema = json.loads(place.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(found)), schema)
    assert found["form"] == schema["properties"]["form"]["const"]
    for broken in ({"form": "aiot-academy/results/1"}, {"isolation": "trust me"}, {"more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(found | broken, schema)


def test_the_own_table_opens_in_a_spreadsheet(found: dict[str, Any]) -> None:
    rows = {row["student"]: row for row in read_csv(tables.own(found))}
    assert rows["'=cmd|x"][ROOM] == "5.5", "no formula in a spreadsheet"
    assert rows["Zoé Élève"][ROOM] == "80.0"
    assert rows["Zoé Élève"]["lost"] == "10.0"
    assert rows["Zoé Élève"]["late"] == "late"
    assert rows[EVIL][ROOM] == "", "a fault is no zero"
    assert "got neither" in rows["di\\x1b[31m\\xdcff"]["remarks"]
    assert "nothing of any room" in rows["nobody"]["remarks"]
    assert {row["isolation"] for row in rows.values()} == {"walled"}


def test_canvas_finds_its_columns(found: dict[str, Any]) -> None:
    """As Canvas' own importer asks: "Student" and "ID" first, "Section" the last of a person's."""
    rows = list(csv.reader(io.StringIO(tables.canvas(found))))
    assert "Student" in rows[0][0]
    assert "ID" in rows[0][1]
    assert rows[0][2:5] == ["SIS User ID", "SIS Login ID", "Section"]
    assert rows[0][5:] == [ROOM]
    assert "Points Possible" in rows[1][0]
    assert rows[1][5] == "100"
    zoe = next(row for row in rows if row[0] == "Zoé Élève")
    assert (zoe[1], zoe[5]) == ("42", "80.0")
    assert all(re.fullmatch(r"\d+(\.\d+)?|", row[5]) for row in rows[2:])


def test_moodle_finds_its_columns(found: dict[str, Any]) -> None:
    """As Moodle's importers ask: a number, name or address to map; a worksheet's three columns."""
    rows = read_csv(tables.moodle(found))
    zoe = next(row for row in rows if row["Full name"] == "Zoé Élève")
    assert (zoe["ID number"], zoe["Email address"]) == ("42", "zoe@example.org")
    assert zoe[ROOM] == "80.0"
    sheet = read_csv(tables.moodle_worksheet(found, ROOM))
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(sheet[0])
    zoe = next(row for row in sheet if row["Full name"] == "Zoé Élève")
    assert zoe["Identifier"].removeprefix("Participant ") == "42"
    assert zoe["Grade"] == "80.0"
    feedback = next(row for row in sheet if row["Full name"] == "'=cmd|x")["Feedback comments"]
    assert "not yet  1.1  It holds" in feedback


def test_nbgrader_reads_its_export(found: dict[str, Any]) -> None:
    """The columns, and their order, of nbgrader's CsvExportPlugin."""
    text = tables.nbgrader(found)
    assert text.splitlines()[0].split(",") == [
        *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
        *("raw_score", "late_submission_penalty", "score", "max_score"),
    ]
    for row in read_csv(text):
        raw, lost = float(row["raw_score"]), float(row["late_submission_penalty"])
        assert float(row["score"]) == max(0.0, raw - lost)
        assert float(row["max_score"]) == 100


def test_junit_counts_what_it_holds(found: dict[str, Any]) -> None:
    root = ET.fromstring(platforms.junit(found))  # noqa: S314 - our own
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(name) == str(len(suite.findall(f"testcase/{kind}")))
        assert all(case.get("name") and case.get("classname") for case in suite)
    told = {str(suite.get("name")): suite for suite in root}
    failure = told[f"=cmd|x {ROOM}"].find("testcase/failure")
    assert failure is not None
    assert EVIL in str(failure.text)
    assert told[f"di\\x1b[31m\\xdcff {ROOM}"].get("errors") == "1"


GRADESCOPE_KEYS = {
    *("score", "execution_time", "output", "output_format", "test_output_format"),
    *("test_name_format", "visibility", "stdout_visibility", "extra_data", "tests", "leaderboard"),
}
GRADESCOPE_TEST_KEYS = {
    *("score", "max_score", "status", "name", "name_format", "number", "output"),
    *("output_format", "tags", "visibility", "extra_data"),
}


def test_gradescope_reads_results(found: dict[str, Any]) -> None:
    """The keys and values of "Autograder Specifications: output format"."""
    zoe = json.loads(json.dumps(platforms.gradescope(found, of(found, "Zoé"))))
    assert set(zoe) <= GRADESCOPE_KEYS
    assert zoe["score"] == 80
    assert "isolation: walled" in zoe["output"]
    assert "10 points lost" in zoe["output"]
    for test in zoe["tests"]:
        assert set(test) <= GRADESCOPE_TEST_KEYS
        assert 0 <= test["score"] <= test["max_score"]
        assert test["status"] in {"passed", "failed"}
        assert test["output_format"] in {"text", "html", "simple_format", "md", "ansi"}
        assert test["visibility"] in {"hidden", "after_due_date", "after_published", "visible"}
    half = platforms.gradescope(found, of(found, "=cmd"))
    assert "not yet  1.1" in half["tests"][0]["output"]
    assert "score" not in platforms.gradescope(found, of(found, "<script")), "a fault is no zero"


def test_classroom50_reads_result_v1(found: dict[str, Any]) -> None:
    """What classroom50's published schema of result/v1, and its collector, ask."""
    text = {"type": "string", "minLength": 1}
    whole = {"type": "integer", "minimum": 0}
    test = {"test-name": text, "passed": {"type": "boolean"}, "score": whole, "max-score": whole}
    properties = {
        **dict.fromkeys(("classroom", "assignment", "owner", "commit", "release", "review"), text),
        "schema": {"const": "classroom50/result/v1"},
        "assignment_type": {"enum": ["individual", "group"]},
        "submission": {"type": "string", "pattern": "^submit/"},
        "datetime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "score": whole,
        "max-score": whole,
        "tests": {
            "type": "array",
            "items": {"type": "object", "required": list(test), "properties": test},
        },
    }
    schema = {"required": list(properties), "properties": properties, "additionalProperties": False}
    for one in found["students"]:
        for room in one["rooms"]:
            result = json.loads(json.dumps(platforms.classroom50(found, one, room)))
            jsonschema.validate(result, schema)
            assert result["score"] == sum(t["score"] for t in result["tests"])
            assert result["score"] <= result["max-score"]
            assert all(t["score"] <= t["max-score"] for t in result["tests"])
            assert all(t["passed"] == (t["score"] == t["max-score"]) for t in result["tests"])
    half = platforms.classroom50(found, of(found, "=cmd"), ROOM)
    assert half["score"] == 5, "a point is given once it is whole"
    zoe = platforms.classroom50(found, of(found, "Zoé"), ROOM)
    assert zoe["datetime"] == "2026-12-02T08:00:00Z"


class Page(HTMLParser):
    """What a browser would see: elements, their attributes, the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_shows_a_strangers_words_and_runs_none(found: dict[str, Any]) -> None:
    for one in found["students"]:
        text = pages.page(found, one)
        page = Page(text)
        assert not {"script", "img", "link", "iframe", "form", "a"} & set(page.tags)
        assert not [name for name, _value in page.attributes if name.startswith("on")]
        assert not re.search(r"https?://|url\(|@import", text)
        assert "default-src 'none'" in text
        assert not [c for c in text if not c.isprintable() and c != "\n"]
        assert one["student"] in page.text
        assert "walled" in page.text
    assert EVIL in Page(pages.page(found, of(found, "=cmd"))).text


def test_a_page_can_be_read_by_everybody(found: dict[str, Any]) -> None:
    page = Page(pages.page(found, of(found, "=cmd")))
    attributes = dict(page.attributes)
    assert attributes["lang"] == "en"
    assert attributes["charset"] == "utf-8"
    assert page.tags.count("h1") == 1
    assert {"main", "title", "h2", "h3", "table"} <= set(page.tags)
    assert "scope" in attributes, "a cell says what it is in"
    assert "not yet  1.1  It holds" in page.text, "no colour alone says it"


def test_all_is_written_and_nothing_stale_stays(found: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, found)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert {"results.json", "grades.csv", "canvas.csv", "moodle.csv", "nbgrader.csv"} <= names
    assert {"junit.xml", "pages/index.html", f"moodle/{ROOM}.csv"} <= names
    assert sum(name.startswith("gradescope/") for name in names) == 5
    assert all(re.fullmatch(r"[\w./-]+", name) for name in names)
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    links = Page((tmp_path / "pages" / "index.html").read_text(encoding="utf-8")).attributes
    for _name, link in [pair for pair in links if pair[0] == "href"]:
        assert (tmp_path / "pages" / str(link)).is_file()
    write(tmp_path, {**found, "students": found["students"][:1]})
    assert len(list((tmp_path / "pages").iterdir())) == 2
    assert not list(tmp_path.rglob(".*"))
