"""One value of one sensor at one moment: checked once, where it is made."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from math import isfinite

from shared.contracts.identifiers import (
    from_milliseconds,
    to_milliseconds,
)
from shared.contracts.messages import UNITS, Reading
from shared.contracts.todo import Todo
from shared.language import _

KEYS = ("sensor_id", "value", "timestamp")


class BadReading(ValueError):  # noqa: N818 - a fact, named as one
    """A field that can't be part of a reading: which, what was expected, what came."""

    def __init__(self, field: str, expected: str, got: object) -> None:
        shown = repr(got) if len(repr(got)) <= 60 else repr(got)[:60] + "…"  # noqa: PLR2004
        super().__init__(
            _("{field}: expected {expected}, got {got}").format(
                field=field, expected=expected, got=shown
            )
        )
        self.field = field
        self.expected = expected
        self.got = shown


def make_reading(
    device_id: str, sensor_id: str, sensor_type: str, value: float, timestamp: datetime
) -> Reading:
    """Return a reading in the type's canonical unit, its time in UTC, cut to milliseconds.

    Raises BadReading, which names the field, for anything else than identifiers, a known type, a
    finite number and a time with a zone.
    """
    # task 1.1: refuse what can't be a reading by its field's name, then build it
    # <solution>
    _identifier("device_id", device_id)
    _identifier("sensor_id", sensor_id)
    if sensor_type not in UNITS:
        raise BadReading(
            "sensor_type", _("one of {types}").format(types=", ".join(UNITS)), sensor_type
        )
    number = _finite(value)
    moment = _milliseconds(timestamp)
    return Reading(device_id, sensor_id, sensor_type, number, UNITS[sensor_type], moment)
    # </solution>
    #: raise Todo("1.1")


def _identifier(field: str, name: object) -> None:
    """Refuse by name what isn't an identifier."""
    if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)):
        raise BadReading(field, _("1 to 64 of A-Z a-z 0-9 _ -"), name)


def _finite(value: object) -> float:
    """Return `value` as a finite float; BadReading if it is none."""
    # task 1.1: True is an int to Python and no measurement; 10**400 fits no float
    # <solution>
    expected = _("a finite number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadReading("value", expected, value)
    try:
        number = float(value)
    except OverflowError:
        raise BadReading("value", expected, _("an integer too large for a float")) from None
    if not isfinite(number):
        raise BadReading("value", expected, value)
    return number
    # </solution>
    #: raise Todo("1.1")


def _milliseconds(timestamp: object) -> datetime:
    """Return an aware `timestamp` in UTC, cut to milliseconds; BadReading if it is none."""
    # task 1.1: a naive time names no moment
    # <solution>
    if not isinstance(timestamp, datetime) or timestamp.utcoffset() is None:
        raise BadReading("timestamp", _("a time with a zone"), timestamp)
    return from_milliseconds(to_milliseconds(timestamp))
    # </solution>
    #: raise Todo("1.1")


def to_json(reading: Reading) -> str:
    """Return JSON with exactly `sensor_id`, `value` and `timestamp` (…T10:30:45.123Z)."""
    # task 1.1: the architecture's three keys; json writes the shortest decimal that reads back
    # <solution>
    moment = reading.timestamp.strftime("%Y-%m-%dT%H:%M:%S.")
    moment += f"{reading.timestamp.microsecond // 1000:03d}Z"
    number = repr(reading.value)
    return f'{{"timestamp":"{moment}","value":{number},"sensor_id":"{reading.sensor_id}"}}'
    # </solution>
    #: raise Todo("1.1")


def from_json(text: str, device_id: str, sensor_type: str) -> Reading:
    """Return the reading that `to_json` wrote, equal in every field.

    Raises BadReading, which names the key, or "JSON" for what is no JSON object.
    """
    # task 1.1: parse, refuse missing and unknown keys by name, then let make_reading judge
    # <solution>
    try:
        fields = json.loads(text, object_pairs_hook=_unique)
    except BadReading:
        raise
    except (ValueError, RecursionError):  # ValueError also for an integer of 5,000 digits
        raise BadReading("JSON", _("a JSON object"), text) from None
    if not isinstance(fields, dict):
        raise BadReading("JSON", _("a JSON object"), text)
    for key in (*KEYS, *fields):
        if key not in KEYS or key not in fields:
            got = _("none") if key in KEYS else _("an unknown key")
            raise BadReading(key, _("exactly the keys {keys}").format(keys=", ".join(KEYS)), got)
    moment = parse_time(fields["timestamp"])
    return make_reading(device_id, fields["sensor_id"], sensor_type, fields["value"], moment)
    # </solution>
    #: raise Todo("1.1")


def _unique(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Return `pairs` as a dict; BadReading for a key given twice, where JSON keeps the last."""
    fields: dict[str, object] = {}
    for key, value in pairs:
        if key in fields:
            raise BadReading(key, _("each key once"), _("it twice"))
        fields[key] = value
    return fields


def parse_time(text: object, field: str = "timestamp") -> datetime:
    """Return the time that ISO 8601 `text` with a zone names, in UTC, cut to milliseconds.

    Raises BadReading, which names `field`, for anything else.
    """
    expected = _("a time with a zone such as 2013-05-06T00:00:00Z")
    if not isinstance(text, str):
        raise BadReading(field, expected, text)
    try:
        moment = datetime.fromisoformat(text)
        # An offset at the edge of the calendar leads out of it: OverflowError.
        return from_milliseconds(to_milliseconds(moment))
    except (ValueError, OverflowError):
        raise BadReading(field, expected, text) from None
