"""Topics are addresses: four levels, each a name that can't break anything."""

from shared.contracts.benches.bus import Address, BadTopic
from shared.contracts.identifiers import is_identifier
from shared.contracts.messages import TOPIC_ROOT
from shared.contracts.todo import Todo
from shared.language import _

LONGEST_BYTES = 65_535
"""MQTT 3.1.1, 4.7.3: a topic is a UTF-8 string with a length field of two bytes."""


def build_topic(device_id: str, sensor_id: str, sensor_type: str) -> str:
    """Return `aiot-academy/{device}/{sensor}/{type}`.

    Raises BadTopic, naming the level, unless each name is an identifier: so no wildcard, no NUL,
    no slash and no empty level (legal in MQTT, never meant by us) can get in.
    """
    # task 2.1: each name is an identifier, or it is refused by the name of its level
    raise Todo("2.1")


def parse_topic(topic: str) -> Address:
    """Return the device, sensor and type in `topic`; BadTopic if it isn't one of ours."""
    # task 2.1: four levels, the first ours, the others identifiers; the length in bytes
    raise Todo("2.1")


def _check(level: str, name: str) -> None:
    if not is_identifier(name):
        raise BadTopic(
            _("{level}: expected 1 to 64 of A-Z a-z 0-9 _ -, got {name!r}").format(
                level=level, name=name
            )
        )
