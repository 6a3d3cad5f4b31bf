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
    # <solution>
    for wanted, topic, takes in (
        ("sport/#", "sport", True),
        ("sport/#", "sport/tennis/final", True),
        ("sport/#", "sports", False),
        ("+", "sport/tennis", False),
        ("sport/+", "sport/", True),
        ("+/+", "/final", True),
        ("+/#", "sport/tennis", True),
        ("#", "$SYS/load", False),
        ("+/load", "$SYS/load", False),
        ("$SYS/#", "$SYS/load", True),
        ("sport/$x", "sport/$x", True),
    ):
        assert room.matches(wanted, topic) is takes, (wanted, topic)
    for wanted, topic in (("sport+", "x"), ("#/x", "x"), ("a/b#", "x"), ("", "x")):
        with pytest.raises(ValueError):
            room.matches(wanted, topic)
    for topic in ("sport/+", "#", "sport+", "a#b", "", "a\0b"):
        with pytest.raises(ValueError):
            room.matches("sport/tennis", topic)
    # </solution>
    #: raise Todo("2.8")
