"""A connection that comes back by itself, and says again what a new broker can't know."""

import selectors
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from shared.contracts.facts import Fact
from shared.contracts.messages import PRESENCE_ROOT, Birth
from shared.contracts.ports import Keyring, Telemetry
from shared.contracts.settings import BusSettings
from shared.contracts.todo import Todo

from .given.wire import Wire, make_drivable
from .presence import birth_text, offline_text
from .retry import full_jitter

if TYPE_CHECKING:
    import paho.mqtt.client as mqtt

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 3.0
STEADY_S: Final = 5.0
"""A connection that stood so long counts as a success: the next pause is a short one again."""
CONNACK_S: Final = 10.0
GOODBYE_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Manners:
    """How one party behaves. All that is called here is called in the connection's thread.

    `name` is the client id, and the device's own if it has a birth. `turn` is called whenever
    something happened, and now and then: it publishes and acknowledges what there is, and
    neither waits nor asks the network. While `may_read` is False nothing is read: TCP's window
    closes, and the broker feels it.
    """

    name: str
    subscriptions: Sequence[str]
    on_message: "Callable[[mqtt.MQTTMessage], None]"
    on_connected: Callable[[], None]
    turn: "Callable[[mqtt.Client], None]"
    may_read: Callable[[], bool] = lambda: True
    birth: Birth | None = None
    manual_ack: bool = False


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
        self._connected = False
        self._bell, self._ear = socket.socketpair()
        self._bell.settimeout(0)
        self._ear.settimeout(0)
        self._trouble: Exception | None = None
        self._thread = Thread(target=self._run, name=f"mqtt-{manners.name}", daemon=True)

    def open(self) -> None:
        """Begin to connect, in the background."""
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        """Whether the broker has let us in and heard what we listen to."""
        return self._connected

    def wake(self) -> None:
        """Let `turn` be called soon, from any thread."""
        try:
            self._bell.send(b"!")
        except OSError:
            return  # it has been rung often enough, or there is nobody any more

    def raise_trouble(self) -> None:
        """Raise what went wrong in the thread, if something did: Todo, where a task isn't done."""
        if self._trouble is not None:
            raise self._trouble

    def close(self) -> None:
        """Say goodbye and end the thread: a last will is for those who can't."""
        self._stop.set()
        self.wake()
        self._thread.join(LONGEST_PAUSE_S)

    def _run(self) -> None:
        try:
            self._keep()
        except Exception as trouble:  # noqa: BLE001 - raised again where somebody listens
            self._trouble = trouble
        finally:
            self._bell.close()
            self._ear.close()

    def _keep(self) -> None:
        """Connect, stay, and after each end try again: at once never, all at one moment never."""
        # task 2.4: backoff with full jitter, begun anew once a connection stood for a while
        # <solution>
        attempt = 0
        while not self._stop.is_set():
            stood_s = self._stay()
            # Who is let in and thrown out at once would otherwise knock ten times a second.
            attempt = 0 if stood_s >= STEADY_S else attempt + 1
            self._stop.wait(full_jitter(attempt, FIRST_PAUSE_S, LONGEST_PAUSE_S))
        # </solution>
        #: raise Todo("2.4")

    def _stay(self) -> float:
        """Run one connection to its end; return for how many seconds it stood."""
        try:
            client = self._new_client()
            make_drivable(client)
            client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s)
        except (OSError, ValueError) as error:
            self._tell("connect_failed", str(error))
            return 0.0
        began, stood_s = time.monotonic(), 0.0
        with selectors.DefaultSelector() as selector:
            wire = Wire(client, selector, self._ear, self._manners.may_read)
            while wire.is_alive and not self._stop.is_set():
                if self._connected:
                    stood_s = time.monotonic() - began
                    self._turn(client)
                elif time.monotonic() - began > CONNACK_S:
                    break
                wire.exchange()
            self._part(client, wire)
        return stood_s

    def _turn(self, client: "mqtt.Client") -> None:
        """Let the party do what is due; a later task that isn't done yet doesn't end us."""
        try:
            self._manners.turn(client)
        except Todo as todo:
            self._trouble = todo

    def _part(self, client: "mqtt.Client", wire: Wire) -> None:
        """Say that we go, if there is still somebody to tell."""
        birth = self._manners.birth
        if self._connected and wire.is_alive:
            self._turn(client)
            if birth is not None:
                told = client.publish(_presence(birth), offline_text(birth), 1, retain=True)
                wire.flush(told.is_published, GOODBYE_S)
            client.disconnect()
            wire.flush(lambda: False, 0.0)
        if not self._connected:
            # In TLS 1.3 a client learns by its first read that its certificate wasn't liked.
            self._tell(
                "connect_failed", "cut before CONNACK and SUBACK: refused, or no MQTT broker"
            )
            return
        self._connected = False
        self._telemetry.measure(Fact.MQTT_CONNECTED, 0)
        if not self._stop.is_set():
            self._tell("connection_lost", "cut by the broker or the network")

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
        if (birth := self._manners.birth) is not None:
            client.will_set(_presence(birth), offline_text(birth), 1, retain=True)
        if (context := self._keyring.client(self._manners.name)) is not None:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = lambda _client, _data, message: self._manners.on_message(message)
        return client
        # </solution>
        #: raise Todo("2.4")

    def _on_connect(self, client: "mqtt.Client", *details: Any) -> None:  # noqa: ANN401 - paho's form
        """Subscribe and be reborn at every connect: the broker may have forgotten everything."""
        reason = details[2]
        if reason.is_failure:
            self._tell("connect_refused", str(reason))
            return
        # task 2.4: at every connect, not only at the first
        # <solution>
        if self._manners.subscriptions:
            client.subscribe([(topic, 1) for topic in self._manners.subscriptions])
        if (birth := self._manners.birth) is not None:
            client.publish(_presence(birth), birth_text(birth), 1, retain=True)
        # </solution>
        #: raise Todo("2.4")

    def _on_subscribe(self, _client: "mqtt.Client", *details: Any) -> None:  # noqa: ANN401 - paho's form
        """Count as connected from now on: a broker keeps nothing for who didn't subscribe."""
        if any(code.is_failure for code in details[2]):
            self._tell("subscribe_refused", ", ".join(self._manners.subscriptions))
            return
        self._connected = True
        self._telemetry.measure(Fact.MQTT_CONNECTED, 1)
        self._manners.on_connected()

    def _tell(self, name: str, reason: str) -> None:
        self._telemetry.event("warning", name, client=self._manners.name, reason=reason)


def _presence(birth: Birth) -> str:
    return f"{PRESENCE_ROOT}/{birth.device_id}"
