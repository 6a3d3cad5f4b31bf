"""A token's parts as JSON, each name once."""

import json
from typing import Any

import jwt
from jwt.utils import base64url_decode


def check_names(text: str) -> None:
    """Raise DecodeError if a name stands twice in the header or the claims of a token.

    Which of the two counts differs from parser to parser (RFC 8259, 4): one would be checked, and
    the other believed.
    """
    for part in text.split(".")[:2]:
        try:
            json.loads(base64url_decode(part), object_pairs_hook=_once)
        except ValueError as error:
            raise jwt.DecodeError("not JSON with each name once") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found
