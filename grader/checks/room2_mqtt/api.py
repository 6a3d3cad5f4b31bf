"""The API as a check needs it: a real HTTP server that answers what it is told, and remembers."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

BATCH: Final = "/api/v1/sensors/data/batch"
TOKEN: Final = "/api/v1/token"  # noqa: S105 - a route
_LARGEST: Final = 4 << 20
_HOLD_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A status and, with 200, the items' verdicts; else the reason. Status 0: no answer at all."""

    status: int
    items: Sequence[tuple[int, str]] = ()
    retry_after: int | None = None
    detail: str = ""


@dataclass(slots=True)
class Post:
    """One batch as it came. `answered_s` is the moment just before the answer was sent."""

    items: list[dict[str, Any]]
    token: str
    at_s: float
    status: int = 0
    answered_s: float | None = None


def stored(items: Sequence[Mapping[str, Any]]) -> Reply:
    """Return the answer of an API that takes everything."""
    return Reply(200, [(201, "") for _item in items])


@dataclass
class Api:
    """Answers by `answer`, once `open` is set. `token` is the one that it takes, if not None."""

    answer: Callable[[list[dict[str, Any]]], Reply] = stored
    posts: list[Post] = field(default_factory=list)
    tokens: int = 0
    token: str | None = None
    left: int = 8 * _LARGEST  # bytes: whoever floods isn't read any more
    open: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.open.set()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _page(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True, name="api"
        ).start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def items(self) -> list[dict[str, Any]]:
        """Return the items of all batches, in order of arrival."""
        return [item for post in list(self.posts) for item in post.items]

    def answered(self) -> list[Post]:
        """Return the batches that have their answer."""
        return [post for post in list(self.posts) if post.answered_s is not None]

    def take(self, data: bytes, token: str) -> tuple[Post, Reply]:
        """Note a batch and return it with the answer that it gets, once that may be given."""
        try:
            found = json.loads(data)
        except ValueError:
            found = []
        listed = found if isinstance(found, list) else []
        items = [one if isinstance(one, dict) else {} for one in listed]
        post = Post(items, token, time.monotonic())
        self.posts.append(post)
        self.open.wait(_HOLD_S)
        if self.token is not None and token != self.token:
            return post, Reply(401, detail="the token is no longer good")
        if not items:
            return post, Reply(400, detail="no list of readings")
        return post, self.answer(items)


def _page(api: Api) -> type[http.server.BaseHTTPRequestHandler]:
    class Page(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 30

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            api.left -= size
            if not 0 <= size <= _LARGEST or api.left < 0:
                self.close_connection = True
                return
            data = self.rfile.read(size)
            if self.path == TOKEN:
                api.tokens += 1
                self._say(200, {"access_token": api.token or "open"})
                return
            post, reply = api.take(data, self.headers.get("Authorization", "").partition(" ")[2])
            post.status = reply.status
            post.answered_s = time.monotonic()
            if reply.status == 0:
                self.close_connection = True
                return
            body: object = {"detail": reply.detail}
            if reply.status == 200:
                names = [item.get("message_id") for item in post.items]
                verdicts = zip(reply.items, names, strict=False)
                body = [{"status": s, "detail": d, "message_id": n} for (s, d), n in verdicts]
            self._say(reply.status, body, reply.retry_after)

        def _say(self, status: int, body: object, retry_after: int | None = None) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if retry_after is not None:
                self.send_header("Retry-After", str(retry_after))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
            pass

    return Page
