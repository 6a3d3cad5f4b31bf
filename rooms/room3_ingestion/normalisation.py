"""One form for every reading, whatever unit or schema it came in; the original stays beside it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.benches.ingestion import Fault, Refused, Submission
from shared.contracts.identifiers import from_milliseconds, iso_utc, message_id
from shared.contracts.messages import SCHEMA_VERSION, UNITS, Event
from shared.contracts.todo import Todo
from shared.language import _

from .fields import Identifier, Number
from .given.faults import shown
from .readings_in import Metadata
from .units import to_canonical, unit_of

FIRST_SCHEMA: Final = 1
"""The version that said `type` for `sensor_type` and `ts` for `timestamp`."""
LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999, beyond which no date can be written."""


class ReadingV1(BaseModel):
    """Yesterday's request, which devices in the field still send: `type`, `ts` in epoch seconds."""

    model_config = ConfigDict(extra="forbid")

    device_id: Identifier
    type: str = Field(json_schema_extra={"enum": list(UNITS)})
    value: Number
    ts: Annotated[Number, Field(json_schema_extra={"minimum": 0, "maximum": LAST_SECOND})]
    metadata: Metadata | None = None
    message_id: Identifier | None = None


def is_old(document: object) -> bool:
    """Return whether `document` is written in yesterday's schema, in part at least."""
    if not isinstance(document, Mapping):
        return False
    return ("type" in document and "sensor_type" not in document) or (
        "ts" in document and "timestamp" not in document
    )


def modernise(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return `document` with yesterday's keys replaced: `type`, and `ts` in epoch seconds.

    A device updated by half may mix the schemas; a key that is there in both stays, and is
    refused by name later. Raises Refused(422) for a `ts` that is no moment.
    """
    # task 3.2: the contract evolved; old devices didn't
    raise Todo("3.2")


def normalise(
    submission: Submission,
    received_at: datetime,
    original: str,
    *,
    traceparent: str | None = None,
    schema_version: int = SCHEMA_VERSION,
) -> Event:
    """Return the event to be stored: canonical unit, the sender's identity or the computed one.

    A request that names no sensor speaks of the device's only one of that type, whose id is then
    the type. `original` is the request's JSON text, `traceparent` the one to be trusted. Raises
    Refused(422) for a unit of another type.
    """
    # task 3.2: what the log will hold for ever
    raise Todo("3.2")
