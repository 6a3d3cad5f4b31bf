"""A store of one's own, and events to put into it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.contracts.facts import Fact
from shared.contracts.identifiers import message_id
from shared.contracts.messages import Event
from shared.contracts.ports import Storage, StorageParts
from shared.contracts.settings import Settings, StorageSettings
from solutions.room4_storage import build

START = datetime(2025, 3, 1, tzinfo=UTC)
MakeEvent = Callable[..., Event]


class Counted:
    """Telemetry that keeps sums, to be asked by a test."""

    def __init__(self) -> None:
        self.sums: dict[tuple[str, ...], float] = {}

    def event(self, level: str, name: str, **context: object) -> None:
        """Write no line."""

    def measure(self, fact: Fact, value: float = 1.0, **labels: str) -> None:
        """Add up."""
        key = (fact.value, *labels.values())
        self.sums[key] = self.sums.get(key, 0.0) + value

    def trace(self, traceparent: str | None = None) -> str:
        """Follow nothing."""
        return traceparent or ""

    def span(self, name: str, traceparent: str, start_s: float, end_s: float) -> None:
        """Keep nothing."""


class NoClock:
    """Storage and stream ask no clock: whoever asks this one fails the test."""

    def now(self) -> datetime:
        """Fail."""
        raise AssertionError("the stream asked a clock")

    wall = now

    def seconds_until(self, moment: datetime) -> float:
        """Fail."""
        raise AssertionError(f"the stream asked how long until {moment}")

    def tolerance(self, wall_s: float) -> float:
        """Fail."""
        raise AssertionError(f"the stream asked for {wall_s} s of tolerance")


@pytest.fixture
def telemetry() -> Counted:
    return Counted()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    storage = StorageSettings(
        log_url=f"sqlite:///{tmp_path / 'log.db'}",
        series_url=f"sqlite:///{tmp_path / 'series.db'}",
        findings_url=f"sqlite:///{tmp_path / 'findings.db'}",
    )
    return Settings(state_dir=str(tmp_path), storage=storage)


@pytest.fixture
def store(settings: Settings, telemetry: Counted) -> Storage:
    return build(settings, StorageParts(NoClock(), telemetry))


def event(minutes: float, value: float = 20.0, device: str = "d1", sensor: str = "s1") -> Event:
    """Return a temperature, `minutes` after the start."""
    moment = START + timedelta(minutes=minutes)
    identity = message_id(device, sensor, "temperature", moment, value)
    return Event(device, identity, sensor, "temperature", value, "celsius", moment, moment)


def renamed(one: Event, identity: str) -> Event:
    """Return the same event under another message id."""
    return replace(one, message_id=identity)
