"""Values as exact-type JSON: what arrives is made of our own types, whatever was sent.

Numbers, text, lists, None and booleans are JSON's own. Everything else is an object with one key
that says what it is. Objects that can't be written travel as references. Never pickle.
"""

import base64
import enum
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import PurePath
from types import ModuleType
from typing import Any, Final

LONGEST: Final = 16 * 1024 * 1024  # bytes of one frame
MOST: Final = 1_000_000  # values of one frame: each takes far more room here than on the way
DEEPEST: Final = 40  # levels of one value
_LARGEST_DIGITS: Final = 4000


class WireError(Exception):
    """What arrived isn't of the protocol: too long, too deep, of no known kind."""


def carriers(*modules: ModuleType) -> dict[str, type]:
    """Return the dataclasses and enums that `modules` define, by name: they travel by value."""
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and (is_dataclass(value) or issubclass(value, enum.Enum))
    }


class Codec:
    """Writes and reads values. `refer` and `resolve` handle what can't travel by value."""

    def __init__(
        self,
        known: Mapping[str, type],
        refer: Callable[[object], dict[str, Any]],
        resolve: Callable[[str, Any], object],
    ) -> None:
        self._known = known
        self._names = {value: name for name, value in known.items()}
        self._refer = refer
        self._resolve = resolve

    def dumps(self, value: object) -> bytes:
        """Return the frame's bytes; WireError if it is too long or too deep."""
        data = json.dumps(self._write(value, 0), separators=(",", ":")).encode()
        if len(data) > LONGEST:
            raise WireError(f"a frame of {len(data)} bytes; at most {LONGEST} can be carried")
        return data

    def loads(self, data: bytes) -> Any:  # noqa: ANN401 - whatever was sent
        """Return the value; WireError for anything that isn't of the protocol."""
        if data.count(b",") + data.count(b"[") + data.count(b"{") > MOST:
            raise WireError(f"more than {MOST} values at once")
        try:
            return self._read(json.loads(data.decode()), 0)
        except WireError:
            raise
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise WireError(f"not of the protocol: {type(error).__name__}") from None

    def _write(self, value: object, depth: int) -> object:  # noqa: PLR0911, C901 - a type a line
        if depth > DEEPEST:
            raise WireError(f"a value more than {DEEPEST} levels deep")
        below = depth + 1
        if value is None or isinstance(value, bool):
            return value
        if type(value) in self._names:
            return self._write_carrier(value, below)
        if isinstance(value, int):
            return _written_int(int(value))
        if isinstance(value, float):
            number = float(value)
            return number if math.isfinite(number) else {"float": repr(number)}
        if isinstance(value, str):
            return _written_text(str(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return {"bytes": base64.b64encode(bytes(value)).decode()}
        if isinstance(value, datetime):
            return {"when": value.isoformat()}
        if isinstance(value, date):
            return {"day": value.isoformat()}
        if isinstance(value, timedelta):
            return {"span": value // timedelta(microseconds=1)}
        if isinstance(value, PurePath):
            return str(value)
        return self._write_many(value, below)

    def _write_many(self, value: object, depth: int) -> object:
        if isinstance(value, list):
            return [self._write(item, depth) for item in value]
        if isinstance(value, tuple):
            return {"tuple": [self._write(item, depth) for item in value]}
        if isinstance(value, set | frozenset):
            return {"set": sorted((self._write(item, depth) for item in value), key=repr)}
        if isinstance(value, dict | Mapping):
            pairs = value.items()
            return {"dict": [[self._write(k, depth), self._write(v, depth)] for k, v in pairs]}
        return self._refer(value)

    def _write_carrier(self, value: object, depth: int) -> object:
        if isinstance(value, enum.Enum):
            return {"enum": [self._names[type(value)], value.name]}
        content = {
            field.name: self._write(getattr(value, field.name), depth)
            for field in fields(value)  # type: ignore[arg-type] # a carrier is a dataclass
            if field.init
        }
        return {"carrier": [self._names[type(value)], content]}

    def _read(self, value: Any, depth: int) -> object:  # noqa: ANN401
        if depth > DEEPEST:
            raise WireError(f"a value more than {DEEPEST} levels deep")
        if isinstance(value, list):
            return [self._read(item, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) != 1:
            raise WireError("an object with more than its one key")
        ((kind, content),) = value.items()
        return self._read_kind(kind, content, depth + 1)

    def _read_kind(self, kind: str, content: Any, depth: int) -> object:  # noqa: ANN401, PLR0911, C901
        match kind:
            case "float":
                return float(content)
            case "int":
                return int(content, 16)
            case "text":
                return base64.b64decode(content).decode("utf-8", "surrogatepass")
            case "bytes":
                return base64.b64decode(content)
            case "when":
                return _moment(content)
            case "day":
                return date.fromisoformat(content)
            case "span":
                return timedelta(microseconds=content)
            case "tuple":
                return tuple(self._read(item, depth) for item in content)
            case "set":
                return frozenset(self._read(item, depth) for item in content)
            case "dict":
                return {self._read(k, depth): self._read(v, depth) for k, v in content}
            case "enum":
                return self._known[content[0]][content[1]]  # type: ignore[index] # an enum
            case "carrier":
                written = content[1].items()
                values = {str(name): self._read(item, depth) for name, item in written}
                return self._known[content[0]](**values)
        return self._resolve(kind, content)


def _written_int(number: int) -> object:
    # Python refuses to write thousands of digits in decimal; hexadecimal has no such bound.
    return number if number.bit_length() < _LARGEST_DIGITS else {"int": hex(number)}


def _written_text(text: str) -> object:
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates
        return {"text": base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()}
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    offset = moment.utcoffset()
    if offset is None:
        return moment
    return moment.replace(tzinfo=timezone(offset) if offset else UTC)
