"""The worker: the only process in which a submission runs. It builds, passes calls on, and tells.

Nothing here is trusted: a submission may patch all of it, and gains nothing by it. The other end
of the line holds the checks, the expected values and the verdict.
"""

import builtins
import importlib
import importlib.util
import inspect
import os
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from .line import Line, Served
from .wire import carriers

_TELLING = 4000  # characters of an error's text


class Bench:
    """What the trusted side calls: the driver's functions, then the names of the room."""

    def __init__(self, room: ModuleType, driver: ModuleType) -> None:
        self._room = room
        self._driver = driver

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the room knows
        function = vars(self._driver).get(name)
        if inspect.isfunction(function) and function.__module__ == self._driver.__name__:

            def driven(*args: object, **kwargs: object) -> Any:  # noqa: ANN401
                return function(self._room, *args, **kwargs)

            return driven
        return getattr(self._room, name)


def known_carriers(role: str) -> dict[str, type]:
    """Return what travels by value between a room of that role and its checks."""
    names = ("messages", "settings", "ports", "facts", f"benches.{role}")
    modules = (importlib.import_module(f"shared.contracts.{name}") for name in names)
    found = carriers(*modules)
    # Parts hold live objects: a driver builds them.
    return {name: value for name, value in found.items() if not name.endswith("Parts")}


def describe(error: BaseException) -> Mapping[str, Any]:
    """Return the facts of an exception: classes, text, task of a Todo, line in the room."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind is not object]
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if "rooms" in frame.filename.replace("\\", "/").split("/")]
    where = (inside[-1].filename, inside[-1].lineno or 0) if inside else None
    text = error.msg if isinstance(error, SyntaxError) else _text(error)
    if isinstance(error, SyntaxError) and error.filename:
        where = (error.filename, error.lineno or 0)
    task = getattr(error, "task", None)
    told = str(task) if "Todo" in kinds and isinstance(task, str) else None
    return {"kinds": kinds, "text": text[:_TELLING], "task": told, "where": where}


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - a student's __str__
        return f"(no text: {type(failure).__name__})"


def revive(facts: Mapping[str, Any]) -> Exception:
    """Return an exception of the class that the other side named: for a student's own check."""
    for kind in facts.get("kinds", ()):
        found = _known_error(str(kind))
        if found is not None:
            error = found.__new__(found)
            error.args = (facts.get("text", ""),)
            return error
    return RuntimeError(str(facts.get("text", "")))


def _known_error(name: str) -> type[Exception] | None:
    places = [m for n, m in sys.modules.items() if n.startswith("shared.contracts")]
    for place in (builtins, *places):
        found = getattr(place, name, None)
        if inspect.isclass(found) and issubclass(found, Exception):
            return found
    return None


class Desk:
    """The first object on the line: opens a room. A room that can't be imported says so then.

    Or runs the room's own check on another room, which only the trusted side can reach.
    """

    def __init__(self, package: str, driver: str) -> None:
        self._package = package
        self._driver = driver

    def open(self) -> Bench:
        """Import the room and its driver; return its bench."""
        driver = importlib.import_module(self._driver)
        return Bench(importlib.import_module(self._package), driver)

    def judge(self, other: object, folder: str) -> int:
        """Run each test of the room's own_check.py on `other`; return how many there are."""
        rooms = importlib.import_module("rooms").__path__
        place = Path(next(iter(rooms)), self._package.rpartition(".")[2], "own_check.py")
        spec = importlib.util.spec_from_file_location("own_check", place)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(str(place))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        given = {"room": other, "folder": folder}
        found = [one for name, one in vars(module).items() if name.startswith("test_")]
        for test in found:
            wanted = inspect.signature(test).parameters
            test(**{name: value for name, value in given.items() if name in wanted})
        return len(found)


def work(end: socket.socket, role: str, package: str, driver: str) -> None:
    """Answer the trusted side until it hangs up."""
    line = Line(end, known_carriers(role), describe=describe, trusting=True, revive=revive)
    line.patience_s = 60.0
    everything = frozenset({"*"})
    line.offer(Served(Desk(package, driver), everything, everything))
    line.serve()


def main() -> None:
    """Connect to the address and by the word that standard input names: a worker without walls."""
    port, word, role, package, driver, *paths = sys.stdin.readline().split("\t")
    sys.path[:0] = [path for path in map(str.strip, paths) if path]
    end = socket.create_connection(("127.0.0.1", int(port)))
    end.sendall(word.encode())
    threading.current_thread().name = "room"
    work(end, role, package, driver.strip())
    sys.stdout.flush()
    os._exit(0)  # whatever a submission left running ends here


if __name__ == "__main__":
    main()
