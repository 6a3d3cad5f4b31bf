"""The law, proven: references and variants all, the starter nothing, each mistake its tasks."""

import pytest

from grader.verdicts import rooms
from grader.verify import verify
from grader.walls import PROJECT

JUDGED = [room for room in rooms() if (PROJECT / "grader/mistakes" / f"{room}.toml").is_file()]


@pytest.mark.parametrize("room", JUDGED)
def test_the_law_holds(room: str) -> None:
    assert verify(room, [0]).broken == []


@pytest.mark.slow
@pytest.mark.parametrize("room", JUDGED)
def test_the_law_holds_whatever_the_seed(room: str) -> None:
    assert verify(room, range(1, 20)).broken == []
