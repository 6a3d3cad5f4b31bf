"""Your own check: right rooms pass it, and rooms that get task 7.2 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

from typing import Any

from shared.contracts.todo import Todo

TRACE, PARENT = "1234567890abcdef" * 2, "fedcba0987654321"
ZEROS = "0" * 32


def test_a_trace_goes_on(room: Any) -> None:
    """What is valid goes on, what isn't begins anew, and the sampling is kept."""
    # task 7.8: ask `parse_traceparent` and `next_traceparent` for what task 7.2 promises
    raise Todo("7.8")
