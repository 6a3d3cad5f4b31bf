"""Answers in time or says so: single, batch and shadow, with a fallback that never fails."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from shared.contracts.benches.model import ModelPredictor, Prediction, Question
from shared.contracts.facts import Fact
from shared.contracts.ports import Telemetry
from shared.contracts.todo import Todo

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
        # task 5.7: timed, guarded, counted; the answer doesn't depend on the time it took
        # <solution>
        start = self.seconds()
        try:
            values = checked(
                self.champion.predict(question.window.copy(), question.neighbours, question.day),
                question,
            )
            answer = Prediction(values, MODEL)
        except Todo:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a model does, somebody waits for an answer
            reason = type(error).__name__
            self.telemetry.measure(Fact.INFERENCE_FALLBACKS, reason=reason)
            answer = Prediction(persistence(question), FALLBACK, reason)
        taken = self.seconds() - start
        self.telemetry.measure(Fact.INFERENCE_S, taken, mode="single")
        late = taken > self.budget_s
        return Prediction(answer.values, answer.source, answer.reason, late)
        # </solution>
        #: raise Todo("5.7")

    def batch(self, questions: Sequence[Question]) -> list[Prediction]:
        """Return one answer a question, in order, each as `single` would give it.

        One bad question doesn't spoil the others.
        """
        # task 5.7: the same answers as one by one
        # <solution>
        start = self.seconds()
        answers = [self.single(question) for question in questions]
        self.telemetry.measure(Fact.INFERENCE_S, self.seconds() - start, mode="batch")
        return answers
        # </solution>
        #: raise Todo("5.7")

    def shadow(self, question: Question) -> Prediction:
        """Return the champion's answer; let the challenger answer too, and only note by how much
        they differ. Nothing the challenger does can be seen in the answer.
        """  # noqa: D205 - one sentence
        # task 5.7: the champion first; the challenger's failure is a note
        # <solution>
        answer = self.single(question)
        if self.challenger is None:
            return answer
        start = self.seconds()
        try:
            window = question.window.copy()
            other = checked(
                self.challenger.predict(window, question.neighbours, question.day), question
            )
            self.disagreement = float(np.nanmean(np.abs(other - answer.values)))
        except Exception as error:  # noqa: BLE001 - whatever a model does, somebody waits for an answer
            self.telemetry.event("warning", "challenger_failed", reason=type(error).__name__)
        self.telemetry.measure(Fact.INFERENCE_S, self.seconds() - start, mode="shadow")
        return answer
        # </solution>
        #: raise Todo("5.7")


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
