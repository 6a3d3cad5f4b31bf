"""./academy grade: a class's submissions, judged behind walls, in the forms that others read."""

import json
import secrets
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from grader.grading import Grading, RoomGrade, faults, results
from grader.reports import platforms, tables
from grader.roster import RosterError, roster
from grader.sandbox import GraderFault
from grader.session import checks_of
from grader.verdicts import rooms
from grader.walls import bubblewrap
from shared.cli.failure import Failure
from shared.course.folders import room_named
from shared.language import _
from shared.pipeline.workplace import write_atomically

_FAULT = 3


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("grade", help=_("Grade a class: folders, zips, a platform's download."))(grade)


def grade(
    paths: Annotated[list[Path], typer.Argument(help=_("Folders or zips."))],
    out: Annotated[Path, typer.Option(help=_("Where the results go."))] = Path("grades"),
    only: Annotated[str, typer.Option(metavar="1,3", help=_("Only these rooms."))] = "",
    seed: Annotated[int | None, typer.Option(help=_("The seed; drawn once if none."))] = None,
    jobs: Annotated[int, typer.Option(min=1, help=_("Submissions at a time."))] = 2,
    without_walls: Annotated[
        bool, typer.Option("--not-isolated", help=_("Grade where nothing can be isolated."))
    ] = False,
) -> None:
    """Grade all, then write results.json, CSVs, JUnit and Gradescope files into `out`."""
    isolated = bubblewrap() is not None
    if not isolated and not without_walls:
        raise Failure(
            _(
                "no isolation here: strangers' code would run as you. Install bubblewrap "
                "(Debian, Ubuntu: apt install bubblewrap), or say --not-isolated."
            )
        )
    try:
        submissions = roster(paths)
    except RosterError as error:
        raise Failure(str(error)) from None
    chosen = _rooms(only)
    drawn = _seed(out, seed)
    total, begin, done = len(submissions) * len(chosen), time.monotonic(), 0

    def told(student: str, found: RoomGrade | None) -> None:
        nonlocal done
        done += 1
        if found is None:
            return
        left = (time.monotonic() - begin) / done * (total - done)
        points = _("not judged") if found.points is None else f"{found.points:.1f}"
        text = _("{done}/{total}  {student}  {room}  {points}  ({left:.0f} s left)")
        line = text.format(
            done=done, total=total, student=student, room=found.room, points=points, left=left
        )
        typer.echo(line, err=True)

    run = Grading(chosen, drawn, out / "cache", walls=isolated, jobs=jobs, told=told)
    try:
        found = run.run(submissions)
    except GraderFault as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        typer.echo(_("stopped; the same command goes on from here."), err=True)
        raise
    _write(out, results(run, submissions, found))
    text = _("{count} submissions, seed {seed}, {tier}: {out}")
    tier = _("isolated") if isolated else _("not isolated")
    typer.echo(text.format(count=len(submissions), seed=drawn, tier=tier, out=out))
    if faults(found):
        typer.echo(_("{count} couldn't be judged; run it again.").format(count=faults(found)))
        raise typer.Exit(_FAULT)


def _rooms(only: str) -> list[str]:
    names = [name for name in rooms() if any("hidden" in p.name for p in _checks(name))]
    try:
        return [room_named(names, word.strip()) for word in only.split(",") if word] or names
    except LookupError as error:
        raise Failure(str(error)) from None


def _checks(room: str) -> list[Path]:
    return checks_of(room, hidden=True)


def _seed(out: Path, given: int | None) -> int:
    """Return the run's seed: given, or that of the results that are there, or a new one."""
    place = out / "seed"
    if given is None:
        try:
            return int(place.read_text())
        except (OSError, ValueError):
            given = secrets.randbelow(2**31)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(place, str(given).encode())
    return given


def _write(out: Path, found: dict[str, Any]) -> None:
    for name in ("own", "moodle", "canvas", "nbgrader"):
        file = "grades.csv" if name == "own" else f"{name}.csv"
        # Excel takes UTF-8 for what it is only behind a byte order mark.
        write_atomically(out / file, getattr(tables, name)(found).encode("utf-8-sig"))
    write_atomically(out / "junit.xml", platforms.junit(found))
    (out / "gradescope").mkdir(exist_ok=True)
    for number, one in enumerate(found["students"], 1):
        text = json.dumps(platforms.gradescope(found, one), ensure_ascii=False, indent=1)
        write_atomically(out / "gradescope" / f"{number:04d}.json", text.encode())
    text = json.dumps(found, ensure_ascii=False, indent=1)
    write_atomically(out / "results.json", text.encode())
