"""Runs alone: the intruder, and a clean end."""

import subprocess
import sys

MODULE = [sys.executable, "-m", "solutions.room3_ingestion"]


def test_the_intruder_is_told_why_each_time() -> None:
    run = subprocess.run(MODULE, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    statuses = {word for line in run.stdout.splitlines() for word in line.split()[-8:]}
    for status in ("201", "200", "400", "401", "403", "404", "405", "409", "413", "415", "422"):
        assert status in run.stdout, status
    assert "500" not in statuses
    assert "storage back: a reading" in run.stdout


def test_a_taken_port_is_said_plainly(house: object) -> None:
    port = str(getattr(house, "port", 0))
    run = subprocess.run(
        [*MODULE, "--port", port], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert f"Port {port} is taken" in run.stderr
    assert "Traceback" not in run.stderr
