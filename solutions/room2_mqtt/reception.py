"""One message as the gateway sees it: a body for the API, or a dead letter with its reason."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared.contracts.benches.bus import Address, BadPayload, BadTopic, Payload
from shared.contracts.identifiers import is_identifier, iso_utc
from shared.contracts.messages import DeadLetter
from shared.contracts.todo import Todo
from shared.language import _

from .payload import decode_payload
from .topics import parse_topic

JOINED: Final = ("location", "calibration_date")
"""What the API's metadata carries of a sensor's card in the birth."""

Cards = Mapping[tuple[str, str], Mapping[str, object]]
"""(device, sensor) to what the birth said about it."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message with what became of it so far: `body` for the API, or `letter`."""

    topic: str
    data: bytes
    device_id: str | None
    message_id: str | None
    body: Mapping[str, object] | None
    letter: DeadLetter | None


def receive(topic: str, data: bytes, cards: Cards) -> Received:
    """Return what a message says, or why it can never be accepted.

    The device's identity is the topic's, which the broker's access list guards: a payload that
    names another sensor than its topic is refused.
    """
    # task 2.6: what can't be read is kept with its reason, and the line moves on
    # <solution>
    try:
        address = parse_topic(topic)
        payload = decode_payload(data, address.sensor_type)
        _check_sensor(address, payload)
    except (BadTopic, BadPayload) as error:
        return _refused(topic, data, str(error))
    body = _body(address, payload, cards)
    return Received(topic, data, address.device_id, payload.message_id, body, None)
    # </solution>
    #: raise Todo("2.6")


def dead_letter(received: Received, status: int, reason: str) -> DeadLetter:
    """Return the dead letter of a message; its id is the same however often it is refused."""
    identity = received.message_id or letter_id(received.topic, received.data)
    moment = datetime.now(UTC)
    return DeadLetter(
        identity, received.device_id, received.topic, received.data, status, reason, moment
    )


def letter_id(topic: str, data: bytes) -> str:
    """Return `dead-` and 24 hexadecimal digits of a hash over topic and payload."""
    return "dead-" + hashlib.sha256(topic.encode() + b"\0" + data).hexdigest()[:24]


def cards_in(data: bytes) -> tuple[str, bool, dict[str, dict[str, object]]] | None:
    """Return (device, online, sensor id → card) of a birth or will; None if it can't be read."""
    try:
        found = json.loads(data)
        device, online = str(found["device_id"]), found["state"] == "online"
        cards = {
            str(card["sensor_id"]): {key: card[key] for key in JOINED if card.get(key) is not None}
            for card in found.get("sensors", ())
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (device, online, cards) if is_identifier(device) else None


def _check_sensor(address: Address, payload: Payload) -> None:
    if payload.sensor_id != address.sensor_id:
        told = _("sensor_id: expected {topic}, as in the topic, got {payload}")
        raise BadPayload(told.format(topic=address.sensor_id, payload=payload.sensor_id))


def _body(address: Address, payload: Payload, cards: Cards) -> dict[str, object]:
    """Return the architecture's request; what it has no place for goes into its metadata."""
    metadata: dict[str, object] = {
        "sensor_id": payload.sensor_id,
        "unit": payload.unit,
        **cards.get((address.device_id, address.sensor_id), {}),
    }
    if payload.traceparent is not None:
        metadata["traceparent"] = payload.traceparent
    body: dict[str, object] = {
        "device_id": address.device_id,
        "sensor_type": address.sensor_type,
        "value": payload.value,
        "timestamp": iso_utc(payload.timestamp),
        "metadata": metadata,
    }
    if payload.message_id is not None:
        body["message_id"] = payload.message_id
    return body


def _refused(topic: str, data: bytes, reason: str) -> Received:
    """Return a message that can't be read, with whatever of its identity can be told."""
    device: str | None = None
    identity: str | None = None
    try:
        device = parse_topic(topic).device_id
        found: Any = json.loads(data)
        named = found.get("message_id")
        identity = named if isinstance(named, str) and is_identifier(named) else None
    except (ValueError, AttributeError, RecursionError):
        pass
    bare = Received(topic, data, device, identity, None, None)
    return Received(topic, data, device, identity, None, dead_letter(bare, 0, reason))
