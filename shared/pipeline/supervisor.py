"""Starts the parts, watches them, starts a dead one again, takes all along at the end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event as StopSignal
from typing import Any, Final

from shared.language import _

from .workplace import PROJECT, Workplace

SERVING: Final = ("broker", "api", "gateway", "stream", "model", "devices")
DEATHS_BEFORE_READY: Final = 5
CALM_AFTER_S: Final = 10.0
BACKOFF_S: Final = (0.05, 5.0)
# In this order, so that what is on its way arrives: together within five seconds.
STOPPING: Final = (
    (("devices",), 1.6),
    (("gateway",), 0.9),
    (("api", "stream", "model"), 1.4),
    (("broker",), 0.7),
)


class PipelineFailed(Exception):  # noqa: N818 - a fact, named as one
    """The pipeline can't go on; the message says which part, why, and its last words."""


@dataclass(slots=True)
class Member:
    """One part as the supervisor sees it."""

    role: str
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    was_ready: bool = False
    early_deaths: int = 0
    restarts: int = 0
    backoff_s: float = BACKOFF_S[0]
    due_at: float = 0.0
    state: dict[str, Any] = field(default_factory=dict)


class Supervisor:
    """One small supervisor over one process a role.

    `notice` is told, in words, what a person would want to know.
    """

    def __init__(self, place: Workplace, notice: Callable[[str], None]) -> None:
        self._place = place
        self._notice = notice
        self.members: dict[str, Member] = {}

    def run_once(self, role: str, limit_s: float) -> dict[str, Any]:
        """Run a role that ends by itself; return its last state. Raises PipelineFailed."""
        self.spawn(role)
        member = self.members.pop(role)
        if member.process is None:
            raise PipelineFailed(role)
        deadline = time.monotonic() + limit_s
        while (state := self._state_of(member)).get("state") in {None, "starting"}:
            if member.process.poll() is not None or time.monotonic() > deadline:
                break
            StopSignal().wait(0.01)
        self._end([member], 1.0)
        if state.get("state") in {None, "starting"}:
            raise PipelineFailed(self._epitaph(role))
        return state

    def spawn(self, role: str) -> None:
        """Start the process of `role`; its standard input stays open as long as we live."""
        member = self.members.setdefault(role, Member(role))
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
        # One thread for linear algebra: the parts share the cores already.
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with (self._place.logs / f"{role}.out").open("ab") as output:
            member.process = subprocess.Popen(
                [sys.executable, "-m", "shared.pipeline.part", role, str(self._place.root)],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        member.started_at = time.monotonic()
        member.was_ready = False

    def tick(self) -> None:
        """Look at every part once; start dead ones again when they are due.

        Raises PipelineFailed when a part died five times before it was ever ready.
        """
        now = time.monotonic()
        for member in self.members.values():
            process = member.process
            if process is None:
                if now >= member.due_at:
                    member.restarts += 1
                    self.spawn(member.role)
                continue
            member.state = self._state_of(member)
            if member.state.get("state") in {"ready", "finished"}:
                member.was_ready = True
                member.early_deaths = 0
            if member.was_ready and now - member.started_at > CALM_AFTER_S:
                member.backoff_s = BACKOFF_S[0]
            if process.poll() is not None:
                self._bury(member, now)

    def _bury(self, member: Member, now: float) -> None:
        if member.process is not None and member.process.stdin is not None:
            member.process.stdin.close()
        code = member.process.returncode if member.process is not None else None
        member.process = None
        if member.state.get("state") == "mismatch":
            raise PipelineFailed(str(member.state.get("detail")))
        if not member.was_ready:
            member.early_deaths += 1
            if member.early_deaths >= DEATHS_BEFORE_READY:
                raise PipelineFailed(self._epitaph(member.role))
        member.due_at = now + member.backoff_s
        self._notice(
            _("{role} ended (code {code}); it starts again in {delay:.2g} s").format(
                role=member.role, code=code, delay=member.backoff_s
            )
        )
        member.backoff_s = min(BACKOFF_S[1], member.backoff_s * 2)

    def wait_ready(self, role: str, limit_s: float, stop: StopSignal) -> dict[str, Any]:
        """Watch all parts until `role` is ready (or waits for a task); return its state."""
        deadline = time.monotonic() + limit_s
        while not stop.is_set():
            self.tick()
            state = self.members[role].state
            if state.get("state") in {"ready", "todo", "finished"}:
                return state
            if time.monotonic() > deadline:
                raise PipelineFailed(self._epitaph(role))
            stop.wait(0.01)
        return {}

    def stop(self) -> None:
        """Stop the parts in the order in which readings flow, within five seconds."""
        for roles, limit_s in STOPPING:
            self._end([self.members[role] for role in roles if role in self.members], limit_s)
        self.members.clear()

    def _end(self, members: Iterable[Member], limit_s: float) -> None:
        running = [m.process for m in members if m.process is not None]
        for process in running:
            if process.stdin is not None:
                process.stdin.close()
        deadline = time.monotonic() + limit_s
        for process in running:
            try:
                process.wait(max(0.01, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _state_of(self, member: Member) -> dict[str, Any]:
        state = self._place.read(member.role)
        own = member.process is not None and state.get("pid") == member.process.pid
        return state if own else {}

    def _epitaph(self, role: str) -> str:
        words = last_words(self._place, role)
        return _(
            "{role} can't start. Its last words:\n{words}\nMore: ./academy logs {role}"
        ).format(role=role, words="\n".join(f"  {line}" for line in words) or "  –")


def last_words(place: Workplace, role: str, count: int = 6) -> list[str]:
    """Return the last lines that a part printed."""
    try:
        text = (place.logs / f"{role}.out").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.strip().splitlines()[-count:]
