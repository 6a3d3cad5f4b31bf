"""The OpenAPI document: everything that the door takes and answers, refusals too."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from shared.contracts.todo import Todo

from .given.answers import NotReady, OAuthProblem, Problem
from .given.routes import FORM, JSON
from .normalisation import ReadingV1
from .problems import MEDIA_TYPE, title_of
from .readings_in import ReadingIn

_REF: Final = "#/components/schemas/{model}"
_DATA: Final = "/api/v1/sensors/data"
_SENSOR: Final = "/api/v1/sensors/{device}/{sensor}/{kind}"
_READ: Final = (401, 403, 422, 500, 503)
REFUSALS: Final[Mapping[tuple[str, str], tuple[int, ...]]] = MappingProxyType(
    {
        (_DATA, "post"): (400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503),
        (f"{_DATA}/batch", "post"): (400, 401, 403, 408, 413, 415, 500, 503),
        ("/api/v1/token", "post"): (400, 401, 408, 413, 415, 500),
        ("/api/v1/sensors/last", "get"): _READ,
        (f"{_SENSOR}/points", "get"): _READ,
        (f"{_SENSOR}/windows", "get"): _READ,
        ("/health/ready", "get"): (500, 503),
        ("/metrics", "get"): (500,),
    }
)
"""Which refusals each operation has, by path and method."""
_HEADERS: Final[Mapping[int, str]] = MappingProxyType(
    {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
)
SHOWN_AT_THE_DOOR: Final[list[dict[str, list[str]]]] = [{"token": []}, {"certificate": []}]
_GRANT: Final = {
    "type": "object",
    "required": ["grant_type", "client_id", "client_secret"],
    "properties": {
        "grant_type": {"const": "client_credentials"},
        "client_id": {"type": "string"},
        "client_secret": {"type": "string"},
    },
}


def describe(app: FastAPI, batch_limit: int) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `app`; where task 3.7 isn't done, without refusals."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    add_schemas(document, batch_limit)
    try:
        add_refusals(document)
    except Todo:
        return document
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, replaced by ours
        document["components"]["schemas"].pop(name, None)
    return document


def add_schemas(document: dict[str, Any], batch_limit: int) -> None:
    """Add what the routes take: they read bodies by themselves, so FastAPI can't know."""
    models = (ReadingIn, ReadingV1, Problem, OAuthProblem, NotReady)
    _names, found = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(found["$defs"])
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "certificate": {"type": "mutualTLS"},
    }
    one = {"anyOf": [_ref("ReadingIn"), _ref("ReadingV1")]}
    # The door takes any item, and says 422 of what isn't a reading: in its verdict, not as status.
    many = {"type": "array", "items": {"anyOf": [*one["anyOf"], {}]}, "maxItems": batch_limit}
    bodies = {_DATA: (JSON, one), f"{_DATA}/batch": (JSON, many), "/api/v1/token": (FORM, _GRANT)}
    for path, (media_type, schema) in bodies.items():
        content = {media_type: {"schema": schema}}
        document["paths"][path]["post"]["requestBody"] = {"required": True, "content": content}
    created = document["paths"][_DATA]["post"]["responses"]["201"]
    document["paths"][_DATA]["post"]["responses"]["200"] = {
        **created,
        "description": "Stored before: the same message_id, and no second row",
    }


def add_refusals(document: dict[str, Any]) -> None:
    """Add to each operation the problems that it answers with, and who may ask.

    Every status of REFUSALS gets its title, the media type and schema of a problem document, and
    the header that comes with it. What isn't listed there has no refusal and needs no identity.
    """
    # task 3.7: an OpenAPI document that a fuzzer can't contradict
    # <solution>
    for (path, method), statuses in REFUSALS.items():
        operation = document["paths"][path][method]
        for status in statuses:
            schema = _ref(_schema_of(path, status))
            operation["responses"][str(status)] = {
                "description": title_of(status),
                "headers": _headers_of(status),
                "content": {MEDIA_TYPE: {"schema": schema}},
            }
        if HTTPStatus.UNAUTHORIZED in statuses and not path.endswith("/token"):
            operation["security"] = SHOWN_AT_THE_DOOR
    # </solution>
    #: raise Todo("3.7")


def _schema_of(path: str, status: int) -> str:
    if path.endswith("/token") and status in {400, 401}:
        return "OAuthProblem" if status == HTTPStatus.UNAUTHORIZED else "Problem"
    return (
        "NotReady"
        if path == "/health/ready" and status == HTTPStatus.SERVICE_UNAVAILABLE
        else "Problem"
    )


def _headers_of(status: int) -> dict[str, Any]:
    name = _HEADERS.get(status)
    return {name: {"schema": {"type": "string"}, "required": True}} if name else {}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}
