"""Three groups of tables: the log (the truth), the series (made from it), the findings.

Times are BIGINT milliseconds since 1970 UTC: compared as numbers, the same in both databases.
The log is never partitioned by time; the series may be. Embedded, each group is a SQLite file of
its own, so that the one writer of one never waits for the writer of another.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

LOG: Final = MetaData()
SERIES: Final = MetaData()
FINDINGS: Final = MetaData()

# SQLite gives increasing row ids only to a column that says INTEGER.
_POSITION: Final = BigInteger().with_variant(Integer, "sqlite")

events = Table(
    "events",
    LOG,
    Column("position", _POSITION, primary_key=True, autoincrement=True),
    Column("device_id", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("sensor_id", Text, nullable=False),
    Column("sensor_type", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("unit", Text, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("stored_ms", BigInteger, nullable=False),
    Column("location", Text),
    Column("calibration_date", Text),
    Column("traceparent", Text),
    Column("original", Text),
    Column("schema_version", Integer, nullable=False),
    UniqueConstraint("device_id", "message_id", name="events_identity"),
    sqlite_autoincrement=True,
)

dead_letters = Table(
    "dead_letters",
    LOG,
    Column("letter_id", Text, primary_key=True),
    # '' where no device could be told: a key has no NULL.
    Column("device_id", Text, primary_key=True, default=""),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("refused_ms", BigInteger, nullable=False),
    Column("replayed_ms", BigInteger),
)

readings = Table(
    "readings",
    SERIES,
    Column("device_id", Text, primary_key=True),
    Column("sensor_id", Text, primary_key=True),
    Column("sensor_type", Text, primary_key=True),
    Column("timestamp_ms", BigInteger, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Float, nullable=False),
    Column("marks", Text, nullable=False, default=""),
    Column("message_id", Text, nullable=False),
    sqlite_with_rowid=False,
)

windows = Table(
    "windows",
    SERIES,
    Column("device_id", Text, primary_key=True),
    Column("sensor_id", Text, primary_key=True),
    Column("sensor_type", Text, primary_key=True),
    Column("width_s", Integer, primary_key=True, autoincrement=False),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("mean", Float, nullable=False),
    Column("minimum", Float, nullable=False),
    Column("maximum", Float, nullable=False),
    Column("deviation", Float, nullable=False),
    Column("median", Float, nullable=False),
    Column("revision", Integer, nullable=False),
    sqlite_with_rowid=False,
)

panes = Table(
    "panes",
    SERIES,
    Column("device_id", Text, primary_key=True),
    Column("sensor_id", Text, primary_key=True),
    Column("sensor_type", Text, primary_key=True),
    Column("start_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("mean", Float, nullable=False),
    # The sum of squared deviations from the mean (Welford).
    Column("squares", Float, nullable=False),
    Column("minimum", Float, nullable=False),
    Column("maximum", Float, nullable=False),
    sqlite_with_rowid=False,
)

latest = Table(
    "latest",
    SERIES,
    Column("device_id", Text, primary_key=True),
    Column("sensor_id", Text, primary_key=True),
    Column("sensor_type", Text, primary_key=True),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

late_readings = Table(
    "late_readings",
    SERIES,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("device_id", Text, nullable=False),
    Column("sensor_id", Text, nullable=False),
    Column("sensor_type", Text, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("value", Float, nullable=False),
    Column("watermark_ms", BigInteger, nullable=False),
)

projections = Table(
    "projections",
    SERIES,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

projection_state = Table(
    "projection_state",
    SERIES,
    Column("name", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("state", Text, nullable=False),
)

forecasts = Table(
    "forecasts",
    FINDINGS,
    Column("device_id", Text, primary_key=True),
    Column("sensor_id", Text, primary_key=True),
    Column("sensor_type", Text, primary_key=True),
    Column("target_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("issued_ms", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Float, nullable=False),
    Column("lower", Float, nullable=False),
    Column("upper", Float, nullable=False),
    Column("model_version", Text, nullable=False),
    Index("forecasts_issued", "issued_ms"),
)

alerts = Table(
    "alerts",
    FINDINGS,
    Column("alert_id", Text, primary_key=True),
    Column("device_id", Text, nullable=False),
    Column("sensor_id", Text, nullable=False),
    Column("sensor_type", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger),
    Column("value", Float),
    Column("expected", Float),
    Column("score", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message_id", Text),
    Column("position", BigInteger, nullable=False),
    Column("traceparent", Text),
    Column("raised_ms", BigInteger, nullable=False),
    Index("alerts_opened", "opened_ms"),
)

model_progress = Table(
    "model_progress",
    FINDINGS,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("snapshot", Text),
    Column("snapshot_position", BigInteger, nullable=False),
)
