"""The outbox: on disk, in order, bounded, through kill -9 and full disks."""

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from shared.contracts.messages import Progress
from shared.contracts.ports import StoreUnavailable
from solutions.room2_mqtt import open_outbox
from solutions.room2_mqtt.outbox import SqliteOutbox
from solutions.tests.room2_mqtt.conftest import World
from solutions.tests.room2_mqtt.doubles import birth_of, readings, wait_for

Letter = tuple[str, str, bytes]


def letters(first: int, number: int) -> list[Letter]:
    """Return letters whose ids are numbers."""
    return [(f"msg-{n}", "topic", b"payload") for n in range(first, first + number)]


def open_at(folder: Path, limit: int = 100, source: str = "one") -> SqliteOutbox:
    """Open the outbox of a test."""
    found = open_outbox(str(folder / "outbox-dev1.db"), limit, source)
    assert isinstance(found, SqliteOutbox)
    return found


def test_letters_wait_in_order_until_they_are_cleared(tmp_path: Path) -> None:
    outbox = open_at(tmp_path)
    assert outbox.add(letters(0, 5), 1.0) == 5
    waiting = outbox.after(0, 10)
    assert [one.message_id for one in waiting] == [f"msg-{n}" for n in range(5)]
    outbox.clear([waiting[1].seq, waiting[3].seq, waiting[3].seq])
    assert [one.message_id for one in outbox.after(0, 2)] == ["msg-0", "msg-2"]
    assert [one.message_id for one in outbox.after(waiting[2].seq, 9)] == ["msg-4"]
    assert outbox.progress() == Progress(offered=5, made=5, refused=0, pending=3)
    outbox.close()


def test_what_is_over_the_bound_is_refused_and_counted(tmp_path: Path) -> None:
    outbox = open_at(tmp_path, limit=4)
    assert outbox.add(letters(0, 3), 1.0) == 3
    assert outbox.add(letters(3, 3), 1.0) == 1
    assert outbox.add(letters(6, 2), 1.0, 1) == 0
    assert outbox.progress() == Progress(offered=9, made=4, refused=5, pending=4)
    outbox.clear([1])
    assert outbox.add(letters(9, 2), 1.0) == 1
    outbox.close()
    again = open_at(tmp_path, limit=4)
    assert again.progress() == Progress(offered=11, made=5, refused=6, pending=4)
    assert [one.message_id for one in again.after(0, 9)] == ["msg-1", "msg-2", "msg-3", "msg-9"]
    again.close()


def test_another_source_begins_at_nothing_and_the_first_one_goes_on(tmp_path: Path) -> None:
    first = open_at(tmp_path)
    first.add(letters(0, 3), 1.0)
    first.close()
    second = open_at(tmp_path, source="two")
    assert second.progress() == Progress(offered=0, made=0, refused=0, pending=3)
    second.add(letters(5, 1), 1.0)
    second.close()
    back = open_at(tmp_path)
    assert back.progress() == Progress(offered=3, made=3, refused=0, pending=4)
    back.close()


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    outbox = open_at(tmp_path)
    outbox.add(letters(0, 2), 1.0)
    outbox.clear([1, 2])
    outbox.close()
    again = open_at(tmp_path)
    assert again.newest() == 2
    again.add(letters(2, 1), 1.0)
    assert again.after(0, 1)[0].seq == 3
    again.close()


KILLED = """
import sys
from solutions.room2_mqtt import open_outbox
outbox = open_outbox(sys.argv[1], 100_000, "one")
n = outbox.progress().offered
while True:
    outbox.add([(f"msg-{n + k}", "topic", b"x" * 200) for k in range(7)], 1.0)
    n += 7
    print(n, flush=True)
"""


def test_killed_at_any_moment_what_was_made_is_there_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "outbox-dev1.db"
    chance, told = random.Random(7), 0
    for _round in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _line in range(chance.randrange(1, 60)):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
        outbox = open_outbox(str(path), 100_000, "one")
        waiting = outbox.after(0, 100_000)
        progress = outbox.progress()
        assert [one.message_id for one in waiting] == [f"msg-{n}" for n in range(len(waiting))]
        assert progress.made == progress.pending == len(waiting) >= told
        outbox.close()


def test_a_full_disk_is_told_with_the_file_and_nothing_is_made(tmp_path: Path) -> None:
    outbox = open_at(tmp_path, limit=100_000)
    outbox.add(letters(0, 10), 1.0)
    pages = outbox._file.execute("PRAGMA page_count").fetchone()[0]
    # SQLite's own end of space: the same error as a disk without any.
    outbox._file.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StoreUnavailable, match=r"outbox-dev1\.db.*full.*free some space"):
        outbox.add([(f"msg-{n}", "topic", b"x" * 4_000) for n in range(10, 30)], 1.0)
    assert outbox.progress() == Progress(offered=10, made=10, refused=0, pending=10)
    outbox._file.execute("PRAGMA max_page_count = 100000")
    assert outbox.add(letters(10, 20), 1.0) == 20
    outbox.close()


def test_a_state_folder_that_cannot_be_written_is_told_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(StoreUnavailable, match=r"state/outbox-dev1\.db.*change its rights"):
        open_outbox(str(tmp_path / "state" / "outbox-dev1.db"), 10, "one")


def test_a_file_that_is_no_outbox_is_told(tmp_path: Path) -> None:
    (tmp_path / "outbox-dev1.db").write_bytes(b"something else entirely" * 400)
    with pytest.raises(StoreUnavailable, match=r"outbox-dev1\.db.*not a database"):
        open_at(tmp_path)


def test_a_file_that_became_read_only_loses_nothing(tmp_path: Path) -> None:
    outbox = open_at(tmp_path)
    outbox.add(letters(0, 2), 1.0)
    outbox._file.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable, match=r"outbox-dev1\.db.*readonly"):
        outbox.add(letters(2, 1), 1.0)
    with pytest.raises(StoreUnavailable):
        outbox.clear([1])
    outbox._file.execute("PRAGMA query_only = OFF")
    assert outbox.progress() == Progress(offered=2, made=2, refused=0, pending=2)
    outbox.close()


def test_a_locked_outbox_is_away_and_comes_back(tmp_path: Path) -> None:
    outbox = open_at(tmp_path)
    outbox._file.execute("PRAGMA busy_timeout = 50")
    with sqlite3.connect(tmp_path / "outbox-dev1.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked"):
            outbox.add(letters(0, 1), 1.0)
        other.execute("ROLLBACK")
    other.close()
    assert outbox.add(letters(0, 1), 1.0) == 1
    outbox.close()


def test_offered_is_made_or_refused_and_what_cannot_be_sent_is_told(world: World) -> None:
    link = world.device(world.bus(1, outbox_limit=6), birth_of())
    bad = readings(0, 1, device="dev2") + readings(1, 1)
    object.__setattr__(bad[1], "value", float("nan"))
    assert link.offer([*readings(0, 4), *bad]) == 4
    assert link.offer(readings(4, 4)) == 2
    assert link.progress() == Progress(offered=10, made=6, refused=4, pending=6)
    told = [line for line in world.tale.events if "reading_refused" in line]
    assert "dev2" in told[0]
    assert "nan" in told[1]


def test_an_outbox_opens_and_fills_while_there_is_no_broker(world: World) -> None:
    link = world.device(world.bus(1), birth_of())
    assert link.offer(readings(0, 2_000)) == 2_000
    wait_for(lambda: any("connect_failed" in line for line in world.tale.events), "it has tried")
    assert link.progress().pending == 2_000
    assert link.close(0.05) is False
    world.links.clear()
