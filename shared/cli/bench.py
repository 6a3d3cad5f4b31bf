"""`./academy bench`: the pipeline's figures on this machine, as ratios where that can be."""

import importlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from shared.cli.failure import Failure
from shared.language import _
from shared.pipeline.benchmark import Bench, Figure, calibrate
from shared.pipeline.supervisor import PipelineFailed


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(bench)


def bench(
    what: Annotated[
        str, typer.Argument(help=_("pipeline, or grader where there is one."))
    ] = "pipeline",
    seconds: Annotated[float, typer.Option(min=1.0, help=_("Length of each measurement."))] = 8.0,
    count: Annotated[int, typer.Option(min=1_000, help=_("Readings for memory."))] = 200_000,
    only: Annotated[
        str,
        typer.Option(
            help="pair, age, memory, rebuild; of the grader: one, many, classroom, student, memory"
        ),
    ] = "",
) -> None:
    """Measure the pipeline beside a bare pair of MQTT clients, in one run; or the grader."""
    console = Console(highlight=False, soft_wrap=True)
    if what == "grader":
        _grader({name for name in only.split(",") if name}, console)
        return
    if what != "pipeline":
        raise Failure(_("no {what} to measure; there are: pipeline, grader").format(what=what))
    wanted = {name for name in only.split(",") if name} or {"pair", "age", "memory", "rebuild"}
    with tempfile.TemporaryDirectory(prefix="academy-bench-") as folder:
        measured = Bench(Path(folder), console.print, seconds)
        table = Table(box=None)
        for title in (_("figure"), _("measured"), _("target"), _("met")):
            table.add_column(title)
        _add(table, [calibrate()])
        try:
            if "pair" in wanted:
                _add(table, measured.end_to_end())
            if "age" in wanted:
                _add(table, measured.age())
            if "memory" in wanted:
                _add(table, measured.memory(count))
            if "rebuild" in wanted:
                _add(table, measured.rebuild())
        except (PipelineFailed, TimeoutError) as error:
            raise Failure(str(error)) from error
        finally:
            console.print(table)


def _grader(only: set[str], console: Console) -> None:
    try:
        measuring = importlib.import_module("grader.cli.measuring")
    except ModuleNotFoundError:
        raise Failure(_("this edition's grader has nothing to be measured by")) from None
    if not measuring.measure(only, console):
        raise typer.Exit(1)


def _add(table: Table, figures: Iterable[Figure]) -> None:
    for figure in figures:
        met = "–" if figure.met is None else _("yes") if figure.met else _("no")
        table.add_row(figure.name, figure.text, figure.target, met)
