"""A week of the recording in, windows out; then the read model is deleted and made again."""

import argparse
import csv
import hashlib
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from shared.contracts.facts import Fact
from shared.contracts.identifiers import message_id
from shared.contracts.messages import Event
from shared.contracts.ports import SeriesQuery, StorageParts
from shared.contracts.settings import Settings, StorageSettings
from shared.contracts.todo import Todo
from shared.database.engine import open_engine
from shared.database.schema import SERIES, readings, windows
from shared.language import _

from . import build

WEATHER = Path(__file__).resolve().parents[2] / "shared" / "data" / "nyc-weather-2013.csv"
START = datetime(2013, 5, 6, tzinfo=UTC)
DAYS = 7


class Quiet:
    """Telemetry for a room alone."""

    def event(self, level: str, name: str, **context: object) -> None:
        """Say nothing."""

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Measure nothing."""

    def trace(self, traceparent: str | None = None) -> str:
        """Follow nothing."""
        return traceparent or ""

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep nothing."""


class StillClock:
    """A clock that nobody here asks: storage and stream go by the data's time."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)

    wall = now

    def seconds_until(self, moment: datetime) -> float:
        """Return the seconds until `moment`."""
        return (moment - self.now()).total_seconds()

    def tolerance(self, wall_s: float) -> float:
        """Return `wall_s`."""
        return wall_s


def a_week() -> Iterator[Event]:
    """Yield a week of three thermometers, by time."""
    with WEATHER.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["time"], row["station"]))
    for row in rows:
        moment = datetime.fromisoformat(row["time"])
        text = row["temperature_fahrenheit"]
        if START <= moment < START + timedelta(days=DAYS) and text != "NA":
            device, sensor = f"station-{row['station']}", f"{row['station']}-TEMP"
            value = (float(text) - 32) / 1.8
            identity = message_id(device, sensor, "temperature", moment, value)
            now = datetime.now(UTC)
            yield Event(device, identity, sensor, "temperature", value, "celsius", moment, now)


def hash_of(url: str) -> str:
    """Return a hash over every row of the read model."""
    digest = hashlib.sha256()
    with open_engine(url, durable=False, read_only=True).connect() as connection:
        for table in SERIES.sorted_tables:
            for row in connection.execute(select(table).order_by(*table.primary_key.columns)):
                digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()[:16]


def counts(url: str) -> tuple[int, int]:
    """Return how many readings and windows the read model holds."""
    with open_engine(url, durable=False, read_only=True).connect() as connection:
        found = [
            int(connection.execute(select(func.count()).select_from(table)).scalar() or 0)
            for table in (readings, windows)
        ]
    return found[0], found[1]


def show(folder: Path, deadline: float) -> None:
    """Append, process, look, rebuild, compare."""
    storage_settings = StorageSettings(
        log_url=f"sqlite:///{folder / 'log.db'}",
        series_url=f"sqlite:///{folder / 'series.db'}",
        findings_url=f"sqlite:///{folder / 'findings.db'}",
    )
    settings = Settings(state_dir=str(folder), storage=storage_settings)
    storage = build(settings, StorageParts(StillClock(), Quiet()))
    events = list(a_week())
    for begin in range(0, len(events), 60):
        if time.monotonic() > deadline:
            return
        batch = events[begin : begin + 60]
        storage.log.append(batch)
        while storage.stream.step(500):
            pass
        rows, closed = counts(storage_settings.series_url)
        print(
            f"{batch[-1].timestamp:%d %b %H:%M}  log {begin + len(batch):4}  "
            f"readings {rows:4}  windows {closed:4}",
            flush=True,
        )
    again = {one.outcome.value for one in storage.log.append(events[:10])}
    print(_("ten of them again: {outcome}").format(outcome=", ".join(sorted(again))))
    error = START + timedelta(days=3)
    query = SeriesQuery(
        device_id="station-JFK",
        sensor_id="JFK-TEMP",
        sensor_type="temperature",
        start=error,
        end=error + timedelta(hours=5),
    )
    for point in storage.series.points(query).points:
        print(f"  {point.timestamp:%d %b %H:%M}  {point.value:6.1f} °C  {' '.join(point.marks)}")
    before = hash_of(storage_settings.series_url)
    began = time.perf_counter()
    count = storage.stream.rebuild()
    seconds = time.perf_counter() - began
    after = hash_of(storage_settings.series_url)
    told = _("made again from {count} events in {ms:.0f} ms: {before} {sign} {after}")
    sign = "=" if before == after else "≠"
    print(told.format(count=count, ms=seconds * 1000, before=before, sign=sign, after=after))


def main() -> int:
    """Show the room alone; an undone task is named with its place. Return the exit code."""
    parser = argparse.ArgumentParser(prog="run 4", description=__doc__)
    parser.add_argument("--for", dest="seconds", type=float, default=30.0)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="academy-room4-") as folder:
        try:
            show(Path(folder), time.monotonic() + asked.seconds)
        except Todo as todo:
            frame = traceback.extract_tb(todo.__traceback__)[-1]
            print(f"{todo}: {os.path.relpath(frame.filename)}:{frame.lineno}")
        except KeyboardInterrupt:
            print()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
