"""./academy submit and reset: what leaves a student's folder, and what comes back to it."""

import shutil
import time
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.account import tell
from grader.cli.naming import named_room
from grader.cli.screen import put
from grader.intake import Intake, IntakeError, take
from grader.judging import Jury
from grader.places import temporary
from grader.sandbox import GraderFault
from shared.cli.failure import Failure
from shared.course.edition import STARTERS, is_homework
from shared.course.folders import ROOT
from shared.course.manifest import Manifest
from shared.course.starters import starter_of
from shared.language import _
from shared.launcher.incoming import digest_at
from shared.pipeline.workplace import write_atomically


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("submit", help=_("Make the zip to hand in, and say what is in it."))(submit)
    app.command("reset", help=_("Begin a room anew; what you have is kept beside it."))(reset)


def submit(
    rooms: Annotated[list[str], typer.Argument(metavar="N...", help=_("The rooms, by number."))],
    out: Annotated[Path, typer.Option(help=_("The zip to write."))] = Path("submission.zip"),
) -> None:
    """Write a zip of what the grader takes, after the shown checks ran on exactly that."""
    names = list(dict.fromkeys(named_room(room) for room in rooms))
    with temporary("work") as base:
        intakes = [_taken(name, base) for name in names]
        for intake in intakes:
            _check(intake)
        files = [
            f"rooms/{intake.room}/{file}" for intake in intakes for file in sorted(intake.taken)
        ]
        try:
            _pack(base, files, out)
        except OSError as error:
            text = _("{out} can't be written ({reason}). Another place: --out FILE.zip")
            raise Failure(text.format(out=out, reason=error.strerror)) from None
        put()
        for intake in intakes:
            _tell_content(intake)
    size = out.stat().st_size / 1000
    text = _("{out}: {count} files, {size:.0f} kB. Hand in this one file.")
    put(text.format(out=out, count=len(files), size=size))


def _taken(room: str, base: Path) -> Intake:
    try:
        return take(ROOT / "rooms" / room, room, base)
    except IntakeError as error:
        raise Failure(str(error)) from None


def _check(intake: Intake) -> None:
    if not (ROOT / "rooms" / intake.room / "test_shown.py").is_file():
        put(_("{room}: this edition has no checks for it yet.").format(room=intake.room))
        return
    try:
        with Jury(intake.room, hidden=False) as jury:
            tell(jury.judge(intake.folder, seed=0))
    except GraderFault as error:  # handing in must work all the same
        put(_("not checked: {reason}").format(reason=error))


def _pack(base: Path, files: list[str], out: Path) -> None:
    fresh = out.with_name(f".{out.name}.new")
    try:
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(base / file, file)
        fresh.replace(out)
    finally:
        fresh.unlink(missing_ok=True)


def _tell_content(intake: Intake) -> None:
    """Say what of a room is in the zip: what the student changed first, what stayed out last."""
    given = Manifest.of(ROOT / "rooms" / intake.room).digests
    changed: list[str] = []
    starter: list[str] = []
    for file in sorted(intake.taken):
        same = digest_at(intake.folder / file) == given.get(file)
        (starter if same else changed).append(file)
    put(_("In the zip, of rooms/{room}").format(room=intake.room))
    none = _("nothing")
    put(_("  changed by you: {files}").format(files=", ".join(changed) or none))
    put(_("  as it was given: {files}").format(files=", ".join(starter) or none))
    for remark in intake.remarks:
        if not remark.startswith("test_"):
            put(_("  not in it: {remark}").format(remark=remark))


def reset(
    room: Annotated[str, typer.Argument(metavar="N", help=_("The room, by number."))],
    yes: Annotated[bool, typer.Option("--yes", help=_("Don't ask."))] = False,
) -> None:
    """Put the starter back; the present files go to a folder beside it, and their name is told."""
    name = named_room(room)
    folder = ROOT / "rooms" / name
    starter = _starter(name)
    kept = _free(ROOT / "rooms" / f".kept-{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    question = _("{room} becomes the starter again; your files go to {kept}. Go on?")
    if not yes and not typer.confirm(question.format(room=name, kept=kept.name)):
        raise typer.Exit(1)
    shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("__pycache__"))
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder).as_posix()
        if inside not in starter and is_homework(f"rooms/{name}/{inside}"):
            path.unlink()  # a copy of it is kept
    for inside, content in sorted(starter.items()):
        target = folder / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)
    typer.echo(_("{room} is the starter again.").format(room=name))
    typer.echo(_("Your files are in rooms/{kept}").format(kept=kept.name))


def _starter(room: str) -> dict[str, bytes]:
    """Return the modules of a room's starter by path: from its source, or as they were released.

    Raises Failure where this copy of the course has neither.
    """
    source = ROOT / "solutions" / room
    released = ROOT / STARTERS
    if released.is_file():
        with zipfile.ZipFile(released) as archive:
            head = f"rooms/{room}/"
            return {
                entry.removeprefix(head): archive.read(entry)
                for entry in archive.namelist()
                if entry.startswith(head)
            }
    if source.is_dir():
        return {
            path.relative_to(source).as_posix(): starter_of(path.read_text("utf-8")).text.encode()
            for path in source.rglob("*.py")
        }
    raise Failure(
        _("this edition has no copy of the starter; take the room's folder from the course.")
    )


def _free(path: Path) -> Path:
    number = 1
    while path.exists():
        number += 1
        path = path.with_name(f"{path.name.partition('+')[0]}+{number}")
    return path
