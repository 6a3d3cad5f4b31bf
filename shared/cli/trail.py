"""`./academy trace [ID]`: one reading from sensor to alert, with the time in each part."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from shared.cli.failure import Failure
from shared.language import _
from shared.pipeline.accounts import Accountant
from shared.pipeline.tracing import Span, sampled_traces, timeline
from shared.pipeline.workplace import Workplace

BAR = 28
TRACEPARENT_PARTS = 4


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("trace")(trace)


def trace(
    identity: Annotated[
        str | None, typer.Argument(metavar="ID", help=_("A trace id or a message id (msg-…)."))
    ] = None,
) -> None:
    """Show the way of one reading; without ID, list readings that were followed closely."""
    place = Workplace()
    try:
        settings = place.read_settings()
    except OSError as error:
        raise Failure(_("Nothing was started here yet. Start: ./academy up")) from error
    accountant = Accountant(place, settings.storage)
    console = Console(highlight=False)
    if identity is None:
        found = sampled_traces(place.logs, 10)
        console.print("\n".join(found) or _("No reading was followed yet."), markup=False)
        return
    events = accountant.events_of(identity)
    trace_id = identity if not events else _trace_in(events[0].traceparent) or identity
    spans = timeline(place.logs, trace_id)
    if not events and not spans:
        raise Failure(_("Nothing is known of {id}. See: ./academy trace").format(id=identity))
    for row in events:
        console.print(
            f"{row.device_id}/{row.sensor_id}  {row.value:g} {row.unit}  {row.message_id}"
            f"  position {row.position}",
            markup=False,
        )
    if spans:
        console.print(_table(spans))
    else:
        console.print(_("Not followed closely: only a share of the readings leaves spans."))
    for row in events:
        waited = (row.stored_ms - row.received_ms) / 1000
        console.print(_("received → stored  {ms:.1f} ms").format(ms=waited * 1000))
        for alert in accountant.alerts_of(row.message_id):
            told = _("alert {kind}: {reason}").format(kind=alert.kind, reason=alert.reason)
            console.print(told, markup=False)


def _table(spans: list[Span]) -> Table:
    begin = min(span.start_s for span in spans)
    length = max(max(span.end_s for span in spans) - begin, 1e-9)
    table = Table(box=None)
    for title in (_("part"), _("step"), _("from, ms"), _("for, ms"), ""):
        table.add_column(title)
    for span in spans:
        first = int((span.start_s - begin) / length * BAR)
        width = max(1, int((span.end_s - span.start_s) / length * BAR))
        table.add_row(
            span.role,
            span.name,
            f"{(span.start_s - begin) * 1000:.1f}",
            f"{(span.end_s - span.start_s) * 1000:.1f}",
            " " * first + "#" * min(width, BAR - first + 1),
        )
    return table


def _trace_in(traceparent: str | None) -> str | None:
    parts = traceparent.split("-") if traceparent else []
    return parts[1] if len(parts) == TRACEPARENT_PARTS else None
