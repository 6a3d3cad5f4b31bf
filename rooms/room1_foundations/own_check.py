"""Your own check: right rooms pass it, and rooms that get task 1.1 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

import json
from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest

from shared.contracts.todo import Todo

MOMENT = datetime(2025, 1, 15, 10, 30, 45, 123999, UTC)


def test_a_reading_is_what_the_brief_says(room: Any) -> None:
    """A reading and its JSON keep what task 1.1 promises, and what isn't one is refused."""
    # task 1.8: ask the room for what task 1.1 promises, and assert that it holds
    raise Todo("1.8")
