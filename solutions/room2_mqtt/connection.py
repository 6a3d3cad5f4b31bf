"""A connection that comes back by itself, and says again what a new broker can't know."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from shared.contracts.facts import Fact
from shared.contracts.messages import PRESENCE_ROOT, Birth
from shared.contracts.ports import Keyring, Telemetry
from shared.contracts.settings import BusSettings
from shared.contracts.todo import Todo

from .retry import full_jitter

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 3.0
IN_FLIGHT: Final = 200

OnMessage = Callable[["mqtt.Client", "mqtt.MQTTMessage"], None]


@dataclass(frozen=True, slots=True)
class Manners:
    """How one party behaves: its name is its client id, its birth and will are its presence."""

    name: str
    subscriptions: Sequence[str]
    on_message: OnMessage
    on_connected: Callable[[], None]
    birth: Birth | None = None
    manual_ack: bool = False


def birth_text(birth: Birth) -> bytes:
    """Return a birth as JSON: device_id, state online, and each sensor's card."""
    # task 2.4: what a listener must know before it can read the device's numbers
    # <solution>
    sensors = [
        {
            "sensor_id": card.sensor_id,
            "type": card.sensor_type,
            "unit": card.unit,
            "location": card.location,
            "calibration_date": card.calibration_date and card.calibration_date.isoformat(),
            "resolution": card.resolution,
        }
        for card in birth.sensors
    ]
    body = {"device_id": birth.device_id, "state": "online", "sensors": sensors}
    return json.dumps(body, separators=(",", ":")).encode()
    # </solution>
    #: raise Todo("2.4")


class Connection:
    """One MQTT 3.1.1 session, kept alive by a thread of its own until it is closed."""

    def __init__(
        self, settings: BusSettings, keyring: Keyring, telemetry: Telemetry, manners: Manners
    ) -> None:
        self._settings = settings
        self._keyring = keyring
        self._telemetry = telemetry
        self._manners = manners
        self._stop = Event()
        self._ended = Event()
        self._connected = Event()
        self._client: mqtt.Client | None = None
        self._thread = Thread(target=self._keep, name=f"mqtt-{manners.name}", daemon=True)

    def open(self) -> None:
        """Begin to connect, in the background."""
        self._thread.start()

    @property
    def client(self) -> "mqtt.Client | None":
        """The connected client, None while there is none."""
        return self._client if self._connected.is_set() else None

    def close(self, offline: bytes | None = None) -> None:
        """Say goodbye, with a retained `offline` if given: a will is for those who can't."""
        client = self.client
        if client is not None and offline is not None:
            told = client.publish(f"{PRESENCE_ROOT}/{self._manners.name}", offline, 1, retain=True)
            with suppress(RuntimeError, ValueError):  # then the will says it
                told.wait_for_publish(0.3)
        self._stop.set()
        self._ended.set()
        self._thread.join(2.0)

    def _keep(self) -> None:
        """Connect, stay, and after each end try again: at once never, at one moment never."""
        # task 2.4: backoff with full jitter, begun anew once a connection stood
        # <solution>
        attempt = 0
        while not self._stop.is_set():
            stood = self._stay()
            attempt = 0 if stood else attempt + 1
            self._stop.wait(full_jitter(attempt, FIRST_PAUSE_S, LONGEST_PAUSE_S))
        # </solution>
        #: raise Todo("2.4")

    def _stay(self) -> bool:
        """Run one connection to its end; return whether it ever stood."""
        self._ended.clear()
        stood = False
        try:
            client = self._new_client()
            client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        except (OSError, ValueError) as error:
            self._telemetry.event(
                "warning", "connect_failed", client=self._manners.name, reason=str(error)
            )
            return False
        client.loop_start()
        while not self._ended.wait(0.5) and not self._stop.is_set():
            stood = stood or self._connected.is_set()
        stood = stood or self._connected.is_set()
        self._connected.clear()
        self._telemetry.measure(Fact.MQTT_CONNECTED, 0)
        client.disconnect()
        client.loop_stop()
        return stood

    def _new_client(self) -> "mqtt.Client":
        """Return a client that keeps its session, has a will, and shows its certificate.

        A new one each time: paho would repeat by itself what it holds in memory, and what is
        repeated is decided here, by the outbox.
        """
        import paho.mqtt.client as mqtt
        from paho.mqtt.enums import CallbackAPIVersion

        # task 2.4: MQTT 3.1.1, the session kept, a retained last will, TLS where there is a key
        # <solution>
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._manners.name,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=self._manners.manual_ack,
        )
        client.max_inflight_messages_set(IN_FLIGHT)
        if self._manners.birth is not None:
            will = f"{PRESENCE_ROOT}/{self._manners.name}"
            client.will_set(will, offline_text(self._manners.birth), 1, retain=True)
        context = self._keyring.client(self._manners.name)
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = lambda source, _data, message: self._manners.on_message(source, message)
        return client
        # </solution>
        #: raise Todo("2.4")

    def _on_connect(self, client: "mqtt.Client", *details: Any) -> None:  # noqa: ANN401 - paho's form
        """Subscribe and be reborn at every connect: the broker may have forgotten everything."""
        reason = details[2]
        if reason.is_failure:
            self._telemetry.event(
                "warning", "connect_refused", client=self._manners.name, reason=str(reason)
            )
            self._ended.set()
            return
        # task 2.4: at every connect, not only at the first
        # <solution>
        if self._manners.subscriptions:
            client.subscribe([(topic, 1) for topic in self._manners.subscriptions])
        if (birth := self._manners.birth) is not None:
            topic = f"{PRESENCE_ROOT}/{birth.device_id}"
            client.publish(topic, birth_text(birth), 1, retain=True)
        self._client = client
        self._connected.set()
        self._telemetry.measure(Fact.MQTT_CONNECTED, 1)
        self._manners.on_connected()
        # </solution>
        #: raise Todo("2.4")

    def _on_disconnect(self, client: "mqtt.Client", *_details: object) -> None:
        if client is self._client or not self._connected.is_set():
            self._connected.clear()
            self._ended.set()


def offline_text(birth: Birth) -> bytes:
    """Return what is said of a device that is gone: by itself, or by the broker as its will."""
    return json.dumps({"device_id": birth.device_id, "state": "offline"}).encode()
