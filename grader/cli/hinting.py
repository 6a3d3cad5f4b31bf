"""./academy hint: the next of a task's three hints, remembered; a question comes first."""

import re
import textwrap
import tomllib
from typing import Annotated

import typer

from grader.cli.memory import Memory
from grader.cli.naming import room_and_task
from grader.verdicts import place_of, table
from shared.cli.failure import Failure
from shared.course.folders import ROOT
from shared.language import _

_SHELF = "hints"
_WIDTH = 79


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("hint", help=_("The next of three hints for a task: hint 1.2."))(hint)


def hint(
    task: Annotated[str, typer.Argument(metavar="N.T", help=_("The task."))],
    again: Annotated[
        bool, typer.Option("--again", help=_("Only those that you have seen, in their order."))
    ] = False,
) -> None:
    """Show the next hint: first a question, then the idea, then the shape of the code."""
    room, number = room_and_task(task)
    texts = hints_of(room).get(number, [])
    if not texts:
        told = _("{task}: this edition has no hints for it yet. Its brief: rooms/{room}/README.md")
        raise Failure(told.format(task=number, room=room))
    seen = _seen(number)
    shown = min(seen, len(texts)) if again else min(seen + 1, len(texts))
    if again and not shown:
        raise Failure(_("{task}: you have seen none yet.").format(task=number))
    found = table(room)
    typer.echo(f"{number}  {found.task(number).title}")
    # What was shown before stands above once all are out, so that nobody has to ask again.
    whole = again or seen >= len(texts)
    for place in range(0 if whole else shown - 1, shown):
        _tell(texts[place], place + 1, len(texts))
    where = place_of(ROOT / "rooms" / room, found.task(number).names)
    typer.echo("")
    if where:
        typer.echo(_("  Look at   {place}").format(place=f"rooms/{room}/{where}"))
    typer.echo(_following(number, shown, len(texts)))
    if shown > seen:
        with Memory().change(_SHELF) as shelf:
            shelf[number] = shown


def hints_of(room: str) -> dict[str, list[str]]:
    """Return the hints of each task of `room`, from its `hints.toml`; none where there is none.

    Raises Failure for a file that isn't as it should be.
    """
    path = ROOT / "rooms" / room / "hints.toml"
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("hint", [])
        return {str(entry["task"]): [str(text) for text in entry["texts"]] for entry in entries}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(_("{path}: can't be read ({error})").format(path=path, error=error)) from None


def _seen(task: str) -> int:
    seen = Memory().read(_SHELF).get(task, 0)
    return max(0, seen) if isinstance(seen, int) else 0


def _tell(text: str, place: int, count: int) -> None:
    lead = _("hint {place} of {count}").format(place=place, count=count)
    typer.echo(f"\n{lead}")
    for line in text.strip("\n").split("\n"):
        typer.echo(_wrapped(line))


def _wrapped(line: str) -> str:
    """Return a paragraph, or a line of code (which is indented), within a terminal's width."""
    code = re.match(r" +(\S+: +)?", line)
    return textwrap.fill(
        line if code else f"  {line}",
        _WIDTH,
        subsequent_indent=" " * len(code[0]) if code else "  ",
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _following(task: str, shown: int, count: int) -> str:
    if shown < count:
        return _("  The next  ./academy hint {task}").format(task=task)
    return _("  That was the last. Then  ./academy check {task}").format(task=task)
