"""The real error is found at its hour, true weather isn't alerted, and faults are found by kind."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from shared.contracts.benches.model import Score
from shared.contracts.messages import Reading
from solutions.room5_inference.given.right import (
    REAL_ERROR,
    Stretch,
    injected_all,
    observed,
    untrained,
)
from solutions.room5_inference.given.tables import total
from solutions.room5_inference.given.training import Artefact
from solutions.room5_inference.scoring import concerns, expected_precision, score_events

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "nyc-weather-2013.csv"
STATION_MONTHS = 3 * 7.9


def of_kind(scores: Mapping[tuple[str, str], Score], kind: str) -> Score:
    """Return the score of a kind over all types."""
    return total(score for (_type, its), score in scores.items() if its == kind)


@pytest.fixture(scope="module")
def clean(artefact: Artefact, after: list[Reading]) -> Stretch:
    """Return what the trained model alerts from May to December, as recorded."""
    return Stretch(observed(artefact, after), STATION_MONTHS)


def test_the_real_error_is_alerted_at_its_hour(clean: Stretch) -> None:
    alert = clean.real_error
    assert alert is not None
    assert alert.opened_at == REAL_ERROR.start
    assert alert.severity == "critical"
    assert alert.value == pytest.approx(-10.5, abs=0.01)
    assert alert.message_id is not None


def test_sea_breezes_are_no_fault(clean: Stretch) -> None:
    assert clean.sea_breezes == ()


def test_false_alerts_stay_within_one_a_station_and_month(clean: Stretch) -> None:
    assert len(clean.false) <= clean.months


@pytest.fixture(scope="module")
def two_seeds(models: Path, artefact: Artefact) -> Mapping[tuple[str, str], Score]:
    """Return the scores of two seeds of injected faults."""
    assert artefact.experiences
    return injected_all(RECORDING, models, seeds=2, workers=2)


@pytest.mark.parametrize(
    ("kind", "recall"),
    [("spike", 0.88), ("stuck", 0.82), ("dropout", 0.9), ("skew", 0.9), ("drift", 0.45)],
)
def test_injected_faults_are_found(
    two_seeds: Mapping[tuple[str, str], Score], kind: str, recall: float
) -> None:
    assert of_kind(two_seeds, kind).recall >= recall


def test_most_alerts_are_true(two_seeds: Mapping[tuple[str, str], Score]) -> None:
    assert total(two_seeds.values()).precision >= 0.88


@pytest.mark.slow
def test_twenty_seeds_at_all_stations(models: Path, artefact: Artefact) -> None:
    assert artefact.experiences
    scores = injected_all(RECORDING, models, seeds=20, workers=os.cpu_count() or 1)
    assert of_kind(scores, "spike").recall >= 0.94
    assert of_kind(scores, "stuck").recall >= 0.9
    assert of_kind(scores, "dropout").recall >= 0.95
    assert of_kind(scores, "skew").recall >= 0.95
    assert scores["temperature", "drift"].recall >= 0.55
    assert of_kind(scores, "drift").precision >= 0.65
    assert total(scores.values()).precision >= 0.92


@pytest.mark.slow
def test_a_model_that_starts_with_nothing_cries_wolf_once_a_station_and_month_at_most() -> None:
    year = untrained(RECORDING)
    assert year.real_error is not None
    assert year.sea_breezes == ()
    assert len(year.false) <= year.months


def test_an_alert_told_three_times_counts_once(clean: Stretch) -> None:
    alert = clean.real_error
    assert alert is not None
    score = score_events([alert, alert, alert], [REAL_ERROR])["spike"]
    assert (score.alerts, score.events, score.found, score.precision) == (1, 1, 1, 1.0)


def test_an_alert_at_another_sensor_finds_nothing(clean: Stretch) -> None:
    others = [one for one in clean.false if not concerns(one, REAL_ERROR)]
    assert others
    assert sum(score.found for score in score_events(others, [REAL_ERROR]).values()) == 0


def test_rare_faults_make_most_alarms_false() -> None:
    assert expected_precision(1.0, events_a_month=1.0, false_a_month=1.0) == 0.5
    assert expected_precision(1.0, events_a_month=1 / 24, false_a_month=1.0) == pytest.approx(0.04)
