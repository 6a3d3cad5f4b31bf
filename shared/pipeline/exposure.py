"""Every process tells its metrics and its health on a port of its own, on loopback."""

from shared.exposition import serve_monitor

from .part import Part


def expose(part: Part) -> None:
    """Serve the part's monitor until it stops; its port stands in the part's state."""
    port = serve_monitor(part.assembly.observability.monitor, part.stop)
    part.tell(metrics=port)
