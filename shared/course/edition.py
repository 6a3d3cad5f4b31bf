"""A student edition as a folder or a zip: what is in it, by path and digest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from shared.language import _

FOLDER: Final = ".edition"
MANIFEST: Final = f"{FOLDER}/manifest.json"
STARTERS: Final = f"{FOLDER}/starters.zip"
KIND: Final = "aiot-academy edition"
FORMAT: Final = 1


class NotAnEdition(ValueError):  # noqa: N818 - a fact, named as one
    """A manifest that isn't one of ours: says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What one edition holds. `made` is its time in UTC: the later one is the newer."""

    made: str
    references: tuple[int, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Self | None:
        """Return what `root` was released as; None where it is no edition. Raises NotAnEdition."""
        try:
            return cls.read((root / MANIFEST).read_bytes())
        except FileNotFoundError:
            return None

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Return the edition that `written` gave. Raises NotAnEdition."""
        try:
            found = json.loads(content)
            fits = found["kind"] == KIND and found["format"] == FORMAT
            files = {str(path): str(digest) for path, digest in found["files"].items()}
            references = tuple(int(number) for number in found["references"])
            made = str(found["made"])
        except (ValueError, KeyError, TypeError, AttributeError):
            fits = False
        if not fits:
            raise NotAnEdition(
                _("{path}: expected the manifest of an edition, format {format}").format(
                    path=MANIFEST, format=FORMAT
                )
            )
        return cls(made, references, files)

    def written(self) -> bytes:
        """Return the manifest's text."""
        content: dict[str, Any] = {
            "kind": KIND,
            "format": FORMAT,
            "made": self.made,
            "references": list(self.references),
            "files": dict(sorted(self.files.items())),
        }
        return json.dumps(content, indent=1).encode() + b"\n"


def is_homework(path: str) -> bool:
    """Return whether the file at `path` is a student's to change: a module of a room."""
    parts = path.split("/")
    return parts[0] == "rooms" and path.endswith(".py") and not parts[-1].startswith("test_")
