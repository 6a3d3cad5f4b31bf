"""What a request must be before anybody looks at what it says."""

import math
import re
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.identifiers import iso_utc
from shared.contracts.messages import Event
from shared.contracts.todo import Todo  # noqa: F401 - raised in the starter
from shared.language import _

from .faults import faults_of, shown

RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII
)
DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A clock that was never set says 1970; no recording of the course is older than this."""
PLAUSIBLE: Final = {
    "temperature": (-100.0, 200.0),
    "humidity": (-50.0, 150.0),
    "pressure": (100.0, 1_200.0),
}
"""In canonical units. Beyond these a unit was mistaken or a frame broken; what is merely
impossible (humidity of 104 %) is for the stream's filters to mark, since it tells of a fault."""


def moment_from(text: object) -> datetime:
    """Return the time that `text` names, UTC, cut to the millisecond.

    Raises ValueError for what isn't RFC 3339 with a zone: a naive time, another order, a number.
    """
    # task 3.1: an aware time, or a ValueError
    # <solution>
    if not isinstance(text, str) or not RFC3339.match(text):
        raise ValueError(text)
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:  # the year 1 east of Greenwich
        raise ValueError(text) from None
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
    # </solution>
    #: raise Todo("3.1")


def number_from(value: object) -> float:
    """Return `value` as a finite float.

    Raises ValueError for NaN, infinities, what a float can't hold, text, and true and false.
    """
    # task 3.1: a finite number, or a ValueError
    # <solution>
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(value)  # noqa: TRY004 - pydantic collects ValueErrors only
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(value) from None
    if not math.isfinite(number):
        raise ValueError(value)
    return number
    # </solution>
    #: raise Todo("3.1")


def day_from(text: object) -> date:
    """Return the day that `text` names as YYYY-MM-DD; ValueError for anything else."""
    if not isinstance(text, str) or not DAY.match(text):
        raise ValueError(text)
    return date.fromisoformat(text)


IDENTIFIER_SCHEMA: Final = {
    "type": "string",
    "pattern": r"^[ \t\r\n]*[A-Za-z0-9_-]{1,64}[ \t\r\n]*$",
}
Identifier = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, pattern=r"^[A-Za-z0-9_-]{1,64}$"),
    WithJsonSchema(IDENTIFIER_SCHEMA),
]
Moment = Annotated[
    datetime,
    PlainValidator(moment_from),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "pattern": RFC3339.pattern[:-2] + "$"}
    ),
]
Number = Annotated[float, PlainValidator(number_from), WithJsonSchema({"type": "number"})]
Day = Annotated[
    date, PlainValidator(day_from), WithJsonSchema({"type": "string", "format": "date"})
]
Printable = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$"),
]


class Metadata(BaseModel):
    """What is known about the sensor; the architecture's body has no other place for it."""

    model_config = ConfigDict(extra="forbid")

    sensor_id: Identifier | None = None
    unit: Annotated[str, StringConstraints(strict=True, max_length=16)] | None = None
    location: Printable | None = None
    calibration_date: Day | None = None
    traceparent: Annotated[str, StringConstraints(strict=True, max_length=256)] | None = None


class ReadingIn(BaseModel):
    """The architecture's request, and an optional `message_id` of the client's own."""

    model_config = ConfigDict(extra="forbid")

    device_id: Identifier
    sensor_type: Literal["temperature", "humidity", "pressure"]
    value: Number
    timestamp: Moment
    metadata: Metadata | None = None
    message_id: Identifier | None = None


READING: Final = TypeAdapter(ReadingIn)
READINGS: Final = TypeAdapter(list[ReadingIn])


def known_fields() -> list[str]:
    """Return the names that a request may use, those of its metadata with their path."""
    inner = [f"metadata.{name}" for name in Metadata.model_fields]
    return [*ReadingIn.model_fields, *inner]


def examine(document: object) -> ReadingIn:
    """Return the request in `document`, which is one parsed JSON document.

    Raises Refused(422) with every fault in it: field, what came, what was expected.
    """
    # task 3.1: let the model speak, and translate what it says
    # <solution>
    try:
        return READING.validate_python(document)
    except ValidationError as error:
        faults = faults_of(error.errors(include_url=False), known=known_fields())
    raise Refused(422, _("This isn't a reading; see errors."), faults)
    # </solution>
    #: raise Todo("3.1")


def refuse_absurd(event: Event, latest: datetime) -> None:
    """Raise Refused(422) if no working sensor can have said this: by its value or by its time.

    `latest` is the event clock's time and the tolerance. `event` is in canonical units.
    """
    # task 3.1: the limits of time, and PLAUSIBLE
    # <solution>
    low, high = PLAUSIBLE[event.sensor_type]
    if EARLIEST <= event.timestamp <= latest and low <= event.value <= high:
        return
    faults = []
    if not EARLIEST <= event.timestamp <= latest:
        between = _("a time from {a} to {b}").format(a=iso_utc(EARLIEST), b=iso_utc(latest))
        faults.append(Fault("timestamp", shown(iso_utc(event.timestamp)), between))
    if not low <= event.value <= high:
        between = _("from {a} to {b} {unit}").format(a=low, b=high, unit=event.unit)
        faults.append(Fault("value", f"{shown(event.value)} {event.unit}", between))
    raise Refused(422, _("No sensor can have said this; see errors."), tuple(faults))
    # </solution>
    #: raise Todo("3.1")
