"""Judging from outside: starts a room's warm session, hands it submissions, adds up the points."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from . import bytecode
from .plugin import PATIENCE_S, preload
from .sandbox import GraderFault
from .session import FORKS, faults
from .verdicts import RoomTable, Score, Verdict, earned, scores, settle, table
from .walls import PROJECT, bubblewrap


@dataclass(frozen=True, slots=True)
class Ask:
    """What a proof wants to know of a room: less than a student does."""

    checks: Sequence[str] | None = None  # all, or these in this order
    until: Literal["end", "waiting", "task", "first"] = "end"  # what only waits, or failed, is left
    traced: int = 0  # how many marks the room leaves (`grader.footprints`)


@dataclass(frozen=True, slots=True)
class Result:
    """What a room was found to be: a verdict a check, points a task."""

    room: RoomTable
    seed: int
    tier: str
    verdicts: tuple[Verdict, ...]
    scores: tuple[Score, ...]
    walked: Mapping[str, frozenset[int]] = field(default_factory=dict)  # if it was traced

    @property
    def points(self) -> float:
        """The sum over the tasks, of 100."""
        return round(sum(score.points for score in self.scores), 2)

    @property
    def faulty(self) -> bool:
        """Whether something couldn't be judged."""
        return any(score.fault for score in self.scores)


class Judging(Protocol):
    """Who judges a submission: a jury here, or one elsewhere."""

    def judge(
        self,
        submission: Path,
        *,
        seed: int,
        tasks: Collection[str] = (),
        patience_s: float = PATIENCE_S,
    ) -> Result:
        """Return the result of the room at `submission`."""


class Jury:
    """A warm session for one room. Use it in a `with`; it judges one submission at a time."""

    def __init__(
        self,
        room: str,
        *,
        hidden: bool,
        walls: bool | None = None,
        standing: bool = False,
        own: bool = True,
    ) -> None:
        """With `standing`, one sandbox is kept for all judgings: they must be of one owner.

        With `own`, the student's own check is judged too, where the edition holds what for.
        """
        self.table = table(room)
        self.walls = bubblewrap() is not None if walls is None else walls
        self._standing = standing and self.walls
        self._own = own_checks(room) if own else {}
        self._extent = "full" if hidden else "shown"
        self._process: subprocess.Popen[str] | None = None
        self._ended = False
        self.expected: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self.close()

    def judge(
        self,
        submission: Path,
        *,
        seed: int,
        tasks: Collection[str] = (),
        patience_s: float = PATIENCE_S,
        ask: Ask | None = None,
    ) -> Result:
        """Return the result of the room at `submission` (…/rooms/NAME), by `seed`.

        `patience_s` is for one call of the room; a check has three times that, a room fifteen.
        With `ask`, only some checks are run: the verdicts are theirs, the points mean nothing.
        """
        ask = ask or Ask()
        job = {
            "id": str(submission),
            "submission": str(submission),
            "seed": seed,
            "tasks": sorted(tasks),
            "walls": self.walls,
            "patience_s": patience_s,
            "standing": self._standing,
            "own": any(not tasks or task in tasks for task in self._own.values()),
            "needs": {task.id: task.needs for task in self.table.tasks},
            **asdict(ask),
        }
        answer = self._ask(job) or self._ask(job)  # a session that died gets a second one
        expected = {c: t for c, t in self.expected.items() if not tasks or t in tasks}
        if not answer or answer["fault"] or answer["id"] != job["id"]:
            why = answer["fault"] if answer else "the session ended"
            verdicts = faults(expected, why)
        else:
            verdicts = [Verdict.read(found) for found in answer["verdicts"]]
        settled = settle(verdicts, self.table.tasks)
        if ask == Ask():  # of a part nobody knows what else would pass
            settled = earned(settled)
        found = scores(self.table, expected, settled)
        tier = answer["tier"] if answer else ""
        walked = {
            check: frozenset(marks) for check, marks in (answer or {}).get("walked", {}).items()
        }
        return Result(self.table, seed, tier, tuple(settled), tuple(found), walked)

    def close(self) -> None:
        """End the session for good; whoever waits for it gets a fault."""
        self._ended = True
        self._end()

    def _end(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None

    def _start(self) -> None:
        bytecode.bring((f"shared.contracts.benches.{self.table.role}", *preload(self.table.role)))
        self._process = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-P", "-m", "grader.session", self.table.name, self._extent],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if sys.platform == "win32" else subprocess.DEVNULL,
            cwd=PROJECT,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            text=True,
            encoding="utf-8",
            # Ctrl-C is for the one who grades, not for the sessions: they end when they are closed.
            process_group=None if sys.platform == "win32" else 0,
        )
        head = self._hear()
        if head is None or head["failures"]:
            raise GraderFault(
                f"The checks of {self.table.name} can't be collected. "
                f"Try: python -m pytest grader/checks/{self.table.name} --collect-only"
            )
        self.expected = head["checks"] | self._own

    def _ask(self, job: dict[str, Any]) -> dict[str, Any] | None:
        if self._ended:
            return None
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._start()
        assert self._process is not None  # noqa: S101 - just started
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        except OSError:
            return None
        answer = self._hear()
        if not FORKS:
            self._end()
        return answer

    def _hear(self) -> dict[str, Any] | None:
        assert self._process is not None  # noqa: S101 - asked of a running session
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        line = self._process.stdout.readline()
        return dict(json.loads(line)) if line else None


def own_checks(room: str) -> dict[str, str]:
    """Return what a student's own check earns by, where this edition can judge it."""
    try:
        from .own import expected
    except ModuleNotFoundError:  # an edition without references
        return {}
    return expected(room)
