"""Carries readings from the broker to the API."""

from .exposure import expose
from .part import Part


def run(part: Part) -> None:
    """Run Room 2's gateway until the part stops."""
    part.assembly.depend_on_broker()
    part.assembly.depend_on_api()
    runner = part.assembly.gateway_bus.gateway()
    expose(part)
    part.tell("ready")
    runner.run(part.stop)
