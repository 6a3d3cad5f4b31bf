"""What keeps one sender from taking the door away from the others."""

import asyncio
import math
from typing import Final

from starlette.requests import Request

from shared.contracts.benches.ingestion import Fault, Refused
from shared.contracts.todo import Todo
from shared.language import _

BODY_WITHIN_S: Final = 10.0
"""Time for a whole body, wall clock: a sender of a byte a second must not hold a connection."""
MOST_BUCKETS: Final = 10_000


def too_large(max_bytes: int) -> Refused:
    """Return the refusal of a body."""
    expected = _("at most {n} bytes").format(n=max_bytes)
    detail = _("The body is larger than this door takes: send smaller batches.")
    return Refused(413, detail, (Fault("body", _("more"), expected),))


async def body_of(request: Request, max_bytes: int, within_s: float = BODY_WITHIN_S) -> bytes:
    """Return the request's body; Refused(413) when it is too large, Refused(408) when too slow.

    It counts what arrives: a chunked body declares no length. What is too much stays unread.
    """
    # task 3.6: refuse before the rest is read, and don't wait for ever
    raise Todo("3.6")


class DeviceBudget:
    """A token bucket a device: `burst` readings at once, `rate` a second in the long run."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}  # device → (tokens, when counted)

    def grant(self, device_id: str, wanted: int, now_s: float) -> tuple[int, float]:
        """Take up to `wanted` tokens of a device; return how many, and seconds until the next.

        `now_s` is monotonic. With rate 0 there is no limit. The seconds are 0.0 when all was
        granted.
        """
        # task 3.6: refill by the time that passed, then take
        raise Todo("3.6")

    def give_back(self, device_id: str, count: int) -> None:
        """Return tokens of readings that could not be stored: they will be sent again."""
        if device_id in self._buckets:
            tokens, since = self._buckets[device_id]
            self._buckets[device_id] = (min(self._burst, tokens + count), since)

    def _forget(self, now_s: float) -> None:
        """Drop the buckets that are full by now: a new one would be the same."""
        self._buckets = {
            device: (tokens, since)
            for device, (tokens, since) in self._buckets.items()
            if tokens + (now_s - since) * self._rate < self._burst
        }


def wait_header(seconds: float) -> dict[str, str]:
    """Return Retry-After: whole seconds, at least one (RFC 9110, section 10.2.3)."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
