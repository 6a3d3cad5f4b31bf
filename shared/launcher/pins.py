"""The pinned requirements as the launcher reads them: names, entries and one digest."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

# An entry is `name==version [; marker] \` and its indented `--hash=` lines.
_ENTRY = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)([^\n]*)((?:\n[ \t]+--hash=[^\n]+)*)", re.MULTILINE
)


@dataclass(frozen=True)
class Pin:
    """One pinned package: `text` is its whole entry, hashes included."""

    name: str
    version: str
    everywhere: bool  # without a marker: needed on every system and every Python
    text: str


@dataclass(frozen=True)
class Pins:
    """A requirements file as it was when it was read; `digest` names its content."""

    path: Path
    digest: str
    entries: tuple[Pin, ...]

    @classmethod
    def read(cls, path: Path) -> "Pins":
        """Return the pins of `path`. Raise FileNotFoundError where the edition has none."""
        content = path.read_text(encoding="utf-8")
        entries = tuple(
            Pin(found[1], found[2], ";" not in found[3], found[0])
            for found in _ENTRY.finditer(content)
        )
        return cls(path, hashlib.sha256(content.encode()).hexdigest(), entries)

    def entry(self, name: str) -> Pin:
        """Return the pin of `name`. Raise LookupError naming the file that lacks it."""
        for pin in self.entries:
            if pin.name == name:
                return pin
        message = f"{self.path} has no entry {name}=="
        raise LookupError(message)
