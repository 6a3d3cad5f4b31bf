"""What the student's checks found so far: one small file that survives a broken write."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.pipeline.loader import ROOMS, fingerprint
from shared.pipeline.workplace import Workplace, write_atomically

Found = Mapping[str, tuple[int, int]]  # by task: checks passed, checks


class Progress:
    """Points to where each room stands; the pipeline reads from it which rooms are checked."""

    def __init__(self) -> None:
        self._root = Workplace().root
        self._path = self._root / "progress.json"
        self._checked = self._root / "checked.json"

    def found(self, room: str) -> dict[str, tuple[int, int]]:
        """Return what the last check of `room` found; tasks that were never checked are absent."""
        entry = _read(self._path).get(room, {})
        tasks = entry.get("tasks", {}) if isinstance(entry, dict) else {}
        return {str(task): (int(pair[0]), int(pair[1])) for task, pair in tasks.items()}

    def keep(self, room: str, found: Found, names: Sequence[str]) -> None:
        """Note what a check found; where all of `names` (the room's tasks) passed, note the files.

        A room whose files then change isn't vouched for any more.
        """
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        tasks = {**self.found(room), **{task: list(pair) for task, pair in found.items()}}
        written = {**_read(self._path), room: {"tasks": tasks}}
        write_atomically(self._path, json.dumps(written, indent=1).encode())
        number = next(n for n, known in ROOMS.items() if known.name == room)
        vouched = _read(self._checked)
        vouched.pop(str(number), None)
        if all(name in found and found[name][0] == found[name][1] for name in names):
            vouched[str(number)] = fingerprint(ROOMS[number])
        write_atomically(self._checked, json.dumps(vouched, indent=1).encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
