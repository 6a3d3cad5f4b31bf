"""The bus's bench: what the checks call, task by task (2.1 to 2.7)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.contracts.messages import Progress
from shared.contracts.ports import Bus, BusParts
from shared.contracts.settings import Settings


class BadTopic(ValueError):  # noqa: N818 - a fact, named as one
    """Not a topic of our scheme (or not a legal filter); says what was expected and what came."""


class BadPayload(ValueError):  # noqa: N818 - a fact, named as one
    """Not the payload of a reading; says which key, what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a reading belongs: the three names in its topic."""

    device_id: str
    sensor_id: str
    sensor_type: str


@dataclass(frozen=True, slots=True)
class Payload:
    """What an MQTT payload says: `value` under the key of the measure, and the optional keys."""

    sensor_id: str
    sensor_type: str
    value: float
    timestamp: datetime
    unit: str
    message_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One entry of an outbox, in the order of `seq`. `made_s` is of this machine's one clock."""

    seq: int
    message_id: str
    topic: str
    payload: bytes
    made_s: float


class BusOutbox(Protocol):
    """On disk before it is sent; cleared by the application's verdict only."""

    def add(
        self, letters: Sequence[tuple[str, str, bytes]], made_s: float, refused: int = 0
    ) -> int:
        """Commit (message id, topic, payload) in order; return how many were made.

        What is over the bound is refused and counted, beside the `refused` that were turned away
        before. StoreUnavailable with nothing written and nothing counted.
        """

    def after(self, seq: int, limit: int) -> Sequence[Letter]:
        """Return up to `limit` letters above `seq`, in order."""

    def clear(self, seqs: Sequence[int]) -> None:
        """Forget letters whose verdict came."""

    def progress(self) -> Progress:
        """Return the counts of the present source."""

    def close(self) -> None:
        """Close the file."""


class BusBreaker(Protocol):
    """Closed, open or half open: `allows` says whether to try, the two others what came of it."""

    @property
    def state(self) -> str:
        """closed, open or half open."""

    def allows(self) -> bool:
        """Return whether a call may be made now; half open, only the first asks in vain no more."""

    def succeeded(self) -> None:
        """Close."""

    def failed(self) -> None:
        """Count a failure; open when there were enough in a row, or at once when half open."""


class BusBench(Protocol):
    """One function or class a task; 2.4 and 2.6 are seen by a broker, so through `build`."""

    def build(self, settings: Settings, parts: BusParts) -> Bus:
        """2.4, 2.6: return the bus; what it does is seen at the broker and at the door."""

    def build_topic(self, device_id: str, sensor_id: str, sensor_type: str) -> str:
        """2.1: return aiot-academy/{device}/{sensor}/{type}; BadTopic for a bad name."""

    def parse_topic(self, topic: str) -> Address:
        """2.1: return the names in a topic; BadTopic if it isn't one of ours."""

    def matches(self, topic_filter: str, topic: str) -> bool:
        """2.2: return whether a filter takes a topic; BadTopic for an illegal filter."""

    def encode_payload(self, payload: Payload) -> bytes:
        """2.3: return the JSON; BadPayload for what it can't carry (NaN, an unknown type)."""

    def decode_payload(self, data: bytes, sensor_type: str) -> Payload:
        """2.3: return what the bytes say; BadPayload, naming the key, for anything else."""

    def payload_budget(self, data: bytes, topic: str) -> int:
        """2.3: return the bytes that a QoS 1 PUBLISH of this topic and payload has on the wire."""

    def full_jitter(
        self,
        attempt: int,
        base_s: float,
        cap_s: float,
        uniform: Callable[[float, float], float] = ...,
    ) -> float:
        """2.4: return a pause drawn from [0, min(cap, base × 2^attempt)] seconds."""

    def open_outbox(self, path: str, limit: int, source_id: str) -> BusOutbox:
        """2.5: open (or make) an outbox in the file `path`."""

    def make_breaker(
        self, failures: int, pause_s: float, monotonic: Callable[[], float]
    ) -> BusBreaker:
        """2.7: return a breaker that opens after `failures` in a row, for `pause_s` seconds."""

    def fate_of(self, status: int) -> str:
        """2.7: return what the answer to one reading means: stored, dead, later or retry."""

    def split(
        self, items: Sequence[Mapping[str, object]]
    ) -> Sequence[Sequence[Mapping[str, object]]]:
        """2.7: return the halves of a batch that was too large, in order, none of them empty."""
