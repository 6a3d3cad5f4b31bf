"""What sync last wrote: it tells a stale starter from somebody's homework."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

NAME = ".generated.json"


def digest(text: str) -> str:
    """Return the SHA-256 of `text`, the same whatever line ends its file has."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


@dataclass
class Manifest:
    """The digests of the files that were generated into one room's folder, by path within it."""

    path: Path
    digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, room: Path) -> Self:
        """Return the manifest of the folder `room`; an empty one if it has none.

        Raise ValueError naming the file if it isn't one.
        """
        path = room / NAME
        if not path.exists():
            return cls(path)
        digests = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(digests, dict):
            message = f"{path}: expected an object of file names and digests"
            raise ValueError(message)  # noqa: TRY004 - the file's value is wrong, not our type
        return cls(path, {str(name): str(value) for name, value in digests.items()})

    def save(self) -> None:
        """Write the manifest in one atomic step; leave the file alone if nothing changed."""
        text = self.written().decode()
        if not self.path.exists() or self.path.read_text(encoding="utf-8") != text:
            replace_text(self.path, text)

    def written(self) -> bytes:
        """Return the manifest's text."""
        return json.dumps(dict(sorted(self.digests.items())), indent=2).encode() + b"\n"


def replace_text(path: Path, text: str) -> None:
    """Write `text` to `path` in one atomic step, with line feeds on every system."""
    draft = path.with_name(path.name + ".draft")
    draft.write_text(text, encoding="utf-8", newline="\n")
    draft.replace(path)
