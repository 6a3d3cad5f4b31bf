"""A bare pair of paho clients over the pipeline's own TLS listener: what all ratios are against."""

import multiprocessing
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Event as Flag
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from shared.contracts.messages import Credentials
from shared.language import _

IN_FLIGHT: Final = 20  # few in flight is paho's fastest way of publishing
PAYLOAD: Final = (
    b'{"sensor_id":"TEMP-001","temperature":22.3,'
    b'"timestamp":"2025-01-15T10:30:45.123Z","unit":"celsius"}'
)
WARM_UP_S: Final = 1.0
ESTABLISHED: Final = 100


@dataclass(frozen=True, slots=True)
class PairWish:
    """Where the pair meets and with which credentials (None: no TLS)."""

    host: str
    port: int
    sender: Credentials | None
    receiver: Credentials | None
    topic: str
    receiver_filter: str
    sender_name: str
    receiver_name: str


def measure_pair(wish: PairWish, seconds: float) -> float:
    """Return the messages a second that one publisher gets to one subscriber, QoS 1 both ways.

    Two processes, each at most `IN_FLIGHT` unacknowledged; counted at the subscriber after
    a warm-up.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    sender = context.Process(target=_send, args=(wish, stop), daemon=True)
    client = _client(wish.receiver_name, wish.receiver)
    received = 0

    def count(_client: mqtt.Client, _data: object, _message: mqtt.MQTTMessage) -> None:
        nonlocal received
        received += 1

    client.on_message = count
    client.connect(wish.host, wish.port)
    client.subscribe(wish.receiver_filter, qos=1)
    client.loop_start()
    sender.start()
    try:
        _wait_for(lambda: received > ESTABLISHED, 20.0)
        stop.wait(WARM_UP_S)
        before, began = received, time.perf_counter()
        stop.wait(seconds)
        return (received - before) / (time.perf_counter() - began)
    finally:
        stop.set()
        sender.join(5)
        client.disconnect()
        client.loop_stop()


def _send(wish: PairWish, stop: Flag) -> None:
    client = _client(wish.sender_name, wish.sender)
    places = threading.BoundedSemaphore(IN_FLIGHT)
    client.on_publish = lambda *_details: places.release()
    client.connect(wish.host, wish.port)
    client.loop_start()
    while not stop.is_set():
        if places.acquire(timeout=0.2):
            client.publish(wish.topic, PAYLOAD, qos=1)
    client.disconnect()
    client.loop_stop()


def _client(name: str, credentials: Credentials | None) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
    if credentials is not None:
        context = ssl.create_default_context(cafile=credentials.authority)
        context.load_cert_chain(credentials.certificate, credentials.key)
        client.tls_set_context(context)
    client.max_inflight_messages_set(IN_FLIGHT)
    return client


def _wait_for(fact: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not fact():
        if time.monotonic() > deadline:
            raise TimeoutError(_("The bare pair of clients didn't get a message through."))
        threading.Event().wait(0.02)
