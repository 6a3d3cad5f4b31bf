"""Notices when the API answers 501: a task of the room behind it isn't done."""

import re
from collections.abc import Callable
from typing import Final

from shared.contracts.ports import AsgiApp

from .web import Message, Receive, Scope, Send

NOT_IMPLEMENTED: Final = 501
_TASK: Final = re.compile(rb"\b([1-9]\.[1-9])\b")


def watched(app: AsgiApp, tell: Callable[[str], None]) -> AsgiApp:
    """Return `app`; `tell` hears the number of each task that a 501 of it names."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        undone = False

        async def look(message: Message) -> None:
            nonlocal undone
            if message["type"] == "http.response.start":
                undone = message["status"] == NOT_IMPLEMENTED
            elif undone and (found := _TASK.search(message.get("body", b""))):
                tell(found[1].decode())
                undone = False
            await send(message)

        await app(scope, receive, look)

    return wrapped
