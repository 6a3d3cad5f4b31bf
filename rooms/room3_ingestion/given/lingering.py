"""A refusal that its sender can read, though nobody reads what it still sends.

A server that answers in the middle of a body and closes makes the sender's system throw the answer
away with the connection: it sees a reset instead of a reason (RFC 9112, section 9.6).
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from shared.contracts.ports import AsgiApp

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
LINGER_BYTES: Final = 32_000_000
LINGER_S: Final = 3.0
"""How much is thrown away, and for how long, before the connection is closed all the same."""
FIRST_ERROR: Final = 400


class Lingering:
    """An ASGI application around another."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; after an early refusal, throw the rest of its body away."""
        if scope["type"] == "http" and _has_body(scope):
            exchange = _Exchange(receive, send)
            await self._app(scope, exchange.receive, exchange.send)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    """One request with a body, and its answer."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._unread = True
        self._early = False

    async def receive(self) -> Message:
        """Return the next part of the body, and notice its end."""
        message = await self._receive()
        self._unread = message["type"] == "http.request" and bool(message.get("more_body"))
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer; the last part of an early refusal waits for the drain."""
        if message["type"] == "http.response.start":
            self._early = self._unread and message["status"] >= FIRST_ERROR
            if self._early:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
        elif self._early and not message.get("more_body"):
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _drain(self) -> None:
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_S):
                while self._unread and left > 0:
                    left -= len((await self.receive()).get("body", b""))
        except TimeoutError:
            return


def _has_body(scope: Message) -> bool:
    """Return whether a body follows; one that waits for our 100 isn't sent after a refusal."""
    headers = dict(scope["headers"])
    declared = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
    return declared and b"expect" not in headers
