"""Four outcomes, and the points that they earn: summed from the list of what was to be checked."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Self

from .walls import PROJECT


class Outcome(Enum):
    """What a check can end with."""

    PASSED = "passed"
    NOT_YET = "not yet"
    WAITING = "waiting"  # on an earlier task
    FAULT = "grader fault"  # never counted against the student


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one check, and what a student is told about it."""

    check: str  # test_hidden.py::test_naive_timestamp_is_refused
    task: str
    sentence: str
    outcome: Outcome
    did: str = ""
    expected: str = ""
    got: str = ""
    waits_for: str = ""
    where: tuple[str, int] | None = None  # in the room, where it raised
    seconds: float = 0.0
    refusal: bool = False  # all that it saw was that something wrong is refused

    def written(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        where = None if self.where is None else list(self.where)
        return {**asdict(self), "outcome": self.outcome.value, "where": where}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """Return what `written` gave."""
        where = written["where"]
        place = (where[0], where[1]) if where else None
        return cls(**{**written, "outcome": Outcome(written["outcome"]), "where": place})


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a room, as its `room.toml` has it."""

    id: str
    title: str
    points: float
    core: bool
    names: tuple[str, ...]
    needs: tuple[str, ...] = ()
    judges: str = ""  # the task that one's own check is about


@dataclass(frozen=True, slots=True)
class RoomTable:
    """A room and its tasks: 100 points."""

    name: str
    role: str
    title: str
    tasks: tuple[Task, ...]

    def task(self, number: str) -> Task:
        """Return the task of that id; KeyError if there is none."""
        for found in self.tasks:
            if found.id == number:
                return found
        raise KeyError(number)


def printable(text: str) -> str:
    """Return text without what could move a cursor or change a colour."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)


def rooms() -> list[str]:
    """Return the names of the rooms, in their order."""
    return sorted(path.parent.name for path in (PROJECT / "rooms").glob("room*/room.toml"))


def table(room: str) -> RoomTable:
    """Return the table of `room`, from the grader's own tree."""
    found = tomllib.loads((PROJECT / "rooms" / room / "room.toml").read_text(encoding="utf-8"))
    tasks = tuple(
        Task(
            entry["id"],
            entry["title"],
            float(entry["points"]),
            bool(entry["core"]),
            tuple(entry["names"]),
            tuple(entry.get("needs", ())),
            entry.get("judges", ""),
        )
        for entry in found["task"]
    )
    return RoomTable(found["name"], found["role"], found["title"], tasks)


def settle(verdicts: Sequence[Verdict], tasks: Iterable[Task]) -> list[Verdict]:
    """Return the verdicts, with *waiting* where what failed builds on what isn't done."""
    undone = {v.task for v in verdicts if v.outcome is not Outcome.PASSED}
    needs = {task.id: [need for need in task.needs if need in undone] for task in tasks}
    settled = []
    for verdict in verdicts:
        blocked = needs.get(verdict.task, [])
        if verdict.outcome is Outcome.NOT_YET and blocked:
            facts = {**asdict(verdict), "outcome": Outcome.WAITING, "waits_for": blocked[0]}
            settled.append(Verdict(**facts))
        else:
            settled.append(verdict)
    return settled


def earned(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts; refusing what is wrong earns once something right is accepted.

    Whoever refuses everything refuses what is wrong, too: with an error that names all there is.
    """
    good = {v.task for v in verdicts if v.outcome is Outcome.PASSED and not v.refusal}
    asked = {v.task for v in verdicts if not v.refusal}
    return [
        replace(
            verdict,
            outcome=Outcome.NOT_YET,
            expected="that what is right is accepted, too",
            got="no other check of this task passes" if good else "everything is refused",
        )
        if verdict.outcome is Outcome.PASSED
        and verdict.refusal
        and (not good or verdict.task in asked - good)
        else verdict
        for verdict in verdicts
    ]


@dataclass(frozen=True, slots=True)
class Score:
    """The points of one task. `fault` says that something couldn't be judged."""

    task: Task
    passed: int
    checks: int
    fault: bool

    @property
    def points(self) -> float:
        """The task's points, split evenly over its checks."""
        return self.task.points * self.passed / self.checks if self.checks else 0.0


def scores(
    found: RoomTable, expected: Mapping[str, str], verdicts: Sequence[Verdict]
) -> list[Score]:
    """Return each task's score over `expected`: the checks that there are, and their tasks.

    Missing is zero; told twice is zero; what nobody expected earns nothing.
    """
    told: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        told.setdefault(verdict.check, []).append(verdict)
    result = []
    for task in found.tasks:
        own = [check for check, number in expected.items() if number == task.id]
        good = [c for c in own if [v.outcome for v in told.get(c, ())] == [Outcome.PASSED]]
        fault = any(v.outcome is Outcome.FAULT for c in own for v in told.get(c, ()))
        result.append(Score(task, len(good), len(own), fault))
    return result


def place_of(folder: Path, names: Sequence[str]) -> str:
    """Return "file.py:line" of the first of `names` (`file.py:Class.function`) under `folder`."""
    for name in names:
        file, _colon, function = name.partition(":")
        own = function.rpartition(".")[2]
        try:
            lines = (folder / file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        start = re.compile(rf"\s*(async )?def {re.escape(own)}\b|\s*class {re.escape(own)}\b")
        for line, text in enumerate(lines, 1):
            if start.match(text):
                return f"{file}:{line}"
        return file
    return ""
