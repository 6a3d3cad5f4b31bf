"""Delivery with a stack of batches instead of recursion."""

import time

from shared.contracts.ports import DoorUnreachable

from .breaker import make_breaker
from .retry import DEAD, LATER, RETRY, Outcome, fate_of, full_jitter, split


class Stopped(Exception):
    """The gateway stops."""


class Postman:
    """Works a stack of (places, bodies) down."""

    def __init__(self, door, telemetry, stop):
        self._door, self._stop = door, stop
        self._breaker = make_breaker(5, 1.0, time.monotonic)

    def deliver(self, bodies):
        fates = [None] * len(bodies)
        stack = [list(range(len(bodies)))] if bodies else []
        tries = 0
        while stack:
            places = stack.pop()
            answer = self._once([bodies[place] for place in places])
            if answer is None:
                stack.append(places)
                self._pause(tries)
                tries += 1
                continue
            status, detail = answer.status, answer.detail or ""
            if status in (400, 413, 422) and len(places) > 1:
                stack += reversed([list(half) for half in split(places)])
            elif status in (400, 413, 422):
                fates[places[0]] = Outcome(DEAD, status, detail)
            elif status == 429:
                for place in places:
                    fates[place] = Outcome(LATER, 429, detail, answer.retry_after_s)
            else:
                again = []
                for place, item in zip(places, answer.items, strict=True):
                    fate = fate_of(item.status)
                    if fate == RETRY:
                        again.append(place)
                    else:
                        told = item.detail or ""
                        fates[place] = Outcome(fate, item.status, told, answer.retry_after_s)
                if again:
                    stack.append(again)
                    self._pause(tries)
                    tries += 1
        return fates

    def _once(self, bodies):
        if not self._breaker.allows():
            return None
        try:
            answer = self._door.send(bodies)
            if answer.status == 401:
                self._door.renew()
                answer = self._door.send(bodies)
        except DoorUnreachable:
            self._breaker.failed()
            return None
        whole = answer.status == 200 and len(answer.items) == len(bodies)
        settled = whole and any(fate_of(item.status) != RETRY for item in answer.items)
        if settled or answer.status in (400, 413, 422, 429):
            self._breaker.succeeded()
            return answer
        self._breaker.failed()
        return None

    def _pause(self, tries):
        if self._stop.wait(max(0.01, full_jitter(tries, 0.05, 2.0))):
            raise Stopped
