"""`./academy dead list|show|replay`: what was refused, why, and again once mended."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from shared.cli.failure import Failure
from shared.contracts.messages import DeadLetter
from shared.contracts.ports import DoorUnreachable, StoreUnavailable
from shared.database.dead_letters import DeadLetterBox
from shared.database.engine import sqlite_path
from shared.language import _
from shared.pipeline.replay import replay_letter
from shared.pipeline.workplace import Workplace

SHOWN = 60


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    dead = typer.Typer(no_args_is_help=True, help=_("Messages that were refused, and why."))
    dead.command("list")(list_letters)
    dead.command("show")(show)
    dead.command("replay")(replay)
    app.add_typer(dead, name="dead")


def list_letters(
    limit: Annotated[int, typer.Option(min=1, help=_("How many at the most."))] = 50,
) -> None:
    """List what was refused and not replayed yet."""
    letters = _box().pending(limit=limit)
    if not letters:
        typer.echo(_("No dead letter."))
        return
    table = Table(box=None)
    for title in (_("letter"), _("device"), _("status"), _("reason")):
        table.add_column(title, overflow="fold")
    for letter in letters:
        table.add_row(
            letter.letter_id, letter.device_id or "–", str(letter.status), letter.reason[:SHOWN]
        )
    console = Console(highlight=False)
    console.print(table, markup=False)
    console.print(_("One in full: ./academy dead show LETTER"), markup=False)


def show(letter_id: Annotated[str, typer.Argument(metavar="LETTER")]) -> None:
    """Show one letter in full."""
    for letter in _found(letter_id):
        typer.echo(
            "\n".join(
                [
                    f"{_('letter')}   {letter.letter_id}",
                    f"{_('device')}   {letter.device_id or '–'}",
                    f"{_('topic')}    {_printable(letter.topic)}",
                    f"{_('refused')}  {letter.refused_at.isoformat()}  {letter.status}",
                    f"{_('reason')}   {_printable(letter.reason)}",
                    f"{_('payload')}  {_printable(_decoded(letter.payload))}",
                ]
            )
        )
    typer.echo(_("Again, mended: ./academy dead replay LETTER --set value=21.5"))


def replay(
    letter_id: Annotated[str | None, typer.Argument(metavar="LETTER")] = None,
    everything: Annotated[bool, typer.Option("--all", help=_("All that wait."))] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help=_("Mend a field first."))
    ] = None,
) -> None:
    """Send letters again, through the API, as the gateway would."""
    if (letter_id is None) == (not everything):
        raise Failure(_("Name one letter, or --all. See them: ./academy dead list"))
    place = Workplace()
    if not place.is_running():
        raise Failure(_("The pipeline doesn't run: nothing could take the letter. ./academy up"))
    box = _box()
    letters = box.pending(limit=100_000) if letter_id is None else _found(letter_id)
    refused = 0
    for letter in letters:
        try:
            answer = replay_letter(place, box, letter, _changes(change or []))
        except (DoorUnreachable, StoreUnavailable) as error:
            raise Failure(_("Not sent: {error}. ./academy status").format(error=error)) from error
        refused += not answer.stored
        typer.echo(f"{letter.letter_id}  {answer.text}")
    if refused:
        raise typer.Exit(1)


def _changes(texts: list[str]) -> dict[str, object]:
    changes: dict[str, object] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise Failure(_("--set: expected KEY=VALUE, got {text!r}").format(text=text))
        try:
            changes[key] = json.loads(value)
        except ValueError:
            changes[key] = value
    return changes


def _box() -> DeadLetterBox:
    place = Workplace()
    try:
        url = place.read_settings().storage.log_url
    except OSError as error:
        raise Failure(_("Nothing was started here yet. Start: ./academy up")) from error
    path = sqlite_path(url)
    if path is not None and not Path(path).exists():
        raise Failure(_("There is no event log yet. Start: ./academy up"))
    return DeadLetterBox(url)


def _found(letter_id: str) -> list[DeadLetter]:
    letters = list(_box().find(letter_id))
    if not letters:
        raise Failure(
            _("No letter {letter!r}. See them: ./academy dead list").format(letter=letter_id)
        )
    return letters


def _decoded(payload: bytes) -> str:
    return payload.decode(errors="backslashreplace")


def _printable(text: str) -> str:
    """Return `text` with controls spelled out: what a device sent must not drive the terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)
