"""Verdicts: the application's own acknowledgements, many in one message to each device."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.contracts.messages import VERDICT_ROOT, Verdict
from shared.contracts.todo import Todo
from shared.language import _

from .reception import Received
from .retry import DEAD, LATER, Outcome

LATER_S: Final = 1.0
"""How long a device waits if the API didn't say."""
LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """One verdict as its device reads it."""

    message_id: str
    verdict: Verdict
    retry_after_s: float


def verdict_topic(device_id: str) -> str:
    """Return where a device hears its verdicts: a root that no gateway listens to."""
    return f"{VERDICT_ROOT}/{device_id}"


def write_verdicts(fates: Iterable[tuple[Received, Outcome]]) -> Mapping[str, bytes]:
    """Return for each device one JSON text with all its verdicts, in order.

    `{"verdicts":[{"message_id":"msg-…","verdict":"stored"}]}`; with "later" comes
    `retry_after_s`. Who sent no message id waits for none.
    """
    # task 2.6: only where there is a device and an id to tell
    raise Todo("2.6")


def read_verdicts(data: bytes) -> list[Told]:
    """Return the verdicts in a message; ValueError, with what came, if it holds none.

    `retry_after_s` is kept within 0 and a minute, whatever was said.
    """
    try:
        return [_told(item) for item in json.loads(data)["verdicts"]]
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError):
        raise ValueError(_("expected verdicts, got {data!r}").format(data=data[:80])) from None


def _told(item: Mapping[str, object]) -> Told:
    pause = item.get("retry_after_s", LATER_S)
    known = isinstance(pause, int | float) and math.isfinite(pause)
    retry_s = min(LONGEST_S, max(0.0, float(pause))) if known else LATER_S  # type: ignore[arg-type]
    return Told(str(item["message_id"]), Verdict(str(item["verdict"])), retry_s)


def _verdict(outcome: Outcome) -> str:
    if outcome.fate == LATER:
        return Verdict.LATER.value
    return Verdict.DEAD.value if outcome.fate == DEAD else Verdict.STORED.value
