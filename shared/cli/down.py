"""`./academy down`: ask the pipeline to stop, wherever it was started."""

import time
from threading import Event

import typer

from shared.cli.failure import Failure
from shared.language import _
from shared.pipeline.workplace import Workplace

STOP_WITHIN_S = 8.0


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(down)


def down() -> None:
    """Drain and stop the running pipeline."""
    place = Workplace()
    if not place.root.exists() or not place.is_running():
        typer.echo(_("Nothing runs here."))
        return
    (place.run / "stop").touch()
    began = time.monotonic()
    while place.is_running():
        if time.monotonic() - began > STOP_WITHIN_S:
            raise Failure(
                _("It didn't stop in {limit:.0f} s. Look: ./academy status").format(
                    limit=STOP_WITHIN_S
                )
            )
        Event().wait(0.05)
    (place.run / "stop").unlink(missing_ok=True)
    typer.echo(_("Stopped in {seconds:.1f} s.").format(seconds=time.monotonic() - began))
