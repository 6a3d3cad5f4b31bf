"""Sends a dead letter again through the API, mended or as it was."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.messages import TOPIC_ROOT, UNITS, DeadLetter
from shared.database.dead_letters import DeadLetterBox
from shared.language import _

from .assembly import Assembly
from .loader import Choice
from .workplace import Workplace

TOPIC_LEVELS = 4
OK, CREATED, UNAUTHORIZED = 200, 201, 401


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a letter: stored now (or earlier), or refused again with `text`."""

    stored: bool
    text: str


def replay_letter(
    place: Workplace, box: DeadLetterBox, letter: DeadLetter, changes: Mapping[str, object]
) -> Replayed:
    """Post the letter's reading once, with `changes` to its fields; mark it if it was stored.

    Raises DoorUnreachable when the API doesn't answer: then nothing is marked.
    """
    try:
        item = _item(letter, changes)
    except ValueError as error:
        return Replayed(stored=False, text=_("still unreadable: {error}").format(error=error))
    plan = place.read("plan")
    choices = {int(number): Choice(name) for number, name in plan.get("choices", {}).items()}
    assembly = Assembly(place, place.read_settings(), choices)
    door = assembly.door("gateway")
    answer = door.send([item])
    if answer.status == UNAUTHORIZED:
        door.renew()
        answer = door.send([item])
    verdict = answer.items[0] if answer.items else None
    status = verdict.status if verdict is not None else answer.status
    if status in {OK, CREATED}:
        box.mark_replayed(letter, assembly.clock.wall())
        return Replayed(stored=True, text=_("stored"))
    detail = (verdict.detail if verdict is not None else answer.detail) or ""
    return Replayed(
        stored=False,
        text=_("refused again: {status} {detail}").format(status=status, detail=detail),
    )


def _item(letter: DeadLetter, changes: Mapping[str, object]) -> dict[str, Any]:
    """Return the API's body for what the letter says; ValueError if it can't be told."""
    levels = letter.topic.split("/")
    if len(levels) != TOPIC_LEVELS or levels[0] != TOPIC_ROOT:
        raise ValueError(
            _("expected the topic of a reading, got {topic!r}").format(topic=letter.topic)
        )
    _root, device, sensor, kind = levels
    try:
        payload = json.loads(letter.payload)
    except ValueError:
        payload = {}
    if not isinstance(payload, dict):
        payload = {}
    fields: dict[str, Any] = {
        "value": payload.get(kind),
        "timestamp": payload.get("timestamp"),
        "unit": payload.get("unit", UNITS.get(kind)),
        **changes,
    }
    missing = [name for name in ("value", "timestamp") if fields[name] is None]
    if missing:
        raise ValueError(_("no {names}; add it with --set").format(names=", ".join(missing)))
    item: dict[str, Any] = {
        "device_id": device,
        "sensor_type": kind,
        "value": fields["value"],
        "timestamp": fields["timestamp"],
        "metadata": {"sensor_id": sensor, "unit": fields["unit"]},
    }
    if not changes and isinstance(payload.get("message_id"), str):
        # A mended reading is another message: it gets an identity of its own.
        item["message_id"] = payload["message_id"]
    return item
