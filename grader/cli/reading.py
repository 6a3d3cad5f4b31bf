"""./academy stats and changes: what a class's results say, and what differs between two of them."""

import csv
import io
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from grader.grades import FORM, changes, statistics
from shared.cli.failure import Failure
from shared.language import _, plural
from shared.pipeline.workplace import write_atomically


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("stats", help=_("A class by task: tried, reached, what fails most."))(stats)
    app.command("changes", help=_("What differs between two results.json."))(changed)


def stats(
    out: Annotated[Path, typer.Argument(help=_("The folder that grade wrote."))] = Path("grades"),
    as_json: Annotated[bool, typer.Option("--json", help=_("For programs."))] = False,
) -> None:
    """Print, for each task, how many tried it and reached it, and its commonest failing checks."""
    found = statistics(_read(out))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for room, tasks in found.items():
        typer.echo(room)
        for one in tasks:
            typer.echo(_line(one))
            for check in one["failing"]:
                count = check["students"]
                text = plural("{n} student", "{n} students", count).format(n=count)
                typer.echo(f"         {text}: {check['sentence']}")


def _line(one: dict[str, Any]) -> str:
    text = _(
        "  {task}  reached by {reached}, tried by {tried} of {judged} in {tries} attempts; "
        "mean {mean} of {of:g}"
    )
    return f"{text.format(**one)}  {one['title']}"


def changed(
    before: Annotated[Path, typer.Argument(help=_("Results from before."))],
    after: Annotated[Path, typer.Argument(help=_("Results from after."))],
) -> None:
    """Print each student's rooms and tasks whose points differ."""
    told_changes(_read(before), _read(after), None)


def told_changes(before: dict[str, Any], after: dict[str, Any], kept: Path | None) -> None:
    """Print what differs between two results, and keep it as a table in `kept`."""
    rows = list(changes(before, after))
    if kept is not None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerows([("student", "where", "before", "after"), *rows])
        write_atomically(kept, text.getvalue().encode("utf-8-sig"))
    for student, where, was, now in rows:
        typer.echo(f"{student}  {where}  {_points(was)} → {_points(now)}")
    if not rows:
        typer.echo(_("no grade differs from before"))


def _points(value: object) -> str:
    return _("none") if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _read(path: Path) -> dict[str, Any]:
    place = path / "results.json" if path.is_dir() else path
    try:
        found = json.loads(place.read_bytes())
    except (OSError, ValueError) as error:
        text = _("{place}: expected results that ./academy grade wrote ({error})")
        raise Failure(text.format(place=place, error=error)) from None
    if not isinstance(found, dict) or found.get("form") != FORM:
        text = _("{place}: of another form than {form}; grade again")
        raise Failure(text.format(place=place, form=FORM))
    return found
