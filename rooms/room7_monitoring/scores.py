"""What truth says of the model, when it arrives."""

from collections.abc import Iterator, Mapping
from typing import Final

from shared.contracts.benches.telemetry import Scores
from shared.contracts.facts import Fact
from shared.contracts.todo import Todo

_ACCURACY: Final = (
    "Share of judgements that were right. Hides what matters: with one fault in a thousand"
    " readings, a model that never alerts scores 0.999. Look at precision and recall."
)


def score(hits: int, misses: int, false_alarms: int, quiet: int) -> Scores:
    """Return precision, recall and accuracy; None where nothing can be divided by.

    `hits` are faults that were alerted, `misses` faults that weren't, `false_alarms` alerts without
    a fault, `quiet` all the rest. The base rate decides: at one fault in a thousand, a false alarm
    in a hundred means ten for each true one.
    """
    # task 7.6: which alerts were right, which faults were found, and what a boast is worth
    raise Todo("7.6")


class ScoreBoard:
    """Counts what truth says: of alerts (hit, miss, false, quiet), of forecasts (covered)."""

    def __init__(self) -> None:
        self._truth = dict.fromkeys(("hit", "miss", "false", "quiet"), 0)
        self._covered = [0, 0]

    def take(self, fact: Fact, value: float, labels: Mapping[str, str]) -> None:
        """Take a fact in; an outcome that isn't known is passed over."""
        # task 7.6: counted when truth arrives, not when the model speaks
        raise Todo("7.6")

    def gauges(self) -> Iterator[tuple[str, str, float | None]]:
        """Yield (name, help, value) of each score; None while there is no truth."""
        found = score(*self._truth.values())
        covered, all_of_them = self._covered
        yield (
            "academy_alert_precision_ratio",
            "Share of alerts that were faults.",
            found.precision,
        )
        yield "academy_alert_recall_ratio", "Share of faults that were alerted.", found.recall
        yield "academy_model_accuracy_ratio", _ACCURACY, found.accuracy
        yield (
            "academy_forecast_coverage_ratio",
            "Share of truths inside the 90 % interval: should be 0.9.",
            covered / all_of_them if all_of_them else None,
        )
