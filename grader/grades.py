"""From what was judged to grades: attempts, groups and lateness by the instructor's table."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from .grading import Found, RoomGrade
from .policy import Policy
from .roster import Submission
from .verdicts import printable, table

FORM: Final = "aiot-academy/results/2"
Results = dict[str, Any]


def results(
    about: Mapping[str, Any], submissions: Sequence[Submission], found: Found, rules: Policy
) -> Results:
    """Return the whole class as JSON's own types: the form that all reports are made from.

    `about` says how it was graded: seed, isolation, rooms. The order of the submissions, the jobs
    and the time leave no trace in it.
    """
    rooms = {
        room: {task.id: {"title": task.title, "points": task.points} for task in table(room).tasks}
        for room in about["rooms"]
    }
    people = _people(submissions, rules)
    return {
        "form": FORM,
        "seed": about["seed"],
        "isolation": about["isolation"],
        "python": ".".join(map(str, sys.version_info[:3])),
        "rooms": rooms,
        "remarks": sorted(about.get("remarks", ())),
        "students": [
            _student(name, own, found, rules)
            for name, own in sorted(people.items(), key=lambda pair: printable(pair[0]))
        ],
    }


def _people(
    submissions: Sequence[Submission], rules: Policy
) -> dict[str, list[tuple[Submission, str]]]:
    """Return each line of the report: a name, the submissions that count for it, its group."""
    people: dict[str, list[tuple[Submission, str]]] = {}
    for one in submissions:
        group, members = rules.credited(one)
        if rules.attempts == "" and members == (one.person,):
            members = (one.student,)  # each attempt has a line of its own
        for name in members:
            people.setdefault(name, []).append((one, group))
    return people


def _student(
    name: str, own: list[tuple[Submission, str]], found: Found, rules: Policy
) -> dict[str, Any]:
    last, group = own[-1]
    known = rules.students.get(last.person if not group else name, {})
    rooms = _counted(own, found, rules)
    remarks = [] if rooms else ["nothing of any room was found in what was handed in"]
    return {
        "student": printable(name),
        "id": printable(str(known.get("id", last.id))),
        "login": printable(str(known.get("login", ""))),
        "email": printable(str(known.get("email", last.email))),
        "group": printable(group),
        "attempts": len(own),
        "handed_in": last.handed_in.isoformat() if last.handed_in else None,
        "late": any(one.late for one, _group in own) or any(r["days_late"] for r in rooms.values()),
        "rooms": rooms,
        "points": round(sum(room["counted"] or 0.0 for room in rooms.values()), 2),
        "remarks": remarks,
    }


def _counted(
    own: list[tuple[Submission, str]], found: Found, rules: Policy
) -> dict[str, dict[str, Any]]:
    """Return the rooms, each from the attempt that counts: the last one with it, or the best."""
    rooms: dict[str, dict[str, Any]] = {}
    for one, _group in own:
        for room, grade in found.get(one.student, {}).items():
            fresh = graded(grade, one.student, rules.days_late(one, room), rules)
            kept = rooms.get(room)
            if kept is None or rules.attempts != "best" or _worth(fresh) >= _worth(kept):
                rooms[room] = fresh
    return {room: rooms[room] for room in sorted(rooms)}


def _worth(room: Mapping[str, Any]) -> float:
    counted = room["counted"]
    return -1.0 if counted is None else float(counted)


def graded(grade: RoomGrade, attempt: str, days: int, rules: Policy) -> dict[str, Any]:
    """Return a room's part of the report."""
    points = grade.points
    lost = 0.0 if points is None else rules.lost(points, days)
    return {
        **grade.written(),
        "attempt": printable(attempt),
        "days_late": days,
        "lost": lost,
        "counted": None if points is None else round(points - lost, 2),
    }


def regraded(before: Results, task: str, found: Found, rules: Policy) -> Results:
    """Return results with one task's verdicts replaced by fresh ones; all else stays as it was."""
    fresh = {printable(name): grades for name, grades in found.items()}
    students = []
    for one in before["students"]:
        rooms = {}
        for room, kept in one["rooms"].items():
            new = fresh.get(kept["attempt"], {}).get(room)
            if new is None or new.points is None or kept["points"] is None:
                rooms[room] = kept
            else:
                rooms[room] = _spliced(kept, task, new, rules)
        points = round(sum(room["counted"] or 0.0 for room in rooms.values()), 2)
        students.append({**one, "rooms": rooms, "points": points})
    again = sorted({*before.get("regraded", ()), task})
    return {**before, "students": students, "regraded": again}


def _spliced(kept: Mapping[str, Any], task: str, new: RoomGrade, rules: Policy) -> dict[str, Any]:
    own = [verdict for verdict in new.verdicts if verdict["task"] == task]
    at = next((i for i, v in enumerate(kept["verdicts"]) if v["task"] == task), None)
    others = [verdict for verdict in kept["verdicts"] if verdict["task"] != task]
    place = len(others) if at is None else at
    verdicts = [*others[:place], *own, *others[place:]]
    tasks = {**kept["tasks"], task: new.tasks.get(task, 0.0)}
    points = None if kept["points"] is None else round(sum(tasks.values()), 2)
    grade = RoomGrade(
        kept["room"], points, tasks, verdicts, new.tier, list(kept["remarks"]), fault=kept["fault"]
    )
    return graded(grade, kept["attempt"], kept["days_late"], rules)


def changes(before: Results, after: Results) -> Iterator[tuple[str, str, object, object]]:
    """Yield student, room or task, points before, points after: what differs, and nothing else."""
    old = {one["student"]: one["rooms"] for one in before["students"]}
    new = {one["student"]: one["rooms"] for one in after["students"]}
    for student in sorted({*old, *new}):
        was, now = old.get(student, {}), new.get(student, {})
        for room in sorted({*was, *now}):
            yield from _of_room(student, room, was.get(room), now.get(room))


def _of_room(
    student: str, room: str, was: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> Iterator[tuple[str, str, object, object]]:
    before = was["counted"] if was else None
    after = now["counted"] if now else None
    if before != after or (was is None) != (now is None):
        yield student, room, before, after
    tasks, fresh = (was or {}).get("tasks", {}), (now or {}).get("tasks", {})
    for task in sorted({*tasks, *fresh}):
        if tasks.get(task) != fresh.get(task):
            yield student, task, tasks.get(task), fresh.get(task)


def statistics(found: Results) -> dict[str, list[dict[str, Any]]]:
    """Return, by room and task: how many tried it and reached it, and what fails most often."""
    rooms: dict[str, list[dict[str, Any]]] = {}
    for room, tasks in found["rooms"].items():
        having = [one for one in found["students"] if room in one["rooms"]]
        grades = [(one["rooms"][room], int(one["attempts"])) for one in having]
        rooms[room] = [_of_task(task, about, grades) for task, about in tasks.items()]
    return rooms


def _of_task(
    task: str, about: Mapping[str, Any], grades: Sequence[tuple[Mapping[str, Any], int]]
) -> dict[str, Any]:
    known = [(grade, n) for grade, n in grades if grade["points"] is not None]
    judged = [(own, n) for grade, n in known if (own := _verdicts(grade, task))]
    failing: dict[tuple[str, str], int] = {}
    for verdict in (v for own, _n in judged for v in own if v["outcome"] == "not yet"):
        key = (verdict["check"], verdict["sentence"])
        failing[key] = failing.get(key, 0) + 1
    common = sorted(failing.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    points = [grade["tasks"].get(task, 0.0) for grade, _n in known]
    return {
        "task": task,
        "title": about["title"],
        "judged": len(judged),
        "tried": sum(not _untouched(own) for own, _attempts in judged),
        "tries": sum(attempts for own, attempts in judged if not _untouched(own)),
        "reached": sum(all(v["outcome"] == "passed" for v in own) for own, _attempts in judged),
        "mean": round(sum(points) / len(points), 2) if points else None,
        "of": about["points"],
        "failing": [
            {"check": check, "sentence": sentence, "students": count}
            for (check, sentence), count in common
        ],
    }


def _verdicts(grade: Mapping[str, Any], task: str) -> list[Mapping[str, Any]]:
    return [verdict for verdict in grade["verdicts"] if verdict["task"] == task]


def _untouched(own: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether nobody began: its function still raises Todo, or it waits for others."""
    return all(v["outcome"] == "waiting" or "isn't written yet" in v["did"] for v in own)
