"""The room alone, as a person starts it."""

import signal
import subprocess
import sys

import pytest

ROOM = [sys.executable, "-m", "solutions.room2_mqtt"]


def test_the_plug_is_pulled_and_nothing_is_lost() -> None:
    command = [*ROOM, "--for", "4", "--cut", "1", "--off", "1.5", "--rate", "100"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.stderr == ""
    assert run.returncode == 0
    lines = run.stdout.splitlines()
    assert [line.split()[0] for line in lines[:7]] == [f"2.{task}" for task in range(1, 8)]
    assert lines[-1].endswith("yes")
    assert any("OFF" in line for line in lines)


def test_ctrl_c_ends_it_with_a_summary() -> None:
    with subprocess.Popen([*ROOM, "--cut", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "broker on" in line:
                break
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 0
    assert rest.splitlines()[-1].endswith("yes")


@pytest.mark.parametrize("module", ["solutions.room2_mqtt", "rooms.room2_mqtt"])
def test_its_options_are_told(module: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=False
    )
    assert "--cut" in run.stdout
