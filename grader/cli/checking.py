"""./academy check: the shown checks of your rooms, each judged behind the walls of a class."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from grader.cli.account import tell
from grader.cli.naming import room_or_task
from grader.cli.progress import Progress
from grader.cli.screen import put
from grader.intake import IntakeError, take
from grader.judging import Jury, Result
from grader.places import temporary
from grader.sandbox import GraderFault
from grader.verdicts import Outcome, table
from shared.cli.failure import Failure
from shared.course.folders import ROOT, rooms_in
from shared.language import _

_FAULT = 3
_POLL_S = 0.05


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
            put(_("{room}: this edition has no checks for it yet.").format(room=room))
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
    _need_checks(name)
    end = None if seconds is None else time.monotonic() + seconds
    about_own = any(one.id == task and one.judges for one in table(name).tasks)
    try:
        # One sandbox stays: it is all yours, and starting another costs more than the checks.
        with Jury(name, hidden=False, standing=True, own=about_own) as jury:
            for saved in _changes(ROOT / "rooms" / name, end):
                if saved:
                    text = _("\n{moment}  saved: {files}")
                    moment = time.strftime("%H:%M:%S")
                    put(text.format(moment=moment, files=", ".join(saved)))
                tell(_judged(jury, name, task, 0))
                put(_("watching rooms/{room}; Ctrl-C ends").format(room=name))
    except GraderFault as error:
        raise Failure(str(error)) from None


def _need_checks(room: str) -> None:
    if not (ROOT / "rooms" / room / "test_shown.py").is_file():
        raise Failure(_("{room}: this edition has no checks for it yet.").format(room=room))


def _changes(folder: Path, end: float | None) -> Iterator[list[str]]:
    """Yield at once, then the names of the Python files under `folder` that were saved."""
    before = _seen(folder)
    yield []
    pause = threading.Event()
    while end is None or time.monotonic() < end:
        found = _seen(folder)
        if found != before:
            changed = dict(set(found.items()) ^ set(before.items()))
            before = found
            yield sorted(path.relative_to(folder).as_posix() for path in changed)
        pause.wait(_POLL_S)  # the interval of a poll, the same on every system


def _seen(folder: Path) -> dict[Path, tuple[int, int]]:
    found = {}
    for path in folder.rglob("*.py"):
        with contextlib.suppress(OSError):  # an editor that saves takes it away for a moment
            about = path.stat()
            found[path] = (about.st_mtime_ns, about.st_size)
    return found


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
    # A room works without the student's own check: that isn't asked for the pipeline.
    names = sorted(t for t in set(jury.expected.values()) if not jury.table.task(t).judges)
    Progress().keep(room, found, names)
    return result


def _with_needs(jury: Jury, task: str) -> list[str]:
    return [task, *jury.table.task(task).needs]


def _code(result: Result) -> int:
    if result.faulty:
        return _FAULT
    return int(any(v.outcome is not Outcome.PASSED for v in result.verdicts))
