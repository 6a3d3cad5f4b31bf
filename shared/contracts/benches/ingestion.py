"""What the checks call of Room 3, task by task; what stands behind HTTP is asked over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from shared.contracts.messages import SCHEMA_VERSION, Event
from shared.contracts.ports import Ingestion, IngestionParts
from shared.contracts.settings import Settings


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request.

    `field` is a path (`metadata.unit`; `body` for the whole). `got` shows what came as JSON would
    write it: shortened, printable, never a secret; `nothing` when it is missing.
    """

    field: str
    got: str
    expected: str


class Refused(Exception):  # noqa: N818 - what the door says, not a failure of ours
    """The door's no: an HTTP status from 400 to 503, and why."""

    def __init__(
        self,
        status: int,
        detail: str,
        faults: tuple[Fault, ...] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = faults
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        """Further members of the problem document, such as OAuth's `error`."""


class Origin(Protocol):
    """`metadata` of a request: everything about the sensor, all of it optional."""

    @property
    def sensor_id(self) -> str | None:
        """The sensor's name within the device."""

    @property
    def unit(self) -> str | None:
        """The unit as sent; None is the type's canonical one."""

    @property
    def location(self) -> str | None:
        """Where it hangs."""

    @property
    def calibration_date(self) -> date | None:
        """When it was last compared with a standard."""

    @property
    def traceparent(self) -> str | None:
        """The trace as sent, not yet trusted."""


class Submission(Protocol):
    """A request that has the right shape: the model of task 3.1."""

    @property
    def device_id(self) -> str:
        """An identifier."""

    @property
    def sensor_type(self) -> str:
        """temperature, humidity or pressure."""

    @property
    def value(self) -> float:
        """Finite, in the unit of `metadata.unit`."""

    @property
    def timestamp(self) -> datetime:
        """Aware, UTC, whole milliseconds."""

    @property
    def metadata(self) -> Origin | None:
        """None when the request has none."""

    @property
    def message_id(self) -> str | None:
        """The client's own identity for it."""


class Budget(Protocol):
    """Task 3.6: how many readings each device may still send."""

    def grant(self, device_id: str, wanted: int, now_s: float) -> tuple[int, float]:
        """Take up to `wanted` tokens of a device; return how many, and seconds until the next.

        The bucket holds `burst` tokens at first and fills by `rate` a second; `now_s` is
        monotonic. With rate 0 there is no limit. The seconds are 0.0 when all was granted.
        """


class IngestionBench(Protocol):
    """The names that `solutions.room3_ingestion` exports."""

    def build(self, settings: Settings, parts: IngestionParts) -> Ingestion:
        """Tasks 3.3, 3.5 and 3.7 are asked over HTTP, of the application that this returns."""

    def moment_from(self, text: object) -> datetime:
        """Task 3.1: RFC 3339 with a zone → UTC, cut to the millisecond; ValueError otherwise."""

    def number_from(self, value: object) -> float:
        """Task 3.1: a finite int or float (no bool, no text) → float; ValueError otherwise."""

    def examine(self, document: object) -> Submission:
        """Task 3.1: one JSON document (parsed) → the model; Refused(422) naming every fault."""

    def refuse_absurd(self, event: Event, latest: datetime) -> None:
        """Task 3.1: Refused(422) for a time after `latest` or before 2000, or an absurd value."""

    def to_canonical(self, value: float, unit: str) -> float:
        """Task 3.2: from a unit's plain name (fahrenheit, kelvin, fraction, …) to its type's."""

    def modernise(self, document: Mapping[str, object]) -> dict[str, Any]:
        """Task 3.2: yesterday's schema (`type`, `ts` in epoch seconds) → today's."""

    def normalise(
        self,
        submission: Submission,
        received_at: datetime,
        original: str,
        *,
        traceparent: str | None = None,
        schema_version: int = SCHEMA_VERSION,
    ) -> Event:
        """Task 3.2: the event to be stored; Refused(422) for a unit that isn't the type's."""

    def problem(self, refused: Refused, instance: str) -> dict[str, object]:
        """Task 3.4: the RFC 9457 document: type, title, status, detail, instance, errors."""

    async def body_of(self, request: Any, max_bytes: int, within_s: float = ...) -> bytes:  # noqa: ANN401 - starlette's
        """Task 3.6: a request's body; Refused(413) when too large, Refused(408) when too slow."""

    def DeviceBudget(self, rate: float, burst: float) -> Budget:  # noqa: N802 - a class
        """Task 3.6: the buckets of all devices."""
