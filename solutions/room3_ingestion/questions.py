"""What may be asked of the stored readings."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.identifiers import iso_utc
from shared.contracts.ports import SeriesQuery
from shared.contracts.todo import Todo
from shared.language import _

from .fields import Moment
from .given.faults import shown

MOST_BUCKET_S: Final = 366 * 86_400
FIRST_MOMENT: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Where buckets are counted from; no reading is older."""
MOST_BUCKETS: Final = 100_000
"""Of one question: filling a second's buckets over a century would keep the storage busy."""

NAME: Final = r"^[A-Za-z0-9_-]{1,64}$"
Cursor = Annotated[str | None, Field(max_length=512, description="of the page before")]


class LastQuestion(BaseModel):
    """Which sensors: all, or those of one device."""

    model_config = ConfigDict(extra="forbid")

    device: Annotated[str | None, Field(pattern=NAME)] = None
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100


class RangeQuestion(BaseModel):
    """[start, end) in event time."""

    model_config = ConfigDict(extra="forbid")

    start: Moment
    end: Moment
    cursor: Cursor = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000


class PointsQuestion(RangeQuestion):
    """Readings as they are, or their means over buckets of `bucket` seconds."""

    bucket: Annotated[int | None, Field(ge=1, le=MOST_BUCKET_S)] = None
    fill: Literal["none", "null", "previous", "linear"] = "none"


class WindowsQuestion(RangeQuestion):
    """Windows of `width` seconds, as the stream closed them."""

    width: Annotated[int, Field(ge=1, le=MOST_BUCKET_S)] = 3_600


def query_of(device: str, sensor: str, kind: str, asked: RangeQuestion) -> SeriesQuery:
    """Return the question to the storage; Refused(422) for a range that is none, or too fine."""
    # task 3.7: refuse an early start, an empty range, fill without bucket, too many buckets
    # <solution>
    bucket_s = asked.bucket if isinstance(asked, PointsQuestion) else None
    fill = asked.fill if isinstance(asked, PointsQuestion) else "none"
    if asked.start < FIRST_MOMENT:
        raise wrong("start", iso_utc(asked.start), _("a time from 1970 on"))
    if asked.end <= asked.start:
        raise wrong("end", iso_utc(asked.end), _("a time after start"))
    if fill != "none" and bucket_s is None:
        raise wrong("fill", fill, _("none, unless there is a bucket"))
    if bucket_s is not None and (asked.end - asked.start).total_seconds() > bucket_s * MOST_BUCKETS:
        expected = _("at most {n} buckets in the range").format(n=MOST_BUCKETS)
        raise wrong("bucket", str(bucket_s), expected)
    return SeriesQuery(
        device_id=device, sensor_id=sensor, sensor_type=kind, start=asked.start, end=asked.end,
        limit=asked.limit, cursor=asked.cursor, bucket_s=bucket_s, fill=fill,
    )  # fmt: skip
    # </solution>
    #: raise Todo("3.7")


def wrong(field: str, got: str, expected: str) -> Refused:
    """Return the refusal of a question for one of its parameters."""
    fault = Fault(field, shown(got), expected)
    return Refused(422, _("The question has faults; see errors."), (fault,))
