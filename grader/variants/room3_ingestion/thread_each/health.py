"""Alive is not ready: dependencies are asked one after the other, by a table."""

import asyncio
import json
from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from shared.contracts.benches.ingestion import Refused
from shared.contracts.ports import IngestionParts, StoreUnavailable

from .given.answers import Live, Ready

ASK_WITHIN_S = 2.0
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def health_routes(parts: IngestionParts) -> APIRouter:
    """Return the routes for the supervisor and the scraper."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live", response_model=Live)
    async def live() -> Response:
        return JSONResponse({"status": "live"})

    @router.get("/health/ready", response_model=Ready)
    async def ready() -> Response:
        states = await states_of(parts)
        if set(states.values()) != {"ok"}:
            told = {"dependencies": states}
            raise Refused(503, json.dumps(states), headers={"Retry-After": "2"}, extra=told)
        return JSONResponse({"status": "ready", "dependencies": states})

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        text = await asyncio.to_thread(parts.monitor.exposition)
        return Response(text, 200, {"Content-Type": METRICS_TYPE})

    return router


async def states_of(parts: IngestionParts) -> dict[str, str]:
    """Return "ok" or what is wrong, by dependency."""
    health = await asyncio.to_thread(parts.monitor.health)
    states = {"log": await _answer(parts.log.head), **dict(health.dependencies)}
    if not health.ready:
        states["monitor"] = "not ready"
    return states


async def _answer(ask: Callable[[], object]) -> str:
    try:
        await asyncio.wait_for(asyncio.to_thread(ask), ASK_WITHIN_S)
    except StoreUnavailable as error:
        return f"away: {error}"
    except TimeoutError:
        return "silent"
    return "ok"
