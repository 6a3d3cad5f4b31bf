"""An honest evaluation: split by time, baselines first, intervals that cover what they say."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from shared.contracts.benches.model import ForecastScore
from solutions.room5_inference import baselines, conformal_radius, rolling_origins
from solutions.room5_inference.evaluation import BASELINES
from solutions.room5_inference.forecasting import HORIZONS, examples, fitted
from solutions.room5_inference.given.right import forecasts
from solutions.room5_inference.intervals import adapted

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "nyc-weather-2013.csv"
DAY = 24


def test_baselines_say_what_was_at_the_same_time() -> None:
    hours = np.arange(15 * DAY, dtype=float)[:, None]
    said = baselines(hours, DAY)
    last = hours[-1, 0]
    assert set(said) == set(BASELINES)
    assert said["persistence"][:, 0].tolist() == [last] * HORIZONS
    assert said["day"][:, 0].tolist() == [last - DAY + ahead for ahead in range(1, 25)]
    assert said["week"][:, 0].tolist() == [last - 7 * DAY + ahead for ahead in range(1, 25)]


def test_nothing_from_the_split_on_is_learnt_from() -> None:
    origins = list(rolling_origins(length=200, split=100))
    assert [origin for _learnt, origin in origins] == list(range(100, 200 - HORIZONS))
    assert all(max(learnt) < 100 for learnt, _origin in origins)


def test_what_comes_after_the_training_can_not_change_the_model() -> None:
    random = np.random.default_rng(5)
    panel = 10 + random.normal(0, 1, (40 * DAY, 2)).cumsum(axis=0) * 0.3
    near = np.array([[1], [0]])
    split = 30 * DAY
    first = fitted(examples(panel, near, DAY), 0, split)
    panel[split:] = 999.0
    second = fitted(examples(panel, near, DAY), 0, split)
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.radius, second.radius)


def test_conformal_radius_covers_new_residuals() -> None:
    random = np.random.default_rng(2)
    covered = [
        abs(random.standard_t(3)) <= conformal_radius(random.standard_t(3, 99))
        for _ in range(2_000)
    ]
    assert 0.88 <= np.mean(covered) <= 0.92


def test_too_few_residuals_promise_nothing() -> None:
    assert conformal_radius([1.0] * 8) == float("inf")
    assert conformal_radius([1.0] * 9) == 1.0


def test_intervals_follow_weather_that_became_wilder() -> None:
    random = np.random.default_rng(3)
    radius = first = np.array([1.0])
    missed = []
    for hour in range(4_000):
        error = abs(random.normal(0, 0.6 if hour < 1_000 else 2.0))
        missed.append(error > radius[0])
        radius = adapted(radius, first, np.array([float(missed[-1])]))
    assert 0.08 <= np.mean(missed[2_000:]) <= 0.12


@pytest.mark.parametrize("kind", ["temperature", "humidity", "pressure"])
def test_forecast_beats_every_baseline_on_the_quarter_it_never_saw(kind: str) -> None:
    score = held_back_quarter()[kind]
    assert min(score.skill(baseline) for baseline in BASELINES) > 0.15
    assert 0.87 <= score.coverage.min() <= score.coverage.max() <= 0.93


@cache
def held_back_quarter() -> Mapping[str, ForecastScore]:
    """Return the scores of October to December, worked out once."""
    return forecasts(RECORDING)
