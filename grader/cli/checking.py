"""./academy check: the shown checks of your rooms, each judged behind the walls of a class."""

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.hinting import hints_of
from grader.cli.naming import room_or_task
from grader.cli.progress import Progress
from grader.intake import IntakeError, take
from grader.judging import Jury, Result
from grader.places import temporary
from grader.plugin import feedback
from grader.sandbox import GraderFault
from grader.verdicts import Outcome, Verdict, place_of
from shared.cli.failure import Failure
from shared.course.folders import ROOT, rooms_in
from shared.language import _, plural

_FAULT = 3


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("check", help=_("Check your rooms: ./academy check 1, or one task: 1.2."))(check)
    app.command("watch", help=_("Check a room again whenever you save."))(watch)


def check(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[N[.T]]...", help=_("Rooms or tasks."))
    ] = None,
    seed: Annotated[int, typer.Option(help=_("The seed of the checks' inputs."))] = 0,
    walls: Annotated[bool, typer.Option(help=_("Isolate your code where this system can."))] = True,
) -> None:
    """Run the shown checks and say what each found; exit with 1 if a task isn't done."""
    worst = 0
    for room, task in _wanted(what or []):
        if not (ROOT / "rooms" / room / "test_shown.py").is_file():
            typer.echo(_("{room}: this edition has no checks for it yet.").format(room=room))
            continue
        try:
            with Jury(room, hidden=False, walls=None if walls else False) as jury:
                result = _judged(jury, room, task, seed)
        except GraderFault as error:
            raise Failure(str(error)) from None
        tell(result)
        worst = max(worst, _code(result))
    if worst:
        raise typer.Exit(worst)


def watch(
    room: Annotated[str, typer.Argument(metavar="N[.T]", help=_("The room or task."))],
    seconds: Annotated[
        float | None, typer.Option("--for", help=_("End by itself after so many seconds."))
    ] = None,
) -> None:
    """Check now and after each save, until Ctrl-C."""
    ((name, task),) = _wanted([room])
    end = None if seconds is None else time.monotonic() + seconds
    with Jury(name, hidden=False) as jury:
        for _change in _changes(ROOT / "rooms" / name, end):
            tell(_judged(jury, name, task, 0))
            typer.echo(_("watching rooms/{room}; Ctrl-C ends").format(room=name))


def _changes(folder: Path, end: float | None) -> Iterator[None]:
    """Yield at once, then whenever a Python file under `folder` changed."""
    before: dict[Path, tuple[int, int]] = {}
    pause = threading.Event()
    while not before or end is None or time.monotonic() < end:
        found = {
            path: (path.stat().st_mtime_ns, path.stat().st_size)
            for path in folder.rglob("*.py")
            if path.exists()
        }
        if found != before:
            before = found
            yield
        pause.wait(0.1)  # the interval of a poll, the same on every system


def _wanted(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return rooms and tasks (or "" for all) that `words` name; every room for none."""
    if not words:
        return [(name, "") for name in rooms_in(ROOT / "rooms")]
    return [room_or_task(word) for word in words]


def _judged(jury: Jury, room: str, task: str, seed: int) -> Result:
    with temporary("work") as place:
        try:
            intake = take(ROOT / "rooms" / room, room, place)
        except IntakeError as error:
            raise Failure(str(error)) from None
        tasks = _with_needs(jury, task) if task else []
        result = jury.judge(intake.folder, seed=seed, tasks=tasks)
    found = {s.task.id: (s.passed, s.checks) for s in result.scores if s.checks}
    names = sorted(set(jury.expected.values()))
    Progress().keep(room, found, names)
    return result


def _with_needs(jury: Jury, task: str) -> list[str]:
    return [task, *jury.table.task(task).needs]


def tell(result: Result) -> None:
    """Print what each task's checks found, and how isolated they ran."""
    room = result.room
    hinted = hints_of(room.name)
    typer.echo(f"{room.name[4]}  {room.title}")
    for score in result.scores:
        if not score.checks:
            continue
        own = [v for v in result.verdicts if v.task == score.task.id]
        state = Outcome.PASSED.value if score.passed == score.checks else ""
        for verdict in own:
            if verdict.outcome is not Outcome.PASSED:
                typer.echo(feedback(verdict, _look_at(result, verdict), _hint(verdict, hinted)))
        if state:
            text = plural("{n} check", "{n} checks", score.checks).format(n=score.checks)
            typer.echo(f"{state}   {score.task.id}  {score.task.title} ({text})")
    done = sum(s.passed == s.checks for s in result.scores if s.checks)
    total = sum(1 for s in result.scores if s.checks)
    tier = (
        _("isolated")
        if result.tier == "walled"
        else _("not isolated: self-check only (your own code ran as you)")
    )
    text = _("{done} of {total} tasks pass their shown checks; {tier}")
    typer.echo(text.format(done=done, total=total, tier=tier))


def _look_at(result: Result, verdict: Verdict) -> str:
    room = result.room.name
    if verdict.where is not None and f"/{room}/" in verdict.where[0].replace("\\", "/"):
        file = verdict.where[0].replace("\\", "/").rpartition(f"/{room}/")[2]
        return f"rooms/{room}/{file}:{verdict.where[1]}"
    place = place_of(ROOT / "rooms" / room, result.room.task(verdict.task).names)
    return f"rooms/{room}/{place}" if place else ""


def _hint(verdict: Verdict, hinted: Collection[str]) -> str:
    return f"hint: ./academy hint {verdict.task}" if verdict.task in hinted else ""


def _code(result: Result) -> int:
    if result.faulty:
        return _FAULT
    return int(any(v.outcome is not Outcome.PASSED for v in result.verdicts))
