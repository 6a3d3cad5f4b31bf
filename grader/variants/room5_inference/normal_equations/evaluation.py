"""An honest evaluation: split by time, every origin in turn, baselines first, intervals too."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from shared.contracts.benches.model import ForecastScore

from .features import SEASON_DAYS, Columns, Values
from .forecasting import HORIZONS, examples, fitted
from .given.outlook import Outlook
from .lags import usual

MODEL: Final = "model"
BASELINES: Final = ("persistence", "day", "week", "climatology")


def baselines(history: Values, day: int) -> dict[str, Values]:
    """Return what simple methods say of the next HORIZONS slots, (HORIZONS, sensors) each.

    `persistence` is the last value; `day` and `week` the value at the same time a day and a week
    before the target; `climatology` the median at that time of day over the last two weeks.
    """

    def again(slots: int) -> Values:
        return np.array([history[len(history) - slots + n % slots] for n in range(HORIZONS)])

    climatology = usual(history, day, HORIZONS)
    said = {"persistence": again(1), "day": again(day), "week": again(7 * day)}
    return {**said, "climatology": climatology}


def rolling_origins(length: int, split: int) -> Iterator[tuple[range, int]]:
    """Yield (slots that may be learnt from, origin) for every origin from which all can be judged.

    Nothing at or after `split` may be learnt from; the origin's own slot is known by then.
    """
    origin = split
    while origin + HORIZONS < length:
        yield range(split), origin
        origin += 1


def evaluate(panel: Values, neighbours: Columns, day: int, split: int) -> ForecastScore:
    """Return the scores on [split, end) of a forecaster that learnt from [0, split) only.

    All sensors of `panel` (slots, sensors) are of one type. Each origin is served by the code
    that serves the pipeline; intervals adapt to truths that have arrived. Only truths on which
    every method has an opinion count, so that all are judged on the same ones.
    """
    model = fitted(examples(panel, neighbours, day), 0, split)
    outlook = Outlook({"": model})
    for _sensor in range(panel.shape[1]):
        outlook.join("")
    totals = Totals()
    for _learnt, origin in rolling_origins(len(panel), split):
        window = panel[max(0, origin + 1 - SEASON_DAYS * day) : origin + 1]
        outlook.check(window[-1])
        said = {MODEL: outlook.predict(window, neighbours, day), **baselines(window, day)}
        outlook.issue(said[MODEL])
        totals.add(said, panel[origin + 1 : origin + 1 + HORIZONS], outlook.radius)
    return totals.score()


class Totals:
    """Sums of absolute errors and of covered truths, by horizon."""

    def __init__(self) -> None:
        self._errors: dict[str, Values] = {}
        self._covered: Values = np.zeros(HORIZONS)
        self._count: Values = np.zeros(HORIZONS)

    def add(self, said: Mapping[str, Values], truth: Values, radius: Values) -> None:
        """Add one origin: tables (HORIZONS, sensors) by method, what came, and the radii."""
        known = ~np.isnan(truth + sum(said.values()))
        for method, table in said.items():
            error = np.where(known, np.abs(table - truth), 0.0).sum(axis=1)
            self._errors[method] = self._errors.get(method, 0.0) + error
        inside = known & (np.abs(said[MODEL] - truth) <= radius)
        self._covered = self._covered + inside.sum(axis=1)
        self._count = self._count + known.sum(axis=1)

    def score(self) -> ForecastScore:
        """Return the means."""
        errors = {method: error / self._count for method, error in self._errors.items()}
        return ForecastScore(errors, self._covered / self._count)
