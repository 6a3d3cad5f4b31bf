"""A device's side of the bus: on disk first, then on its way until somebody vouches for it."""

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

from shared.contracts.benches.bus import BadPayload, BadTopic, Payload
from shared.contracts.facts import Fact
from shared.contracts.identifiers import message_id
from shared.contracts.messages import Birth, Progress, Reading
from shared.contracts.ports import BusParts
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo
from shared.language import _

from .connection import Connection, Manners
from .flow import Flow
from .outbox import SqliteOutbox
from .payload import BUDGET_BYTES, encode_payload, payload_budget
from .topics import build_topic
from .verdicts import read_verdicts, verdict_topic

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

POLL_S: Final = 0.02
GIVE_WAY_S: Final = 0.1
FAR_BEHIND: Final = 10
"""So many windows of letters that wait are a backlog, no burst."""
_topic: Final = lru_cache(maxsize=4_096)(build_topic)


class OutboxLink:
    """An outbox, and a connection whose thread empties it."""

    def __init__(self, settings: Settings, parts: BusParts, birth: Birth) -> None:
        self._device = birth.device_id
        self._telemetry = parts.telemetry
        path = Path(settings.state_dir) / f"outbox-{birth.device_id}.db"
        self._outbox = SqliteOutbox(path, settings.bus.outbox_limit, settings.source.source_id)
        self._flow = Flow(self._outbox, settings.bus, parts.telemetry, birth.device_id)
        manners = Manners(
            birth.device_id,
            (verdict_topic(birth.device_id),),
            self._on_verdict,
            self._flow.reconnected,
            self._flow.turn,
            birth=birth,
        )
        self._connection = Connection(settings.bus, parts.keyring, parts.telemetry, manners)
        self._far_behind = FAR_BEHIND * settings.bus.inflight
        self._connection.open()

    def offer(self, readings: Sequence[Reading]) -> int:
        """Commit readings to the outbox; return how many were made.

        Refused and counted: what is over the bound, and what can't be sent at all (a value that
        isn't finite, a bad name, another device's reading), with a line in the log that says why.
        """
        self._connection.raise_trouble()
        made = self._made(readings)
        self._connection.wake()
        measure = self._telemetry.measure
        measure(Fact.READINGS_MADE, made, device=self._device)
        if made < len(readings):
            measure(Fact.READINGS_REFUSED, len(readings) - made, device=self._device)
        measure(Fact.OUTBOX_PENDING, self._outbox.progress().pending, device=self._device)
        self._give_way()
        return made

    def progress(self) -> Progress:
        """Return the outbox's counts."""
        return self._outbox.progress()

    def close(self, drain_s: float) -> bool:
        """Wait up to `drain_s` seconds for the verdicts; then disconnect and close the file."""
        deadline = time.monotonic() + drain_s
        pause = Event()
        while self._outbox.progress().pending and time.monotonic() < deadline:
            pause.wait(POLL_S)
        self._connection.close()
        drained = self._outbox.progress().pending == 0
        self._outbox.close()
        return drained

    def _give_way(self) -> None:
        """Let the connection catch up a moment when it is far behind: back-pressure at the source.

        Bounded, since a sensor waits for nobody; and without a connection there is nothing to
        wait for.
        """
        deadline = time.monotonic() + GIVE_WAY_S
        pause = Event()
        while self._connection.is_connected and time.monotonic() < deadline:
            if self._outbox.progress().pending <= self._far_behind:
                return
            pause.wait(POLL_S)

    def _made(self, readings: Sequence[Reading]) -> int:
        # task 2.5: made means on disk; every reading offered is either made or refused
        raise Todo("2.5")

    def _letter(self, reading: Reading) -> tuple[str, str, bytes] | None:
        """Return message id, topic and payload of a reading, as they stay however often it's sent.

        None, and a line in the log, for a reading that can't be sent.
        """
        try:
            return self._written(reading)
        except (BadTopic, BadPayload) as error:
            self._telemetry.event(
                "warning", "reading_refused", device=self._device, reason=str(error)
            )
            return None

    def _written(self, reading: Reading) -> tuple[str, str, bytes]:
        # task 2.5: the identity is the reading's own, the same at every restart
        raise Todo("2.5")

    def _on_verdict(self, message: "mqtt.MQTTMessage") -> None:
        try:
            self._flow.told(read_verdicts(bytes(message.payload)))
        except ValueError as error:
            self._telemetry.event(
                "warning", "bad_verdict", device=self._device, reason=str(error)[:200]
            )
