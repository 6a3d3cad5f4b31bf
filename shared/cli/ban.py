"""`./academy ban NAME`: a stolen device's certificate ends, and it gets no other until --lift."""

from typing import Annotated

import typer

from shared.cli.failure import Failure
from shared.contracts.todo import Todo
from shared.language import _
from shared.pipeline.assembly import Assembly
from shared.pipeline.identity_part import keep_enrolment
from shared.pipeline.loader import Choice
from shared.pipeline.workplace import Workplace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(ban)


def ban(
    name: Annotated[str, typer.Argument(metavar="NAME", help=_("A device, or who else."))],
    lift: Annotated[bool, typer.Option("--lift", help=_("End the ban instead."))] = False,
) -> None:
    """Shut somebody out: its certificate ends, and it gets no other until --lift."""
    place = Workplace()
    authority = _assembly(place).security.authority
    enrolled = place.read("enrolment").get("credentials", {})
    try:
        if lift:
            authority.lift(name)
            told = _("{name} gets its successor's papers at the next ./academy up.")
        else:
            authority.revoke(name)
            enrolled.pop(name, None)
            keep_enrolment(place, authority, enrolled)
            told = _("{name} is out. Lift it: ./academy ban {name} --lift")
    except LookupError as error:
        raise Failure(_("Nobody of the name {name} was enrolled.").format(name=name)) from error
    except Todo as todo:
        raise Failure(_("Waits for task {task} of your Room 6.").format(task=todo.task)) from todo
    typer.echo(told.format(name=name))


def _assembly(place: Workplace) -> Assembly:
    """Return the rooms of the run that was last started here."""
    try:
        settings = place.read_settings()
    except OSError as error:
        raise Failure(_("Nothing was started here yet. Start: ./academy up")) from error
    plan = place.read("plan")
    choices = {int(number): Choice(found) for number, found in plan.get("choices", {}).items()}
    if choices[6] is Choice.STAND_IN:
        raise Failure(_("The door is open here: there is no identity to withdraw."))
    return Assembly(place, settings, choices)
