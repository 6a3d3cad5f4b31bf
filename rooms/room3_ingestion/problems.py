"""Every refusal in one form: RFC 9457, never a trace, never HTML."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from shared.contracts.benches.ingestion import Refused
from shared.contracts.ports import AccessRefused, StoreUnavailable
from shared.contracts.todo import Todo
from shared.language import _

from .given.faults import faults_of

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1
"""What a client is told to wait when the storage is away: it is asked anew by each request."""
KINDS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "malformed-request",
        401: "not-identified",
        403: "not-permitted",
        404: "no-such-route",
        405: "no-such-method",
        408: "too-slow",
        409: "identity-taken",
        413: "too-large",
        415: "wrong-media-type",
        422: "not-a-reading",
        429: "too-many-readings",
        500: "our-fault",
        501: "task-not-done",
        503: "storage-away",
    }
)
"""A word for each status: the anchor of its paragraph on the docs page."""


def title_of(status: int) -> str:
    """Return the short text of a kind of problem; it doesn't change with the occurrence."""
    return {
        400: _("The request can't be read"),
        401: _("Nobody we know"),
        403: _("Known, and not permitted"),
        404: _("No such route"),
        405: _("No such method on this route"),
        408: _("The body came too slowly"),
        409: _("The message id is taken by other content"),
        413: _("The request is too large"),
        415: _("Not the media type expected"),
        422: _("Readable, and not acceptable"),
        429: _("Too many readings of one device"),
        500: _("Our fault"),
        501: _("A task that isn't done yet"),
        503: _("The storage is away"),
    }.get(status, _("Refused"))


def problem(refused: Refused, instance: str) -> dict[str, object]:
    """Return the problem document (RFC 9457, section 3.1) of a refusal.

    `type` is a reference to the docs page's paragraph, `instance` the request's path. `errors`,
    an extension, lists `field`, `got`, `expected`; further members come from `refused.extra`.
    """
    # task 3.4: type, title, status, detail, instance, errors
    raise Todo("3.4")


def refusal_of(error: Exception) -> Refused:
    """Return what the door says about `error`, whoever raised it: FastAPI, the gate, the storage.

    What nobody foresaw is a 500 that tells nothing of the inside.
    """
    # task 3.4: 400 to 503
    raise Todo("3.4")


def challenge(*, shown: bool = False) -> dict[str, str]:
    """Return the header by which a 401 says how to identify oneself (RFC 6750, section 3).

    `shown`: something was shown, and isn't valid.
    """
    invalid = ', error="invalid_token"' if shown else ""
    return {"WWW-Authenticate": f'Bearer realm="aiot-academy"{invalid}'}


def _where(errors: Sequence[Mapping[str, object]]) -> Sequence[Mapping[str, object]]:
    """Return FastAPI's errors with a value to show for each."""
    return [{"input": None, "loc": ("", "body"), "msg": "", **error} for error in errors]
