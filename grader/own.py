"""A student's own check (N.8), judged by rooms of ours: right ones must pass, wrong ones trip it.

The check runs in one sandbox, the room that it judges in another. Which room is which shows only
in what the room does: the order is drawn anew each time, from a right one to a right one, and
some of what tripped is shown once more. Both sandboxes are emptied between two rooms.
"""

import ast
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .line import LineLost, RemoteError
from .mistaken import Mistake, catalogue, overlay, reference, variants
from .relay import Relayed
from .sandbox import Sandbox
from .verdicts import Outcome, RoomTable, Task, Verdict, table
from .walls import PROJECT

PATIENCE_S: Final = 15.0  # for a whole check
_MOST_SILENCES: Final = 3  # checks that don't end; then the rest isn't tried any more
FILE: Final = "own_check.py"
_STARTERS_LINES: Final = 2  # a docstring, and the raise
_AGAIN: Final = 3  # wrong rooms that are shown twice
_chance = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A room of ours that a check judges. `number` is None for a right one."""

    folder: Path
    number: int | None


#: Gives, for a room of ours, the sandbox around it and the one around the student's: both empty.
Benches = Callable[[Path], AbstractContextManager[tuple[Sandbox, Sandbox]]]


def unwritten(submission: Path) -> bool:
    """Whether the file is missing, or each of its tests only raises, as it was given."""
    try:
        tree = ast.parse((submission / FILE).read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return not (submission / FILE).is_file()
    bodies = [node.body for node in tree.body if isinstance(node, ast.FunctionDef)]
    raises = [isinstance(body[-1], ast.Raise) and len(body) <= _STARTERS_LINES for body in bodies]
    return bool(raises) and all(raises)


def task_of(found: RoomTable) -> Task | None:
    """Return the task *write the check*, if its room names the task that it is about."""
    return next((task for task in found.tasks if task.judges), None)


def expected(room: str) -> dict[str, str]:
    """Return the entries that a check earns by: one a wrong room. None if the edition lacks them.

    Wrong rooms are those of the catalogue that get just the named task wrong.
    """
    task = task_of(table(room))
    if task is None or not (PROJECT / "solutions" / room).is_dir():
        return {}
    return {_entry(number): task.id for number in range(1, len(_wrong(room, task)) + 1)}


def candidates(room: str, place: Path) -> list[Candidate]:
    """Write the rooms that a check is judged by under `place`."""
    task = task_of(table(room))
    if task is None:
        return []
    found = [Candidate(reference(room, place / "right"), None)]
    for variant in variants(room):
        folder = reference(room, place / variant.name)
        overlay(variant, folder)
        found.append(Candidate(folder, None))
    for number, mistake in enumerate(_wrong(room, task), 1):
        found.append(Candidate(mistake.make(place / f"wrong{number}"), number))
    return found


def _wrong(room: str, task: Task) -> list[Mistake]:
    return [one for one in catalogue(room) if one.own and one.trips == (task.judges,)]


def _entry(number: int) -> str:
    return f"{FILE}::wrong room {number}"


class Trial:
    """One student's check before all candidates."""

    def __init__(
        self, room: str, rooms: Sequence[Candidate], benches: Benches, *, twice: bool = True
    ) -> None:
        """Without `twice`, what tripped isn't shown again: enough for somebody's own self-check."""
        task = task_of(table(room))
        assert task is not None  # noqa: S101 - there are candidates only with one
        self._task = task
        self._rooms = rooms
        self._benches = benches
        self._twice = twice
        self._silences = 0

    def unwritten(self) -> list[Verdict]:
        """Return the verdicts on a check that isn't there."""
        did = f"Task {self._task.id} isn't written yet: it raises Todo."
        wrong = [one for one in self._rooms if one.number is not None]
        return list(self._alike(self._verdict(1, Outcome.NOT_YET, did=did), len(wrong)))

    def faults(self, why: str) -> list[Verdict]:
        """Return the verdicts where we couldn't judge."""
        wrong = [one for one in self._rooms if one.number is not None]
        return list(self._alike(self._verdict(1, Outcome.FAULT, got=why), len(wrong)))

    def verdicts(self) -> list[Verdict]:
        """Return a verdict for each wrong room; a check that fails a right one catches none."""
        rights = [one for one in self._rooms if one.number is None]
        wrong = [one for one in self._rooms if one.number is not None]
        ends = [_chance.choice(rights), _chance.choice(rights)]
        caught = self._caught([ends[0], *_mixed([*rights, *wrong]), ends[1]])
        if not isinstance(caught, Verdict) and caught and self._twice:
            caught = self._again(caught, wrong, rights)
        if isinstance(caught, Verdict):
            return list(self._alike(caught, len(wrong)))
        return [self._told(number, number in caught) for number in _numbers(wrong)]

    def _again(
        self, caught: set[int], wrong: Sequence[Candidate], rights: Sequence[Candidate]
    ) -> set[int] | Verdict:
        """Return `caught` if some of them, asked once more, are caught again: it wasn't chance."""
        again = _mixed([one for one in wrong if one.number in caught])[:_AGAIN]
        found = self._caught(_mixed([*again, _chance.choice(rights)]))
        if isinstance(found, Verdict) or found == set(_numbers(again)):
            return found if isinstance(found, Verdict) else caught
        did = "Ran your check twice on the same wrong room."
        return self._verdict(
            1, Outcome.NOT_YET, did=did, expected="it fails twice", got="it failed once"
        )

    def _caught(self, rooms: Sequence[Candidate]) -> set[int] | Verdict:
        """Return the wrong rooms that trip the check; what is to be told if a right one does."""
        found: set[int] = set()
        for one in rooms:
            failure = self._failure(one)
            if failure is not None and (one.number is None or self._silences >= _MOST_SILENCES):
                return failure
            if one.number is not None and failure is not None:
                found.add(one.number)
        return found

    def _failure(self, one: Candidate) -> Verdict | None:
        """Return what a run of the check came to if it didn't pass."""
        with self._benches(one.folder) as (room, judging):
            room.patience_s = judging.patience_s = PATIENCE_S
            desk = judging.open()
            try:
                count = desk.judge(Relayed(room.open().open()), room.place("own"))
            except RemoteError as error:
                return self._failed(error)
            except LineLost as error:
                self._silences += "no answer" in str(error)
                return self._verdict(1, Outcome.NOT_YET, got=str(error), expected="an answer")
        if isinstance(count, int) and count > 0:
            return None
        return self._verdict(1, Outcome.NOT_YET, did=f"Found no function test_… in {FILE}.")

    def _failed(self, error: RemoteError) -> Verdict:
        if error.task is not None:
            did = f"Task {self._task.id} isn't written yet: it raises Todo."
            return self._verdict(1, Outcome.NOT_YET, did=did, where=error.where)
        kind = error.kinds[0] if error.kinds else "error"
        return self._verdict(
            1,
            Outcome.NOT_YET,
            did="Ran your check on a right room, written in another style.",
            expected="it passes",
            got=f"{kind}: {error.text}".rstrip(": ")[:600],
            where=error.where,
        )

    def _alike(self, verdict: Verdict, count: int) -> Iterator[Verdict]:
        facts = {"did": verdict.did, "expected": verdict.expected, "got": verdict.got}
        for number in range(1, count + 1):
            yield self._verdict(number, verdict.outcome, where=verdict.where, **facts)

    def _told(self, number: int, caught: bool) -> Verdict:  # noqa: FBT001 - internal
        if caught:
            return self._verdict(number, Outcome.PASSED)
        return self._verdict(
            number,
            Outcome.NOT_YET,
            did=f"Ran your check on a room that gets task {self._task.judges} wrong.",
            expected="it fails",
            got="it passed",
        )

    def _verdict(self, number: int, outcome: Outcome, **facts: Any) -> Verdict:  # noqa: ANN401
        sentence = f"Your check passes right rooms and fails wrong room {number}"
        return Verdict(
            check=_entry(number), task=self._task.id, sentence=sentence, outcome=outcome, **facts
        )


def _mixed(rooms: Sequence[Candidate]) -> list[Candidate]:
    return _chance.sample(rooms, len(rooms))


def _numbers(rooms: Sequence[Candidate]) -> list[int]:
    return [one.number for one in rooms if one.number is not None]
