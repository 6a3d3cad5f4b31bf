"""A tap on the wire between a room and its broker: every MQTT packet, in the order it passed.

MQTT 3.1.1, chapter 2 and 3: a packet is a first byte (kind and flags), the length of the rest in
one to four bytes of seven bits, and the rest.
"""

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

CONNECT: Final = 1
PUBLISH: Final = 3
PUBACK: Final = 4
SUBSCRIBE: Final = 8
SUBACK: Final = 9
PINGREQ: Final = 12
_LARGEST: Final = 1 << 20
_MOST: Final = 32 << 20  # bytes of one check
_DUP: Final = 8


@dataclass(frozen=True, slots=True, repr=False)
class Packet:
    """One packet. `connection` counts from 1; `by_room` tells the direction; `at_s` monotonic."""

    connection: int
    by_room: bool
    first: int
    body: bytes
    at_s: float

    def __repr__(self) -> str:
        """Return it as a student reads it."""
        if self.kind != PUBLISH:
            return f"packet of kind {self.kind}"
        return f"{self.topic} {self.payload.decode(errors='replace')}"

    @property
    def kind(self) -> int:
        return self.first >> 4

    @property
    def qos(self) -> int:
        """Of a PUBLISH."""
        return self.first >> 1 & 3

    @property
    def retained(self) -> bool:
        return bool(self.first & 1)

    @property
    def topic(self) -> str:
        """Of a PUBLISH."""
        return self._field(0)[0].decode(errors="replace")

    @property
    def mid(self) -> int:
        """The packet identifier of a PUBLISH with QoS 1, a PUBACK or a SUBSCRIBE."""
        place = self._field(0)[1] if self.kind == PUBLISH else 0
        return int.from_bytes(self.body[place : place + 2], "big")

    @property
    def payload(self) -> bytes:
        """Of a PUBLISH."""
        return self.body[self._field(0)[1] + (2 if self.qos else 0) :]

    def filters(self) -> list[tuple[str, int]]:
        """Return the filters of a SUBSCRIBE, each with its QoS."""
        found, place = [], 2
        while place + 2 < len(self.body):
            text, place = self._field(place)
            found.append(
                (text.decode(errors="replace"), self.body[place] if place < len(self.body) else 0)
            )
            place += 1
        return found

    def connect(self) -> dict[str, Any]:
        """Return what a CONNECT says (section 3.1)."""
        flags = self.body[7]
        client_id, place = self._field(10)
        told: dict[str, Any] = {
            "protocol": self.body[2:7],
            "clean": bool(flags & 2),
            "keepalive": int.from_bytes(self.body[8:10], "big"),
            "client_id": client_id.decode(errors="replace"),
            "will": None,
        }
        if flags & 4:
            topic, place = self._field(place)
            text, _place = self._field(place)
            will = (topic.decode(errors="replace"), text, flags >> 3 & 3, bool(flags & 32))
            told["will"] = will
        return told

    def _field(self, place: int) -> tuple[bytes, int]:
        end = place + 2 + int.from_bytes(self.body[place : place + 2], "big")
        return self.body[place + 2 : end], end


class Wiretap:
    """Listens on `port` and carries each connection to the broker at `target`, until it's cut.

    With `refusing` who comes is let in and thrown out at once. With a `context` it speaks TLS to
    the room (the broker behind it doesn't); `certificates` are those that were shown.
    """

    def __init__(self, target: int, context: ssl.SSLContext | None = None) -> None:
        self.target = target
        self.refusing = False
        self.packets: list[Packet] = []
        self.certificates: list[Any] = []
        self.knocks: list[float] = []
        self._context = context
        self._door = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._door.getsockname()[1]
        self._ends: dict[int, tuple[socket.socket, threading.Lock]] = {}
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._left = _MOST
        _in_thread(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self.refusing = True
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()

    def cut(self) -> None:
        """Cut every connection, without a goodbye."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
            self._ends.clear()
        for one in sockets:
            _drop(one)

    @property
    def alive(self) -> int:
        """How many ends of connections are open."""
        return len(self._sockets)

    def seen(self, kind: int, *, by_room: bool = True, connection: int = 0) -> list[Packet]:
        """Return the packets of that kind and direction, of one connection or of all."""
        return [
            one
            for one in list(self.packets)
            if one.kind == kind and one.by_room is by_room and connection in {0, one.connection}
        ]

    def sessions(self, filters: int = 1) -> list[int]:
        """Return the connections in which the broker has granted at least so many filters."""
        told = {(one.connection, one.mid) for one in self.seen(SUBACK, by_room=False)}
        granted: Counter[int] = Counter()
        for one in self.seen(SUBSCRIBE):
            granted[one.connection] += len(one.filters()) * ((one.connection, one.mid) in told)
        return sorted(number for number, count in granted.items() if count >= filters)

    def readings(self, device: str) -> list[Packet]:
        """Return what the room published under that device's topics."""
        sent = self.seen(PUBLISH)
        return [one for one in sent if one.topic.startswith(f"aiot-academy/{device}/")]

    def repeat(self, packet: Packet) -> None:
        """Send a PUBLISH to the room once more, as a broker does that waits for its PUBACK."""
        with contextlib.suppress(KeyError, OSError):  # it hung up: the check sees that
            sink, writing = self._ends[packet.connection]
            with writing:
                sink.sendall(_framed(packet.first | _DUP, packet.body))

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                room, _address = self._door.accept()
                self.knocks.append(time.monotonic())
                if self.refusing:
                    _drop(room)
                else:
                    _in_thread(self._join, room, len(self.knocks))

    def _join(self, room: socket.socket, number: int) -> None:
        try:
            room.settimeout(10.0)
            if self._context is not None:
                secure = self._context.wrap_socket(room, server_side=True)
                self.certificates.append(secure.getpeercert())
                room = secure
            broker = socket.create_connection(("127.0.0.1", self.target), 10.0)
        except OSError:  # of TLS too
            _drop(room)
            return
        for end in (room, broker):
            end.settimeout(None)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets |= {room, broker}
            self._ends[number] = (room, threading.Lock())
        _in_thread(partial(self._carry, broker, room, number, by_room=False))
        self._carry(room, broker, number, by_room=True)

    def _carry(
        self, source: socket.socket, sink: socket.socket, number: int, *, by_room: bool
    ) -> None:
        lock = threading.Lock() if by_room else self._ends[number][1]
        with contextlib.suppress(OSError, EOFError, KeyError):
            while self._left >= 0:  # a flood isn't carried any further
                first, body = _packet(source)
                self._left -= len(body)
                self.packets.append(Packet(number, by_room, first, body, time.monotonic()))
                if by_room and first >> 4 == CONNECT:
                    body = _patient(body)
                with lock:
                    sink.sendall(_framed(first, body))
        _drop(source)
        _drop(sink)
        with self._lock:
            self._sockets -= {source, sink}


def _patient(connect: bytes) -> bytes:
    """Return a CONNECT with the longest keep alive: a short one is between room and tap.

    nats-server ends a connection of keep alive 1 after one second, not after one and a half.
    """
    return connect[:8] + b"\xff\xff" + connect[10:]


def _packet(source: socket.socket) -> tuple[int, bytes]:
    first, length, shift = _exactly(source, 1)[0], 0, 0
    while True:
        byte = _exactly(source, 1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            break
        if shift > 21:  # four bytes
            raise EOFError
    if length > _LARGEST:
        raise EOFError
    return first, _exactly(source, length)


def _framed(first: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while True:
        rest, low = divmod(rest, 128)
        length += bytes((low | (0x80 if rest else 0),))
        if not rest:
            return struct.pack("B", first) + length + body


def _exactly(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = source.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def _drop(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def forget(port: int, client_id: str) -> None:
    """End the session of `client_id` at a broker, and what waits in it."""
    connect = b"\0\4MQTT\4\2\0\x3c" + _text(client_id)  # 3.1.1, clean session
    with socket.create_connection(("127.0.0.1", port), 10.0) as line:
        line.sendall(_framed(CONNECT << 4, connect))
        _packet(line)
        line.sendall(_framed(14 << 4, b""))  # DISCONNECT
        with contextlib.suppress(OSError):
            line.recv(1)  # the broker has done it all when it hangs up


def _text(words: str) -> bytes:
    data = words.encode()
    return struct.pack("!H", len(data)) + data


def _in_thread(work: Any, *words: object) -> None:
    threading.Thread(target=work, args=words, daemon=True, name="tap").start()
