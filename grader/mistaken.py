"""The catalogue of wrong students: each a few lines replaced in the reference."""

import json
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .walls import PROJECT


class CatalogueError(ValueError):
    """A mistake that can't be made: its text isn't in the reference exactly once."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One habit that goes wrong, and the tasks that must catch it."""

    room: str
    name: str
    file: str
    find: str
    replace: str
    trips: tuple[str, ...]
    feedback: str  # of its first check that fails, at seed 0
    own: bool = True  # whether a student's own check, which sees no file, could notice it
    live: str = ""  # how it shows in a running pipeline, if it does: `mystery` takes only those

    def make(self, into: Path) -> Path:
        """Write the wrong student's room under `into`; return its folder, …/rooms/NAME."""
        text = self.text()
        folder = reference(self.room, into)
        (folder / self.file).write_text(text, encoding="utf-8")
        return folder

    def text(self) -> str:
        """Return the wrong student's module."""
        path = PROJECT / "solutions" / self.room / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text.count(self.find) != 1:
            raise CatalogueError(
                f"{self.room}: the mistake {self.name} expects its text once in {self.file}, "
                f"found it {text.count(self.find)} times. Mend grader/mistakes/{self.room}.toml."
            )
        return text.replace(self.find, self.replace)


def reference(room: str, into: Path) -> Path:
    """Copy the reference of `room` under `into`; return its folder, …/rooms/NAME."""
    return copied(PROJECT / "solutions" / room, room, into)


def copied(source: Path, room: str, into: Path) -> Path:
    """Copy the modules of `source` under `into` as that room."""
    folder = into / "rooms" / room
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder.parent / "__init__.py").write_text("", encoding="utf-8")
    return folder


def variants(room: str) -> list[Path]:
    """Return the folders of right solutions in other styles."""
    return sorted(p for p in (PROJECT / "grader" / "variants" / room).glob("*") if p.is_dir())


def overlay(source: Path, folder: Path) -> None:
    """Put a variant's modules over the reference's: it holds those that differ."""
    for path in source.rglob("*.py"):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def catalogue(room: str) -> list[Mistake]:
    """Return the mistakes of `room`; none if this edition hasn't its catalogue."""
    path = _path(room)
    if not path.is_file():
        return []
    found = tomllib.loads(path.read_text(encoding="utf-8")).get("mistake", [])
    return [
        Mistake(
            room,
            entry["name"],
            entry["file"],
            entry["find"],
            entry["replace"],
            tuple(entry["trips"]),
            entry["feedback"],
            entry.get("own", True),
            entry.get("live", ""),
        )
        for entry in found
    ]


def rewrite(room: str, mistakes: Sequence[Mistake]) -> None:
    """Write the catalogue anew, in one form."""
    number = room.removeprefix("room")[0]
    head = (
        f"# Room {number}: the wrong students, each a habit. `./academy verify {number}` proves "
        f"them;\n# with --write it brings their feedback up to date.\n"
    )
    lines = [head]
    for one in mistakes:
        facts = {"name": one.name, "live": one.live, "file": one.file}
        facts |= {"find": one.find, "replace": one.replace}
        texts = [
            f"{key} = {_literal(value)}" for key, value in facts.items() if key != "live" or value
        ]
        trips = f"trips = {json.dumps(list(one.trips))}" + "\nown = false" * (not one.own)
        lines.append(
            "\n".join(["[[mistake]]", *texts, trips, f"feedback = {_literal(one.feedback)}", ""])
        )
    _path(room).write_text("\n".join(lines), encoding="utf-8")


def _path(room: str) -> Path:
    return PROJECT / "grader" / "mistakes" / f"{room}.toml"


def _literal(text: str) -> str:
    """Return TOML's literal form where there is one: what stands in it needs no escapes."""
    if "'''" in text or any(not c.isprintable() and c != "\n" for c in text):
        return json.dumps(text, ensure_ascii=False)
    if "\n" in text:
        return f"'''\n{text}'''"
    return json.dumps(text, ensure_ascii=False) if "'" in text else f"'{text}'"
