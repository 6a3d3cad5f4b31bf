"""Room 3, the checks that you can read. `./academy check 3` runs them."""

from datetime import UTC, datetime
from typing import Any

from grader.checks.room3_ingestion.house import (
    LAST,
    event,
    expect_problem,
    opened,
    reading,
    when,
)
from grader.evidence import expect, expect_close, expect_that, task
from grader.sandbox import Sandbox
from shared.contracts.ports import StoreUnavailable

MORNING = datetime(2013, 5, 6, 9, tzinfo=UTC)


@task("3.1")
def test_a_time_becomes_utc(room: Any) -> None:
    """A time with its zone becomes UTC; one without names no moment."""
    found = room.tried("moment_from", ["2025-01-15T11:30:45.123+01:00", "2025-01-15T10:30:45"])
    moment = found[0].isoformat() if isinstance(found[0], datetime) else found[0]
    wish = "2025-01-15T10:30:45.123000+00:00"
    expect(moment, wish, "Read the time 2025-01-15T11:30:45.123+01:00.")
    expect(found[1], "ValueError", "Read a time without a zone.")


@task("3.1")
def test_a_fault_has_its_field(room: Any) -> None:
    """What is wrong is named: the field, what came, what was expected."""
    (found,) = room.examined([reading(value="warm")])
    did = 'Examined a reading whose value is "warm".'
    expect_that("refused" in found, did, "Refused(422)", found)
    expect(found["refused"], 422, did)
    expect([fault[:2] for fault in found["faults"]], [["value", '"warm"']], f"{did} The faults:")


@task("3.2")
def test_fahrenheit_becomes_celsius(room: Any) -> None:
    """The log holds one unit a type, and the text that was sent."""
    document = reading(value=72.5, metadata={"unit": "°F"})
    found = room.normalised(document, MORNING, '{"the": "text"}')
    expect_close(found.value, 22.5, "Normalised 72.5 °F.", within=1e-9, unit="°C")
    expect(found.unit, "celsius", "Read the event's unit.")
    expect(found.original, '{"the": "text"}', "Read the original.")


@task("3.2")
def test_yesterdays_schema_is_understood(room: Any) -> None:
    """`type` and `ts` become `sensor_type` and `timestamp`."""
    old = {"device_id": "box-1", "type": "humidity", "value": 48, "ts": 1_736_937_045.123}
    found, _after = room.modernised(old)
    expect(found.get("sensor_type"), "humidity", f"Modernised {old}.")
    expect(found.get("timestamp"), "2025-01-15T10:30:45.123Z", f"Modernised {old}.")


@task("3.3")
def test_a_reading_sent_twice_is_stored_once(sandbox: Sandbox) -> None:
    """201 the first time; 200 with the same id and time after that, and no second row."""
    house = opened(sandbox)
    first, second = house.post(reading()), house.post(reading())
    expect((first.status, second.status), (201, 200), "Posted one reading twice.")
    (row,) = house.log.rows
    wanted = {"status": "success", "message_id": row.event.message_id, "timestamp": when(row)}
    expect(first.content, wanted, "Read the first answer.")
    expect(second.content, wanted, "Read the second answer.")


@task("3.4")
def test_a_refusal_is_a_problem_document(sandbox: Sandbox) -> None:
    """Whatever is refused, the answer is a problem document."""
    house = opened(sandbox)
    found = expect_problem(house.get("/admin"), 404)
    expect(found["type"], "/docs#no-such-route", "Asked for /admin. The type:")
    expect(found["instance"], "/admin", "Asked for /admin. The instance:")


@task("3.5")
def test_a_batch_has_a_verdict_an_item(sandbox: Sandbox) -> None:
    """Each item of a batch gets the status that it alone would have got."""
    house = opened(sandbox)
    house.post(reading())
    batch = [reading(value=1.0), reading(value="warm"), reading()]
    did = "Sent a batch: a new reading, a wrong one, a known one."
    found = house.verdicts(batch, did)
    expect([one.get("status") for one in found], [201, 422, 200], f"{did} The verdicts:")
    expect(len(house.log.rows), 2, f"{did} What the log holds:")


@task("3.6")
def test_a_bucket_fills_by_time(room: Any) -> None:
    """A device may send `burst` at once, and `rate` a second in the long run."""
    asked = [("box-1", 5, 100.0), ("box-1", 1, 100.0), ("box-1", 1, 100.5)]
    found = room.grants(2.0, 5.0, asked)
    did = "Rate 2, burst 5: asked for 5, then 1, then half a second later 1."
    expect(found, [(5, 0.0), (0, 0.5), (1, 0.0)], did)


@task("3.6")
def test_alive_is_not_ready(sandbox: Sandbox) -> None:
    """While the log is away the door is alive and not ready; then it is ready by itself."""
    house = opened(sandbox)
    house.log.error = StoreUnavailable("the disk is away")
    found = [house.get(f"/health/{word}").status for word in ("live", "ready")]
    expect(found, [200, 503], "Asked whether it lives and whether it is ready; the log is away.")
    house.log.error = None
    expect(house.get("/health/ready").status, 200, "Asked again when the log was back.")


@task("3.7")
def test_a_stored_reading_is_shown(sandbox: Sandbox) -> None:
    """The newest reading of each sensor comes back as it is stored."""
    house = opened(sandbox)
    house.log.store(event(MORNING, 19.5))
    answer = house.get(f"{LAST}?device=box-1")
    expect(answer.status, 200, answer.did)
    readings: Any = answer.members.get("readings")
    did = f"{answer.did} The readings:"
    expect_that(isinstance(readings, list) and len(readings) == 1, did, "a list of one", readings)
    found = {name: readings[0].get(name) for name in ("device_id", "value", "unit", "timestamp")}
    wanted = {"device_id": "box-1", "value": 19.5, "unit": "celsius"}
    expect(found, {**wanted, "timestamp": "2013-05-06T09:00:00.000Z"}, did)


@task("3.7")
def test_an_empty_range_is_refused(sandbox: Sandbox) -> None:
    """A range that ends where it starts holds nothing."""
    house = opened(sandbox)
    where = "/api/v1/sensors/box-1/S-1/temperature/points"
    asked = f"{where}?start=2013-05-06T09:00:00Z&end=2013-05-06T09:00:00Z"
    expect_problem(house.get(asked), 422, field="end")
    expect(house.series.asked, [], "Looked whether the storage was asked.")
