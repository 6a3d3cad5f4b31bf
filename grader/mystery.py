"""An unnamed wrong student in the live pipeline: which one, among which choices, and where it lies.

Only mistakes that show in a running pipeline are taken: those whose entry in the catalogue says
how (`live`). The choice follows from a seed, so that nothing that is remembered names it.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .mistaken import Mistake, catalogue

CHOICES: Final = 6


@dataclass(frozen=True, slots=True)
class Mystery:
    """One case: the mistake, and the habits to choose from, in no order that tells."""

    mistake: Mistake
    choices: tuple[str, ...]


def cases(room: str) -> list[Mistake]:
    """Return the mistakes of `room` that show in a running pipeline."""
    return [mistake for mistake in catalogue(room) if mistake.live]


def case(room: str, seed: int, solved: Collection[str]) -> Mystery | None:
    """Return the case that `seed` draws of those not yet `solved`; None if none is left."""
    left = sorted({one.name: one for one in cases(room) if one.name not in solved}.items())
    if not left:
        return None
    dice = random.Random(seed)
    name, mistake = dice.choice(left)
    # Of the same room, so that no choice can be struck out by its subject alone.
    others = sorted({one.name for one in catalogue(room)} - {name})
    choices = [name, *dice.sample(others, min(CHOICES - 1, len(others)))]
    dice.shuffle(choices)
    return Mystery(mistake, tuple(choices))


def lay_out(mistake: Mistake, folder: Path) -> None:
    """Write the wrong room into `folder`, in place of an earlier one; nothing there names it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    with tempfile.TemporaryDirectory() as place:
        made = mistake.make(Path(place))
        shutil.copytree(made, folder / mistake.room)
    # One time for all: the newest file would be the one with the mistake.
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))
