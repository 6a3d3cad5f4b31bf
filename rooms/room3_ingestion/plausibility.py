"""What no working sensor can have said."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.identifiers import iso_utc
from shared.contracts.messages import Event
from shared.contracts.todo import Todo
from shared.language import _

from .given.faults import shown

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A clock that was never set says 1970; no recording of the course is older than this."""
PLAUSIBLE: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "temperature": (-100.0, 200.0),
        "humidity": (-50.0, 150.0),
        "pressure": (100.0, 1_200.0),
    }
)
"""In canonical units. Beyond these a unit was mistaken or a frame broken; what is merely
impossible (humidity of 104 %) is for the stream's filters to mark, since it tells of a fault."""


def refuse_absurd(event: Event, latest: datetime) -> None:
    """Raise Refused(422) if no working sensor can have said this: by its value or by its time.

    `latest` is the event clock's time and the tolerance. `event` is in canonical units.
    """
    # task 3.1: the limits of time, and PLAUSIBLE
    raise Todo("3.1")
