"""The law, proven: references and variants all, the starter nothing, each mistake its tasks."""

import pytest

from grader.verdicts import rooms
from grader.verify import verify
from grader.walls import PROJECT

JUDGED = [room for room in rooms() if (PROJECT / "grader/mistakes" / f"{room}.toml").is_file()]


@pytest.mark.parametrize("room", JUDGED)
def test_the_law_holds(room: str) -> None:
    # Right rooms by three seeds, mistakes by the first: by all three the seven rooms take more
    # than twice as long (./academy verify does that). Three at once: real brokers wait much.
    assert verify(room, range(3), jobs=3, once=True).broken == []


@pytest.mark.slow
@pytest.mark.parametrize("room", JUDGED)
def test_the_law_holds_whatever_the_seed_and_whoever_is_asked(room: str) -> None:
    assert verify(room, range(20), everything=True).broken == []
