"""Grades as tables: our own CSV, and the columns that Canvas, Moodle and nbgrader read."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from .platforms import missed

# A cell that begins so is run as a formula by spreadsheet programs (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def own(results: Mapping[str, Any]) -> str:
    """Return a line a student: points a room, the sum, whether late, how isolated."""
    rooms = list(results["rooms"])
    rows = [
        [
            one["student"],
            one["group"],
            *(_points(one, room) for room in rooms),
            one["points"],
            round(sum(grade["lost"] for grade in one["rooms"].values()), 2),
            "late" if one["late"] else "",
            results["isolation"],
            " ".join([*one["remarks"], *(t for g in one["rooms"].values() for t in g["remarks"])]),
        ]
        for one in results["students"]
    ]
    head = ["student", "group", *rooms, "points", "lost", "late", "isolation", "remarks"]
    return _written(head, rows)


def moodle(results: Mapping[str, Any]) -> str:
    """Return what Moodle's gradebook maps: whom by number, name or address, then a grade a room."""
    rooms = list(results["rooms"])
    rows = [
        [
            one["student"],
            one["id"],
            one["login"],
            one["email"],
            *(_points(one, room) for room in rooms),
        ]
        for one in results["students"]
    ]
    return _written(["Full name", "ID number", "Username", "Email address", *rooms], rows)


def moodle_worksheet(results: Mapping[str, Any], room: str) -> str:
    """Return the grading worksheet of one Moodle assignment, with feedback, to upload there.

    The importer finds a participant by "Identifier" and needs "Grade" and "Last modified (grade)".
    """
    rows = [
        [
            f"Participant {one['id']}" if one["id"] else "",
            one["student"],
            one["email"],
            _points(one, room),
            "100.00",
            "-",
            _feedback(results, one, room),
        ]
        for one in results["students"]
        if room in one["rooms"]
    ]
    head = ["Identifier", "Full name", "Email address", "Grade", "Maximum Grade"]
    return _written([*head, "Last modified (grade)", "Feedback comments"], rows)


def _feedback(results: Mapping[str, Any], one: Mapping[str, Any], room: str) -> str:
    grade = one["rooms"][room]
    texts = [missed(grade, task) for task in results["rooms"][room]]
    return "\n\n".join([*grade["remarks"], *filter(None, texts)])


def canvas(results: Mapping[str, Any]) -> str:
    """Return Canvas' gradebook: its five columns, "Points Possible" below the header."""
    rooms = list(results["rooms"])
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    possible = ["    Points Possible", "", "", "", "", *(100 for _room in rooms)]
    rows = [
        [one["student"], one["id"], "", one["login"], "", *(_points(one, room) for room in rooms)]
        for one in results["students"]
    ]
    return _written([*head, *rooms], [possible, *rows])


def nbgrader(results: Mapping[str, Any]) -> str:
    """Return the columns of nbgrader's `export`: an assignment a line."""
    rows = [
        [
            *(room, "", one["handed_in"] or "", one["login"] or one["student"], "", ""),
            *(one["email"], grade["points"] or 0.0, grade["lost"], grade["counted"] or 0.0, 100.0),
        ]
        for one in results["students"]
        for room, grade in one["rooms"].items()
    ]
    head = ["assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"]
    return _written([*head, "raw_score", "late_submission_penalty", "score", "max_score"], rows)


def _points(one: Mapping[str, Any], room: str) -> object:
    grade = one["rooms"].get(room)
    return "" if grade is None or grade["counted"] is None else grade["counted"]


def _written(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(head)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    return f"'{cell}" if cell.startswith(_FORMULA) and cell != "-" else cell
