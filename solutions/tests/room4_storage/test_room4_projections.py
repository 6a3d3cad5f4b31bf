"""A read model that somebody adds later: it begins at the first event and catches up by itself."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from shared.contracts.ports import Telemetry
from shared.contracts.settings import Settings
from solutions.room4_storage import open_log
from solutions.room4_storage.projection import WindowedSeries
from solutions.room4_storage.stream import StreamProcessor
from solutions.tests.room4_storage.conftest import Counted, event


class Census:
    """How many readings each device has sent: a projection in a table of its own."""

    name = "census"

    def __init__(self) -> None:
        self.fails_at = ""

    def resume(self, connection: Connection) -> None:
        """Remember nothing: the table says it all."""

    def clear(self, connection: Connection) -> None:
        """Drop the table."""
        connection.execute(text("DROP TABLE IF EXISTS census"))

    def take(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Count."""
        made = "CREATE TABLE IF NOT EXISTS census (device TEXT PRIMARY KEY, readings INTEGER)"
        connection.execute(text(made))
        counted = (
            "INSERT INTO census VALUES (:device, 1)"
            " ON CONFLICT (device) DO UPDATE SET readings = readings + 1"
        )
        for row in rows:
            connection.execute(text(counted), {"device": row.device_id})
            if row.device_id == self.fails_at:
                raise RuntimeError("a projection with a flaw")

    def tell(self, telemetry: Telemetry) -> None:
        """Say nothing."""


@pytest.fixture
def settings_with_a_log(settings: Settings) -> Settings:
    """Return settings whose log holds 300 readings of three devices, streamed once already."""
    devices = ("d1", "d2", "d3")
    open_log(settings.storage).append([event(n, device=devices[n % 3]) for n in range(300)])
    stream = StreamProcessor(settings.storage, Counted(), [WindowedSeries(settings.storage)])
    while stream.step(100):
        pass
    assert stream.lag() == 0
    return settings


def joined(settings: Settings, census: Census) -> StreamProcessor:
    return StreamProcessor(settings.storage, Counted(), [WindowedSeries(settings.storage), census])


def counted(stream: StreamProcessor) -> dict[str, int]:
    with stream._series.connect() as connection:
        rows = connection.execute(text("SELECT device, readings FROM census"))
        return {row.device: row.readings for row in rows}


def test_it_begins_at_the_first_event_while_the_other_stays_where_it_is(
    settings_with_a_log: Settings,
) -> None:
    stream = joined(settings_with_a_log, Census())
    assert stream.lag() == 300
    assert [stream.step(200), stream.step(200), stream.step(200)] == [200, 100, 0]
    assert stream.lag() == 0
    assert counted(stream) == {"d1": 100, "d2": 100, "d3": 100}


def test_it_counts_each_event_once_though_it_is_started_again(
    settings_with_a_log: Settings,
) -> None:
    joined(settings_with_a_log, Census()).step(130)
    stream = joined(settings_with_a_log, Census())
    while stream.step(50):
        pass
    assert counted(stream) == {"d1": 100, "d2": 100, "d3": 100}


def test_both_are_made_again_each_from_nothing(settings_with_a_log: Settings) -> None:
    stream = joined(settings_with_a_log, Census())
    stream.step(200)
    assert stream.rebuild() == 300
    assert stream.lag() == 0
    assert counted(stream) == {"d1": 100, "d2": 100, "d3": 100}


def test_what_fails_is_not_committed_and_is_taken_again(settings_with_a_log: Settings) -> None:
    census = Census()
    stream = joined(settings_with_a_log, census)
    stream.step(90)
    census.fails_at = "d2"
    with pytest.raises(RuntimeError, match="a flaw"):
        stream.step(90)
    census.fails_at = ""
    while stream.step(90):
        pass
    assert counted(stream) == {"d1": 100, "d2": 100, "d3": 100}
