"""One process of the pipeline: starts its role, tells its state, stops when its supervisor does.

The supervisor holds the other end of standard input. When that closes, by a wish or by a death,
the part stops: so no orphan is left on any system.
"""

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.contracts.todo import Todo
from shared.language import _

from .assembly import Assembly
from .loader import Choice, ContractMismatch
from .workplace import Workplace

STOP_WITHIN_S = 4.5
REPORT_EVERY_S = 0.5


class Part:
    """What a role works with: the assembly, the stop signal, and the state that others read."""

    def __init__(self, role: str, place: Workplace) -> None:
        self.role = role
        self.place = place
        plan = place.read("plan")
        choices = {int(number): Choice(name) for number, name in plan.get("choices", {}).items()}
        settings = place.read_settings()
        self.assembly = Assembly(place, replace(settings, role=role), choices)
        self.previous = place.read(role)
        self.stop = threading.Event()
        self._lock = threading.Lock()
        self._told_at = 0.0
        self._state: dict[str, Any] = {"role": role, "pid": os.getpid(), "state": "starting"}

    def tell(self, state: str | None = None, **details: Any) -> None:  # noqa: ANN401 - JSON values
        """Change the state file; `state` is starting, ready, todo, finished or stopping."""
        with self._lock:
            if state is not None:
                self._state["state"] = state
            self._state.update(details)
            self._state["tally"] = self.assembly.tally.sums()
            if (waits_for := self.assembly.tally.waits_for) is not None:
                self._state["telemetry_task"] = waits_for
            self._state["told_at"] = time.time()
            self.place.write(self.role, self._state)

    def tell_now_and_then(self, every_s: float, details: Callable[[], Mapping[str, Any]]) -> None:
        """Tell `details()`, unless something was told less than `every_s` seconds ago."""
        if time.monotonic() - self._told_at >= every_s:
            self._told_at = time.monotonic()
            self.tell(None, **details())

    def watch_supervisor(self) -> None:
        """Set `stop` when standard input ends; end hard if stopping takes too long."""

        def wait() -> None:
            # Unbuffered: a buffered read would hold its lock while the interpreter ends.
            while os.read(0, 64):
                pass
            self.stop.set()
            threading.Event().wait(STOP_WITHIN_S)
            os._exit(70)

        threading.Thread(target=wait, name="supervisor-watch", daemon=True).start()

    def report(self) -> None:
        """Tell the tally now and then, until the end."""

        def loop() -> None:
            while not self.stop.wait(REPORT_EVERY_S):
                self.tell()

        threading.Thread(target=loop, name="report", daemon=True).start()


def main(arguments: list[str]) -> int:
    """Run `ROLE HOME`; return 0 after a clean stop, 1 after a failure (told on stderr)."""
    role, home = arguments
    part = Part(role, Workplace(Path(home)))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the supervisor
    signal.signal(signal.SIGTERM, lambda *_: part.stop.set())
    part.watch_supervisor()
    try:
        part.report()
        # Only this role's module: the others' libraries stay unloaded.
        part.assembly.tally.event("info", "part_starts", role=role, pid=os.getpid())
        importlib.import_module(f"shared.pipeline.{role}_part").run(part)
        part.assembly.tally.event("info", "part_ends", role=role)
    except Todo as todo:
        part.tell("todo", task=todo.task)
        part.assembly.tally.event("warning", "todo", task=todo.task)
        part.stop.wait()
    except ContractMismatch as error:
        part.tell("mismatch", detail=str(error))
        sys.stderr.write(_("The room doesn't fit its contract: {error}\n").format(error=error))
        return 1
    part.stop.set()
    part.tell("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
