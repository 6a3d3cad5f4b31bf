"""What a request must be before anybody looks at what it says."""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.contracts.benches.ingestion import Refused
from shared.contracts.todo import Todo
from shared.language import _

from .fields import Day, Identifier, Moment, Number, Printable, Spelling, TraceText
from .given.faults import faults_of


class Metadata(BaseModel):
    """What is known about the sensor; the architecture's body has no other place for it."""

    model_config = ConfigDict(extra="forbid")

    sensor_id: Identifier | None = None
    unit: Spelling | None = None
    location: Printable | None = None
    calibration_date: Day | None = None
    traceparent: TraceText | None = None


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
