"""A class graded: every submission, every room, each point from the list of what was expected."""

import hashlib
import json
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from shared.pipeline.workplace import write_atomically

from .intake import Intake, IntakeError, take
from .judging import Jury
from .places import temporary
from .plugin import printable
from .roster import Submission
from .verdicts import Outcome, table
from .walls import PROJECT

VERSION: Final = 1  # of the results' form
_TRUSTED: Final = ("grader", "shared/contracts", "requirements")


@dataclass(frozen=True, slots=True)
class RoomGrade:
    """What one student's room earned. `points` is None where it couldn't be judged."""

    room: str
    points: float | None
    tasks: dict[str, float]
    verdicts: list[dict[str, Any]]
    tier: str
    remarks: list[str] = field(default_factory=list)

    def written(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass
class Grading:
    """One run: what to grade, by which seed, and where finished work is kept."""

    rooms: Sequence[str]
    seed: int
    cache: Path
    walls: bool = True
    jobs: int = 2
    patience_s: float = 10.0
    told: Callable[[str, RoomGrade | None], None] = lambda _student, _grade: None
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, submissions: Sequence[Submission]) -> dict[str, dict[str, RoomGrade]]:
        """Return each student's grades by room; what was graded before comes from the cache.

        Ctrl-C loses only what is being judged; the next run goes on there.
        """
        found: dict[str, dict[str, RoomGrade]] = {one.student: {} for one in submissions}
        self.cache.mkdir(parents=True, exist_ok=True)
        for room in self.rooms:
            juries: SimpleQueue[Jury] = SimpleQueue()
            opened: list[Jury] = []
            trusted = _trusted(room)

            def grade(
                one: Submission,
                room: str = room,
                juries: "SimpleQueue[Jury]" = juries,
                opened: list[Jury] = opened,
                trusted: str = trusted,
            ) -> None:
                if not self.stop.is_set():
                    grade = self._one(one, room, trusted, juries, opened)
                    if grade is not None:
                        found[one.student][room] = grade
                    self.told(one.student, grade)

            try:
                with ThreadPoolExecutor(self.jobs) as pool:
                    try:
                        list(pool.map(grade, submissions))
                    except BaseException:
                        self.stop.set()
                        raise
            finally:
                for jury in opened:
                    jury.close()
        return found

    def _one(
        self,
        one: Submission,
        room: str,
        trusted: str,
        juries: "SimpleQueue[Jury]",
        opened: list[Jury],
    ) -> RoomGrade | None:
        """Return the grade, or None where the submission has nothing of this room."""
        with temporary("work") as place:
            try:
                intake = take(one.source, room, place)
            except IntakeError as error:
                if "found none" in str(error):
                    return None
                return RoomGrade(room, None, {}, [], "", [printable(str(error))])
            key = self._key(intake, trusted)
            if (kept := self._kept(key)) is not None:
                return kept
            jury = self._jury(room, juries, opened)
            try:
                grade = self._judged(jury, intake)
            finally:
                juries.put(jury)
        if grade.points is not None:  # a fault is tried again
            write_atomically(self.cache / key, json.dumps(grade.written()).encode())
        return grade

    def _judged(self, jury: Jury, intake: Intake) -> RoomGrade:
        result = jury.judge(intake.folder, seed=self.seed, patience_s=self.patience_s)
        tasks = {score.task.id: round(score.points, 4) for score in result.scores if score.checks}
        points = None if result.faulty else result.points
        remarks = [printable(remark) for remark in intake.remarks if "test_shown" not in remark]
        verdicts = [_timeless(verdict.written()) for verdict in result.verdicts]
        return RoomGrade(intake.room, points, tasks, verdicts, result.tier, remarks)

    def _jury(self, room: str, juries: "SimpleQueue[Jury]", opened: list[Jury]) -> Jury:
        if juries.empty() and len(opened) < self.jobs:
            jury = Jury(room, hidden=True, walls=self.walls)
            opened.append(jury)
            jury.__enter__()
            return jury
        return juries.get()

    def _key(self, intake: Intake, trusted: str) -> str:
        about = hashlib.sha256(f"{VERSION} {intake.room} {self.seed} {self.walls}".encode())
        about.update(trusted.encode())
        for path in sorted(intake.folder.rglob("*.py")):
            about.update(f"\0{path.relative_to(intake.folder)}\0".encode())
            about.update(hashlib.sha256(path.read_bytes()).digest())
        about.update("\0".join(intake.remarks).encode())
        return f"{about.hexdigest()}.json"

    def _kept(self, key: str) -> RoomGrade | None:
        try:
            return RoomGrade(**json.loads((self.cache / key).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


def results(
    grading: Grading, submissions: Iterable[Submission], found: dict[str, dict[str, RoomGrade]]
) -> dict[str, Any]:
    """Return the whole class as JSON's own types: the form that all reports are made from."""
    tasks = {
        room: {task.id: {"title": task.title, "points": task.points} for task in table(room).tasks}
        for room in grading.rooms
    }
    return {
        "version": VERSION,
        "seed": grading.seed,
        "isolation": "walled" if grading.walls else "not isolated",
        "python": ".".join(map(str, sys.version_info[:3])),
        "rooms": tasks,
        "students": [
            {
                "student": printable(one.student),
                "late": one.late,
                "rooms": {room: grade.written() for room, grade in found[one.student].items()},
                "points": _sum(found[one.student].values()),
            }
            for one in submissions
        ],
    }


def _sum(grades: Iterable[RoomGrade]) -> float:
    return round(sum(grade.points or 0.0 for grade in grades), 2)


def _timeless(verdict: dict[str, Any]) -> dict[str, Any]:
    """Return it without how long it took: the same work gets the same report, byte for byte."""
    return {name: value for name, value in verdict.items() if name != "seconds"}


def _trusted(room: str) -> str:
    """Return the hash of what decides: checks, grader, contracts, the starter that fills gaps."""
    about = hashlib.sha256(sys.version.encode())
    for name in (*_TRUSTED, f"rooms/{room}"):
        for path in sorted((PROJECT / name).rglob("*")):
            if path.suffix in {".py", ".toml", ".txt"} and "tests" not in path.parts:
                about.update(path.relative_to(PROJECT).as_posix().encode())
                about.update(path.read_bytes())
    return about.hexdigest()


def faults(found: dict[str, dict[str, RoomGrade]]) -> int:
    """Return how many grades couldn't be given because of the grader."""
    return sum(
        any(verdict["outcome"] == Outcome.FAULT.value for verdict in grade.verdicts)
        for grades in found.values()
        for grade in grades.values()
    )
