"""The API put together."""

from functools import cache, partial

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared.contracts.benches.ingestion import Refused
from shared.contracts.ports import (
    AccessRefused,
    AsgiApp,
    Ingestion,
    IngestionParts,
    StoreUnavailable,
)
from shared.contracts.settings import Settings
from shared.language import _

from ..description import describe
from ..health import health_routes
from ..intake import Intake
from ..reading_back import reading_routes
from .access import Access
from .docs_page import docs_routes
from .entrance import Entrance
from .lingering import Lingering
from .replies import response_to
from .routes import writing_routes
from .tokens import token_routes

ANSWERED = (
    Refused,
    HTTPException,
    RequestValidationError,
    StoreUnavailable,
    AccessRefused,
    ClientDisconnect,
    Exception,
)


class Door:
    """The API as the pipeline gets it."""

    def __init__(self, settings: Settings, parts: IngestionParts) -> None:
        self._app = Lingering(Entrance(application(settings, parts), parts.telemetry))

    def app(self) -> AsgiApp:
        """Return the API as an ASGI application."""
        return self._app


def application(settings: Settings, parts: IngestionParts) -> FastAPI:
    """Return the routes with their problem details, and the OpenAPI document of both."""
    app = FastAPI(
        title="AIoT Academy",
        version="1.0.0",
        description=_("The door through which readings come in, and say why not."),
        docs_url=None,  # FastAPI's page loads its scripts from elsewhere; ours needs no network
        redoc_url=None,
        redirect_slashes=False,
    )
    access = Access(parts.gate, parts.telemetry)
    intake = Intake(settings.api, parts, access)
    app.include_router(writing_routes(settings.api, intake, access))
    app.include_router(token_routes(settings.api, parts))
    app.include_router(reading_routes(parts.series, access))
    app.include_router(health_routes(parts))
    app.include_router(docs_routes(app))
    app.openapi = cache(partial(describe, app, settings.api.batch_limit))  # type: ignore[method-assign]
    for kind in ANSWERED:
        app.add_exception_handler(kind, _as_problem)
    return app


async def _as_problem(request: Request, error: Exception) -> Response:
    return response_to(error, request.url.path)


def build(settings: Settings, parts: IngestionParts) -> Ingestion:
    """Return what Room 3 offers."""
    return Door(settings, parts)
