"""What is wrong with a request, in words: the field, what came, what was expected."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from shared.contracts.benches.ingestion import Fault
from shared.contracts.messages import UNITS
from shared.language import _

from .documents import Spoiled

MOST_FAULTS: Final = 20
"""Faults told at once: a body of a megabyte can have a hundred thousand."""
_LONGEST_SHOWN: Final = 80


def shown(value: object) -> str:
    """Return `value` for a person: as JSON writes it, at most some 80 characters, printable.

    Lone surrogates are escaped, large things named by their size; NaN and Infinity as such.
    """
    if isinstance(value, Spoiled):
        return value.got
    if isinstance(value, Mapping):
        return _("an object with {n} keys").format(n=len(value))
    if isinstance(value, list | tuple):
        return _("a list of {n} items").format(n=len(value))
    if isinstance(value, str):
        text = json.dumps(value[:_LONGEST_SHOWN], ensure_ascii=False)
        text = text.encode("utf-8", "backslashreplace").decode()
        return (
            text
            if len(value) <= _LONGEST_SHOWN
            else _("{start}… ({n} characters)").format(start=text[:-1], n=len(value))
        )
    if value is None or isinstance(value, bool | int | float):
        text = json.dumps(value)
        return (
            text
            if len(text) <= _LONGEST_SHOWN
            else _("{start}… ({n} characters)").format(start=text[:_LONGEST_SHOWN], n=len(text))
        )
    return type(value).__name__


def expected_of(field: str) -> str | None:
    """Return what a field of a request must hold; None for a field that isn't known."""
    identifier = _("1 to 64 of A-Z, a-z, 0-9, _ and -")
    moment = _("a time with its zone, as 2025-01-15T10:30:45.123Z")
    return {
        "body": _("a JSON object"),
        "device_id": identifier,
        "sensor_type": ", ".join(UNITS),
        "type": ", ".join(UNITS),
        "value": _("a finite number"),
        "timestamp": moment,
        "ts": _("seconds since 1970, a finite number"),
        "message_id": identifier,
        "metadata": _("a JSON object"),
        "metadata.sensor_id": identifier,
        "metadata.unit": _("the name of a unit"),
        "metadata.location": _("1 to 128 printable characters"),
        "metadata.calibration_date": _("a day, as 2025-01-01"),
        "metadata.traceparent": _("a W3C traceparent of at most 256 characters"),
        "start": moment,
        "end": moment,
    }.get(field)


def faults_of(
    errors: Iterable[Mapping[str, Any]], skip: int = 0, known: Iterable[str] = ()
) -> tuple[Fault, ...]:
    """Return pydantic's `errors` as faults, the first 20; `skip` cuts their path's beginning.

    `known` are the paths that may be used: told beside one that isn't known.
    """
    return tuple(
        _fault(error, ".".join(str(part) for part in error["loc"][skip:]) or "body", known)
        for error, _count in zip(errors, range(MOST_FAULTS), strict=False)
    )


def _fault(error: Mapping[str, Any], field: str, known: Iterable[str]) -> Fault:
    name = field.encode("utf-8", "backslashreplace").decode()[:_LONGEST_SHOWN]
    if error["type"] == "extra_forbidden":
        beside = [other for other in known if other.rpartition(".")[0] == field.rpartition(".")[0]]
        told = _("no such field; there are {known}").format(known=", ".join(beside))
        return Fault(name, shown(error["input"]), told if beside else _("no such field"))
    if isinstance(error["input"], Spoiled):
        return Fault(name, error["input"].got, error["input"].expected)
    expected = expected_of(field) or str(error["msg"])
    got = _("nothing") if error["type"] == "missing" else shown(error["input"])
    return Fault(name, got, expected)
