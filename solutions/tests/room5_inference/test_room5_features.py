"""What is known at one moment comes from before it, and a gap stays a gap."""

import numpy as np
import pytest

from solutions.room5_inference import features, lags
from solutions.room5_inference.features import (
    FEATURES,
    agreement,
    last_change,
    near_zero,
    seasonal_residual,
)
from solutions.room5_inference.forecasting import examples

DAY = 24
NOBODY = np.full((1, 2), -1)
NEAR = np.array([[1, 2], [0, 2], [0, 1]])


def weather(slots: int, sensors: int = 3, seed: int = 1) -> np.ndarray:
    """Return a daily wave with noise and some gaps."""
    random = np.random.default_rng(seed)
    wave = 5 * np.sin(2 * np.pi * np.arange(slots) / DAY)[:, None]
    values = 15 + wave + random.normal(0, 1, (slots, sensors)).cumsum(axis=0) * 0.2
    values[random.random(values.shape) < 0.03] = np.nan
    return values


def test_nothing_later_changes_what_is_known_now() -> None:
    values = weather(20 * DAY)
    for now in range(15 * DAY, 15 * DAY + 30):
        known = features(values[: now + 1], NEAR, DAY)
        changed = values.copy()
        changed[now + 1 :] = 1_000.0
        assert np.array_equal(known, features(changed[: now + 1], NEAR, DAY), equal_nan=True)


def test_a_later_day_belongs_to_no_residual_of_today() -> None:
    calm = np.full((3 * DAY, 1), 10.0)
    calm[-1] = 50.0
    assert seasonal_residual(calm, DAY)[:-1].max() == 0.0
    assert seasonal_residual(calm, DAY)[-1] == 40.0


def test_change_over_a_gap_is_divided_by_it_and_forgotten_after_four_slots() -> None:
    nan = np.nan
    assert last_change(np.array([[1.0], [nan], [7.0]])) == [3.0]
    assert np.isnan(last_change(np.array([[1.0], [nan], [nan], [nan], [nan], [7.0]])))
    assert np.isnan(last_change(np.array([[1.0], [nan]])))


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([5.0, 3.0], 3.0),
        ([-5.0, -3.0], -3.0),
        ([5.0, -1.0], 0.0),
        ([5.0, np.nan], 5.0),
        ([5.0, 4.0, -9.0], 4.0),
        ([1.0, 2.0, 3.0, 4.0], 2.0),
        ([np.nan, np.nan], np.nan),
    ],
)
def test_most_neighbours_must_agree(differences: list[float], expected: float) -> None:
    found = agreement(np.array([differences]))
    assert np.array_equal(found, [expected], equal_nan=True)


def test_a_day_counts_by_its_hours_nearest_to_zero() -> None:
    breeze = np.zeros((24, 1))
    breeze[8:20] = -12.0
    fault = np.full((24, 1), -3.0)
    assert near_zero(breeze) == 0.0
    assert near_zero(fault) == -3.0
    assert np.isnan(near_zero(np.full((24, 1), np.nan)))


def test_sensor_without_neighbours_knows_its_own_past_only() -> None:
    row = dict(zip(FEATURES, features(weather(3 * DAY, 1), NOBODY, DAY)[0], strict=True))
    assert np.isnan(row["relative"])
    assert np.isnan(row["around"])
    assert not np.isnan(row["season"])


def test_a_jump_of_one_is_told_from_a_front_that_all_feel() -> None:
    values = np.full((3 * DAY, 3), 10.0)
    values[-1] = [18.0, 18.0, 18.0]
    front = features(values, NEAR, DAY)
    values[-1] = [18.0, 10.0, 10.0]
    fault = features(values, NEAR, DAY)
    assert front[0, :2].tolist() == [8.0, 0.0]
    assert fault[0, :2].tolist() == [8.0, 8.0]


def test_training_and_serving_see_the_same_row() -> None:
    values = weather(18 * DAY)
    known = examples(values, NEAR, DAY)
    now = int(known.origins[-1])
    served = lags(values[: now + 1], NEAR, DAY)
    assert np.array_equal(known.features[-3:], served)


def test_a_forecast_is_made_from_numbers_even_in_silence() -> None:
    values = weather(16 * DAY)
    values[-30:, 0] = np.nan
    assert np.isfinite(lags(values, NEAR, DAY)).all()
