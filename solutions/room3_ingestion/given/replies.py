"""The answer to a request that ended badly: always a problem document."""

import json
import traceback
from pathlib import Path

from starlette.responses import Response

from shared.contracts.benches.ingestion import Refused
from shared.contracts.todo import Todo

from ..problems import MEDIA_TYPE, problem, refusal_of
from .faults import shown


def response_to(error: Exception, path: str) -> Response:
    """Return the answer to a request that ended in `error`, as a problem document.

    A task that isn't done is a 501 that names it: this much works before task 3.4 does.
    """
    try:
        if isinstance(error, Todo):
            raise error
        refused = error if isinstance(error, Refused) else refusal_of(error)
        document = _document(refused, shown(path)[1:-1])
    except Todo as todo:
        refused = Refused(501, f"{todo} ({place_of(todo)})")
        document = _bare(refused)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    return Response(text, refused.status, refused.headers, MEDIA_TYPE)


def _document(refused: Refused, instance: str) -> dict[str, object]:
    """Return the problem; until task 3.4 is done a bare one, so that the status is right."""
    try:
        return problem(refused, instance)
    except Todo as todo:
        return {**_bare(refused), "missing": f"{todo} ({place_of(todo)})"}


def _bare(refused: Refused) -> dict[str, object]:
    return {"status": refused.status, "detail": refused.detail}


def place_of(todo: Todo) -> str:
    """Return where a task waits, as file:line."""
    frames = traceback.extract_tb(todo.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
