"""What a person asks of a running pipeline: status, logs, trace, dead letters, and its end."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from shared.pipeline.supervisor import SERVING
from shared.tests.drill import Drill, make_recording
from shared.tests.sources import ROOT

MESSAGE = re.compile(r"msg-[0-9a-f]+")
FOLLOWED = 0.02  # the share of readings that leave spans; of 2,000 some 40
COUNT = 2_000


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Run a pipeline that has taken a recording in which every fiftieth reading is poison."""
    folder = tmp_path_factory.mktemp("live")
    drill = Drill(folder / "home", make_recording(folder, COUNT, seed=4), 3_000, "nats")
    with drill.running():
        drill.wait_until_ready()
        drill.wait_until_settled()
        drill.wait(lambda: "lag  0" not in ask(drill, "status").stdout, "status answers")
        yield drill


def ask(drill: Drill, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb on the drill's pipeline."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "shared.cli", *words],
        cwd=ROOT,
        env=os.environ
        | {"ACADEMY_HOME": str(drill.home), "PYTHONPATH": str(ROOT), "COLUMNS": "160"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_status_tells_each_part_and_the_sums(drill: Drill) -> None:
    told = ask(drill, "status")
    assert told.returncode == 0, told.stderr
    for role in SERVING:
        state = "finished" if role == "devices" else "ready"
        assert re.search(rf"{role} +{state} +\d+ +\d+ MB", told.stdout), told.stdout
    good, dead = len(drill.recording.good), len(drill.recording.poisoned)
    assert f"made {COUNT:,}  stored {good:,}" in told.stdout
    assert f"dead {dead}" in told.stdout


def test_logs_show_the_last_lines_of_the_part_that_was_asked_for(drill: Drill) -> None:
    told = ask(drill, "logs", "gateway", "--lines", "3")
    assert told.returncode == 0
    head, *lines = told.stdout.splitlines()
    assert head == "== gateway.log"
    assert 0 < len(lines) <= 3
    every = ask(drill, "logs").stdout
    assert {f"== {role}.log" for role in SERVING} <= set(every.splitlines())


def test_logs_of_no_part_are_refused_with_those_there_are(drill: Drill) -> None:
    told = ask(drill, "logs", "printer")
    assert told.returncode != 0
    assert "gateway" in told.stderr
    assert "printer" in told.stderr


def test_one_reading_is_followed_from_the_device_to_the_model(drill: Drill) -> None:
    listed = ask(drill, "trace").stdout.split()
    assert listed, "no reading was followed"
    steps = ("device", "gateway", "api", "stream", "model")
    drill.wait(
        lambda: all(step in ask(drill, "trace", listed[0]).stdout for step in steps),
        f"a way of {steps}",
        20,
    )
    told = ask(drill, "trace", listed[0]).stdout
    assert "received → stored" in told
    places = [told.index(f"{step} ") for step in steps[:3]]
    assert places == sorted(places), told
    (identity,) = set(MESSAGE.findall(told))
    assert ask(drill, "trace", identity).stdout == told


def test_a_reading_that_nobody_knows_is_told_so(drill: Drill) -> None:
    told = ask(drill, "trace", "msg-0000")
    assert told.returncode != 0
    assert "msg-0000" in told.stderr


def test_a_dead_letter_is_listed_shown_and_stored_once_it_is_mended(drill: Drill) -> None:
    stored, dead = set(drill.stored()), set(drill.dead())
    letter = min(dead)
    listed = ask(drill, "dead", "list", "--limit", "100").stdout
    assert dead <= set(MESSAGE.findall(listed))
    shown = ask(drill, "dead", "show", letter).stdout
    assert "422" in shown
    assert '"temperature"' in shown

    again = ask(drill, "dead", "replay", letter)
    assert again.returncode == 1, "it is as wrong as before"
    assert letter in ask(drill, "dead", "list", "--limit", "100").stdout

    mended = ask(drill, "dead", "replay", letter, "--set", "value=21.5")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert letter not in ask(drill, "dead", "list", "--limit", "100").stdout
    assert len(set(drill.stored()) - stored) == 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("dead", "show", "msg-none"), "msg-none"),
        (("dead", "replay"), "--all"),
        (("dead", "replay", "--all", "--set", "value"), "KEY=VALUE"),
    ],
)
def test_what_cannot_be_done_with_a_letter_is_said(
    drill: Drill, words: tuple[str, ...], named: str
) -> None:
    told = ask(drill, *words)
    assert told.returncode != 0
    assert named in told.stderr
    assert "Traceback" not in told.stderr


def test_nothing_is_asked_of_a_pipeline_that_never_ran(tmp_path: Path) -> None:
    nowhere = Drill(tmp_path / "home", make_recording(tmp_path, 1, 0), 1, "nats")
    for words in (("status",), ("trace",), ("dead", "list")):
        told = ask(nowhere, *words)
        assert told.returncode != 0
        assert "./academy up" in told.stderr
    assert "./academy up" in ask(nowhere, "logs").stdout


def test_down_ends_it_and_status_says_so(tmp_path: Path) -> None:
    drill = Drill(tmp_path / "home", make_recording(tmp_path, 20, seed=5), 100, "nats")
    drill.options += ["--stand-in", "5,6"]  # nothing to train and to sign: it starts at once
    with drill.running():
        drill.wait_until_ready()
        pids = drill.pids()
        told = ask(drill, "down")
        assert told.returncode == 0, told.stderr
        processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
        _gone, alive = psutil.wait_procs(processes, timeout=20)
        assert alive == []
    stopped = ask(drill, "status").stdout
    assert all(re.search(rf"{role} +stopped", stopped) for role in SERVING), stopped
