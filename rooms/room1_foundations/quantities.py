"""Numbers and units as recordings write them."""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Final

from shared.contracts.todo import Todo
from shared.language import _

from .reading import BadReading

MISSING: Final = "NA"

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

_CONVERSIONS: Final[Mapping[tuple[str, str], Callable[[float], float]]] = MappingProxyType(
    {
        ("temperature", "celsius"): float,
        ("temperature", "fahrenheit"): lambda value: (value - 32.0) * 5.0 / 9.0,
        ("temperature", "kelvin"): lambda value: value - 273.15,
        ("humidity", "percent"): float,
        ("pressure", "hectopascal"): float,
        ("pressure", "pascal"): lambda value: value / 100.0,
    }
)


def to_number(text: str, column: str) -> float:
    """Return the finite number that `text` writes in digits; BadReading names `column`.

    float() alone would take `nan`, `1_000` and Arabic digits too.
    """
    # task 1.4: a plain decimal number, finite
    raise Todo("1.4")


def to_canonical(value: float, sensor_type: str, unit: str) -> float:
    """Return `value` in the type's canonical unit, unrounded; BadReading for an unknown unit."""
    # task 1.4: 5/9 of what lies above 32 °F; a number that was rounded once isn't rounded again
    raise Todo("1.4")
