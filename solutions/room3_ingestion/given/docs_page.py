"""The docs page, written here: FastAPI's own loads its scripts from another server."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from shared.language import _

from ..problems import KINDS, title_of

STYLE: Final = """
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
  color:#1b1f24;background:#fff}
code,pre{font:.9rem/1.4 ui-monospace,monospace;background:#f2f4f7;border-radius:4px}
code{padding:.1em .3em}pre{padding:.8rem;overflow:auto}
details{border:1px solid #d5dae1;border-radius:6px;margin:.5rem 0;padding:.5rem .8rem}
summary{cursor:pointer}summary b{display:inline-block;min-width:3.5rem}
table{border-collapse:collapse}td{padding:.15rem .8rem .15rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#e6e9ee;background:#14171b}code,pre{background:#22272e}
  details{border-color:#3a414b}a{color:#7cb3ff}}
"""
_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
)
EXAMPLE: Final = {
    "device_id": "DEVICE-001",
    "sensor_type": "temperature",
    "value": 22.3,
    "timestamp": "2025-01-15T10:30:45.123Z",
    "metadata": {"location": "room-101", "calibration_date": "2025-01-01"},
}


def docs_routes(app: FastAPI) -> APIRouter:
    """Return the route of the page; it has no script and loads nothing."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs")
    async def docs() -> Response:
        headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        return Response(page_of(app.openapi()), 200, headers, "text/html; charset=utf-8")

    return router


def page_of(document: Mapping[str, Any]) -> str:
    """Return the page as HTML: operations, schemas, and a paragraph for each kind of problem."""
    info = document["info"]
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>",
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style>",
        f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])} ",
        f"<a href=/openapi.json>OpenAPI {escape(document['openapi'])}</a></p>",
        f"<p>{escape(_('A reading, as the architecture writes it:'))}</p>",
        f"<pre>POST /api/v1/sensors/data\n{escape(json.dumps(EXAMPLE, indent=2))}</pre>",
        *_operations(document),
        f"<h2>{escape(_('Problems'))}</h2>",
        *(
            f"<p id={anchor}><b>{status}</b> <code>{anchor}</code> {escape(title_of(status))}</p>"
            for status, anchor in KINDS.items()
        ),
        f"<h2>{escape(_('Schemas'))}</h2>",
        *_schemas(document),
    ]
    return "\n".join(parts)


def _operations(document: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
            yield f"{escape(operation.get('description', ''))}</summary><table>"
            for parameter in operation.get("parameters", ()):
                yield _row(parameter["name"], json.dumps(parameter["schema"], ensure_ascii=False))
            body = operation.get("requestBody", {}).get("content", {})
            for media_type, content in body.items():
                yield _row(_("body"), f"{media_type} {json.dumps(content['schema'])}")
            for status, response in sorted(operation["responses"].items()):
                yield _row(status, response["description"])
            yield "</table></details>"


def _schemas(document: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in sorted(document.get("components", {}).get("schemas", {}).items()):
        yield f"<details><summary><code>{escape(name)}</code></summary>"
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        yield f"<pre>{escape(text)}</pre></details>"


def _row(name: str, text: str) -> str:
    return f"<tr><td><code>{escape(name)}</code><td>{escape(text)}"
