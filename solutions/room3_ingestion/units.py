"""The units that a sensor may speak, and the one that each type is kept in."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.todo import Todo
from shared.language import _

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
"""How each type's units may be written, and their plain names. SI is exact about case."""


def to_canonical(value: float, unit: str) -> float:
    """Return `value` of the unit with that plain name (see SPELLINGS) in its type's own unit.

    Exact definitions: 0 °C = 273.15 K = 32 °F (nine degrees F for five of C); the conventional
    millimetre of mercury is 133.322387415 Pa, the inch 25.4 times that (NIST SP 811, B.8).
    """
    # task 3.2: celsius, percent, hectopascal
    # <solution>
    match unit:
        case "fahrenheit":
            value = (value - 32.0) * 5.0 / 9.0
        case "kelvin":
            value = value - 273.15
        case "fraction":
            value = value * 100.0
        case "pascal":
            value = value / 100.0
        case "kilopascal":
            value = value * 10.0
        case "mmHg":
            value = value * 1.33322387415
        case "inHg":
            value = value * 33.86388640341
    return value
    # </solution>
    #: raise Todo("3.2")


def unit_of(sensor_type: str, spelling: str) -> str:
    """Return the plain name of a unit; Refused(422) naming the type's units if it has no such."""
    name = SPELLINGS[sensor_type].get(spelling)
    if name is None:
        detail = _("{unit} isn't a unit of {type}.").format(unit=shown(spelling), type=sensor_type)
        expected = ", ".join(SPELLINGS[sensor_type])
        raise Refused(422, detail, (Fault("metadata.unit", shown(spelling), expected),))
    return name
