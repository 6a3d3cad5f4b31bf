"""The units that a sensor may speak: a line each, a factor and an offset."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.contracts.benches.ingestion import Fault, Refused

from .given.faults import shown

SPELLINGS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "temperature": {
            **dict.fromkeys(("celsius", "°C", "C", "degC"), "celsius"),
            **dict.fromkeys(("fahrenheit", "°F", "F", "degF"), "fahrenheit"),
            **dict.fromkeys(("kelvin", "K"), "kelvin"),
        },
        "humidity": {
            **dict.fromkeys(("percent", "%", "%RH"), "percent"),
            "fraction": "fraction",
        },
        "pressure": {
            **dict.fromkeys(("hectopascal", "hPa", "millibar", "mbar"), "hectopascal"),
            **dict.fromkeys(("pascal", "Pa"), "pascal"),
            **dict.fromkeys(("kilopascal", "kPa"), "kilopascal"),
            "mmHg": "mmHg",
            "inHg": "inHg",
        },
    }
)
MMHG: Final = 133.322387415 / 100
LINES: Final[Mapping[str, tuple[float, float]]] = {
    "fahrenheit": (1 / 1.8, -32.0),
    "kelvin": (1.0, -273.15),
    "fraction": (100.0, 0.0),
    "pascal": (1e-2, 0.0),
    "kilopascal": (1e1, 0.0),
    "mmHg": (MMHG, 0.0),
    "inHg": (MMHG * 25.4, 0.0),
}


def to_canonical(value: float, unit: str) -> float:
    """Return `value` in its type's own unit: shifted, then scaled."""
    if unit not in LINES:
        return value
    factor, shift = LINES[unit]
    return (value + shift) * factor


def unit_of(sensor_type: str, spelling: str) -> str:
    """Return the plain name of a unit; Refused(422) naming the type's units if it has no such."""
    known = SPELLINGS[sensor_type]
    if spelling in known:
        return known[spelling]
    fault = Fault("metadata.unit", shown(spelling), ", ".join(known))
    raise Refused(422, f"Not a unit of {sensor_type}.", (fault,))
