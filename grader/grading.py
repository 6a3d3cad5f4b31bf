"""A class graded: every submission, every room, each point from the list of what was expected."""

import contextlib
import hashlib
import importlib.metadata
import json
import platform
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Self

from shared.pipeline.workplace import write_atomically

from .intake import Intake, IntakeError, NothingOfIt, take
from .judging import Judging, Jury
from .places import temporary
from .roster import Submission
from .sandbox import GraderFault
from .verdicts import Outcome, Verdict, printable
from .walls import PROJECT

VERSION: Final = 2  # of what the cache keeps
_TRUSTED: Final = ("grader", "shared", "requirements")
_SILENCES: Final = ("no answer", "the other side", "the line", "the worker")
# What decides no verdict: a change there leaves every grade as it is.
_APART: Final = frozenset({"tests", "reports", "cli", "mistakes", "variants", "locale", "data"})


@dataclass(frozen=True, slots=True)
class RoomGrade:
    """What one student's room earned. `points` is None where it couldn't be judged."""

    room: str
    points: float | None
    tasks: dict[str, float]
    verdicts: list[dict[str, Any]]
    tier: str
    remarks: list[str] = field(default_factory=list)
    fault: bool = False  # the grader's own

    def written(self) -> dict[str, Any]:
        """Return it as JSON's own types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


Found = dict[str, dict[str, RoomGrade]]  # by student, by room
Told = Callable[[Submission, str, RoomGrade | None], None]


@dataclass
class Grading:
    """One run: what to grade, by which seed, and where finished work is kept."""

    rooms: Sequence[str]
    seed: int
    cache: Path
    walls: bool = True
    jobs: int = 2
    patience_s: float = 10.0
    tasks: tuple[str, ...] = ()  # only these; all if none
    elsewhere: Callable[[str], Judging] | None = None  # who judges a room, if not this machine
    told: Told = lambda _one, _room, _grade: None
    stop: threading.Event = field(default_factory=threading.Event)
    remarks: list[str] = field(default_factory=list)

    def run(self, submissions: Sequence[Submission]) -> Found:
        """Return each student's grades by room; what was graded before comes from the cache.

        Ctrl-C loses only what is being judged; the next run goes on there. What goes wrong with
        one submission is told in its grade and holds up no other.
        """
        found: Found = {one.student: {} for one in submissions}
        self._sweep()
        for room in self.rooms:
            with _Bench(room, self) as bench, ThreadPoolExecutor(self.jobs) as pool:
                waiting = [pool.submit(self._grade, one, bench, found) for one in submissions]
                try:
                    for one in waiting:
                        one.result()
                    # Alone now: nobody who holds up the machine costs a neighbour a point.
                    for doubtful in bench.company.doubtful:
                        self._grade(doubtful, bench, found)
                except BaseException:
                    self.stop.set()
                    bench.close()
                    raise
        return found

    def _grade(self, one: Submission, bench: "_Bench", found: Found) -> None:
        if self.stop.is_set():
            return
        try:
            self._one(one, bench, found)
        except Exception as error:
            if isinstance(error, GraderFault) and not bench.proven:
                raise  # nothing can be judged here at all
            text = printable(f"{type(error).__name__}: {error}")
            fault = RoomGrade(bench.room, None, {}, [], "", [text], fault=True)
            self._tell(one, bench.room, fault, found)

    def _tell(self, one: Submission, room: str, grade: RoomGrade | None, found: Found) -> None:
        if self.stop.is_set():
            return
        if grade is not None:
            found[one.student][room] = grade
        self.told(one, room, grade)

    def _one(self, one: Submission, bench: "_Bench", found: Found) -> None:
        with temporary("work") as place:
            try:
                intake = take(one.sources, bench.room, place)
            except NothingOfIt:
                return self._tell(one, bench.room, None, found)
            except IntakeError as error:
                grade = RoomGrade(bench.room, None, {}, [], "", [printable(str(error))])
                return self._tell(one, bench.room, grade, found)
            key = self._key(intake, bench.trusted)
            if (kept := self._kept(key)) is not None:
                return self._tell(one, bench.room, kept, found)
            with bench.jury() as jury:
                came = bench.company.enter(one, key)
                try:
                    came.grade = self._judged(jury, intake)
                finally:
                    settled = bench.company.leave(came)
            bench.proven = True
        for each in settled:
            if each.grade is not None:
                if not each.grade.fault and not self.stop.is_set():  # a fault is tried again
                    self._keep(each.key, each.grade)
                self._tell(each.one, bench.room, each.grade, found)
        return None

    def _judged(self, jury: Judging, intake: Intake) -> RoomGrade:
        result = jury.judge(
            intake.folder, seed=self.seed, tasks=self.tasks, patience_s=self.patience_s
        )
        tasks = {score.task.id: round(score.points, 4) for score in result.scores if score.checks}
        points = None if result.faulty else result.points
        remarks = [remark for remark in intake.remarks if "test_shown" not in remark]
        verdicts = [_timeless(verdict) for verdict in result.verdicts]
        return RoomGrade(
            intake.room, points, tasks, verdicts, result.tier, remarks, fault=result.faulty
        )

    def _key(self, intake: Intake, trusted: str) -> str:
        run = (VERSION, intake.room, self.seed, self.walls, self.patience_s, *self.tasks)
        about = hashlib.sha256(repr(run).encode())
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

    def _keep(self, key: str, grade: RoomGrade) -> None:
        try:
            write_atomically(self.cache / key, json.dumps(grade.written()).encode())
        except OSError as error:  # the grade stands; the next run judges it again
            text = f"{self.cache}: can't be written ({error.strerror}); nothing is kept for later"
            if text not in self.remarks:
                self.remarks.append(text)

    def _sweep(self) -> None:
        """Make the cache's folder; remove what a killed run wrote half. The caller holds a lock."""
        self.cache.mkdir(parents=True, exist_ok=True)
        for path in self.cache.glob(".*.json.*"):
            path.unlink(missing_ok=True)


@dataclass(eq=False)
class _Judgement:
    """One submission while it is judged, and those that were judged at the same time."""

    one: Submission
    key: str
    grade: RoomGrade | None = None
    beside: list["_Judgement"] = field(default_factory=list)
    ended: bool = False

    @property
    def waited(self) -> bool:
        """Whether somebody was waited for: a verdict that another's load may have brought about."""
        verdicts = self.grade.verdicts if self.grade else []
        return any(
            one["outcome"] != Outcome.PASSED.value
            and (one["got"].startswith(_SILENCES) or " within " in one["expected"])
            for one in verdicts
        )

    @property
    def doubtful(self) -> bool:
        """Whether it must be judged again, alone."""
        perfect = self.grade is not None and all(
            one["outcome"] == Outcome.PASSED.value for one in self.grade.verdicts
        )
        faulty = self.grade is not None and self.grade.fault
        disturbed = faulty or self.waited or any(one.waited for one in self.beside)
        return bool(self.beside) and not perfect and disturbed


class _Company:
    """Who was judged beside whom: a grade is final once all who ran beside it have ended."""

    def __init__(self) -> None:
        self.doubtful: list[Submission] = []
        self._here: list[_Judgement] = []
        self._waiting: list[_Judgement] = []
        self._lock = threading.Lock()

    def enter(self, one: Submission, key: str) -> _Judgement:
        """Note that a judgement begins."""
        with self._lock:
            came = _Judgement(one, key, beside=list(self._here))
            for other in self._here:
                other.beside.append(came)
            self._here.append(came)
            return came

    def leave(self, came: _Judgement) -> list[_Judgement]:
        """Note its end; return the judgements that are final now."""
        with self._lock:
            came.ended = True
            self._here.remove(came)
            self._waiting.append(came)
            due = [one for one in self._waiting if all(other.ended for other in one.beside)]
            self._waiting = [one for one in self._waiting if one not in due]
            self.doubtful += [one.one for one in due if one.doubtful]
            final = [one for one in due if not one.doubtful]
        for one in due:
            one.beside = []  # or each would hold all that came before it
        return final


class _Bench:
    """The juries of one room: as many as there are jobs, started when they are needed."""

    def __init__(self, room: str, run: Grading) -> None:
        self.room = room
        self.trusted = trusted(room)
        self.proven = False  # something was judged here
        self.company = _Company()
        self._walls = run.walls
        self._most = run.jobs
        self._elsewhere = run.elsewhere
        self._free: SimpleQueue[Jury] = SimpleQueue()
        self._opened: list[Jury] = []
        self._opening = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self.close()

    def close(self) -> None:
        """End the juries; whoever waits for one gets a fault."""
        with self._opening:
            for jury in self._opened:
                jury.close()
                self._free.put(jury)

    @contextlib.contextmanager
    def jury(self) -> Iterator[Judging]:
        """Lend a jury."""
        if self._elsewhere is not None:
            yield self._elsewhere(self.room)
            return
        with self._opening:
            if self._free.empty() and len(self._opened) < self._most:
                self._opened.append(jury := Jury(self.room, hidden=True, walls=self._walls))
                self._free.put(jury.__enter__())
        taken = self._free.get()
        try:
            yield taken
        finally:
            self._free.put(taken)


def _timeless(verdict: Verdict) -> dict[str, Any]:
    """Return it without how long it took: the same work gets the same report, byte for byte.

    The words that many students share are kept once.
    """
    return {
        sys.intern(name): sys.intern(value) if isinstance(value, str) else value
        for name, value in verdict.written().items()
        if name not in {"seconds", "refusal"}
    }


def trusted(room: str) -> str:
    """Return the hash of what decides: checks, grader, library, versions, the starter."""
    about = hashlib.sha256(f"{sys.version} {platform.machine()}".encode())
    versions = {f"{one.name}={one.version}" for one in importlib.metadata.distributions()}
    about.update("\n".join(sorted(versions)).encode())
    checks = PROJECT / "grader" / "checks"
    for name in (*_TRUSTED, f"rooms/{room}"):
        for path in sorted((PROJECT / name).rglob("*")):
            inside = path.relative_to(PROJECT)
            elsewhere = path.is_relative_to(checks) and not path.is_relative_to(checks / room)
            apart = elsewhere or _APART & set(inside.parts)
            if apart or path.suffix not in {".py", ".toml", ".txt"}:
                continue
            about.update(inside.as_posix().encode())
            about.update(path.read_bytes())
    return about.hexdigest()


def faults(found: Mapping[str, Mapping[str, RoomGrade]]) -> int:
    """Return how many grades couldn't be given because of the grader."""
    return sum(
        grade.fault or any(one["outcome"] == Outcome.FAULT.value for one in grade.verdicts)
        for grades in found.values()
        for grade in grades.values()
    )
