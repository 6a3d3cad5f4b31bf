"""What is on its way: sent in order, sent again, forgotten when somebody vouches for it."""

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from shared.contracts.benches.bus import Letter
from shared.contracts.facts import Fact
from shared.contracts.messages import Verdict
from shared.contracts.ports import StoreUnavailable, Telemetry
from shared.contracts.settings import BusSettings
from shared.contracts.todo import Todo

from .outbox import SqliteOutbox
from .verdicts import Told

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

LONGEST_RESEND_S: Final = 30.0
LOOK_S: Final = 0.1
REST_S: Final = 0.25
"""How long a full or broken disk is left alone."""


class _Sent:
    """A letter that waits for its verdict: when it is due again, and how often it was sent."""

    __slots__ = ("due_s", "letter", "times")

    def __init__(self, letter: Letter, due_s: float) -> None:
        self.letter = letter
        self.due_s = due_s
        self.times = 1


class Flow:
    """A window of at most `inflight` letters between an outbox and a broker. One thread's own."""

    def __init__(
        self, outbox: SqliteOutbox, settings: BusSettings, telemetry: Telemetry, device_id: str
    ) -> None:
        self._outbox = outbox
        self._settings = settings
        self._telemetry = telemetry
        self._device = device_id
        # Older letters were timed by another process.
        self._timed_after = outbox.newest()
        self._last_sent = 0
        self._sent: dict[str, _Sent] = {}
        self._told: deque[Told] = deque()
        self._vouched: list[Letter] = []
        self._again = False
        self._look_s = 0.0
        self._rest_s = 0.0

    def reconnected(self) -> None:
        """Send again, at the next turn, whatever has no verdict: the broker may have lost it."""
        self._again = True

    def told(self, verdicts: Sequence[Told]) -> None:
        """Take verdicts, to be applied at the next turn."""
        self._told.extend(verdicts)

    def turn(self, client: "mqtt.Client") -> None:
        """Apply verdicts, send again what is due, then send what is new."""
        now = time.monotonic()
        if now < self._rest_s:
            return
        try:
            self._settle(now)
            count = self._send_again(client, now) + self._send_new(client, now)
        except StoreUnavailable as error:
            self._rest_s = now + REST_S
            self._telemetry.event("error", "outbox_away", reason=str(error))
        else:
            if count:
                self._telemetry.measure(Fact.MQTT_MESSAGES, count, direction="out")

    def _settle(self, now: float) -> None:
        """Apply the verdicts that came: forget, or put off."""
        # task 2.5: only `stored` and `dead` clear a letter; `later` puts it off
        raise Todo("2.5")

    def _send_new(self, client: "mqtt.Client", now: float) -> int:
        """Send what was never sent, in order, while fewer than `inflight` wait; return how many."""
        # task 2.5: in order, and never more on the wire than one can answer for
        raise Todo("2.5")

    def _send_again(self, client: "mqtt.Client", now: float) -> int:
        """Send again what has no verdict: on a new connection, and after a time-out on any.

        A broker that was killed may have acknowledged what it then forgot, and a device that
        stayed connected to nobody's memory learns it by the silence only.
        """
        # task 2.5: each time later than the last, up to half a minute
        raise Todo("2.5")

    def _measure(self, letters: Sequence[Letter], now: float) -> None:
        """Tell the age of each, from made to vouched for, by this process's one clock."""
        pending = self._outbox.progress().pending
        self._telemetry.measure(Fact.OUTBOX_PENDING, pending, device=self._device)
        end_s = time.time()
        for letter in letters:
            if letter.seq <= self._timed_after:
                continue
            age_s = now - letter.made_s
            self._telemetry.measure(Fact.READING_AGE_S, age_s, device=self._device)
            if traceparent := _sampled_in(letter.payload):
                self._telemetry.span("device", traceparent, end_s - age_s, end_s)


def _sampled_in(payload: bytes) -> str | None:
    """Return a sampled traceparent without parsing the rest: the text is our own."""
    _head, _sign, tail = payload.rpartition(b'"traceparent":"')
    return tail[:55].decode() if tail[53:55] == b"01" else None
