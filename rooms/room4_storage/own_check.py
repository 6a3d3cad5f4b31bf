"""Your own check: right rooms pass it, and rooms that get task 4.2 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

from typing import Any

from shared.contracts.todo import Todo

START_MS = 1_740_000_000_000
SECOND, HOUR = 1000, 3_600_000


def test_what_is_marked_and_what_isnt(room: Any) -> None:
    """Readings are marked as task 4.2 says, and only those."""
    # task 4.8: tell `room.marks("temperature", [(ms, value), …])` stories, assert the marks
    raise Todo("4.8")
