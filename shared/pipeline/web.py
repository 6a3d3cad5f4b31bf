"""Serves the API's application over TLS, and tells it which certificate the client showed."""

import asyncio
import ssl
import threading
from asyncio import BaseTransport
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.contracts.ports import AsgiApp

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class CertifiedProtocol(HttpToolsProtocol):
    """Puts the client's verified certificate (DER) into the scope of each request.

    As ASGI's TLS extension has it, but binary: `scope["extensions"]["tls"]["client_cert_der"]`.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        """Look at the certificate once a connection: it can't change on the way."""
        super().connection_made(transport)  # type: ignore[arg-type]
        shown = transport.get_extra_info("ssl_object")
        certificate = shown.getpeercert(binary_form=True) if shown is not None else None
        if certificate is not None:
            self.app = _certified(self.app, certificate)


def _certified(app: Any, certificate: bytes) -> AsgiApp:  # noqa: ANN401 - uvicorn's own app type
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), "tls": {"client_cert_der": certificate}}
        await app({**scope, "extensions": extensions}, receive, send)

    return wrapped


def serve(
    app: AsgiApp,
    host: str,
    port: int,
    context: ssl.SSLContext | None,
    stop: threading.Event,
    started: Callable[[], None],
) -> None:
    """Serve `app` until `stop` is set; calls `started` once the port accepts connections."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=CertifiedProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=2,
        lifespan="on",
    )
    config.load()
    config.ssl = context
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(uvicorn.Server(config), stop, started))


async def _serve(
    server: uvicorn.Server, stop: threading.Event, started: Callable[[], None]
) -> None:
    def watch() -> None:
        # uvicorn tells nobody when it accepts connections, and is told to stop by a flag.
        while not server.started and not server.should_exit and not stop.wait(0.005):
            pass
        started()
        stop.wait()
        server.should_exit = True

    watcher = threading.Thread(target=watch, name="api-stop", daemon=True)
    watcher.start()
    await server.serve()
    stop.set()
    watcher.join()
