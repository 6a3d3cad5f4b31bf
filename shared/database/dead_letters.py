"""Dead letters on disk beside the event log: each refused message once, with its reason."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from shared.contracts.identifiers import from_milliseconds, to_milliseconds
from shared.contracts.messages import DeadLetter

from .engine import create_tables, insert_of, open_engine, store_errors
from .schema import LOG, dead_letters


class DeadLetterBox:
    """The table `dead_letters` of the log's database."""

    def __init__(self, url: str) -> None:
        """Open the database at `url` (SQLAlchemy's form); makes the tables when first used."""
        self._engine = open_engine(url, durable=True)
        self._ready = False

    def put(self, letters: Sequence[DeadLetter]) -> None:
        """Keep `letters` durably, once each by device and letter id.

        Raises StoreUnavailable, with nothing written, when the database is away or full.
        """
        if not letters:
            return
        self._prepare()
        insert = insert_of(self._engine)
        statement = insert(dead_letters).on_conflict_do_nothing()
        with store_errors(), self._engine.begin() as connection:
            connection.execute(statement, [_as_row(letter) for letter in letters])

    def pending(self, after: str = "", limit: int = 100) -> Sequence[DeadLetter]:
        """Return letters not replayed yet, by letter id from `after` on."""
        self._prepare()
        query = (
            select(dead_letters)
            .where(dead_letters.c.replayed_ms.is_(None), dead_letters.c.letter_id > after)
            .order_by(dead_letters.c.letter_id, dead_letters.c.device_id)
            .limit(limit)
        )
        with store_errors(), self._reader() as connection:
            return [_from_row(row) for row in connection.execute(query)]

    def find(self, letter_id: str) -> Sequence[DeadLetter]:
        """Return the letters of that id: one a device."""
        self._prepare()
        query = select(dead_letters).where(dead_letters.c.letter_id == letter_id)
        with store_errors(), self._reader() as connection:
            return [_from_row(row) for row in connection.execute(query)]

    def mark_replayed(self, letter: DeadLetter, moment: datetime) -> None:
        """Note that `letter` was sent again and stored at `moment`."""
        statement = (
            update(dead_letters)
            .where(
                dead_letters.c.letter_id == letter.letter_id,
                dead_letters.c.device_id == (letter.device_id or ""),
            )
            .values(replayed_ms=to_milliseconds(moment))
        )
        with store_errors(), self._engine.begin() as connection:
            connection.execute(statement)

    def _reader(self) -> Connection:
        return self._engine.connect().execution_options(reads=True)

    def _prepare(self) -> None:
        if not self._ready:
            create_tables(self._engine, LOG)
            self._ready = True


def _as_row(letter: DeadLetter) -> dict[str, Any]:
    return {
        "letter_id": letter.letter_id,
        "device_id": letter.device_id or "",
        "topic": letter.topic,
        "payload": letter.payload,
        "status": letter.status,
        "reason": letter.reason,
        "refused_ms": to_milliseconds(letter.refused_at),
    }


def _from_row(row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        letter_id=row.letter_id,
        device_id=row.device_id or None,
        topic=row.topic,
        payload=row.payload,
        status=row.status,
        reason=row.reason,
        refused_at=from_milliseconds(row.refused_ms),
        replayed_at=None if row.replayed_ms is None else from_milliseconds(row.replayed_ms),
    )
