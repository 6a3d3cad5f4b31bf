"""Readings in: one, or a batch."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.settings import ApiSettings
from shared.contracts.todo import Todo
from shared.language import _

from ..intake import Intake
from ..limits import body_of, wait_header
from ..verdicts import STATUS, success_of, verdict_of
from .access import Access
from .answers import Success, Verdict

ROOT: Final = "/api/v1"
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Reception:
    """Takes the body of a request: of the right type, and not too large."""

    max_bytes: int

    async def body(self, request: Request, media_type: str) -> bytes:
        """Return the body; Refused: 408, 413, or 415 for another type than `media_type`."""
        sent = request.headers.get("content-type", "")
        if sent.split(";")[0].strip().lower() != media_type:
            got = json.dumps(sent[:80]) if sent else _("nothing")
            fault = Fault("content-type", got, media_type)
            raise Refused(415, _("Send it as {type}.").format(type=media_type), (fault,))
        try:
            return await body_of(request, self.max_bytes)
        except Todo:  # until task 3.6 is done there is no limit, and the other tasks work
            return await request.body()


def writing_routes(settings: ApiSettings, intake: Intake, access: Access) -> APIRouter:
    """Return the two routes by which readings come in."""
    router = APIRouter(prefix=f"{ROOT}/sensors", tags=["readings in"])
    reception = Reception(settings.max_body_bytes)

    @router.post("/data", response_model=Success, status_code=201)
    async def store_reading(request: Request) -> Response:
        """Store one reading: 201 the first time, 200 with the same `message_id` ever after."""
        principal = await access.writer(request)
        try:
            stored = await intake.one(await reception.body(request, JSON), principal)
        except Refused as refused:
            if refused.status != HTTPStatus.CONFLICT:  # which the log's own outcome counts
                intake.count_refused()
            raise
        answer = json.dumps(success_of(stored))
        return Response(answer, STATUS[stored.outcome], media_type=JSON)

    @router.post("/data/batch", response_model=list[Verdict])
    async def store_batch(request: Request) -> Response:
        """Store an array of readings: one verdict an item, in order; good ones are committed."""
        principal = await access.writer(request)
        body = await reception.body(request, JSON)
        answers, wait_s = await intake.many(body, principal)
        headers = wait_header(wait_s) if wait_s else None
        answer = to_json([verdict_of(one) for one in answers])
        return Response(answer, 200, headers, JSON)

    return router
