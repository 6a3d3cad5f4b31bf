"""Your own check: right rooms pass it, and rooms that get task 3.2 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

from datetime import UTC, datetime
from typing import Any

from shared.contracts.messages import Event
from shared.contracts.todo import Todo

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
READING = {
    "device_id": "box-1",
    "sensor_type": "temperature",
    "value": 72.5,
    "timestamp": "2025-01-15T10:30:45.123Z",
    "metadata": {"unit": "°F"},
}


def event(room: Any, **other: object) -> Any:
    """Return what becomes of `READING` with other fields: an event, or what was refused."""
    return room.normalised({**READING, **other}, NOON, "{}")


def test_one_reading_is_one_event(room: Any) -> None:
    """The same reading is the same event, in whatever unit and schema it came."""
    # task 3.8: ask `normalised(document, received_at, text)` for the event, or what is refused,
    # and `modernised(document)` for today's document and the given one afterwards
    # <solution>
    first = event(room)
    assert abs(first.value - 22.5) < 1e-9
    assert event(room, value=22.5, metadata={"unit": "celsius"}).message_id == first.message_id
    assert event(room, message_id="mine").message_id == "mine"
    named = event(room, metadata={"unit": "°F", "sensor_id": "S-2"})
    assert named.message_id != first.message_id
    for kind, unit in (("pressure", "°C"), ("temperature", "kPa"), ("humidity", "furlong")):
        assert not isinstance(event(room, sensor_type=kind, metadata={"unit": unit}), Event)
    epoch = "1970-01-01T00:00:00.000Z"
    for old, today in (
        ({"type": "humidity", "ts": 0}, {"sensor_type": "humidity", "timestamp": epoch}),
        ({"type": "humidity"}, {"sensor_type": "humidity"}),
        ({"ts": 0.0}, {"timestamp": epoch}),
    ):
        assert room.modernised(old) == (today, old)
    for odd in ("1", -1, float("nan"), 1e300):
        assert "timestamp" not in room.modernised({"ts": odd})[0]
    # </solution>
    #: raise Todo("3.8")
