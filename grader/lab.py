"""Where students' own checks are tried: rooms of ours on one bench, a student's on the other."""

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from .own import FILE, Benches, Trial, candidates, unwritten
from .places import temporary
from .sandbox import Bare, GraderFault, Sandbox, Walled
from .standing import Standing
from .verdicts import Verdict, table
from .walls import Layout


class Lab:
    """Our rooms and the house that they are shown in, kept for all students of a session."""

    def __init__(self, room: str, *, walls: bool) -> None:
        self._room = room
        self._walls = walls
        self._stack = ExitStack()
        self._rooms = candidates(room, self._stack.enter_context(temporary("own")))
        self._standing: Standing | None = None

    def __enter__(self) -> Self:
        if self._walls:
            self._standing = self._stack.enter_context(Standing(self._room))
        return self

    def __exit__(self, *_reason: object) -> None:
        self._stack.close()

    def verdicts(self, submission: Path) -> list[Verdict]:
        """Return what the own check in the room at `submission` earns."""
        with ExitStack() as stack:
            benches = self._benches(submission, stack)
            trial = Trial(self._room, self._rooms, benches, twice=self._walls)
            try:
                return trial.unwritten() if unwritten(submission) else trial.verdicts()
            except (GraderFault, OSError) as error:
                return trial.faults(str(error))

    def _benches(self, submission: Path, stack: ExitStack) -> Benches:
        """Return what gives, for a room of ours, its sandbox and the check's: both empty."""
        role = table(self._room).role
        layout = Layout(self._room, role, submission)
        if (standing := self._standing) is None:

            @contextlib.contextmanager
            def bare(folder: Path) -> Iterator[tuple[Sandbox, Sandbox]]:
                pair = Bare(Layout(self._room, role, folder)), Bare(layout)
                try:
                    yield pair
                finally:
                    for one in pair:
                        one.close()

            return bare
        source = (submission / FILE).read_bytes() if (submission / FILE).is_file() else b""
        judging = Walled(layout, ["pytest"] if b"pytest" in source else [], later=True)
        stack.callback(judging.close)

        @contextlib.contextmanager
        def walled(folder: Path) -> Iterator[tuple[Sandbox, Sandbox]]:
            standing.fill(folder)
            pair = standing.house, judging
            for one in pair:
                one.begin()
            yield pair
            for one in pair:
                one.leave()

        return walled
