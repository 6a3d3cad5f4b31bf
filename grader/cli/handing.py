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
from shared.course.folders import ROOT
from shared.course.starters import starter_of
from shared.language import _


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
    source, folder = ROOT / "solutions" / name, ROOT / "rooms" / name
    if not source.is_dir():
        raise Failure(
            _("this edition has no copy of the starter; take the room's folder from the course.")
        )
    kept = ROOT / "rooms" / f".kept-{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    question = _("{room} becomes the starter again; your files go to {kept}. Go on?")
    if not yes and not typer.confirm(question.format(room=name, kept=kept.name)):
        raise typer.Exit(1)
    shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("__pycache__"))
    for path in sorted(source.rglob("*.py")):
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(starter_of(path.read_text(encoding="utf-8")).text, encoding="utf-8")
    typer.echo(_("done; your files are in rooms/{kept}").format(kept=kept.name))
