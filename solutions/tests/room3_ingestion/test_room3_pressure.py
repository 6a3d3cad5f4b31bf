"""Task 3.6: one sender can't take the door away from the others."""

import select
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import Any

import httpx
import pytest

from solutions.room3_ingestion import DeviceBudget
from solutions.room3_ingestion.limits import body_of
from solutions.tests.room3_ingestion.doubles import House

DATA = "/api/v1/sensors/data"
HEAD = (
    f"POST {DATA} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer gateway\r\n"
    "Content-Type: application/json\r\n"
)


def raw(house: House, head: str, body: bytes, most: int) -> tuple[bytes, int]:
    """Send `body` again and again, `most` bytes or until answered; return answer and bytes."""
    sent, answer = 0, b""
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as line:
        line.sendall((HEAD + head + "\r\n").encode())
        while sent < most and not select.select([line], [], [], 0)[0]:
            line.sendall(body)
            sent += len(body)
        while b"}" not in answer and (part := line.recv(65_536)):
            answer += part
    return answer, sent


def test_a_chunked_flood_is_cut_while_it_is_read(open_house: Callable[..., House]) -> None:
    house = open_house(max_body_bytes=100_000)
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    answer, sent = raw(house, "Transfer-Encoding: chunked\r\n", chunk, 100_000_000)
    assert answer.startswith(b"HTTP/1.1 413")
    assert sent < 100_000_000
    assert house.client.get("/health/live").status_code == 200


def test_a_chunked_body_just_over_the_limit_is_told_so(open_house: Callable[..., House]) -> None:
    house = open_house(max_body_bytes=100)
    chunk = b"65\r\n" + b" " * 101 + b"\r\n"
    answer, _sent = raw(house, "Transfer-Encoding: chunked\r\n", chunk, 1)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer
    assert b"at most 100 bytes" in answer


def test_a_declared_giant_is_refused_unread(house: House) -> None:
    answer, _sent = raw(house, "Content-Length: 10000000\r\n", b"", 0)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("token", ["gateway", "stolen"])
def test_ten_megabytes_are_refused_with_a_reason_that_arrives(house: House, token: str) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    for _again in range(3):
        answer = house.client.post(DATA, content=b" " * 10_000_000, headers=headers)
        assert answer.status_code == (413 if token == "gateway" else 401)
        assert answer.json()["detail"]
        assert answer.headers["connection"] == "close"
    assert house.client.get("/health/live").status_code == 200


def test_a_refusal_after_the_whole_body_keeps_the_connection(house: House) -> None:
    headers = {"Content-Type": "application/json"}
    answer = house.client.post(DATA, content=b"{}", headers=headers)
    assert answer.status_code == 422
    assert "connection" not in answer.headers


def test_nobody_is_drained_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solutions.room3_ingestion.given.lingering.LINGER_S", 0.1)
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as line:
        line.sendall(f"{HEAD}Content-Length: 99000000\r\n\r\n".encode())
        answer = b""
        while part := line.recv(65_536):  # ends when the door closes, though we never do
            answer += part
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_at_the_limit_passes(
    open_house: Callable[..., House], reading: dict[str, Any]
) -> None:
    house = open_house(max_body_bytes=1_000)
    body = httpx.Request("POST", "http://x", json=reading).content
    padded = body + b" " * (1_000 - len(body))
    json = {"Content-Type": "application/json"}
    assert house.client.post(DATA, content=padded, headers=json).status_code == 201
    assert house.client.post(DATA, content=padded + b" ", headers=json).status_code == 413


def test_a_slow_body_doesnt_hold_the_line(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_of, "__defaults__", (0.1,))
    answer, _sent = raw(house, "Content-Length: 100\r\n", b"{", 1)
    assert answer.startswith(b"HTTP/1.1 408")
    assert not house.log.events


def test_a_body_cut_off_stores_nothing(house: House) -> None:
    with socket.create_connection(("127.0.0.1", house.port)) as line:
        line.sendall(f"{HEAD}Content-Length: 500\r\n\r\n{{".encode())
    assert house.client.get("/health/live").status_code == 200
    assert not house.log.events


def test_a_flooder_holds_up_nobody_but_itself(
    open_house: Callable[..., House], reading: dict[str, Any]
) -> None:
    house = open_house(device_rate=0.5, device_burst=3)
    statuses = [
        house.client.post(DATA, json={**reading, "value": float(n)}).status_code for n in range(5)
    ]
    assert statuses == [201, 201, 201, 429, 429]
    refused = house.client.post(DATA, json=reading)
    assert refused.json()["title"] == "Too many readings of one device"
    assert 1 <= int(refused.headers["retry-after"]) <= 2
    other = {**reading, "device_id": "CALM"}
    assert house.client.post(DATA, json=other).status_code == 201
    batch = house.client.post(f"{DATA}/batch", json=[reading, {**other, "value": 1.0}])
    assert [one["status"] for one in batch.json()] == [429, 201]
    assert int(batch.headers["retry-after"]) >= 1


def test_a_bucket_fills_by_time_and_no_further_than_its_burst() -> None:
    budget = DeviceBudget(rate=10.0, burst=5.0)
    granted, wait_s = budget.grant("d", 7, 100.0)
    assert (granted, round(wait_s, 6)) == (5, 0.1)
    granted, wait_s = budget.grant("d", 1, 100.05)
    assert (granted, round(wait_s, 6)) == (0, 0.05)
    assert budget.grant("d", 1, 100.1) == (1, 0.0)
    assert budget.grant("d", 100, 1_000.0)[0] == 5
    assert budget.grant("d", 1, 999.0)[0] == 0  # a clock that goes back gives nothing
    assert DeviceBudget(rate=0, burst=0).grant("d", 10**6, 0.0) == (10**6, 0.0)


def test_what_couldnt_be_stored_isnt_charged(
    open_house: Callable[..., House], reading: dict[str, Any]
) -> None:
    house = open_house(device_rate=0.001, device_burst=2)
    house.log.away = True
    for _again in range(5):
        assert house.client.post(DATA, json=reading).status_code == 503
    house.log.away = False
    assert house.client.post(DATA, json=reading).status_code == 201


def test_alive_isnt_ready_and_readiness_comes_back_by_itself(
    house: House, reading: dict[str, Any]
) -> None:
    assert house.client.get("/health/ready").json()["dependencies"] == {"log": "ok", "broker": "ok"}
    house.log.away = True
    waiting = house.client.get("/health/ready")
    assert waiting.status_code == 503
    assert waiting.json()["dependencies"] == {"log": "away"}
    assert house.client.get("/health/live").json() == {"status": "live"}
    refused = house.client.post(DATA, json=reading)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    house.log.away = False
    house.monitor.ready = False
    assert house.client.get("/health/ready").json()["dependencies"]["broker"] == "refused"
    house.monitor.ready = True
    assert house.client.get("/health/ready").status_code == 200
    assert house.client.post(DATA, json=reading).status_code == 201


def test_metrics_are_the_monitors_and_a_path_is_no_label(house: House) -> None:
    answer = house.client.get("/metrics", headers={"Authorization": "junk"})
    assert (answer.text, answer.status_code) == ("academy_up 1\n", 200)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    house.client.get("/api/v1/sensors/D/S/temperature/points")
    house.client.get("/made/up/by/an/intruder")
    routes = {label for fact, label in house.tale.counted if fact == "api_request_s"}
    assert routes == {
        "/metrics", "/api/v1/sensors/{device}/{sensor}/{kind}/points", "none",
    }  # fmt: skip


def test_what_would_wait_too_long_is_sent_away_at_once(
    house: House, reading: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solutions.room3_ingestion.writing.WAITING_LIMIT", 3)
    house.log.gate.clear()
    with ThreadPoolExecutor(8) as senders:
        sent = [
            senders.submit(house.client.post, DATA, json={**reading, "value": float(n)})
            for n in range(8)
        ]
        # Five find the room full and are told so while the storage still stands.
        refused = {one.result() for one in islice(as_completed(sent, timeout=10), 5)}
        assert {one.status_code for one in refused} == {503}
        house.log.gate.set()
        assert sorted(one.result().status_code for one in sent) == [201] * 3 + [503] * 5
    assert house.client.post(DATA, json=reading).status_code == 201
