"""The sensors of one grid, judged row by row: features, neighbours, siblings, evidence."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..channels import LOOKS_A_DAY
from ..features import FEATURES, MEMORY, Columns, Values, features, pairs
from ..neighbourhood import BAND_SHARE, BANDS, MOST, band, choose_neighbours
from .alone import hours_away
from .grid import Grid
from .member import Member
from .samples import plain, table_of
from .shifts import own_share, shifts

ForestScores = Callable[[Values], Values]

MATURE_SHARE: Final = 0.6
"""The share of the grid's memory that must be known before a sensor's neighbours are settled."""


class Group:
    """One grid, its members, and the neighbours of each."""

    def __init__(self, grid: Grid, forest: ForestScores | None) -> None:
        self.grid = grid
        self.forest = forest
        self.members: list[Member] = []
        self.neighbours: Columns = np.zeros((0, MOST), dtype=np.int64)
        self.low: Values = np.zeros((0, MOST))
        self.high: Values = np.zeros((0, MOST))
        self.rows = 0
        self.doubtful: NDArray[np.bool_] = np.zeros(grid.window.shape, dtype=np.bool_)
        """Where in the window a sensor had an open incident: not to be compared with."""

    def join(self, member: Member, phase_ms: int) -> int:
        """Take a sensor in; return its column."""
        column = self.grid.join("\0".join(member.names), phase_ms)
        self.members.append(member)
        self.neighbours = np.vstack([self.neighbours, np.full((1, MOST), -1)])
        self.doubtful = np.hstack(
            [self.doubtful, np.zeros((len(self.doubtful), 1), dtype=np.bool_)]
        )
        self.low = np.vstack([self.low, np.full((1, MOST), np.nan)])
        self.high = np.vstack([self.high, np.full((1, MOST), np.nan)])
        return column

    def judge(self, *, feed_gap: bool) -> list[dict[str, float]]:
        """Return, for each sensor, the strength of the evidence for each kind (1: an alert)."""
        self.rows += 1
        doubt = [member.book.disturbed for member in self.members]
        self.doubtful = np.concatenate([self.doubtful[1:], np.array([doubt])])
        self._meet_neighbours()
        trusted = self._trusted()
        table = features(self.grid.window, trusted, self.grid.day)
        extra = {"forest": self._forest(table), **self._shifts(trusted)}
        hours = hours_away(self.grid.window, self.neighbours, self.grid.day)
        missing = np.isnan(self.grid.window[-1])
        absent = np.where(self.neighbours >= 0, missing[self.neighbours], np.nan)
        shares = np.nan_to_num(
            np.nansum(absent, axis=1) / np.maximum((self.neighbours >= 0).sum(axis=1), 1)
        )
        strengths = []
        for column, member in enumerate(self.members):
            values = dict(zip(FEATURES, table[column].tolist(), strict=True))
            values |= {name: float(there[column]) for name, there in extra.items()}
            values["hours"] = float(hours[column])
            strengths.append(
                self._judge(column, member, values, None if feed_gap else float(shares[column]))
            )
        return strengths

    def _judge(
        self, column: int, member: Member, values: Mapping[str, float], absent: float | None
    ) -> dict[str, float]:
        window, watch = self.grid.window, member.watch
        learn = member.learning and not member.book.disturbed
        given = not np.isnan(window[-1, column])
        scores: dict[str, float] = {}
        if given:
            scores = {**watch.scores(values), "hours": abs(values["hours"])}
            repeated = bool(window[-1, column] == self._last_known(column))
            sibling = member.sibling_moves(window)
            scores["stuck"] = watch.repetition(
                self._around_since(column, 1 + watch.stuck.run), sibling, repeated=repeated,
                at_limit=self._at_limit(column), learn=learn,
            )  # fmt: skip
        elif not np.isnan(self._last_known(column)):
            scores["stuck"] = watch.standing  # a gap of some slots neither ends a run nor adds
        if absent is not None and (given or not member.arrived):
            weather = member.weather(window[-1])
            scores["silence"] = watch.silence(absent, weather, missing=not given, learn=learn)
        member.arrived = False
        strengths = watch.strengths(scores)
        if learn:
            watch.channels.learn(scores, values["change"])
        return strengths

    def _around_since(self, column: int, slots: int) -> float:
        """Return how far the neighbours have gone in so many slots: the middle one's distance."""
        near = self.neighbours[column]
        near = near[near >= 0]
        window = self.grid.window
        gone = np.abs(window[-1, near] - window[-1 - min(slots, len(window) - 1), near])
        gone = gone[~np.isnan(gone)]
        return float(np.sort(gone)[(len(gone) - 1) // 2]) if len(gone) else np.nan

    def _last_known(self, column: int) -> float:
        """Return the last value before the present slot: a gap of some slots ends no run."""
        before = self.grid.window[-1 - MEMORY : -1, column]
        known = before[~np.isnan(before)]
        return float(known[-1]) if len(known) else np.nan

    def _at_limit(self, column: int) -> bool:
        values = self.grid.window[:, column]
        return bool(values[-1] >= np.nanmax(values) or values[-1] <= np.nanmin(values))

    def _forest(self, table: Values) -> Values:
        """Return the forest's scores of all rows at once; NaN without a forest."""
        if self.forest is None:
            return np.full(len(table), np.nan)
        return self.forest(table / self._units()[:, None])

    def _trusted(self) -> Columns:
        """Return the neighbours, less those with an open incident of their own."""
        bad = [column for column, member in enumerate(self.members) if member.book.disturbed]
        return (
            np.where(np.isin(self.neighbours, bad), -1, self.neighbours) if bad else self.neighbours
        )

    def _shifts(self, trusted: Columns) -> dict[str, Values]:
        """Return how far each sensor alone has shifted; NaN most of the time: it's slow."""
        if self.rows % max(1, self.grid.day // LOOKS_A_DAY):
            unknown = np.full(len(trusted), np.nan)
            return {channel: unknown for channel, _days in BANDS}
        near, fixed = (self.neighbours, trusted), (self.low, self.high)
        found = shifts(self.grid.window, self.doubtful, near, fixed, self.grid.day)
        names = [member.names for member in self.members]
        return {channel: own_share(one, self._units(), names) for channel, one in found.items()}

    def _units(self) -> Values:
        return np.array([member.watch.channels.unit or np.nan for member in self.members])

    def _meet_neighbours(self) -> None:
        """Choose the neighbours that no training chose, until a sensor is mature."""
        if self.rows % self.grid.day or all(member.trained for member in self.members):
            return
        window = self.grid.window
        chosen = choose_neighbours(window, [member.names[2] for member in self.members])
        low, high = band(pairs(window, chosen), BAND_SHARE)
        mature = np.mean(~np.isnan(window), axis=0) >= MATURE_SHARE
        for column, member in enumerate(self.members):
            if not member.trained:
                self.neighbours[column] = chosen[column]
                if mature[column]:
                    self.low[column], self.high[column] = low[column], high[column]
                    member.trained = True

    def state(self) -> dict[str, Any]:
        """Return everything that changes, for JSON."""
        return {
            "grid": self.grid.state(),
            "members": [member.state() for member in self.members],
            "neighbours": self.neighbours.tolist(),
            "bands": [plain(self.low), plain(self.high)],
            "doubtful": np.argwhere(self.doubtful).tolist(),
            "rows": self.rows,
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state` of the same members."""
        self.grid.recall(state["grid"])
        for member, known in zip(self.members, state["members"], strict=True):
            member.recall(known)
        self.neighbours = np.array(state["neighbours"], dtype=np.int64)
        self.low, self.high = (table_of(side) for side in state["bands"])
        self.doubtful = np.zeros(self.grid.window.shape, dtype=np.bool_)
        for row, column in state["doubtful"]:
            self.doubtful[row, column] = True
        self.rows = state["rows"]
