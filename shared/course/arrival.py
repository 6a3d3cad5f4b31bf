"""A newer edition in a zip: looked at before anything of it is believed, then laid out to be moved.

What a student changed is left alone; the newer starter goes beside it.
"""

import os
import shutil
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from shared.course.edition import FOLDER, MANIFEST, Edition, NotAnEdition, is_homework
from shared.course.manifest import NAME as GENERATED
from shared.course.manifest import Manifest
from shared.language import _
from shared.launcher.incoming import WAITING, Move, announce, digest_at, digest_of

_MOST_ENTRIES: Final = 10_000
_LARGEST: Final = 64 * 2**20  # bytes of one file
_LARGEST_WHEEL: Final = 512 * 2**20
_PRIVATE: Final = frozenset({".git", ".venv", ".academy"})
_LAST: Final = ("academy", "shared/launcher/")  # what goes on after an interruption stays whole

Members = dict[str, zipfile.ZipInfo]


@dataclass(slots=True)
class Changes:
    """What a newer edition changes here, by path."""

    renewed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    yours: list[str] = field(default_factory=list)  # left alone
    beside: list[str] = field(default_factory=list)  # of those, with a newer starter beside


@dataclass(frozen=True, slots=True)
class Arrival:
    """A zip that was found to be an edition, whole and as its manifest says."""

    path: Path
    edition: Edition
    members: Members

    @classmethod
    def of(cls, path: Path) -> "Arrival":
        """Return the edition in the zip at `path`. Raises NotAnEdition that says what is wrong."""
        try:
            with zipfile.ZipFile(path) as archive:
                return cls._looked_at(path, archive)
        except FileNotFoundError:
            raise NotAnEdition(_("{name}: no such file").format(name=path)) from None
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            text = _("{name}: expected the zip of an edition; it can't be read ({error})")
            raise NotAnEdition(text.format(name=path.name, error=error)) from None

    @classmethod
    def _looked_at(cls, path: Path, archive: zipfile.ZipFile) -> "Arrival":
        members = _safe(path.name, archive.infolist())
        if MANIFEST not in members:
            text = _("{name}: isn't an edition: it has no {manifest}")
            raise NotAnEdition(text.format(name=path.name, manifest=MANIFEST))
        edition = Edition.read(_content(path.name, archive, members[MANIFEST]))
        missing = sorted(set(edition.files) - set(members))
        strange = sorted(name for name in members if not _expected(name, edition))
        for names, text in (
            (missing, _("{name}: isn't whole: {file} is missing")),
            (strange, _("{name}: {file} isn't in its manifest")),
        ):
            if names:
                raise NotAnEdition(text.format(name=path.name, file=names[0]))
        return cls(path, edition, members)

    def lay_out(self, root: Path, before: Edition | None) -> Changes:
        """Put what changes at `root` into the waiting folder, and announce it.

        `before` is the edition that is there. Raises NotAnEdition for a file that isn't what the
        manifest says; then nothing waits.
        """
        waiting = root / WAITING
        shutil.rmtree(waiting, ignore_errors=True)
        waiting.mkdir(parents=True)
        changes = Changes()
        try:
            moves = [*self._staged(root, before, changes)]
            moves += _retired(root, self.edition, before, changes)
        except BaseException:
            shutil.rmtree(waiting, ignore_errors=True)
            raise
        announce(root, sorted(moves, key=lambda move: _turn(move.path)))
        return changes

    def _staged(self, root: Path, before: Edition | None, changes: Changes) -> Iterator[Move]:
        known = _known(root, before)
        with zipfile.ZipFile(self.path) as archive:
            for name in sorted(self.members):
                content = self._checked(archive, name)
                move = _planned(root, name, content, known, changes)
                if move is not None and move.staged is not None:
                    _write(root / WAITING / move.staged, content)
                    yield move

    def _checked(self, archive: zipfile.ZipFile, name: str) -> bytes:
        content = _content(self.path.name, archive, self.members[name])
        wanted = self.edition.files.get(name)
        if wanted is not None and digest_of(content) != wanted:
            text = _("{name}: {file} isn't what its manifest says; take the zip again")
            raise NotAnEdition(text.format(name=self.path.name, file=name))
        return content


def _safe(zip_name: str, infos: list[zipfile.ZipInfo]) -> Members:
    """Return the files of a zip below its one folder. Raises NotAnEdition for anything odd."""
    if len(infos) > _MOST_ENTRIES:
        text = _("{name}: more than {most} entries; an edition has some hundred")
        raise NotAnEdition(text.format(name=zip_name, most=_MOST_ENTRIES))
    found: Members = {}
    seen: set[str] = set()
    for info in infos:
        if _is_of_a_system(info.filename):
            continue
        if not _is_plain(info):
            text = _("{name}: refused: {file!r} is a link, or leads out of the folder")
            raise NotAnEdition(text.format(name=zip_name, file=info.filename))
        if info.is_dir():
            continue
        if info.filename.lower() in seen:
            text = _("{name}: refused: {file!r} is in it twice")
            raise NotAnEdition(text.format(name=zip_name, file=info.filename))
        seen.add(info.filename.lower())
        found[info.filename] = info
    top = next((name.removesuffix(MANIFEST) for name in found if name.endswith(MANIFEST)), "")
    return {name.removeprefix(top): info for name, info in found.items()}


def _is_of_a_system(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] in {".DS_Store", "Thumbs.db"}


def _is_plain(info: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(info.external_attr >> 16)
    parts = info.filename.removesuffix("/").split("/")
    return (
        kind in {0, stat.S_IFREG, stat.S_IFDIR}
        and not info.flag_bits & 1  # encrypted
        and info.filename.isprintable()
        and not any(sign in info.filename for sign in '\\:*?"<>|')
        and all(part not in {"", ".", ".."} for part in parts)
        and not _PRIVATE & {part.lower() for part in parts}
        and not any(part.endswith((" ", ".")) for part in parts)
    )


def _expected(name: str, edition: Edition) -> bool:
    wheel = PurePosixPath(name)
    is_wheel = wheel.suffix == ".whl" and wheel.parts[0] == "wheelhouse"
    return name == MANIFEST or name in edition.files or (is_wheel and len(wheel.parts) == 2)  # noqa: PLR2004


def _content(zip_name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    # The stated size may lie; reading stops at the bound all the same.
    most = _LARGEST_WHEEL if member.filename.endswith(".whl") else _LARGEST
    with archive.open(member) as file:
        content = file.read(most + 1)
    if len(content) > most:
        text = _("{name}: refused: {file} is larger than {most} bytes")
        raise NotAnEdition(text.format(name=zip_name, file=member.filename, most=most))
    return content


def _known(root: Path, before: Edition | None) -> Mapping[str, str]:
    """Return the digests that the course's own files have here, as far as anybody knows."""
    if before is not None:
        return before.files
    return {
        f"rooms/{manifest.parent.name}/{name}": digest
        for manifest in sorted((root / "rooms").glob(f"*/{GENERATED}"))
        for name, digest in Manifest.of(manifest.parent).digests.items()
    }


def _planned(
    root: Path, name: str, content: bytes, known: Mapping[str, str], changes: Changes
) -> Move | None:
    """Return how a file comes in; None if it needn't or mustn't."""
    place, now = root / name, digest_of(content)
    was = digest_at(place) if name.startswith(f"{FOLDER}/") else known.get(name)
    if not place.parent.resolve().is_relative_to(root.resolve()):
        text = _("{path} leads out of the course by a link; put the folder itself there")
        raise NotAnEdition(text.format(path=place.parent))
    present = digest_at(place)
    staged = f"{digest_of(name.encode())[:24]}.new"
    if present == now:
        return None
    if name.startswith(f"{FOLDER}/"):
        pass  # nobody's work, and nothing to tell of
    elif present is None:
        changes.added.append(name)
    elif present != was and is_homework(name):
        changes.yours.append(name)
        if now == was or digest_at(beside := place.with_name(f"{place.name}.new")) == now:
            return None
        changes.beside.append(name)
        return Move(f"{name}.new", digest_at(beside), now, staged)
    else:
        changes.renewed.append(name)
    return Move(name, was, now, staged)


def _retired(
    root: Path, edition: Edition, before: Edition | None, changes: Changes
) -> Iterator[Move]:
    """Yield what the newer edition has no more; what somebody changed stays."""
    for name, was in sorted((before.files if before else {}).items()):
        if name not in edition.files and digest_at(root / name) == was:
            changes.gone.append(name)
            yield Move(name, was, None, None)


def _write(path: Path, content: bytes) -> None:
    """Write a file that is on the disk before anybody is told of it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _turn(name: str) -> tuple[int, str]:
    """Return when a file's turn is: the manifest last, what can go on shortly before it."""
    if name == MANIFEST:
        return 2, name
    return int(name.startswith(_LAST)), name
