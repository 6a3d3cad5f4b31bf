"""A log that programs can read: one JSON object a line, and no secret in it."""

import json
import logging
import math
import re
from collections.abc import Mapping, MutableMapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from shared.contracts.todo import Todo

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LARGEST_BYTES: Final = 5_000_000
KEPT: Final = 3
MASK: Final = "***"
LONGEST: Final = 2_000

_SECRET_KEY: Final = re.compile(
    r"(secret|password|passwd|token|authorization|cookie|private|api_?key|credential)",
    re.IGNORECASE,
)
_SECRET_TEXT: Final = re.compile(
    r"(?:bearer\s+\S+"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@))",
    re.IGNORECASE | re.DOTALL,
)


def open_journal(path: str, level: str) -> "Journal":
    """Return a journal that writes lines of `level` (debug, info, warning, error) and above."""
    return Journal(Path(path), level)


def masked(context: Mapping[str, object]) -> dict[str, object]:
    """Return `context` with secrets replaced by ***, by the key's name and by the text's look.

    Tokens, bearer headers, private keys and passwords in addresses are found inside longer texts
    too, and in whatever isn't a number, as it would be written.
    """
    # task 7.1: by key and by look; numbers stay numbers
    # <solution>
    return {
        key: MASK if _SECRET_KEY.search(key) else _clean(value) for key, value in context.items()
    }
    # </solution>
    #: raise Todo("7.1")


class CalmHandler(RotatingFileHandler):
    """A handler that a full disk doesn't make talk on stderr, nor stop the part that says so."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's form
        """Pass over a line that couldn't be written."""
        del record


class Journal:
    """A file that is turned over when it grows, so that a talkative part fills no disk."""

    def __init__(self, path: Path, level: str) -> None:
        self._lowest = LEVELS.get(level, LEVELS["info"])
        self._handler = CalmHandler(
            path, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8", delay=True
        )
        logger = logging.Logger(path.stem)  # noqa: LOG001 - one of its own, in no tree of loggers
        logger.addHandler(self._handler)
        self._logger = logger

    def event(self, level: str, name: str, **context: object) -> None:
        """Write one line: timestamp (UTC), level, event, context. Never raises.

        Nothing is formatted for a level that isn't asked for. JSON escapes every control character:
        a newline or a terminal's escape in data forges no line.
        """
        # task 7.1: the level first; then the line
        # <solution>
        if LEVELS.get(level, LEVELS["error"]) < self._lowest:
            return
        try:
            told = _masked_event(
                None, level if level in LEVELS else "error", {"event": name, **context}
            )
            line = json.dumps(dict(_stamp(None, level, told)), default=str)
            self._logger.log(LEVELS.get(level, LEVELS["error"]), "%s", line)
        except Exception:  # noqa: BLE001 - a log line never stops what it tells of
            return
        # </solution>
        #: raise Todo("7.1")

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


def _masked_event(
    _logger: object, level: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    name = _clean(event.pop("event"))
    return {"level": level, "event": name, **masked(event)}


def _stamp(
    _logger: object, _level: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put the time first, where the eye looks for it."""
    from datetime import UTC, datetime

    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"timestamp": moment} | {k: v for k, v in event.items() if k != "timestamp"}


def _clean(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return masked({str(key): inner for key, inner in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    text = value if isinstance(value, str) else str(value)
    return _SECRET_TEXT.sub(MASK, text)[:LONGEST]
