"""How far the data says that time has come: no clock is asked."""

from typing import Final

from shared.contracts.benches.storage import StorageWatermark
from shared.contracts.settings import StorageSettings
from shared.contracts.todo import Todo

SILENT_EVENTS: Final = 20_000
"""A device that wasn't heard of for so many events of the log has no say in the fleet's time."""
CROWD: Final = 3


class Watermark:
    """The fleet's slowest device that isn't idle, less the lateness that is allowed.

    A function of the log's order alone. It is reckoned anew when a device enters another step of
    event time (`step_ms`), so that where the log is cut into batches changes nothing.
    """

    def __init__(self, settings: StorageSettings, step_ms: int) -> None:
        self._lateness_ms = int(settings.lateness_s * 1000)
        self._idle_ms = int(settings.idle_s * 1000)
        self._step_ms = step_ms
        self.value = -(2**62)
        self.devices: dict[str, tuple[int, int]] = {}
        """Of each device its newest event time and the last position heard of it."""

    def observe(self, device_id: str, timestamp_ms: int, position: int) -> bool:
        """Take note of an event; return whether the watermark has moved."""
        # task 4.3: only a step forward of a device can move the watermark, and only forward
        raise Todo("4.3")

    def _reckoned(self, position: int) -> int:
        """Return the slowest of the devices that aren't idle, less the lateness.

        The fleet's time is the newest of all devices still heard of; of three and more the second
        newest, so that one clock that runs ahead can't make all the others late.
        """
        # task 4.3: a device counts as idle once the fleet's event time has left it behind
        raise Todo("4.3")


def make_watermark(settings: StorageSettings) -> StorageWatermark:
    """Return a watermark that has seen nothing."""
    return Watermark(settings, pane_ms(settings))


def pane_ms(settings: StorageSettings) -> int:
    """Return the longest width in ms of which every window is a whole number: the panes'."""
    from math import gcd

    return gcd(*settings.windows_s, *settings.sliding_s) * 1000
