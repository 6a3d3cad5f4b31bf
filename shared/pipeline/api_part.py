"""Serves Room 3, over TLS once there is an identity."""

from .part import Part
from .undone import watched
from .web import serve


def run(part: Part) -> None:
    """Serve until the part stops."""
    assembly = part.assembly
    assembly.depend_on_log()
    settings = assembly.settings.api
    app = watched(assembly.ingestion.app(), lambda task: part.tell("todo", task=task))
    context = assembly.security.keyring.server("api", require_client=False)
    serve(app, settings.host, settings.port, context, part.stop, lambda: part.tell("ready"))
