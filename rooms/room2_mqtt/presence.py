"""Presence: what a device says of itself once, retained, for whoever comes later."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.contracts.identifiers import is_identifier
from shared.contracts.messages import PRESENCE_ROOT, Birth
from shared.contracts.todo import Todo

JOINED: Final = ("location", "calibration_date")
"""What the API's metadata carries of a sensor's card."""

Cards = Mapping[tuple[str, str], Mapping[str, object]]
"""(device, sensor) to what the birth said about it."""


@dataclass(frozen=True, slots=True)
class Presence:
    """A birth (`online`, with the sensors' cards) or a will, as a listener reads it."""

    device_id: str
    online: bool
    cards: Cards


def birth_text(birth: Birth) -> bytes:
    """Return a birth as JSON: device_id, state "online", and a card for each sensor.

    A card: sensor_id, type, unit, location, calibration_date (ISO 8601) and resolution; what
    isn't known is null.
    """
    # task 2.4: what a listener must know before it can read the device's numbers
    raise Todo("2.4")


def offline_text(birth: Birth) -> bytes:
    """Return what is said of a device that is gone: by itself, or by the broker as its will."""
    return json.dumps({"device_id": birth.device_id, "state": "offline"}).encode()


def read_presence(topic: str, data: bytes) -> Presence | None:
    """Return what a birth or will says; None unless it speaks of the device in its topic."""
    try:
        found = json.loads(data)
        device, online = found["device_id"], found["state"] == "online"
        cards = {
            (device, card["sensor_id"]): {k: card[k] for k in JOINED if card.get(k) is not None}
            for card in found.get("sensors", ())
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    told = isinstance(device, str) and is_identifier(device)
    return (
        Presence(device, online, cards) if told and topic == f"{PRESENCE_ROOT}/{device}" else None
    )
