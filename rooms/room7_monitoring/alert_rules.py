"""Alerts on what users feel: how fast the error budget of the objective burns.

Multi-window, multi-burn-rate: "The Site Reliability Workbook" (B. Beyer et al., 2018), chapter 5.
"""

from collections.abc import Mapping
from typing import Any, Final

from shared.contracts.todo import Todo

from .given.catalogue import OBJECTIVE_S

TARGET: Final = 0.99
"""So large a share of the readings is acknowledged within `OBJECTIVE_S` seconds."""
AGE: Final = "academy_reading_age_seconds"
WINDOWS: Final = ("5m", "30m", "1h", "6h")
BURNS: Final = (
    # severity, burn rate, long window, short window: 2 % of a month's budget in an hour, 5 % in six
    ("critical", 14.4, "1h", "5m"),
    ("warning", 6.0, "6h", "30m"),
)


def slow_ratio(window: str) -> str:
    """Return the query for the share of readings over the objective, as a rate over `window`."""
    within = f'sum(rate({AGE}_bucket{{le="{OBJECTIVE_S}"}}[{window}]))'
    return f"1 - {within} / sum(rate({AGE}_count[{window}]))"


def alert_rules() -> Mapping[str, Any]:
    """Return the recording and alert rules as Prometheus reads them from a file.

    An alert needs both windows: the long one says that it matters, the short one that it still
    goes on, so that it ends soon after its cause.
    """
    # task 7.7: symptoms, not causes
    raise Todo("7.7")


def _burn_alert(severity: str, burn: float, long: str, short: str) -> Mapping[str, Any]:
    limit = round(burn * (1 - TARGET), 6)
    ratios = (f"academy:reading_slow:ratio_rate{window}" for window in (long, short))
    return {
        "alert": f"ReadingsTooOld{severity.capitalize()}",
        "expr": " and ".join(f"{ratio} > {limit}" for ratio in ratios),
        "labels": {"severity": severity},
        "annotations": {
            "summary": f"Readings are acknowledged too late: budget burns {burn:g} times too fast",
            "description": f"Over {long} and {short}, more than {limit:.1%} took over "
            f"{OBJECTIVE_S} s from sensor to acknowledgement.",
        },
    }
