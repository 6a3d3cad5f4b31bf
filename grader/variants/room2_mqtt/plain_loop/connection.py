"""A connection by paho's plain `loop`, without a selector of our own."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from .presence import birth_text, offline_text
from .retry import full_jitter

STEADY_S = 5.0


@dataclass(frozen=True)
class Manners:
    """How one party behaves."""

    name: str
    subscriptions: tuple
    on_message: Callable
    on_connected: Callable
    turn: Callable
    may_read: Callable = lambda: True
    birth: object = None
    manual_ack: bool = False


class Connection:
    """One session in one thread."""

    def __init__(self, settings, keyring, telemetry, manners):
        self._settings, self._keyring, self._manners = settings, keyring, manners
        self._stop, self._up, self._trouble = Event(), False, None
        self._thread = Thread(target=self._run, daemon=True)

    def open(self):
        self._thread.start()

    @property
    def is_connected(self):
        return self._up

    def wake(self):
        """Nothing to wake: the loop turns by itself."""

    def raise_trouble(self):
        if self._trouble is not None:
            raise self._trouble

    def close(self):
        self._stop.set()
        self._thread.join(3.0)

    def _run(self):
        attempt = 0
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                self._live()
                attempt = 0 if time.monotonic() - began > STEADY_S else attempt + 1
                self._stop.wait(full_jitter(attempt, 0.1, 3.0))
        except Exception as trouble:
            self._trouble = trouble

    def _live(self):
        client = self._client()
        try:
            client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        except OSError:
            return
        while not self._stop.is_set():
            code = client.loop_misc() if not self._manners.may_read() else client.loop(0.01)
            if code:
                self._up = False
                return
            if self._up:
                self._manners.turn(client)
        self._leave(client)

    def _client(self):
        manners = self._manners
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            manners.name,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=manners.manual_ack,
        )
        client.max_inflight_messages_set(0)
        if manners.birth is not None:
            topic = f"aiot-academy-presence/{manners.birth.device_id}"
            client.will_set(topic, offline_text(manners.birth), qos=1, retain=True)
        context = self._keyring.client(manners.name)
        if context is not None:
            client.tls_set_context(context)

        def connected(client, _data, _flags, reason, _properties):
            if reason.is_failure:
                return
            if manners.birth is not None:
                client.publish(topic, birth_text(manners.birth), qos=1, retain=True)
            for wanted in manners.subscriptions:
                client.subscribe(wanted, 1)

        def subscribed(_client, _data, _mid, codes, _properties):
            if not self._up and not any(code.is_failure for code in codes):
                self._up = True
                manners.on_connected()

        client.on_connect = connected
        client.on_subscribe = subscribed
        client.on_message = lambda _client, _data, message: manners.on_message(message)
        return client

    def _leave(self, client):
        if self._up and self._manners.birth is not None:
            topic = f"aiot-academy-presence/{self._manners.birth.device_id}"
            told = client.publish(topic, offline_text(self._manners.birth), 1, retain=True)
            deadline = time.monotonic() + 0.3
            while not told.is_published() and time.monotonic() < deadline and not client.loop(0.02):
                pass
        self._up = False
        client.disconnect()
        client.loop(0.01)
