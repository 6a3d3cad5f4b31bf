"""The grader's figures: ratios to bare pytest on the same checks, one beside the other.

Bare pytest is what a person would start: a process a submission, the room in it, no walls. Only
the ratios can turn red; times are printed beside a calibration loop of the same run.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import psutil

from shared.language import _
from shared.pipeline.benchmark import Figure

from .judging import Jury
from .mistaken import reference
from .places import temporary
from .session import checks_of
from .verdicts import rooms
from .walls import PROJECT

ROOM: Final = "room1_foundations"
SUBMISSIONS: Final = 30
_MANY: Final = 300
_SETTLED: Final = 50  # judgings after which memory should stay
_AS_MUCH: Final = 1.0  # times bare pytest, at the most
_FLAT: Final = 1.1
_CLASS_S: Final = 240.0  # 30 submissions of seven rooms on two cores
_COLD_S, _SAVED_S = 1.0, 0.3
_TURNS: Final = 3  # so that both meet the same neighbours
_SHARE: Final = 15  # of a class is judged to reckon the whole


class Measure:
    """The figures of one run over a folder with a right room 1."""

    def __init__(self, stack: ExitStack, say: Callable[[str], None], repeats: int) -> None:
        self._stack = stack
        self._say = say
        self._repeats = repeats
        self._folder = reference(ROOM, stack.enter_context(temporary("work")))

    def one(self) -> Iterator[Figure]:
        """Yield one submission's time as a ratio: the median of pairs, side by side."""
        self._say(_("one submission, {n} times beside bare pytest").format(n=self._repeats))
        with Jury(ROOM, hidden=True, own=False) as jury:
            self._judge(jury)
            pairs = [
                (_timed(self._bare), _timed(lambda: self._judge(jury)))
                for _again in range(self._repeats)
            ]
        bare, ours = (statistics.median(one) for one in zip(*pairs, strict=True))
        ratio = statistics.median(own / other for other, own in pairs)
        yield Figure(_("Room 1 by bare pytest, a process"), f"{bare:.2f} s", "–")
        yield Figure(_("Room 1 isolated, a warm jury"), f"{ours:.2f} s", "–")
        yield _ratio(_("one isolated submission / bare pytest"), ratio)

    def many(self, count: int = SUBMISSIONS) -> Iterator[Figure]:
        """Yield the time of a class's Room 1 as a ratio, by one job and by two."""
        for jobs in (1, 2):
            about = _("{count} submissions by {jobs} at once").format(count=count, jobs=jobs)
            self._say(about)
            ours, bare = self._side_by_side(count, jobs)
            yield Figure(about, f"{ours:.1f} s", "–")
            yield _ratio(about + _(" / bare pytest"), ours / bare)

    def _side_by_side(self, count: int, jobs: int) -> tuple[float, float]:
        """Return the seconds of `count` judgings and of as many bare ones, in turns."""
        with ExitStack() as stack:
            juries: SimpleQueue[Jury] = SimpleQueue()
            for _job in range(jobs):
                juries.put(stack.enter_context(Jury(ROOM, hidden=True, own=False)))
            pool = stack.enter_context(ThreadPoolExecutor(jobs))

            def judge(_number: int) -> None:
                jury = juries.get()
                self._judge(jury)
                juries.put(jury)

            def bare(_number: int) -> None:
                self._bare()

            def in_all(work: Callable[[int], None]) -> float:
                return _timed(lambda: list(pool.map(work, range(count // _TURNS))))

            pairs = [(in_all(judge), in_all(bare)) for _turn in range(_TURNS)]
        return sum(ours for ours, _bare in pairs), sum(bare for _ours, bare in pairs)

    def classroom(self) -> Iterator[Figure]:
        """Yield the time of 30 submissions of every room, reckoned from a part."""
        count = max(2, SUBMISSIONS // _SHARE)
        self._say(_("{count} submissions of each room, by 2 at once").format(count=count))
        total = 0.0
        for room in rooms():
            with ExitStack() as stack, contextlib.suppress(FileNotFoundError):
                folder = reference(room, stack.enter_context(temporary("work")))
                pair = [stack.enter_context(Jury(room, hidden=True, own=False)) for _n in range(2)]
                pool = stack.enter_context(ThreadPoolExecutor(2))
                turns = count // 2

                def judge(jury: Jury, folder: Path = folder, turns: int = turns) -> None:
                    for _turn in range(turns):
                        jury.judge(folder, seed=0)

                total += _timed(lambda pair=pair, pool=pool: list(pool.map(judge, pair)))  # type: ignore[misc]
        took = total * SUBMISSIONS / count
        about = _("30 submissions of {n} rooms by 2 at once, reckoned").format(n=len(rooms()))
        yield Figure(about, f"{took:.0f} s", f"{_CLASS_S:.0f} s")

    def student(self) -> Iterator[Figure]:
        """Yield what a student waits for: a cold `check 1`, and `watch 1` after a save."""
        course = self._stack.enter_context(temporary("course"))
        for name in ("shared", "grader", "rooms"):
            leave_out = shutil.ignore_patterns("tests", "data", "variants", "mistakes")
            shutil.copytree(PROJECT / name, course / name, ignore=leave_out)
        shutil.copytree(self._folder, course / "rooms" / ROOM, dirs_exist_ok=True)
        home = {"ACADEMY_HOME": str(course / ".academy"), "PYTHONPATH": str(course)}
        words = [sys.executable, "-m", "shared.cli"]
        given = {"cwd": course, "env": os.environ | home, "text": True}
        self._say("./academy check 1")
        cold = [
            _timed(
                lambda: subprocess.run(  # type: ignore[call-overload] # noqa: S603 - our own
                    [*words, "check", "1"], **given, capture_output=True, check=False
                )
            )
            for _again in range(3)
        ]
        yield Figure("check 1", f"{statistics.median(cold):.2f} s", f"{_COLD_S} s")
        self._say("./academy watch 1")
        with subprocess.Popen(  # type: ignore[call-overload] # noqa: S603 - our own
            [*words, "watch", "1"], **given, stdout=subprocess.PIPE
        ) as watching:
            try:
                saved = [self._after_save(watching, course) for _again in range(self._repeats + 1)]
            finally:
                watching.kill()
        # The first time bytecode and sandbox are made.
        figure = f"{statistics.median(saved[1:]):.2f} s"
        yield Figure(_("watch 1 after a save"), figure, f"{_SAVED_S} s")

    def memory(self, count: int = _MANY) -> Iterator[Figure]:
        """Yield how a jury's memory grows while it judges submission after submission."""
        self._say(_("memory over {count} submissions").format(count=count))
        own, few, before = psutil.Process(), min(_SETTLED, count // 2), 0
        with Jury(ROOM, hidden=True, own=False) as jury:
            for number in range(count):
                jury.judge(self._folder, seed=number, tasks=["1.1"])
                if number == few:
                    before = _memory(own)
            after = _memory(own)
        about = _("memory after {count} submissions / after {few}")
        text = about.format(count=count, few=few)
        ratio = after / before
        yield Figure(text, f"{ratio:.2f} ({after / 2**20:.0f} MB)", f"≤ {_FLAT}", ratio <= _FLAT)

    def _judge(self, jury: Jury) -> None:
        found = jury.judge(self._folder, seed=0)
        if found.faulty:
            raise RuntimeError("the reference couldn't be judged")

    def _bare(self) -> None:
        files = map(str, checks_of(ROOM, hidden=True))
        words = [*("-m", "pytest", "-q", "-p", "no:cacheprovider", "--in-process")]
        words += ["--submission", str(self._folder), *files]
        command = [sys.executable, *words]
        subprocess.run(command, cwd=PROJECT, capture_output=True, check=True)  # noqa: S603 - our own

    def _after_save(self, watching: "subprocess.Popen[str]", course: Path) -> float:
        """Return the seconds from a save to the last line about it."""
        assert watching.stdout is not None  # noqa: S101 - it is a pipe
        while "watching" not in watching.stdout.readline():
            if watching.poll() is not None:
                raise RuntimeError("watch ended")
        path = course / "rooms" / ROOM / "reading.py"
        began = time.perf_counter()
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        while "pass their" not in watching.stdout.readline():
            if watching.poll() is not None:
                raise RuntimeError("watch ended")
        return time.perf_counter() - began


def _ratio(name: str, ratio: float) -> Figure:
    return Figure(name, f"{ratio:.2f}", f"≤ {_AS_MUCH}", ratio <= _AS_MUCH)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _memory(process: psutil.Process) -> int:
    """Return the memory of a process and of all that it started, in bytes."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            total += one.memory_info().rss
    return total
