"""One identity for a reading, on whichever side and however often it is computed."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.identifiers import (
    from_milliseconds,
    is_identifier,
    iso_utc,
    message_id,
    to_milliseconds,
)

NOON = datetime(2025, 1, 15, 12, 0, 0, 123_000, tzinfo=UTC)


def test_the_same_moment_in_another_zone_is_the_same_message() -> None:
    paris = NOON.astimezone(timezone(timedelta(hours=1)))
    here = message_id("d", "s", "temperature", NOON, 20.5)
    assert message_id("d", "s", "temperature", paris, 20.5) == here


def test_any_difference_makes_another_message() -> None:
    ids = {
        message_id("d", "s", "temperature", NOON, 20.5),
        message_id("e", "s", "temperature", NOON, 20.5),
        message_id("d", "t", "temperature", NOON, 20.5),
        message_id("d", "s", "humidity", NOON, 20.5),
        message_id("d", "s", "temperature", NOON + timedelta(milliseconds=1), 20.5),
        message_id("d", "s", "temperature", NOON, 20.500000000000004),
    }
    assert len(ids) == 6


def test_names_cannot_run_into_each_other() -> None:
    assert message_id("ab", "c", "temperature", NOON, 1) != message_id(
        "a", "bc", "temperature", NOON, 1
    )


def test_minus_zero_is_zero() -> None:
    assert message_id("d", "s", "temperature", NOON, -0.0) == message_id(
        "d", "s", "temperature", NOON, 0.0
    )


def test_a_message_id_is_itself_an_identifier() -> None:
    assert is_identifier(message_id("d", "s", "temperature", NOON, 1.0))


@pytest.mark.parametrize("text", ["", "a" * 65, "a/b", "a b", "é", "a\n", "+", "#", "a.b"])
def test_what_could_break_a_topic_or_a_path_is_no_identifier(text: str) -> None:
    assert not is_identifier(text)


def test_a_naive_time_names_no_moment() -> None:
    with pytest.raises(ValueError, match="zone"):
        to_milliseconds(datetime(2025, 1, 15))  # noqa: DTZ001 - the mistake itself


@given(st.integers(-(10**13), 10**13))
def test_milliseconds_survive_the_way_there_and_back(milliseconds: int) -> None:
    assert to_milliseconds(from_milliseconds(milliseconds)) == milliseconds


def test_a_time_is_written_as_the_architecture_writes_it() -> None:
    assert iso_utc(NOON) == "2025-01-15T12:00:00.123Z"
