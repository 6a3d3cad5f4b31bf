"""./academy mystery: a wrong room runs in the pipeline; the student says what is wrong with it."""

import importlib.util
import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.memory import Memory, Shelf
from grader.cli.naming import named_room
from shared.cli.failure import Failure
from shared.cli.up import locked, run_until_stopped
from shared.course.folders import ROOT, number_of, rooms_in
from shared.language import _
from shared.pipeline.loader import MYSTERY
from shared.pipeline.planning import BadWish, Wishes
from shared.pipeline.supervisor import PipelineFailed
from shared.pipeline.workplace import Workplace

if TYPE_CHECKING:
    from grader.mystery import Mystery

_SHELF = "mystery"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("mystery", help=_("Find the mistake in a pipeline that runs."))(mystery)


def mystery(
    room: Annotated[str, typer.Argument(metavar="N", help=_("The room that goes wrong."))],
    answer: Annotated[str, typer.Option(metavar="HABIT", help=_("What you think it is."))] = "",
    seconds: Annotated[
        float | None, typer.Option("--for", help=_("End by itself after so many seconds."))
    ] = None,
    another: Annotated[bool, typer.Option("--new", help=_("Another one."))] = False,
) -> None:
    """Run the pipeline with an unnamed mistake in room N until Ctrl-C; or answer."""
    name = named_room(room)
    _need_reference(name)
    case = _drawn(name, another=another)
    if answer:
        _judge(name, case, answer.strip())
        return
    typer.echo(
        _("Room {number} has one mistake in it. Which habit is it?").format(number=number_of(name))
    )
    _list(name, case)
    place = Workplace()
    with locked(place):
        from grader.mystery import lay_out

        lay_out(case.mistake, place.root / MYSTERY)
        try:
            wishes = Wishes(mystery=number_of(name))
            run_until_stopped(place, wishes, seconds, fresh=True)
        except (BadWish, PipelineFailed) as error:
            raise Failure(str(error)) from error
    _list(name, case)


def _need_reference(room: str) -> None:
    has_reference = (ROOT / "solutions" / room / "__init__.py").is_file()
    if not has_reference or importlib.util.find_spec("grader.mystery") is None:
        raise Failure(
            _(
                "{room}: this edition has no reference of it, which a mystery is made of."
                " Your instructor may release one: ./academy update EDITION.zip"
            ).format(room=room)
        )
    from grader.mystery import cases

    if not cases(room):
        played = [str(number_of(name)) for name in rooms_in(ROOT / "rooms") if cases(name)]
        text = _("{room}: none of its mistakes was seen in a pipeline yet. Mysteries: {rooms}")
        raise Failure(text.format(room=room, rooms=", ".join(played) or _("none")))


def _drawn(room: str, *, another: bool) -> "Mystery":
    """Return the present case; draw one if there is none, and begin again after the last."""
    from grader.mystery import case

    with Memory().change(_SHELF) as shelf:
        entry = _entry(shelf, room)
        if another or entry["seed"] is None:
            entry["seed"] = secrets.randbelow(2**31)
        found = case(room, entry["seed"], entry["solved"])
        if found is None:
            entry["solved"] = []
            found = case(room, entry["seed"], [])
        shelf[room] = entry
    if found is None:
        raise Failure(room)
    return found


def _entry(shelf: Shelf, room: str) -> Shelf:
    entry = shelf.get(room)
    entry = entry if isinstance(entry, dict) else {}
    seed, solved, tries = entry.get("seed"), entry.get("solved"), entry.get("tries")
    return {
        "seed": seed if isinstance(seed, int) else None,
        "solved": [str(name) for name in solved] if isinstance(solved, list) else [],
        "tries": tries if isinstance(tries, int) else 0,
    }


def _list(room: str, case: "Mystery") -> None:
    typer.echo("")
    for habit in case.choices:
        typer.echo(f"  {habit}")
    number = number_of(room)
    typer.echo(_("\nLook    ./academy status · logs PART · trace ID · dead list, elsewhere"))
    typer.echo(_("Answer  ./academy mystery {number} --answer HABIT\n").format(number=number))


def _judge(room: str, case: "Mystery", answer: str) -> None:
    if answer not in case.choices:
        told = _("expected one of the habits, got {answer!r}: {choices}")
        raise Failure(told.format(answer=answer, choices=", ".join(case.choices)))
    right = answer == case.mistake.name
    with Memory().change(_SHELF) as shelf:
        entry = _entry(shelf, room)
        entry["tries"] += 1
        tries = entry["tries"]
        if right:
            entry = {"seed": None, "solved": [*entry["solved"], answer], "tries": 0}
        shelf[room] = entry
    if not right:
        typer.echo(
            _("It isn't {answer}. Look again: what differs, and since when?").format(answer=answer)
        )
        raise typer.Exit(1)
    typer.echo(_("Yes: {answer}, found at try {tries}.").format(answer=answer, tries=tries))
    typer.echo(f"  {case.mistake.live}")
    where = _("  It lies in {file}; the checks of {tasks} ask for it.")
    typer.echo(where.format(file=case.mistake.file, tasks=", ".join(case.mistake.trips)))
    typer.echo(_("  The next one: ./academy mystery {number}").format(number=number_of(room)))
