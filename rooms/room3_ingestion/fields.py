"""The values that stand in a request, each read or refused by itself."""

import math
import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import PlainValidator, StringConstraints, WithJsonSchema

from shared.contracts.todo import Todo

from .units import SPELLINGS

RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII
)
DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)


def moment_from(text: object) -> datetime:
    """Return the time that `text` names, UTC, cut to the millisecond.

    Raises ValueError for what isn't RFC 3339 with a zone: a naive time, another order, a number.
    """
    # task 3.1: an aware time, or a ValueError
    raise Todo("3.1")


def number_from(value: object) -> float:
    """Return `value` as a finite float.

    Raises ValueError for NaN, infinities, what a float can't hold, text, and true and false.
    """
    # task 3.1: a finite number, or a ValueError
    raise Todo("3.1")


def day_from(text: object) -> date:
    """Return the day that `text` names as YYYY-MM-DD; ValueError for anything else."""
    if not isinstance(text, str) or not DAY.match(text):
        raise ValueError(text)
    return date.fromisoformat(text)


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
    WithJsonSchema(
        {"type": "string", "format": "date-time", "pattern": RFC3339.pattern[:-2] + "$"}
    ),
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
"""Any text: a bad trace is no reason to refuse a reading, it is replaced."""
