"""`./academy logs [PART]`: what the parts wrote, newest last."""

from pathlib import Path
from typing import Annotated

import typer

from shared.cli.failure import Failure
from shared.language import _
from shared.pipeline.supervisor import SERVING
from shared.pipeline.workplace import Workplace

PARTS = ("identity", *SERVING)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(logs)


def logs(
    part: Annotated[str | None, typer.Argument(help=_("One of: ") + ", ".join(PARTS))] = None,
    lines: Annotated[int, typer.Option(min=1, help=_("How many lines of each file."))] = 20,
) -> None:
    """Show the last lines of the parts' logs."""
    if part is not None and part not in PARTS:
        raise Failure(
            _("Expected one of {parts}, got {part!r}.").format(parts=", ".join(PARTS), part=part)
        )
    folder = Workplace().logs
    found = False
    for role in PARTS if part is None else (part,):
        for path in (folder / f"{role}.log", folder / f"{role}.out"):
            words = _tail(path, lines)
            if words:
                found = True
                typer.echo(f"== {path.name}")
                typer.echo("\n".join(words))
    if not found:
        typer.echo(_("No line was written yet. Start: ./academy up"))


def _tail(path: Path, count: int) -> list[str]:
    """Return the last lines of a file without reading a long one whole."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 400 * count))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
