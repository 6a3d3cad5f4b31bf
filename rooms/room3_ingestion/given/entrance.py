"""The outermost layer: times every request, and lets nothing out that isn't an answer."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from shared.contracts.facts import Fact
from shared.contracts.ports import AsgiApp, Telemetry
from shared.contracts.todo import Todo

from .replies import response_to

if TYPE_CHECKING:
    from starlette.responses import Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Entrance:
    """An ASGI application around another."""

    def __init__(self, app: AsgiApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; what `app` raises becomes a 500, and a line in the log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start_s = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:  # noqa: BLE001 - the last one to catch it
            self._report(error, scope["path"])
            if not status:
                response: Response = response_to(error, scope["path"])
                await response(scope, receive, noted)
        self._measure(scope, status, time.perf_counter() - start_s)

    def _report(self, error: Exception, path: str) -> None:
        level = "warning" if isinstance(error, Todo) else "error"
        name = type(error).__name__
        self._telemetry.event(level, "request_failed", path=path, error=name, detail=str(error))

    def _measure(self, scope: Message, status: int, seconds: float) -> None:
        """Record the request under its route's template: a path has values that devices choose."""
        route = getattr(scope.get("route"), "path", None) or "none"
        method = scope["method"] if route != "none" else "other"
        self._telemetry.measure(
            Fact.API_REQUEST_S, seconds, route=route, method=method, status=str(status)
        )
