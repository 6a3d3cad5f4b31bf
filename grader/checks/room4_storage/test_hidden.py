"""Room 4, the checks that a student doesn't see: what each task means, on the run's own inputs."""

import math
import random
import sqlite3
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from grader.evidence import (
    expect,
    expect_between,
    expect_close,
    expect_refused,
    expect_that,
    number,
    task,
)
from grader.line import Served
from grader.sandbox import Sandbox
from shared.contracts.messages import Event
from shared.contracts.ports import SeriesQuery
from shared.contracts.settings import Settings, StorageSettings

START = datetime(2025, 3, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
HOUR = 3_600_000
RULES = StorageSettings()


class Silent:
    def event(self, level: str, name: str, **context: object) -> None: ...
    def measure(self, fact: object, value: float = 1.0, **labels: str) -> None: ...
    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None: ...
    def trace(self, traceparent: str | None = None) -> str:
        return traceparent or ""


TELEMETRY = Served(Silent(), frozenset({"event", "measure", "trace", "span"}))


def store(sandbox: Sandbox, name: str, **rules: Any) -> Settings:
    """Return the settings of a store of its own, in files that the check may open later."""
    urls: dict[str, Any] = {
        f"{kind}_url": f"sqlite:///{sandbox.place(f'{name}-{kind}.db')}"
        for kind in ("log", "series", "findings")
    }
    return Settings(state_dir=sandbox.place(""), storage=StorageSettings(**urls, **rules))


def rows(sandbox: Sandbox, name: str, query: str) -> list[tuple[Any, ...]]:
    """Return what stands in a file once the worker is dead."""
    with tempfile.TemporaryDirectory() as place:
        for suffix in ("", "-wal"):
            data = sandbox.take(f"{name}.db{suffix}")
            if data is not None:
                (Path(place) / f"taken.db{suffix}").write_bytes(data)
        database = sqlite3.connect(Path(place) / "taken.db")
        try:
            return database.execute(query).fetchall()
        except sqlite3.DatabaseError as error:
            return [(f"unreadable: {error}",)]
        finally:
            database.close()


def event(number_: int, minutes: float, value: float = 20.0, device: str = "box-1") -> Event:
    moment = START + timedelta(minutes=minutes)
    names = (device, f"msg-{number_}", "S-1", "temperature")
    return Event(*names, value, "celsius", moment, START)


def everything(minutes: float = 1e5, **changes: Any) -> SeriesQuery:
    until = START + timedelta(minutes=minutes)
    names = {"device_id": "box-1", "sensor_id": "S-1", "sensor_type": "temperature"}
    return SeriesQuery(**{**names, "start": START, "end": until, **changes})


# --- 4.1


@task("4.1")
def test_what_was_appended_survives_a_kill(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """A batch is on disk, whole, when append returns."""
    settings = store(sandbox, "kill")
    count = rng.randrange(200, 400)
    values = [rng.uniform(10, 30) for _ in range(count)]
    room.logged(settings, [event(n, n, value) for n, value in enumerate(values)])
    sandbox.kill()
    found = rows(sandbox, "kill-log", "SELECT value FROM events ORDER BY position")
    did = f"Appended {count} events, killed the process, and opened the file."
    expect(len(found), count, did)
    expect([row[0] for row in found], values, did)


@task("4.1")
def test_outcomes_are_in_the_order_of_the_call(room: Any, sandbox: Sandbox) -> None:
    """Append answers for each event in order, within one batch as across two."""
    settings = store(sandbox, "outcomes")
    first = room.logged(settings, [event(1, 0), event(2, 1), event(1, 0), event(2, 1, 21.0)])
    did = "Appended 1, 2, 1 again, and 2 with another value, in one batch."
    expect(first, ["created", "created", "duplicate", "conflict"], did)
    second = room.logged(settings, [event(3, 2), event(2, 5), event(1, 0)])
    did = "Then 3, 2 with another time, and 1 again."
    expect(second, ["created", "conflict", "duplicate"], did)
    found = rows(sandbox, "outcomes-log", "SELECT message_id, value FROM events ORDER BY position")
    wanted = [("msg-1", 20.0), ("msg-2", 20.0), ("msg-3", 20.0)]
    expect(found, wanted, f"{did} What the file holds:")


@task("4.1")
def test_ids_are_unique_a_device(room: Any, sandbox: Sandbox) -> None:
    """Two devices may use the same message id; nobody can claim another's."""
    settings = store(sandbox, "devices")
    found = room.logged(settings, [event(1, 0), event(1, 0, 25.0, "box-2")])
    did = "Appended msg-1 of box-1 and msg-1 of box-2."
    expect(found, ["created", "created"], did)
    kept = rows(sandbox, "devices-log", "SELECT device_id, value FROM events ORDER BY device_id")
    expect(kept, [("box-1", 20.0), ("box-2", 25.0)], f"{did} What the file holds:")


@task("4.1")
def test_reading_goes_on_where_it_stopped(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """Read returns events above a position, ascending, and skips none."""
    settings = store(sandbox, "read")
    log = room.open_log(settings.storage)
    for start in range(0, 60, 20):
        log.append([event(n, rng.randrange(1000)) for n in range(start, start + 20)])
    seen, after = [], 0
    for _turn in range(30):
        page = log.read(after, rng.randrange(1, 9))
        if not page:
            break
        positions = [number(one.position, "Read a position.") for one in page]
        expect_that(
            positions == sorted(positions) and positions[0] > after,
            f"Read events above position {after}.",
            "ascending positions above it",
            positions,
        )
        seen += [one.event.message_id for one in page]
        after = int(positions[-1])
    expect(seen, [f"msg-{n}" for n in range(60)], "Read a log of 60 in small pieces.")
    expect(log.head(), after, "Asked for the head of the log.")


@task("4.1")
def test_an_event_comes_back_as_it_went_in(room: Any, sandbox: Sandbox) -> None:
    """The log gives back every field of an event."""
    settings = store(sandbox, "fields")
    one = replace(
        event(1, 1.0005, 21.123456789),
        location="roof",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        original='{"value": 21.123456789}',
    )
    log = room.open_log(settings.storage)
    log.append([one])
    (found,) = log.read(0, 10)
    expect(found.event, one, "Appended an event and read it.")


@task("4.1")
def test_a_database_that_is_away_says_so(room: Any, sandbox: Sandbox) -> None:
    """A database that can't be opened raises StoreUnavailable."""
    sandbox.put("taken/here.txt", b"a folder stands where the file should be")
    url = f"sqlite:///{sandbox.place('taken')}"
    log = room.open_log(StorageSettings(log_url=url))
    did = "Appended to a database whose file is a folder."
    expect_refused(lambda: log.append([event(1, 0)]), did, kind="StoreUnavailable")


# --- 4.2


@task("4.2")
def test_possible_is_judged_by_the_type(room: Any) -> None:
    """What was never measured on the ground is impossible, by type."""
    for kind, low, high in (
        ("temperature", -90.0, 60.0),
        ("humidity", 0.0, 105.0),
        ("pressure", 300.0, 1100.0),
    ):
        for value, wanted in ((low, ()), (high, ()), (low - 0.1, "!"), (high + 0.1, "!")):
            found = room.marks(kind, [(START_MS, value)])
            wish = [("impossible",)] if wanted else [()]
            expect(found, wish, f"Told of a {kind} of {value:g}.")


@task("4.2")
def test_the_same_moment_twice_is_marked(room: Any, rng: random.Random) -> None:
    """A sensor that tells twice of one moment is marked; 16 moments are remembered."""
    moments = [START_MS + n * 60_000 for n in range(16)]
    again = rng.choice(moments)
    told = [(moment, 20.0) for moment in [*moments, again]]
    found = room.marks("temperature", told)
    expect(found, [()] * 16 + [("duplicate",)], "Told of 16 moments, then of one of them again.")
    told = [(START_MS + n * 60_000, 20.0) for n in range(17)] + [(START_MS, 20.0)]
    found = room.marks("temperature", told)
    expect(found[-1], (), "Told of 17 moments, then of the first again: it isn't remembered.")


@task("4.2")
def test_a_value_may_move_farther_with_time(room: Any, rng: random.Random) -> None:
    """How far a value may move grows with the hours since the last good one."""
    hours = rng.randrange(2, 6)
    for far, wanted in ((6.0 + 6.0 * hours - 0.2, ()), (6.0 + 6.0 * hours + 0.2, ("jump",))):
        found = room.marks("temperature", [(START_MS, 0.0), (START_MS + hours * HOUR, far)])
        expect(found, [(), wanted], f"Told of 0 °C, and {far:g} °C {hours} h later.")


@task("4.2")
def test_a_new_level_is_believed_the_third_time(room: Any, rng: random.Random) -> None:
    """The third jump in a row that agrees with the one before is a new level, and good."""
    level = 20.0 + rng.uniform(15, 25)
    values = [20.0, level, level + 1, level - 1, level]
    told = [(START_MS + n * 1000, value) for n, value in enumerate(values)]
    did = "Told of " + ", ".join(f"{value:.1f}" for value in values) + " °C, a second apart."
    expect(room.marks("temperature", told), [(), ("jump",), ("jump",), (), ()], did)
    values = [20.0, level, -level, level, 20.0]
    told = [(START_MS + n * 1000, value) for n, value in enumerate(values)]
    did = "Told of " + ", ".join(f"{value:.1f}" for value in values) + " °C, a second apart."
    expect(room.marks("temperature", told), [(), ("jump",), ("jump",), ("jump",), ()], did)


@task("4.2")
def test_an_impossible_value_moves_nothing(room: Any) -> None:
    """An impossible value doesn't change what counts as good."""
    told = [(START_MS, 20.0), (START_MS + 1000, 999.0), (START_MS + 2000, 21.0)]
    found = room.marks("temperature", told)
    expect(found, [(), ("impossible",), ()], "Told of 20, 999 and 21 °C.")


# --- 4.3


@task("4.3")
def test_a_small_deviation_around_a_large_mean(room: Any, rng: random.Random) -> None:
    """The deviation keeps its digits around a large mean."""
    values = [1e9 + rng.choice((-1.0, 1.0)) for _ in range(1000)]
    found = room.aggregate(values)
    wanted = pstdev([value - 1e9 for value in values])
    spread = math.sqrt(max(0.0, number(found.squares, "Read the squares.")) / 1000)
    expect_close(spread, wanted, "Took 1,000 values of 10⁹ ± 1 in.", within=1e-3)


@task("4.3")
def test_merging_weighs_by_count(room: Any, rng: random.Random) -> None:
    """Merged aggregates are the aggregate of all their values, whatever each counts."""
    parts = [[rng.gauss(20, 5) for _ in range(rng.choice((1, 2, 40)))] for _ in range(6)]
    found = room.merged([*(room.aggregate(part) for part in parts), room.aggregate([])])
    values = [value for part in parts for value in part]
    did = f"Merged aggregates of {', '.join(str(len(part)) for part in parts)} and 0 values."
    expect(found.count, len(values), did)
    expect_close(found.mean, fmean(values), f"{did} The mean:", within=1e-9)
    wish = pstdev(values) ** 2 * len(values)
    expect_close(found.squares, wish, f"{did} The squares:", within=1e-6)
    expect((found.minimum, found.maximum), (min(values), max(values)), did)


def last_of(found: Sequence[tuple[int, bool]]) -> int:
    return found[-1][0]


@task("4.3")
def test_the_slowest_device_holds_the_watermark(room: Any) -> None:
    """The watermark follows the slowest device that isn't idle, less the lateness."""
    lateness = int(RULES.lateness_s * 1000)
    told = [("b", START_MS + 3 * HOUR), ("a", START_MS + 5 * HOUR), ("a", START_MS + 6 * HOUR)]
    found = last_of(room.watermarks(RULES, told))
    expect(found, START_MS + 3 * HOUR - lateness, "b at 3 h, a at 5 h, a at 6 h.")


@task("4.3")
def test_an_idle_device_holds_nobody(room: Any) -> None:
    """A device that the fleet's time has left behind doesn't hold the watermark."""
    lateness = int(RULES.lateness_s * 1000)
    told = [("a", START_MS), ("b", START_MS)]
    told += [(name, START_MS + n * HOUR) for n in range(1, 15) for name in ("b", "c")]
    found = last_of(room.watermarks(RULES, told))
    expect(found, START_MS + 14 * HOUR - lateness, "a falls silent at 0 h; b and c go on to 14 h.")


@task("4.3")
def test_one_wild_clock_closes_nobodys_windows(room: Any) -> None:
    """Of three and more devices the second newest tells the fleet's time."""
    lateness = int(RULES.lateness_s * 1000)
    told = [("a", START_MS), ("b", START_MS), ("c", START_MS), ("c", START_MS + 5000 * HOUR)]
    told += [("a", START_MS + HOUR), ("b", START_MS + HOUR)]
    found = last_of(room.watermarks(RULES, told))
    did = "a, b and c at 0 h; c jumps to 5,000 h; a and b go on to 1 h."
    expect(found, START_MS + HOUR - lateness, did)


@task("4.3")
def test_the_watermark_never_goes_back(room: Any, rng: random.Random) -> None:
    """The watermark never goes back, and says when it moved."""
    # One is silent until it counts as idle, and comes back with a time before the watermark.
    then, later = START_MS - 40 * 24 * HOUR, int(RULES.idle_s * 1000) + 2 * HOUR
    told = [("b", then), ("a", then), ("a", then + later), ("b", then + 2 * HOUR + 60_000)]
    told += [
        (rng.choice("abcd"), START_MS + n * HOUR // 4 - rng.randrange(4 * HOUR)) for n in range(196)
    ]
    found = room.watermarks(RULES, told)
    values = [value for value, _moved in found]
    did = "Observed 200 events of four devices in disorder."
    expect(values, sorted(values), f"{did} The watermarks:")
    moved = [value > before for before, value in zip([-(2**62), *values], values, strict=False)]
    expect([bool(told_) for _value, told_ in found], moved, f"{did} Whether it moved:")


def day_of(rng: random.Random, hours: int = 40) -> list[Event]:
    """Return a reading every ten minutes, in order, none of them a jump."""
    return [event(n, 10 * n, 20.0 + rng.uniform(-2, 2)) for n in range(6 * hours)]


WINDOWS = (
    "SELECT width_s, start_ms, count, mean, minimum, maximum, deviation, revision "
    "FROM windows ORDER BY width_s, start_ms"
)


@task("4.3")
def test_windows_hold_what_is_theirs(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """Windows start at multiples of their step since 1970 and hold [start, start + width)."""
    settings = store(sandbox, "windows")
    events = day_of(rng)
    room.logged(settings, events)
    room.streamed(settings, TELEMETRY, [10_000])
    found = rows(sandbox, "windows-series", WINDOWS)
    wanted = []
    closed_ms = START_MS + (40 - 1) * HOUR - int(RULES.lateness_s * 1000)
    for width, step in ((HOUR, HOUR), (6 * HOUR, HOUR), (24 * HOUR, 24 * HOUR)):
        for start in range(START_MS - width + step, START_MS + 40 * HOUR, step):
            inside = [
                one.value
                for one in events
                if start <= one.timestamp.timestamp() * 1000 < start + width
            ]
            if inside and start + width <= closed_ms and start % step == 0:
                wanted.append((width // 1000, start, len(inside), fmean(inside), pstdev(inside)))
    got = [(row[0], row[1], row[2]) for row in found if len(row) > 2]
    did = "Streamed 40 hours of readings, one every ten minutes; (width, start, count):"
    expect(got, [row[:3] for row in wanted], did)
    for row, wish in zip(found, wanted, strict=True):
        did = f"The window of {wish[0]} s at {wish[1]} ms;"
        expect_close(row[3], wish[3], f"{did} mean:", within=1e-9)
        expect_close(row[6], wish[4], f"{did} deviation:", within=1e-6)


@task("4.3")
def test_a_marked_reading_stays_out_of_the_windows(room: Any, sandbox: Sandbox) -> None:
    """A marked reading is kept, and stays out of the windows."""
    settings = store(sandbox, "marked")
    events = [event(n, 10 * n) for n in range(60)]
    events[2] = replace(events[2], value=50.0)
    room.logged(settings, events)
    room.streamed(settings, TELEMETRY, [1000])
    found = rows(sandbox, "marked-series", WINDOWS)
    first = next((row for row in found if row[:2] == (3600, START_MS)), ())
    did = "Streamed six readings of an hour, one of them a spike to 50 °C; count and maximum:"
    expect(first[2:3] + first[5:6], (5, 20.0), did)
    kept = rows(sandbox, "marked-series", "SELECT count(*) FROM readings WHERE value = 50.0")
    expect(kept, [(1,)], "Looked for the spike among the readings.")


@task("4.3")
def test_batches_change_nothing(sandbox: Sandbox, rng: random.Random) -> None:
    """Where the log is cut into batches changes nothing, to the last bit."""
    events = day_of(rng, 30)
    for start in range(0, len(events) - 6, 6):  # disorder within the lateness
        part = events[start : start + 6]
        rng.shuffle(part)
        events[start : start + 6] = part
    found = []
    for name, limits in (("whole", [10_000]), ("cut", [7, 1, 50, 3] + [11] * 30)):
        settings = store(sandbox, f"batch-{name}")
        sandbox.open().open().logged(settings, events)
        sandbox.open().open().streamed(settings, TELEMETRY, limits)
        found.append(rows(sandbox, f"batch-{name}-series", WINDOWS))
    expect_that(len(found[0]) > 30, "Counted the windows.", "more than 30", len(found[0]))
    expect(found[1], found[0], "Streamed the same log in one step and in 34.")


# --- 4.4


@task("4.4")
def test_late_within_the_grace_corrects(room: Any, sandbox: Sandbox) -> None:
    """A late reading within the grace corrects every closed window over it."""
    settings = store(sandbox, "grace")
    events = [event(n, 10 * n) for n in range(6 * 6)]
    room.logged(settings, [*events, event(500, 65, 23.0)])
    room.streamed(settings, TELEMETRY, [1000])
    found = rows(sandbox, "grace-series", WINDOWS)
    hour = next((row for row in found if row[:2] == (3600, START_MS + HOUR)), ())
    did = "Streamed six hours, then a reading of the second one; its window's count, revision:"
    expect(hour[2:3] + hour[7:8], (7, 1), did)
    others = [row[7] for row in found if row[0] == 3600 and row[1] != START_MS + HOUR]
    expect_that(set(others) == {0}, f"{did} The other hours' revisions:", "0 each", others)


@task("4.4")
def test_late_after_the_grace_is_kept_aside(room: Any, sandbox: Sandbox) -> None:
    """A late reading after the grace is kept aside, counted, and corrects nothing."""
    settings = store(sandbox, "aside")
    events = [event(n, 10 * n) for n in range(6 * 20)]
    room.logged(settings, [*events, event(500, 65, 23.0)])
    room.streamed(settings, TELEMETRY, [1000])
    found = rows(sandbox, "aside-series", WINDOWS)
    hour = next((row for row in found if row[:2] == (3600, START_MS + HOUR)), ())
    did = "Streamed twenty hours, then a reading of the second one;"
    expect(hour[2:3] + hour[7:8], (6, 0), f"{did} its window's count and revision:")
    late = rows(sandbox, "aside-series", "SELECT value FROM late_readings")
    expect(late, [(23.0,)], f"{did} what was kept aside:")


@task("4.4")
def test_disorder_within_the_lateness_is_no_late_data(sandbox: Sandbox, rng: random.Random) -> None:
    """Another order within the allowed lateness gives the same windows."""
    events = day_of(rng, 20)
    mixed = sorted(events, key=lambda one: one.timestamp.timestamp() + rng.uniform(0, 6000))
    found = []
    for name, told in (("order", events), ("mixed", mixed)):
        settings = store(sandbox, f"late-{name}")
        sandbox.open().open().logged(settings, told)
        sandbox.open().open().streamed(settings, TELEMETRY, [10_000])
        found.append(rows(sandbox, f"late-{name}-series", WINDOWS))
    did = "Streamed twenty hours in order, and shuffled by up to 100 minutes;"
    expect([row[:3] for row in found[1]], [row[:3] for row in found[0]], f"{did} the windows:")
    worst = max(abs(a[3] - b[3]) for a, b in zip(*found, strict=True))
    expect_between(worst, 0.0, 1e-9, f"{did} how far the means differ:")


# --- 4.5


@task("4.5")
def test_a_kill_between_steps_repeats_nothing(
    room: Any, sandbox: Sandbox, rng: random.Random
) -> None:
    """Killed and started again, the stream goes on where it stood: nothing twice, nothing lost."""
    settings = store(sandbox, "power")
    events = day_of(rng, 30)
    room.logged(settings, events)
    for _cut in range(3):
        sandbox.open().open().streamed(settings, TELEMETRY, [rng.randrange(20, 50)])
        sandbox.kill()
    sandbox.open().open().streamed(settings, TELEMETRY, [1000])
    after = rows(sandbox, "power-series", WINDOWS)
    count = rows(sandbox, "power-series", "SELECT count(*), count(DISTINCT position) FROM readings")
    did = f"Streamed {len(events)} events, killed three times in between;"
    expect(count, [(len(events), len(events))], f"{did} the readings:")
    settings = store(sandbox, "calm")
    sandbox.open().open().logged(settings, events)
    sandbox.open().open().streamed(settings, TELEMETRY, [1000])
    expect(after, rows(sandbox, "calm-series", WINDOWS), f"{did} beside a run without a kill:")


@task("4.5")
def test_a_rebuild_gives_the_same_bits(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """Made again from the log, the read model is the same to the last bit."""
    settings = store(sandbox, "rebuild")
    events = day_of(rng, 30)
    room.logged(settings, [*events, event(900, 65, 21.0)])
    room.streamed(settings, TELEMETRY, [13] * 20)
    before = rows(sandbox, "rebuild-series", WINDOWS)
    count = sandbox.open().open().rebuilt(settings, TELEMETRY)
    expect(count, len(events) + 1, "Called rebuild.")
    expect_that(len(before) > 20, "Counted the windows.", "more than 20", len(before))
    expect(rows(sandbox, "rebuild-series", WINDOWS), before, "Compared the windows.")


@task("4.5")
def test_a_stream_goes_on_after_a_rebuild(room: Any, sandbox: Sandbox) -> None:
    """After a rebuild the stream stands at the log's end, and takes what comes then."""
    settings = store(sandbox, "on")
    room.logged(settings, [event(n, n) for n in range(20)])
    room.rebuilt(settings, TELEMETRY)
    room.logged(settings, [event(n, n) for n in range(20, 25)])
    did = "Rebuilt from 20 events, appended 5; two steps of up to 100, then the lag."
    expect(room.streamed(settings, TELEMETRY, [100, 100]), [5, 0, 0], did)


# --- 4.6


@task("4.6")
def test_pages_hold_equal_times_apart(room: Any, sandbox: Sandbox, rng: random.Random) -> None:
    """Pages neither skip nor repeat readings of the same moment, and come in a stable order."""
    settings = store(sandbox, "pages")
    minutes = [rng.randrange(12) for _ in range(40)]
    room.logged(settings, [event(n, minute) for n, minute in enumerate(minutes)])
    room.streamed(settings, TELEMETRY, [1000])
    pages = room.paged(settings, everything(limit=rng.randrange(3, 8)))
    got = [point.message_id for page in pages for point in page]
    order = sorted(range(40), key=lambda n: (minutes[n], n))
    did = "Read 40 readings of 12 moments in small pages; the order of their ids:"
    expect(got, [f"msg-{n}" for n in order], did)


@task("4.6")
def test_the_end_isnt_included(room: Any, sandbox: Sandbox) -> None:
    """A query holds [start, end)."""
    settings = store(sandbox, "ends")
    room.logged(settings, [event(n, n) for n in range(10)])
    room.streamed(settings, TELEMETRY, [1000])
    query = everything(7, start=START + timedelta(minutes=3))
    found = [point.message_id for page in room.paged(settings, query) for point in page]
    expect(found, [f"msg-{n}" for n in (3, 4, 5, 6)], "Read from minute 3 to minute 7.")


@task("4.6")
def test_gaps_are_filled_as_asked(room: Any, sandbox: Sandbox) -> None:
    """Empty buckets are filled as asked, and a filled one has count 0."""
    settings = store(sandbox, "fill")
    told = [(0, 20.0), (20, 21.0), (60 * 3, 24.0)]
    room.logged(settings, [event(n, minute, value) for n, (minute, value) in enumerate(told)])
    room.streamed(settings, TELEMETRY, [1000])
    for fill, wanted in (
        ("none", [(20.5, 2), (24.0, 1)]),
        ("null", [(20.5, 2), (None, 0), (None, 0), (24.0, 1)]),
        ("previous", [(20.5, 2), (20.5, 0), (20.5, 0), (24.0, 1)]),
        ("linear", [(20.5, 2), (21.667, 0), (22.833, 0), (24.0, 1)]),
    ):
        pages = room.paged(settings, everything(60 * 4, bucket_s=3600, fill=fill))
        points = [point for page in pages for point in page]
        got = [(None if p.value is None else round(p.value, 3), p.count) for p in points]
        expect(got, wanted, f"Read hourly buckets of 20 and 21 °C, two gaps, 24 °C; fill {fill}.")


@task("4.6")
def test_buckets_start_at_multiples(room: Any, sandbox: Sandbox) -> None:
    """Buckets are aligned to 1970, and marked readings stay out of their means."""
    settings = store(sandbox, "buckets")
    events = [event(n, 7 + 10 * n) for n in range(12)]
    events[4] = replace(events[4], value=58.0)
    room.logged(settings, events)
    room.streamed(settings, TELEMETRY, [1000])
    query = everything(120, start=START + timedelta(minutes=5), bucket_s=1800)
    points = [point for page in room.paged(settings, query) for point in page]
    did = "Read buckets of half an hour of readings from 00:07 on, one of them a spike;"
    starts = [(point.timestamp - START).total_seconds() / 60 for point in points]
    expect(starts, [0.0, 30.0, 60.0, 90.0], f"{did} their starts in minutes:")
    expect([p.value for p in points], [20.0] * 4, f"{did} their means:")


@task("4.6")
def test_a_cursor_or_fill_that_isnt_ours_is_refused(room: Any, sandbox: Sandbox) -> None:
    """A cursor or a fill that isn't ours is a ValueError."""
    settings = store(sandbox, "cursor")
    room.logged(settings, [event(1, 0)])
    room.streamed(settings, TELEMETRY, [10])
    for changes in ({"cursor": "1; DROP TABLE"}, {"bucket_s": 60, "fill": "cubic"}):
        expect_refused(
            lambda changes=changes: room.paged(settings, everything(60, **changes)),  # type: ignore[misc]
            f"Asked with {changes}.",
        )
    expect(len(room.paged(settings, everything(60))[0]), 1, "Then asked as one should.")


@task("4.6")
def test_retention_spares_the_log(room: Any, sandbox: Sandbox) -> None:
    """Retention forgets by tiers, by the newest event time, and never touches the log."""
    settings = store(sandbox, "prune", retention_s=(36_000.0, 72_000.0))
    room.logged(settings, [event(n, 60 * n) for n in range(48)])
    room.streamed(settings, TELEMETRY, [1000])
    gone = room.open_series(settings.storage).prune()
    query = "SELECT min(timestamp_ms), count(*) FROM readings"
    kept = rows(sandbox, "prune-series", query)
    did = "Pruned 48 hourly readings to 10 hours; the oldest and how many are left:"
    expect(kept, [(START_MS + 37 * HOUR, 11)], did)
    oldest = rows(sandbox, "prune-series", "SELECT min(start_ms) FROM windows")
    expect(oldest, [(START_MS + 27 * HOUR,)], "The oldest window, of 20 hours that are kept.")
    expect_that(number(gone, "Read what prune says.") > 37, "Read what prune says.", "> 37", gone)
    expect(rows(sandbox, "prune-log", "SELECT count(*) FROM events"), [(48,)], "Counted the log.")


# --- 4.7


class Clockwork:
    def __init__(self) -> None:
        self.now, self.asked = 100.0, 0

    def load(self, key: str) -> Mapping[str, object]:
        self.asked += 1
        if key == "broken":
            raise KeyError(key)
        return {"key": key, "turn": self.asked}


@task("4.7")
def test_a_stale_value_is_loaded_again(room: Any) -> None:
    """A value is answered from memory while it is fresh, and loaded again after that."""
    clock = Clockwork()
    get = room.cached(clock.load, 2.0, lambda: clock.now)
    turns = []
    for now in (100.0, 101.9, 102.5, 104.0, 105.0):
        clock.now = now
        turns.append(get("a")["turn"])
    did = "Asked at 100, 101.9, 102.5, 104 and 105 s with values fresh for 2 s."
    expect(turns, [1, 1, 2, 2, 3], f"{did} Which load answered:")


@task("4.7")
def test_what_a_load_raises_isnt_kept(room: Any) -> None:
    """What a load raises is raised, and not kept."""
    clock = Clockwork()
    get = room.cached(clock.load, 60.0, lambda: clock.now)
    for _turn in range(2):
        expect_refused(
            lambda: get("broken"), "Asked for a key that can't be loaded.", kind="KeyError"
        )
    expect(clock.asked, 2, "Asked twice for a key that can't be loaded; how often it was tried:")
    expect(get("a")["key"], "a", "Then asked for another key.")


@task("4.7")
def test_a_crowd_loads_a_key_once(room: Any) -> None:
    """Of many who ask for one missing key at once, one loads; another key isn't held up."""
    asked: list[str] = []
    free, other = threading.Event(), threading.Event()
    through: list[bool] = []

    def load(key: str) -> Mapping[str, object]:
        asked.append(key)
        if key == "slow":
            # The other key must get through while this one is being loaded.
            free.wait(0.2)
            through.append(other.wait(2.0))
        else:
            other.set()
        return {"key": key}

    answers = room.crowd(load, ["slow"] * 8 + ["quick"])
    did = "Eight threads asked for one missing key, a ninth for another;"
    expect(asked.count("slow"), 1, f"{did} how often the first was loaded:")
    expect(through[:1], [True], f"{did} whether the ninth got through meanwhile:")
    expect([one["key"] for one in answers], ["slow"] * 8 + ["quick"], f"{did} the answers:")
