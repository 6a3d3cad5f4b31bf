"""What each task makes, in a line each: the first look at one's own work."""

import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from shared.contracts.facts import Fact
from shared.language import _

from ..alert_rules import alert_rules
from ..dashboards import dashboards
from ..health import ask
from ..journal import open_journal
from ..latency import quantile
from ..metrics import make_metrics
from ..scores import score
from ..traces import next_traceparent, parse_traceparent


def stops() -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield each task's id and what shows it; a task undone raises Todo when shown."""
    yield "7.1", _line
    yield "7.2", _trace
    yield "7.3", _metrics
    yield "7.4", _health
    yield "7.5", _quantile
    yield "7.6", _scores
    yield "7.7", _code


def _line() -> str:
    with tempfile.TemporaryDirectory() as folder:
        journal = open_journal(str(Path(folder) / "tour.log"), "info")
        journal.event("warning", "door_tried", by="x\n{forged}", authorization="Bearer abc.def.ghi")
        journal.close()
        written = Path(folder) / "tour.log"
        return written.read_text(encoding="utf-8").strip() if written.exists() else _("nothing")


def _trace() -> str:
    first = next_traceparent(None, 1.0)
    child = next_traceparent(first, 0.0)
    same = parse_traceparent(first), parse_traceparent(child)
    kept = same[0] is not None and same[1] is not None and same[0].trace_id == same[1].trace_id
    return f"{first} → {child}" if kept else _("the trace was lost on the way")


def _metrics() -> str:
    metrics = make_metrics()
    metrics.measure(Fact.READINGS_STORED, 3, {"outcome": "created"})
    lines = io.StringIO(metrics.exposition().decode())
    return next(line.strip() for line in lines if line.startswith("academy_readings_stored_total"))


def _health() -> str:
    def away(_limit_s: float) -> None:
        raise ConnectionRefusedError(_("nobody listens"))

    found = ask({"log": lambda _limit_s: None, "broker": away}, 0.5)
    return f"ready {found.ready}: {dict(found.dependencies)}"


def _quantile() -> str:
    found = quantile([(0.1, 50), (0.25, 98), (float("inf"), 100)], 0.95)
    return f"p95 {found}"


def _scores() -> str:
    found = score(hits=0, misses=1, false_alarms=0, quiet=999)
    return _("never alerting: accuracy {accuracy}, recall {recall}").format(
        accuracy=found.accuracy, recall=found.recall
    )


def _code() -> str:
    rules = alert_rules()["groups"][0]["rules"]
    alerts = [rule["alert"] for rule in rules if "alert" in rule]
    return f"{', '.join(dashboards())}; {', '.join(alerts)}"
