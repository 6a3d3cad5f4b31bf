"""A recording for sensors: temperatures of the stations, row by row, and nothing else."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event as StopSignal

from shared.contracts.messages import Birth, Reading, SensorCard, Truth
from shared.contracts.ports import SensorParts, Sensors
from shared.contracts.settings import Settings

STATIONS = ("EWR", "JFK", "LGA")


class RecordedTemperatures:
    """Reads the stations' temperatures; knows no other sensor, no fleet and no fault."""

    def __init__(self, settings: Settings, parts: SensorParts) -> None:
        self._source = settings.source
        self._clock = parts.clock

    def births(self) -> Sequence[Birth]:
        """Return three stations with a thermometer each."""
        return [
            Birth(f"station-{name}", (SensorCard(f"{name}-TEMP", "temperature", "celsius"),))
            for name in STATIONS
        ]

    def readings(self, skip: Mapping[str, int], stop: StopSignal) -> Iterator[Reading]:
        """Yield the temperatures by their times, after reading the whole file into a list."""
        left = dict(skip)
        for reading in self._all():
            if left.get(reading.device_id, 0) > 0:
                left[reading.device_id] -= 1
                continue
            delay = self._clock.seconds_until(reading.timestamp) if self._source.paced else 0.0
            if stop.wait(max(0.0, delay)):
                return
            yield reading

    def _all(self) -> list[Reading]:
        if self._source.recording is None:
            return []
        with Path(self._source.recording).open(encoding="utf-8", newline="") as file:
            found = [_reading(row) for row in csv.DictReader(file)]
        oldest = self._source.recording_from
        return sorted(
            (r for r in found if r is not None and (oldest is None or r.timestamp >= oldest)),
            key=lambda reading: reading.timestamp,
        )

    def truth(self) -> Sequence[Truth]:
        """Return nothing: no fault is injected."""
        return []


def _reading(row: Mapping[str, str]) -> Reading | None:
    try:
        value = (float(row["temperature_fahrenheit"]) - 32) / 1.8
        moment = datetime.fromisoformat(row["time"])
        station = row["station"]
    except (KeyError, ValueError):
        return None
    return Reading(f"station-{station}", f"{station}-TEMP", "temperature", value, "celsius", moment)


def build(settings: Settings, parts: SensorParts) -> Sensors:
    """Return the stand-in for Room 1."""
    return RecordedTemperatures(settings, parts)
