"""Carries one batch to the API until each reading in it has a fate: stored, dead or later."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Final

from shared.contracts.facts import Fact
from shared.contracts.messages import Answer, ItemAnswer
from shared.contracts.ports import Door, DoorUnreachable, Telemetry
from shared.contracts.todo import Todo

from .retry import DEAD, LATER, RETRY, fate_of, full_jitter, make_breaker, split

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 2.0
FAILURES: Final = 5
OPEN_S: Final = 1.0
UNAUTHORIZED: Final = 401
ABOUT_THE_BATCH: Final = frozenset({400, 413, 422})
"""Answers that a smaller batch may not get: too large, or spoilt by one of its items."""

STATES: Final = {"closed": 0.0, "half open": 1.0, "open": 2.0}

Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fate of one reading: stored, dead or later, with the status and the reason."""

    fate: str
    status: int
    detail: str
    retry_after_s: float | None = None


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
        # task 2.7: split what is too large, bury what is alone and still refused
        # <solution>
        if not bodies:
            return []
        answer = self._ask(bodies)
        if answer.status in ABOUT_THE_BATCH:
            if len(bodies) > 1:
                return [one for half in split(bodies) for one in self.deliver(half)]
            return [Outcome(DEAD, answer.status, answer.detail or "")]
        if answer.status == 429:  # noqa: PLR2004 - Too Many Requests
            return [Outcome(LATER, 429, answer.detail or "", answer.retry_after_s)] * len(bodies)
        return self._outcomes(bodies, answer)
        # </solution>
        #: raise Todo("2.7")

    def _outcomes(self, bodies: Sequence[Body], answer: Answer) -> list[Outcome]:
        """Return each item's outcome; those that speak of the API, not of the item, go again."""
        # task 2.7: one verdict an item; only what isn't settled is asked again
        # <solution>
        outcomes = [_outcome(item, answer.retry_after_s) for item in answer.items]
        again = [place for place, outcome in enumerate(outcomes) if outcome.fate == RETRY]
        if again:
            self._rest(0)
            settled = self.deliver([bodies[place] for place in again])
            for place, outcome in zip(again, settled, strict=True):
                outcomes[place] = outcome
        return outcomes
        # </solution>
        #: raise Todo("2.7")

    def _ask(self, bodies: Sequence[Body]) -> Answer:
        """Return the API's answer, once it gives one that is about the batch.

        401 gets a new token and asks again; 503, a time-out and all that is the API's own trouble
        waits, with full jitter, behind the breaker.
        """
        # task 2.7: never faster than the breaker allows
        # <solution>
        attempt = 0
        while True:
            if self._breaker.allows():
                answer = self._try(bodies)
                if answer is not None:
                    return answer
            self._rest(attempt)
            attempt += 1
        # </solution>
        #: raise Todo("2.7")

    def _try(self, bodies: Sequence[Body]) -> Answer | None:
        """Ask once (twice after 401); tell the breaker; None if it's to be tried again."""
        reason = ""
        try:
            answer = self._door.send(bodies)
            if answer.status == UNAUTHORIZED:
                self._door.renew()
                answer = self._door.send(bodies)
        except DoorUnreachable as error:
            reason = str(error)
        else:
            self._telemetry.measure(Fact.GATEWAY_ANSWERS, status=str(answer.status))
            complete = answer.status != 200 or len(answer.items) == len(bodies)  # noqa: PLR2004
            if complete and (answer.status in ABOUT_THE_BATCH or fate_of(answer.status) in _CLEAR):
                self._breaker.succeeded()
                self._tell_breaker()
                return answer
            reason = f"{answer.status} {answer.detail or ''}"
        self._breaker.failed()
        self._tell_breaker()
        self._telemetry.event("warning", "api_away", reason=reason, readings=len(bodies))
        return None

    def _rest(self, attempt: int) -> None:
        pause = full_jitter(attempt, FIRST_PAUSE_S, LONGEST_PAUSE_S)
        if self._stop.wait(max(0.01, pause)):
            raise Stopped

    def _tell_breaker(self) -> None:
        self._telemetry.measure(Fact.BREAKER_STATE, STATES[self._breaker.state])


_CLEAR: Final = frozenset({"stored", LATER})
"""Fates of a whole batch that end the asking; 403 and 409 for all of it are the API's trouble."""


def _outcome(item: ItemAnswer, retry_after_s: float | None) -> Outcome:
    return Outcome(fate_of(item.status), item.status, item.detail or "", retry_after_s)
