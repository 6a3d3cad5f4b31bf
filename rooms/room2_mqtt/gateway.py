"""The gateway: from the broker to the API, acknowledging only what somebody has on disk."""

import time
from collections import deque
from collections.abc import Mapping
from threading import Event
from typing import TYPE_CHECKING, Final

from shared.contracts.facts import Fact
from shared.contracts.messages import PRESENCE_ROOT, TOPIC_ROOT
from shared.contracts.ports import BusParts
from shared.contracts.settings import Settings
from shared.contracts.todo import Todo
from shared.language import _

from .carrying import Carrier
from .connection import Connection, Manners
from .intake import Arrival, Intake
from .posting import Stopped
from .verdicts import verdict_topic

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

NAME: Final = "gateway"
SUBSCRIPTIONS: Final = (f"{TOPIC_ROOT}/+/+/+", f"{PRESENCE_ROOT}/+")
UNREADABLE: Final = "\ufffd"
"""Stands for a topic that isn't UTF-8: no reading's, so a dead letter's."""

Finished = tuple[list[Arrival], Mapping[str, bytes]]
"""A batch whose readings have all found their place, and the verdicts on it, a text a device."""


class HonestGateway:
    """The connection's thread only queues and answers; the thread of `run` does the work."""

    def __init__(self, settings: Settings, parts: BusParts) -> None:
        if parts.door is None or parts.dead_letters is None:
            raise ValueError(_("A gateway needs the API's door and the dead letters."))
        self._bus = settings.bus
        self._parts = parts
        self._session = 0
        self._held: set[int] = set()
        self._finished: deque[Finished] = deque()
        self._intake = self._new_intake()

    def run(self, stop: Event) -> None:
        """Work until `stop`; what isn't acknowledged by then comes again to the next run."""
        self._intake = self._new_intake()
        self._finished.clear()
        connection = self._new_connection()
        carrier = Carrier(self._parts, stop)
        connection.open()
        try:
            while not stop.is_set():
                connection.raise_trouble()
                batch = self._intake.gather(stop.is_set)
                if batch:
                    self._finished.append((batch, carrier.carry(batch)))
                    connection.wake()
                    self._parts.telemetry.measure(Fact.GATEWAY_QUEUE, len(self._intake))
        except Stopped:
            self._parts.telemetry.event("info", "gateway_stops", held=len(self._held))
        finally:
            connection.close()

    def _new_intake(self) -> Intake:
        bus = self._bus
        return Intake(bus.queue_limit, bus.batch_size, bus.batch_age_s)

    def _new_connection(self) -> Connection:
        manners = Manners(
            NAME,
            SUBSCRIPTIONS,
            self._on_message,
            self._on_connected,
            self._answer,
            # The queue is full: what TCP can't hold stays with the broker.
            may_read=lambda: self._intake.has_room,
            manual_ack=True,
        )
        return Connection(self._bus, self._parts.keyring, self._parts.telemetry, manners)

    def _on_connected(self) -> None:
        # What the last connection left unacknowledged comes again by this one.
        self._session += 1
        self._held.clear()

    def _on_message(self, message: "mqtt.MQTTMessage") -> None:
        """Queue a message, and nothing else: the network waits for nobody.

        What the broker sends again while it is still in our hands is one message, to be
        acknowledged once.
        """
        # task 2.6: queue it, unless it is queued
        raise Todo("2.6")

    def _answer(self, client: "mqtt.Client") -> None:
        """Tell the devices their verdicts, then acknowledge to the broker, as it came.

        MQTT 3.1.1, 4.6: acknowledgements go in the order in which the messages were received.
        What came by a connection that is gone can't be acknowledged any more: it comes again.
        """
        # task 2.6: verdicts first, so that a cut in between costs a repetition and no waiting
        raise Todo("2.6")


def _topic_of(message: "mqtt.MQTTMessage") -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return UNREADABLE
