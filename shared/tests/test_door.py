"""The API's door as the gateway sees it: one connection, a token, and no answer unread."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from shared.contracts.messages import ItemAnswer
from shared.contracts.ports import DoorUnreachable
from shared.pipeline.door import HttpDoor

Told = tuple[int, dict[str, str], bytes]
VERDICTS = [
    {"status": 201, "message_id": "m-1", "detail": None},
    {"status": 422, "message_id": None, "detail": "value: NaN"},
]


class Api:
    """A server whose answers a test writes, and which remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Told] = []
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.connections: set[tuple[str, int]] = set()
        self.silent = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server.server_port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                api.asked.append((self.path, headers, body))
                api.connections.add(self.client_address)
                if not api.answers:
                    api.silent.wait(10)
                    self.close_connection = True
                    return
                status, more, answer = api.answers.pop(0)
                self.send_response(status)
                for name, value in {**more, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                pass

        return Handler


@pytest.fixture
def api() -> Iterator[Api]:
    found = Api()
    found.thread.start()
    yield found
    found.silent.set()
    found.server.shutdown()
    found.thread.join(10)
    found.server.server_close()


@pytest.fixture
def door_to(api: Api, tmp_path: Path) -> Iterator[Callable[..., HttpDoor]]:
    opened: list[HttpDoor] = []

    def door(*, secret: str | None = None, timeout_s: float = 5.0, url: str = "") -> HttpDoor:
        file = tmp_path / "secret"
        if secret is not None:
            file.write_text(secret + "\n")
        opened.append(
            HttpDoor(
                url or api.url,
                context=None,
                client_id="gateway",
                secret_file=str(file) if secret is not None else None,
                timeout_s=timeout_s,
            )
        )
        return opened[-1]

    yield door
    for one in opened:
        one.close()


def told(status: int, document: object, **headers: str) -> Told:
    return status, headers, json.dumps(document).encode()


def test_a_batch_is_posted_and_each_verdict_read(
    api: Api, door_to: Callable[..., HttpDoor]
) -> None:
    api.answers = [told(200, VERDICTS)] * 3
    door = door_to()
    items: list[dict[str, Any]] = [{"value": 22.3, "metadata": {"location": "café"}}, {}]
    for _again in range(3):
        answer = door.send(items)
    assert answer.status == 200
    assert answer.items == (ItemAnswer(201, "m-1"), ItemAnswer(422, None, "value: NaN"))
    path, headers, body = api.asked[0]
    assert path == "/api/v1/sensors/data/batch"
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers
    assert json.loads(body) == items
    assert len(api.connections) == 1


def test_a_token_is_fetched_once_and_shown(api: Api, door_to: Callable[..., HttpDoor]) -> None:
    api.answers = [told(200, {"access_token": "t1"}), told(200, []), told(200, [])]
    door = door_to(secret="open & sesame")
    door.send([])
    door.send([])
    path, headers, body = api.asked[0]
    assert path == "/api/v1/token"
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["gateway"],
        "client_secret": ["open & sesame"],
    }
    assert [one[1].get("authorization") for one in api.asked[1:]] == ["Bearer t1", "Bearer t1"]


def test_a_new_token_is_asked_with_the_secret_of_today(
    api: Api, door_to: Callable[..., HttpDoor], tmp_path: Path
) -> None:
    api.answers = [told(200, {"access_token": "t1"}), told(401, {"detail": "expired"})]
    door = door_to(secret="old")
    assert door.send([]).status == 401
    (tmp_path / "secret").write_text("new")
    api.answers = [told(200, {"access_token": "t2"}), told(200, [])]
    door.renew()
    assert door.send([]).status == 200
    assert b"client_secret=new" in api.asked[2][2]
    assert api.asked[3][1]["authorization"] == "Bearer t2"


@pytest.mark.parametrize("status", [400, 401, 403, 409, 413, 422, 429, 500, 503])
def test_a_refusal_is_an_answer_with_its_reason_and_its_wait(
    api: Api, door_to: Callable[..., HttpDoor], status: int
) -> None:
    api.answers = [told(status, {"title": "No", "detail": "because"}, **{"Retry-After": "3"})]
    answer = door_to().send([{}])
    assert (answer.status, answer.items) == (status, ())
    assert (answer.detail, answer.retry_after_s) == ("because", 3.0)


def test_a_refusal_without_a_problem_still_has_a_reason(
    api: Api, door_to: Callable[..., HttpDoor]
) -> None:
    api.answers = [(502, {"Content-Type": "text/html", "Retry-After": "soon"}, b"<html>oh</html>")]
    answer = door_to().send([{}])
    assert (answer.status, answer.detail, answer.retry_after_s) == (502, "Bad Gateway", None)


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b"[5]", b'[{"status": "x"}]', b"null", b"\xff", b"[]"]
)
def test_a_200_that_isnt_the_apis_is_no_answer(
    api: Api, door_to: Callable[..., HttpDoor], body: bytes
) -> None:
    api.answers = [(200, {}, body)]
    with pytest.raises(DoorUnreachable, match="verdict"):
        door_to().send([{}])


def test_silence_refusal_and_a_cut_line_are_no_answer(
    api: Api, door_to: Callable[..., HttpDoor]
) -> None:
    with pytest.raises(DoorUnreachable, match="no answer"):
        door_to(timeout_s=0.1).send([{}])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(DoorUnreachable, match="no answer"):
            door_to(url=closed).send([{}])
    api.silent.set()
    with pytest.raises(DoorUnreachable, match="no answer"):
        door_to().send([{}])


def test_what_no_token_can_be_had_for_is_said_without_the_secret(
    api: Api, door_to: Callable[..., HttpDoor], tmp_path: Path
) -> None:
    api.answers = [told(401, {"detail": "Client and secret don't match."})]
    with pytest.raises(DoorUnreachable, match=r"401 Client and secret") as caught:
        door_to(secret="hush-hush").send([{}])
    assert "hush" not in str(caught.value)
    door = door_to(secret="hush-hush")
    (tmp_path / "secret").unlink()
    with pytest.raises(DoorUnreachable, match="can't read its secret"):
        door.renew()


def test_a_lone_surrogate_is_the_apis_to_refuse(api: Api, door_to: Callable[..., HttpDoor]) -> None:
    api.answers = [told(200, [{"status": 422, "message_id": None, "detail": "no"}])]
    assert door_to().send([{"device_id": "\ud800"}]).items[0].status == 422
    assert json.loads(api.asked[0][2]) == [{"device_id": "\ud800"}]
