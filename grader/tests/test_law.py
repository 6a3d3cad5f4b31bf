"""The law, proven: references and variants all, the starter nothing, each mistake its tasks."""

import pytest

from grader.verdicts import rooms
from grader.verify import verify
from grader.walls import PROJECT

JUDGED = [room for room in rooms() if (PROJECT / "grader/mistakes" / f"{room}.toml").is_file()]


@pytest.mark.parametrize("room", JUDGED)
def test_the_law_holds(room: str) -> None:
    # Three at once on two cores: checks of real brokers and servers wait much.
    assert verify(room, range(3), jobs=3).broken == []


@pytest.mark.slow
@pytest.mark.parametrize("room", JUDGED)
def test_the_law_holds_whatever_the_seed_and_whoever_is_asked(room: str) -> None:
    assert verify(room, range(20), everything=True).broken == []
