"""From bytes to JSON documents, each with the very text that was sent."""

import json
import re
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Final

from shared.contracts.benches.ingestion import Fault, Refused
from shared.language import _

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_FOLLOWS: Final = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")
MOST_KEYS: Final = 64
"""Of one object. To tell a hundred thousand unknown keys apart takes long; nobody reads it."""
_LONGEST_INTEGER: Final = 308
"""Digits of the largest float. Python refuses to read integers of more than 4,300 digits."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """Stands in place of an object that nobody should interpret; says why."""

    got: str
    expected: str


def _object(pairs: list[tuple[str, object]]) -> dict[str, object] | Spoiled:
    found = dict(pairs)
    if len(pairs) > MOST_KEYS:
        got = _("an object with {n} keys").format(n=len(pairs))
        return Spoiled(got, _("at most {n} keys").format(n=MOST_KEYS))
    if len(found) == len(pairs):
        return found
    # Readers would differ on what it means: some take the first, some the last.
    keys = [key for key, _value in pairs]
    doubled = next(key for key in keys if keys.count(key) > 1)
    return Spoiled(
        _("the key {key} twice").format(key=json.dumps(doubled[:64])), _("each key once")
    )


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def parse_one(body: bytes) -> tuple[object, str]:
    """Return the document in `body` and its text; Refused(400) if it isn't one JSON document.

    NaN and the infinities, which JSON hasn't but many writers send, are let through: whoever
    examines the document can name the field they stand in. 1e400 reads as infinity.
    """
    text = _decoded(body)
    start = _skip(text, 0)
    document, end = _scanned(text, start)
    if _skip(text, end) != len(text):
        raise _malformed(text, end, _("nothing after the document"))
    return document, text[start:end]


def parse_many(body: bytes, limit: int) -> tuple[list[object], list[str]]:
    """Return the documents of the JSON array in `body` and the text of each, in order.

    Refused(400) if it isn't a JSON array, Refused(413) as soon as there are more than `limit`.
    """
    text = _decoded(body)
    documents: list[object] = []
    texts: list[str] = []
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise _malformed(text, at, _("a JSON array of readings"))
    at = _skip(text, at + 1)
    closed = text[at : at + 1] == "]"
    while not closed:
        if len(documents) == limit:
            raise _too_many(limit)
        document, end = _scanned(text, at)
        documents.append(document)
        texts.append(text[at:end])
        follows = _FOLLOWS.match(text, end)
        if follows is None:
            raise _malformed(text, _skip(text, end), _("a comma or the array's end"))
        at = follows.end()
        closed = follows[1] == "]"
    at = at + 1 if not documents else at  # behind the bracket of an empty array
    if _skip(text, at) != len(text):
        raise _malformed(text, at, _("nothing after the array"))
    return documents, texts


def _skip(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _scanned(text: str, at: int) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except JSONDecodeError as error:
        raise _malformed(text, error.pos, error.msg) from None
    except RecursionError:
        raise Refused(
            400,
            _("The JSON is nested too deeply: send flat readings."),
            (Fault("body", _("too many levels"), _("a document of two levels")),),
        ) from None


def _decoded(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refused(
            400,
            _("The body isn't UTF-8, as JSON must be: see byte {at}.").format(at=error.start),
            (Fault("body", f"0x{body[error.start]:02x}", "UTF-8"),),
        ) from None
    if not text.strip(" \t\n\r"):
        raise Refused(
            400, _("The body is empty."), (Fault("body", _("nothing"), _("a JSON document")),)
        )
    return text


def _malformed(text: str, at: int, expected: str) -> Refused:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    got = json.dumps(text[at : at + 20]) if at < len(text) else _("the end")
    where = _("The body isn't valid JSON: see line {line}, column {column}.")
    return Refused(400, where.format(line=line, column=column), (Fault("body", got, expected),))


def _too_many(limit: int) -> Refused:
    detail = _("A batch may hold {limit} readings: split it.").format(limit=limit)
    return Refused(413, detail, (Fault("body", _("more"), _("at most {n} items").format(n=limit)),))
