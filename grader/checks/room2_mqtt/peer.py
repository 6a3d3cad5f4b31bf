"""The other party on the trusted side: a paho client that hears everything and may speak."""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Final, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from grader.sandbox import GraderFault
from shared.contracts.messages import PRESENCE_ROOT, TOPIC_ROOT, VERDICT_ROOT

_READY_S: Final = 10.0
_ROOTS: Final = (TOPIC_ROOT, PRESENCE_ROOT, VERDICT_ROOT)


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it came."""

    topic: str
    payload: bytes
    retained: bool
    at_s: float


class Peer:
    """Connected, and subscribed to all our topics, from `with` on."""

    def __init__(self, port: int, name: str = "peer") -> None:
        self.heard: list[Heard] = []
        self._port = port
        self._ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_details: self._ready.set()
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        if not self._ready.wait(_READY_S):
            raise GraderFault(f"The check's own broker didn't take its client in {_READY_S:g} s.")
        return self

    def __exit__(self, *_reason: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, data: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish, and return once the broker has acknowledged."""
        told = self._client.publish(topic, data, qos, retain)
        told.wait_for_publish(_READY_S)
        if not told.is_published():
            raise GraderFault(f"The check's own broker didn't acknowledge in {_READY_S:g} s.")

    def publish_all(self, messages: list[tuple[str, bytes]]) -> None:
        """Publish many, and return once the broker has acknowledged the last."""
        for topic, data in messages[:-1]:
            self._client.publish(topic, data, 1)
        for topic, data in messages[-1:]:
            self.publish(topic, data)

    def tell(self, device: str, verdict: str, *identities: str, **more: object) -> None:
        """Tell a device the verdict on some of its readings, as a gateway does."""
        items = [{"message_id": one, "verdict": verdict, **more} for one in identities]
        self.publish(f"{VERDICT_ROOT}/{device}", json.dumps({"verdicts": items}).encode())

    def presence(self, device: str) -> list[dict[str, Any]]:
        """Return what was heard of a device's presence, each with `retained`."""
        told = [one for one in list(self.heard) if one.topic == f"{PRESENCE_ROOT}/{device}"]
        return [{**document(one.payload), "retained": one.retained} for one in told]

    def verdicts(self, device: str) -> list[dict[str, Any]]:
        """Return the verdicts that a device was told, in order."""
        told = [one for one in list(self.heard) if one.topic == f"{VERDICT_ROOT}/{device}"]
        many = [document(one.payload).get("verdicts") for one in told]
        items = [item for one in many if isinstance(one, list) for item in one]
        return [item for item in items if isinstance(item, dict)]

    def _on_connect(self, client: mqtt.Client, *_details: object) -> None:
        # QoS 0: nats-server keeps no queue for it, which costs more than all the rest.
        client.subscribe([(f"{root}/#", 0) for root in _ROOTS])

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        self.heard.append(Heard(message.topic, payload, message.retain, time.monotonic()))


def document(data: bytes) -> dict[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
