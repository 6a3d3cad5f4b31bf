"""Carries readings from the broker to the API."""

import threading

from shared.contracts.facts import Fact

from .exposure import expose
from .part import Part


def run(part: Part) -> None:
    """Run Room 2's gateway until the part stops."""
    part.assembly.depend_on_broker()
    part.assembly.depend_on_api()
    runner = part.assembly.gateway_bus.gateway()
    expose(part)
    threading.Thread(target=_tell_when_connected, args=(part,), daemon=True).start()
    runner.run(part.stop)


def _tell_when_connected(part: Part) -> None:
    """Ready is who listens: what devices sent before would wait for their next attempt."""
    tally = part.assembly.tally
    while not tally.sums().get(Fact.MQTT_CONNECTED) and not part.stop.wait(0.01):
        pass
    part.tell("ready")
