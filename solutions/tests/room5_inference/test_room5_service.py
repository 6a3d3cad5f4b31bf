"""An answer always comes, the same for the same question, and says whose it is."""

import numpy as np
import pytest

from shared.contracts.benches.model import Question
from solutions.room5_inference.forecasting import HORIZONS
from solutions.room5_inference.given.quiet import Quiet
from solutions.room5_inference.service import InferenceService

WINDOW = np.array([[1.0, 5.0], [2.0, np.nan]])
QUESTION = Question(WINDOW, np.full((2, 1), -1), 24)


class Constant:
    """Forecasts one number for all."""

    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, window: np.ndarray, neighbours: np.ndarray, day: int) -> np.ndarray:
        """Return the number."""
        assert (neighbours.size, day) == (2, 24)
        return np.full((HORIZONS, window.shape[1]), self.value)


class Broken(Constant):
    """Spoils what it is given, then fails."""

    def predict(self, window: np.ndarray, neighbours: np.ndarray, day: int) -> np.ndarray:
        """Raise."""
        window[:] = self.value
        raise RuntimeError((neighbours.size, day))


class Short(Constant):
    """Says too little."""

    def predict(self, window: np.ndarray, neighbours: np.ndarray, day: int) -> np.ndarray:
        """Return half of what is wanted."""
        return super().predict(window, neighbours, day)[: HORIZONS // 2]


def test_the_model_answers_when_it_can() -> None:
    answer = InferenceService(Constant(3.0), Quiet(), 1.0).single(QUESTION)
    assert answer.source == "model"
    assert (answer.values == 3.0).all()
    assert not answer.late


@pytest.mark.parametrize("bad", [Short(1.0), Constant(float("nan")), Constant(float("inf"))])
def test_what_is_no_forecast_is_replaced_and_said(bad: Constant) -> None:
    telemetry = Quiet()
    answer = InferenceService(bad, telemetry, 1.0).single(QUESTION)
    assert (answer.source, answer.reason) == ("fallback", "ValueError")
    assert (answer.values[:, 0] == 2.0).all()
    assert ("inference_fallbacks", {"reason": "ValueError"}) in [
        (fact.value, labels) for fact, _value, labels in telemetry.facts
    ]


def test_a_model_that_raises_does_not_leave_anybody_waiting() -> None:
    question = Question(WINDOW.copy(), QUESTION.neighbours, 24)
    answer = InferenceService(Broken(9.0), Quiet(), 1.0).single(question)
    assert (answer.source, answer.reason) == ("fallback", "RuntimeError")
    assert (answer.values[:, 0] == 2.0).all()


def test_a_batch_answers_as_one_by_one_would() -> None:
    service = InferenceService(Constant(3.0), Quiet(), 1.0)
    bad = Question(WINDOW, np.full((3, 1), -1), 24)
    sources = [answer.source for answer in service.batch([QUESTION, bad, QUESTION])]
    assert sources == ["model", "fallback", "model"]


@pytest.mark.parametrize("challenger", [Constant(7.0), Broken(9.0), Short(1.0)])
def test_nothing_of_a_challenger_is_seen_in_the_answer(challenger: Constant) -> None:
    question = Question(WINDOW.copy(), QUESTION.neighbours, 24)
    service = InferenceService(Constant(3.0), Quiet(), 1.0, challenger)
    answer = service.shadow(question)
    assert (answer.values == 3.0).all()
    assert np.array_equal(question.window, WINDOW, equal_nan=True)
    assert service.disagreement == (4.0 if challenger.value == 7.0 else 0.0)


def test_lateness_is_said_and_changes_no_answer() -> None:
    ticks = iter([0.0, 5.0, 10.0, 10.1])
    service = InferenceService(Constant(3.0), Quiet(), 0.25, seconds=lambda: next(ticks))
    slow, quick = service.single(QUESTION), service.single(QUESTION)
    assert (slow.late, quick.late) == (True, False)
    assert np.array_equal(slow.values, quick.values)
