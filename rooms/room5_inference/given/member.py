"""One sensor in its group: who it is, what it has learnt, who stands beside it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..alerting import AlertBook
from ..anomalies import Watch
from ..features import Values


class Member:
    """One sensor of a group: who it is, what it has learnt, who stands beside it."""

    def __init__(self, names: tuple[str, str, str], watch: Watch, *, trained: bool) -> None:
        self.names = names
        self.watch = watch
        self.trained = trained
        self.book = AlertBook("\0".join(names))
        self.sibling: int | None = None
        self.edges: tuple[float, ...] = ()
        self.arrived = False
        self.learning = True
        """False once it was trained: thresholds come from training data only."""

    def state(self) -> list[Any]:
        """Return everything that changes, for JSON."""
        return [self.watch.state(), self.book.state(), self.trained, self.arrived]

    def recall(self, state: Sequence[Any]) -> None:
        """Go back to a `state`."""
        self.watch, self.book = Watch.of_state(state[0]), AlertBook.of_state(state[1])
        self.trained, self.arrived = state[2], state[3]

    def weather(self, row: Values) -> int:
        """Return the class, 1 to 4, of the sibling's value in `row`; 0 if it says nothing."""
        if self.sibling is None or np.isnan(row[self.sibling]):
            return 0
        return 1 + sum(bool(row[self.sibling] >= edge) for edge in self.edges)

    def sibling_moves(self, window: Values) -> int:
        """Return 1 if the sibling repeated its value in the last slot, 2 if it didn't, else 0."""
        if self.sibling is None or np.isnan(window[-2:, self.sibling]).any():
            return 0
        return 1 if window[-1, self.sibling] == window[-2, self.sibling] else 2
