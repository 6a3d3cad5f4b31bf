"""Topics and filters: the standard's own table, and what our scheme refuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.benches.bus import Address, BadTopic
from solutions.room2_mqtt import build_topic, matches, parse_topic

NAMES = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")

# MQTT 3.1.1, section 4.7: every example of the standard's text, and what follows from it.
TABLE = [
    ("sport/tennis/player1/#", "sport/tennis/player1", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
    ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
    ("sport/tennis/player1/#", "sport/tennis/player10", False),
    ("sport/#", "sport", True),
    ("sport/#", "sports", False),
    ("#", "sport", True),
    ("#", "/", True),
    ("sport/tennis/+", "sport/tennis/player1", True),
    ("sport/tennis/+", "sport/tennis/player1/ranking", False),
    ("sport/+", "sport", False),
    ("sport/+", "sport/", True),
    ("+", "finance", True),
    ("+", "/finance", False),
    ("+/+", "/finance", True),
    ("/+", "/finance", True),
    ("+/tennis/#", "sport/tennis", True),
    ("+/tennis/#", "sport/tennis/x/y", True),
    ("sport/+/player1", "sport/tennis/player1", True),
    ("sport/+/player1", "sport//player1", True),
    ("#", "$SYS/broker/load", False),
    ("+/monitor/Clients", "$SYS/monitor/Clients", False),
    ("$SYS/#", "$SYS/broker/load", True),
    ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
    ("$SYS/#", "$SYS", True),
    ("ACCOUNTS", "Accounts", False),
    ("Accounts payable", "Accounts payable", True),
    ("/", "/", True),
    ("/finance", "finance", False),
    ("a//b", "a/b", False),
    ("a/#", "a//", True),
    ("+/$SYS", "a/$SYS", True),
]


@pytest.mark.parametrize(("topic_filter", "topic", "taken"), TABLE)
def test_filters_follow_the_standard(topic_filter: str, topic: str, taken: bool) -> None:  # noqa: FBT001 - a table
    assert matches(topic_filter, topic) is taken


@pytest.mark.parametrize(
    "topic_filter",
    ["sport/tennis#", "sport/tennis/#/ranking", "sport+", "+sport", "a/+b/c", "##", "++", "", "a\0",
     "x" * 65_536, "ü" * 32_768, "#/"],
)  # fmt: skip
def test_an_illegal_filter_is_refused(topic_filter: str) -> None:
    with pytest.raises(BadTopic):
        matches(topic_filter, "sport")


@pytest.mark.parametrize("topic", ["sport/+", "sport/#", "", "a\0b", "x" * 65_536])
def test_a_topic_holds_no_wildcard(topic: str) -> None:
    with pytest.raises(BadTopic):
        matches("#", topic)


def test_a_topic_of_exactly_the_longest_length_is_legal() -> None:
    assert matches("#", "x" * 65_535)


@given(NAMES, NAMES, NAMES)
def test_what_is_built_is_parsed(device: str, sensor: str, kind: str) -> None:
    topic = build_topic(device, sensor, kind)
    assert topic == f"aiot-academy/{device}/{sensor}/{kind}"
    assert parse_topic(topic) == Address(device, sensor, kind)
    assert matches("aiot-academy/+/+/+", topic)


@pytest.mark.parametrize("bad", ["", "+", "#", "a/b", "a\0", "x" * 65, "ü", "a b", "a\n", "\ud800"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_name_is_refused_by_its_level(place: int, bad: str) -> None:
    names = ["dev", "T1", "temperature"]
    names[place] = bad
    with pytest.raises(BadTopic, match=("device", "sensor", "type")[place]):
        build_topic(*names)


@pytest.mark.parametrize(
    "topic",
    ["", "aiot-academy", "aiot-academy/d/s", "aiot-academy/d/s/t/", "/aiot-academy/d/s/t",
     "aiot-academy//s/t", "aiot-academy/d/+/t", "aiot-academy/d/s/#", "AIOT-academy/d/s/t",
     "aiot-academy-verdict/d/s/t", "aiot-academy/d/s/t\0", "aiot-academy/" + "d" * 65_536],
)  # fmt: skip
def test_what_is_no_topic_of_ours_is_refused(topic: str) -> None:
    with pytest.raises(BadTopic):
        parse_topic(topic)


@given(st.text(max_size=200))
def test_parsing_any_text_gives_an_address_or_says_why_not(topic: str) -> None:
    try:
        found = parse_topic(topic)
    except BadTopic:
        return
    assert build_topic(found.device_id, found.sensor_id, found.sensor_type) == topic
