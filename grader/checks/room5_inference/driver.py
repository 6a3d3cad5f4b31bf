"""Drives Room 5 inside the worker: makes arrays of what is told, and lists of what comes back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from shared.contracts.benches.model import Question

Rows = Sequence[Sequence[float]]


def floats(rows: Any) -> Any:
    """Return values as an array of 64-bit floats."""
    return np.array(rows, dtype=np.float64)


def whole(rows: Any) -> Any:
    """Return columns as an array of integers."""
    return np.array(rows, dtype=np.int64)


def told(values: Any) -> Any:
    """Return an array as nested lists of floats."""
    return np.asarray(values, dtype=np.float64).tolist()


def known(room: Any, window: Rows, neighbours: Rows, day: int) -> Any:
    """Return the features of a window's last slot."""
    return told(room.features(floats(window), whole(neighbours), day))


def lagged(room: Any, window: Rows, neighbours: Rows, day: int) -> Any:
    """Return what a forecast is made from."""
    return told(room.lags(floats(window), whole(neighbours), day))


def simple(room: Any, history: Rows, day: int) -> dict[str, Any]:
    """Return the baselines by name."""
    return {str(name): told(table) for name, table in room.baselines(floats(history), day).items()}


def origins(room: Any, length: int, split: int) -> list[tuple[list[int], int]]:
    """Return (slots that may be learnt from, origin) for each origin."""
    found = room.rolling_origins(length, split)
    return [([int(slot) for slot in learnt], int(origin)) for learnt, origin in found]


def radius(room: Any, residuals: Sequence[float], level: float) -> float:
    """Return the half-width of a conformal interval."""
    return float(room.conformal_radius(floats(residuals), level))


def steps(
    room: Any, start: Sequence[float], misses: Sequence[Sequence[float]], level: float
) -> list[Any]:
    """Return the radii after each row of `misses`."""
    first = now = floats(start)
    found = []
    for missed in misses:
        now = room.adapted(now, first, floats(missed), level)
        found.append(told(now))
    return found


def evaluated(
    room: Any, panel: Rows, neighbours: Rows, day: int, split: int
) -> tuple[dict[str, Any], Any]:
    """Return (errors by method, coverage) of an evaluation."""
    score = room.evaluate(floats(panel), whole(neighbours), day, split)
    return {str(name): told(row) for name, row in score.errors.items()}, told(score.coverage)


def tail(room: Any, scores: Sequence[float], chances: Sequence[float]) -> list[float]:
    """Return the thresholds of a tail that has taken all scores."""
    made = room.make_tail()
    for score in scores:
        made.add(score)
    return [float(made.threshold(chance)) for chance in chances]


def limits(
    room: Any, a_month: float, learnt: Sequence[tuple[Mapping[str, float], float]], channel: str
) -> float:
    """Return a channel's threshold after a watch has learnt all of that."""
    channels = room.make_watch(a_month).channels
    for scores, change in learnt:
        channels.learn(scores, change)
    return float(channels.threshold(channel))


def evidence(room: Any, rows: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Return the scores of each row."""
    watch = room.make_watch(720.0)
    found = [watch.scores(row) for row in rows]
    return [{str(name): float(score) for name, score in one.items()} for one in found]


def surprises(room: Any, contexts: int, told_: Sequence[tuple[int, bool, bool]]) -> list[float]:
    """Return the surprise after each (context, repeated, learn)."""
    made = room.make_surprise(contexts)
    return [float(made.observe(at, repeated=same, learn=learn)) for at, same, learn in told_]


def shifted(room: Any, now: Sequence[Rows], usual: Sequence[Rows], voting: Rows) -> Any:
    """Return how far bands have moved."""
    bands = [(floats(low), floats(high)) for low, high in (now, usual)]
    return told(room.moved(*bands, np.array(voting, dtype=np.bool_)))


def saved(room: Any, folder: str, version: str, content: Any, until: datetime, error: float) -> Any:
    """Save a model and return its card."""
    return room.open_registry(Path(folder)).save(
        version, content, data_hash=f"data-{version}", trained_until=until, metrics={"mae": error}
    )


def arrays(room: Any, folder: str, version: str, rows: Rows, until: datetime) -> Any:
    """Save a model of arrays and a fitted estimator; return its card."""
    from sklearn.linear_model import Ridge

    fitted = Ridge(1.0).fit(floats(rows), floats(rows)[:, 0])
    return saved(room, folder, version, {"rows": floats(rows), "ridge": fitted}, until, 1.0)


def read_arrays(room: Any, folder: str, version: str) -> tuple[Any, Any]:
    """Load a model of `arrays`; return its rows and what its estimator says of them."""
    content = room.open_registry(Path(folder)).load(version)
    return told(content["rows"]), told(content["ridge"].predict(content["rows"]))


def foreign(room: Any, folder: str, version: str, until: datetime) -> None:
    """Save a model that holds an object of a type that nobody was told to trust."""
    saved(room, folder, version, {"share": Fraction(1, 3)}, until, 1.0)


def unwritable(room: Any, folder: str, version: str, until: datetime) -> None:
    """Save something that can't be written."""
    saved(room, folder, version, {"rows": (letter for letter in version)}, until, 1.0)


def registry(room: Any, folder: str) -> Any:
    """Return the registry in a folder."""
    return room.open_registry(Path(folder))


def promoted(room: Any, folder: str, version: str, score: Any, held_from: datetime) -> bool:
    """Return whether a version was promoted."""
    return bool(room.open_registry(Path(folder)).promote(version, score, held_from))


def index(room: Any, expected: Sequence[float], actual: Sequence[float]) -> float:
    """Return the population stability index."""
    return float(room.population_stability_index(floats(expected), floats(actual)))


def p_values(
    room: Any, pairs: Sequence[tuple[Sequence[float], Sequence[float]]], block: int
) -> list[float]:
    """Return the test's p-value of each pair."""
    return [float(room.ks_blocks(floats(one), floats(other), block)) for one, other in pairs]


def report(
    room: Any,
    expected: Mapping[str, Sequence[float]],
    actual: Mapping[str, Sequence[float]],
    block: int,
) -> Any:
    """Return (names, psi, p-values, whether each moved, what moved, whether to retrain)."""
    before = {name: floats(values) for name, values in expected.items()}
    now = {name: floats(values) for name, values in actual.items()}
    found = room.drift_report(before, now, block)
    rows = [(str(f.name), float(f.psi), float(f.p_value), bool(f.moved)) for f in found.findings]
    return rows, [str(name) for name in found.moved], bool(found.retrain)


class Forwarded:
    """A predictor of the other side. With `spoils` it overwrites the window that it was given."""

    def __init__(self, predict: Any, spoils: bool) -> None:  # noqa: FBT001 - as it comes
        """Take the function that predicts."""
        self._predict = predict
        self._spoils = spoils

    def predict(self, window: Any, neighbours: Any, day: int) -> Any:
        """Pass the question on; return the answer as an array."""
        given = (told(window), whole(neighbours).tolist(), int(day))
        if self._spoils:
            window[:] = -999.0
        return floats(self._predict(*given))


def service(
    room: Any,
    telemetry: Any,
    budget_s: float,
    champion: tuple[Any, bool],
    challenger: tuple[Any, bool] | None = None,
) -> Any:
    """Return a service around predictors (function, whether it spoils) of the other side."""
    rival = None if challenger is None else Forwarded(*challenger)
    return room.make_service(Forwarded(*champion), telemetry, budget_s, rival)


def answers(
    room: Any, made: Any, verb: str, asked: Sequence[tuple[Rows, Rows, int]]
) -> tuple[list[tuple[Any, ...]], list[Any]]:
    """Return (values, source, reason, late) of each answer, and each question's window after it."""
    del room
    questions = [Question(floats(window), whole(near), day) for window, near, day in asked]
    if verb == "batch":
        found = list(made.batch(questions))
    else:
        found = [getattr(made, verb)(question) for question in questions]
    said = [(told(one.values), str(one.source), str(one.reason), bool(one.late)) for one in found]
    return said, [told(question.window) for question in questions]
