"""Who a message is: names that fit everywhere, one identity however often it is sent."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
"""What devices, sensors and messages may be called: safe in topics, paths and certificates."""


def is_identifier(text: str) -> bool:
    """Return whether `text` can name a device, a sensor or a message."""
    return IDENTIFIER.match(text) is not None


def to_milliseconds(moment: datetime) -> int:
    """Return the milliseconds since 1970-01-01 UTC of an aware `moment`, finer parts cut off.

    Raises ValueError for a naive time: without a zone it names no moment.
    """
    if moment.tzinfo is None:
        raise ValueError(f"expected a time with a zone, got {moment.isoformat()}")
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the aware UTC time of `milliseconds` since 1970, exact: no float on the way."""
    return _EPOCH + milliseconds * _MILLISECOND


def iso_utc(moment: datetime) -> str:
    """Return `moment` as the architecture writes it: 2025-01-15T10:30:45.123Z."""
    return from_milliseconds(to_milliseconds(moment)).isoformat(timespec="milliseconds")[:-6] + "Z"


def message_id(
    device_id: str, sensor_id: str, sensor_type: str, timestamp: datetime, value: float
) -> str:
    """Return the identity of a reading: `msg-` and 24 hexadecimal digits.

    The same reading has the same id on whichever side it is computed and however often it is
    sent: the hash runs over the three names, the UTC milliseconds and the shortest decimal that
    reads back as `value` in the canonical unit (`repr`; minus zero counts as zero).
    """
    canonical = repr(float(value) + 0.0)
    parts = (device_id, sensor_id, sensor_type, str(to_milliseconds(timestamp)), canonical)
    # NUL can't stand in an identifier, so no two different readings share a text.
    digest = hashlib.sha256("\0".join(parts).encode())
    return "msg-" + digest.hexdigest()[:24]
