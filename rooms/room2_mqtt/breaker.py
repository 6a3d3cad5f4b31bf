"""A breaker: who doesn't answer isn't asked for a while, and then by one only."""

from collections.abc import Callable

from shared.contracts.benches.bus import BusBreaker
from shared.contracts.todo import Todo


class Breaker:
    """Stops asking somebody who doesn't answer: closed, open, half open.

    M. Nygard, "Release It!", 2007. Not for several threads: the gateway's worker owns it.
    """

    def __init__(self, failures: int, pause_s: float, monotonic: Callable[[], float]) -> None:
        self._enough = failures
        self._pause_s = pause_s
        self._monotonic = monotonic
        self._failures = 0
        self._opened_at: float | None = None

    @property
    def state(self) -> str:
        """Closed (calls pass), open (none does), half open (one may try)."""
        # task 2.7: open for the pause, then half open
        raise Todo("2.7")

    def allows(self) -> bool:
        """Return whether a call may be made now; half open, one may, and the next one may not."""
        # task 2.7: the one that tries takes the place of all the others
        raise Todo("2.7")

    def succeeded(self) -> None:
        """Close, and forget the failures."""
        # task 2.7: one success is enough
        raise Todo("2.7")

    def failed(self) -> None:
        """Count a failure in a row; open when there were enough, or when the trial failed."""
        # task 2.7: a failed trial opens at once
        raise Todo("2.7")


def make_breaker(failures: int, pause_s: float, monotonic: Callable[[], float]) -> BusBreaker:
    """Return a breaker that opens after `failures` in a row, for `pause_s` seconds."""
    return Breaker(failures, pause_s, monotonic)
