"""How good alarms are, an event at a time: found, in time, and not for nothing."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from shared.contracts.benches.model import Score
from shared.contracts.messages import Alert, Truth

GRACE_HOURS: Final = MappingProxyType(
    {"spike": 2, "stuck": 6, "dropout": 6, "skew": 6, "drift": 96, "deviation": 96}
)
"""An alert this long after a fault's end still is about it."""
SAME: Final = MappingProxyType(
    {"deviation": {"drift", "deviation"}, "drift": {"drift", "deviation"}}
)


def score_events(alerts: Sequence[Alert], truths: Sequence[Truth]) -> Mapping[str, Score]:
    """Return a Score for each kind. An alert counts once, however often it is told.

    By event, not by reading: a fault of 24 hours is one event, and ten right readings in it don't
    make up for a fault that was missed.
    """
    first: dict[str, Alert] = {}
    for alert in alerts:
        first.setdefault(alert.alert_id, alert)
    tally: dict[str, list[int]] = {}
    found: set[int] = set()
    for alert in first.values():
        its = tally.setdefault(alert.kind, [0, 0, 0, 0, 0])
        about = [n for n, truth in enumerate(truths) if concerns(alert, truth)]
        mine = [n for n in about if truths[n].kind in SAME.get(alert.kind, {alert.kind})]
        found.update(mine)
        its[2] += 1
        its[3] += bool(about)
        its[4] += bool(mine)
    for number, truth in enumerate(truths):
        its = tally.setdefault(truth.kind, [0, 0, 0, 0, 0])
        its[0] += 1
        its[1] += number in found
    return {kind: Score(*its) for kind, its in tally.items()}


def concerns(alert: Alert, truth: Truth) -> bool:
    """Return whether `alert` was opened at the truth's sensor while it lasted, or in its grace."""
    if (alert.device_id, alert.sensor_id) != (truth.device_id, truth.sensor_id):
        return False
    grace = timedelta(hours=GRACE_HOURS[truth.kind])
    early = timedelta(seconds=abs(truth.size)) if truth.kind == "skew" else timedelta(0)
    end = truth.end
    return truth.start - early <= alert.opened_at and (
        end is None or alert.opened_at <= end + grace
    )


def expected_precision(recall: float, events_a_month: float, false_a_month: float) -> float:
    """Return the share of alarms that are true when faults are as rare as they really are.

    The base rate decides: a detector that finds everything and cries wolf once a month is right
    half of the time where a sensor fails once a month, and one time in 25 where it fails every
    other year.
    """
    true = recall * events_a_month
    return true / (true + false_a_month) if true + false_a_month > 0 else float("nan")
