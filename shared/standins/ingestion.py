"""An endpoint that believes everything: whatever comes is stored as it came."""

import json
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request, Response

from shared.contracts.identifiers import message_id
from shared.contracts.messages import Event
from shared.contracts.ports import AsgiApp, Ingestion, IngestionParts
from shared.contracts.settings import Settings


class Believer:
    """Three routes without a question asked."""

    def __init__(self, parts: IngestionParts) -> None:
        self._parts = parts

    def app(self) -> AsgiApp:
        """Return the application."""
        app = FastAPI(docs_url=None, redoc_url=None)

        @app.post("/api/v1/token")
        def token() -> dict[str, object]:
            found = self._parts.gate.issue("anybody", "")
            return {"access_token": found.text, "token_type": "Bearer", "expires_in": 900}

        @app.post("/api/v1/sensors/data")
        async def store(request: Request) -> dict[str, str]:
            return self._store(json.loads(await request.body()))

        @app.post("/api/v1/sensors/data/batch")
        async def store_many(request: Request) -> list[dict[str, object]]:
            body = json.loads(await request.body())
            items = body["readings"] if isinstance(body, dict) else body
            return [
                {"status": 201, "message_id": self._store(item)["message_id"]} for item in items
            ]

        @app.get("/health/live")
        @app.get("/health/ready")
        def health() -> dict[str, str]:
            return {"status": "ok"}

        @app.get("/metrics")
        def metrics() -> Response:
            return Response(self._parts.monitor.exposition(), media_type="text/plain")

        return app

    def _store(self, body: dict[str, Any]) -> dict[str, str]:
        moment = datetime.fromisoformat(body["timestamp"])
        about = body.get("metadata") or {}
        sensor = about.get("sensor_id", body["sensor_type"])
        device, kind, value = body["device_id"], body["sensor_type"], float(body["value"])
        identity = message_id(device, sensor, kind, moment, value)
        unit = about.get("unit", "")
        now = datetime.now(UTC)
        self._parts.log.append([Event(device, identity, sensor, kind, value, unit, moment, now)])
        return {"status": "success", "message_id": identity, "timestamp": now.isoformat()}


def build(settings: Settings, parts: IngestionParts) -> Ingestion:  # noqa: ARG001 - the port's form
    """Return the stand-in for Room 3."""
    return Believer(parts)
