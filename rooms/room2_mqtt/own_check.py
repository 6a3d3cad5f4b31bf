"""Your own check: right rooms pass it, and rooms that get task 2.2 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

from typing import Any

import pytest

from shared.contracts.todo import Todo


def test_filters_by_the_standard(room: Any) -> None:
    """A filter takes what MQTT 3.1.1 says, and what is no filter or topic is refused."""
    # task 2.8: ask `room.matches(topic_filter, topic)` for what task 2.2 promises
    raise Todo("2.8")
