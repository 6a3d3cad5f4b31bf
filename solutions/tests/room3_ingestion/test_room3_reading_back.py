"""Task 3.7: what was stored is read back, page by page."""

from typing import Any

import pytest

from solutions.tests.room3_ingestion.doubles import House

OPERATOR = {"Authorization": "Bearer operator"}
SENSOR = "/api/v1/sensors/D1/T1/temperature"
DAY = {"start": "2013-05-06T00:00:00Z", "end": "2013-05-07T00:00:00+00:00"}


@pytest.fixture
def full(house: House) -> House:
    """Fill the house with three sensors of ten readings each."""
    items = [
        {
            "device_id": device,
            "sensor_type": "temperature",
            "value": n + 0.5,
            "timestamp": f"2013-05-06T0{n}:00:00Z",
            "metadata": {"sensor_id": sensor, "calibration_date": "2013-01-01"},
        }
        for device, sensor in (("D1", "T1"), ("D1", "T2"), ("D2", "T1"))
        for n in range(10)
    ]
    assert house.client.post("/api/v1/sensors/data/batch", json=items).status_code == 200
    house.client.headers.update(OPERATOR)
    return house


def test_the_last_value_of_each_sensor_page_by_page(full: House) -> None:
    seen: list[tuple[str, str, float]] = []
    cursor: str | None = None
    while True:
        asked: dict[str, Any] = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = full.client.get("/api/v1/sensors/last", params=asked).json()
        seen += [(one["device_id"], one["sensor_id"], one["value"]) for one in page["readings"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == [("D1", "T1", 9.5), ("D1", "T2", 9.5), ("D2", "T1", 9.5)]
    only = full.client.get("/api/v1/sensors/last", params={"device": "D2"}).json()
    [one] = only["readings"]
    assert one["unit"] == "celsius"
    assert one["timestamp"] == "2013-05-06T09:00:00.000Z"
    assert one["calibration_date"] == "2013-01-01"


def test_a_range_in_pages_is_the_range(full: House) -> None:
    whole = full.client.get(f"{SENSOR}/points", params=DAY).json()
    assert (len(whole["points"]), whole["cursor"], whole["unit"]) == (20, None, "celsius")
    pieces: list[dict[str, Any]] = []
    asked: dict[str, Any] = {**DAY, "limit": 7}
    while asked.get("cursor", "") is not None:
        page = full.client.get(f"{SENSOR}/points", params=asked).json()
        pieces += page["points"]
        asked["cursor"] = page["cursor"]
    assert pieces == whole["points"]


def test_what_is_asked_reaches_the_storage(full: House) -> None:
    asked: dict[str, Any] = {**DAY, "bucket": 3600, "fill": "linear", "limit": 10}
    assert full.client.get(f"{SENSOR}/points", params=asked).status_code == 200
    query = full.series.asked[-1]
    assert (query.bucket_s, query.fill, query.limit) == (3600, "linear", 10)
    assert (query.end - query.start).total_seconds() == 86_400


def test_windows_are_told_with_their_width(full: House) -> None:
    found = full.client.get(f"{SENSOR}/windows", params={**DAY, "width": 3600}).json()
    [window] = found["windows"]
    assert (window["start"], window["width_s"]) == ("2013-05-06T00:00:00.000Z", 3600)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start": "2013-05-06T00:00:00"}, "start"), ({"end": DAY["start"]}, "end"),
        ({"limit": 0}, "limit"), ({"limit": "many"}, "limit"), ({"bucket": 0}, "bucket"),
        ({"fill": "spline"}, "fill"), ({"fill": "null"}, "fill"), ({"cursor": "junk"}, "cursor"),
        ({"ofset": 5}, "ofset"), ({"start": "1970-01-01T00:00:00Z", "bucket": 1}, "bucket"),
        ({"start": "1969-12-31T23:59:59.999Z"}, "start"),
    ],
)  # fmt: skip
def test_a_faulty_question_is_answered_by_its_fault(
    full: House, change: dict[str, Any], field: str
) -> None:
    answer = full.client.get(f"{SENSOR}/points", params={**DAY, **change})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]


def test_who_may_not_read_is_refused(full: House) -> None:
    gateway = {"Authorization": "Bearer gateway"}
    assert full.client.get("/api/v1/sensors/last", headers=gateway).status_code == 403
    del full.client.headers["Authorization"]
    for path in ("/api/v1/sensors/last", f"{SENSOR}/points", f"{SENSOR}/windows"):
        asked = DAY if path.endswith("s") else None
        assert full.client.get(path, params=asked).status_code == 401
