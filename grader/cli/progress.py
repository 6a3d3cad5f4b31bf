"""What the student's checks found so far, and which rooms the pipeline may therefore take."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grader.cli.memory import Memory
from shared.pipeline.loader import ROOMS, fingerprint
from shared.pipeline.workplace import write_atomically

Found = Mapping[str, tuple[int, int]]  # by task: checks passed, checks

_SHELF = "checks"


class Progress:
    """Points to where each room stands; the pipeline reads from it which rooms are checked."""

    def __init__(self) -> None:
        self._memory = Memory()
        self._checked = self._memory.root / "checked.json"

    def found(self, room: str) -> dict[str, tuple[int, int]]:
        """Return what the last check of `room` found; tasks that were never checked are absent."""
        return _pairs(self._memory.read(_SHELF).get(room))

    def keep(self, room: str, found: Found, names: Sequence[str]) -> None:
        """Note what a check found; where all of `names` (the room's tasks) passed, note the files.

        A room whose files then change isn't vouched for any more.
        """
        with self._memory.change(_SHELF) as shelf, contextlib.suppress(OSError):
            shelf[room] = {
                task: list(pair) for task, pair in {**_pairs(shelf.get(room)), **found}.items()
            }
            number = next(n for n, known in ROOMS.items() if known.name == room)
            vouched = _read(self._checked)
            before = vouched.pop(str(number), None)
            known = fingerprint(ROOMS[number])
            fine = all(found[name][0] == found[name][1] for name in found if name in names)
            if fine and before == known:
                vouched[str(number)] = known  # a task that was checked again changes nothing
            if all(name in found and found[name][0] == found[name][1] for name in names):
                vouched[str(number)] = known
            write_atomically(self._checked, json.dumps(vouched, indent=1).encode())


def _pairs(entry: object) -> dict[str, tuple[int, int]]:
    """Return an entry of the file as it should be; what isn't so is passed over."""
    if not isinstance(entry, dict):
        return {}
    pairs = {}
    for task, pair in entry.items():
        with contextlib.suppress(TypeError, ValueError):
            passed, checks = pair
            pairs[str(task)] = (int(passed), int(checks))
    return pairs


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
