"""The rooms' folders: room1_foundations and the like, in whatever tree holds them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAME = re.compile(r"room(\d+)_[a-z0-9_]+")


def rooms_in(tree: Path) -> list[str]:
    """Return the names of the room folders in `tree`, in their order; none if it isn't there."""
    if not tree.is_dir():
        return []
    names = [path.name for path in tree.iterdir() if path.is_dir() and _NAME.fullmatch(path.name)]
    return sorted(names, key=number_of)


def number_of(name: str) -> int:
    """Return the number in a room's name: 3 of `room3_ingestion`."""
    found = _NAME.fullmatch(name)
    if found is None:
        message = f"{name} isn't the name of a room: expected room, its number, _ and a word"
        raise ValueError(message)
    return int(found[1])


def room_named(names: list[str], wanted: str) -> str:
    """Return the one of `names` that `wanted` means: by number, `3`, or by its whole name.

    Raise LookupError that lists the rooms there are.
    """
    for name in names:
        if wanted in {name, str(number_of(name))}:
            return name
    message = f"no room {wanted}; there are: {', '.join(names) or 'none'}"
    raise LookupError(message)
