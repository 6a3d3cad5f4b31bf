"""Task 3.5: a verdict for each of a batch."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from solutions.tests.room3_ingestion.doubles import House

BATCH = "/api/v1/sensors/data/batch"


def series(reading: dict[str, Any], count: int) -> list[dict[str, Any]]:
    return [{**reading, "value": n / 100} for n in range(count)]


def test_a_thousand_are_stored_in_one_transaction(house: House, reading: dict[str, Any]) -> None:
    answer = house.client.post(BATCH, json=series(reading, 1_000))
    assert answer.status_code == 200
    verdicts = answer.json()
    assert [one["status"] for one in verdicts] == [201] * 1_000
    assert [one["message_id"] for one in verdicts] == [
        logged.event.message_id for logged in house.log.events
    ]
    assert house.log.commits == [1_000]


def test_each_gets_the_status_that_it_alone_would_have_got(
    house: House, reading: dict[str, Any]
) -> None:
    house.client.post("/api/v1/sensors/data", json=reading)
    named = {**reading, "message_id": "m-1", "value": 1.0}
    items = [
        reading, {**reading, "value": "x"}, named, {**named, "value": 2.0}, named, 5,
        {**reading, "device_id": "foreign"}, {**reading, "timestamp": "2106-02-07T06:28:15Z"},
        {"device_id": "OLD", "type": "humidity", "value": 40, "ts": 1367836245}, {},
    ]  # fmt: skip
    verdicts = house.client.post(BATCH, json=items).json()
    statuses = [200, 422, 201, 409, 200, 422, 403, 422, 201, 422]
    assert [one["status"] for one in verdicts] == statuses
    assert 'expected a finite number, got "x"' in verdicts[1]["detail"]
    assert verdicts[2]["message_id"] == "m-1"
    assert [logged.event.device_id for logged in house.log.events] == [
        "DEVICE-001", "DEVICE-001", "OLD",
    ]  # fmt: skip
    assert house.log.events[2].event.schema_version == 1
    assert house.tale.counted["old_schema", ""] == 1
    assert house.tale.counted["readings_stored", "refused"] == 5


def test_over_the_limit_nothing_is_stored(
    open_house: Callable[..., House], reading: dict[str, Any]
) -> None:
    house = open_house(batch_limit=10)
    answer = house.client.post(BATCH, json=series(reading, 11))
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["expected"] == "at most 10 items"
    assert not house.log.events
    assert house.client.post(BATCH, json=series(reading, 10)).status_code == 200


@pytest.mark.parametrize("body", ["{}", "[", "[1,]", "[1 2]", "[] []", "[1]]", "null", '[{"a":}]'])
def test_what_is_no_array_is_refused_as_a_whole(house: House, body: str) -> None:
    answer = house.client.post(
        BATCH, content=body.encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "body"


def test_nothing_in_nothing_out(house: House) -> None:
    assert house.client.post(BATCH, json=[]).json() == []
    assert not house.log.commits


def test_originals_stay_what_was_sent_each_its_own(house: House, reading: dict[str, Any]) -> None:
    texts = [json.dumps(one, indent=n) for n, one in enumerate(series(reading, 3))]
    body = " [ " + " ,\n ".join(texts) + "\t] "
    headers = {"Content-Type": "application/json"}
    assert house.client.post(BATCH, content=body.encode(), headers=headers).status_code == 200
    assert [logged.event.original for logged in house.log.events] == texts


def test_a_batch_waits_for_the_storage_as_a_whole(house: House, reading: dict[str, Any]) -> None:
    house.log.away = True
    answer = house.client.post(BATCH, json=series(reading, 3))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    house.log.away = False
    assert house.client.post(BATCH, json=series(reading, 3)).status_code == 200
