"""Alive is not ready: the one asks for a restart, the other for patience."""

import asyncio
import json
from typing import Final

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from shared.contracts.benches.ingestion import Refused
from shared.contracts.ports import IngestionParts, StoreUnavailable
from shared.contracts.todo import Todo
from shared.language import _

from .given.answers import Live, Ready
from .limits import wait_header
from .problems import RETRY_AFTER_S

ASK_WITHIN_S: Final = 2.0
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def health_routes(parts: IngestionParts) -> APIRouter:
    """Return the routes for the supervisor and the scraper.

    They are open to anybody who reaches the port: they tell no reading, and a probe has no token.
    """
    router = APIRouter(tags=["health"])

    @router.get("/health/live", response_model=Live)
    async def live() -> Response:
        """Say that this process answers; asks nobody else."""
        return Response('{"status":"live"}', 200, media_type="application/json")

    @router.get("/health/ready", response_model=Ready)
    async def ready() -> Response:
        """Say whether a reading would be stored now."""
        states = await states_of(parts)
        if any(state != "ok" for state in states.values()):
            headers = wait_header(RETRY_AFTER_S)
            detail = _("A dependency is away; see dependencies.")
            raise Refused(503, detail, headers=headers, extra={"dependencies": states})
        answer = {"status": "ready", "dependencies": states}
        return Response(json.dumps(answer), 200, media_type="application/json")

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Return the metrics of this process in the Prometheus text format."""
        text = await asyncio.to_thread(parts.monitor.exposition)
        return Response(text, 200, {"Content-Type": METRICS_TYPE})

    return router


async def states_of(parts: IngestionParts) -> dict[str, str]:
    """Return "ok" or what is wrong, by dependency: the log's own word, and the monitor's.

    The log is asked by what every reading needs of it, within two seconds.
    """
    # task 3.6: ask, don't remember: then it is ready again by itself
    # <solution>
    try:
        async with asyncio.timeout(ASK_WITHIN_S):
            await asyncio.to_thread(parts.log.head)
            health = await asyncio.to_thread(parts.monitor.health)
    except StoreUnavailable:
        return {"log": _("away")}
    except TimeoutError:
        return {"log": _("no answer within {s:g} s").format(s=ASK_WITHIN_S)}
    states = {"log": "ok", **dict(health.dependencies)}
    if not health.ready and all(state == "ok" for state in states.values()):
        states["process"] = _("not ready")
    return states
    # </solution>
    #: raise Todo("3.6")
