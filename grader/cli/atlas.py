"""./academy map: the seven rooms, how far each is, and the one next thing to do."""

import typer
from rich.console import Console
from rich.table import Table

from grader.cli.progress import Progress
from grader.verdicts import RoomTable, rooms, table
from shared.language import _


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("map", help=_("Your rooms, your points, and what to do next."))(show)


def show() -> None:
    """Print the rooms with the points that the shown checks give, and the next task."""
    progress = Progress()
    screen = Table(box=None, pad_edge=False)
    screen.add_column("")
    screen.add_column(_("room"))
    screen.add_column(_("points"), justify="right")
    screen.add_column(_("tasks"))
    following = ""
    for name in rooms():
        room = table(name)
        found = progress.found(name)
        points = sum(_points(room, task, *pair) for task, pair in found.items())
        marks = " ".join(_mark(found.get(task.id)) for task in room.tasks)
        screen.add_row(name[4], room.title, f"{points:.0f}", marks)
        following = following or _next(room, found)
    console = Console()
    console.print(screen)
    console.print(_("● done  ◐ begun  ○ open; points by the checks that you can read"))
    if following:
        console.print(_("next: {task}").format(task=following))


def _points(room: RoomTable, task: str, passed: int, checks: int) -> float:
    try:
        return room.task(task).points * passed / max(checks, 1)
    except KeyError:  # a task of another edition
        return 0.0


def _mark(pair: tuple[int, int] | None) -> str:
    if pair is None or pair[0] == 0:
        return "○"
    return "●" if pair[0] == pair[1] else "◐"


def _next(room: RoomTable, found: dict[str, tuple[int, int]]) -> str:
    for task in room.tasks:
        passed, checks = found.get(task.id, (0, 1))
        if passed < checks and task.names:
            place = f"rooms/{room.name}/{task.names[0].partition(':')[0]}"
            return f"{task.id} {task.title} ({place}); ./academy check {task.id}"
    return ""
