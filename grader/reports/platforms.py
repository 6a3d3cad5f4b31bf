"""Results for programs: JUnit's XML, Gradescope's results.json, classroom50's result/v1."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from grader.plugin import feedback
from grader.verdicts import Outcome, Verdict

_KINDS: Final = {
    Outcome.NOT_YET: "failure",
    Outcome.FAULT: "error",
    Outcome.WAITING: "skipped",
}
_NOWHERE: Final = "not in a repository"


def junit(results: Mapping[str, Any]) -> bytes:
    """Return a test suite a student and room; a fault is an error, waiting is skipped."""
    root = ET.Element("testsuites", name=f"aiot-academy, {results['isolation']}")
    for one in results["students"]:
        for room, grade in one["rooms"].items():
            _suite(root, f"{one['student']} {room}", grade)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _suite(root: ET.Element, name: str, grade: Mapping[str, Any]) -> None:
    suite = ET.SubElement(root, "testsuite", name=_xml(name))
    tally = {"failure": 0, "error": 0, "skipped": 0}
    for verdict in map(read, grade["verdicts"]):
        case = ET.SubElement(suite, "testcase", classname=verdict.task, name=_xml(verdict.sentence))
        if kind := _KINDS.get(verdict.outcome):
            tally[kind] += 1
            note = ET.SubElement(case, kind, message=verdict.outcome.value)
            note.text = _xml(feedback(verdict))
    if grade["points"] is None and not tally["error"]:
        case = ET.SubElement(suite, "testcase", classname=grade["room"], name="can be read")
        note = ET.SubElement(case, "error", message="not judged")
        note.text = _xml("\n".join(grade["remarks"]))
        tally["error"] += 1
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(tally["failure"]))
    suite.set("errors", str(tally["error"]))
    suite.set("skipped", str(tally["skipped"]))
    suite.set("time", "0")


def read(written: Mapping[str, Any]) -> Verdict:
    """Return the verdict that results hold."""
    return Verdict.read({"seconds": 0.0, **written})


def gradescope(results: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    """Return Gradescope's results.json of one student: a test a task, with its feedback.

    Its form: "Autograder Specifications" in Gradescope's documentation.
    """
    tests = [
        _gradescope_test(task, results["rooms"][room][task], grade)
        for room, grade in one["rooms"].items()
        for task in grade["tasks"]
    ]
    lines = [f"isolation: {results['isolation']}", *one["remarks"]]
    for grade in one["rooms"].values():
        lines += [f"{grade['room']}: {remark}" for remark in grade["remarks"]]
        if grade["lost"]:
            days = grade["days_late"]
            lines.append(f"{grade['room']}: {grade['lost']:g} points lost, days late: {days}")
    found = {
        "output": "\n".join(lines),
        "output_format": "text",
        "test_output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {"seed": results["seed"], "student": one["student"]},
        "tests": tests,
    }
    judged = any(grade["points"] is not None for grade in one["rooms"].values())
    return {"score": one["points"], **found} if judged or not one["rooms"] else found


def _gradescope_test(
    task: str, about: Mapping[str, Any], grade: Mapping[str, Any]
) -> dict[str, Any]:
    points = grade["tasks"][task]
    return {
        "name": f"{task} {about['title']}",
        "name_format": "text",
        "number": task,
        "score": points,
        "max_score": about["points"],
        "status": "passed" if points == about["points"] else "failed",
        "output": missed(grade, task),
        "output_format": "text",
        "visibility": "visible",
    }


def missed(grade: Mapping[str, Any], task: str) -> str:
    """Return the feedback of a task's checks that didn't pass."""
    own = [read(written) for written in grade["verdicts"] if written["task"] == task]
    return "\n\n".join(feedback(v) for v in own if v.outcome is not Outcome.PASSED)


def classroom50(results: Mapping[str, Any], one: Mapping[str, Any], room: str) -> dict[str, Any]:
    """Return classroom50's `result/v1` of one student and room; its points are whole numbers.

    A task's point is given once it is whole. Lateness is left to classroom50, which knows when a
    commit was made; what only a repository knows says so.
    """
    grade = one["rooms"][room]
    tests = [
        {
            "test-name": f"{task} {about['title']}",
            "passed": grade["tasks"].get(task) == about["points"],
            "score": math.floor(grade["tasks"].get(task, 0.0)),
            "max-score": math.floor(about["points"]),
            "output": missed(grade, task),
        }
        for task, about in results["rooms"][room].items()
        if task in grade["tasks"]
    ]
    handed_in = datetime.fromisoformat(one["handed_in"] or "1970-01-01T00:00:00+00:00")
    moment = handed_in.astimezone(UTC)
    return {
        "schema": "classroom50/result/v1",
        "classroom": "aiot-academy",
        "assignment": room.replace("_", "-"),
        "assignment_type": "group" if one["group"] else "individual",
        "owner": one["login"] or one["student"],
        "submission": f"submit/{moment:%Y-%m-%dT%H-%M-%SZ}-0000000",
        "commit": _NOWHERE,
        "release": _NOWHERE,
        "review": _NOWHERE,
        "datetime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "score": sum(test["score"] for test in tests),
        "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }


def _xml(text: str) -> str:
    """Return text without what XML 1.0 can't carry."""
    return "".join(c if c in "\n\t" or (c.isprintable() and ord(c) >= 32) else "?" for c in text)  # noqa: PLR2004
