"""Every refusal in one form, from one table: status, word, title."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.ports import AccessRefused, StoreUnavailable

from .given.faults import expected_of, shown

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 3
TABLE: Final = (
    (400, "malformed-request", "Not readable"),
    (401, "not-identified", "Not identified"),
    (403, "not-permitted", "Not permitted"),
    (404, "no-such-route", "Not here"),
    (405, "no-such-method", "Not so"),
    (408, "too-slow", "Not in time"),
    (409, "identity-taken", "Not yours"),
    (413, "too-large", "Not so much"),
    (415, "wrong-media-type", "Not this type"),
    (422, "not-a-reading", "Not a reading"),
    (429, "too-many-readings", "Not so fast"),
    (500, "our-fault", "Not your fault"),
    (501, "task-not-done", "Not yet"),
    (503, "storage-away", "Not now"),
)
KINDS: Final[Mapping[int, str]] = MappingProxyType({status: word for status, word, _t in TABLE})


def title_of(status: int) -> str:
    """Return the short text of a kind of problem."""
    return next((title for known, _word, title in TABLE if known == status), "Refused")


def problem(refused: Refused, instance: str) -> dict[str, object]:
    """Return the problem document of a refusal."""
    document: dict[str, object] = dict(refused.extra)
    document["type"] = "/docs#" + KINDS.get(refused.status, KINDS[500])
    document["title"] = title_of(refused.status)
    document["status"] = int(refused.status)
    document["detail"] = refused.detail
    document["instance"] = instance
    document["errors"] = [vars_of(fault) for fault in refused.faults]
    return document


def vars_of(fault: Fault) -> dict[str, str]:
    """Return a fault as JSON has it."""
    return {name: getattr(fault, name) for name in ("field", "got", "expected")}


def refusal_of(error: Exception) -> Refused:
    """Return what the door says about `error`, whoever raised it."""
    for kind, answer in ANSWERS.items():
        if isinstance(error, kind):
            return answer(error)
    return Refused(500, "Something of ours broke.")


def _question(error: Any) -> Refused:
    faults = []
    for one in error.errors():
        name = ".".join(map(str, one["loc"][1:])) or "body"
        known = expected_of(name) or "no such field"
        faults.append(Fault(name, shown(one.get("input")), known))
    return Refused(422, "A parameter isn't as it should be.", tuple(faults[:20]))


ANSWERS: Final[Mapping[type[Exception], Callable[[Any], Refused]]] = {
    RequestValidationError: _question,
    HTTPException: lambda error: Refused(error.status_code, "See /docs.", (), error.headers),
    StoreUnavailable: lambda _error: Refused(503, "Come again.", (), {"Retry-After": "3"}),
    AccessRefused: lambda _error: Refused(401, "Not valid.", (), challenge(shown=True)),
    ClientDisconnect: lambda _error: Refused(400, "The body broke off."),
}


def challenge(*, shown: bool = False) -> dict[str, str]:
    """Return the header by which a 401 says how to identify oneself."""
    return {"WWW-Authenticate": "Bearer" + (' error="invalid_token"' if shown else "")}
