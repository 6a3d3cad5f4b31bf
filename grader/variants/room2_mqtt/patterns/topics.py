"""Topics by one pattern with names."""

import re

from shared.contracts.benches.bus import Address, BadTopic

LONGEST_BYTES = 65_535
_NAME = r"[A-Za-z0-9_-]{1,64}"
_TOPIC = re.compile(rf"aiot-academy/(?P<device>{_NAME})/(?P<sensor>{_NAME})/(?P<type>{_NAME})")


def build_topic(device_id: str, sensor_id: str, sensor_type: str) -> str:
    """Return the topic."""
    parts = {"device": device_id, "sensor": sensor_id, "type": sensor_type}
    bad = [level for level, name in parts.items() if not re.fullmatch(_NAME, name)]
    if bad:
        raise BadTopic(f"{bad[0]}: not a name: {parts[bad[0]][:80]!r}")
    return "/".join(["aiot-academy", *parts.values()])


def parse_topic(topic: str) -> Address:
    """Return the names in the topic."""
    if (found := _TOPIC.fullmatch(topic)) is None:
        raise BadTopic(f"not aiot-academy/device/sensor/type: {topic[:80]!r}")
    return Address(found["device"], found["sensor"], found["type"])
