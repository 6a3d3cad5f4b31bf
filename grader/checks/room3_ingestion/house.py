"""The trusted side of the door: a log and a series that note what they are told, and a client.

The client waits for no answer longer than it says, whatever comes back.
"""

import contextlib
import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from grader.evidence import NotYet, Said, expect, expect_that, shown
from grader.line import LineLost, RemoteError, Served
from grader.sandbox import Sandbox
from shared.contracts.identifiers import iso_utc, to_milliseconds
from shared.contracts.messages import (
    Appended,
    AppendOutcome,
    Event,
    Health,
    LoggedEvent,
    Window,
)
from shared.contracts.ports import Page, Point, SeriesQuery, StoreUnavailable
from shared.contracts.settings import ApiSettings, Settings

DATA: Final = "/api/v1/sensors/data"
LAST: Final = "/api/v1/sensors/last"
POINTS: Final = "/api/v1/sensors/box-1/S-1/temperature/points"
WINDOWS: Final = "/api/v1/sensors/box-1/S-1/temperature/windows"
NOON: Final = datetime(2013, 5, 6, 12, tzinfo=UTC)
FIRST_STORED: Final = datetime(2031, 1, 1, tzinfo=UTC)
"""When the log says that it stored its first event: no clock in there says so."""
WELL: Final = Health(live=True, ready=True)
_LONGEST: Final = 4_000_000
_MOST: Final = 5_000
_LARGEST: Final = 20_000
"""What nobody may make this side keep: bytes of an answer, rows, characters of a row."""
_Row = TypeVar("_Row")


class Log:
    """An event log in a list. It can be held, be away, and have another writer."""

    def __init__(self) -> None:
        self.rows: list[LoggedEvent] = []
        self.commits: list[int] = []  # events of each call that was let through
        self.error: Exception | None = None  # raised instead of an answer
        self.free = threading.Event()  # cleared: calls wait
        self.free.set()
        self.entered = threading.Event()
        self.inside = 0  # calls that wait
        self.before: Callable[[Sequence[Event]], None] | None = None  # another process's turn
        self._lock = threading.Lock()

    def append(self, events: Sequence[Event]) -> Sequence[Appended]:
        """Store what is new; StoreUnavailable for more than any check sends."""
        events = list(events)
        self._pass()
        with self._lock:
            if len(self.rows) > _MOST or any(len(repr(one)) > _LARGEST for one in events):
                raise StoreUnavailable("the disk is full")
            self.commits.append(len(events))
            if self.before is not None:
                self.before(events)
            return [self.store(event) for event in events]

    def read(self, after: int, limit: int) -> Sequence[LoggedEvent]:
        """Return events behind a position."""
        return self.rows[after : after + limit]

    def head(self) -> int:
        """Return the last position."""
        self._pass()
        return len(self.rows)

    def store(self, event: Event) -> Appended:
        """Store one event if it is new."""
        for row in self.rows:
            known = row.event
            if (known.device_id, known.message_id) == (event.device_id, event.message_id):
                same = _content(known) == _content(event)
                outcome = AppendOutcome.DUPLICATE if same else AppendOutcome.CONFLICT
                return Appended(event.message_id, outcome, row.stored_at)
        stored_at = FIRST_STORED + timedelta(milliseconds=60_007 * len(self.rows))
        self.rows.append(LoggedEvent(len(self.rows) + 1, stored_at, event))
        return Appended(event.message_id, AppendOutcome.CREATED, stored_at)

    def _pass(self) -> None:
        with self._lock:
            self.inside += 1
        self.entered.set()
        self.free.wait(10)
        with self._lock:
            self.inside -= 1
        if self.error is not None:
            raise self.error


def _content(event: Event) -> tuple[object, ...]:
    return event.sensor_id, event.sensor_type, event.value, event.timestamp


class Series:
    """Reads the log. A cursor names the last row of its page, so new rows shift nothing."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.asked: list[SeriesQuery] = []
        self.widths: list[int] = []
        self.windows_shown: list[Window] = []

    def last(
        self, device_id: str | None, cursor: str | None, limit: int
    ) -> tuple[Sequence[LoggedEvent], str | None]:
        """Return the newest reading of each sensor."""
        self._log.head()
        newest: dict[str, LoggedEvent] = {}
        for row in sorted(self._log.rows, key=lambda row: row.event.timestamp):
            if device_id in {None, row.event.device_id}:
                newest[f"{row.event.device_id}.{row.event.sensor_id}"] = row
        return _cut(sorted(newest.items()), cursor, limit)

    def points(self, query: SeriesQuery) -> Page:
        """Return readings in the order of time."""
        self._note(query)
        self._log.head()
        found = [
            (f"{to_milliseconds(one.timestamp):015}.{row.position:09}", row)
            for row in self._log.rows
            if (one := row.event).device_id == query.device_id
            and (one.sensor_id, one.sensor_type) == (query.sensor_id, query.sensor_type)
            and query.start <= one.timestamp < query.end
        ]
        rows, cursor = _cut(sorted(found, key=lambda pair: pair[0]), query.cursor, query.limit)
        return Page(
            tuple(
                Point(row.event.timestamp, row.event.value, message_id=row.event.message_id)
                for row in rows
            ),
            cursor,
        )

    def windows(self, query: SeriesQuery, width_s: int) -> tuple[Sequence[Window], str | None]:
        """Return what it was given."""
        self._note(query)
        self.widths.append(width_s)
        return self.windows_shown, None

    def prune(self) -> int:
        """Forget nothing."""
        return 0

    def _note(self, query: SeriesQuery) -> None:
        if len(repr(query)) > _LARGEST or len(self.asked) > _MOST:
            raise ValueError("no cursor is as long as that")
        self.asked.append(query)


def _cut(
    rows: Sequence[tuple[str, _Row]], cursor: str | None, limit: int
) -> tuple[list[_Row], str | None]:
    if cursor is not None and not cursor.startswith("after "):
        raise ValueError(cursor)
    behind = [pair for pair in rows if cursor is None or pair[0] > cursor[6:]]
    page = behind[:limit]
    return [row for _key, row in page], f"after {page[-1][0]}" if len(behind) > limit else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door said."""

    did: str
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def content(self) -> Any:
        """The JSON in it; NotYet if it isn't JSON."""
        try:
            return json.loads(self.body, parse_constant=_no_json)
        except ValueError:
            told = Said(self.body.decode(errors="replace") or "an empty body")
            raise NotYet(self.did, "a body of JSON", shown(told)) from None

    @property
    def members(self) -> dict[str, Any]:
        """The JSON object in it; NotYet if it isn't one."""
        found = self.content
        if not isinstance(found, dict):
            raise NotYet(self.did, "a JSON object", shown(found))
        return found

    @property
    def items(self) -> list[dict[str, Any]]:
        """The JSON array of objects in it; NotYet if it isn't one."""
        found = self.content
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise NotYet(self.did, "a JSON array of objects", shown(found))
        return found


def _no_json(name: str) -> float:
    raise ValueError(name)


class Caller:
    """One connection to a port. Whatever comes back, or doesn't, it ends in time."""

    def __init__(self, port: int, wait_s: float) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=wait_s)
        self._wait_s = wait_s
        self._late = False

    @property
    def kept(self) -> bool:
        """Whether the connection is open for a next question."""
        return self.connection.sock is not None

    def ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], did: str
    ) -> Answer:
        """Return the answer; LineLost if none came in time, NotYet if what came is none."""
        self._late = False
        watch = threading.Timer(self._wait_s, self._cut)
        watch.daemon = True
        try:
            if self.connection.sock is None:
                self.connection.connect()
            watch.start()
            self.connection.request(method, path, body, dict(headers))
            found = self.connection.getresponse()
            data = found.read(_LONGEST)
        except (OSError, http.client.HTTPException) as error:
            if self._late or isinstance(error, TimeoutError):
                raise LineLost(f"no answer within {self._wait_s:g} s to {method} {path}") from None
            why = Said(f"none: {type(error).__name__} {error}".strip())
            raise NotYet(did, "an answer over HTTP", shown(why)) from None
        finally:
            watch.cancel()
        told = {name.lower(): value for name, value in found.getheaders()}
        if found.status == 501:
            _tell_todo(data)
        return Answer(did, found.status, told, data)

    def close(self) -> None:
        """End it."""
        self.connection.close()

    def _cut(self) -> None:
        self._late = True
        with contextlib.suppress(OSError, AttributeError):
            self.connection.sock.shutdown(2)


def _tell_todo(body: bytes) -> None:
    """Raise what a task that isn't done raises, if that is what the body says."""
    undone = re.search(rb"task (3\.[1-7])", body)
    if undone is not None:
        task = undone[1].decode()
        raise RemoteError({"kinds": ["Todo"], "text": f"task {task}", "task": task})


@dataclass
class House:
    """A door that is open in the sandbox, and what stands behind it on this side."""

    port: int
    wait_s: float  # for one answer
    until: float  # the monotonic moment when the check's time is over
    log: Log = field(default_factory=Log)
    series: Series = field(init=False)

    def __post_init__(self) -> None:
        self.series = Series(self.log)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        token: str | None = "gateway",  # noqa: S107 - a word of the driver's gate
        headers: Mapping[str, str] | None = None,
        did: str = "",
    ) -> Answer:
        """Return the answer to one request on a connection of its own."""
        left_s = self.until - time.monotonic()
        if left_s <= 0:
            raise LineLost(f"no answer to {method} {path}: the time of this check is over")
        caller = Caller(self.port, min(self.wait_s, left_s))
        try:
            return caller.ask(
                method, path, body, headers_of(body, token, headers), did or f"{method} {path}."
            )
        finally:
            caller.close()

    def get(self, path: str, did: str = "") -> Answer:
        """Ask with a token that may read."""
        return self.ask("GET", path, token="reader", did=did)  # noqa: S106 - as above

    def post(self, document: object, where: str = "", did: str = "") -> Answer:
        """Send a document as JSON."""
        told = did or f"Posted {shown(Said(json.dumps(document)))}."
        return self.ask("POST", DATA + where, json.dumps(document).encode(), did=told)

    def verdicts(self, documents: Sequence[object], did: str) -> list[dict[str, Any]]:
        """Send a batch; return a verdict for each of its items, or NotYet."""
        answer = self.post(documents, "/batch", did)
        expect(answer.status, 200, f"{did} The batch's own status:")
        expect(len(answer.items), len(documents), f"{did} The verdicts:")
        return answer.items


def headers_of(
    body: bytes | None, token: str | None, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the headers of a request."""
    found = {} if body is None else {"Content-Type": "application/json"}
    if token is not None:
        found["Authorization"] = f"Bearer {token}"
    return {**found, **(more or {})}


def opened(sandbox: Sandbox, *, speed: float = 60.0, health: Health = WELL, **api: float) -> House:
    """Open a door whose event clock stands at NOON; `api` are its settings."""
    house = House(0, sandbox.patience_s, sandbox.until)
    settings = Settings(api=ApiSettings(**api))  # type: ignore[arg-type]
    log = Served(house.log, frozenset({"append", "read", "head"}))
    series = Served(house.series, frozenset({"last", "points", "windows", "prune"}))
    bench = sandbox.open().open()
    house.port = on_a_port(
        sandbox, lambda port: bench.serve(port, settings, (NOON, speed), health, log, series)
    )
    return house


def on_a_port(sandbox: Sandbox, serve: Callable[[int], object]) -> int:
    """Have `serve` open a port, and return it; another one if somebody was faster."""
    for _again in range(3):
        port = sandbox.expose()
        try:
            serve(port)
        except RemoteError as error:
            taken = error
            if "before it had begun" not in error.text:
                raise
        else:
            return port
    raise taken


def reading(**changes: object) -> dict[str, Any]:
    """Return a request that the door takes, changed."""
    return {
        "device_id": "box-1",
        "sensor_type": "temperature",
        "value": 22.5,
        "timestamp": "2013-05-06T11:00:00.000Z",
        **changes,
    }


def event(moment: datetime, value: float = 20.0, device: str = "box-1", **more: Any) -> Event:
    """Return a stored reading."""
    names = (device, f"msg-{device}-{to_milliseconds(moment)}", "S-1", "temperature")
    return Event(*names, value, "celsius", moment, NOON, **more)


def expect_problem(
    answer: Answer, status: int, did: str = "", *, field: str = ""
) -> dict[str, Any]:
    """Go on if `answer` is a problem document of that status, naming that field; return it."""
    did = did or answer.did
    expect(answer.status, status, did)
    kind = answer.headers.get("content-type", "none").partition(";")[0]
    expect(kind, "application/problem+json", f"{did} The content type:")
    found = answer.members
    for name in ("type", "title", "detail", "instance"):
        text = found.get(name)
        expect_that(isinstance(text, str) and bool(text), f"{did} {name}:", "some words", text)
    expect(found.get("status"), status, f"{did} The member `status`:")
    faults = found.get("errors")
    told = isinstance(faults, list) and all(
        isinstance(one, dict)
        and all(isinstance(one.get(key), str) for key in ("field", "got", "expected"))
        for one in faults
    )
    expect_that(told, f"{did} The member `errors`:", "a list of field, got, expected", faults)
    if field:
        fields = [one["field"] for one in found["errors"]]
        expect_that(field in fields, f"{did} The fields in `errors`:", f"{field} in it", fields)
    return found


def stored(house: House) -> list[tuple[str, str]]:
    """Return (device, message id) of all that the log holds."""
    return [(row.event.device_id, row.event.message_id) for row in house.log.rows]


def when(row: LoggedEvent) -> str:
    """Return a row's `stored_at` as the API writes it."""
    return iso_utc(row.stored_at)
