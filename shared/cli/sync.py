"""./academy sync: the starters in rooms/ from the solutions, which are their source."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.failure import Failure
from shared.course.folders import ROOT, number_of, room_named, rooms_in
from shared.course.generation import Generation
from shared.language import _
from shared.launcher.environment import say
from shared.launcher.lock import held


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("sync", help=_("Bring the starters up to date with the solutions."))(sync)


def sync(
    rooms: Annotated[
        list[str] | None, typer.Argument(help=_("Rooms by number; all if none is given."))
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help=_("Only say what is stale; exit code 1 if anything is."))
    ] = False,
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt", help=_("Replace starters that were changed by hand too, keeping a copy.")
        ),
    ] = False,
) -> None:
    """Generate the starters, or with `check` say which aren't what their source says."""
    red = False
    waiting = _("another sync is running; waiting for it.")
    with held(ROOT / ".sync.lock", lambda: say(waiting)):
        for name in _chosen(rooms or []):
            job = Generation(ROOT / "solutions" / name, ROOT / "rooms" / name, adopt=adopt)
            try:
                red |= _run(job, check=check)
            except ValueError as error:  # a manifest that isn't one, a file that isn't UTF-8
                raise Failure(f"{name}: {error}") from None
    if red:
        raise typer.Exit(1)


def _chosen(rooms: list[str]) -> list[str]:
    if not (ROOT / "solutions").is_dir():
        raise Failure(_("this edition has no solutions/, so there is nothing to generate from."))
    names = sorted(set(rooms_in(ROOT / "solutions")) | set(rooms_in(ROOT / "rooms")))
    try:
        return [room_named(names, room) for room in rooms] or names
    except LookupError as error:
        raise Failure(str(error)) from None


def _run(job: Generation, *, check: bool) -> bool:
    """Do one room and say what came of it; return whether anything is red."""
    findings = job.check() if check else job.run()
    for line in findings.errors:
        typer.echo(line, err=True)
    for line in findings.remarks:
        typer.echo(_("{line} (a remark)").format(line=line), err=True)
    for path in findings.stale:
        text = _("stale: {path}") if check else _("written: {path}")
        if not findings.errors or check:
            typer.echo(text.format(path=_shown(path)))
    for path in findings.backups:
        typer.echo(_("a copy of what was there: {path}").format(path=_shown(path)))
    for path in findings.kept:
        text = _(
            "{path} differs from what sync last wrote: somebody's work, left alone.\n"
            "  To replace it and keep a copy beside it: ./academy sync --adopt {number}"
        )
        number = number_of(path.parent.name)
        typer.echo(text.format(path=_shown(path), number=number), err=True)
    return bool(findings.errors or findings.kept or (check and findings.stale))


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
