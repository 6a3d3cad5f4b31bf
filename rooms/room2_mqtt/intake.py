"""What came from the broker and waits for the worker: bounded, gathered by size or by age."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition
from typing import Final

from shared.contracts.todo import Todo

PATIENCE_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message and the connection it came by, counted: only there can it be acknowledged.

    `mid` 0: QoS 0, nobody waits for an acknowledgement. `at_s` is monotonic.
    """

    session: int
    mid: int
    topic: str
    data: bytes
    at_s: float


class Intake:
    """A queue between the network's thread and the worker's."""

    def __init__(self, limit: int, batch_size: int, batch_age_s: float) -> None:
        self._limit = limit
        self._size = min(batch_size, limit)
        self._age_s = batch_age_s
        self._waiting: deque[Arrival] = deque()
        self._changed = Condition()

    @property
    def has_room(self) -> bool:
        """Whether one more may be read. If not, the network's thread leaves it with the broker."""
        return len(self._waiting) < self._limit

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, arrival: Arrival) -> None:
        """Append one; wake the worker when there is a first, and when a batch is full."""
        with self._changed:
            self._waiting.append(arrival)
            if len(self._waiting) in {1, self._size}:
                self._changed.notify()

    def gather(self, stopped: Callable[[], bool]) -> list[Arrival]:
        """Return the next batch in order of arrival; empty if nothing came in a moment.

        As many as the batch's size, or those there when the first is as old as the batch's age.
        """
        # task 2.7: by size or by age, whichever comes first
        raise Todo("2.7")
