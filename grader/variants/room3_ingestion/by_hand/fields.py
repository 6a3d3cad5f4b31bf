"""The values that stand in a request, read by hand: slices and integers, no pattern."""

from datetime import UTC, date, datetime, timedelta
from math import inf
from typing import Annotated, Final

from pydantic import PlainValidator, StringConstraints, WithJsonSchema

from .units import SPELLINGS

TIME_PATTERN: Final = r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$"


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"expected digits, got {text!r}")
    return int(text)


def _offset(zone: str) -> timedelta:
    if zone in {"Z", "z"}:
        return timedelta(0)
    if len(zone) != 6 or zone[0] not in "+-" or zone[3] != ":":
        raise ValueError(f"expected a zone, got {zone!r}")
    hours, minutes = _digits(zone[1:3]), _digits(zone[4:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"expected a zone that exists, got {zone!r}")
    size = timedelta(hours=hours, minutes=minutes)
    return size if zone[0] == "+" else -size


def moment_from(text: object) -> datetime:
    """Return the time that `text` names, UTC, cut to the millisecond; ValueError otherwise."""
    if not isinstance(text, str) or len(text) < 20:
        raise ValueError("expected a time with its zone")
    marks = (text[4], text[7], text[10].upper(), text[13], text[16])
    if marks != ("-", "-", "T", ":", ":"):
        raise ValueError("expected a time as 2025-01-15T10:30:45.123Z")
    places = ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19))
    numbers = [_digits(text[start:end]) for start, end in places]
    rest, thousandths = text[19:], 0
    if rest.startswith("."):
        size = len(rest[1:]) - len(rest[1:].lstrip("0123456789"))
        thousandths = _digits((rest[1 : size + 1] + "00")[:3]) if size else _digits("")
        rest = rest[size + 1 :]
    try:
        moment = datetime(*numbers, thousandths * 1_000, UTC)  # type: ignore[arg-type, misc]
        return moment - _offset(rest)
    except OverflowError:
        raise ValueError("expected a time that exists") from None


def number_from(value: object) -> float:
    """Return `value` as a finite float; ValueError otherwise."""
    if type(value) not in {int, float}:
        raise ValueError(f"expected a number, got {type(value).__name__}")
    try:
        number = float(value)  # type: ignore[arg-type]
    except OverflowError as error:
        raise ValueError(str(error)) from error
    if not -inf < number < inf:
        raise ValueError("expected a finite number")
    return number


def day_from(text: object) -> date:
    """Return the day that `text` names as YYYY-MM-DD; ValueError for anything else."""
    if not isinstance(text, str) or len(text) != 10:
        raise ValueError(text)
    return date(_digits(text[:4]), _digits(text[5:7]), _digits(text[8:]))


IDENTIFIER_SCHEMA: Final = {
    "type": "string",
    "pattern": r"^[ \t\r\n]*[A-Za-z0-9_-]{1,64}[ \t\r\n]*$",
}
Identifier = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, pattern=r"^[A-Za-z0-9_-]{1,64}$"),
    WithJsonSchema(IDENTIFIER_SCHEMA),
]
Moment = Annotated[
    datetime,
    PlainValidator(moment_from),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": TIME_PATTERN}),
]
Number = Annotated[float, PlainValidator(number_from), WithJsonSchema({"type": "number"})]
Day = Annotated[
    date, PlainValidator(day_from), WithJsonSchema({"type": "string", "format": "date"})
]
Printable = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$"),
]
Spelling = Annotated[
    str,
    StringConstraints(strict=True, max_length=16),
    WithJsonSchema(
        {"type": "string", "enum": sorted(name for known in SPELLINGS.values() for name in known)}
    ),
]
TraceText = Annotated[str, StringConstraints(strict=True, max_length=256)]
