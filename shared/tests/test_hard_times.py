"""Disks that fill, databases that lock, ports that are taken: a clear word, and no loss."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shared.pipeline.workplace import PROJECT
from shared.tests.drill import Drill, make_recording

Mount = Callable[[Path, str], None]


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mount small file systems in memory; skipped where that isn't allowed."""
    mounted: list[Path] = []

    def at(folder: Path, options: str) -> None:
        if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
            pytest.skip("mounting a small disk needs root on Linux")
        folder.mkdir(parents=True, exist_ok=True)
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        tried = subprocess.run(words, capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            pytest.skip(f"mounting a small disk isn't allowed here: {tried.stderr.strip()}")
        mounted.append(folder)

    yield at
    for folder in reversed(mounted):
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_a_full_disk_is_told_and_nothing_is_lost_once_there_is_room(
    tmp_path: Path, mount: Mount
) -> None:
    home = tmp_path / "home"
    mount(home, "size=3m,mode=700")
    drill = Drill(home, make_recording(tmp_path, 6_000, 21), 1e6, "nats")
    with drill.running():
        drill.wait(
            lambda: (
                any(drill.state(role).get("trouble") for role in ("devices", "api", "gateway"))
                or "No space left" in drill.logs()
                or "full" in drill.logs()
            ),
            "somebody says that the disk is full",
        )
        subprocess.run(["mount", "-o", "remount,size=300m", str(home)], check=True)
        drill.wait_until_settled()
    drill.check_promise()


def test_a_state_folder_that_cannot_be_written_is_named_with_the_way_out(
    tmp_path: Path, mount: Mount
) -> None:
    home = tmp_path / "home"
    mount(home, "size=1m,ro")
    tried = _up(home, "--for", "1")
    assert tried.returncode == 1
    assert str(home) in tried.stderr
    assert "ACADEMY_HOME=" in tried.stderr
    assert "Traceback" not in tried.stderr


def test_taken_ports_are_passed_over_and_the_new_ones_printed(tmp_path: Path) -> None:
    with ExitStack() as held:
        taken = [port for port in (8883, 9001, 8000, 4222) if _hold(held, port)]
        drill = Drill(tmp_path / "home", make_recording(tmp_path, 300, 22), 1e6, "nats")
        with drill.running():
            drill.wait_until_settled()
    drill.check_promise()
    assert taken
    assert "127.0.0.1:8000" not in drill.words()


def test_a_locked_database_delays_and_loses_nothing(tmp_path: Path) -> None:
    drill = Drill(tmp_path / "home", make_recording(tmp_path, 2_000, 23), 600.0, "nats")
    with drill.running():
        drill.wait(lambda: len(drill.stored()) > 50, "some readings stored")
        holder = sqlite3.connect(drill.home / "state" / "log.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        before = len(drill.stored())
        drill.wait(lambda: int(drill.state("devices").get("pending", 0)) > 300, "an outbox grows")
        assert len(drill.stored()) == before
        holder.execute("ROLLBACK")
        holder.close()
        drill.wait_until_settled()
    drill.check_promise()


def test_malformed_rows_are_told_by_line_and_the_good_ones_go_on(tmp_path: Path) -> None:
    recording = make_recording(tmp_path, 200, 24)
    with recording.path.open("ab") as file:
        file.write(b"2025-01-02T00:00:00Z,S-1,temperature,NaN,celsius\n")
        file.write(b"2025-01-02T00:00:01,S-1,temperature,20.0,celsius\n")
        file.write(b"2025-01-02T00:00:02Z,S-1,loudness,20.0,celsius\n")
        file.write(b"2025-01-02T00:00:03Z,S-1,temperature," + b"9" * 400 + b",celsius\n")
        file.write(b"\xff\xfe\x00broken\n")
        file.write(b"2025-01-02T00:00:04Z,S-1\n")
    drill = Drill(tmp_path / "home", recording, 1e6, "nats")
    with drill.running():
        drill.wait_until_settled()
        drill.wait(lambda: drill.logs().count("row_refused") >= 6, "each bad row is told")
    drill.check_promise()
    assert all(str(line) in drill.logs() for line in range(202, 208))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--speed", "0"], "--speed"),
        (["--yours", "x"], "--yours"),
        (["--broker", "rabbit"], "--broker"),
        (["--data", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_an_option_that_makes_no_sense_is_told(
    tmp_path: Path, options: list[str], named: str
) -> None:
    tried = _up(tmp_path / "home", *options)
    assert tried.returncode == 1
    assert named in tried.stderr
    assert "Traceback" not in tried.stderr


def _up(home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "shared.cli", "up", *options],
        cwd=PROJECT,
        env={**os.environ, "ACADEMY_HOME": str(home), "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _hold(held: ExitStack, port: int) -> bool:
    holder = held.enter_context(socket.socket())
    try:
        holder.bind(("127.0.0.1", port))
        holder.listen()
    except OSError:
        return False
    return True
