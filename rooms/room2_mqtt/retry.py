"""What to do when it did not work: wait by chance, ask again, or give up on this one reading."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.contracts.todo import Todo

STORED: Final = "stored"
DEAD: Final = "dead"
LATER: Final = "later"
RETRY: Final = "retry"

Body = Mapping[str, object]
"""What the API's single route takes: one reading."""

_FATES: Final = {400: DEAD, 403: DEAD, 409: DEAD, 413: DEAD, 422: DEAD, 429: LATER}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fate of one reading, with the status that decided it and the reason in words."""

    fate: str
    status: int
    detail: str
    retry_after_s: float | None = None


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
    raise Todo("2.4")


def fate_of(status: int) -> str:
    """Return what an HTTP answer to one reading means.

    `stored`: 2xx. `dead`: what can never be accepted as it is (400, 403, 409, 413, 422). `later`:
    429, the device is too fast. `retry`: everything else is about the API, not the reading.
    """
    # task 2.7: the table of answers
    raise Todo("2.7")


def split(items: Sequence[Body]) -> Sequence[Sequence[Body]]:
    """Return the halves of a batch that was too large, in order, none of them empty."""
    # task 2.7: a batch of one can't be split
    raise Todo("2.7")
