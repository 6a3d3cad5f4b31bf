"""What to do when it didn't work: wait by chance, stop asking, or give up on this one reading."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from shared.contracts.benches.bus import BusBreaker
from shared.contracts.todo import Todo

STORED: Final = "stored"
DEAD: Final = "dead"
LATER: Final = "later"
RETRY: Final = "retry"

_FATES: Final = {400: DEAD, 403: DEAD, 409: DEAD, 413: DEAD, 422: DEAD, 429: LATER}


def full_jitter(
    attempt: int,
    base_s: float,
    cap_s: float,
    uniform: Callable[[float, float], float] = random.uniform,
) -> float:
    """Return a pause in seconds, drawn from [0, min(cap, base × 2^attempt)].

    Full jitter spreads a crowd that lost its broker at one moment: M. Brooker, "Exponential
    Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    # task 2.4: the whole interval down to zero, not a little noise around its end
    # <solution>
    # Beyond 2^32 the cap decides anyway, and a float would overflow.
    return uniform(0.0, min(cap_s, base_s * 2.0 ** min(attempt, 32)))
    # </solution>
    #: raise Todo("2.4")


def fate_of(status: int) -> str:
    """Return what an HTTP answer to one reading means.

    `stored`: 2xx. `dead`: what can never be accepted as it is (400, 403, 409, 413, 422). `later`:
    429, the device is too fast. `retry`: everything else is about the API, not the reading.
    """
    # task 2.7: the table of answers
    # <solution>
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's success
        return STORED
    return _FATES.get(status, RETRY)
    # </solution>
    #: raise Todo("2.7")


def split(items: Sequence[Mapping[str, object]]) -> Sequence[Sequence[Mapping[str, object]]]:
    """Return the halves of a batch that was too large, in order, none of them empty."""
    # task 2.7: a batch of one can't be split
    # <solution>
    middle = len(items) // 2
    return [half for half in (items[:middle], items[middle:]) if half]
    # </solution>
    #: raise Todo("2.7")


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
        # <solution>
        if self._opened_at is None:
            return "closed"
        over = self._monotonic() - self._opened_at >= self._pause_s
        return "half open" if over else "open"
        # </solution>
        #: raise Todo("2.7")

    def allows(self) -> bool:
        """Return whether a call may be made now; half open, one may, and the next one may not."""
        # task 2.7: the one that tries takes the place of all the others
        # <solution>
        if self.state == "half open":
            self._opened_at = self._monotonic()
            return True
        return self.state == "closed"
        # </solution>
        #: raise Todo("2.7")

    def succeeded(self) -> None:
        """Close, and forget the failures."""
        # task 2.7: one success is enough
        # <solution>
        self._failures = 0
        self._opened_at = None
        # </solution>
        #: raise Todo("2.7")

    def failed(self) -> None:
        """Count a failure in a row; open when there were enough, or when the trial failed."""
        # task 2.7: a failed trial opens at once
        # <solution>
        self._failures += 1
        if self._opened_at is not None or self._failures >= self._enough:
            self._opened_at = self._monotonic()
        # </solution>
        #: raise Todo("2.7")


def make_breaker(failures: int, pause_s: float, monotonic: Callable[[], float]) -> BusBreaker:
    """Return a breaker that opens after `failures` in a row, for `pause_s` seconds."""
    return Breaker(failures, pause_s, monotonic)
