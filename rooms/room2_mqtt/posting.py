"""Carries one batch to the API until each reading in it has a fate: stored, dead or later."""

import time
from collections.abc import Sequence
from threading import Event
from typing import Final

from shared.contracts.facts import Fact
from shared.contracts.messages import Answer
from shared.contracts.ports import Door, DoorUnreachable, Telemetry
from shared.contracts.todo import Todo

from .breaker import make_breaker
from .retry import DEAD, LATER, RETRY, Body, Outcome, fate_of, full_jitter, split

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 2.0
FAILURES: Final = 5
OPEN_S: Final = 1.0
OK: Final = 200
UNAUTHORIZED: Final = 401
ABOUT_THE_BATCH: Final = frozenset({400, 413, 422})
"""Answers that a smaller batch may not get: too large, or spoilt by one of its items."""
STATES: Final = {"closed": 0.0, "half open": 1.0, "open": 2.0}


class Stopped(Exception):  # noqa: N818 - a fact, named as one
    """The gateway was told to stop before the API took the batch: nothing may be acknowledged."""


class Postman:
    """Patient with the API, strict with readings. One thread's own."""

    def __init__(self, door: Door, telemetry: Telemetry, stop: Event) -> None:
        self._door = door
        self._telemetry = telemetry
        self._stop = stop
        self._breaker = make_breaker(FAILURES, OPEN_S, time.monotonic)

    def deliver(self, bodies: Sequence[Body]) -> list[Outcome]:
        """Return an outcome for each body, in order; takes as long as the API is away.

        Raises Stopped when told to stop meanwhile.
        """
        # task 2.7: only what isn't settled is asked again, and never at once
        raise Todo("2.7")

    def _settle(self, bodies: Sequence[Body]) -> list[Outcome]:
        """Return an outcome for each body; RETRY for those that the API couldn't take just now."""
        # task 2.7: split what is too large, bury what is alone and still refused
        raise Todo("2.7")

    def _ask(self, bodies: Sequence[Body]) -> Answer:
        """Return the API's answer, once it gives one that is about the readings.

        401 gets a new token and asks again; 503, a time-out and all that is the API's own trouble
        waits, with full jitter, behind the breaker.
        """
        # task 2.7: never faster than the breaker allows
        raise Todo("2.7")

    def _try(self, bodies: Sequence[Body]) -> Answer | None:
        """Ask once (twice after 401); tell the breaker; None if it's to be tried again."""
        try:
            answer = self._door.send(bodies)
            if answer.status == UNAUTHORIZED:
                self._door.renew()
                answer = self._door.send(bodies)
        except DoorUnreachable as error:
            self._failed(str(error), len(bodies))
            return None
        self._telemetry.measure(Fact.GATEWAY_ANSWERS, status=str(answer.status))
        if not _is_about_readings(answer, len(bodies)):
            self._failed(f"{answer.status} {answer.detail or ''}".rstrip(), len(bodies))
            return None
        self._breaker.succeeded()
        self._tell_breaker()
        return answer

    def _failed(self, reason: str, count: int) -> None:
        self._breaker.failed()
        self._tell_breaker()
        self._telemetry.event("warning", "api_away", reason=reason, readings=count)

    def _rest(self, attempt: int) -> None:
        """Wait by chance, but never not at all: a crowd of zeros would be a busy loop."""
        pause_s = full_jitter(attempt, FIRST_PAUSE_S, LONGEST_PAUSE_S)
        if self._stop.wait(max(0.01, pause_s)):
            raise Stopped

    def _tell_breaker(self) -> None:
        self._telemetry.measure(Fact.BREAKER_STATE, STATES[self._breaker.state])


def _is_about_readings(answer: Answer, count: int) -> bool:
    """Return whether an answer settles something; else it speaks of the API's own trouble.

    A 403 or a 409 for a whole batch is trouble too: the gateway's own rights, not a reading's. So
    is a 200 that lacks verdicts, or whose every verdict is about the API.
    """
    if answer.status == OK:
        settled = any(fate_of(item.status) != RETRY for item in answer.items)
        return len(answer.items) == count and settled
    return answer.status in ABOUT_THE_BATCH or fate_of(answer.status) == LATER
