"""./academy submit and reset: what leaves a student's folder, and what comes back to it."""

import shutil
import time
import zipfile
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.checking import tell
from grader.cli.naming import named_room
from grader.intake import IntakeError, take
from grader.judging import Jury
from grader.places import temporary
from grader.sandbox import GraderFault
from shared.cli.failure import Failure
from shared.course.edition import STARTERS, is_homework
from shared.course.folders import ROOT
from shared.course.starters import starter_of
from shared.language import _
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
    names = [named_room(room) for room in rooms]
    with temporary("work") as base:
        taken = []
        for name in names:
            try:
                intake = take(ROOT / "rooms" / name, name, base)
            except IntakeError as error:
                raise Failure(str(error)) from None
            taken += [f"rooms/{name}/{file}" for file in sorted(intake.taken)]
            for remark in intake.remarks:
                if not remark.startswith("test_"):
                    typer.echo(remark)
            if (ROOT / "rooms" / name / "test_shown.py").is_file():
                try:
                    with Jury(name, hidden=False) as jury:
                        tell(jury.judge(intake.folder, seed=0))
                except GraderFault as error:  # handing in must work all the same
                    typer.echo(_("not checked: {reason}").format(reason=error))
        fresh = out.with_name(f".{out.name}.new")
        with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in taken:
                archive.write(base / file, file)
        fresh.replace(out)
    for file in taken:
        typer.echo(f"  {file}")
    typer.echo(_("{out}: {count} files. Hand in this one file.").format(out=out, count=len(taken)))


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
