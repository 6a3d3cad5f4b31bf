"""What was stored, read back: last values, ranges, windows, page by page."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Path, Query, Request
from pydantic_core import to_json
from starlette.responses import Response

from shared.contracts.identifiers import iso_utc
from shared.contracts.messages import UNITS, LoggedEvent, Window
from shared.contracts.ports import Point, Series
from shared.contracts.todo import Todo
from shared.language import _

from .given.access import Access
from .given.answers import LastPage, PointsPage, WindowsPage
from .given.routes import JSON, ROOT
from .questions import NAME, LastQuestion, PointsQuestion, WindowsQuestion, query_of, wrong

Name = Annotated[str, Path(pattern=NAME)]
Kind = Annotated[Literal["temperature", "humidity", "pressure"], Path()]
Found = TypeVar("Found")


def reading_of(logged: LoggedEvent) -> dict[str, object]:
    """Return a stored reading as the API shows it."""
    # task 3.7: the fields of answers.StoredReading
    raise Todo("3.7")


def point_of(point: Point) -> dict[str, object]:
    """Return a point as the API shows it."""
    return {
        "timestamp": iso_utc(point.timestamp),
        "value": point.value,
        "count": point.count,
        "marks": list(point.marks),
        "message_id": point.message_id,
    }


def window_of(window: Window) -> dict[str, object]:
    """Return a window as the API shows it."""
    names = ("width_s", "count", "mean", "minimum", "maximum", "deviation", "median", "revision")
    return {"start": iso_utc(window.start), **{name: getattr(window, name) for name in names}}


def reading_routes(series: Series, access: Access) -> APIRouter:
    """Return the routes by which readings are read back. Storage is asked in a thread."""
    router = APIRouter(prefix=f"{ROOT}/sensors", tags=["reading back"])

    @router.get("/last", response_model=LastPage)
    async def last_readings(request: Request, asked: Annotated[LastQuestion, Query()]) -> Response:
        """Return the newest reading (event time) of each sensor."""
        await access.reader(request, asked.device)
        page = partial(series.last, asked.device, asked.cursor, asked.limit)
        found, cursor = await _asked(page, asked.cursor)
        return _page("readings", [reading_of(one) for one in found], cursor, {})

    @router.get("/{device}/{sensor}/{kind}/points", response_model=PointsPage)
    async def points_of_sensor(
        request: Request,
        device: Name,
        sensor: Name,
        kind: Kind,
        asked: Annotated[PointsQuestion, Query()],
    ) -> Response:
        """Return readings of one sensor in a range of time, or their means over buckets."""
        await access.reader(request, device)
        query = query_of(device, sensor, kind, asked)
        page = await _asked(partial(series.points, query), asked.cursor)
        return _page(
            "points", [point_of(one) for one in page.points], page.cursor, {"unit": UNITS[kind]}
        )

    @router.get("/{device}/{sensor}/{kind}/windows", response_model=WindowsPage)
    async def windows_of_sensor(
        request: Request,
        device: Name,
        sensor: Name,
        kind: Kind,
        asked: Annotated[WindowsQuestion, Query()],
    ) -> Response:
        """Return closed windows of one sensor in a range of time."""
        await access.reader(request, device)
        query = query_of(device, sensor, kind, asked)
        found, cursor = await _asked(partial(series.windows, query, asked.width), asked.cursor)
        return _page("windows", [window_of(one) for one in found], cursor, {"unit": UNITS[kind]})

    return router


async def _asked(question: Callable[[], Found], cursor: str | None) -> Found:
    """Ask the storage in a thread; Refused(422) for a cursor that it didn't write."""
    try:
        return await asyncio.to_thread(question)
    except ValueError:
        if cursor is None:
            raise
    raise wrong("cursor", cursor, _("the cursor of the page before, unchanged"))


def _page(
    name: str,
    rows: Sequence[Mapping[str, object]],
    cursor: str | None,
    more: Mapping[str, object],
) -> Response:
    return Response(to_json({**more, name: rows, "cursor": cursor}), 200, media_type=JSON)
