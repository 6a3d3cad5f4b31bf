"""What the student's verbs remember: one small file that survives a broken write."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

from shared.language import _
from shared.launcher.environment import say
from shared.launcher.lock import held
from shared.pipeline.workplace import Workplace, write_atomically

Shelf = dict[str, Any]


class Memory:
    """Shelves of JSON in `progress.json`; the file as it was before lies beside it.

    A file that can't be read (a broken disk, an editor) is taken for absent, and the one before
    is read in its place: at worst the last check is forgotten.
    """

    def __init__(self) -> None:
        self.root = Workplace().root
        self._path = self.root / "progress.json"
        self._before = self.root / "progress.before.json"

    def read(self, shelf: str) -> Shelf:
        """Return what lies on `shelf`; empty if there is nothing."""
        found = (self._contents() or {}).get(shelf)
        return found if isinstance(found, dict) else {}

    @contextlib.contextmanager
    def change(self, shelf: str) -> Iterator[Shelf]:
        """Yield what lies on `shelf`, to be changed; written at the end, in one step.

        Verbs that change it at the same time come one after another. Where nothing can be written
        it says so and goes on: a check is worth its words, remembered or not.
        """
        with contextlib.ExitStack() as stack:
            able = self._entered(stack)
            contents = self._contents() or {}
            found = contents.get(shelf)
            content: Shelf = found if isinstance(found, dict) else {}
            yield content
            if able:
                self._write({**contents, shelf: content})

    def _entered(self, stack: contextlib.ExitStack) -> bool:
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(held(self.root / "progress.lock", lambda: None))
        except OSError as error:
            self._complain(error)
            return False
        return True

    def _contents(self) -> Shelf | None:
        """Return what the file holds, else what the one before held; None for neither."""
        for path in (self._path, self._before):
            with contextlib.suppress(OSError, ValueError):
                found = json.loads(path.read_bytes())
                if isinstance(found, dict):
                    return found
        return None

    def _write(self, contents: Shelf) -> None:
        try:
            if (known := self._contents()) is not None:
                write_atomically(self._before, json.dumps(known, indent=1).encode())
            write_atomically(self._path, json.dumps(contents, indent=1).encode(), durable=True)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        text = _("not remembered: {path} can't be written ({reason})")
        say(text.format(path=self._path, reason=error.strerror or os.strerror(error.errno or 0)))
