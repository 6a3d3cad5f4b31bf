"""What the verbs remember survives a broken write, verbs at one time, and no place to write."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.cli.memory import Memory
from grader.cli.progress import Progress
from grader.walls import PROJECT

ROOM = "room1_foundations"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which verbs remember."""
    monkeypatch.setenv("ACADEMY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def remember(shelf: str, key: str, value: object) -> None:
    with Memory().change(shelf) as content:
        content[key] = value


def test_what_is_kept_is_read_again(home: Path) -> None:
    remember("hints", "1.1", 2)
    remember("mystery", "4", {"seed": 7})
    assert Memory().read("hints") == {"1.1": 2}
    assert Memory().read("mystery") == {"4": {"seed": 7}}
    assert sorted(path.name for path in home.iterdir()) == [
        "progress.before.json",
        "progress.json",
        "progress.lock",
    ]


@pytest.mark.parametrize("broken", [b"", b'{"hints": {"1.1"', b"[1, 2]", b"\xff\xfe\x00"])
def test_a_broken_file_costs_the_last_change_only(home: Path, broken: bytes) -> None:
    remember("hints", "1.1", 1)
    remember("hints", "1.2", 3)
    (home / "progress.json").write_bytes(broken)
    assert Memory().read("hints") == {"1.1": 1}
    remember("hints", "1.3", 1)
    assert Memory().read("hints") == {"1.1": 1, "1.3": 1}


def test_shelves_and_entries_of_another_shape_are_passed_over(home: Path) -> None:
    Progress().keep(ROOM, {"1.1": (3, 3), "1.2": (0, 2)}, ["1.1", "1.2"])
    written = json.loads((home / "progress.json").read_bytes())
    written["checks"][ROOM]["1.2"] = "two"
    written["hints"] = ["1.1"]
    (home / "progress.json").write_text(json.dumps(written))
    assert Progress().found(ROOM) == {"1.1": (3, 3)}
    assert Memory().read("hints") == {}
    remember("hints", "1.1", 1)
    assert Memory().read("hints") == {"1.1": 1}


def test_verbs_at_the_same_time_lose_nothing(home: Path) -> None:
    code = (
        "import sys\nfrom grader.cli.memory import Memory\n"
        "for n in range(20):\n"
        "    with Memory().change('hints') as shelf:\n"
        "        shelf[f'{sys.argv[1]}.{n}'] = n\n"
    )
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "ACADEMY_HOME": str(home)}
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(number)], env=environment)
        for number in range(4)
    ]
    assert [process.wait(120) for process in running] == [0] * 4
    assert len(Memory().read("hints")) == 80


def test_a_change_that_fails_changes_nothing(home: Path) -> None:
    remember("hints", "1.1", 1)
    with pytest.raises(ZeroDivisionError), Memory().change("hints") as shelf:
        shelf.update({"1.2": 1, "1.3": 1 // 0})
    assert Memory().read("hints") == {"1.1": 1}
    assert home.is_dir()


def test_where_nothing_can_be_written_it_is_told_and_the_verb_goes_on(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("a file where the folder should be")
    remember("hints", "1.1", 1)
    Progress().keep(ROOM, {"1.1": (1, 1)}, ["1.1"])
    assert "not remembered: " in capsys.readouterr().err
