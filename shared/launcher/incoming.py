"""A newer edition that waits in .edition/incoming: moved into place, file by file, to the end.

What was interrupted, at whatever moment, goes on at the next launch of any verb: a file that no
longer waits was moved already. Standard library only, for it renews everything else.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from shared.launcher.lock import held

WAITING = ".edition/incoming"
READY = "ready.json"


@dataclass(frozen=True)
class Move:
    """One file of the course: `staged` is its new content's name in the waiting folder.

    `was` and `now` are the digests that it is expected to have before and after; None where it
    isn't there.
    """

    path: str
    was: str | None
    now: str | None
    staged: str | None


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a file, the same whatever line ends a text has."""
    text = content if b"\0" in content else content.replace(b"\r\n", b"\n")
    return hashlib.sha256(text).hexdigest()


def digest_at(path: Path) -> str | None:
    """Return the digest of the file at `path`; None where there is none."""
    return digest_of(path.read_bytes()) if path.is_file() else None


def announce(root: Path, moves: list[Move]) -> None:
    """Say that all of `moves` wait, in one atomic step: from now on they will be done."""
    entries = [[move.path, move.was, move.now, move.staged] for move in moves]
    draft = root / WAITING / (READY + ".draft")
    draft.write_text(json.dumps(entries), encoding="utf-8")
    draft.replace(root / WAITING / READY)


def finish(root: Path) -> list[tuple[str, str]]:
    """Move what waits into place; return each path whose content was kept, and where.

    Content that a person changed meanwhile is copied beside before it is replaced, and isn't
    deleted at all.
    """
    ready = root / WAITING / READY
    if not ready.exists():
        return []
    kept = []
    with held(root / ".edition" / "incoming.lock", lambda: None):
        if not ready.exists():  # another launch has done it meanwhile
            return []
        for entry in json.loads(ready.read_bytes()):
            move = Move(*entry)
            copy = _done(root, move)
            if copy is not None:
                kept.append((move.path, copy))
        ready.unlink()
        shutil.rmtree(ready.parent, ignore_errors=True)
    return kept


def _done(root: Path, move: Move) -> str | None:
    """Do one move if it isn't done yet; return the name of the copy that was made, if any."""
    place = root / move.path
    if move.staged is None:
        if digest_at(place) == move.was:
            place.unlink(missing_ok=True)
        return None
    staged = root / WAITING / move.staged
    if not staged.exists():
        return None  # moved before an interruption
    copy = None
    present = digest_at(place)
    if present not in {None, move.was, move.now}:
        copy = _copied(place, present)
    place.parent.mkdir(parents=True, exist_ok=True)
    if move.path == "academy":
        staged.chmod(0o755)  # it is started by its name
    staged.replace(place)
    return copy


def _copied(place: Path, present: str | None) -> str:
    number = 1
    while (copy := place.with_name(f"{place.name}.kept-{number}")).exists():
        if digest_at(copy) == present:
            return copy.name
        number += 1
    shutil.copy2(place, copy)
    return copy.name
