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
        """Yield the temperatures in the order of the file."""
        left = dict(skip)
        if self._source.recording is None:
            return
        with Path(self._source.recording).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                reading = _reading(row)
                if reading is None or _too_old(reading, self._source.recording_from):
                    continue
                if left.get(reading.device_id, 0) > 0:
                    left[reading.device_id] -= 1
                    continue
                if self._source.paced and stop.wait(
                    max(0.0, self._clock.seconds_until(reading.timestamp))
                ):
                    return
                yield reading

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


def _too_old(reading: Reading, oldest: datetime | None) -> bool:
    return oldest is not None and reading.timestamp < oldest


def build(settings: Settings, parts: SensorParts) -> Sensors:
    """Return the stand-in for Room 1."""
    return RecordedTemperatures(settings, parts)
