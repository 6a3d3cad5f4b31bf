"""What a row of a recording says, in each of the two formats."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from shared.contracts.identifiers import is_identifier
from shared.contracts.messages import UNITS, Reading, SensorCard
from shared.contracts.todo import Todo
from shared.language import _

from .given.lines import Line
from .quantities import MISSING, to_canonical, to_number
from .reading import BadReading, make_reading, parse_time

Refuse = Callable[[BadReading], None]

MOST_SENSORS: Final = 1_000
"""Of one device: its birth is one MQTT message of limited size."""


class Format(Protocol):
    """How one kind of recording is read."""

    def key(self, first: bytes) -> str | None:
        """Return the device of a row whose first field is `first`; None if that can't be told."""

    def learn(self, line: Line) -> None:
        """Note what a row tells about the device's sensors; it may be malformed."""

    def cards(self, key: str) -> tuple[SensorCard, ...]:
        """Return the sensors of that device as learnt."""

    def readings(self, fields: list[str], refuse: Refuse) -> Iterator[Reading]:
        """Yield the readings of a row; what can't be used goes to `refuse`."""


def expect_fields(fields: list[str], columns: tuple[str, ...]) -> None:
    """Raise BadReading unless a row has as many fields as the header has columns."""
    if len(fields) != len(columns):
        expected = _("{count} fields: {names}").format(count=len(columns), names=",".join(columns))
        raise BadReading("row", expected, _("{count} fields").format(count=len(fields)))


class StationRows:
    """The weather stations': one row is up to three readings of `station-NAME`."""

    columns = (
        "station",
        "time",
        "temperature_fahrenheit",
        "relative_humidity_percent",
        "sea_level_pressure_hpa",
    )
    measures = (
        ("TEMP", "temperature", "fahrenheit"),
        ("HUM", "humidity", "percent"),
        ("PRES", "pressure", "hectopascal"),
    )

    def key(self, first: bytes) -> str | None:
        """Return `station-NAME`; None for a name that can't be part of an identifier."""
        name = first.strip().decode("ascii", "replace")
        return f"station-{name}" if is_identifier(name) and len(name) <= 56 else None  # noqa: PLR2004

    def learn(self, line: Line) -> None:
        """Every station has the same three sensors."""

    def cards(self, key: str) -> tuple[SensorCard, ...]:
        """Return thermometer, hygrometer and barometer. ASOS reports tenths of °C and hPa."""
        name = key.removeprefix("station-")
        return tuple(
            SensorCard(f"{name}-{suffix}", kind, UNITS[kind], f"{name} airport", None, resolution)
            for (suffix, kind, _unit), resolution in zip(
                self.measures, (0.1, None, 0.1), strict=True
            )
        )

    def readings(self, fields: list[str], refuse: Refuse) -> Iterator[Reading]:
        """Yield up to three readings; a value that can't be used doesn't spoil its neighbours."""
        # task 1.4: the time once, then each measure by itself; NA is no reading
        raise Todo("1.4")

    def _moment(self, fields: list[str], refuse: Refuse) -> datetime | None:
        """Return the row's time; None, and the reason to `refuse`, if the row has none."""
        try:
            expect_fields(fields, self.columns)
            if self.key(fields[0].encode()) is not None:
                return parse_time(fields[1], "time")
            refuse(BadReading("station", _("1 to 56 of A-Z a-z 0-9 _ -"), fields[0]))
        except BadReading as error:
            refuse(error)
        return None


class OwnRows:
    """One's own: a row is one reading of the device that the file is named after."""

    required = ("timestamp", "sensor_id", "type", "value")

    def __init__(self, device_id: str, columns: tuple[str, ...]) -> None:
        self._device_id = device_id
        self._columns = columns
        self._places = {
            name: columns.index(name) for name in (*self.required, "unit") if name in columns
        }
        self._sensors: dict[tuple[str, str], SensorCard] = {}

    def key(self, first: bytes) -> str | None:
        """Return the one device, whatever the row says."""
        del first
        return self._device_id

    def learn(self, line: Line) -> None:
        """Note the sensor of a well-formed row, up to MOST_SENSORS of them."""
        if len(self._sensors) == MOST_SENSORS:
            return
        try:
            fields = line.fields()
            if len(fields) == len(self._columns) and self._name(fields) in self._sensors:
                return  # without a closer look, which takes most of the time
            reading = self._parse(fields)
        except BadReading:
            return
        if reading is not None:
            name = (reading.sensor_id, reading.sensor_type)
            self._sensors.setdefault(name, SensorCard(*name, reading.unit))

    def _name(self, fields: list[str]) -> tuple[str, str]:
        return fields[self._places["sensor_id"]], fields[self._places["type"]].lower()

    def cards(self, key: str) -> tuple[SensorCard, ...]:
        """Return the sensors in the order in which they were learnt."""
        return tuple(self._sensors.values()) if key == self._device_id else ()

    def readings(self, fields: list[str], refuse: Refuse) -> Iterator[Reading]:
        """Yield the row's reading, if it is one of a sensor that was learnt."""
        # task 1.4: the row's reading or its refusal
        raise Todo("1.4")

    def _parse(self, fields: list[str]) -> Reading | None:
        """Return the row's reading, None for NA; BadReading names the first column that's wrong."""
        expect_fields(fields, self._columns)
        row = {name: fields[place] for name, place in self._places.items()}
        kind = row["type"].lower()
        if kind not in UNITS:
            raise BadReading(
                "type", _("one of {types}").format(types=", ".join(UNITS)), row["type"]
            )
        moment = parse_time(row["timestamp"], "timestamp")
        if row["value"] == MISSING:
            return None
        unit = row.get("unit", "").lower() or UNITS[kind]
        value = to_canonical(to_number(row["value"], "value"), kind, unit)
        return make_reading(self._device_id, row["sensor_id"], kind, value, moment)


def device_of(path: Path, taken: frozenset[str] = frozenset()) -> str:
    """Return an identifier made of a file's stem, none of `taken`: `my-data` of `my data.csv`."""
    plain = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-")[:59] or "recording"
    return f"{name}-file" if name in taken else name
