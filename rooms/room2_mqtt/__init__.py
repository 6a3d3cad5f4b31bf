"""Room 2: a bus on which nothing is lost between two radios."""

from shared.contracts.messages import Birth
from shared.contracts.ports import Bus, BusParts, DeviceLink, Gateway
from shared.contracts.settings import Settings

from .breaker import make_breaker
from .delivery import OutboxLink
from .filters import matches
from .gateway import HonestGateway
from .outbox import open_outbox
from .payload import decode_payload, encode_payload, payload_budget
from .retry import fate_of, full_jitter, split
from .topics import build_topic, parse_topic

__all__ = [
    "build",
    "build_topic",
    "decode_payload",
    "encode_payload",
    "fate_of",
    "full_jitter",
    "make_breaker",
    "matches",
    "open_outbox",
    "parse_topic",
    "payload_budget",
    "split",
]


class MqttBus:
    """Both sides of the bus, for whichever process asks."""

    def __init__(self, settings: Settings, parts: BusParts) -> None:
        self._settings = settings
        self._parts = parts

    def device(self, birth: Birth) -> DeviceLink:
        """Open the outbox of a device and connect in the background."""
        return OutboxLink(self._settings, self._parts, birth)

    def gateway(self) -> Gateway:
        """Return the gateway; ValueError without a door and dead letters."""
        return HonestGateway(self._settings, self._parts)


def build(settings: Settings, parts: BusParts) -> Bus:
    """Return the bus."""
    return MqttBus(settings, parts)
