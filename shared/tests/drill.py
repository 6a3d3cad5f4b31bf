"""A drill: a real pipeline over a made recording, whose parts are killed while readings flow.

What was made is told by the recording itself, what became of it by the databases: no word of the
pipeline is taken for it.
"""

import json
import math
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, Final

from shared.contracts.identifiers import iso_utc, message_id
from shared.pipeline.supervisor import SERVING
from shared.pipeline.workplace import PROJECT

START: Final = datetime(2025, 1, 1, tzinfo=UTC)
POISON: Final = 1e7  # degrees: the API never accepts it
POISON_EVERY: Final = 50
SENSORS: Final = 6
PATIENCE_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class MadeRecording:
    """A recording of the drill's own, and the identity of each reading in it."""

    path: Path
    good: frozenset[str]
    poisoned: frozenset[str]

    @property
    def size(self) -> int:
        """Return how many readings it has."""
        return len(self.good) + len(self.poisoned)


def make_recording(folder: Path, count: int, seed: int) -> MadeRecording:
    """Write `count` readings, one a second of event time, every fiftieth of them poison."""
    chance = random.Random(seed)
    path = folder / "drill.csv"
    good: set[str] = set()
    poisoned: set[str] = set()
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("timestamp,sensor_id,type,value,unit\n")
        for place in range(count):
            moment = START + timedelta(seconds=place)
            sensor = f"S-{place % SENSORS}"
            poison = place % POISON_EVERY == POISON_EVERY - 1
            value = POISON + place if poison else round(chance.gauss(20.0, 0.2), 3)
            file.write(f"{iso_utc(moment)},{sensor},temperature,{value!r},celsius\n")
            identity = message_id("drill", sensor, "temperature", moment, value)
            (poisoned if poison else good).add(identity)
    return MadeRecording(path, frozenset(good), frozenset(poisoned))


class Drill:
    """A pipeline in a folder of its own, seen from outside."""

    def __init__(self, home: Path, recording: MadeRecording, speed: float, broker: str) -> None:
        self.home = home
        self.recording = recording
        self.options = [
            *("--data", str(recording.path), "--devices", "0", "--speed", str(speed)),
            *("--broker", broker),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run `up` for as long as the block lasts."""
        environment = {**os.environ, "ACADEMY_HOME": str(self.home), "PYTHONPATH": str(PROJECT)}
        output = (self.home.parent / "up.txt").open("ab")
        with output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shared.cli", "up", *self.options],
                cwd=PROJECT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def words(self) -> str:
        """Return what `up` printed."""
        return (self.home.parent / "up.txt").read_text(encoding="utf-8", errors="replace")

    def logs(self) -> str:
        """Return everything that the parts wrote."""
        files = sorted((self.home / "logs").glob("*"))
        return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    def state(self, role: str) -> dict[str, Any]:
        """Return what a part tells of itself."""
        try:
            found = json.loads((self.home / "run" / f"{role}.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def wait_until_ready(self) -> None:
        """Wait until every part is ready."""
        self.wait(
            lambda: all(self.state(role).get("state") in {"ready", "finished"} for role in SERVING),
            "all parts ready",
        )

    def kill(self, role: str) -> None:
        """Kill -9 a part; of the broker, the broker itself."""
        state = self.state(role)
        pid = state.get("broker_pid") or state.get("pid")
        if pid:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                return

    def kill_supervisor(self) -> None:
        """Kill -9 the supervisor."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pids(self) -> list[int]:
        """Return the processes of all parts."""
        states = [self.state(role) for role in SERVING]
        found = [state.get(key) for state in states for key in ("pid", "broker_pid")]
        return [int(pid) for pid in found if pid]

    def stored(self) -> list[str]:
        """Return the message ids of the log, doubles and all."""
        return self._column("select message_id from events")

    def dead(self) -> list[str]:
        """Return the ids of the dead letters, doubles and all."""
        return self._column("select letter_id from dead_letters")

    def wait_until_settled(self) -> None:
        """Wait until each reading was made and is in the log or among the dead letters."""
        self.wait(
            lambda: (
                len(self.stored()) + len(self.dead()) >= self.recording.size
                and self.state("devices").get("pending") == 0
            ),
            "every reading settled",
        )

    def wait(self, fact: Any, name: str, limit_s: float = PATIENCE_S) -> None:  # noqa: ANN401
        """Poll until `fact()`; raises with what is known when it takes too long."""
        deadline = time.monotonic() + limit_s
        while not fact():
            assert self._process is not None
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{name}: not so after {limit_s:.0f} s\n{self.report()}")
            Event().wait(0.05)

    def report(self) -> str:
        """Return the sums, the parts' states and the last words of `up`."""
        stored, dead = self.stored(), self.dead()
        lines = [
            f"recording {self.recording.size}  stored {len(stored)}  dead {len(dead)}",
            *(f"{role}: {_short(self.state(role))}" for role in SERVING),
            *self.words().splitlines()[-15:],
        ]
        return "\n".join(lines)

    def check_promise(self) -> None:
        """Assert: made = stored + dead, id by id, once each."""
        stored, dead = self.stored(), self.dead()
        lost = (self.recording.good | self.recording.poisoned) - set(stored) - set(dead)
        assert not lost, f"{len(lost)} lost, one of them {next(iter(lost))}\n{self.report()}"
        assert len(stored) == len(set(stored)), "stored twice"
        assert len(dead) == len(set(dead)), "dead twice"
        assert set(stored) == self.recording.good
        assert set(dead) == self.recording.poisoned

    def _column(self, query: str) -> list[str]:
        path = self.home / "state" / "log.db"
        if not path.exists():
            return []
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            return [row[0] for row in connection.execute(query)]
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()


def _short(state: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {value}"
        for key, value in state.items()
        if key in {"state", "task", "trouble", "offered", "made", "pending"}
    )


def rounds_of(seed: int, count: int) -> list[tuple[str, float]]:
    """Return `count` kills: each part at least once while there are enough, then at random."""
    chance = random.Random(seed)
    every = list(SERVING) * math.ceil(count / len(SERVING))
    chance.shuffle(every)
    return [(role, chance.uniform(0.2, 2.0)) for role in every[:count]]
