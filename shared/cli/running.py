"""./academy run N: one room alone, as its student has it or as the reference."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from shared.cli.failure import Failure
from shared.course.folders import ROOT, room_named, rooms_in
from shared.language import _

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    text = _("Start one room alone. Options that aren't listed here go to the room.")
    app.command("run", help=text, context_settings=_PASS_ON)(run)


def run(
    context: typer.Context,
    room: Annotated[str, typer.Argument(help=_("The room, by number."))],
    reference: Annotated[
        bool, typer.Option("--reference", help=_("The reference solution instead of yours."))
    ] = False,
    seconds: Annotated[
        float | None, typer.Option("--for", help=_("End by itself after so many seconds."))
    ] = None,
) -> None:
    """Become `python -m rooms.roomN_x`, or the solution of the same name."""
    tree = "solutions" if reference else "rooms"
    try:
        name = room_named(rooms_in(ROOT / tree), room)
    except LookupError as error:
        if reference and not (ROOT / tree).is_dir():
            raise Failure(_("this edition has no reference solutions.")) from None
        raise Failure(str(error)) from None
    if not (ROOT / tree / name / "__main__.py").exists():
        raise Failure(_("{folder} has no __main__.py to start.").format(folder=f"{tree}/{name}"))
    duration = [] if seconds is None else ["--for", str(seconds)]
    raise typer.Exit(_become([f"{tree}.{name}", *duration, *context.args]))


def _become(arguments: list[str]) -> int:
    """Run the module in `arguments` in this process's place; return its code where we can't."""
    command = [sys.executable, "-P", "-m", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    if os.name != "nt":
        os.execve(command[0], command, environment)  # noqa: S606 - no shell is wanted
    with subprocess.Popen(command, env=environment) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue  # the room gets it too and ends by itself
