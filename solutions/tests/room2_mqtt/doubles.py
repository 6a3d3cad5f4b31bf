# ruff: noqa: D102 - a double does what the docstring of its port says, and may remember
"""Doubles of what stands around the bus, and the broker's other end of the wire."""

import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Self

from shared.contracts.facts import Fact
from shared.contracts.messages import Answer, Birth, DeadLetter, ItemAnswer, Reading, SensorCard
from shared.contracts.ports import DoorUnreachable, StoreUnavailable

MOMENT = datetime(2013, 5, 6, tzinfo=UTC)
Body = Mapping[str, object]


def wait_for(fact: Callable[[], bool], what: str, limit_s: float = 15.0) -> None:
    """Return when `fact` is true; fail with `what` was waited for."""
    deadline = time.monotonic() + limit_s
    pause = threading.Event()
    while not fact():
        assert time.monotonic() < deadline, f"waited {limit_s} s for: {what}"
        pause.wait(0.01)


def birth_of(device: str = "dev1") -> Birth:
    card = SensorCard("T1", "temperature", "celsius", "room-101", MOMENT.date(), 0.1)
    return Birth(device, (card,))


def readings(first: int, number: int, device: str = "dev1") -> list[Reading]:
    """Return readings a second apart; the value of each is its number."""
    return [
        Reading(device, "T1", "temperature", float(n), "celsius", MOMENT + timedelta(seconds=n))
        for n in range(first, first + number)
    ]


class WallClock:
    """The wall's time on both clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds()

    def tolerance(self, wall_s: float) -> float:
        return wall_s


@dataclass
class Tale:
    """Telemetry that remembers."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    spans: list[str] = field(default_factory=list)

    def event(self, level: str, name: str, **context: object) -> None:
        self.events.append(f"{level} {name} {context}")

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        label = next(iter(labels.values()), "")
        self.values.setdefault((fact.value, label), []).append(value)

    def of(self, fact: Fact, label: str = "") -> list[float]:
        return self.values.get((fact.value, label), [])

    def trace(self, traceparent: str | None = None) -> str:
        return traceparent or f"00-{'a' * 32}-{'b' * 16}-01"

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        assert end_s >= start_s
        self.spans.append(f"{name} {traceparent}")


@dataclass
class Ring:
    """A keyring with one context for everybody, or none."""

    context: ssl.SSLContext | None = None

    def client(self, name: str) -> ssl.SSLContext | None:
        assert name
        return self.context

    def server(self, name: str, *, require_client: bool) -> ssl.SSLContext | None:
        del name, require_client
        return None


@dataclass
class Api:
    """A door that stores each id once. `answers` and `status_of` let it say something else."""

    stored: Counter[str] = field(default_factory=Counter)
    order: list[float] = field(default_factory=list)
    batches: list[Sequence[Body]] = field(default_factory=list)
    answers: list[Answer | Exception] = field(default_factory=list)
    status_of: dict[float, int] = field(default_factory=dict)
    renewed: int = 0
    away: bool = False
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def send(self, items: Sequence[Body]) -> Answer:
        self.batches.append(items)
        assert self.gate.wait(20)
        if self.away:
            raise DoorUnreachable("connection refused")
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return Answer(200, tuple(self._one(item) for item in items), 0.2)

    def _one(self, item: Body) -> ItemAnswer:
        value, identity = (
            float(str(item["value"])),
            str(item.get("message_id") or item["timestamp"]),
        )
        status = self.status_of.get(value)
        if status is None:
            self.stored[identity] += 1
            self.order.append(value)
            status = 201 if self.stored[identity] == 1 else 200
        return ItemAnswer(status, identity, f"said {status}")

    def renew(self) -> None:
        self.renewed += 1


@dataclass
class Grave:
    """Dead letters, once each."""

    letters: dict[tuple[str | None, str], DeadLetter] = field(default_factory=dict)
    away: int = 0

    def put(self, letters: Sequence[DeadLetter]) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("the disk is full")
        for letter in letters:
            self.letters.setdefault((letter.device_id, letter.letter_id), letter)


class PuppetBroker:
    """A broker of one connection at a time that says what a test tells it, byte by byte."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.mids = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self.listener.close()
        self.line.close()

    def accept(self) -> bytes:
        """Take a connection, answer CONNECT and SUBSCRIBE; return the CONNECT packet's body."""
        self.listener.settimeout(10)
        self.line, _address = self.listener.accept()
        self.line.settimeout(10)
        _kind, connect = self.packet()
        self.line.sendall(bytes((0x20, 2, 0, 0)))
        kind, subscribe = self.packet()
        assert kind == 0x82
        self.line.sendall(bytes((0x90, 3)) + subscribe[:2] + bytes((1,)))
        return connect

    def packet(self) -> tuple[int, bytes]:
        """Return the first byte and the body of the next packet."""
        kind, length, shift = self._exactly(1)[0], 0, 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return kind, self._exactly(length)

    def publish(
        self, topic: bytes, data: bytes, *, mid: int | None = None, qos: int = 1, dup: bool = False
    ) -> int:
        """Send a PUBLISH; return its packet identifier."""
        mid = next(self.mids) if mid is None else mid
        head = struct.pack("!H", len(topic)) + topic + (struct.pack("!H", mid) if qos else b"")
        body = head + data
        length, rest = b"", len(body)
        while True:
            rest, low = divmod(rest, 128)
            length += bytes((low | (0x80 if rest else 0),))
            if not rest:
                break
        self.line.sendall(bytes((0x30 | qos << 1 | dup << 3,)) + length + body)
        return mid

    def acknowledged(self) -> int:
        """Return the packet identifier of the next PUBACK, other packets passed over."""
        while True:
            kind, body = self.packet()
            if kind == 0x40:
                return int(struct.unpack("!H", body[:2])[0])

    def is_silent(self, for_s: float) -> bool:
        """Return whether nothing comes for a while."""
        self.line.settimeout(for_s)
        try:
            return self.line.recv(1, socket.MSG_PEEK) == b"never"
        except TimeoutError:
            return True
        finally:
            self.line.settimeout(10)

    def _exactly(self, number: int) -> bytes:
        found = b""
        while len(found) < number:
            more = self.line.recv(number - len(found))
            if not more:
                raise EOFError
            found += more
        return found
