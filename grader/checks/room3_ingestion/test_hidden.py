"""Room 3, the checks that a student doesn't see: what each task means, on the run's own inputs."""

import json
import math
import random
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from grader.checks.room3_ingestion.house import (
    DATA,
    LAST,
    NOON,
    POINTS,
    WINDOWS,
    Answer,
    Caller,
    House,
    event,
    expect_problem,
    headers_of,
    on_a_port,
    opened,
    reading,
    stored,
    when,
)
from grader.checks.room3_ingestion.schema import contradiction
from grader.evidence import NotYet, Said, expect, expect_close, expect_that, shown, task
from grader.line import LineLost, RemoteError
from grader.sandbox import Sandbox
from shared.contracts.identifiers import iso_utc, message_id
from shared.contracts.messages import UNITS, Event, Health, Window
from shared.contracts.ports import StoreUnavailable

AWAY = StoreUnavailable("the disk is away")


def word(rng: random.Random, size: int = 8) -> str:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
    return "".join(rng.choice(letters) for _ in range(size))


def cut(moment: datetime) -> datetime:
    """Return a time cut to the millisecond."""
    return moment - timedelta(microseconds=moment.microsecond % 1_000)


def as_text(value: object) -> object:
    """Return a time as a person reads it, anything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value


def faults_of(found: Any, did: str) -> list[list[str]]:
    """Return the faults of a refusal; NotYet if nothing was refused."""
    refused = isinstance(found, dict) and "refused" in found
    expect_that(refused, did, "Refused(422)", found)
    expect(found["refused"], 422, f"{did} The refusal's status:")
    return [list(fault) for fault in found["faults"]]


# --- 3.1


@task("3.1")
def test_every_zone_becomes_utc(room: Any, rng: random.Random) -> None:
    """A time of any zone becomes UTC, cut to the millisecond."""
    texts, wanted = [], []
    for digits in (0, 1, 3, 4, 6, 6, 9, 3, 0, 6, 3, 5):
        local = datetime(2000, 2, 1) + timedelta(seconds=rng.randrange(10**9))  # noqa: DTZ001
        minutes = rng.randrange(-14 * 60, 14 * 60 + 1)
        fraction = "".join(rng.choice("0123456789") for _ in range(digits))
        millisecond = int((fraction + "000")[:3])
        sign, size = "+" if minutes >= 0 else "-", abs(minutes)
        zone = f"{sign}{size // 60:02}:{size % 60:02}" if minutes else rng.choice("Zz")
        dot = "." if fraction else ""
        texts.append(f"{local.isoformat(sep=rng.choice('TTt'))}{dot}{fraction}{zone}")
        moment = local.replace(tzinfo=UTC) - timedelta(minutes=minutes)
        wanted.append(moment + timedelta(milliseconds=millisecond))
    for text, wish, found in zip(texts, wanted, room.tried("moment_from", texts), strict=True):
        expect(as_text(found), as_text(wish), f"Read the time {text}.")


@task("3.1")
def test_what_names_no_moment_is_refused(room: Any) -> None:
    """A naive time, another format, a number and a day that isn't are ValueErrors."""
    bad = [
        "2025-01-15T10:30:45",
        "2025-01-15T10:30:45.123",
        "2025-01-15",
        "10:30:45Z",
        "15.01.2025 10:30:45Z",
        "20250115T103045Z",
        "2025-01-15T10:30Z",
        "2025-01-15T10:30:45+0100",
        "2025-01-15T10:30:45 Europe/Paris",
        "2025-02-30T10:30:45Z",
        "2025-01-15T25:30:45Z",
        "0001-01-01T00:00:00+01:00",
        "2025-01-15T10:30:45Z\n",
        " 2025-01-15T10:30:45Z",
        "2025-01-15T10:30:4٣Z",
        "now",
        "",
        1_736_937_045,
        1_736_937_045.5,
        True,
        None,
        ["2025-01-15T10:30:45Z"],
    ]
    (good,) = room.tried("moment_from", ["2025-01-15T10:30:45Z"])
    expect(good, datetime(2025, 1, 15, 10, 30, 45, tzinfo=UTC), "Read a time with its zone.")
    for text, found in zip(bad, room.tried("moment_from", bad), strict=True):
        expect(found, "ValueError", f"Read {text!r} as a time.")


@task("3.1")
def test_only_finite_numbers_are_numbers(room: Any, rng: random.Random) -> None:
    """A finite int or float becomes a float; everything else is a ValueError."""
    whole, part = rng.randrange(-(10**6), 10**6), rng.uniform(-1e6, 1e6)
    good = [whole, part, 0, -0.5, 1e308, 10**300]
    for value, found in zip(good, room.tried("number_from", good), strict=True):
        expect(found, float(value), f"Read {value!r} as a number.")
    bad = [math.nan, math.inf, -math.inf, 10**400, -(10**400), "22.5", "", True, False, None, [1.0]]
    for wrong, found in zip(bad, room.tried("number_from", bad), strict=True):
        expect(found, "ValueError", f"Read {shown(wrong)} as a number.")


SPOILT: dict[str, Sequence[Any]] = {
    "device_id": ["", "a b", "box/1", "x" * 65, 7, "bo\u212a"],
    "sensor_type": ["wind", "Temperature", 1, None],
    "value": ["22.5", math.nan, math.inf, True, None, [22.5]],
    "timestamp": ["2013-05-06T11:00:00", 1_367_838_000, "yesterday", None],
    "message_id": ["a b", "", 5],
    "metadata": ["room-101", 5, []],
    "metadata.sensor_id": ["x/y", "", 5],
    "metadata.location": ["", "x" * 129, "a\nb", 5],
    "metadata.calibration_date": ["2025-02-30", "01.01.2025", 20250101],
    "metadata.locatoin": ["room-101"],
    "colour": ["red", None],
}


def spoil(document: dict[str, Any], field: str, value: object) -> None:
    """Put a wrong value into a request."""
    outer, _dot, inner = field.partition(".")
    if inner:
        document.setdefault("metadata", {})[inner] = value
    else:
        document[outer] = value


@task("3.1")
def test_every_fault_is_named(room: Any, rng: random.Random) -> None:
    """A request with several faults hears of all of them, by field."""
    documents, wanted = [], []
    for _turn in range(25):
        fields = rng.sample(sorted(set(SPOILT) - {"metadata"}), rng.randrange(1, 5))
        document: dict[str, Any] = reading()
        for field in fields:
            spoil(document, field, rng.choice(SPOILT[field]))
        documents.append(document)
        wanted.append(sorted(fields))
    for document, wish, found in zip(documents, wanted, room.examined(documents), strict=True):
        did = f"Examined {shown(document)}."
        expect(sorted({one[0] for one in faults_of(found, did)}), wish, f"{did} The faulty fields:")


@task("3.1")
def test_each_kind_of_fault_is_caught(room: Any) -> None:
    """Each field refuses what it can't hold, and the fault shows what came."""
    cases = [(field, value) for field, values in SPOILT.items() for value in values]
    documents = []
    for field, value in cases:
        document = reading()
        spoil(document, field, value)
        documents.append(document)
    for (field, value), found in zip(cases, room.examined(documents), strict=True):
        did = f"Examined a reading with {field} = {shown(value)}."
        faults = faults_of(found, did)
        expect([one[0] for one in faults], [field], f"{did} The faulty fields:")
        expect_that(bool(faults[0][2]), f"{did} What was expected:", "some words", faults[0][2])
        if isinstance(value, str | float) and len(str(value)) < 60 and value != "bo\u212a":
            expect(faults[0][1], json.dumps(value), f"{did} What it says came:")


@task("3.1")
def test_what_is_missing_is_named(room: Any) -> None:
    """A field that isn't there is a fault, and so is a document that is no object."""
    needed = ["device_id", "sensor_type", "value", "timestamp"]
    documents = [{k: v for k, v in reading().items() if k != gone} for gone in needed]
    for gone, found in zip(needed, room.examined(documents), strict=True):
        did = f"Examined a reading without {gone}."
        expect([one[:2] for one in faults_of(found, did)], [[gone, "nothing"]], did)
    (found,) = room.examined([{}])
    names = sorted(one[0] for one in faults_of(found, "Examined {}."))
    expect(names, sorted(needed), "Examined {}. The faulty fields:")
    others: list[object] = [[], 5, None, "x"]
    for other, found in zip(others, room.examined(others), strict=True):
        did = f"Examined {other!r}."
        expect([one[0] for one in faults_of(found, did)], ["body"], f"{did} The faulty fields:")


@task("3.1")
def test_a_good_request_comes_through(room: Any, rng: random.Random) -> None:
    """A request as written is read field by field; blanks around identifiers go, case stays."""
    device, sensor, own = word(rng, 64), word(rng), word(rng)
    about = {
        "sensor_id": f" {sensor}",
        "unit": "°C",
        "location": "room 101, é",
        "calibration_date": "2013-01-31",
        "traceparent": "nonsense",
    }
    document = reading(device_id=f" {device}\t", message_id=own, value=7, metadata=about)
    (found, bare, empty) = room.examined([document, reading(), reading(metadata={})])
    did = "Examined a reading with every field."
    expect_that("refused" not in found, did, "no refusal", found)
    wanted = {
        "device_id": device,
        "sensor_type": "temperature",
        "value": 7.0,
        "timestamp": NOON - timedelta(hours=1),
        "message_id": own,
        "metadata": {**about, "sensor_id": sensor, "calibration_date": date(2013, 1, 31)},
    }
    for name, wish in wanted.items():
        expect(as_text(found.get(name)), as_text(wish), f"{did} Its {name}:")
    expect(bare.get("metadata", "gone"), None, "Examined a reading without metadata.")
    nothing = dict.fromkeys(about)
    expect(empty.get("metadata"), nothing, "Examined a reading whose metadata is {}.")


PLAUSIBLE = (
    ("temperature", -100.0, 200.0),
    ("humidity", -50.0, 150.0),
    ("pressure", 100.0, 1_200.0),
)
TICK = timedelta(milliseconds=1)


def of_type(kind: str, value: float, moment: datetime) -> Event:
    return replace(event(moment, value), sensor_type=kind, unit=UNITS[kind])


def expect_faults(found: object, fields: list[str], did: str) -> None:
    """Go on if a reading was refused for these fields, or taken where there are none."""
    if not fields:
        expect_that(found is None, did, "no refusal", found)
    else:
        got = sorted(one[0] for one in faults_of(found, did))
        expect(got, fields, f"{did} The faulty fields:")


@task("3.1")
def test_absurd_values_are_refused(room: Any) -> None:
    """A value outside what a sensor can say is refused; at the edge it isn't."""
    for kind, low, high in PLAUSIBLE:
        for value, fields in (
            (low, []),
            (high, []),
            (math.nextafter(low, -1e9), ["value"]),
            (math.nextafter(high, 1e9), ["value"]),
            (high * 100, ["value"]),
        ):
            found = room.absurd(of_type(kind, value, NOON), NOON)
            did = f"Judged a {kind} of {value!r}."
            expect_faults(found, fields, did)


@task("3.1")
def test_absurd_times_are_refused(room: Any, rng: random.Random) -> None:
    """A time before 2000 or after the latest is refused; both faults are told at once."""
    latest = NOON + timedelta(milliseconds=rng.randrange(10**9))
    first = datetime(2000, 1, 1, tzinfo=UTC)
    cases: tuple[tuple[datetime, float, list[str]], ...] = (
        (first, 20.0, []),
        (latest, 20.0, []),
        (first - TICK, 20.0, ["timestamp"]),
        (latest + TICK, 20.0, ["timestamp"]),
        (datetime(1970, 1, 1, tzinfo=UTC), 20.0, ["timestamp"]),
        (latest + timedelta(days=9), 1e6, ["timestamp", "value"]),
    )
    for moment, value, fields in cases:
        found = room.absurd(of_type("temperature", value, moment), latest)
        did = f"Judged {value:g} °C of {iso_utc(moment)}; the latest is {iso_utc(latest)}."
        expect_faults(found, fields, did)


# --- 3.2


@task("3.2")
def test_units_by_their_definitions(room: Any, rng: random.Random) -> None:
    """Each unit converts by its definition; a canonical value isn't touched."""
    for unit, slope, offset in (
        ("fahrenheit", 5 / 9, -160 / 9),
        ("kelvin", 1.0, -273.15),
        ("fraction", 100.0, 0.0),
        ("pascal", 0.01, 0.0),
        ("kilopascal", 10.0, 0.0),
        ("mmHg", 1.33322387415, 0.0),
        ("inHg", 25.4 * 1.33322387415, 0.0),
    ):
        for _turn in range(4):
            value = rng.uniform(-40, 900)
            found = room.to_canonical(value, unit)
            wish = value * slope + offset
            expect_close(
                found, wish, f"Converted {value!r} {unit}.", within=1e-9 * abs(value) + 1e-9
            )
    for unit in UNITS.values():
        value = rng.uniform(-40, 900)
        expect(room.to_canonical(value, unit), value, f"Converted {value!r} {unit}.")


@task("3.2")
def test_the_event_has_everything(room: Any, rng: random.Random) -> None:
    """The event holds names, canonical value, times, place, trace, version and the original."""
    device, sensor, own = word(rng), word(rng), word(rng)
    kelvin = rng.uniform(250, 310)
    about = {
        "sensor_id": sensor,
        "unit": "K",
        "location": "roof",
        "calibration_date": "2013-01-31",
        "traceparent": "not to be trusted",
    }
    document = reading(device_id=device, value=kelvin, message_id=own, metadata=about)
    received = NOON + timedelta(milliseconds=rng.randrange(10**6))
    text, trace = json.dumps(document, indent=1), f"00-{'1' * 32}-{'2' * 16}-01"
    found = room.normalised(document, received, text, traceparent=trace, schema_version=1)
    did = "Normalised a reading in kelvin with every field."
    expect_that(isinstance(found, Event), did, "an event", found)
    expect_close(found.value, kelvin - 273.15, f"{did} The value:", within=1e-9, unit="°C")
    wanted = {
        "device_id": device,
        "message_id": own,
        "sensor_id": sensor,
        "sensor_type": "temperature",
        "unit": "celsius",
        "timestamp": NOON - timedelta(hours=1),
        "received_at": received,
        "location": "roof",
        "calibration_date": date(2013, 1, 31),
        "traceparent": trace,
        "original": text,
        "schema_version": 1,
    }
    for name, wish in wanted.items():
        expect(as_text(getattr(found, name)), as_text(wish), f"{did} Its {name}:")


@task("3.2")
def test_the_identity_is_computed_after_converting(room: Any, rng: random.Random) -> None:
    """A reading without an id gets the computed one, the same in whatever unit it came."""
    ids = []
    celsius = 5 * rng.randrange(-5, 8)
    moment = NOON - timedelta(hours=1)
    spoken = (("celsius", celsius), ("°C", float(celsius)), ("°F", celsius * 9 / 5 + 32))
    for unit, value in spoken:
        found = room.normalised(reading(value=value, metadata={"unit": unit}), NOON, "{}")
        did = f"Normalised {value!r} {unit}."
        expect_that(isinstance(found, Event), did, "an event", found)
        wish = message_id("box-1", "temperature", "temperature", moment, found.value)
        expect(found.message_id, wish, f"{did} The id:")
        ids.append(found.message_id)
    expect(len(set(ids)), 1, f"Normalised {spoken}. The different ids:")


@task("3.2")
def test_a_device_with_one_sensor_names_none(room: Any, rng: random.Random) -> None:
    """Without a sensor's name the sensor is called as its type; two names are two ids."""
    for kind in UNITS:
        value = rng.uniform(100, 140)
        plain = room.normalised(reading(sensor_type=kind, value=value), NOON, "{}")
        did = f"Normalised a {kind} that names no sensor."
        expect_that(isinstance(plain, Event), did, "an event", plain)
        expect((plain.sensor_id, plain.unit, plain.value), (kind, UNITS[kind], value), did)
        expect((plain.location, plain.calibration_date, plain.traceparent), (None, None, None), did)
        named = reading(sensor_type=kind, value=value, metadata={"sensor_id": "S-2"})
        other = room.normalised(named, NOON, "{}")
        did = f"Normalised the same {kind} with and without a sensor's name."
        expect_that(other.message_id != plain.message_id, did, "two ids", other.message_id)


@task("3.2")
def test_a_unit_of_another_type_is_refused(room: Any) -> None:
    """A unit that isn't the type's is refused by name; units are exact about case."""
    for kind, unit in (
        ("temperature", "kPa"),
        ("humidity", "°C"),
        ("pressure", "percent"),
        ("pressure", "kpa"),
        ("temperature", "furlong"),
        ("temperature", ""),
    ):
        document = reading(sensor_type=kind, metadata={"unit": unit})
        found = room.normalised(document, NOON, "{}")
        did = f'Normalised a {kind} in "{unit}".'
        expect([one[0] for one in faults_of(found, did)], ["metadata.unit"], f"{did} The fields:")


@task("3.2")
def test_old_devices_are_understood(room: Any, rng: random.Random) -> None:
    """Old keys become today's, alone or mixed; the rest and the given document stay as they are."""
    moment = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(milliseconds=rng.randrange(10**12))
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1)
    today = reading(timestamp=iso_utc(moment), metadata={"unit": "K"}, message_id="own")
    half = {**{k: v for k, v in today.items() if k != "timestamp"}, "ts": seconds}
    old = {**{k: v for k, v in half.items() if k != "sensor_type"}, "type": "temperature"}
    for document, wish in (
        (old, today),
        (half, today),
        ({**{k: v for k, v in today.items() if k != "sensor_type"}, "type": "temperature"}, today),
        (today, today),
        ({**today, "ts": seconds}, {**today, "ts": seconds}),
        ({**today, "type": "wind"}, {**today, "type": "wind"}),
        ({"ts": 0, "type": "humidity"}, {"timestamp": iso_utc(EPOCH), "sensor_type": "humidity"}),
    ):
        found, after = room.modernised(document)
        did = f"Modernised {shown(document)}."
        expect(found, wish, did)
        expect(after, document, f"{did} The given document afterwards:")


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@task("3.2")
def test_a_ts_that_is_no_moment_is_refused(room: Any) -> None:
    """Seconds that are text, not finite, negative or beyond the year 9999 are refused by name."""
    for seconds in (
        "1736937045", None, True, [1], math.nan, math.inf, -1, -0.001, 1_736_937_045_123_000, 1e300,
    ):  # fmt: skip
        found, _after = room.modernised({"type": "humidity", "ts": seconds})
        did = f"Modernised a reading with ts = {seconds!r}."
        expect([one[0] for one in faults_of(found, did)], ["ts"], f"{did} The faulty fields:")


# --- 3.3


@task("3.3")
def test_201_means_that_it_is_stored(sandbox: Sandbox, rng: random.Random) -> None:
    """What got a 201 stands in the log, once, with the text that was sent."""
    house = opened(sandbox)
    for turn in range(8):
        document = reading(value=rng.uniform(-20, 40), device_id=word(rng))
        text = json.dumps(document, indent=turn % 3)
        answer = house.ask("POST", DATA, f"\n {text} ".encode(), did=f"Posted {text}.")
        expect(answer.status, 201, answer.did)
        expect(len(house.log.rows), turn + 1, f"{answer.did} The rows of the log:")
        row = house.log.rows[-1]
        found = (row.event.device_id, row.event.value, row.event.original)
        expect(found, (document["device_id"], document["value"], text), f"{answer.did} The log:")
        names = {"message_id": row.event.message_id, "timestamp": when(row)}
        expect(answer.members, {"status": "success", **names}, f"{answer.did} The answer:")
        kind = answer.headers.get("content-type", "none")
        expect(kind, "application/json", f"{answer.did} The content type:")


@task("3.3")
def test_a_resend_is_answered_as_the_first(sandbox: Sandbox, rng: random.Random) -> None:
    """However often and however written it comes again, the answer is the first one's, with 200."""
    house = opened(sandbox)
    for own in (None, word(rng)):
        document = reading(value=5 * rng.randrange(8), **({"message_id": own} if own else {}))
        first = house.post(document)
        expect(first.status, 201, first.did)
        if own:
            expect(first.members.get("message_id"), own, f"{first.did} Its own id:")
        house.post(reading(device_id=word(rng)))
        again = {**document, "timestamp": "2013-05-06T13:00:00+02:00"}
        fahrenheit = {"value": document["value"] * 9 / 5 + 32, "metadata": {"unit": "°F"}}
        for same in (document, again, {**document, **fahrenheit}):
            answer = house.post(same)
            did = f"Posted {shown(document)}, then {shown(same)}."
            expect(answer.status, 200, did)
            expect(answer.content, first.content, f"{did} The second answer:")
    expect(len(set(stored(house))), len(stored(house)), "Counted the ids in the log.")


@task("3.3")
def test_an_id_with_other_content_is_a_conflict(sandbox: Sandbox, rng: random.Random) -> None:
    """An id that is taken by other content is a 409, and the log stays as it is."""
    house = opened(sandbox)
    own = word(rng)
    house.post(reading(message_id=own))
    before = list(house.log.rows)
    for change in ({"value": 23.5}, {"timestamp": "2013-05-06T10:59:59.999Z"}):
        answer = house.post(reading(message_id=own, **change))
        did = f"Posted a reading with the id {own}, then another with {change} under it."
        expect(answer.status, 409, did)
        expect(house.log.rows, before, f"{did} The log:")
    other = house.post(reading(message_id=own, device_id="box-2"))
    expect(other.status, 201, f"Another device used the id {own}.")


def free_when_crowded(house: House) -> None:
    """Let the log go on once two calls wait in it, or soon: a room may make one of them."""
    house.log.entered.wait(house.wait_s)
    end, pause = time.monotonic() + 0.3, threading.Event()
    while house.log.inside < 2 and time.monotonic() < end:
        pause.wait(0.005)
    house.log.free.set()


@task("3.3")
def test_eight_at_once_are_one_row(sandbox: Sandbox, rng: random.Random) -> None:
    """The same reading, sent eight times at once, is one row: one 201, seven times 200."""
    house = opened(sandbox)
    document = reading(value=rng.uniform(0, 30), device_id=word(rng))
    house.log.free.clear()
    with ThreadPoolExecutor(9) as pool:
        pool.submit(free_when_crowded, house)
        asked = [pool.submit(house.post, document) for _again in range(8)]
        answers = [one.result() for one in asked]
    did = "Posted the same reading eight times at once."
    expect(sorted(one.status for one in answers), [200] * 7 + [201], f"{did} The statuses:")
    expect(len(house.log.rows), 1, f"{did} The rows of the log:")
    contents = {one.body for one in answers}
    expect(len(contents), 1, f"{did} The different answers:")


@task("3.3")
def test_the_log_decides_what_is_known(sandbox: Sandbox, rng: random.Random) -> None:
    """Another process may have stored it a moment before: only the log's own word counts."""
    house = opened(sandbox)
    own = word(rng)

    def other_process(events: Sequence[Event]) -> None:
        for one in events:
            house.log.store(replace(one, value=one.value + (one.device_id == "box-2")))

    house.log.before = other_process
    did = "Another process stored the same reading just before."
    same = house.post(reading(message_id=own))
    expect(same.status, 200, did)
    expect(same.members.get("timestamp"), when(house.log.rows[0]), f"{did} The timestamp:")
    did = "Another process used the id for another value just before."
    expect(house.post(reading(message_id=own, device_id="box-2")).status, 409, did)


@task("3.3")
def test_what_wasnt_stored_isnt_known(sandbox: Sandbox, rng: random.Random) -> None:
    """What the log couldn't store is refused; sent again later, the reading is new."""
    house = opened(sandbox)
    document = reading(value=rng.uniform(0, 30))
    house.log.error = AWAY
    for _again in range(2):
        answer = house.post(document, did="Posted a reading while the log was away.")
        expect_that(answer.status >= 500, answer.did, "503", answer.status)
    house.log.error = None
    answer = house.post(document, did="Posted it again when the log was back.")
    expect(answer.status, 201, answer.did)
    expect(len(house.log.rows), 1, f"{answer.did} The rows of the log:")


@task("3.3")
def test_a_slow_log_stops_nobody_else(sandbox: Sandbox) -> None:
    """While an append waits for the disk, the door answers others; then it answers the first."""
    house = opened(sandbox)
    did = "Asked /health/live while an append was held."
    with answering(house, lambda: house.post(reading())) as answers:
        answers.begun("Waited until an append began.")
        alive = soon(house, "/health/live", did)
        expect(alive.status, 200, did)
    expect([one.status for one in answers.found], [201], "Let the append go on. The first answer:")


class answering:  # noqa: N801 - reads as a word
    """Asks in a thread while the log is held, and collects the answer once it is free again."""

    def __init__(self, house: House, call: Callable[[], Answer]) -> None:
        self._house = house
        self._error: list[Exception] = []
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self.found: list[Answer] = []

    def _run(self, call: Callable[[], Answer]) -> None:
        try:
            self.found.append(call())
        except (NotYet, LineLost, RemoteError) as error:
            self._error.append(error)

    def __enter__(self) -> Self:
        self._house.log.free.clear()
        self._thread.start()
        return self

    def begun(self, did: str) -> None:
        """Go on once the log was asked; NotYet if the answer came without it."""
        while not self._house.log.entered.wait(0.01):
            if not self._thread.is_alive() and not self._house.log.entered.is_set():
                if self._error:
                    raise self._error[0]
                got = [one.status for one in self.found]
                raise NotYet(did, "the log is asked", f"an answer without it: {got}")

    def __exit__(self, kind: object, *_more: object) -> None:
        self._house.log.free.set()
        self._thread.join(2 * self._house.wait_s)
        if kind is None and self._error:
            raise self._error[0]


def soon(house: House, path: str, did: str) -> Answer:
    """Ask while something is held: no answer is what the check looks for, not a silence."""
    caller = Caller(house.port, 0.5 * house.wait_s)
    try:
        return caller.ask("GET", path, None, headers_of(None, "reader"), did)
    except LineLost:
        raise NotYet(did, "an answer", f"none within {0.5 * house.wait_s:g} s") from None
    finally:
        caller.close()


@task("3.3")
def test_the_future_is_the_event_clocks(sandbox: Sandbox, rng: random.Random) -> None:
    """What is too far in the future is judged by the event clock, in its own seconds."""
    speed = float(rng.randrange(10, 1000))
    house = opened(sandbox, speed=speed, future_tolerance_s=60.0)
    latest = NOON + timedelta(seconds=60.0 * speed)
    for moment, status in ((latest, 201), (latest + TICK, 422), (datetime.now(UTC), 422)):
        answer = house.post(reading(timestamp=iso_utc(moment)))
        did = f"At {iso_utc(NOON)}, {speed:g} times as fast, 60 s tolerance: {iso_utc(moment)}."
        expect(answer.status, status, did)


# --- 3.4


@task("3.4")
def test_a_problem_has_its_members(room: Any, rng: random.Random) -> None:
    """The document has type, title, status, detail, instance, errors, and what else is given."""
    kinds = {
        400: "malformed-request",
        409: "identity-taken",
        413: "too-large",
        429: "too-many-readings",
    }
    kinds |= {503: "storage-away", 422: "not-a-reading"}
    titles = set()
    for status, kind in kinds.items():
        detail, path, extra = word(rng), f"/api/{word(rng)}", {word(rng): rng.randrange(9)}
        faults = [[word(rng), '"x"', word(rng)] for _ in range(rng.randrange(3))]
        found = room.problem_of(status, detail, faults, extra, path)
        did = f"Made the problem of a refusal with {status}."
        expect_that(isinstance(found, dict), did, "an object", found)
        title = found.pop("title", None)
        expect_that(isinstance(title, str) and bool(title), f"{did} The title:", "words", title)
        titles.add(title)
        errors = [dict(zip(("field", "got", "expected"), one, strict=True)) for one in faults]
        names = {"type": f"/docs#{kind}", "status": status, "detail": detail, "instance": path}
        expect(found, {**names, "errors": errors, **extra}, f"{did} The rest of it:")
    expect(len(titles), len(kinds), f"Made problems of {len(kinds)} kinds. The different titles:")


@task("3.4")
def test_routes_and_methods_that_arent(sandbox: Sandbox, rng: random.Random) -> None:
    """A route that isn't is a 404, a method that isn't a 405 that says which there are."""
    house = opened(sandbox)
    for path in (f"/{word(rng)}", "/api/v1/sensors", f"{DATA}/", "/%0d%0aX-Evil:1"):
        expect_problem(house.get(path), 404)
    for method, path, allowed in (
        ("DELETE", DATA, "POST"),
        ("GET", f"{DATA}/batch", "POST"),
        ("POST", LAST, "GET"),
        ("PUT", "/health/live", "GET"),
    ):
        answer = house.ask(method, path)
        found = expect_problem(answer, 405)
        expect(found["instance"], path, f"{answer.did} The instance:")
        told = answer.headers.get("allow", "no Allow")
        expect_that(allowed in told, f"{answer.did} The header Allow:", allowed, told)


@task("3.4")
def test_what_isnt_json_is_a_400(sandbox: Sandbox) -> None:
    """A body that isn't one JSON document is a 400 that says so, never a 500."""
    house = opened(sandbox)
    good = json.dumps(reading()).encode()
    for body in (
        good[:40],
        good + good,
        good + b"}",
        b"",
        b" \n",
        b'{"device_id": "\xff"}',
        b"value=5",
        b"{'device_id': 'box-1'}",
        b"[" * 100_000,
        b"\xef\xbb\xbf" + good,
    ):
        did = f"Posted {shown(body)}."
        expect_problem(house.ask("POST", DATA, body, did=did), 400, did, field="body")
    expect(stored(house), [], "Posted ten bodies that aren't JSON. The log:")


@task("3.4")
def test_strangers_learn_how_to_come_in(sandbox: Sandbox, rng: random.Random) -> None:
    """Nobody, a stranger and one who was revoked get a 401 that says how to come in."""
    house = opened(sandbox)
    body = json.dumps(reading()).encode()
    asked = [("POST", DATA, body), ("GET", LAST, None)]
    for token in (None, word(rng), "revoked"):
        # What one who was revoked posts is looked at first: here they only read.
        for method, path, sent in asked if token != "revoked" else asked[1:]:
            did = f"Asked {method} {path} with the token {token}."
            answer = house.ask(method, path, sent, token=token, did=did)
            found = expect_problem(answer, 401, did)
            told = answer.headers.get("www-authenticate", "none")
            expect_that(told.startswith("Bearer"), f"{did} WWW-Authenticate:", "Bearer …", told)
            said = json.dumps(found)
            expect_that("meanwhile" not in said, f"{did} The gate's reason in it:", "none", said)
    expect(stored(house), [], "Strangers posted readings. The log:")


@task("3.4")
def test_the_media_type_is_asked(sandbox: Sandbox) -> None:
    """Another media type than JSON is a 415 that names the right one."""
    house = opened(sandbox)
    body = json.dumps(reading()).encode()
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "",
        "json",
    ):
        for path in (DATA, f"{DATA}/batch"):
            did = f'Posted to {path} as "{kind}".'
            answer = house.ask("POST", path, body, headers={"Content-Type": kind}, did=did)
            found = expect_problem(answer, 415, did, field="content-type")
            said = json.dumps(found)
            expect_that("application/json" in said, f"{did} The type in it:", "there", said)


@task("3.4")
def test_our_own_fault_tells_nothing(sandbox: Sandbox, rng: random.Random) -> None:
    """An error that nobody foresaw is a 500 that tells nothing of the inside."""
    house = opened(sandbox)
    secret = word(rng, 20)
    for error in (RuntimeError(f"password {secret}"), KeyError(secret), ZeroDivisionError(secret)):
        house.log.error = error
        answer = house.get(LAST, f"Read while the storage failed by a {type(error).__name__}.")
        found = expect_problem(answer, 500)
        said = json.dumps(found)
        kind = type(error).__name__
        inside = [part for part in (secret, "Traceback", kind) if part in said]
        expect(inside, [], f"{answer.did} What it tells of the inside:")
    house.log.error = None
    expect_problem(house.get("/nowhere"), 404)
    expect(house.get(LAST).status, 200, "Read again when the storage was well.")


@task("3.4")
def test_storage_away_asks_for_patience(sandbox: Sandbox) -> None:
    """While the storage is away the answer is a 503 with Retry-After, and then it isn't."""
    house = opened(sandbox)
    house.log.error = AWAY
    answer = house.get(LAST, "Read while the storage was away.")
    expect_problem(answer, 503)
    told = answer.headers.get("retry-after", "none")
    expect_that(told.isdecimal() and int(told) >= 1, f"{answer.did} Retry-After:", "1", told)
    house.log.error = None
    expect(house.get(LAST).status, 200, "Read again when the storage was back.")


@task("3.4")
def test_a_question_has_faults_too(sandbox: Sandbox, rng: random.Random) -> None:
    """A parameter that can't be is a 422 that names it and shows what came."""
    house = opened(sandbox)
    for name, value in (
        ("limit", "many"),
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", str(rng.randrange(1001, 9999))),
        ("device", "a b"),
        ("page", "2"),
        ("offset", "100"),
    ):
        asked = f"{LAST}?{urllib.parse.urlencode({name: value})}"
        found = expect_problem(house.get(asked), 422, field=name)
        got = next(one["got"] for one in found["errors"] if one["field"] == name)
        expect_that(value in got, f"Asked {asked}. What it says came:", value, got)


@task("3.4")
def test_a_refusal_keeps_the_connection(sandbox: Sandbox) -> None:
    """After a refusal the next request on the same connection is answered."""
    house = opened(sandbox)
    caller = Caller(house.port, house.wait_s)
    try:
        for method, path, body, status in (
            ("GET", "/admin", None, 404),
            ("POST", DATA, b"{", 400),
            ("DELETE", DATA, None, 405),
            ("GET", f"{LAST}?limit=x", None, 422),
            ("GET", "/health/live", None, 200),
        ):
            did = f"Asked {method} {path} on a connection that was used before."
            answer = caller.ask(method, path, body, headers_of(body, "gateway"), did)
            expect(answer.status, status, did)
            expect_that(caller.kept, f"{did} The connection:", "open", Said("closed"))
    finally:
        caller.close()


# --- 3.5


def mixed(rng: random.Random, size: int) -> tuple[list[Any], list[int]]:
    """Return items of a batch, and the statuses that they should get."""
    documents: list[Any] = [reading(device_id="first", value=1.0, message_id="taken")]
    statuses = [201]
    for n in range(size):
        kind = rng.choice(("good", "good", "wrong", "again", "foreign", "taken", "old", "nothing"))
        good = reading(device_id=f"box-{n}", value=rng.uniform(0, 30))
        if kind == "good":
            documents.append(good)
        elif kind == "wrong":
            documents.append({**good, rng.choice(("value", "timestamp", "colour")): "x"})
        elif kind == "again":
            documents.append(documents[0])
        elif kind == "foreign":
            documents.append({**good, "device_id": "foreign"})
        elif kind == "taken":
            documents.append({**documents[0], "value": 2.0 + n})
        elif kind == "old":
            documents.append(
                {"device_id": f"box-{n}", "type": "humidity", "value": 40, "ts": 1.3e9}
            )
        else:
            documents.append(rng.choice((None, 5, "x", [], {})))
        wishes = {"good": 201, "again": 200, "foreign": 403, "taken": 409, "old": 201}
        statuses.append(wishes.get(kind, 422))
    return documents, statuses


@task("3.5")
def test_each_item_gets_its_own_verdict(sandbox: Sandbox, rng: random.Random) -> None:
    """One verdict an item, in order: the status that it alone would have got."""
    house = opened(sandbox)
    documents, statuses = mixed(rng, 40)
    did = "Sent a batch of good, wrong, known, foreign, conflicting and old readings."
    found = house.verdicts(documents, did)
    expect([one.get("status") for one in found], statuses, f"{did} The verdicts:")
    ids = [
        one.get("message_id") for one, status in zip(found, statuses, strict=True) if status == 201
    ]
    expect(sorted(map(str, ids)), sorted(own for _device, own in stored(house)), f"{did} The ids:")
    for one, status in zip(found, statuses, strict=True):
        names = (status < 300, one.get("detail") is None)
        expect(names[1], names[0], f"{did} Whether the detail of a {status} is null:")


@task("3.5")
def test_a_refused_item_hears_why(sandbox: Sandbox, rng: random.Random) -> None:
    """The detail of a refused item names the field and what came."""
    house = opened(sandbox)
    for field in ("value", "timestamp", "metadata.location"):
        wrong = rng.randrange(10**6, 10**7)
        document = reading()
        spoil(document, field, [wrong] if field == "value" else wrong)
        did = f"Sent a batch with {field} = {document.get(field, wrong)}."
        (found,) = house.verdicts([document], did)
        expect(found.get("status"), 422, did)
        told = found.get("detail")
        expect_that(isinstance(told, str) and field in told, f"{did} The detail:", field, told)
        expect(found.get("message_id", "gone"), None, f"{did} The message id:")


@task("3.5")
def test_the_good_ones_share_a_transaction(sandbox: Sandbox, rng: random.Random) -> None:
    """The good readings of a batch are appended together, in order; the others aren't."""
    house = opened(sandbox)
    size = rng.randrange(30, 60)
    documents = [reading(value=float(n), device_id=word(rng)) for n in range(size)]
    wrong = sorted(rng.sample(range(size), 7))
    for place in wrong:
        documents[place]["value"] = None
    did = f"Sent a batch of {size} with 7 wrong ones."
    house.verdicts(documents, did)
    expect(house.log.commits, [size - 7], f"{did} The events of each append:")
    values = [row.event.value for row in house.log.rows]
    wanted = [float(n) for n in range(size) if n not in wrong]
    expect(values, wanted, f"{did} The values in the log:")


@task("3.5")
def test_a_batch_has_a_limit(sandbox: Sandbox, rng: random.Random) -> None:
    """A batch at its limit is stored; one more is a 413, and nothing of it is stored."""
    limit = rng.randrange(5, 15)
    house = opened(sandbox, batch_limit=limit)
    documents = [reading(value=float(n)) for n in range(limit + 1)]
    over = house.post(documents, "/batch", f"Sent {limit + 1} readings; the limit is {limit}.")
    expect(over.status, 413, over.did)
    expect(stored(house), [], f"{over.did} The log:")
    did = f"Sent {limit} readings; the limit is {limit}."
    found = house.verdicts(documents[:limit], did)
    expect([one.get("status") for one in found], [201] * limit, f"{did} The verdicts:")


@task("3.5")
def test_what_isnt_a_batch(sandbox: Sandbox) -> None:
    """An empty batch has no verdicts; what isn't an array is a 400."""
    house = opened(sandbox)
    expect(house.post([], "/batch").content, [], "Sent an empty batch.")
    (one,) = house.verdicts([reading()], "Sent a batch of one.")
    expect(one.get("status"), 201, "Sent a batch of one. Its verdict:")
    for body in (b"{}", b'{"readings": []}', b"[1, 2", b"null", b"[] []"):
        did = f"Sent {body!r} as a batch."
        expect(house.ask("POST", f"{DATA}/batch", body, did=did).status, 400, did)


@task("3.5")
def test_a_batch_waits_for_the_storage_as_a_whole(sandbox: Sandbox) -> None:
    """While the log is away the whole batch is refused; sent again, all of it is new."""
    house = opened(sandbox)
    documents = [reading(value=1.0), reading(value="x"), reading(value=2.0)]
    house.log.error = AWAY
    did = "Sent a batch while the log was away."
    answer = house.post(documents, "/batch", did)
    expect_that(answer.status >= 500, did, "503", answer.status)
    house.log.error = None
    found = house.verdicts(documents, "Sent it again when the log was back.")
    statuses = [one.get("status") for one in found]
    expect(statuses, [201, 422, 201], "Sent it again when the log was back. The verdicts:")


# --- 3.6


def bucket(rate: float, burst: float, asked: Sequence[tuple[str, int, float]]) -> list[Any]:
    """Return what token buckets answer, by their definition."""
    buckets: dict[str, tuple[float, float]] = {}
    answers = []
    for device, wanted, now in asked:
        tokens, since = buckets.get(device, (burst, now))
        tokens = min(burst, tokens + max(0.0, now - since) * rate)
        granted = min(wanted, int(tokens))
        buckets[device] = (tokens - granted, now)
        missing = 0.0 if granted == wanted else (1.0 - (tokens - granted)) / rate
        answers.append((granted, missing))
    return answers


@task("3.6")
def test_buckets_of_any_traffic(room: Any, rng: random.Random) -> None:
    """A bucket a device: full at first, filled by time, never above its burst."""
    rate, burst = rng.choice((0.5, 1.0, 2.0, 4.0)), float(rng.randrange(1, 12))
    now, asked = 1000.0, []
    for _turn in range(60):
        now += rng.choice((0.0, 0.25, 0.25, 1.0, 5.0, 100.0))
        asked.append((rng.choice("abc"), rng.randrange(1, 7), now))
    found = room.grants(rate, burst, asked)
    wanted = bucket(rate, burst, asked)
    for one, got, wish in zip(asked, found, wanted, strict=True):
        did = f"Rate {rate:g}, burst {burst:g}, in a traffic of 60: asked {one}."
        expect(got[0], wish[0], f"{did} Granted:")
        expect_close(got[1], wish[1], f"{did} To wait:", within=1e-6, unit="s")


@task("3.6")
def test_no_rate_is_no_limit(room: Any) -> None:
    """With rate 0 there is no limit; nine tenths and a tenth of a token are one."""
    found = room.grants(0.0, 0.0, [("a", 10**6, 0.0), ("a", 5, 0.0)])
    expect(found, [(10**6, 0.0), (5, 0.0)], "Rate 0: asked for a million, then for 5.")
    asked = [("a", 1, 100.0 + n) for n in range(11)]
    found = [granted for granted, _wait in room.grants(0.1, 1.0, asked)]
    did = "Rate 0.1, burst 1: asked every second, eleven times."
    expect(found, [1] + [0] * 9 + [1], did)


@task("3.6")
def test_a_flooder_holds_up_nobody_but_itself(sandbox: Sandbox, rng: random.Random) -> None:
    """Over its budget a device gets 429 with the seconds to wait; no other device notices."""
    burst = rng.randrange(2, 5)
    house = opened(sandbox, device_rate=0.001, device_burst=float(burst))
    did = f"One device sent {burst + 2} readings; its burst is {burst}, its rate 0.001 a second."
    answers = [house.post(reading(value=float(n))) for n in range(burst + 2)]
    statuses = [one.status for one in answers]
    expect(statuses, [201] * burst + [429] * 2, f"{did} The statuses:")
    told = answers[-1].headers.get("retry-after", "none")
    right = told.isdecimal() and 900 <= int(told) <= 1000
    expect_that(right, f"{did} Retry-After:", "900 to 1000, in whole seconds", told)
    expect_problem(answers[-1], 429, did)
    expect(len(house.log.rows), burst, f"{did} The rows of the log:")
    other = house.post(reading(device_id="box-2"))
    expect(other.status, 201, f"{did} Then another device sent one.")


@task("3.6")
def test_a_batch_over_the_budget(sandbox: Sandbox, rng: random.Random) -> None:
    """In a batch the budget is each device's own: what is over it is 429, the rest is stored."""
    burst = rng.randrange(2, 5)
    house = opened(sandbox, device_rate=0.001, device_burst=float(burst))
    flood = [reading(value=float(n)) for n in range(burst + 2)]
    calm = [reading(device_id="box-2", value=float(n)) for n in range(burst)]
    did = f"Sent a batch: {burst + 2} of one device, {burst} of another; the burst is {burst}."
    answer = house.post([*flood, *calm], "/batch", did)
    expect(answer.status, 200, did)
    statuses = [one.get("status") for one in answer.items]
    expect(statuses, [201] * burst + [429] * 2 + [201] * burst, f"{did} The verdicts:")
    told = answer.headers.get("retry-after", "none")
    right = told.isdecimal() and 900 <= int(told) <= 1000
    expect_that(right, f"{did} Retry-After:", "900 to 1000, in whole seconds", told)


@task("3.6")
def test_what_wasnt_stored_isnt_charged(sandbox: Sandbox) -> None:
    """A reading that couldn't be stored takes nothing from its device's budget."""
    house = opened(sandbox, device_rate=0.001, device_burst=2.0)
    house.log.error = AWAY
    did = "Sent a reading five times while the log was away; the burst is 2."
    statuses = [house.post(reading()).status for _again in range(5)]
    expect(statuses, [503] * 5, f"{did} The statuses:")
    house.log.error = None
    statuses = [house.post(reading(value=float(n))).status for n in range(3)]
    expect(statuses, [201, 201, 429], f"{did} Then three more when it was back.")


HEAD = f"POST {DATA} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer gateway\r\n"
HEAD += "Content-Type: application/json\r\n"


class Wire:
    """A bare connection: what is sent, byte by byte, and what comes back."""

    def __init__(self, port: int, wait_s: float) -> None:
        self._end = time.monotonic() + wait_s
        self._wait_s = wait_s
        self._socket = socket.create_connection(("127.0.0.1", port), wait_s)
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """Send; return whether the other side still took it."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def status(self, did: str) -> int:
        """Return the status of the answer; NotYet if none comes."""
        while b"\r\n" not in self._read:
            self._socket.settimeout(max(0.01, self._end - time.monotonic()))
            try:
                part = self._socket.recv(65_536)
            except TimeoutError:
                raise NotYet(did, "an answer", f"none within {self._wait_s:g} s") from None
            except OSError as error:
                raise NotYet(did, "an answer", f"none: {error}") from None
            if not part:
                raise NotYet(did, "an answer", "the connection ended without one")
            self._read += part
        words = self._read.split(b"\r\n", 1)[0].split()
        known = len(words) > 1 and words[1].isdigit()
        return int(words[1]) if known else 0

    def answered(self) -> bool:
        """Return whether something came back already."""
        self._socket.settimeout(0)
        try:
            self._read += self._socket.recv(65_536)
        except OSError:
            return bool(self._read)
        return True


@task("3.6")
def test_a_body_at_the_limit_passes(sandbox: Sandbox, rng: random.Random) -> None:
    """A body of exactly the limit passes; a byte more is a 413. Declared or chunked."""
    limit = rng.randrange(500, 900)
    house = opened(sandbox, max_body_bytes=limit)
    body = json.dumps(reading()).encode().ljust(limit)
    for extra, chunked, status in (
        (0, False, 201),
        (1, False, 413),
        (0, True, 200),
        (1, True, 413),
    ):
        sent = body + b" " * extra
        how = "in chunks" if chunked else "with its length"
        did = f"Sent a body of {len(sent)} bytes {how}; the limit is {limit}."
        head = {"Transfer-Encoding": "chunked"} if chunked else {}
        data = (b"%x\r\n%s\r\n" * 2 % (100, sent[:100], len(sent) - 100, sent[100:])) + b"0\r\n\r\n"
        answer = house.ask("POST", DATA, data if chunked else sent, headers=head, did=did)
        expect(answer.status, status, did)
        if status == 413:
            expect_problem(answer, 413, did)


@task("3.6")
def test_a_declared_giant_is_refused_unread(sandbox: Sandbox) -> None:
    """A length over the limit is refused before a byte of the body has come."""
    house = opened(sandbox, max_body_bytes=1_000)
    did = "Declared 9,000,000 bytes and sent none; the limit is 1,000."
    with Wire(house.port, 0.5 * house.wait_s) as wire:
        wire.send(f"{HEAD}Content-Length: 9000000\r\n\r\n".encode())
        expect(wire.status(did), 413, did)


@task("3.6")
def test_an_endless_body_is_refused_while_it_comes(sandbox: Sandbox) -> None:
    """A chunked body without an end is refused as soon as it is over the limit."""
    house = opened(sandbox, max_body_bytes=20_000)
    did = "Sent chunks without an end; the limit is 20,000 bytes, 30,000 were sent."
    with Wire(house.port, 0.5 * house.wait_s) as wire:
        wire.send(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _turn in range(3):
            wire.send(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        expect(wire.status(did), 413, did)


@task("3.6")
def test_a_slow_body_ends(room: Any, sandbox: Sandbox) -> None:
    """The time is for the whole body: a byte now and then doesn't renew it."""
    port = on_a_port(sandbox, lambda port: room.receive(port, 1_000, 0.5))
    did = "Sent a byte now and then; the body's time was 0.5 s."
    with Wire(port, sandbox.patience_s) as wire:
        wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n")
        pause, end = threading.Event(), time.monotonic() + 6.0
        while not wire.answered() and time.monotonic() < end and wire.send(b" "):
            pause.wait(0.04)
        if not wire.answered():
            raise NotYet(did, "408", "no answer while bytes came")
        expect(wire.status(did), 408, did)


@task("3.6")
def test_a_body_comes_whole(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A body within its limits comes as it was sent, however it was cut."""
    port = on_a_port(sandbox, lambda port: room.receive(port, 1_500_000, 60.0))
    for size in (0, 1, 1_500_000):
        body = rng.randbytes(size)
        pieces: list[bytes] = []
        while (start := sum(len(piece) for piece in pieces)) < size:
            pieces.append(body[start : start + rng.randrange(1, 200_000)])
        did = f"Sent {size} bytes in {len(pieces)} chunks."
        data = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        head = {"Transfer-Encoding": "chunked"}
        caller = Caller(port, sandbox.patience_s)
        answer = caller.ask("POST", "/", data + b"0\r\n\r\n", head, did)
        caller.close()
        expect(answer.status, 200, did)
        expect(len(answer.body), size, f"{did} The bytes that came:")
        expect_that(answer.body == body, did, "the same bytes", "others")


@task("3.6")
def test_who_hangs_up_stores_nothing(sandbox: Sandbox) -> None:
    """A body that its sender didn't finish is not stored, and the door stays open."""
    house = opened(sandbox)
    body = json.dumps(reading()).encode()
    with Wire(house.port, house.wait_s) as wire:
        wire.send(f"{HEAD}Content-Length: {len(body) + 1}\r\n\r\n".encode() + body)
        for _turn in range(10):  # meanwhile the door reads what came
            house.get("/health/live")
    did = "Sent all of a reading but one blank, and hung up; then sent another."
    expect(house.post(reading(device_id="box-2")).status, 201, did)
    expect([device for device, _own in stored(house)], ["box-2"], f"{did} The log:")


@task("3.6")
def test_readiness_is_asked_each_time(sandbox: Sandbox) -> None:
    """Ready says who is away, alive says yes meanwhile, and ready is ready again by itself."""
    house = opened(sandbox)
    for error, status in ((None, 200), (AWAY, 503), (None, 200), (AWAY, 503), (None, 200)):
        house.log.error = error
        state = "away" if error else "there"
        did = f"Asked whether it is ready; the log is {state}."
        answer = house.get("/health/ready", did)
        expect(answer.status, status, did)
        told: Any = answer.members.get("dependencies")
        expect_that(isinstance(told, dict) and "log" in told, f"{did} Who is named:", "log", told)
        expect(told["log"] == "ok", error is None, f"{did} Whether the log is said to be ok:")
        alive = house.get("/health/live", f"Asked whether it lives; the log is {state}.")
        expect((alive.status, alive.members.get("status")), (200, "live"), alive.did)
        if error:
            expect_problem(answer, 503, did)
            expect("retry-after" in answer.headers, True, f"{did} Retry-After is there:")


@task("3.6")
def test_other_dependencies_count_too(sandbox: Sandbox) -> None:
    """Ready follows the monitor's word too, and names who is away."""
    away = Health(live=True, ready=False, dependencies=(("broker", "refused"), ("model", "ok")))
    unsaid = Health(live=True, ready=False)
    well = Health(live=True, ready=True, dependencies=(("broker", "ok"),))
    for health, status, names in (
        (away, 503, ["broker"]),
        (unsaid, 503, None),
        (well, 200, []),
    ):
        house = opened(sandbox, health=health)
        did = f"Asked whether it is ready; the monitor says {health}."
        answer = house.get("/health/ready", did)
        expect(answer.status, status, did)
        told: Any = answer.members.get("dependencies")
        expect_that(isinstance(told, dict), f"{did} The dependencies:", "an object", told)
        if names is not None:
            bad = {name for name, state in told.items() if state != "ok"}
            right = set(names) <= bad and not bad & {"log", "model"} and bool(names) == bool(bad)
            expect_that(right, f"{did} Who isn't ok:", f"{names}, not log nor model", sorted(bad))


@task("3.6")
def test_a_log_that_hangs_doesnt_stop_the_pulse(sandbox: Sandbox) -> None:
    """While the log is asked whether it is there, the door answers others."""
    house = opened(sandbox)
    with answering(house, lambda: house.get("/health/ready")) as answers:
        answers.begun("Waited until the log was asked.")
        did = "Asked /health/live while the log was being asked."
        expect(soon(house, "/health/live", did).status, 200, did)


# --- 3.7

DAY = "start=2013-05-06T00:00:00Z&end=2013-05-07T00:00:00Z"


@task("3.7")
def test_a_reading_is_shown_as_it_is_stored(sandbox: Sandbox, rng: random.Random) -> None:
    """All that the log knows of a reading is shown, each thing under its name."""
    house = opened(sandbox)
    for about in ({}, {"location": "roof", "calibration_date": date(2013, 1, 31)}):
        device = word(rng)
        one = event(
            NOON - timedelta(seconds=rng.randrange(9_000)), rng.uniform(0, 30), device, **about
        )
        house.log.store(one)
        row = house.log.rows[-1]
        answer = house.get(f"{LAST}?device={device}")
        expect(answer.status, 200, answer.did)
        wanted = {
            "position": row.position,
            "device_id": device,
            "sensor_id": "S-1",
            "sensor_type": "temperature",
            "value": one.value,
            "unit": "celsius",
            "timestamp": iso_utc(one.timestamp),
            "received_at": iso_utc(one.received_at),
            "stored_at": when(row),
            "message_id": one.message_id,
            "location": "roof" if about else None,
            "calibration_date": "2013-01-31" if about else None,
        }
        expect(answer.members.get("readings"), [wanted], f"{answer.did} The readings:")


@task("3.7")
def test_the_question_reaches_the_storage(sandbox: Sandbox, rng: random.Random) -> None:
    """Range, limit, bucket, fill and cursor reach the storage as they were asked."""
    house = opened(sandbox)
    device, sensor = word(rng), word(rng)
    for fill in ("none", "null", "previous", "linear"):
        start = NOON - timedelta(milliseconds=rng.randrange(10**9))
        end = start + timedelta(milliseconds=rng.randrange(1, 10**7))
        kind, limit, bucket_s = (
            rng.choice(sorted(UNITS)),
            rng.randrange(1, 10_001),
            rng.randrange(1, 999),
        )
        asked = {"start": iso_utc(start), "end": iso_utc(end), "limit": limit, "fill": fill}
        asked |= {"bucket": bucket_s, "cursor": f"after {word(rng)}"}
        query = urllib.parse.urlencode(asked)
        answer = house.get(f"/api/v1/sensors/{device}/{sensor}/{kind}/points?{query}")
        expect(answer.status, 200, answer.did)
        expect(answer.members.get("unit"), UNITS[kind], f"{answer.did} The unit:")
        wanted = {
            "device_id": device,
            "sensor_id": sensor,
            "sensor_type": kind,
            "start": start,
            "end": end,
            "limit": limit,
            "cursor": asked["cursor"],
            "bucket_s": bucket_s,
            "fill": fill,
        }
        for name, wish in wanted.items():
            got = getattr(house.series.asked[-1], name)
            expect(
                as_text(got), as_text(wish), f"{answer.did} The {name} that reached the storage:"
            )


def pages(house: House, path: str, rows: str) -> Iterator[list[dict[str, Any]]]:
    """Follow the cursors from page to page."""
    cursor = ""
    for _page in range(30):
        answer = house.get(path + cursor)
        expect(answer.status, 200, answer.did)
        found = answer.members.get(rows)
        is_list = isinstance(found, list) and all(isinstance(one, dict) for one in found)
        expect_that(is_list, f"{answer.did} The {rows}:", "a list of objects", found)
        yield list(found or [])
        following = answer.members.get("cursor", "gone")
        if following is None:
            return
        cursor = f"&cursor={urllib.parse.quote(str(following))}"
    raise NotYet(f"Followed the cursors of {path}.", "a last page", "30 pages without an end")


@task("3.7")
def test_pages_stand_still_while_rows_come_in(sandbox: Sandbox, rng: random.Random) -> None:
    """Readings that come in while one turns pages neither shift nor repeat anything."""
    house = opened(sandbox)
    minutes = sorted(rng.sample(range(600), 20))
    start = NOON - timedelta(hours=12)
    for minute in minutes:
        house.log.store(event(start + timedelta(minutes=minute), float(minute)))
    seen = []
    for page in pages(house, f"{POINTS}?{DAY}&limit=6", "points"):
        seen += [one.get("value") for one in page]
        house.log.store(event(start + timedelta(seconds=len(seen)), -1.0))
    found = [value for value in seen if value != -1.0]
    did = "Read 20 readings in pages of 6, while older ones came in."
    expect(found, [float(minute) for minute in minutes], did)


@task("3.7")
def test_all_sensors_page_by_page(sandbox: Sandbox, rng: random.Random) -> None:
    """The last readings of all sensors come page by page, each once; one device's alone."""
    house = opened(sandbox)
    devices = sorted({f"box-{rng.randrange(10_000)}" for _ in range(14)})
    for device in devices:
        for hours in (3, 1, 2):
            house.log.store(event(NOON - timedelta(hours=hours), float(hours), device))
    found = [
        (one.get("device_id"), one.get("value"))
        for page in pages(house, f"{LAST}?limit=5", "readings")
        for one in page
    ]
    did = f"Read the last values of {len(devices)} devices in pages of 5."
    expect(found, [(device, 1.0) for device in devices], did)
    alone = [
        one for page in pages(house, f"{LAST}?device={devices[3]}", "readings") for one in page
    ]
    expect([one.get("device_id") for one in alone], [devices[3]], f"Asked for {devices[3]} alone.")


@task("3.7")
def test_windows_of_a_width(sandbox: Sandbox, rng: random.Random) -> None:
    """Windows of the width that was asked come as the storage has them."""
    house = opened(sandbox)
    width = rng.randrange(60, 90_000)
    a, b, c, d, e = numbers = [rng.uniform(0, 30) for _ in range(5)]
    names = ("box-1", "S-1", "temperature")
    house.series.windows_shown = [Window(*names, NOON, width, 7, a, b, c, d, e, 2)]
    answer = house.get(f"{WINDOWS}?{DAY}&width={width}")
    expect(answer.status, 200, answer.did)
    expect(house.series.widths, [width], f"{answer.did} The width that the storage was asked:")
    keys = ("mean", "minimum", "maximum", "deviation", "median")
    wanted = {"start": iso_utc(NOON), "width_s": width, "count": 7, "revision": 2}
    found = answer.members.get("windows")
    expect(
        found, [{**wanted, **dict(zip(keys, numbers, strict=True))}], f"{answer.did} The windows:"
    )
    query = (house.series.asked[0].start, house.series.asked[0].end)
    day = datetime(2013, 5, 6, tzinfo=UTC)
    expect(query, (day, day + timedelta(days=1)), f"{answer.did} The range:")


@task("3.7")
def test_impossible_questions_are_refused(sandbox: Sandbox) -> None:
    """A question that can't be answered, or only at great cost, is refused by its parameter."""
    house = opened(sandbox)
    long = "start=2013-05-06T00:00:00Z&end=2013-05-07T03:46:40Z"  # 100,000 seconds
    longer = "start=2013-05-06T00:00:00Z&end=2013-05-07T03:46:40.001Z"
    for asked, field in (
        ("start=2013-05-06T00:00:00Z&end=2013-05-06T00:00:00Z", "end"),
        ("start=2013-05-06T00:00:00.001Z&end=2013-05-06T00:00:00Z", "end"),
        ("start=1969-12-31T23:59:59.999Z&end=2013-05-06T00:00:00Z", "start"),
        ("start=2013-05-06T00:00:00&end=2013-05-07T00:00:00Z", "start"),
        (f"{DAY}&fill=linear", "fill"),
        (f"{DAY}&fill=guess&bucket=60", "fill"),
        (f"{longer}&bucket=1", "bucket"),
        (f"{DAY}&bucket=0", "bucket"),
        (f"{DAY}&limit=10001", "limit"),
        (f"{DAY}&page=2", "page"),
        (f"{DAY}&cursor=17", "cursor"),
        ("end=2013-05-06T00:00:00Z", "start"),
    ):
        expect_problem(house.get(f"{POINTS}?{asked}"), 422, field=field)
    for asked in (
        f"{long}&bucket=1",
        f"{DAY}&fill=none",
        "start=1970-01-01T00:00:00Z&end=1970-01-02T00:00:00Z",
    ):
        answer = house.get(f"{POINTS}?{asked}")
        expect(answer.status, 200, answer.did)


@task("3.7")
def test_a_slow_reader_stops_nobody_else(sandbox: Sandbox) -> None:
    """While the storage reads, the door answers others."""
    house = opened(sandbox)
    with answering(house, lambda: house.get(f"{POINTS}?{DAY}")) as answers:
        answers.begun("Waited until the storage was asked.")
        did = "Asked /health/live while the storage was reading."
        expect(soon(house, "/health/live", did).status, 200, did)


SENSOR = "/api/v1/sensors/{device}/{sensor}/{kind}"
REFUSALS: dict[tuple[str, str], set[int]] = {
    (DATA, "post"): {400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503},
    (f"{DATA}/batch", "post"): {400, 401, 403, 408, 413, 415, 500, 503},
    ("/api/v1/token", "post"): {400, 401, 408, 413, 415, 500},
    (LAST, "get"): {401, 403, 422, 500, 503},
    (f"{SENSOR}/points", "get"): {401, 403, 422, 500, 503},
    (f"{SENSOR}/windows", "get"): {401, 403, 422, 500, 503},
    ("/health/ready", "get"): {500, 503},
    ("/metrics", "get"): {500},
}
RIGHT = {"type": "x", "title": "x", "status": 1, "detail": "x", "instance": "x", "errors": []}
MORE = {"dependencies": {}, "error": "x"}
HEADERS = {401: "www-authenticate", 429: "retry-after", 503: "retry-after"}


def described(house: House) -> dict[str, Any]:
    """Return the OpenAPI document."""
    answer = house.ask("GET", "/openapi.json", did="Read /openapi.json.")
    expect(answer.status, 200, answer.did)
    return answer.members


@task("3.7")
def test_every_refusal_is_documented(sandbox: Sandbox) -> None:
    """The OpenAPI document has each refusal with its schema and its headers, and who may ask."""
    found = described(opened(sandbox))
    for (path, method), statuses in REFUSALS.items():
        operation = found["paths"][path][method]
        known = {int(status) for status in operation["responses"] if status.isdigit()}
        did = f"Read what /openapi.json says of {method.upper()} {path}."
        expect(sorted(statuses - known), [], f"{did} Refusals that aren't there:")
        expect(sorted(known - statuses - {200, 201}), [], f"{did} Refusals too many:")
        for status in sorted(statuses):
            told = operation["responses"][str(status)]
            expect_that(bool(told.get("description")), f"{did} {status}:", "a description", told)
            kinds = list(told.get("content", {}))
            expect(kinds, ["application/problem+json"], f"{did} The content of {status}:")
            schema = told["content"][kinds[0]].get("schema")
            right = contradiction(found, schema, {**RIGHT, **MORE})
            expect(right, "", f"{did} A problem document against the schema of {status}:")
            wrong = contradiction(found, schema, {"detail": "x"})
            expect_that(wrong != "", f"{did} `{{}}` against the schema of {status}:", "no", "yes")
            name = HEADERS.get(status)
            there = {one.lower() for one in told.get("headers", {})}
            expect_that(name is None or name in there, f"{did} {status}:", str(name), sorted(there))
        open_door = path in ("/health/ready", "/metrics", "/api/v1/token")
        secure = bool(operation.get("security"))
        expect(secure, not open_door, f"{did} Whether one has to show who one is:")


def hostile(rng: random.Random, name: str, share: float) -> str:
    """Return a value for a parameter; this share of them is bad."""
    good = {
        "start": "2013-05-05T00:00:00Z",
        "end": "2013-05-06T00:00:00Z",
        "limit": "5",
        "bucket": "60",
        "width": "3600",
        "fill": "null",
        "device": "box-1",
    }
    odd = (
        "",
        "0",
        "-1",
        "9" * 30,
        "x",
        "\x00",
        "é",
        "null",
        "1e3",
        "after ",
        "2013-05-05T00:00:00",
    )
    return rng.choice(odd) if rng.random() < share or name not in good else good[name]


def questions(document: Any, rng: random.Random) -> Iterator[tuple[str, str, str, bytes | None]]:
    """Yield (template, method, path, body) for the routes of a document; the first are good."""
    for template in (LAST, f"{SENSOR}/points", f"{SENSOR}/windows"):
        for turn in range(12):
            share = 0.15 if turn else 0.0
            path = template
            for name, good in (("device", "box-1"), ("sensor", "S-1"), ("kind", "temperature")):
                part = rng.choice(("..", "a b", "é", "x" * 70)) if rng.random() < share else good
                path = path.replace(f"{{{name}}}", urllib.parse.quote(part, safe=""))
            known = [one["name"] for one in document["paths"][template]["get"]["parameters"]]
            names = [one for one in known if f"{{{one}}}" not in template and one != "cursor"]
            names += ["cursor"] if rng.random() < share else []
            asked = {one: hostile(rng, one, share) for one in names if rng.random() >= share}
            yield template, "get", f"{path}?{urllib.parse.urlencode(asked)}", None
    for where in (DATA, f"{DATA}/batch"):
        for _turn in range(15):
            one: Any = reading(value=rng.uniform(0, 30))
            for field in rng.sample(sorted(SPOILT), rng.randrange(3)):
                spoil(one, field, rng.choice(SPOILT[field])) if "." not in field else None
            body = json.dumps([one] if where != DATA else one).encode()
            if rng.random() < 0.3:
                body = body[: rng.randrange(len(body))] + rng.randbytes(rng.randrange(4))
            yield where, "post", where, body
    for path in ("/health/live", "/health/ready", "/metrics"):
        yield path, "get", path, None


@task("3.7")
def test_a_fuzzer_cant_contradict_the_document(sandbox: Sandbox, rng: random.Random) -> None:
    """Whatever is sent, status, headers and body of the answer are as the document says."""
    house = opened(sandbox, device_rate=0.001, device_burst=6.0)
    house.log.store(event(NOON - timedelta(hours=20)))
    document = described(house)
    seen: set[tuple[str, int]] = set()
    for template, method, path, body in questions(document, rng):
        calm = template not in {one for one, _hundreds in seen} or rng.random() < 0.6
        house.log.error = None if calm else rng.choice((None, AWAY, RuntimeError("x")))
        token = "gateway" if calm else rng.choice(("gateway", "reader", "stolen", None))
        sent = "" if body is None else f" with {shown(body)}"
        did = f"Asked {method.upper()} {path}{sent} as {token}."
        try:
            answer = house.ask(method.upper(), path, body, token=token, did=did)
        except RemoteError:
            if template in (f"{DATA}/batch", "/health/ready"):
                continue  # another task, which isn't done yet
            raise
        seen.add((template, answer.status // 100))
        told = document["paths"][template][method]["responses"].get(str(answer.status))
        expect_that(
            told is not None, did, "a status that is documented", (answer.status, answer.body)
        )
        kind = answer.headers.get("content-type", "none").partition(";")[0]
        did = f"{did} The answer, {answer.status}:"
        expect_that(kind in told.get("content", {}), did, f"one of {list(told['content'])}", kind)
        for name, about in told.get("headers", {}).items():
            needed = about.get("required") is not True or name.lower() in answer.headers
            expect_that(needed, did, f"the header {name}", sorted(answer.headers))
        others = template in (f"{DATA}/batch", "/health/ready") and answer.status < 300
        if "json" in kind and not others:  # what those answer is asked elsewhere
            schema = told["content"][kind].get("schema")
            expect(
                contradiction(document, schema, answer.content), "", f"{did} Against its schema:"
            )
    good = {(LAST, 2), (f"{SENSOR}/points", 2), (f"{SENSOR}/windows", 2)}
    expect(sorted(good - seen), [], "Counted the routes that didn't answer a good question.")
