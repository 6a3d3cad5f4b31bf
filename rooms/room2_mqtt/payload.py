"""The payload of a reading: the architecture's JSON, nothing else, within a budget of bytes."""

import json
import math
from datetime import UTC, datetime
from typing import Any, Final

from shared.contracts.benches.bus import BadPayload, Payload
from shared.contracts.identifiers import is_identifier, iso_utc
from shared.contracts.messages import UNITS
from shared.contracts.todo import Todo
from shared.language import _

OPTIONAL: Final = ("message_id", "traceparent")
BUDGET_BYTES: Final = 512
"""What one reading may cost on the wire: a radio pays for each byte with its battery."""

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode_payload(payload: Payload) -> bytes:
    """Return the JSON: sensor_id, the measure's own key, timestamp, unit, then what is optional.

    Raises BadPayload for a value that JSON can't carry, a type unknown to the course, a naive time.
    """
    # task 2.3: the keys as the architecture writes them, the optional ones only when they are there
    raise Todo("2.3")


def decode_payload(data: bytes, sensor_type: str) -> Payload:
    """Return what `data` says of a measure of `sensor_type`.

    Raises BadPayload, naming the key, for broken UTF-8 or JSON, a missing or an unknown key (also
    one that stands twice), a number that isn't finite, a naive time.
    """
    # task 2.3: nothing is guessed, nothing is passed over
    raise Todo("2.3")


def payload_budget(data: bytes, topic: str) -> int:
    """Return the size in bytes of a QoS 1 PUBLISH with this topic and payload.

    MQTT 3.1.1, 3.3: fixed header of 1 byte and 1 to 4 bytes of remaining length (seven bits each),
    2 bytes of topic length, the topic, 2 bytes of packet identifier, the payload.
    """
    # task 2.3: count what the radio sends
    raise Todo("2.3")


def _object(data: bytes) -> dict[str, Any]:
    try:
        body = _decode(data.decode())
    except BadPayload:
        raise
    except (ValueError, RecursionError) as error:
        # With more than 4,300 digits a whole number is a ValueError of Python's own.
        raise _bad("payload", _("JSON in UTF-8"), str(error)) from None
    if not isinstance(body, dict):
        raise _bad("payload", _("a JSON object"), body)
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _bad(twice, _("each key once"), _("two"))
    return body


_decode: Final = json.JSONDecoder(object_pairs_hook=_once).decode


def _number(body: dict[str, Any], key: str) -> float:
    found = body[key]
    # A bool is an int in Python, but not a measurement.
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _bad(key, _("a number"), found)
    try:
        value = float(found)
    except OverflowError:
        raise _bad(key, _("a finite number"), found) from None
    if not math.isfinite(value):
        raise _bad(key, _("a finite number"), found)
    return value


def _moment(body: dict[str, Any]) -> datetime:
    text = _text(body, "timestamp")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _bad("timestamp", _("a time like 2025-01-15T10:30:45.123Z"), text) from None
    if moment.tzinfo is None:
        raise _bad("timestamp", _("a time with a zone"), text)
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the year 1 east of Greenwich was the year 0
        raise _bad("timestamp", _("a time between the years 1 and 9999, UTC"), text) from None


def _text(body: dict[str, Any], key: str) -> str:
    if not isinstance(body[key], str):
        raise _bad(key, _("a text"), body[key])
    return str(body[key])


def _name(body: dict[str, Any], key: str) -> str:
    text = _text(body, key)
    if not is_identifier(text):
        raise _bad(key, _("1 to 64 of A-Z a-z 0-9 _ -"), text)
    return text


def _bad(key: str, expected: str, got: object) -> BadPayload:
    shown = repr(got)[:80]
    return BadPayload(
        _("{key}: expected {expected}, got {got}").format(key=key, expected=expected, got=shown)
    )
