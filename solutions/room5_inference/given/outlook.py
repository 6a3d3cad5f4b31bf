"""Forecasts while serving: issued row by row, checked when the truth arrives, never refitted."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from ..features import Columns, Values
from ..forecasting import HORIZONS, Forecaster
from ..intervals import adapted
from ..lags import lags, usual
from .samples import plain, table_of

FIRST_RADIUS: Final = 2.0
"""Of a sensor that nobody was trained on: so many times its first error."""


class Outlook:
    """The forecasts of one grid's sensors and their intervals.

    Tables are (HORIZONS, sensors), in the sensors' units. For a type without a forecaster the
    present value is the forecast: persistence, with intervals that adapt to its errors.
    """

    def __init__(self, forecasters: Mapping[str, Forecaster]) -> None:
        self.forecasters = forecasters
        self.kinds: list[str] = []
        self.first: Values = np.zeros((HORIZONS, 0))
        self.radius: Values = np.zeros((HORIZONS, 0))
        self.issued: list[Values] = []
        """The last HORIZONS tables, the newest last."""
        self.promised: list[Values] = []
        """The radii that went with them: what a truth must lie within is what was said then."""

    def join(self, kind: str) -> None:
        """Make room for one more sensor."""
        self.kinds.append(kind)
        known = self.forecasters.get(kind)
        start = np.full(HORIZONS, np.nan)
        if known is not None:  # a radius that could not be calibrated is learnt while serving
            start = np.where(np.isfinite(known.radius), known.radius, np.nan)
        self.first = np.column_stack([self.first, start])
        self.radius = np.column_stack([self.radius, start])
        blank = np.full((HORIZONS, 1), np.nan)
        self.issued = [np.hstack([table, blank]) for table in self.issued]
        self.promised = [np.hstack([table, blank]) for table in self.promised]

    def check(self, truth: Values) -> tuple[Values, Values]:
        """Compare a closed row with what was said of it; return errors and misses.

        NaN where nothing was said or nothing came. The radii adapt to what is learnt.
        """
        said, within = np.full_like(self.radius, np.nan), np.full_like(self.radius, np.nan)
        for ahead in range(len(self.issued)):
            said[ahead] = self.issued[-1 - ahead][ahead]
            within[ahead] = self.promised[-1 - ahead][ahead]
        errors = np.abs(truth - said)
        missed = np.where(np.isnan(errors + within), np.nan, errors > within)
        new = np.isnan(self.first) & (errors > 0)
        start = FIRST_RADIUS * errors
        self.radius = np.where(new, start, adapted(self.radius, self.first, missed))
        self.first = np.where(new, start, self.first)
        return errors, np.where(new, np.nan, missed)

    def expected(self) -> Values:
        """Return (sensors,): what was last said of the slot that comes next; NaN if nothing."""
        return self.issued[-1][0] if self.issued else np.full(len(self.kinds), np.nan)

    def predict(self, window: Values, neighbours: Columns, day: int) -> Values:
        """Return forecasts from the window's end; NaN for a sensor that is silent just now."""
        now = window[-1]
        table = np.repeat(now[None, :], HORIZONS, axis=0)
        if self.forecasters:
            typical = usual(window, day, HORIZONS)
            present = lags(window, neighbours, day)
            for kind, forecaster in self.forecasters.items():
                columns = [place for place, its in enumerate(self.kinds) if its == kind]
                better = typical[:, columns] + forecaster.correction(present[columns])
                table[:, columns] = np.where(np.isnan(better), table[:, columns], better)
        return np.where(np.isnan(now), np.nan, table)

    def issue(self, table: Values) -> None:
        """Note what is said now, so that truths can be compared with it."""
        self.issued = [*self.issued, table][-HORIZONS:]
        self.promised = [*self.promised, self.radius][-HORIZONS:]

    def skip(self, slots: int) -> None:
        """Let `slots` pass in which nothing was said."""
        blank = np.full_like(self.radius, np.nan)
        blanks = [blank] * min(slots, HORIZONS)
        self.issued = [*self.issued, *blanks][-HORIZONS:]
        self.promised = [*self.promised, *blanks][-HORIZONS:]

    def state(self) -> dict[str, Any]:
        """Return everything that changes, for JSON."""
        return {
            "first": plain(self.first),
            "radius": plain(self.radius),
            "issued": [plain(table) for table in self.issued],
            "promised": [plain(table) for table in self.promised],
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`."""
        self.first, self.radius = table_of(state["first"]), table_of(state["radius"])
        self.issued = [table_of(table) for table in state["issued"]]
        self.promised = [table_of(table) for table in state["promised"]]
