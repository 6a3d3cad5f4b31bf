"""The same grading over several machines: Dask hands out, each worker judges behind its own walls.

A submission's files travel to a worker, a result comes back. Both ends are the course's own, and
must be of one edition; what a student wrote runs in neither, but in the worker's sandbox.
"""

import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from .grading import trusted
from .judging import Jury, Result
from .places import temporary
from .plugin import PATIENCE_S
from .probe import probe
from .sandbox import GraderFault

_CONNECT_S: Final = 30
_DEATHS: Final = 10  # of workers, that one submission may see before it is given up

Files = dict[str, bytes]

_juries: dict[str, Jury] = {}
_one_at_a_time = threading.Lock()


class ClusterError(ValueError):
    """A cluster on which nothing may be graded: says why."""


class Cluster:
    """A connection to a scheduler whose workers are of this edition, and isolated."""

    def __init__(self, address: str, rooms: Collection[str]) -> None:
        import dask
        import distributed

        connect: Any = distributed.Client
        dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS})
        try:
            self._client: Any = connect(address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(f"{address}: no scheduler answers there ({error})") from None
        try:
            self.workers = self._checked(rooms)
        except ClusterError:
            self.close()
            raise

    def _checked(self, rooms: Collection[str]) -> int:
        told = self._client.run(edition, sorted(rooms))
        if not told:
            raise ClusterError("the scheduler has no workers; start some in the course's folder")
        own = {room: trusted(room) for room in sorted(rooms)}
        for address, (tier, hashes) in sorted(told.items()):
            if tier != "walled":
                raise ClusterError(f"{address}: not isolated there")
            if hashes != own:
                raise ClusterError(f"{address}: another edition of the course, or of its packages")
        return len(told)

    def jury(self, room: str) -> "Elsewhere":
        """Return who judges `room` on some worker."""
        return Elsewhere(self._client, room)

    def close(self) -> None:
        """Hang up; what is under way ends with an error."""
        self._client.close()


class Elsewhere:
    """Judges as a jury here would, on whichever worker is free; if that dies, on another."""

    def __init__(self, client: Any, room: str) -> None:  # noqa: ANN401 - an optional package's
        self._client = client
        self._room = room

    def judge(
        self,
        submission: Path,
        *,
        seed: int,
        tasks: Collection[str] = (),
        patience_s: float = PATIENCE_S,
    ) -> Result:
        """Return the result of the room at `submission`."""
        files = {
            path.relative_to(submission).as_posix(): path.read_bytes()
            for path in sorted(submission.rglob("*.py"))
        }
        about = (self._room, files, seed, tuple(tasks), patience_s)
        # Not pure: a result that was wanted again is judged again.
        future = self._client.submit(judged, *about, pure=False)
        try:
            result = future.result()
        except Exception as error:
            raise GraderFault(f"no worker gave a result: {type(error).__name__}") from error
        if not isinstance(result, Result):
            raise GraderFault("a worker gave another thing than a result")
        return result


def edition(rooms: Collection[str]) -> tuple[str, dict[str, str]]:
    """Return, on a worker, how isolated it is, and the hash of what decides there."""
    return probe().tier, {room: trusted(room) for room in rooms}


def judged(room: str, files: Files, seed: int, tasks: Collection[str], patience_s: float) -> Result:
    """Return, on a worker, the result of a room that consists of `files`."""
    with _one_at_a_time, temporary("work") as place:
        folder = place / "rooms" / room
        for name, content in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (folder.parent / "__init__.py").write_text("", encoding="utf-8")
        if room not in _juries:
            _juries[room] = Jury(room, hidden=True, walls=True).__enter__()
        return _juries[room].judge(folder, seed=seed, tasks=tasks, patience_s=patience_s)
