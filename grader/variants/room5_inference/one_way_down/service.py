"""Answers in time or says so: single, batch and shadow, with a fallback that never fails."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from shared.contracts.benches.model import ModelPredictor, Prediction, Question
from shared.contracts.facts import Fact
from shared.contracts.ports import Telemetry

from .features import Values
from .forecasting import HORIZONS

MODEL: Final = "model"
FALLBACK: Final = "fallback"


class InferenceService:
    """A champion that answers, and a challenger that is only listened to.

    `seconds` is the clock with which a call is timed (monotonic). Whatever the predictor does,
    `single` returns an answer: persistence, with `source` fallback and the reason, if it raises
    or says something that isn't a forecast.
    """

    def __init__(
        self,
        champion: ModelPredictor,
        telemetry: Telemetry,
        budget_s: float,
        challenger: ModelPredictor | None = None,
        seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.champion = champion
        self.challenger = challenger
        self.telemetry = telemetry
        self.budget_s = budget_s
        self.seconds = seconds
        self.disagreement = 0.0
        """Mean absolute difference of the challenger's last answer to the champion's."""

    def single(self, question: Question) -> Prediction:
        """Return the champion's forecast, or persistence if it fails."""
        values, reason, taken = self._ask(self.champion, question)
        self.telemetry.measure(Fact.INFERENCE_S, taken, mode="single")
        return self._answer(question, values, reason, taken)

    def batch(self, questions: Sequence[Question]) -> list[Prediction]:
        """Return one answer a question, in order, each as `single` would give it.

        One bad question doesn't spoil the others.
        """
        start = self.seconds()
        answers = []
        for question in questions:
            values, reason, taken = self._ask(self.champion, question)
            answers.append(self._answer(question, values, reason, taken))
        self.telemetry.measure(Fact.INFERENCE_S, self.seconds() - start, mode="batch")
        return answers

    def shadow(self, question: Question) -> Prediction:
        """Return the champion's answer; let the challenger answer too, and only note by how much
        they differ. Nothing the challenger does can be seen in the answer.
        """  # noqa: D205 - one sentence
        values, reason, taken = self._ask(self.champion, question)
        answer = self._answer(question, values, reason, taken)
        if self.challenger is not None:
            other, why, its = self._ask(self.challenger, question)
            self.telemetry.measure(Fact.INFERENCE_S, its, mode="shadow")
            if other is None:
                self.telemetry.event("warning", "challenger_failed", reason=why)
            else:
                self.disagreement = float(np.nanmean(np.abs(other - answer.values)))
        return answer

    def _ask(self, model: ModelPredictor, question: Question) -> tuple[Values | None, str, float]:
        """Return a model's forecast (None: there is none), why not, and the seconds."""
        start = self.seconds()
        try:
            given = np.array(question.window, copy=True)
            values = checked(model.predict(given, question.neighbours, question.day), question)
        except Exception as error:  # noqa: BLE001 - whatever it does, somebody waits
            return None, f"{type(error).__name__}: {error}", self.seconds() - start
        return values, "", self.seconds() - start

    def _answer(
        self, question: Question, values: Values | None, reason: str, taken: float
    ) -> Prediction:
        late = taken > self.budget_s
        if values is not None:
            return Prediction(values, MODEL, late=late)
        self.telemetry.measure(Fact.INFERENCE_FALLBACKS, reason=reason.partition(":")[0])
        return Prediction(persistence(question), FALLBACK, reason, late)


def persistence(question: Question) -> Values:
    """Return the last value of each sensor for every horizon: the forecast that can't fail."""
    return np.repeat(question.window[-1:], HORIZONS, axis=0)


def checked(values: Values, question: Question) -> Values:
    """Return `values` if they are a forecast for that question; ValueError if not.

    Right shape, and finite for every sensor that has a value now.
    """
    wanted = (HORIZONS, question.window.shape[1])
    if np.shape(values) != wanted:
        raise ValueError(f"expected a forecast of shape {wanted}, got {np.shape(values)}")
    present = ~np.isnan(question.window[-1])
    if not np.isfinite(values[:, present]).all():
        raise ValueError("expected finite numbers, got NaN or infinity")
    return values
