"""Grades as tables: our own CSV, and the columns that Canvas, Moodle and nbgrader read."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

# A cell that begins so is run as a formula by spreadsheet programs (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def own(results: Mapping[str, Any]) -> str:
    """Return a line a student: points a room, the sum, whether late."""
    rooms = list(results["rooms"])
    rows = [
        [
            one["student"],
            *(_points(one, room) for room in rooms),
            one["points"],
            "late" if one["late"] else "",
        ]
        for one in results["students"]
    ]
    return _written(["student", *rooms, "points", "late"], rows)


def moodle(results: Mapping[str, Any]) -> str:
    """Return what Moodle's grade import maps: a full name, then a grade a room."""
    rooms = list(results["rooms"])
    rows = [
        [one["student"], *(_points(one, room) for room in rooms)] for one in results["students"]
    ]
    return _written(["Full name", *rooms], rows)


def canvas(results: Mapping[str, Any]) -> str:
    """Return Canvas' gradebook: its five columns, "Points Possible" below the header."""
    rooms = list(results["rooms"])
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    possible = ["    Points Possible", "", "", "", "", *(100 for _room in rooms)]
    rows = [
        [one["student"], "", "", "", "", *(_points(one, room) for room in rooms)]
        for one in results["students"]
    ]
    return _written([*head, *rooms], [possible, *rows])


def nbgrader(results: Mapping[str, Any]) -> str:
    """Return the columns of nbgrader's `export`: an assignment a line."""
    rows = [
        [room, "", "", one["student"], "", "", "", grade["points"], 100, 0.0]
        for one in results["students"]
        for room, grade in one["rooms"].items()
    ]
    head = ["assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"]
    return _written([*head, "raw_score", "max_score", "late_submission_penalty"], rows)


def _points(one: Mapping[str, Any], room: str) -> object:
    grade = one["rooms"].get(room)
    return "" if grade is None or grade["points"] is None else grade["points"]


def _written(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
