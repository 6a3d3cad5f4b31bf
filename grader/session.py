"""A warm pytest for one room: collects its checks once, then judges submission after submission.

Each is judged in a child that is forked from the collected session, so that nothing of one is
left for the next. Where there is no fork, a session judges one submission and ends. Words: a job
a line on standard input, an answer a line on standard output, both JSON.
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import sys
from pathlib import Path
from typing import IO, Any, Final

import pytest

from . import plugin
from .places import temporary
from .verdicts import Outcome, Verdict
from .walls import PROJECT

_LONGEST_S: Final = 15 * plugin.PATIENCE_S + 60
_PR_SET_PDEATHSIG: Final = 1
FORKS: Final = hasattr(os, "fork")


class Session:
    """The part of a plugin that replaces pytest's own loop."""

    def __init__(self, jobs: IO[str], answers: IO[str]) -> None:
        self._jobs = jobs
        self._answers = answers

    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave pytest's own account of a failure short: it parses the checks again for each."""
        config.option.tbstyle = "native"

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge each job that comes in."""
        items = [item for item in session.items if plugin.task_of(item)]
        checks = {f"{i.path.name}::{i.name}": plugin.task_of(i) for i in items}
        self._tell({"checks": checks, "failures": session.testsfailed})
        for line in self._jobs:
            job = json.loads(line)
            found = _in_child(items, job) if FORKS else _judged(items, job)
            self._tell({"id": job["id"], **found})
            if not FORKS:
                break
        return True

    def _tell(self, message: dict[str, Any]) -> None:
        self._answers.write(json.dumps(message) + "\n")
        self._answers.flush()


def _in_child(items: list[pytest.Item], job: dict[str, Any]) -> dict[str, Any]:
    if sys.platform == "win32":
        raise NotImplementedError("there are no walls on Windows")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(reading)
            os.setpgid(0, 0)
            _end_with_parent()
            data = json.dumps(_judged(items, job)).encode()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(data)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = _read_all(pipe)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        return dict(json.loads(data))
    except ValueError:
        return {"tier": "", "verdicts": [], "fault": "the judging process ended without an answer"}


def _end_with_parent() -> None:
    """Have the kernel kill this process when the session dies: a killed grader leaves nobody."""
    if sys.platform == "linux":  # elsewhere a judging process ends with its own time
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _read_all(pipe: IO[bytes]) -> bytes:
    parts: list[bytes] = []
    watched: list[Any] = [pipe, 0]
    while ready := select.select(watched, [], [], _LONGEST_S)[0]:
        if 0 in ready:
            break  # nobody asks while we work: whoever gave the job is gone
        part = os.read(pipe.fileno(), 1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return b""


def _judged(items: list[pytest.Item], job: dict[str, Any]) -> dict[str, Any]:
    """Return the verdicts on one submission."""
    judge = plugin.Judge(
        Path(job["submission"]), job["seed"], walls=job["walls"], patience_s=job["patience_s"]
    )
    try:
        chosen = [i for i in items if not job["tasks"] or plugin.task_of(i) in job["tasks"]]
        for item, after in zip(chosen, [*chosen[1:], None], strict=True):
            plugin.appoint(item.config, judge)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=after)
    finally:
        judge.close()
    tier = "walled" if job["walls"] else "not isolated"
    return {"tier": tier, "verdicts": [v.written() for v in judge.verdicts], "fault": ""}


def checks_of(room: str, *, hidden: bool) -> list[Path]:
    """Return the files of checks of a room that this edition has."""
    places = [PROJECT / "rooms" / room / "test_shown.py"]
    if hidden:
        places.append(PROJECT / "grader" / "checks" / room / "test_hidden.py")
    return [path for path in places if path.is_file()]


def main() -> int:
    """Judge what standard input names: `python -m grader.session ROOM shown|full`."""
    room, extent = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever pytest says goes elsewhere
    with temporary("checks") as place:
        # In a folder of their own, so that no module of a student's stands beside a check.
        folder = place / room
        folder.mkdir()
        files = [Path(shutil.copy(p, folder)) for p in checks_of(room, hidden=extent == "full")]
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        options = ["-c", str(folder / "pytest.ini"), "--rootdir", str(folder), "--noconftest"]
        options += ["-p", "grader.plugin", "-p", "no:cacheprovider", "-p", "no:terminal"]
        options += ["-p", "no:nbval", "-p", "no:faulthandler", "--assert=plain", "--capture=no"]
        options += ["--import-mode=importlib", "-p", "no:unraisableexception"]
        options += ["-p", "no:threadexception", "-p", "no:logging", "-p", "no:warnings"]
        session = Session(sys.stdin, answers)
        return int(pytest.main([*options, *map(str, files)], plugins=[session]))


def faults(expected: dict[str, str], why: str) -> list[Verdict]:
    """Return a grader fault for each expected check."""
    return [
        Verdict(check=check, task=task, sentence=check, outcome=Outcome.FAULT, got=why)
        for check, task in expected.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
