"""A jury and its bench: the room is laid on it, changed in place, judged, and laid as it was."""

import compileall
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Self

from .judging import Ask, Jury, Result
from .mistaken import reference
from .places import temporary
from .plugin import PATIENCE_S
from .walls import PROJECT


class Workshop:
    """One jury with a standing sandbox, for rooms of our own. Use it in a `with`."""

    def __init__(self, room: str) -> None:
        self.room = room
        self._stack = ExitStack()
        self.jury = Jury(room, hidden=True, standing=True, own=False)
        self.folder = Path()

    def __enter__(self) -> Self:
        place = self._stack.enter_context(temporary("work"))
        self._stack.enter_context(self.jury)
        self.folder = reference(self.room, place)
        compileall.compile_dir(self.folder, quiet=2)  # the modules that a mistake leaves alone
        return self

    def __exit__(self, *_reason: object) -> None:
        self._stack.close()

    def judge(
        self, file: str, text: str, seed: int, ask: Ask, patience_s: float = PATIENCE_S
    ) -> Result:
        """Return the result of the reference with another text in one of its files."""
        path = self.folder / file
        try:
            path.write_text(text, encoding="utf-8")
            return self.jury.judge(self.folder, seed=seed, ask=ask, patience_s=patience_s)
        finally:
            # With its time, or its bytecode would be stale.
            shutil.copy2(PROJECT / "solutions" / self.room / file, path)


class Workshops:
    """Several of them side by side, lent one at a time."""

    def __init__(self, room: str, count: int, stack: ExitStack) -> None:
        self._free: SimpleQueue[Workshop] = SimpleQueue()
        for _one in range(count):
            self._free.put(shop := stack.enter_context(Workshop(room)))
        self.expected = shop.jury.expected
        self.table = shop.jury.table

    @contextmanager
    def lent(self) -> Iterator[Workshop]:
        """Yield a free one; wait until there is one."""
        shop = self._free.get()
        try:
            yield shop
        finally:
            self._free.put(shop)
