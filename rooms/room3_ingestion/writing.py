"""One writer for all requests: what waits together is committed together."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from shared.contracts.messages import Appended, Event
from shared.contracts.ports import EventLog, StoreUnavailable
from shared.contracts.todo import Todo
from shared.language import _

COMMIT_LIMIT: Final = 2_000
"""Events of one transaction: long enough to be cheap, short enough to be waited for."""
WAITING_LIMIT: Final = 20_000
"""Events that may wait. More would only be answered after their senders gave up."""


@dataclass(eq=False, slots=True)
class _Job:
    events: Sequence[Event]
    outcome: "asyncio.Future[Sequence[Appended]]"

    def settle(self, answer: Sequence[Appended] | Exception) -> None:
        """Tell the sender, unless it is gone."""
        if self.outcome.done():
            return
        if isinstance(answer, Exception):
            self.outcome.set_exception(answer)
        else:
            self.outcome.set_result(answer)


class Writer:
    """Appends to the log in a thread of its own, so that the event loop never waits for a disk."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._jobs: deque[_Job] = deque()
        self._waiting = 0
        self._running: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def append(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Return the log's answers, in order, once the events are on disk.

        Requests that arrive while a transaction runs share the next one. Raises
        StoreUnavailable when the log does, and when too many wait already.
        """
        # task 3.3: never block the event loop
        raise Todo("3.3")

    async def _drain(self) -> None:
        """Commit until nothing waits."""
        # task 3.3: helper of the reference
        raise Todo("3.3")

    def _next(self) -> list[_Job]:
        """Return the jobs of the next transaction: at least one, in the order of arrival."""
        # task 3.3: helper of the reference
        raise Todo("3.3")

    async def _commit(self, jobs: Sequence[_Job]) -> None:
        """Commit `jobs` in one transaction and tell each its part, or what went wrong."""
        # task 3.3: helper of the reference
        raise Todo("3.3")

    async def _away(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Append in the writer's thread."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "log-writer")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._log.append, events)
