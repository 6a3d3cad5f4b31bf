"""Room 4, the checks that you can read. `./academy check 4` runs them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from grader.evidence import expect, expect_close, task
from grader.line import Served
from grader.sandbox import Sandbox
from shared.contracts.messages import Event
from shared.contracts.ports import SeriesQuery
from shared.contracts.settings import Settings, StorageSettings

START = datetime(2025, 3, 1, tzinfo=UTC)


def store(sandbox: Sandbox, name: str) -> Settings:
    paths = [sandbox.place(f"{name}-{kind}.db") for kind in ("log", "series", "findings")]
    log, series, findings = (f"sqlite:///{path}" for path in paths)
    storage = StorageSettings(log_url=log, series_url=series, findings_url=findings)
    return Settings(state_dir=sandbox.place(""), storage=storage)


def event(number: int, minutes: float, value: float = 20.0) -> Event:
    moment = START + timedelta(minutes=minutes)
    names = ("box-1", f"msg-{number}", "S-1", "temperature")
    return Event(*names, value, "celsius", moment, START)


def minutes(start: float, end: float, limit: int = 100) -> SeriesQuery:
    return SeriesQuery(
        device_id="box-1",
        sensor_id="S-1",
        sensor_type="temperature",
        start=START + timedelta(minutes=start),
        end=START + timedelta(minutes=end),
        limit=limit,
    )


class Silent:
    """Telemetry that keeps nothing."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Write no line."""

    def measure(self, fact: object, value: float = 1.0, **labels: str) -> None:
        """Record nothing."""

    def trace(self, traceparent: str | None = None) -> str:
        """Follow nothing."""
        return traceparent or ""

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep nothing."""


TELEMETRY = Served(Silent(), frozenset({"event", "measure", "trace", "span"}))


@task("4.1")
def test_the_log_refuses_an_id_twice(room: Any, sandbox: Sandbox) -> None:
    """The event log stores a message id once a device."""
    settings = store(sandbox, "shown-twice")
    did = "Appended one event, the same again, and another value under its id."
    found = [
        *room.logged(settings, [event(1, 0)]),
        *room.logged(settings, [event(1, 0), event(1, 0, 25.0)]),
    ]
    expect(found, ["created", "duplicate", "conflict"], did)


@task("4.2")
def test_a_spike_is_marked(room: Any) -> None:
    """A spike is marked as a jump, and the good reading after it isn't."""
    told = [(0, 20.0), (60_000, 45.0), (120_000, 20.5)]
    did = "Told of 20, 45 and 20.5 °C, a minute apart."
    expect(room.marks("temperature", told), [(), ("jump",), ()], did)


@task("4.3")
def test_an_aggregate_takes_values_one_by_one(room: Any) -> None:
    """An aggregate knows count, mean and squares of what it took."""
    found = room.aggregate([2.0, 4.0, 9.0])
    did = "Took 2, 4 and 9 in."
    expect((found.count, found.minimum, found.maximum), (3, 2.0, 9.0), did)
    expect_close(found.mean, 5.0, f"{did} The mean:", within=1e-12)
    expect_close(found.squares, 26.0, f"{did} The squares:", within=1e-9)


@task("4.4")
def test_what_comes_late_is_told_apart(room: Any, sandbox: Sandbox) -> None:
    """A reading that comes after its grace is kept, and marked as late."""
    settings = store(sandbox, "shown-late")
    room.logged(settings, [*(event(n, 60 * n) for n in range(24)), event(99, 30)])
    room.streamed(settings, TELEMETRY, [100])
    query = minutes(30, 31)
    did = "Streamed a day of hours, then a reading of its first half hour; its marks:"
    expect([tuple(p.marks) for p in room.paged(settings, query)[0]], [("late",)], did)


@task("4.5")
def test_a_step_takes_each_event_once(room: Any, sandbox: Sandbox) -> None:
    """Steps take each event once, and say how many are left."""
    settings = store(sandbox, "shown-steps")
    room.logged(settings, [event(n, n) for n in range(10)])
    found = room.streamed(settings, TELEMETRY, [4, 4, 4, 4])
    expect(found, [4, 4, 2, 0, 0], "Appended 10 events; four steps of up to 4, then the lag.")


@task("4.6")
def test_pages_follow_one_another(room: Any, sandbox: Sandbox) -> None:
    """Pages follow one another without a gap and without a repetition."""
    settings = store(sandbox, "shown-pages")
    room.logged(settings, [event(n, n, 20.0 + n / 10) for n in range(7)])
    room.streamed(settings, TELEMETRY, [100])
    pages = room.paged(settings, minutes(0, 60, 3))
    found = [[round(point.value - 20, 1) for point in page] for page in pages]
    expect(found, [[0.0, 0.1, 0.2], [0.3, 0.4, 0.5], [0.6]], "Read 7 readings in pages of 3.")


@task("4.7")
def test_a_fresh_value_isnt_loaded_again(room: Any) -> None:
    """A value that is fresh comes from memory."""
    asked: list[str] = []

    def load(key: str) -> Mapping[str, object]:
        asked.append(key)
        return {"key": key}

    get = room.cached(load, 1.0, lambda: 100.0)
    get("a"), get("a"), get("b")
    expect(asked, ["a", "b"], "Asked for a, a and b within a moment; what was loaded:")
