"""Which room plays which part: yours, the reference or a stand-in, chosen room by room."""

import hashlib
import importlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

from shared.language import _

from .workplace import PROJECT


class Choice(StrEnum):
    """Whose code plays a part."""

    YOURS = "yours"
    REFERENCE = "reference"
    STAND_IN = "stand-in"
    MYSTERY = "mystery"  # a reference with a mistake in it, which its folder doesn't name


@dataclass(frozen=True, slots=True)
class Room:
    """A room's number, its folder's name in every tree, and the part that it plays."""

    number: int
    name: str
    part: str


ROOMS: Final[Mapping[int, Room]] = MappingProxyType(
    {
        room.number: room
        for room in (
            Room(1, "room1_foundations", "sensors"),
            Room(2, "room2_mqtt", "bus"),
            Room(3, "room3_ingestion", "ingestion"),
            Room(4, "room4_storage", "storage"),
            Room(5, "room5_inference", "model"),
            Room(6, "room6_security", "identity"),
            Room(7, "room7_monitoring", "telemetry"),
        )
    }
)


MYSTERY: Final = "mystery"
"""The folder in a workplace that holds such a room; also its package."""


class ContractMismatch(Exception):  # noqa: N818 - a fact, named as one
    """A room's code doesn't have the shape that the pipeline calls; quotes both."""


def package_of(room: Room, choice: Choice) -> str:
    """Return the name under which that code is imported."""
    if choice is Choice.YOURS:
        return f"rooms.{room.name}"
    if choice is Choice.REFERENCE:
        return f"solutions.{room.name}"
    if choice is Choice.MYSTERY:
        return f"{MYSTERY}.{room.name}"
    return f"shared.standins.{room.part}"


def choose(
    yours: frozenset[int], stand_ins: frozenset[int], checked: Path | None = None
) -> dict[int, Choice]:
    """Return a choice for each room.

    Named ones as named. The others: yours, once the shown checks of exactly these files have
    passed (`checked` remembers); else the reference where the edition has it; else the stand-in.
    """
    passed = _passed(checked)
    return {
        number: Choice.YOURS
        if number in yours
        else Choice.STAND_IN
        if number in stand_ins
        else _by_default(room, passed)
        for number, room in ROOMS.items()
    }


def load(room: Room, choice: Choice) -> ModuleType:
    """Import the code of a part and compare it with its contract.

    Raises ContractMismatch, quoting what is expected and what was found, and ImportError.
    """
    module = importlib.import_module(package_of(room, choice))
    standard = importlib.import_module(f"shared.standins.{room.part}")
    _compare("build", standard.build, getattr(module, "build", None), module.__name__)
    if choice is not Choice.STAND_IN:
        bench = importlib.import_module(f"shared.contracts.benches.{room.part}")
        for protocol in _protocols(bench):
            for name, expected in vars(protocol).items():
                if inspect.isfunction(expected) and not name.startswith("_"):
                    _compare(name, expected, getattr(module, name, None), module.__name__)
    return module


def fingerprint(room: Room) -> dict[str, str]:
    """Return the hash of each Python file of a student's room: what a passed check vouches for."""
    folder = PROJECT / "rooms" / room.name
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.py"))
        if not path.name.startswith("test_")
    }


def has_reference(room: Room) -> bool:
    """Return whether this edition has the room's reference."""
    return (PROJECT / "solutions" / room.name / "__init__.py").exists()


def _by_default(room: Room, passed: Mapping[str, object]) -> Choice:
    if passed.get(str(room.number)) == fingerprint(room):
        return Choice.YOURS
    if has_reference(room):
        return Choice.REFERENCE
    return Choice.STAND_IN


def _passed(checked: Path | None) -> Mapping[str, object]:
    try:
        found = json.loads(checked.read_bytes()) if checked is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _protocols(bench: ModuleType) -> list[type]:
    return [
        value
        for name, value in vars(bench).items()
        if name.endswith("Bench") and inspect.isclass(value) and value.__module__ == bench.__name__
    ]


def _compare(name: str, expected: object, found: object, where: str) -> None:
    if not callable(expected):
        return
    wanted = _shape(expected)
    if not callable(found) or _shape(found) != wanted:
        got = f"{name}{inspect.signature(found)}" if callable(found) else _("nothing")
        raise ContractMismatch(
            _("{where}: expected {wanted}, found {got}").format(
                where=where, wanted=f"{name}{inspect.signature(expected)}", got=got
            )
        )


def _shape(function: object) -> list[tuple[str, object, bool]]:
    """Names, kinds and presence of defaults: what a call depends on. Annotations are for mypy."""
    if not callable(function):
        return []
    return [
        (parameter.name, parameter.kind, parameter.default is not inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "self"
    ]
