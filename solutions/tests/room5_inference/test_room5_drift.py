"""Drift is asked of residuals and blocks; weather alone is no answer."""

import numpy as np
import pytest

from solutions.room5_inference import drift_report, ks_blocks, population_stability_index
from solutions.room5_inference.drift import block_means


def persistent(size: int, seed: int, level: float = 0.0) -> np.ndarray:
    """Return values with a memory of some 20 slots, as residuals of weather have."""
    random = np.random.default_rng(seed)
    values = np.zeros(size)
    for place in range(1, size):
        values[place] = 0.95 * values[place - 1] + random.normal()
    return values + level


def test_the_same_population_has_no_index() -> None:
    values = np.random.default_rng(1).normal(size=5_000)
    assert population_stability_index(values, values) == pytest.approx(0.0, abs=1e-9)
    assert population_stability_index(values, np.random.default_rng(2).normal(size=5_000)) < 0.02


def test_a_shift_of_one_deviation_is_another_population() -> None:
    random = np.random.default_rng(1)
    index = population_stability_index(random.normal(size=5_000), random.normal(1.0, 1.0, 5_000))
    assert 0.6 < index < 1.4


def test_an_empty_bin_keeps_the_index_finite() -> None:
    index = population_stability_index(np.arange(100.0), np.full(50, 1_000.0))
    assert np.isfinite(index)
    assert index > 1.0


def test_nothing_can_be_said_of_nothing() -> None:
    with pytest.raises(ValueError, match="values on both sides"):
        population_stability_index(np.arange(10.0), np.array([np.nan]))


def test_blocks_are_whole_and_leave_gaps_out() -> None:
    values = np.array([1.0, 3.0, np.nan, 5.0, np.nan, np.nan, 9.0])
    assert block_means(values, 2).tolist() == [2.0, 5.0]


def test_readings_with_memory_do_not_always_drift() -> None:
    false = [
        ks_blocks(persistent(4_000, seed), persistent(4_000, seed + 500), 100) < 0.05
        for seed in range(60)
    ]
    raw = [
        ks_blocks(persistent(4_000, seed), persistent(4_000, seed + 500), 1) < 0.05
        for seed in range(60)
    ]
    assert np.mean(false) <= 0.15
    assert np.mean(raw) >= 0.5


def test_report_says_what_drifted_and_asks_for_retraining() -> None:
    before = {name: persistent(4_000, seed) for seed, name in enumerate(("still", "moved"))}
    after = {"still": persistent(4_000, 7), "moved": persistent(4_000, 8, level=5.0)}
    report = drift_report(before, after, 100)
    assert report.moved == ("moved",)
    assert report.retrain
    assert not drift_report(before, before, 100).retrain
