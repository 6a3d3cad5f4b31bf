"""A thread each: what comes in is appended at once, and the log puts it in order."""

import asyncio
from collections.abc import Sequence

from shared.contracts.messages import Appended, Event
from shared.contracts.ports import EventLog


class Writer:
    """Appends to the log in a thread of the loop's pool."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def append(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Return the log's answers, in order, once the events are on disk."""
        return await asyncio.to_thread(self._log.append, tuple(events))
