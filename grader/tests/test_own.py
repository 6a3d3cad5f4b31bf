"""A student's own check (N.8): it earns by what it notices, and by nothing else."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.judging import Jury
from grader.mistaken import reference
from grader.places import temporary
from grader.plugin import feedback
from grader.verdicts import Outcome, Verdict
from grader.walls import PROJECT, bubblewrap

ROOM = "room1_foundations"
TASK = "1.8"
pytestmark = pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here")
Judged = Callable[[str], list[Verdict]]


@pytest.fixture(scope="module")
def judged() -> Iterator[Judged]:
    """Return what judges the source of an own check."""
    with temporary("work") as place, Jury(ROOM, hidden=True) as jury:
        folder = reference(ROOM, place)

        def judge(source: str) -> list[Verdict]:
            (folder / "own_check.py").write_text(source, encoding="utf-8")
            found = jury.judge(folder, seed=0, tasks=[TASK])
            assert not found.faulty, [v.got for v in found.verdicts]
            own = [v for v in found.verdicts if v.task == TASK]
            assert [v.check for v in own] == [c for c, t in jury.expected.items() if t == TASK]
            assert found.points == 10.0 * _caught(own) / len(own)
            return own

        yield judge


def _caught(verdicts: list[Verdict]) -> int:
    return Counter(v.outcome for v in verdicts)[Outcome.PASSED]


def test_the_reference_catches_every_wrong_room(judged: Judged) -> None:
    source = (PROJECT / "solutions" / ROOM / "own_check.py").read_text(encoding="utf-8")
    found = judged(source)
    assert _caught(found) == len(found) >= 5


def test_a_check_earns_for_what_it_notices(judged: Judged) -> None:
    found = judged(
        "import pytest\n"
        "from datetime import datetime, UTC\n"
        "def test_a_number(room):\n"
        "    with pytest.raises(ValueError):\n"
        "        room.make_reading('box', 'S-1', 'humidity', True, datetime.now(UTC))\n"
    )
    assert _caught(found) == 1


def test_a_right_room_that_fails_costs_all(judged: Judged) -> None:
    """Which of two refusals comes first isn't in the brief: a check of it fails right rooms."""
    found = judged("def test_it(room):\n    assert room.make_reading is None, 'it is'\n")
    assert _caught(found) == 0
    told = feedback(found[0])
    assert "right room" in told
    assert "AssertionError: it is" in told


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def test_it(room): pass", id="passes always"),
        pytest.param("def test_it(room): assert False", id="fails always"),
        pytest.param(
            "import random\ndef test_it(room): assert random.random() < 0.5", id="fails by chance"
        ),
        pytest.param(
            "import os, pathlib\n"
            "place = pathlib.Path('/scratch/count')\n"
            "def test_it(room, folder):\n"
            "    seen = int(place.read_text()) if place.exists() else 0\n"
            "    place.write_text(str(seen + 1))\n"
            "    assert seen < 1\n",
            id="counts the rooms",
        ),
        pytest.param(
            "import time\ndef test_it(room):\n    assert time.monotonic() % 1.0 < 0.5\n",
            id="looks at the clock",
        ),
        pytest.param(
            "import pathlib\n"
            "def test_it(room):\n"
            f"    for root in ('/academy', '/scratch', '/proc/1/root', {str(PROJECT)!r}):\n"
            "        for path in pathlib.Path(root).rglob('reading.py'):\n"
            "            if 'own' in str(path) or 'wrong' in str(path):\n"
            "                raise AssertionError(path)\n"
            "    text = pathlib.Path('/academy/rooms/room1_foundations/reading.py').read_text()\n"
            "    assert 'utcoffset() is None' in text and 'isfinite' in text\n",
            id="reads the room's source",
        ),
        pytest.param(
            "def test_it(room):\n"
            "    for name in ('__globals__', '__code__', '__dict__', '__class__', '__module__'):\n"
            "        try: found = room.make_reading._line.ask('get', 1, name)\n"
            "        except AttributeError: continue\n"
            "        except Exception: continue\n"
            "        assert not found\n",
            id="asks for what lies behind a function",
        ),
        pytest.param("import os\nos._exit(0)", id="ends its process"),
        pytest.param(
            "import sys\nimport grader.worker as w\nw.Desk.judge = lambda *a: -1\n"
            "def test_it(room): pass\n",
            id="patches the worker",
        ),
        pytest.param("x = 1", id="has no test"),
        pytest.param("def test_it(room): (", id="isn't Python"),
    ],
)
def test_a_trick_earns_nothing(judged: Judged, source: str) -> None:
    assert _caught(judged(source)) == 0


def test_the_starter_says_that_it_isnt_written(judged: Judged) -> None:
    source = Path(PROJECT / "rooms" / ROOM / "own_check.py").read_text(encoding="utf-8")
    found = judged(source)
    assert _caught(found) == 0
    assert "isn't written yet" in found[0].did
