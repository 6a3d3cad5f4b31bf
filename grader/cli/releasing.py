"""./academy release: the student edition, as a folder and a zip to hand out."""

import re
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from grader import edition, telling
from grader.walls import PROJECT
from grader.wheelhouse import PLATFORMS, WheelsMissing, fetch
from shared.cli.failure import Failure
from shared.course.edition import MANIFEST
from shared.course.folders import number_of, rooms_in
from shared.course.manifest import Manifest
from shared.course.regions import RegionError
from shared.language import _
from shared.launcher.pins import Pins

_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
_MOST = 12  # of what gives something away, listed


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("release", help=_("Make the student edition: a folder and a zip."))(release)


def release(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=_("A new folder."))],
    with_reference: Annotated[
        str, typer.Option(metavar="1-3", help=_("Rooms whose reference goes in: 1,4 or 1-3."))
    ] = "",
    wheels: Annotated[
        str,
        typer.Option(
            metavar="PLATFORM,…",
            help=_("Packages too, for: {names}.").format(names=", ".join(PLATFORMS)),
        ),
    ] = "",
    python: Annotated[
        str, typer.Option(metavar="3.12,…", help=_("The Pythons of those packages."))
    ] = _HERE,
) -> None:
    """Write DIR and DIR.zip, after nothing in them was found to give a solution away."""
    references = _numbers(with_reference)
    platforms = _platforms(wheels)
    versions = _versions(python)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failure(_("{folder} is there already; name a new folder.").format(folder=folder))
    try:
        files = edition.contents(references)
    except RegionError as error:
        raise Failure(
            _("a solution can't be made a starter: {error}").format(error=error)
        ) from None
    _refuse_telling(files, references)
    _warn_of_stale(files)
    with_wheels = dict(files)
    draft = folder.with_name(f".{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        for path in _fetched(draft / "wheelhouse", platforms, versions):
            with_wheels[f"wheelhouse/{path.name}"] = path.read_bytes()
        made = edition.described(files, references)
        edition.write(files, made, draft)
        if folder.exists():
            folder.rmdir()
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    whole = {**with_wheels, MANIFEST: made.written()}
    archive = folder.with_name(f"{folder.name}.zip")
    archive.write_bytes(edition.packed(whole, folder.name))
    _tell(folder, archive, len(whole), references)


def _refuse_telling(files: edition.Files, references: frozenset[int]) -> None:
    lines = telling.telling(telling.secrets(references), references)
    found = telling.found_in(files, lines)
    if found:
        shown = "\n".join(f"  {line}" for line in found[:_MOST])
        message = _("not released: {count} lines would give something away:\n{shown}")
        raise Failure(message.format(count=len(found), shown=shown))


def _warn_of_stale(files: edition.Files) -> None:
    """Say where rooms/ here isn't what the edition holds: somebody may expect theirs."""
    for room in rooms_in(PROJECT / "rooms"):
        names = sorted(Manifest.of(PROJECT / "rooms" / room).digests)
        for path in (f"rooms/{room}/{name}" for name in names):
            here = PROJECT / path
            if path in files and here.is_file() and here.read_bytes() != files[path]:
                text = _("{path}: changed here; the edition has the starter.")
                typer.echo(text.format(path=path), err=True)


def _fetched(into: Path, platforms: list[str], versions: list[str]) -> list[Path]:
    pins = Pins.read(PROJECT / "requirements" / "student.txt")
    for platform in platforms:
        for version in versions:
            try:
                fetch(pins, platform, version, into, lambda line: typer.echo(line, err=True))
            except WheelsMissing as error:
                raise Failure(str(error)) from None
    return sorted(into.glob("*.whl"))


def _tell(folder: Path, archive: Path, count: int, references: frozenset[int]) -> None:
    size = archive.stat().st_size / 1e6
    text = _("{folder} and {archive}: {count} files, {size:.1f} MB")
    line = text.format(folder=folder, archive=archive, count=count, size=size)
    typer.echo(line)
    rooms = ", ".join(map(str, sorted(references))) or _("none")
    typer.echo(_("  references of rooms: {rooms}").format(rooms=rooms))
    typer.echo(_("  searched for solutions, variants, hidden checks and mistakes: none is in it"))
    typer.echo(
        _("  Hand out the zip; who has an older one: ./academy update {name}").format(
            name=archive.name
        )
    )


def _numbers(text: str) -> frozenset[int]:
    """Return the rooms of "1,4" or "1-3". Raises Failure for anything else."""
    known = {number_of(room) for room in rooms_in(PROJECT / "solutions")}
    found: set[int] = set()
    for word in text.replace(" ", "").split(","):
        span = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", word)
        numbers = range(int(span[1]), int(span[2] or span[1]) + 1) if span else ()
        if word and (not numbers or not known.issuperset(numbers)):
            message = _("--with-reference: expected rooms like 1,4 or 1-3, got {text!r}")
            raise Failure(message.format(text=text))
        found |= set(numbers)
    return frozenset(found)


def _platforms(text: str) -> list[str]:
    words = [word for word in text.replace(" ", "").split(",") if word]
    for word in words:
        if word not in PLATFORMS:
            message = _("--wheels: expected some of {known}, got {word!r}")
            raise Failure(message.format(known=", ".join(PLATFORMS), word=word))
    return words


def _versions(text: str) -> list[str]:
    words = [word for word in text.replace(" ", "").split(",") if word]
    if not words or not all(re.fullmatch(r"3\.\d{1,2}", word) for word in words):
        message = _("--python: expected versions like 3.12,3.13, got {text!r}")
        raise Failure(message.format(text=text))
    return words
