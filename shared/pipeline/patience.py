"""Waiting for a disk or a database that is away: told once, tried until it's back."""

from collections.abc import Callable
from typing import Final, TypeVar

from shared.contracts.ports import StoreUnavailable

from .part import Part

FIRST_DELAY_S: Final = 0.05
LONGEST_DELAY_S: Final = 2.0

Result = TypeVar("Result")


def patiently(part: Part, work: Callable[[], Result]) -> Result | None:
    """Return what `work` returns; while the store is away, try again with growing pauses.

    Returns None only when the part is told to stop meanwhile.
    """
    delay = FIRST_DELAY_S
    while True:
        try:
            found = work()
        except (StoreUnavailable, OSError) as error:
            if delay == FIRST_DELAY_S:
                part.assembly.tally.event("error", "store_away", reason=str(error))
                part.tell(trouble=str(error))
            if part.stop.wait(delay):
                return None
            delay = min(LONGEST_DELAY_S, delay * 2)
        else:
            if delay != FIRST_DELAY_S:
                part.assembly.tally.event("info", "store_back")
                part.tell(trouble=None)
            return found
