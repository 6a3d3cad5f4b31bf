"""./academy bench grader: the grader beside bare pytest."""

from collections.abc import Collection
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from grader.benchmark import Measure
from shared.language import _
from shared.pipeline.benchmark import calibrate

PARTS = ("one", "many", "classroom", "student", "memory")


def measure(only: Collection[str], console: Console) -> bool:
    """Measure the parts named in `only`, or all; return whether every ratio is met."""
    table = Table(box=None)
    for title in (_("figure"), _("measured"), _("target"), _("met")):
        table.add_column(title)
    fine = True
    with ExitStack() as stack:
        measured = Measure(stack, console.print, repeats=5)
        figures = [calibrate()]
        try:
            for part in PARTS:
                if not only or part in only:
                    figures += getattr(measured, part)()
        finally:
            for figure in figures:
                met = "–" if figure.met is None else _("yes") if figure.met else _("no")
                table.add_row(figure.name, figure.text, figure.target, met)
                fine = fine and figure.met is not False
            console.print(table)
    return fine
