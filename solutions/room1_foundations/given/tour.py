"""A look at what each task makes, so that the first one done already shows something."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from shared.contracts.benches.sensors import RowRefused, Site
from shared.contracts.messages import Reading
from shared.contracts.settings import Settings
from shared.language import _

from ..atmosphere import HumiditySensor, PressureSensor
from ..faults import inject
from ..fleet import fleet_births
from ..incidents import plan_faults
from ..reading import make_reading, to_json
from ..recording import replay
from ..temperature import Instrument, TemperatureSensor
from ..twin import StationTwin, fit_twin
from .display import spark, symbol

WEATHER = Path(__file__).parents[3] / "shared" / "data" / "nyc-weather-2013.csv"
START = datetime(2013, 5, 6, tzinfo=UTC)
_ERROR_DAY = datetime(2013, 5, 8, 4, tzinfo=UTC)


def stops() -> tuple[tuple[str, Callable[[], str]], ...]:
    """Return the tour: each task, and what shows it in one line. What isn't done raises Todo."""
    return (
        ("1.1", _json),
        ("1.2", lambda: _two_days(TemperatureSensor)),
        ("1.3", lambda: _two_days(HumiditySensor)),
        ("1.3", lambda: _two_days(PressureSensor)),
        ("1.4", _real_error),
        ("1.5", _failing),
        ("1.6", _fleet),
        ("1.7", _twin),
    )


def fitted(station: str) -> StationTwin:
    """Return the twin of a station of the recording; ValueError if it has none of that name."""
    found = [r for r in _recorded(None) if r.sensor_id == f"{station}-TEMP"]
    if not found:
        raise ValueError(_("expected EWR, JFK or LGA, got {name}").format(name=station))
    return fit_twin([r.timestamp for r in found], [r.value for r in found])


def _recorded(since: datetime | None) -> Iterator[Reading]:
    return replay(str(WEATHER), since, _complain)


def _complain(refused: RowRefused) -> None:
    raise ValueError(f"{refused.file}:{refused.line}: {refused.column}: {refused.expected}")


def _hours(count: int) -> list[datetime]:
    return [START + timedelta(hours=hour) for hour in range(count)]


def _shape(values: list[float], unit: str) -> str:
    return f"{spark(values)}  {min(values):.1f} – {max(values):.1f} {symbol(unit)}"


def _json() -> str:
    return to_json(make_reading("fleet-01", "TEMP-001", "temperature", 22.3, START))


def _two_days(kind: type[Instrument]) -> str:
    sensor = kind("fleet-01", "TOUR", Site(), 1, lambda: START)
    return _shape([sensor.value_at(hour) for hour in _hours(48)], sensor.card.unit)


def _real_error() -> str:
    readings = (r for r in _recorded(_ERROR_DAY) if r.sensor_id == "JFK-TEMP")
    return "JFK " + _shape([r.value for r in islice(readings, 44)], "celsius")


def _failing() -> str:
    sensor = TemperatureSensor("fleet-01", "TOUR", Site(), 3, lambda: START)
    names = (sensor.device_id, sensor.sensor_id, sensor.sensor_type)
    healthy = (make_reading(*names, sensor.value_at(hour), hour) for hour in _hours(240))
    faults = plan_faults(sensor.device_id, sensor.card, START, 3600.0, 3)
    stream = inject(healthy, faults, sensor.card)
    values = [reading.value for reading in stream]
    kinds = ", ".join(sorted({truth.kind for truth in stream.truth()}))
    return f"{_shape(values[::5], 'celsius')}  ({kinds})"


def _fleet() -> str:
    births = fleet_births(Settings())
    card = births[0].sensors[0]
    return _("{device}: {sensor} on {location}, calibrated {date}").format(
        device=births[0].device_id,
        sensor=card.sensor_id,
        location=card.location,
        date=card.calibration_date,
    )


def _twin() -> str:
    twin = fitted("JFK")
    one, day = twin.correlations
    shape = _shape(list(twin.simulate(_hours(48), 1)), "celsius")
    return f"{shape}  ρ(1 h) {one:.3f}, ρ(24 h) {day:.3f}"
