"""The gateway: from the broker to the API, acknowledging only what somebody has on disk."""

import json
import queue
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Final

from shared.contracts.facts import Fact
from shared.contracts.messages import (
    PRESENCE_ROOT,
    TOPIC_ROOT,
    VERDICT_ROOT,
    DeadLetter,
    Verdict,
)
from shared.contracts.ports import BusParts, StoreUnavailable
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo
from shared.language import _

from .connection import Connection, Manners
from .posting import Outcome, Postman, Stopped
from .reception import Received, cards_in, dead_letter, receive
from .retry import DEAD, LATER, full_jitter

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

NAME: Final = "gateway"
SUBSCRIPTIONS: Final = (f"{TOPIC_ROOT}/+/+/+", f"{PRESENCE_ROOT}/+")
PUSH_BACK_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A message with the connection that it came by: only there can it be acknowledged."""

    client: "mqtt.Client"
    mid: int
    topic: str
    data: bytes
    at_s: float


class HonestGateway:
    """One network thread that only queues, one worker that posts, buries, tells, acknowledges."""

    def __init__(self, settings: Settings, parts: BusParts) -> None:
        if parts.door is None or parts.dead_letters is None:
            raise ValueError(_("A gateway needs the API's door and the dead letters."))
        self._bus = settings.bus
        self._telemetry = parts.telemetry
        self._keyring = parts.keyring
        self._door = parts.door
        self._dead_letters = parts.dead_letters
        self._queue: queue.Queue[_Arrival] = queue.Queue(maxsize=settings.bus.queue_limit)
        self._held: set[tuple[int, int]] = set()
        self._cards: dict[tuple[str, str], dict[str, object]] = {}
        self._stop = Event()

    def run(self, stop: Event) -> None:
        """Work until `stop`; what isn't acknowledged by then comes again to the next run."""
        self._stop = stop
        manners = Manners(NAME, SUBSCRIPTIONS, self._on_message, lambda: None, manual_ack=True)
        connection = Connection(self._bus, self._keyring, self._telemetry, manners)
        connection.open()
        postman = Postman(self._door, self._telemetry, stop)
        try:
            while not stop.is_set():
                batch = self._gather()
                if batch:
                    self._carry(batch, postman)
        except Stopped:
            self._telemetry.event("info", "gateway_stops", held=len(self._held))
        finally:
            connection.close()

    def _on_message(self, client: "mqtt.Client", message: "mqtt.MQTTMessage") -> None:
        """Queue a message, and nothing else: this is the network thread.

        When the queue is full the thread waits, TCP's window closes, and the broker feels it. What
        the broker sends again on the same connection while it is still in our hands is one message.
        """
        # task 2.6: a bounded queue that pushes back
        # <solution>
        key = (id(client), message.mid)
        if message.qos and message.dup and key in self._held:
            return
        arrival = _Arrival(client, message.mid, message.topic, bytes(message.payload), time.time())
        deadline = time.monotonic() + PUSH_BACK_S
        while not self._stop.is_set():
            try:
                self._queue.put(arrival, timeout=0.2)
            except queue.Full:
                if time.monotonic() > deadline:
                    # Longer silence would look like death to the broker; all comes again.
                    client.disconnect()
                    return
                continue
            self._held.add(key)
            return
        # </solution>
        #: raise Todo("2.6")

    def _gather(self) -> list[_Arrival]:
        """Return the next batch: as many as `batch_size`, or what came within `batch_age_s`."""
        # task 2.7: by size or by age, whichever comes first
        # <solution>
        try:
            batch = [self._queue.get(timeout=0.2)]
        except queue.Empty:
            return []
        deadline = time.monotonic() + self._bus.batch_age_s
        while len(batch) < self._bus.batch_size:
            left = deadline - time.monotonic()
            try:
                batch.append(
                    self._queue.get(timeout=left) if left > 0 else self._queue.get_nowait()
                )
            except queue.Empty:
                break
        self._telemetry.measure(Fact.BATCH_READINGS, len(batch))
        self._telemetry.measure(Fact.MQTT_MESSAGES, len(batch), direction="in")
        self._telemetry.measure(Fact.GATEWAY_QUEUE, self._queue.qsize())
        return batch
        # </solution>
        #: raise Todo("2.7")

    def _carry(self, batch: Sequence[_Arrival], postman: Postman) -> None:
        """Bring a batch to its end; acknowledge it in the order in which it came."""
        # task 2.6: stored or buried first, told to the devices next, acknowledged last
        # <solution>
        received = [self._read(arrival) for arrival in batch]
        bodies = [one.body for one in received if one is not None and one.body is not None]
        outcomes = iter(postman.deliver(bodies))
        fates = [
            (one, next(outcomes) if one.body is not None else None)
            for one in received
            if one is not None
        ]
        self._bury([letter for one, outcome in fates if (letter := _letter_of(one, outcome))])
        self._tell(batch[-1].client, fates)
        for arrival in batch:
            self._acknowledge(arrival)
        self._note(batch, received)
        # </solution>
        #: raise Todo("2.6")

    def _read(self, arrival: _Arrival) -> Received | None:
        """Return a reading; a birth or a will is taken note of, and None returned."""
        if not arrival.topic.startswith(f"{PRESENCE_ROOT}/"):
            return receive(arrival.topic, arrival.data, self._cards)
        # task 2.6: the birth's cards are joined into what follows
        # <solution>
        found = cards_in(arrival.data)
        if found is not None and arrival.topic == f"{PRESENCE_ROOT}/{found[0]}":
            device, online, cards = found
            for sensor, card in cards.items():
                self._cards[device, sensor] = card
            self._telemetry.measure(Fact.DEVICE_PRESENCE, float(online), device=device)
        return None
        # </solution>
        #: raise Todo("2.6")

    def _bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep dead letters on disk, however long that takes: before, nobody is told."""
        if not letters:
            return
        attempt = 0
        while True:
            try:
                self._dead_letters.put(letters)
            except StoreUnavailable as error:
                self._telemetry.event("error", "dead_letters_away", reason=str(error))
                if self._stop.wait(max(0.01, full_jitter(attempt, 0.05, 2.0))):
                    raise Stopped from error
                attempt += 1
            else:
                break
        for letter in letters:
            self._telemetry.measure(Fact.DEAD_LETTERS, status=str(letter.status))
        first = letters[0]
        self._telemetry.event("warning", "dead_letters", count=len(letters), reason=first.reason)

    def _tell(
        self, client: "mqtt.Client", fates: Sequence[tuple[Received, Outcome | None]]
    ) -> None:
        """Send each device its verdicts, many in one message, under a root of their own."""
        # task 2.6: only where there is a device and an id to tell
        # <solution>
        verdicts: dict[str, list[dict[str, object]]] = {}
        for one, outcome in fates:
            if one.device_id is not None and one.message_id is not None:
                told = _verdict(one.message_id, outcome)
                verdicts.setdefault(one.device_id, []).append(told)
        for device, items in verdicts.items():
            text = json.dumps({"verdicts": items}, separators=(",", ":"))
            client.publish(f"{VERDICT_ROOT}/{device}", text, 1)
        # </solution>
        #: raise Todo("2.6")

    def _acknowledge(self, arrival: _Arrival) -> None:
        # On a connection that is gone this reaches nobody, and the message comes again.
        arrival.client.ack(arrival.mid, 1)
        self._held.discard((id(arrival.client), arrival.mid))

    def _note(self, batch: Sequence[_Arrival], received: Sequence[Received | None]) -> None:
        """Keep the time that sampled readings spent here."""
        end = time.time()
        for arrival, one in zip(batch, received, strict=True):
            metadata = one.body.get("metadata") if one is not None and one.body else None
            traceparent = metadata.get("traceparent") if isinstance(metadata, dict) else None
            if isinstance(traceparent, str) and traceparent.endswith("-01"):
                self._telemetry.span("gateway", traceparent, arrival.at_s, end)


def _letter_of(one: Received, outcome: Outcome | None) -> DeadLetter | None:
    if one.letter is not None:
        return one.letter
    if outcome is not None and outcome.fate == DEAD:
        return dead_letter(one, outcome.status, outcome.detail)
    return None


def _verdict(identity: str, outcome: Outcome | None) -> dict[str, object]:
    if outcome is None or outcome.fate == DEAD:
        return {"message_id": identity, "verdict": Verdict.DEAD.value}
    if outcome.fate == LATER:
        pause = outcome.retry_after_s or 1.0
        return {
            "message_id": identity,
            "verdict": Verdict.LATER.value,
            "retry_after_s": pause,
        }
    return {"message_id": identity, "verdict": Verdict.STORED.value}
