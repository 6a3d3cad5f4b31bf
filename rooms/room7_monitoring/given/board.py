"""The dashboard in the terminal: read from the exposition, as a Prometheus would."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.live import Live
from rich.table import Table

from shared.contracts.ports import Monitor
from shared.language import _

from ..alert_rules import AGE, TARGET
from ..latency import quantile
from .catalogue import OBJECTIVE_S

_LINE_S = 1.0
_BAR = 30


class Board:
    """A live table in a terminal, a line a second in a pipe."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._drawn_s = 0.0
        console = Console(highlight=False)
        self._live = Live(console=console, auto_refresh=False) if sys.stdout.isatty() else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def draw(self, spent: Mapping[str, float]) -> None:
        """Show the objective, the ages, and where the last reading spent its time."""
        if time.monotonic() - self._drawn_s < (_LINE_S if self._live is None else 0.25):
            return
        self._drawn_s = time.monotonic()
        buckets = self._buckets()
        total = max((count for _edge, count in buckets), default=0.0)
        within = next((count for edge, count in buckets if edge == OBJECTIVE_S), 0.0)
        share = within / total if total else 1.0
        p50, p99 = (quantile(buckets, one) or 0.0 for one in (0.5, 0.99))
        word = _("kept") if share >= TARGET else _("BROKEN")
        line = _(
            "within 250 ms {share:.2%} ({word})  p50 {p50:.0f} ms  p99 {p99:.0f} ms  of {n:.0f}"
        ).format(share=share, word=word, p50=p50 * 1000, p99=p99 * 1000, n=total)
        if self._live is None:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            return
        self._live.update(_table(line, spent), refresh=True)

    def _buckets(self) -> list[tuple[float, float]]:
        text = self._monitor.exposition().decode()
        return [
            (float(sample.labels["le"]), sample.value)
            for family in text_string_to_metric_families(text)
            if family.name == AGE
            for sample in family.samples
            if sample.name.endswith("_bucket")
        ]


def _table(line: str, spent: Mapping[str, float]) -> Table:
    table = Table(title=line, box=None)
    for title in (_("part"), _("ms"), ""):
        table.add_column(title)
    for part, seconds in spent.items():
        table.add_row(part, f"{seconds * 1000:.0f}", "#" * min(_BAR, int(seconds * 60)))
    return table
