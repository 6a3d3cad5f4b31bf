"""The room run alone, as a person runs it."""

import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.contracts.todo import Todo
from solutions.room1_foundations.__main__ import waiting
from solutions.room1_foundations.given.display import spark

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "solutions.room1_foundations"]
READING = re.compile(r"^2013-05-06 \d\d:\d\d:\d\d  fleet-0\d +TEMP-001 +-?\d+\.\d\d °C$")
SOON_S = 20.0


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def first_reading(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return next(line for line in process.stdout if line.startswith("2013-"))


def test_it_shows_each_task_then_readings_then_the_truth_apart() -> None:
    process = start("--for", "1.5", "--speed", "400000", "--rate", "900")
    out, err = process.communicate(timeout=SOON_S)
    assert (process.returncode, err) == (0, "")
    readings, truth = out.split("ground truth, which is in no reading:\n")
    assert [line[:3] for line in readings.splitlines()[:8]] == [
        *("1.1", "1.2", "1.3", "1.3", "1.4", "1.5", "1.6", "1.7")
    ]
    assert any(READING.match(line) for line in readings.splitlines())
    assert "stuck" not in readings.split("\n\n", 1)[1]
    assert re.search(r"^fleet-0\d +\w+-001 +(stuck|spike|drift|skew|dropout)", truth, re.MULTILINE)


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    process = start("--for", "60")
    first_reading(process)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(SOON_S) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_a_long_wait_with_the_truth_and_no_traceback() -> None:
    process = start("--for", "600", "--speed", "1")
    first_reading(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SOON_S)
    assert (process.returncode, err) == (0, "")
    assert "ground truth" in out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_terminal_gets_a_table_with_sparklines() -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "110", "LINES": "40", "TERM": "xterm", "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [*COMMAND, "--for", "1", "--twin", "JFK"], cwd=ROOT, env=environment, stdout=theirs
    )
    os.close(theirs)
    shown = b""
    deadline = time.monotonic() + SOON_S
    while time.monotonic() < deadline and select.select([ours], [], [], SOON_S)[0]:
        try:
            shown += os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(SOON_S) == 0
    text = shown.decode("utf-8", "replace")
    assert "ground truth: in no reading" in text
    assert "twin-JFK" in text
    assert re.search(r"fleet-01.+TEMP-001.+°C.+[▁▂▃▄▅▆▇█]", text)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--rate", "0"], "expected a rate above 0, got 0.0"),
        (["--twin", "LHR"], "expected EWR, JFK or LGA, got LHR"),
        (["--recording", "missing.csv"], "missing.csv"),
    ],
)
def test_a_wrong_wish_is_one_line(arguments: list[str], text: str) -> None:
    process = start(*arguments)
    _out, err = process.communicate(timeout=SOON_S)
    assert process.returncode == 2
    assert text in err
    assert len(err.splitlines()) == 1


def undone() -> None:
    raise Todo("1.2")


def test_a_task_that_waits_is_named_with_its_place() -> None:
    with pytest.raises(Todo) as raised:
        undone()
    line = undone.__code__.co_firstlineno + 1
    assert waiting(raised.value).startswith("task 1.2 isn't done yet: ")
    assert waiting(raised.value).endswith(f"test_room1_alone.py:{line}")


def test_a_sparkline_spans_its_values() -> None:
    assert spark([1.0, 2.0, 8.0]) == "▁▂█"
    assert spark([3.0, 3.0]) == "▁▁"
    assert spark([]) == ""
