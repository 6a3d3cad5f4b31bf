"""A plain connection for the bus: published once and forgotten, carried on in the same breath."""

import json
from collections.abc import Sequence
from threading import Event as StopSignal
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from shared.contracts.facts import Fact
from shared.contracts.identifiers import iso_utc
from shared.contracts.messages import TOPIC_ROOT, Birth, Progress, Reading
from shared.contracts.ports import Bus, BusParts, DeviceLink, DoorUnreachable, Gateway
from shared.contracts.settings import Settings


class PlainLink:
    """Publishes with QoS 0: what the network loses is lost."""

    def __init__(self, settings: Settings, parts: BusParts, birth: Birth) -> None:
        self._telemetry = parts.telemetry
        self._made = 0
        self._client = _connect(settings, parts, birth.device_id)

    def offer(self, readings: Sequence[Reading]) -> int:
        """Publish each reading; whether it arrives, nobody knows."""
        for reading in readings:
            body = {
                "sensor_id": reading.sensor_id,
                reading.sensor_type: reading.value,
                "timestamp": iso_utc(reading.timestamp),
                "unit": reading.unit,
            }
            topic = f"{TOPIC_ROOT}/{reading.device_id}/{reading.sensor_id}/{reading.sensor_type}"
            self._client.publish(topic, json.dumps(body))
            self._telemetry.measure(Fact.READINGS_MADE, device=reading.device_id)
        self._made += len(readings)
        return len(readings)

    def progress(self) -> Progress:
        """Return what this process has published; a restart forgets it."""
        return Progress(self._made, self._made, 0, 0)

    def close(self, drain_s: float) -> bool:  # noqa: ARG002 - nothing is kept, nothing to drain
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
        return True


class PlainGateway:
    """Posts each message from within the network thread, once."""

    def __init__(self, settings: Settings, parts: BusParts) -> None:
        self._settings = settings
        self._parts = parts

    def run(self, stop: StopSignal) -> None:
        """Carry messages to the API until `stop` is set; what fails is lost, and told."""
        client = _connect(self._settings, self._parts, "gateway")
        client.on_message = lambda _client, _data, message: self._carry(message)
        client.on_connect = self._subscribe
        stop.wait()
        client.disconnect()
        client.loop_stop()

    def _subscribe(self, client: mqtt.Client, *_details: object) -> None:
        client.subscribe(f"{TOPIC_ROOT}/#")
        self._parts.telemetry.measure(Fact.MQTT_CONNECTED, 1)

    def _carry(self, message: mqtt.MQTTMessage) -> None:
        if self._parts.door is None:
            return
        try:
            _root, device, _sensor, kind = message.topic.split("/")
            body: dict[str, Any] = json.loads(message.payload)
            metadata = {"sensor_id": body["sensor_id"], "unit": body["unit"]}
            item = {
                "device_id": device,
                "sensor_type": kind,
                "value": body[kind],
                "timestamp": body["timestamp"],
                "metadata": metadata,
            }
            self._parts.door.send([item])
        except (ValueError, KeyError, DoorUnreachable) as error:
            self._parts.telemetry.event("warning", "reading_lost", reason=str(error))


def _connect(settings: Settings, parts: BusParts, name: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
    context = parts.keyring.client(name)
    if context is not None:
        client.tls_set_context(context)
    client.connect_async(settings.bus.host, settings.bus.port)
    client.loop_start()
    return client


class PlainBus:
    """Both sides of the plain connection."""

    def __init__(self, settings: Settings, parts: BusParts) -> None:
        self._settings = settings
        self._parts = parts

    def device(self, birth: Birth) -> DeviceLink:
        """Connect a device in the background."""
        return PlainLink(self._settings, self._parts, birth)

    def gateway(self) -> Gateway:
        """Return the gateway."""
        return PlainGateway(self._settings, self._parts)


def build(settings: Settings, parts: BusParts) -> Bus:
    """Return the stand-in for Room 2."""
    return PlainBus(settings, parts)
