"""./academy map: the seven rooms, how far each is, and the one next thing to do."""

from typing import Annotated

import typer

from grader.cli.hinting import hints_of
from grader.cli.progress import Progress
from grader.cli.screen import columns, is_terminal, put
from grader.verdicts import RoomTable, place_of, rooms, table
from shared.course.folders import ROOT, number_of
from shared.language import _

_DONE, _BEGUN, _OPEN = "●", "◐", "○"
_MARKS_FROM = 56  # the column of the marks in a table

Found = dict[str, tuple[int, int]]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("map", help=_("Your rooms, your points, and what to do next."))(show)


def show(
    plain: Annotated[
        bool, typer.Option("--plain", help=_("In words, as in a pipe: for a screen reader."))
    ] = False,
) -> None:
    """Print the rooms with the points that the shown checks give, and the next task."""
    progress = Progress()
    known = [(table(name), progress.found(name)) for name in rooms()]
    drawn = is_terminal() and not plain and columns() >= _MARKS_FROM + 2 * 8
    if drawn:
        put(f"   {_('room'):<44}{_('points'):>6}  {_('tasks')}")
    for room, found in known:
        put(_drawn(room, found) if drawn else _told(room, found))
    if drawn:
        put(
            _("{done} done  {begun} begun  {open} open").format(
                done=_DONE, begun=_BEGUN, open=_OPEN
            )
        )
    put(_("Points are by the checks that you can read; a room has 100."))
    put(_following(known))


def _drawn(room: RoomTable, found: Found) -> str:
    marks = " ".join(_mark(found.get(task.id)) for task in room.tasks)
    title = room.title if len(room.title) <= 43 else f"{room.title[:42]}…"  # noqa: PLR2004 - columns
    number = number_of(room.name)
    return f"{number}  {title:<44}{_points(room, found):>6.0f}  {marks}"


def _told(room: RoomTable, found: Found) -> str:
    """Return a room in words: what is done, begun and open, by the tasks' numbers."""
    states = {_DONE: _("done"), _BEGUN: _("begun"), _OPEN: _("open")}
    parts = []
    for mark, word in states.items():
        tasks = [task.id for task in room.tasks if _mark(found.get(task.id)) == mark]
        if tasks:
            parts.append(f"{word} {', '.join(tasks)}")
    text = _("{number}  {title}. {points:.0f} points; {tasks}.")
    return text.format(
        number=number_of(room.name),
        title=room.title,
        points=_points(room, found),
        tasks="; ".join(parts),
    )


def _points(room: RoomTable, found: Found) -> float:
    pairs = ((task.points, found.get(task.id, (0, 1))) for task in room.tasks)
    return sum(points * passed / max(checks, 1) for points, (passed, checks) in pairs)


def _mark(pair: tuple[int, int] | None) -> str:
    if pair is None or pair[0] == 0:
        return _OPEN
    return _DONE if pair[0] == pair[1] else _BEGUN


def _following(known: list[tuple[RoomTable, Found]]) -> str:
    """Return the first task that isn't done, where it is, and what to type."""
    for room, found in known:
        for task in room.tasks:
            passed, checks = found.get(task.id, (0, 1))
            if passed < checks and task.names:
                place = place_of(ROOT / "rooms" / room.name, task.names)
                lines = [
                    _("Next  {task}  {title}").format(task=task.id, title=task.title),
                    f"  rooms/{room.name}/{place}",
                    f"  ./academy check {task.id}",
                ]
                if task.id in hints_of(room.name):
                    lines.append(f"  ./academy hint {task.id}")
                return "\n".join(lines)
    return _("All tasks pass the checks that you can read. Next  ./academy submit 1 2 3 4 5 6 7")
