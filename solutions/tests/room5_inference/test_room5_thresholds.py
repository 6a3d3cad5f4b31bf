"""Thresholds come from a budget and the scores of training, and one anomaly can't move them."""

import json
import math

import numpy as np
import pytest

from solutions.room5_inference.surprise import Surprise
from solutions.room5_inference.thresholds import Tail


def tail_of(scores: np.ndarray) -> Tail:
    """Return the tail of some scores."""
    tail = Tail()
    for score in scores:
        tail.add(float(score))
    return tail


@pytest.mark.parametrize("seed", range(5))
def test_threshold_is_exceeded_as_rarely_as_the_budget_says(seed: int) -> None:
    random = np.random.default_rng(seed)
    threshold = tail_of(random.exponential(2.0, 3_000)).threshold(1e-4)
    assert threshold == pytest.approx(2.0 * math.log(1e4), rel=0.25)


def test_one_anomaly_in_training_hardly_moves_it() -> None:
    scores = np.random.default_rng(1).exponential(1.0, 3_000)
    clean = tail_of(scores).threshold(1e-4)
    spoilt = tail_of(np.append(scores, 500.0)).threshold(1e-4)
    assert spoilt < 1.1 * clean


def test_a_smaller_budget_never_gives_a_lower_threshold() -> None:
    tail = tail_of(np.random.default_rng(2).gamma(2.0, 1.0, 1_000))
    thresholds = [tail.threshold(10.0**-power) for power in range(2, 8)]
    assert thresholds == sorted(thresholds)


def test_nothing_is_said_until_enough_was_seen() -> None:
    assert Tail().threshold(1e-3) == math.inf
    assert tail_of(np.ones(10)).threshold(1e-3) == math.inf


def test_a_tail_survives_json() -> None:
    tail = tail_of(np.random.default_rng(3).exponential(1.0, 500))
    again = Tail.of_state(json.loads(json.dumps(tail.state())))
    assert again.threshold(1e-4) == tail.threshold(1e-4)


def test_what_is_usual_here_surprises_little() -> None:
    run = Surprise.new(2)
    for _ in range(50):
        run.observe(0, repeated=True)
        run.observe(0, repeated=False)
        run.observe(1, repeated=False)
    common = run.observe(0, repeated=True)
    run.observe(0, repeated=False)
    rare = run.observe(1, repeated=True)
    assert common < 1.0
    assert rare > 4.0


def test_surprise_ends_with_the_run() -> None:
    run = Surprise.new(1)
    levels = [run.observe(0, repeated=True) for _ in range(4)]
    assert levels == sorted(levels)
    assert run.observe(0, repeated=False) == 0.0


def test_an_incident_is_not_learnt_as_normal() -> None:
    run = Surprise.new(1)
    before = [list(pair) for pair in run.counts]
    for _ in range(30):
        run.observe(0, repeated=True)
    run.observe(0, repeated=False, learn=False)
    assert run.counts == before
