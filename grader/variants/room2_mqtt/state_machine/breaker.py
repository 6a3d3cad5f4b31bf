"""A breaker whose state is told by one small object a state."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Closed:
    failures: int = 0


@dataclass(frozen=True)
class Open:
    until: float


class Breaker:
    """Moves from state to state."""

    def __init__(self, failures, pause_s, monotonic):
        self._most, self._pause, self._clock = failures, pause_s, monotonic
        self._now = Closed()

    @property
    def state(self):
        match self._now:
            case Closed():
                return "closed"
            case Open(until=until) if self._clock() >= until:
                return "half open"
        return "open"

    def allows(self):
        match self._now:
            case Closed():
                return True
            case Open(until=until) if self._clock() >= until:
                self._now = Open(self._clock() + self._pause)
                return True
        return False

    def succeeded(self):
        self._now = Closed()

    def failed(self):
        match self._now:
            case Closed(failures=count) if count + 1 < self._most:
                self._now = replace(self._now, failures=count + 1)
            case _:
                self._now = Open(self._clock() + self._pause)


def make_breaker(failures, pause_s, monotonic):
    """Return a closed breaker."""
    return Breaker(failures, pause_s, monotonic)
