"""A sandbox that one owner's room keeps while it changes: starting it again costs a second.

Only for code of one owner: a person who saves and saves, or our own wrong students. Between two
judgings all that ran is killed and every place that it could write to is emptied.
"""

import shutil
from pathlib import Path
from typing import Self

from .places import made
from .plugin import preload
from .sandbox import Walled
from .verdicts import table
from .walls import Layout


class Standing:
    """The house, and the folder that is bound into it as the room."""

    def __init__(self, room: str) -> None:
        self._place = made("standing")
        self.folder = self._place / "rooms" / room
        self.folder.mkdir(parents=True)
        role = table(room).role
        # What a short judging loads when a task needs it is here at the first save.
        wanted = (*preload(role), "numpy")
        self.house = Walled(Layout(room, role, self.folder), wanted, later=True)

    def fill(self, source: Path) -> None:
        """Make the folder equal to `source`; what is equal already isn't touched."""
        wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
        for path in [path for path in self.folder.rglob("*") if path.is_file()]:
            if path.relative_to(self.folder) not in wanted:
                path.unlink()
        for name in wanted:
            new, old = source / name, self.folder / name
            if not _same(new, old):
                old.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(new, old)  # with its time, by which Python knows stale bytecode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        """End the house."""
        self.house.close()
        shutil.rmtree(self._place, ignore_errors=True)


def _same(one: Path, other: Path) -> bool:
    if not other.is_file() or one.stat().st_mtime_ns != other.stat().st_mtime_ns:
        return False
    return one.read_bytes() == other.read_bytes()
