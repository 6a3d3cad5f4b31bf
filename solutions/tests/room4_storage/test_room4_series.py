"""Reading back: pages, buckets, gaps, last values, retention; and a cache without a stampede."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.contracts.ports import SeriesQuery, Storage, StorageParts
from shared.contracts.settings import Settings
from shared.database.engine import open_engine
from solutions.room4_storage import build, cached
from solutions.tests.room4_storage.conftest import START, Counted, NoClock, event

QUERY = SeriesQuery(
    device_id="d1",
    sensor_id="s1",
    sensor_type="temperature",
    start=START,
    end=START + timedelta(hours=10),
)


@pytest.fixture
def filled(store: Storage) -> Storage:
    minutes = [m for m in range(0, 600, 20) if not 120 <= m < 300]
    store.log.append([event(m, m / 100) for m in minutes])
    while store.stream.step(100):
        pass
    return store


def test_pages_follow_each_other_without_a_gap_or_a_repetition(filled: Storage) -> None:
    found, cursor = [], None
    while True:
        page = filled.series.points(replace(QUERY, limit=4, cursor=cursor))
        found += [point.timestamp for point in page.points]
        cursor = page.cursor
        if cursor is None:
            break
    assert found == [p.timestamp for p in filled.series.points(QUERY).points]
    assert len(found) == 21


def test_what_arrives_between_two_pages_shifts_nothing(filled: Storage) -> None:
    first = filled.series.points(replace(QUERY, limit=5))
    filled.log.append([event(1, 0.01)])
    filled.stream.step(10)
    second = filled.series.points(replace(QUERY, limit=5, cursor=first.cursor))
    assert second.points[0].timestamp > first.points[-1].timestamp
    assert not {p.timestamp for p in first.points} & {p.timestamp for p in second.points}


@pytest.mark.parametrize(
    ("fill", "values"),
    [
        ("none", [0.2, 0.8, 3.2]),
        ("null", [0.2, 0.8, None, None, None, 3.2]),
        ("previous", [0.2, 0.8, 0.8, 0.8, 0.8, 3.2]),
        ("linear", [0.2, 0.8, 1.4, 2.0, 2.6, 3.2]),
    ],
)
def test_a_gap_is_filled_as_asked_and_told_by_its_count(
    filled: Storage, fill: str, values: list[float | None]
) -> None:
    query = replace(QUERY, end=START + timedelta(hours=6), bucket_s=3600, fill=fill)
    points = filled.series.points(query).points
    assert [None if p.value is None else round(p.value, 6) for p in points] == values
    assert all((p.count == 0) == (p.timestamp.hour in {2, 3, 4}) for p in points)


def test_buckets_come_in_pages_too(filled: Storage) -> None:
    query = replace(QUERY, bucket_s=3600, fill="null", limit=4)
    first = filled.series.points(query)
    second = filled.series.points(replace(query, cursor=first.cursor))
    assert [p.timestamp.hour for p in first.points + second.points] == list(range(8))


@pytest.mark.parametrize("wrong", [{"cursor": "x"}, {"bucket_s": 60, "fill": "guess"}])
def test_what_is_not_ours_is_a_value_error(filled: Storage, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected"):
        filled.series.points(replace(QUERY, **wrong))  # type: ignore[arg-type]


def test_a_range_is_read_by_its_index(filled: Storage, settings: Settings) -> None:
    del filled
    question = (
        "EXPLAIN QUERY PLAN SELECT value FROM readings WHERE device_id='d1' AND sensor_id='s1'"
        " AND sensor_type='temperature' AND timestamp_ms>=1 AND timestamp_ms<2"
        " ORDER BY timestamp_ms, position"
    )
    with open_engine(settings.storage.series_url, durable=False).connect() as connection:
        plan = " ".join(str(row[3]) for row in connection.exec_driver_sql(question))
    assert "SEARCH readings USING PRIMARY KEY" in plan
    assert "TEMP B-TREE" not in plan


def test_the_last_value_is_the_newest_by_event_time(store: Storage) -> None:
    store.log.append([event(50, 20.0), event(10, 19.0), event(20, 18.0, sensor="s2")])
    while store.stream.step(100):
        pass
    found, cursor = store.series.last(None, None, 10)
    assert [(one.event.sensor_id, one.event.value) for one in found] == [("s1", 20.0), ("s2", 18.0)]
    assert cursor is None
    page, cursor = store.series.last("d1", None, 1)
    assert [one.event.sensor_id for one in page] == ["s1"]
    assert [one.event.sensor_id for one in store.series.last("d1", cursor, 1)[0]] == ["s2"]


def test_retention_forgets_by_tiers_and_never_the_log(settings: Settings) -> None:
    storage = replace(settings.storage, retention_s=(3_600.0 * 24, None))
    store = build(replace(settings, storage=storage), StorageParts(NoClock(), Counted()))
    store.log.append([event(60.0 * hour) for hour in range(72)])
    while store.stream.step(100):
        pass
    week = replace(QUERY, end=START + timedelta(days=9))
    closed = store.series.windows(week, 3600)[0]
    assert store.series.prune() == 47
    assert len(store.series.points(week).points) == 25
    assert store.series.windows(week, 3600)[0] == closed
    assert store.log.head() == 72


def test_of_a_crowd_one_asks_and_all_are_answered() -> None:
    asked: list[str] = []
    gate = threading.Event()

    def load(key: str) -> dict[str, object]:
        asked.append(key)
        gate.wait(5)
        return {"key": key}

    get = cached(load, 10.0, lambda: 0.0)
    answers: list[object] = []
    crowd = [threading.Thread(target=lambda: answers.append(get("a"))) for _n in range(20)]
    for one in crowd:
        one.start()
    gate.set()
    for one in crowd:
        one.join()
    assert asked == ["a"]
    assert answers == [{"key": "a"}] * 20


def test_a_value_is_fresh_for_as_long_as_said_and_an_error_is_not_kept() -> None:
    now = [0.0]
    answers: list[object] = [ConnectionError("away"), {"v": 1}, {"v": 2}]

    def load(_key: str) -> dict[str, object]:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[return-value]

    get = cached(load, 10.0, lambda: now[0])
    with pytest.raises(ConnectionError):
        get("a")
    assert get("a") == {"v": 1}
    now[0] = 9.9
    assert get("a") == {"v": 1}
    now[0] = 10.1
    assert get("a") == {"v": 2}
