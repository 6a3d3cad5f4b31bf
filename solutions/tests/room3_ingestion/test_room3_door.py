"""Tasks 3.3 and 3.4: one reading over HTTP, and a reason for every refusal."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from shared.contracts.identifiers import from_milliseconds
from shared.contracts.todo import Todo
from solutions.tests.room3_ingestion.doubles import House

DATA = "/api/v1/sensors/data"
JSON = {"Content-Type": "application/json"}


def problem_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "errors"} <= set(found)
    assert found["status"] == status
    assert "Traceback" not in answer.text
    return found


def test_stored_once_and_answered_alike_ever_after(house: House, reading: dict[str, Any]) -> None:
    first, second = (house.client.post(DATA, json=reading) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json()["status"] == "success"
    assert list(first.json()) == ["status", "message_id", "timestamp"]
    [logged] = house.log.events
    assert first.json()["message_id"] == logged.event.message_id
    milliseconds = int(logged.stored_at.timestamp() * 1000)
    stored = from_milliseconds(milliseconds).isoformat(timespec="milliseconds")
    assert first.json()["timestamp"] == stored.replace("+00:00", "Z")
    assert house.tale.counted["readings_stored", "created"] == 1
    assert house.tale.counted["readings_stored", "duplicate"] == 1


def test_the_original_is_kept_as_it_was_sent(house: House) -> None:
    text = (
        '{"value":  72.50, "device_id":"D","sensor_type":"temperature",'
        '"timestamp":"2013-05-06T10:00:00Z","metadata":{"unit":"°F"}}'
    )
    answer = house.client.post(DATA, content=f" {text}\n".encode(), headers=JSON)
    assert answer.status_code == 201
    [logged] = house.log.events
    assert logged.event.original == text
    assert logged.event.unit == "celsius"


def test_the_same_id_with_other_content_is_a_conflict(
    house: House, reading: dict[str, Any]
) -> None:
    reading["message_id"] = "m-1"
    house.client.post(DATA, json=reading)
    found = problem_of(house.client.post(DATA, json={**reading, "value": 23.0}), 409)
    assert found["errors"][0]["field"] == "message_id"
    assert len(house.log.events) == 1


def test_another_device_may_use_the_same_id(house: House, reading: dict[str, Any]) -> None:
    for device in ("A", "B"):
        sent = {**reading, "device_id": device, "message_id": "m-1"}
        assert house.client.post(DATA, json=sent).status_code == 201


def test_senders_of_one_moment_share_a_transaction(house: House, reading: dict[str, Any]) -> None:
    house.log.gate.clear()
    with ThreadPoolExecutor(20) as senders:
        sent = [
            senders.submit(house.client.post, DATA, json={**reading, "value": float(n)})
            for n in range(20)
        ]
        assert house.log.waited.wait(10)
        # While the first waits for its disk, the door still answers: nothing blocks the loop.
        assert house.client.get("/health/live").status_code == 200
        threading.Timer(0.2, house.log.gate.set).start()
        assert {one.result().status_code for one in sent} == {201}
    assert sum(house.log.commits) == 20
    assert len(house.log.commits) < 10


def test_one_poisoned_reading_spoils_no_other(house: House, reading: dict[str, Any]) -> None:
    house.log.gate.clear()
    house.log.poison = "BAD"
    devices = ["A", "BAD", "B", "C"]
    with ThreadPoolExecutor(4) as senders:
        sent = {
            device: senders.submit(house.client.post, DATA, json={**reading, "device_id": device})
            for device in devices
        }
        threading.Timer(0.2, house.log.gate.set).start()
        statuses = {device: one.result().status_code for device, one in sent.items()}
    assert statuses == {"A": 201, "BAD": 500, "B": 201, "C": 201}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "a JSON document"),
        (b'{"value": 1,}', "line 1, column 13"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"a": "\xc3"}', "byte 7"),
        (b"{} {}", "nothing after"),
        (b"[" * 100_000, "too deeply"),
        (b"\xef\xbb\xbf{}", "line 1, column 1"),
        (b"\x00" * 100, "line 1"),
    ],
)
def test_malformed_json_is_shown_its_place(house: House, body: bytes, expected: str) -> None:
    found = problem_of(house.client.post(DATA, content=body, headers=JSON), 400)
    assert expected in json.dumps(found)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "9" * 401, "9" * 5_000])
def test_what_is_no_number_is_named_and_the_answer_stays_json(
    house: House, reading: dict[str, Any], number: str
) -> None:
    text = json.dumps(reading).replace("22.3", number)
    found = problem_of(house.client.post(DATA, content=text.encode(), headers=JSON), 422)
    assert [fault["field"] for fault in found["errors"]] == ["value"]
    assert len(found["errors"][0]["got"]) < 120


def test_a_key_said_twice_is_refused(house: House, reading: dict[str, Any]) -> None:
    text = json.dumps(reading).replace('"value"', '"value": 5, "value"')
    found = problem_of(house.client.post(DATA, content=text.encode(), headers=JSON), 422)
    assert found["errors"][0]["got"] == 'the key "value" twice'
    inner = json.dumps(reading).replace('"location"', '"location": "x", "location"')
    found = problem_of(house.client.post(DATA, content=inner.encode(), headers=JSON), 422)
    assert found["errors"][0]["field"] == "metadata"


def test_a_megabyte_of_keys_is_refused_in_no_time(house: House) -> None:
    keys = ",".join(f'"k{n}":1' for n in range(80_000))
    for body in (f"{{{keys}}}", f'{{{keys},"k79999":1}}', f'{{"metadata":{{{keys}}}}}'):
        found = problem_of(house.client.post(DATA, content=body.encode(), headers=JSON), 422)
        assert "at most 64 keys" in json.dumps(found)


def test_a_lone_surrogate_comes_back_printable(house: House, reading: dict[str, Any]) -> None:
    text = json.dumps(reading).replace("room-101", "\\ud83d")
    found = problem_of(house.client.post(DATA, content=text.encode(), headers=JSON), 422)
    assert found["errors"][0]["got"] == '"\\ud83d"'


def test_the_event_clock_judges_the_future(house: House, reading: dict[str, Any]) -> None:
    # 60 s of wall time at this clock's speed are an hour of event time.
    near = {**reading, "timestamp": "2013-05-06T13:00:00Z"}
    far = {**reading, "timestamp": "2013-05-06T13:00:00.001Z"}
    assert house.client.post(DATA, json=near).status_code == 201
    problem_of(house.client.post(DATA, json=far), 422)


def test_no_such_route_method_or_type(house: House, reading: dict[str, Any]) -> None:
    problem_of(house.client.get("/api/v1/sensors/nothing"), 404)
    problem_of(house.client.post(DATA + "/", json=reading), 404)
    wrong = house.client.put(DATA, json=reading)
    problem_of(wrong, 405)
    assert wrong.headers["allow"] == "POST"
    text = {"Content-Type": "text/plain"}
    found = problem_of(house.client.post(DATA, content=b"{}", headers=text), 415)
    assert found["errors"][0]["expected"] == "application/json"
    problem_of(house.client.get("/%00%ff<script>"), 404)


def test_who_isnt_known_is_told_how_to_identify(house: House, reading: dict[str, Any]) -> None:
    for shown in ({}, {"Authorization": "Bearer stolen"}):
        answer = httpx.post(house.client.base_url.join(DATA), json=reading, headers=shown)
        problem_of(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert ("invalid_token" in answer.headers["www-authenticate"]) == bool(shown)
    assert house.tale.counted["access_refused", "anonymous"] == 1
    assert not house.log.events


def test_who_may_not_write_is_refused(house: House, reading: dict[str, Any]) -> None:
    problem_of(house.client.post(DATA, json={**reading, "device_id": "foreign"}), 403)
    operator = {"Authorization": "Bearer operator"}
    problem_of(house.client.post(DATA, json=reading, headers=operator), 403)


def test_nothing_of_the_inside_is_told(house: House, reading: dict[str, Any]) -> None:
    house.log.poison = "DEVICE-001"
    found = problem_of(house.client.post(DATA, json=reading), 500)
    assert "secret detail" not in json.dumps(found)
    assert any("secret detail" in line for line in house.tale.events)


def test_a_trace_is_carried_on_or_begun(house: House, reading: dict[str, Any]) -> None:
    good = f"00-{'1' * 32}-{'2' * 16}-01"
    for number, sent in enumerate((good, "00-junk", "", f"00-{'0' * 32}-{'2' * 16}-01", None)):
        metadata = {"traceparent": sent}
        sent_now = {**reading, "metadata": metadata, "message_id": f"m-{number}"}
        assert house.client.post(DATA, json=sent_now).status_code == 201
    traces = [logged.event.traceparent for logged in house.log.events]
    assert traces[0] == good
    assert set(traces[1:]) == {f"00-{'a' * 32}-{'b' * 16}-00"}
    assert house.tale.spans == [f"api {good}"]


def test_a_task_that_isnt_done_is_a_501_that_names_its_place(
    house: House, reading: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def undone(_document: object) -> None:
        raise Todo("3.1")

    monkeypatch.setattr("solutions.room3_ingestion.acceptance.examine", undone)
    answer = house.client.post(DATA, json=reading)
    assert answer.status_code == 501
    assert "task 3.1 isn't done yet (test_room3_door.py:" in answer.json()["detail"]


def test_without_problem_details_the_status_is_still_right(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undone(*_what: object) -> None:
        raise Todo("3.4")

    monkeypatch.setattr("solutions.room3_ingestion.given.replies.problem", undone)
    answer = house.client.post(DATA, json={})
    assert answer.status_code == 422
    assert "task 3.4" in answer.json()["missing"]
