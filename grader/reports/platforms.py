"""Results for programs: JUnit's XML, and Gradescope's results.json a student."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from grader.plugin import feedback
from grader.verdicts import Outcome, Verdict


def junit(results: Mapping[str, Any]) -> bytes:
    """Return a test suite a student and room; a fault is an error, waiting is skipped."""
    root = ET.Element("testsuites")
    for one in results["students"]:
        for room, grade in one["rooms"].items():
            suite = ET.SubElement(root, "testsuite", name=f"{_xml(one['student'])} {room}")
            tally = {"failure": 0, "error": 0, "skipped": 0}
            for written in grade["verdicts"]:
                verdict = Verdict.read({"seconds": 0.0, **written})
                case = ET.SubElement(
                    suite, "testcase", classname=verdict.task, name=_xml(verdict.sentence)
                )
                kind = _KINDS.get(verdict.outcome)
                if kind:
                    tally[kind] += 1
                    note = ET.SubElement(case, kind, message=verdict.outcome.value)
                    note.text = _xml(feedback(verdict))
            suite.set("tests", str(len(grade["verdicts"])))
            suite.set("failures", str(tally["failure"]))
            suite.set("errors", str(tally["error"]))
            suite.set("skipped", str(tally["skipped"]))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


_KINDS = {Outcome.NOT_YET: "failure", Outcome.FAULT: "error", Outcome.WAITING: "skipped"}


def gradescope(results: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    """Return Gradescope's results.json of one student: a test a task, with its feedback.

    Its form: "Autograder Specifications" in Gradescope's documentation.
    """
    tests = []
    for room, grade in one["rooms"].items():
        for task, points in grade["tasks"].items():
            about = results["rooms"][room][task]
            own = [
                Verdict.read({"seconds": 0.0, **written})
                for written in grade["verdicts"]
                if written["task"] == task
            ]
            missed = [v for v in own if v.outcome is not Outcome.PASSED]
            tests.append(
                {
                    "name": f"{task} {about['title']}",
                    "number": task,
                    "score": points,
                    "max_score": about["points"],
                    "output": "\n\n".join(feedback(verdict) for verdict in missed),
                    "output_format": "text",
                    "visibility": "visible",
                }
            )
    return {"output": f"isolation: {results['isolation']}", "tests": tests}


def _xml(text: str) -> str:
    """Return text without what XML 1.0 can't carry."""
    return "".join(c if c in "\n\t" or ord(c) >= 32 else "?" for c in text)  # noqa: PLR2004
