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
    # <solution>
    good = {"device_id": "box", "sensor_id": "S-1", "sensor_type": "humidity", "value": 40.123456}
    for bad in (
        {"timestamp": MOMENT.replace(tzinfo=None)},
        {"value": True},
        {"value": inf},
        {"sensor_id": "a/b"},
        {"sensor_type": "wind"},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            room.make_reading(**{**good, "timestamp": MOMENT, **bad})
    made = room.make_reading(**good, timestamp=MOMENT)
    assert made.timestamp == MOMENT.replace(microsecond=123000)
    keys = {"sensor_id": "S-1", "value": 40.123456, "timestamp": "2025-01-15T10:30:45.123Z"}
    assert json.loads(room.to_json(made)) == keys
    whole = room.make_reading(**good, timestamp=MOMENT.replace(microsecond=0))
    assert "10:30:45.000Z" in room.to_json(whole)
    with pytest.raises(ValueError, match="unit"):
        room.from_json(json.dumps({**keys, "unit": "percent"}), "box", "humidity")
    # </solution>
    #: raise Todo("1.8")
