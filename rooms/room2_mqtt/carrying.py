"""One batch on its way through the gateway: read, posted, buried where it must be, vouched for."""

import time
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Final

from shared.contracts.facts import Fact
from shared.contracts.messages import PRESENCE_ROOT, DeadLetter
from shared.contracts.ports import BusParts, StoreUnavailable
from shared.contracts.todo import Todo
from shared.language import _

from .intake import Arrival
from .posting import Postman, Stopped
from .presence import read_presence
from .reception import Received, dead_letter, receive
from .retry import DEAD, LATER, Outcome, full_jitter
from .verdicts import write_verdicts

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 2.0
CARDS: Final = 100_000
"""How many sensors' cards are remembered: devices say them, so there must be a bound."""

Fate = tuple[Received, Outcome]


class Carrier:
    """Carries batches, one at a time; remembers what births said."""

    def __init__(self, parts: BusParts, stop: Event) -> None:
        if parts.door is None or parts.dead_letters is None:
            raise ValueError(_("A gateway needs the API's door and the dead letters."))
        self._dead_letters = parts.dead_letters
        self._telemetry = parts.telemetry
        self._clock = parts.clock
        self._stop = stop
        self._postman = Postman(parts.door, parts.telemetry, stop)
        self._cards: dict[tuple[str, str], Mapping[str, object]] = {}

    def carry(self, batch: Sequence[Arrival]) -> Mapping[str, bytes]:
        """Return the verdicts on a batch, a text a device, once each message has found its place.

        Stored by the API or kept in the dead letters; only what is told *later* is with its
        device alone. Takes as long as one of them is away; raises Stopped.
        """
        # task 2.6: what can't be read takes nobody else with it, and all keep their order
        raise Todo("2.6")

    def _read(self, arrival: Arrival) -> Received | None:
        """Return a reading; a birth or a will is taken note of, and None returned."""
        topic = arrival.topic
        if not topic.startswith(f"{PRESENCE_ROOT}/"):
            return receive(topic, arrival.data, self._cards, arrival.at_s)
        # task 2.6: the birth's cards are joined into what follows
        raise Todo("2.6")

    def _bury(self, fates: Sequence[Fate]) -> None:
        """Keep dead letters on disk, however long that takes: before, nobody is told."""
        if not fates:
            return
        moment = self._clock.wall()
        letters = [dead_letter(one, outcome, moment) for one, outcome in fates]
        attempt = 0
        # task 2.6: a store that is away is asked again, with full jitter
        raise Todo("2.6")
        for letter in letters:
            self._telemetry.measure(Fact.DEAD_LETTERS, status=str(letter.status))
        self._telemetry.event(
            "warning", "dead_letters", count=len(letters), reason=letters[0].reason
        )

    def _kept(self, letters: Sequence[DeadLetter]) -> bool:
        try:
            self._dead_letters.put(letters)
        except StoreUnavailable as error:
            self._telemetry.event("error", "dead_letters_away", reason=str(error))
            return False
        return True

    def _count_lost(self, fates: Sequence[Fate]) -> None:
        """Count what is told *later* to nobody: a sender without an outbox loses what it floods."""
        lost = sum(fate.fate == LATER and one.message_id is None for one, fate in fates)
        if lost:
            self._telemetry.event("warning", "readings_lost", count=lost, reason="429")

    def _note(self, received: Sequence[Received]) -> None:
        """Keep the time that sampled readings spent here, in Unix seconds."""
        end_s, now = time.time(), time.monotonic()
        for one in received:
            if one.traceparent is not None and one.traceparent.endswith("-01"):
                start_s = end_s - (now - one.at_s)
                self._telemetry.span("gateway", one.traceparent, start_s, end_s)
