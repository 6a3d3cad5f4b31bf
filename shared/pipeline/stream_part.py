"""Keeps the read model behind the log."""

from typing import Final

from shared.contracts.facts import Fact

from .exposure import expose
from .part import Part
from .patience import patiently

STRETCH: Final = 2_000
IDLE_S: Final = 0.05


def run(part: Part) -> None:
    """Step through the log until the part stops and has caught up."""
    part.assembly.depend_on_log()
    processor = part.assembly.storage.stream
    expose(part)
    part.tell("ready")
    while True:
        done = patiently(part, lambda: processor.step(STRETCH))
        lag = patiently(part, processor.lag) if done else 0
        part.assembly.tally.measure(Fact.STREAM_LAG, lag or 0)
        if not done and part.stop.wait(IDLE_S):
            return
