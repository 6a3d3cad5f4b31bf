"""What the routes answer, as the OpenAPI document shows it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ..fields import Day

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Success(BaseModel):
    """The architecture's answer. `timestamp` is the wall clock's when it was first stored."""

    status: Literal["success"]
    message_id: str
    timestamp: Time


class Verdict(BaseModel):
    """What became of one reading of a batch: the status that it alone would have got."""

    status: int
    message_id: str | None
    detail: str | None


class TokenAnswer(BaseModel):
    """A token, as RFC 6749 (section 5.1) writes it."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int


class Wrong(BaseModel):
    """One thing that is wrong with a request."""

    field: str
    got: str
    expected: str


class Problem(BaseModel):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Wrong]


class OAuthProblem(Problem):
    """A refusal of the token route; `error` is the code of RFC 6749, section 5.2."""

    error: str


class Live(BaseModel):
    """This process answers."""

    status: Literal["live"]


class Ready(BaseModel):
    """This process can do its work."""

    status: Literal["ready"]
    dependencies: dict[str, str]


class NotReady(Problem):
    """What it waits for."""

    dependencies: dict[str, str]


class StoredReading(BaseModel):
    """A reading as the log has it."""

    position: int
    device_id: str
    sensor_id: str
    sensor_type: str
    value: float
    unit: str
    timestamp: Time
    received_at: Time
    stored_at: Time
    message_id: str
    location: str | None
    calibration_date: Day | None


class LastPage(BaseModel):
    """The newest reading of each sensor; `cursor` asks for the next page, null: the last one."""

    readings: list[StoredReading]
    cursor: str | None


class PointAnswer(BaseModel):
    """One reading, or one bucket: then `value` is its mean and `count` how many it holds."""

    timestamp: Time
    value: float | None
    count: int
    marks: list[str]
    message_id: str | None


class PointsPage(BaseModel):
    """Points in the order of time, then of the log."""

    unit: str
    points: list[PointAnswer]
    cursor: str | None


class WindowAnswer(BaseModel):
    """Aggregates over [start, start + width_s)."""

    start: Time
    width_s: int
    count: int
    mean: float
    minimum: float
    maximum: float
    deviation: float
    median: float
    revision: int


class WindowsPage(BaseModel):
    """Closed windows in the order of time."""

    unit: str
    windows: list[WindowAnswer]
    cursor: str | None
