"""One way to open a database: pragmas that make a promise true, one error when it's away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from shared.contracts.ports import StoreUnavailable


def open_engine(url: str, *, durable: bool, busy_s: float = 2.0, read_only: bool = False) -> Engine:
    """Return an engine for `url`; opens nothing yet.

    On SQLite: WAL, `synchronous=FULL` if `durable` (an acknowledgement follows the commit), else
    NORMAL; a writer waits up to `busy_s` seconds for another one. Every transaction takes the
    writer's place at once, unless the engine is `read_only` or the connection has the execution
    option `reads=True`.
    """
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        level = "FULL" if durable else "NORMAL"

        @event.listens_for(engine, "connect")
        def _pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
            # The driver's own transactions are off, so that BEGIN IMMEDIATE is ours to say.
            connection.isolation_level = None
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={int(busy_s * 1000)}")
            if read_only:
                cursor.execute("PRAGMA query_only=ON")
            else:
                cursor.execute("PRAGMA journal_mode=WAL")
                cursor.execute(f"PRAGMA synchronous={level}")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # A writer takes its place at once: upgrading a read transaction later can't wait.
            reads = read_only or connection.get_execution_options().get("reads", False)
            connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def create_tables(engine: Engine, tables: MetaData) -> None:
    """Make the tables that aren't there yet; two processes may do so at once."""
    with store_errors():
        if engine.dialect.name == "sqlite" and (path := sqlite_path(engine.url)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        with engine.begin() as connection:
            tables.create_all(connection)


def insert_of(engine: Engine) -> Callable[[Table], Any]:
    """Return the dialect's own INSERT, which knows ON CONFLICT; loads no other dialect."""
    if engine.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert


def sqlite_path(url: object) -> Path | None:
    """Return the file behind a SQLite URL, None for another database or one in memory."""
    parsed = make_url(str(url))
    if not parsed.drivername.startswith("sqlite") or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database))


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn whatever a driver raises into StoreUnavailable, with its first line as the reason."""
    try:
        yield
    except (DBAPIError, OSError) as error:
        raise StoreUnavailable(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).partition("\n")[0]
