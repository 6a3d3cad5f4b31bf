"""One message as the gateway sees it: a body for the API, or the reason why there is none."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from shared.contracts.benches.bus import Address, BadPayload, BadTopic, Payload
from shared.contracts.identifiers import is_identifier, iso_utc
from shared.contracts.messages import DeadLetter
from shared.contracts.todo import Todo
from shared.language import _

from .payload import decode_payload
from .presence import Cards
from .retry import Body, Outcome
from .topics import parse_topic

_address: Final = lru_cache(maxsize=4_096)(parse_topic)


@dataclass(frozen=True, slots=True)
class Received:
    """A message with whatever of its identity can be told; without a `body` there is a `reason`.

    `at_s` (monotonic) is when it came.
    """

    topic: str
    data: bytes
    at_s: float
    device_id: str | None
    message_id: str | None = None
    traceparent: str | None = None
    body: Body | None = None
    reason: str = ""


def receive(topic: str, data: bytes, cards: Cards, at_s: float = 0.0) -> Received:
    """Return what a message says, or why it can never be accepted.

    The device's identity is the topic's, which the broker's access list guards: a payload that
    names another sensor than its topic is refused. Raises nothing, whatever comes.
    """
    # task 2.6: what can't be read is kept with its reason, and the line moves on
    raise Todo("2.6")


def dead_letter(received: Received, outcome: Outcome, moment: datetime) -> DeadLetter:
    """Return the dead letter of a message; its id is the same however often it is refused."""
    return DeadLetter(
        letter_id=received.message_id or letter_id(received.topic, received.data),
        device_id=received.device_id,
        topic=received.topic,
        payload=received.data,
        status=outcome.status,
        reason=outcome.detail,
        refused_at=moment,
    )


def letter_id(topic: str, data: bytes) -> str:
    """Return `dead-` and 24 hexadecimal digits of a hash over topic and payload."""
    return "dead-" + hashlib.sha256(topic.encode() + b"\0" + data).hexdigest()[:24]


def _check_sensor(address: Address, payload: Payload) -> None:
    if payload.sensor_id != address.sensor_id:
        told = _("sensor_id: expected {topic}, as in the topic, got {payload}")
        raise BadPayload(told.format(topic=address.sensor_id, payload=payload.sensor_id))


def _body(address: Address, payload: Payload, cards: Cards) -> Body:
    """Return the architecture's request; what it has no place for goes into its metadata."""
    # task 2.6: the sensor's card is joined in, if its device was born before our eyes
    raise Todo("2.6")


def _identity_in(data: bytes) -> str | None:
    """Return the message id of a payload that can't be accepted, if it names one that can be."""
    try:
        found: Any = json.loads(data)
        named = found.get("message_id")
    except (ValueError, AttributeError, RecursionError):
        return None
    return named if isinstance(named, str) and is_identifier(named) else None
