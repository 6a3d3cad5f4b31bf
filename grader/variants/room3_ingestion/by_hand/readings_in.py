"""What a request must be, judged field by field without a model; the models only document it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.identifiers import is_identifier

from . import fields as values
from .given.documents import Spoiled
from .given.faults import expected_of, shown


class Metadata(BaseModel):
    """What is known about the sensor."""

    model_config = ConfigDict(extra="forbid")

    sensor_id: values.Identifier | None = None
    unit: values.Spelling | None = None
    location: values.Printable | None = None
    calibration_date: values.Day | None = None
    traceparent: values.TraceText | None = None


class ReadingIn(BaseModel):
    """The architecture's request, and an optional `message_id`."""

    model_config = ConfigDict(extra="forbid")

    device_id: values.Identifier
    sensor_type: Literal["temperature", "humidity", "pressure"]
    value: values.Number
    timestamp: values.Moment
    metadata: Metadata | None = None
    message_id: values.Identifier | None = None


@dataclass(frozen=True)
class About:
    """`metadata`, read."""

    sensor_id: str | None = None
    unit: str | None = None
    location: str | None = None
    calibration_date: date | None = None
    traceparent: str | None = None


@dataclass(frozen=True)
class Read:
    """A request, read."""

    device_id: str
    sensor_type: str
    value: float
    timestamp: datetime
    metadata: About | None = None
    message_id: str | None = None


def _identifier(value: object) -> str:
    text = _text(value, 10**6).strip()
    if not is_identifier(text):
        raise ValueError(text)
    return text


def _text(value: object, most: int = 256) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(value)
    return value


def _printable(value: object) -> str:
    text = _text(value, 128)
    if not text or any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise ValueError(text)
    return text


def _kind(value: object) -> str:
    if value not in ("temperature", "humidity", "pressure") or not isinstance(value, str):
        raise ValueError(value)
    return value


READERS: Final[Mapping[str, Callable[[object], object]]] = {
    "device_id": _identifier,
    "sensor_type": _kind,
    "value": values.number_from,
    "timestamp": values.moment_from,
    "message_id": _identifier,
}
INNER: Final[Mapping[str, Callable[[object], object]]] = {
    "sensor_id": _identifier,
    "unit": lambda value: _text(value, 16),
    "location": _printable,
    "calibration_date": values.day_from,
    "traceparent": _text,
}
NEEDED: Final = ("device_id", "sensor_type", "value", "timestamp")


def examine(document: object) -> Read:
    """Return the request in `document`; Refused(422) with every fault in it."""
    faults: list[Fault] = []
    if not isinstance(document, dict):
        faults.append(_fault("body", document))
        raise Refused(422, "No reading.", tuple(faults))
    found = _read(document, READERS, "", faults, {"metadata", "message_id"})
    inner = document.get("metadata")
    about = None
    if isinstance(inner, dict):
        about = About(**_read(inner, INNER, "metadata.", faults, set(INNER)))  # type: ignore[arg-type]
    elif inner is not None:
        faults.append(_fault("metadata", inner))
    if faults:
        raise Refused(422, f"{len(faults)} fault(s) in this reading.", tuple(faults[:20]))
    known = {one.name for one in fields(Read)}
    return Read(**{k: v for k, v in found.items() if k in known}, metadata=about)  # type: ignore[arg-type]


def _read(
    document: Mapping[str, object],
    readers: Mapping[str, Callable[[object], object]],
    path: str,
    faults: list[Fault],
    optional: set[str],
) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in NEEDED if not path else ():
        if name not in document:
            faults.append(Fault(name, "nothing", expected_of(name) or "a value"))
    for name, value in document.items():
        if name == "metadata" and not path:
            continue
        reader = readers.get(name)
        if reader is None:
            safe = (path + name).encode("utf-8", "backslashreplace").decode()[:80]
            faults.append(Fault(safe, shown(value), f"one of {json.dumps(sorted(readers))}"))
        elif value is None and name in optional:
            found[name] = None
        else:
            try:
                found[name] = reader(value)
            except ValueError:
                faults.append(_fault(path + name, value))
    return found


def _fault(field: str, value: object) -> Fault:
    if isinstance(value, Spoiled):
        return Fault(field, value.got, value.expected)
    return Fault(field, shown(value), expected_of(field) or "another value")
