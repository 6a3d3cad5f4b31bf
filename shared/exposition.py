"""A small HTTP server on loopback for processes that are no API: metrics and health."""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final

from shared.contracts.ports import Monitor
from shared.contracts.todo import Todo
from shared.language import _

HOST: Final = "127.0.0.1"
JSON: Final = "application/json"
IDLE_S: Final = 5.0


def serve_monitor(monitor: Monitor, stop: threading.Event) -> int:
    """Serve /metrics, /health/live and /health/ready until `stop`; return the port.

    On loopback, on a free port, in threads of its own. GET and HEAD only; each connection is
    dropped after five idle seconds.
    """
    handler = type("Handler", (_Handler,), {"monitor": monitor})
    server = ThreadingHTTPServer((HOST, 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.1,), name="monitor", daemon=True).start()

    def end() -> None:
        stop.wait()
        server.shutdown()
        server.server_close()

    threading.Thread(target=end, name="monitor-stop", daemon=True).start()
    return int(server.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    monitor: ClassVar[Monitor]
    timeout = IDLE_S
    server_version = "academy"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse in JSON: http.server's own way is a page of HTML, and 501 for a known method."""
        del explain
        if code == HTTPStatus.NOT_IMPLEMENTED:
            code = HTTPStatus.METHOD_NOT_ALLOWED
            message = _("expected GET or HEAD")
        self._send(code, JSON, json.dumps({"status": message or str(code)}).encode())
        self.close_connection = True

    def _answer(self) -> None:
        try:
            self._page()
        except Todo as todo:
            told = _("task {task} isn't done yet").format(task=todo.task)
            self._send(501, JSON, json.dumps({"status": told}).encode())

    def _page(self) -> None:
        if self.path == "/metrics":
            kind = "text/plain; version=0.0.4; charset=utf-8"
            self._send(200, kind, self.monitor.exposition())
        elif self.path == "/health/live":
            self._send(200, JSON, b'{"status":"live"}')
        elif self.path == "/health/ready":
            health = self.monitor.health()
            body = {"ready": health.ready, "dependencies": dict(health.dependencies)}
            self._send(200 if health.ready else 503, JSON, json.dumps(body).encode())
        else:
            self._send(404, JSON, b'{"status":"no such page"}')

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's form
        del format, args  # a scrape every few seconds is no news
