"""Tokens for the gateway and for operators: OAuth's client credentials grant (RFC 6749, 4.4)."""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request
from starlette.responses import Response

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.ports import AccessRefused, IngestionParts
from shared.contracts.settings import ApiSettings
from shared.language import _

from .answers import TokenAnswer
from .routes import FORM, JSON, ROOT, Reception

GRANT = "client_credentials"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def token_routes(settings: ApiSettings, parts: IngestionParts) -> APIRouter:
    """Return the route by which a client exchanges its secret for a token."""
    router = APIRouter(prefix=ROOT, tags=["tokens"])
    reception = Reception(settings.max_body_bytes)

    @router.post("/token", response_model=TokenAnswer)
    async def get_token(request: Request) -> Response:
        """Return a token for `client_id` and `client_secret`, in the form or as HTTP Basic."""
        form = _form_of(await reception.body(request, FORM))
        if form.get("grant_type") != GRANT:
            code = "unsupported_grant_type" if "grant_type" in form else "invalid_request"
            raise _wrong(code, "grant_type", GRANT)
        client, secret = _credentials(form, request.headers.get("authorization", ""))
        try:
            token = await asyncio.to_thread(parts.gate.issue, client, secret)
        except AccessRefused:
            raise _unknown() from None
        lifetime_s = (token.expires_at - parts.clock.wall()).total_seconds()
        answer = {
            "access_token": token.text,
            "token_type": "Bearer",
            "expires_in": max(0, int(lifetime_s)),
        }
        return Response(json.dumps(answer), 200, NO_STORE, JSON)

    return router


def _form_of(body: bytes) -> dict[str, str]:
    """Return the fields of a form; Refused(400) for what isn't one or says a field twice."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict",
            max_num_fields=10,
        )  # fmt: skip
    except ValueError:
        raise _wrong("invalid_request", "body", _("a form in UTF-8")) from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _wrong("invalid_request", "body", _("each field once"))
    return form


def _credentials(form: Mapping[str, str], authorization: str) -> tuple[str, str]:
    """Return client and secret: of HTTP Basic (RFC 6749, 2.3.1), else of the form."""
    scheme, _blank, encoded = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise _unknown() from None
        client, _colon, secret = pair.partition(":")
        return unquote_plus(client), unquote_plus(secret)
    for name in ("client_id", "client_secret"):
        if name not in form:
            raise _wrong("invalid_request", name, _("a field of this name"))
    return form["client_id"], form["client_secret"]


def _wrong(code: str, field: str, expected: str) -> Refused:
    """Return a 400; what came isn't shown, since it may hold a secret."""
    fault = Fault(field, _("something else"), expected)
    return Refused(400, _("The form has faults."), (fault,), NO_STORE, {"error": code})


def _unknown() -> Refused:
    headers = {**NO_STORE, "WWW-Authenticate": 'Basic realm="aiot-academy"'}
    detail = _("Client and secret don't match.")
    return Refused(401, detail, headers=headers, extra={"error": "invalid_client"})
