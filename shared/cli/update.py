"""./academy update: a newer edition comes in, and what the student wrote stays."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.failure import Failure
from shared.course.arrival import Arrival, Changes
from shared.course.edition import Edition, NotAnEdition
from shared.course.folders import ROOT
from shared.language import _
from shared.launcher.incoming import finish
from shared.pipeline.workplace import Workplace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("update", help=_("Bring in a newer edition; your work stays."))(update)


def update(
    edition: Annotated[Path, typer.Argument(metavar="EDITION.zip", help=_("The newer edition."))],
    older: Annotated[
        bool, typer.Option("--older", help=_("Go back to an older edition too."))
    ] = False,
) -> None:
    """Renew what you haven't changed. Yours stays, with the newer starter beside it."""
    if (ROOT / "grader" / "tests").is_dir():
        raise Failure(
            _("this is the whole course, not a student edition: bring it up to date with git.")
        )
    finish(ROOT)  # an earlier one that was interrupted
    place = Workplace()
    if place.root.exists() and place.is_running():
        raise Failure(_("The pipeline runs. Stop it first: ./academy down"))
    try:
        before = _present()
        arrival = Arrival.of(edition)
        if before is not None and arrival.edition.made < before.made and not older:
            text = _("{name} is of {made}, older than yours of {present}. To go back: --older")
            raise Failure(
                text.format(name=edition.name, made=arrival.edition.made, present=before.made)
            )
        changes = arrival.lay_out(ROOT, before)
    except NotAnEdition as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(_("nothing was changed: {error}").format(error=error)) from None
    _tell(changes, finish(ROOT), arrival.edition)


def _present() -> Edition | None:
    try:
        return Edition.of(ROOT)
    except NotAnEdition as error:
        typer.echo(_("{error}; going by the rooms' own.").format(error=error), err=True)
        return None


def _tell(changes: Changes, kept: list[tuple[str, str]], edition: Edition) -> None:
    typer.echo(_("edition of {made}").format(made=edition.made))
    counts = (len(changes.renewed), len(changes.added), len(changes.gone))
    text = _("  {renewed} files renewed, {added} new, {gone} gone")
    typer.echo(text.format(renewed=counts[0], added=counts[1], gone=counts[2]))
    for name in changes.yours:
        typer.echo(_("  yours, left alone: {path}").format(path=name))
        if name in changes.beside:
            typer.echo(_("    its newer starter: {path}.new").format(path=name))
    for name, copy in kept:
        typer.echo(_("  changed here, now the course's: {path}").format(path=name))
        typer.echo(_("    what you had: {copy}").format(copy=copy))
    typer.echo(_("Check your rooms again: ./academy check"))
