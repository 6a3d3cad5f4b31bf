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
from typing import IO, TYPE_CHECKING, Any, Final

import pytest

from . import footprints, plugin
from .places import temporary
from .sandbox import GraderFault
from .standing import Standing
from .verdicts import Outcome, Verdict
from .walls import PROJECT

if TYPE_CHECKING:
    from .lab import Lab

_LONGEST_S: Final = 15 * plugin.PATIENCE_S + 60
_PR_SET_PDEATHSIG: Final = 1
FORKS: Final = hasattr(os, "fork")


class Session:
    """The part of a plugin that replaces pytest's own loop."""

    def __init__(self, jobs: IO[str], answers: IO[str]) -> None:
        self._jobs = jobs
        self._answers = answers
        self._standing: Standing | None = None
        self._lab: Lab | None = None
        self._stack = contextlib.ExitStack()

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
            self._tell({"id": job["id"], **self._found(items, job)})
            if not FORKS:
                break
        self._demolish()
        return True

    def _found(self, items: list[pytest.Item], job: dict[str, Any]) -> dict[str, Any]:
        room = items[0].path.parent.name
        try:
            if job["own"] and self._lab is None:
                from .lab import Lab  # an edition without references hasn't it

                self._lab = self._stack.enter_context(Lab(room, walls=job["walls"]))
            if job["standing"]:
                self._standing = self._standing or self._stack.enter_context(Standing(room))
                self._standing.fill(Path(job["submission"]))
            judged = _in_child if FORKS else _judged
            standing = self._standing if job["standing"] else None
            found = judged(items, job, standing, self._lab)
        except GraderFault as error:
            found = {"tier": "", "verdicts": [], "fault": str(error)}
        faulty = any(v["outcome"] == Outcome.FAULT.value for v in found["verdicts"])
        if found["fault"] or faulty:
            self._demolish()  # it may be the reason
        return found

    def _demolish(self) -> None:
        self._stack.close()
        self._standing = self._lab = None

    def _tell(self, message: dict[str, Any]) -> None:
        self._answers.write(json.dumps(message) + "\n")
        self._answers.flush()


def _in_child(
    items: list[pytest.Item], job: dict[str, Any], standing: Standing | None, lab: "Lab | None"
) -> dict[str, Any]:
    if sys.platform == "win32":
        raise NotImplementedError("there are no walls on Windows")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(reading)
            os.setpgid(0, 0)
            _end_with_parent()
            data = json.dumps(_judged(items, job, standing, lab)).encode()
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


def _judged(
    items: list[pytest.Item],
    job: dict[str, Any],
    standing: Standing | None = None,
    lab: "Lab | None" = None,
) -> dict[str, Any]:
    """Return the verdicts on one submission."""
    house = standing.house if standing else None
    place = standing.folder if standing else Path(job["submission"])
    judge = plugin.Judge(
        place, job["seed"], walls=job["walls"], patience_s=job["patience_s"], house=house
    )
    walked: dict[str, list[int]] = {}
    try:
        queue = _queue(items, job)
        if job["traced"]:
            judge.sandbox(plugin.room_of(queue[0])).open().open()
            walked[footprints.IMPORT] = footprints.read(judge.peek(footprints.FILE))
        while queue:
            item = queue.pop(0)
            plugin.appoint(item.config, judge)
            if job["traced"]:
                judge.spread(footprints.FILE, bytes(job["traced"]))
            item.ihook.pytest_runtest_protocol(item=item, nextitem=queue[0] if queue else None)
            if job["traced"]:
                walked[_name(item)] = footprints.read(judge.peek(footprints.FILE))
            left = _left(queue, judge, job)
            if left[:1] != queue[:1]:  # what pytest kept open for the next check isn't wanted
                item.session._setupstate.teardown_exact(left[0] if left else None)  # noqa: SLF001
            queue = left
    finally:
        judge.close()
    tier = "walled" if job["walls"] else "not isolated"
    verdicts = [*judge.verdicts, *(lab.verdicts(place) if lab and job["own"] else ())]
    told = {"tier": tier, "verdicts": [v.written() for v in verdicts], "fault": ""}
    return {**told, "walked": walked}


def _name(item: pytest.Item) -> str:
    return f"{item.path.name}::{item.name}"


def _queue(items: list[pytest.Item], job: dict[str, Any]) -> list[pytest.Item]:
    """Return the checks that the job asks for; by name, in that order, or by task."""
    if job["checks"] is not None:
        named = {_name(item): item for item in items}
        return [named[name] for name in job["checks"]]
    return [i for i in items if not job["tasks"] or plugin.task_of(i) in job["tasks"]]


def _left(queue: list[pytest.Item], judge: plugin.Judge, job: dict[str, Any]) -> list[pytest.Item]:
    """Return the checks whose outcome can still change what the job wants to know."""
    if job["until"] == "end":
        return queue
    undone = {v.task for v in judge.verdicts if v.outcome is not Outcome.PASSED}
    if undone and job["until"] == "first":
        return []

    def matters(item: pytest.Item) -> bool:
        task = plugin.task_of(item) or ""
        if job["until"] == "task" and task in undone:
            return False
        return not undone.intersection(job["needs"].get(task, ()))

    return [item for item in queue if matters(item)]


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
