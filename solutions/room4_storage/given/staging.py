"""The fastest safe way into the log, for each database; the caller's transaction, always.

SQLite: one statement for many rows, straight to the driver. PostgreSQL: COPY into a table of this
session's own, then one insert that passes over what is there.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection

APPEND_LOCK: Final = 4_104_104_104
"""Key of PostgreSQL's advisory lock: whoever appends holds it until its commit.

Without it, a later position could become visible before an earlier one, and a reader that had
gone by would never come back for it.
"""


def insert_new(
    connection: Connection, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> int:
    """Insert the rows whose (device, message id) isn't there yet, in order; return how many."""
    names = ",".join(columns)
    if connection.dialect.name == "sqlite":
        places = ",".join("?" * len(columns))
        statement = (
            f"INSERT INTO events({names}) VALUES({places})"
            " ON CONFLICT(device_id, message_id) DO NOTHING"
        )
        return int(connection.exec_driver_sql(statement, list(rows)).rowcount)
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({APPEND_LOCK})")
    connection.exec_driver_sql(
        "CREATE TEMP TABLE IF NOT EXISTS staged (place bigserial, LIKE events)"
        " ON COMMIT DELETE ROWS"
    )
    connection.exec_driver_sql("ALTER TABLE staged ALTER COLUMN position DROP NOT NULL")
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY staged({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    found = connection.exec_driver_sql(
        f"INSERT INTO events({names}) SELECT {names} FROM staged ORDER BY place"  # noqa: S608
        " ON CONFLICT(device_id, message_id) DO NOTHING"
    )
    return int(found.rowcount)
