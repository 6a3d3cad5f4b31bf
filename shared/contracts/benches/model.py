"""The model bench: what the checks call, task by task (5.1 to 5.7).

A *window* is an array (slots, sensors) of 64-bit floats, oldest slot first, the present last, NaN
where a sensor gave nothing. *Neighbours* is an integer array (sensors, K) of columns, -1 where
there are fewer. Forecasts reach 24 slots ahead; their tables are (24, sensors).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from shared.contracts.messages import Alert, Truth
from shared.contracts.ports import Telemetry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Columns = NDArray[np.int64]
    Voting = NDArray[np.bool_]


@dataclass(frozen=True)
class ForecastScore:
    """5.2: mean absolute errors by method and horizon, and the share of truths in the interval.

    `errors[method]` (model, persistence, day, week, climatology) and `coverage` are (24,), the
    first for one slot ahead.
    """

    errors: "Mapping[str, Values]"
    coverage: "Values"

    def skill(self, baseline: str) -> float:
        """Return by which share the model's error, on average over horizons, is smaller."""
        return 1.0 - float(self.errors["model"].mean() / self.errors[baseline].mean())


@dataclass(frozen=True, slots=True)
class Score:
    """5.3: of one kind, events and how many were found; alerts, and how many were true.

    `found` events had an alert of their kind. `true_alerts` were opened while some fault was on at
    that sensor (or in its grace); `named` of them were about a fault of their own kind.
    """

    events: int = 0
    found: int = 0
    alerts: int = 0
    true_alerts: int = 0
    named: int = 0

    @property
    def recall(self) -> float:
        """The share of events that were found; NaN without events."""
        return self.found / self.events if self.events else float("nan")

    @property
    def precision(self) -> float:
        """The share of alerts that were true; NaN without alerts."""
        return self.true_alerts / self.alerts if self.alerts else float("nan")

    def __add__(self, other: "Score") -> "Score":
        """Return the score of both together."""
        return Score(
            self.events + other.events,
            self.found + other.found,
            self.alerts + other.alerts,
            self.true_alerts + other.true_alerts,
            self.named + other.named,
        )


@dataclass(slots=True)
class Incident:
    """5.4: one thing that is wrong at one sensor, from its first sign to its end. Times in ms.

    `peak` is the strongest evidence, in thresholds. `resolved_ms` is None while it is open.
    """

    alert_id: str
    kind: str
    opened_ms: int
    peak: float
    last_sign_ms: int
    severity: str
    resolved_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """5.5: what is known of a model, kept beside it and never inside."""

    version: str
    data_hash: str
    trained_until: datetime
    metrics: Mapping[str, float]
    sha256: str
    libraries: Mapping[str, str]
    format: int = 1


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """5.6: of one quantity, the `psi`, the test's `p_value`, and whether both say: moved."""

    name: str
    psi: float
    p_value: float
    moved: bool


@dataclass(frozen=True, slots=True)
class DriftReport:
    """5.6: all findings; `retrain` if anything moved, and `moved` names it."""

    findings: tuple[DriftFinding, ...]

    @property
    def moved(self) -> tuple[str, ...]:
        """The names of what moved, the one that moved most first."""
        found = sorted((one for one in self.findings if one.moved), key=lambda one: -one.psi)
        return tuple(one.name for one in found)

    @property
    def retrain(self) -> bool:
        """Whether the model should be trained again."""
        return bool(self.moved)


@dataclass(frozen=True)
class Question:
    """5.7: what a forecast is asked for: a window, its neighbours, slots a day."""

    window: "Values"
    neighbours: "Columns"
    day: int


@dataclass(frozen=True)
class Prediction:
    """5.7: the answer: `values` (24, sensors), by `model` or `fallback`, and why the latter.

    `late` says that the model took longer than its budget: its answer is given all the same, since
    the same question must have the same answer, however busy the machine is.
    """

    values: "Values"
    source: str
    reason: str = ""
    late: bool = field(default=False, compare=False)


class ModelPredictor(Protocol):
    """5.7: what can forecast."""

    def predict(self, window: "Values", neighbours: "Columns", day: int) -> "Values":
        """Return (24, sensors): the value expected 1 … 24 slots after the window."""


class ModelBook(Protocol):
    """5.4: the incidents of one sensor, at most one open of a kind."""

    def report(self, kind: str, strength: float, now_ms: int, since_ms: int) -> Incident | None:
        """Take evidence (1: the threshold); return an incident that opened, rose or ended."""

    def silence(self, kind: str, until_ms: int) -> None:
        """Open no alert of `kind` before `until_ms`."""


class ModelTail(Protocol):
    """5.3: scores of a training period, and the threshold that they give."""

    def add(self, score: float) -> None:
        """Count a score."""

    def threshold(self, chance: float) -> float:
        """Return the score that a slot exceeds with that chance; infinity until it can be told."""


class ModelChannels(Protocol):
    """5.3: what one sensor's scores were, and from where on each kind of evidence counts."""

    def learn(self, scores: Mapping[str, float], change: float) -> None:
        """Take the scores of a slot, by channel, and the sensor's own change in it."""

    def threshold(self, channel: str) -> float:
        """Return the score beyond which a channel speaks of a fault; infinity until it can."""


class ModelWatch(Protocol):
    """5.3: one sensor's evidence."""

    @property
    def channels(self) -> ModelChannels:
        """What it has learnt of its scores."""

    def scores(self, row: Mapping[str, float]) -> Mapping[str, float]:
        """Return the score of each channel, from features by name."""


class ModelSurprise(Protocol):
    """5.3: how improbable the present run of repetitions is."""

    def observe(self, context: int, *, repeated: bool, learn: bool = True) -> float:
        """Take the next slot; return the surprise in nats, 0 as soon as the run is broken."""


class ModelRegistry(Protocol):
    """5.5: models in a folder, with their cards."""

    def save(
        self,
        version: str,
        content: Any,  # noqa: ANN401 - whatever skops can write
        *,
        data_hash: str,
        trained_until: datetime,
        metrics: Mapping[str, float],
    ) -> Card:
        """Write `content` under `version` and return its card."""

    def load(self, version: str) -> Any:  # noqa: ANN401 - whatever was saved
        """Return what was saved; a RegistryError for an altered, foreign or incompatible file."""

    def promote(self, version: str, score: Callable[[Any], float], held_from: datetime) -> bool:
        """Make `version` champion if it is better on what neither saw; return whether."""

    def rollback(self) -> str:
        """Go back to the champion before, and return its version."""

    def champion(self) -> str | None:
        """Return the version in use."""


class ModelService(Protocol):
    """5.7: answers in time, or says so."""

    def single(self, question: Question) -> Prediction:
        """Return the champion's forecast, or the fallback's."""

    def batch(self, questions: Sequence[Question]) -> list[Prediction]:
        """Return one answer a question, as `single` would give it."""

    def shadow(self, question: Question) -> Prediction:
        """Return the champion's answer; the challenger is only listened to."""


class ModelBench(Protocol):
    """One function or class a task."""

    def features(self, window: "Values", neighbours: "Columns", day: int) -> "Values":
        """5.1: return (sensors, 7): what is known of the last slot, strictly causal."""

    def lags(self, window: "Values", neighbours: "Columns", day: int) -> "Values":
        """5.1: return (sensors, F): what a forecast is made from, strictly causal, no NaN."""

    def baselines(self, history: "Values", day: int) -> "Mapping[str, Values]":
        """5.2: return persistence, day, week and climatology, (24, sensors) each."""

    def rolling_origins(self, length: int, split: int) -> Iterator[tuple[range, int]]:
        """5.2: yield (slots that may be learnt from, origin) for each origin that can be judged."""

    def conformal_radius(self, residuals: "Sequence[float] | Values", level: float = 0.9) -> float:
        """5.2: return the half-width of a split conformal interval; infinity if too few."""

    def adapted(
        self, radius: "Values", first: "Values", missed: "Values", level: float = 0.9
    ) -> "Values":
        """5.2: return the radii after one more truth each: 1 missed, 0 covered, NaN unknown."""

    def evaluate(
        self, panel: "Values", neighbours: "Columns", day: int, split: int
    ) -> ForecastScore:
        """5.2: return the scores on [split, end) of a forecaster that learnt from [0, split)."""

    def make_tail(self) -> ModelTail:
        """5.3: return a tail that has seen nothing."""

    def make_surprise(self, contexts: int) -> ModelSurprise:
        """5.3: return a surprise that has seen nothing in any of its contexts."""

    def make_watch(self, slots_a_month: float) -> ModelWatch:
        """5.3: return a watch that has seen nothing."""

    def moved(
        self, now: "tuple[Values, Values]", usual: "tuple[Values, Values]", voting: "Voting"
    ) -> "Values":
        """5.3: return (sensors,): how far the band of differences has left its usual place."""

    def score_events(self, alerts: Sequence[Alert], truths: Sequence[Truth]) -> Mapping[str, Score]:
        """5.3: return recall and precision an event, by kind."""

    def make_book(self, key: str) -> ModelBook:
        """5.4: return a sensor's book of incidents, empty."""

    def open_registry(self, folder: Path) -> ModelRegistry:
        """5.5: open the registry in `folder`."""

    def population_stability_index(self, expected: "Values", actual: "Values") -> float:
        """5.6: return the index over the deciles of `expected`."""

    def ks_blocks(self, expected: "Values", actual: "Values", block: int) -> float:
        """5.6: return the p-value of Kolmogorov-Smirnov's test on means of blocks."""

    def drift_report(
        self, expected: "Mapping[str, Values]", actual: "Mapping[str, Values]", block: int
    ) -> DriftReport:
        """5.6: return what moved."""

    def make_service(
        self,
        champion: ModelPredictor,
        telemetry: Telemetry,
        budget_s: float,
        challenger: ModelPredictor | None = None,
    ) -> ModelService:
        """5.7: return a service; `budget_s` is the time a call may take."""
