"""Room 1, Foundations: sensors that could be real. Offers `Sensors`."""

from shared.contracts.ports import SensorParts, Sensors
from shared.contracts.settings import Settings

from .atmosphere import (
    HumiditySensor,
    PressureSensor,
    relative_humidity,
    saturation_pressure,
    station_pressure,
)
from .faults import inject, quantise
from .fleet import fleet_births
from .given.source import Source
from .incidents import plan_faults
from .pacing import merge, pace
from .reading import from_json, make_reading, to_json
from .recording import replay
from .temperature import TemperatureSensor
from .twin import fit_twin
from .weather import make_noise, solar_hour

__all__ = [
    "HumiditySensor",
    "PressureSensor",
    "TemperatureSensor",
    "build",
    "fit_twin",
    "fleet_births",
    "from_json",
    "inject",
    "make_noise",
    "make_reading",
    "merge",
    "pace",
    "plan_faults",
    "quantise",
    "relative_humidity",
    "replay",
    "saturation_pressure",
    "solar_hour",
    "station_pressure",
    "to_json",
]


def build(settings: Settings, parts: SensorParts) -> Sensors:
    """Return the sensors that `settings.source` describes; ValueError if it can't be met."""
    return Source(settings, parts)
