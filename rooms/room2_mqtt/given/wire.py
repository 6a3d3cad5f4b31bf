"""One paho client, driven by the thread that owns it: half the cost of paho's own two threads."""

import selectors
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

TICK_S: Final = 0.1
BURST: Final = 64
"""How many packets are read before something else gets its turn."""


def make_drivable(client: "mqtt.Client") -> None:
    """Prepare a client, before it connects, for being driven by a `Wire`."""
    # The outbox bounds what is on its way. A limit of paho's own would make it walk through all
    # of that at each acknowledgement.
    client.max_inflight_messages_set(0)
    # With this paho leaves all writing to us.
    client.on_socket_register_write = lambda *_details: None


class Wire:
    """The socket of a connected client, and a bell (`ear`) by which other threads ring.

    paho says how it is driven from outside: `loop_read` when there is something to read,
    `loop_write` when `want_write`, `loop_misc` now and then.
    """

    def __init__(
        self,
        client: "mqtt.Client",
        selector: selectors.BaseSelector,
        ear: socket.socket,
        may_read: Callable[[], bool],
    ) -> None:
        self.is_alive = True
        self._client = client
        self._selector = selector
        self._ear = ear
        self._may_read = may_read
        self._wanted = 0
        self._socket = client.socket()
        selector.register(ear, selectors.EVENT_READ)

    def exchange(self) -> None:
        """Write what waits, wait up to a tick for something to happen, read what has come."""
        self._write()
        if not self.is_alive:
            return
        self._listen()
        # What TLS has decrypted already, no socket tells.
        held = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
        for key, mask in self._selector.select(0.0 if held and self._may_read() else TICK_S):
            if key.fileobj is self._ear:
                with suppress(OSError):
                    self._ear.recv(4096)
            elif mask & selectors.EVENT_READ:
                held = True
        if held and self._may_read():
            self._read()
        self._judge(self._client.loop_misc())

    def flush(self, done: Callable[[], bool], limit_s: float) -> None:
        """Exchange until `done`, at least once and at most for `limit_s` seconds."""
        deadline = time.monotonic() + limit_s
        self._write()
        while self.is_alive and not done() and time.monotonic() < deadline:
            self.exchange()

    def _listen(self) -> None:
        """Tell the selector what we wait for, if that has changed."""
        wanted = selectors.EVENT_READ if self._may_read() else 0
        if self._client.want_write():
            wanted |= selectors.EVENT_WRITE
        if wanted == self._wanted or self._socket is None:
            return
        if self._wanted:
            self._selector.unregister(self._socket)
        if wanted:
            self._selector.register(self._socket, wanted)
        self._wanted = wanted

    def _write(self) -> None:
        if self._client.want_write():
            self._judge(self._client.loop_write())

    def _read(self) -> None:
        """Read packets until there are no more, or it is another's turn."""
        for _packet in range(BURST):
            code = self._client.loop_read()
            self._judge(code)
            if not self.is_alive or not self._may_read() or not self._has_more():
                return

    def _has_more(self) -> bool:
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        return any(key.fileobj is self._socket for key, _mask in self._selector.select(0.0))

    def _judge(self, code: int) -> None:
        if code or self._client.socket() is None:
            self.is_alive = False
