"""A class on a cluster: the same grades byte for byte, and no worker that dies takes one along."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.walls import PROJECT, bubblewrap

pytest.importorskip("distributed", reason="Dask isn't here: pip install distributed")
ROOM = "room1_foundations"
WORKERS = 3
DEADLINE_S = 180.0


def can_make_networks() -> bool:
    command = ["unshare", "-n", "ip", "link", "add", "a0", "type", "veth", "peer", "name", "a1"]
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bubblewrap() is None, reason="bubblewrap isn't here"),
    pytest.mark.skipif(not can_make_networks(), reason="no networks can be made here"),
]


class Network:
    """A network namespace with a scheduler, and one for each worker, joined by a cable each."""

    def __init__(self, stack: contextlib.ExitStack, logs: Path) -> None:
        self._stack = stack
        self._logs = logs
        self.home = self._started(["unshare", "-n", "sleep", "infinity"])
        self._within(self.home, "ip", "link", "set", "lo", "up")
        self.scheduler = self._dask(self.home, "scheduler", "--host", "0.0.0.0", "--port", "8786")
        self.workers = [self._worker(number) for number in range(1, WORKERS + 1)]
        self._all_are_here()

    def _started(self, command: list[str], name: str = "") -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self._logs / f"{name or 'house'}.log").open("ab"))
        process = self._stack.enter_context(
            subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=log)
        )
        self._stack.callback(process.kill)
        return process

    def _within(self, house: subprocess.Popen[bytes], *words: str) -> None:
        command = ["nsenter", "-t", str(house.pid), "-n", *words]
        deadline = time.monotonic() + DEADLINE_S
        while subprocess.run(command, check=False, capture_output=True).returncode:
            assert time.monotonic() < deadline, words
            threading.Event().wait(0.1)

    def _dask(
        self, house: subprocess.Popen[bytes], what: str, *words: str
    ) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", f"distributed.cli.dask_{what}", *words, "--no-dashboard"]
        return self._started(["nsenter", "-t", str(house.pid), "-n", *program], what)

    def _worker(self, number: int) -> subprocess.Popen[bytes]:
        house = self._started(["unshare", "-n", "sleep", "infinity"])
        self._within(house, "ip", "link", "set", "lo", "up")
        here, there = f"w{number}", f"h{number}"
        cable = ["type", "veth", "peer", "name", there, "netns", str(house.pid)]
        self._within(self.home, "ip", "link", "add", here, *cable)
        for end, name, last in ((self.home, here, 1), (house, there, 2)):
            self._within(end, "ip", "addr", "add", f"10.77.{number}.{last}/24", "dev", name)
            self._within(end, "ip", "link", "set", name, "up")
        words = [f"tcp://10.77.{number}.1:8786", "--nthreads", "1", "--no-nanny"]
        return self._dask(house, "worker", *words, "--host", f"10.77.{number}.2")

    def _all_are_here(self) -> None:
        log, deadline = self._logs / "worker.log", time.monotonic() + DEADLINE_S
        while log.read_text(encoding="utf-8").count("Registered to:") < WORKERS:
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            threading.Event().wait(0.1)

    def grade(self, *words: str) -> subprocess.Popen[str]:
        """Start ./academy grade where the scheduler is."""
        command = [sys.executable, "-m", "shared.cli", "grade", *words]
        return subprocess.Popen(
            ["nsenter", "-t", str(self.home.pid), "-n", *command],
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with contextlib.ExitStack() as stack:
        yield Network(stack, tmp_path)


def class_of(place: Path, count: int) -> Path:
    leave_out = shutil.ignore_patterns("__pycache__")
    for number in range(count):
        source = ("solutions", "rooms")[number % 2]
        room = place / f"student {number}" / "rooms" / ROOM
        shutil.copytree(PROJECT / source / ROOM, room, ignore=leave_out)
        with (room / "reading.py").open("a", encoding="utf-8") as file:
            file.write(f"# {number}\n")
    attacked = place / "student 0" / "rooms" / ROOM / "__init__.py"
    attacked.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n")
    for folder in (place, *place.parents[:3]):
        folder.chmod(0o755)
    return place


def test_a_cluster_gives_the_same_grades_though_a_worker_dies(
    network: Network, tmp_path: Path
) -> None:
    place = class_of(tmp_path / "class", 8)
    words = (str(place), "--only", "1", "--seed", "5")
    alone = [sys.executable, "-m", "shared.cli", "grade", *words, "--jobs", "1"]
    assert (
        subprocess.run(
            [*alone, "--out", str(tmp_path / "one")], cwd=PROJECT, check=False
        ).returncode
        == 0
    )
    many = ("--scheduler", "tcp://127.0.0.1:8786", "--out", str(tmp_path / "many"))
    with network.grade(*words, *many) as grader:
        assert grader.stderr is not None
        told = [grader.stderr.readline() for _one in range(3)]
        os.kill(network.workers[1].pid, signal.SIGKILL)
        told += grader.stderr.read().splitlines(keepends=True)
        assert grader.wait(DEADLINE_S) == 0, "".join(told)
    one, two = ((tmp_path / name / "results.json").read_bytes() for name in ("one", "many"))
    assert one == two
    names = [each["student"] for each in json.loads(two)["students"]]
    assert names == sorted(set(names))
    assert len(names) == 8
