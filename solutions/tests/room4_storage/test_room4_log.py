"""The event log: each message once, in an order that no reader can skip, or not at all."""

import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event as sqlalchemy_event

from shared.contracts.messages import AppendOutcome
from shared.contracts.ports import Storage, StoreUnavailable
from solutions.tests.room4_storage.conftest import event, renamed

CREATED, DUPLICATE, CONFLICT = AppendOutcome


def outcomes(store: Storage, *events_: object) -> list[AppendOutcome]:
    return [one.outcome for one in store.log.append(events_)]  # type: ignore[arg-type]


def test_a_message_is_stored_once_however_often_it_comes(store: Storage) -> None:
    first = event(0)
    assert outcomes(store, first) == [CREATED]
    assert outcomes(store, first) == [DUPLICATE]
    assert outcomes(store, event(1), first, event(1)) == [CREATED, DUPLICATE, DUPLICATE]
    assert [one.event.timestamp for one in store.log.read(0, 10)] == [
        event(0).timestamp,
        event(1).timestamp,
    ]


def test_an_id_that_is_taken_by_other_content_is_a_conflict(store: Storage) -> None:
    first = event(0, 20.0)
    other = renamed(event(0, 21.0), first.message_id)
    assert outcomes(store, first, other) == [CREATED, CONFLICT]
    assert outcomes(store, other) == [CONFLICT]
    assert [one.event.value for one in store.log.read(0, 10)] == [20.0]


def test_nobody_can_claim_another_devices_id(store: Storage) -> None:
    mine = event(0)
    theirs = replace(mine, device_id="d2")
    assert outcomes(store, mine, theirs) == [CREATED, CREATED]


def test_a_resend_that_took_another_way_is_a_duplicate(store: Storage) -> None:
    first = event(0)
    again = replace(first, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01", original="{}")
    assert outcomes(store, first) == [CREATED]
    assert outcomes(store, again) == [DUPLICATE]


def test_the_answer_to_a_duplicate_tells_when_it_was_first_stored(store: Storage) -> None:
    first = store.log.append([event(0)])[0]
    assert store.log.append([event(0)])[0].stored_at == first.stored_at


def test_everything_that_was_stored_comes_back_as_it_was(store: Storage) -> None:
    one = replace(event(0), location="roof", original='{"value": 20}', traceparent="00-x")
    store.log.append([one])
    assert store.log.read(0, 1)[0].event == one


def test_a_locked_database_is_told_and_nothing_is_half_written(
    store: Storage, tmp_path: Path
) -> None:
    store.log.append([event(0)])
    holder = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        store.log.append([event(1), event(2)])
    holder.execute("ROLLBACK")
    holder.close()
    assert store.log.head() == 1
    assert outcomes(store, event(1), event(2)) == [CREATED, CREATED]


def test_a_database_at_its_page_limit_is_told_and_recovers(store: Storage, tmp_path: Path) -> None:
    store.log.append([event(0)])
    engine = store.log._engine  # type: ignore[attr-defined]
    engine.dispose()

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 20")

    sqlalchemy_event.listen(engine, "connect", limit)
    large = [replace(event(minute), original="x" * 2_000) for minute in range(1, 200)]
    with pytest.raises(StoreUnavailable, match="full"):
        store.log.append(large)
    assert store.log.head() == 1
    sqlalchemy_event.remove(engine, "connect", limit)
    engine.dispose()
    assert set(outcomes(store, *large)) == {CREATED}
    assert (tmp_path / "log.db").exists()


def test_a_reader_beside_many_writers_sees_every_position_in_turn(store: Storage) -> None:
    store.log.append([event(0)])

    def write(number: int) -> None:
        for batch in range(10):
            store.log.append([event(batch * 10 + n, device=f"d{number}") for n in range(10)])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2, 5)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while len(seen) < 301:
        seen += [one.position for one in store.log.read(seen[-1] if seen else 0, 50)]
    for writer in writers:
        writer.join()
    assert seen == sorted(set(seen))
    assert len(store.log.read(0, 1_000)) == len(seen)


def test_an_empty_batch_is_no_transaction(store: Storage) -> None:
    assert store.log.append([]) == []
    assert store.log.head() == 0
